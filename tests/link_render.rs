//! The page of a run over a link, from recordings built by hand, and what must hold in each such run.

mod common;

use common::*;
use serde_json::Value;
use std::time::{Duration, SystemTime};
use stickdemo::claims::{Claim, Judge};
use stickdemo::link::spec::Spec;
use stickdemo::net::Settings;
use stickdemo::play::{Outcome, Plan};
use stickdemo::render::palette::Palette;
use stickdemo::render::report::Reader;
use stickdemo::render::{self, Extent, Report, Style};
use stickdemo::scenarios::{Explanation, find};
use stickdemo::text::{Lang, Text};
use stickdemo::trace::Role::{Client, Server};
use stickdemo::trace::Sink as _;
use stickdemo::trace::packet::{Cause, Content, Fate, Flags};
use stickdemo::trace::summary::{Crossed, Tally, Where};
use stickdemo::trace::{Call, EndName, Fact, Handed, Proto, Tie, Trace};

const FIN: Flags = Flags::FIN;

/// The report of a trace, in which nothing but the packets differs from what tests/render.rs shows.
fn report<T>(trace: Trace, stable: bool, varies: bool, write: impl FnOnce(&Report) -> T) -> T {
    let mut scenario = find("tcp-naive").expect("in the list");
    let mut plan = Plan::new(scenario.experiment.clone());
    plan.steady = stable;
    plan.link = Spec::parse("rtt=20ms,mtu=1500,seed=7").ok();
    plan.experiment.varies = varies;
    scenario.teaching.next.clear();
    scenario.teaching.why =
        vec![Explanation { text: Text::new("Because.", "因为。"), source: "RFC 9293", act: None }];
    let mut findings = Judge::new(&trace, varies).finish();
    if stable {
        findings.claims.iter_mut().for_each(Claim::steady);
    }
    let outcome = Outcome {
        summary: trace.summary(),
        trace,
        findings,
        failure: None,
        began: SystemTime::UNIX_EPOCH,
        took: Duration::ZERO,
    };
    let report = stickdemo::commands::report(&scenario, &plan, outcome, &Settings::NONE, false);
    // Whatever is drawn here is drawn from what its lines say.
    let mut lines = Vec::new();
    render::run_json(&mut lines, &report, Lang::Zh).expect("memory");
    let back: Vec<Report> = Reader::new(&lines[..]).map(|back| back.expect("sound")).collect();
    assert_eq!(back, [report]);
    write(&back[0])
}

fn text(trace: Trace, varies: bool, style: &Style) -> String {
    report(trace, style.stable, varies, |report| {
        let mut out = Vec::new();
        render::terminal(&mut out, report, style, &mut ()).expect("memory");
        let text = String::from_utf8(out).expect("UTF-8");
        for line in text.lines().filter(|_| !style.palette.on()) {
            // What a recv got may hang over by its last bar.
            assert!(stickdemo::text::columns::columns(line) <= style.width + 1, "{}: {line}", style.width);
            assert_eq!(line.trim_end(), line, "space at the end");
        }
        text
    })
}

fn style(lang: Lang, width: usize) -> Style {
    Style { lang, width, extent: Extent::Full, ..Style::plain() }
}

/// hello, feng with Nagle's algorithm, then the end.
fn nagle(tie: Tie) -> Trace {
    let mut scene = Scene::connected();
    scene.send(CLIENT, 20_030, b"hello");
    scene.seg(Client, 20_040, ACK.and(Flags::PSH), [1, 1], b"hello");
    scene.send(CLIENT, 20_050, b"feng");
    scene.recv(SERVER, [30_030, 30_060], b"hello");
    scene.seg(Server, 30_044, ACK, [1, 6], b"");
    scene.seg(Client, 40_048, ACK.and(Flags::PSH), [6, 1], b"feng");
    scene.recv(SERVER, [30_070, 50_060], b"feng");
    scene.seg(Server, 50_052, ACK, [1, 10], b"");
    scene.close(CLIENT, 60_060);
    scene.seg(Client, 60_062, FIN.and(ACK), [10, 1], b"");
    scene.seg(Server, 70_070, ACK, [1, 11], b"");
    scene.finish(tie)
}

/// A message of 4000 bytes in three segments: the second is lost, the third arrives twice, one more is held
/// back, and the receiver's window closes.
fn troubled(tie: Tie) -> Trace {
    let mut scene = Scene::connected();
    let long: Vec<u8> = (0..4000u32).map(|i| b'a' + (i % 26) as u8).collect();
    scene.send(CLIENT, 20_030, &long);
    scene.send(CLIENT, 20_032, b"and more");
    scene.seg(Client, 20_040, ACK, [1, 1], &long[..1460]);
    scene.segment(Client, 20_041, None, ACK, [1461, 1], &long[1460..2920]);
    let twice = scene.seg(Client, 20_042, ACK, [2921, 1], &long[2920..]);
    twice.fate = Fate::Duplicated;
    twice.arrivals.push(30_043);
    segment_of(scene.seg(Server, 30_045, ACK, [1, 1461], b"")).sack_blocks = 1;
    let again = scene.segment(Client, 40_050, None, ACK, [1461, 1], &long[1460..2920]);
    again.fate = Fate::Dropped(Cause::QueueFull);
    segment_of(again).retransmission = true;
    let again = scene.segment(Client, 240_050, Some(255_050), ACK, [1461, 1], &[&long[1460..], b"and"].concat());
    again.fate = Fate::Reordered;
    segment_of(again).retransmission = true;
    segment_of(scene.seg(Server, 255_060, ACK, [1, 4004], b"")).window = 0;
    segment_of(scene.seg(Client, 480_000, ACK, [4003, 1], b"")).window = 64_240;
    segment_of(scene.seg(Server, 490_010, ACK, [1, 4004], b"")).window = 0;
    scene.recv(SERVER, [500_000, 500_020], &[&long[..], b"and"].concat());
    scene.seg(Server, 500_018, ACK, [1, 4004], b"");
    scene.seg(Client, 510_020, ACK, [4004, 1], b" more");
    scene.finish(tie)
}

/// A datagram in three fragments of which one is lost, an empty one, and one that nobody listens for.
fn datagrams(tie: Tie) -> Trace {
    let mut scene = Scene::new(Proto::Udp);
    scene.event(SERVER, Call::Bind, [1, 1], |e| e.peer = Some(THERE.into()));
    scene.send_to(10, &[b'x'; 4000]);
    scene.fragments(15, &[Some(10_016), None, Some(10_018)], 1480, &[b'x'; 4000]);
    scene.send_to(30, b"");
    scene.datagram(35, Some(10_035), b"").ip_id = 8;
    scene.recv_from([5, 10_050], 100, b"");
    scene.closes_with([10_060, 10_061], 0, 0);
    scene.send_to(20_000, b"too late");
    scene.datagram(20_010, Some(30_010), b"too late").ip_id = 9;
    let about = Some((HERE, THERE));
    scene.packet(Server, 30_015, Some(40_015), Content::Icmp { kind: 3, code: 3, about }, b"");
    scene.finish(tie)
}

/// 50 segments one way and their acknowledgements the other.
fn bulk(tie: Tie) -> Trace {
    let mut scene = Scene::connected();
    let all = vec![b'.'; 50 * 1460];
    scene.send(CLIENT, 20_030, &all);
    for i in 0..50u64 {
        let at = 20_100 + 10 * i;
        scene.seg(Client, at, ACK, [1 + 1460 * i, 1], &all[..1460]);
        if i % 2 == 1 {
            scene.seg(Server, at + 10_001, ACK, [1, 1 + 1460 * (i + 1)], b"");
        }
    }
    scene.recv(SERVER, [30_050, 45_000], &all);
    scene.close(CLIENT, 46_000);
    scene.seg(Client, 46_005, FIN.and(ACK), [1 + 1460 * 50, 1], b"");
    scene.finish(tie)
}

/// Ten sends of a byte each, without Nagle: a packet between every two of them.
fn ten(tie: Tie) -> Trace {
    let mut scene = Scene::connected();
    for i in 0..10u64 {
        let byte = [b'0' + i as u8];
        scene.send(CLIENT, 20_100 + 20 * i, &byte);
        scene.seg(Client, 20_105 + 20 * i, ACK, [1 + i, 1], &byte);
    }
    scene.recv(SERVER, [30_050, 35_000], b"0123456789");
    scene.finish(tie)
}

#[test]
fn nagle_in_english_at_80_columns() {
    insta::assert_snapshot!(text(nagle(Tie::Clock), false, &style(Lang::En, 80)));
}

#[test]
fn nagle_in_chinese_at_80_columns() {
    insta::assert_snapshot!(text(nagle(Tie::Clock), false, &style(Lang::Zh, 80)));
}

#[test]
fn nagle_the_same_on_every_run() {
    insta::assert_snapshot!(text(nagle(Tie::Lane), false, &Style { stable: true, ..style(Lang::En, 80) }));
}

#[test]
fn trouble_at_80_columns() {
    insta::assert_snapshot!(text(troubled(Tie::Clock), false, &style(Lang::En, 80)));
}

#[test]
fn trouble_in_chinese_at_80_columns() {
    insta::assert_snapshot!(text(troubled(Tie::Clock), false, &style(Lang::Zh, 80)));
}

#[test]
fn trouble_in_60_columns() {
    insta::assert_snapshot!(text(troubled(Tie::Clock), false, &style(Lang::Zh, 60)));
}

#[test]
fn trouble_in_120_columns_with_unicode() {
    let style = Style { unicode: true, ..style(Lang::En, 120) };
    insta::assert_snapshot!(text(troubled(Tie::Clock), false, &style));
}

#[test]
fn colour_adds_and_takes_away_nothing() {
    let style = Style { palette: Palette::new(true), ..style(Lang::En, 80) };
    let colored = text(troubled(Tie::Clock), false, &style);
    let stripped: String = colored
        .split('\u{1b}')
        .enumerate()
        .map(|(i, part)| if i == 0 { part } else { part.split_once('m').map_or("", |(_, rest)| rest) })
        .collect();
    assert_eq!(stripped, text(troubled(Tie::Clock), false, &self::style(Lang::En, 80)));
    let lost = colored.lines().find(|line| line.contains("bytes 1460-2919 of 4000")).expect("a lost segment");
    assert!(lost.contains("\u{1b}[1;48;5;88;"), "{lost:?}");
}

#[test]
fn datagrams_in_both_languages() {
    insta::assert_snapshot!("datagrams_en", text(datagrams(Tie::Clock), false, &style(Lang::En, 80)));
    insta::assert_snapshot!("datagrams_zh", text(datagrams(Tie::Clock), false, &style(Lang::Zh, 80)));
}

#[test]
fn many_ordinary_packets_are_folded() {
    insta::assert_snapshot!("bulk", text(bulk(Tie::Clock), false, &style(Lang::En, 80)));
    insta::assert_snapshot!("ten", text(ten(Tie::Clock), false, &style(Lang::Zh, 80)));
}

#[test]
fn where_the_order_varies_stable_text_has_no_packets_and_says_so() {
    let stable = Style { stable: true, ..style(Lang::En, 120) };
    let page = text(bulk(Tie::Lane), true, &stable);
    assert!(!page.contains("--->"), "{page}");
    assert!(page.contains("run without --stable to see them"), "{page}");
    assert!(page.contains("n packets, n dropped, n retransmitted"), "{page}");
    let zh = text(bulk(Tie::Lane), true, &Style { lang: Lang::Zh, ..stable });
    assert!(zh.contains("去掉 --stable"), "{zh}");
}

#[test]
fn a_full_recording_says_what_it_does_not_show_and_is_not_judged() {
    let mut trace = nagle(Tie::Clock);
    trace.unrecorded = 1234;
    let page = text(trace, false, &style(Lang::En, 80));
    assert!(page.contains("The first 9 packets are shown; 1,234 more crossed the link."), "{page}");
    assert!(page.contains("1,243 packets, 0 dropped"), "{page}");
    assert!(!page.contains("link: the data segments"), "{page}");
}

#[test]
fn several_clients_are_numbered_on_their_packets() {
    let mut scene = Scene::new(Proto::Udp);
    let second = EndName { role: Client, index: 2 };
    let sock = scene.recorder.socket(second, Proto::Udp);
    scene.recorder.addresses(scene.client, Some(([10, 77, 0, 1], 1).into()), None);
    scene.recorder.addresses(sock, Some(HERE.into()), None);
    let msg = scene.message(second, b"hello");
    scene.event(second, Call::SendTo, [10, 11], |e| {
        e.sock = Some(sock);
        e.bytes = b"hello".to_vec();
        (e.asked, e.returned, e.datagram_len) = (Some(5), Some(5), Some(5));
        e.peer = Some(THERE.into());
        e.handed = Some(Handed { msg, offset: 0 });
    });
    scene.datagram(15, Some(10_015), b"hello");
    let page = text(scene.finish(Tie::Clock), false, &style(Lang::En, 80));
    assert!(page.contains("|---- 2: M1 [hello] 5 bytes ---"), "{page}");
}

#[test]
fn mermaid_draws_packets_as_the_arrows() {
    let drawn = report(troubled(Tie::Clock), false, false, |report| {
        let mut out = Vec::new();
        render::mermaid(&mut out, report, &Style::plain()).expect("memory");
        String::from_utf8(out).expect("UTF-8")
    });
    insta::assert_snapshot!(drawn);
}

fn lines(trace: Trace, stable: bool) -> Vec<Value> {
    report(trace, stable, false, |report| {
        let mut out = Vec::new();
        render::run_json(&mut out, report, Lang::En).expect("memory");
        let text = String::from_utf8(out).expect("UTF-8");
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    })
}

#[test]
fn every_line_is_as_the_schema_says_and_in_one_order() {
    let schema: Value = serde_json::from_str(include_str!("../docs/trace.schema.json")).expect("JSON");
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    for trace in [nagle, troubled, datagrams, bulk] {
        for stable in [false, true] {
            let lines = lines(trace(Tie::Clock), stable);
            for line in &lines {
                let errors: Vec<String> = validator.iter_errors(line).map(|e| e.to_string()).collect();
                assert!(errors.is_empty(), "{errors:?}\n{line}");
            }
            let seqs: Vec<u64> = lines.iter().filter_map(|l| l["seq"].as_u64()).collect();
            assert_eq!(seqs, (1..=seqs.len() as u64).collect::<Vec<_>>());
            assert_eq!((&lines[0]["link"], &lines[0]["seed"]), (&"rtt=20ms,mtu=1500,seed=7".into(), &7.into()));
        }
    }
}

#[test]
fn what_many_runs_add_up_to_is_as_the_schema_says() {
    let schema: Value = serde_json::from_str(include_str!("../docs/trace.schema.json")).expect("JSON");
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let tally = Tally { what: Text::new("large ones", "大的"), came: 2, of: 3, packets: 4 };
    for tallies in [vec![], vec![tally]] {
        let line = render::distribution_json((3, 3, &[]), &[(vec![1000], 3)], &tallies, 0.25, &Style::plain());
        let errors: Vec<String> = validator.iter_errors(&line).map(|e| e.to_string()).collect();
        assert!(errors.is_empty(), "{errors:?}\n{line}");
    }
}

#[test]
fn a_packet_line_says_what_became_of_it() {
    let packets =
        |trace, stable| -> Vec<Value> { lines(trace, stable).into_iter().filter(|l| l["type"] == "packet").collect() };
    let troubled_lines = packets(troubled(Tie::Clock), false);
    let lost = &troubled_lines[4];
    assert_eq!((&lost["fate"], &lost["cause"]), (&"dropped".into(), &"asked".into()), "{lost}");
    assert_eq!((&lost["arrive_us"], &lost["arrivals"]), (&Value::Null, &Value::Array(vec![])), "{lost}");
    assert_eq!((&lost["tcp_seq"], &lost["payload_len"]), (&1461.into(), &1460.into()), "{lost}");
    assert_eq!(lost["spans"][0]["offset"], 1460, "{lost}");
    assert_eq!(troubled_lines[5]["arrivals"], serde_json::json!([30_042, 30_043]));
    assert_eq!(troubled_lines[7]["cause"], "queue-full");
    assert_eq!(troubled_lines[7]["retransmission"], true);
    for line in packets(troubled(Tie::Clock), true) {
        for key in ["t_us", "arrive_us", "arrivals", "source", "destination", "window", "ip_id"] {
            assert_eq!(line[key], Value::Null, "{key}: {line}");
        }
    }
    let datagrams = packets(datagrams(Tie::Clock), false);
    assert_eq!(datagrams[1]["fragment"], serde_json::json!({ "offset": 1480, "more": true }));
    assert_eq!(datagrams[5]["icmp"], serde_json::json!({ "kind": 3, "code": 3 }));
    assert_eq!(datagrams[5]["flags"], Value::Null);
}

/// nagle, with what the client's kernel counted at its close.
fn counted(segments: u32, falsify: impl FnOnce(&mut Trace)) -> Trace {
    let mut scene = Scene::connected();
    scene.send(CLIENT, 20_030, b"hello");
    scene.seg(Client, 20_040, ACK, [1, 1], b"hello");
    scene.send(CLIENT, 20_050, b"feng");
    scene.segment(Client, 40_048, None, ACK, [6, 1], b"feng");
    let again = scene.seg(Client, 240_000, ACK, [6, 1], b"feng");
    segment_of(again).retransmission = true;
    scene.wait(CLIENT, [20_060, 260_000], Fact::Acked);
    scene.event(CLIENT, Call::Close, [260_010, 260_011], |e| e.evidence.segments_out = Some(segments));
    let mut raw = scene.raw();
    falsify(&mut raw);
    raw.finish(Tie::Clock)
}

#[test]
fn the_captured_segments_are_those_the_kernel_counted() {
    let claim_of = |segments| claim(&counted(segments, |_| {}), "link-segments");
    assert!(claim_of(3).holds, "{:?}", claim_of(3));
    for wrong in [2, 4] {
        let claim = claim_of(wrong);
        assert!(!claim.holds && claim.events.len() == 1, "{claim:?}");
    }
    // What leaves after the last report may be counted, or not.
    let late = |trace: &mut Trace| trace.packets.last_mut().expect("a packet").t_us = 260_500;
    for (segments, holds) in [(1, false), (2, true), (3, true), (4, false)] {
        assert_eq!(claim(&counted(segments, late), "link-segments").holds, holds, "{segments}");
    }
}

#[test]
fn the_bytes_on_the_wire_are_those_that_were_sent() {
    let judged = |falsify: fn(&mut Trace)| claim(&counted(3, falsify), "link-bytes");
    let honest = judged(|_| {});
    assert!(honest.holds, "{honest:?}");
    assert_eq!(honest.actual.exact.en, "9 distinct + 4 retransmitted");
    let falsified: [fn(&mut Trace); 4] = [
        // A segment that nobody captured leaves a gap.
        |trace| drop(trace.packets.remove(3)),
        // A repetition that is not known for one.
        |trace| segment_of(trace.packets.last_mut().expect("a packet")).retransmission = false,
        // Other bytes than those that were sent.
        |trace| trace.packets[3].bytes = [0; 60].into(),
        // Bytes behind the end of what was sent.
        |trace| segment_of(&mut trace.packets[4]).seq = 7,
    ];
    for (i, falsify) in falsified.into_iter().enumerate() {
        let claim = judged(falsify);
        assert!(!claim.holds, "{i}: {claim:?}");
    }
}

#[test]
fn the_account_of_datagrams_counts_what_the_link_did() {
    let trace = datagrams(Tie::Clock);
    let account = claim(&trace, "udp-account");
    assert!(account.holds, "{account:?}");
    let expected = "1 received + 0 dropped + 0 unread + 1 lost + 1 under way at the close - 0 copies";
    assert_eq!(account.actual.exact.en, expected);
    assert_eq!(trace.summary().lost_at, Some(Where::Wire));
    assert_eq!(trace.summary().crossed, Some(Crossed { packets: 6, dropped: 1, retransmitted: 0 }));
}

#[test]
fn a_datagram_that_vanishes_on_the_link_or_comes_out_of_nothing_breaks_the_account() {
    let twice = |fates: [usize; 2], received: usize| {
        let mut scene = Scene::new(Proto::Udp);
        for (i, copies) in fates.into_iter().enumerate() {
            let text = [b'0' + i as u8];
            scene.send_to(10 + 10 * i as u64, &text);
            scene.datagram(15 + 10 * i as u64, None, &text).arrivals = (0..copies as u64).map(|n| 10_000 + n).collect();
        }
        for _ in 0..received {
            scene.recv_from([1, 20_000], 10, b"1");
        }
        scene.closes_with([20_001, 20_002], 0, 0);
        claim(&scene.finish(Tie::Clock), "udp-account")
    };
    assert!(twice([0, 1], 1).holds, "one lost, one received");
    assert!(twice([0, 2], 2).holds, "one lost, one received twice");
    assert!(!twice([0, 1], 2).holds, "received twice, carried once");
    assert!(!twice([1, 1], 1).holds, "arrived, and nobody has it");
}

#[test]
fn a_claim_is_shown_by_packets_too() {
    let trace = troubled(Tie::Clock);
    let judge = Judge::new(&trace, false);
    let lost: Vec<_> = trace.packets.iter().filter(|p| p.dropped()).collect();
    judge.claim("lost", "some are lost", "有的丢了").shown_by(lost.iter().copied()).that(
        true,
        Text::same("some"),
        Text::same("some"),
    );
    let claims = judge.finish().claims;
    assert_eq!(claims[0].events, lost.iter().map(|p| p.seq).collect::<Vec<_>>());
}
