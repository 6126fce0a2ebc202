//! A recv smaller than the message takes its beginning; the rest waits in the queue, and nothing is lost.

use super::prelude::*;

pub(super) fn scenario() -> Scenario {
    Scenario::new("tcp-short-recv", SyllabusPart::Tcp, &["D1 §10", "D3 §10"])
        .title("recv(2) and what it leaves", "recv(2) 与剩下的字节")
        .question("a recv smaller than the message: what becomes of the rest?", "recv 比消息小：剩下的字节去哪儿了？")
        .claim(
            "A recv smaller than the message takes its beginning; the rest waits for the next recv.",
            "recv 比消息小时只取开头，其余留在队列里，等下一次 recv。",
        )
        .takes(&[Opt::RecvSize, Opt::Race, Opt::Message])
        .recv_size(2)
        .messages(1..=1, ONE_SEGMENT)
        .client(client)
        .server(server)
        .judge(judge)
        .words("recv partial-recv short-read half incomplete half-packet 半包 不完整")
        .teach(teach)
}

const WORDS: &[u8] = b"hello feng";

/// So many bytes travel in one piece everywhere.
const ONE_SEGMENT: usize = 1400;

/// The message: the page's, or the learner's.
fn words(end: &End) -> Vec<u8> {
    end.messages(&[WORDS]).concat()
}

fn client(end: &End) -> Ends {
    let s = end.connect()?;
    s.send(&words(end))?;
    Ok(s.wait_acked()?)
}

fn server(end: &End) -> Ends {
    receive(end, end.recv_size())
}

fn receive(end: &End, first: usize) -> Ends {
    let listener = end.listen()?;
    let conn = listener.accept()?;
    let all = words(end).len();
    conn.wait_queued(all)?;
    conn.recv(first)?;
    // The page's has room for its message.
    conn.recv(all.max(10))?;
    Ok(())
}

fn judge(j: &Judge) {
    let pieces = j.recvs(Server).with_data();
    let (first, second) = (pieces.just(0), pieces.just(1));
    let whole = j.message(Client, 1).map_or(0, |m| m.bytes.len());
    j.claim(
        "takes-beginning",
        "a recv smaller than the message took only its beginning",
        "recv 比消息小，只取到消息的开头",
    )
    .of(&first)
    .fewer_than(whole, first.moved(), |n| say!("{n} bytes of M1", "M1 的 {n} 字节"));

    j.claim("rest-waits", "the next recv went on where the first stopped", "下一次 recv 从上次停下的地方接着取")
        .of(&second)
        .equal([format!("M1 [{}..{whole}]", first.moved())], [second.ranges()], |[piece]| Text::same(piece));

    let Some(segments) = j.segments(Client) else { return };
    j.claim("cut-by-recv", "it travelled in one piece: recv made the cut", "它是整段传来的：切开它的是 recv")
        .of(&j.sends(Client))
        .of(&j.counted(Client))
        .equal([1], [segments], |[n]| say!("segments: {n}", "报文段：{n} 个"));
}

fn teach(t: Teaching) -> Teaching {
    t.why(
        "recv's argument is a maximum; what it does not take stays in the receive buffer.",
        "recv 的参数只是上限；没取走的字节仍留在接收缓冲区里。",
        "recv(2)",
    )
    .why(
        "A receive call returns what has arrived; only the application knows where a message ends.",
        "接收调用返回已到的字节；消息到哪里为止，只有应用程序知道。",
        "RFC 9293 §3.9.1.3",
    )
    .next("tcp-short-recv --recv-size 7", "the cut moves with the size", "切口随 recv 的大小移动")
    .next("tcp-short-recv --race --repeat 200", "always the same cut", "切口总在同一处")
    .next("udp-truncate", "the same habit on UDP loses the rest", "同样的写法在 UDP 上会丢掉剩余部分")
    .next("tcp-remote-cmd", "what both do to a real program", "真实的程序会因此怎样")
    .control("the first recv has room for the whole message", "第一次 recv 足够放下整条消息", |e| {
        e.server(|end| receive(end, words(end).len().max(1)));
    })
}
