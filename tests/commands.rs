//! `serve commands` and `exec` on real sockets: against each other, against Python written from the wire formats, and
//! against peers that deliver as they like or mean no good. The commands are those of a Unix shell.

#![cfg(unix)]

mod common;

use common::*;
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream, UdpSocket};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};
use stickdemo::sys::scratch::Scratch;
use stickdemo::sys::wait;

const TCP: [&str; 4] = ["none", "ack", "i32le", "json"];

/// More than a pipe, a socket buffer or one recv holds.
const LONG: usize = 1_500_000;

/// The commands that every pair of programs runs, with standard error and standard output.
fn cases() -> Vec<(String, String, String)> {
    let case = |line: &str, stderr: &str, stdout: &str| (line.to_owned(), stderr.to_owned(), stdout.to_owned());
    vec![
        case("echo out; echo err >&2", "err\n", "out\n"),
        case("echo 专题海报; echo 找不到文件 >&2", "找不到文件\n", "专题海报\n"),
        case("printf 1024", "", "1024"),
        case("echo err >&2", "err\n", ""),
        case(&format!("head -c {LONG} /dev/zero | tr '\\0' x"), "", &"x".repeat(LONG)),
    ]
}

/// What the documents' protocol carries of it.
fn carried(framing: &str, stderr: &str, stdout: &str) -> String {
    match framing {
        "json" if !stderr.is_empty() => stderr.to_owned(),
        _ => format!("{stderr}{stdout}"),
    }
}

fn start(framing: &str, more: &[&str]) -> Server {
    Server::start(&[&["commands", "--framing", framing], more].concat())
}

fn shell(framing: &str) -> Server {
    start(framing, &["--shell"])
}

fn exec(server: &str, framing: &str, more: &[&str]) -> Ran {
    let udp: &[&str] = if framing == "udp" { &["--udp"] } else { &["--framing", framing] };
    run(&[&["exec", server], udp, more].concat())
}

/// The same at the prompt, with lines from a pipe.
fn prompt(server: &str, more: &[&str], lines: &str) -> Ran {
    typed(&[&["exec", server], more].concat(), lines)
}

/// Where an answer's end is a guess, longer than a busy machine makes a server pause before one, and inside one.
fn guessing(framing: &str) -> Vec<&str> {
    let patience: &[&str] = if framing == "none" { &["--timeout", "50s", "--settle", "1s"] } else { &[] };
    [&["--framing", framing], patience].concat()
}

/// What the Python client printed: each answer's text.
fn python_client(framing: &str, server: &Server, args: &[&str]) -> Vec<String> {
    let mut client = python("exec_client.py");
    let ran = finished(spawn(client.arg(framing).arg(server.at.port().to_string()).args(args)));
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let text =
        |line: &str| serde_json::from_str::<Value>(line).expect("JSON")["text"].as_str().expect("text").to_owned();
    ran.out.lines().map(text).collect()
}

/// Compared by length first: a megabyte of x in a message helps nobody.
fn same(got: &str, expected: &str, what: &str) {
    assert_eq!(got.len(), expected.len(), "{what}");
    assert!(got == expected, "{what}");
}

/// A command that runs until this file is there, or its folder is not: a test that fails leaves no process behind.
fn until_there(gate: &Path) -> String {
    let folder = gate.parent().expect("a folder").display();
    format!("while [ ! -e {} ] && [ -d {folder} ]; do sleep 0.02; done; echo slow", gate.display())
}

#[test]
fn one_command_between_two_stickdemos() {
    for framing in TCP {
        let server = shell(framing);
        for (line, stderr, stdout) in cases() {
            let ran = exec(&server.address(), framing, &[&line]);
            same(&ran.out, &carried(framing, &stderr, &stdout), &format!("{framing}: {line}"));
            assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{framing}: {line}");
        }
        let ran = exec(&server.address(), framing, &["true"]);
        assert_eq!((ran.code, ran.out.as_str()), (Some(0), ""), "{framing}: no output at all");
    }
}

#[test]
fn one_command_after_another_at_the_prompt() {
    for framing in TCP {
        let server = shell(framing);
        let lines: String = cases().iter().map(|(line, ..)| format!("{line}\n")).collect();
        let expected: String = cases().iter().map(|(_, stderr, stdout)| carried(framing, stderr, stdout)).collect();
        let ran = prompt(&server.address(), &guessing(framing), &format!("{lines}\n\n  quit\necho never\n"));
        same(&ran.out, &expected, framing);
        assert_eq!(ran.code, Some(0), "{framing}: {}", ran.err);
        assert_eq!(ran.err.lines().count(), 1, "an empty line is explained once: {}", ran.err);
    }
}

#[test]
fn scripts_read_one_line_for_an_answer() {
    let server = shell("json");
    let more = ["--framing", "json", "--format", "json"];
    let ran = prompt(&server.address(), &more, "echo 专题\ntrue\n");
    let lines: Vec<Value> = ran.out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let answer = |command: &str, bytes: u32, text: &str| serde_json::json!({ "type": "answer", "command": command, "bytes": bytes, "text": text });
    assert_eq!(lines, [answer("echo 专题", 7, "专题\n"), answer("true", 0, "")]);
}

#[test]
fn python_asks_this_server() {
    for framing in ["ack", "i32le", "json"] {
        let server = shell(framing);
        let lines: Vec<String> = cases().into_iter().map(|(line, ..)| line).chain(["true".to_owned()]).collect();
        let got = python_client(framing, &server, &lines.iter().map(String::as_str).collect::<Vec<_>>());
        let expected = cases().into_iter().map(|(_, stderr, stdout)| carried(framing, &stderr, &stdout));
        for (i, text) in expected.chain([String::new()]).enumerate() {
            same(&got[i], &text, &format!("{framing}: {}", lines[i]));
        }
    }
    let server = shell("none");
    for (line, stderr, stdout) in cases() {
        same(&python_client("none", &server, &[&line])[0], &carried("none", &stderr, &stdout), &line);
    }
}

#[test]
fn python_acknowledges_as_it_likes() {
    let server = shell("ack");
    for word in ["recv_ready", "ok", "准备好了", "1"] {
        let got = python_client("ack", &server, &["--ack", word, "echo a", "echo b"]);
        assert_eq!(got, ["a\n", "b\n"], "{word}");
    }
}

#[test]
fn python_serves_this_client() {
    for framing in TCP {
        let server = Server::python("commands_server.py", &[framing]);
        for (line, stderr, stdout) in cases() {
            let ran = exec(&server.address(), framing, &[&line]);
            same(&ran.out, &carried(framing, &stderr, &stdout), &format!("{framing}: {line}"));
            assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{framing}: {line}");
        }
        let ran = prompt(&server.address(), &guessing(framing), "echo a\necho b >&2\necho c\n");
        assert_eq!((ran.out.as_str(), ran.code), ("a\nb\nc\n", Some(0)), "{framing}: {}", ran.err);
    }
    let server = Server::python("commands_server.py", &["none", "--reverse"]);
    assert_eq!(exec(&server.address(), "none", &["echo out; echo err >&2"]).out, "out\nerr\n");
}

#[test]
fn datagrams_with_python_both_ways() {
    let small = || cases().into_iter().filter(|(_, _, stdout)| stdout.len() < 60_000);
    let server = Server::start(&["commands", "--udp", "--shell"]);
    let lines: Vec<String> = small().map(|(line, ..)| line).collect();
    let expected: Vec<String> = small().map(|(_, stderr, stdout)| stderr + &stdout).collect();
    assert_eq!(python_client("udp", &server, &lines.iter().map(String::as_str).collect::<Vec<_>>()), expected);
    for args in [&["udp"][..], &["udp", "--reverse"]] {
        let server = Server::python("commands_server.py", args);
        for (line, stderr, stdout) in small() {
            let ran = exec(&server.address(), "udp", &[&line]);
            let both = if args.len() == 1 { stderr + &stdout } else { stdout + &stderr };
            assert_eq!((ran.out, ran.code, ran.err.as_str()), (both, Some(0), ""), "{line}");
        }
    }
}

/// A client that sends and reads bytes as told.
fn said(server: &Server, pieces: &[&[u8]]) -> String {
    let mut client = server.connect();
    client.set_nodelay(true).expect("an option");
    for piece in pieces {
        client.write_all(piece).expect("sent");
    }
    client.shutdown(Shutdown::Write).expect("half closed");
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).expect("an answer");
    String::from_utf8(answer).expect("text")
}

#[test]
fn a_command_in_single_bytes_is_one_command() {
    let server = start("none", &["--settle", "20s"]);
    let line = "echo 粘 包".as_bytes();
    let single: Vec<&[u8]> = line.chunks(1).collect();
    assert_eq!(said(&server, &single), "粘 包\n");
    assert_eq!(said(&server, &line.chunks(3).collect::<Vec<_>>()), "粘 包\n");
}

/// What the protocols cannot do, held fast for the page that says so.
#[test]
fn commands_themselves_have_no_frame() {
    let server = start("none", &["--settle", "20s"]);
    assert_eq!(said(&server, &[b"echo a", b"echo b"]), "aecho b\n", "two commands at once are one text");
    let server = start("none", &["--settle", "30ms"]);
    let mut client = server.connect();
    client.write_all(b"echo a").expect("sent");
    let mut answer = [0; 2];
    client.read_exact(&mut answer).expect("an answer to the first piece");
    assert_eq!(&answer, b"a\n");
    client.write_all(b" b").expect("sent");
    client.shutdown(Shutdown::Write).expect("half closed");
    let mut rest = String::new();
    client.read_to_string(&mut rest).expect("an answer to the second");
    assert!(rest.starts_with("stickdemo: b is not on the list"), "a pause made two commands of it: {rest}");
}

#[test]
fn every_refusal_reaches_the_client_and_the_log() {
    let scratch = Scratch::folder("commands").expect("a folder");
    let script = script(&scratch, "loud", "#!/bin/sh\nexec cat /dev/zero\n");
    let slow = self::script(&scratch, "slow", "#!/bin/sh\necho began\nexec sleep 1000\n");
    let limits = ["--time-limit", "500ms", "--output-limit", "100000", "--allow", &script, "--allow", &slow];
    for framing in TCP {
        let mut server = start(framing, &limits);
        let address = server.address();
        for (line, words) in [
            ("cat /etc/passwd", "stickdemo: cat is not on the list of what may run here: "),
            ("/bin/echo a", "stickdemo: /bin/echo is not on the list"),
            ("date -f /etc/passwd", "stickdemo: date runs without arguments here"),
            // A peer's braces are not filled in.
            ("{} {}", "stickdemo: {} is not on the list"),
            ("echo 'a", "stickdemo: a quotation mark or a backslash has no end\n"),
            (slow.as_str(), "stickdemo: stopped: it may run for 500ms\n"),
            (script.as_str(), "stickdemo: stopped: it may print 100,000 bytes\n"),
        ] {
            let ran = exec(&address, framing, &[line]);
            assert_eq!(ran.code, Some(0), "an answer like any other: {}", ran.err);
            assert!(ran.out.contains(words), "{framing}: {line}: {:.200}", ran.out);
        }
        server.logged("refused: cat /etc/passwd: cat is not on the list", 1);
        server.logged("refused: {} {}: {} is not on the list", 1);
        server.logged("slow: stderr 0 B, stdout 6 B, stopped: it may run for 500ms", 1);
        server.logged("stopped: it may print 100,000 bytes", 1);
        assert_eq!(server.log().len(), 7, "a line each: {:#?}", server.log());
        server.unhurt();
    }
    let server = start("none", &[]);
    assert_eq!(said(&server, &[b"echo {} a\x1b[2J"]), "{} a\x1b[2J\n");
    server.logged("echo {} a [2J: stderr 0 B, stdout 9 B, exit status 0", 1);
    assert_eq!(said(&server, &[b"\xff\xfe"]), "stickdemo: the command is not UTF-8\n");
    assert_eq!(said(&server, &[b" \n"]), "stickdemo: the command is empty\n");
    assert_eq!(said(&server, &[b"echo a\0b"]), "stickdemo: the command holds a zero byte\n");
    assert_eq!(said(&server, &[&[b'x'; 300_000]]), "stickdemo: the command is longer than 65,536 bytes\n");
    server.logged("refused: the command is longer than 65,536 bytes", 1);
}

/// A program in a folder; its path, in quotes, is what a client calls.
fn script(folder: &Scratch, name: &str, text: &str) -> String {
    use std::os::unix::fs::PermissionsExt;
    let path = folder.path().join(name);
    std::fs::write(&path, text).expect("a script");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("runnable");
    path.to_str().expect("a plain path").to_owned()
}

#[test]
fn what_may_run_is_checked_when_the_server_starts() {
    let ran = run(&["serve", "commands", "--allow", "no-such-program-here"]);
    assert_eq!(ran.code, Some(2), "{}", ran.err);
    assert!(ran.err.contains("--allow no-such-program-here: no such program on PATH"), "{}", ran.err);
    for args in [&["--shell", "--listen", "0.0.0.0:0"][..], &["--listen", "0.0.0.0:0"]] {
        assert_eq!(run(&[&["serve", "commands"], args].concat()).code, Some(2));
    }
}

#[test]
fn json_leaves_stdout_out_and_says_so() {
    let server = shell("json");
    let line = "echo out; echo err >&2";
    assert_eq!(exec(&server.address(), "json", &[line]).out, "err\n");
    server.logged("stdout left out: 4 B; --both sends it", 1);
    let server = start("json", &["--shell", "--both"]);
    assert_eq!(exec(&server.address(), "json", &[line]).out, "err\nout\n");
}

/// Whether a process is there; a zombie is.
fn alive(pid: i32) -> bool {
    // SAFETY: signal 0 sends nothing.
    unsafe { libc::kill(pid, 0) == 0 }
}

/// Waits until a command has written its process id there.
fn pid_in(path: &std::path::Path) -> i32 {
    let mut pid = None;
    let read = || {
        pid = std::fs::read_to_string(path).ok().and_then(|text| text.strip_suffix('\n')?.parse().ok());
        pid.is_some()
    };
    assert!(wait::until(PATIENCE, read), "the command runs");
    pid.expect("a process id")
}

#[test]
fn a_client_that_resets_takes_its_command_with_it() {
    let scratch = Scratch::folder("commands").expect("a folder");
    let file = scratch.path().join("pid");
    let server = start("i32le", &["--shell", "--time-limit", "300s"]);
    let mut client = server.connect();
    client.write_all(format!("echo $$ > {}; sleep 1000", file.display()).as_bytes()).expect("sent");
    let pid = pid_in(&file);
    reset(client);
    assert!(wait::until(PATIENCE, || !alive(pid)), "it still runs");
    server.logged("stopped: the client hung up", 1);
}

#[test]
fn an_interrupted_server_leaves_no_command_behind() {
    let scratch = Scratch::folder("commands").expect("a folder");
    let file = scratch.path().join("pid");
    let mut server = spawn(command(&["serve", "commands", "--shell", "--time-limit", "300s"]).stdin(Stdio::null()));
    let mut err = BufReader::new(server.stderr.take().expect("stderr"));
    let mut first = String::new();
    err.read_line(&mut first).expect("a line");
    let address = first.split(['>', ' ', ';']).find(|word| word.starts_with("127.0.0.1:")).expect("an address");
    let mut client = TcpStream::connect(address).expect("it listens");
    client.write_all(format!("echo $$ > {}; sleep 1000", file.display()).as_bytes()).expect("sent");
    let pid = pid_in(&file);
    // SAFETY: the process is ours and was not waited for.
    unsafe { libc::kill(server.id() as i32, libc::SIGINT) };
    assert_eq!(server.wait().expect("it ends").code(), Some(130));
    assert!(wait::until(PATIENCE, || !alive(pid)), "it still runs");
}

/// The children of a process, zombies too.
#[cfg(target_os = "linux")]
fn children(pid: u32) -> usize {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).expect("threads");
    let of = |task: std::fs::DirEntry| std::fs::read_to_string(task.path().join("children")).unwrap_or_default();
    tasks.flatten().map(|task| of(task).split_whitespace().count()).sum()
}

#[cfg(target_os = "linux")]
#[test]
fn a_thousand_resets_leave_no_process_and_no_thread() {
    let mut server = start("i32le", &["--settle", "1ms"]);
    let threads = server.status("Threads");
    for round in 0..1000 {
        let mut client = server.connect();
        if round % 3 > 0 {
            client.write_all(b"echo hello").expect("sent");
        }
        if round % 3 == 2 {
            client.read_exact(&mut [0; 10]).expect("an answer");
        }
        reset(client);
    }
    assert_eq!(exec(&server.address(), "i32le", &["echo", "still", "here"]).out, "still here\n");
    server.quiet_again(threads);
    assert!(wait::until(PATIENCE, || children(server.id()) == 0), "{} children", children(server.id()));
    server.unhurt();
}

/// Thirty clients ask for 16 MB each, and leave them where they are.
#[cfg(target_os = "linux")]
#[test]
fn long_answers_that_nobody_takes_have_bounded_room() {
    let mut server = shell("ack");
    let before = server.status("VmHWM");
    let mut lengths = Vec::new();
    let clients: Vec<TcpStream> = (0..30)
        .map(|_| {
            let mut client = server.connect();
            client.write_all(b"head -c 16000000 /dev/zero").expect("sent");
            let mut digits = [0; 32];
            let n = client.read(&mut digits).expect("a length");
            lengths.push(std::str::from_utf8(&digits[..n]).expect("digits").parse::<usize>().expect("a number"));
            client
        })
        .collect();
    assert_eq!(lengths[..5], [16_000_000; 5]);
    server.logged("stopped: too many long answers at once", 1);
    let more = (server.status("VmHWM") - before) / 1024;
    assert!(more < 400, "{more} MiB for {} MB that were asked for", 30 * 16);
    assert_eq!(exec(&server.address(), "ack", &["echo small"]).out, "small\n", "there is room for that");
    drop(clients);
    let long = exec(&server.address(), "ack", &["head -c 16000000 /dev/zero | tr '\\0' x"]);
    assert_eq!((long.out.len(), long.code), (16_000_000, Some(0)), "and again for long ones: {}", long.err);
    server.unhurt();
}

#[test]
fn a_slow_command_holds_nobody_up() {
    let scratch = Scratch::folder("commands").expect("a folder");
    let gate = scratch.path().join("gate");
    let slow = until_there(&gate);
    for framing in ["i32le", "udp"] {
        let how: &[&str] = if framing == "udp" { &["--udp"] } else { &[] };
        let server = Server::start(&[&["commands", "--shell", "--time-limit", "300s"], how].concat());
        let address = server.address();
        let first = spawn(&mut command(&[&["exec", &address, "--timeout", "300s"], how, &[&slow]].concat()));
        for _ in 0..3 {
            assert_eq!(exec(&address, framing, &["echo fast"]).out, "fast\n");
        }
        std::fs::write(&gate, "").expect("opened");
        let ran = finished(first);
        assert_eq!((ran.out.as_str(), ran.code), ("slow\n", Some(0)), "{}", ran.err);
        std::fs::remove_file(&gate).expect("closed");
    }
}

#[test]
fn silence_ends_a_connection_at_every_place() {
    let mut server = start("ack", &["--idle", "300ms"]);
    let mut silent = server.connect();
    let mut halting = server.connect();
    halting.write_all(b"echo \xe7").expect("half a character");
    let mut unready = server.connect();
    unready.write_all(b"echo hello").expect("sent");
    let mut digit = [0];
    unready.read_exact(&mut digit).expect("a length");
    assert_eq!(&digit, b"6");
    unready.write_all(b"recv").expect("half an acknowledgement");
    assert!(hung_up(&mut silent) && hung_up(&mut halting) && hung_up(&mut unready));
    server.unhurt();
}

/// A server that answers each client with these bytes once a command came; then it hangs up.
fn answering(answer: Vec<u8>) -> String {
    let (listener, address) = listener();
    std::thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            let _ = client.read(&mut [0; 1024]);
            let _ = client.write_all(&answer);
            let _ = client.shutdown(Shutdown::Write);
            // Until it hangs up, so that no reset overtakes the answer.
            let _ = client.read_to_end(&mut Vec::new());
        }
    });
    address
}

#[test]
fn a_server_that_breaks_the_protocol_is_told_apart() {
    let deep = [vec![0x60, 0xea, 0, 0], vec![b'['; 60_000]].concat();
    for (framing, answer, words) in [
        ("i32le", b"\xff\xff\xff\xff".to_vec(), "a length cannot be negative"),
        ("i32le", b"\xff\xff\xff\x7f".to_vec(), "over the limit of 67,108,864"),
        ("i32le", b"\x05\0\0\0hel".to_vec(), "the stream ended inside a body: 3 of 5 bytes"),
        ("i32le", b"\x05\0\0\0hello, world".to_vec(), "bytes follow the answer"),
        ("i32le", b"HTTP/1.1 400 Bad Request\r\n".to_vec(), "is the peer speaking HTTP?"),
        ("i32le", b"".to_vec(), "does the server use the same?"),
        ("json", b"\x05\0\0\0hello".to_vec(), "does the server use --framing i32le?"),
        ("json", b"\x11\0\0\0{\"data_size\": -1}".to_vec(), "cannot be negative"),
        ("json", deep, "the header is not JSON"),
        ("ack", b"hello".to_vec(), "does the server use --framing none?"),
        ("ack", b"2147483647".to_vec(), "the length is over the limit of 67,108,864 bytes"),
    ] {
        let ran = exec(&answering(answer.clone()), framing, &["ls"]);
        assert_eq!(ran.code, Some(1), "{framing} {answer:.20?}: {}", ran.err);
        assert!(ran.err.starts_with("error: ") && ran.err.contains(words), "{framing}: {}", ran.err);
    }
    for (answer, hint) in [
        (&b"\x05\0\0\0hello"[..], "does the server use --framing i32le?\n"),
        (b"\x10\0\0\0{\"data_size\": 5}hello", "does the server use --framing json?\n"),
        (b"\0\0\0\0hello", ""),
    ] {
        let ran = exec(&answering(answer.to_vec()), "none", &["ls"]);
        assert_eq!((ran.out.as_bytes(), ran.code, ran.err.as_str()), (answer, Some(0), hint));
    }
    let ran = exec(&answering(b"\0\0\0\0".to_vec()), "i32le", &["ls"]);
    assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (Some(0), "", ""), "0 is a length");
}

#[test]
fn a_server_that_is_not_there_and_one_that_goes() {
    let free = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").to_string();
    let ran = exec(&free, "i32le", &["ls"]);
    assert_eq!(ran.code, Some(3));
    assert!(ran.err.contains("nobody listens there"), "{}", ran.err);
    let ran = exec(&free, "udp", &["ls"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.contains("nobody listens there"), "{}", ran.err);
    let ran = prompt(&answering(b"\x02\0\0\0a\n".to_vec()), &["--framing", "i32le"], "ls\nls\nls\n");
    assert_eq!((ran.code, ran.out.as_str()), (Some(1), "a\n"), "the end of the server ends the prompt");
    let ran = prompt(&answering(b"a\n".to_vec()), &["--framing", "none", "--settle", "50s"], "ls\nls\n");
    assert_eq!((ran.code, ran.out.as_str()), (Some(1), "a\n"));
    assert!(ran.err.contains("the server has hung up"), "{}", ran.err);
    for (command, words) in [("", "nothing to send"), ("quit", "leaves the prompt")] {
        let ran = exec(&free, "i32le", &[command]);
        assert_eq!(ran.code, Some(2));
        assert!(ran.err.contains(words), "{}", ran.err);
    }
}

#[test]
fn a_server_that_is_silent_is_waited_for_no_longer_than_asked() {
    let (_listener, address) = listener();
    for framing in ["none", "ack", "i32le", "json"] {
        let ran = exec(&address, framing, &["--timeout", "200ms", "ls"]);
        assert_eq!(ran.code, Some(1), "{framing}");
        assert!(ran.err.contains("nothing came in time"), "{framing}: {}", ran.err);
    }
    let ran = prompt(&address, &["--framing", "none", "--timeout", "200ms"], "true\n");
    assert_eq!(ran.code, Some(0), "at the prompt of none silence is an empty answer");
    assert!(ran.err.contains("an empty answer looks like that"), "{}", ran.err);
}

/// A byte every 50 ms is never silent for 500 ms, and its header would take an hour.
#[test]
fn a_header_in_drips_is_not_waited_for() {
    let (listener, address) = listener();
    let dripping = std::thread::spawn(move || {
        let (mut client, _) = listener.accept().expect("a client");
        assert_eq!(client.read(&mut [0; 64]).expect("a command"), 2);
        client.write_all(b"\0\xff\0\0").expect("a length of 65,280");
        let mut drops = 0;
        while client.write_all(b" ").is_ok() && drops < 1200 {
            wait::pause(Duration::from_millis(50));
            drops += 1;
        }
        drops
    });
    let ran = exec(&address, "json", &["--timeout", "500ms", "ls"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.contains("while waiting for the answer's header: nothing came in time"), "{}", ran.err);
    assert!(dripping.join().expect("the server") < 1200, "it was left");
}

/// An entry of PATH that is not absolute means another program in each directory.
#[test]
fn a_relative_entry_of_path_is_passed_over() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Scratch::folder("path").expect("a folder");
    let program = folder.path().join("mine");
    std::fs::write(&program, "#!/bin/sh\n").expect("a program");
    std::fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).expect("it may run");
    let mut serve = command(&["serve", "commands", "--allow", "mine"]);
    let ran = finished(spawn(serve.current_dir(folder.path()).env("PATH", ".:/usr/bin:/bin")));
    assert_eq!(ran.code, Some(2), "{}", ran.err);
    assert!(ran.err.contains("no such program on PATH"), "{}", ran.err);
}

/// The server's variables may hold secrets; a command gets those that it needs.
#[test]
fn commands_do_not_see_the_servers_variables() {
    let mut serve = command(&["serve", "commands", "--allow", "env", "--format", "json"]);
    serve.env("STICKDEMO_TEST_SECRET", "swordfish");
    let server = Server::of(&mut serve);
    let ran = exec(&server.address(), "i32le", &["env"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert!(ran.out.contains("PATH=") && !ran.out.contains("swordfish"), "{}", ran.out);
}

/// A server of another kind greets whoever comes. A prompt waits for its line, so that the greeting is there first.
#[test]
fn a_server_that_speaks_first_is_told_apart() {
    let greeting = b"220 ready\r\n";
    for (framing, code, words) in [
        ("i32le", Some(1), "the server spoke before it was asked"),
        ("none", Some(0), "11 bytes came before the first"),
    ] {
        let (listener, address) = listener();
        let mut child = spawn(command(&["exec", &address, "--framing", framing]).stdin(Stdio::piped()));
        let mut input = child.stdin.take().expect("stdin");
        let (mut client, _) = listener.accept().expect("a client");
        client.write_all(greeting).expect("sent");
        arrived(&client);
        input.write_all(b"ls\n").expect("typed");
        if code == Some(0) {
            assert_eq!(client.read(&mut [0; 64]).expect("a command"), 2);
            client.write_all(b"a\n").expect("answered");
        }
        drop(input);
        let ran = finished(child);
        assert_eq!(ran.code, code, "{framing}: {}{}", ran.out, ran.err);
        assert!(ran.err.contains(words), "{framing}: {}", ran.err);
    }
}

/// What comes when nobody waits for it is not taken for the next answer.
#[test]
fn a_late_answer_is_told_apart_where_nothing_frames_it() {
    let (listener, address) = listener();
    let args = ["exec", &address, "--framing", "none", "--timeout", "300ms"];
    let mut child = spawn(command(&args).stdin(Stdio::piped()));
    let mut input = child.stdin.take().expect("stdin");
    let mut errors = BufReader::new(child.stderr.take().expect("stderr"));
    let mut remark = || {
        let mut line = String::new();
        errors.read_line(&mut line).expect("a line");
        line
    };
    input.write_all(b"first\n").expect("typed");
    let (mut client, _) = listener.accept().expect("a client");
    assert_eq!(client.read(&mut [0; 64]).expect("a command"), 5);
    assert!(remark().contains("an empty answer looks like that"));
    client.write_all(b"late\n").expect("sent");
    arrived(&client);
    input.write_all(b"second\n").expect("typed");
    assert_eq!(client.read(&mut [0; 64]).expect("another command"), 6);
    assert!(remark().starts_with("5 bytes came late: they belong to an earlier command"));
    client.write_all(b"in time\n").expect("sent");
    drop((client, input));
    let output = child.wait_with_output().expect("it ends");
    assert_eq!((&output.stdout[..], output.status.code()), (&b"late\nin time\n"[..], Some(0)));
}

#[test]
fn a_datagram_server_knows_nobody() {
    let mut server = Server::start(&["commands", "--udp", "--shell"]);
    let client = UdpSocket::bind("127.0.0.1:0").expect("a port");
    client.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let ask = |bytes: &[u8]| {
        client.send_to(bytes, server.at).expect("sent");
        [(); 2].map(|()| {
            let mut buffer = vec![0; 65_536];
            let n = client.recv(&mut buffer).expect("an answer");
            String::from_utf8_lossy(&buffer[..n]).into_owned()
        })
    };
    let empty = || String::new();
    assert_eq!(ask(b"echo out; echo err >&2"), ["err\n", "out\n"]);
    assert_eq!(ask(b""), ["stickdemo: the command is empty\n".to_owned(), empty()]);
    assert_eq!(ask(b"\xff\xfe"), ["stickdemo: the command is not UTF-8\n".to_owned(), empty()]);
    assert_eq!(ask(b"true"), [empty(), empty()]);
    let [stderr, stdout] = ask(b"head -c 100000 /dev/zero | tr '\\0' x");
    assert_eq!(stdout.len(), 65_507);
    assert_eq!(stderr, "stickdemo: 100,000 bytes of stdout do not fit a datagram of 65,507: the rest is left out\n");
    // Peers that have gone when their answers come; fewer than run at the same time.
    for _ in 0..12 {
        let gone = UdpSocket::bind("127.0.0.1:0").expect("a port");
        gone.send_to(b"quit", server.at).expect("sent");
        gone.send_to(b"echo nobody", server.at).expect("sent");
    }
    server.logged("echo nobody", 1);
    assert_eq!(ask(b"echo still here"), ["", "still here\n"]);
    server.unhurt();
}

/// The commands are taken in the order in which they come; so the seventeenth finds sixteen that run.
#[test]
fn a_flood_of_datagrams_starts_no_flood_of_processes() {
    let scratch = Scratch::folder("commands").expect("a folder");
    let gate = scratch.path().join("gate");
    let slow = until_there(&gate);
    let mut server = Server::start(&["commands", "--udp", "--shell", "--time-limit", "300s"]);
    let client = UdpSocket::bind("127.0.0.1:0").expect("a port");
    client.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let answer = || {
        let mut buffer = [0; 1024];
        let n = client.recv(&mut buffer).expect("an answer");
        String::from_utf8_lossy(&buffer[..n]).into_owned()
    };
    for _ in 0..17 {
        client.send_to(slow.as_bytes(), server.at).expect("sent");
    }
    assert_eq!(answer(), "stickdemo: 16 commands are running already: try again later\n");
    assert_eq!(answer(), "");
    std::fs::write(&gate, "").expect("opened");
    let rest: Vec<String> = (0..32).map(|_| answer()).filter(|text| !text.is_empty()).collect();
    assert_eq!(rest, ["slow\n"; 16]);
    server.unhurt();
}

/// The first command's answer comes when the second waits for its own, which never comes.
#[test]
fn a_late_datagram_is_not_taken_for_the_next_answer() {
    let server = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let address = server.local_addr().expect("an address").to_string();
    let late = std::thread::spawn(move || {
        let mut buffer = [0; 64];
        let (_, first) = server.recv_from(&mut buffer).expect("a command");
        server.send_to(b"one of two\n", first).expect("sent");
        let (_, second) = server.recv_from(&mut buffer).expect("another");
        assert_ne!(first, second, "a port for each command");
        for _ in 0..2 {
            // The first client's socket is gone; the news of that is not for us.
            let _ = server.send_to(b"late\n", first);
        }
    });
    let ran = prompt(&address, &["--udp", "--timeout", "300ms"], "first\nsecond\n");
    late.join().expect("the server");
    assert_eq!((ran.out.as_str(), ran.code), ("one of two\n", Some(1)));
    assert!(ran.err.contains("the second datagram of the answer did not come in 300ms"), "{}", ran.err);
    assert!(ran.err.contains("neither datagram of the answer came"), "{}", ran.err);
}

#[test]
fn many_clients_at_once() {
    let mut server = shell("i32le");
    let began = Instant::now();
    std::thread::scope(|scope| {
        for number in 0..40 {
            let server = &server;
            scope.spawn(move || {
                let mut client = server.connect();
                for round in 0..5 {
                    let line = format!("echo {number} {round}");
                    client.write_all(line.as_bytes()).expect("sent");
                    let mut length = [0; 4];
                    client.read_exact(&mut length).expect("a length");
                    let mut body = vec![0; i32::from_le_bytes(length) as usize];
                    client.read_exact(&mut body).expect("a body");
                    assert_eq!(String::from_utf8(body).expect("text"), format!("{number} {round}\n"));
                }
            });
        }
    });
    assert!(began.elapsed() < PATIENCE, "{:?}", began.elapsed());
    server.unhurt();
}
