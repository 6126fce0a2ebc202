//! Two sends come out of one recv: the receiver comes late, and TCP keeps no boundary between them.

use super::lock_step::in_step;
use super::prelude::*;
use super::segments;

pub(super) fn scenario() -> Scenario {
    Scenario::new("tcp-naive", SyllabusPart::Tcp, &["D1 §10", "D3 §10"])
        .title("two sends, one recv", "两次 send，一次 recv")
        .question(
            "send hello, send feng, then one recv: what does it return?",
            "先 send hello，再 send feng，然后一次 recv：会得到什么？",
        )
        .claim(
            "Two sends come out of one recv: TCP keeps no message boundaries (粘包, “sticky packets”).",
            "两次 send 被一次 recv 取出：TCP 没有消息边界（所谓“粘包”）。",
        )
        .takes(&[Opt::Nodelay, Opt::Sndbuf, Opt::Rcvbuf, Opt::RecvSize, Opt::Race, Opt::Gap, Opt::Message])
        .recv_size(10)
        .messages_in_one_recv(2..=16, 16 << 10)
        .client(client)
        .server(server)
        .judge(judge)
        .on_link(Variation::Nothing)
        .words(
            "run demo start begin first example hello intro tutorial tcp stick sticky sticky-packet \
             sticky-packets sticking coalesce coalescing merge merged glue glued together boundary boundaries \
             stream 粘包 黏包 沾包 粘连 边界 字节流 演示 开始 入门",
        )
        .words_for("tcp-naive --link --pcap FILE", "link pcap wireshark tcpdump capture packets 抓包")
        .teach(teach)
}

pub(super) const WORDS: [&[u8]; 2] = [b"hello", b"feng"];

pub(super) fn client(end: &End) -> Ends {
    let s = end.connect()?;
    for (nth, word) in end.messages(&WORDS).into_iter().enumerate() {
        if nth > 0 {
            end.gap()?;
        }
        s.send(word)?;
    }
    Ok(s.wait_acked()?)
}

pub(super) fn server(end: &End) -> Ends {
    let listener = end.listen()?;
    let conn = listener.accept()?;
    conn.wait_queued(end.messages(&WORDS).concat().len())?;
    conn.recv(end.recv_size())?;
    conn.recv(end.recv_size())?;
    Ok(())
}

pub(super) fn judge(j: &Judge) {
    let first = j.recvs(Server).just_first();
    let due: Vec<String> = (1..=j.messages(&WORDS).len()).map(|n| format!("M{n}")).collect();
    let text = match due.len() {
        2 => Text::new("one recv returned both messages", "一次 recv 返回了两条消息"),
        _ => Text::new("one recv returned all messages", "一次 recv 返回了全部消息"),
    };
    j.claim_text("one-recv-both", text)
        .of(&first)
        .equal([due.join("+")], [j.whole_messages(&first)], |[ids]| say!("{ids} in one recv", "一次 recv 里有 {ids}"));

    let sends = j.sends(Client).with_data();
    let Some(segments) = j.segments(Client) else { return };
    j.claim("sender-kept-apart", "the sender did not merge them: a segment each", "发送方没有合并：各占一个报文段")
        .of(&sends)
        .of(&j.counted(Client))
        .equal([sends.iter().map(|send| segments::needed(send)).sum()], [segments], |[n]| {
            say!("{n} segments", "{n} 个报文段")
        });
}

fn teach(t: Teaching) -> Teaching {
    t.why(
        "TCP carries a stream of bytes; it does not mark where one send ended.",
        "TCP 传送的是字节流，不会标记一次 send 在哪里结束。",
        "RFC 9293 §2.2",
    )
    .why(
        "recv returns whatever is queued, up to the size requested; both segments were already there.",
        "recv 返回队列里已有的字节，至多返回所请求的字节数；此时两个报文段都已在队列里。",
        "recv(2)",
    )
    .next("tcp-naive --recv-size 5", "it happens to fit: luck, not a fix", "碰巧合适的 recv（是运气，不是解法）")
    .next("tcp-naive --race --repeat 200", "nobody waits: how often?", "谁也不等谁时的真实分布")
    .next("fix-header", "the same stream with its boundaries back", "同一条流，边界找回来了")
    .next("tcp-short-recv", "the reverse: a recv smaller than the message", "反过来：recv 比消息小")
    .control(
        "lock step: the receiver reads each message before the next is sent",
        "停止等待：收一条，发一条",
        in_step(&WORDS),
    )
}
