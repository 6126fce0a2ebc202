//! However much passes, the live trace keeps little of it. A process of its own: what is measured is the most that it
//! ever had.

mod common;

use common::{CLIENT, Program};
use stickdemo::render::Style;
use stickdemo::text::Text;
use stickdemo::trace::{Call, EndName, Part, Proto, Role};

/// The most memory this process ever had resident, in KiB, where the system tells (proc(5)).
fn peak_kib() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    peak.and_then(|kib| kib.trim().strip_suffix(" kB")?.parse().ok()).unwrap_or(0)
}

/// A gigabyte in one message.
fn a_long_body() {
    let mut p = Program::new(Style::plain(), false);
    let sock = p.socket(CLIENT);
    p.live.message(CLIENT, Some(Text::same("big.bin")));
    let piece = vec![0; 64 << 10];
    for n in 0..16_384 {
        p.moved(CLIENT, sock, Call::Send, &piece, [1, n * piece.len()], Part::Body);
    }
    let text = p.text();
    assert!(text.lines().count() < 40 && text.contains("16,380 more like it, 1,073,479,680"), "{text}");
}

/// Many connections, one after the other, and many messages on one.
fn many_messages() {
    let mut p = Program::new(Style::plain(), true);
    for n in 1..=20_000 {
        let end = EndName { role: Role::Server, index: n };
        let sock = p.live.socket(end, Proto::Tcp, None, None);
        p.live.message(end.other(), None);
        p.moved(end, sock, Call::Recv, &[1; 100], [2 * n as usize - 1, 0], Part::Body);
        p.live.message(CLIENT, None);
        p.moved(CLIENT, sock, Call::Send, &[1; 100], [2 * n as usize, 0], Part::Body);
        p.call(end, sock, Call::Close, |_| {});
        p.out.clear();
    }
}

#[test]
fn memory_stays_small() {
    let before = peak_kib();
    a_long_body();
    many_messages();
    let more = peak_kib() - before;
    assert!(more < 4 << 10, "{more} KiB more than before");
}
