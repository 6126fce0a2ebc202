//! The fault engine: fates repeat whatever the timing, shares are shares, numbers strike once, and the line
//! takes the time it says.

use proptest::prelude::*;
use std::net::{Ipv4Addr, SocketAddrV4};
use stickdemo::link::faults::{Faults, Ruling};
use stickdemo::link::spec::Spec;
use stickdemo::link::view::{Tcp, View, protocol};
use stickdemo::trace::Role::{self, Client, Server};
use stickdemo::trace::packet::{Cause, Fate, Flags, Fragment};

const LOST: Fate = Fate::Dropped(Cause::Asked);
const FULL: Fate = Fate::Dropped(Cause::QueueFull);
const MS: u64 = 1_000_000;
/// One way of a round trip of 20 ms.
const DELAY: u64 = 10 * MS;

static BYTES: [u8; 65536] = [0; 65536];

fn engine(spec: &str) -> Faults {
    Faults::new(Spec::parse(spec).unwrap_or_else(|e| panic!("{}", e.complaint(spec))))
}

/// A packet from the port to the other host's port 9000, with as much behind its headers.
fn packet(number: u8, from: Role, port: u16, len: usize) -> View<'static> {
    let ends = |host, port| SocketAddrV4::new(Ipv4Addr::new(10, 0, 0, host), port);
    let (client, server) = (ends(1, port), ends(2, 9000));
    let (source, destination) = if from == Client { (client, server) } else { (server, client) };
    let payload = &BYTES[..len];
    View {
        len: len + 40,
        protocol: number,
        source,
        destination,
        ip_id: 0,
        fragment: None,
        tcp: None,
        icmp: None,
        payload,
    }
}

fn tcp(from: Role, port: u16, flags: Flags, seq: u32, len: usize) -> View<'static> {
    let tcp = Tcp { flags, seq, ..Tcp::default() };
    View { tcp: Some(tcp), ..packet(protocol::TCP, from, port, len) }
}

fn data(seq: u32, len: usize) -> View<'static> {
    tcp(Client, 5000, Flags::ACK, seq, len)
}

fn syn(isn: u32) -> View<'static> {
    tcp(Client, 5000, Flags::SYN, isn, 0)
}

fn ack() -> View<'static> {
    data(1, 0)
}

fn datagram() -> View<'static> {
    packet(protocol::UDP, Client, 5000, 100)
}

/// The fragment of a datagram at this offset; only the first names its ports.
fn fragment(from: Role, port: u16, ip_id: u16, offset: usize, more: bool) -> View<'static> {
    let whole = packet(protocol::UDP, from, if offset == 0 { port } else { 0 }, 1480);
    let mut view = View { ip_id, fragment: Some(Fragment { offset, more }), ..whole };
    if offset > 0 {
        view.source.set_port(0);
        view.destination.set_port(0);
    }
    view
}

/// Rules about packets of one direction, all at the same moment.
fn rulings(engine: &mut Faults, from: Role, packets: impl IntoIterator<Item = View<'static>>) -> Vec<Ruling> {
    packets.into_iter().map(|packet| engine.rule(from, 0, &packet)).collect()
}

fn fates(spec: &str, packets: impl IntoIterator<Item = View<'static>>) -> Vec<Fate> {
    rulings(&mut engine(spec), Client, packets).iter().map(|ruling| ruling.fate).collect()
}

/// A stream of equal segments, from the SYN's successor on.
fn stream(isn: u32, len: usize) -> impl Iterator<Item = View<'static>> {
    (0..).map(move |i: u32| data(isn.wrapping_add(1).wrapping_add(i.wrapping_mul(len as u32)), len))
}

/// `hits` of `n` are the share, give or take five standard deviations.
fn assert_share(hits: usize, n: usize, share: f64, what: &str) {
    let (mean, deviation) = (n as f64 * share, (n as f64 * share * (1.0 - share)).sqrt());
    assert!((hits as f64 - mean).abs() <= 5.0 * deviation, "{what}: {hits} of {n}, expected about {mean}");
}

fn count(fates: &[Fate], wanted: Fate) -> usize {
    fates.iter().filter(|fate| **fate == wanted).count()
}

/// Two lists of fates of a half each have nothing to do with each other.
fn assert_unrelated(left: &[Fate], right: &[Fate], what: &str) {
    assert_eq!(left.len(), right.len(), "{what}");
    let same = left.iter().zip(right).filter(|(left, right)| left == right).count();
    assert_share(same, left.len(), 0.5, what);
}

// ---- Who is struck ----

#[test]
fn only_data_is_struck() {
    let control = [Flags::SYN, Flags::SYN.and(Flags::ACK), Flags::ACK, Flags::FIN.and(Flags::ACK), Flags::RST];
    for (spec, fate) in [("loss=100%", LOST), ("dup=100%", Fate::Duplicated), ("reorder=100%", Fate::Reordered)] {
        let mut engine = engine(spec);
        for flags in control {
            assert_eq!(engine.rule(Client, 0, &tcp(Client, 5000, flags, 1, 0)).fate, Fate::Delivered, "{spec} {flags}");
        }
        for number in [protocol::ICMP, 47] {
            assert_eq!(engine.rule(Client, 0, &packet(number, Client, 0, 64)).fate, Fate::Delivered, "{spec} {number}");
        }
        let with_fin = tcp(Client, 5000, Flags::FIN.and(Flags::ACK), 2, 5);
        let empty_datagram = packet(protocol::UDP, Client, 5000, 0);
        let (first, last) = (fragment(Client, 5000, 1, 0, true), fragment(Client, 5000, 1, 1480, false));
        for data in [data(2, 1), with_fin, datagram(), empty_datagram, first, last] {
            assert_eq!(engine.rule(Client, 0, &data).fate, fate, "{spec} {data:?}");
        }
    }
}

#[test]
fn drop_beats_dup_beats_reorder() {
    let first = |spec| fates(spec, [datagram()])[0];
    assert_eq!(first("loss=100%,dup=100%,reorder=100%"), LOST);
    assert_eq!(first("drop=1,dup=1,reorder=1"), LOST);
    assert_eq!(first("dup=1,reorder=100%"), Fate::Duplicated);
    assert_eq!(first("dup=100%,reorder=1"), Fate::Duplicated);
}

#[test]
fn a_way_has_faults_of_its_own() {
    let mut engine = engine("up.loss=100%,down.dup=100%");
    assert_eq!(engine.rule(Client, 0, &datagram()).fate, LOST);
    assert_eq!(engine.rule(Server, 0, &packet(protocol::UDP, Server, 5000, 9)).fate, Fate::Duplicated);
}

// ---- By number ----

#[test]
fn the_numbered_are_struck_once_and_no_others() {
    let mut engine = engine("drop=3+7");
    let mut lost = Vec::new();
    engine.rule(Client, 0, &syn(0));
    for (i, packet) in stream(0, 100).take(20).enumerate() {
        // What carries no data, leaves again or goes the other way takes no number.
        engine.rule(Client, 0, &ack());
        engine.rule(Client, 0, &data(1, 100));
        engine.rule(Server, 0, &tcp(Server, 5000, Flags::ACK, 1 + 100 * i as u32, if i < 2 { 100 } else { 0 }));
        if engine.rule(Client, 0, &packet).fate == LOST {
            lost.push(i + 1);
            assert_eq!(engine.rule(Client, 0, &packet).fate, Fate::Delivered, "its retransmission passes");
        }
    }
    // The loop's retransmission of the first segment was that segment's first transmission, once.
    assert_eq!(lost, [3, 7]);
}

#[test]
fn each_direction_counts_for_itself_over_all_its_flows() {
    let mut engine = engine("up.drop=2+4,down.drop=1");
    let mut rule = |from, packet: View| engine.rule(from, 0, &packet).fate;
    assert_eq!(rule(Client, tcp(Client, 1, Flags::ACK, 100, 10)), Fate::Delivered);
    assert_eq!(rule(Server, tcp(Server, 1, Flags::ACK, 900, 10)), LOST);
    assert_eq!(rule(Client, tcp(Client, 2, Flags::ACK, 100, 10)), LOST);
    assert_eq!(rule(Client, fragment(Client, 3, 8, 0, true)), Fate::Delivered);
    assert_eq!(rule(Client, fragment(Client, 3, 8, 1480, false)), LOST);
    assert_eq!(rule(Client, tcp(Client, 1, Flags::ACK, 110, 10)), Fate::Delivered);
    assert_eq!(rule(Server, tcp(Server, 1, Flags::ACK, 910, 10)), Fate::Delivered);
}

#[test]
fn a_retransmission_with_new_bytes_at_its_end_is_a_retransmission() {
    let mut engine = engine("drop=2+3");
    let mut rule = |seq, len| engine.rule(Client, 0, &data(seq, len)).fate;
    assert_eq!(rule(1, 100), Fate::Delivered);
    assert_eq!(rule(51, 100), Fate::Delivered);
    assert_eq!(rule(101, 50), Fate::Delivered, "its bytes left with the one before");
    assert_eq!(rule(151, 100), LOST);
    assert_eq!(rule(251, 100), LOST);
    assert_eq!(rule(351, 100), Fate::Delivered);
}

#[test]
fn what_went_back_to_an_earlier_segment_goes_on_with_retransmissions() {
    let sent = || stream(0, 10).take(5);
    let lost = fates("drop=6", sent().chain(sent()).chain(stream(0, 10).skip(5).take(2)));
    assert_eq!(lost.iter().position(|fate| *fate == LOST), Some(10), "the sixth new one");
}

// ---- By chance ----

#[test]
fn a_share_of_none_is_none_and_of_all_is_all() {
    for seed in 0..200 {
        let spec = format!("loss=100%,seed={seed}");
        assert_eq!(count(&fates(&spec, stream(7, 10).take(100)), LOST), 100);
        let spec = format!("loss=0%,dup=0%,reorder=0%,seed={seed}");
        assert_eq!(count(&fates(&spec, stream(7, 10).take(100)), Fate::Delivered), 100);
    }
}

#[test]
fn over_many_packets_the_share_is_what_was_asked() {
    let n = 10_000;
    for share in [0.01, 0.1, 0.5, 0.9] {
        for (key, fate) in [("loss", LOST), ("dup", Fate::Duplicated), ("reorder", Fate::Reordered)] {
            let spec = format!("{key}={share},seed=3");
            for len in [1, 1460] {
                assert_share(
                    count(&fates(&spec, stream(9, len).take(n)), fate),
                    n,
                    share,
                    &format!("{spec}, segments of {len}"),
                );
            }
            assert_share(
                count(&fates(&spec, (0..n).map(|_| datagram())), fate),
                n,
                share,
                &format!("{spec}, datagrams"),
            );
            let flows = (0..n).map(|port| packet(protocol::UDP, Client, port as u16, 9));
            assert_share(count(&fates(&spec, flows), fate), n, share, &format!("{spec}, flows"));
        }
    }
    // And over many seeds.
    let first = |seed| fates(&format!("loss=10%,seed={seed}"), [datagram()])[0];
    assert_share(count(&(0..n).map(first).collect::<Vec<_>>(), LOST), n, 0.1, "seeds");
}

#[test]
fn each_fault_throws_its_own_dice() {
    let fates = fates("loss=50%,dup=50%,reorder=50%", stream(0, 10).take(10_000));
    for (fate, share) in [(LOST, 0.5), (Fate::Duplicated, 0.25), (Fate::Reordered, 0.125), (Fate::Delivered, 0.125)] {
        assert_share(count(&fates, fate), fates.len(), share, &format!("{fate:?}"));
    }
}

#[test]
fn whatever_tells_packets_apart_changes_the_throw() {
    let n = 4000;
    let spec = |seed| format!("loss=50%,seed={seed}");
    let plain = fates(&spec(0), stream(0, 10).take(n));
    assert_share(count(&plain, LOST), n, 0.5, "plain");
    assert_unrelated(&plain[1..], &plain[..n - 1], "neighbours");
    for other in [1, 2, 1 << 32, u64::MAX] {
        assert_unrelated(&plain, &fates(&spec(other), stream(0, 10).take(n)), "seeds");
    }
    let down = rulings(&mut engine(&spec(0)), Server, stream(0, 10).take(n));
    let down: Vec<Fate> = down.iter().map(|ruling| ruling.fate).collect();
    assert_unrelated(&plain, &down, "directions");
    let swapped = rulings(&mut engine(&spec(1)), Client, stream(0, 10).take(n));
    let swapped: Vec<Fate> = swapped.iter().map(|ruling| ruling.fate).collect();
    assert_unrelated(&down, &swapped, "a direction is no seed");
    let datagrams = fates(&spec(0), (0..n).map(|_| datagram()));
    assert_unrelated(&plain, &datagrams, "protocols");
    assert_unrelated(&fates(&spec(0), stream(0, 1).take(n)), &datagrams, "an offset is no number");

    let mut engine = engine(&spec(0));
    let mut both = (Vec::new(), Vec::new(), Vec::new());
    for first in stream(0, 10).take(n) {
        let mut second = first;
        second.source.set_port(6000);
        both.0.push(engine.rule(Client, 0, &first).fate);
        both.1.push(engine.rule(Client, 0, &second).fate);
        both.2.push(engine.rule(Client, 0, &first).fate);
    }
    assert_eq!(both.0, plain);
    assert_unrelated(&both.0, &both.1, "flows");
    assert_unrelated(&both.0, &both.2, "attempts");
    assert_unrelated(&both.1, &both.2, "a flow is no attempt");
}

#[test]
fn each_fragment_is_struck_on_its_own() {
    let mut engine = engine("loss=50%");
    let mut each = [Vec::new(), Vec::new(), Vec::new()];
    for ip_id in 0..4000 {
        for (i, lost) in each.iter_mut().enumerate() {
            lost.push(engine.rule(Client, 0, &fragment(Client, 5000, ip_id, i * 1480, i < 2)).fate);
        }
    }
    for (i, j) in [(0, 1), (1, 2), (0, 2)] {
        assert_unrelated(&each[i], &each[j], "fragments");
        assert_unrelated(&each[i][1..], &each[j][..3999], "fragments of neighbours");
    }
    assert_share(count(&each[2], LOST), 4000, 0.5, "last fragments");
}

#[test]
fn each_retransmission_is_a_new_throw() {
    let mut engine = engine("loss=90%,seed=11");
    let n = 2000;
    let mut attempts = 0;
    for packet in stream(0, 10).take(n) {
        attempts += 1;
        while engine.rule(Client, 0, &packet).fate == LOST {
            attempts += 1;
            assert!(attempts < 50_000, "some would never get through");
        }
    }
    // Geometric: a mean of 1/p, a standard deviation of sqrt(1-p)/p, here 10 and 9.5.
    let (mean, deviation) = (10.0 * n as f64, 9.49 * (n as f64).sqrt());
    assert!((f64::from(attempts) - mean).abs() < 5.0 * deviation, "{attempts}, expected about {mean}");
}

// ---- The same data, the same fates ----

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
    let header =
        Tcp { flags: Flags::ACK.and(Flags::PSH), seq: 1, ack: 77, window: 5, sack_blocks: 1, ..Tcp::default() };
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

// ---- When ----

#[test]
fn a_packet_is_under_way_for_its_ways_delay() {
    let mut engine = engine("up.delay=3ms,down.delay=40ms,dup=2");
    assert_eq!(engine.rule(Client, 5, &ack()), carried_at(3 * MS + 5));
    assert_eq!(engine.rule(Server, 6, &ack()), carried_at(40 * MS + 6));
    assert_eq!(engine.rule(Client, 7, &datagram()), carried_at(3 * MS + 7));
    let due = Some(3 * MS + 8);
    let doubled = Ruling { fate: Fate::Duplicated, due_ns: due, copy_due_ns: due, releases: false };
    assert_eq!(engine.rule(Client, 8, &datagram()), doubled);
    let lost = Ruling { fate: LOST, due_ns: None, copy_due_ns: None, releases: false };
    assert_eq!(self::engine("drop=1").rule(Client, 0, &datagram()), lost);
}

fn carried_at(due: u64) -> Ruling {
    Ruling { fate: Fate::Delivered, due_ns: Some(due), copy_due_ns: None, releases: false }
}

/// Delay, round trip and patience.
const HELD: u64 = DELAY + 20 * MS + 50 * MS;

fn held_until(latest: u64) -> Ruling {
    Ruling { fate: Fate::Reordered, due_ns: Some(latest), copy_due_ns: None, releases: false }
}

#[test]
fn the_next_data_that_passes_releases_what_is_held() {
    let mut engine = engine("reorder=1+2,drop=3,dup=4");
    assert_eq!(engine.rule(Client, 0, &datagram()), held_until(HELD));
    assert_eq!(engine.rule(Client, MS, &datagram()), held_until(HELD + MS), "held itself");
    assert!(!engine.rule(Client, 2 * MS, &ack()).releases, "not data");
    assert!(!engine.rule(Server, 2 * MS, &packet(protocol::UDP, Server, 5000, 9)).releases, "the other direction");
    assert!(!engine.rule(Client, 2 * MS, &datagram()).releases, "lost itself");
    let passing = engine.rule(Client, 3 * MS, &datagram());
    assert_eq!((passing.fate, passing.due_ns, passing.releases), (Fate::Duplicated, Some(DELAY + 3 * MS), true));
    assert_eq!(engine.rule(Client, 4 * MS, &datagram()), carried_at(DELAY + 4 * MS), "nothing is held any more");
}

#[test]
fn a_retransmission_releases_what_it_repeats() {
    let mut engine = engine("reorder=1");
    assert_eq!(engine.rule(Client, 0, &data(1, 10)), held_until(HELD));
    assert!(engine.rule(Client, 60 * MS, &data(1, 10)).releases);
}

#[test]
fn nobody_is_held_longer_than_a_round_trip_and_a_delayed_ack() {
    for (now, releases) in [(HELD - 1, true), (HELD, false)] {
        let mut engine = engine("reorder=1");
        assert_eq!(engine.rule(Client, 0, &datagram()), held_until(HELD));
        assert_eq!(engine.rule(Client, now, &datagram()).releases, releases, "{now}");
    }
    let mut slow = engine("up.delay=100ms,down.delay=200ms,reorder=1");
    assert_eq!(slow.rule(Client, 0, &datagram()), held_until(450 * MS));
    assert_eq!(slow.rule(Server, 0, &packet(protocol::UDP, Server, 5000, 9)), held_until(550 * MS));
}

#[test]
fn a_dropped_one_at_a_full_queue_releases_nothing() {
    let mut engine = engine("reorder=1,up.rate=1MB,up.queue=0");
    assert_eq!(engine.rule(Client, 0, &datagram()).fate, Fate::Reordered);
    let full = engine.rule(Client, 0, &datagram());
    assert_eq!((full.fate, full.releases), (FULL, false));
    assert!(engine.rule(Client, MS, &datagram()).releases);
}

// ---- Rate and queue ----

fn sized(len: usize) -> View<'static> {
    View { len, ..ack() }
}

#[test]
fn a_rate_lets_one_packet_through_after_the_other() {
    let mut engine = engine("up.rate=1MB,drop=1");
    let mut due = |from, now, packet: View| engine.rule(from, now, &packet).due_ns;
    assert_eq!(due(Client, 0, sized(1000)), Some(DELAY + MS));
    assert_eq!(due(Client, 0, sized(40)), Some(DELAY + 1_040_000), "an ACK takes its time too");
    assert_eq!(due(Server, 0, sized(1000)), Some(DELAY), "the other way has no rate");
    assert_eq!(due(Client, 0, View { len: 500, ..datagram() }), None, "lost under way, behind the line");
    assert_eq!(due(Client, 0, sized(1000)), Some(DELAY + 2_540_000));
    assert_eq!(due(Client, 5 * MS, sized(1000)), Some(DELAY + 6 * MS), "an idle line saves nothing up");
}

#[test]
fn the_line_never_beats_its_rate() {
    let mut engine = engine("rtt=0ms,rate=3000");
    // 40 bytes at 3000 a second take 13,333,333.3 ns.
    assert_eq!(engine.rule(Client, 0, &sized(40)).due_ns, Some(13_333_334));
    assert_eq!(engine.rule(Client, 0, &sized(65535)).due_ns, Some(13_333_334 + 21_845_000_000));
}

#[test]
fn a_full_queue_drops_whatever_comes() {
    let mut engine = engine("up.rate=1MB,up.queue=3000");
    let mut rule = |now, len| engine.rule(Client, now, &sized(len)).fate;
    let burst: Vec<Fate> = (0..5).map(|_| rule(0, 1500)).collect();
    assert_eq!(burst, [Fate::Delivered, Fate::Delivered, Fate::Delivered, FULL, FULL], "one on the line, two wait");
    assert_eq!(rule(MS * 3 / 2 - 1, 1), FULL);
    assert_eq!(rule(MS * 3 / 2, 1500), Fate::Delivered, "the second is on the line");
    assert_eq!(rule(MS * 3 / 2, 1), FULL);
}

#[test]
fn without_a_queue_given_any_number_waits() {
    let mut engine = engine("rtt=0ms,rate=1MB");
    let last = (0..10_000).filter_map(|_| engine.rule(Client, 0, &sized(1500)).due_ns).last();
    assert_eq!(last, Some(15_000 * MS));
}

#[test]
fn what_was_asked_for_is_the_cause_even_at_a_full_queue() {
    let mut engine = engine("drop=2,rate=1MB,queue=0");
    let fates: Vec<Fate> = (0..3).map(|_| engine.rule(Client, 0, &datagram()).fate).collect();
    assert_eq!(fates, [Fate::Delivered, LOST, FULL]);
}

proptest! {
    #[test]
    fn the_queue_holds_what_it_may_and_nothing_overtakes(
        packets in prop::collection::vec((0..3u64, 1..60_000u64, 20..3000usize, any::<bool>()), 1..200),
        queue in 0..20_000u64,
        rate in 1000..2_000_000u64,
        faults: bool,
    ) {
        let faults = if faults { ",reorder=20%,dup=10%" } else { "" };
        let mut engine = engine(&format!("rate={rate},queue={queue}{faults}"));
        // Of each taken: when its turn came, when it had left, how long it is.
        let mut taken: Vec<(u64, u64, usize)> = Vec::new();
        let (mut now, mut last_due) = (0, 0);
        for (gap, jitter, len, data) in packets {
            now += gap * MS + jitter;
            let ruling = engine.rule(Client, now, &View { len, ..if data { datagram() } else { ack() } });
            let waiting: u64 = taken.iter().filter(|(turn, ..)| *turn > now).map(|(.., len)| *len as u64).sum();
            let free = taken.last().map_or(0, |(_, left, _)| *left);
            let full = free > now && waiting + len as u64 > queue;
            prop_assert_eq!(ruling.fate == FULL, full);
            if full {
                continue;
            }
            let turn = free.max(now);
            let left = turn + (len as u64 * 1_000_000_000).div_ceil(rate);
            taken.push((turn, left, len));
            if ruling.fate == Fate::Reordered {
                prop_assert_eq!(ruling.due_ns, Some(left + HELD));
            } else {
                prop_assert_eq!(ruling.due_ns, Some(left + DELAY));
                prop_assert!(ruling.due_ns >= Some(last_due));
                last_due = left + DELAY;
            }
        }
    }
}

// ---- What it keeps ----

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
