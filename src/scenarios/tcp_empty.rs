//! An empty send puts nothing on the wire and wakes nobody; an empty recv means the end of the stream.

use super::prelude::*;
use crate::net::Result;
use std::io::ErrorKind::WouldBlock;

pub(super) fn scenario() -> Scenario {
    Scenario::new("tcp-empty", SyllabusPart::Tcp, &["D0", "D1 §10", "D3 §9"])
        .title("sending nothing", "发送空消息")
        .question("send an empty message: does the receiver notice?", "send 一条空消息：接收方会察觉吗？")
        .claim(
            "An empty send puts nothing on the wire and wakes nobody; an empty recv means the end of the stream.",
            "空的 send 不产生任何报文段，也不唤醒对端；recv 得到空结果，表示流已经结束。",
        )
        .client(client)
        .server(server)
        .judge(judge)
        .on_link(Variation::Nothing)
        .words("empty zero eof end-of-stream 空消息 流结束")
        .teach(teach)
}

fn client(end: &End) -> Ends {
    let s = end.connect()?;
    s.send(b"")?;
    end.open("empty");
    end.pass("looked", LOOKED)?;
    s.send(b"x")?;
    Ok(s.wait_acked()?)
}

const LOOKED: Text = Text::new("until the server has looked", "等到服务器看过一次");

fn server(end: &End) -> Ends {
    let listener = end.listen()?;
    let conn = listener.accept()?;
    // A lone server looks at once: its client gives it time.
    if !end.alone() {
        end.pass("empty", Text::new("until the empty send is done", "等到空消息已发送"))?;
    }
    look(&conn)?;
    end.open("looked");
    Ok(conn.recv_to_end(1024)?)
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

/// What a call that would have to wait says.
pub(super) const WOULD_BLOCK: &str = if cfg!(windows) { "WSAEWOULDBLOCK" } else { "EAGAIN" };

fn judge(j: &Judge) {
    let empty = j.sends(Client).just_first();
    let put = empty.moved() as u64;
    let left = empty.first().and_then(|e| e.evidence.new_segments());
    let claim = j.claim("nothing-sent", "the empty message put nothing on the wire", "空消息什么也没有发出").of(&empty);
    match j.segments(Client).and(left) {
        Some(left) => claim.equal([0, 0], [put, left.into()], |[bytes, segments]| {
            say!("{bytes} bytes, segments: {segments}", "{bytes} 字节，报文段：{segments} 个")
        }),
        // The claim is about the call alone.
        None => claim.equal([0], [put], |[bytes]| say!("{bytes} bytes", "{bytes} 字节")),
    }

    let first = j.recvs(Server).just_first();
    let brought = first.first().map(|e| e.bytes.escape_ascii().to_string()).unwrap_or_default();
    j.claim(
        "wakes-nobody",
        "it woke nobody: the first recv to return brought x",
        "它没有唤醒接收方：最先返回的 recv 带来的是 x",
    )
    .of(&first)
    .equal(["x".into()], [brought], |[bytes]| Text::same(format!("recv: {bytes}")));

    let calls = j.calls(Server, Call::Recv);
    j.claim(
        "empty-recv-is-the-end",
        "“nothing yet” is an error; only the end of the stream is empty",
        "“还没有数据”是错误；空结果只表示流结束",
    )
    .of(&calls)
    .in_order([WOULD_BLOCK, "1", "0"].map(String::from).to_vec(), calls.results(), |each| {
        Text::same(format!("recv: {each}"))
    });
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
    .next("tcp-empty --control", "a length in front: it arrives", "前面加上长度：空消息也能送到")
    .next("udp-empty", "an empty datagram does arrive", "空数据报却会送到")
    .next("tcp-close", "the empty recv that a loop must not miss", "循环里不能漏掉的那次空 recv")
    .control(
        "4 bytes of length before each message, the empty one too",
        "每条消息（空的也不例外）前面加 4 字节长度",
        |e| {
            e.client(client_with_lengths).server(server_with_lengths);
        },
    )
}

fn client_with_lengths(end: &End) -> Ends {
    let s = end.connect()?;
    s.send_message(&end.framed(*b"\0\0\0\0", 4, None))?;
    end.pass("looked", LOOKED)?;
    s.send_message(&end.framed(*b"\x01\0\0\0x", 4, None))?;
    Ok(s.wait_acked()?)
}

fn server_with_lengths(end: &End) -> Ends {
    let listener = end.listen()?;
    let conn = listener.accept()?;
    while let Ok(length) = <[u8; 4]>::try_from(conn.recv_exact(4, 4)?) {
        let body = conn.recv_exact(u32::from_le_bytes(length) as usize, 1024)?;
        conn.deliver(&body);
        end.open("looked");
    }
    Ok(())
}
