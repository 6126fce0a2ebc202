//! The messages whose bytes packets carry.

use super::*;

fn labels(trace: &Trace) -> Vec<Vec<(u32, usize, usize)>> {
    let data = trace.packets.iter().filter(|p| p.is_data());
    data.map(|p| p.spans.iter().map(|s| (s.msg.0, s.offset, s.len)).collect()).collect()
}

#[test]
fn a_segment_names_the_messages_whose_bytes_it_carries() {
    assert_eq!(labels(&nagle().finish(Tie::Clock)), [[(1, 0, 5)], [(2, 0, 4)]]);
    // A retransmission may be cut otherwise than what it repeats.
    let mut scene = Scene::connected();
    for (at, text) in [(20_030, b"one"), (20_031, b"two"), (20_032, b"tri")] {
        scene.send(CLIENT, at, text);
    }
    scene.segment(Client, 20_040, None, ACK, [1, 1], b"onetw");
    scene.segment(Client, 20_041, None, ACK, [6, 1], b"o");
    let again = scene.seg(Client, 240_000, ACK, [1, 1], b"onetwotri");
    segment_of(again).retransmission = true;
    scene.seg(Client, 240_001, ACK, [10, 1], b"stranger");
    let expected: [&[(u32, usize, usize)]; 4] =
        [&[(1, 0, 3), (2, 0, 2)], &[(2, 2, 1)], &[(1, 0, 3), (2, 0, 3), (3, 0, 3)], &[]];
    assert_eq!(labels(&scene.finish(Tie::Lane)), expected);
}

#[test]
fn a_header_is_told_from_the_body_in_packets_too() {
    let mut scene = Scene::connected();
    let msg = scene.recorder.message(CLIENT, b"5\nhello".as_slice().into(), 2, None);
    scene.event(CLIENT, Call::Send, [20_030, 20_031], |e| {
        e.bytes = b"5\nhello".to_vec();
        e.handed = Some(Handed { msg, offset: 0 });
    });
    scene.seg(Client, 20_040, ACK, [1, 1], b"5\nhello");
    assert_eq!(labels(&scene.finish(Tie::Clock)), [[(1, 0, 2), (1, 2, 5)]]);
}

#[test]
fn the_second_connection_between_the_same_addresses_is_the_second_socket() {
    let mut scene = closing();
    let [client, server] = [CLIENT, SERVER].map(|end| scene.recorder.socket(end, Proto::Tcp));
    scene.recorder.addresses(client, Some(HERE.into()), Some(THERE.into()));
    scene.recorder.addresses(server, Some(THERE.into()), Some(HERE.into()));
    let msg = scene.message(CLIENT, b"again");
    scene.event(CLIENT, Call::Connect, [100_000, 120_010], |e| {
        e.sock = Some(client);
        e.peer = Some(THERE.into());
    });
    scene.event(CLIENT, Call::Send, [120_020, 120_021], |e| {
        e.sock = Some(client);
        e.bytes = b"again".to_vec();
        e.handed = Some(Handed { msg, offset: 0 });
    });
    scene.seg(Client, 100_005, Flags::SYN, [0, 0], b"");
    scene.seg(Server, 110_006, Flags::SYN.and(ACK), [0, 1], b"");
    scene.seg(Client, 120_007, ACK, [1, 1], b"");
    scene.seg(Client, 120_030, ACK, [1, 1], b"again");
    assert_eq!(labels(&scene.finish(Tie::Lane)), [[(1, 0, 3)], [(2, 0, 5)]]);
}

#[test]
fn equal_datagrams_are_told_apart_by_the_link() {
    // The first of two equal datagrams is lost: what arrives is the second.
    let mut scene = Scene::new(Proto::Udp);
    for (at, arrival) in [(10, None), (20, Some(10_025)), (30, Some(10_035))] {
        scene.send_to(at, if at == 30 { b"odd" } else { b"eqn" });
        scene.datagram(at + 5, arrival, if at == 30 { b"odd" } else { b"eqn" });
    }
    scene.recv_from([1, 10_040], 10, b"eqn");
    scene.recv_from([10_041, 10_042], 2, b"odd");
    let trace = scene.finish(Tie::Clock);
    assert_eq!(labels(&trace), [[(1, 0, 3)], [(2, 0, 3)], [(3, 0, 3)]]);
    let received: Vec<u32> = trace.calls(Server, Call::RecvFrom).flat_map(Event::messages).map(|m| m.0).collect();
    assert_eq!(received, [2, 3]);
}

#[test]
fn datagrams_joined_by_msg_more_are_one_on_the_link() {
    let mut scene = Scene::new(Proto::Udp);
    scene.send_to(10, b"he");
    scene.send_to(20, b"yo");
    scene.datagram(25, Some(10_025), b"heyo");
    scene.recv_from([1, 10_040], 10, b"heyo");
    let mut raw = scene.raw();
    (raw.events[0].datagram_len, raw.events[1].datagram_len) = (None, Some(4));
    let trace = raw.finish(Tie::Lane);
    assert_eq!(order(&trace), "c sendto, c sendto, c>4, s recvfrom");
    assert_eq!(labels(&trace), [[(1, 0, 2), (2, 0, 2)]]);
}

#[test]
fn a_socket_on_every_address_is_found_by_its_port() {
    let mut scene = Scene::new(Proto::Udp);
    scene.recorder.addresses(scene.client, Some(([0, 0, 0, 0], 40_001).into()), None);
    scene.send_to(10, b"hello");
    scene.datagram(15, Some(10_015), b"hello");
    scene.recv_from([1, 10_020], 10, b"hello");
    let trace = scene.finish(Tie::Clock);
    assert_eq!(labels(&trace), [[(1, 0, 5)]]);
    assert!(trace.messages.len() == 1, "what was received is what was sent");
}

#[test]
fn many_cut_datagrams_behind_a_lost_one_are_found_at_once() {
    let scene = Scene::new(Proto::Udp);
    let bytes = |i: u32| [i.to_be_bytes().as_slice(), &[0; 60]].concat();
    (0..20_000).for_each(|i| scene.send_to(10, &bytes(i)));
    (1..20_000).for_each(|i| scene.recv_from([20, 20], 10, &bytes(i)));
    let began = std::time::Instant::now();
    let trace = scene.finish(Tie::Clock);
    assert!(trace.calls(Server, Call::RecvFrom).zip(2..).all(|(e, id)| e.spans[0].msg.0 == id));
    assert!(worked(began).as_secs() < 5, "{:?}", worked(began));
}

/// Processor time of this thread, on a busy machine a small part of what passed; where nobody tells, what passed.
fn worked(began: std::time::Instant) -> std::time::Duration {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let worked = stat.and_then(|stat| stat.split(' ').next()?.parse().ok()).map(std::time::Duration::from_nanos);
    worked.unwrap_or_else(|| began.elapsed())
}
