//! What one look at a packet sees.

use super::*;

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

fn any_tcp() -> impl Strategy<Value = (TcpFields, Vec<TcpOptionElement>, Vec<u8>)> {
    use TcpOptionElement::{MaximumSegmentSize, Noop, SelectiveAcknowledgement, Timestamp, WindowScale};
    let block = (any::<u32>(), any::<u32>());
    let options = (any::<Option<u16>>(), any::<Option<u8>>(), proptest::option::of(vec(block, 1..3)), any::<bool>());
    let fields = (0u8..64, any::<u32>(), any::<u32>(), any::<u16>());
    (fields, options, vec(any::<u8>(), 0..1480)).prop_map(|(fields, options, payload)| {
        let (flags, seq, ack, window) = fields;
        let (mss, window_scale, blocks, timestamp) = options;
        let sack_blocks = blocks.as_ref().map_or(0, Vec::len) as u8;
        let tcp = TcpFields { flags: Flags(flags), seq, ack, window, mss, window_scale, sack_blocks };
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
    }

    #[test]
    fn a_datagram_is_read(payload in vec(any::<u8>(), 0..1480)) {
        let packet = udp(Role::Client, &payload);
        prop_assert_eq!(View::of(&packet), Some(view(&packet, protocol::UDP, payload.len())));
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

}

#[test]
fn icmp_and_other_protocols_are_read() {
    let echo = Icmpv4Type::EchoRequest(IcmpEchoHeader { id: 1, seq: 2 });
    let packet = icmp(Role::Client, echo, b"ping!");
    let ports = |v| View { source: portless(CLIENT), destination: portless(SERVER), ..v };
    let expected = View { icmp: Some((8, 0)), ..ports(view(&packet, protocol::ICMP, 5)) };
    assert_eq!(View::of(&packet), Some(expected));

    let packet = ip(Role::Client, 132, 7, None, b"no SCTP header is looked for");
    assert_eq!(View::of(&packet), Some(ports(view(&packet, 132, packet.len() - 20))));
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
}

#[test]
fn bytes_behind_the_total_length_do_not_belong_to_the_packet() {
    let packet = tcp(Role::Client, &TcpFields::default(), &[], b"hello");
    let padded = [&packet[..], &[0xff; 6]].concat();
    assert_eq!(View::of(&padded), View::of(&packet));
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
}

#[test]
fn a_packet_whose_lengths_lie_is_none() {
    let segment = tcp(Role::Client, &TcpFields::default(), &[], b"hello");
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
        let expected = TcpFields { seq: 3, window: 4, mss: Some(1460), ..TcpFields::default() };
        assert_eq!(tcp, expected, "{what}");
    }
}
