//! The fault engine: fates repeat whatever the timing, shares are shares, numbers strike once, and the line
//! takes the time it says.

mod chance;
mod repeat;
mod struck;
mod time;

use proptest::prelude::*;
use std::net::{Ipv4Addr, SocketAddrV4};
use stickdemo::link::faults::{Faults, Ruling};
use stickdemo::link::spec::Spec;
use stickdemo::link::view::{TcpFields, View, protocol};
use stickdemo::trace::Role::{self, Client, Server};
use stickdemo::trace::packet::{Cause, Fate, Flags, Fragment};

const LOST: Fate = Fate::Dropped(Cause::Asked);
const FULL: Fate = Fate::Dropped(Cause::QueueFull);
const MS: u64 = 1_000_000;
/// One way of a round trip of 20 ms.
const DELAY: u64 = 10 * MS;

static BYTES: [u8; 65536] = [0; 65536];

fn engine(spec: &str) -> Faults {
    Faults::new(Spec::parse(spec).unwrap_or_else(|e| panic!("{}", e.complaint(spec))))
}

/// A packet from the port to the other host's port 9000, with as much behind its headers.
fn packet(number: u8, from: Role, port: u16, len: usize) -> View<'static> {
    let ends = |host, port| SocketAddrV4::new(Ipv4Addr::new(10, 0, 0, host), port);
    let (client, server) = (ends(1, port), ends(2, 9000));
    let (source, destination) = if from == Client { (client, server) } else { (server, client) };
    let payload = &BYTES[..len];
    View {
        len: len + 40,
        protocol: number,
        source,
        destination,
        ip_id: 0,
        fragment: None,
        tcp: None,
        icmp: None,
        payload,
    }
}

fn tcp(from: Role, port: u16, flags: Flags, seq: u32, len: usize) -> View<'static> {
    let tcp = TcpFields { flags, seq, ..TcpFields::default() };
    View { tcp: Some(tcp), ..packet(protocol::TCP, from, port, len) }
}

fn data(seq: u32, len: usize) -> View<'static> {
    tcp(Client, 5000, Flags::ACK, seq, len)
}

fn syn(isn: u32) -> View<'static> {
    tcp(Client, 5000, Flags::SYN, isn, 0)
}

fn ack() -> View<'static> {
    data(1, 0)
}

fn datagram() -> View<'static> {
    packet(protocol::UDP, Client, 5000, 100)
}

/// The fragment of a datagram at this offset; only the first names its ports.
fn fragment(from: Role, port: u16, ip_id: u16, offset: usize, more: bool) -> View<'static> {
    let whole = packet(protocol::UDP, from, if offset == 0 { port } else { 0 }, 1480);
    let mut view = View { ip_id, fragment: Some(Fragment { offset, more }), ..whole };
    if offset > 0 {
        view.source.set_port(0);
        view.destination.set_port(0);
    }
    view
}

/// Rules about packets of one direction, all at the same moment.
fn rulings(engine: &mut Faults, from: Role, packets: impl IntoIterator<Item = View<'static>>) -> Vec<Ruling> {
    packets.into_iter().map(|packet| engine.rule(from, 0, &packet)).collect()
}

fn fates(spec: &str, packets: impl IntoIterator<Item = View<'static>>) -> Vec<Fate> {
    rulings(&mut engine(spec), Client, packets).iter().map(|ruling| ruling.fate).collect()
}

/// A stream of equal segments, from the SYN's successor on.
fn stream(isn: u32, len: usize) -> impl Iterator<Item = View<'static>> {
    (0..).map(move |i: u32| data(isn.wrapping_add(1).wrapping_add(i.wrapping_mul(len as u32)), len))
}

/// `hits` of `n` are the share, give or take five standard deviations.
fn assert_share(hits: usize, n: usize, share: f64, what: &str) {
    let (mean, deviation) = (n as f64 * share, (n as f64 * share * (1.0 - share)).sqrt());
    assert!((hits as f64 - mean).abs() <= 5.0 * deviation, "{what}: {hits} of {n}, expected about {mean}");
}

fn count(fates: &[Fate], wanted: Fate) -> usize {
    fates.iter().filter(|fate| **fate == wanted).count()
}

/// Two lists of fates of a half each have nothing to do with each other.
fn assert_unrelated(left: &[Fate], right: &[Fate], what: &str) {
    assert_eq!(left.len(), right.len(), "{what}");
    let same = left.iter().zip(right).filter(|(left, right)| left == right).count();
    assert_share(same, left.len(), 0.5, what);
}
