//! A packet that arrives twice: UDP's receiver gets the datagram twice, TCP's gets each byte once.

use super::both::{self, Seen, carried, listed};
use super::prelude::*;
use crate::trace::packet::Packet;

pub(super) fn scenario() -> Scenario {
    Scenario::new("udp-duplicate", SyllabusPart::Link, &["D0", "D1 §10", "D3 §9"])
        .title("arriving twice", "到达两次")
        .question("a packet arrives twice: how often is it received?", "一个分组到达两次：会被收到几次？")
        .claim(
            "When the network doubles a packet, UDP's receiver gets the message twice; TCP's gets every byte once.",
            "网络把分组复制了一份时，UDP 的接收方收到两次消息；TCP 的接收方每个字节只收到一次。",
        )
        .client(|end| both::client(end, MESSAGES, LENGTH))
        .server(|end| both::server(end, MESSAGES, LENGTH))
        .judge(judge)
        .only_over("up.dup=2+5")
        .on_link(Variation::Nothing)
        .words("twice duplicated 重复")
        .teach(teach)
}

const MESSAGES: usize = 3;
const LENGTH: usize = 16;

/// The packets that arrived more than once.
fn doubled<'a>(packets: &[&'a Packet]) -> Vec<&'a Packet> {
    packets.iter().copied().filter(|p| p.arrivals.len() > 1).collect()
}

fn judge(j: &Judge) {
    let seen = Seen::of(j);
    both::side_by_side(j, &seen);
    let (twice, received) = (carried(j, doubled(&seen.udp)), seen.received());
    let times = |n: &usize| received.iter().filter(|got| *got == n).count();
    let repeated: Vec<usize> = (1..=MESSAGES).filter(|n| times(n) > 1).collect();
    let twice_in = Text::new("twice: {}", "两次：{}");
    j.claim("udp-twice", "UDP: what the link doubled was received twice", "UDP：链路复制的，收到了两次")
        .of(&seen.datagrams)
        .same(twice_in.with(&both::expected(&twice)), twice_in.with(&listed(&repeated)));

    let copies = doubled(&seen.tcp);
    j.claim("tcp-doubled-too", "TCP: the link doubled a segment, too", "TCP：链路也复制了报文段")
        .shown_by(copies.iter().copied())
        .at_least(1, copies.len(), |n| say!("{n} arrived twice", "{n} 个到达两次"));
    both::claim_whole_stream(j, &seen, MESSAGES, LENGTH);
}

fn teach(t: Teaching) -> Teaching {
    t.why(
        "A datagram has no number by which UDP could tell a copy; TCP numbers every byte and drops what it has.",
        "数据报没有编号，UDP 分辨不出副本；TCP 给每个字节编号，已经有的就扔掉。",
        "RFC 768; RFC 8085 §3.3; RFC 9293 §3.4",
    )
    .why(
        "What TCP has received before it acknowledges once more, so that the sender knows, and throws away.",
        "已经收过的，TCP 再确认一次，让发送方知道，然后扔掉。",
        "RFC 9293 §3.10.7.4",
    )
    .next("udp-duplicate --control", "a link that carries everything once", "每样只送一次的链路")
    .next("tcp-window", "how TCP's receiver stops its sender", "TCP 的接收方怎样让发送方停下")
    .control("the link carries everything once", "链路每样只送一次", |s| s.link = "")
}
