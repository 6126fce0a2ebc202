//! Nobody listens: an unconnected UDP socket is never told, a connected one at its next call, TCP at connect.

use super::prelude::*;
use crate::net::{DeadPort, Result, Udp};
use crate::trace::Proto;
use std::net::SocketAddr;

pub(super) fn scenario() -> Scenario {
    Scenario::new("udp-no-server", SyllabusPart::Udp, &["D1 §8", "D3 §9"])
        .title("nobody listens", "没有人监听")
        .question("nobody listens: which call says so?", "没有人监听：哪一次调用会报告？")
        .claim(
            "Nobody listens: an unconnected UDP socket is never told, a connected one at its next call, TCP at connect.",
            "没有人监听：未 connect 的 UDP 毫无察觉，connect 过的在下一次调用得知，TCP 当场得知。",
        )
        .client(client)
        .judge(judge)
        .never_alone("there is no other end: the lesson is that nobody listens", "没有另一端：这一课讲的正是没有人监听")
        .words("econnrefused icmp refused nobody-listens 拒绝连接")
        .teach(teach)
}

const WORDS: [&[u8]; 3] = [b"hello", b"world", b"egon"];
const BUFSIZE: usize = 1024;

/// What Windows calls the refusal of a datagram is the word for a reset (10054).
const REFUSED: &str = if cfg!(windows) { "WSAECONNRESET" } else { "ECONNREFUSED" };
const TCP_REFUSED: &str = if cfg!(windows) { "WSAECONNREFUSED" } else { "ECONNREFUSED" };

/// Linux never tells an unconnected socket (unless it sets IP_RECVERR, ip(7)); Windows does, and macOS at times.
const SILENT: bool = cfg!(any(target_os = "linux", target_os = "android"));

fn client(end: &End) -> Ends {
    let (udp, tcp) = (DeadPort::take(end, Proto::Udp)?, DeadPort::take(end, Proto::Tcp)?);
    let sockets = udp_sockets(end, udp.address())?;
    ask(&sockets, udp.address())?;
    connect(end, tcp.address());
    Ok(())
}

/// The page's client, and one that will connect: client-1 and client-2 in the recording.
fn udp_sockets(end: &End, server: SocketAddr) -> Result<[Udp; 2]> {
    let any_port = end.any_port_for(server);
    let (one, two) = (end.sibling(1), end.sibling(2));
    one.note(Text::new("UDP, not connected", "UDP，不 connect"));
    let s = Udp::at(&one, any_port)?;
    two.note(Text::new("UDP, connected", "UDP，先 connect"));
    Ok([s, Udp::at(&two, any_port)?])
}

fn ask([s, c]: &[Udp; 2], server: SocketAddr) -> Result<()> {
    // What the calls say is the lesson, errors included, and the recording has it.
    for word in WORDS {
        let _ = s.send_to(word, server);
    }
    c.connect(server)?;
    c.send(WORDS[0])?;
    let _ = c.recv_from(BUFSIZE);
    c.send(WORDS[1])?;
    c.wait_readable()?;
    let _ = c.send(WORDS[2]);
    // The refusals of s's datagrams came before those of c's: what s does not hear now it never will.
    s.set_nonblocking(true)?;
    let _ = s.try_recv_from(BUFSIZE);
    Ok(())
}

fn connect(end: &End, server: SocketAddr) {
    let three = end.sibling(3);
    three.note(Text::new("TCP", "TCP"));
    let _ = three.tcp().connect_to(server);
}

fn judge(j: &Judge) {
    let [one, two, three] = [1, 2, 3].map(|index| j.only(Client, |e| e.end.index == index));
    silence(j, &one);

    // Each refusal is the error of the call after the send that caused it. Windows tells a receiving call only, so
    // there the first pair is what counts.
    let pairs = if cfg!(windows) { 1 } else { 2 };
    let calls = two.only(|e| e.call.sends() || e.call.receives()).first_few(2 * pairs);
    j.claim("udp-next-call", "connected UDP: the next call is refused", "connect 过的 UDP：下一次调用被拒绝")
        .of(&calls)
        .same(Text::same(["ok", REFUSED].repeat(pairs).join(", ")), Text::same(calls.outcomes().join(", ")));

    let connect = three.only(|e| e.call == Call::Connect);
    j.claim("tcp-at-once", "TCP: connect itself is refused", "TCP：connect 当场被拒绝").of(&connect).in_order(
        vec![TCP_REFUSED.into()],
        connect.outcomes(),
        |error| Text::same(format!("connect: {error}")),
    );
}

/// Unconnected: the sends succeed, and no later call reports anything.
fn silence(j: &Judge, unconnected: &Events) {
    if !SILENT {
        j.limit(Text::new(
            "this system may report a refusal to an unconnected socket, too (Windows: 10054 at a later recvfrom)",
            "本系统也可能向未 connect 的套接字报告拒绝（Windows：之后的 recvfrom 得到 10054）",
        ));
        return;
    }
    let sent = unconnected.only(|e| e.call.sends() && e.ok());
    let look = unconnected.only(|e| e.call.receives()).just_first();
    j.claim("udp-silence", "UDP: no call ever says that nobody was there", "UDP：没有一次调用报告对端不存在")
        .of(&sent.and(&look))
        .equal(
            [grouped(WORDS.len()), "EAGAIN".into()],
            [grouped(sent.len()), look.outcomes().concat()],
            |[n, error]| say!("{n} sends ok, then recvfrom: {error}", "{n} 次 send 成功，之后 recvfrom：{error}"),
        );
}

fn teach(t: Teaching) -> Teaching {
    t.why(
        "The host answers a datagram for a port where nobody listens with ICMP: port unreachable.",
        "数据报发到没有人监听的端口，对端主机回一个 ICMP：端口不可达。",
        "RFC 1122 §4.1.3.1",
    )
    .why(
        "The answer becomes an error of the socket only if connect named the peer; the next call returns it.",
        "只有 connect 指定了对端，这个响应才成为套接字的错误，由下一次调用返回。",
        "Stevens, UNIX Network Programming vol. 1, §8.9",
    )
    .why(
        "TCP opens a connection first; the answer to its SYN is a reset, and connect fails.",
        "TCP 要先建立连接；对 SYN 的响应是复位，connect 就失败了。",
        "RFC 9293 §3.5.2",
    )
    .next("udp-loss", "somebody listens, and it is lost all the same", "有人监听，照样会丢")
    .next("udp-chat", "an answer is the only proof of arrival", "只有对方的响应才证明送到了")
    .next("udp-remote-cmd", "the remote commands over UDP", "远程命令改走 UDP")
    .control("a UDP server answers at the port", "端口上有一个 UDP 服务器在响应", |e| {
        e.client(client_of_a_server).server(server);
    })
}

/// The control: a UDP server answers at the port. TCP still finds none.
fn client_of_a_server(end: &End) -> Ends {
    let tcp = DeadPort::take(end, Proto::Tcp)?;
    let server = end.server_address()?;
    let sockets = udp_sockets(end, server)?;
    ask(&sockets, server)?;
    for _ in 1..WORDS.len() {
        for s in &sockets {
            s.recv_from(BUFSIZE)?;
        }
    }
    connect(end, tcp.address());
    Ok(())
}

fn server(end: &End) -> Ends {
    let s = end.udp()?;
    for _ in 0..2 * WORDS.len() {
        let (word, from) = s.recv_from(BUFSIZE)?;
        s.send_to(&word.to_ascii_uppercase(), from)?;
    }
    Ok(())
}
