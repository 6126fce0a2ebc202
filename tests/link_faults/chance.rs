//! Who is struck by chance.

use super::*;

#[test]
fn a_share_of_none_is_none_and_of_all_is_all() {
    for seed in 0..200 {
        let spec = format!("loss=100%,seed={seed}");
        assert_eq!(count(&fates(&spec, stream(7, 10).take(100)), LOST), 100);
        let spec = format!("loss=0%,dup=0%,reorder=0%,seed={seed}");
        assert_eq!(count(&fates(&spec, stream(7, 10).take(100)), Fate::Delivered), 100);
    }
}

#[test]
fn over_many_packets_the_share_is_what_was_asked() {
    let n = 10_000;
    for share in [0.01, 0.1, 0.5, 0.9] {
        for (key, fate) in [("loss", LOST), ("dup", Fate::Duplicated), ("reorder", Fate::Reordered)] {
            let spec = format!("{key}={share},seed=3");
            for len in [1, 1460] {
                assert_share(
                    count(&fates(&spec, stream(9, len).take(n)), fate),
                    n,
                    share,
                    &format!("{spec}, segments of {len}"),
                );
            }
            assert_share(
                count(&fates(&spec, (0..n).map(|_| datagram())), fate),
                n,
                share,
                &format!("{spec}, datagrams"),
            );
            let flows = (0..n).map(|port| packet(protocol::UDP, Client, port as u16, 9));
            assert_share(count(&fates(&spec, flows), fate), n, share, &format!("{spec}, flows"));
        }
    }
    // And over many seeds.
    let first = |seed| fates(&format!("loss=10%,seed={seed}"), [datagram()])[0];
    assert_share(count(&(0..n).map(first).collect::<Vec<_>>(), LOST), n, 0.1, "seeds");
}

#[test]
fn each_fault_throws_its_own_dice() {
    let fates = fates("loss=50%,dup=50%,reorder=50%", stream(0, 10).take(10_000));
    for (fate, share) in [(LOST, 0.5), (Fate::Duplicated, 0.25), (Fate::Reordered, 0.125), (Fate::Delivered, 0.125)] {
        assert_share(count(&fates, fate), fates.len(), share, &format!("{fate:?}"));
    }
}

#[test]
fn whatever_tells_packets_apart_changes_the_throw() {
    let n = 4000;
    let spec = |seed| format!("loss=50%,seed={seed}");
    let plain = fates(&spec(0), stream(0, 10).take(n));
    assert_share(count(&plain, LOST), n, 0.5, "plain");
    assert_unrelated(&plain[1..], &plain[..n - 1], "neighbours");
    for other in [1, 2, 1 << 32, u64::MAX] {
        assert_unrelated(&plain, &fates(&spec(other), stream(0, 10).take(n)), "seeds");
    }
    let down = rulings(&mut engine(&spec(0)), Server, stream(0, 10).take(n));
    let down: Vec<Fate> = down.iter().map(|ruling| ruling.fate).collect();
    assert_unrelated(&plain, &down, "directions");
    let swapped = rulings(&mut engine(&spec(1)), Client, stream(0, 10).take(n));
    let swapped: Vec<Fate> = swapped.iter().map(|ruling| ruling.fate).collect();
    assert_unrelated(&down, &swapped, "a direction is no seed");
    let datagrams = fates(&spec(0), (0..n).map(|_| datagram()));
    assert_unrelated(&plain, &datagrams, "protocols");
    assert_unrelated(&fates(&spec(0), stream(0, 1).take(n)), &datagrams, "an offset is no number");

    let mut engine = engine(&spec(0));
    let mut both = (Vec::new(), Vec::new(), Vec::new());
    for first in stream(0, 10).take(n) {
        let mut second = first;
        second.source.set_port(6000);
        both.0.push(engine.rule(Client, 0, &first).fate);
        both.1.push(engine.rule(Client, 0, &second).fate);
        both.2.push(engine.rule(Client, 0, &first).fate);
    }
    assert_eq!(both.0, plain);
    assert_unrelated(&both.0, &both.1, "flows");
    assert_unrelated(&both.0, &both.2, "attempts");
    assert_unrelated(&both.1, &both.2, "a flow is no attempt");
}

#[test]
fn each_fragment_is_struck_on_its_own() {
    let mut engine = engine("loss=50%");
    let mut each = [Vec::new(), Vec::new(), Vec::new()];
    for ip_id in 0..4000 {
        for (i, lost) in each.iter_mut().enumerate() {
            lost.push(engine.rule(Client, 0, &fragment(Client, 5000, ip_id, i * 1480, i < 2)).fate);
        }
    }
    for (i, j) in [(0, 1), (1, 2), (0, 2)] {
        assert_unrelated(&each[i], &each[j], "fragments");
        assert_unrelated(&each[i][1..], &each[j][..3999], "fragments of neighbours");
    }
    assert_share(count(&each[2], LOST), 4000, 0.5, "last fragments");
}

#[test]
fn each_retransmission_is_a_new_throw() {
    let mut engine = engine("loss=90%,seed=11");
    let n = 2000;
    let mut attempts = 0;
    for packet in stream(0, 10).take(n) {
        attempts += 1;
        while engine.rule(Client, 0, &packet).fate == LOST {
            attempts += 1;
            assert!(attempts < 50_000, "some would never get through");
        }
    }
    // Geometric: a mean of 1/p, a standard deviation of sqrt(1-p)/p, here 10 and 9.5.
    let (mean, deviation) = (10.0 * n as f64, 9.49 * (n as f64).sqrt());
    assert!((f64::from(attempts) - mean).abs() < 5.0 * deviation, "{attempts}, expected about {mean}");
}
