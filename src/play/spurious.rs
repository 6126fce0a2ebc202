//! Retransmissions that this machine caused: a kernel's timer ran out because a thread was away, not because the link
//! lost something.

use crate::link::spec::Spec;
use crate::text::Text;
use crate::trace::Trace;
use crate::trace::packet::Packet;
use std::time::Duration;

/// The shortest time after which Linux sends again what nobody acknowledged (TCP_RTO_MIN). Over a longer round trip, or
/// in front of a rate, it does so whatever the machine.
const SHORTEST_TIMER: Duration = Duration::from_millis(200);

/// Why a run says something of this machine and not of the link: something was sent again of a connection of which the
/// link had dropped nothing.
pub(super) fn reason(trace: &Trace, link: Option<&Spec>) -> Option<Text> {
    link.filter(|spec| spec.rtt() < SHORTEST_TIMER && spec.up.rate.or(spec.down.rate).is_none())?;
    let again = trace.packets.iter().filter(|p| p.segment().is_some_and(|s| s.retransmission));
    let mut for_nothing = again.filter(|p| !trace.packets.iter().any(|q| q.dropped() && q.seq < p.seq && beside(p, q)));
    let reason = "a segment was sent again although none was lost";
    for_nothing.next().map(|_| Text::new(reason, "没有丢失的报文段却被重传"))
}

/// Are they of the same connection, whichever way they go?
fn beside(p: &Packet, q: &Packet) -> bool {
    let ways = [(q.source, q.destination), (q.destination, q.source)];
    ways.contains(&(p.source, p.destination))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::Role;
    use crate::trace::packet::{Cause, Content, Fate, Segment};
    use std::net::{Ipv4Addr, SocketAddrV4};

    /// Segments of one connection: what became of each, and whether it was sent before.
    fn trace(fates: &[(Fate, bool)]) -> Trace {
        let at = |port| SocketAddrV4::new(Ipv4Addr::LOCALHOST, port);
        let packet = |(seq, (fate, retransmission)): (usize, &(Fate, bool))| Packet {
            seq,
            from: Role::Client,
            t_us: 0,
            arrivals: vec![],
            fate: *fate,
            source: at(1),
            destination: at(2),
            ip_id: 0,
            fragment: None,
            content: Content::Tcp(Segment { retransmission: *retransmission, ..Segment::default() }),
            payload_len: 1,
            spans: vec![],
            len: 41,
            context: None,
            bytes: [].into(),
        };
        Trace { packets: fates.iter().enumerate().map(packet).collect(), ..Trace::default() }
    }

    #[test]
    fn what_was_lost_is_sent_again_for_a_reason_and_what_was_not_is_not() {
        let [first, again] = [false, true].map(|again| (Fate::Delivered, again));
        let lost = (Fate::Dropped(Cause::Asked), false);
        let near = Spec::parse("rtt=20ms").expect("a link");
        assert_eq!(reason(&trace(&[first, first]), Some(&near)), None);
        assert_eq!(reason(&trace(&[lost, again]), Some(&near)), None);
        assert!(reason(&trace(&[first, again, lost]), Some(&near)).is_some(), "nothing was lost before it");
        for slow in ["rtt=4s", "rate=1000"] {
            let link = Spec::parse(slow).expect("a link");
            assert_eq!(reason(&trace(&[first, again]), Some(&link)), None, "{slow}: the timer of every machine");
        }
        assert_eq!(reason(&trace(&[first, again]), None), None, "without a link nobody knows what was lost");
    }
}
