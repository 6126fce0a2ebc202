//! A recorded run is shown as it was when it was played: byte for byte, and nothing made up where it is damaged.

mod common;
mod recorded;

use common::{command, finished, run, side_by_side};
use recorded::{played, written};
use std::io::Write;
use std::path::PathBuf;
use std::process::Stdio;
use stickdemo::play::Linked;
use stickdemo::scenarios::syllabus;
use stickdemo::text::Lang;

#[test]
fn every_scenario_is_read_back_as_it_was_and_shown_as_it_was() {
    let unlinked = syllabus().into_iter().filter(|s| !matches!(s.experiment.linked, Linked::Only));
    side_by_side(unlinked, |scenario| recorded::is_shown_as_it_was(&scenario, false));
}

/// A file that is gone when the test is over.
struct File(PathBuf);

impl File {
    fn new(name: &str, content: &[u8]) -> File {
        let path = std::env::temp_dir().join(format!("stickdemo-show-{}-{name}", std::process::id()));
        std::fs::write(&path, content).expect("a file");
        File(path)
    }

    fn name(&self) -> &str {
        self.0.to_str().expect("UTF-8")
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn shown(content: &[u8], args: &[&str]) -> common::Ran {
    let file = File::new(&format!("{:?}", std::thread::current().id()).replace(['(', ')'], "-"), content);
    run(&[&["show", file.name()], args].concat())
}

#[test]
fn several_runs_are_shown_in_turn_and_from_a_pipe_as_from_a_file() {
    let two = ["tcp-naive", "udp-truncate"].map(|id| run(&[id, "--stable", "--format", "json"]).out).concat();
    let texts = ["tcp-naive", "udp-truncate"].map(|id| run(&[id, "--stable"]).out).join("\n");
    assert_eq!(shown(two.as_bytes(), &[]).out, texts);
    let mut child = common::spawn(command(&["show", "-"]).stdin(Stdio::piped()));
    child.stdin.take().expect("a pipe").write_all(two.as_bytes()).expect("the pipe is read");
    let piped = finished(child);
    assert_eq!((piped.out, piped.err, piped.code), (texts, String::new(), Some(0)));
}

#[test]
fn several_runs_make_one_page_and_a_damaged_recording_makes_none() {
    let two = ["tcp-naive", "udp-truncate"].map(|id| run(&[id, "--format", "json"]).out).concat();
    let page = shown(two.as_bytes(), &["--format", "html"]);
    assert_eq!(page.code, Some(0), "{}", page.err);
    assert_eq!((page.out.matches("<html").count(), page.out.matches("<article").count()), (1, 2));
    let damaged = shown(&two.as_bytes()[..two.len() - 9], &["--format", "html"]);
    assert_eq!((damaged.code, &*damaged.out), (Some(2), ""));
}

/// A small recording, line by line.
fn recording() -> Vec<String> {
    let report = played(&stickdemo::scenarios::find("tcp-naive").expect("in the list"), false, false, false);
    written(&report, Lang::En).lines().map(str::to_owned).collect()
}

fn place(lines: &[String], kind: &str) -> usize {
    let kind = format!("{{\"type\":\"{kind}\"");
    lines.iter().position(|line| line.starts_with(&kind)).expect("a line of that type")
}

/// Shows a recording in which one line was changed; what is complained about must name that line.
fn damaged(kind: &str, change: impl Fn(&str) -> String, complaint: &str) {
    let mut lines = recording();
    let at = place(&lines, kind);
    let changed = change(&lines[at]);
    assert_ne!(changed, lines[at], "{kind}: nothing was changed");
    lines[at] = changed;
    let ran = shown(lines.join("\n").as_bytes(), &[]);
    assert_eq!((ran.code, &*ran.out), (Some(2), ""), "{}", ran.err);
    let line = format!("line {}: ", at + 1);
    assert!(ran.err.contains(&line) && ran.err.contains(complaint), "{line}{complaint}\n{}", ran.err);
}

#[test]
fn a_damaged_line_is_named_and_nothing_is_shown_of_it() {
    let swap = |from: &'static str, to: &'static str| move |line: &str| line.replacen(from, to, 1);
    damaged("message", |line| line[..line.len() / 2].to_owned(), "EOF");
    damaged("message", |_| "\u{1b}[2J".to_owned(), "not a line of a recorded run");
    damaged("message", |_| "[1]".to_owned(), "`type`");
    damaged("header", swap("\"schema\":1", "\"schema\":2"), "version 2");
    damaged("header", swap("\"header\"", "\"listening\""), "begins with a `header` line");
    damaged("header", swap("\"title\"", "\"subtitle\""), "missing field `title`");
    damaged("message", swap("\"len\":5", "\"len\":6"), "not as many as `len`");
    damaged("message", swap("68656c6c6f", "68656c6c6"), "pairs of the digits");
    damaged("message", swap("\"M1\"", "\"M7\""), "message M1 is missing");
    damaged("message", swap("\"header_len\":0", "\"header_len\":6"), "the header is longer");
    damaged("socket", swap("\"id\":0", "\"id\":3"), "socket 0 is missing");
    damaged("event", swap("\"socket\":0", "\"socket\":99"), "no socket 99");
    damaged("event", swap("\"seq\":1", "\"seq\":0"), "`seq` 0 after 0");
    damaged("event", swap("\"t_us\":", "\"t_us\":null,\"x\":"), "times stand in every line");
    damaged("claim", swap("\"events\":[", "\"events\":[77777,"), "no event 77777");
    damaged("summary", swap("\"reproduced\"", "\"maybe\""), "no such `verdict`");
    damaged("summary", swap("\"summary\"", "\"distribution\""), "`distribution` line");
    let mut lines = recording();
    let send = lines.iter().position(|l| l.contains("\"call\":\"send\"")).expect("a send");
    for (from, to, complaint) in [
        ("\"offset\":0,\"len\":5", "\"offset\":0,\"len\":4", "cover 4 of 5 bytes"),
        ("\"offset\":0,\"len\":5", "\"offset\":18446744073709551615,\"len\":5", "M1 has 5 bytes"),
        ("\"spans\":[{\"msg\":\"M1\"", "\"spans\":[{\"msg\":\"M9\"", "no message M9"),
    ] {
        let whole = lines[send].clone();
        lines[send] = whole.replacen(from, to, 1);
        let ran = shown(lines.join("\n").as_bytes(), &["--format", "mermaid"]);
        assert!(ran.err.contains(complaint) && ran.err.contains(&format!("line {}", send + 1)), "{}", ran.err);
        lines[send] = whole;
    }
}

#[test]
fn a_file_that_ends_in_the_middle_says_so() {
    let lines = recording();
    let ran = shown(lines[..lines.len() - 1].join("\n").as_bytes(), &[]);
    assert_eq!((ran.code, &*ran.out), (Some(2), ""));
    assert!(ran.err.contains("ends here, in the middle of a run"), "{}", ran.err);
    let doubled = [&lines[..3], &lines[..]].concat().join("\n");
    assert!(shown(doubled.as_bytes(), &[]).err.contains("line 4: another run begins"));
    let chinese = shown(lines[..2].join("\n").as_bytes(), &["--lang", "zh"]);
    assert!(chinese.err.contains("第 2 行：文件到此为止"), "{}", chinese.err);
}

#[test]
fn what_is_no_recording_is_refused() {
    let missing = run(&["show", "no/such/file"]);
    assert_eq!((missing.code, &*missing.out), (Some(3), ""));
    assert!(missing.err.contains("no/such/file") && missing.err.contains("--format json"), "{}", missing.err);
    assert_eq!(run(&["show", "/"]).code, Some(3));
    assert_eq!(run(&["show"]).code, Some(2));
    let empty = shown(b"\n\n", &[]);
    assert_eq!(empty.code, Some(2));
    assert!(empty.err.contains("is empty"), "{}", empty.err);
    let latin = shown(b"{\"type\":\"header\",\"scenario\":\"\xe9\"}", &[]);
    assert!(latin.code == Some(2) && latin.err.contains("line 1"), "{}", latin.err);
    let long = shown(&vec![b' '; (64 << 20) + 2], &[]);
    assert!(long.code == Some(2) && long.err.contains("line 1: longer than"), "{}", long.err);
    let deep = shown("[".repeat(100_000).as_bytes(), &[]);
    assert!(deep.code == Some(2) && deep.err.contains("line 1"), "{}", deep.err);
    let xml = shown(b"", &["--format", "xml"]);
    assert!(xml.code == Some(2) && xml.err.contains("text, json, mermaid, html, svg"), "{}", xml.err);
}

/// Whoever wrote the file may have meant to move the cursor, or to turn words around.
#[test]
fn a_strangers_words_are_harmless() {
    let evil = "\\u001b[2J\u{202e}\\u0007";
    let mut lines = recording();
    for line in &mut lines {
        for text in ["until 9 bytes are queued", "two sends, one recv", "D1 §10", "RFC 9293 §2.2", "tcp-naive"] {
            *line = line.replace(text, &format!("{text}{evil}"));
        }
    }
    for format in ["text", "mermaid", "json", "html", "svg"] {
        let ran = shown(lines.join("\n").as_bytes(), &["--format", format]);
        assert_eq!(ran.code, Some(0), "{}", ran.err);
        let unruly = |c: char| c != '\n' && stickdemo::text::is_harmful(c);
        assert!(!ran.out.contains(unruly), "{:?}", ran.out);
        assert!(ran.out.contains("u{1b}[2J") || ran.out.contains("u{202e}"), "they are shown as what they are");
    }
}
