//! Somebody else's programs, watched: Python's, unchanged. What is asserted is what the programs did.
#![cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]

mod common;

use common::{Ran, finished, run, spawn};
use rustix::process::{Pid, Signal, kill_process, kill_process_group, test_kill_process};
use serde_json::Value;
use std::path::Path;
use stickdemo::sys::wait;

/// A program of tests/subjects.
fn subject(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/subjects").join(name).display().to_string()
}

fn python(script: &str) -> String {
    format!("python3 {}", subject(script))
}

/// The naive server and the client that pauses, with these options.
fn pair(options: &[&str]) -> Ran {
    let (server, client) = (python("naive_server.py"), python("pausing_client.py") + " {host} {port}");
    run(&[&["watch", "--server", &server, "--client", &client], options].concat())
}

/// The events of a JSON trace.
fn events(ran: &Ran) -> Vec<Value> {
    let lines =
        ran.out.lines().map(|line| serde_json::from_str::<Value>(line).unwrap_or_else(|e| panic!("{e}\n{ran}")));
    lines.filter(|line| line["type"] == "event").collect()
}

/// End, call and result of each event, as far as it is one of these calls.
fn told(ran: &Ran, calls: &[&str]) -> Vec<String> {
    let events = events(ran).into_iter().filter(|event| calls.contains(&event["call"].as_str().expect("a word")));
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    events.map(|e| format!("{} {} {}", word(&e["end"]), word(&e["call"]), e["returned"])).collect()
}

#[test]
fn who_connected_is_the_client_in_one_process_too() {
    let ran = run(&["watch", "--format", "json", "--stable", "--", "python3", &subject("both_ends.py")]);
    assert_eq!(ran.code, Some(0), "{ran}");
    assert_eq!(
        told(&ran, &["connect", "accept", "send", "recv", "print"]),
        [
            "client connect 0",
            "client send 5",
            "client send 4",
            "server accept 0",
            "server recv 9",
            "server print 13",
            "server send 3",
            "client recv 3",
            "client print 14",
            "server recv 0",
            "server print 4",
        ],
        "{ran}"
    );
    assert_eq!(ran.err, "b'hellofeng'\nanswer b'bye'\nb''\n", "what it prints reaches the terminal");
}

#[test]
fn a_trace_reads_back_as_it_was_shown() {
    let file = std::env::temp_dir().join(format!("stickdemo-watched-{}.jsonl", std::process::id()));
    let path = file.display().to_string();
    let ran = run(&["watch", "--quiet", "--format", "json", "--out", &path, "--", "python3", &subject("both_ends.py")]);
    assert_eq!(ran.code, Some(0), "{ran}");
    let shown = run(&["show", "--full", &path]);
    std::fs::remove_file(file).expect("removed");
    assert_eq!(shown.code, Some(0), "{shown}");
    for words in ["recv(10) = 9", "|M1 hello|M2 feng|", "prints b'hellofeng'", "[holds] TCP: received is a prefix"] {
        assert!(shown.out.contains(words), "{words}\n{shown}");
    }
}

#[test]
fn a_pause_keeps_messages_apart_until_the_receiver_is_late() {
    let apart = pair(&["--format", "json"]);
    assert_eq!(told(&apart, &["recv"]), ["server recv 5", "server recv 4"], "{apart}");
    let late = pair(&["--late", "--format", "json"]);
    assert_eq!(told(&late, &["recv"]), ["server recv 9", "server recv 0"], "{late}");
    assert_eq!((apart.code, late.code), (Some(0), Some(0)));
}

#[test]
fn a_cut_call_returns_less_and_the_rest_comes_next() {
    let ran = pair(&["--cut", "server:1=2", "--format", "json"]);
    assert_eq!(told(&ran, &["recv"]), ["server recv 2", "server recv 3"], "{ran}");
    let asked: Vec<_> = events(&ran).iter().filter(|e| e["call"] == "recv").map(|e| e["asked"].clone()).collect();
    assert_eq!(asked, [10, 10], "the program asked for what it asked\n{ran}");
}

#[test]
fn a_program_that_fails_is_no_success() {
    let ran = run(&["watch", "--", "python3", "-c", "raise SystemExit(7)"]);
    assert_eq!(ran.code, Some(1), "{ran}");
    assert!(ran.out.contains("python3 ended with exit status 7"), "{ran}");
    let ran = run(&["watch", "--", "/nowhere/at/all"]);
    assert_eq!(ran.code, Some(2), "{ran}");
    assert!(ran.err.contains("cannot be started"), "{ran}");
}

/// Every call that strace(1) shows, with its result and its bytes, and no other; peeks take nothing and make no row.
#[test]
fn the_trace_is_that_of_strace() {
    let folder = std::env::temp_dir().join(format!("stickdemo-strace-{}", std::process::id()));
    std::fs::create_dir(&folder).expect("a folder");
    let calls = "trace=bind,listen,accept4,connect,sendto,recvfrom";
    let mut strace = std::process::Command::new("strace");
    strace.args(["-ff", "-xx", "-s", "65536", "-e", calls, "-o"]).arg(folder.join("t"));
    let traced = strace.args(["python3", &subject("both_ends.py")]).output();
    // No test depends on strace being installed; where it is, both must agree.
    let Ok(traced) = traced else { return std::fs::remove_dir_all(folder).expect("removed") };
    assert!(traced.status.success(), "{traced:?}");
    let files = std::fs::read_dir(&folder).expect("its files").flatten();
    let text: String = files.map(|file| std::fs::read_to_string(file.path()).expect("a trace")).collect();
    std::fs::remove_dir_all(folder).expect("removed");
    let mut expected: Vec<String> = text.lines().filter_map(strace_line).collect();
    let ran = run(&["watch", "--quiet", "--format", "json", "--", "python3", &subject("both_ends.py")]);
    let named = |call: &str| match call {
        "send" => Some("sendto"),
        "recv" => Some("recvfrom"),
        "accept" => Some("accept4"),
        "bind" | "listen" | "connect" => {
            Some(["bind", "listen", "connect"].into_iter().find(|c| *c == call).expect("it"))
        }
        _ => None,
    };
    let one = |e: &Value| Some(format!("{} {} {}", named(e["call"].as_str()?)?, e["returned"], e["bytes"].as_str()?));
    let mut told: Vec<String> = events(&ran).iter().filter_map(one).collect();
    expected.sort();
    told.sort();
    assert!(expected.len() >= 10, "{expected:?}");
    assert_eq!(told, expected, "{ran}\n{text}");
}

/// `sendto(4, "\x68\x69", 2, 0, NULL, 0) = 2` as `sendto 2 6869`; of a call that returns a descriptor, 0. Sockets of
/// other families, and peeks, are left out.
fn strace_line(line: &str) -> Option<String> {
    let (call, rest) = line.split_once('(')?;
    let result: i64 = rest.rsplit_once(" = ")?.1.split(' ').next()?.parse().ok()?;
    if rest.contains("MSG_PEEK") || rest.contains("AF_UNIX") || rest.contains("AF_NETLINK") {
        return None;
    }
    let bytes = match call {
        "sendto" | "recvfrom" => rest.split('"').nth(1)?.replace("\\x", ""),
        _ => String::new(),
    };
    let result = if call == "accept4" { 0 } else { result };
    Some(format!("{call} {result} {bytes}"))
}

/// Ctrl-C goes to the program as to anybody in its terminal; it ends, and its trace is written.
#[test]
fn an_interrupt_is_the_programs_and_the_trace_ends_well() {
    let script = "import socket, sys\ns = socket.create_server(('127.0.0.1', 0))\ntry:\n\
                  \x20   print('ready', flush=True)\n    s.accept()\nexcept KeyboardInterrupt:\n    print('interrupted', flush=True)\n    sys.exit(0)\n";
    use std::os::unix::process::CommandExt;
    let mut child = spawn(common::command(&["watch", "--", "python3", "-c", script]).process_group(0));
    let mut lines = std::io::BufReader::new(child.stdout.take().expect("standard output"));
    let mut first = String::new();
    std::io::BufRead::read_line(&mut lines, &mut first).expect("a line");
    assert_eq!(first, "ready\n");
    kill_process_group(Pid::from_child(&child), Signal::INT).expect("sent");
    let mut rest = String::new();
    std::io::Read::read_to_string(&mut lines, &mut rest).expect("the trace");
    let ran = finished(child);
    assert_eq!(ran.code, Some(0), "{rest}{ran}");
    for words in ["interrupted\n", "listen 127.0.0.1:", "prints 2 lines, the last:"] {
        assert!(rest.contains(words), "{words}\n{rest}");
    }
}

/// Whoever kills the tracer kills what it traces (PTRACE_O_EXITKILL).
#[test]
fn nothing_outlives_the_tracer() {
    let script = "import os, socket, time; s = socket.socket(); print(os.getpid(), flush=True); time.sleep(600)";
    let mut child = spawn(&mut common::command(&["watch", "--", "python3", "-c", script]));
    let mut first = String::new();
    let out = child.stdout.take().expect("standard output");
    std::io::BufRead::read_line(&mut std::io::BufReader::new(out), &mut first).expect("a line");
    let watched = Pid::from_raw(first.trim().parse().expect("a number")).expect("a process");
    test_kill_process(watched).expect("it runs");
    kill_process(Pid::from_child(&child), Signal::KILL).expect("killed");
    assert!(wait::until(common::PATIENCE, || test_kill_process(watched).is_err()), "it is still there");
    assert_eq!(finished(child).code, None);
}
