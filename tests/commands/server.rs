//! What the server refuses, limits and bears.

use super::*;

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
    server.logged("echo {} a\\\\u{1b}[2J: stderr 0 B, stdout 9 B, exit status 0", 1);
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
