//! The commands themselves: progress, what cannot begin, the trace.

use super::*;

/// Runs it in a terminal; what that was sent.
#[cfg(unix)]
fn in_a_terminal(args: &[&str], term: &str) -> Ran {
    let spawn_it = "import pty, sys; sys.exit(pty.spawn(sys.argv[1:]) >> 8)";
    let mut python = Command::new("python3");
    python.args(["-c", spawn_it, BINARY]).args(args).stdin(Stdio::null()).env("TERM", term);
    finished(spawn(&mut python))
}

#[cfg(unix)]
#[test]
fn a_long_transfer_shows_how_far_it_is_to_those_who_look() {
    let folders = Folders::new();
    let large = folders.write("here/large", &vec![0; 20_000_000]);
    for (lang, left, result) in [("en", " left", "20,000,000 bytes"), ("zh", "还需", "20,000,000 字节")] {
        for seen in [true, false] {
            let (address, server) = scripted(|mut stream| {
                framed(&mut stream).expect("a header");
                // Longer than what is too short to be shown.
                wait::pause(Duration::from_millis(800));
                rest(&mut stream).len()
            });
            let args = ["put", &large, &address, "--lang", lang];
            let ran = if seen { in_a_terminal(&args, "xterm") } else { folders.run(&args) };
            assert_eq!(server.join().expect("the server's side"), 20_000_000);
            assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
            let line = ran.out.rfind(result).expect("a result");
            let progress = (ran.out.clone() + &ran.err).rfind(left);
            assert!(if seen { progress.is_some_and(|at| at < line) } else { progress.is_none() }, "{}", ran.out);
            // A line that does not fit is not redrawn in its place: each state would be a line of its own.
            for drawn in ran.out.split('\r').filter(|drawn| drawn.contains(left)) {
                let columns = unicode_width::UnicodeWidthStr::width(drawn.trim_start_matches("\x1b[2K"));
                assert!(columns <= 80, "{columns}: {drawn:?}");
            }
        }
    }
    // Not where the line could not be taken away again, and not between the lines of a trace.
    for (term, more) in [("dumb", None), ("xterm", Some("--trace"))] {
        let (address, server) = scripted(|mut stream| {
            framed(&mut stream).expect("a header");
            wait::pause(Duration::from_millis(800));
            rest(&mut stream).len()
        });
        let mut args = vec!["put", &large, &address];
        args.extend(more);
        let ran = in_a_terminal(&args, term);
        assert_eq!(server.join().expect("the server's side"), 20_000_000);
        assert!(ran.code == Some(0) && !ran.out.contains(" left"), "{}", ran.out);
    }
}

#[test]
fn what_cannot_begin_says_why() {
    let folders = Folders::new();
    let missing = folders.word("missing");
    let ran = folders.run(&["serve", "files", "--root", &missing]);
    assert_eq!(ran.code, Some(3));
    assert!(ran.err.contains("--root names an existing directory"), "{}", ran.err);
    let (taken, address) = listener();
    let ran = folders.run(&["serve", "files", "--root", &folders.word("root"), "--listen", &address]);
    assert_eq!(ran.code, Some(3));
    drop(taken);
    let file = folders.write("here/a", b"a");
    for args in [["put", &file, &address], ["get", "a", &address]] {
        let ran = folders.run(&args);
        assert_eq!(ran.code, Some(3), "{}", ran.out);
        assert!(ran.err.contains("start the server first"), "{}", ran.err);
    }
    for name in ["../a", "", "a\nb"] {
        assert_eq!(folders.run(&["get", name, &address]).code, Some(2), "{name:?}");
    }
    let server = folders.serve(&[]);
    let ran = folders.run(&["put", &missing, &file, &server.address()]);
    assert_eq!(ran.code, Some(3));
    assert!(ran.out.contains("stored: a; not: missing"), "{}", ran.out);
    let ran = folders.run(&["put", &missing, &server.address(), "--lang", "zh"]);
    assert!(ran.err.contains("missing  失败"), "{}", ran.err);
}

#[test]
fn a_trace_shows_the_calls() {
    let folders = Folders::new();
    let server = folders.serve(&[]);
    let ran = folders.run(&["put", &folders.write("here/a", b"hello"), &server.address(), "--trace"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    for call in ["connect", "send", "recv", "shutdown", "close"] {
        assert!(ran.out.contains(call), "{call}: {}", ran.out);
    }
    let ran = folders.run(&["get", "a", &server.address(), "--trace", "--format", "json"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
}
