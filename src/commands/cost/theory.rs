//! What the delay alone costs: a sender, a receiver and a recorder that take no time. Pure.

use super::terms::{Fix, Load, Medium};
use crate::framing::json::Json;
use crate::framing::{Framing, I32_LE};
use crate::text::Text;
use std::time::Duration;

/// Segments that may be under way before the first acknowledgement (RFC 6928 §2).
pub(super) const FIRST_WINDOW: usize = 10;
/// What a segment of a link with MTU 1500 carries: 20 bytes of IP header and 20 of TCP's go off.
pub(super) const MSS: usize = 1460;

/// How long the load takes over the medium; `None` where nothing but the processor costs time.
///
/// Counted in delays one way, half a round trip each:
///
/// * lock step: two for each message, there and back;
/// * ack: two for each message, length there and acknowledgement back, and one for the last body;
/// * sleep: one, and all the sleeps;
/// * a header: one, and two for each window after the first ([`windows_after_first`]).
pub(super) fn total(fix: Fix, load: &Load, medium: Medium) -> Option<Duration> {
    let sleeps = if fix == Fix::Sleep { load.gap * load.messages } else { Duration::ZERO };
    let delays = medium.rtt().map(|rtt| rtt / 2 * delays(fix, load)).unwrap_or_default();
    Some(sleeps + delays).filter(|total| !total.is_zero())
}

/// Delays one way, in a row.
fn delays(fix: Fix, load: &Load) -> u32 {
    // A window that a body has opened stays open for the next.
    let windows = |sends: Vec<usize>| 2 * windows_after_first(sends);
    let stream = |header: usize| windows([header, load.size].repeat(load.messages as usize));
    match fix {
        Fix::LockStep => 2 * load.messages + windows(vec![load.size]),
        Fix::Ack => 2 * load.messages + 1 + windows(vec![load.size]),
        Fix::Sleep => 1,
        Fix::I32Le => 1 + stream(I32_LE.width()),
        Fix::Json => {
            let header = Json.header(&vec![0; load.size]).map_or(0, |header| header.len());
            let sends = [I32_LE.width(), header.saturating_sub(I32_LE.width()), load.size];
            1 + windows(sends.repeat(load.messages as usize))
        }
    }
}

/// Round trips that the sender's kernel waits, because a window is used up: the first is ten segments, one a
/// send at least (TCP_NODELAY); what has to wait goes on in full segments, and each window is twice the one
/// before (slow start, RFC 5681 §3.1).
pub(super) fn windows_after_first(sends: Vec<usize>) -> u32 {
    let segments = sends.into_iter().flat_map(|send| {
        let full = send / MSS;
        std::iter::repeat_n(MSS, full).chain((send % MSS > 0).then_some(send % MSS))
    });
    let mut left: usize = segments.skip(FIRST_WINDOW).sum();
    let (mut windows, mut window) = (0, 2 * FIRST_WINDOW * MSS);
    while left > 0 {
        left = left.saturating_sub(window);
        window *= 2;
        windows += 1;
    }
    windows
}

/// What one round of every fix over all these media takes at least, connecting and closing included.
pub(super) fn of_everything(load: &Load, media: &[Medium]) -> Duration {
    let one = |medium: Medium, fix| total(fix, load, medium).unwrap_or_default() + 2 * medium.rtt().unwrap_or_default();
    media.iter().flat_map(|medium| Fix::ALL.map(|fix| one(*medium, fix))).sum()
}

/// The formula, for N messages.
pub(super) const fn formula(fix: Fix) -> Text {
    match fix {
        Fix::LockStep => Text::new("theory: N x RTT", "理论：N × RTT"),
        Fix::Sleep => Text::new("theory: N x gap + RTT/2", "理论：N × 间隔 + RTT/2"),
        Fix::Ack => Text::new("theory: N x RTT + RTT/2", "理论：N × RTT + RTT/2"),
        Fix::I32Le | Fix::Json => Text::new(
            "theory: RTT/2, and RTT for each window after the first",
            "理论：RTT/2，第一个窗口之后每个窗口再加 RTT",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOAD: Load = Load { messages: 50, size: 100, gap: Duration::from_millis(5), nodelay: true };
    const LINK: Medium = Medium::Link(Duration::from_millis(10));

    #[test]
    fn waiting_costs_a_round_trip_a_message_and_a_header_none() {
        let ms = |fix| total(fix, &LOAD, LINK).map(|total| total.as_secs_f64() * 1e3);
        assert_eq!(ms(Fix::LockStep), Some(500.0));
        assert_eq!(ms(Fix::Ack), Some(505.0));
        assert_eq!(ms(Fix::Sleep), Some(255.0));
        // Ten of the 100 sends fill the first window.
        assert_eq!(ms(Fix::I32Le), Some(15.0));
        assert_eq!(ms(Fix::Json), Some(15.0));
    }

    #[test]
    fn over_loopback_only_a_sleep_has_a_price_of_its_own() {
        let priced: Vec<Fix> =
            Fix::ALL.into_iter().filter(|fix| total(*fix, &LOAD, Medium::Loopback).is_some()).collect();
        assert_eq!(priced, [Fix::Sleep]);
    }

    #[test]
    fn windows_double_and_what_waits_fills_segments() {
        assert_eq!(windows_after_first(vec![100; 10]), 0, "the first window");
        assert_eq!(windows_after_first(vec![100; 11]), 1);
        assert_eq!(windows_after_first(vec![MSS; 30]), 1, "10 and 20 segments");
        assert_eq!(windows_after_first(vec![MSS; 31]), 2);
        assert_eq!(windows_after_first(vec![10 * MSS + 1]), 1, "one send of eleven segments");
        assert_eq!(windows_after_first(vec![]), 0);
    }

    #[test]
    fn a_body_larger_than_a_window_waits_for_it_to_open() {
        let large = Load { size: 11 * MSS, ..LOAD };
        assert_eq!(total(Fix::LockStep, &large, LINK), Some(Duration::from_millis(510)), "once, then it is open");
    }
}
