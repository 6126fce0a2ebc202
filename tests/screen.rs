//! The first sight of every scenario: one screen of 24 rows and 80 columns, which begins with a question.
#![cfg(target_os = "linux")]

mod common;

use common::{run, side_by_side};
use serde_json::Value;
use stickdemo::scenarios::syllabus;
use stickdemo::text::columns::columns;

const LANGUAGES: [(&str, &str); 2] = [("en", "?"), ("zh", "？")];

/// Rows of the terminal, the prompt's not counted.
const ROWS: usize = 23;
const COLUMNS: usize = 80;

/// One screen of a run.
fn screen(id: &str, more: &[&str]) -> Vec<String> {
    let ran = run(&[&[id], more].concat());
    assert_eq!(ran.err, "", "{id} {more:?}");
    ran.out.lines().map(str::to_owned).collect()
}

#[test]
fn every_scenario_fits_and_begins_with_a_question() {
    side_by_side(syllabus(), |scenario| {
        for (lang, mark) in LANGUAGES {
            let lines = screen(scenario.id, &["--lang", lang]);
            let text = lines.join("\n");
            assert!(lines.len() <= ROWS, "{} rows\n{text}", lines.len());
            assert!(lines[0].starts_with(scenario.id) && lines[0].ends_with(mark), "{text}");
            let wide: Vec<&String> = lines.iter().filter(|line| columns(line) > COLUMNS).collect();
            assert!(wide.is_empty(), "{wide:?}\n{text}");
        }
    });
}

/// What the claims rest on is what is shown: a screen without its evidence would be an assertion.
#[test]
fn every_screen_shows_what_its_first_claim_rests_on() {
    side_by_side(syllabus(), |scenario| {
        let lines = screen(scenario.id, &[]);
        let text = lines.join("\n");
        let cited = text.split("(#").nth(1).and_then(|rest| rest.split([' ', ')']).next()).expect("evidence");
        let row = |line: &String| line.trim_start().split(' ').next() == Some(cited);
        assert!(lines.iter().any(row), "#{cited} is not shown\n{text}");
    });
}

/// Every suggestion has room on one line: a command to paste, and what it shows behind it.
#[test]
fn every_suggestion_fits_on_a_line() {
    for scenario in syllabus() {
        for next in &scenario.teaching.next {
            for shows in [&next.shows.en, &next.shows.zh] {
                let line = format!("next    stickdemo {}  # {shows}", next.command);
                assert!(columns(&line) <= COLUMNS, "{}: {} columns\n{line}", scenario.id, columns(&line));
            }
        }
    }
}

/// The kinds of loss are those of the protocol, and as many as the calls themselves say.
#[test]
fn what_became_of_the_messages_is_what_the_trace_says() {
    let of_tcp = ["joined_by_sender", "joined_by_receiver", "cut_by_receiver", "not_sent", "not_read"];
    side_by_side(syllabus(), |scenario| {
        let ran = run(&[scenario.id, "--format", "json"]);
        let lines: Vec<Value> = ran.out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        let summary = lines.last().expect("a summary");
        let events = || lines.iter().filter(|line| line["type"] == "event");
        let Some(protocols) = summary["protocols"].as_array() else { return };
        for counts in protocols {
            let losses = counts["losses"].as_array().expect("losses");
            let number = |value: &Value| value.as_u64().expect("a number");
            let lost: u64 = losses.iter().map(|loss| number(&loss[1])).sum();
            assert_eq!(lost, number(&counts["messages"]) - number(&counts["intact"]), "{}: {counts}", scenario.id);
            for loss in losses {
                let (kind, n) = (loss[0].as_str().expect("a word"), number(&loss[1]));
                assert_eq!(of_tcp.contains(&kind), counts["proto"] == "tcp", "{}: {counts}", scenario.id);
                let same = match kind {
                    "truncated" => events().filter(|event| event["truncated"] == true).count() as u64,
                    "dropped" => events().filter_map(|event| event["evidence"]["dropped"].as_u64()).max().unwrap_or(0),
                    "joined_by_sender" => {
                        let fewer = number(&counts["segments"]) < number(&counts["sends"]);
                        if fewer { n } else { 0 }
                    }
                    _ => n,
                };
                assert_eq!(n, same, "{}: {kind}", scenario.id);
            }
        }
    });
}

/// Nagle merges at the sender; without it the receiver does.
#[test]
fn each_half_of_a_run_says_where_its_boundaries_went() {
    let said = |args: &[&str]| run(args).out.split_whitespace().collect::<Vec<_>>().join(" ");
    let text = said(&["tcp-naive", "--nodelay", "on"]);
    assert!(text.contains("2 joined by recv") && !text.contains("by the sender"), "{text}");
    let text = said(&["tcp-nagle", "--full"]);
    assert!(text.contains("10 joined by the sender, 10 joined by recv"), "{text}");
}

/// A SYN is sent again after one second (RFC 6298 §2.1): nothing can be judged then, and nothing moved.
#[test]
fn what_cannot_be_judged_says_why_and_shows_how_far_it_came() {
    let slow = ["tcp-nagle", "--nodelay", "off", "--link", "up.delay=1.1s,down.delay=0ms"];
    for (lang, reason, row) in [("en", "SYN was sent again", " again SYN "), ("zh", "SYN 被重传", " 重传 SYN ")] {
        let ran = run(&[&slow[..], &["--lang", lang]].concat());
        assert_eq!(ran.code, Some(3), "{}", ran.out);
        let said = ran.out.replace("\n  ", " ");
        assert!(said.contains(reason) && said.contains(row) && !said.contains("0 of 0"), "{}", ran.out);
    }
}

/// Help, too, Chinese included: no line is wider than the terminal.
#[test]
fn help_keeps_to_the_columns_of_the_terminal() {
    for lang in ["en", "zh"] {
        for command in [vec![], vec!["tcp-naive"], vec!["put"], vec!["serve", "files"], vec!["watch"]] {
            let ran = run(&[&command[..], &["--help", "--lang", lang]].concat());
            let wide: Vec<&str> = ran.out.lines().filter(|line| columns(line) > COLUMNS).collect();
            assert!(wide.is_empty() && ran.code == Some(0), "{command:?} {lang}: {wide:?}");
        }
    }
}

/// Why and next speak of this run: of what its options made of it, and of nothing that it did not show.
#[test]
fn why_and_next_look_at_what_happened() {
    let one = |args: &[&str]| run(args).out.split_whitespace().collect::<Vec<_>>().join(" ");
    for (args, why, next) in [
        (
            &["tcp-naive", "--recv-size", "5"][..],
            "recv(5) asks for just as many bytes as M1 has",
            "stickdemo tcp-naive #",
        ),
        (&["tcp-naive", "--recv-size", "3"], "recv(3) takes at most 3 bytes: it cut M1", "stickdemo tcp-naive #"),
        (&["tcp-naive", "--message", "", "--message", "x"], "M1 is empty, and puts nothing", "stickdemo tcp-naive #"),
        (&["tcp-naive", "--control"], "One thing was changed", "the same with its cause"),
        (&["tcp-short-recv", "--recv-size", "20"], "recv(20) has room for all of M1", "stickdemo tcp-short-recv #"),
        (
            &["udp-truncate", "--recv-size", "1024"],
            "recvfrom(1,024) has room for the whole datagram",
            "stickdemo udp-truncate #",
        ),
        (&["udp-loss", "--rcvbuf", "1MiB"], "had room for all 200 datagrams", "stickdemo udp-loss #"),
        (&["tcp-nagle", "--gap", "60ms"], "In the pause before M10 all earlier bytes", "stickdemo tcp-nagle #"),
    ] {
        let said = one(args);
        let tail = said.split(" why ").nth(1).unwrap_or_else(|| panic!("{args:?}: no why\n{said}"));
        assert!(tail.contains(why) && tail.contains(next), "{args:?}\n{said}");
    }
    // The half about Nagle was not played: neither the answer nor the reasons have it.
    let said = one(&["tcp-nagle", "--nodelay", "on", "--full"]);
    let told = said.split("reproduced (3 of 3").nth(1).expect("the verdict");
    assert!(!told.split("next").next().expect("why").contains("Nagle"), "{said}");
    let said = one(&["tcp-nagle", "--nodelay", "on"]);
    assert!(
        said.contains("answer TCP_NODELAY: every send left as a segment") && !said.contains("why The Nagle"),
        "{said}"
    );
}

/// Without barriers the outcome is the machine's: whichever it was, what is said fits it, and how often comes next.
#[test]
fn a_race_is_told_by_its_outcome() {
    let said = run(&["tcp-naive", "--race"]).out.split_whitespace().collect::<Vec<_>>().join(" ");
    let why = match said.contains("[fails]") {
        true => "Only M1 lay in the queue when recv was called",
        false => "why TCP carries a stream of bytes",
    };
    assert!(said.contains(why) && said.contains("next stickdemo tcp-naive --race --repeat 200"), "{said}");
}

/// What a send goes on with is said, not the whole message over and over.
#[test]
fn a_retried_send_says_from_where_it_goes_on() {
    let ran = run(&["tcp-partial-send", "--full", "--stable"]);
    let again: Vec<&str> = ran.out.lines().filter(|line| line.contains("send M1 [from n]")).collect();
    assert!(!again.is_empty(), "{ran}");
    let lines = run(&["tcp-partial-send", "--format", "json"]).out;
    let events = lines.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let retried = events.filter(|e| e["call"] == "send" && e["handed"]["offset"].as_u64() > Some(0)).count();
    assert!(retried > 0, "{lines}");
}

/// `where` in JSON is the place where messages were spoilt, if it was one.
#[test]
fn where_is_the_place_of_the_loss() {
    for (args, place) in [
        (&["tcp-naive"][..], Value::from("receiver")),
        (&["udp-truncate"], "receiver".into()),
        (&["udp-loss"], "receiver".into()),
        (&["tcp-nagle", "--nodelay", "off"], "sender".into()),
        (&["tcp-nagle"], Value::Null),
        (&["fix-header"], Value::Null),
    ] {
        let ran = run(&[args, &["--format", "json"]].concat());
        let summary: Value = serde_json::from_str(ran.out.lines().last().expect("a summary")).expect("JSON");
        assert_eq!(summary["where"], place, "{args:?}");
    }
}

/// A claim that holds says what was seen; where that reads as what was expected, once.
#[test]
fn no_claim_says_the_same_twice() {
    for scenario in syllabus() {
        let ran = run(&[scenario.id, "--full"]);
        let text = ran.out.split_whitespace().collect::<Vec<_>>().join(" ");
        for claim in text.split("[holds] ").skip(1) {
            let Some((_, sides)) = claim.split_once(" expected ") else { continue };
            let (expected, got) = sides.split_once("; got ").expect("both sides");
            let got = got.split(" (#").next().expect("some");
            assert_ne!(expected, got, "{}: {claim}", scenario.id);
        }
    }
}
