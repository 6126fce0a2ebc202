//! Who is struck, and by number.

use super::*;

#[test]
fn only_data_is_struck() {
    let control = [Flags::SYN, Flags::SYN.and(Flags::ACK), Flags::ACK, Flags::FIN.and(Flags::ACK), Flags::RST];
    for (spec, fate) in [("loss=100%", LOST), ("dup=100%", Fate::Duplicated), ("reorder=100%", Fate::Reordered)] {
        let mut engine = engine(spec);
        for flags in control {
            assert_eq!(engine.rule(Client, 0, &tcp(Client, 5000, flags, 1, 0)).fate, Fate::Delivered, "{spec} {flags}");
        }
        for number in [protocol::ICMP, 47] {
            assert_eq!(engine.rule(Client, 0, &packet(number, Client, 0, 64)).fate, Fate::Delivered, "{spec} {number}");
        }
        let with_fin = tcp(Client, 5000, Flags::FIN.and(Flags::ACK), 2, 5);
        let empty_datagram = packet(protocol::UDP, Client, 5000, 0);
        let (first, last) = (fragment(Client, 5000, 1, 0, true), fragment(Client, 5000, 1, 1480, false));
        for data in [data(2, 1), with_fin, datagram(), empty_datagram, first, last] {
            assert_eq!(engine.rule(Client, 0, &data).fate, fate, "{spec} {data:?}");
        }
    }
}

#[test]
fn drop_beats_dup_beats_reorder() {
    let first = |spec| fates(spec, [datagram()])[0];
    assert_eq!(first("loss=100%,dup=100%,reorder=100%"), LOST);
    assert_eq!(first("drop=1,dup=1,reorder=1"), LOST);
    assert_eq!(first("dup=1,reorder=100%"), Fate::Duplicated);
    assert_eq!(first("dup=100%,reorder=1"), Fate::Duplicated);
}

#[test]
fn a_way_has_faults_of_its_own() {
    let mut engine = engine("up.loss=100%,down.dup=100%");
    assert_eq!(engine.rule(Client, 0, &datagram()).fate, LOST);
    assert_eq!(engine.rule(Server, 0, &packet(protocol::UDP, Server, 5000, 9)).fate, Fate::Duplicated);
}

#[test]
fn the_numbered_are_struck_once_and_no_others() {
    let mut engine = engine("drop=3+7");
    let mut lost = Vec::new();
    engine.rule(Client, 0, &syn(0));
    for (i, packet) in stream(0, 100).take(20).enumerate() {
        // What carries no data, leaves again or goes the other way takes no number.
        engine.rule(Client, 0, &ack());
        engine.rule(Client, 0, &data(1, 100));
        engine.rule(Server, 0, &tcp(Server, 5000, Flags::ACK, 1 + 100 * i as u32, if i < 2 { 100 } else { 0 }));
        if engine.rule(Client, 0, &packet).fate == LOST {
            lost.push(i + 1);
            assert_eq!(engine.rule(Client, 0, &packet).fate, Fate::Delivered, "its retransmission passes");
        }
    }
    // The loop's retransmission of the first segment was that segment's first transmission, once.
    assert_eq!(lost, [3, 7]);
}

#[test]
fn each_direction_counts_for_itself_over_all_its_flows() {
    let mut engine = engine("up.drop=2+4,down.drop=1");
    let mut rule = |from, packet: View| engine.rule(from, 0, &packet).fate;
    assert_eq!(rule(Client, tcp(Client, 1, Flags::ACK, 100, 10)), Fate::Delivered);
    assert_eq!(rule(Server, tcp(Server, 1, Flags::ACK, 900, 10)), LOST);
    assert_eq!(rule(Client, tcp(Client, 2, Flags::ACK, 100, 10)), LOST);
    assert_eq!(rule(Client, fragment(Client, 3, 8, 0, true)), Fate::Delivered);
    assert_eq!(rule(Client, fragment(Client, 3, 8, 1480, false)), LOST);
    assert_eq!(rule(Client, tcp(Client, 1, Flags::ACK, 110, 10)), Fate::Delivered);
    assert_eq!(rule(Server, tcp(Server, 1, Flags::ACK, 910, 10)), Fate::Delivered);
}

#[test]
fn a_retransmission_with_new_bytes_at_its_end_is_a_retransmission() {
    let mut engine = engine("drop=2+3");
    let mut rule = |seq, len| engine.rule(Client, 0, &data(seq, len)).fate;
    assert_eq!(rule(1, 100), Fate::Delivered);
    assert_eq!(rule(51, 100), Fate::Delivered);
    assert_eq!(rule(101, 50), Fate::Delivered, "its bytes left with the one before");
    assert_eq!(rule(151, 100), LOST);
    assert_eq!(rule(251, 100), LOST);
    assert_eq!(rule(351, 100), Fate::Delivered);
}

#[test]
fn what_went_back_to_an_earlier_segment_goes_on_with_retransmissions() {
    let sent = || stream(0, 10).take(5);
    let lost = fates("drop=6", sent().chain(sent()).chain(stream(0, 10).skip(5).take(2)));
    assert_eq!(lost.iter().position(|fate| *fate == LOST), Some(10), "the sixth new one");
}
