//! An empty send puts nothing on the wire and wakes nobody; an empty recv means the end of the stream.

use super::prelude::*;
use crate::net::Result;
use std::io::ErrorKind::WouldBlock;

pub(super) fn scenario() -> Scenario {
    Scenario::new("tcp-empty", Part::Tcp, &["D0", "D1 §10", "D3 §9"])
        .title("sending nothing", "发送空消息")
        .claim(
            "An empty send puts nothing on the wire and wakes nobody; an empty recv means the end of the stream.",
            "空的 send 不产生任何报文段，也不唤醒对端；recv 得到空结果，表示流已经结束。",
        )
        .client(client)
        .server(server)
        .judge(judge)
        .on_link(Variation::Nothing)
        .teach(teach)
}

fn client(end: &End) -> Ends {
    let s = end.tcp().connect()?;
    s.send(b"")?;
    end.open("empty");
    end.pass("looked", Text::new("until the server has looked", "等到服务器看过一次"))?;
    s.send(b"x")?;
    s.wait_acked()?;
    s.close()?;
    Ok(())
}

fn server(end: &End) -> Ends {
    let listener = end.tcp().listen()?;
    let conn = listener.accept()?;
    conn.expect(b"x");
    // A lone server looks at once: its client gives it time.
    if !end.alone() {
        end.pass("empty", Text::new("until the empty send is done", "等到空消息已发送"))?;
    }
    look(&conn)?;
    end.open("looked");
    while !conn.recv(1024)?.is_empty() {}
    conn.close()?;
    Ok(())
}

/// A recv that does not block: "nothing yet" is an error, and not the same as an empty result.
fn look(conn: &Conn) -> Result<()> {
    conn.set_nonblocking(true)?;
    match conn.recv(1024) {
        Err(error) if error.kind() == Some(WouldBlock) => {}
        other => drop(other?),
    }
    conn.set_nonblocking(false)
}

/// The control: a length before each message, so that even the empty one has bytes.
fn client_with_lengths(end: &End) -> Ends {
    let s = end.tcp().connect()?;
    s.send_message(&end.framed(*b"\0\0\0\0", 4, None))?;
    end.pass("looked", Text::new("until the server has looked", "等到服务器看过一次"))?;
    s.send_message(&end.framed(*b"\x01\0\0\0x", 4, None))?;
    s.wait_acked()?;
    s.close()?;
    Ok(())
}

fn server_with_lengths(end: &End) -> Ends {
    let listener = end.tcp().listen()?;
    let conn = listener.accept()?;
    while let Ok(length) = <[u8; 4]>::try_from(conn.recv_exact(4, 4)?) {
        let body = conn.recv_exact(u32::from_le_bytes(length) as usize, 1024)?;
        conn.deliver(&body);
        end.open("looked");
    }
    conn.close()?;
    Ok(())
}

fn judge(j: &Judge) {
    let empty = j.sends(Client).into_iter().find(|e| {
        let message = e.handed.and_then(|h| j.trace().message(h.msg));
        message.is_some_and(|m| m.body().is_empty())
    });
    let put = empty.and_then(|e| e.returned).map(grouped).unwrap_or_default();
    let left = empty.and_then(|e| e.evidence.new_segments());
    if left.is_none() && j.trace().saw(Client) {
        j.limit_segments();
    }
    // Where segments are not counted the claim is about the call alone.
    let counted = left.map_or(Text::new("", ""), |n| {
        let n = grouped(n);
        say!(", segments: {n}", "，报文段：{n} 个")
    });
    let due = left.map_or(Text::new("", ""), |_| Text::new(", segments: 0", "，报文段：0 个"));
    j.claim("nothing-sent", "the empty message put nothing on the wire", "空消息什么也没有发出")
        .needs(Client)
        .shown_by(empty)
        .that(
            empty.is_some_and(|e| e.returned == Some(0)) && left.unwrap_or(0) == 0,
            Text::new("0 bytes{}", "0 字节{}").with(&due),
            say!("{put} bytes{{}}", "{put} 字节{{}}").with(&counted),
        );

    let recvs = j.recvs(Server);
    let first = recvs.first().copied();
    j.claim(
        "wakes-nobody",
        "it woke nobody: the first recv to return brought x",
        "它没有唤醒接收方：最先返回的 recv 带来的是 x",
    )
    .needs(Server)
    .shown_by(first)
    .that(
        first.is_some_and(|e| e.bytes == b"x"),
        Text::new("recv(1,024) = 1 byte, x", "recv(1,024) = 1 字节，即 x"),
        first.map_or(Text::new("no recv returned", "没有 recv 返回"), describe),
    );

    let calls: Vec<&Event> = j.trace().calls(Server, Call::Recv).collect();
    let nothing_yet = calls.first().is_some_and(|e| e.error.as_deref().is_some_and(would_block));
    let ends = calls.iter().filter(|e| e.returned == Some(0)).count();
    let last_is_end = calls.last().is_some_and(|e| e.returned == Some(0));
    let said = calls.iter().map(|e| e.error.clone().unwrap_or(grouped(e.returned.unwrap_or(0))));
    j.claim(
        "empty-recv-is-the-end",
        "“nothing yet” is an error; only the end of the stream is empty",
        "“还没有数据”是错误；空结果只表示流结束",
    )
    .needs(Server)
    .shown_by(calls.iter().copied())
    .that(
        nothing_yet && ends == 1 && last_is_end,
        Text::same(format!("recv: {WOULD_BLOCK}, 1, 0")),
        Text::same(format!("recv: {}", said.collect::<Vec<_>>().join(", "))),
    );
}

/// What a call that would have to wait says.
const WOULD_BLOCK: &str = if cfg!(windows) { "WSAEWOULDBLOCK" } else { "EAGAIN" };

fn would_block(error: &str) -> bool {
    error == WOULD_BLOCK
}

fn teach(t: Teaching) -> Teaching {
    t.why(
        "A stream has no messages, so an empty one has no place in it: no bytes, no trace.",
        "字节流里没有消息，空消息也就无处可放：没有字节，就没有痕迹。",
        "RFC 9293 §2.2",
    )
    .why(
        "recv returns 0 when the peer has shut down in order; with nothing queued it blocks, or fails with EAGAIN.",
        "对端有序关闭后 recv 返回 0；只是还没有数据时，它会阻塞；非阻塞的则报 EAGAIN。",
        "recv(2)",
    )
    .next("tcp-empty --control", "a length in front: now the empty message arrives", "前面加上长度：空消息也能送到")
    .next("udp-empty", "an empty datagram does arrive", "空数据报却会送到")
    .next("tcp-close", "the empty recv that a loop must not miss", "循环里不能漏掉的那次空 recv")
    .control(
        "4 bytes of length before each message, the empty one too",
        "每条消息（空的也不例外）前面加 4 字节长度",
        |s| {
            s.client(client_with_lengths);
            s.server(server_with_lengths);
        },
    )
}
