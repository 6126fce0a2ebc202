//! The real binary as a user starts it: a clean environment, both streams caught, a deadline.

use std::fmt;
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use stickdemo::sys::wait;

/// The binary under test.
pub const BINARY: &str = env!("CARGO_BIN_EXE_stickdemo");

/// How long anything may take before the test fails: long, because the machine may be busy; nothing waits for it.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A command with nothing of the tester's terminal or language in it.
pub fn command(args: &[&str]) -> Command {
    let mut command = Command::new(BINARY);
    command.args(args).stdin(Stdio::null());
    for name in ["LANG", "LC_ALL", "LC_MESSAGES", "STICKDEMO_LANG", "NO_COLOR", "CLICOLOR_FORCE", "TERM"] {
        command.env_remove(name);
    }
    command
}

/// What a run printed and answered.
pub struct Ran {
    pub out: String,
    pub err: String,
    pub code: Option<i32>,
}

/// For the message of a test that fails: the exit code and both streams, as they are.
impl fmt::Display for Ran {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code {
            Some(code) => writeln!(f, "exit code {code}")?,
            None => writeln!(f, "ended by a signal")?,
        }
        for (name, text) in [("standard output", &self.out), ("standard error", &self.err)] {
            writeln!(f, "--- {name}, {} bytes", text.len())?;
            f.write_str(shown(text))?;
        }
        Ok(())
    }
}

/// As much of it as helps.
fn shown(text: &str) -> &str {
    let end = (0..=text.len().min(20_000)).rev().find(|at| text.is_char_boundary(*at));
    &text[..end.unwrap_or(0)]
}

/// Runs to the end.
pub fn run(args: &[&str]) -> Ran {
    finished(spawn(&mut command(args)))
}

/// Runs to the end with these lines at the keyboard; a program that has ended reads no more of them.
pub fn typed(args: &[&str], input: impl Into<Vec<u8>>) -> Ran {
    let mut child = spawn(command(args).stdin(Stdio::piped()));
    let (mut keys, input) = (child.stdin.take().expect("a keyboard"), input.into());
    let typing = std::thread::spawn(move || keys.write_all(&input));
    let ran = finished(child);
    let _ = typing.join().expect("no panic");
    ran
}

pub fn spawn(command: &mut Command) -> Child {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap_or_else(|e| panic!("{command:?} does not start: {e}"))
}

/// Waits for a child with both streams read; a hang is a failure, not a wait for ever.
pub fn finished(child: Child) -> Ran {
    let (ran, ended) = ended(child, PATIENCE);
    assert!(ended, "the program hangs, and was killed\n{ran}");
    ran
}

/// The same; false with what there was when it is killed because it had not ended by then.
pub fn ended(mut child: Child, limit: Duration) -> (Ran, bool) {
    let out = child.stdout.take().map(|stream| std::thread::spawn(move || read(stream)));
    let err = child.stderr.take().map(|stream| std::thread::spawn(move || read(stream)));
    let mut status = None;
    let ended = wait::until(limit, || {
        status = child.try_wait().expect("a child to wait for");
        status.is_some()
    });
    if !ended {
        child.kill().expect("killed");
    }
    let text = |reading: Option<std::thread::JoinHandle<_>>| reading.map_or(String::new(), |r| r.join().expect("read"));
    let ran = Ran { out: text(out), err: text(err), code: status.and_then(|status| status.code()) };
    (ran, ended)
}

fn read(mut stream: impl Read) -> String {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).expect("a stream to read");
    String::from_utf8(bytes).unwrap_or_else(|e| panic!("output is UTF-8: {:?}", String::from_utf8_lossy(e.as_bytes())))
}
