//! Connections: calls and segments in one order.

use super::*;

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

#[test]
fn the_end_of_stream_is_read_when_the_fin_is_there() {
    let expected = format!("{HANDSHAKE}c send, c>3, c close, c>FIN ACK, s accept, s recv, s recv, s>FIN ACK");
    // The ACK of a FIN alone is not in stable text.
    both(closing, &format!("{expected}, c>ack1"), &expected);
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
