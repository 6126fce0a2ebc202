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

/// Whatever call takes the bytes, it takes no more than it may, and the program finds its lists of buffers as it left
/// them: the same program prints the same.
#[test]
fn every_call_that_receives_is_cut() {
    let whole = run(&["watch", "--format", "json", "--", "python3", &subject("lists.py")]);
    let ran = run(&["watch", "--cut", "2", "--format", "json", "--", "python3", &subject("lists.py")]);
    assert_eq!((whole.code, ran.code), (Some(0), Some(0)), "{whole}{ran}");
    assert_eq!(whole.err, ran.err, "{ran}");
    let got = |ran: &Ran| told(ran, &["recv"]);
    assert_eq!(got(&whole), ["server recv 6", "server recv 6", "server recv 6", "server recv 6"], "{whole}");
    assert_eq!(got(&ran), ["server recv 2"; 12], "{ran}");
    let asked: std::collections::HashSet<_> = events(&ran).iter().map(|e| e["asked"].to_string()).collect();
    assert!(asked.contains("6") && !asked.contains("2"), "the program asked for what it asked\n{ran}");
}

/// A server that hears three datagrams and answers each, after all were sent.
const DATAGRAMS: &str = "import socket\nserver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n\
     server.bind(('127.0.0.1', 0))\nclient = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n\
     for word in [b'one', b'two', b'three']:\n    client.sendto(word, server.getsockname())\n\
     server.settimeout(0.3)\ntry:\n    while True:\n        data, peer = server.recvfrom(100)\n\
     \x20       print(data.decode(), end=' ')\n        server.sendto(data, peer)\nexcept TimeoutError:\n    print('end')\n";

#[test]
fn datagrams_are_lost_doubled_and_swapped() {
    for (options, heard) in [
        (&[][..], "one two three end\n"),
        (&["--lose", "server:2"], "one three end\n"),
        (&["--lose", "2"], "one three end\n"),
        (&["--double", "server:1"], "one one two three end\n"),
        (&["--swap", "server:1"], "two one three end\n"),
        (&["--lose", "client:1"], "one two three end\n"),
    ] {
        let words = [&["watch", "--format", "json"], options, &["--", "python3", "-c", DATAGRAMS]].concat();
        let ran = run(&words);
        assert_eq!((ran.code, &*ran.err), (Some(0), heard), "{options:?}\n{ran}");
        let struck: Vec<_> = events(&ran).iter().filter_map(|e| e["struck"].as_str().map(str::to_owned)).collect();
        let expected = match options.first() {
            None => None,
            Some(&"--lose") => Some("lost"),
            Some(&"--double") => Some("doubled"),
            Some(_) => Some("swapped"),
        };
        assert_eq!(struck.first().map(String::as_str), expected, "{ran}");
        assert!(!ran.out.contains("\"holds\":false"), "{ran}");
        assert!(!ran.out.contains("\"inferred\":true"), "each is one that was sent\n{ran}");
    }
}

/// What a program can find out about itself: the signals it blocks, ignores and catches, its environment, descriptors,
/// folder, standard input.
#[test]
fn a_watched_program_finds_itself_as_unwatched() {
    use std::io::Write;
    use std::process::{Command, Stdio};
    // Two real-time signals are the C library's own; Ctrl-C (SIGINT) is heard by whoever watches, so that one that was
    // ignored before is not.
    let script = "import os, sys\nsignals = [l for l in open('/proc/self/status') if l[:3] in ('Sig', 'Shd')][1:]\n\
                  print([int(l.split()[1], 16) & 0x7ffffffd for l in signals])\n\
                  print(sorted(os.environ.items()), os.listdir('/proc/self/fd'), os.getcwd(), os.umask(0))\n\
                  print([os.isatty(fd) for fd in range(3)], os.getsid(0), sys.stdin.read())\n";
    let told = |watch: &[&str]| {
        let words: Vec<&str> = watch.iter().copied().chain(["python3", "-c", script]).collect();
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("started");
        child.stdin.take().expect("a pipe").write_all("input, 输入".as_bytes()).expect("written");
        let ran = child.wait_with_output().expect("ended");
        assert!(ran.status.success(), "{ran:?}");
        String::from_utf8(ran.stdout).expect("text")
    };
    let unwatched = told(&[]);
    assert!(unwatched.contains("input, 输入"), "{unwatched}");
    let watched = told(&[common::BINARY, "watch", "--"]);
    assert!(watched.starts_with(&unwatched), "{watched}\n{unwatched}");
}

#[test]
fn what_cannot_be_seen_is_said() {
    let said = |script: &str, words: &str| {
        let ran = run(&["watch", "--", "python3", "-c", script]);
        assert_eq!(ran.code, Some(0), "{ran}");
        assert!(ran.out.split_whitespace().collect::<Vec<_>>().join(" ").contains(words), "{words}\n{ran}");
    };
    said("import ctypes; ctypes.CDLL(None).syscall(425, 1, ctypes.create_string_buffer(120))", "uses io_uring");
    let ends = "import os, socket\nl = socket.create_server(('127.0.0.1', 0))\n\
                near = socket.create_connection(l.getsockname())\nfar = l.accept()[0]\n";
    let hello = "near.send(bytes([22, 3, 1, 0, 5, 1, 0, 0, 1, 0]))\nfar.recv(100)\n";
    said(&format!("{ends}{hello}"), "connections that speak TLS: 1; their bytes are ciphertext");
    let pass = "a, b = socket.socketpair()\nsocket.send_fds(a, [b'x'], [near.fileno()])\n";
    said(&format!("{ends}{pass}"), "a socket was handed to another process (SCM_RIGHTS)");
    // A process that is watched has it: that is seen.
    let taken = "if os.fork() == 0:\n    fd = socket.recv_fds(b, 1, 1)[1][0]\n    os.write(fd, b'passed')\n    os._exit(0)\n\
                 os.wait()\n";
    let ran = run(&["watch", "--", "python3", "-c", &format!("{ends}{pass}{taken}")]);
    assert!(ran.out.contains("[passed]") && !ran.out.contains("SCM_RIGHTS"), "{ran}");
}

#[test]
fn a_program_that_fails_is_no_success() {
    let ran = run(&["watch", "--", "python3", "-c", "raise SystemExit(7)"]);
    assert_eq!(ran.code, Some(1), "{ran}");
    assert!(ran.out.contains("python3 ended with exit status 7"), "{ran}");
    let ran = run(&["watch", "--format", "json", "--", "sh", "-c", "kill -TERM $$"]);
    assert_eq!(ran.code, Some(1), "{ran}");
    assert!(ran.out.contains("sh was ended by signal 15"), "{ran}");
    let ran = run(&["watch", "--", "/nowhere/at/all"]);
    assert_eq!(ran.code, Some(2), "{ran}");
    assert!(ran.err.contains("cannot be started"), "{ran}");
}

/// What a call did: `send 5 68656c6c6f`; of what strace(1) does not show, the number alone.
fn did(call: &str, result: &str, bytes: &str) -> String {
    format!("{call} {result} {bytes}")
}

/// Every call that strace(1) shows on a socket of the internet families, with its result and its bytes, and no other.
#[test]
fn the_trace_is_that_of_strace() {
    let folder = std::env::temp_dir().join(format!("stickdemo-strace-{}", std::process::id()));
    std::fs::create_dir(&folder).expect("a folder");
    let mut strace = std::process::Command::new("strace");
    strace.args(["-ff", "-y", "-xx", "-s", "65536", "-o"]).arg(folder.join("t"));
    let traced = strace.args(["python3", &subject("every_call.py")]).output().expect("strace is installed");
    assert!(traced.status.success(), "{traced:?}");
    let files = std::fs::read_dir(&folder).expect("its files").flatten();
    let texts: Vec<String> = files.map(|file| std::fs::read_to_string(file.path()).expect("a trace")).collect();
    std::fs::remove_dir_all(folder).expect("removed");
    let mut expected: Vec<String> = texts.iter().flat_map(|text| strace_calls(text)).collect();
    let ran = run(&["watch", "--quiet", "--format", "json", "--", "python3", &subject("every_call.py")]);
    assert_eq!(ran.code, Some(0), "{ran}");
    let mut told: Vec<String> = events(&ran).iter().filter_map(told_call).collect();
    expected.sort();
    told.sort();
    assert!(expected.len() >= 45, "{expected:?}");
    assert_eq!(told, expected, "{ran}\n{texts:?}");
    // What strace does not show: sendfile's bytes, and those of splice.
    for (byte, n) in [("73", 31), ("70", 33), ("71", 35)] {
        let whole = events(&ran).into_iter().filter(|e| e["bytes"] == byte.repeat(n));
        let calls: Vec<_> = whole.map(|e| e["call"].clone()).collect();
        assert_eq!(calls, ["send", "recv"], "{n} bytes\n{ran}");
    }
}

/// An event as [`strace_calls`] has it.
fn told_call(event: &Value) -> Option<String> {
    let result = event["error"].as_str().map_or_else(|| event["returned"].to_string(), str::to_owned);
    let unshown = ["31", "33", "35"].contains(&result.as_str());
    let bytes = if unshown { "" } else { event["bytes"].as_str().unwrap_or_default() };
    match event["call"].as_str()? {
        "send" | "sendto" => Some(did("send", &result, bytes)),
        "recv" | "recvfrom" => Some(did("recv", &result, bytes)),
        call @ ("bind" | "listen" | "connect" | "accept" | "shutdown") => Some(did(call, &result, "")),
        _ => None,
    }
}

/// The calls of one thread as strace wrote them.
fn strace_calls(text: &str) -> Vec<String> {
    let mut calls = Vec::new();
    let mut interrupted = None;
    for line in text.lines() {
        let Some((name, rest)) = line.split_once('(') else { continue };
        let Some((arguments, result)) = rest.rsplit_once(" = ") else { continue };
        let result = result.split(' ').next().unwrap_or_default();
        let failed = rest.contains(" = -1 ").then(|| rest.rsplit(" = -1 ").next()?.split(' ').next()).flatten();
        if name == "rt_sigreturn" && failed == Some("EINTR") {
            calls.extend(interrupted.take());
        }
        let socket: String = b"socket:".iter().map(|byte| format!("\\x{byte:02x}")).collect();
        if !arguments.contains(&format!("<{socket}")) || arguments.contains("AF_UNIX") {
            continue;
        }
        let call = match name {
            "sendto" | "sendmsg" | "sendmmsg" | "write" | "writev" | "sendfile" => "send",
            "recvfrom" | "recvmsg" | "recvmmsg" | "read" | "readv" => "recv",
            "splice"
                if arguments.starts_with(&format!("{}<{socket}", arguments.split('<').next().expect("a number"))) =>
            {
                "recv"
            }
            "splice" => "send",
            "accept4" => "accept",
            "bind" | "listen" | "connect" | "shutdown" => name,
            _ => continue,
        };
        if result == "?" {
            interrupted = Some(did(call, "EINTR", ""));
            continue;
        }
        calls.extend(match (failed, name) {
            (Some(error), _) => vec![did(call, error, "")],
            (None, "sendmmsg" | "recvmmsg") => messages(call, arguments),
            (None, "accept4") => vec![did(call, "0", "")],
            (None, _) => vec![did(call, result, &moved(arguments, result))],
        });
    }
    calls
}

/// The messages of one call: each is as long as its `msg_len` says.
fn messages(call: &str, arguments: &str) -> Vec<String> {
    let parts: Vec<&str> = arguments.split("msg_len=").collect();
    let len = |text: &str| text.split(['}', ',']).next().unwrap_or_default().to_owned();
    parts.windows(2).map(|pair| did(call, &len(pair[1]), &moved(pair[0], &len(pair[1])))).collect()
}

/// The first bytes of the buffers that a call was given, in hexadecimal; where they are shown.
fn moved(arguments: &str, result: &str) -> String {
    let listed = arguments.contains("iov_base=");
    let texts: Vec<&str> = match listed {
        true => arguments.split("iov_base=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect(),
        false => arguments.split('"').nth(1).into_iter().collect(),
    };
    let shown = texts.concat().replace("\\x", "");
    let most = 2 * result.parse::<usize>().unwrap_or(0);
    let unshown = [31, 33, 35].contains(&(most / 2));
    if unshown { String::new() } else { shown[..most.min(shown.len())].to_owned() }
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
    let (terminal, trace) = rest.split_once("in the order of causes").expect("a trace");
    assert!(terminal.contains("interrupted\n"), "{rest}");
    for words in ["interrupted", "listen 127.0.0.1:"] {
        assert!(trace.contains(words), "{words}\n{rest}");
    }
}

/// A server that ran before is watched for a while; what it does then is recorded, and it goes on.
#[test]
fn a_process_that_runs_is_watched_and_let_go() {
    use std::io::{BufRead, BufReader, Read, Write};
    use std::net::TcpStream;
    use std::process::{Command, Stdio};
    let script = "import socket\nl = socket.create_server(('127.0.0.1', 0))\nprint(l.getsockname()[1], flush=True)\n\
                  while True:\n    c, _ = l.accept()\n    c.sendall(c.recv(100).upper())\n    c.close()\n";
    let mut server = spawn(Command::new("python3").args(["-c", script]).stdout(Stdio::piped()));
    let mut line = String::new();
    BufReader::new(server.stdout.take().expect("a pipe")).read_line(&mut line).expect("a line");
    let port: u16 = line.trim().parse().expect("a port");
    let ask = |word: &str| {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("connected");
        stream.write_all(word.as_bytes()).expect("written");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        answer
    };
    assert_eq!(ask("before"), "BEFORE");
    let tracer = || {
        let status = std::fs::read_to_string(format!("/proc/{}/status", server.id())).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("TracerPid:")).expect("a line");
        line.trim().parse::<u32>().expect("a number")
    };
    let pid = server.id().to_string();
    let mut watch = spawn(&mut common::command(&["watch", "--pid", &pid, "--format", "json"]));
    let mut said = String::new();
    BufReader::new(watch.stderr.take().expect("a pipe")).read_line(&mut said).expect("a line");
    assert!(said.starts_with(&format!("watching process {pid}")), "{said}");
    assert_eq!(tracer(), watch.id());
    let words = ["first", "second"].map(&ask);
    assert_eq!(words, ["FIRST", "SECOND"]);
    kill_process(Pid::from_child(&watch), Signal::INT).expect("sent");
    let ran = finished(watch);
    assert_eq!(ran.code, Some(0), "{ran}");
    assert_eq!(tracer(), 0, "{ran}");
    assert_eq!(ask("after"), "AFTER");
    assert_eq!(told(&ran, &["send"]), ["server send 5", "server send 6"], "{ran}");
    assert!(ran.out.contains("it ran before") && !ran.out.contains("\"holds\":false"), "{ran}");
    server.kill().expect("ended");
    server.wait().expect("gone");
    let gone = run(&["watch", "--pid", &pid]);
    assert_eq!(gone.code, Some(3), "{gone}");
}

/// Only the first calls are kept, and all that they tell is true.
#[test]
fn so_many_calls_are_kept_and_it_says_so() {
    let ran = run(&["watch", "--events", "12", "--", "python3", &subject("every_call.py")]);
    assert_eq!(ran.code, Some(0), "{ran}");
    assert!(ran.out.contains("only the first 12 calls are recorded (--events N)"), "{ran}");
    assert!(!ran.out.contains("[fails]"), "{ran}");
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
