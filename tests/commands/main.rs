//! `serve commands` and `exec` on real sockets: against each other, against Python written from the wire formats, and
//! against peers that deliver as they like or mean no good. The commands are those of a Unix shell.

#![cfg(unix)]

mod client;
#[path = "../common/mod.rs"]
mod common;
mod datagrams;
mod pairs;
mod server;
mod stranger;

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
