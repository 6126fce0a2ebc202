//! A recv with room for the whole message does not return the whole message: it returns what is queued.

use super::prelude::*;
use crate::trace::Fact;
use std::io::ErrorKind::WouldBlock;

pub(super) fn scenario() -> Scenario {
    Scenario::new("fix-bigger-buffer", SyllabusPart::NoFix, &["D0", "D1 §10"])
        .title("recv with a larger size", "把 recv 的大小调大")
        .question("a recv larger than the message: does it return all of it?", "recv 的大小超过消息：一次就能收完吗？")
        .claim(
            "recv(2 MiB) does not return a message of 1 MB: it returns what is queued, up to that size.",
            "recv(2 MiB) 取不回 1 MB 的消息：它返回队列里已有的字节，最多这么多。",
        )
        .takes(&[Opt::Sndbuf, Opt::Rcvbuf, Opt::RecvSize])
        .recv_size(2 * 1024 * 1024)
        .buffers(None, Some(64 * 1024))
        .client(client)
        .server(server)
        .judge(judge)
        .varies()
        .words("buffer bigger larger-buffer recv-size buffer-size 缓冲区")
        .teach(teach)
}

const MESSAGE: usize = 1_000_000;
const FITS: usize = 1_000;
const LABEL: Text = Text::new("a long message", "一条长消息");

fn client(end: &End) -> Ends {
    let s = end.connect()?;
    let message = end.labelled(vec![b'x'; MESSAGE], LABEL);
    // As much as goes without waiting, so that this end is free to see when the receiver's buffer is full.
    s.set_nonblocking(true)?;
    let mut taken = s.send_part(message.whole())?;
    s.wait_standstill()?;
    while taken < MESSAGE && s.evidence().peer_window.is_some_and(|window| window > 0) {
        match s.send_part(message.part(taken..MESSAGE)) {
            // The window opened a little after this end had looked: the buffer behind it is still full.
            Err(error) if error.kind() == Some(WouldBlock) => break,
            sent => taken += sent?,
        }
        s.wait_standstill()?;
    }
    end.open("full");
    s.set_nonblocking(false)?;
    s.send_all(message.part(taken..MESSAGE))?;
    Ok(s.wait_acked()?)
}

fn server(end: &End) -> Ends {
    let listener = end.listen()?;
    let conn = listener.accept()?;
    end.pass("full", Text::new("until the receive buffer is full", "等到接收缓冲区已满"))?;
    read_all(end, &conn)
}

/// recv with a large buffer, until the end of the stream. The wait records what was queued before the first.
fn read_all(end: &End, conn: &Conn) -> Ends {
    conn.wait_queued(FITS)?;
    Ok(conn.recv_to_end(end.recv_size())?)
}

fn judge(j: &Judge) {
    let recvs = j.recvs(Server).with_data();
    let first = recvs.just_first();
    let length = j.message(Client, 1).map_or(0, |m| m.bytes.len());
    let asked = grouped(first.first().and_then(|e| e.asked).unwrap_or(0));
    j.claim("not-in-one-recv", "one recv did not return the whole message", "一次 recv 没有返回整条消息")
        .of(&first)
        .fewer_than(length, Varying(first.moved()), |n| {
            say!("{n} bytes from recv({asked})", "{n} 字节，来自 recv({asked})")
        });

    j.claim("nothing-lost", "the recvs together returned all of it", "各次 recv 合起来是完整的")
        .of(&recvs)
        .beside(j.sentence([&Varying(recvs.len())], |[times]| say!(", recvs: {times}", "，recv {times} 次")))
        .equal([length], [recvs.moved()], |[n]| say!("{n} bytes", "{n} 字节"));
    queue_decided(j, &first);
}

/// What was queued before the first recv was what it returned. Provable only where the sender could
/// see that nothing moved any more.
fn queue_decided(j: &Judge, first: &Events) {
    let before = j.calls(Server, Call::Wait).only(|e| matches!(e.fact, Some(Fact::Queued(_)))).just_first();
    let still = j.calls(Client, Call::Wait).iter().any(|e| e.evidence.unsent.is_some());
    let queued = before.first().and_then(|e| e.evidence.queued).filter(|_| still || !j.trace().saw(Client));
    let Some(queued) = queued else {
        j.limit(Text::new(
            "this system does not tell when the receive buffer is full",
            "本系统无法得知接收缓冲区何时已满",
        ));
        return;
    };
    let asked = first.first().and_then(|e| e.asked).unwrap_or(0);
    let text =
        Text::new("recv returned what was queued, up to its size", "recv 返回队列里已有的字节，不超过所要的大小");
    j.claim_text("queue-decided", text).needs(Client).of(&before.and(first)).equal(
        [(queued as usize).min(asked), queued as usize].map(Varying),
        [first.moved(), queued as usize].map(Varying),
        |[n, queued]| {
            let asked = grouped(asked);
            say!("{n} bytes, of {queued} queued and {asked} asked for", "{n} 字节；队列里 {queued}，要了 {asked}")
        },
    );
}

fn teach(t: Teaching) -> Teaching {
    t.why(
        "The size given to recv is a maximum; it returns as soon as anything is there.",
        "传给 recv 的大小是上限；只要有数据，它就返回。",
        "recv(2)",
    )
    .why(
        "What can be there at once is bounded by the receive buffer: a full one closes the window.",
        "一次能有多少，受接收缓冲区限制：缓冲区一满，窗口就关闭。",
        "RFC 9293 §3.8.6",
    )
    .next("fix-bigger-buffer --recv-size 10240", "the size the page uses", "文档所用的大小")
    .next("tcp-naive --recv-size 10240", "larger: it merges more", "recv 调大，合并只会更多")
    .next("fix-header", "read until the announced length is there", "读到约定的长度为止")
    .next("fix-one-recv", "not even recv(4) returns 4", "连 recv(4) 也不一定返回 4")
    .control(
        "a message of 1000 bytes, which the receive buffer holds",
        "消息只有 1000 字节，接收缓冲区装得下",
        |e| {
            e.client(client_with_short_message).server(server_of_short_message);
        },
    )
}

/// The control: a message that the receive buffer holds, and a receiver that waits until it does.
fn client_with_short_message(end: &End) -> Ends {
    let s = end.connect()?;
    s.send_message(&end.message(vec![b'x'; FITS]))?;
    Ok(s.wait_acked()?)
}

fn server_of_short_message(end: &End) -> Ends {
    let listener = end.listen()?;
    let conn = listener.accept()?;
    read_all(end, &conn)
}
