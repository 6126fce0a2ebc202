//! Who may not ask: a web page through a browser, other protocols, other accounts of this machine. And what a command
//! does not get of the server's.

use super::*;

/// What Chromium sends for `<img src="http://127.0.0.1:9000/?;touch${IFS}FILE;">`.
fn request(file: &Path) -> String {
    let file = file.display();
    format!(
        "GET /?;touch${{IFS}}{file}; HTTP/1.1\r\nHost: 127.0.0.1:9000\r\nConnection: keep-alive\r\n\
         sec-ch-ua-platform: \"Linux\"\r\nReferer: http://localhost:8000/\r\n\r\n"
    )
}

/// Sends this and no end; what comes back, and whether it was hung up on.
fn heard(server: &Server, words: &[u8]) -> (Vec<u8>, bool) {
    let mut client = server.connect();
    client.write_all(words).expect("sent");
    let mut answer = Vec::new();
    let end = client.read_to_end(&mut answer);
    let gone = end.map_or_else(|e| e.kind() == std::io::ErrorKind::ConnectionReset, |_| true);
    (answer, gone)
}

#[test]
fn a_web_page_runs_no_command_in_any_framing() {
    let scratch = Scratch::folder("commands").expect("a folder");
    let file = scratch.path().join("touched");
    for framing in TCP {
        let mut server = shell(framing);
        // The second is what a page of the same origin could send, with a method of its own.
        for words in [request(&file), format!("touch {} HTTP/1.1\r\nHost: x\r\n\r\n", file.display())] {
            assert_eq!(heard(&server, words.as_bytes()), (Vec::new(), true), "{framing}");
        }
        server.logged("the other side speaks HTTP: it gets no answer", 2);
        // However a request is cut, it is no command.
        let cut = said(&server, &[b"GET", &request(&file).as_bytes()[3..]]);
        assert!(cut.is_empty() || cut.contains("a command is one line"), "{framing}: {cut}");
        assert!(!file.exists(), "{framing}");
        server.unhurt();
    }
    let server = Server::start(&["commands", "--udp", "--shell"]);
    let ran = exec(&server.address(), "udp", &[&request(&file)]);
    assert_eq!(
        (ran.out.as_str(), file.exists()),
        ("stickdemo: a command is one line, and no request of a browser\n", false)
    );
}

#[test]
fn other_protocols_are_told_from_commands_files_and_words() {
    let folder = Scratch::folder("files").expect("a folder");
    let root = folder.path().to_str().expect("a path in UTF-8").to_owned();
    let hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";
    for args in [&["commands"][..], &["upper"], &["files", "--root", &root]] {
        let mut server = Server::start(args);
        for (words, protocol) in
            [(&hello[..], "TLS"), (b"SSH-2.0-OpenSSH_9.6\r\n", "SSH"), (b"POST / HTTP/1.1\r\n", "HTTP")]
        {
            assert_eq!(heard(&server, words), (Vec::new(), true), "{args:?} {protocol}");
            server.logged(&format!("speaks {protocol}"), 1);
        }
        server.unhurt();
    }
}

/// As root a socket can be given to another user, whose it is then: /proc/net/tcp.
#[cfg(target_os = "linux")]
#[test]
fn another_account_runs_nothing_with_a_shell_or_a_program_of_ones_own() {
    use std::os::fd::AsRawFd;
    const NOBODY: u32 = 65_534;
    let given = |socket: &dyn AsRawFd| {
        // SAFETY: the call takes an open descriptor and two numbers.
        unsafe { libc::fchown(socket.as_raw_fd(), NOBODY, NOBODY) == 0 }
    };
    let refusal = "stickdemo: this server runs commands for its own user alone\n";
    for (more, refused) in [
        (&["--shell"][..], true),
        (&["--allow", "env"], true),
        (&["--allow", "env", "--allow-remote"], false),
        (&[], false),
    ] {
        let server = start("none", more);
        assert_eq!(said(&server, &[b"echo hello"]), "hello\n", "{more:?}");
        let mut other = server.connect();
        if !given(&other) {
            return eprintln!("not root: no socket of another user's");
        }
        other.write_all(b"echo hello").expect("sent");
        other.shutdown(Shutdown::Write).expect("half closed");
        let mut answer = String::new();
        other.read_to_string(&mut answer).expect("an answer");
        assert_eq!(answer, if refused { refusal } else { "hello\n" }, "{more:?}");
    }
    let server = Server::start(&["commands", "--udp", "--shell"]);
    for other in [false, true] {
        let client = UdpSocket::bind("127.0.0.1:0").expect("a port");
        assert!(!other || given(&client), "root");
        client.send_to(b"echo hello", server.at).expect("sent");
        let mut datagram = [0; 100];
        let answers = [(); 2].map(|()| client.recv(&mut datagram).map(|n| datagram[..n].to_vec()).expect("an answer"));
        assert_eq!(answers.concat(), if other { refusal.as_bytes() } else { b"hello\n" });
    }
}

/// A client that is gone when its command is looked at is nobody's: its socket is listed as root's then.
#[cfg(target_os = "linux")]
#[test]
fn nobody_is_not_taken_for_root() {
    let scratch = Scratch::folder("commands").expect("a folder");
    let file = scratch.path().join("touched");
    let server = start("none", &["--shell", "--settle", "1s"]);
    let mut client = server.connect();
    client.write_all(format!("touch {}", file.display()).as_bytes()).expect("sent");
    drop(client);
    server.logged("refused", 1);
    assert!(!file.exists());
}

/// Neither the operator's terminal, nor his open files, nor the server's higher limit on them.
#[cfg(target_os = "linux")]
#[test]
fn a_command_has_nothing_of_the_servers() {
    let secret = Scratch::folder("commands").expect("a folder");
    let path = secret.path().join("secret");
    std::fs::write(&path, "secret").expect("a file");
    let mut sh = std::process::Command::new("sh");
    sh.args(["-c", "ulimit -Sn 200; exec 9<\"$1\"; shift; exec \"$@\"", "sh"]).arg(&path).arg(BINARY);
    sh.args(["serve", "commands", "--shell", "--framing", "none", "--format", "json"]).stdin(Stdio::null());
    let server = Server::of(&mut sh);
    assert_eq!(said(&server, &[b"cat <&9"]).lines().count(), 1, "an error of the shell's");
    assert!(!said(&server, &[b"cat /proc/self/fd/9"]).starts_with("secret"));
    // Sixth of its fields: the session (proc(5)).
    assert_eq!(
        said(&server, &[b"[ $(cut -d' ' -f6 /proc/$$/stat) = $$ ] && echo its own; ulimit -n"]),
        "its own\n200\n"
    );
    assert!(said(&server, &[b"echo hello >/dev/tty"]).contains("/dev/tty"), "no terminal");
}

/// Nothing that a peer says, or a file is called, moves the reader's cursor: on a terminal, in a log, in JSON.
#[cfg(target_os = "linux")]
#[test]
fn foreign_words_reach_nobody_raw() {
    use std::os::unix::ffi::OsStringExt;
    let harmful = |text: &str| text.chars().find(|c| *c != '\n' && stickdemo::text::is_harmful(*c));
    let words = "a\u{9b}31m\u{7f}\u{202e}\u{2066}\u{1b}[2Jb";
    let server = start("i32le", &["--shell"]);
    let line = format!("printf '{words}'");
    let ran = run(&["exec", &server.address(), "--format", "json", &line]);
    assert_eq!(harmful(&ran.out), None, "{:?}", ran.out);
    let answer: Value = serde_json::from_str(&ran.out).expect("JSON");
    assert_eq!(
        (answer["text"].as_str(), answer["command"].as_str()),
        (Some(words), Some(&*line)),
        "and means the same"
    );
    server.logged("printf", 1);
    assert!(server.log().iter().all(|line| harmful(line).is_none()), "{:?}", server.log());
    // What goes into a file or a pipe is what came.
    assert_eq!(exec(&server.address(), "i32le", &[&line]).out, words);
    for raw in [false, true] {
        let flag = if raw { "--raw" } else { "--timeout=60s" };
        let command = format!("'{BINARY}' exec {} {flag} \"$LINE\"", server.address());
        let mut script = std::process::Command::new("script");
        script.args(["-qec", &command, "/dev/null"]).env("LINE", &line).stdin(Stdio::null());
        let ran = finished(spawn(&mut script));
        assert_eq!(ran.out.contains(words), raw, "{:?}", ran.out);
        assert!(raw || ran.out.contains("a\\u{9b}31m\\u{7f}\\u{202e}\\u{2066}\\u{1b}[2Jb"), "{:?}", ran.out);
    }
    let bad = std::ffi::OsString::from_vec(b"/no/a\x1b[31m\xc2\x9b\xff".to_vec());
    for args in [&["put"][..], &["serve", "files", "--root"], &["list", "--out"], &["--nonsense\x1b[31m"]] {
        let mut run = command(args);
        run.arg(&bad);
        if args[0] == "put" {
            run.arg(server.address());
        }
        let ran = finished(spawn(&mut run));
        assert_eq!(harmful(&ran.err).or(harmful(&ran.out)), None, "{args:?}: {:?}", ran.err);
        assert!(ran.err.contains("\\u{1b}[31m"), "{args:?}: {:?}", ran.err);
    }
}
