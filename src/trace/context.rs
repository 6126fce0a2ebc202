//! What the packets before it tell about one packet.

use super::EndName;
use serde::{Deserialize, Serialize};

/// What a segment without data is for, besides acknowledging.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// Nothing else.
    #[default]
    Nothing,
    /// To say that there is room again: the same bytes acknowledged, a larger window (RFC 9293 §3.8.6.2.2).
    WindowUpdate,
    /// To make the other side say how much room it has: it repeats an old sequence number (RFC 9293 §3.8.6.1).
    Probe,
}

/// What the packets before it, and the sockets, tell about one packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PacketContext {
    /// What a segment without data is for.
    pub purpose: Purpose,
    /// How many of the other side's bytes it acknowledges.
    pub acknowledged: u64,
    /// It acknowledges the other side's FIN.
    pub acknowledges_fin: bool,
    /// It says that there is no room left. A reset's window says nothing, nor does that of a SYN, which is not scaled.
    pub closes_window: bool,
    /// Whose packet it is.
    pub from: EndName,
    /// Who it is for.
    pub to: EndName,
}
