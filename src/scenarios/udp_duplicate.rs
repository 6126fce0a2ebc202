//! A packet that arrives twice: UDP's receiver gets the datagram twice, TCP's gets each byte once.

use super::both::{self, Seen, carried, listed};
use super::{Control, Linked, Next, Part, Scenario, Variation, Why};
use crate::claims::Judge;
use crate::net::{End, Settings};
use crate::say;
use crate::text::Text;
use crate::trace::Role::{Client, Server};
use crate::trace::packet::Packet;

const MESSAGES: usize = 3;
const LENGTH: usize = 16;

fn client(end: &End) -> anyhow::Result<()> {
    both::client(end, MESSAGES, LENGTH)
}

fn server(end: &End) -> anyhow::Result<()> {
    both::server(end, MESSAGES, LENGTH)
}

/// The numbers of the packets that arrived more than once.
fn doubled(packets: &[&Packet]) -> Vec<usize> {
    carried(packets.iter().filter(|p| p.arrivals.len() > 1))
}

fn judge(j: &mut Judge) {
    let seen = Seen::of(j);
    let (twice, received) = (doubled(&seen.udp), seen.received());
    let repeated: Vec<usize> = (1..=MESSAGES).filter(|n| received.iter().filter(|got| *got == n).count() > 1).collect();
    j.claim(
        "udp-twice",
        &[Client, Server],
        Text::new("UDP: what the link doubled was received twice", "UDP：链路复制的，收到了两次"),
    )
    .expected(Text::new("twice: {}", "两次：{}").with(&both::expected(&twice)))
    .actual(Text::new("twice: {}", "两次：{}").with(&listed(&repeated)))
    .shown_by(seen.datagrams.iter().copied())
    .holds(!twice.is_empty() && repeated == twice);

    let copies = seen.tcp.iter().filter(|p| p.arrivals.len() > 1).count();
    j.claim(
        "tcp-doubled-too",
        &[Client, Server],
        Text::new("TCP: the link doubled a segment, too", "TCP：链路也复制了报文段"),
    )
    .expected(Text::new("1 segment or more arrived twice", "至少 1 个报文段到达两次"))
    .actual(say!("{copies} arrived twice", "{copies} 个到达两次"))
    .holds(copies > 0);
    both::claim_whole_stream(j, &seen, MESSAGES, LENGTH);
}

pub(super) fn scenario() -> Scenario {
    Scenario {
        id: "udp-duplicate",
        part: Part::Link,
        title: Text::new("arriving twice", "到达两次"),
        claim: Text::new(
            "When the network doubles a packet, UDP's receiver gets the message twice; TCP's gets every byte once.",
            "网络把分组复制了一份时，UDP 的接收方收到两次消息；TCP 的接收方每个字节只收到一次。",
        ),
        documents: &["D0", "D1 §10", "D3 §9"],
        defaults: Settings::NONE,
        client,
        server: Some(server),
        judge,
        linked: Linked::Only,
        link: "up.dup=2+5",
        why: vec![
            Why {
                text: Text::new(
                    "A network may deliver a packet more than once; a datagram has no number by which UDP could tell.",
                    "网络可能把一个分组投递多次；数据报没有编号，UDP 无从分辨。",
                ),
                source: "RFC 768; RFC 8085 §3.3",
            },
            Why {
                text: Text::new(
                    "TCP knows every byte by its sequence number: what was received before is acknowledged again and thrown away.",
                    "TCP 凭序号认得每个字节：已经收过的再确认一次，然后扔掉。",
                ),
                source: "RFC 9293 §3.10.7.4",
            },
        ],
        next: vec![
            Next {
                command: "udp-duplicate --control",
                shows: Text::new("a link that carries everything once", "每样只送一次的链路"),
            },
            Next {
                command: "tcp-window",
                shows: Text::new("how TCP's receiver stops its sender", "TCP 的接收方怎样让发送方停下"),
            },
        ],
        control: Control {
            change: Text::new("the link carries everything once", "链路每样只送一次"),
            apply: |s| s.link = "",
        },
        on_link: Variation::Nothing,
        ..Scenario::blank()
    }
}
