//! What the counts and the invariants say of recordings that a healthy kernel does not make.

mod common;

use common::{CLIENT, HERE, SERVER, Scene, THERE, claim};
use stickdemo::claims::Judge;
use stickdemo::trace::{Call, Event, Evidence, Handed, Proto, Role, Tie};

/// The server gets these bytes in a datagram whose length nobody tells.
fn recv_from(scene: &Scene, bytes: &[u8], fill: impl FnOnce(&mut Event)) {
    scene.data(SERVER, Call::RecvFrom, [0, 0], bytes, |e| {
        e.peer = Some(HERE.into());
        fill(e);
    });
}

#[test]
fn a_datagram_that_nobody_sent_breaks_the_account() {
    let scene = Scene::new(Proto::Udp);
    scene.send_to(0, b"hello");
    recv_from(&scene, b"hallo", |_| {});
    let claim = claim(&scene.finish(Tie::Clock), "udp-account");
    assert!(!claim.holds && claim.actual.exact.en.contains("nobody sent"), "{claim:?}");
}

#[test]
fn the_account_takes_the_last_count_of_a_socket() {
    let scene = Scene::new(Proto::Udp);
    for text in [b"one", b"two"] {
        scene.send_to(0, text);
    }
    recv_from(&scene, b"one", |e| e.evidence.dropped = Some(0));
    scene.closes_with([0, 0], 1, 0);
    let claim = claim(&scene.finish(Tie::Clock), "udp-account");
    assert!(claim.holds, "{claim:?}");
}

#[test]
fn a_cut_datagram_was_received_even_where_the_call_says_error() {
    let scene = Scene::new(Proto::Udp);
    scene.send_to(0, b"hello");
    recv_from(&scene, b"h", |e| {
        (e.returned, e.error, e.truncated) = (None, Some("WSAEMSGSIZE".into()), true);
    });
    let trace = scene.finish(Tie::Clock);
    assert_eq!(Judge::new(&trace, false).recvs(Role::Server).len(), 1);
    assert_eq!(trace.summary().recvs, 1);
    assert!(Judge::new(&trace, false).finish().claims.iter().all(|c| c.holds));
}

#[test]
fn a_message_that_was_begun_is_not_completed_by_the_next() {
    let scene = Scene::new(Proto::Tcp);
    scene.part(CLIENT, 0, scene.message(CLIENT, b"hello"), 0, b"hel");
    scene.send(CLIENT, 0, b"yo");
    scene.data(SERVER, Call::Recv, [0, 0], b"helyo", |_| {});
    assert_eq!(scene.finish(Tie::Clock).summary().messages_intact, 0);
}

#[test]
fn where_the_application_hands_on_a_recv_is_no_message() {
    let scene = Scene::new(Proto::Tcp);
    scene.send(CLIENT, 0, b"hello");
    scene.send(CLIENT, 0, b"feng");
    scene.data(SERVER, Call::Recv, [0, 0], b"hello", |_| {});
    scene.data(SERVER, Call::Recv, [0, 0], b"feng", |_| {});
    scene.data(SERVER, Call::Deliver, [0, 0], b"ofeng", |_| {});
    assert_eq!(scene.finish(Tie::Clock).summary().messages_intact, 0);
}

#[test]
fn a_repeated_segment_is_no_new_one() {
    let seen = Evidence { segments_out: Some(3), retransmissions: Some(1), ..Evidence::default() };
    assert_eq!(seen.new_segments(), Some(2));
}

#[test]
fn a_lone_end_takes_a_datagram_for_an_expected_one_only_whole() {
    let rehearsal = Scene::new(Proto::Udp);
    let msg = rehearsal.message(SERVER, b"hello");
    rehearsal.data(SERVER, Call::SendTo, [0, 0], b"hello", |e| {
        (e.handed, e.peer) = (Some(Handed { msg, offset: 0 }), Some(HERE.into()));
    });
    let scene = Scene::alone(Role::Client, Proto::Udp, rehearsal);
    scene.data(CLIENT, Call::RecvFrom, [0, 0], b"hel", |e| e.peer = Some(THERE.into()));
    let trace = scene.finish(Tie::Clock);
    assert_eq!(trace.sockets[0].expected.len(), 1);
    let message = trace.message(trace.events[0].spans[0].msg).expect("a message");
    assert_eq!(*message.bytes, *b"hel");
}
