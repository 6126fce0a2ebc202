//! A server of the real binary under clients that mean no good, or are many: where it listens, what it logs, what it
//! costs.

#![allow(dead_code, reason = "each test file uses its own part")]

use super::command;
use std::io::{self, BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use stickdemo::sys::wait;

/// How long anything may take before the test fails: long, because the machine may be busy; nothing waits for it.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A running server; killed when dropped.
pub struct Server {
    child: Child,
    pub address: SocketAddr,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// `serve` with these arguments, on a free loopback port.
    pub fn start(args: &[&str]) -> Server {
        Server::started(command(&[&["serve"], args].concat()))
    }

    /// The same from a command that was prepared; `--format json` is added.
    pub fn started(mut command: Command) -> Server {
        // The clients are here: several tests with hundreds of them at the same time.
        stickdemo::programs::server::raise_open_files();
        command.args(["--format", "json"]).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("the binary starts");
        let mut stdout = BufReader::new(child.stdout.take().expect("stdout"));
        let mut first = String::new();
        stdout.read_line(&mut first).expect("a line");
        let listening: serde_json::Value =
            serde_json::from_str(&first).unwrap_or_else(|e| panic!("no line says where it listens: {first:?}, {e}"));
        let address = listening["address"].as_str().and_then(|a| a.parse().ok()).expect("an address");
        let lines = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&lines);
        // Ends with the server.
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                log.lock().unwrap_or_else(PoisonError::into_inner).push(line);
            }
        });
        Server { child, address, lines }
    }

    /// A client of it that does not wait for ever.
    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect_timeout(&self.address, PATIENCE).expect("the server takes clients");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        stream.set_write_timeout(Some(PATIENCE)).expect("a timeout");
        stream
    }

    /// The log so far.
    pub fn log(&self) -> Vec<String> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until the log says so, `times` times.
    pub fn logged(&self, words: &str, times: usize) {
        let seen = || self.log().iter().filter(|line| line.contains(words)).count() >= times;
        assert!(wait::until(PATIENCE, seen), "no {times} lines with {words:?} in {:#?}", self.log());
    }

    /// It runs, and none of its threads panicked.
    pub fn unhurt(&mut self) {
        assert_eq!(self.child.try_wait().expect("a child"), None, "the server ended: {:#?}", self.log());
        let bugs: Vec<String> = self.log().into_iter().filter(|line| line.contains("a bug")).collect();
        assert!(bugs.is_empty(), "{bugs:#?}");
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// A figure of /proc/PID/status: `Threads`, `VmHWM` in KiB (proc(5)).
    #[cfg(target_os = "linux")]
    pub fn status(&self, name: &str) -> u64 {
        let path = format!("/proc/{}/status", self.id());
        let status = std::fs::read_to_string(&path).expect("a running server has a status");
        let line = status.lines().find(|line| line.starts_with(&format!("{name}:"))).expect("a known figure");
        line.split_whitespace().nth(1).and_then(|n| n.parse().ok()).expect("a number")
    }

    /// Waits until no more threads run than before.
    #[cfg(target_os = "linux")]
    pub fn quiet_again(&self, threads: u64) {
        let back = || self.status("Threads") <= threads;
        assert!(wait::until(PATIENCE, back), "{} threads, {threads} before", self.status("Threads"));
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Closes with a reset instead of an end: SO_LINGER with no time (socket(7)).
pub fn reset(stream: TcpStream) {
    let _ = socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO));
}

/// True when the other side hung up, in order or not.
pub fn hung_up(stream: &mut TcpStream) -> bool {
    let mut rest = [0; 4096];
    loop {
        match stream.read(&mut rest) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return !matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut),
        }
    }
}
