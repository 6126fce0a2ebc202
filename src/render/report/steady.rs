//! The steady pass: takes out of a report what differs from run to run, once, so that no renderer has to ask.

use super::{Report, Steady};
use crate::claims::Claim;
use crate::trace::packet::{Content, Packet};
use crate::trace::{Call, Event, Evidence, Fact, News};
use std::net::{Ipv4Addr, SocketAddrV4};

/// Stands where an address was.
const NOWHERE: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0);

impl Report {
    /// The same report without what the clock or the kernel chooses: times, addresses, the kernel's counters. What
    /// else differs is marked: with `calls` sizes and numbers of calls, with `packets` where packets stand.
    #[must_use]
    pub fn steady(mut self, varies: Steady) -> Report {
        let linked = !self.trace.packets.is_empty();
        self.head.steady = Some(varies);
        let shown = self.shows_packets();
        self.took_us = 0;
        self.trace.restarts.clear();
        // Which of two threads came first is chance.
        self.trace.openings.sort_by(|a, b| (a.end, a.after, a.nth, &a.gate).cmp(&(b.end, b.after, b.nth, &b.gate)));
        self.findings.claims.iter_mut().for_each(Claim::steady);
        // Where a stream was cut is a link's doing; a whole message is as long as ever.
        let cut = |event: &Event| linked && event.call == Call::Deliver && self.trace.exactly_one(event).is_none();
        let cut: Vec<bool> = self.trace.events.iter().map(cut).collect();
        for (event, cut) in self.trace.events.iter_mut().zip(cut) {
            settle(event, varies, linked);
            event.news.retain(|news| !(shown && news.is_departure()));
            event.varies |= varies.calls && cut;
        }
        self.trace.sockets.iter_mut().for_each(|socket| (socket.local, socket.peer) = (None, None));
        self.trace.packets.iter_mut().for_each(forget_choices);
        self
    }
}

fn settle(event: &mut Event, varies: Steady, linked: bool) {
    (event.t_us, event.end_us, event.peer, event.evidence) = (0, 0, None, Evidence::default());
    // A tail-loss probe while an ACK is delayed is the clock's doing.
    event.news.retain(|news| !matches!(news, News::SentAgain(_)));
    if varies.calls {
        // Over a link even what was waited for differs.
        let waits = linked && matches!(event.fact, Some(Fact::Queued(_)));
        event.varies = event.call.sends() || event.call.receives() || waits;
        event.news.retain_mut(|news| blurred(news, linked && event.call == Call::Recv));
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
