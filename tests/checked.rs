//! Programs under every delivery that TCP allows: careful ones pass, wrong ones are caught, shrunk to the fewest cuts,
//! with the mistake that it is.
#![cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]

mod common;

use common::{Ran, run};
use serde_json::Value;
use std::path::Path;
use stickdemo::sys::scratch::Scratch;

fn subject(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/subjects").join(name).display().to_string()
}

/// The lines of `check --format json` about a Python program.
fn checked(name: &str, options: &[&str]) -> (Ran, Vec<Value>) {
    let subject = subject(name);
    let command: [&str; 3] = ["--", if name.ends_with(".js") { "node" } else { "python3" }, &subject];
    let ran = run(&[&["check", "--format", "json"], options, &command].concat());
    let lines = ran.out.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}\n{ran}")));
    let lines = lines.collect();
    (ran, lines)
}

#[test]
fn careful_programs_pass_every_condition() {
    let mut names: Vec<String> = std::fs::read_dir(subject("careful"))
        .expect("a folder")
        .map(|entry| format!("careful/{}", entry.expect("an entry").file_name().to_string_lossy()))
        .filter(|name| name.ends_with(".py"))
        .collect();
    names.sort();
    assert!(names.len() >= 8, "{names:?}");
    for name in names {
        let (ran, lines) = checked(&name, &["--all"]);
        assert_eq!(ran.code, Some(0), "{name}\n{ran}");
        let score = lines.last().expect("a score");
        assert_eq!(score["failed"], 0, "{name}\n{ran}");
        // Datagrams are never cut, and a call that waits for all of its bytes may not return less.
        let untouched = ["careful/datagrams.py", "careful/wait_all.py"].contains(&name.as_str());
        assert!(untouched || score["passed"].as_u64() >= Some(9), "{name}\n{ran}");
    }
}

/// Those that stand on somebody else's reading and writing: a C library's, a JVM's, libuv's, curl, Redis.
#[test]
fn careful_programs_of_other_languages_pass_every_condition() {
    let folder = Scratch::folder("careful").expect("a folder");
    let place = folder.path().display().to_string();
    let built = |words: &[&str]| {
        let ended = std::process::Command::new(words[0]).args(&words[1..]).status();
        assert!(ended.expect("a compiler").success(), "{words:?}");
    };
    let c = format!("{place}/exact");
    built(&["cc", "-o", &c, &subject("careful/exact.c")]);
    let (files, lines) = (subject("careful"), subject("careful/lines.js"));
    let files = format!("python3 -m http.server 8000 --bind 127.0.0.1 --directory {files}");
    let mut subjects = vec![
        vec!["--", &c],
        vec!["--", "node", &lines],
        vec!["--server", &files, "--client", "curl --silent http://{addr}/exact.c"],
        vec!["--server", "redis-server --port 7000 --save ''", "--client", "redis-cli -p {port} SET name feng"],
    ];
    // Too large to be installed for this alone.
    if std::process::Command::new("javac").arg("-version").output().is_ok() {
        built(&["javac", "-d", &place, &subject("careful/Exact.java")]);
        subjects.push(vec!["--", "java", "-cp", &place, "Exact"]);
    }
    for words in subjects {
        let ran = run(&[&["check", "--all", "--format", "json"][..], &words].concat());
        assert_eq!(ran.code, Some(0), "{words:?}\n{ran}");
        let score: Value = serde_json::from_str(ran.out.lines().last().expect("a score")).expect("JSON");
        assert_eq!(score["failed"], 0, "{words:?}\n{ran}");
        assert!(score["passed"].as_u64() >= Some(9), "{words:?}\n{ran}");
    }
}

/// Which condition breaks it, by which mistake, and how many cuts are enough.
#[test]
fn wrong_programs_are_caught_and_shrunk_to_one_cut() {
    for (name, mistake, cuts) in [
        ("wrong/header_once.py", "part-for-whole", 1),
        ("wrong/header_with_body.py", "part-for-whole", 1),
        ("wrong/json_a_recv.py", "part-for-whole", 1),
        ("wrong/short_is_last.py", "part-for-whole", 1),
        ("wrong/body_once.py", "rest-for-next", 1),
        ("wrong/message_a_recv.py", "rest-for-next", 1),
        ("wrong/two_recvs.py", "rest-for-next", 1),
        ("wrong/same_size_again.py", "same-size-again", 1),
        ("wrong/decode_a_recv.py", "cut-character", 1),
        ("wrong/send_for_sendall.py", "send-unseen", 0),
        ("wrong/until_a_pause.py", "pause-for-end", 0),
        ("wrong/end_unseen.py", "end-unseen", 0),
        ("museum/two_replies.py", "several-for-one", 0),
    ] {
        let (ran, lines) = checked(name, &["--timeout", "5s"]);
        assert_eq!(ran.code, Some(1), "{name}\n{ran}");
        let failed: Vec<&Value> = lines.iter().filter(|line| line["passed"] == false).collect();
        let [failed] = failed[..] else { panic!("{name}\n{ran}") };
        assert_eq!(failed["diagnosis"], mistake, "{name}\n{ran}");
        assert_eq!(failed["cuts"].as_array().map(Vec::len), Some(cuts), "{name}\n{ran}");
        assert_ne!(failed["expected"], failed["actual"], "{name}\n{ran}");
    }
}

/// What is printed to replay a fault shows it again.
#[test]
fn the_replay_breaks_it_again() {
    let (ran, lines) = checked("wrong/header_once.py", &[]);
    let replay = lines[0]["replay"].as_str().unwrap_or_else(|| panic!("{ran}"));
    let words = replay.strip_prefix("stickdemo ").expect("a command").split(' ');
    let again = run(&words.collect::<Vec<_>>());
    assert_eq!(again.code, Some(1), "{again}");
    assert!(again.out.contains("recv(4) = 1 (cut to 1)"), "{again}");
    assert!(again.out.contains("struct.error:"), "{again}");
}

/// With a framing, a header is cut first; the place alone replays it.
#[test]
fn framed_streams_are_cut_where_it_hurts_first() {
    let (ran, lines) = checked("wrong/header_once.py", &["--framing", "u32be"]);
    assert_eq!((&lines[0]["id"], &lines[0]["passed"]), (&"in-header".into(), &false.into()), "{ran}");
    assert_eq!(lines[0]["diagnosis"], "part-for-whole", "{ran}");
    assert!(lines[0]["replay"].as_str().expect("a command").contains("watch --cut server@1 --"), "{ran}");
    let (ran, lines) = checked("careful/exact.py", &["--framing", "u32be"]);
    assert_eq!(ran.code, Some(0), "{ran}");
    let ids: Vec<_> = lines.iter().filter_map(|line| line["id"].as_str()).collect();
    assert_eq!(ids[..3], ["in-header", "header-body", "in-character"], "{ran}");
}

#[test]
fn a_signal_ends_a_call_that_waits_for_all() {
    let (ran, lines) = checked("careful/wait_all.py", &["--interrupt"]);
    let failed = lines.iter().find(|line| line["passed"] == false).unwrap_or_else(|| panic!("{ran}"));
    assert_eq!(failed["id"], "interrupt", "{ran}");
    assert_eq!(failed["cuts"].as_array().map(Vec::len), Some(1), "{ran}");
}

#[test]
fn datagrams_are_struck_and_one_is_enough() {
    let (ran, lines) = checked("datagram_once.py", &["--udp"]);
    let failed = lines.iter().find(|line| line["passed"] == false).unwrap_or_else(|| panic!("{ran}"));
    assert_eq!(failed["id"], "lose-3", "{ran}");
    assert!(failed["replay"].as_str().expect("a command").contains("watch --lose server:3 --"), "{ran}");
    let (ran, lines) = checked("retransmits.py", &["--udp"]);
    assert_eq!((ran.code, &lines.last().expect("a score")["passed"]), (Some(0), &4.into()), "{ran}");
}

#[test]
fn a_pair_is_checked_each_run_in_a_network_of_its_own() {
    let (server, client) = (subject("naive_server.py"), subject("pausing_client.py"));
    let (server, client) = (format!("python3 {server}"), format!("python3 {client} {{host}} {{port}}"));
    let ran = run(&["check", "--server", &server, "--client", &client]);
    assert_eq!(ran.code, Some(1), "{ran}");
    for words in
        ["[fails] cut-1", "server, recv 1: asked 10, got 1", "replay  stickdemo watch --cut server:1=1 --server"]
    {
        assert!(ran.out.contains(words), "{words}\n{ran}");
    }
}

#[test]
fn every_format_says_the_same() {
    let subject = subject("wrong/json_a_recv.py");
    let told = |format: &str| run(&["check", "--format", format, "--", "python3", &subject]);
    for (format, words) in [
        ("tap", &["TAP version 14", "not ok 1 - cut-1", "diagnosis: "][..]),
        ("junit", &["<testsuite ", "failures=\"1\"", "<failure message="]),
        ("markdown", &["## check: ", "- cuts: server, recv 1", "```python", "stickdemo watch --cut server:1=1"]),
        ("text", &["[fails] cut-1", "def recv_exact(sock, n):", "next    stickdemo fix-exact"]),
    ] {
        let ran = told(format);
        assert_eq!(ran.code, Some(1), "{ran}");
        words.iter().for_each(|words| assert!(ran.out.contains(words), "{words}\n{ran}"));
    }
}
