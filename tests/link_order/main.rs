//! Calls and packets in one causal order, and the bytes that packets carry, from recordings built by hand.

mod carried;
#[path = "../common/mod.rs"]
mod common;
mod datagrams;
mod streams;

use common::*;
use std::net::SocketAddrV4;
use stickdemo::trace::Role::{Client, Server};
use stickdemo::trace::Sink as _;
use stickdemo::trace::packet::{Content, Fate, Flags, Packet};
use stickdemo::trace::{Call, Event, Fact, Handed, Proto, Role, Tie, Trace};

const FIN: Flags = Flags::FIN;
const RST: Flags = Flags::RST;

/// One line for each call and each packet, in order: `c send`, `c>SYN`, `s>4`.
fn order(trace: &Trace) -> String {
    let side = |role: Role| if role == Client { 'c' } else { 's' };
    let of_event = |e: &Event| {
        let result = e.error.clone().unwrap_or_default();
        (e.seq, format!("{} {}{result}", side(e.end.role), e.call.word()))
    };
    let of_packet = |p: &Packet| {
        let what = match (p.segment(), p.payload_len) {
            (Some(s), 0) if s.flags == ACK => format!("ack{}", s.ack - 1),
            (Some(s), 0) => s.flags.to_string(),
            (None, 0) if !p.is_data() => "icmp".into(),
            (_, n) => n.to_string(),
        };
        (p.seq, format!("{}>{what}{}", side(p.from), if p.dropped() { "x" } else { "" }))
    };
    let mut rows: Vec<_> = trace.events.iter().map(of_event).chain(trace.packets.iter().map(of_packet)).collect();
    rows.sort();
    assert!(rows.iter().enumerate().all(|(i, (seq, _))| *seq == i + 1), "{rows:?}");
    rows.into_iter().map(|(_, row)| row).collect::<Vec<_>>().join(", ")
}

/// Delays what was recorded by up to 3 ms, each call and each passage by its own, as a busy machine does. The
/// link's sequence at each host stays, and no packet leaves before its call.
fn late(mut trace: Trace, seed: u64) -> Trace {
    let mut random = Random(seed);
    let mut noise = move || random.next() % 3000;
    for event in &mut trace.events {
        event.t_us += noise();
        event.end_us = event.t_us.max(event.end_us + noise());
    }
    let mut passages: Vec<(u64, Role, usize, Option<usize>)> = Vec::new();
    for (i, packet) in trace.packets.iter().enumerate() {
        passages.push((packet.t_us, packet.from, i, None));
        passages.extend(packet.arrivals.iter().enumerate().map(|(copy, at)| (*at, packet.from.other(), i, Some(copy))));
    }
    passages.sort();
    let mut last = [0; 2];
    for (at, host, packet, copy) in passages {
        let last = &mut last[usize::from(host == Server)];
        *last = (at + 3000 + noise()).max(*last + 1);
        match copy {
            None => trace.packets[packet].t_us = *last,
            Some(copy) => trace.packets[packet].arrivals[copy] = *last,
        }
    }
    trace
}

/// The order by the clock, and the one for stable text, which is the same under noise.
fn both(scene: impl Fn() -> Scene, clock: &str, lane: &str) {
    assert_eq!(order(&scene().finish(Tie::Clock)), clock, "by the clock");
    stable(scene, lane);
}

fn stable(scene: impl Fn() -> Scene, expected: &str) {
    assert_eq!(order(&scene().finish(Tie::Lane)), expected, "by lane");
    for seed in 0..200 {
        assert_eq!(order(&late(scene().raw(), seed).finish(Tie::Lane)), expected, "by lane, noise {seed}");
    }
}

const HANDSHAKE: &str = "s listen, c connect, c>SYN, s>SYN ACK, c>ack0, ";

/// hello, feng, and what became of them.
fn nagle() -> Scene {
    let mut scene = Scene::connected();
    scene.send(CLIENT, 20_030, b"hello");
    scene.seg(Client, 20_040, ACK, [1, 1], b"hello");
    scene.send(CLIENT, 20_050, b"feng");
    scene.recv(SERVER, [30_030, 30_060], b"hello");
    scene.seg(Server, 30_044, ACK, [1, 6], b"");
    scene.seg(Client, 40_048, ACK, [6, 1], b"feng");
    scene.recv(SERVER, [30_070, 50_060], b"feng");
    scene.seg(Server, 50_052, ACK, [1, 10], b"");
    scene
}

/// Both close; the client sent a FIN by close, the server by ending.
fn closing() -> Scene {
    let mut scene = Scene::connected();
    scene.send(CLIENT, 20_030, b"bye");
    scene.seg(Client, 20_035, ACK, [1, 1], b"bye");
    scene.close(CLIENT, 20_040);
    scene.seg(Client, 20_045, FIN.and(ACK), [4, 1], b"");
    scene.recv(SERVER, [30_030, 30_046], b"bye");
    scene.event(SERVER, Call::Recv, [30_050, 30_055], |e| e.asked = Some(1024));
    scene.seg(Server, 30_058, FIN.and(ACK), [1, 5], b"");
    scene.seg(Client, 40_060, ACK, [5, 2], b"");
    scene
}
