//! What the kernel says about a socket.

use serde::{Deserialize, Serialize, Serializer};

/// What the kernel said about a socket right after a call; a field is `None` where this system cannot tell. The kernel's
/// own counters have 32 bits, too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Evidence {
    /// Bytes waiting in the receive queue (FIONREAD).
    pub queued: Option<u32>,
    /// Data segments sent, retransmissions included (`tcpi_data_segs_out`).
    pub segments_out: Option<u32>,
    /// Data segments received (`tcpi_data_segs_in`).
    pub segments_in: Option<u32>,
    /// Segments sent that carried no data: ACKs, and SYN, FIN (`tcpi_segs_out` less `tcpi_data_segs_out`).
    pub acks_out: Option<u32>,
    /// Segments retransmitted, tail-loss probes included (`tcpi_total_retrans`).
    pub retransmissions: Option<u32>,
    /// Bytes accepted by the kernel but not yet put into a segment (`tcpi_notsent_bytes`).
    pub unsent: Option<u32>,
    /// Segments sent and not yet acknowledged (`tcpi_unacked`).
    pub unacked: Option<u32>,
    /// The peer's receive window in bytes (`tcpi_snd_wnd`).
    pub peer_window: Option<u32>,
    /// How often in a row a timer of the sender's ran out: with nothing under way, probes of the peer's closed
    /// window (`tcpi_backoff`).
    pub backoff: Option<u32>,
    /// The sender's maximum segment size in bytes (`tcpi_snd_mss`).
    pub mss: Option<u32>,
    /// Datagrams this socket dropped because its queue was full (SO_MEMINFO).
    pub dropped: Option<u32>,
    /// Datagrams still unread when the socket was closed.
    pub unread: Option<u32>,
}

impl Evidence {
    /// Segments that carried new bytes: sent less retransmitted.
    pub fn new_segments(&self) -> Option<u32> {
        Some(self.segments_out?.saturating_sub(self.retransmissions.unwrap_or(0)))
    }

    /// The known fields with their JSON names, in a fixed order.
    pub fn known(&self) -> impl Iterator<Item = (&'static str, u32)> {
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

/// A key is absent where this system cannot tell.
impl Serialize for Evidence {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.known())
    }
}
