//! One socket's connection as the link carried it: what its claims are judged by, beside the kernel's counters.

use crate::text::grouped;
use crate::trace::packet::Packet;
use crate::trace::{Event, SockId, Trace};

/// The packets of one connection, seen from one of its sockets.
pub(super) struct Segments<'a> {
    /// Those the socket sent, in order, and those it was sent.
    sent: Vec<&'a Packet>,
    heard: Vec<&'a Packet>,
}

impl<'a> Segments<'a> {
    /// `None` without a link.
    pub(super) fn of(trace: &'a Trace, sock: SockId) -> Option<Segments<'a>> {
        let local = trace.socket(sock)?.local?;
        let (sent, others): (Vec<_>, Vec<_>) = trace.packets.iter().partition(|p| local == p.source.into());
        let heard = others.into_iter().filter(|p| local == p.destination.into()).collect();
        (!trace.packets.is_empty()).then_some(Segments { sent, heard })
    }

    /// The same of the socket that these calls sent with.
    pub(super) fn sent_with(trace: &'a Trace, sends: &[&Event]) -> Option<Segments<'a>> {
        Segments::of(trace, sends.first()?.sock?)
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

    /// The packets that carried this byte of the stream, counted from 0; the first one first.
    pub(super) fn carrying(&self, offset: usize) -> impl Iterator<Item = &'a Packet> {
        // Relative sequence numbers begin with 1.
        let holds = move |start: usize, len: usize| start <= offset + 1 && offset + 1 < start + len;
        let carries = move |p: &&Packet| p.segment().is_some_and(|s| holds(s.seq as usize, p.payload_len));
        self.sent.iter().copied().filter(carries)
    }

    /// The first packet to acknowledge so many bytes of the stream.
    pub(super) fn ack_of(&self, bytes: usize) -> Option<&'a Packet> {
        let acks = |p: &&Packet| p.segment().is_some_and(|s| s.ack as usize > bytes) && !p.arrivals.is_empty();
        self.heard.iter().copied().find(acks)
    }
}

impl Segments<'_> {
    /// Until this moment, in microseconds since the run began, all it sent arrived once and in order. A receiver
    /// acknowledges anything else at once, and for a while what follows, too (RFC 5681 §4.2).
    pub(super) fn in_order_until(&self, moment_us: u64) -> bool {
        let range = |p: &Packet| p.segment().map(|s| (s.seq, s.seq + p.payload_len as u64));
        let data = self.sent.iter().filter(|p| p.is_data());
        let arrivals = data.flat_map(|p| p.arrivals.iter().filter_map(move |at| Some((*at, range(p)?))));
        let mut arrivals: Vec<_> = arrivals.filter(|(at, _)| *at <= moment_us).collect();
        arrivals.sort_unstable();
        arrivals.windows(2).all(|pair| pair[0].1.1 == pair[1].1.0)
    }
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
