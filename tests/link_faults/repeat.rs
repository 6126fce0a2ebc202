//! The same data meets the same fate; and what is kept for that.

use super::*;

/// What a program and its kernel send in one direction.
#[derive(Clone, Debug)]
enum Step {
    /// New bytes on a TCP connection.
    Send { flow: usize, len: usize },
    /// The segment so many before the newest, again.
    Again { flow: usize, back: usize },
    /// A datagram, in so many fragments.
    Datagram { flow: usize, fragments: usize },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        (0..3usize, 1..2000usize).prop_map(|(flow, len)| Step::Send { flow, len }),
        (0..3usize, 0..6usize).prop_map(|(flow, back)| Step::Again { flow, back }),
        (0..3usize, 1..4usize).prop_map(|(flow, fragments)| Step::Datagram { flow, fragments }),
    ];
    prop::collection::vec(step, 0..60)
}

/// The packets of these steps: the ephemeral numbers are the run's, the rest is the data's.
fn realized(from: Role, steps: &[Step], isn: u32, port: u16, ip_id: u16) -> Vec<View<'static>> {
    let flows = || (0..3u16).map(|flow| port.wrapping_add(flow.wrapping_mul(77)));
    let mut sent: Vec<Vec<(u32, usize)>> = vec![vec![(isn.wrapping_add(1), 0)]; 3];
    let mut packets: Vec<View> = flows().map(|port| tcp(from, port, Flags::SYN, isn, 0)).collect();
    let ports: Vec<u16> = flows().collect();
    for (i, step) in steps.iter().enumerate() {
        match *step {
            Step::Send { flow, len } => {
                let (seq, before) = *sent[flow].last().expect("the SYN");
                let seq = seq.wrapping_add(before as u32);
                sent[flow].push((seq, len));
                packets.push(tcp(from, ports[flow], Flags::ACK, seq, len));
            }
            Step::Again { flow, back } => {
                let Some((seq, len)) = sent[flow].iter().skip(1).rev().nth(back) else { continue };
                packets.push(tcp(from, ports[flow], Flags::ACK.and(Flags::PSH), *seq, *len));
            }
            Step::Datagram { flow, fragments: 1 } => packets.push(packet(protocol::UDP, from, ports[flow], 9)),
            Step::Datagram { flow, fragments } => packets.extend((0..fragments).map(|part| {
                let id = ip_id.wrapping_add(i as u16);
                fragment(from, ports[flow], id, part * 1480, part + 1 < fragments)
            })),
        }
    }
    packets
}

/// Carries both directions' packets, interleaved as `order` says, with ACKs and time between them.
fn carried(spec: &str, ways: [Vec<View<'static>>; 2], order: &[u8]) -> [Vec<Fate>; 2] {
    let mut engine = engine(spec);
    let mut left = ways.map(|way| way.into_iter());
    let mut fates = [Vec::new(), Vec::new()];
    let mut now = 0;
    for turn in order.iter().cycle() {
        let (way, role) = if turn % 2 == 0 { (0, Client) } else { (1, Server) };
        now += u64::from(turn / 4) * MS / 3;
        if turn % 4 >= 2 {
            for (seq, flags) in [(1, Flags::ACK), (u32::MAX, Flags::ACK), (5, Flags::FIN.and(Flags::ACK))] {
                assert_eq!(
                    engine.rule(role, now, &tcp(role, 5000 + u16::from(*turn), flags, seq, 0)).fate,
                    Fate::Delivered
                );
            }
        }
        fates[way].extend(left[way].next().map(|packet| engine.rule(role, now, &packet).fate));
        if left.iter().all(|way| way.len() == 0) {
            return fates;
        }
        if left[way].len() == 0 {
            let other = 1 - way;
            let role = [Client, Server][other];
            fates[other].extend(left[other].next().map(|packet| engine.rule(role, now, &packet).fate));
        }
    }
    fates
}

proptest! {
    #[test]
    fn the_same_data_meets_the_same_fate_whatever_the_timing_the_acks_and_the_ephemeral_numbers(
        seed: u64,
        up in steps(),
        down in steps(),
        orders in [prop::collection::vec(any::<u8>(), 1..80), prop::collection::vec(any::<u8>(), 1..80)],
        isns: [u32; 2],
        ports: [u16; 2],
        ids: [u16; 2],
    ) {
        let spec = format!("loss=30%,dup=0.3,reorder=30%,drop=2+5,down.rate=1MB,seed={seed}");
        let run = |i: usize| {
            let ways = [(Client, &up), (Server, &down)].map(|(role, steps)| realized(role, steps, isns[i], ports[i], ids[i]));
            carried(&spec, ways, &orders[i])
        };
        let (one, other) = (run(0), run(1));
        prop_assert_eq!(one, other);
    }

    #[test]
    fn sequence_numbers_wrap(isn: u32, near in 0..100_000u32, lens in prop::collection::vec(1..3000usize, 1..100)) {
        let run = |isn: u32| {
            let mut at = isn.wrapping_add(1);
            let mut packets = vec![syn(isn)];
            for len in &lens {
                packets.push(data(at, *len));
                packets.push(data(at, *len));
                at = at.wrapping_add(*len as u32);
            }
            fates("loss=30%,dup=30%,drop=2+40", packets)
        };
        let plain = run(0);
        prop_assert_eq!(&run(isn), &plain);
        prop_assert_eq!(&run(near.wrapping_neg()), &plain);
    }

    #[test]
    fn fragments_of_two_datagrams_may_mingle(seed: u64, order in Just([0, 0, 0, 1, 1, 1]).prop_shuffle()) {
        let spec = format!("loss=50%,seed={seed}");
        let parts = |ip_id| (0..3).map(move |part| fragment(Client, 5000 + ip_id, ip_id, part * 1480, part < 2));
        let apart = fates(&spec, parts(0).chain(parts(1)));
        // The second's first fragment comes second, so that the flows keep their order.
        let (mut first, mut second) = (parts(0), parts(1));
        let mut mingled = [Vec::new(), Vec::new()];
        let mut engine = engine(&spec);
        let mut rule = |packet| engine.rule(Client, 0, &packet).fate;
        mingled[0].extend(first.next().map(&mut rule));
        mingled[1].extend(second.next().map(&mut rule));
        for which in order {
            let next = if which == 0 { first.next() } else { second.next() };
            mingled[which].extend(next.map(&mut rule));
        }
        prop_assert_eq!(mingled.concat(), apart);
    }
}

#[test]
fn a_stream_may_be_longer_than_its_sequence_numbers() {
    let (len, around) = (65536usize, 65536usize);
    let isn = 0xffff_fff0;
    let fates = fates("loss=50%", stream(isn, len).take(around + 4000));
    assert_unrelated(&fates[..4000], &fates[around..], "offsets 4 GiB apart");

    let last = around + 4000;
    let mut engine = engine(&format!("drop={last}"));
    let rulings = rulings(&mut engine, Client, stream(isn, len).take(last));
    let lost: Vec<usize> = (0..last).filter(|i| rulings[*i].fate == LOST).collect();
    assert_eq!(lost, [last - 1], "all of them were new");
    let again = stream(isn, len).nth(last - 1).expect("endless");
    assert_eq!(engine.rule(Client, 0, &again).fate, Fate::Delivered);
    assert_eq!(engine.remembered(), 1);
}

#[test]
fn a_port_may_serve_one_connection_after_another() {
    let n = 2000;
    let connection = |isn| [syn(isn), syn(isn)].into_iter().chain(stream(isn, 10).take(n));
    let lost = fates("loss=50%", connection(100).chain(connection(70_000)));
    assert_unrelated(&lost[2..n + 2], &lost[n + 4..], "two connections");
    let numbers = fates(&format!("drop={}", n + 1), connection(70_000).chain(connection(100)));
    assert_eq!(numbers.iter().position(|fate| *fate == LOST), Some(n + 4), "the second's bytes are new");
}

#[test]
fn bytes_that_leave_with_the_syn_are_the_first() {
    let with_data = tcp(Client, 5000, Flags::SYN, 41, 100);
    for seed in 0..64 {
        let spec = format!("loss=50%,seed={seed}");
        let after = fates(&spec, [syn(41), data(42, 100), data(142, 10)]);
        assert_eq!(fates(&spec, [with_data, data(142, 10)]), after[1..]);
    }
}

#[test]
fn neither_lengths_nor_headers_matter() {
    let header = TcpFields {
        flags: Flags::ACK.and(Flags::PSH),
        seq: 1,
        ack: 77,
        window: 5,
        sack_blocks: 1,
        ..TcpFields::default()
    };
    for seed in 0..64 {
        let spec = format!("loss=50%,seed={seed}");
        let other = View { tcp: Some(header), ip_id: 9, ..data(1, 1460) };
        assert_eq!(fates(&spec, [data(1, 10)]), fates(&spec, [other]));
        let other = View { ip_id: 9, ..packet(protocol::UDP, Client, 5000, 1) };
        assert_eq!(fates(&spec, [datagram()]), fates(&spec, [other]));
    }
}

#[test]
fn an_identification_used_again_begins_another_datagram() {
    let first = |ip_id| fragment(Client, 5000, ip_id, 0, true);
    let rest = |ip_id| fragment(Client, 5000, ip_id, 1480, false);
    for seed in 0..64 {
        let spec = format!("loss=50%,seed={seed}");
        // The last fragment of the first never left.
        assert_eq!(fates(&spec, [first(7), first(7), rest(7)]), fates(&spec, [first(7), first(8), rest(8)]));
    }
}

#[test]
fn a_long_stream_leaves_nothing_behind() {
    let mut engine = engine("loss=10%,dup=10%,reorder=10%,rate=1MB,queue=1MB");
    engine.rule(Client, 0, &syn(0));
    for packet in stream(0, 1460).take(50_000) {
        engine.rule(Client, 0, &packet);
    }
    for ip_id in (0..=u16::MAX).chain(0..1000) {
        engine.rule(Client, 0, &fragment(Client, 5000, ip_id, 0, true));
        assert_eq!(engine.remembered(), 1);
        engine.rule(Client, 0, &fragment(Client, 5000, ip_id, 1480, false));
    }
    assert_eq!(engine.remembered(), 0);
}

#[test]
fn retransmissions_are_kept_for_a_window_and_no_longer() {
    let mut engine = engine("loss=10%");
    let window = (1 << 30) / 65536;
    for (i, packet) in stream(0, 65536).take(3 * window).enumerate() {
        engine.rule(Client, 0, &packet);
        for _ in 0..3 {
            engine.rule(Client, 0, &packet);
        }
        assert!(engine.remembered() <= window + 1, "{i}");
    }
    assert!(engine.remembered() >= window);
}
