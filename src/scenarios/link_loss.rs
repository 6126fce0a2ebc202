//! The same link loses the same messages of UDP and of TCP: UDP's are missing, TCP's are sent again.

use super::both::{self, Seen, carried, listed};
use super::prelude::*;
use crate::trace::packet::Packet;

pub(super) fn scenario() -> Scenario {
    Scenario::new("link-loss", SyllabusPart::Link, &["D0", "D1 §10", "D3 §10"])
        .title("the same losses for UDP and for TCP", "同样的丢失，UDP 与 TCP")
        .question("the link loses packets: what do UDP and TCP deliver?", "链路丢失分组：UDP 和 TCP 各交付了什么？")
        .claim(
            "Over a link that loses packets UDP loses messages; TCP delivers all of them, only later, because it \
             retransmits.",
            "同一条会丢包的链路上，UDP 的消息就少了；TCP 的全部到达，只是晚些，因为丢了会重传。",
        )
        .client(|end| both::client(end, MESSAGES, LENGTH))
        .server(|end| both::server(end, MESSAGES, LENGTH))
        .judge(judge)
        .only_over("up.drop=3+7+13+17")
        .on_link(Variation::Nothing)
        .words("retransmission retransmit resend 重传")
        .teach(teach)
}

const MESSAGES: usize = 10;
/// A full segment at an MTU of 1500: then each message is one packet, over UDP and over TCP.
const LENGTH: usize = 1460;

fn judge(j: &Judge) {
    let seen = Seen::of(j);
    side_by_side(j, &seen);
    // One packet of a message is enough.
    let lost = carried(j, seen.udp.iter().copied().filter(|p| p.dropped()));
    let received = seen.received();
    let lost: Vec<usize> = (1..=MESSAGES).filter(|n| lost.contains(n)).collect();
    let missing: Vec<usize> = (1..=MESSAGES).filter(|n| !received.contains(n)).collect();
    let failed = j.sends(Client).only(|e| !e.ok());
    let side = |numbers: Text, failed: usize| {
        say!("missing: {{}} ({failed} sends failed)", "缺少：{{}}（{failed} 次 send 失败）").with(&numbers)
    };
    j.claim(
        "udp-missing",
        "UDP: exactly what the link lost is missing; no call failed",
        "UDP：少的正好是链路丢掉的；没有任何调用失败",
    )
    .shown_by(seen.udp.iter().copied().filter(|p| p.dropped()))
    .of(&seen.datagrams)
    .of(&failed)
    .same(side(both::expected(&lost), 0), side(listed(&missing), failed.len()));

    // What leaves again needlessly (a tail-loss probe) may be lost for good.
    let is_first = |p: &Packet| p.segment().is_some_and(|s| !s.retransmission);
    let dropped: Vec<&Packet> = seen.tcp.iter().copied().filter(|p| p.dropped() && is_first(p)).collect();
    let again: Vec<&Packet> = dropped.iter().filter_map(|p| sent_again(p, &seen.tcp)).collect();
    j.claim(
        "tcp-again",
        "TCP: the link lost segments, too, and each was sent again",
        "TCP：链路也丢了报文段，每个都重传了",
    )
    .shown_by(dropped.iter().chain(&again).copied())
    .equal([dropped.len().max(1); 2], [dropped.len(), again.len()], |[dropped, again]| {
        say!("{dropped} dropped, {again} sent again", "丢弃 {dropped} 个，重传 {again} 个")
    });
    both::claim_whole_stream(j, &seen, MESSAGES, LENGTH);
}

/// The two protocols beside each other: messages, packets, messages.
fn side_by_side(j: &Judge, seen: &Seen) {
    let heads = [
        Text::new("", ""),
        Text::new("sent", "发送"),
        Text::new("packets lost", "丢失的分组"),
        Text::new("sent again", "重传"),
        Text::new("received", "收到"),
    ];
    let lost = |packets: &[&Packet]| packets.iter().filter(|p| p.dropped()).count();
    let again = seen.tcp.iter().filter(|p| p.segment().is_some_and(|s| s.retransmission)).count();
    let whole = seen.pieces.moved() / LENGTH;
    let rows = [
        ("UDP", [MESSAGES, lost(&seen.udp), 0, seen.received().len()]),
        ("TCP", [MESSAGES, lost(&seen.tcp), again, whole]),
    ];
    j.table(heads, rows.map(|(name, cells)| (Text::same(name), cells.map(|n| j.cell(&n)))));
}

/// The packet that carried the first byte of this one again.
fn sent_again<'a>(lost: &Packet, sent: &[&'a Packet]) -> Option<&'a Packet> {
    let first = lost.segment()?.seq;
    let holds = |p: &Packet| p.segment().is_some_and(|s| (s.seq..s.seq + p.payload_len as u64).contains(&first));
    sent.iter().copied().find(|p| p.seq > lost.seq && holds(p))
}

fn teach(t: Teaching) -> Teaching {
    t.why(
        "UDP forgets a datagram once it is sent; TCP keeps what it sent until it is acknowledged, and sends it again.",
        "UDP 发出数据报就不再管它；TCP 把发出的数据留到被确认为止，丢了就重传。",
        "RFC 768; RFC 9293 §3.8.1",
    )
    .why(
        "It does so when the ACKs show a hole, or when none comes for a time.",
        "ACK 表明有缺口，或者一段时间等不到 ACK，TCP 就重传。",
        "RFC 5681 §3.2; RFC 2018; RFC 6298",
    )
    .next("link-loss --link loss=20%,seed=3", "chance, the same each time", "随机，但每次相同")
    .next("link-loss --control", "a link that loses nothing", "什么也不丢的链路")
    .next("udp-loss", "loss without a link: the receiver does not read", "没有链路也会丢：接收方不读")
    .next("udp-fragment", "why large datagrams are lost more often", "为什么大数据报更容易丢")
    .control("the link loses nothing", "链路什么也不丢", |s| s.link = "")
}
