//! One recv(4) for a header of four bytes: it may return two, and then the length is not there yet.

use super::prelude::*;
use crate::framing::I32_LE;

pub(super) fn scenario() -> Scenario {
    Scenario::new("fix-one-recv", SyllabusPart::NoFix, &["D0", "D1 §12", "D3 §10"])
        .title("recv(4) for a header", "用 recv(4) 读报头")
        .question("a header of 4 bytes, one recv(4): are all 4 there?", "报头 4 字节，一次 recv(4)：4 个都到了吗？")
        .claim(
            "recv(4) returns what has come of the header, perhaps 2 bytes; a loop reads the rest.",
            "recv(4) 返回报头已到的部分，可能只有 2 字节；循环才能读满。",
        )
        .takes(&[Opt::Nodelay, Opt::Message])
        .nodelay(true)
        .messages(1..=1, 1024)
        .client(client)
        .server(server)
        .judge(judge)
        .words("recv(4) recv4 short-header unpack struct.unpack 报头不完整")
        .teach(teach)
}

const BODY: &[u8] = b"hello";

/// So many bytes of the header come first, as a segment's end may have it anywhere.
const FIRST: usize = 2;

fn client(end: &End) -> Ends {
    send(end, FIRST)
}

/// The message in two sends; the second waits until the first was read.
fn send(end: &End, first: usize) -> Ends {
    let s = end.connect()?;
    let body = end.messages(&[BODY]).concat();
    let header = I32_LE.pack(body.len() as u64)?;
    let message = end.framed([&header[..], &body].concat(), header.len(), None);
    s.send_all(message.part(0..first))?;
    end.pass("read", Text::new("until it is read", "等到它被读走"))?;
    s.send_all(message.part(first..message.len()))?;
    Ok(s.wait_acked()?)
}

fn server(end: &End) -> Ends {
    let listener = end.listen()?;
    let conn = listener.accept()?;
    let mut header = conn.recv(I32_LE.width())?;
    end.open("read");
    header.extend(conn.recv_exact(I32_LE.width() - header.len(), I32_LE.width())?);
    let length = I32_LE.unpack(&header, 1024)?;
    conn.deliver(&conn.recv_exact(length, length)?);
    Ok(())
}

fn judge(j: &Judge) {
    let recvs = j.recvs(Server).with_data();
    let first = recvs.just_first();
    j.claim("short-header", "recv(4) returned less than the header", "recv(4) 返回的比报头少").of(&first).fewer_than(
        I32_LE.width(),
        first.moved(),
        |n| say!("{n} bytes of the header", "报头的 {n} 字节"),
    );

    let delivered = j.delivered(Server);
    j.claim("loop-completes", "read on in a loop, the message was whole", "循环读下去，消息就完整了")
        .of(&delivered)
        .in_order(j.message_names(Client), j.held_by(&delivered), |messages| {
            say!("delivered: {messages}", "交出：{messages}")
        });
}

fn teach(t: Teaching) -> Teaching {
    t.why(
        "recv returns as soon as something is there, at most what was asked for; a segment may end inside a header.",
        "recv 有数据就返回，至多返回所请求的字节数；报文段可能正好在报头中间结束。",
        "recv(2); RFC 9293 §3.9.1.3",
    )
    .why(
        "On loopback a small header comes whole nearly every time, so the mistake passes every test at home.",
        "在回环上小报头几乎每次都完整到达，所以这个错误在自己机器上总能通过。",
        "Beej's Guide §7.4",
    )
    .next("fix-header --recv-size 1", "the loop, with a byte at a time", "用循环，一次一个字节")
    .next("fix-broken-loops", "recv in a loop: three that go wrong", "循环 recv：三个写错的循环")
    .next("explain struct.error", "what Python says of it", "Python 的报错")
    .control("the header goes out in one send", "报头一次发出", |e| {
        e.client(|end| send(end, I32_LE.width()));
    })
}
