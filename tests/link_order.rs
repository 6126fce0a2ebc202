//! Calls and packets in one causal order, and the bytes that packets carry, from recordings built by hand.

mod common;

use common::*;
use std::net::SocketAddrV4;
use stickdemo::trace::Role::{Client, Server};
use stickdemo::trace::Sink as _;
use stickdemo::trace::packet::{Content, Fate, Flags, Packet};
use stickdemo::trace::{Call, Event, Fact, Handed, Proto, Role, Tie, Trace};

const FIN: Flags = Flags::FIN;
const RST: Flags = Flags::RST;

/// One line for each call and each packet, in order: `c send`, `c>SYN`, `s>4`.
fn order(trace: &Trace) -> String {
    let side = |role: Role| if role == Client { 'c' } else { 's' };
    let of_event = |e: &Event| {
        let result = e.error.clone().unwrap_or_default();
        (e.seq, format!("{} {}{result}", side(e.end.role), e.call.word()))
    };
    let of_packet = |p: &Packet| {
        let what = match (p.segment(), p.payload_len) {
            (Some(s), 0) if s.flags == ACK => format!("ack{}", s.ack - 1),
            (Some(s), 0) => s.flags.to_string(),
            (None, 0) if !p.is_data() => "icmp".into(),
            (_, n) => n.to_string(),
        };
        (p.seq, format!("{}>{what}{}", side(p.from), if p.dropped() { "x" } else { "" }))
    };
    let mut rows: Vec<_> = trace.events.iter().map(of_event).chain(trace.packets.iter().map(of_packet)).collect();
    rows.sort();
    assert!(rows.iter().enumerate().all(|(i, (seq, _))| *seq == i + 1), "{rows:?}");
    rows.into_iter().map(|(_, row)| row).collect::<Vec<_>>().join(", ")
}

/// Delays what was recorded by up to 3 ms, each call and each passage by its own, as a busy machine does. The
/// link's sequence at each host stays, and no packet leaves before its call.
fn late(mut trace: Trace, seed: u64) -> Trace {
    let mut random = Random(seed);
    let mut noise = move || random.next() % 3000;
    for event in &mut trace.events {
        event.t_us += noise();
        event.end_us = event.t_us.max(event.end_us + noise());
    }
    let mut passages: Vec<(u64, Role, usize, Option<usize>)> = Vec::new();
    for (i, packet) in trace.packets.iter().enumerate() {
        passages.push((packet.t_us, packet.from, i, None));
        passages.extend(packet.arrivals.iter().enumerate().map(|(copy, at)| (*at, packet.from.other(), i, Some(copy))));
    }
    passages.sort();
    let mut last = [0; 2];
    for (at, host, packet, copy) in passages {
        let last = &mut last[usize::from(host == Server)];
        *last = (at + 3000 + noise()).max(*last + 1);
        match copy {
            None => trace.packets[packet].t_us = *last,
            Some(copy) => trace.packets[packet].arrivals[copy] = *last,
        }
    }
    trace
}

/// The order by the clock, and the one for stable text, which is the same under noise.
fn both(scene: impl Fn() -> Scene, clock: &str, lane: &str) {
    assert_eq!(order(&scene().finish(Tie::Clock)), clock, "by the clock");
    stable(scene, lane);
}

fn stable(scene: impl Fn() -> Scene, expected: &str) {
    assert_eq!(order(&scene().finish(Tie::Lane)), expected, "by lane");
    for seed in 0..200 {
        assert_eq!(order(&late(scene().raw(), seed).finish(Tie::Lane)), expected, "by lane, noise {seed}");
    }
}

const HANDSHAKE: &str = "s listen, c connect, c>SYN, s>SYN ACK, c>ack0, ";

/// hello, feng, and what became of them.
fn nagle() -> Scene {
    let mut scene = Scene::connected();
    scene.send(CLIENT, 20_030, b"hello");
    scene.seg(Client, 20_040, ACK, [1, 1], b"hello");
    scene.send(CLIENT, 20_050, b"feng");
    scene.recv(SERVER, [30_030, 30_060], b"hello");
    scene.seg(Server, 30_044, ACK, [1, 6], b"");
    scene.seg(Client, 40_048, ACK, [6, 1], b"feng");
    scene.recv(SERVER, [30_070, 50_060], b"feng");
    scene.seg(Server, 50_052, ACK, [1, 10], b"");
    scene
}

#[test]
fn nagle_holds_the_second_until_the_acknowledgement_is_back() {
    both(
        nagle,
        &format!("{HANDSHAKE}c send, c>5, c send, s accept, s>ack5, s recv, c>4, s>ack9, s recv"),
        &format!("{HANDSHAKE}c send, c>5, c send, s>ack5, s accept, s recv, c>4, s>ack9, s recv"),
    );
}

#[test]
fn without_nagle_both_leave_at_once() {
    let scene = || {
        let mut scene = Scene::connected();
        scene.send(CLIENT, 20_030, b"hello");
        scene.seg(Client, 20_040, ACK, [1, 1], b"hello");
        scene.send(CLIENT, 20_050, b"feng");
        scene.seg(Client, 20_055, ACK, [6, 1], b"feng");
        scene.wait(CLIENT, [20_060, 40_070], Fact::Acked);
        scene.seg(Server, 30_044, ACK, [1, 6], b"");
        scene.seg(Server, 30_058, ACK, [1, 10], b"");
        scene.recv(SERVER, [30_060, 30_065], b"hellofeng");
        scene
    };
    both(
        scene,
        &format!("{HANDSHAKE}c send, c>5, c send, c>4, s accept, s>ack5, s>ack9, s recv, c wait"),
        &format!("{HANDSHAKE}c send, c>5, c send, c>4, s>ack5, s>ack9, s accept, s recv, c wait"),
    );
}

#[test]
fn how_long_a_sender_is_held_up_between_its_calls_is_chance() {
    let scene = |held_up: u64| {
        let mut scene = Scene::connected();
        let at = 20_030 + held_up;
        scene.send(CLIENT, at, b"hello");
        scene.seg(Client, at + 10, ACK, [1, 1], b"hello");
        scene.send(CLIENT, at + 20, b"feng");
        scene.seg(Client, at + 25, ACK, [6, 1], b"feng");
        scene.seg(Server, at + 10_014, ACK, [1, 6], b"");
        scene.seg(Server, at + 10_028, ACK, [1, 10], b"");
        scene.recv(SERVER, [30_060, at + 10_035], b"hellofeng");
        scene
    };
    for held_up in [0, 8_000, 15_000, 90_000] {
        stable(|| scene(held_up), &format!("{HANDSHAKE}c send, c>5, c send, c>4, s>ack5, s>ack9, s accept, s recv"));
    }
}

#[test]
fn a_segment_that_leaves_a_little_late_is_not_a_timers() {
    let scene = || {
        let mut scene = Scene::connected();
        scene.send(CLIENT, 20_030, b"hello");
        scene.send(CLIENT, 20_050, b"feng");
        scene.seg(Client, 60_040, ACK, [1, 1], b"hello");
        scene.seg(Client, 60_055, ACK, [6, 1], b"feng");
        scene
    };
    stable(scene, &format!("{HANDSHAKE}c send, c>5, c send, c>4, s accept"));
}

#[test]
fn a_delayed_acknowledgement_comes_after_the_calls_it_let_pass() {
    let scene = || {
        let mut scene = Scene::connected();
        scene.send(CLIENT, 20_030, b"hello");
        scene.seg(Client, 20_040, ACK, [1, 1], b"hello");
        scene.send(CLIENT, 20_050, b"feng");
        scene.recv(SERVER, [30_030, 30_060], b"hello");
        scene.wait(SERVER, [30_070, 30_080], Fact::Gate { gate: "read".into(), nth: 1 });
        scene.seg(Server, 70_044, ACK, [1, 6], b"");
        scene.seg(Client, 80_048, ACK, [6, 1], b"feng");
        scene.recv(SERVER, [30_090, 90_060], b"feng");
        scene
    };
    let expected = format!("{HANDSHAKE}c send, c>5, c send, s accept, s recv, s wait, s>ack5, c>4, s recv");
    both(scene, &expected, &expected);
}

/// `TCP_QUICKACK 1`: the kernel's count of segments without data grew in the call.
#[test]
fn an_acknowledgement_that_was_asked_for_follows_the_call_that_asked() {
    let scene = || {
        let mut scene = Scene::connected();
        let counted = |e: &mut Event, acks| e.evidence.acks_out = Some(acks);
        scene.event(SERVER, Call::SetSockOpt, [30_026, 30_027], |e| counted(e, 0));
        scene.send(CLIENT, 30_030, b"hello");
        scene.seg(Client, 30_040, ACK, [1, 1], b"hello");
        scene.event(SERVER, Call::Recv, [30_050, 40_060], |e| {
            (e.asked, e.returned, e.bytes) = (Some(5), Some(5), b"hello".to_vec());
            counted(e, 0);
        });
        scene.event(SERVER, Call::SetSockOpt, [40_062, 40_064], |e| counted(e, 1));
        scene.seg(Server, 40_063, ACK, [1, 6], b"");
        scene
    };
    stable(scene, &format!("{HANDSHAKE}c send, c>5, s accept, s setsockopt, s recv, s setsockopt, s>ack5"));
}

/// Of three segments the second is lost and comes again.
fn lossy() -> Scene {
    let mut scene = Scene::connected();
    scene.send(CLIENT, 20_030, b"onetwotri");
    scene.seg(Client, 20_040, ACK, [1, 1], b"one");
    scene.segment(Client, 20_041, None, ACK, [4, 1], b"two");
    scene.seg(Client, 20_042, ACK, [7, 1], b"tri");
    scene.wait(CLIENT, [20_050, 260_100], Fact::Acked);
    scene.seg(Server, 30_044, ACK, [1, 4], b"");
    segment_of(scene.seg(Server, 30_046, ACK, [1, 4], b"")).sack_blocks = 1;
    let again = scene.seg(Client, 240_050, ACK, [4, 1], b"two");
    segment_of(again).retransmission = true;
    scene.recv(SERVER, [30_050, 30_055], b"one");
    scene.seg(Server, 250_055, ACK, [1, 10], b"");
    scene.recv(SERVER, [30_060, 250_060], b"twotri");
    scene
}

#[test]
fn a_lost_segment_holds_back_those_behind_it_until_it_comes_again() {
    both(
        lossy,
        &format!("{HANDSHAKE}c send, c>3, c>3x, c>3, s accept, s>ack3, s>ack3, s recv, c>3, s>ack9, s recv, c wait"),
        &format!("{HANDSHAKE}c send, c>3, c>3x, c>3, s>ack3, s>ack3, s accept, s recv, c>3, s>ack9, s recv, c wait"),
    );
}

#[test]
fn reordered_segments_are_read_when_the_gap_is_filled() {
    let scene = || {
        let mut scene = Scene::connected();
        scene.send(CLIENT, 20_030, b"onetwo");
        scene.segment(Client, 20_040, Some(30_050), ACK, [1, 1], b"one").fate = Fate::Reordered;
        scene.segment(Client, 20_041, Some(30_041), ACK, [4, 1], b"two");
        scene.recv(SERVER, [30_030, 30_060], b"onetwo");
        scene.seg(Server, 30_045, ACK, [1, 1], b"");
        scene.seg(Server, 30_055, ACK, [1, 7], b"");
        scene
    };
    both(
        scene,
        &format!("{HANDSHAKE}c send, c>3, c>3, s accept, s>ack0, s>ack6, s recv"),
        &format!("{HANDSHAKE}c send, c>3, c>3, s>ack0, s>ack6, s accept, s recv"),
    );
}

#[test]
fn a_duplicated_datagram_is_received_twice_and_is_the_same_message() {
    let scene = || {
        let mut scene = Scene::new(Proto::Udp);
        scene.event(SERVER, Call::Bind, [1, 1], |e| e.peer = Some(THERE.into()));
        scene.send_to(10, b"one");
        let twice = scene.datagram(15, Some(10_015), b"one");
        twice.fate = Fate::Duplicated;
        twice.arrivals.push(10_017);
        scene.send_to(20, b"two");
        scene.datagram(25, Some(10_025), b"two");
        scene.recv_from([5, 10_030], 10, b"one");
        scene.recv_from([10_031, 10_033], 10, b"one");
        scene.recv_from([10_034, 10_035], 10, b"two");
        scene
    };
    let expected = "s bind, c sendto, c>3, c sendto, c>3, s recvfrom, s recvfrom, s recvfrom";
    both(scene, expected, expected);
    let trace = scene().finish(Tie::Lane);
    let received: Vec<u32> = trace.calls(Server, Call::RecvFrom).flat_map(Event::messages).map(|m| m.0).collect();
    assert_eq!(received, [1, 1, 2]);
    assert!(trace.messages.iter().all(|m| !m.inferred));
}

/// A datagram in three fragments that arrive in disorder, then a short one that overtakes them.
fn fragmented() -> Scene {
    let mut scene = Scene::new(Proto::Udp);
    scene.event(SERVER, Call::Bind, [1, 1], |e| e.peer = Some(THERE.into()));
    let long: Vec<u8> = (0..4000u32).map(|i| i as u8).collect();
    scene.send_to(10, &long);
    scene.fragments(15, &[Some(10_040), Some(10_016), Some(10_017)], 1480, &long);
    scene.send_to(30, b"short");
    scene.datagram(35, Some(10_035), b"short").ip_id = 8;
    scene.recv_from([5, 10_050], 5000, b"short");
    scene.recv_from([10_055, 10_060], 5000, &long);
    scene
}

#[test]
fn a_datagram_that_leaves_late_was_late_and_waited_for_nothing() {
    let scene = || {
        let mut scene = Scene::new(Proto::Udp);
        scene.event(SERVER, Call::Bind, [1, 1], |e| e.peer = Some(THERE.into()));
        for i in 0..2u64 {
            scene.send_to(10 + 10 * i, &[b'0' + i as u8]);
            scene.datagram(60_000 + 10 * i, Some(70_000 + 10 * i), &[b'0' + i as u8]);
        }
        scene
    };
    stable(scene, "s bind, c sendto, c>1, c sendto, c>1");
}

#[test]
fn what_one_connection_does_has_no_place_in_another() {
    // The second connect and the close of the first connection cross, in this order or in that one.
    let scene = |close_first: bool| {
        let mut scene = Scene::connected();
        scene.close(CLIENT, 40_000);
        scene.seg(Client, 40_005, FIN.and(ACK), [1, 1], b"");
        let sock = scene.recorder.socket(CLIENT, Proto::Tcp);
        let here = SocketAddrV4::new(*HERE.ip(), 40_002);
        scene.recorder.addresses(sock, Some(here.into()), Some(THERE.into()));
        scene.event(CLIENT, Call::Connect, [40_010, 60_030], |e| {
            e.sock = Some(sock);
            e.peer = Some(THERE.into());
        });
        scene.seg(Client, 40_012, Flags::SYN, [0, 0], b"").source = here;
        let (fin, syn_ack) = if close_first { (50_020, 50_025) } else { (50_025, 50_020) };
        scene.event(SERVER, Call::Recv, [30_030, 50_015], |e| e.asked = Some(10));
        scene.close(SERVER, 50_017);
        scene.seg(Server, fin, FIN.and(ACK), [1, 2], b"");
        scene.seg(Server, syn_ack, Flags::SYN.and(ACK), [0, 1], b"").destination = here;
        scene
    };
    let expected =
        format!("{HANDSHAKE}c close, c>FIN ACK, c connect, c>SYN, s accept, s recv, s close, s>FIN ACK, s>SYN ACK");
    stable(|| scene(true), &expected);
    stable(|| scene(false), &expected);
}

#[test]
fn a_fragmented_datagram_is_there_when_its_last_piece_is() {
    let expected = "s bind, c sendto, c>1472, c>1480, c>1048, c sendto, c>5, s recvfrom, s recvfrom";
    both(fragmented, expected, expected);
    let trace = fragmented().finish(Tie::Lane);
    let pieces: Vec<(u32, usize, usize)> =
        trace.packets.iter().flat_map(|p| &p.spans).map(|s| (s.msg.0, s.offset, s.len)).collect();
    assert_eq!(pieces, [(1, 0, 1472), (1, 1472, 1480), (1, 2952, 1048), (2, 0, 5)]);
}

#[test]
fn a_refused_connect_goes_on_when_the_reset_is_there() {
    let scene = || {
        let mut scene = Scene::new(Proto::Tcp);
        let sock = scene.recorder.socket(CLIENT, Proto::Tcp);
        scene.event(CLIENT, Call::Connect, [10, 20_030], |e| {
            e.sock = Some(sock);
            e.peer = Some(THERE.into());
            (e.returned, e.error) = (None, Some("ECONNREFUSED".into()));
        });
        scene.seg(Client, 15, Flags::SYN, [0, 0], b"");
        scene.seg(Server, 10_018, RST.and(ACK), [0, 1], b"");
        scene.event(CLIENT, Call::Process, [20_040, 20_040], |e| e.sock = None);
        // The second attempt, with the same addresses, is another connection.
        scene.event(CLIENT, Call::Connect, [20_050, 40_060], |e| e.peer = Some(THERE.into()));
        scene.listens(20_045);
        scene.seg(Client, 20_055, Flags::SYN, [0, 0], b"");
        scene.seg(Server, 30_058, Flags::SYN.and(ACK), [0, 1], b"");
        scene.seg(Client, 40_059, ACK, [1, 1], b"");
        scene.send(CLIENT, 40_065, b"hello");
        scene.seg(Client, 40_070, ACK, [1, 1], b"hello");
        scene
    };
    let [before, after] = ["c connectECONNREFUSED, c>SYN, ", "c connect, c>SYN, s>SYN ACK, c>ack0, c send, c>5"];
    both(
        scene,
        &format!("{before}s>RST ACK, c process, s listen, {after}"),
        // As far as the stable order can tell, the first SYN was under way when the listener came.
        &format!("{before}s listen, s>RST ACK, c process, {after}"),
    );
    let trace = scene().finish(Tie::Clock);
    assert_eq!(trace.packets.last().map(|p| p.messages().len()), Some(1));
}

#[test]
fn a_window_update_follows_the_read_that_made_room() {
    let scene = || {
        let mut scene = Scene::connected();
        scene.send(CLIENT, 20_030, b"12345678");
        scene.seg(Client, 20_040, ACK, [1, 1], b"1234");
        segment_of(scene.seg(Server, 30_045, ACK, [1, 5], b"")).window = 0;
        scene.wait(SERVER, [30_046, 60_000], Fact::Gate { gate: "sent".into(), nth: 1 });
        scene.event(CLIENT, Call::SetSockOpt, [59_000, 59_001], |_| {});
        scene.recorder.opened(CLIENT, "sent");
        scene.recv(SERVER, [60_010, 60_020], b"1234");
        scene.seg(Server, 60_018, ACK, [1, 5], b"");
        scene.seg(Client, 70_020, ACK, [5, 1], b"5678");
        scene.recv(SERVER, [60_030, 80_040], b"5678");
        scene
    };
    stable(
        scene,
        &format!("{HANDSHAKE}c send, c>4, c setsockopt, s>ack4, s accept, s wait, s recv, s>ack4, c>4, s recv"),
    );
}

#[test]
fn what_happens_during_a_sleep_stands_before_what_comes_after_it() {
    let scene = || {
        let mut scene = Scene::connected();
        scene.send(CLIENT, 20_030, b"hello");
        scene.seg(Client, 20_040, ACK, [1, 1], b"hello");
        scene.wait(CLIENT, [20_050, 70_050], Fact::Pause(50_000));
        scene.send(CLIENT, 70_060, b"feng");
        scene.seg(Client, 70_065, ACK, [6, 1], b"feng");
        scene.recv(SERVER, [30_030, 30_060], b"hello");
        scene.seg(Server, 30_044, ACK, [1, 6], b"");
        scene.recv(SERVER, [30_070, 80_080], b"feng");
        scene
    };
    stable(scene, &format!("{HANDSHAKE}c send, c>5, s>ack5, s accept, s recv, c wait, c send, c>4, s recv"));
}

/// Both close; the client sent a FIN by close, the server by ending.
fn closing() -> Scene {
    let mut scene = Scene::connected();
    scene.send(CLIENT, 20_030, b"bye");
    scene.seg(Client, 20_035, ACK, [1, 1], b"bye");
    scene.close(CLIENT, 20_040);
    scene.seg(Client, 20_045, FIN.and(ACK), [4, 1], b"");
    scene.recv(SERVER, [30_030, 30_046], b"bye");
    scene.event(SERVER, Call::Recv, [30_050, 30_055], |e| e.asked = Some(1024));
    scene.seg(Server, 30_058, FIN.and(ACK), [1, 5], b"");
    scene.seg(Client, 40_060, ACK, [5, 2], b"");
    scene
}

#[test]
fn the_end_of_stream_is_read_when_the_fin_is_there() {
    let expected = format!("{HANDSHAKE}c send, c>3, c close, c>FIN ACK, s accept, s recv, s recv, s>FIN ACK");
    // The ACK of a FIN alone is not in stable text.
    both(closing, &format!("{expected}, c>ack1"), &expected);
}

#[test]
fn a_reset_is_told_when_it_is_there_and_a_refused_datagram_when_the_icmp_message_is() {
    let reset = || {
        let mut scene = Scene::connected();
        scene.close(SERVER, 30_040);
        scene.seg(Server, 30_050, RST.and(ACK), [1, 1], b"");
        scene.event(CLIENT, Call::Recv, [20_030, 40_055], |e| {
            (e.returned, e.error) = (None, Some("ECONNRESET".into()));
        });
        scene
    };
    let expected = format!("{HANDSHAKE}s accept, s close, s>RST ACK, c recvECONNRESET");
    both(reset, &expected, &expected);
    // With the wait for it, and without.
    for waits in [true, false] {
        let refused = || {
            let mut scene = Scene::new(Proto::Udp);
            scene.recorder.addresses(scene.client, None, Some(THERE.into()));
            scene.recorder.addresses(scene.server, Some(([10, 77, 0, 2], 1).into()), None);
            scene.send_to(10, b"hello");
            scene.datagram(15, Some(10_015), b"hello");
            let about = Some((HERE, THERE));
            scene.packet(Server, 10_018, Some(20_018), Content::Icmp { kind: 3, code: 3, about }, b"");
            if waits {
                scene.wait(CLIENT, [20, 20_020], Fact::Readable);
            }
            scene.event(CLIENT, Call::RecvFrom, [25, 20_026], |e| {
                (e.returned, e.error) = (None, Some("ECONNREFUSED".into()));
            });
            scene
        };
        let wait = if waits { "c wait, " } else { "" };
        let expected = format!("c sendto, c>5, s>icmp, {wait}c recvfromECONNREFUSED");
        both(refused, &expected, &expected);
    }
}

#[test]
fn a_cause_that_was_not_recorded_is_not_waited_for() {
    // The recording was full after the first packets: the rest of the run stands all the same.
    let scene = || {
        let mut scene = nagle();
        scene.packets.truncate(5);
        scene
    };
    let trace = scene().finish(Tie::Lane);
    assert_eq!(trace.events.len(), 7);
    assert!(order(&trace).ends_with("s recv"));
    // Impossible times: everything is placed, whatever the packets say.
    let mut raw = nagle().raw();
    for (i, packet) in raw.packets.iter_mut().enumerate() {
        packet.t_us = 1000 - i as u64;
        packet.arrivals = vec![5];
    }
    assert_eq!(order(&raw.finish(Tie::Lane)).split(", ").count(), 7 + 7);
}

#[test]
fn the_end_and_a_reset_wait_for_what_arrives_and_not_for_what_is_lost() {
    let lost_fin = || {
        let mut scene = Scene::connected();
        scene.close(CLIENT, 20_040);
        scene.segment(Client, 20_045, None, FIN.and(ACK), [1, 1], b"");
        segment_of(scene.seg(Client, 240_045, FIN.and(ACK), [1, 1], b"")).retransmission = true;
        scene.wait(SERVER, [30_050, 250_050], Fact::PeerGone);
        scene.event(SERVER, Call::Recv, [250_051, 250_055], |e| e.asked = Some(1024));
        scene
    };
    let expected = format!("{HANDSHAKE}c close, c>FIN ACKx, s accept, c>FIN ACK, s wait, s recv");
    both(lost_fin, &expected, &expected);
    let no_wait = || {
        let scene = lost_fin();
        scene.recorder.take();
        scene
    };
    assert_eq!(order(&no_wait().finish(Tie::Lane)).split(", ").count(), 5, "packets alone are in order, too");
    let lost_reset = || {
        let mut scene = Scene::connected();
        scene.close(SERVER, 30_040);
        scene.segment(Server, 30_050, None, RST.and(ACK), [1, 1], b"");
        scene.send(CLIENT, 60_000, b"hello");
        scene.seg(Client, 60_010, ACK, [1, 1], b"hello");
        scene.seg(Server, 70_015, RST, [1, 0], b"");
        scene.event(CLIENT, Call::Recv, [60_020, 80_030], |e| {
            (e.returned, e.error) = (None, Some("ECONNRESET".into()));
        });
        scene
    };
    assert!(order(&lost_reset().finish(Tie::Clock)).ends_with("c send, c>5, s>RST, c recvECONNRESET"));
    let lane = order(&lost_reset().finish(Tie::Lane));
    assert!(lane.ends_with("s>RST, c recvECONNRESET"), "{lane}");
}

#[test]
fn a_copy_is_received_when_the_copy_is_there() {
    let scene = || {
        let mut scene = Scene::new(Proto::Udp);
        scene.event(SERVER, Call::Bind, [1, 1], |e| e.peer = Some(THERE.into()));
        scene.send_to(10, b"one");
        scene.datagram(15, Some(10_015), b"one").arrivals.push(40_015);
        scene.recv_from([5, 10_020], 10, b"one");
        scene.wait(CLIENT, [20, 30_020], Fact::Pause(30_000));
        scene.send_to(30_030, b"two");
        scene.datagram(30_035, None, b"two");
        scene.recv_from([10_025, 40_020], 10, b"one");
        scene
    };
    let expected = "s bind, c sendto, c>3, s recvfrom, c wait, c sendto, c>3x, s recvfrom";
    both(scene, expected, expected);
}

#[test]
fn packets_that_cross_each_other_arrive_as_they_left() {
    let scene = || {
        let mut scene = Scene::connected();
        scene.wait(CLIENT, [20_030, 40_000], Fact::Gate { gate: "ready".into(), nth: 1 });
        scene.event(SERVER, Call::SetSockOpt, [39_000, 39_001], |_| {});
        scene.recorder.opened(SERVER, "ready");
        scene.send(CLIENT, 40_005, b"here");
        scene.seg(Client, 40_010, ACK, [1, 1], b"here");
        scene.send(SERVER, 40_006, b"there");
        scene.seg(Server, 40_012, ACK, [1, 1], b"there");
        scene.seg(Server, 50_015, ACK, [6, 5], b"");
        scene.seg(Client, 50_017, ACK, [5, 6], b"");
        scene
    };
    stable(scene, &format!("{HANDSHAKE}s accept, s setsockopt, c wait, c send, c>4, s send, s>5, s>ack4, c>ack5"));
}

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
