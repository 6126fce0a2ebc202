//! Datagrams: as they were sent, as the link carried them (whole or in fragments), and as they were received.

use super::packet::{Content, Packet};
use super::written::Written;
use super::{Event, Role, SockId, SocketInfo, Span, Struck};
use std::collections::{HashMap, VecDeque};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

/// From where to where.
type Addresses = (SocketAddr, SocketAddr);

/// A datagram that the link saw leave.
pub(crate) struct Carried {
    /// The places of its packets: one, or its fragments as they left.
    pub(crate) packets: Vec<usize>,
    /// From where to where.
    pub(crate) addresses: Addresses,
    /// When each copy of the whole had arrived, microseconds since the run began.
    pub(crate) arrivals: Vec<u64>,
}

/// The UDP datagrams among the packets, in the order in which they left (RFC 791 §3.2: fragments of one
/// have addresses and identification in common; the first names the ports).
pub(crate) fn carried(packets: &[Packet]) -> Vec<Carried> {
    let mut all: Vec<Carried> = Vec::new();
    let mut open: HashMap<(Role, Ipv4Addr, Ipv4Addr, u16), usize> = HashMap::new();
    for (place, packet) in packets.iter().enumerate().filter(|(_, p)| p.content == Content::Udp) {
        let key = (packet.from, *packet.source.ip(), *packet.destination.ip(), packet.ip_id);
        if packet.fragment.is_some_and(|f| f.offset > 0) {
            if let Some(datagram) = open.get(&key) {
                all[*datagram].packets.push(place);
            }
            continue;
        }
        if packet.fragment.is_some() {
            open.insert(key, all.len());
        }
        let addresses = (packet.source.into(), packet.destination.into());
        all.push(Carried { packets: vec![place], addresses, arrivals: Vec::new() });
    }
    for datagram in &mut all {
        datagram.arrivals = datagram.put_together(packets);
    }
    all
}

impl Carried {
    fn put_together(&self, packets: &[Packet]) -> Vec<u64> {
        let of_piece = |(piece, place): (usize, &usize)| packets[*place].arrivals.iter().map(move |at| (*at, piece));
        let mut arrivals: Vec<(u64, usize)> = self.packets.iter().enumerate().flat_map(of_piece).collect();
        arrivals.sort_unstable();
        let mut pieces = Pieces::of(self, packets);
        arrivals.into_iter().filter(|(_, piece)| pieces.add(*piece)).map(|(at, _)| at).collect()
    }

    /// Did the link drop a part of it?
    pub(crate) fn lost(&self, packets: &[Packet]) -> bool {
        self.packets.iter().any(|p| packets[*p].dropped())
    }

    /// The application's bytes in it.
    pub(crate) fn bytes(&self, packets: &[Packet]) -> Vec<u8> {
        self.packets.iter().flat_map(|p| packets[*p].payload()).copied().collect()
    }
}

/// Puts fragments together as the receiving host does: another copy of one that is there changes nothing.
#[derive(Clone)]
pub(crate) struct Pieces {
    there: Vec<bool>,
    missing: usize,
    /// The recording has all of it.
    whole: bool,
}

impl Pieces {
    pub(crate) fn of(datagram: &Carried, packets: &[Packet]) -> Pieces {
        let last = datagram.packets.last().and_then(|p| packets[*p].fragment);
        let missing = datagram.packets.len();
        Pieces { there: vec![false; missing], missing, whole: last.is_none_or(|f| !f.more) }
    }

    /// A piece arrived; true if it was the last that was missing.
    pub(crate) fn add(&mut self, piece: usize) -> bool {
        if !std::mem::replace(&mut self.there[piece], true) {
            self.missing -= 1;
        }
        let complete = self.missing == 0;
        if complete {
            self.there.fill(false);
            self.missing = self.there.len();
        }
        complete && self.whole
    }
}

/// One datagram that was sent.
struct Sent {
    spans: Vec<Span>,
    bytes: Arc<[u8]>,
}

/// A datagram's place among those sent, by content, the earliest first.
type Places = HashMap<Arc<[u8]>, VecDeque<usize>>;

/// The first bytes of a datagram and, where known, its length.
type Start = (Vec<u8>, Option<usize>);

/// The datagrams from one address to another.
#[derive(Default)]
struct DatagramFlow {
    sent: Vec<Sent>,
    /// Those that no packet has shown yet.
    unseen: Places,
    /// Which of `sent` arrived, a second copy as another one, and when.
    arrivals: Vec<(u64, usize)>,
    /// Which of `arrivals` were received.
    received: Vec<bool>,
    /// Which of `arrivals` have these bytes.
    by_bytes: Places,
    /// Which of them start with these, by how many of them; made for a length when it is first asked for.
    by_start: HashMap<usize, HashMap<Start, VecDeque<usize>>>,
}

/// The datagrams of a run, by flow.
#[derive(Default)]
pub(crate) struct DatagramFlows {
    flows: HashMap<Addresses, DatagramFlow>,
    corked: HashMap<SockId, (Vec<Span>, Vec<u8>)>,
}

impl DatagramFlows {
    /// A send call: a datagram, or with MSG_MORE the beginning of one.
    pub(crate) fn sent(&mut self, socket: &SocketInfo, event: &Event) {
        let Some(addresses) = socket.local.zip(event.peer.or(socket.peer)) else { return };
        let (mut spans, mut bytes) = self.corked.remove(&socket.id).unwrap_or_default();
        spans.extend(&event.spans);
        bytes.extend(&event.bytes);
        if event.datagram_len.is_none() {
            self.corked.insert(socket.id, (spans, bytes));
            return;
        }
        if event.struck == Some(Struck::Lost) {
            return;
        }
        let flow = self.flows.entry(addresses).or_default();
        let bytes: Arc<[u8]> = bytes.into();
        flow.unseen.entry(bytes.clone()).or_default().push_back(flow.sent.len());
        flow.sent.push(Sent { spans, bytes });
    }

    /// Labels the packets that carry them, and learns what arrived, in which order. A datagram that no
    /// packet shows (there is no link, or the recording was full) may have arrived.
    pub(crate) fn carry(&mut self, packets: &mut [Packet]) {
        for datagram in carried(packets) {
            let Some(flow) = self.flows.get_mut(&datagram.addresses) else { continue };
            let Some(place) = flow.leave(&datagram.bytes(packets)) else { continue };
            flow.arrivals.extend(datagram.arrivals.iter().map(|at| (*at, place)));
            label(packets, &datagram.packets, &flow.sent[place].spans);
        }
        self.flows.values_mut().for_each(DatagramFlow::arrived);
    }

    /// The spans of the datagram that a receive call took from, up to where it was cut.
    pub(crate) fn received(&mut self, socket: &SocketInfo, event: &Event) -> Option<Vec<Span>> {
        let local = socket.local?;
        let spans = match event.peer.or(socket.peer) {
            Some(peer) => self.flows.get_mut(&(peer, local))?.receive(event)?,
            // The call did not ask who sent it: one that was sent here and has these bytes.
            None => {
                let mut here: Vec<_> = self.flows.iter_mut().filter(|((_, to), _)| *to == local).collect();
                here.sort_by_key(|(addresses, _)| **addresses);
                here.into_iter().find_map(|(_, flow)| flow.receive(event))?
            }
        };
        Some(match event.bytes.len() {
            0 => spans.first().map(|s| Span { len: 0, ..*s }).into_iter().collect(),
            n => Written::of(&spans).range(0..n),
        })
    }
}

/// Cuts a datagram's spans as its packets cut its bytes.
fn label(packets: &mut [Packet], places: &[usize], spans: &[Span]) {
    if let ([only], true) = (places, spans.iter().all(|s| s.len == 0)) {
        packets[*only].spans = spans.to_vec();
        return;
    }
    let written = Written::of(spans);
    let mut at = 0;
    for place in places {
        let packet = &mut packets[*place];
        packet.spans = written.range(at..at + packet.payload_len);
        at += packet.payload_len;
    }
}

impl DatagramFlow {
    /// The k-th that leaves is the k-th that was sent; of those with the same bytes, if one is missing.
    fn leave(&mut self, bytes: &[u8]) -> Option<usize> {
        self.unseen.get_mut(bytes)?.pop_front()
    }

    fn arrived(&mut self) {
        self.arrivals.sort_by_key(|(at, _)| *at);
        let mut unseen: Vec<usize> = self.unseen.values().flatten().copied().collect();
        unseen.sort_unstable();
        self.arrivals.extend(unseen.into_iter().map(|place| (u64::MAX, place)));
        self.received = vec![false; self.arrivals.len()];
        for (arrival, (_, place)) in self.arrivals.iter().enumerate() {
            self.by_bytes.entry(self.sent[*place].bytes.clone()).or_default().push_back(arrival);
        }
    }

    fn receive(&mut self, event: &Event) -> Option<Vec<Span>> {
        let arrival = if event.truncated { self.first_starting_with(event)? } else { self.whole(event)? };
        self.received[arrival] = true;
        Some(self.sent[self.arrivals[arrival].1].spans.clone())
    }

    /// The earliest with exactly these bytes that is not received yet; after the last, a further copy is a
    /// duplicate of it.
    fn whole(&mut self, event: &Event) -> Option<usize> {
        let same = self.by_bytes.get_mut(event.bytes.as_slice())?;
        while same.len() > 1 && self.received[same[0]] {
            same.pop_front();
        }
        same.front().copied()
    }

    /// The earliest that starts with these bytes (and has the true length, if known) and is not received yet.
    fn first_starting_with(&mut self, event: &Event) -> Option<usize> {
        let DatagramFlow { sent, arrivals, received, by_start, .. } = self;
        let kept = event.bytes.len();
        let index = by_start.entry(kept).or_insert_with(|| {
            let mut index: HashMap<Start, VecDeque<usize>> = HashMap::new();
            for (arrival, (_, place)) in arrivals.iter().enumerate() {
                let bytes = &sent[*place].bytes;
                for length in [None, Some(bytes.len())].into_iter().filter(|_| bytes.len() >= kept) {
                    index.entry((bytes[..kept].to_vec(), length)).or_default().push_back(arrival);
                }
            }
            index
        });
        let same = index.get_mut(&(event.bytes.clone(), event.datagram_len))?;
        while same.front().is_some_and(|arrival| received[*arrival]) {
            same.pop_front();
        }
        same.front().copied()
    }
}
