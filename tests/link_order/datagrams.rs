//! Datagrams, fragments and ICMP messages in one order.

use super::*;

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
fn a_fragmented_datagram_is_there_when_its_last_piece_is() {
    let expected = "s bind, c sendto, c>1472, c>1480, c>1048, c sendto, c>5, s recvfrom, s recvfrom";
    both(fragmented, expected, expected);
    let trace = fragmented().finish(Tie::Lane);
    let pieces: Vec<(u32, usize, usize)> =
        trace.packets.iter().flat_map(|p| &p.spans).map(|s| (s.msg.0, s.offset, s.len)).collect();
    assert_eq!(pieces, [(1, 0, 1472), (1, 1472, 1480), (1, 2952, 1048), (2, 0, 5)]);
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
