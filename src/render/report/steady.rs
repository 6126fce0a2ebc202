//! The steady pass: takes out of a report what differs from run to run, once, so that no renderer has to ask.

use super::{Report, Steady};
use crate::claims::{Claim, Table};
use crate::trace::packet::{Content, Packet};
use crate::trace::{Call, Event, Evidence, Fact, News, Trace};
use std::net::{Ipv4Addr, SocketAddrV4};

/// Stands where an address was.
const NOWHERE: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0);

impl Report {
    /// The same report without what the clock or the kernel chooses: times, addresses, the kernel's counters. What
    /// else differs is marked: with `calls` sizes and numbers of calls, with `packets` where packets stand.
    #[must_use]
    pub fn steady(mut self, varies: Steady) -> Report {
        self.head.steady = Some(varies);
        self.took_us = 0;
        let (shown, linked) = (self.shows_packets(), !self.trace.packets.is_empty());
        let trace = &mut self.trace;
        trace.restarts.clear();
        // Which of two threads came first is chance.
        trace.openings.sort_by(|a, b| (a.end, a.after, a.nth, &a.gate).cmp(&(b.end, b.after, b.nth, &b.gate)));
        trace.sockets.iter_mut().for_each(|socket| (socket.local, socket.peer) = (None, None));
        trace.packets.iter_mut().for_each(forget_choices);
        trace.events.iter_mut().for_each(|event| settle(event, shown));
        if varies.calls {
            let marks: Vec<bool> = trace.events.iter().map(|event| varying(trace, event, linked)).collect();
            for (event, varies) in trace.events.iter_mut().zip(marks) {
                event.varies = varies;
                event.news.retain_mut(|news| blurred(news, linked && event.call == Call::Recv));
            }
        }
        self.findings.claims.iter_mut().for_each(Claim::steady);
        self.findings.table.iter_mut().for_each(Table::steady);
        self
    }
}

/// Without its times, its address and its evidence; of the news stays what is the same on every run.
fn settle(event: &mut Event, packets_shown: bool) {
    (event.t_us, event.end_us, event.peer, event.evidence) = (0, 0, None, Evidence::default());
    // A tail-loss probe while an ACK is delayed is the clock's doing. Packets that are shown say themselves that they
    // left.
    let chance = |news: &News| matches!(news, News::SentAgain(_)) || packets_shown && news.is_departure();
    event.news.retain(|news| !chance(news));
}

/// Do its numbers differ from run to run? Over a link also those of a wait, and where a stream was cut that is handed
/// over; a whole message is as long as ever.
fn varying(trace: &Trace, event: &Event, linked: bool) -> bool {
    match event.call {
        Call::Wait => linked && matches!(event.fact, Some(Fact::Queued(_))),
        Call::Deliver => linked && trace.exactly_one(event).is_none(),
        call => call.sends() || call.receives(),
    }
}

/// Without its number, if it stays at all: how much is there when a receive call returns is a link's doing.
fn blurred(news: &mut News, by_chance: bool) -> bool {
    match news {
        News::Segments(..) | News::AckSent | News::Unsent(_) => return false,
        News::Queued(_) if by_chance => return false,
        News::Queued(n) | News::Dropped(n) => *n = None,
        News::Datagram | News::Held | News::SentAgain(_) | News::Unread(_) => {}
    }
    true
}

/// Of a packet the times, the addresses, the identification and the window are the machine's.
fn forget_choices(packet: &mut Packet) {
    packet.t_us = 0;
    packet.arrivals.fill(0);
    (packet.source, packet.destination, packet.ip_id) = (NOWHERE, NOWHERE, 0);
    match &mut packet.content {
        Content::Tcp(segment) => segment.window = 0,
        Content::Icmp { about, .. } => *about = None,
        Content::Udp | Content::Other(_) => {}
    }
}
