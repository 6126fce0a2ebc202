//! One look at a packet: where it goes and what the wire has to know of it. No copy, no allocation.

use crate::trace::packet::{Flags, Fragment};
use std::net::{Ipv4Addr, SocketAddrV4};

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
    /// All of the packet, in bytes.
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
    pub tcp: Option<TcpFields>,
    /// Type and code, of an ICMP message.
    pub icmp: Option<(u8, u8)>,
    /// What the packet carries behind its headers; of a later fragment everything behind the IP header.
    pub payload: &'a [u8],
}

/// The fields of a TCP header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TcpFields {
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

impl<'a> View<'a> {
    /// Looks at a packet; `None` when it is not a whole and sound IPv4 packet: a length in it that does not
    /// fit the others, or a header that is cut. Bytes behind IP's total length do not belong to it.
    pub fn of(packet: &'a [u8]) -> Option<View<'a>> {
        let ip = Ip::of(packet)?;
        let carried = packet.get(ip.header_len..ip.total_len)?;
        let view = View {
            len: ip.total_len,
            protocol: ip.protocol,
            source: SocketAddrV4::new(ip.source, 0),
            destination: SocketAddrV4::new(ip.destination, 0),
            ip_id: ip.id,
            fragment: ip.fragment,
            tcp: None,
            icmp: None,
            payload: carried,
        };
        match ip.protocol {
            _ if ip.is_later_fragment() => Some(view),
            protocol::TCP => view.with_tcp(),
            protocol::UDP => view.with_udp(),
            protocol::ICMP => view.with_icmp(),
            _ => Some(view),
        }
    }

    /// TCP's header (RFC 9293 §3.1), taken from the payload.
    fn with_tcp(self) -> Option<Self> {
        let header: &[u8; 20] = self.payload.first_chunk()?;
        let header_len = usize::from(header[12] >> 4) * 4;
        let options = self.payload.get(header.len()..header_len)?;
        let mut tcp = TcpFields {
            flags: Flags(header[13]),
            seq: be32(header, 4),
            ack: be32(header, 8),
            window: be16(header, 14),
            ..TcpFields::default()
        };
        if !options.is_empty() {
            tcp.read(options);
        }
        Some(View { tcp: Some(tcp), ..self.with_ports(header).behind(header_len) })
    }

    /// UDP's header (RFC 768), taken from the payload. Its length is the whole datagram's, fragmented or not.
    fn with_udp(self) -> Option<Self> {
        let header: &[u8; 8] = self.payload.first_chunk()?;
        let fits = self.fragment.is_some() || usize::from(be16(header, 4)) == self.payload.len();
        fits.then(|| self.with_ports(header).behind(header.len()))
    }

    /// ICMP's type and code (RFC 792).
    fn with_icmp(self) -> Option<Self> {
        let header: &[u8; 8] = self.payload.first_chunk()?;
        Some(View { icmp: Some((header[0], header[1])), ..self.behind(header.len()) })
    }

    fn with_ports(mut self, header: &[u8]) -> Self {
        self.source.set_port(be16(header, 0));
        self.destination.set_port(be16(header, 2));
        self
    }

    fn behind(self, header_len: usize) -> Self {
        View { payload: &self.payload[header_len..], ..self }
    }
}

impl TcpFields {
    /// Reads the options; what is not of its proper length is ignored, as the kernel does.
    fn read(&mut self, bytes: &[u8]) {
        for option in options(bytes) {
            match option {
                (2, [high, low]) => self.mss = Some(u16::from_be_bytes([*high, *low])),
                (3, [shift]) => self.window_scale = Some(*shift),
                (5, blocks) if blocks.len() % 8 == 0 => self.sack_blocks = (blocks.len() / 8) as u8,
                _ => {}
            }
        }
    }
}

/// TCP's options one by one, kind and value (RFC 9293 §3.2), up to the end or one whose length is wrong.
fn options(mut rest: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    std::iter::from_fn(move || {
        // 1 is padding, 0 the end of the list.
        while let [1, behind @ ..] = rest {
            rest = behind;
        }
        let (kind, len) = match rest {
            [0, ..] | [] | [_] => return None,
            [kind, len, ..] => (*kind, usize::from(*len)),
        };
        let value = rest.get(2..len)?;
        rest = &rest[len..];
        Some((kind, value))
    })
}

/// The addresses in the packet that an ICMP message quotes: its IP header and at least 8 bytes more
/// (RFC 792), which hold the ports of TCP and UDP. `None` when the header is not sound.
pub fn quoted(packet: &[u8]) -> Option<(SocketAddrV4, SocketAddrV4)> {
    let ip = Ip::of(packet)?;
    let carried = packet.get(ip.header_len..)?;
    let ports = match ip.protocol {
        protocol::TCP | protocol::UDP if !ip.is_later_fragment() => carried.first_chunk::<4>(),
        _ => None,
    };
    let (from, to) = ports.map_or((0, 0), |ports| (be16(ports, 0), be16(ports, 2)));
    Some((SocketAddrV4::new(ip.source, from), SocketAddrV4::new(ip.destination, to)))
}

/// The fields of an IPv4 header (RFC 791 §3.1). The lengths are what it says, not what is there.
struct Ip {
    header_len: usize,
    total_len: usize,
    id: u16,
    fragment: Option<Fragment>,
    protocol: u8,
    source: Ipv4Addr,
    destination: Ipv4Addr,
}

impl Ip {
    fn of(packet: &[u8]) -> Option<Ip> {
        let header: &[u8; 20] = packet.first_chunk()?;
        let header_len = usize::from(header[0] & 0x0f) * 4;
        if header[0] >> 4 != 4 || header_len < header.len() {
            return None;
        }
        let place = be16(header, 6);
        let fragment = Fragment { offset: usize::from(place & 0x1fff) * 8, more: place & 0x2000 != 0 };
        Some(Ip {
            header_len,
            total_len: be16(header, 2).into(),
            id: be16(header, 4),
            fragment: (fragment.offset > 0 || fragment.more).then_some(fragment),
            protocol: header[9],
            source: be32(header, 12).into(),
            destination: be32(header, 16).into(),
        })
    }

    /// What it carries does not begin with a header of its own.
    fn is_later_fragment(&self) -> bool {
        self.fragment.is_some_and(|fragment| fragment.offset > 0)
    }
}

#[inline]
fn be16(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

#[inline]
fn be32(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}
