//! Runs the real binary as a user does: a clean environment, both streams caught, a deadline.

#![allow(dead_code, reason = "each test file uses its own part")]

pub mod hostile;

use std::io::Read;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// The binary under test.
pub const BINARY: &str = env!("CARGO_BIN_EXE_stickdemo");

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

impl From<Output> for Ran {
    fn from(output: Output) -> Ran {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("output is UTF-8");
        Ran { out: text(output.stdout), err: text(output.stderr), code: output.status.code() }
    }
}

/// Runs to the end.
pub fn run(args: &[&str]) -> Ran {
    finished(spawn(&mut command(args)))
}

pub fn spawn(command: &mut Command) -> Child {
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary starts")
}

/// Waits for a child with both streams read; a hang is a failure, not a wait for ever.
pub fn finished(mut child: Child) -> Ran {
    let mut streams = (child.stdout.take().expect("stdout"), child.stderr.take().expect("stderr"));
    let out = std::thread::spawn(move || read(&mut streams.0));
    let err = std::thread::spawn(move || read(&mut streams.1));
    let deadline = Instant::now() + Duration::from_secs(60);
    let status = loop {
        if let Some(status) = child.try_wait().expect("a child to wait for") {
            break status;
        }
        assert!(Instant::now() < deadline || child.kill().is_err(), "the program hangs");
        std::thread::park_timeout(Duration::from_millis(2));
    };
    Ran { out: out.join().expect("stdout"), err: err.join().expect("stderr"), code: status.code() }
}

fn read(stream: &mut impl Read) -> String {
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("output is UTF-8");
    text
}
