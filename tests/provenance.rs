//! Provenance is exact however the stream is cut and however datagrams are lost, cut or reordered.

mod common;

use common::{CLIENT, SERVER, Scene, claim};
use proptest::prelude::*;
use stickdemo::trace::{Call, Event, MsgId, Part, Proto, Sink as _, Tie, Trace};

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
        let scene = Scene::new(Proto::Tcp);
        let declared = |(bytes, header): &(Vec<u8>, usize)| {
            scene.recorder.message(CLIENT, bytes.as_slice().into(), (*header).min(bytes.len()), None)
        };
        let ids: Vec<MsgId> = messages.iter().map(declared).collect();
        let stream: Vec<u8> = messages.iter().flat_map(|(bytes, _)| bytes).copied().collect();
        let send = || for ((bytes, _), id) in messages.iter().zip(&ids) {
            let mut offset = 0;
            for n in pieces(bytes.len(), &send_cuts) {
                scene.part(CLIENT, 0, *id, offset, &bytes[offset..offset + n]);
                offset += n;
            }
        };
        let recv = || {
            let mut at = 0;
            for n in pieces(stream.len(), &recv_cuts) {
                scene.recv(SERVER, [0, 0], &stream[at..at + n]);
                at += n;
            }
        };
        // The recorder may see a receive before the send it depends on.
        if late { recv(); send() } else { send(); recv() }
        let trace = scene.finish(Tie::Lane);

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
        let scene = Scene::new(Proto::Udp);
        let mut arriving = Vec::new();
        for (i, size) in sizes.iter().enumerate() {
            // Numbered, as a protocol over UDP would: equal datagrams could not be told apart by anyone.
            let mut bytes = vec![i as u8 + 1; *size + 1];
            bytes[0] = i as u8;
            scene.send_to(0, &bytes);
            let (lost, keep) = fates[i];
            if !lost {
                arriving.push((bytes, keep + 1));
            }
        }
        if swap {
            arriving.reverse();
        }
        arriving.iter().for_each(|(bytes, keep)| scene.recv_from([0, 0], *keep, bytes));
        let trace = scene.finish(Tie::Clock);
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
    let scene = Scene::new(Proto::Tcp);
    scene.send(CLIENT, 0, b"hello");
    scene.recv(SERVER, [0, 0], b"hallo");
    let claim = claim(&scene.finish(Tie::Clock), "tcp-prefix");
    assert!(!claim.holds, "{claim:?}");
    assert!(claim.actual.exact.en.contains("byte 1"), "{claim:?}");
}

#[test]
fn a_datagram_that_vanished_breaks_the_account() {
    let scene = Scene::new(Proto::Udp);
    [b"one", b"two"].into_iter().for_each(|text| scene.send_to(0, text));
    scene.recv_from([0, 0], 3, b"one");
    scene.closes_with([0, 0], 0, 0);
    let claim = claim(&scene.finish(Tie::Clock), "udp-account");
    assert!(!claim.holds, "{claim:?}");
}
