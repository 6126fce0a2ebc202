//! Causal order, dependency by dependency: an effect stands after its cause, whatever the clocks said
//! and whichever lane goes first where nothing decides.

mod common;

use common::{CLIENT, HERE, SERVER, Scene, THERE, address};
use stickdemo::trace::{Call, EndName, Event, Fact, Proto, Recorder, Sink as _, SockId, Tie};

/// Plays the scene with the effect at either end and both ways to break ties; the cause comes first each time. The
/// effect is recorded first and has the earlier time.
fn first_cause_then_effect(cause: impl Fn(&Scene, EndName), effect: impl Fn(&Scene, EndName)) {
    for (there, here) in [(CLIENT, SERVER), (SERVER, CLIENT)] {
        for tie in [Tie::Clock, Tie::Lane] {
            let scene = Scene::new(Proto::Tcp);
            effect(&scene, here);
            cause(&scene, there);
            let trace = scene.recorder.take().finish(tie);
            let ends: Vec<EndName> = trace.events.iter().map(|e| e.end).collect();
            assert_eq!(ends, [there, here], "{tie:?}");
        }
    }
}

fn waits(fact: Fact) -> impl Fn(&Scene, EndName) {
    move |scene, end| scene.event(end, Call::Wait, [1, 1], |e| e.fact = Some(fact.clone()))
}

fn closes(scene: &Scene, end: EndName) {
    scene.event(end, Call::Close, [9, 9], |_| {});
}

#[test]
fn bytes_are_sent_before_they_are_received_or_queued() {
    let send = |scene: &Scene, end| scene.send(end, 9, b"hello");
    first_cause_then_effect(send, |scene, end| {
        scene.data(end, Call::Recv, [1, 1], b"hello", |_| {});
    });
    first_cause_then_effect(send, waits(Fact::Queued(5)));
}

#[test]
fn the_peer_closes_before_its_end_or_its_reset_is_seen() {
    first_cause_then_effect(closes, |scene, end| scene.event(end, Call::Recv, [1, 1], |e| e.asked = Some(10)));
    first_cause_then_effect(closes, waits(Fact::PeerGone));
    for error in ["ECONNRESET", "EPIPE"] {
        first_cause_then_effect(closes, |scene, end| {
            scene.event(end, Call::Recv, [1, 1], |e| {
                e.returned = None;
                e.error = Some(error.into());
            });
        });
    }
    let shuts = |scene: &Scene, end| scene.event(end, Call::Shutdown, [9, 9], |_| {});
    first_cause_then_effect(shuts, |scene, end| scene.event(end, Call::Recv, [1, 1], |e| e.asked = Some(10)));
}

#[test]
fn a_connect_stands_before_its_accept_and_after_its_listen() {
    let connects = |scene: &Scene, end| scene.event(end, Call::Connect, [9, 9], |_| {});
    first_cause_then_effect(connects, |scene, end| scene.event(end, Call::Accept, [1, 1], |_| {}));
    let listens = |scene: &Scene, end| scene.event(end, Call::Listen, [9, 9], |_| {});
    first_cause_then_effect(listens, |scene, end| {
        scene.event(end, Call::Connect, [1, 1], |e| e.peer = Some(address(end.role.other()).into()));
    });
}

#[test]
fn a_listener_is_closed_after_the_accepts_on_it_whoever_has_the_connections() {
    let worker = EndName { index: 1, ..SERVER };
    for tie in [Tie::Clock, Tie::Lane] {
        let recorder = Recorder::default();
        let mut at = 0;
        let mut call = |end, call, sock| {
            at += 1;
            let mut event = Event::new(end, call);
            (event.t_us, event.end_us, event.sock) = (at, at, Some(sock));
            recorder.push(event);
        };
        // Two servers after each other, at one address; a worker of each has the connection.
        for client in [HERE.into(), ([10, 77, 0, 1], 40_002).into()] {
            let [listener, conn] = [SERVER, worker].map(|end| recorder.socket(end, Proto::Tcp));
            recorder.addresses(listener, Some(THERE.into()), None);
            recorder.addresses(conn, Some(THERE.into()), Some(client));
            call(SERVER, Call::Listen, listener);
            call(worker, Call::Accept, conn);
            call(SERVER, Call::Close, listener);
        }
        let trace = recorder.take().finish(tie);
        let calls: Vec<Call> = trace.events.iter().map(|e| e.call).collect();
        let each = [Call::Listen, Call::Accept, Call::Close];
        assert_eq!(calls, [each, each].concat(), "{tie:?}");
    }
}

#[test]
fn a_gate_is_opened_before_it_is_passed_as_often() {
    let opens = |scene: &Scene, end| {
        scene.event(end, Call::SetSockOpt, [9, 9], |_| {});
        scene.recorder.opened(end, "gate");
    };
    let passes = |nth| waits(Fact::Gate { gate: "gate".into(), nth });
    first_cause_then_effect(opens, passes(1));
    let opens_twice = |scene: &Scene, end| {
        scene.recorder.opened(end, "gate");
        opens(scene, end);
    };
    first_cause_then_effect(opens_twice, passes(2));
}

#[test]
fn sockets_are_numbered_as_the_events_name_them() {
    let recorder = Recorder::default();
    // Whichever thread came first made socket 0.
    let [late, early] = [SERVER, CLIENT].map(|end| recorder.socket(end, Proto::Tcp));
    recorder.addresses(early, Some(HERE.into()), None);
    for (end, sock) in [(SERVER, late), (CLIENT, early)] {
        let mut event = Event::new(end, Call::SetSockOpt);
        event.sock = Some(sock);
        recorder.push(event);
    }
    let trace = recorder.take().finish(Tie::Lane);
    let named: Vec<_> = trace.events.iter().filter_map(|e| e.sock).collect();
    assert_eq!(named, [SockId(0), SockId(1)]);
    assert_eq!(trace.socket(SockId(0)).and_then(|s| s.local), Some(HERE.into()));
}

#[test]
fn where_nothing_decides_the_clock_does_or_the_client_goes_first() {
    for (tie, first) in [(Tie::Clock, SERVER), (Tie::Lane, CLIENT)] {
        let scene = Scene::new(Proto::Tcp);
        scene.event(SERVER, Call::SetSockOpt, [1, 1], |_| {});
        scene.event(CLIENT, Call::SetSockOpt, [2, 2], |_| {});
        assert_eq!(scene.recorder.take().finish(tie).events[0].end, first);
    }
}
