//! Two sends come out of one recv: the receiver comes late, and TCP keeps no boundary between them.

use super::{Control, Next, Part, Scenario, Variation, Why};
use crate::claims::{Judge, describe};
use crate::net::{End, Opt, Settings};
use crate::say;
use crate::text::Text;
use crate::trace::Role::{Client, Server};
use crate::trace::{Event, Span};

const WORDS: [&[u8]; 2] = [b"hello", b"feng"];
const BYTES: usize = WORDS[0].len() + WORDS[1].len();

pub(super) fn client(end: &End) -> anyhow::Result<()> {
    let s = end.tcp().connect()?;
    s.send(WORDS[0])?;
    s.send(WORDS[1])?;
    s.wait_acked()?;
    s.close()?;
    Ok(())
}

pub(super) fn server(end: &End) -> anyhow::Result<()> {
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
pub(super) fn client_in_lock_step(end: &End) -> anyhow::Result<()> {
    let s = end.tcp().connect()?;
    s.send(WORDS[0])?;
    end.pass("read", Text::new("until the first word is read", "等到第一个词被读走"))?;
    s.send(WORDS[1])?;
    s.wait_acked()?;
    s.close()?;
    Ok(())
}

pub(super) fn server_in_lock_step(end: &End) -> anyhow::Result<()> {
    let listener = end.tcp().listen()?;
    let conn = listener.accept()?;
    conn.recv(end.recv_size())?;
    end.open("read");
    conn.recv(end.recv_size())?;
    conn.close()?;
    Ok(())
}

pub(super) fn judge(j: &mut Judge) {
    let recvs = j.recvs(Server);
    let merged = recvs.iter().find(|e| holds_both(j, e));
    let shown = merged.or(recvs.first()).copied();
    j.claim("one-recv-both", &[Server], Text::new("one recv returned both messages", "一次 recv 返回了两条消息"))
        .expected(say!("M1+M2 in one recv", "一次 recv 里有 M1+M2"))
        .actual(shown.map_or(Text::new("no recv returned bytes", "没有 recv 返回字节"), describe))
        .shown_by(shown)
        .holds(merged.is_some());

    let sends = j.sends(Client);
    let segments = j.trace().segments();
    if segments.is_none() && j.trace().saw(Client) {
        j.limit_segments();
    } else {
        let [sent, left] = [sends.len() as u64, segments.unwrap_or(0)];
        j.claim(
            "sender-kept-apart",
            &[Client],
            Text::new("the sender did not merge them: a segment each", "发送方没有合并：各占一个报文段"),
        )
        .expected(say!("{sent} segments for {sent} sends", "{sent} 次 send 对应 {sent} 个报文段"))
        .actual(say!("{left} segments", "{left} 个报文段"))
        .shown_by(sends)
        .holds(left == sent && sent > 0);
    }
}

/// Both messages, each to its last byte: of a recv that cuts the second it would be half a truth.
fn holds_both(j: &Judge, recv: &Event) -> bool {
    let whole = |span: &Span| j.trace().message(span.msg).is_some_and(|m| span.len == m.bytes.len());
    recv.spans.len() == WORDS.len() && recv.spans.iter().all(whole)
}

pub(super) fn scenario() -> Scenario {
    Scenario {
        id: "tcp-naive",
        part: Part::Tcp,
        title: Text::new("two sends, one recv", "两次 send，一次 recv"),
        claim: Text::new(
            "Two sends come out of one recv: TCP keeps no message boundaries (粘包, “sticky packets”).",
            "两次 send 被一次 recv 取出：TCP 没有消息边界（所谓“粘包”）。",
        ),
        documents: &["D1 §10", "D3 §10"],
        takes: &[Opt::Nodelay, Opt::Sndbuf, Opt::Rcvbuf, Opt::RecvSize, Opt::Race],
        defaults: Settings { recv_size: Some(10), ..Settings::NONE },
        client,
        server: Some(server),
        judge,
        why: vec![
            Why {
                text: Text::new(
                    "TCP carries a stream of bytes; it does not mark where one send ended.",
                    "TCP 传送的是字节流，不会标记一次 send 在哪里结束。",
                ),
                source: "RFC 9293 §2.2",
            },
            Why {
                text: Text::new(
                    "recv returns what is queued, up to the size asked for; both segments were.",
                    "recv 返回队列里已有的字节，最多为所要的大小；此时两个报文段都已在队列里。",
                ),
                source: "recv(2)",
            },
        ],
        next: vec![
            Next {
                command: "tcp-naive --recv-size 5",
                shows: Text::new("a recv that happens to fit (luck, not a fix)", "碰巧合适的 recv（是运气，不是解法）"),
            },
            Next {
                command: "tcp-naive --race --repeat 200",
                shows: Text::new("what happens when nobody waits", "谁也不等谁时的真实分布"),
            },
            Next {
                command: "fix-header",
                shows: Text::new("the same stream with its boundaries back", "同一条流，边界找回来了"),
            },
            Next {
                command: "tcp-short-recv",
                shows: Text::new("the reverse: a recv smaller than the message", "反过来：recv 比消息小"),
            },
        ],
        control: Control {
            change: Text::new(
                "lock step: the receiver reads each message before the next is sent",
                "步步等待：接收方读走一条，发送方才发下一条",
            ),
            apply: |s| {
                s.client = client_in_lock_step;
                s.server = Some(server_in_lock_step);
            },
        },
        on_link: Variation::Nothing,
        ..Scenario::blank()
    }
}
