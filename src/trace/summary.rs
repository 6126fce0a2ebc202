//! The numbers of one run: what the last lines, the table of `all` and the JSON summary say alike.

use super::{Call, Event, Loss, MsgId, Proto, ProtocolCounts, SockId, Trace};
use crate::text::Text;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashSet};

/// Where messages lost their boundaries, or were lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Where {
    /// Several sends left in fewer segments.
    Sender,
    /// Datagrams were lost on the way (only a link can show it).
    Wire,
    /// The receive call joined or cut; or a datagram found no room, or nobody who read it.
    Receiver,
}

impl Where {
    /// The word used in JSON.
    pub const fn word(self) -> &'static str {
        match self {
            Where::Sender => "sender",
            Where::Wire => "wire",
            Where::Receiver => "receiver",
        }
    }
}

/// Counts over one trace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Send calls that put bytes (or a datagram) into the kernel.
    pub sends: usize,
    /// Data segments the senders' kernels made, retransmissions not counted; `None` where unknown.
    pub segments: Option<u64>,
    /// Receive calls that returned bytes (or a datagram).
    pub recvs: usize,
    /// Application bytes sent.
    pub bytes_sent: usize,
    /// Application bytes received.
    pub bytes_received: usize,
    /// Messages sent; to a lone end that received some, these.
    pub messages_sent: usize,
    /// Messages that came out whole and alone.
    pub messages_intact: usize,
    /// Where messages lost their boundaries, or were lost; `None` where none was, or not in one place.
    #[serde(rename = "where")]
    pub lost_at: Option<Where>,
    /// What crossed the link, when the run had one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crossed: Option<Crossed>,
    /// The same by protocol, and what became of the messages that are not intact.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub protocols: Vec<ProtocolCounts>,
}

/// Counts over the packets of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Crossed {
    /// Packets that left a host.
    pub packets: u64,
    /// Those of them that the link dropped.
    pub dropped: usize,
    /// Segments of which some bytes had left before.
    pub retransmitted: usize,
}

/// How many of something came through, to be added up over many runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tally {
    /// Of what.
    pub what: Text,
    /// How many came.
    pub came: u64,
    /// Of how many.
    pub of: u64,
    /// Packets that each needs.
    pub packets: usize,
}

impl Tally {
    /// The share that is to be expected where this share of the packets is lost: all of n packets come through with the
    /// chance (1 - loss)^n.
    pub fn expected(&self, loss: f64) -> f64 {
        (1.0 - loss).powi(i32::try_from(self.packets).unwrap_or(i32::MAX))
    }
}

/// Where it was that messages did not come out whole, if it was in one place. What nobody ever received came to nobody.
fn lost_at(protocols: &[ProtocolCounts]) -> Option<Where> {
    let received = protocols.iter().any(|of| of.recvs > 0);
    let place = |loss: Loss| match loss {
        Loss::JoinedBySender | Loss::NotSent => Some(Where::Sender),
        Loss::OnTheWay => Some(Where::Wire),
        Loss::NotReceived => None,
        _ => Some(Where::Receiver),
    };
    let losses = || protocols.iter().flat_map(|of| &of.losses);
    let mut places = losses().filter_map(|(loss, _)| place(*loss));
    match places.next() {
        // What nobody read lay at the receiver, if there was one.
        None => (received && losses().next().is_some()).then_some(Where::Receiver),
        Some(first) => places.all(|other| other == first).then_some(first),
    }
}

impl Trace {
    /// Counts what happened.
    pub fn summary(&self) -> Summary {
        let moved = |e: &&Event| e.returned.is_some_and(|n| n > 0) || (e.ok() && self.is_datagram(e)) || e.truncated;
        let sends: Vec<&Event> = self.events.iter().filter(|e| e.call.sends()).filter(moved).collect();
        let recvs: Vec<&Event> = self.events.iter().filter(|e| e.call.receives()).filter(moved).collect();
        let sent: HashSet<_> = sends.iter().filter_map(|e| e.handed).map(|h| h.msg).collect();
        let segments = self.segments();
        // A lone end knows its peer's messages from what arrived, and cannot see how its own came out.
        let arrived = recvs.iter().flat_map(|e| &e.spans).filter_map(|s| self.message(s.msg)).filter(|m| m.inferred);
        let arrived: HashSet<_> = arrived.map(|m| m.id).collect();
        let messages_sent = if arrived.is_empty() { sent.len() } else { arrived.len() };
        let messages_intact = self.whole_messages().len();
        let protocols = self.by_protocol();
        // A lone end sees no more than that its messages came out of its own calls otherwise.
        let alone = self.roles.len() == 1 && !recvs.is_empty() && messages_intact < messages_sent;
        let lost_at = if alone { Some(Where::Receiver) } else { lost_at(&protocols) };
        Summary {
            sends: sends.len(),
            segments,
            recvs: recvs.len(),
            bytes_sent: sends.iter().map(|e| e.bytes.len()).sum(),
            bytes_received: recvs.iter().map(|e| e.bytes.len()).sum(),
            messages_sent,
            messages_intact,
            lost_at,
            crossed: self.crossed(),
            protocols,
        }
    }

    fn crossed(&self) -> Option<Crossed> {
        let retransmitted = self.packets.iter().filter_map(|p| p.segment()).filter(|s| s.retransmission).count();
        (!self.packets.is_empty()).then(|| Crossed {
            packets: self.packets.len() as u64 + self.unrecorded,
            dropped: self.packets.iter().filter(|p| p.dropped()).count(),
            retransmitted,
        })
    }

    fn is_datagram(&self, event: &Event) -> bool {
        event.sock.and_then(|s| self.socket(s)).is_some_and(|s| s.proto == Proto::Udp)
    }

    /// New data segments of all TCP senders, as their sockets last reported them.
    pub fn segments(&self) -> Option<u64> {
        let mut last: BTreeMap<SockId, u64> = BTreeMap::new();
        let refused: HashSet<Option<SockId>> =
            self.events.iter().filter(|e| e.call == Call::Connect && !e.ok()).map(|e| e.sock).collect();
        for event in self.events.iter().filter(|e| !refused.contains(&e.sock)) {
            if let Some((sock, n)) = event.sock.zip(event.evidence.new_segments()) {
                last.insert(sock, u64::from(n));
            }
        }
        (!last.is_empty()).then(|| last.values().sum())
    }

    /// Messages that some unit (a hand-over where the application framed, else a receive call)
    /// contains whole, and nothing else.
    pub(super) fn whole_messages(&self) -> HashSet<MsgId> {
        let framed: HashSet<SockId> =
            self.events.iter().filter(|e| e.call == Call::Deliver).filter_map(|e| e.sock).collect();
        let unit = |e: &&Event| match e.call {
            Call::Deliver => true,
            Call::Recv | Call::RecvFrom => e.sock.is_none_or(|s| !framed.contains(&s)),
            _ => false,
        };
        let whole = self.events.iter().filter(unit).filter_map(|e| self.exactly_one(e));
        whole.collect()
    }

    /// The one message whose body these bytes are, no more and no less.
    pub fn exactly_one(&self, event: &Event) -> Option<MsgId> {
        let first = event.spans.first()?;
        let message = self.message(first.msg)?;
        let alone = event.spans.iter().all(|s| s.msg == first.msg);
        let start = if event.call == Call::Deliver { message.header_len } else { 0 };
        let length: usize = event.spans.iter().map(|s| s.len).sum();
        (alone && first.offset == start && length == message.bytes.len() - start).then_some(first.msg)
    }
}
