//! A recv smaller than the message takes its beginning; the rest waits in the queue, and nothing is lost.

use super::prelude::*;

pub(super) fn scenario() -> Scenario {
    Scenario::new("tcp-short-recv", Part::Tcp, &["D1 §10", "D3 §10"])
        .title("recv(2) and what it leaves", "recv(2) 与剩下的字节")
        .claim(
            "A recv smaller than the message takes its beginning; the rest waits for the next recv.",
            "recv 比消息小时只取开头，其余留在队列里，等下一次 recv。",
        )
        .takes(&[Opt::RecvSize, Opt::Race])
        .recv_size(2)
        .client(client)
        .server(server)
        .judge(judge)
        .teach(teach)
}

const WORDS: &[u8] = b"hello feng";

fn client(end: &End) -> Ends {
    let s = end.tcp().connect()?;
    s.send(WORDS)?;
    s.wait_acked()?;
    s.close()?;
    Ok(())
}

fn server(end: &End) -> Ends {
    let listener = end.tcp().listen()?;
    let conn = listener.accept()?;
    conn.expect(WORDS);
    conn.wait_queued(WORDS.len())?;
    conn.recv(end.recv_size())?;
    conn.recv(10)?;
    conn.close()?;
    Ok(())
}

/// The control: the first recv has room for the whole message.
fn server_with_room(end: &End) -> Ends {
    let listener = end.tcp().listen()?;
    let conn = listener.accept()?;
    conn.wait_queued(WORDS.len())?;
    conn.recv(WORDS.len())?;
    conn.recv(10)?;
    conn.close()?;
    Ok(())
}

fn judge(j: &Judge) {
    let recvs = j.recvs(Server);
    let (first, second) = (recvs.first().copied(), recvs.get(1).copied());
    let whole = j.message(Client, 1).map_or(0, |m| m.bytes.len());
    let nothing = || Text::new("no recv returned bytes", "没有 recv 返回字节");
    let taken = first.and_then(|e| e.returned).unwrap_or(0);
    j.claim(
        "takes-beginning",
        "a recv smaller than the message took only its beginning",
        "recv 比消息小，只取到消息的开头",
    )
    .needs(Server)
    .shown_by(first)
    .that(
        0 < taken && taken < whole,
        say!("fewer than M1's {whole} bytes", "少于 M1 的 {whole} 字节"),
        first.map_or_else(nothing, describe),
    );

    let start = second.and_then(|e| e.spans.first()).map(|span| span.offset);
    let rest = second.and_then(|e| e.returned).unwrap_or(0);
    j.claim("rest-waits", "the next recv went on where the first stopped", "下一次 recv 从上次停下的地方接着取")
        .needs(Server)
        .shown_by(second)
        .that(
            start == Some(taken) && taken + rest == whole,
            say!("M1 from byte {taken} to its end", "M1 从第 {taken} 字节到末尾"),
            match start {
                Some(from) => say!("{rest} bytes, M1 from byte {from}", "{rest} 字节，从 M1 第 {from} 字节起"),
                None => second.map_or_else(nothing, describe),
            },
        );

    match j.trace().segments() {
        None if j.trace().saw(Client) => {
            j.limit_segments();
        }
        segments => {
            let sends = j.sends(Client);
            let left = grouped(segments.unwrap_or(0));
            j.claim("cut-by-recv", "it travelled in one piece: recv made the cut", "它是整段传来的：切开它的是 recv")
                .needs(Client)
                .shown_by(sends)
                .that(
                    segments == Some(1),
                    Text::new("segments: 1", "报文段：1 个"),
                    say!("segments: {left}", "报文段：{left} 个"),
                );
        }
    }
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
    .next(
        "tcp-short-recv --race --repeat 200",
        "no race here: one segment, always the same cut",
        "这里没有竞争：一个报文段，切口总相同",
    )
    .next("udp-truncate", "the same habit on UDP loses the rest", "同样的写法在 UDP 上会丢掉剩余部分")
    .next("tcp-remote-cmd", "what both do to a real program", "真实的程序会因此怎样")
    .control("the first recv has room for the whole message", "第一次 recv 足够放下整条消息", |s| {
        s.server(server_with_room);
    })
}
