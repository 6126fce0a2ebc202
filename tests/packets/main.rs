//! Packets are read as others build them (etherparse), and the capture is what others read (pcap-file, tshark).

mod dissected;
mod file;
mod look;
#[cfg(target_os = "linux")]
mod wireshark;

use etherparse::{
    IcmpEchoHeader, Icmpv4Header, Icmpv4Type, IpFragOffset, IpNumber, Ipv4Header, Ipv4Options, TcpHeader,
    TcpOptionElement, UdpHeader,
};
use pcap_file::DataLink;
use pcap_file::pcapng::blocks::enhanced_packet::EnhancedPacketOption;
use pcap_file::pcapng::blocks::interface_description::InterfaceDescriptionOption;
use pcap_file::pcapng::blocks::section_header::SectionHeaderOption;
use pcap_file::pcapng::{Block, PcapNgReader};
use proptest::collection::vec;
use proptest::prelude::*;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::{Duration, SystemTime};
use stickdemo::link::view::{TcpFields, View, protocol, quoted};
use stickdemo::link::{Captured, dissect, pcapng};
use stickdemo::text::Text;
use stickdemo::trace::packet::{Cause, Content, Fate, Flags, Fragment, Packet, Segment};
use stickdemo::trace::{EndName, Message, MsgId, Part, Role, Span, Trace};

const CLIENT: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(10, 0, 0, 1), 40000);
const SERVER: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(10, 0, 0, 2), 5000);
const SYN_ACK: Flags = Flags::SYN.and(Flags::ACK);
const PSH_ACK: Flags = Flags::PSH.and(Flags::ACK);
const FIN_ACK: Flags = Flags::FIN.and(Flags::ACK);
const RST_ACK: Flags = Flags::RST.and(Flags::ACK);

/// From where to where a packet of this end goes.
fn way(from: Role) -> (SocketAddrV4, SocketAddrV4) {
    match from {
        Role::Client => (CLIENT, SERVER),
        Role::Relay | Role::Server => (SERVER, CLIENT),
    }
}

/// An IP packet around these bytes; `place` makes a fragment of it.
fn ip(from: Role, protocol: u8, id: u16, place: Option<Fragment>, carried: &[u8]) -> Vec<u8> {
    let (source, destination) = way(from);
    let (source, destination) = (source.ip().octets(), destination.ip().octets());
    let length = u16::try_from(carried.len()).expect("a length");
    let mut header = Ipv4Header::new(length, 64, IpNumber(protocol), source, destination).expect("a header");
    header.identification = id;
    header.dont_fragment = place.is_none();
    if let Some(place) = place {
        header.more_fragments = place.more;
        header.fragment_offset = IpFragOffset::try_new((place.offset / 8) as u16).expect("an offset");
    }
    header.header_checksum = header.calc_header_checksum();
    [&header.to_bytes()[..], carried].concat()
}

/// The header that [`ip`] would put in front: what checksums of what it carries are made with.
fn pseudo(from: Role, protocol: u8) -> Ipv4Header {
    Ipv4Header::from_slice(&ip(from, protocol, 0, None, &[])).expect("a header").0
}

fn tcp(from: Role, fields: &TcpFields, options: &[TcpOptionElement], payload: &[u8]) -> Vec<u8> {
    let (source, destination) = way(from);
    let mut header = TcpHeader::new(source.port(), destination.port(), fields.seq, fields.window);
    header.acknowledgment_number = fields.ack;
    let bits = [&mut header.fin, &mut header.syn, &mut header.rst, &mut header.psh, &mut header.ack, &mut header.urg];
    for (n, bit) in bits.into_iter().enumerate() {
        *bit = fields.flags.0 & 1 << n != 0;
    }
    header.set_options(options).expect("options that fit");
    header.checksum = header.calc_checksum_ipv4(&pseudo(from, protocol::TCP), payload).expect("a checksum");
    ip(from, protocol::TCP, 7, None, &[&header.to_bytes()[..], payload].concat())
}

/// A datagram with its header, not yet in an IP packet.
fn datagram(from: Role, payload: &[u8]) -> Vec<u8> {
    let (source, destination) = way(from);
    let pseudo = pseudo(from, protocol::UDP);
    let header = UdpHeader::with_ipv4_checksum(source.port(), destination.port(), &pseudo, payload).expect("a header");
    [&header.to_bytes()[..], payload].concat()
}

fn udp(from: Role, payload: &[u8]) -> Vec<u8> {
    ip(from, protocol::UDP, 7, None, &datagram(from, payload))
}

/// A datagram as an interface with this MTU sends it.
fn fragments(from: Role, payload: &[u8], mtu: usize) -> Vec<Vec<u8>> {
    let whole = datagram(from, payload);
    let room = (mtu - 20) / 8 * 8;
    let piece = |(n, bytes): (usize, &[u8])| {
        let place = Fragment { offset: n * room, more: n * room + bytes.len() < whole.len() };
        ip(from, protocol::UDP, 9, Some(place), bytes)
    };
    whole.chunks(room).enumerate().map(piece).collect()
}

fn icmp(from: Role, kind: Icmpv4Type, payload: &[u8]) -> Vec<u8> {
    let header = Icmpv4Header::with_checksum(kind, payload);
    ip(from, protocol::ICMP, 7, None, &[&header.to_bytes()[..], payload].concat())
}

fn port_unreachable(about: &[u8]) -> Vec<u8> {
    let kind = Icmpv4Type::DestinationUnreachable(etherparse::icmpv4::DestUnreachableHeader::Port);
    icmp(Role::Server, kind, about)
}

fn portless(address: SocketAddrV4) -> SocketAddrV4 {
    SocketAddrV4::new(*address.ip(), 0)
}

/// Two ends and their initial sequence numbers; its segments are written with relative ones.
struct Connection {
    client: u32,
    server: u32,
}

impl Connection {
    fn raw(&self, from: Role, flags: Flags, numbers: (u64, u64)) -> TcpFields {
        let (mine, other) = match from {
            Role::Client => (self.client, self.server),
            Role::Relay | Role::Server => (self.server, self.client),
        };
        let seq = mine.wrapping_add(numbers.0 as u32);
        let ack = if flags.has(Flags::ACK) { other.wrapping_add(numbers.1 as u32) } else { 0 };
        TcpFields { flags, seq, ack, window: 500, ..TcpFields::default() }
    }

    fn sends(&self, from: Role, flags: Flags, numbers: (u64, u64), payload: &[u8]) -> Captured {
        captured(from, tcp(from, &self.raw(from, flags, numbers), &[], payload))
    }

    fn offers(&self, from: Role, flags: Flags, shift: u8) -> Captured {
        let numbers = if from == Role::Client { (0, 0) } else { (0, 1) };
        let options = [TcpOptionElement::MaximumSegmentSize(1460), TcpOptionElement::WindowScale(shift)];
        captured(from, tcp(from, &self.raw(from, flags, numbers), &options, &[]))
    }
}

fn captured(from: Role, bytes: Vec<u8>) -> Captured {
    Captured { from, t_us: 0, arrivals: vec![10], fate: Fate::Delivered, bytes: bytes.into() }
}

/// The dissected segments: relative numbers, payload, retransmission.
fn numbers(captured: Vec<Captured>) -> Vec<(u64, u64, usize, bool)> {
    let packets = dissect::packets(captured);
    let of = |p: &Packet| p.segment().map(|s| (s.seq, s.ack, p.payload_len, s.retransmission));
    packets.iter().filter_map(of).collect()
}

/// A connection with one exchange and both ends.
fn conversation(connection: &Connection) -> Vec<Captured> {
    use Role::{Client, Server};
    vec![
        connection.sends(Client, Flags::SYN, (0, 0), b""),
        connection.sends(Server, SYN_ACK, (0, 1), b""),
        connection.sends(Client, Flags::ACK, (1, 1), b""),
        connection.sends(Client, PSH_ACK, (1, 1), b"hello"),
        connection.sends(Server, Flags::ACK, (1, 6), b""),
        connection.sends(Server, PSH_ACK, (1, 6), b"feng"),
        connection.sends(Client, FIN_ACK, (6, 5), b""),
        connection.sends(Server, FIN_ACK, (5, 7), b""),
        connection.sends(Client, Flags::ACK, (7, 6), b""),
    ]
}

/// Windows counts hundreds of nanoseconds.
const BEGAN: Duration = Duration::new(1_700_000_000, 123_456_700);
const LINK: &str = "rtt=20ms,mtu=1500,drop=2,seed=7";

fn written(trace: &Trace) -> Vec<u8> {
    let mut file = Vec::new();
    pcapng::write(trace, SystemTime::UNIX_EPOCH + BEGAN, LINK, &mut file).expect("memory takes it");
    file
}

/// One packet as a reader of the file sees it.
#[derive(Debug, PartialEq)]
struct Read {
    interface: u32,
    time: Duration,
    comment: Option<String>,
    bytes: Vec<u8>,
}

fn read(file: &[u8]) -> Vec<Read> {
    let mut reader = PcapNgReader::new(file).expect("a section header");
    let mut packets = Vec::new();
    while let Some(block) = reader.next_block() {
        match block.expect("a sound block") {
            Block::EnhancedPacket(packet) => {
                assert_eq!(packet.original_len as usize, packet.data.len());
                let mut read = Read {
                    interface: packet.interface_id,
                    time: packet.timestamp,
                    comment: None,
                    bytes: packet.data.into_owned(),
                };
                for option in packet.options {
                    match option {
                        EnhancedPacketOption::Comment(text) => read.comment = Some(text.into_owned()),
                        // Outbound.
                        EnhancedPacketOption::Flags(2) => {}
                        other => panic!("{other:?}"),
                    }
                }
                packets.push(read);
            }
            Block::InterfaceDescription(_) => {}
            other => panic!("{other:?}"),
        }
    }
    packets
}

fn message(id: u32, bytes: &[u8], header_len: usize, label: Option<Text>) -> Message {
    let from = EndName::only(Role::Client);
    Message { id: MsgId(id), from, bytes: bytes.into(), header_len, label, inferred: false, passed: None }
}

fn span(id: u32, offset: usize, len: usize, part: Part) -> Span {
    Span { msg: MsgId(id), offset, len, part }
}

/// Every fate, every way to name a message.
fn eventful() -> Trace {
    use Part::{Body, Header};
    let connection = Connection { client: 1000, server: u32::MAX };
    let data = |len: usize| connection.sends(Role::Client, PSH_ACK, (1, 1), &vec![b'x'; len]);
    let seen =
        |captured, fate, t_us, arrivals: &[u64]| Captured { fate, t_us, arrivals: arrivals.to_vec(), ..captured };
    let mut packets = dissect::packets(vec![
        seen(connection.sends(Role::Client, Flags::SYN, (0, 0), b""), Fate::Delivered, 5, &[10_005]),
        seen(data(9), Fate::Dropped(Cause::Asked), 10, &[]),
        seen(data(9), Fate::Duplicated, 20, &[10_020, 10_180]),
        seen(data(4), Fate::Dropped(Cause::QueueFull), 30, &[]),
        seen(connection.sends(Role::Server, Flags::ACK, (1, 10), b""), Fate::Reordered, 10_020, &[20_060]),
    ]);
    let hello = vec![span(1, 0, 5, Body), span(2, 0, 4, Header)];
    packets[1].spans.clone_from(&hello);
    packets[2].spans = hello;
    packets[3].spans = vec![span(2, 4, 1, Body), span(3, 0, 1460, Body), span(4, 0, 0, Body), span(5, 2, 7, Body)];
    let messages = vec![
        message(1, b"hello", 0, None),
        message(2, &[0, 0, 0, 6, 0xe5, 0x86, 0xaf, 0xe5, 0x86, 0xaf], 4, None),
        message(3, &[b'x'; 4000], 0, None),
        message(4, b"", 0, None),
        message(5, &[0; 9], 0, Some(Text::new("ls: stderr", "ls：stderr"))),
    ];
    Trace { packets, messages, ..Trace::default() }
}

/// The types of a file's blocks; that their lengths are said twice alike, are whole and leave nothing over.
fn blocks(file: &[u8]) -> Vec<u32> {
    let number = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().expect("four bytes"));
    let mut kinds = Vec::new();
    let mut at = 0;
    while at < file.len() {
        let length = number(at + 4) as usize;
        assert_eq!((length % 4, number(at + length - 4) as usize), (0, length), "block {} at {at}", kinds.len());
        kinds.push(number(at));
        at += length;
    }
    assert_eq!(at, file.len());
    kinds
}
