//! What this machine caused and no end: a kernel's timer ran out because a thread was away, not because the link lost
//! something; an ACK came late, and a segment waited for it; or a signal ended a call.

use crate::link::spec::{Impairments, Spec};
use crate::text::Text;
use crate::trace::packet::Packet;
use crate::trace::{Call, Event, Trace};
use std::time::Duration;

/// The shortest time after which Linux sends again what nobody acknowledged (TCP_RTO_MIN). Over a longer round trip, or
/// in front of a rate, it does so whatever the machine.
const SHORTEST_TIMER: Duration = Duration::from_millis(200);

/// Why a run shows a signal: a send that waits takes everything, unless a signal comes between (SIGCONT after Ctrl-Z is
/// one; signal(7), send(2)) or the connection breaks.
pub(super) fn interrupted(trace: &Trace) -> Option<Text> {
    let option =
        |e: &Event| e.call == Call::SetSockOpt && e.note.as_deref().is_some_and(|note| note.en == "O_NONBLOCK");
    let part = |(at, e): (usize, &Event)| {
        let on_it = |other: &&Event| other.sock == e.sock;
        let waits =
            || trace.events[..at].iter().rev().filter(on_it).find(|e| option(e)).is_none_or(|e| e.asked == Some(0));
        let breaks = || trace.events[at..].iter().filter(on_it).any(|e| e.error.is_some());
        e.call == Call::Send && e.returned.is_some_and(|n| Some(n) < e.asked) && waits() && !breaks()
    };
    let reason = Text::new("a signal came between, and a send took a part", "收到信号，send 只发了一部分");
    trace.events.iter().enumerate().any(part).then_some(reason)
}

/// How long Linux at least delays an ACK (TCP_DELACK_MIN): a program that reads earlier sends it along.
const DELAYED_ACK: Duration = Duration::from_millis(40);

/// Why a run of both ends here says something of this machine: an ACK was due, and Nagle's algorithm kept what is less than
/// a full segment waiting for it (tcp(7)). On loopback it is there before send returns, if the kernel finds the time; over
/// the link a round trip and the delay of an ACK later. An end that delays its ACKs, or holds back what it sends, means it so.
pub(super) fn delayed(trace: &Trace, link: Option<&Spec>) -> Option<Text> {
    let meant = |e: &Event| {
        let option = e.note.as_deref().map(|note| &*note.en);
        matches!(option, Some("TCP_QUICKACK" | "TCP_CORK" | "MSG_MORE"))
    };
    if trace.events.iter().any(meant) || link.is_some_and(|spec| !is_quick(spec)) {
        return None;
    }
    let due = |e: &Event| link.is_none_or(|spec| waited(trace, e) > Some(spec.rtt() + DELAYED_ACK));
    let mut sends = trace.events.iter().filter(|e| e.call == Call::Send);
    let reason = Text::new("an ACK came late, and a segment waited for it", "ACK 来得晚，有报文段在等它");
    sends.any(|e| waits(e) && due(e)).then_some(reason)
}

/// How long ago the last segment with data left on the socket of a send.
fn waited(trace: &Trace, event: &Event) -> Option<Duration> {
    let socket = trace.sockets.get(event.sock?.0 as usize)?;
    let same = |p: &&Packet| Some(p.source.into()) == socket.local && Some(p.destination.into()) == socket.peer;
    let left = trace.packets.iter().filter(|p| p.payload_len > 0 && p.t_us <= event.t_us).filter(same);
    left.map(|p| Duration::from_micros(event.t_us - p.t_us)).min()
}

/// No kernel's timer runs out on this link unless something is lost.
fn is_quick(spec: &Spec) -> bool {
    spec.rtt() < SHORTEST_TIMER && spec.up.rate.or(spec.down.rate).is_none()
}

/// Less than a segment has not left, although the peer has room for it.
fn waits(event: &Event) -> bool {
    let kernel = &event.evidence;
    let (Some(unsent), Some(unacked), Some(mss)) = (kernel.unsent, kernel.unacked, kernel.mss) else { return false };
    let under_way = mss.saturating_mul(unacked);
    (1..mss).contains(&unsent)
        && unacked > 0
        && kernel.peer_window.is_some_and(|room| room >= under_way.saturating_add(unsent))
}

/// Why a run says something of this machine and not of the link: something was sent again that the link had not dropped.
/// Where chance or another order is at work, that something of the connection was dropped is reason enough.
pub(super) fn reason(trace: &Trace, link: Option<&Spec>) -> Option<Text> {
    let spec = link.filter(|spec| is_quick(spec))?;
    let why = if loses_by_number(spec) { holds } else { beside };
    let again = trace.packets.iter().filter(|p| p.segment().is_some_and(|s| s.retransmission));
    let mut for_nothing = again.filter(|p| !trace.packets.iter().any(|q| q.dropped() && q.seq < p.seq && why(p, q)));
    let reason = "a segment was sent again that was not lost";
    for_nothing.next().map(|_| Text::new(reason, "没有丢失的报文段却被重传"))
}

/// Which packets it loses is said one by one, and nothing else happens to any. ACKs by themselves are never lost.
fn loses_by_number(spec: &Spec) -> bool {
    let plain = |way: &Impairments| way.loss.share == 0.0 && way.dup.is_empty() && way.reorder.is_empty();
    plain(&spec.up) && plain(&spec.down)
}

/// Does the one carry bytes that the other did?
fn holds(p: &Packet, q: &Packet) -> bool {
    let bytes = |p: &Packet| p.segment().map(|s| s.seq..s.seq + p.payload_len.max(1) as u64);
    let (Some(again), Some(lost)) = (bytes(p), bytes(q)) else { return false };
    p.source == q.source && p.destination == q.destination && again.start < lost.end && lost.start < again.end
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

    #[test]
    fn a_small_segment_that_waits_with_room_for_it_waits_for_an_ack() {
        use crate::trace::{EndName, Evidence};
        let send = |unsent, unacked, peer_window| {
            let mut event = Event::new(EndName::only(Role::Client), Call::Send);
            let [unsent, unacked, peer_window, mss] = [unsent, unacked, peer_window, 32_741].map(Some);
            event.evidence = Evidence { unsent, unacked, peer_window, mss, ..Evidence::default() };
            event
        };
        let of = |events: Vec<Event>| delayed(&Trace { events, ..Trace::default() }, None);
        assert_eq!(of(vec![send(0, 1, 65_483)]), None, "it has left");
        assert!(of(vec![send(0, 0, 65_483), send(8, 1, 65_483)]).is_some());
        assert_eq!(of(vec![send(22_528, 1, 2_048), send(872_425, 3, 94_834)]), None, "the peer has no room");
        let mut meant = Event::new(EndName::only(Role::Server), Call::SetSockOpt);
        meant.note = Some(Box::new(Text::new("TCP_QUICKACK", "TCP_QUICKACK")));
        assert_eq!(of(vec![meant, send(8, 1, 65_483)]), None, "somebody delays ACKs on purpose");
    }

    #[test]
    fn a_send_that_waits_and_takes_a_part_was_interrupted() {
        use crate::trace::{EndName, SockId};
        let event = |call, asked, returned: Option<usize>| {
            let mut event = Event::new(EndName::only(Role::Client), call);
            (event.sock, event.asked, event.returned) = (Some(SockId(0)), Some(asked), returned);
            event.error = returned.is_none().then(|| "ECONNRESET".into());
            event
        };
        let of = |events: Vec<Event>| interrupted(&Trace { events, ..Trace::default() }).is_some();
        let [whole, part, broken] = [Some(9), Some(4), None].map(|returned| event(Call::Send, 9, returned));
        let mut nonblocking = event(Call::SetSockOpt, 1, Some(1));
        nonblocking.note = Some(Box::new(Text::new("O_NONBLOCK", "O_NONBLOCK")));
        assert!(!of(vec![whole.clone()]) && of(vec![whole, part.clone()]));
        assert!(!of(vec![nonblocking, part.clone()]), "it does not wait");
        assert!(!of(vec![part, broken]), "the connection broke");
    }

    #[test]
    fn over_the_link_an_ack_is_late_after_a_round_trip_and_its_delay() {
        use crate::trace::{EndName, Evidence, Proto, SockId, SocketInfo};
        let mut trace = trace(&[(Fate::Delivered, false)]);
        let [local, peer] = [trace.packets[0].source, trace.packets[0].destination].map(|a| Some(a.into()));
        let end = EndName::only(Role::Client);
        trace.sockets = vec![SocketInfo { id: SockId(0), end, proto: Proto::Tcp, local, peer, expected: vec![] }];
        let link = Spec::parse("rtt=20ms").expect("a link");
        for (t_us, late) in [(19_000, false), (59_000, false), (61_000, true)] {
            let mut event = Event::new(end, Call::Send);
            (event.sock, event.t_us) = (Some(SockId(0)), t_us);
            let [unsent, unacked, mss, peer_window] = [4, 1, 1_460, 64_240].map(Some);
            event.evidence = Evidence { unsent, unacked, mss, peer_window, ..Evidence::default() };
            trace.events = vec![event];
            assert_eq!(delayed(&trace, Some(&link)).is_some(), late, "{t_us}");
        }
    }

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
        let mut elsewhere = trace(&[lost, again]);
        if let Content::Tcp(segment) = &mut elsewhere.packets[1].content {
            segment.seq = 1460;
        }
        assert!(reason(&elsewhere, Some(&near)).is_some(), "other bytes were lost");
        let chance = Spec::parse("loss=20%").expect("a link");
        assert_eq!(reason(&elsewhere, Some(&chance)), None, "a probe may go out while others are lost");
        assert_eq!(reason(&trace(&[first, again]), None), None, "without a link nobody knows what was lost");
    }
}
