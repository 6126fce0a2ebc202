//! `--brief`: a run in a dozen lines; and two runs compared. Each byte stands above itself.

mod common;

use common::{Ran, run};
use std::path::PathBuf;
use stickdemo::scenarios::syllabus;
use stickdemo::text::columns::columns;

/// A dozen, and one more where a sentence needs it.
const LINES: usize = 13;

fn lines(ran: &Ran) -> Vec<&str> {
    ran.out.lines().collect()
}

#[test]
fn every_scenario_is_a_dozen_lines_of_80_columns_in_both_languages() {
    for scenario in syllabus() {
        for (lang, sent) in [("en", "  sent "), ("zh", "  发出 ")] {
            let ran = run(&[scenario.id, "--brief", "--lang", lang]);
            let (lines, text) = (lines(&ran), &ran.out);
            assert!(ran.code == Some(0) && ran.err.is_empty(), "{}\n{ran}", scenario.id);
            assert!(lines.len() <= LINES, "{} lines\n{text}", lines.len());
            assert!(lines[0].starts_with(scenario.id), "{text}");
            assert!(lines.iter().all(|line| columns(line) <= 80), "{text}");
            // Where nothing is sent there is no tape.
            assert!(lines.iter().any(|line| line.starts_with(sent)) || scenario.id == "tcp-reuseaddr", "{text}");
        }
    }
}

#[test]
fn all_brief_is_each_run_in_turn_and_how_many_came_out() {
    let all = run(&["all", "--brief", "--stable"]);
    assert_eq!((all.code, &*all.err), (Some(0), ""));
    let one = run(&["tcp-naive", "--brief", "--stable"]);
    assert!(all.out.starts_with(&(one.out + "\n")), "{all}");
    assert_eq!(all.out.matches("\n\n").count(), syllabus().len(), "{all}");
    assert!(all.out.lines().last().is_some_and(|line| line.contains("0 not reproduced")), "{all}");
}

/// What the tapes say of the three ways in which a receive call cuts.
#[test]
fn the_tapes_are_cut_where_the_calls_cut() {
    for (args, tapes) in [
        (&["tcp-naive"][..], ["  sent      |hello|feng|", "  received  |hello+feng|"]),
        (&["tcp-naive", "--recv-size", "5"], ["  sent      |hello|feng|", "  received  |hello|feng|"]),
        (&["tcp-naive", "--message", "你", "--message", "好"], ["  sent      |你|好|", "  received  |你+好|"]),
        (&["tcp-short-recv"], ["  sent      |he+llo feng|", "  received  |he|llo feng|"]),
        (&["udp-truncate"], ["  sent      |h+ello|w+orld|e+gon|", "  received  |h|----|w|----|e|---|"]),
        (&["udp-empty"], ["  sent      |empty|x|", "  received  |empty|x|"]),
    ] {
        let ran = run(&[args, &["--brief"]].concat());
        let shown: Vec<&str> =
            ran.out.lines().filter(|line| line.starts_with("  sent") || line.starts_with("  rec")).collect();
        assert_eq!(shown, tapes, "{args:?}\n{ran}");
    }
}

/// Thousands of cuts are as many as there is room for, and a number.
#[test]
fn what_has_no_room_is_counted() {
    let ran = run(&["fix-header", "--recv-size", "1", "--brief"]);
    assert_eq!(ran.code, Some(0), "{ran}");
    let received = ran.out.lines().rfind(|line| line.starts_with("  received")).expect("a tape");
    let more = received.rsplit("|.. ").next().and_then(|rest| rest.strip_suffix(" more")).expect("how many more");
    let shown = received.split_once('|').expect("a tape").1.matches('|').count();
    let recvs: usize = 1397;
    assert_eq!(more.replace(',', "").parse::<usize>().expect("a number") + shown, recvs, "{received}");
}

#[test]
fn it_is_refused_where_it_changes_nothing() {
    for args in [
        &["tcp-naive", "--brief", "--full"][..],
        &["tcp-naive", "--brief", "--step"],
        &["tcp-naive", "--brief", "--repeat", "3"],
        &["tcp-naive", "--brief", "--format", "json"],
        &["all", "--brief", "--repeat", "3"],
        &["all", "--brief", "--format", "html"],
    ] {
        let ran = run(args);
        assert!(ran.code == Some(2) && ran.out.is_empty() && ran.err.starts_with("error: "), "{args:?}\n{ran}");
    }
}

/// Recorded runs, which are gone when the test is over.
struct Recorded(Vec<PathBuf>);

impl Recorded {
    fn of(name: &str, runs: &[&[&str]]) -> Recorded {
        let file = |(nth, args): (usize, &&[&str])| {
            let path = std::env::temp_dir().join(format!("stickdemo-brief-{}-{name}-{nth}", std::process::id()));
            std::fs::write(&path, run(&[*args, &["--format", "json", "--stable"]].concat()).out).expect("a file");
            path
        };
        Recorded(runs.iter().enumerate().map(file).collect())
    }

    fn shown(&self, more: &[&str]) -> Ran {
        let files = self.0.iter().map(|path| path.to_str().expect("UTF-8"));
        run(&["show"].into_iter().chain(files).chain(more.iter().copied()).collect::<Vec<_>>())
    }
}

impl Drop for Recorded {
    fn drop(&mut self) {
        self.0.iter().for_each(|path| drop(std::fs::remove_file(path)));
    }
}

#[test]
fn a_recording_in_brief_is_the_run_in_brief() {
    let recorded = Recorded::of("one", &[&["tcp-nagle"]]);
    assert_eq!(recorded.shown(&["--brief"]).out, run(&["tcp-nagle", "--brief", "--stable"]).out);
    let ran = recorded.shown(&["--brief", "--format", "html"]);
    assert!(ran.code == Some(2) && ran.out.is_empty(), "{ran}");
}

/// Of two runs the lines that differ have a star, and no others.
#[test]
fn two_runs_are_compared_and_what_differs_is_marked() {
    let recorded = Recorded::of("two", &[&["tcp-naive"], &["tcp-naive", "--recv-size", "5"]]);
    let words = [
        ("en", "* received", "  sent ", "* intact", "  bytes sent"),
        ("zh", "* 收到", "  发出 ", "* 完整", "  发出字节"),
    ];
    for (lang, tape, same, count, equal) in words {
        let ran = recorded.shown(&["--lang", lang]);
        let begins = |with: &str| ran.out.lines().filter(|line| line.starts_with(with)).count();
        assert_eq!(ran.code, Some(0), "{ran}");
        assert_eq!([tape, same, count, equal].map(begins), [2, 2, 1, 1], "{ran}");
        assert!(ran.out.lines().all(|line| columns(line) <= 80), "{ran}");
        assert!(ran.out.contains("--recv-size 5"), "{ran}");
    }
    // A run differs from itself in nothing.
    let twice = Recorded::of("same", &[&["udp-truncate"], &["udp-truncate"]]);
    let ran = twice.shown(&[]);
    assert!(ran.code == Some(0) && !ran.out.lines().any(|line| line.starts_with('*')), "{ran}");
    // More than two, or in full, are shown in turn.
    let ran = recorded.shown(&["--full"]);
    assert!(!ran.out.lines().any(|line| line.starts_with("* ")) && ran.out.matches("[holds]").count() > 2, "{ran}");
}
