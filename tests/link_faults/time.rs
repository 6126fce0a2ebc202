//! When a packet is there: delay, reordering, rate and queue.

use super::*;

#[test]
fn a_packet_is_under_way_for_its_ways_delay() {
    let mut engine = engine("up.delay=3ms,down.delay=40ms,dup=2");
    assert_eq!(engine.rule(Client, 5, &ack()), carried_at(3 * MS + 5));
    assert_eq!(engine.rule(Server, 6, &ack()), carried_at(40 * MS + 6));
    assert_eq!(engine.rule(Client, 7, &datagram()), carried_at(3 * MS + 7));
    let due = Some(3 * MS + 8);
    let doubled = Ruling { fate: Fate::Duplicated, due_ns: due, copy_due_ns: due, releases: false };
    assert_eq!(engine.rule(Client, 8, &datagram()), doubled);
    let lost = Ruling { fate: LOST, due_ns: None, copy_due_ns: None, releases: false };
    assert_eq!(self::engine("drop=1").rule(Client, 0, &datagram()), lost);
}

fn carried_at(due: u64) -> Ruling {
    Ruling { fate: Fate::Delivered, due_ns: Some(due), copy_due_ns: None, releases: false }
}

/// Delay, round trip and patience.
const HELD: u64 = DELAY + 20 * MS + 50 * MS;

fn held_until(latest: u64) -> Ruling {
    Ruling { fate: Fate::Reordered, due_ns: Some(latest), copy_due_ns: None, releases: false }
}

#[test]
fn the_next_data_that_passes_releases_what_is_held() {
    let mut engine = engine("reorder=1+2,drop=3,dup=4");
    assert_eq!(engine.rule(Client, 0, &datagram()), held_until(HELD));
    assert_eq!(engine.rule(Client, MS, &datagram()), held_until(HELD + MS), "held itself");
    assert!(!engine.rule(Client, 2 * MS, &ack()).releases, "not data");
    assert!(!engine.rule(Server, 2 * MS, &packet(protocol::UDP, Server, 5000, 9)).releases, "the other direction");
    assert!(!engine.rule(Client, 2 * MS, &datagram()).releases, "lost itself");
    let passing = engine.rule(Client, 3 * MS, &datagram());
    assert_eq!((passing.fate, passing.due_ns, passing.releases), (Fate::Duplicated, Some(DELAY + 3 * MS), true));
    assert_eq!(engine.rule(Client, 4 * MS, &datagram()), carried_at(DELAY + 4 * MS), "nothing is held any more");
}

#[test]
fn a_retransmission_releases_what_it_repeats() {
    let mut engine = engine("reorder=1");
    assert_eq!(engine.rule(Client, 0, &data(1, 10)), held_until(HELD));
    assert!(engine.rule(Client, 60 * MS, &data(1, 10)).releases);
}

#[test]
fn nobody_is_held_longer_than_a_round_trip_and_a_delayed_ack() {
    for (now, releases) in [(HELD - 1, true), (HELD, false)] {
        let mut engine = engine("reorder=1");
        assert_eq!(engine.rule(Client, 0, &datagram()), held_until(HELD));
        assert_eq!(engine.rule(Client, now, &datagram()).releases, releases, "{now}");
    }
    let mut slow = engine("up.delay=100ms,down.delay=200ms,reorder=1");
    assert_eq!(slow.rule(Client, 0, &datagram()), held_until(450 * MS));
    assert_eq!(slow.rule(Server, 0, &packet(protocol::UDP, Server, 5000, 9)), held_until(550 * MS));
}

#[test]
fn a_dropped_one_at_a_full_queue_releases_nothing() {
    let mut engine = engine("reorder=1,up.rate=1MB,up.queue=0");
    assert_eq!(engine.rule(Client, 0, &datagram()).fate, Fate::Reordered);
    let full = engine.rule(Client, 0, &datagram());
    assert_eq!((full.fate, full.releases), (FULL, false));
    assert!(engine.rule(Client, MS, &datagram()).releases);
}

fn sized(len: usize) -> View<'static> {
    View { len, ..ack() }
}

#[test]
fn a_rate_lets_one_packet_through_after_the_other() {
    let mut engine = engine("up.rate=1MB,drop=1");
    let mut due = |from, now, packet: View| engine.rule(from, now, &packet).due_ns;
    assert_eq!(due(Client, 0, sized(1000)), Some(DELAY + MS));
    assert_eq!(due(Client, 0, sized(40)), Some(DELAY + 1_040_000), "an ACK takes its time too");
    assert_eq!(due(Server, 0, sized(1000)), Some(DELAY), "the other way has no rate");
    assert_eq!(due(Client, 0, View { len: 500, ..datagram() }), None, "lost under way, behind the line");
    assert_eq!(due(Client, 0, sized(1000)), Some(DELAY + 2_540_000));
    assert_eq!(due(Client, 5 * MS, sized(1000)), Some(DELAY + 6 * MS), "an idle line saves nothing up");
}

#[test]
fn the_line_never_beats_its_rate() {
    let mut engine = engine("rtt=0ms,rate=3000");
    // 40 bytes at 3000 a second take 13,333,333.3 ns.
    assert_eq!(engine.rule(Client, 0, &sized(40)).due_ns, Some(13_333_334));
    assert_eq!(engine.rule(Client, 0, &sized(65535)).due_ns, Some(13_333_334 + 21_845_000_000));
}

#[test]
fn a_full_queue_drops_whatever_comes() {
    let mut engine = engine("up.rate=1MB,up.queue=3000");
    let mut rule = |now, len| engine.rule(Client, now, &sized(len)).fate;
    let burst: Vec<Fate> = (0..5).map(|_| rule(0, 1500)).collect();
    assert_eq!(burst, [Fate::Delivered, Fate::Delivered, Fate::Delivered, FULL, FULL], "one on the line, two wait");
    assert_eq!(rule(MS * 3 / 2 - 1, 1), FULL);
    assert_eq!(rule(MS * 3 / 2, 1500), Fate::Delivered, "the second is on the line");
    assert_eq!(rule(MS * 3 / 2, 1), FULL);
}

#[test]
fn without_a_queue_given_any_number_waits() {
    let mut engine = engine("rtt=0ms,rate=1MB");
    let last = (0..10_000).filter_map(|_| engine.rule(Client, 0, &sized(1500)).due_ns).last();
    assert_eq!(last, Some(15_000 * MS));
}

#[test]
fn what_was_asked_for_is_the_cause_even_at_a_full_queue() {
    let mut engine = engine("drop=2,rate=1MB,queue=0");
    let fates: Vec<Fate> = (0..3).map(|_| engine.rule(Client, 0, &datagram()).fate).collect();
    assert_eq!(fates, [Fate::Delivered, LOST, FULL]);
}

proptest! {
    #[test]
    fn the_queue_holds_what_it_may_and_nothing_overtakes(
        packets in prop::collection::vec((0..3u64, 1..60_000u64, 20..3000usize, any::<bool>()), 1..200),
        queue in 0..20_000u64,
        rate in 1000..2_000_000u64,
        faults: bool,
    ) {
        let faults = if faults { ",reorder=20%,dup=10%" } else { "" };
        let mut engine = engine(&format!("rate={rate},queue={queue}{faults}"));
        // Of each taken: when its turn came, when it had left, how long it is.
        let mut taken: Vec<(u64, u64, usize)> = Vec::new();
        let (mut now, mut last_due) = (0, 0);
        for (gap, jitter, len, data) in packets {
            now += gap * MS + jitter;
            let ruling = engine.rule(Client, now, &View { len, ..if data { datagram() } else { ack() } });
            let waiting: u64 = taken.iter().filter(|(turn, ..)| *turn > now).map(|(.., len)| *len as u64).sum();
            let free = taken.last().map_or(0, |(_, left, _)| *left);
            let full = free > now && waiting + len as u64 > queue;
            prop_assert_eq!(ruling.fate == FULL, full);
            if full {
                continue;
            }
            let turn = free.max(now);
            let left = turn + (len as u64 * 1_000_000_000).div_ceil(rate);
            taken.push((turn, left, len));
            if ruling.fate == Fate::Reordered {
                prop_assert_eq!(ruling.due_ns, Some(left + HELD));
            } else {
                prop_assert_eq!(ruling.due_ns, Some(left + DELAY));
                prop_assert!(ruling.due_ns >= Some(last_due));
                last_due = left + DELAY;
            }
        }
    }
}
