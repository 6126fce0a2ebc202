//! `serve upper`, `serve chat` and `talk`: with each other, with Python programs written from the documents'
//! description, with streams in pieces, and with peers that go away.

mod chat;
#[path = "../common/mod.rs"]
mod common;
mod crowd;
mod datagrams;
mod echo;
mod peers;
mod terminal;

use common::*;
use socket2::{Domain, Socket, Type};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};
use stickdemo::sys::wait;

/// A program that runs until it is dropped, what it prints line by line, and its keyboard.
struct Running {
    child: Child,
    out: Receiver<String>,
    err: Receiver<String>,
    keys: Option<ChildStdin>,
}

impl Running {
    fn start(command: &mut Command) -> Running {
        let mut child = spawn(command.stdin(Stdio::piped()));
        let out = lines(child.stdout.take().expect("stdout"));
        let err = lines(child.stderr.take().expect("stderr"));
        let keys = child.stdin.take();
        Running { child, out, err, keys }
    }

    fn said(&self) -> String {
        self.out.recv_timeout(PATIENCE).expect("a line on standard output")
    }

    fn remarked(&self) -> String {
        self.err.recv_timeout(PATIENCE).expect("a line on standard error")
    }

    fn types(&mut self, text: &str) {
        self.keys.as_mut().expect("a keyboard").write_all(text.as_bytes()).expect("typed");
    }

    fn ended(&mut self) -> Option<i32> {
        let mut status = None;
        let ended = wait::until(PATIENCE, || {
            status = self.child.try_wait().expect("a child to wait for");
            status.is_some()
        });
        assert!(ended, "the program hangs");
        status.and_then(|status| status.code())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn lines(stream: impl Read + Send + 'static) -> Receiver<String> {
    let (tell, told) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stream).split(b'\n') {
            let line = String::from_utf8(line.expect("readable")).expect("output is UTF-8");
            if tell.send(line.trim_end().to_owned()).is_err() {
                return;
            }
        }
    });
    told
}

/// One of our servers, and its address.
fn serve(args: &[&str]) -> (Running, SocketAddr) {
    let server = Running::start(&mut command(&[&["serve"], args].concat()));
    let line = server.remarked();
    let address = line.split_whitespace().nth(2).and_then(|a| a.trim_end_matches(';').parse().ok());
    (server, address.unwrap_or_else(|| panic!("no address: {line}")))
}

/// One of the Python programs.
fn python(script: &str, args: &[&str]) -> Running {
    Running::start(common::python(script).args(args))
}

/// A Python server, and its address.
fn python_server(script: &str, args: &[&str]) -> (Running, SocketAddr) {
    let server = python(script, args);
    let port = server.said();
    let ip = if args.contains(&"--ipv6") { "[::1]" } else { "127.0.0.1" };
    (server, format!("{ip}:{port}").parse().expect("the port it got"))
}

/// Runs `talk` on this input to its end.
fn talk(server: impl ToString, args: &[&str], input: impl Into<Vec<u8>>) -> Ran {
    typed(&[&["talk", &server.to_string()], args].concat(), input)
}

const LINES: &str = "hello\nfeng\n一棵树 says: ok\n  spaced  \nlast";
const ANSWERS: &str = "HELLO\nFENG\n一棵树 SAYS: OK\n  SPACED  \nLAST\n";

fn expect(stream: &mut TcpStream, line: &str) {
    assert_eq!(text(stream, line.len()), line);
}

/// Connected to itself the socket keeps its port, and nobody else is heard: to them nobody listens there.
fn deafen(socket: &UdpSocket) {
    socket.connect(socket.local_addr().expect("an address")).expect("connected");
}
