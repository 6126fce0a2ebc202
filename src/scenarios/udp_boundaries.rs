//! One send comes out of one recv, however late the receiver comes: UDP carries datagrams, and a datagram is a message.

use super::{Control, Next, Part, Scenario, Variation, Why};
use crate::claims::Judge;
use crate::net::{End, Opt, Settings, Udp};
use crate::say;
use crate::text::{Text, grouped};
use crate::trace::Role::{self, Client, Server};
use crate::trace::{Event, Proto};
use std::net::SocketAddr;

const WORDS: [&str; 2] = ["hello", "feng"];
const ECHOES: [&str; 2] = ["HELLO", "FENG"];

/// Linux joins sends into one datagram, but only for a program that asks (MSG_MORE, udp(7)).
const JOINS: bool = cfg!(any(target_os = "linux", target_os = "android"));
const DATAGRAMS: usize = WORDS.len() + JOINS as usize;

fn client(end: &End) -> anyhow::Result<()> {
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

fn server(end: &End) -> anyhow::Result<()> {
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
fn send_joined(end: &End, s: &Udp, server: SocketAddr) -> anyhow::Result<()> {
    let message = end.message(*b"hello feng");
    s.send_more_to(message.part(0..5), server)?;
    s.send_part_to(message.part(5..10), server)?;
    Ok(())
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn send_joined(_: &End, _: &Udp, _: SocketAddr) -> anyhow::Result<()> {
    Ok(())
}

/// The control: the same words over TCP.
fn client_over_tcp(end: &End) -> anyhow::Result<()> {
    let s = end.tcp().connect()?;
    s.send(WORDS[0].as_bytes())?;
    s.send(WORDS[1].as_bytes())?;
    s.recv_exact(WORDS.concat().len(), 1024)?;
    s.close()?;
    Ok(())
}

fn server_over_tcp(end: &End) -> anyhow::Result<()> {
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

fn judge(j: &mut Judge) {
    let words = Text::new("each recv returned one word, whole and alone", "每次 recv 返回一个词，完整且单独");
    one_by_one(j, "one-send-one-recv", Server, words, WORDS);
    let echoes = Text::new("and so did the echoes, on their way back", "回显也是如此");
    one_by_one(j, "one-echo-one-recv", Client, echoes, ECHOES);
    if j.trace().sockets.iter().any(|s| s.proto == Proto::Udp) {
        joined(j);
    }
}

fn one_by_one(j: &mut Judge, id: &'static str, role: Role, text: Text, wanted: [&str; 2]) {
    let brought = |e: &&Event| !e.bytes.is_empty();
    let recvs: Vec<&Event> = j.recvs(role).into_iter().filter(brought).take(wanted.len()).collect();
    let got: Vec<String> = recvs.iter().map(|e| String::from_utf8_lossy(&e.bytes).into_owned()).collect();
    let alone = recvs.iter().all(|e| j.trace().exactly_one(e).is_some());
    j.claim(id, &[role], text)
        .expected(Text::same(wanted.join(" | ")))
        .actual(Text::same(got.join(" | ")))
        .shown_by(recvs)
        .holds(alone && got == wanted);
}

fn joined(j: &mut Judge) {
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
        &[Client, Server],
        Text::new(
            "two sends become one datagram only on request (MSG_MORE)",
            "只有主动要求（MSG_MORE），两次 send 才成为一个数据报",
        ),
    )
    .expected(say!("2 sends, 1 recv of {total} bytes", "2 次 send，1 次 recv 共 {total} 字节"))
    .actual(say!("{given} sends, {taken} recv of {got} bytes", "{given} 次 send，{taken} 次 recv 共 {got} 字节"))
    .shown_by(sends.iter().chain(&recvs).copied())
    .holds(sends.len() == 2 && recvs.len() == 1 && got == total);
}

pub(super) fn scenario() -> Scenario {
    Scenario {
        id: "udp-boundaries",
        part: Part::Udp,
        title: Text::new("one send, one recv", "一次 send，一次 recv"),
        claim: Text::new(
            "One send comes out of one recv, however late the receiver comes: UDP keeps message boundaries.",
            "一次 send 对应一次 recv，接收方来得再晚也一样：UDP 保留消息边界（不“粘包”）。",
        ),
        documents: &["D1 §10", "D2 §1", "D3 §8", "D3 §10"],
        takes: &[Opt::RecvSize, Opt::Race],
        defaults: Settings { recv_size: Some(1024), ..Settings::NONE },
        client,
        server: Some(server),
        judge,
        why: vec![
            Why {
                text: Text::new(
                    "Each send makes a datagram with its own header and length; datagrams are queued one by one.",
                    "每次 send 产生一个数据报，各有自己的首部和长度；数据报逐个排队。",
                ),
                source: "RFC 768",
            },
            Why {
                text: Text::new(
                    "A receive takes one datagram off the queue, never two, and never the rest of one.",
                    "一次接收从队列取走一个数据报：不会是两个，也不会是某个的剩余部分。",
                ),
                source: "udp(7)",
            },
            Why {
                text: Text::new(
                    "Two exceptions on Linux, for programs that ask: UDP_CORK or MSG_MORE joins sends, UDP_GRO joins arrivals.",
                    "Linux 上有两个例外，都要程序主动要求：UDP_CORK 或 MSG_MORE 合并发送，UDP_GRO 合并到达的数据报。",
                ),
                source: "udp(7), send(2)",
            },
        ],
        next: vec![
            Next {
                command: "udp-boundaries --race --repeat 200",
                shows: Text::new(
                    "nobody waits, and it is still one recv per send",
                    "谁也不等谁，仍是一次 send 一次 recv",
                ),
            },
            Next {
                command: "tcp-naive", shows: Text::new("the same two words over TCP", "同样两个词，改走 TCP")
            },
            Next {
                command: "udp-truncate",
                shows: Text::new("what a kept boundary costs when the buffer is small", "缓冲区太小时，保留边界的代价"),
            },
        ],
        control: Control {
            change: Text::new("the same words over TCP, which has no datagrams", "同样的词改走 TCP：没有数据报"),
            apply: |s| {
                s.client = client_over_tcp;
                s.server = Some(server_over_tcp);
            },
        },
        on_link: Variation::Nothing,
        ..Scenario::blank()
    }
}
