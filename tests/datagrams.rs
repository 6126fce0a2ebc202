//! Datagrams in the recording: what joined them, what waits for them, and the ports at which nobody answers.

mod common;

use common::{CLIENT, HERE, PATIENCE, SERVER, Scene};
use std::io::ErrorKind;
use std::net::{TcpStream, UdpSocket};
use std::sync::Arc;
use stickdemo::claims::Judge;
use stickdemo::net::barrier::Stage;
use stickdemo::net::{Allowance, DeadPort, End, Place};
use stickdemo::trace::{Call, Event, Fact, MsgId, Proto, Role, Tie, Trace};

/// Datagrams of a message each, in this order.
fn sends<const N: usize>(scene: &Scene, texts: [&[u8]; N]) {
    texts.into_iter().for_each(|text| scene.send_to(0, text));
}

/// The server gets the whole datagram.
fn recv(scene: &Scene, at: u64, bytes: &[u8]) {
    scene.recv_from([at, at], bytes.len(), bytes);
}

/// The server gets the beginning of a datagram, of this length where the system tells.
fn cut(scene: &Scene, bytes: &[u8], length: Option<usize>) {
    scene.data(SERVER, Call::RecvFrom, [0, 0], bytes, |e| {
        e.peer = Some(HERE.into());
        e.truncated = true;
        e.datagram_len = length;
    });
}

/// The number of the message that each receive call brought.
fn brought(scene: Scene) -> Vec<u32> {
    let trace = scene.finish(Tie::Clock);
    trace.calls(Role::Server, Call::RecvFrom).flat_map(Event::messages).map(|id| id.0).collect()
}

fn calls(trace: &Trace) -> Vec<Call> {
    trace.events.iter().map(|e| e.call).collect()
}

#[test]
fn a_send_that_waits_for_more_is_no_datagram_of_its_own() {
    for tie in [Tie::Clock, Tie::Lane] {
        let scene = Scene::new(Proto::Udp);
        let hello = scene.message(CLIENT, b"hello");
        let feng = scene.message(CLIENT, b"feng");
        recv(&scene, 0, b"hellofeng");
        scene.hand_over(10, hello, b"hello", true);
        scene.hand_over(20, feng, b"feng", false);
        let trace = scene.finish(tie);
        assert_eq!(calls(&trace), [Call::SendTo, Call::SendTo, Call::RecvFrom], "both sends come first");
        assert_eq!(trace.events[2].messages(), [MsgId(1), MsgId(2)]);
        assert!(Judge::new(&trace, false).finish().claims.iter().all(|c| c.holds), "one datagram sent, one received");
    }
}

/// The datagram is as long as all that was handed over for it.
#[test]
#[cfg(target_os = "linux")]
fn a_send_that_completes_a_datagram_tells_its_whole_length() {
    let stage = Arc::new(Stage::new(false, Allowance::lasting(PATIENCE, PATIENCE), None));
    let recorder = Arc::new(stickdemo::trace::Recorder::default());
    let end = End::new(SERVER, Arc::default(), recorder.clone(), stage, Place::Loopback);
    let s = end.udp().expect("a socket");
    let (to, message) = (s.address().expect("an address"), end.message(*b"hello feng!"));
    s.send_more_to(message.part(0..5), to).expect("held");
    s.send_more_to(message.part(5..7), to).expect("held");
    s.send_part_to(message.part(7..11), to).expect("sent");
    s.send_to(b"x", to).expect("sent");
    let trace = recorder.take();
    let told: Vec<_> = trace.events.iter().filter(|e| e.call == Call::SendTo).map(|e| e.datagram_len).collect();
    assert_eq!(told, [None, None, Some(11), Some(1)]);
    assert_eq!(s.recv_from(100).expect("a datagram").0, b"hello feng!");
}

#[test]
fn equal_datagrams_are_taken_in_turn_and_one_more_is_a_duplicate() {
    let scene = Scene::new(Proto::Udp);
    sends(&scene, [b"same", b"same"]);
    (0..3).for_each(|_| recv(&scene, 1, b"same"));
    assert_eq!(brought(scene), [1, 2, 2]);
}

#[test]
fn a_cut_datagram_is_the_one_of_its_length() {
    let scene = Scene::new(Proto::Udp);
    sends(&scene, [b"hi", b"hello"]);
    cut(&scene, b"h", Some(5));
    assert_eq!(brought(scene), [2]);
}

#[test]
fn cut_datagrams_that_begin_alike_are_taken_in_turn() {
    let scene = Scene::new(Proto::Udp);
    sends(&scene, [b"lost", b"aax", b"aay"]);
    (0..2).for_each(|_| cut(&scene, b"aa", None));
    assert_eq!(brought(scene), [2, 3]);
}

#[test]
fn a_wait_for_a_datagram_stands_after_its_sending() {
    for tie in [Tie::Clock, Tie::Lane] {
        let scene = Scene::new(Proto::Udp);
        let x = scene.message(CLIENT, b"x");
        scene.wait(SERVER, [0, 0], Fact::Readable);
        recv(&scene, 1, b"x");
        scene.hand_over(20, x, b"x", false);
        assert_eq!(calls(&scene.finish(tie)), [Call::SendTo, Call::Wait, Call::RecvFrom]);
    }
}

#[test]
fn a_wait_that_a_refusal_ended_depends_on_nobody() {
    let scene = Scene::new(Proto::Udp);
    let x = scene.message(CLIENT, b"x");
    scene.hand_over(00, x, b"x", false);
    recv(&scene, 1, b"x");
    scene.wait(SERVER, [2, 2], Fact::Readable);
    assert_eq!(calls(&scene.finish(Tie::Lane)), [Call::SendTo, Call::RecvFrom, Call::Wait]);
}

#[test]
fn a_dead_port_refuses_and_nobody_else_gets_it() {
    let stage = Arc::new(Stage::new(false, Allowance::lasting(PATIENCE, PATIENCE), None));
    let end = End::new(CLIENT, Arc::default(), Arc::default(), stage, Place::Loopback);
    let tcp = DeadPort::take(&end, Proto::Tcp).unwrap();
    assert_eq!(TcpStream::connect(tcp.address()).unwrap_err().kind(), ErrorKind::ConnectionRefused);
    let udp = DeadPort::take(&end, Proto::Udp).unwrap();
    // Windows refuses only where nobody has the port.
    let taken = UdpSocket::bind(udp.address()).err().map(|error| error.kind());
    assert_eq!(taken, (!cfg!(windows)).then_some(ErrorKind::AddrInUse));
    let asker = UdpSocket::bind((udp.address().ip(), 0)).unwrap();
    asker.set_read_timeout(Some(PATIENCE)).unwrap();
    asker.connect(udp.address()).unwrap();
    asker.send(b"anybody?").unwrap();
    let refused = asker.recv(&mut [0]).unwrap_err().kind();
    assert!(matches!(refused, ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset), "{refused:?}");
}
