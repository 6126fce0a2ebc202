//! The news an event brings about its socket: what the kernel's counters say that they did not say before.

use serde::{Deserialize, Serialize};

/// One thing that is new. A number is `None` where it differs from run to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum News {
    /// A datagram left.
    Datagram,
    /// The bytes wait for the next send to complete their datagram (MSG_MORE).
    Held,
    /// Data segments left: from this one to that one, counted from 1.
    Segments(u32, u32),
    /// So many segments left again.
    SentAgain(u32),
    /// An option made the kernel send an ACK that it had kept back (TCP_QUICKACK).
    AckSent,
    /// So many bytes are accepted, and in no segment yet.
    Unsent(u32),
    /// So many bytes are in the receive queue.
    Queued(Option<u32>),
    /// So many datagrams were dropped, all in all: one more than before at least.
    Dropped(Option<u32>),
    /// So many datagrams nobody had read when the socket was closed.
    Unread(u32),
}

impl News {
    /// Tells of segments or datagrams that left: where packets are shown, they say so themselves.
    pub fn is_departure(self) -> bool {
        matches!(self, News::Datagram | News::Segments(..) | News::SentAgain(_) | News::AckSent)
    }
}
