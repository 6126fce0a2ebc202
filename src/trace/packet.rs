//! Packets: what crossed the link between the two ends, when a run has one.

use super::{MsgId, PacketContext, Role, Span, word};
use crate::text::Text;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::fmt;
use std::net::SocketAddrV4;
use std::str::FromStr;
use std::sync::Arc;

/// What the link did to a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fate {
    /// Carried once, in its turn.
    Delivered,
    /// Not carried.
    Dropped(Cause),
    /// Carried twice.
    Duplicated,
    /// Held back until a later one had passed.
    Reordered,
}

/// Why a packet was not carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// The learner asked for it (`loss=`, `drop=`).
    Asked,
    /// The queue in front of the link's rate was full (`queue=`).
    QueueFull,
}

impl Cause {
    /// The word used in JSON.
    pub const fn word(self) -> &'static str {
        match self {
            Cause::Asked => "asked",
            Cause::QueueFull => "queue-full",
        }
    }
}

impl Fate {
    /// The word used in JSON.
    pub const fn word(self) -> &'static str {
        match self {
            Fate::Delivered => "delivered",
            Fate::Dropped(_) => "dropped",
            Fate::Duplicated => "duplicated",
            Fate::Reordered => "reordered",
        }
    }
}

/// TCP's control bits (RFC 9293 §3.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Flags(pub u8);

impl Flags {
    /// No more data from the sender.
    pub const FIN: Flags = Flags(0x01);
    /// Synchronize sequence numbers.
    pub const SYN: Flags = Flags(0x02);
    /// Reset the connection.
    pub const RST: Flags = Flags(0x04);
    /// Push function: no record marker (RFC 9293 §3.9.1.2).
    pub const PSH: Flags = Flags(0x08);
    /// The acknowledgement field counts.
    pub const ACK: Flags = Flags(0x10);
    /// The urgent pointer counts.
    pub const URG: Flags = Flags(0x20);

    /// Are all of these set?
    pub const fn has(self, wanted: Flags) -> bool {
        self.0 & wanted.0 == wanted.0
    }

    /// Is one of these set?
    pub const fn any(self, wanted: Flags) -> bool {
        self.0 & wanted.0 != 0
    }

    /// Both sets together.
    #[must_use]
    pub const fn and(self, other: Flags) -> Flags {
        Flags(self.0 | other.0)
    }
}

/// In the order in which people say them.
const NAMED: [(Flags, &str); 6] = [
    (Flags::SYN, "SYN"),
    (Flags::FIN, "FIN"),
    (Flags::RST, "RST"),
    (Flags::PSH, "PSH"),
    (Flags::ACK, "ACK"),
    (Flags::URG, "URG"),
];

/// `SYN ACK`.
impl fmt::Display for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = NAMED.iter().filter(|(flag, _)| self.has(*flag)).map(|(_, name)| *name).collect();
        f.write_str(&names.join(" "))
    }
}

/// Reads what [`Display`](fmt::Display) writes.
impl FromStr for Flags {
    type Err = String;

    fn from_str(text: &str) -> Result<Flags, String> {
        text.split_whitespace().try_fold(Flags::default(), |flags, name| {
            let named = NAMED.iter().find(|(_, known)| *known == name);
            named.map(|(flag, _)| flags.and(*flag)).ok_or_else(|| format!("{name:?} is none of TCP's control bits"))
        })
    }
}

word::serde_by_word!(Flags);

/// The part of a packet that is TCP's. Numbers are relative: of each direction the SYN has 0 and the first
/// byte of data 1, as Wireshark shows them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Segment {
    /// The control bits.
    pub flags: Flags,
    /// Relative sequence number of its first byte.
    pub seq: u64,
    /// Relative acknowledgement number; 0 without ACK.
    pub ack: u64,
    /// The receive window it announces, in bytes (scaled, RFC 7323 §2.2).
    pub window: u64,
    /// The maximum segment size a SYN announces, in bytes.
    pub mss: Option<u16>,
    /// Selective acknowledgement blocks it carries (RFC 2018).
    pub sack_blocks: u8,
    /// Some of its bytes left before (a retransmission, or a probe).
    pub retransmission: bool,
}

impl Segment {
    /// Says that there is no room left. A reset's window says nothing, nor does that of a SYN, which is not scaled.
    pub(super) fn closes_window(&self) -> bool {
        self.window == 0 && !self.flags.any(Flags::SYN.and(Flags::RST))
    }
}

/// What a packet carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// A TCP segment.
    Tcp(Segment),
    /// A UDP datagram, or a fragment of one.
    Udp,
    /// An ICMP message.
    Icmp {
        /// Type: 3 is destination unreachable, 11 time exceeded (RFC 792).
        kind: u8,
        /// Code: 3/3 is port unreachable, 11/1 fragment reassembly time exceeded.
        code: u8,
        /// From where to where the packet went that it is about.
        about: Option<(SocketAddrV4, SocketAddrV4)>,
    },
    /// Another protocol, by its number.
    Other(u8),
}

/// An IP fragment's place (RFC 791 §3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fragment {
    /// Where in the datagram (its UDP header included) it starts, in bytes.
    pub offset: usize,
    /// Others follow.
    pub more: bool,
}

/// One packet that left a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// Place in causal order, in one sequence with the events, from 1; 0 until [`Trace::finish`](super::Trace::finish).
    pub seq: usize,
    /// Whose host it left.
    pub from: Role,
    /// When it left, microseconds since the run began.
    pub t_us: u64,
    /// When each copy of it reached the other host, microseconds since the run began, in order. Empty when
    /// none did.
    pub arrivals: Vec<u64>,
    /// What the link did to it.
    pub fate: Fate,
    /// From where; port 0 where it names none (ICMP, a later fragment).
    pub source: SocketAddrV4,
    /// To where; port 0 likewise.
    pub destination: SocketAddrV4,
    /// IP identification: the same in every fragment of a datagram.
    pub ip_id: u16,
    /// Its place, when it is a fragment.
    pub fragment: Option<Fragment>,
    /// What it carries.
    pub content: Content,
    /// Bytes it carries for the application: no IP, TCP or UDP header among them.
    pub payload_len: usize,
    /// Which message each of those bytes belongs to, in order; empty for those nobody recorded as sent.
    pub spans: Vec<Span>,
    /// How many bytes it has, IP header and all.
    pub len: usize,
    /// All of it, from the IP header on; empty where only its description was kept.
    pub bytes: Arc<[u8]>,
    /// What the packets before it tell about it; known once they are in order.
    pub context: Option<PacketContext>,
}

impl Packet {
    /// Its description: all but its bytes, and of its flags those that have a name here.
    #[must_use]
    pub fn described(mut self) -> Packet {
        self.bytes = [].into();
        if let Content::Tcp(segment) = &mut self.content {
            segment.flags.0 &= NAMED.iter().fold(0, |all, (flag, _)| all | flag.0);
        }
        self
    }

    /// Its segment, when it is TCP's.
    pub fn segment(&self) -> Option<&Segment> {
        match &self.content {
            Content::Tcp(segment) => Some(segment),
            _ => None,
        }
    }

    /// Carries application bytes, or is a UDP datagram (which may be empty).
    pub fn is_data(&self) -> bool {
        match self.content {
            Content::Tcp(_) => self.payload_len > 0,
            Content::Udp => true,
            Content::Icmp { .. } | Content::Other(_) => false,
        }
    }

    /// TCP's, with nothing to say but what arrived.
    pub fn is_pure_ack(&self) -> bool {
        let control = Flags::SYN.and(Flags::FIN).and(Flags::RST);
        self.segment().is_some_and(|s| self.payload_len == 0 && s.flags.has(Flags::ACK) && !s.flags.any(control))
    }

    /// What the link did to it, if that is worth a word.
    pub fn remark(&self) -> Option<Text> {
        match self.fate {
            Fate::Delivered if self.arrivals.is_empty() => Some(Text::new("under way at the end", "结束时还在途中")),
            Fate::Delivered => None,
            Fate::Dropped(Cause::Asked) => Some(Text::new("lost", "丢失")),
            Fate::Dropped(Cause::QueueFull) => Some(Text::new("lost: queue full", "丢失：队列已满")),
            Fate::Duplicated => Some(Text::new("arrives twice", "到达两次")),
            Fate::Reordered => Some(Text::new("held back", "被扣住，晚到")),
        }
    }

    /// Did the link refuse to carry it?
    pub fn dropped(&self) -> bool {
        matches!(self.fate, Fate::Dropped(_))
    }

    /// `udp`, `tcp`, `icmp`, or the protocol's number.
    pub fn protocol(&self) -> String {
        match self.content {
            Content::Tcp(_) => "tcp".into(),
            Content::Udp => "udp".into(),
            Content::Icmp { .. } => "icmp".into(),
            Content::Other(number) => number.to_string(),
        }
    }

    /// The application's bytes in it.
    pub fn payload(&self) -> &[u8] {
        &self.bytes[self.bytes.len().saturating_sub(self.payload_len)..]
    }

    /// The messages those belong to, each once, in order of first appearance.
    pub fn messages(&self) -> Vec<MsgId> {
        let mut seen = HashSet::new();
        self.spans.iter().map(|span| span.msg).filter(|id| seen.insert(*id)).collect()
    }
}

/// An ICMP message by its type and code (RFC 792).
pub fn icmp(kind: u8, code: u8) -> Text {
    match (kind, code) {
        (3, 0) => Text::new("ICMP network unreachable", "ICMP 网络不可达"),
        (3, 1) => Text::new("ICMP host unreachable", "ICMP 主机不可达"),
        (3, 3) => Text::new("ICMP port unreachable", "ICMP 端口不可达"),
        (3, 4) => Text::new("ICMP fragmentation needed", "ICMP 需要分片"),
        (11, 0) => Text::new("ICMP time to live exceeded", "ICMP 生存时间超时"),
        (11, 1) => Text::new("ICMP reassembly time exceeded", "ICMP 分片重组超时"),
        _ => Text::same(format!("ICMP {kind}/{code}")),
    }
}
