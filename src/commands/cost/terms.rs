//! What is measured: protocols, what is between the ends, and what is sent.

use crate::framing::Kind;
use crate::link::spec::{Impairments, Spec};
use crate::text::Text;
use crate::text::quantity::write_duration;
use std::time::Duration;

/// Rounds of each cell: the fixes take turns, so that a noisy machine is noisy for all. The median counts.
pub const ROUNDS: usize = 3;

/// Messages unless a number is asked for.
pub(super) const MESSAGES: u32 = 50;

/// A way of keeping messages apart on a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fix {
    /// No framing at all: request and reply keep a single message under way (the documents' recv per send).
    LockStep,
    /// Decimal length, sleep, body (D4 §1).
    Sleep,
    /// Decimal length, wait for `recv_ready`, body (D0, D1 §11, D2 §4, D4 §2).
    Ack,
    /// 4 bytes of length, body (D0, D1 §12, D3).
    I32Le,
    /// 4 bytes of length, JSON header, body (D1 §12, D2).
    Json,
}

impl Fix {
    /// Every one, in the order of the tables.
    pub const ALL: [Fix; 5] = [Fix::LockStep, Fix::Sleep, Fix::Ack, Fix::I32Le, Fix::Json];

    /// The framing that it uses; sleep is none that has a name.
    pub const fn framing(self) -> Option<Kind> {
        match self {
            Fix::LockStep => Some(Kind::None),
            Fix::Sleep => None,
            Fix::Ack => Some(Kind::Ack),
            Fix::I32Le => Some(Kind::I32Le),
            Fix::Json => Some(Kind::Json),
        }
    }

    /// The name in tables and JSON.
    pub const fn name(self) -> &'static str {
        match self.framing() {
            Some(kind) => kind.name(),
            None => "sleep",
        }
    }

    /// What its two ends do.
    pub const fn text(self) -> Text {
        match self {
            Fix::LockStep => {
                Text::new("no framing, in lock step: message, reply, message", "不分帧，一问一答：消息、回复、消息")
            }
            Fix::Sleep => Text::new("length, sleep, body", "长度、sleep、正文"),
            Fix::Ack => Text::new("length, wait for recv_ready, body", "长度、等 recv_ready、正文"),
            Fix::I32Le => Text::new("struct 'i': 4 bytes of length, body", "struct 'i'：4 字节长度、正文"),
            Fix::Json => Text::new("4 bytes of length, JSON header, body", "4 字节长度、JSON 报头、正文"),
        }
    }

    /// Says itself where a message ends, whoever is late: the other two only hope.
    pub const fn is_framing(self) -> bool {
        matches!(self, Fix::Ack | Fix::I32Le | Fix::Json)
    }
}

/// What is between the two ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Medium {
    /// This machine's loopback.
    Loopback,
    /// A link of this round trip time, MTU 1500, on which nothing is lost.
    Link(Duration),
}

impl Medium {
    /// The round trip time that the medium adds by itself.
    pub fn rtt(self) -> Option<Duration> {
        match self {
            Medium::Loopback => None,
            Medium::Link(rtt) => Some(rtt),
        }
    }

    /// Its name, for a reader.
    pub fn text(self) -> Text {
        match self {
            Medium::Loopback => Text::new("loopback", "回环"),
            Medium::Link(rtt) => Text::new("link, RTT {}", "链路，RTT {}").with(&Text::same(write_duration(rtt))),
        }
    }

    /// The link to make.
    pub fn spec(self) -> Option<Spec> {
        let way = Impairments { delay: self.rtt()? / 2, ..Impairments::default() };
        Some(Spec { up: way.clone(), down: way, ..Spec::default() })
    }
}

/// What goes from the sender to the receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    /// Messages in a row.
    pub messages: u32,
    /// Bytes of each, header not counted.
    pub size: usize,
    /// How long `sleep` sleeps between length and body.
    pub gap: Duration,
    /// TCP_NODELAY at both ends.
    pub nodelay: bool,
}
