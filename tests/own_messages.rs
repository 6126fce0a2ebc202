//! `--message`: the learner's own words in the place of the page's. The claims follow from them; without them every
//! scenario sends what its page says.

mod common;

use common::{Ran, command, finished, run, spawn};
use serde_json::Value;
use std::io::{BufRead, BufReader};
use stickdemo::net::Opt;
use stickdemo::play::Alone;
use stickdemo::scenarios::{Scenario, syllabus};

/// The scenarios that take messages, and how many.
fn takers() -> Vec<(Scenario, usize, usize)> {
    let taker = |s: Scenario| {
        let own = s.messages.clone()?;
        Some((s, *own.count.start(), *own.count.end()))
    };
    syllabus().into_iter().filter_map(taker).collect()
}

/// Arguments that give these texts.
fn given<'t>(id: &'t str, texts: &[&'t str]) -> Vec<&'t str> {
    let options = texts.iter().flat_map(|text| ["--message", text]);
    [id].into_iter().chain(options).collect()
}

fn with(id: &str, texts: &[&str], more: &[&str]) -> Ran {
    run(&[&given(id, texts), more].concat())
}

fn lines(ran: &Ran) -> Vec<Value> {
    ran.out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// As many texts as it takes, from these.
fn some<'t>(texts: &[&'t str], least: usize) -> Vec<&'t str> {
    texts.iter().copied().cycle().take(least).collect()
}

#[test]
fn chinese_and_plain_words_are_sent_as_they_are_and_reproduce_every_claim() {
    for (scenario, least, _) in takers() {
        let texts = some(&["你好", "世界"], least);
        let ran = with(scenario.id, &texts, &["--format", "json"]);
        assert_eq!(ran.code, Some(0), "{}\n{ran}", scenario.id);
        let lines = lines(&ran);
        assert_eq!(lines[0]["options"]["messages"], serde_json::json!(texts), "{}", scenario.id);
        assert_eq!(lines[0]["defaults_changed"], serde_json::json!(["message"]), "{}", scenario.id);
        let sent = |text: &str| {
            let hex: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
            lines.iter().any(|l| l["type"] == "message" && l["bytes"].as_str().is_some_and(|b| b.contains(&hex)))
        };
        assert!(texts.iter().all(|text| sent(text)), "{}: {lines:#?}", scenario.id);
    }
}

/// What the page's control takes away makes the difference with any words.
#[test]
fn without_the_cause_the_claim_fails_with_ones_own_words_too() {
    for (scenario, least, _) in takers() {
        let ran = with(scenario.id, &some(&["你好", "世界"], least), &["--control"]);
        assert_eq!(ran.code, Some(1), "{}\n{ran}", scenario.id);
        assert!(ran.out.contains("control passed"), "{}\n{ran}", scenario.id);
    }
}

/// An empty message ends, or hangs, nothing. Behind a length, and as a datagram, it arrives; in a stream it is nothing.
#[test]
fn an_empty_message_is_what_its_protocol_makes_of_it() {
    for (scenario, least, _) in takers() {
        for control in [&[][..], &["--control"]] {
            let ran = with(scenario.id, &some(&["", "x"], least), control);
            assert!(matches!(ran.code, Some(0 | 1)) && ran.err.is_empty(), "{} {control:?}\n{ran}", scenario.id);
        }
    }
    for id in ["fix-header", "fix-ack", "fix-json-header"] {
        assert_eq!(with(id, &[""], &[]).code, Some(0), "{id}");
    }
    assert_eq!(with("udp-boundaries", &["", "x"], &[]).code, Some(0));
    let ran = with("tcp-naive", &["", "x"], &[]);
    assert_eq!(ran.code, Some(1), "{ran}");
    assert!(ran.out.contains("expected M1+M2 in one recv; got M2 in one recv"), "{ran}");
    assert!(ran.out.contains("1 empty send"), "{ran}");
}

#[test]
fn a_long_message_is_sent_whole_and_one_too_long_is_refused() {
    for (scenario, least, _) in takers() {
        let longest = scenario.messages.as_ref().expect("some").longest;
        let long = "x".repeat(longest.min(8000));
        let ran = with(scenario.id, &some(&[&long, "y"], least), &[]);
        let said = if scenario.id == "fix-characters" { Some(1) } else { Some(0) };
        assert_eq!((ran.code, &*ran.err), (said, ""), "{}\n{ran}", scenario.id);
        let widest = ran.out.lines().map(stickdemo::text::columns::columns).max();
        assert!(widest <= Some(80) && ran.out.lines().count() <= 23, "{}\n{ran}", scenario.id);

        for (lang, word) in [("en", "bytes"), ("zh", "字节")] {
            let ran = with(scenario.id, &some(&[&"x".repeat(longest + 1), "y"], least), &["--lang", lang]);
            assert_eq!(ran.code, Some(2), "{}\n{ran}", scenario.id);
            assert!(ran.err.contains(word) && ran.err.contains(&longest.to_string()), "{ran}");
        }
    }
    let together = with("tcp-naive", &[&"x".repeat(9000), &"y".repeat(9000)], &[]);
    assert_eq!(together.code, Some(2), "{together}");
    assert!(together.err.contains("18000 bytes together, at most 16384"), "{together}");
}

#[test]
fn too_few_too_many_and_where_it_makes_no_sense_is_refused_with_the_reason() {
    for (scenario, least, most) in takers() {
        let many = with(scenario.id, &vec!["a"; most + 1], &[]);
        assert!(many.code == Some(2) && many.err.contains(&format!("at most {most}")), "{}\n{many}", scenario.id);
        if least > 1 {
            let few = with(scenario.id, &["a"], &["--lang", "zh"]);
            assert!(few.code == Some(2) && few.err.contains("至少需要"), "{}\n{few}", scenario.id);
        }
    }
    for scenario in syllabus().into_iter().filter(|s| !s.takes.contains(&Opt::Message)) {
        let ran = with(scenario.id, &["a"], &[]);
        assert!(ran.code == Some(2) && ran.err.contains("makes no sense"), "{}\n{ran}", scenario.id);
        assert!(scenario.messages.is_none(), "{} says how many and takes none", scenario.id);
    }
}

/// Two processes that were both told the words find everything as one of them foresees it.
#[test]
fn two_lone_ends_meet_with_the_same_words() {
    for (scenario, least, _) in takers().into_iter().filter(|(s, ..)| matches!(s.experiment.alone, Alone::Yes)) {
        let texts = some(&["你 好", "it's"], least);
        let mut server = spawn(&mut command(&[&given(scenario.id, &texts)[..], &["--as", "server"]].concat()));
        let mut told = String::new();
        let mut err = BufReader::new(server.stderr.take().expect("stderr"));
        err.read_line(&mut told).expect("a line");
        // The line is one to paste: a shell reads it as it was given.
        let words = shlex::split(told.split("stickdemo ").nth(1).expect("a command").trim()).expect("words");
        let client = run(&words.iter().map(String::as_str).collect::<Vec<_>>());
        let server = finished(server);
        assert_eq!(client.code, Some(0), "{} client\n{told}\n{client}", scenario.id);
        assert_eq!(server.code, Some(0), "{} server\n{server}", scenario.id);
    }
}

#[test]
fn over_a_link_in_a_race_and_many_times_the_words_are_the_same() {
    let words = ["你好", "世界"];
    let ran = with("tcp-naive", &words, &["--repeat", "5"]);
    assert!(ran.code == Some(0) && ran.out.contains("5 reproduced") && ran.out.contains("  12 "), "{ran}");
    let ran = with("tcp-naive", &words, &["--race", "--full"]);
    assert!(ran.out.contains("[你好]") && ran.out.contains("[世界]"), "{ran}");
    let ran = with("tcp-naive", &words, &["--link", "rtt=2ms", "--full"]);
    assert!(ran.code == Some(3) || ran.code == Some(0) && ran.out.contains("M1 [你好] 6 bytes"), "{ran}");
}

/// What a terminal would obey is shown, and not obeyed.
#[test]
fn harmful_words_are_harmless_on_the_screen() {
    let ran = with("tcp-naive", &["\x1b[2Ja", "\u{202e}b"], &["--full"]);
    assert_eq!(ran.code, Some(0), "{ran}");
    assert!(!ran.out.contains(|c| c != '\n' && stickdemo::text::is_harmful(c)), "{ran}");
}
