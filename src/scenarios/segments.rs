//! One socket's connection as the link carried it: what its claims are judged by, beside the kernel's counters.

use crate::claims::Measured;
use crate::net::Conn;
use crate::net::statistics;
use crate::play::NotPossible;
use crate::text::{Text, grouped};
use crate::trace::packet::Packet;
use crate::trace::{Event, Trace};
use std::ops::Range;

/// Why a scenario whose main claim is about segments cannot be shown, where the kernel does not count them, or lets no
/// program bring about what is to be counted: what holds besides holds without the cause, too.
pub(super) fn uncounted() -> Option<Text> {
    match statistics::counts_segments() {
        false => Some(Text::new("this system does not count TCP segments", "本系统不统计 TCP 报文段")),
        true if !Conn::SETS_ACKS => Some(Text::new(
            "this system lets no program choose the size of its TCP segments, or delay its ACKs",
            "本系统不让程序选择 TCP 报文段的大小，也不让程序推迟确认",
        )),
        true => None,
    }
}

/// How many segments a send needs by itself, as large as the kernel said that they may be.
pub(super) fn needed(send: &Event) -> u64 {
    let mss = send.evidence.mss.filter(|mss| *mss > 0).map_or(usize::MAX, |mss| mss as usize);
    send.bytes.len().div_ceil(mss) as u64
}

/// The packets of one connection, seen from one of its sockets.
pub(super) struct Segments<'a> {
    /// All that the socket was told to send, in order.
    sends: Vec<&'a Event>,
    /// Those the socket sent, in order, and those it was sent.
    sent: Vec<&'a Packet>,
    heard: Vec<&'a Packet>,
}

impl<'a> Segments<'a> {
    /// Of the socket that these calls sent with; `None` without a link.
    pub(super) fn sent_with(trace: &'a Trace, sends: &[&Event]) -> Option<Segments<'a>> {
        let sock = sends.first()?.sock;
        let local = trace.socket(sock?)?.local?;
        let (sent, others): (Vec<_>, Vec<_>) = trace.packets.iter().partition(|p| local == p.source.into());
        let heard = others.into_iter().filter(|p| local == p.destination.into()).collect();
        let sends = trace.events.iter().filter(|e| e.sock == sock && e.call.sends()).collect();
        (!trace.packets.is_empty()).then_some(Segments { sends, sent, heard })
    }

    /// How many bytes each of its segments with new data carried.
    pub(super) fn new_sizes(&self) -> String {
        sizes(self.new_data().iter().map(|p| p.payload_len))
    }

    /// The data the socket sent; what was sent again is left out.
    pub(super) fn new_data(&self) -> Vec<&'a Packet> {
        let again = |p: &Packet| p.segment().is_some_and(|s| s.retransmission);
        self.sent.iter().copied().filter(|p| p.is_data() && !again(p)).collect()
    }

    /// Where in the socket's stream the bytes of this call stand.
    fn range(&self, send: &Event) -> Range<usize> {
        let start = self.sends.iter().take_while(|e| e.seq < send.seq).map(|e| e.bytes.len()).sum();
        start..start + send.bytes.len()
    }

    /// The packets that carried the first byte of this call; the first one first.
    pub(super) fn carrying(&self, send: &Event) -> impl Iterator<Item = &'a Packet> {
        // Relative sequence numbers begin with 1.
        let first = self.range(send).start + 1;
        let holds = move |start: usize, len: usize| start <= first && first < start + len;
        let carries = move |p: &&Packet| p.segment().is_some_and(|s| holds(s.seq as usize, p.payload_len));
        self.sent.iter().copied().filter(carries)
    }

    /// The first packet to acknowledge all of this call's bytes.
    pub(super) fn ack_of(&self, send: &Event) -> Option<&'a Packet> {
        let end = self.range(send).end;
        let acks = |p: &&Packet| p.segment().is_some_and(|s| s.ack as usize > end) && !p.arrivals.is_empty();
        self.heard.iter().copied().find(acks)
    }
}

impl Segments<'_> {
    /// How long the receiver kept the ACK of this call back. `None` where it was right not to: the link doubled or
    /// changed the order of something, or a machine away for long had it sent again; a receiver acknowledges that at
    /// once, and for a while what follows, too (RFC 5681 §4.2).
    pub(super) fn ack_kept_back(&self, send: &Event) -> Option<Measured> {
        let ack = self.ack_of(send)?;
        let there = self.carrying(send).flat_map(|p| &p.arrivals).min()?;
        self.in_order_until(ack.t_us).then(|| Measured(ack.t_us.saturating_sub(*there)))
    }

    /// Until this moment, in microseconds since the run began, all it sent arrived once and in order.
    fn in_order_until(&self, moment_us: u64) -> bool {
        let range = |p: &Packet| p.segment().map(|s| (s.seq, s.seq + p.payload_len as u64));
        let data = self.sent.iter().filter(|p| p.is_data());
        let arrivals = data.flat_map(|p| p.arrivals.iter().filter_map(move |at| Some((*at, range(p)?))));
        let mut arrivals: Vec<_> = arrivals.filter(|(at, _)| *at <= moment_us).collect();
        arrivals.sort_unstable();
        arrivals.windows(2).all(|pair| pair[0].1.1 == pair[1].1.0)
    }
}

/// A connection that began slowly shows nothing of what leaves, or is acknowledged, at once.
pub(super) fn began_as_usual(s: &Conn) -> Result<(), NotPossible> {
    let reason = Text::new(
        "the round trip is longer than the timer of the handshake (1 s): SYN was sent again, and such a connection \
         begins with one segment at a time (RFC 6298 §5; RFC 5681 §3.1)",
        "往返时间比握手的定时器（1 秒）还长：SYN 被重传，这样的连接开始时一次只发一个报文段（RFC 6298 §5；RFC 5681 §3.1）",
    );
    if s.handshake_was_repeated() { Err(NotPossible(reason)) } else { Ok(()) }
}

/// Had this packet arrived when the other one left?
pub(super) fn arrived_before(packet: &Packet, other: &Packet) -> bool {
    packet.arrivals.first().is_some_and(|arrival| *arrival <= other.t_us)
}

/// `1,460 + 1,460 + 1,080`, or where many are alike `10 x 1`: how many bytes each has.
pub(super) fn sizes(of: impl IntoIterator<Item = usize>) -> String {
    const MANY: usize = 4;
    let of: Vec<usize> = of.into_iter().collect();
    let written = |run: &[usize]| match (run.len(), grouped(run[0])) {
        (n, size) if n >= MANY => format!("{n} x {size}"),
        (n, size) => vec![size; n].join(" + "),
    };
    of.chunk_by(|a, b| a == b).map(written).collect::<Vec<_>>().join(" + ")
}

#[cfg(test)]
mod tests {
    use super::sizes;

    #[test]
    fn many_alike_are_counted() {
        assert_eq!(sizes([1460, 1460, 1080]), "1,460 + 1,460 + 1,080");
        assert_eq!(sizes([1; 10]), "10 x 1");
        assert_eq!(sizes([]), "");
    }
}
