//! An empty message arrives: a datagram of length 0, with its sender's address, and no end of anything.

use super::prelude::*;

pub(super) fn scenario() -> Scenario {
    Scenario::new("udp-empty", SyllabusPart::Udp, &["D0", "D1 §10", "D3 §9"])
        .title("an empty message over UDP", "UDP 上的空消息")
        .question("send an empty datagram: does the receiver get it?", "发一个空数据报：接收方收得到吗？")
        .claim(
            "An empty send arrives as a datagram of length 0, with its sender's address; it ends nothing.",
            "空的 send 也会到达：一个长度为 0 的数据报，带着发送方地址；它不表示结束。",
        )
        .client(client)
        .server(server)
        .judge(judge)
        .on_link(Variation::Nothing)
        .words("empty-datagram empty-udp 空数据报")
        .teach(teach)
}

const BUFSIZE: usize = 1024;

fn client(end: &End) -> Ends {
    let s = end.udp()?;
    let server = end.server_address()?;
    s.send_to(b"", server)?;
    s.send_to(b"x", server)?;
    Ok(())
}

fn server(end: &End) -> Ends {
    let s = end.udp()?;
    s.recv_from(BUFSIZE)?;
    s.recv_from(BUFSIZE)?;
    Ok(())
}

fn judge(j: &Judge) {
    let recvs = j.recvs(Server);
    let messages = recvs.only(|e| j.trace().exactly_one(e).is_some());
    let empty = messages.only(|e| e.returned == Some(0)).just_first();
    let after = messages.only(|e| empty.iter().any(|empty| empty.seq < e.seq)).just_first();

    let shown = if empty.is_empty() { recvs.just_first() } else { empty.clone() };
    let nothing = Text::new("a message of 0 bytes", "一条 0 字节的消息");
    let brought = match (empty.is_empty(), shown.first()) {
        (false, _) => nothing.clone(),
        (true, Some(other)) => describe(other),
        (true, None) => Text::new("no recv returned", "没有 recv 返回"),
    };
    j.claim("empty-arrives", "the empty message arrives", "空消息到了").of(&shown).same(nothing, brought);
    sender(j, &empty, &after);
    j.claim("not-an-end", "it is not an end of stream", "它不是流的结束").of(&after).in_order(
        vec!["x".into()],
        after.texts(),
        |next| say!("then {next}", "随后是 {next}"),
    );

    let sends = j.sends(Client);
    let sent = sends.len();
    let each = Text::new("each send came out as one message, empty or not", "每次 send 都成为一条消息，空的也算");
    j.claim_text("one-recv-each", each)
        .of(&sends)
        .of(&messages)
        .equal([sent], [messages.len()], |[n]| say!("{n} of {sent} sends", "{sent} 次 send 中 {n} 次"));
}

/// recvfrom told who sent nothing: the one who then sent x.
fn sender(j: &Judge, empty: &Events, after: &Events) {
    let peer = |events: &Events| events.first().and_then(|e| e.peer);
    let same = Text::new("same sender address as x", "与 x 的源地址相同");
    let told = match (peer(empty), peer(after)) {
        (None, _) => Text::new("no address", "没有地址"),
        (address, of_x) if address == of_x => same.clone(),
        _ => Text::new("another address", "另一个地址"),
    };
    let shown = empty.and(after);
    j.claim("with-its-sender", "it brings its sender's address", "它带来了发送方的地址")
        .shown_by(&shown)
        .needs(Server)
        .same(same, told);
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
    .next("udp-remote-cmd", "empty answers that count as answers", "空的响应也算一次响应")
    .next("udp-no-server", "datagrams to a port where nobody listens", "发往没有人监听的端口")
    .control(
        "the same two sends over TCP, where an empty send is nothing",
        "同样两次 send 改走 TCP：空的 send 等于没发",
        |e| {
            e.client(client_over_tcp).server(server_over_tcp);
        },
    )
}

fn client_over_tcp(end: &End) -> Ends {
    let s = end.connect()?;
    s.send(b"")?;
    s.send(b"x")?;
    Ok(())
}

fn server_over_tcp(end: &End) -> Ends {
    let listener = end.listen()?;
    let conn = listener.accept()?;
    conn.recv(BUFSIZE)?;
    conn.recv(BUFSIZE)?;
    Ok(())
}
