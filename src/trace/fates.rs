//! What became of the messages, protocol by protocol: which came out whole, and what happened to the others.

use super::{Event, Message, MsgId, Proto, SockId, Struck, Trace};
use crate::text::Text;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap, HashSet};

/// What happened to a message that did not come out whole and alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Loss {
    /// TCP: several sends left in fewer segments, and came out of one receive call.
    JoinedBySender,
    /// TCP: one receive call returned it with others.
    JoinedByReceiver,
    /// TCP: it came out of several receive calls.
    CutByReceiver,
    /// TCP: the kernel never took all of it.
    NotSent,
    /// TCP: some of it was never read.
    NotRead,
    /// UDP: the buffer was too small, and its tail is gone.
    Truncated,
    /// UDP: the receive buffer was full.
    Dropped,
    /// UDP: the link lost it, or it was lost on purpose.
    OnTheWay,
    /// UDP: nobody read it.
    NotReceived,
}

/// The counts of one protocol.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProtocolCounts {
    /// Which.
    pub proto: Proto,
    /// Send calls that put bytes, or a datagram, into the kernel.
    pub sends: usize,
    /// Send calls of no bytes that put nothing into it.
    pub empty_sends: usize,
    /// Data segments the senders' kernels made; `None` of datagrams, and where unknown.
    pub segments: Option<u64>,
    /// Receive calls that returned bytes, or a datagram.
    pub recvs: usize,
    /// Receive calls that returned the end of the stream.
    pub ends: usize,
    /// Messages sent.
    pub messages: usize,
    /// Those that came out whole and alone.
    pub intact: usize,
    /// What became of the others, and of how many; nothing where the other end was not recorded.
    pub losses: Vec<(Loss, usize)>,
}

impl Loss {
    /// Every one.
    pub const ALL: [Loss; 9] = [
        Loss::JoinedBySender,
        Loss::JoinedByReceiver,
        Loss::CutByReceiver,
        Loss::NotSent,
        Loss::NotRead,
        Loss::Truncated,
        Loss::Dropped,
        Loss::OnTheWay,
        Loss::NotReceived,
    ];

    /// What became of such a message.
    pub const fn name(self) -> Text {
        match self {
            Loss::JoinedBySender => Text::new("joined by the sender", "在发送方合并"),
            Loss::JoinedByReceiver => Text::new("joined by recv", "在 recv 时合并"),
            Loss::CutByReceiver => Text::new("cut by recv", "被 recv 切开"),
            Loss::NotSent => Text::new("not sent whole", "没有发完"),
            Loss::NotRead => Text::new("not read to the end", "没有读完"),
            Loss::Truncated => Text::new("truncated", "被截断"),
            Loss::Dropped => Text::new("dropped at the full buffer", "因缓冲区已满被丢弃"),
            Loss::OnTheWay => Text::new("lost on the way", "在途中丢失"),
            Loss::NotReceived => Text::new("not received", "没有被接收"),
        }
    }
}

impl Trace {
    /// The counts of each protocol that sent something, or tried to.
    pub fn by_protocol(&self) -> Vec<ProtocolCounts> {
        [Proto::Tcp, Proto::Udp].into_iter().filter_map(|proto| self.counts_of(proto)).collect()
    }

    fn counts_of(&self, proto: Proto) -> Option<ProtocolCounts> {
        let of = |e: &&Event| e.sock.and_then(|sock| self.socket(sock)).is_some_and(|socket| socket.proto == proto);
        let datagrams = proto == Proto::Udp;
        let moved = |e: &&Event| e.returned.is_some_and(|n| n > 0) || datagrams && e.ok() || e.truncated;
        let calls: Vec<&Event> =
            self.events.iter().filter(|e| e.call.sends() || e.call.receives()).filter(of).collect();
        let (sends, recvs): (Vec<&Event>, Vec<&Event>) = calls.into_iter().partition(|e| e.call.sends());
        if sends.is_empty() && recvs.is_empty() {
            return None;
        }
        let moving: Vec<&Event> = sends.iter().copied().filter(moved).collect();
        // A lone end knows its peer's messages from what arrived, and cannot see how its own came out.
        let arrived = recvs.iter().flat_map(|e| &e.spans).filter_map(|span| self.message(span.msg));
        let arrived: HashSet<MsgId> = arrived.filter(|m| m.inferred).map(|m| m.id).collect();
        let ids: HashSet<MsgId> = match arrived.is_empty() {
            true => moving.iter().filter_map(|e| e.handed).map(|handed| handed.msg).collect(),
            false => arrived,
        };
        let whole = self.whole_messages();
        let fates = Fates { trace: self, sends: &moving, recvs: &recvs, merged: self.merged(&moving) };
        let mut losses: BTreeMap<Loss, usize> = BTreeMap::new();
        if self.roles.len() > 1 {
            let lost = ids.iter().filter(|id| !whole.contains(id)).filter_map(|id| self.message(*id));
            lost.for_each(|message| *losses.entry(fates.of(message, datagrams)).or_default() += 1);
            self.split_unread(&recvs, &mut losses);
        }
        Some(ProtocolCounts {
            proto,
            sends: moving.len(),
            empty_sends: sends.iter().filter(|e| e.asked == Some(0) && e.ok() && !datagrams).count(),
            segments: self.segments().filter(|_| !datagrams),
            recvs: recvs.iter().copied().filter(moved).count(),
            ends: recvs.iter().filter(|e| e.returned == Some(0) && e.asked != Some(0) && !datagrams).count(),
            messages: ids.len(),
            intact: ids.intersection(&whole).count(),
            losses: losses.into_iter().collect(),
        })
    }

    /// Of the datagrams that nobody read, those that the kernel says it dropped.
    fn split_unread(&self, recvs: &[&Event], losses: &mut BTreeMap<Loss, usize>) {
        let mut dropped: HashMap<SockId, usize> = HashMap::new();
        for (sock, n) in recvs.iter().filter_map(|e| e.sock.zip(e.evidence.dropped)) {
            let most = dropped.entry(sock).or_default();
            *most = (*most).max(usize::try_from(n).unwrap_or(usize::MAX));
        }
        let Some(unread) = losses.remove(&Loss::NotReceived) else { return };
        let dropped = dropped.values().sum::<usize>().min(unread);
        let split = [(Loss::Dropped, dropped), (Loss::NotReceived, unread - dropped)];
        losses.extend(split.into_iter().filter(|(_, n)| *n > 0));
    }

    /// Sockets that made fewer segments than they had sends.
    fn merged(&self, sends: &[&Event]) -> HashSet<SockId> {
        let mut last: BTreeMap<SockId, (u64, u64)> = BTreeMap::new();
        for event in &self.events {
            let Some((sock, n)) = event.sock.zip(event.evidence.new_segments()) else { continue };
            last.entry(sock).or_default().0 = u64::from(n);
        }
        for sock in sends.iter().filter_map(|e| e.sock) {
            last.entry(sock).and_modify(|counts| counts.1 += 1);
        }
        last.into_iter().filter(|(_, (segments, sends))| segments < sends).map(|(sock, _)| sock).collect()
    }
}

/// What is known of one protocol's messages.
struct Fates<'a> {
    trace: &'a Trace,
    sends: &'a [&'a Event],
    recvs: &'a [&'a Event],
    merged: HashSet<SockId>,
}

impl Fates<'_> {
    fn of(&self, message: &Message, datagram: bool) -> Loss {
        let holds = |e: &&&Event| e.spans.iter().any(|span| span.msg == message.id);
        let recvs: Vec<&&Event> = self.recvs.iter().filter(holds).collect();
        if datagram {
            let packets = self.trace.packets.iter().filter(|p| p.messages().contains(&message.id));
            return match recvs.is_empty() {
                false => Loss::Truncated,
                true if packets.clone().any(|packet| packet.dropped()) => Loss::OnTheWay,
                true if self.sends.iter().filter(holds).any(|e| e.struck == Some(Struck::Lost)) => Loss::OnTheWay,
                true => Loss::NotReceived,
            };
        }
        let moved = |events: &[&&Event]| -> usize {
            let spans = events.iter().flat_map(|e| &e.spans).filter(|span| span.msg == message.id);
            spans.map(|span| span.len).sum()
        };
        let sends: Vec<&&Event> = self.sends.iter().filter(holds).collect();
        let by_sender = sends.iter().filter_map(|e| e.sock).any(|sock| self.merged.contains(&sock));
        let with_others = recvs.iter().any(|e| e.spans.iter().any(|span| span.msg != message.id));
        match (moved(&sends) < message.len(), moved(&recvs) < message.len()) {
            (true, _) => Loss::NotSent,
            (_, true) => Loss::NotRead,
            _ if with_others && by_sender => Loss::JoinedBySender,
            _ if with_others => Loss::JoinedByReceiver,
            _ => Loss::CutByReceiver,
        }
    }
}
