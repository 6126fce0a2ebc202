//! One send comes out of one recv, however late the receiver comes: UDP carries datagrams, and a datagram is a message.

use super::prelude::*;
use crate::net::Udp;
use crate::text::excerpt;
use crate::trace::{Proto, Role};
use std::net::SocketAddr;

pub(super) fn scenario() -> Scenario {
    Scenario::new("udp-boundaries", SyllabusPart::Udp, &["D1 §10", "D2 §1", "D3 §8", "D3 §10"])
        .title("one send, one recv", "一次 send，一次 recv")
        .question(
            "two datagrams, a late receiver: does one recv return both?",
            "两个数据报，接收方来得晚：一次 recv 会取到两个吗？",
        )
        .claim(
            "One send comes out of one recv, however late the receiver comes: UDP keeps message boundaries.",
            "一次 send 对应一次 recv，接收方来得再晚也一样：UDP 保留消息边界（不“粘包”）。",
        )
        .takes(&[Opt::RecvSize, Opt::Race, Opt::Gap, Opt::Message])
        .recv_size(1024)
        .messages_in_one_recv(2..=16, 16 << 10)
        .client(client)
        .server(server)
        .judge(judge)
        .on_link(Variation::Nothing)
        .words("udp emsgsize datagram datagrams 数据报")
        .teach(teach)
}

const WORDS: [&[u8]; 2] = [b"hello", b"feng"];

/// Linux joins sends into one datagram, but only for a program that asks (MSG_MORE, udp(7)).
const JOINS: bool = cfg!(any(target_os = "linux", target_os = "android"));

/// How many are sent: one more where sends are joined, which an end that is alone leaves away.
fn datagrams(end: &End) -> usize {
    end.messages(&WORDS).len() + usize::from(JOINS && !end.settings().portable)
}

fn client(end: &End) -> Ends {
    let s = end.udp()?;
    let server = end.server_address()?;
    let words = end.messages(&WORDS);
    for (nth, word) in words.iter().enumerate() {
        if nth > 0 {
            end.gap()?;
        }
        s.send_to(word, server)?;
    }
    if datagrams(end) > words.len() {
        send_joined(end, &s, server)?;
    }
    send_too_much(&s, server);
    end.open("sent");
    for _ in 0..datagrams(end) {
        s.recv_from(end.recv_size())?;
    }
    Ok(())
}

fn server(end: &End) -> Ends {
    let s = end.udp()?;
    end.pass("sent", Text::new("until everything is sent", "等到全部发完"))?;
    for _ in 0..datagrams(end) {
        let (word, from) = s.recv_from(end.recv_size())?;
        s.send_to(&word.to_ascii_uppercase(), from)?;
    }
    Ok(())
}

/// The exception: one message in two sends, which the kernel is asked to keep together.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn send_joined(end: &End, s: &Udp, server: SocketAddr) -> Ends {
    let message = end.message(*b"hello feng");
    s.send_more_to(message.part(0..5), server)?;
    s.send_part_to(message.part(5..10), server)?;
    Ok(())
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn send_joined(_: &End, _: &Udp, _: SocketAddr) -> Ends {
    Ok(())
}

/// A byte more than a datagram carries: 65,507 over IPv4, 65,527 over IPv6 (RFC 768, RFC 8200 §3). That it is refused is
/// recorded; nothing follows from it.
fn send_too_much(s: &Udp, server: SocketAddr) {
    let most = if server.is_ipv4() { 65_507 } else { 65_527 };
    let _ = s.send_to(&vec![b'x'; most + 1], server);
}

fn judge(j: &Judge) {
    let words = j.messages(&WORDS);
    let said = |word: &[u8]| String::from_utf8_lossy(word).into_owned();
    let sent: Vec<String> = words.iter().map(|word| said(word)).collect();
    let text = Text::new("each recv returned one word, whole and alone", "每次 recv 返回一个词，完整且单独");
    one_by_one(j, "one-send-one-recv", Server, text, &sent);
    let echoes: Vec<String> = words.iter().map(|word| said(&word.to_ascii_uppercase())).collect();
    let text = Text::new("and so did the echoes, on their way back", "回显也是如此");
    one_by_one(j, "one-echo-one-recv", Client, text, &echoes);
    let refused = j.sends(Client).only(|e| e.error.is_some());
    let too_long = if cfg!(windows) { "WSAEMSGSIZE" } else { "EMSGSIZE" };
    let errors = refused.iter().filter_map(|e| e.error.clone()).collect::<Vec<_>>();
    j.claim("too-large-refused", "a message larger than a datagram is refused", "比数据报大的消息被拒绝")
        .of(&refused)
        .in_order(vec![too_long.to_owned()], errors, |errors| Text::same(errors.to_string()));
    if j.trace().sockets.iter().any(|s| s.proto == Proto::Udp) {
        joined(j);
    }
}

fn one_by_one(j: &Judge, id: &'static str, role: Role, text: Text, words: &[String]) {
    // A datagram may be empty.
    let brought = j.recvs(role).only(|e| e.call == Call::RecvFrom || !e.bytes.is_empty());
    let recvs = brought.first_few(words.len());
    // A word is one message, whole and alone; anything else says what it is of.
    let word = |(event, text): (&&Event, String)| match j.trace().exactly_one(event) {
        Some(_) => text,
        None => format!("{text} ({})", event.messages().iter().map(ToString::to_string).collect::<Vec<_>>().join("+")),
    };
    let seen: Vec<String> = recvs.iter().zip(recvs.texts()).map(word).collect();
    let side = |words: &[String]| Text::same(excerpt(&words.join(" | ")));
    j.claim_text(id, text).of(&recvs).that(seen == words, side(words), side(&seen));
}

fn joined(j: &Judge) {
    if !JOINS {
        j.limit(Text::new(
            "this system cannot be asked to join two sends into one datagram (MSG_MORE)",
            "本系统不能要求把两次 send 合成一个数据报（MSG_MORE）",
        ));
        return;
    }
    let Some(asked) = j.message(Client, j.messages(&WORDS).len() + 1) else { return };
    let ours = |e: &Event| e.messages().contains(&asked.id);
    let (sends, recvs) = (j.sends(Client).only(ours), j.recvs(Server).only(ours));
    j.claim(
        "exception-on-request",
        "two sends become one datagram only on request (MSG_MORE)",
        "只有主动要求（MSG_MORE），两次 send 才成为一个数据报",
    )
    .of(&sends)
    .of(&recvs)
    .equal([2, 1, sends.moved()], [sends.len(), recvs.len(), recvs.moved()], |[sends, recvs, bytes]| {
        say!("{sends} sends, {recvs} recv of {bytes} bytes", "{sends} 次 send，{recvs} 次 recv 共 {bytes} 字节")
    });
}

fn teach(t: Teaching) -> Teaching {
    t.why(
        "Each send makes a datagram with its own header and length; datagrams are queued one by one.",
        "每次 send 产生一个数据报，各有自己的首部和长度；数据报逐个排队。",
        "RFC 768",
    )
    .why(
        "A receive takes one datagram off the queue, never two, and never the rest of one.",
        "一次接收从队列取走一个数据报：不会是两个，也不会是某个的剩余部分。",
        "udp(7)",
    )
    .why(
        "Two exceptions on Linux, for programs that ask: UDP_CORK or MSG_MORE joins sends, UDP_GRO joins arrivals.",
        "Linux 上有两个例外，都要程序主动要求：UDP_CORK 或 MSG_MORE 合并发送，UDP_GRO 合并到达的数据报。",
        "udp(7), send(2)",
    )
    .next("udp-boundaries --race --repeat 200", "still one recv a send", "仍是一次对一次")
    .next("tcp-naive", "the same two words over TCP", "同样两个词，改走 TCP")
    .next("udp-truncate", "what a boundary costs if the buffer is small", "缓冲区太小时，保留边界的代价")
    .control("the same words over TCP, which has no datagrams", "同样的词改走 TCP：没有数据报", |e| {
        e.client(client_over_tcp).server(server_over_tcp);
    })
}

/// The control: the same words over TCP.
fn client_over_tcp(end: &End) -> Ends {
    let s = end.connect()?;
    let words = end.messages(&WORDS);
    words.iter().try_for_each(|word| s.send(word).map(drop))?;
    s.recv_exact(words.concat().len(), 1024)?;
    Ok(())
}

fn server_over_tcp(end: &End) -> Ends {
    let listener = end.listen()?;
    let conn = listener.accept()?;
    conn.wait_queued(end.messages(&WORDS).concat().len())?;
    loop {
        let word = conn.recv(end.recv_size())?;
        if word.is_empty() {
            return Ok(());
        }
        conn.send(&word.to_ascii_uppercase())?;
    }
}
