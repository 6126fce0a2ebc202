//! Datagrams in the recording: what joined them, what waits for them, and the ports at which nobody answers.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::sync::Arc;
use std::time::Duration;
use stickdemo::claims::Judge;
use stickdemo::net::barrier::Stage;
use stickdemo::net::{DeadPort, End, Place};
use stickdemo::trace::{Call, EndName, Event, Fact, Handed, MsgId, Proto, Recorder, Role, Sink, SockId, Tie, Trace};

const CLIENT: EndName = EndName::only(Role::Client);
const SERVER: EndName = EndName::only(Role::Server);

struct Scene {
    recorder: Recorder,
    from: SocketAddr,
    to: SocketAddr,
    sender: SockId,
    receiver: SockId,
}

impl Scene {
    fn new() -> Scene {
        let recorder = Recorder::default();
        let (from, to) = (SocketAddr::from(([127, 0, 0, 1], 1000)), SocketAddr::from(([127, 0, 0, 1], 2000)));
        let sender = recorder.socket(CLIENT, Proto::Udp);
        let receiver = recorder.socket(SERVER, Proto::Udp);
        recorder.addresses(sender, Some(from), None);
        recorder.addresses(receiver, Some(to), None);
        Scene { recorder, from, to, sender, receiver }
    }

    fn send(&self, t_us: u64, msg: MsgId, offset: usize, bytes: &[u8], datagram: bool) {
        let mut event = Event::new(CLIENT, Call::SendTo);
        (event.t_us, event.end_us) = (t_us, t_us);
        event.sock = Some(self.sender);
        event.peer = Some(self.to);
        event.handed = Some(Handed { msg, offset });
        event.bytes = bytes.to_vec();
        event.returned = Some(bytes.len());
        event.datagram_len = datagram.then_some(bytes.len());
        self.recorder.push(event);
    }

    fn recv(&self, t_us: u64, bytes: &[u8]) {
        let mut event = Event::new(SERVER, Call::RecvFrom);
        (event.t_us, event.end_us) = (t_us, t_us);
        event.sock = Some(self.receiver);
        event.peer = Some(self.from);
        event.bytes = bytes.to_vec();
        event.returned = Some(bytes.len());
        event.datagram_len = Some(bytes.len());
        self.recorder.push(event);
    }

    fn cut(&self, bytes: &[u8], length: Option<usize>) {
        let mut event = Event::new(SERVER, Call::RecvFrom);
        event.sock = Some(self.receiver);
        event.peer = Some(self.from);
        event.bytes = bytes.to_vec();
        event.returned = Some(bytes.len());
        event.truncated = true;
        event.datagram_len = length;
        self.recorder.push(event);
    }

    /// Datagrams of a message each, in this order.
    fn sends<const N: usize>(&self, texts: [&[u8]; N]) {
        for text in texts {
            let id = self.recorder.message(CLIENT, text.into(), 0, None);
            self.send(0, id, 0, text, true);
        }
    }

    /// The number of the message that each receive call brought.
    fn brought(self) -> Vec<u32> {
        let trace = self.finish(Tie::Clock);
        trace.events.iter().filter(|e| e.call == Call::RecvFrom).flat_map(Event::messages).map(|id| id.0).collect()
    }

    fn wait(&self, t_us: u64) {
        let mut event = Event::new(SERVER, Call::Wait);
        (event.t_us, event.end_us) = (t_us, t_us);
        event.sock = Some(self.receiver);
        event.fact = Some(Fact::Readable);
        event.returned = Some(0);
        self.recorder.push(event);
    }

    fn finish(self, tie: Tie) -> Trace {
        self.recorder.take().finish(tie)
    }
}

fn calls(trace: &Trace) -> Vec<Call> {
    trace.events.iter().map(|e| e.call).collect()
}

#[test]
fn a_send_that_waits_for_more_is_no_datagram_of_its_own() {
    for tie in [Tie::Clock, Tie::Lane] {
        let scene = Scene::new();
        let hello = scene.recorder.message(CLIENT, b"hello"[..].into(), 0, None);
        let feng = scene.recorder.message(CLIENT, b"feng"[..].into(), 0, None);
        scene.recv(0, b"hellofeng");
        scene.send(1, hello, 0, b"hello", false);
        scene.send(2, feng, 0, b"feng", true);
        let trace = scene.finish(tie);
        assert_eq!(calls(&trace), [Call::SendTo, Call::SendTo, Call::RecvFrom], "both sends come first");
        assert_eq!(trace.events[2].messages(), [MsgId(1), MsgId(2)]);
        assert!(Judge::new(&trace, false).finish().claims.iter().all(|c| c.holds), "one datagram sent, one received");
    }
}

#[test]
fn equal_datagrams_are_taken_in_turn_and_one_more_is_a_duplicate() {
    let scene = Scene::new();
    scene.sends([b"same", b"same"]);
    (0..3).for_each(|_| scene.recv(1, b"same"));
    assert_eq!(scene.brought(), [1, 2, 2]);
}

#[test]
fn a_cut_datagram_is_the_one_of_its_length() {
    let scene = Scene::new();
    scene.sends([b"hi", b"hello"]);
    scene.cut(b"h", Some(5));
    assert_eq!(scene.brought(), [2]);
}

#[test]
fn cut_datagrams_that_begin_alike_are_taken_in_turn() {
    let scene = Scene::new();
    scene.sends([b"lost", b"aax", b"aay"]);
    (0..2).for_each(|_| scene.cut(b"aa", None));
    assert_eq!(scene.brought(), [2, 3]);
}

#[test]
fn a_wait_for_a_datagram_stands_after_its_sending() {
    for tie in [Tie::Clock, Tie::Lane] {
        let scene = Scene::new();
        let x = scene.recorder.message(CLIENT, b"x"[..].into(), 0, None);
        scene.wait(0);
        scene.recv(1, b"x");
        scene.send(2, x, 0, b"x", true);
        assert_eq!(calls(&scene.finish(tie)), [Call::SendTo, Call::Wait, Call::RecvFrom]);
    }
}

#[test]
fn a_wait_that_a_refusal_ended_depends_on_nobody() {
    let scene = Scene::new();
    let x = scene.recorder.message(CLIENT, b"x"[..].into(), 0, None);
    scene.send(0, x, 0, b"x", true);
    scene.recv(1, b"x");
    scene.wait(2);
    assert_eq!(calls(&scene.finish(Tie::Lane)), [Call::SendTo, Call::RecvFrom, Call::Wait]);
}

#[test]
fn a_dead_port_refuses_and_nobody_else_gets_it() {
    let stage = Arc::new(Stage::new(false, Duration::from_secs(10), None));
    let end = End::new(CLIENT, Arc::default(), Arc::default(), stage, Place::Loopback);
    let tcp = DeadPort::take(&end, Proto::Tcp).unwrap();
    assert_eq!(TcpStream::connect(tcp.address()).unwrap_err().kind(), ErrorKind::ConnectionRefused);
    let udp = DeadPort::take(&end, Proto::Udp).unwrap();
    assert_eq!(UdpSocket::bind(udp.address()).unwrap_err().kind(), ErrorKind::AddrInUse);
    let asker = UdpSocket::bind((udp.address().ip(), 0)).unwrap();
    asker.connect(udp.address()).unwrap();
    asker.send(b"anybody?").unwrap();
    let refused = asker.recv(&mut [0]).unwrap_err().kind();
    assert!(matches!(refused, ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset), "{refused:?}");
}
