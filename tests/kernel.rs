//! The numbers that the scenarios print are the kernel's own: compared with `ss -ti` and /proc/net/snmp.

#![cfg(target_os = "linux")]

mod common;

use common::{Ran, command, finished, run, spawn};
use serde_json::Value;
use std::io::Read;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::time::Duration;

fn lines(ran: &Ran) -> Vec<Value> {
    ran.out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// The field of `ss -ti` for the connection whose peer is this address.
fn ss(peer: SocketAddr, field: &str) -> u64 {
    let output =
        Command::new("ss").args(["-tinO", "dst", &peer.to_string()]).output().expect("ss (iproute2) is installed");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let value = text.split_whitespace().find_map(|word| word.strip_prefix(&format!("{field}:")));
    value.and_then(|v| v.parse().ok()).unwrap_or_else(|| panic!("no {field} in {text}"))
}

/// New data segments that the client's socket at this local address reported last.
fn reported(lines: &[Value], nth: usize) -> u64 {
    let mut sockets: Vec<u64> = Vec::new();
    for event in lines.iter().filter(|l| l["call"] == "send") {
        let socket = event["socket"].as_u64().expect("a socket");
        if !sockets.contains(&socket) {
            sockets.push(socket);
        }
    }
    let mine = lines.iter().filter(|l| l["type"] == "event" && l["socket"] == sockets[nth]);
    let counts =
        mine.filter_map(|e| Some(e["evidence"]["segments_out"].as_u64()? - e["evidence"]["retransmissions"].as_u64()?));
    counts.max().expect("a count")
}

/// The next connection; a client that never comes is a failure, not a wait for ever.
fn accepted(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    socket2::SockRef::from(listener).set_read_timeout(Some(Duration::from_secs(20))).expect("SO_RCVTIMEO");
    let (stream, peer) = listener.accept().expect("the client connects");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("SO_RCVTIMEO");
    (stream, peer)
}

/// Plays the server for a lone client: accepts, lets `prepare` set options, reads everything, asks `ss` how many
/// segments with data came in, and closes.
fn host(args: &[&str], prepare: fn(&TcpStream)) -> (Ran, u64) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    let args = [args, &["--as", "client", "--connect", &address, "--timeout", "20s", "--format", "json"]].concat();
    let child = spawn(&mut command(&args));
    let (mut stream, peer) = accepted(&listener);
    prepare(&stream);
    stream.read_to_end(&mut Vec::new()).expect("the bytes");
    let counted = ss(peer, "data_segs_in");
    drop((stream, listener));
    let ran = finished(child);
    assert_eq!(ran.code, Some(0), "{ran}");
    (ran, counted)
}

#[test]
fn tcp_split_counts_the_segments_that_ss_counts() {
    let (ran, counted) = host(&["tcp-split"], |_| {});
    let lines = lines(&ran);
    assert_eq!(reported(&lines, 0), counted, "{}", ran.out);
    assert!(reported(&lines, 0) >= 3);
}

#[test]
fn tcp_nagle_counts_the_segments_that_ss_counts() {
    for nodelay in ["off", "on"] {
        let (ran, counted) = host(&["tcp-nagle", "--nodelay", nodelay], |stream| {
            socket2::SockRef::from(stream).set_tcp_quickack(false).expect("TCP_QUICKACK");
        });
        let lines = lines(&ran);
        // What arrived twice (a tail-loss probe's copy) is counted by the receiver too.
        let again = lines.iter().filter_map(|l| l["evidence"]["retransmissions"].as_u64()).max().unwrap_or(0);
        assert_eq!(reported(&lines, 0) + again, counted, "--nodelay {nodelay}\n{}", ran.out);
    }
}

/// RcvbufErrors of the UDP line of /proc/net/snmp.
fn rcvbuf_errors(text: &str) -> u64 {
    let udp: Vec<Vec<&str>> =
        text.lines().filter(|l| l.starts_with("Udp:")).map(|l| l.split_whitespace().collect()).collect();
    let column = udp[0].iter().position(|name| *name == "RcvbufErrors").expect("the column");
    udp[1][column].parse().expect("a number")
}

/// In a network namespace of its own the count is the scenario's alone; where none can be had, the
/// host's count has grown by at least as much.
#[test]
fn udp_loss_drops_what_snmp_drops() {
    let script = format!(
        "ip link set lo up && cat /proc/self/net/snmp && {} udp-loss --format json && cat /proc/self/net/snmp",
        common::BINARY
    );
    let alone = [&["--net"][..], &["--map-root-user", "--net"]].iter().find_map(|flags| {
        let output = Command::new("unshare").args(*flags).args(["sh", "-c", &script]).output().ok()?;
        output.status.success().then(|| String::from_utf8(output.stdout).expect("text"))
    });
    let (text, exact) = match alone {
        Some(text) => (text, true),
        None => {
            let snmp = || std::fs::read_to_string("/proc/self/net/snmp").expect("/proc");
            (format!("{}{}{}", snmp(), run(&["udp-loss", "--format", "json"]).out, snmp()), false)
        }
    };
    let start = text.find("{\"type\"").expect("the trace");
    let end = text.rfind("}\n").expect("the trace") + 2;
    let grown = rcvbuf_errors(&text[end..]) - rcvbuf_errors(&text[..start]);
    let events = text[start..end].lines().map(|l| serde_json::from_str::<Value>(l).expect("JSON"));
    let dropped = events.filter_map(|e| e["evidence"]["dropped"].as_u64()).max().expect("a count");
    assert!(dropped > 0);
    assert!(if exact { grown == dropped } else { grown >= dropped }, "snmp {grown}, socket {dropped}, alone {exact}");
}
