//! Reports that nobody played: whatever a report holds is read back as it was written, its lines are as the schema
//! says, and every renderer gets to its end.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::strategy::ValueTree;
use serde_json::Value;
use std::borrow::Cow;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use stickdemo::claims::{Claim, Findings, NamedRow, Sentence, Table, Verdict};
use stickdemo::render::report::{
    Control, Failed, Guess, Head, Next, Options, Reader, Report, Steady, System, Why, lines,
};
use stickdemo::render::{self, Extent, Style};
use stickdemo::text::{Lang, Text};
use stickdemo::trace::packet::{Cause, Content, Fate, Flags, Fragment, Packet, Segment};
use stickdemo::trace::summary::{Crossed, Summary, Where};
use stickdemo::trace::{
    Act, Call, EndName, Event, Evidence, Fact, Handed, Loss, Message, MsgId, News, Opening, PacketContext, Part, Proto,
    ProtocolCounts, Purpose, Role, SockId, SocketInfo, Span, Struck, Trace,
};

fn word() -> impl Strategy<Value = String> {
    "[ -~é粘包“”😀]{0,12}"
}

fn text() -> impl Strategy<Value = Text> {
    (word(), word()).prop_map(|(en, zh)| Text::made(en, zh))
}

fn said() -> impl Strategy<Value = Text> {
    ("[a-z 粘]{1,12}", "[a-z 粘]{1,12}").prop_map(|(en, zh)| Text::made(en, zh))
}

fn end() -> impl Strategy<Value = EndName> {
    (role(), 0..4u32).prop_map(|(role, index)| EndName { role, index })
}

fn role() -> impl Strategy<Value = Role> {
    select(vec![Role::Client, Role::Server])
}

fn address() -> impl Strategy<Value = SocketAddr> {
    prop_oneof![any::<([u8; 4], u16)>().prop_map(SocketAddr::from), any::<([u16; 8], u16)>().prop_map(SocketAddr::from),]
}

fn address_v4() -> impl Strategy<Value = SocketAddrV4> {
    any::<([u8; 4], u16)>().prop_map(|(ip, port)| SocketAddrV4::new(Ipv4Addr::from(ip), port))
}

fn message() -> impl Strategy<Value = Message> {
    (end(), vec(any::<u8>(), 0..80), any::<Index>(), option::of(text()), any::<bool>()).prop_map(
        |(from, bytes, header, label, inferred)| {
            let header_len = header.index(bytes.len() + 1);
            Message { id: MsgId(0), from, bytes: bytes.into(), header_len, label, inferred, passed: None }
        },
    )
}

/// Of which message, from where on, how many bytes, and whether they are said to be its header.
type Cut = (Index, Index, Index, bool);

/// Runs of the messages' bytes, and the bytes.
fn cut(messages: &[Message], wanted: &[Cut]) -> (Vec<Span>, Vec<u8>) {
    let (mut spans, mut all) = (Vec::new(), Vec::new());
    for (message, offset, len, header) in wanted.iter().filter(|_| !messages.is_empty()) {
        let message = message.get(messages);
        let offset = offset.index(message.len() + 1);
        let len = len.index(message.len() - offset + 1);
        let part = if *header { Part::Header } else { Part::Body };
        if len > 0 {
            spans.push(Span { msg: message.id, offset, len, part });
            all.extend(&message.bytes[offset..offset + len]);
        }
    }
    (spans, all)
}

fn pieces() -> impl Strategy<Value = Vec<Cut>> {
    vec(any::<Cut>(), 0..4)
}

fn call() -> impl Strategy<Value = Call> {
    let net = [Call::Bind, Call::Listen, Call::Accept, Call::Connect, Call::Send, Call::Recv, Call::SendTo];
    let rest =
        [Call::RecvFrom, Call::SetSockOpt, Call::Shutdown, Call::Close, Call::Wait, Call::Deliver, Call::Process];
    select([net, rest].concat())
}

fn fact() -> impl Strategy<Value = Fact> {
    prop_oneof![
        any::<usize>().prop_map(Fact::Queued),
        Just(Fact::Acked),
        ("[a-z]{1,5}", 1..9usize).prop_map(|(gate, nth)| Fact::Gate { gate: gate.into(), nth }),
        Just(Fact::PeerGone),
        Just(Fact::Readable),
        any::<u64>().prop_map(Fact::Pause),
    ]
}

fn news() -> impl Strategy<Value = News> {
    prop_oneof![
        select(vec![News::Datagram, News::Held, News::AckSent]),
        any::<(u32, u32)>().prop_map(|(first, last)| News::Segments(first, last)),
        any::<u32>().prop_map(News::SentAgain),
        any::<u32>().prop_map(News::Unsent),
        any::<Option<u32>>().prop_map(News::Queued),
        any::<Option<u32>>().prop_map(News::Dropped),
        any::<u32>().prop_map(News::Unread),
    ]
}

fn evidence() -> impl Strategy<Value = Evidence> {
    any::<[Option<u32>; 12]>().prop_map(|[a, b, c, d, e, f, g, h, i, j, k, l]| Evidence {
        queued: a,
        segments_out: b,
        segments_in: c,
        acks_out: d,
        retransmissions: e,
        unsent: f,
        unacked: g,
        peer_window: h,
        backoff: i,
        mss: j,
        dropped: k,
        unread: l,
    })
}

/// An event; which socket, act and messages it is about is filled in later.
fn event() -> impl Strategy<Value = (Event, [Index; 2], Vec<Cut>)> {
    let numbers = (any::<[u64; 2]>(), any::<[Option<usize>; 3]>(), any::<[bool; 2]>());
    let words = (option::of("[A-Z]{2,9}"), option::of(text()), option::of(fact()), vec(any::<u8>(), 0..5));
    let told = (evidence(), vec(news(), 0..3), option::of(end()), option::of(address()));
    let struck = option::of(select(vec![Struck::Lost, Struck::Doubled, Struck::Swapped]));
    ((end(), call()), numbers, words, told, struck, any::<[Index; 2]>(), pieces()).prop_map(
        |(
            (end, call),
            (times, sizes, flags),
            (error, note, fact, made),
            (evidence, news, far, peer),
            struck,
            places,
            pieces,
        )| {
            let mut event = Event::new(end, call);
            [event.t_us, event.end_us] = times;
            [event.asked, event.returned, event.datagram_len] = sizes;
            [event.truncated, event.varies] = flags;
            event.struck = struck;
            (event.error, event.note, event.fact, event.made) = (error, note.map(Box::new), fact, made);
            (event.evidence, event.news, event.far, event.peer) = (evidence, news, far, peer);
            (event, places, pieces)
        },
    )
}

fn content() -> impl Strategy<Value = Content> {
    let tcp = (0..64u8, any::<[u64; 3]>(), option::of(any::<u16>()), any::<u8>(), any::<bool>());
    prop_oneof![
        tcp.prop_map(|(flags, [seq, ack, window], mss, sack_blocks, retransmission)| {
            Content::Tcp(Segment { flags: Flags(flags), seq, ack, window, mss, sack_blocks, retransmission })
        }),
        Just(Content::Udp),
        (any::<u8>(), any::<u8>(), option::of((address_v4(), address_v4())))
            .prop_map(|(kind, code, about)| Content::Icmp { kind, code, about }),
        (20..200u8).prop_map(Content::Other),
    ]
}

fn context() -> impl Strategy<Value = PacketContext> {
    let purpose = select(vec![Purpose::Nothing, Purpose::WindowUpdate, Purpose::Probe]);
    (purpose, any::<u64>(), any::<[bool; 2]>(), end(), end()).prop_map(
        |(purpose, acknowledged, [acknowledges_fin, closes_window], from, to)| PacketContext {
            purpose,
            acknowledged,
            acknowledges_fin,
            closes_window,
            from,
            to,
        },
    )
}

fn packet() -> impl Strategy<Value = (Packet, Vec<Cut>)> {
    let fates = [Cause::Asked, Cause::QueueFull].map(Fate::Dropped);
    let fate = select([&fates[..], &[Fate::Delivered, Fate::Duplicated, Fate::Reordered]].concat());
    let ip = (address_v4(), address_v4(), any::<u16>(), option::of((0..65_536usize, any::<bool>())));
    (role(), any::<u64>(), vec(any::<u64>(), 0..3), fate, ip, content(), context(), pieces()).prop_map(
        |(from, t_us, arrivals, fate, (source, destination, ip_id, fragment), content, context, pieces)| {
            let fragment = fragment.map(|(offset, more)| Fragment { offset, more });
            let (spans, bytes, context) = (Vec::new(), [].into(), Some(context));
            let packet = Packet {
                seq: 0,
                from,
                t_us,
                arrivals,
                fate,
                source,
                destination,
                ip_id,
                fragment,
                content,
                payload_len: 0,
                spans,
                len: 40,
                bytes,
                context,
            };
            (packet, pieces)
        },
    )
}

prop_compose! {
    fn trace()(
        mut messages in vec(message(), 0..6),
        sockets in vec((end(), any::<bool>(), option::of(address()), option::of(address()), any::<Index>()), 0..4),
        openings in vec(("[a-z]{1,5}", 1..9usize, end(), 0..9usize), 0..3),
        acts in vec((word(), text()), 0..3),
        restarts in vec(text(), 0..2),
        rows in vec(prop_oneof![event().prop_map(Ok), packet().prop_map(Err)], 0..12),
        gaps in vec(1..3usize, 12),
        roles in select(vec![vec![Role::Client], vec![Role::Client, Role::Server]]),
        unrecorded in any::<u64>(),
    ) -> Trace {
        messages.iter_mut().zip(1..).for_each(|(message, id)| message.id = MsgId(id));
        let socket = |(id, (end, udp, local, peer, expected)): (u32, (EndName, bool, _, _, Index))| {
            let expected = messages.get(expected.index(messages.len() + 1)).map(|m: &Message| m.id).into_iter().collect();
            SocketInfo { id: SockId(id), end, proto: if udp { Proto::Udp } else { Proto::Tcp }, local, peer, expected }
        };
        let sockets: Vec<SocketInfo> = (0..).zip(sockets).map(socket).collect();
        let openings = openings.into_iter().map(|(gate, nth, end, after)| Opening { gate: gate.into(), nth, end, after });
        let acts: Vec<Act> = acts.into_iter().map(|(key, title)| Act { key: key.into(), title }).collect();
        let (mut events, mut packets, mut seq) = (Vec::new(), Vec::new(), 0);
        for (row, gap) in rows.into_iter().zip(gaps) {
            seq += gap;
            match row {
                Ok((mut event, [sock, act], pieces)) => {
                    (event.spans, event.bytes) = cut(&messages, &pieces);
                    event.sock = sockets.get(sock.index(sockets.len() + 1)).map(|s| s.id);
                    event.act = Some(act.index(acts.len() + 1)).filter(|act| *act < acts.len());
                    let whole = |span: &&Span| event.call.sends() && event.spans.len() == 1 && span.len > 0;
                    event.handed = event.spans.first().filter(whole).map(|s| Handed { msg: s.msg, offset: s.offset });
                    events.push(Event { seq, ..event });
                }
                Err((mut packet, pieces)) => {
                    (packet.spans, packet.payload_len) = (cut(&messages, &pieces).0, cut(&messages, &pieces).1.len());
                    packet.fragment = packet.fragment.filter(|_| packet.payload_len > 0);
                    let len = packet.len + packet.payload_len;
                    packets.push(Packet { seq, len, ..packet });
                }
            }
        }
        let openings = openings.collect();
        Trace { messages, events, sockets, openings, packets, unrecorded, acts, restarts, roles }
    }
}

fn sentence() -> impl Strategy<Value = Sentence> {
    (said(), said()).prop_map(|(exact, steady)| Sentence { exact, steady })
}

prop_compose! {
    fn table()(rows in vec((text(), sentence(), sentence()), 0..3), heads in [text(), text(), text()]) -> Table {
        let rows = rows.into_iter().map(|(name, a, b)| NamedRow { name, cells: vec![a, b] });
        Table { heads: heads.into(), rows: rows.collect() }
    }
}

prop_compose! {
    fn findings()(
        table in option::of(table()),
        claims in vec(("[a-z-]{1,9}", said(), any::<bool>(), sentence(), sentence()), 0..3),
        unjudged in vec(text(), 0..2),
        limits in vec(text(), 0..2),
        verdict in prop_oneof![
            Just(Verdict::Reproduced),
            Just(Verdict::NotReproduced),
            text().prop_map(Verdict::NotPossibleHere),
        ],
    ) -> Findings {
        let claim = |(id, text, holds, expected, actual): (String, Text, bool, Sentence, Sentence)| {
            Claim { id: Cow::Owned(id), text, holds, expected, actual, events: Vec::new() }
        };
        Findings { claims: claims.into_iter().map(claim).collect(), unjudged, limits, table, verdict }
    }
}

prop_compose! {
    fn head()(
        (scenario, version) in ("(tcp|udp)-[a-z]{1,9}", word()),
        (title, question, claim) in (text(), text(), text()),
        (documents, part) in (vec(word(), 0..3), 1..6u8),
        why in vec((text(), word()), 0..3),
        next in vec((word(), text()), 0..3),
        control in option::of((text(), text())),
        guess in option::of((word(), any::<bool>())),
        alone in option::of(role()),
        (nodelay, race, numbers) in (any::<Option<bool>>(), any::<bool>(), any::<[Option<usize>; 3]>()),
        (gap, messages) in (any::<Option<u64>>(), vec(word(), 0..3)),
        given in vec((word(), word()), 0..3),
        (link, seed, kernel) in (option::of(word()), any::<Option<u64>>(), option::of(word())),
    ) -> Head {
        let [sndbuf, rcvbuf, recv_size] = numbers;
        Head {
            scenario, version, title, question, claim, documents, part,
            why: why.into_iter().map(|(text, source)| Why { text, source }).collect(),
            next: next.into_iter().map(|(command, shows)| Next { command, shows }).collect(),
            control: control.map(|(change, fails)| Control { change, fails }),
            guess: guess.map(|(claim, holds)| Guess { claim, holds }),
            alone,
            options: Options { nodelay, sndbuf, rcvbuf, recv_size, gap, messages, race },
            given, link, seed,
            system: System { os: "linux".into(), kernel, arch: "x86_64".into() },
            steady: None,
        }
    }
}

prop_compose! {
    fn protocol()(
        proto in select(vec![Proto::Tcp, Proto::Udp]),
        numbers in any::<[usize; 6]>(),
        segments in any::<Option<u64>>(),
        losses in vec((select(vec![Loss::JoinedBySender, Loss::Truncated, Loss::OnTheWay]), any::<usize>()), 0..3),
    ) -> ProtocolCounts {
        let [sends, empty_sends, recvs, ends, messages, intact] = numbers;
        ProtocolCounts { proto, sends, empty_sends, segments, recvs, ends, messages, intact, losses }
    }
}

prop_compose! {
    fn summary()(
        numbers in any::<[usize; 6]>(),
        segments in any::<Option<u64>>(),
        lost_at in option::of(select(vec![Where::Sender, Where::Wire, Where::Receiver])),
        crossed in option::of(any::<(u64, usize, usize)>()),
        protocols in vec(protocol(), 0..3),
    ) -> Summary {
        let [sends, recvs, bytes_sent, bytes_received, messages_sent, messages_intact] = numbers;
        let crossed = crossed.map(|(packets, dropped, retransmitted)| Crossed { packets, dropped, retransmitted });
        Summary {
            sends, segments, recvs, bytes_sent, bytes_received, messages_sent, messages_intact, lost_at, crossed, protocols,
        }
    }
}

prop_compose! {
    fn report()(
        (head, trace, mut findings, summary) in (head(), trace(), findings(), summary()),
        failure in option::of((end(), text())),
        shown in vec(any::<Index>(), 0..6),
        took_us in any::<u64>(),
        steady in option::of(any::<(bool, bool)>()),
    ) -> Report {
        let seqs: Vec<usize> = trace.events.iter().map(|e| e.seq).collect();
        for claim in findings.claims.iter_mut().filter(|_| !seqs.is_empty()) {
            claim.events = shown.iter().map(|index| *index.get(&seqs)).collect();
        }
        let failure = failure.map(|(end, text)| Failed { end, text });
        let report = Report { head, trace, findings, failure, summary, took_us };
        match steady {
            Some((calls, packets)) => report.steady(Steady { calls, packets }),
            None => report,
        }
    }
}

fn schema() -> jsonschema::Validator {
    let schema = include_str!("../docs/trace.schema.json");
    jsonschema::validator_for(&serde_json::from_str(schema).expect("JSON")).expect("a schema")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn what_is_written_is_read(report in report(), zh in any::<bool>()) {
        let mut written = Vec::new();
        lines::run(&mut written, &report, if zh { Lang::Zh } else { Lang::En }).expect("memory");
        let read: Result<Vec<Report>, String> =
            Reader::new(&written[..]).map(|read| read.map_err(|damage| damage.text("it").to_string())).collect();
        prop_assert_eq!(read, Ok(vec![report]));
    }

    #[test]
    fn every_renderer_gets_to_its_end(
        report in report(),
        width in 20..130usize,
        unicode in any::<bool>(),
        extent in select(vec![Extent::Brief, Extent::Screen, Extent::Full]),
    ) {
        let style = Style { width, unicode, extent, ..Style::plain() };
        render::beside(&mut std::io::sink(), [&report, &report], &style).expect("a sink");
        render::terminal(&mut std::io::sink(), &report, &style, &mut ()).expect("a sink");
        render::mermaid(&mut std::io::sink(), &report, &style).expect("a sink");
    }

    /// A file that somebody changed is refused, or is another report; nothing falls over.
    #[test]
    fn a_changed_byte_is_harmless(report in report(), at in any::<Index>(), byte in any::<u8>()) {
        let mut written = Vec::new();
        lines::run(&mut written, &report, Lang::En).expect("memory");
        let at = at.index(written.len());
        written[at] = byte;
        for report in Reader::new(&written[..]).flatten() {
            render::terminal(&mut std::io::sink(), &report, &Style::plain(), &mut ()).expect("a sink");
            render::mermaid(&mut std::io::sink(), &report, &Style::plain()).expect("a sink");
        }
    }
}

/// Every key of the model is in the schema, and nothing else.
#[test]
fn lines_are_as_the_schema_says() {
    let (schema, mut runner) = (schema(), proptest::test_runner::TestRunner::deterministic());
    for _ in 0..60 {
        let report = report().new_tree(&mut runner).expect("a report").current();
        let mut written = Vec::new();
        lines::run(&mut written, &report, Lang::En).expect("memory");
        for line in String::from_utf8(written).expect("UTF-8").lines() {
            let line: Value = serde_json::from_str(line).expect("JSON");
            let wrong: Vec<String> = schema.iter_errors(&line).map(|e| e.to_string()).collect();
            assert!(wrong.is_empty(), "{line}: {wrong:?}");
        }
    }
}
