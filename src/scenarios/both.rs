//! Numbered messages, and the same ones over UDP and then over TCP across one link: what the scenarios about
//! an unreliable network share.

use crate::claims::Judge;
use crate::net::{End, Udp};
use crate::say;
use crate::text::{Text, grouped};
use crate::trace::Role::{Client, Server};
use crate::trace::packet::{Content, Packet};
use crate::trace::{Event, Proto};

/// `No. 001 ......`, of the given length.
pub(super) fn numbered(n: usize, length: usize) -> Vec<u8> {
    format!("{:.<length$}", format!("No. {n:03} ")).into_bytes()
}

/// The number a message carries.
pub(super) fn number(bytes: &[u8]) -> Option<usize> {
    std::str::from_utf8(bytes.get(4..7)?).ok()?.parse().ok()
}

/// Sends them all as datagrams, then all on a connection; with TCP_NODELAY, so that each leaves at once.
pub(super) fn client(end: &End, messages: usize, length: usize) -> anyhow::Result<()> {
    let server = end.server_address()?;
    end.pass("ready", Text::new("until the server has both its sockets", "等到服务器的两个套接字都好了"))?;
    let udp = end.udp()?;
    for n in 1..=messages {
        udp.send_to(&numbered(n, length), server)?;
    }
    end.open("sent");
    let tcp = end.tcp().nodelay(true).connect()?;
    for n in 1..=messages {
        tcp.send(&numbered(n, length))?;
    }
    tcp.wait_acked()?;
    tcp.close()?;
    udp.close()?;
    Ok(())
}

/// Reads what there is of the datagrams once nothing is on its way any more, then the connection to its end.
pub(super) fn server(end: &End, messages: usize, length: usize) -> anyhow::Result<()> {
    let listener = end.tcp().listen()?;
    let udp = Udp::at(end, listener.address())?;
    end.open("ready");
    end.pass("sent", Text::new("until what was sent is through", "等到发出的都走完了"))?;
    udp.set_nonblocking(true)?;
    while udp.try_recv_from(length)?.is_some() {}
    let conn = listener.accept()?;
    conn.wait_queued(messages * length)?;
    while !conn.recv(length)?.is_empty() {}
    conn.close()?;
    udp.close()?;
    Ok(())
}

/// What the server's application got of each protocol, and what the link did to it.
pub(super) struct Seen<'a> {
    /// The receive calls that brought datagrams.
    pub(super) datagrams: Vec<&'a Event>,
    /// The receive calls that brought bytes of the stream.
    pub(super) pieces: Vec<&'a Event>,
    /// The datagrams as they left the client.
    pub(super) udp: Vec<&'a Packet>,
    /// The segments with data as they left the client.
    pub(super) tcp: Vec<&'a Packet>,
}

impl<'a> Seen<'a> {
    pub(super) fn of(j: &Judge<'a>) -> Seen<'a> {
        let trace = j.trace();
        let proto = |e: &Event| e.sock.and_then(|sock| trace.socket(sock)).map(|socket| socket.proto);
        let recvs = |wanted| {
            let brought = |e: &&Event| proto(e) == Some(wanted) && !e.bytes.is_empty();
            j.recvs(Server).into_iter().filter(brought).collect()
        };
        let left = trace.packets.iter().filter(|p| p.from == Client && p.is_data());
        let (udp, tcp) = left.partition(|p| matches!(p.content, Content::Udp));
        Seen { datagrams: recvs(Proto::Udp), pieces: recvs(Proto::Tcp), udp, tcp }
    }

    /// The numbers of the datagrams that were received, in the order of receiving.
    pub(super) fn received(&self) -> Vec<usize> {
        self.datagrams.iter().filter_map(|e| number(&e.bytes)).collect()
    }

    /// Is the stream whole and in order?
    pub(super) fn stream_is_whole(&self, messages: usize, length: usize) -> bool {
        let got = self.pieces.iter().flat_map(|e| &e.bytes);
        got.eq((1..=messages).flat_map(|n| numbered(n, length)).collect::<Vec<_>>().iter())
    }

    /// The bytes the stream brought.
    pub(super) fn stream_length(&self) -> usize {
        self.pieces.iter().map(|e| e.bytes.len()).sum()
    }
}

/// The numbers of the messages that begin in these packets.
pub(super) fn carried<'p>(packets: impl IntoIterator<Item = &'p &'p Packet>) -> Vec<usize> {
    packets.into_iter().filter_map(|p| number(p.payload())).collect()
}

/// `3, 7 and 15`: numbers for the reader; `none` of none.
pub(super) fn listed(numbers: &[usize]) -> Text {
    let all = |joint: &str| numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(joint);
    match numbers {
        [] => Text::new("none", "无"),
        _ => Text::made(all(", "), all("、")),
    }
}

/// The same where a claim expects some: a link that did nothing does not show it.
pub(super) fn expected(numbers: &[usize]) -> Text {
    if numbers.is_empty() { Text::new("one or more", "至少一个") } else { listed(numbers) }
}

/// The claim that TCP hides it: the stream is whole and in order.
pub(super) fn claim_whole_stream(j: &Judge, seen: &Seen, messages: usize, length: usize) {
    let (want, got) = (grouped(messages * length), grouped(seen.stream_length()));
    let whole = seen.stream_is_whole(messages, length);
    j.claim("tcp-whole", "TCP: all of it arrived, once and in order", "TCP：全部到达，不重复，顺序不变")
        .needs(Client)
        .needs(Server)
        .shown_by(seen.pieces.iter().copied())
        .that(
            whole,
            say!("{want} bytes in order", "{want} 字节，顺序不变"),
            match whole {
                true => say!("{got} bytes in order", "{got} 字节，顺序不变"),
                false => say!("{got} bytes, not as sent", "{got} 字节，与发送的不同"),
            },
        );
}

#[cfg(test)]
mod tests {
    use super::{number, numbered};

    #[test]
    fn a_message_carries_its_number() {
        let message = numbered(7, 100);
        assert_eq!(message.len(), 100);
        assert!(message.starts_with(b"No. 007 .."));
        assert_eq!(number(&message), Some(7));
    }
}
