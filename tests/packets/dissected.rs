//! What a capture says: relative numbers, retransmissions, windows.

use super::*;

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
    let fields = TcpFields { flags: PSH_ACK, seq: 5, ack: 9, ..TcpFields::default() };
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
