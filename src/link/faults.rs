//! The fault engine: what becomes of each packet. Pure: the same specification, the same packets, the same fates.
//!
//! Loss, doubling and reordering strike **data packets** only: TCP segments that carry bytes, UDP datagrams,
//! and each fragment of a datagram on its own. A bare SYN or FIN, a pure ACK, an RST and ICMP always pass:
//! how many of those there are, and where among the data, depends on timing, so fates that counted them
//! would not repeat. The rate knows no difference: every packet takes its time on the line.
//!
//! What is left to chance hangs on what a packet carries, never on when it leaves or how many went before:
//! a TCP segment is known by its flow, the offset of its first byte and the attempt, a UDP datagram by its
//! flow and its number there. Flows are told apart by the order in which they first appear, since their
//! ports are ephemeral.

use super::spec::{Chosen, Impairments, Spec};
use super::view::{TcpFields, View, protocol};
use crate::trace::Role;
use crate::trace::packet::{Cause, Fate, Flags};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

/// How long, beyond its moment and one round trip, a packet held back waits for one to pass it. Within the round
/// trip the ACKs of what left before it let new data out, delayed ones (40 ms on Linux) that much later. A sender
/// silent for longer waits for this very packet, and so far its retransmission timer, 200 ms beyond the round
/// trip or more, has not run out.
const PATIENCE: Duration = Duration::from_millis(50);

/// What is to be done with one packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ruling {
    /// In a word.
    pub fate: Fate,
    /// When it is due at the other host, in nanoseconds on the caller's clock; `None` when it is dropped.
    /// Packets of one direction that are due at the same moment arrive in the order in which they left.
    /// Of one that is held back: the latest moment, should nothing pass it.
    pub due_ns: Option<u64>,
    /// When its second copy is due: the same moment, right behind the first.
    pub copy_due_ns: Option<u64>,
    /// It releases those held back in its direction: they are due right behind it.
    pub releases: bool,
}

/// Decides about every packet of a run.
pub struct Faults {
    spec: Spec,
    /// The link only delays: nothing has to be known of its packets.
    harmless: bool,
    up: Direction,
    down: Direction,
}

impl Faults {
    /// An engine for a run over this link. A seed that nobody chose is 0.
    pub fn new(spec: Spec) -> Faults {
        let harmless = !spec.has_faults();
        Faults { spec, harmless, up: Direction::default(), down: Direction::default() }
    }

    /// Decides about a packet that leaves `from`'s host now, in nanoseconds on a clock that does not go back:
    /// then neither do the due moments of a direction, but for those held back.
    pub fn rule(&mut self, from: Role, now_ns: u64, packet: &View) -> Ruling {
        let way = self.spec.out_of(from);
        if self.harmless {
            let due_ns = Some(now_ns + nanos(way.delay));
            return Ruling { fate: Fate::Delivered, due_ns, copy_due_ns: None, releases: false };
        }
        let direction = match from {
            Role::Client => &mut self.up,
            Role::Relay | Role::Server => &mut self.down,
        };
        let sent = direction.data(packet);
        let luck = [self.spec.seed.unwrap_or(0), u64::from(from == Role::Server)];
        let wanted = sent.as_ref().map_or(Fate::Delivered, |sent| sent.fate(way, luck));
        let through = direction.line.pass(way, now_ns, packet.len);
        let fate = match (wanted, through) {
            (Fate::Dropped(cause), _) => Fate::Dropped(cause),
            (_, None) => Fate::Dropped(Cause::QueueFull),
            (fate, Some(_)) => fate,
        };
        let due_ns = through.unwrap_or(now_ns) + nanos(way.delay);
        match fate {
            Fate::Dropped(_) => Ruling { fate, due_ns: None, copy_due_ns: None, releases: false },
            Fate::Reordered => direction.hold(due_ns + nanos(self.spec.rtt() + PATIENCE)),
            Fate::Delivered | Fate::Duplicated => {
                direction.carry(fate, due_ns, sent.is_some() && now_ns < direction.held_until)
            }
        }
    }

    /// How many retransmitted offsets and unfinished datagrams are kept: it does not grow with the traffic.
    pub fn remembered(&self) -> usize {
        self.up.remembered() + self.down.remembered()
    }
}

/// What one direction has seen.
#[derive(Default)]
struct Direction {
    streams: HashMap<Endpoints, Stream>,
    /// Streams ever begun; a port may serve several, one after the other.
    begun: u64,
    /// UDP flows: their number, and the datagrams so far.
    flows: HashMap<Endpoints, DatagramId>,
    /// Datagrams of which fragments are still to come: later ones name no port.
    unfinished: HashMap<(Ipv4Addr, Ipv4Addr, u16), DatagramId>,
    /// Data packets that left for the first time.
    new: u64,
    line: Bottleneck,
    /// The latest moment of those held back.
    held_until: u64,
}

type Endpoints = (SocketAddrV4, SocketAddrV4);

/// One transmission of data: all that its fate may depend on.
struct Transmission {
    /// Its place among the first transmissions of the direction, from 1; a retransmission has none.
    number: Option<u64>,
    /// What makes it the same in every run: protocol, flow, place in the flow, fragment offset or attempt.
    identity: [u64; 4],
}

impl Direction {
    /// Recognizes the data in a packet; `None` when it carries none.
    fn data(&mut self, packet: &View) -> Option<Transmission> {
        let (first, identity) = match (packet.protocol, packet.tcp) {
            (protocol::TCP, Some(tcp)) => {
                let (stream, offset, attempt) = self.segment(packet, &tcp)?;
                (attempt == 1, [u64::from(protocol::TCP), stream, offset, attempt])
            }
            (protocol::UDP, _) => {
                let DatagramId { flow, nth } = self.datagram(packet);
                let offset = packet.fragment.map_or(0, |fragment| fragment.offset as u64);
                (true, [u64::from(protocol::UDP), flow, nth, offset])
            }
            _ => return None,
        };
        self.new += u64::from(first);
        Some(Transmission { number: first.then_some(self.new), identity })
    }

    /// The stream, the offset and the attempt of a segment with data. A SYN begins a stream even without.
    fn segment(&mut self, packet: &View, tcp: &TcpFields) -> Option<(u64, u64, u64)> {
        let ends = (packet.source, packet.destination);
        let syn = tcp.flags.has(Flags::SYN);
        // A SYN takes the number before the first byte's; of a stream met midway this segment is the beginning.
        let isn = if syn { tcp.seq } else { tcp.seq.wrapping_sub(1) };
        let known = self.streams.get(&ends).is_some_and(|stream| !syn || stream.isn == isn);
        if !known && (syn || !packet.payload.is_empty()) {
            self.streams.insert(ends, Stream { number: self.begun, isn, end: 0, again: BTreeMap::new() });
            self.begun += 1;
        }
        if packet.payload.is_empty() {
            return None;
        }
        let stream = self.streams.get_mut(&ends)?;
        let (offset, attempt) = stream.transmission(tcp.seq, packet.payload.len());
        Some((stream.number, offset, attempt))
    }

    /// The datagram that a packet is, or is a fragment of.
    fn datagram(&mut self, packet: &View) -> DatagramId {
        let Some(fragment) = packet.fragment else { return self.next_datagram(packet) };
        let id = (*packet.source.ip(), *packet.destination.ip(), packet.ip_id);
        let begun = self.unfinished.remove(&id).filter(|_| fragment.offset > 0);
        let datagram = begun.unwrap_or_else(|| self.next_datagram(packet));
        if fragment.more {
            self.unfinished.insert(id, datagram);
        }
        datagram
    }

    fn next_datagram(&mut self, packet: &View) -> DatagramId {
        let flow = self.flows.len() as u64;
        let last = self.flows.entry((packet.source, packet.destination)).or_insert(DatagramId { flow, nth: 0 });
        last.nth += 1;
        *last
    }

    fn carry(&mut self, fate: Fate, due_ns: u64, releases: bool) -> Ruling {
        if releases {
            self.held_until = 0;
        }
        let copy_due_ns = (fate == Fate::Duplicated).then_some(due_ns);
        Ruling { fate, due_ns: Some(due_ns), copy_due_ns, releases }
    }

    fn hold(&mut self, latest_ns: u64) -> Ruling {
        self.held_until = latest_ns;
        Ruling { fate: Fate::Reordered, due_ns: Some(latest_ns), copy_due_ns: None, releases: false }
    }

    fn remembered(&self) -> usize {
        self.unfinished.len() + self.streams.values().map(|stream| stream.again.len()).sum::<usize>()
    }
}

/// A UDP datagram: its flow, and which of the flow's it is, from 1.
#[derive(Clone, Copy)]
struct DatagramId {
    flow: u64,
    nth: u64,
}

/// One direction of a TCP connection.
struct Stream {
    number: u64,
    /// Initial sequence number.
    isn: u32,
    /// Offset behind the last byte that ever left.
    end: u64,
    /// Attempts at those offsets that left more than once.
    again: BTreeMap<u64, u64>,
}

impl Stream {
    /// The largest window there is (RFC 7323 §2.3), in bytes: nothing further back is sent again.
    const WINDOW: u64 = 1 << 30;

    /// Offset, from 0, and attempt, from 1, of a segment. Sequence numbers wrap, offsets do not: the offset is
    /// the one nearest to the end of what was sent, and what a SYN carries is at 0.
    fn transmission(&mut self, seq: u32, len: usize) -> (u64, u64) {
        let low = seq.wrapping_sub(self.isn).wrapping_sub(1);
        let ahead = low.wrapping_sub(self.end as u32) as i32;
        let offset = self.end.saturating_add_signed(i64::from(ahead));
        let attempt = if offset < self.end { self.repeated(offset) } else { 1 };
        self.end = self.end.max(offset + len as u64);
        (offset, attempt)
    }

    fn repeated(&mut self, offset: u64) -> u64 {
        while self.again.first_key_value().is_some_and(|(old, _)| old + Stream::WINDOW < self.end) {
            self.again.pop_first();
        }
        let attempts = self.again.entry(offset).or_insert(1);
        *attempts += 1;
        *attempts
    }
}

impl Transmission {
    fn fate(&self, way: &Impairments, luck: [u64; 2]) -> Fate {
        // Each fault throws its own dice: the first word differs.
        let faults = [
            (0, &way.loss, Fate::Dropped(Cause::Asked)),
            (1, &way.dup, Fate::Duplicated),
            (2, &way.reorder, Fate::Reordered),
        ];
        let struck = faults.into_iter().find(|(fault, chosen, _)| self.is_among(chosen, *fault, luck));
        struck.map_or(Fate::Delivered, |(.., fate)| fate)
    }

    fn is_among(&self, chosen: &Chosen, fault: u64, luck: [u64; 2]) -> bool {
        let named = self.number.is_some_and(|number| chosen.these.contains(&number));
        // 2^64 itself, of a share of 1, does not fit 64 bits.
        let below = (chosen.share * 2f64.powi(64)) as u128;
        named || u128::from(hash([fault].into_iter().chain(luck).chain(self.identity))) < below
    }
}

/// A number that looks random, all 64 bits of it, and hangs on every bit of the words and on their order.
pub(crate) fn hash(words: impl Iterator<Item = u64>) -> u64 {
    words.fold(0, |hash, word| mix(mix(hash) ^ word))
}

/// The step of splitmix64 (Steele, Lea, Flood 2014): each bit of the input flips each of the output with
/// probability one half.
fn mix(word: u64) -> u64 {
    let word = word.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

/// The line of one direction: one packet at a time, at its rate, and a queue in front.
#[derive(Default)]
struct Bottleneck {
    /// When it has carried all that it took.
    free_ns: u64,
    /// When each waiting packet's turn comes, and its length.
    queue: VecDeque<(u64, usize)>,
    /// Bytes in the queue.
    waiting: u64,
}

impl Bottleneck {
    /// When the last bit of a packet has left, or `None` when the queue has no room for it.
    fn pass(&mut self, way: &Impairments, now_ns: u64, len: usize) -> Option<u64> {
        let Some(rate) = way.rate else { return Some(now_ns) };
        while let Some((_, len)) = self.queue.front().filter(|(turn, _)| *turn <= now_ns) {
            self.waiting -= *len as u64;
            self.queue.pop_front();
        }
        if self.free_ns > now_ns {
            let waiting = self.waiting + len as u64;
            if way.queue.is_some_and(|most| waiting > most) {
                return None;
            }
            self.waiting = waiting;
            self.queue.push_back((self.free_ns, len));
        }
        let takes_ns = (len as u64 * 1_000_000_000).div_ceil(rate);
        self.free_ns = self.free_ns.max(now_ns) + takes_ns;
        Some(self.free_ns)
    }
}

fn nanos(duration: Duration) -> u64 {
    duration.as_nanos() as u64
}
