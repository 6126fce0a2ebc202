//! A packet that is overtaken on the way: UDP hands the datagrams on as they come, TCP puts its stream in order.

use super::both::{self, Seen, arrivals, arrived, listed};
use super::prelude::*;
use crate::trace::packet::Packet;

pub(super) fn scenario() -> Scenario {
    Scenario::new("udp-reorder", SyllabusPart::Link, &["D0", "D1 §10", "D3 §9"])
        .title("overtaken on the way", "途中乱序（后发先到）")
        .question(
            "one packet overtakes another: what do UDP and TCP deliver?",
            "分组后发先到：UDP 和 TCP 各交付了什么？",
        )
        .claim(
            "When one packet overtakes another, UDP's receiver sees the wrong order; TCP's never does.",
            "后发的分组先到时，UDP 的接收方看到的顺序就错了；TCP 的接收方看到的总是对的。",
        )
        .client(|end| both::client(end, MESSAGES, LENGTH))
        .server(|end| both::server(end, MESSAGES, LENGTH))
        .judge(judge)
        .only_over("up.reorder=1+4")
        .on_link(Variation::Nothing)
        .words("order reordered out-of-order 乱序")
        .teach(teach)
}

const MESSAGES: usize = 3;
const LENGTH: usize = 16;

/// The packets that arrived after one that had left later.
fn overtaken<'a>(packets: &[&'a Packet]) -> Vec<&'a Packet> {
    let first = |p: &Packet| arrivals(p).next();
    let is_late = |place: usize| {
        let here = first(packets[place]);
        here.is_some() && packets[place..].iter().any(|later| first(later).is_some_and(|there| Some(there) < here))
    };
    (0..packets.len()).filter(|place| is_late(*place)).map(|place| packets[place]).collect()
}

fn judge(j: &Judge) {
    let seen = Seen::of(j);
    let wire = arrived(j, &seen.udp);
    both::side_by_side(j, &seen);
    // A link that kept their order does not show it, whatever came twice.
    let due =
        if overtaken(&seen.udp).is_empty() { Text::new("out of order", "顺序被打乱") } else { listed(&wire) };
    j.claim(
        "udp-as-it-comes",
        "UDP: received in the order of arrival, not of sending",
        "UDP：按到达的顺序收到，不是发送的顺序",
    )
    .of(&seen.datagrams)
    .same(due, listed(&seen.received()));

    let late = overtaken(&seen.tcp);
    let arrivals = Text::new(" (arrivals: {})", "（到达顺序：{}）").with(&listed(&arrived(j, &seen.tcp)));
    j.claim("tcp-overtaken-too", "TCP: its segments arrived out of order, too", "TCP：它的报文段也没有按顺序到达")
        .shown_by(late.iter().copied())
        .beside(Sentence::from(arrivals))
        .at_least(1, late.len(), |n| say!("{n} overtaken", "{n} 个被超过"));
    both::claim_whole_stream(j, &seen, MESSAGES, LENGTH);
}

fn teach(t: Teaching) -> Teaching {
    t.why(
        "IP promises no order, and UDP adds none; TCP numbers its bytes, and what comes too early waits.",
        "IP 不保证顺序，UDP 也不补上；TCP 给每个字节编号，来早了的先等着。",
        "RFC 791 §1.2; RFC 768; RFC 9293 §3.4",
    )
    .why(
        "It waits in the receiver's kernel until the hole before it is filled; only then recv returns it.",
        "它在接收方内核里等着，前面的缺口补上，recv 才会返回它。",
        "RFC 9293 §3.10.7.4",
    )
    .next("udp-reorder --control", "a link on which nobody overtakes", "谁也不超过谁的链路")
    .next("udp-reorder --link reorder=50%,seed=3", "chance decides", "由概率决定扣下谁")
    .next("udp-duplicate", "and what arrives twice", "还有到达两次的")
    .control("the link keeps the order", "链路保持顺序", |e| e.link = "")
}
