//! From captured bytes to the packets of a trace: relative numbers, scaled windows, retransmissions.

use super::capture::Captured;
use super::view::{TcpFields, View, protocol, quoted};
use crate::trace::packet::{Content, Flags, Packet, Segment};
use std::collections::HashMap;
use std::net::SocketAddrV4;
use std::ops::Range;
use std::sync::Arc;

/// Reads the packets of a run, in the order in which they left. Those that are no IPv4 are left out.
///
/// A SYN with another sequence number begins a new connection between the same ports. Of a direction whose
/// SYN was not captured, the first number seen (its first packet's, or what the other end acknowledged
/// before that) counts as 1. Later fragments of anything but UDP are of a protocol known by number only.
pub fn packets(captured: Vec<Captured>) -> Vec<Packet> {
    let mut connections = ConnectionTable::default();
    captured.into_iter().filter_map(|captured| packet(captured, &mut connections)).collect()
}

fn packet(captured: Captured, connections: &mut ConnectionTable) -> Option<Packet> {
    let view = View::of(&captured.bytes)?;
    let content = match (view.tcp, view.icmp) {
        (Some(tcp), _) => Content::Tcp(connections.of(&view, &tcp).segment(&tcp, view.payload.len())),
        (_, Some((kind, code))) => Content::Icmp { kind, code, about: about(kind, view.payload) },
        _ if view.protocol == protocol::UDP => Content::Udp,
        _ => Content::Other(view.protocol),
    };
    Some(Packet {
        seq: 0,
        from: captured.from,
        t_us: captured.t_us,
        arrivals: captured.arrivals,
        fate: captured.fate,
        source: view.source,
        destination: view.destination,
        ip_id: view.ip_id,
        fragment: view.fragment,
        content,
        payload_len: view.payload.len(),
        spans: Vec::new(),
        len: view.len,
        context: None,
        bytes: if view.len == captured.bytes.len() {
            Arc::clone(&captured.bytes)
        } else {
            captured.bytes[..view.len].into()
        },
    })
}

/// What an ICMP message is about: only errors quote a packet (RFC 1122 §3.2.2).
fn about(kind: u8, payload: &[u8]) -> Option<(SocketAddrV4, SocketAddrV4)> {
    matches!(kind, 3 | 4 | 5 | 11 | 12).then(|| quoted(payload)).flatten()
}

/// Every connection, by its two addresses, the lower one first.
#[derive(Default)]
struct ConnectionTable(HashMap<[SocketAddrV4; 2], [SequenceSpace; 2]>);

/// One segment's two directions.
struct Directions<'a> {
    mine: &'a mut SequenceSpace,
    other: &'a mut SequenceSpace,
}

impl ConnectionTable {
    /// The connection that this segment belongs to, as the segment's sender sees it.
    fn of(&mut self, view: &View, tcp: &TcpFields) -> Directions<'_> {
        let lower_first = view.source <= view.destination;
        let key = if lower_first { [view.source, view.destination] } else { [view.destination, view.source] };
        let [low, high] = self.0.entry(key).or_default();
        let (mine, other) = if lower_first { (low, high) } else { (high, low) };
        if tcp.flags.has(Flags::SYN) && mine.isn != Some(tcp.seq) {
            // One that answers nothing makes the other direction's numbers old ones, too.
            if !tcp.flags.has(Flags::ACK) && mine.isn.is_some() {
                *other = SequenceSpace::default();
            }
            *mine = SequenceSpace { isn: Some(tcp.seq), ..SequenceSpace::default() };
        }
        Directions { mine, other }
    }
}

impl Directions<'_> {
    fn segment(&mut self, tcp: &TcpFields, payload_len: usize) -> Segment {
        let syn = tcp.flags.has(Flags::SYN);
        if syn {
            self.mine.window_scale = tcp.window_scale;
        }
        let seq = self.mine.relative(tcp.seq);
        let ack = if tcp.flags.has(Flags::ACK) { self.other.relative(tcp.ack) } else { 0 };
        let control = u64::from(syn) + u64::from(tcp.flags.has(Flags::FIN));
        Segment {
            flags: tcp.flags,
            seq,
            ack,
            window: u64::from(tcp.window) << if syn { 0 } else { self.shift() },
            mss: tcp.mss.filter(|_| syn),
            sack_blocks: tcp.sack_blocks,
            retransmission: self.mine.leaves(seq..seq + control + payload_len as u64),
        }
    }

    /// How far the sender's window is shifted: both SYNs must have offered it (RFC 7323 §2.2), and more
    /// than 14 means 14 (§2.3).
    fn shift(&self) -> u8 {
        self.other.window_scale.and(self.mine.window_scale).map_or(0, |shift| shift.min(14))
    }
}

/// One direction of a connection.
#[derive(Default)]
struct SequenceSpace {
    /// The sequence number that has the relative number 0, once known.
    isn: Option<u32>,
    /// The highest relative number seen.
    newest: u64,
    /// What its SYN offered.
    window_scale: Option<u8>,
    /// Relative numbers that left, as ranges in order that neither overlap nor touch.
    left: Vec<Range<u64>>,
}

impl SequenceSpace {
    /// The relative number: of all that a 32-bit number can mean, the one nearest to the newest.
    fn relative(&mut self, number: u32) -> u64 {
        let isn = *self.isn.get_or_insert(number.wrapping_sub(1));
        let step = number.wrapping_sub(isn).wrapping_sub(self.newest as u32) as i32;
        let relative = self.newest.saturating_add_signed(step.into());
        self.newest = self.newest.max(relative);
        relative
    }

    /// Notes sequence numbers that leave; true when some of them left before.
    fn leaves(&mut self, new: Range<u64>) -> bool {
        if new.is_empty() {
            return false;
        }
        self.newest = self.newest.max(new.end);
        let first = self.left.partition_point(|old| old.end < new.start);
        let behind = self.left.partition_point(|old| old.start <= new.end);
        let near = &self.left[first..behind];
        let again = near.iter().any(|old| old.start < new.end && new.start < old.end);
        let start = near.first().map_or(new.start, |old| old.start.min(new.start));
        let end = near.last().map_or(new.end, |old| old.end.max(new.end));
        self.left.splice(first..behind, std::iter::once(start..end));
        again
    }
}
