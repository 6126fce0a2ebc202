//! Numbered messages, and the same ones over UDP and then over TCP across one link: what the scenarios about
//! an unreliable network share.

use super::prelude::*;
use crate::net::Udp;
use crate::trace::Proto;
use crate::trace::packet::{Content, Fate, Packet};

/// `No. 001 ......`, of the given length.
pub(super) fn numbered(n: usize, length: usize) -> Vec<u8> {
    format!("{:.<length$}", format!("No. {n:03} ")).into_bytes()
}

/// The number a message carries.
pub(super) fn number(bytes: &[u8]) -> Option<usize> {
    std::str::from_utf8(bytes.get(4..7)?).ok()?.parse().ok()
}

/// Sends them all as datagrams, then all on a connection; with TCP_NODELAY, so that each leaves at once.
pub(super) fn client(end: &End, messages: usize, length: usize) -> Ends {
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
    Ok(tcp.wait_acked()?)
}

/// Reads what there is of the datagrams once nothing is on its way any more, then the connection to its end.
pub(super) fn server(end: &End, messages: usize, length: usize) -> Ends {
    let listener = end.listen()?;
    let udp = Udp::at(end, listener.address())?;
    end.open("ready");
    end.pass("sent", Text::new("until what was sent is through", "等到发出的都走完了"))?;
    udp.set_nonblocking(true)?;
    while udp.try_recv_from(length)?.is_some() {}
    let conn = listener.accept()?;
    conn.wait_queued(messages * length)?;
    Ok(conn.recv_to_end(length)?)
}

/// What the server's application got of each protocol, and what the link did to it.
pub(super) struct Seen<'a> {
    /// The receive calls that brought datagrams.
    pub(super) datagrams: Events<'a>,
    /// The receive calls that brought bytes of the stream.
    pub(super) pieces: Events<'a>,
    /// The datagrams as they left the client.
    pub(super) udp: Vec<&'a Packet>,
    /// The segments with data as they left the client.
    pub(super) tcp: Vec<&'a Packet>,
}

impl<'a> Seen<'a> {
    pub(super) fn of(j: &Judge<'a>) -> Seen<'a> {
        let proto = |e: &Event| e.sock.and_then(|sock| j.trace().socket(sock)).map(|socket| socket.proto);
        let recvs = |wanted| j.recvs(Server).with_data().only(|e| proto(e) == Some(wanted));
        let (udp, tcp) = j.data_packets(Client).partition(|p| matches!(p.content, Content::Udp));
        Seen { datagrams: recvs(Proto::Udp), pieces: recvs(Proto::Tcp), udp, tcp }
    }

    /// The numbers of the datagrams that were received, in the order of receiving.
    pub(super) fn received(&self) -> Vec<usize> {
        self.datagrams.iter().filter_map(|e| number(&e.bytes)).collect()
    }
}

/// The numbers of the messages that these packets carry, whole or in part, packet by packet.
pub(super) fn carried<'p>(j: &Judge, packets: impl IntoIterator<Item = &'p Packet>) -> Vec<usize> {
    let of = |id| number(&j.trace().message(id)?.bytes);
    packets.into_iter().flat_map(|p| p.messages()).filter_map(of).collect()
}

/// When each copy of a packet arrived. One that was held back follows the one that released it within the same
/// microsecond.
pub(super) fn arrivals(packet: &Packet) -> impl Iterator<Item = (u64, bool)> {
    packet.arrivals.iter().map(|at| (*at, packet.fate == Fate::Reordered))
}

/// The numbers in the order in which their packets arrived.
pub(super) fn arrived(j: &Judge, packets: &[&Packet]) -> Vec<usize> {
    let mut all: Vec<_> = packets.iter().flat_map(|p| arrivals(p).map(move |at| (at, *p))).collect();
    all.sort_by_key(|(at, _)| *at);
    carried(j, all.iter().map(|(_, packet)| *packet))
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

/// Both protocols beside each other: the numbers in the order of arriving, and of receiving.
pub(super) fn side_by_side(j: &Judge, seen: &Seen) {
    let heads = [Text::new("", ""), Text::new("arrives", "到达"), Text::new("recv returns", "recv 返回")];
    let arrived = [&seen.udp, &seen.tcp].map(|packets| arrived(j, packets));
    let received = [seen.received(), seen.pieces.iter().filter_map(|e| number(&e.bytes)).collect()];
    let rows = ["UDP", "TCP"].into_iter().zip(arrived.into_iter().zip(received));
    j.table(heads, rows.map(|(name, (came, got))| (Text::same(name), [listed(&came).into(), listed(&got).into()])));
}

/// The claim that TCP hides it: the stream is whole and in order.
pub(super) fn claim_whole_stream(j: &Judge, seen: &Seen, messages: usize, length: usize) {
    let sent: Vec<u8> = (1..=messages).flat_map(|n| numbered(n, length)).collect();
    let got = seen.pieces.iter().flat_map(|e| &e.bytes);
    let whole = |n: usize| j.sentence([&n], |[n]| say!("{n} bytes in order", "{n} 字节，顺序不变"));
    let other = |n: usize| j.sentence([&n], |[n]| say!("{n} bytes, not as sent", "{n} 字节，与发送的不同"));
    let side = if got.eq(&sent) { whole(sent.len()) } else { other(seen.pieces.moved()) };
    j.claim("tcp-whole", "TCP: all of it arrived, once and in order", "TCP：全部到达，不重复，顺序不变")
        .of(&seen.pieces)
        .same(whole(sent.len()), side);
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
