//! An empty message arrives: a datagram of length 0, with its sender's address, and no end of anything.

use super::prelude::*;

pub(super) fn scenario() -> Scenario {
    Scenario::new("udp-empty", Part::Udp, &["D0", "D1 §10", "D3 §9"])
        .title("an empty message over UDP", "UDP 上的空消息")
        .claim(
            "An empty send arrives as a datagram of length 0, with its sender's address; it ends nothing.",
            "空的 send 也会到达：一个长度为 0 的数据报，带着发送方地址；它不表示结束。",
        )
        .client(client)
        .server(server)
        .judge(judge)
        .on_link(Variation::Nothing)
        .teach(teach)
}

const EMPTY: &[u8] = b"";
const MORE: &[u8] = b"x";
const BUFSIZE: usize = 1024;

fn client(end: &End) -> Ends {
    let s = end.udp()?;
    let server = end.server_address()?;
    s.send_to(EMPTY, server)?;
    s.send_to(MORE, server)?;
    s.close()?;
    Ok(())
}

fn server(end: &End) -> Ends {
    let s = end.udp()?;
    [EMPTY, MORE].iter().for_each(|sent| s.expect(sent));
    s.recv_from(BUFSIZE)?;
    s.recv_from(BUFSIZE)?;
    s.close()?;
    Ok(())
}

/// The control: the same two sends over TCP.
fn client_over_tcp(end: &End) -> Ends {
    let s = end.tcp().connect()?;
    s.send(EMPTY)?;
    s.send(MORE)?;
    s.close()?;
    Ok(())
}

fn server_over_tcp(end: &End) -> Ends {
    let listener = end.tcp().listen()?;
    let conn = listener.accept()?;
    conn.recv(BUFSIZE)?;
    conn.recv(BUFSIZE)?;
    conn.close()?;
    Ok(())
}

fn judge(j: &Judge) {
    let recvs = j.recvs(Server);
    let is_message = |e: &&Event| j.trace().exactly_one(e).is_some();
    let messages: Vec<&Event> = recvs.iter().copied().filter(is_message).collect();
    let empty = messages.iter().copied().find(|e| e.returned == Some(0));
    let after = empty.and_then(|empty| messages.iter().copied().find(|e| e.seq > empty.seq));
    let first = empty.or(recvs.first().copied());
    j.claim("empty-arrives", "the empty message arrives", "空消息到了").needs(Server).shown_by(first).that(
        empty.is_some(),
        Text::new("a message of 0 bytes", "一条 0 字节的消息"),
        match (empty, first) {
            (Some(_), _) => Text::new("a message of 0 bytes", "一条 0 字节的消息"),
            (None, Some(event)) => describe(event),
            (None, None) => Text::new("no recv returned", "没有 recv 返回"),
        },
    );
    sender(j, empty, after);
    no_end(j, after);

    let sends = j.sends(Client);
    let [sent, got] = [sends.len(), messages.len()].map(grouped);
    let each = Text::new("each send came out as one message, empty or not", "每次 send 都成为一条消息，空的也算");
    j.claim_text("one-recv-each", each).of(&sends).shown_by(messages.iter().copied()).needs(Server).that(
        messages.len() == sends.len(),
        say!("{sent} of {sent} sends", "{sent} 次 send 中 {sent} 次"),
        say!("{got} of {sent} sends", "{sent} 次 send 中 {got} 次"),
    );
}

/// recvfrom told who sent nothing: the one who then sent x.
fn sender(j: &Judge, empty: Option<&Event>, after: Option<&Event>) {
    let address = empty.and_then(|e| e.peer);
    let same = address.is_some() && address == after.and_then(|e| e.peer);
    j.claim("with-its-sender", "it brings its sender's address", "它带来了发送方的地址")
        .needs(Server)
        .shown_by(empty.into_iter().chain(after))
        .that(
            same,
            Text::new("the address x comes from", "x 来自的地址"),
            match (same, address) {
                (true, _) => Text::new("the address x comes from", "x 来自的地址"),
                (false, Some(_)) => Text::new("another address", "另一个地址"),
                (false, None) => Text::new("no address", "没有地址"),
            },
        );
}

/// 0 bytes were not the end: more came.
fn no_end(j: &Judge, after: Option<&Event>) {
    j.claim("not-an-end", "it is not an end of stream", "它不是流的结束").needs(Server).shown_by(after).that(
        after.is_some_and(|e| e.bytes == MORE),
        Text::new("then x", "随后是 x"),
        after.map_or(Text::new("nothing came after it", "它之后什么也没有"), |e| {
            let next = String::from_utf8_lossy(&e.bytes).into_owned();
            say!("then {next}", "随后是 {next}")
        }),
    );
}

fn teach(t: Teaching) -> Teaching {
    t.why(
        "A datagram is a header of 8 bytes and data; the data may have length 0, the header is sent all the same.",
        "数据报由 8 字节首部和数据组成；数据长度可以为 0，首部照样发出。",
        "RFC 768",
    )
    .why(
        "A return value of 0 means end of stream on a stream socket only; datagram domains permit length 0.",
        "返回 0 只在流式套接字上表示流结束；数据报允许长度为 0。",
        "recv(2)",
    )
    .next("tcp-empty", "the same over TCP: nothing is sent", "换成 TCP：什么也没有发出")
    .next("udp-remote-cmd", "empty answers that count as answers", "空的回答也算一次回答")
    .next("udp-no-server", "datagrams to a port where nobody listens", "发往没有人监听的端口")
    .control(
        "the same two sends over TCP, where an empty send is nothing",
        "同样两次 send 改走 TCP：空的 send 等于没发",
        |s| {
            s.client(client_over_tcp);
            s.server(server_over_tcp);
        },
    )
}
