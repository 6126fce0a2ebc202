//! One send comes out of one recv, however late the receiver comes: UDP carries datagrams, and a datagram is a message.

use super::prelude::*;
use crate::net::Udp;
use crate::trace::Proto;
use crate::trace::Role;
use std::net::SocketAddr;

pub(super) fn scenario() -> Scenario {
    Scenario::new("udp-boundaries", Part::Udp, &["D1 §10", "D2 §1", "D3 §8", "D3 §10"])
        .title("one send, one recv", "一次 send，一次 recv")
        .claim(
            "One send comes out of one recv, however late the receiver comes: UDP keeps message boundaries.",
            "一次 send 对应一次 recv，接收方来得再晚也一样：UDP 保留消息边界（不“粘包”）。",
        )
        .takes(&[Opt::RecvSize, Opt::Race])
        .recv_size(1024)
        .client(client)
        .server(server)
        .judge(judge)
        .on_link(Variation::Nothing)
        .teach(teach)
}

const WORDS: [&str; 2] = ["hello", "feng"];
const ECHOES: [&str; 2] = ["HELLO", "FENG"];

/// Linux joins sends into one datagram, but only for a program that asks (MSG_MORE, udp(7)).
const JOINS: bool = cfg!(any(target_os = "linux", target_os = "android"));
const DATAGRAMS: usize = WORDS.len() + JOINS as usize;

fn client(end: &End) -> Ends {
    let s = end.udp()?;
    let server = end.server_address()?;
    ECHOES.iter().for_each(|echo| s.expect(echo.as_bytes()));
    s.send_to(WORDS[0].as_bytes(), server)?;
    s.send_to(WORDS[1].as_bytes(), server)?;
    send_joined(end, &s, server)?;
    end.open("sent");
    for _ in 0..DATAGRAMS {
        s.recv_from(end.recv_size())?;
    }
    s.close()?;
    Ok(())
}

fn server(end: &End) -> Ends {
    let s = end.udp()?;
    WORDS.iter().for_each(|word| s.expect(word.as_bytes()));
    end.pass("sent", Text::new("until everything is sent", "等到全部发完"))?;
    for _ in 0..DATAGRAMS {
        let (word, from) = s.recv_from(end.recv_size())?;
        s.send_to(&word.to_ascii_uppercase(), from)?;
    }
    s.close()?;
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

/// The control: the same words over TCP.
fn client_over_tcp(end: &End) -> Ends {
    let s = end.tcp().connect()?;
    s.send(WORDS[0].as_bytes())?;
    s.send(WORDS[1].as_bytes())?;
    s.recv_exact(WORDS.concat().len(), 1024)?;
    s.close()?;
    Ok(())
}

fn server_over_tcp(end: &End) -> Ends {
    let listener = end.tcp().listen()?;
    let conn = listener.accept()?;
    WORDS.iter().for_each(|word| conn.expect(word.as_bytes()));
    conn.wait_queued(WORDS.concat().len())?;
    loop {
        let word = conn.recv(end.recv_size())?;
        if word.is_empty() {
            break;
        }
        conn.send(&word.to_ascii_uppercase())?;
    }
    conn.close()?;
    Ok(())
}

fn judge(j: &Judge) {
    let words = Text::new("each recv returned one word, whole and alone", "每次 recv 返回一个词，完整且单独");
    one_by_one(j, "one-send-one-recv", Server, words, WORDS);
    let echoes = Text::new("and so did the echoes, on their way back", "回显也是如此");
    one_by_one(j, "one-echo-one-recv", Client, echoes, ECHOES);
    if j.trace().sockets.iter().any(|s| s.proto == Proto::Udp) {
        joined(j);
    }
}

fn one_by_one(j: &Judge, id: &'static str, role: Role, text: Text, wanted: [&str; 2]) {
    let brought = |e: &&Event| !e.bytes.is_empty();
    let recvs: Vec<&Event> = j.recvs(role).into_iter().filter(brought).take(wanted.len()).collect();
    let got: Vec<String> = recvs.iter().map(|e| String::from_utf8_lossy(&e.bytes).into_owned()).collect();
    let alone = recvs.iter().all(|e| j.trace().exactly_one(e).is_some());
    j.claim_text(id, text).needs(role).shown_by(recvs).that(
        alone && got == wanted,
        Text::same(wanted.join(" | ")),
        Text::same(got.join(" | ")),
    );
}

fn joined(j: &Judge) {
    if !JOINS {
        j.limit(Text::new(
            "this system cannot be asked to join two sends into one datagram (MSG_MORE)",
            "本系统不能要求把两次 send 合成一个数据报（MSG_MORE）",
        ));
        return;
    }
    let asked = j.sends(Client).into_iter().find(|e| e.ok() && e.datagram_len.is_none()).and_then(|e| e.handed);
    let ours = |e: &&Event| asked.is_some_and(|h| e.spans.iter().any(|s| s.msg == h.msg));
    let sends: Vec<&Event> = j.sends(Client).into_iter().filter(ours).collect();
    let recvs: Vec<&Event> = j.recvs(Server).into_iter().filter(ours).collect();
    let total: usize = sends.iter().map(|e| e.bytes.len()).sum();
    let [given, taken] = [sends.len(), recvs.len()].map(grouped);
    let got: usize = recvs.iter().map(|e| e.bytes.len()).sum();
    j.claim(
        "exception-on-request",
        "two sends become one datagram only on request (MSG_MORE)",
        "只有主动要求（MSG_MORE），两次 send 才成为一个数据报",
    )
    .needs(Client)
    .needs(Server)
    .shown_by(sends.iter().chain(&recvs).copied())
    .that(
        sends.len() == 2 && recvs.len() == 1 && got == total,
        say!("2 sends, 1 recv of {total} bytes", "2 次 send，1 次 recv 共 {total} 字节"),
        say!("{given} sends, {taken} recv of {got} bytes", "{given} 次 send，{taken} 次 recv 共 {got} 字节"),
    );
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
    .next(
        "udp-boundaries --race --repeat 200",
        "nobody waits, and it is still one recv per send",
        "谁也不等谁，仍是一次 send 一次 recv",
    )
    .next("tcp-naive", "the same two words over TCP", "同样两个词，改走 TCP")
    .next("udp-truncate", "what a kept boundary costs when the buffer is small", "缓冲区太小时，保留边界的代价")
    .control("the same words over TCP, which has no datagrams", "同样的词改走 TCP：没有数据报", |s| {
        s.client(client_over_tcp);
        s.server(server_over_tcp);
    })
}
