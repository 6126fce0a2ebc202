//! An empty message arrives: a datagram of length 0, with its sender's address, and no end of anything.

use super::{Control, Next, Part, Scenario, Variation, Why};
use crate::claims::{Judge, describe};
use crate::net::End;
use crate::say;
use crate::text::{Text, grouped};
use crate::trace::Event;
use crate::trace::Role::{Client, Server};

const EMPTY: &[u8] = b"";
const MORE: &[u8] = b"x";
const BUFSIZE: usize = 1024;

fn client(end: &End) -> anyhow::Result<()> {
    let s = end.udp()?;
    let server = end.server_address()?;
    s.send_to(EMPTY, server)?;
    s.send_to(MORE, server)?;
    s.close()?;
    Ok(())
}

fn server(end: &End) -> anyhow::Result<()> {
    let s = end.udp()?;
    [EMPTY, MORE].iter().for_each(|sent| s.expect(sent));
    s.recv_from(BUFSIZE)?;
    s.recv_from(BUFSIZE)?;
    s.close()?;
    Ok(())
}

/// The control: the same two sends over TCP.
fn client_over_tcp(end: &End) -> anyhow::Result<()> {
    let s = end.tcp().connect()?;
    s.send(EMPTY)?;
    s.send(MORE)?;
    s.close()?;
    Ok(())
}

fn server_over_tcp(end: &End) -> anyhow::Result<()> {
    let listener = end.tcp().listen()?;
    let conn = listener.accept()?;
    conn.recv(BUFSIZE)?;
    conn.recv(BUFSIZE)?;
    conn.close()?;
    Ok(())
}

fn judge(j: &mut Judge) {
    let recvs = j.recvs(Server);
    let is_message = |e: &&Event| j.trace().exactly_one(e).is_some();
    let messages: Vec<&Event> = recvs.iter().copied().filter(is_message).collect();
    let empty = messages.iter().copied().find(|e| e.returned == Some(0));
    let after = empty.and_then(|empty| messages.iter().copied().find(|e| e.seq > empty.seq));
    let first = empty.or(recvs.first().copied());
    j.claim("empty-arrives", &[Server], Text::new("the empty message arrives", "空消息到了"))
        .expected(Text::new("a message of 0 bytes", "一条 0 字节的消息"))
        .actual(match (empty, first) {
            (Some(_), _) => Text::new("a message of 0 bytes", "一条 0 字节的消息"),
            (None, Some(event)) => describe(event),
            (None, None) => Text::new("no recv returned", "没有 recv 返回"),
        })
        .shown_by(first)
        .holds(empty.is_some());
    sender(j, empty, after);
    no_end(j, after);

    let sends = j.sends(Client);
    let [sent, got] = [sends.len(), messages.len()].map(grouped);
    let each = Text::new("each send came out as one message, empty or not", "每次 send 都成为一条消息，空的也算");
    j.claim("one-recv-each", &[Client, Server], each)
        .expected(say!("{sent} of {sent} sends", "{sent} 次 send 中 {sent} 次"))
        .actual(say!("{got} of {sent} sends", "{sent} 次 send 中 {got} 次"))
        .holds(messages.len() == sends.len());
}

/// recvfrom told who sent nothing: the one who then sent x.
fn sender(j: &mut Judge, empty: Option<&Event>, after: Option<&Event>) {
    let address = empty.and_then(|e| e.peer);
    let same = address.is_some() && address == after.and_then(|e| e.peer);
    j.claim("with-its-sender", &[Server], Text::new("it brings its sender's address", "它带来了发送方的地址"))
        .expected(Text::new("the address x comes from", "x 来自的地址"))
        .actual(match (same, address) {
            (true, _) => Text::new("the address x comes from", "x 来自的地址"),
            (false, Some(_)) => Text::new("another address", "另一个地址"),
            (false, None) => Text::new("no address", "没有地址"),
        })
        .shown_by(empty.into_iter().chain(after))
        .holds(same);
}

/// 0 bytes were not the end: more came.
fn no_end(j: &mut Judge, after: Option<&Event>) {
    j.claim("not-an-end", &[Server], Text::new("it is not an end of stream", "它不是流的结束"))
        .expected(Text::new("then x", "随后是 x"))
        .actual(after.map_or(Text::new("nothing came after it", "它之后什么也没有"), |e| {
            let next = String::from_utf8_lossy(&e.bytes).into_owned();
            say!("then {next}", "随后是 {next}")
        }))
        .shown_by(after)
        .holds(after.is_some_and(|e| e.bytes == MORE));
}

pub(super) fn scenario() -> Scenario {
    Scenario {
        id: "udp-empty",
        part: Part::Udp,
        title: Text::new("an empty message over UDP", "UDP 上的空消息"),
        claim: Text::new(
            "An empty send arrives as a datagram of length 0, with its sender's address; it ends nothing.",
            "空的 send 也会到达：一个长度为 0 的数据报，带着发送方地址；它不表示结束。",
        ),
        documents: &["D0", "D1 §10", "D3 §9"],
        client,
        server: Some(server),
        judge,
        why: vec![
            Why {
                text: Text::new(
                    "A datagram is a header of 8 bytes and data; the data may have length 0, the header is sent all the same.",
                    "数据报由 8 字节首部和数据组成；数据长度可以为 0，首部照样发出。",
                ),
                source: "RFC 768",
            },
            Why {
                text: Text::new(
                    "A return value of 0 means end of stream on a stream socket only; datagram domains permit length 0.",
                    "返回 0 只在流式套接字上表示流结束；数据报允许长度为 0。",
                ),
                source: "recv(2)",
            },
        ],
        next: vec![
            Next {
                command: "tcp-empty",
                shows: Text::new("the same over TCP: nothing is sent", "换成 TCP：什么也没有发出"),
            },
            Next {
                command: "udp-remote-cmd",
                shows: Text::new("empty answers that count as answers", "空的回答也算一次回答"),
            },
            Next {
                command: "udp-no-server",
                shows: Text::new("datagrams to a port where nobody listens", "发往没有人监听的端口"),
            },
        ],
        control: Control {
            change: Text::new(
                "the same two sends over TCP, where an empty send is nothing",
                "同样两次 send 改走 TCP：空的 send 等于没发",
            ),
            apply: |s| {
                s.client = client_over_tcp;
                s.server = Some(server_over_tcp);
            },
        },
        on_link: Variation::Nothing,
        ..Scenario::blank()
    }
}
