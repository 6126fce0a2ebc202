//! Two sends come out of one recv: the receiver comes late, and TCP keeps no boundary between them.

use super::prelude::*;
use crate::trace::Span;

pub(super) fn scenario() -> Scenario {
    Scenario::new("tcp-naive", Part::Tcp, &["D1 §10", "D3 §10"])
        .title("two sends, one recv", "两次 send，一次 recv")
        .claim(
            "Two sends come out of one recv: TCP keeps no message boundaries (粘包, “sticky packets”).",
            "两次 send 被一次 recv 取出：TCP 没有消息边界（所谓“粘包”）。",
        )
        .takes(&[Opt::Nodelay, Opt::Sndbuf, Opt::Rcvbuf, Opt::RecvSize, Opt::Race])
        .recv_size(10)
        .client(client)
        .server(server)
        .judge(judge)
        .on_link(Variation::Nothing)
        .teach(teach)
}

const WORDS: [&[u8]; 2] = [b"hello", b"feng"];
const BYTES: usize = WORDS[0].len() + WORDS[1].len();

pub(super) fn client(end: &End) -> Ends {
    let s = end.tcp().connect()?;
    s.send(WORDS[0])?;
    s.send(WORDS[1])?;
    s.wait_acked()?;
    s.close()?;
    Ok(())
}

pub(super) fn server(end: &End) -> Ends {
    let listener = end.tcp().listen()?;
    let conn = listener.accept()?;
    WORDS.iter().for_each(|word| conn.expect(word));
    conn.wait_queued(BYTES)?;
    conn.recv(end.recv_size())?;
    conn.recv(end.recv_size())?;
    conn.close()?;
    Ok(())
}

/// The control: the receiver reads each word before the next one is sent.
pub(super) fn client_in_lock_step(end: &End) -> Ends {
    let s = end.tcp().connect()?;
    s.send(WORDS[0])?;
    end.pass("read", Text::new("until the first word is read", "等到第一个词被读走"))?;
    s.send(WORDS[1])?;
    s.wait_acked()?;
    s.close()?;
    Ok(())
}

pub(super) fn server_in_lock_step(end: &End) -> Ends {
    let listener = end.tcp().listen()?;
    let conn = listener.accept()?;
    conn.recv(end.recv_size())?;
    end.open("read");
    conn.recv(end.recv_size())?;
    conn.close()?;
    Ok(())
}

pub(super) fn judge(j: &Judge) {
    let recvs = j.recvs(Server);
    let merged = recvs.iter().find(|e| holds_both(j, e));
    let shown = merged.or(recvs.first()).copied();
    j.claim("one-recv-both", "one recv returned both messages", "一次 recv 返回了两条消息")
        .needs(Server)
        .shown_by(shown)
        .that(
            merged.is_some(),
            say!("M1+M2 in one recv", "一次 recv 里有 M1+M2"),
            shown.map_or(Text::new("no recv returned bytes", "没有 recv 返回字节"), describe),
        );

    let sends = j.sends(Client);
    let segments = j.trace().segments();
    if segments.is_none() && j.trace().saw(Client) {
        j.limit_segments();
    } else {
        let [sent, left] = [sends.len() as u64, segments.unwrap_or(0)];
        j.claim("sender-kept-apart", "the sender did not merge them: a segment each", "发送方没有合并：各占一个报文段")
            .needs(Client)
            .shown_by(sends)
            .that(
                left == sent && sent > 0,
                say!("{sent} segments for {sent} sends", "{sent} 次 send 对应 {sent} 个报文段"),
                say!("{left} segments", "{left} 个报文段"),
            );
    }
}

/// Both messages, each to its last byte: of a recv that cuts the second it would be half a truth.
fn holds_both(j: &Judge, recv: &Event) -> bool {
    let whole = |span: &Span| j.trace().message(span.msg).is_some_and(|m| span.len == m.bytes.len());
    recv.spans.len() == WORDS.len() && recv.spans.iter().all(whole)
}

fn teach(t: Teaching) -> Teaching {
    t.why(
        "TCP carries a stream of bytes; it does not mark where one send ended.",
        "TCP 传送的是字节流，不会标记一次 send 在哪里结束。",
        "RFC 9293 §2.2",
    )
    .why(
        "recv returns what is queued, up to the size asked for; both segments were.",
        "recv 返回队列里已有的字节，最多为所要的大小；此时两个报文段都已在队列里。",
        "recv(2)",
    )
    .next(
        "tcp-naive --recv-size 5",
        "a recv that happens to fit (luck, not a fix)",
        "碰巧合适的 recv（是运气，不是解法）",
    )
    .next("tcp-naive --race --repeat 200", "what happens when nobody waits", "谁也不等谁时的真实分布")
    .next("fix-header", "the same stream with its boundaries back", "同一条流，边界找回来了")
    .next("tcp-short-recv", "the reverse: a recv smaller than the message", "反过来：recv 比消息小")
    .control(
        "lock step: the receiver reads each message before the next is sent",
        "步步等待：接收方读走一条，发送方才发下一条",
        |s| {
            s.client(client_in_lock_step);
            s.server(server_in_lock_step);
        },
    )
}
