//! One look at a packet: where it goes and what the wire has to know of it. No copy, no allocation.

use crate::trace::packet::{Flags, Fragment};
use std::net::SocketAddrV4;

/// IPv4's numbers of the protocols that are looked into.
pub mod protocol {
    /// ICMP.
    pub const ICMP: u8 = 1;
    /// TCP.
    pub const TCP: u8 = 6;
    /// UDP.
    pub const UDP: u8 = 17;
}

/// An IPv4 packet, looked at where it lies. Numbers are the packet's own, not relative.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct View<'a> {
    /// The whole packet, in bytes, IP header included.
    pub len: usize,
    /// IPv4's protocol number.
    pub protocol: u8,
    /// From where; port 0 where the packet names none.
    pub source: SocketAddrV4,
    /// To where; port 0 likewise.
    pub destination: SocketAddrV4,
    /// IP identification.
    pub ip_id: u16,
    /// Its place, when it is a fragment of a datagram.
    pub fragment: Option<Fragment>,
    /// TCP's header, of a TCP segment.
    pub tcp: Option<Tcp>,
    /// Type and code, of an ICMP message.
    pub icmp: Option<(u8, u8)>,
    /// What the packet carries behind its headers; of a later fragment everything behind the IP header.
    pub payload: &'a [u8],
}

/// The fields of a TCP header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tcp {
    /// The control bits.
    pub flags: Flags,
    /// Sequence number.
    pub seq: u32,
    /// Acknowledgement number.
    pub ack: u32,
    /// The window field, not scaled.
    pub window: u16,
    /// Maximum segment size option, in bytes.
    pub mss: Option<u16>,
    /// Window scale option (RFC 7323 §2.2).
    pub window_scale: Option<u8>,
    /// Blocks in the SACK option.
    pub sack_blocks: u8,
}

impl View<'_> {
    /// Looks at a packet; `None` when it is not a whole and sound IPv4 packet.
    pub fn of(_packet: &[u8]) -> Option<View<'_>> {
        None
    }
}
