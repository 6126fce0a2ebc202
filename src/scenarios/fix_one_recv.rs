//! One recv(4) for a header of four bytes: it may return two, and then the length is not there yet.

use super::prelude::*;
use crate::framing::I32_LE;

pub(super) fn scenario() -> Scenario {
    Scenario::new("fix-one-recv", SyllabusPart::NoFix, &["D0", "D1 §12", "D3 §10"])
        .title("recv(4) for a header", "用 recv(4) 读报头")
        .question("a header of 4 bytes, one recv(4): are all 4 there?", "报头 4 字节，一次 recv(4)：4 个都到了吗？")
        .claim(
            "recv(4) returns what has come of the header, perhaps 2 bytes; a loop, or MSG_WAITALL, reads the rest.",
            "recv(4) 返回报头已到的部分，可能只有 2 字节；循环或 MSG_WAITALL 才能读满。",
        )
        .takes(&[Opt::Nodelay, Opt::Message])
        .nodelay(true)
        .messages(1..=1, 1024)
        .client(client)
        .server(server)
        .judge(judge)
        .words("recv(4) recv4 waitall msg-waitall short-header unpack struct.unpack 报头不完整")
        .teach(teach)
}

const BODY: &[u8] = b"hello";

/// So many bytes of the header come first, as a segment's end may have it anywhere.
const FIRST: usize = 2;

/// How the header is read, and what becomes of the client.
#[derive(Clone, Copy, PartialEq, Eq)]
enum HeaderRead {
    Once,
    WaitAll,
    WaitAllInVain,
}

static ONCE: (Act, HeaderRead) = (Act::new("once", "recv(4)", "recv(4)"), HeaderRead::Once);
static ALL: (Act, HeaderRead) =
    (Act::new("waitall", "recv(4) with MSG_WAITALL", "recv(4)，加 MSG_WAITALL"), HeaderRead::WaitAll);
static ENDED: (Act, HeaderRead) =
    (Act::new("ended", "MSG_WAITALL, and the client is gone", "MSG_WAITALL，而客户端走了"), HeaderRead::WaitAllInVain);

fn client(end: &End) -> Ends {
    send(end, FIRST)
}

/// The message in two sends; the second waits until the server is where the first has brought it, or never comes.
fn send(end: &End, first: usize) -> Ends {
    for (_, read) in end.acts([&ONCE, &ALL, &ENDED]) {
        let s = end.connect()?;
        let body = end.messages(&[BODY]).concat();
        let header = I32_LE.pack(body.len() as u64)?;
        let message = end.framed([&header[..], &body].concat(), header.len(), None);
        s.send_all(message.part(0..first))?;
        if *read != HeaderRead::WaitAllInVain {
            end.pass("there", Text::new("until the server has it", "等到服务器拿到"))?;
            s.send_all(message.part(first..message.len()))?;
        }
        s.wait_acked()?;
    }
    Ok(())
}

fn server(end: &End) -> Ends {
    let listener = end.listen()?;
    for (_, read) in end.titled_acts([&ONCE, &ALL, &ENDED]) {
        let conn = listener.accept()?;
        match read {
            HeaderRead::Once => read_on(&conn, once(end, &conn)?)?,
            HeaderRead::WaitAll => read_on(&conn, wait_for_all(end, &conn)?)?,
            HeaderRead::WaitAllInVain => drop(conn.recv_waitall(I32_LE.width())?),
        }
    }
    Ok(())
}

/// The pages' one recv; the rest comes only then.
fn once(end: &End, conn: &Conn) -> anyhow::Result<Vec<u8>> {
    let header = conn.recv(I32_LE.width())?;
    end.open("there");
    Ok(header)
}

/// The first bytes are there, and the rest comes while recv waits.
fn wait_for_all(end: &End, conn: &Conn) -> anyhow::Result<Vec<u8>> {
    conn.wait_queued(FIRST)?;
    end.open("there");
    Ok(conn.recv_waitall(I32_LE.width())?)
}

/// What is missing of the header, and then the body.
fn read_on(conn: &Conn, mut header: Vec<u8>) -> Ends {
    header.extend(conn.recv_exact(I32_LE.width() - header.len(), I32_LE.width())?);
    let length = I32_LE.unpack(&header, 1024)?;
    conn.deliver(&conn.recv_exact(length, length)?);
    Ok(())
}

fn judge(j: &Judge) {
    let firsts = [&ONCE, &ALL, &ENDED].map(|act| j.act(act).recvs(Server).with_data().just_first());
    let [first, waited, ended] = &firsts;
    j.claim("short-header", "recv(4) returned less than the header", "recv(4) 返回的比报头少").of(first).fewer_than(
        I32_LE.width(),
        first.moved(),
        |n| say!("{n} bytes of the header", "报头的 {n} 字节"),
    );

    let delivered = j.act(&ONCE).delivered(Server);
    j.claim("loop-completes", "read on in a loop, the message was whole", "循环读下去，消息就完整了")
        .of(&delivered)
        .in_order(j.message_names(Client).into_iter().take(1).collect(), j.held_by(&delivered), |messages| {
            say!("delivered: {messages}", "交出：{messages}")
        });

    let bytes = |[n]: [String; 1]| say!("{n} bytes of the header", "报头的 {n} 字节");
    j.claim("waitall-fills", "with MSG_WAITALL one recv waited for all 4", "加 MSG_WAITALL，一次 recv 等齐了 4 个字节")
        .of(waited)
        .equal([I32_LE.width()], [waited.moved()], bytes);
    j.claim("waitall-ends", "but at the end of the stream it, too, returns fewer", "但流结束时，它也会少给")
        .of(ended)
        .fewer_than(I32_LE.width(), ended.moved(), |n| say!("{n} bytes of the header", "报头的 {n} 字节"));
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
    .why(
        "MSG_WAITALL waits for all, unless the stream ends, or a signal, an error or SO_RCVTIMEO comes first: look at its result.",
        "MSG_WAITALL 会等齐，除非流先结束，或先遇到信号、错误、SO_RCVTIMEO：仍要看返回值。",
        "recv(2); socket(7)",
    )
    .next("fix-header --recv-size 1", "the loop, with a byte at a time", "用循环，一次一个字节")
    .next("fix-broken-loops", "recv in a loop: three that go wrong", "循环 recv：三个写错的循环")
    .next("explain struct.error", "what Python says of it", "Python 的报错")
    .control("the header goes out in one send", "报头一次发出", |e| {
        e.client(|end| send(end, I32_LE.width()));
    })
}
