//! The recording of one run: messages, events, and what follows from them alone.
//!
//! Nothing here touches a socket or knows a colour. [`Recorder`] collects while the ends run;
//! [`Trace::finish`] then orders the events causally ([`order`]), maps every received byte back to
//! the message it came from ([`provenance`]), and from there on the trace does not change.

pub(crate) mod connections;
pub(crate) mod datagrams;
mod needs;
pub mod order;
pub mod packet;
pub mod provenance;
mod recorder;
mod sink;
pub mod summary;
mod window;

pub use connections::{Context, Purpose};
pub use recorder::Recorder;
pub use sink::{Sink, UnderWay};
pub use window::{Over, Window};

use crate::text::Text;
use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::net::SocketAddr;
use std::ops::Range;
use std::sync::Arc;

/// Which of the two programs of a page an end plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// The side that connects, or sends the first datagram.
    Client,
    /// The side that listens.
    Server,
}

impl Role {
    /// The word used in lanes, options and JSON.
    pub const fn word(self) -> &'static str {
        match self {
            Role::Client => "client",
            Role::Server => "server",
        }
    }

    /// The other one.
    #[must_use]
    pub const fn other(self) -> Role {
        match self {
            Role::Client => Role::Server,
            Role::Server => Role::Client,
        }
    }
}

/// One end of a scenario: `client`, `server`, or one of several (`client-2`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EndName {
    /// Which program it plays.
    pub role: Role,
    /// 0 when it is the only one of its role; 1, 2, … among several.
    pub index: u32,
}

impl EndName {
    /// The only end of a role.
    pub const fn only(role: Role) -> EndName {
        EndName { role, index: 0 }
    }

    /// The end it talks to, where each has one peer.
    #[must_use]
    pub const fn other(self) -> EndName {
        EndName { role: self.role.other(), index: self.index }
    }
}

impl fmt::Display for EndName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.index {
            0 => f.write_str(self.role.word()),
            n => write!(f, "{}-{n}", self.role.word()),
        }
    }
}

/// A message's number; displayed as `M1`. Numbers follow the order in which messages were first sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MsgId(pub u32);

impl fmt::Display for MsgId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "M{}", self.0)
    }
}

/// What the application meant as one message.
#[derive(Clone, Debug)]
pub struct Message {
    /// Its number.
    pub id: MsgId,
    /// Who sends it.
    pub from: EndName,
    /// Header and body, as they go on the wire.
    pub bytes: Arc<[u8]>,
    /// How many of the bytes are header; 0 when the protocol has none.
    pub header_len: usize,
    /// A name better than its first bytes (`ls: stderr`), in both languages.
    pub label: Option<Text>,
    /// True when nobody recorded the sending: taken from what the document says the peer sends, or
    /// from the bytes that arrived (a lone end sees no other evidence).
    pub inferred: bool,
}

impl Message {
    /// The bytes without the header.
    pub fn body(&self) -> &[u8] {
        &self.bytes[self.header_len.min(self.bytes.len())..]
    }
}

/// Header or body of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The bytes a framing puts before the body.
    Header,
    /// What the application wanted to say.
    Body,
}

impl Part {
    /// The word used in JSON.
    pub const fn word(self) -> &'static str {
        match self {
            Part::Header => "header",
            Part::Body => "body",
        }
    }
}

/// A run of bytes that came from one part of one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The message.
    pub msg: MsgId,
    /// Where in the message's bytes the run starts.
    pub offset: usize,
    /// How many bytes.
    pub len: usize,
    /// Header or body.
    pub part: Part,
}

/// Identifies one socket of the run, in order of creation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SockId(pub u32);

/// Stream or datagrams.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Proto {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

/// A socket's addresses, as known when the run ended.
#[derive(Clone, Debug)]
pub struct SocketInfo {
    /// Its number.
    pub id: SockId,
    /// Whose it is.
    pub end: EndName,
    /// Stream or datagrams.
    pub proto: Proto,
    /// Its own address, once bound.
    pub local: Option<SocketAddr>,
    /// The peer's address, once connected.
    pub peer: Option<SocketAddr>,
    /// Messages the document says the peer sends on it; used only when the peer is not recorded.
    pub expected: Vec<MsgId>,
}

/// The system call (or the wait, or the hand-over) an event records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "each is the call of the same name")]
pub enum Call {
    Bind,
    Listen,
    Accept,
    Connect,
    Send,
    Recv,
    SendTo,
    RecvFrom,
    SetSockOpt,
    Shutdown,
    Close,
    /// Not a call: the end waited for a fact.
    Wait,
    /// Not a call: the application took these bytes as one whole message.
    Deliver,
    /// Not a call on a socket: the process at this end was started or ended.
    Process,
}

impl Call {
    /// The word used in lanes and JSON.
    pub const fn word(self) -> &'static str {
        match self {
            Call::Bind => "bind",
            Call::Listen => "listen",
            Call::Accept => "accept",
            Call::Connect => "connect",
            Call::Send => "send",
            Call::Recv => "recv",
            Call::SendTo => "sendto",
            Call::RecvFrom => "recvfrom",
            Call::SetSockOpt => "setsockopt",
            Call::Shutdown => "shutdown",
            Call::Close => "close",
            Call::Wait => "wait",
            Call::Deliver => "deliver",
            Call::Process => "process",
        }
    }

    /// Puts application bytes into the kernel.
    pub const fn sends(self) -> bool {
        matches!(self, Call::Send | Call::SendTo)
    }

    /// Takes application bytes out of the kernel.
    pub const fn receives(self) -> bool {
        matches!(self, Call::Recv | Call::RecvFrom)
    }
}

/// What the kernel said about a socket right after a call; a field is `None` where this system cannot tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Evidence {
    /// Bytes waiting in the receive queue (FIONREAD).
    pub queued: Option<u64>,
    /// Data segments sent, retransmissions included (`tcpi_data_segs_out`).
    pub segments_out: Option<u64>,
    /// Data segments received (`tcpi_data_segs_in`).
    pub segments_in: Option<u64>,
    /// Segments sent that carried no data: ACKs, and SYN, FIN (`tcpi_segs_out` less `tcpi_data_segs_out`).
    pub acks_out: Option<u64>,
    /// Segments retransmitted, tail-loss probes included (`tcpi_total_retrans`).
    pub retransmissions: Option<u64>,
    /// Bytes accepted by the kernel but not yet put into a segment (`tcpi_notsent_bytes`).
    pub unsent: Option<u64>,
    /// Segments sent and not yet acknowledged (`tcpi_unacked`).
    pub unacked: Option<u64>,
    /// The peer's receive window in bytes (`tcpi_snd_wnd`).
    pub peer_window: Option<u64>,
    /// How often in a row a timer of the sender's ran out: with nothing under way, probes of the peer's closed
    /// window (`tcpi_backoff`).
    pub backoff: Option<u64>,
    /// The sender's maximum segment size in bytes (`tcpi_snd_mss`).
    pub mss: Option<u64>,
    /// Datagrams this socket dropped because its queue was full (SO_MEMINFO).
    pub dropped: Option<u64>,
    /// Datagrams still unread when the socket was closed.
    pub unread: Option<u64>,
}

impl Evidence {
    /// Segments that carried new bytes: sent less retransmitted.
    pub fn new_segments(&self) -> Option<u64> {
        Some(self.segments_out?.saturating_sub(self.retransmissions.unwrap_or(0)))
    }

    /// The known fields with their JSON names, in a fixed order.
    pub fn known(&self) -> impl Iterator<Item = (&'static str, u64)> {
        [
            ("queued", self.queued),
            ("segments_out", self.segments_out),
            ("segments_in", self.segments_in),
            ("acks_out", self.acks_out),
            ("retransmissions", self.retransmissions),
            ("unsent", self.unsent),
            ("unacked", self.unacked),
            ("peer_window", self.peer_window),
            ("backoff", self.backoff),
            ("mss", self.mss),
            ("dropped", self.dropped),
            ("unread", self.unread),
        ]
        .into_iter()
        .filter_map(|(name, value)| value.map(|v| (name, v)))
    }
}

/// The bytes of a message that a send call was handed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handed {
    /// The message.
    pub msg: MsgId,
    /// Where in the message's bytes they start.
    pub offset: usize,
}

/// What a wait waited for, so that causal order and the reader both know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// This many bytes are in the receive queue.
    Queued(usize),
    /// Everything sent so far is acknowledged.
    Acked,
    /// Another end opened this gate so many times.
    Gate {
        /// The gate.
        gate: Cow<'static, str>,
        /// How many times, from 1.
        nth: usize,
    },
    /// The peer closed its side, or reset the connection.
    PeerGone,
    /// A datagram is readable, or the refusal of an earlier one.
    Readable,
    /// A duration passed because the page (or the learner) asked for it, in microseconds.
    Pause(u64),
}

/// One system call, as entered and as returned.
#[derive(Clone, Debug)]
pub struct Event {
    /// Place in causal order, from 1; 0 until [`Trace::finish`].
    pub seq: usize,
    /// Who called.
    pub end: EndName,
    /// What was called.
    pub call: Call,
    /// On which socket.
    pub sock: Option<SockId>,
    /// When it was entered, microseconds since the run began.
    pub t_us: u64,
    /// When it returned, microseconds since the run began.
    pub end_us: u64,
    /// How many bytes the call was asked to move.
    pub asked: Option<usize>,
    /// What it returned; `None` on error.
    pub returned: Option<usize>,
    /// The errno name, on error.
    pub error: Option<String>,
    /// The bytes that really moved.
    pub bytes: Vec<u8>,
    /// What came of something that is no socket call (a number packed, a file's digest): bytes that
    /// nothing carried.
    pub made: Vec<u8>,
    /// Of a send: which message's bytes they were.
    pub handed: Option<Handed>,
    /// Which message each byte belongs to, in order, covering every byte.
    pub spans: Vec<Span>,
    /// The datagram was longer than the buffer.
    pub truncated: bool,
    /// The datagram's true length in bytes, where known. Of a send: the datagram that left; `None` when the
    /// bytes wait for the next send to complete it (MSG_MORE, udp(7)).
    pub datagram_len: Option<usize>,
    /// The address a datagram went to or came from, or a connection's peer.
    pub peer: Option<SocketAddr>,
    /// What a wait waited for.
    pub fact: Option<Fact>,
    /// What the kernel said afterwards.
    pub evidence: Evidence,
    /// A word for the reader: the option and its effective value, the fact waited for.
    pub note: Option<Text>,
    /// The act it belongs to: its place in [`Trace::acts`].
    pub act: Option<usize>,
}

impl Event {
    /// A fresh event; the caller fills in what the call was about.
    pub fn new(end: EndName, call: Call) -> Event {
        Event {
            seq: 0,
            end,
            call,
            sock: None,
            t_us: 0,
            end_us: 0,
            asked: None,
            returned: None,
            error: None,
            bytes: Vec::new(),
            made: Vec::new(),
            handed: None,
            spans: Vec::new(),
            truncated: false,
            datagram_len: None,
            peer: None,
            fact: None,
            evidence: Evidence::default(),
            note: None,
            act: None,
        }
    }

    /// The messages its bytes belong to, each once, in order of first appearance.
    pub fn messages(&self) -> Vec<MsgId> {
        let mut seen = HashSet::new();
        self.spans.iter().map(|span| span.msg).filter(|id| seen.insert(*id)).collect()
    }

    /// The moment that stands for it, in microseconds: an act when it began, an arrival when it was
    /// there. So a cause's moment never lies behind its effect's.
    pub fn moment_us(&self) -> u64 {
        match self.call {
            Call::Accept | Call::Recv | Call::RecvFrom | Call::Wait => self.end_us,
            _ => self.t_us,
        }
    }

    /// True when the call returned (no error).
    pub fn ok(&self) -> bool {
        self.error.is_none()
    }
}

/// One of several variants that a run plays after each other: Nagle on, then off; the loop of the page, then the
/// corrected one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Act {
    /// Its name for programs, and for the ends to agree on.
    pub key: Cow<'static, str>,
    /// Its heading.
    pub title: Text,
}

impl Act {
    /// An act; usable in constants.
    pub const fn new(key: &'static str, en: &'static str, zh: &'static str) -> Act {
        Act { key: Cow::Borrowed(key), title: Text::new(en, zh) }
    }
}

/// An act, or something that is played as one.
pub trait Variant {
    /// The act.
    fn act(&self) -> &Act;
}

impl Variant for Act {
    fn act(&self) -> &Act {
        self
    }
}

/// An act, and what is different in it.
impl<T> Variant for (Act, T) {
    fn act(&self) -> &Act {
        &self.0
    }
}

/// When an end opened a gate: after how many of its events.
#[derive(Clone, Debug)]
pub struct Opening {
    /// The gate's name.
    pub gate: Cow<'static, str>,
    /// Which of its openings, from 1.
    pub nth: usize,
    /// Who opened it.
    pub end: EndName,
    /// How many events that end had recorded by then.
    pub after: usize,
}

/// One run, recorded.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    /// What the applications meant as messages, by number.
    pub messages: Vec<Message>,
    /// Every call, in causal order.
    pub events: Vec<Event>,
    /// Every socket.
    pub sockets: Vec<SocketInfo>,
    /// Every gate that was opened.
    pub openings: Vec<Opening>,
    /// Every packet that left a host, when the run had a link.
    pub packets: Vec<packet::Packet>,
    /// Packets that crossed the link after the recording was full; 0 without a link.
    pub unrecorded: u64,
    /// The variants that were played, in order; empty where there is only one.
    pub acts: Vec<Act>,
    /// Why the run was begun again, each time that it was.
    pub restarts: Vec<Text>,
    /// The ends that were recorded: both in one process, one alone.
    pub roles: Vec<Role>,
    /// Of the messages that a live trace sees pass, how many bytes have passed; of those their beginning is kept. A
    /// recorded message is whole from the start, and not in here.
    pub passed: BTreeMap<MsgId, usize>,
}

/// How events that are not ordered by cause are laid side by side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tie {
    /// By the clock: what really happened first.
    Clock,
    /// By lane, clients first: the same on every run.
    Lane,
    /// The calls so, and all packets behind them: where packets stand differently on each run.
    LaneWithoutPackets,
}

impl Trace {
    /// Orders, maps and numbers a raw recording. Pure: the same recording gives the same trace.
    pub fn finish(mut self, tie: Tie) -> Trace {
        connections::name_wildcards(&mut self);
        provenance::map(&mut self);
        if tie == Tie::Lane {
            self.leave_out_acks_of_fin();
        }
        order::sort(&mut self, tie);
        provenance::number(&mut self);
        order::number_sockets(&mut self);
        self
    }

    /// Whether a FIN is acknowledged by itself or together with the other side's FIN depends on how soon that side
    /// closes, within the 40 ms of a delayed ACK: so text that must not change has none of the former.
    fn leave_out_acks_of_fin(&mut self) {
        let contexts = self.contexts();
        let mut contexts = contexts.iter();
        let alone = |p: &packet::Packet, acks_fin: bool| p.is_pure_ack() && acks_fin;
        self.packets.retain(|p| contexts.next().is_none_or(|context| !alone(p, context.acknowledges_fin)));
    }

    /// A message by number.
    pub fn message(&self, id: MsgId) -> Option<&Message> {
        // In a recording numbers are places; a live trace has forgotten what is over.
        let at = self.messages.binary_search_by_key(&id, |m| m.id).ok()?;
        self.messages.get(at)
    }

    /// A socket by number.
    pub fn socket(&self, id: SockId) -> Option<&SocketInfo> {
        let at = self.sockets.binary_search_by_key(&id, |s| s.id).ok()?;
        self.sockets.get(at)
    }

    /// Was this role recorded (false for the far side of a lone end)?
    pub fn saw(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }

    /// The events of one role and call.
    pub fn calls(&self, role: Role, call: Call) -> impl Iterator<Item = &Event> {
        self.events.iter().filter(move |e| e.end.role == role && e.call == call)
    }

    /// The messages of one role, in order.
    pub fn messages_from(&self, role: Role) -> impl Iterator<Item = &Message> {
        self.messages.iter().filter(move |m| m.from.role == role)
    }

    /// Splits a byte range of a message at its header's end. An empty message has one empty span.
    pub(crate) fn spans_of(message: &Message, range: Range<usize>) -> impl Iterator<Item = Span> + use<> {
        let cut = message.header_len.clamp(range.start, range.end);
        let msg = message.id;
        let empty = range.is_empty();
        [(range.start..cut, Part::Header), (cut..range.end, Part::Body)]
            .into_iter()
            .filter(move |(r, part)| !r.is_empty() || (empty && *part == Part::Body))
            .map(move |(r, part)| Span { msg, offset: r.start, len: r.len(), part })
    }
}
