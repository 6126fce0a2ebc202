//! The sockets of a run.

use super::{EndName, MsgId};
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;

/// Identifies one socket of the run, in order of creation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SockId(pub u32);

/// Stream or datagrams.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Proto {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

/// A socket's addresses, as known when the run ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
