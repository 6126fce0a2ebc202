//! Provenance is exact however the stream is cut and however datagrams are lost, cut or reordered.

use proptest::prelude::*;
use std::net::SocketAddr;
use stickdemo::trace::{Call, EndName, Event, Handed, MsgId, Part, Proto, Recorder, Role, Sink, SockId, Tie, Trace};

const CLIENT: EndName = EndName::only(Role::Client);
const SERVER: EndName = EndName::only(Role::Server);

fn address(port: u16) -> SocketAddr {
    ([127, 0, 0, 1], port).into()
}

fn pair(recorder: &Recorder, proto: Proto) -> (SockId, SockId) {
    let (client, server) = (recorder.socket(CLIENT, proto), recorder.socket(SERVER, proto));
    recorder.addresses(client, Some(address(1)), Some(address(2)));
    recorder.addresses(server, Some(address(2)), Some(address(1)));
    (client, server)
}

fn data(end: EndName, call: Call, sock: SockId, bytes: &[u8]) -> Event {
    let mut event = Event::new(end, call);
    event.sock = Some(sock);
    event.asked = Some(bytes.len());
    event.returned = Some(bytes.len());
    event.bytes = bytes.to_vec();
    event
}

/// Each byte of a stream with the message, offset and part it belongs to: the model to compare with.
fn model(messages: &[(Vec<u8>, usize)], ids: &[MsgId]) -> Vec<(MsgId, usize, Part)> {
    let each = messages.iter().zip(ids).flat_map(|((bytes, header), id)| {
        (0..bytes.len()).map(move |i| (*id, i, if i < *header { Part::Header } else { Part::Body }))
    });
    each.collect()
}

/// Cuts a length into pieces at pseudo-random places.
fn pieces(total: usize, cuts: &[u8]) -> Vec<usize> {
    let mut left = total;
    let mut out = Vec::new();
    for cut in cuts.iter().cycle().take(total + 1) {
        if left == 0 {
            break;
        }
        let n = (usize::from(*cut) % 23 + 1).min(left);
        out.push(n);
        left -= n;
    }
    out
}

fn renumbered(trace: &Trace, ids: &[MsgId]) -> Vec<MsgId> {
    // Messages keep their order of sending, so the k-th declared that was sent is the k-th numbered.
    assert!(trace.messages.len() >= ids.len());
    (1..=ids.len() as u32).map(MsgId).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn every_received_byte_of_a_stream_names_its_message(
        messages in prop::collection::vec((prop::collection::vec(any::<u8>(), 1..60), 0usize..8), 1..12),
        send_cuts in prop::collection::vec(any::<u8>(), 1..9),
        recv_cuts in prop::collection::vec(any::<u8>(), 1..9),
        late in any::<bool>(),
    ) {
        let recorder = Recorder::default();
        let (client, server) = pair(&recorder, Proto::Tcp);
        let mut ids = Vec::new();
        let mut stream = Vec::new();
        let mut sends = Vec::new();
        for (bytes, header) in &messages {
            let id = recorder.message(CLIENT, bytes.as_slice().into(), (*header).min(bytes.len()), None);
            ids.push(id);
            stream.extend_from_slice(bytes);
            let mut offset = 0;
            for n in pieces(bytes.len(), &send_cuts) {
                let mut event = data(CLIENT, Call::Send, client, &bytes[offset..offset + n]);
                event.handed = Some(Handed { msg: id, offset });
                sends.push(event);
                offset += n;
            }
        }
        let mut recvs = Vec::new();
        let mut at = 0;
        for n in pieces(stream.len(), &recv_cuts) {
            recvs.push(data(SERVER, Call::Recv, server, &stream[at..at + n]));
            at += n;
        }
        // The recorder may see a receive before the send it depends on.
        let order: Vec<Event> = if late { recvs.into_iter().chain(sends).collect() } else { sends.into_iter().chain(recvs).collect() };
        order.into_iter().for_each(|event| recorder.push(event));
        let trace = recorder.take().finish(Tie::Lane);

        let ids = renumbered(&trace, &ids);
        let expected = model(&messages, &ids);
        let mut at = 0;
        for event in trace.events.iter().filter(|e| e.call == Call::Recv) {
            prop_assert_eq!(event.spans.iter().map(|s| s.len).sum::<usize>(), event.bytes.len());
            for span in &event.spans {
                for i in 0..span.len {
                    prop_assert_eq!((span.msg, span.offset + i, span.part), expected[at]);
                    at += 1;
                }
            }
        }
        prop_assert_eq!(at, stream.len());
        // Causal order: no byte is received before it was sent.
        let (mut sent, mut received) = (0, 0);
        for event in &trace.events {
            match event.call {
                Call::Send => sent += event.bytes.len(),
                Call::Recv => received += event.bytes.len(),
                _ => {}
            }
            prop_assert!(received <= sent);
        }
    }

    #[test]
    fn every_datagram_names_its_message_under_loss_cuts_and_reordering(
        sizes in prop::collection::vec(0usize..40, 1..30),
        fates in prop::collection::vec((any::<bool>(), 0usize..40), 30),
        swap in any::<bool>(),
    ) {
        let recorder = Recorder::default();
        let (client, server) = pair(&recorder, Proto::Udp);
        let mut arriving = Vec::new();
        for (i, size) in sizes.iter().enumerate() {
            // Numbered, as a protocol over UDP would: equal datagrams could not be told apart by anyone.
            let mut bytes = vec![i as u8 + 1; *size + 1];
            bytes[0] = i as u8;
            let id = recorder.message(CLIENT, bytes.as_slice().into(), 0, None);
            let mut event = data(CLIENT, Call::SendTo, client, &bytes);
            event.handed = Some(Handed { msg: id, offset: 0 });
            event.peer = Some(address(2));
            event.datagram_len = Some(bytes.len());
            recorder.push(event);
            let (lost, keep) = fates[i];
            if !lost {
                arriving.push((i, bytes, keep + 1));
            }
        }
        if swap {
            arriving.reverse();
        }
        for (_, bytes, keep) in &arriving {
            let kept = &bytes[..(*keep).min(bytes.len())];
            let mut event = data(SERVER, Call::RecvFrom, server, kept);
            event.peer = Some(address(1));
            event.truncated = kept.len() < bytes.len();
            event.datagram_len = Some(bytes.len());
            recorder.push(event);
        }
        let trace = recorder.take().finish(Tie::Clock);
        let received: Vec<&Event> = trace.events.iter().filter(|e| e.call == Call::RecvFrom).collect();
        prop_assert_eq!(received.len(), arriving.len());
        for event in received {
            prop_assert_eq!(event.spans.len(), 1);
            let span = event.spans[0];
            let message = trace.message(span.msg).expect("a message");
            prop_assert_eq!(message.bytes[0], event.bytes[0]);
            prop_assert_eq!((span.offset, span.len), (0, event.bytes.len()));
            prop_assert!(!message.inferred);
        }
    }
}

#[test]
fn bytes_that_nobody_sent_break_the_invariant() {
    let recorder = Recorder::default();
    let (client, server) = pair(&recorder, Proto::Tcp);
    let id = recorder.message(CLIENT, b"hello".as_slice().into(), 0, None);
    let mut send = data(CLIENT, Call::Send, client, b"hello");
    send.handed = Some(Handed { msg: id, offset: 0 });
    recorder.push(send);
    recorder.push(data(SERVER, Call::Recv, server, b"hallo"));
    let trace = recorder.take().finish(Tie::Clock);
    let findings = stickdemo::claims::Judge::new(&trace, false).finish();
    let claim = findings.claims.iter().find(|c| c.id == "tcp-prefix").expect("checked on every run");
    assert!(!claim.holds, "{claim:?}");
    assert!(claim.actual.exact.en.contains("byte 1"), "{claim:?}");
}

#[test]
fn a_datagram_that_vanished_breaks_the_account() {
    let recorder = Recorder::default();
    let (client, server) = pair(&recorder, Proto::Udp);
    for text in [b"one", b"two"] {
        let id = recorder.message(CLIENT, text.as_slice().into(), 0, None);
        let mut send = data(CLIENT, Call::SendTo, client, text);
        send.handed = Some(Handed { msg: id, offset: 0 });
        send.peer = Some(address(2));
        send.datagram_len = Some(text.len());
        recorder.push(send);
    }
    let mut recv = data(SERVER, Call::RecvFrom, server, b"one");
    recv.peer = Some(address(1));
    recorder.push(recv);
    let mut close = Event::new(SERVER, Call::Close);
    close.sock = Some(server);
    close.evidence.dropped = Some(0);
    close.evidence.unread = Some(0);
    recorder.push(close);
    let trace = recorder.take().finish(Tie::Clock);
    let findings = stickdemo::claims::Judge::new(&trace, false).finish();
    let claim = findings.claims.iter().find(|c| c.id == "udp-account").expect("checked on every run");
    assert!(!claim.holds, "{claim:?}");
}
