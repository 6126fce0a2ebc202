//! Packets are read as others build them (etherparse), and the capture is what others read (pcap-file, tshark).

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
use stickdemo::link::view::{Checksum, Checksums, Tcp, View, checksums, protocol, quoted};
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
        Role::Server => (SERVER, CLIENT),
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

fn tcp(from: Role, fields: &Tcp, options: &[TcpOptionElement], payload: &[u8]) -> Vec<u8> {
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

// What one look sees.

/// What a look at a client's packet must see, but for what the test says otherwise.
fn view(packet: &[u8], protocol: u8, payload_len: usize) -> View<'_> {
    View {
        len: packet.len(),
        protocol,
        source: CLIENT,
        destination: SERVER,
        ip_id: 7,
        fragment: None,
        tcp: None,
        icmp: None,
        payload: &packet[packet.len() - payload_len..],
    }
}

fn any_tcp() -> impl Strategy<Value = (Tcp, Vec<TcpOptionElement>, Vec<u8>)> {
    use TcpOptionElement::{MaximumSegmentSize, Noop, SelectiveAcknowledgement, Timestamp, WindowScale};
    let block = (any::<u32>(), any::<u32>());
    let options = (any::<Option<u16>>(), any::<Option<u8>>(), proptest::option::of(vec(block, 1..3)), any::<bool>());
    let fields = (0u8..64, any::<u32>(), any::<u32>(), any::<u16>());
    (fields, options, vec(any::<u8>(), 0..1480)).prop_map(|(fields, options, payload)| {
        let (flags, seq, ack, window) = fields;
        let (mss, window_scale, blocks, timestamp) = options;
        let sack_blocks = blocks.as_ref().map_or(0, Vec::len) as u8;
        let tcp = Tcp { flags: Flags(flags), seq, ack, window, mss, window_scale, sack_blocks };
        let list = [
            mss.map(MaximumSegmentSize),
            window_scale.map(WindowScale),
            timestamp.then_some(Noop),
            timestamp.then_some(Timestamp(seq, ack)),
            blocks.map(|b| SelectiveAcknowledgement(b[0], [b.get(1).copied(), None, None])),
        ];
        (tcp, list.into_iter().flatten().collect(), payload)
    })
}

proptest! {
    #[test]
    fn a_segment_is_read_field_by_field((fields, options, payload) in any_tcp()) {
        let packet = tcp(Role::Client, &fields, &options, &payload);
        let expected = View { tcp: Some(fields), ..view(&packet, protocol::TCP, payload.len()) };
        prop_assert_eq!(View::of(&packet), Some(expected));
        prop_assert_eq!(checksums(&packet), Some(Checksums { ip: Checksum::Right, carried: Checksum::Right }));
    }

    #[test]
    fn a_datagram_is_read(payload in vec(any::<u8>(), 0..1480)) {
        let packet = udp(Role::Client, &payload);
        prop_assert_eq!(View::of(&packet), Some(view(&packet, protocol::UDP, payload.len())));
        prop_assert_eq!(checksums(&packet), Some(Checksums { ip: Checksum::Right, carried: Checksum::Right }));
    }

    #[test]
    fn any_bytes_are_looked_at_without_a_panic(bytes in vec(any::<u8>(), 0..100), protocol in 0u8..20) {
        let mut bytes = bytes;
        let random = bytes.clone();
        // Half-sound: so that more than the first checks are reached.
        if let Some(header) = bytes.first_chunk_mut::<10>() {
            header[0] = 0x40 | header[0] & 0x07;
            (header[2], header[3]) = (0, header[3] % 100);
            (header[6], header[7]) = (header[6] & 0x20, 0);
            header[9] = protocol;
        }
        for bytes in [random, bytes] {
            let view = View::of(&bytes);
            prop_assert!(view.is_none_or(|v| v.len <= bytes.len() && v.payload.len() + 20 <= v.len));
            prop_assert_eq!(checksums(&bytes).is_some(), view.is_some());
            let _ = quoted(&bytes);
        }
    }

    #[test]
    fn a_cut_packet_is_none((fields, options, payload) in any_tcp(), cut in any::<prop::sample::Index>()) {
        for packet in [tcp(Role::Client, &fields, &options, &payload), udp(Role::Client, &payload), port_unreachable(&payload)] {
            prop_assert!(View::of(&packet).is_some());
            prop_assert_eq!(View::of(&packet[..cut.index(packet.len())]), None);
        }
    }

    #[test]
    fn one_wrong_byte_is_a_wrong_checksum((fields, options, payload) in any_tcp(), at in any::<prop::sample::Index>(), by in 1u8..) {
        let mut packet = tcp(Role::Client, &fields, &options, &payload);
        let at = at.index(packet.len());
        packet[at] ^= by;
        let right = Checksums { ip: Checksum::Right, carried: Checksum::Right };
        prop_assert_ne!(checksums(&packet), Some(right), "byte {}", at);
    }
}

#[test]
fn icmp_and_other_protocols_are_read() {
    let echo = Icmpv4Type::EchoRequest(IcmpEchoHeader { id: 1, seq: 2 });
    let packet = icmp(Role::Client, echo, b"ping!");
    let ports = |v| View { source: portless(CLIENT), destination: portless(SERVER), ..v };
    let expected = View { icmp: Some((8, 0)), ..ports(view(&packet, protocol::ICMP, 5)) };
    assert_eq!(View::of(&packet), Some(expected));
    assert_eq!(checksums(&packet).expect("sound").carried, Checksum::Right);

    let packet = ip(Role::Client, 132, 7, None, b"no SCTP header is looked for");
    assert_eq!(View::of(&packet), Some(ports(view(&packet, 132, packet.len() - 20))));
    assert_eq!(checksums(&packet), Some(Checksums { ip: Checksum::Right, carried: Checksum::Unknown }));
}

#[test]
fn ip_options_are_stepped_over() {
    let (source, destination) = (CLIENT.ip().octets(), SERVER.ip().octets());
    let carried = datagram(Role::Client, b"hello");
    let mut header = Ipv4Header::new(carried.len() as u16, 64, IpNumber(17), source, destination).expect("a header");
    header.options = Ipv4Options::try_from(&[1u8, 1, 1, 0][..]).expect("four bytes");
    header.set_payload_len(carried.len()).expect("a length");
    header.identification = 7;
    header.header_checksum = header.calc_header_checksum();
    let packet = [&header.to_bytes()[..], &carried].concat();
    assert_eq!(View::of(&packet), Some(view(&packet, protocol::UDP, 5)));
    assert_eq!(checksums(&packet), Some(Checksums { ip: Checksum::Right, carried: Checksum::Right }));
}

#[test]
fn bytes_behind_the_total_length_do_not_belong_to_the_packet() {
    let packet = tcp(Role::Client, &Tcp::default(), &[], b"hello");
    let padded = [&packet[..], &[0xff; 6]].concat();
    assert_eq!(View::of(&padded), View::of(&packet));
    assert_eq!(checksums(&padded), checksums(&packet));
}

#[test]
fn fragments_of_a_datagram_are_read() {
    let payload: Vec<u8> = (0..4000u32).map(|n| n as u8).collect();
    let packets = fragments(Role::Client, &payload, 1500);
    let views: Vec<View> = packets.iter().map(|packet| View::of(packet).expect("sound")).collect();
    let places: Vec<(usize, bool)> = views.iter().filter_map(|v| v.fragment).map(|f| (f.offset, f.more)).collect();
    assert_eq!(places, [(0, true), (1480, true), (2960, false)]);
    assert_eq!(views.iter().map(|v| v.payload.len()).collect::<Vec<_>>(), [1472, 1480, 1048]);
    assert_eq!(views.iter().flat_map(|v| v.payload).copied().collect::<Vec<u8>>(), payload);
    assert_eq!(views.iter().map(|v| v.source).collect::<Vec<_>>(), [CLIENT, portless(CLIENT), portless(CLIENT)]);
    assert_eq!(views[2].destination, portless(SERVER));
    assert!(views.iter().all(|v| v.ip_id == 9));
    assert!(packets.iter().all(|packet| checksums(packet).expect("sound").carried == Checksum::Unknown));
}

#[test]
fn a_packet_whose_lengths_lie_is_none() {
    let segment = tcp(Role::Client, &Tcp::default(), &[], b"hello");
    let datagram = udp(Role::Client, b"hello");
    let other = ip(Role::Client, 132, 7, None, b"hello");
    let lies = [
        (&segment, 0, 0x65, "version 6"),
        (&other, 0, 0x44, "an IP header of 16 bytes"),
        (&segment, 0, 0x4f, "IP options over all of TCP's header"),
        (&segment, 3, 19, "a total length within the IP header"),
        (&segment, 3, 39, "a total length within TCP's header"),
        (&segment, 3, 46, "a total length of one byte more than are there"),
        (&segment, 32, 0x40, "a TCP header of 16 bytes"),
        (&segment, 32, 0x70, "TCP options over the end"),
        (&datagram, 25, 7, "a datagram shorter than its header"),
        (&datagram, 25, 14, "a datagram longer than the packet"),
        (&datagram, 25, 12, "a datagram shorter than the packet"),
    ];
    for (packet, at, value, what) in lies {
        let mut packet = packet.clone();
        assert!(View::of(&packet).is_some());
        packet[at] = value;
        assert_eq!(View::of(&packet), None, "{what}");
    }
}

#[test]
fn options_end_at_the_first_that_is_malformed() {
    let mss = &[2, 4, 5, 0xb4][..];
    let blocks = &[[5, 14].as_slice(), &[0; 12], &[1, 1]].concat()[..];
    for (bad, what) in [
        (&[3, 0, 0, 0][..], "length 0"),
        (&[3, 1, 0, 0], "length 1"),
        (&[3, 5, 0, 0], "longer than what is left"),
        (&[0, 3, 3, 7], "behind the end of the list"),
        (&[1, 1, 1, 3], "no length"),
        (&[3, 4, 7, 0], "a shift of two bytes"),
        (blocks, "a block and a half"),
    ] {
        let mut header = TcpHeader::new(1, 2, 3, 4);
        header.set_options_raw(&[mss, bad].concat()).expect("options that fit");
        let packet = ip(Role::Client, protocol::TCP, 7, None, &header.to_bytes());
        let tcp = View::of(&packet).and_then(|v| v.tcp).expect("a segment");
        let expected = Tcp { seq: 3, window: 4, mss: Some(1460), ..Tcp::default() };
        assert_eq!(tcp, expected, "{what}");
    }
}

#[test]
fn a_datagram_without_a_checksum_is_no_wrong_one() {
    let mut packet = udp(Role::Client, b"hello");
    packet[26..28].fill(0);
    assert_eq!(checksums(&packet).expect("sound").carried, Checksum::Absent);
    packet[27] = 1;
    assert_eq!(checksums(&packet).expect("sound").carried, Checksum::Wrong);
}

// What a capture says.

/// Two ends and their initial sequence numbers; its segments are written with relative ones.
struct Connection {
    client: u32,
    server: u32,
}

impl Connection {
    fn raw(&self, from: Role, flags: Flags, numbers: (u64, u64)) -> Tcp {
        let (mine, other) = match from {
            Role::Client => (self.client, self.server),
            Role::Server => (self.server, self.client),
        };
        let seq = mine.wrapping_add(numbers.0 as u32);
        let ack = if flags.has(Flags::ACK) { other.wrapping_add(numbers.1 as u32) } else { 0 };
        Tcp { flags, seq, ack, window: 500, ..Tcp::default() }
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

const CONVERSATION: [(u64, u64, usize, bool); 9] = [
    (0, 0, 0, false),
    (0, 1, 0, false),
    (1, 1, 0, false),
    (1, 1, 5, false),
    (1, 6, 0, false),
    (1, 6, 4, false),
    (6, 5, 0, false),
    (5, 7, 0, false),
    (7, 6, 0, false),
];

#[test]
fn numbers_are_relative_wherever_the_connection_began() {
    for (client, server) in [(1000, 77), (0, u32::MAX), (u32::MAX - 3, u32::MAX - 1), (1 << 31, (1 << 31) - 2)] {
        let connection = Connection { client, server };
        assert_eq!(numbers(conversation(&connection)), CONVERSATION, "from {client} and {server}");
    }
}

#[test]
fn a_packet_keeps_what_was_captured() {
    let fields = Tcp { flags: PSH_ACK, seq: 5, ack: 9, ..Tcp::default() };
    // Only a SYN announces a segment size (RFC 9293 §3.7.1): here the option says nothing.
    let bytes = tcp(Role::Server, &fields, &[TcpOptionElement::MaximumSegmentSize(9)], b"hello");
    let padded = [&bytes[..], b"pad"].concat();
    let fate = Fate::Duplicated;
    let given = Captured { from: Role::Server, t_us: 3, arrivals: vec![13, 14], fate, bytes: padded.into() };
    let packets = dissect::packets(vec![given]);
    let [packet] = &packets[..] else { panic!("one packet, not {}", packets.len()) };
    assert_eq!((packet.seq, packet.from, packet.t_us, packet.fate), (0, Role::Server, 3, fate));
    assert_eq!((packet.source, packet.destination, packet.ip_id), (SERVER, CLIENT, 7));
    assert_eq!((packet.arrivals.as_slice(), packet.fragment, packet.spans.len()), (&[13, 14][..], None, 0));
    assert_eq!((&packet.bytes[..], packet.payload()), (&bytes[..], &b"hello"[..]));
    let segment = Segment { flags: PSH_ACK, seq: 1, ack: 1, ..Segment::default() };
    assert_eq!(packet.content, Content::Tcp(segment));
}

#[test]
fn bytes_that_left_before_are_a_retransmission() {
    use Role::Client;
    let connection = Connection { client: u32::MAX - 8, server: 3 };
    let data = |seq, len: usize| connection.sends(Client, PSH_ACK, (seq, 1), &vec![b'x'; len]);
    let seen = numbers(vec![
        connection.sends(Client, Flags::SYN, (0, 0), b""),
        connection.sends(Client, Flags::SYN, (0, 0), b""), // again
        connection.sends(Role::Server, SYN_ACK, (0, 1), b""),
        data(1, 10),
        data(11, 10),
        data(1, 10),                                       // again
        data(11, 5),                                       // a part again
        data(18, 10),                                      // 3 again, 7 new
        data(40, 10),                                      // behind a gap: 28 to 39 did not leave
        data(28, 12),                                      // they do now
        data(0, 1),                                        // a keep-alive's byte
        connection.sends(Client, Flags::ACK, (0, 1), b""), // a probe without any
        connection.sends(Client, FIN_ACK, (50, 1), b""),
        connection.sends(Client, FIN_ACK, (50, 1), b""), // again
        data(1, 50),                                     // all again in one
    ]);
    let again: Vec<usize> = (1..).zip(&seen).filter(|(_, s)| s.3).map(|(n, _)| n).collect();
    assert_eq!(again, [2, 6, 7, 8, 11, 14, 15], "{seen:?}");
    let seqs: Vec<u64> = seen.iter().map(|s| s.0).collect();
    assert_eq!(seqs, [0, 0, 0, 1, 11, 1, 11, 18, 40, 28, 0, 0, 50, 50, 1]);
}

#[test]
fn numbers_grow_beyond_32_bits() {
    let connection = Connection { client: 1 << 30, server: 5 };
    let step = 1u64 << 30;
    let mut packets = vec![
        connection.sends(Role::Client, Flags::SYN, (0, 0), b""),
        connection.sends(Role::Server, SYN_ACK, (0, 1), b""),
    ];
    let mut expected = vec![(0, 0, 0, false), (0, 1, 0, false)];
    for n in 0..10 {
        packets.push(connection.sends(Role::Client, PSH_ACK, (1 + n * step, 1), b"x"));
        packets.push(connection.sends(Role::Server, Flags::ACK, (1, 2 + n * step), b""));
        expected.extend([(1 + n * step, 1, 1, false), (1, 2 + n * step, 0, false)]);
    }
    assert_eq!(numbers(packets), expected);
}

#[test]
fn a_window_is_scaled_once_both_offered_it() {
    use Role::{Client, Server};
    let connection = Connection { client: 1, server: 2 };
    let plain = |from, flags, numbers| connection.sends(from, flags, numbers, b"");
    let windows = |syn, syn_ack| -> Vec<(u64, Option<u16>)> {
        let rest = [plain(Client, Flags::ACK, (1, 1)), plain(Server, Flags::ACK, (1, 1))];
        let packets = dissect::packets([syn, syn_ack].into_iter().chain(rest).collect());
        packets.iter().filter_map(Packet::segment).map(|s| (s.window, s.mss)).collect()
    };
    let offer = |from, shift| connection.offers(from, if from == Client { Flags::SYN } else { SYN_ACK }, shift);
    let (some, none) = ((500, Some(1460)), (500, None));
    let both = windows(offer(Client, 7), offer(Server, 2));
    assert_eq!(both, [some, some, (500 << 7, None), (500 << 2, None)]);
    let most = windows(offer(Client, 0), offer(Server, 255));
    assert_eq!(most, [some, some, none, (500 << 14, None)], "more than 14 means 14");
    let silent_server = windows(offer(Client, 7), plain(Server, SYN_ACK, (0, 1)));
    assert_eq!(silent_server, [some, none, none, none]);
    let silent_client = windows(plain(Client, Flags::SYN, (0, 0)), offer(Server, 7));
    assert_eq!(silent_client, [none, some, none, none]);
}

#[test]
fn the_same_ports_begin_anew_and_others_do_not_interfere() {
    let first = Connection { client: 100, server: 200 };
    let second = Connection { client: 70_000, server: 5_000_000 };
    let both = [conversation(&first), conversation(&second)].concat();
    assert_eq!(numbers(both), [CONVERSATION, CONVERSATION].concat());

    // Another port, packet by packet between those of the first.
    let moved = conversation(&second).into_iter().map(|captured| {
        let mut bytes = captured.bytes.to_vec();
        let at = if captured.from == Role::Client { 21 } else { 23 };
        bytes[at] ^= 1;
        Captured { bytes: bytes.into(), ..captured }
    });
    let mixed = conversation(&first).into_iter().zip(moved).flat_map(|(a, b)| [a, b]).collect();
    assert_eq!(numbers(mixed), CONVERSATION.iter().flat_map(|line| [*line, *line]).collect::<Vec<_>>());
}

#[test]
fn a_refusal_counts_as_wireshark_counts_it() {
    use Role::{Client, Server};
    // The RST's own sequence number is 0 (RFC 9293 §3.10.7.1), whatever came before between these ports.
    let refusals = [91_000u32, 17].map(|client| {
        let connection = Connection { client, server: 0 };
        [connection.sends(Client, Flags::SYN, (0, 0), b""), connection.sends(Server, RST_ACK, (0, 1), b"")]
    });
    let before = conversation(&Connection { client: 5, server: 1 << 31 });
    let seen = numbers(before.into_iter().chain(refusals.into_iter().flatten()).collect());
    let refused = [(0, 0, 0, false), (1, 1, 0, false)];
    assert_eq!(seen[CONVERSATION.len()..], [refused, refused].concat());
}

#[test]
fn both_may_open_at_once() {
    use Role::{Client, Server};
    let connection = Connection { client: 9, server: 1 << 31 };
    let seen = numbers(vec![
        connection.sends(Client, Flags::SYN, (0, 0), b""),
        connection.sends(Server, Flags::SYN, (0, 0), b""),
        connection.sends(Client, SYN_ACK, (0, 1), b""),
        connection.sends(Server, SYN_ACK, (0, 1), b""),
    ]);
    assert_eq!(seen, [(0, 0, 0, false), (0, 0, 0, false), (0, 1, 0, true), (0, 1, 0, true)]);
}

#[test]
fn without_a_syn_the_first_number_counts_as_1() {
    let connection = Connection { client: 4_000_000_000, server: 12 };
    let seen = numbers(conversation(&connection).split_off(3));
    assert_eq!(seen, CONVERSATION[3..]);
    // Data in flight when the capture began: the acknowledgement before it says where the client was.
    let seen = numbers(vec![
        connection.sends(Role::Server, Flags::ACK, (800, 301), b""),
        connection.sends(Role::Client, PSH_ACK, (401, 800), b"hello"),
    ]);
    assert_eq!(seen, [(1, 1, 0, false), (101, 1, 5, false)]);
}

#[test]
fn fragments_and_datagrams_are_packets() {
    let mut packets = fragments(Role::Client, &[b'x'; 4000], 1500);
    packets.push(udp(Role::Server, b""));
    packets.push(ip(Role::Server, protocol::TCP, 1, Some(Fragment { offset: 80, more: false }), b"tail"));
    let packets = dissect::packets(packets.into_iter().map(|p| captured(Role::Client, p)).collect());
    let udp = packets.iter().filter(|p| p.content == Content::Udp).map(|p| (p.payload_len, p.fragment));
    let place = |offset, more| Some(Fragment { offset, more });
    let expected = [(1472, place(0, true)), (1480, place(1480, true)), (1048, place(2960, false)), (0, None)];
    assert_eq!(udp.collect::<Vec<_>>(), expected);
    assert_eq!((packets[4].content, packets[4].payload()), (Content::Other(protocol::TCP), &b"tail"[..]));
}

#[test]
fn an_icmp_error_says_which_packet_it_is_about() {
    let refused = udp(Role::Client, b"hello");
    let late = fragments(Role::Client, &[b'x'; 4000], 1500).remove(1);
    let echo = Icmpv4Type::EchoReply(IcmpEchoHeader { id: 1, seq: 2 });
    let exceeded = etherparse::icmpv4::TimeExceededCode::FragmentReassemblyTimeExceeded;
    let messages = [
        port_unreachable(&refused),
        port_unreachable(&refused[..28]), // no more than RFC 792 asks for
        icmp(Role::Server, Icmpv4Type::TimeExceeded(exceeded), &late),
        port_unreachable(&refused[..12]),
        icmp(Role::Server, echo, &refused), // an echo quotes nothing
    ];
    let packets = dissect::packets(messages.into_iter().map(|m| captured(Role::Server, m)).collect());
    let seen: Vec<_> = packets.iter().map(|p| p.content).collect();
    let icmp = |kind, code, about| Content::Icmp { kind, code, about };
    let later = Some((portless(CLIENT), portless(SERVER)));
    let whole = Some((CLIENT, SERVER));
    assert_eq!(seen, [icmp(3, 3, whole), icmp(3, 3, whole), icmp(11, 1, later), icmp(3, 3, None), icmp(0, 0, None)]);
}

#[test]
fn what_is_no_ipv4_is_left_out_and_the_rest_keeps_its_order() {
    let router_solicitation = [&[0x60, 0, 0, 0, 0, 8, 58, 255][..], &[0; 40]].concat();
    let bytes =
        [udp(Role::Client, b"1"), router_solicitation, udp(Role::Client, b"22"), vec![], udp(Role::Client, b"3")];
    let packets = dissect::packets(bytes.into_iter().map(|b| captured(Role::Client, b)).collect());
    assert_eq!(packets.iter().map(|p| p.payload_len).collect::<Vec<_>>(), [1, 2, 1]);
}

// The capture as a file.

const BEGAN: Duration = Duration::new(1_700_000_000, 123_456_789);
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

#[test]
fn the_file_holds_every_packet_once_where_it_left() {
    let mut trace = eventful();
    let late = captured(Role::Server, udp(Role::Server, b"late"));
    trace.packets.extend(dissect::packets(vec![Captured { t_us: 40, arrivals: vec![], ..late }]));
    let seen = read(&written(&trace));
    let hello = "M1 [hello] bytes 0-4, M2 header bytes 0-3 of 10";
    let rest = "M2 [冯冯] byte 4 of 10, M3 bytes 0-1459 of 4000, M4 (empty), M5 [ls: stderr] bytes 2-8 of 9";
    // In the order of time, whatever the order in the trace.
    let expected = [
        (5, 0, "arrived after 10.00 ms".to_owned(), 0),
        (10, 0, format!("dropped by the link (asked); {hello}"), 1),
        (20, 0, format!("retransmission; arrived twice, after 10.00 and 10.16 ms; {hello}"), 2),
        (30, 0, format!("dropped: the queue was full; retransmission; {rest}"), 3),
        (40, 1, "still under way when the run ended".to_owned(), 5),
        (10_020, 1, "held back; arrived after 10.04 ms".to_owned(), 4),
    ];
    let expected = expected.map(|(t_us, interface, comment, packet)| Read {
        interface,
        time: BEGAN + Duration::from_micros(t_us),
        comment: Some(comment),
        bytes: trace.packets[packet].bytes.to_vec(),
    });
    assert_eq!(seen, expected);
}

#[test]
fn the_file_names_its_maker_and_its_interfaces() {
    let file = written(&Trace { unrecorded: 12, ..eventful() });
    let mut reader = PcapNgReader::new(&file[..]).expect("a section header");
    let version = concat!("stickdemo ", env!("CARGO_PKG_VERSION"));
    let lost = "12 more packets crossed the link after the recording was full";
    let expected = [SectionHeaderOption::UserApplication(version.into()), SectionHeaderOption::Comment(lost.into())];
    assert_eq!(reader.section().options, expected);
    while reader.next_block().is_some_and(|block| block.is_ok()) {}
    assert_eq!(reader.interfaces().len(), 2);
    for (interface, name) in reader.interfaces().iter().zip(["client", "server"]) {
        assert_eq!((interface.linktype, interface.snaplen), (DataLink::RAW, 0));
        let expected = [
            InterfaceDescriptionOption::IfName(name.into()),
            InterfaceDescriptionOption::IfDescription(format!("the {name}'s end of the link {LINK}").into()),
            InterfaceDescriptionOption::IfTsResol(9),
        ];
        assert_eq!(interface.options, expected);
    }
    let whole = written(&eventful());
    let reader = PcapNgReader::new(&whole[..]).expect("a section header");
    assert_eq!(reader.section().options, [SectionHeaderOption::UserApplication(version.into())]);
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

#[test]
fn blocks_fit_whatever_the_lengths() {
    assert_eq!(blocks(&written(&Trace::default())), [0x0A0D_0D0A, 1, 1]);
    for len in 0..9 {
        let mut trace = eventful();
        trace.packets = dissect::packets(vec![captured(Role::Client, udp(Role::Client, &vec![1; len]))]);
        trace.packets[0].spans = vec![span(5, 0, 9, Part::Body)];
        trace.messages[4].label = Some(Text::same("x".repeat(len)));
        let file = written(&trace);
        assert_eq!(blocks(&file), [0x0A0D_0D0A, 1, 1, 6]);
        let comment = format!("arrived after 0.01 ms; M5 [{}] bytes 0-8", "x".repeat(len));
        assert!(read(&file).iter().all(|packet| packet.comment.as_deref() == Some(&comment)));
    }
}

#[test]
fn a_comment_fits_its_option() {
    let mut trace = eventful();
    trace.packets.truncate(1);
    trace.packets[0].spans = vec![span(1, 0, 5, Part::Body); 2000];
    let comment = read(&written(&trace)).remove(0).comment.expect("a comment");
    assert!(comment.ends_with("M1 [hello] bytes 0-4, and 1968 more"), "{comment}");

    trace.messages[0].label = Some(Text::same("粘".repeat(30_000)));
    let file = written(&trace);
    blocks(&file);
    let comment = read(&file).remove(0).comment.expect("a comment");
    // As many whole characters as fit.
    assert!(comment.ends_with('粘') && (65_533..=65_535).contains(&comment.len()), "{}", comment.len());
}

#[test]
fn bytes_that_are_no_text_are_not_shown_as_text() {
    let mut trace = eventful();
    for body in [&b"\x00\x01"[..], b"\xff\xfe", &[b'x'; 25]] {
        trace.messages[0] = message(1, body, 0, None);
        trace.packets[1].spans = vec![span(1, 0, body.len(), Part::Body)];
        let comment = read(&written(&trace)).remove(1).comment.expect("a comment");
        assert_eq!(comment, format!("dropped by the link (asked); M1 bytes 0-{}", body.len() - 1));
    }
}

#[cfg(target_os = "linux")]
mod wireshark {
    use super::*;
    use std::path::{Path, PathBuf};
    use std::process::Command;

    /// What one of Wireshark's tools prints about a file; it must not complain.
    fn said(tool: &str, args: &[&str], file: &Path) -> String {
        let mut command = Command::new(tool);
        // `-r FILE` of one is `FILE` of the other.
        command.args(if tool == "tshark" { &["-r"][..] } else { &[] }).arg(file).args(args);
        let output = command.output().expect("tshark is installed (apt-get install tshark)");
        let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
        let complaint: Vec<&str> = complaint.lines().filter(|l| !l.starts_with("Running as user")).collect();
        assert!(output.status.success() && complaint.is_empty(), "{tool}: {complaint:?}");
        String::from_utf8(output.stdout).expect("text")
    }

    fn file(name: &str, trace: &Trace) -> PathBuf {
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::write(&path, written(trace)).expect("a file");
        path
    }

    /// Fields of every packet that is TCP's, a line each.
    fn fields(file: &Path, names: &[&str]) -> Vec<Vec<String>> {
        let mut args = vec!["-o", "tcp.check_checksum:TRUE", "-Y", "tcp && !icmp", "-T", "fields"];
        args.extend(names.iter().flat_map(|name| ["-e", name]));
        said("tshark", &args, file).lines().map(|l| l.split('\t').map(str::to_owned).collect()).collect()
    }

    /// A scaled connection with a loss, wrapped numbers, both directions, then another between the same ports.
    fn bulk() -> Vec<Captured> {
        use Role::{Client, Server};
        let connection = Connection { client: u32::MAX - 700, server: u32::MAX };
        let mut packets = vec![
            connection.offers(Client, Flags::SYN, 7),
            connection.offers(Server, SYN_ACK, 3),
            connection.sends(Client, Flags::ACK, (1, 1), b""),
        ];
        for seq in [1, 1461, 2921, 1, 1461] {
            packets.push(connection.sends(Client, PSH_ACK, (seq, 1), &[b'x'; 1460]));
            packets.push(connection.sends(Server, Flags::ACK, (1, if seq == 1 { 1461 } else { 2921 }), b""));
        }
        packets.push(connection.sends(Server, PSH_ACK, (1, 2921), b"feng"));
        packets.push(connection.sends(Client, FIN_ACK, (4381, 5), b""));
        packets.extend(conversation(&Connection { client: 5_000_000, server: 77 }));
        packets
    }

    fn trace(packets: Vec<Captured>) -> Trace {
        let spread = packets.into_iter().zip(0..).map(|(captured, n)| Captured {
            t_us: n * 100,
            arrivals: vec![n * 100 + 50],
            ..captured
        });
        Trace { packets: dissect::packets(spread.collect()), ..Trace::default() }
    }

    #[test]
    fn tshark_reads_the_same_numbers() {
        let trace = trace(bulk());
        let names = ["tcp.seq", "tcp.ack", "tcp.len", "tcp.flags", "tcp.window_size", "tcp.checksum.status"];
        let seen = fields(&file("numbers.pcapng", &trace), &names);
        let line = |packet: &Packet| {
            let s = packet.segment().expect("a segment");
            let numbers = [s.seq, s.ack, packet.payload_len as u64].map(|n| n.to_string());
            let flags = [format!("0x{:04x}", s.flags.0), s.window.to_string(), "1".into()];
            [numbers, flags].concat()
        };
        assert_eq!(seen, trace.packets.iter().map(line).collect::<Vec<_>>());
    }

    #[test]
    fn tshark_finds_the_same_retransmissions() {
        let trace = trace(bulk());
        let names = ["tcp.seq", "tcp.len", "tcp.analysis.retransmission"];
        let seen = fields(&file("retransmissions.pcapng", &trace), &names);
        let line = |packet: &Packet| {
            let s = packet.segment().expect("a segment");
            let mark = if s.retransmission { "1" } else { "" };
            vec![s.seq.to_string(), packet.payload_len.to_string(), mark.to_owned()]
        };
        assert_eq!(seen, trace.packets.iter().map(line).collect::<Vec<_>>());
        assert_eq!(seen.iter().filter(|line| line[2] == "1").count(), 2);
    }

    #[test]
    fn tshark_sees_a_wrong_checksum_where_we_do() {
        let mut packets = bulk();
        let mut bytes = packets[5].bytes.to_vec();
        *bytes.last_mut().expect("bytes") ^= 1;
        assert_eq!(checksums(&bytes).expect("sound").carried, Checksum::Wrong);
        packets[5].bytes = bytes.into();
        let seen = fields(&file("checksum.pcapng", &trace(packets)), &["tcp.checksum.status"]);
        let wrong: Vec<usize> = (0..).zip(&seen).filter(|(_, line)| line[0] == "0").map(|(n, _)| n).collect();
        assert_eq!(wrong, [5]);
    }

    #[test]
    fn tshark_reads_interfaces_directions_times_and_comments() {
        let trace = eventful();
        let names = ["frame.time_epoch", "frame.interface_name", "frame.packet_flags_direction", "frame.comment"];
        let seen = fields(&file("comments.pcapng", &trace), &names);
        let expected = read(&written(&trace)).into_iter().map(|packet| {
            let name = ["client", "server"][packet.interface as usize];
            let time = format!("{}.{:09}", packet.time.as_secs(), packet.time.subsec_nanos());
            // 2: outbound.
            vec![time, name.into(), "0x00000002".into(), packet.comment.unwrap_or_default()]
        });
        assert_eq!(seen, expected.collect::<Vec<_>>());
    }

    #[test]
    fn tshark_reassembles_the_fragments_and_finds_nothing_malformed() {
        let mut packets: Vec<Captured> =
            fragments(Role::Client, &[b'x'; 4000], 1500).into_iter().map(|p| captured(Role::Client, p)).collect();
        packets.push(captured(Role::Server, port_unreachable(&udp(Role::Client, b"hello"))));
        let file = file("fragments.pcapng", &trace(packets));
        let whole = said(
            "tshark",
            &["-Y", "udp && !icmp", "-T", "fields", "-e", "udp.length", "-e", "ip.fragment.count"],
            &file,
        );
        assert_eq!(whole.trim(), "4008\t3");
        assert_eq!(said("tshark", &["-Y", "_ws.malformed"], &file), "");
    }

    #[test]
    fn capinfos_names_the_maker_and_counts_the_packets() {
        let trace = Trace { unrecorded: 1, ..eventful() };
        let said = said("capinfos", &[], &file("infos.pcapng", &trace));
        let value = |name: &str| said.lines().find_map(|l| l.trim().strip_prefix(name)).map(str::trim);
        assert_eq!(value("Capture application:"), Some(concat!("stickdemo ", env!("CARGO_PKG_VERSION"))), "{said}");
        assert_eq!(value("Number of packets:"), Some("5"), "{said}");
        assert!(said.contains("1 more packet crossed the link after the recording was full"), "{said}");
    }
}
