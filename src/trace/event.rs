//! One system call, as entered and as returned.

use super::word::hex;
use super::{EndName, Evidence, MsgId, News, SockId, Span};
use crate::text::Text;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::HashSet;
use std::net::SocketAddr;

/// The system call (or the wait, or the hand-over) an event records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
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
    /// Not a call on a socket: the program wrote to its standard output or error; the bytes are in `made`.
    Print,
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
            Call::Print => "print",
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

/// The bytes of a message that a send call was handed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handed {
    /// The message.
    pub msg: MsgId,
    /// Where in the message's bytes they start.
    pub offset: usize,
}

/// What became of a datagram behind its send call, on its way: what UDP may do, done on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Struck {
    /// It was lost.
    Lost,
    /// It went twice.
    Doubled,
    /// It was held back, so that the next could pass it.
    Swapped,
}

impl Struck {
    /// In a word or two.
    pub const fn text(self) -> Text {
        match self {
            Struck::Lost => Text::new("lost on the way", "途中丢失"),
            Struck::Doubled => Text::new("goes twice", "发送两份"),
            Struck::Swapped => Text::new("held back", "被扣住，晚到"),
        }
    }
}

/// What a wait waited for, so that causal order and the reader both know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Place in causal order, from 1; 0 until [`Trace::finish`](super::Trace::finish).
    pub seq: usize,
    /// Who called.
    pub end: EndName,
    /// What was called.
    pub call: Call,
    /// On which socket.
    #[serde(rename = "socket")]
    pub sock: Option<SockId>,
    /// When it was entered, microseconds since the run began.
    #[serde(skip)]
    pub t_us: u64,
    /// When it returned, microseconds since the run began.
    #[serde(skip)]
    pub end_us: u64,
    /// How many bytes the call was asked to move.
    pub asked: Option<usize>,
    /// What it returned; `None` on error.
    pub returned: Option<usize>,
    /// The errno name, on error.
    pub error: Option<String>,
    /// The bytes that really moved.
    #[serde(with = "hex")]
    pub bytes: Vec<u8>,
    /// What came of something that is no socket call (a number packed, a file's digest): bytes that
    /// nothing carried.
    #[serde(with = "hex", default, skip_serializing_if = "Vec::is_empty")]
    pub made: Vec<u8>,
    /// Of a send: which message's bytes they were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handed: Option<Handed>,
    /// Which message each byte belongs to, in order, covering every byte.
    pub spans: Vec<Span>,
    /// The datagram was longer than the buffer.
    pub truncated: bool,
    /// The datagram's true length in bytes, where known. Of a send: the datagram that left; `None` when the
    /// bytes wait for the next send to complete it (MSG_MORE, udp(7)).
    pub datagram_len: Option<usize>,
    /// What was done to the datagram on its way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub struck: Option<Struck>,
    /// The address a datagram went to or came from, or a connection's peer.
    pub peer: Option<SocketAddr>,
    /// What a wait waited for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fact: Option<Fact>,
    /// What the kernel said afterwards.
    pub evidence: Evidence,
    /// A word for the reader: the option and its effective value, the fact waited for.
    #[serde(rename = "note_both", default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Box<Text>>,
    /// The act it belongs to: its place in [`Trace::acts`](super::Trace::acts).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub act: Option<usize>,
    /// What is new in its evidence; known once the events are in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub news: Vec<News>,
    /// The end at the other side, where that was recorded; known once the run is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub far: Option<EndName>,
    /// What it moved, and how often, differs from run to run: a number of bytes reads `n`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub varies: bool,
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
            struck: None,
            peer: None,
            fact: None,
            evidence: Evidence::default(),
            note: None,
            act: None,
            news: Vec::new(),
            far: None,
            varies: false,
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
