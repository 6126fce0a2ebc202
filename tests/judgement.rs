//! What the counts and the invariants say of recordings that a healthy kernel does not make.

use std::net::SocketAddr;
use stickdemo::claims::{Claim, Judge};
use stickdemo::trace::{Call, EndName, Event, Evidence, Handed, Proto, Recorder, Role, Sink, SockId, Tie, Trace};

const CLIENT: EndName = EndName::only(Role::Client);
const SERVER: EndName = EndName::only(Role::Server);

struct Scene {
    recorder: Recorder,
    client: SockId,
    server: SockId,
}

impl Scene {
    fn new(proto: Proto, roles: &[Role]) -> Scene {
        let recorder = Recorder::new(roles.to_vec());
        let [a, b]: [SocketAddr; 2] = [1, 2].map(|port| ([127, 0, 0, 1], port).into());
        let (client, server) = (recorder.socket(CLIENT, proto), recorder.socket(SERVER, proto));
        recorder.addresses(client, Some(a), Some(b));
        if roles.contains(&Role::Server) {
            recorder.addresses(server, Some(b), Some(a));
        }
        Scene { recorder, client, server }
    }

    fn both(proto: Proto) -> Scene {
        Scene::new(proto, &[Role::Client, Role::Server])
    }

    fn push(&self, end: EndName, call: Call, bytes: &[u8], fill: impl FnOnce(&mut Event)) {
        let mut event = Event::new(end, call);
        event.sock = Some(if end == CLIENT { self.client } else { self.server });
        event.returned = Some(bytes.len());
        event.bytes = bytes.to_vec();
        fill(&mut event);
        self.recorder.push(event);
    }

    /// A message of which the first `taken` bytes are sent: as a datagram, or into the stream.
    fn send(&self, call: Call, message: &[u8], taken: usize) {
        let msg = self.recorder.message(CLIENT, message.into(), 0, None);
        self.push(CLIENT, call, &message[..taken], |e| {
            e.handed = Some(Handed { msg, offset: 0 });
            if call == Call::SendTo {
                e.peer = Some(([127, 0, 0, 1], 2).into());
                e.datagram_len = Some(taken);
            }
        });
    }

    fn recv_from(&self, bytes: &[u8], fill: impl FnOnce(&mut Event)) {
        self.push(SERVER, Call::RecvFrom, bytes, |e| {
            e.peer = Some(([127, 0, 0, 1], 1).into());
            fill(e);
        });
    }

    fn finish(self) -> Trace {
        self.recorder.take().finish(Tie::Clock)
    }

    fn account(self) -> Claim {
        let findings = Judge::new(&self.finish(), false).finish();
        findings.claims.into_iter().find(|c| c.id == "udp-account").expect("checked on every run")
    }
}

#[test]
fn a_datagram_that_nobody_sent_breaks_the_account() {
    let scene = Scene::both(Proto::Udp);
    scene.send(Call::SendTo, b"hello", 5);
    scene.recv_from(b"hallo", |_| {});
    let claim = scene.account();
    assert!(!claim.holds && claim.actual.exact.en.contains("nobody sent"), "{claim:?}");
}

#[test]
fn the_account_takes_the_last_count_of_a_socket() {
    let scene = Scene::both(Proto::Udp);
    for text in [b"one", b"two"] {
        scene.send(Call::SendTo, text, 3);
    }
    scene.recv_from(b"one", |e| e.evidence.dropped = Some(0));
    scene.push(SERVER, Call::Close, b"", |e| {
        e.evidence = Evidence { dropped: Some(1), unread: Some(0), ..Evidence::default() };
    });
    let claim = scene.account();
    assert!(claim.holds, "{claim:?}");
}

#[test]
fn a_cut_datagram_was_received_even_where_the_call_says_error() {
    let scene = Scene::both(Proto::Udp);
    scene.send(Call::SendTo, b"hello", 5);
    scene.recv_from(b"h", |e| {
        (e.returned, e.error, e.truncated) = (None, Some("WSAEMSGSIZE".into()), true);
    });
    let trace = scene.finish();
    assert_eq!(Judge::new(&trace, false).recvs(Role::Server).len(), 1);
    assert_eq!(trace.summary().recvs, 1);
    assert!(Judge::new(&trace, false).finish().claims.iter().all(|c| c.holds));
}

#[test]
fn a_message_that_was_begun_is_not_completed_by_the_next() {
    let scene = Scene::both(Proto::Tcp);
    scene.send(Call::Send, b"hello", 3);
    scene.send(Call::Send, b"yo", 2);
    scene.push(SERVER, Call::Recv, b"helyo", |_| {});
    assert_eq!(scene.finish().summary().messages_intact, 0);
}

#[test]
fn where_the_application_hands_on_a_recv_is_no_message() {
    let scene = Scene::both(Proto::Tcp);
    scene.send(Call::Send, b"hello", 5);
    scene.send(Call::Send, b"feng", 4);
    scene.push(SERVER, Call::Recv, b"hello", |_| {});
    scene.push(SERVER, Call::Recv, b"feng", |_| {});
    scene.push(SERVER, Call::Deliver, b"ofeng", |_| {});
    assert_eq!(scene.finish().summary().messages_intact, 0);
}

#[test]
fn a_repeated_segment_is_no_new_one() {
    let seen = Evidence { segments_out: Some(3), retransmissions: Some(1), ..Evidence::default() };
    assert_eq!(seen.new_segments(), Some(2));
}

#[test]
fn a_lone_end_takes_a_datagram_for_an_expected_one_only_whole() {
    let scene = Scene::new(Proto::Udp, &[Role::Client]);
    scene.recorder.expect(scene.client, SERVER, b"hello", 0, None);
    scene.push(CLIENT, Call::RecvFrom, b"hel", |e| e.peer = Some(([127, 0, 0, 1], 2).into()));
    let trace = scene.finish();
    let message = trace.message(trace.events[0].spans[0].msg).expect("a message");
    assert_eq!(*message.bytes, *b"hel");
}
