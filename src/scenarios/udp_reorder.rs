//! A packet that is overtaken on the way: UDP hands the datagrams on as they come, TCP puts its stream in order.

use super::both::{self, Seen, listed};
use super::{Control, Linked, Next, Part, Scenario, Variation, Why};
use crate::claims::Judge;
use crate::net::{End, Settings};
use crate::text::Text;
use crate::trace::Role::{Client, Server};
use crate::trace::packet::{Fate, Packet};

const MESSAGES: usize = 3;
const LENGTH: usize = 16;

fn client(end: &End) -> anyhow::Result<()> {
    both::client(end, MESSAGES, LENGTH)
}

fn server(end: &End) -> anyhow::Result<()> {
    both::server(end, MESSAGES, LENGTH)
}

/// When each copy of a packet arrived. One that was held back follows the one that released it within the same
/// microsecond.
fn arrivals(packet: &Packet) -> impl Iterator<Item = (u64, bool)> {
    packet.arrivals.iter().map(|at| (*at, packet.fate == Fate::Reordered))
}

/// Did a packet arrive after one that had left later?
fn overtaken(packets: &[&Packet]) -> bool {
    !packets.iter().filter_map(|p| arrivals(p).next()).is_sorted()
}

/// The numbers in the order in which their packets arrived.
fn arrived(packets: &[&Packet]) -> Vec<usize> {
    let mut all: Vec<_> = packets.iter().flat_map(|p| arrivals(p).map(move |at| (at, *p))).collect();
    all.sort_by_key(|(at, _)| *at);
    both::carried(all.iter().map(|(_, packet)| packet))
}

fn judge(j: &mut Judge) {
    let seen = Seen::of(j);
    let (wire, received) = (arrived(&seen.udp), seen.received());
    // A link that kept their order does not show it.
    let wanted = if overtaken(&seen.udp) { listed(&wire) } else { Text::new("out of order", "顺序被打乱") };
    j.claim(
        "udp-as-it-comes",
        &[Client, Server],
        Text::new("UDP: received in the order of arrival, not of sending", "UDP：按到达的顺序收到，不是发送的顺序"),
    )
    .expected(Text::new("{}, as they arrived", "{}，与到达顺序相同").with(&wanted))
    .actual(listed(&received))
    .shown_by(seen.datagrams.iter().copied())
    .holds(overtaken(&seen.udp) && received == wire && !received.is_sorted());

    let wire = arrived(&seen.tcp);
    j.claim(
        "tcp-overtaken-too",
        &[Client, Server],
        Text::new("TCP: its segments arrived out of order, too", "TCP：它的报文段也没有按顺序到达"),
    )
    .expected(Text::new("arrivals out of order", "到达顺序被打乱"))
    .actual(Text::new("arrivals: {}", "到达顺序：{}").with(&listed(&wire)))
    .holds(overtaken(&seen.tcp));
    both::claim_whole_stream(j, &seen, MESSAGES, LENGTH);
}

pub(super) fn scenario() -> Scenario {
    Scenario {
        id: "udp-reorder",
        part: Part::Link,
        title: Text::new("overtaken on the way", "路上被后面的超过"),
        claim: Text::new(
            "When one packet overtakes another, UDP's receiver sees the wrong order; TCP's never does.",
            "后发的分组先到时，UDP 的接收方看到的顺序就错了；TCP 的接收方看到的总是对的。",
        ),
        documents: &["D0", "D1 §10", "D3 §9"],
        defaults: Settings::NONE,
        client,
        server: Some(server),
        judge,
        linked: Linked::Only,
        link: "up.reorder=1+4",
        why: vec![
            Why {
                text: Text::new(
                    "Packets may take different paths, or wait in different queues; IP promises no order, and UDP adds none.",
                    "分组可能走不同的路，排不同的队；IP 不保证顺序，UDP 也不补上。",
                ),
                source: "RFC 791 §1.2; RFC 768",
            },
            Why {
                text: Text::new(
                    "TCP numbers its bytes. What comes too early waits in the receiver's kernel until the hole before it is filled.",
                    "TCP 给每个字节编号。来早了的在接收方内核里等着，前面的缺口补上才交给应用。",
                ),
                source: "RFC 9293 §3.4, §3.10.7.4",
            },
        ],
        next: vec![
            Next {
                command: "udp-reorder --control",
                shows: Text::new("a link on which nobody overtakes", "谁也不超过谁的链路"),
            },
            Next {
                command: "udp-reorder --link reorder=50%,seed=3",
                shows: Text::new("chance decides who is held back", "由概率决定扣下谁"),
            },
            Next { command: "udp-duplicate", shows: Text::new("and what arrives twice", "还有到达两次的") },
        ],
        control: Control {
            change: Text::new("the link keeps the order", "链路保持顺序"), apply: |s| s.link = ""
        },
        on_link: Variation::Nothing,
        ..Scenario::blank()
    }
}
