//! The first sight of every scenario: one screen of 24 rows and 80 columns, which begins with a question.
#![cfg(target_os = "linux")]

mod common;

use common::run;
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
    for scenario in syllabus() {
        for (lang, mark) in LANGUAGES {
            let lines = screen(scenario.id, &["--lang", lang]);
            let text = lines.join("\n");
            assert!(lines.len() <= ROWS, "{} rows\n{text}", lines.len());
            assert!(lines[0].starts_with(scenario.id) && lines[0].ends_with(mark), "{text}");
            let wide: Vec<&String> = lines.iter().filter(|line| columns(line) > COLUMNS).collect();
            assert!(wide.is_empty(), "{wide:?}\n{text}");
        }
    }
}

/// What the claims rest on is what is shown: a screen without its evidence would be an assertion.
#[test]
fn every_screen_shows_what_its_first_claim_rests_on() {
    for scenario in syllabus() {
        let lines = screen(scenario.id, &[]);
        let text = lines.join("\n");
        let cited = text.split("(#").nth(1).and_then(|rest| rest.split([' ', ')']).next()).expect("evidence");
        let row = |line: &String| line.trim_start().split(' ').next() == Some(cited);
        assert!(lines.iter().any(row), "#{cited} is not shown\n{text}");
    }
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
    for scenario in syllabus() {
        let ran = run(&[scenario.id, "--format", "json"]);
        let lines: Vec<Value> = ran.out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        let summary = lines.last().expect("a summary");
        let events = || lines.iter().filter(|line| line["type"] == "event");
        let Some(protocols) = summary["protocols"].as_array() else { continue };
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
    }
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
