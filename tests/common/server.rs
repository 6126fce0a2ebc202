//! A server that says where it listens: ours with `--format json`, or one in Python. What it logs,
//! and what it costs.

use super::{PATIENCE, command, peer};
use serde_json::Value;
use std::io::{BufRead, BufReader, Read};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use stickdemo::sys::wait;

/// A running server; killed when dropped.
pub struct Server {
    pub child: Child,
    /// Where it listens.
    pub at: SocketAddr,
    /// What it printed up to where it listens.
    first: Vec<String>,
    lines: Lines,
    complaints: Lines,
}

impl Server {
    /// `serve` with these arguments, on a free loopback port.
    pub fn start(args: &[&str]) -> Server {
        Server::of(&mut command(&[&["serve"], args, &["--format", "json"]].concat()))
    }

    /// One of the Python programs, on any free port.
    pub fn python(script: &str, args: &[&str]) -> Server {
        Server::of(peer::python(script).args(args))
    }

    /// Whatever prints JSON, and sooner or later where it listens: a line with `address`, or a port.
    pub fn of(command: &mut Command) -> Server {
        // The clients are here: several tests with hundreds of them at the same time.
        stickdemo::sys::descriptors::raise_open_files();
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|e| panic!("{command:?} does not start: {e}"));
        let mut stdout = BufReader::new(child.stdout.take().expect("stdout"));
        let complaints = Lines::of(BufReader::new(child.stderr.take().expect("stderr")));
        let mut first = Vec::new();
        let at = loop {
            let mut line = String::new();
            if stdout.read_line(&mut line).expect("a line") == 0 {
                let _ = child.wait();
                panic!("{command:?} does not say where it listens: {first:?}, {:#?}", complaints.now());
            }
            let at = address(&line);
            first.push(line);
            if let Some(at) = at {
                break at;
            }
        };
        Server { child, at, first, lines: Lines::of(stdout), complaints }
    }

    /// Where it listens, for a command line.
    pub fn address(&self) -> String {
        self.at.to_string()
    }

    /// A client of it that does not wait for ever, and sends each piece as it is given.
    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect_timeout(&self.at, PATIENCE).expect("the server takes clients");
        stream.set_nodelay(true).expect("an option");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        stream.set_write_timeout(Some(PATIENCE)).expect("a timeout");
        stream
    }

    /// What it printed since it listens.
    pub fn log(&self) -> Vec<String> {
        self.lines.now()
    }

    /// Waits until the log says so, `times` times.
    pub fn logged(&self, words: &str, times: usize) {
        let seen = || self.log().iter().filter(|line| line.contains(words)).count() >= times;
        let complaints = || self.complaints.now();
        assert!(
            wait::until(PATIENCE, seen),
            "no {times} lines with {words:?} in {:#?}, {:#?}",
            self.log(),
            complaints()
        );
    }

    /// Waits until a complaint or remark says so; the line.
    pub fn complained(&self, words: &str) -> String {
        let line = || self.complaints.now().into_iter().find(|line| line.contains(words));
        assert!(wait::until(PATIENCE, || line().is_some()), "no {words:?} in {:#?}", self.complaints.now());
        line().expect("found")
    }

    /// Waits for such a line; everything up to it, from the program's start on.
    pub fn until(&self, wanted: impl Fn(&Value) -> bool) -> Vec<Value> {
        let json = |line: &String| serde_json::from_str(line).unwrap_or_else(|e| panic!("{line}: {e}"));
        let mut upto = None;
        let found = wait::until(PATIENCE, || {
            let mut lines: Vec<Value> = [self.first.clone(), self.log()].concat().iter().map(json).collect();
            let end = lines.iter().position(&wanted);
            lines.truncate(end.map_or(0, |at| at + 1));
            upto = end.map(|_| lines);
            upto.is_some()
        });
        assert!(found, "no such line in {:#?}, {:#?}", self.log(), self.complaints.now());
        upto.expect("found")
    }

    /// It runs, and none of its threads panicked.
    pub fn unhurt(&mut self) {
        let ended = self.child.try_wait().expect("a child");
        assert_eq!(ended, None, "the server ended: {:#?}, {:#?}", self.log(), self.complaints.now());
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

fn address(first: &str) -> Option<SocketAddr> {
    match serde_json::from_str(first).ok()? {
        Value::Number(port) => Some((Ipv4Addr::LOCALHOST, u16::try_from(port.as_u64()?).ok()?).into()),
        line => line["address"].as_str()?.parse().ok(),
    }
}

/// The lines of a stream, read as they come: who prints must not stand still because nobody reads.
struct Lines(Arc<Mutex<Vec<String>>>);

impl Lines {
    fn of(stream: BufReader<impl Read + Send + 'static>) -> Lines {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&lines);
        // Ends with the program.
        std::thread::spawn(move || {
            for line in stream.lines().map_while(Result::ok) {
                log.lock().unwrap_or_else(PoisonError::into_inner).push(line);
            }
        });
        Lines(lines)
    }

    fn now(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
