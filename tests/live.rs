//! The live trace, from calls told by hand: what people see, and what scripts read.

mod common;

use common::{CLIENT, Program};
use proptest::prelude::{Just, Strategy, any, prop_assert, prop_oneof, proptest};
use stickdemo::render::Style;
use stickdemo::render::palette::Palette;
use stickdemo::text::columns::columns;
use stickdemo::text::{Lang, Text};
use stickdemo::trace::{Call, EndName, Part, Proto, Role};

/// exec over i32le: a command, a silence, the length of the answer, and the answer in pieces.
fn exec(style: Style, json: bool) -> String {
    let mut p = Program::new(style, json);
    let sock = p.socket(CLIENT);
    p.call(CLIENT, sock, Call::Connect, |e| e.peer = Some(([127, 0, 0, 1], 9000).into()));
    p.live.message(CLIENT, Some(Text::new("command", "命令")));
    p.moved(CLIENT, sock, Call::Send, b"echo hi", [1, 0], Part::Body);
    p.call(CLIENT, sock, Call::Recv, |e| {
        (e.asked, e.returned) = (Some(4), None);
        e.error = Some("EAGAIN".into());
        e.note = Some(Box::new(Text::new("silent for 50ms", "静默 50ms")));
    });
    p.live.message(CLIENT.other(), Some(Text::new("answer", "响应")));
    p.moved(CLIENT, sock, Call::Recv, &[100, 0, 0, 0], [2, 0], Part::Header);
    p.moved(CLIENT, sock, Call::Recv, &[b'x'; 60], [2, 4], Part::Body);
    p.moved(CLIENT, sock, Call::Recv, "你好".repeat(10).as_bytes()[..40].into(), [2, 64], Part::Body);
    p.call(CLIENT, sock, Call::Recv, |e| e.asked = Some(1024));
    p.call(CLIENT, sock, Call::Close, |_| {});
    p.text()
}

fn style(lang: Lang, width: usize, unicode: bool) -> Style {
    Style { lang, width, unicode, ..Style::plain() }
}

#[test]
fn a_program_reads_like_a_recorded_run() {
    insta::assert_snapshot!("live_80", exec(style(Lang::En, 80, false), false));
    insta::assert_snapshot!("live_narrow", exec(style(Lang::En, 48, false), false));
    insta::assert_snapshot!("live_zh_unicode", exec(style(Lang::Zh, 80, true), false));
    insta::assert_snapshot!("live_stable", exec(Style { stable: true, ..Style::plain() }, false));
}

#[test]
fn a_header_is_shown_whole() {
    let mut p = Program::new(Style::plain(), false);
    let sock = p.socket(CLIENT);
    p.live.message(CLIENT, Some(Text::new("upload notes.txt", "上传 notes.txt")));
    let header =
        br#"{"cmd": "put", "filename": "notes.txt", "filesize": 11, "md5": "012cb930b68c619aba8660d134c60460"}"#;
    let header = [&(header.len() as u32).to_le_bytes(), &header[..]].concat();
    p.moved(CLIENT, sock, Call::Send, &header, [1, 0], Part::Header);
    p.moved(CLIENT, sock, Call::Send, b"hello\nfeng\n", [1, header.len()], Part::Body);
    p.moved(CLIENT, sock, Call::Send, b"\x07\xff", [1, header.len() + 11], Part::Body);
    insta::assert_snapshot!("live_header", p.text());
}

#[test]
fn a_long_note_and_a_number_keep_to_their_lane() {
    let mut p = Program::new(Style::plain(), false);
    let end = EndName { role: Role::Server, index: 1 };
    let sock = p.socket(end);
    p.call(end, sock, Call::Recv, |e| {
        (e.asked, e.returned) = (Some(4), Some(4));
        (e.evidence.retransmissions, e.evidence.queued) = (Some(1), Some(96));
        e.evidence.segments_out = Some(1);
    });
    p.live.message(end, Some(Text::new("receipt", "回执")));
    p.moved(end, sock, Call::Send, &[b'x'; 60], [1, 0], Part::Body);
    let text = p.text();
    let calls: Vec<&str> = text.lines().filter(|line| line.contains(" 1: ")).collect();
    assert_eq!(calls.len(), 2, "{text}");
    assert!(calls[0].ends_with("1 sent again, queued 96 1: recv(4) = 4"), "{text}");
    assert!(calls[1].ends_with("1: send M1 [receipt] 60 = 60"), "{text}");
    assert_eq!(calls[0].find("1: recv"), calls[1].find("1: send"), "{text}");
}

/// One socket, many peers: each call says whose datagram it is. A connected socket has told it before.
#[test]
fn a_server_of_datagrams_says_who_sent_each() {
    let drawn = |style: Style, peer| {
        let mut p = Program::new(style, false);
        let end = CLIENT.other();
        let sock = p.live.socket(end, Proto::Udp, None, peer);
        p.call(end, sock, Call::RecvFrom, |e| {
            (e.asked, e.returned, e.peer) = (Some(9), Some(0), Some(([127, 0, 0, 1], 40_001).into()));
        });
        p.text()
    };
    assert!(drawn(Style::plain(), None).contains("127.0.0.1:40001"));
    assert!(!drawn(Style { stable: true, ..Style::plain() }, None).contains("40001"));
    assert!(!drawn(Style::plain(), Some(([127, 0, 0, 1], 40_001).into())).contains("40001"));
}

#[test]
fn colour_adds_nothing_but_colour() {
    let plain = exec(Style::plain(), false);
    let colour = exec(Style { palette: Palette::new(true), ..Style::plain() }, false);
    let mut bare = String::new();
    for (i, piece) in colour.split('\u{1b}').enumerate() {
        bare += if i == 0 { piece } else { piece.split_once('m').expect("a colour").1 };
    }
    assert_ne!(colour, plain);
    assert_eq!(bare, plain);
}

/// Two clients of a server at the same time, each with a long body.
fn upload(pieces: usize) -> String {
    let mut p = Program::new(Style::plain(), false);
    let ends = [1, 2].map(|index| EndName { role: Role::Server, index });
    let socks = ends.map(|end| p.socket(end));
    for (end, sock) in ends.into_iter().zip(socks) {
        p.call(end, sock, Call::Accept, |_| {});
        p.live.message(end.other(), Some(Text::new("upload", "上传")));
    }
    for piece in 0..pieces {
        for n in 0..2 {
            p.moved(ends[n], socks[n], Call::Recv, &[7; 1000], [n + 1, 1000 * piece], Part::Body);
        }
    }
    p.call(ends[0], socks[0], Call::Close, |_| {});
    p.text()
}

#[test]
fn of_a_long_body_the_beginning_a_count_and_the_end_are_drawn() {
    insta::assert_snapshot!("live_fold", upload(20));
    assert!(!upload(4).contains("more like it"), "one more is drawn, not counted");
    assert!(upload(5).contains("1: .. 1 more like it"), "{}", upload(5));
}

#[test]
fn what_was_counted_is_drawn_before_a_line_about_that_client() {
    let mut p = Program::new(Style::plain(), false);
    let end = EndName { role: Role::Server, index: 1 };
    let sock = p.socket(end);
    p.live.message(end.other(), None);
    for piece in 0..9 {
        p.moved(end, sock, Call::Recv, b"x", [1, piece], Part::Body);
    }
    let drawn = p.out.len();
    p.live.flush(&mut p.out, Some(([127, 0, 0, 1], 40_002).into())).expect("written");
    assert_eq!(p.out.len(), drawn, "another client's line");
    p.live.flush(&mut p.out, Some(([127, 0, 0, 1], 40_001).into())).expect("written");
    let text = String::from_utf8(p.out.clone()).expect("UTF-8");
    assert!(text.contains("1: .. 5 more like it, 5") && text.contains("[8..9]"), "{text}");
    let drawn = p.out.len();
    p.live.finish(&mut p.out).expect("written");
    assert_eq!(p.out.len(), drawn, "nothing is drawn twice");
}

#[test]
fn json_is_what_the_schema_says() {
    let schema = std::fs::read_to_string("docs/trace.schema.json").expect("the schema");
    let validator = jsonschema::validator_for(&serde_json::from_str(&schema).expect("JSON")).expect("a schema");
    let text = exec(Style::plain(), true);
    let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    for line in &lines {
        assert!(validator.is_valid(line), "{line}: {:?}", validator.iter_errors(line).next());
    }
    let messages: Vec<_> = lines.iter().filter(|l| l["type"] == "message").collect();
    assert_eq!(messages.len(), 2);
    assert_eq!((&messages[0]["id"], &messages[0]["bytes"]), (&"M1".into(), &"6563686f206869".into()));
    assert_eq!((&messages[1]["len"], &messages[1]["header_len"]), (&104.into(), &4.into()));
    let seqs: Vec<_> = lines.iter().filter_map(|l| l["seq"].as_u64()).collect();
    assert_eq!(seqs, (1..=8).collect::<Vec<u64>>());
}

#[test]
fn the_bytes_of_a_message_that_is_too_long_to_keep_are_null() {
    let mut p = Program::new(Style::plain(), true);
    let sock = p.socket(CLIENT);
    p.live.message(CLIENT, None);
    for n in 0..5 {
        p.moved(CLIENT, sock, Call::Send, &[7; 1000], [1, n * 1000], Part::Body);
    }
    let text = p.text();
    let message: serde_json::Value = serde_json::from_str(text.lines().last().expect("a line")).expect("JSON");
    assert_eq!((&message["bytes"], &message["len"]), (&serde_json::Value::Null, &5000.into()));
}

#[test]
fn a_datagram_is_over_when_it_is_told() {
    let mut p = Program::new(Style::plain(), true);
    let sock = p.live.socket(CLIENT, Proto::Udp, None, None);
    for n in 1..=2 {
        p.live.message(CLIENT, None);
        let call = if n == 1 { Call::Send } else { Call::SendTo };
        p.moved(CLIENT, sock, call, b"hello", [n, 0], Part::Body);
    }
    let text = String::from_utf8(p.out).expect("UTF-8");
    let types: Vec<serde_json::Value> = text.lines().map(|l| serde_json::from_str(l).expect("JSON")).collect();
    let types: Vec<_> = types.iter().map(|l| l["type"].as_str().expect("a type")).collect();
    assert_eq!(types, ["event", "message", "event", "message"]);
}

/// What a peer may send: nothing, a byte, text of any script, a long run, bytes without sense.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let text = ".{0,80}".prop_map(String::into_bytes);
    let run = (any::<u8>(), 0..9000_usize).prop_map(|(byte, n)| vec![byte; n]);
    prop_oneof![Just(Vec::new()), text, run, proptest::collection::vec(any::<u8>(), 0..300)]
}

proptest! {
    #[test]
    fn whatever_passes_every_line_fits(
        pieces in proptest::collection::vec((any::<bool>(), any::<bool>(), any::<bool>(), bytes()), 0..12),
        label in proptest::option::of(".{0,30}"),
        (width, zh, unicode) in (30..150_usize, any::<bool>(), any::<bool>()),
    ) {
        let lang = if zh { Lang::Zh } else { Lang::En };
        let mut p = Program::new(style(lang, width, unicode), false);
        let end = EndName { role: Role::Server, index: 7 };
        let sock = p.socket(end);
        let (mut msg, mut at) = (0, 0);
        for (begins, sends, header, bytes) in pieces {
            if begins || msg == 0 {
                let from = if sends { end } else { end.other() };
                p.live.message(from, label.clone().map(Text::same));
                (msg, at) = (msg + 1, 0);
            }
            let part = if header { Part::Header } else { Part::Body };
            p.moved(end, sock, if sends { Call::Send } else { Call::Recv }, &bytes, [msg, at], part);
            at += bytes.len();
        }
        for line in p.text().lines() {
            prop_assert!(columns(line) <= width, "{} of {width}: {line:?}", columns(line));
            prop_assert!(!line.contains('\u{1b}'), "{line:?}");
        }
    }
}
