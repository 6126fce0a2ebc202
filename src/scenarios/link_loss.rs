//! The same link loses the same messages of UDP and of TCP: UDP's are missing, TCP's are sent again.

use super::both::{self, Seen, carried, listed};
use super::{Control, Linked, Next, Part, Scenario, Variation, Why};
use crate::claims::Judge;
use crate::net::{End, Settings};
use crate::say;
use crate::text::Text;
use crate::trace::Role::{Client, Server};

const MESSAGES: usize = 10;
/// A full segment at an MTU of 1500: then each message is one packet, over UDP and over TCP.
const LENGTH: usize = 1460;

fn client(end: &End) -> anyhow::Result<()> {
    both::client(end, MESSAGES, LENGTH)
}

fn server(end: &End) -> anyhow::Result<()> {
    both::server(end, MESSAGES, LENGTH)
}

fn judge(j: &mut Judge) {
    let seen = Seen::of(j);
    let lost = carried(seen.udp.iter().filter(|p| p.dropped()));
    let again = seen.tcp.iter().filter(|p| p.segment().is_some_and(|s| s.retransmission)).count();
    let dropped = seen.tcp.iter().filter(|p| p.dropped()).count();
    let wanted = dropped.max(1);
    let received = seen.received();

    let survivors: Vec<usize> = (1..=MESSAGES).filter(|n| !lost.contains(n)).collect();
    let missing: Vec<usize> = (1..=MESSAGES).filter(|n| !received.contains(n)).collect();
    j.claim(
        "udp-missing",
        &[Client, Server],
        Text::new(
            "UDP: exactly what the link lost is missing; no call failed",
            "UDP：少的正好是链路丢掉的；没有任何调用失败",
        ),
    )
    .expected(Text::new("missing: {}", "缺少：{}").with(&both::expected(&lost)))
    .actual(Text::new("missing: {}", "缺少：{}").with(&listed(&missing)))
    .shown_by(seen.datagrams.iter().copied())
    .holds(!lost.is_empty() && received == survivors);

    j.claim(
        "tcp-again",
        &[Client, Server],
        Text::new("TCP: the link lost segments, too, and each was sent again", "TCP：链路也丢了报文段，每个都重传了"),
    )
    .expected(say!("{wanted} dropped, as many sent again or more", "丢弃 {wanted} 个，重传不少于此数"))
    .actual(say!("{dropped} dropped, {again} sent again", "丢弃 {dropped} 个，重传 {again} 个"))
    .holds(dropped > 0 && again >= dropped);
    both::claim_whole_stream(j, &seen, MESSAGES, LENGTH);
}

pub(super) fn scenario() -> Scenario {
    Scenario {
        id: "link-loss",
        part: Part::Link,
        title: Text::new("the same losses for UDP and for TCP", "同样的丢失，UDP 与 TCP"),
        claim: Text::new(
            "Over a link that loses packets, messages of UDP's go missing; TCP's all arrive, if late, because it sends again.",
            "同一条会丢包的链路上，UDP 的消息就少了；TCP 的全部到达，只是晚些，因为丢了会重传。",
        ),
        documents: &["D0", "D1 §10", "D3 §10"],
        defaults: Settings::NONE,
        client,
        server: Some(server),
        judge,
        linked: Linked::Only,
        link: "up.drop=3+7+13+17",
        why: vec![
            Why {
                text: Text::new(
                    "UDP sends a datagram and forgets it: delivery is not guaranteed, and nobody is told.",
                    "UDP 发出数据报就不再管它：不保证送达，也不会有谁得到通知。",
                ),
                source: "RFC 768",
            },
            Why {
                text: Text::new(
                    "TCP keeps what it sent until it is acknowledged, and sends it again when the ACKs show a hole or do not come.",
                    "TCP 把发出的数据留到被确认为止；ACK 表明有缺口，或者等不到 ACK，就重传。",
                ),
                source: "RFC 9293 §3.8.1; RFC 5681 §3.2; RFC 2018",
            },
        ],
        next: vec![
            Next {
                command: "link-loss --link loss=20%,seed=3",
                shows: Text::new(
                    "chance decides, the same each time with the same seed",
                    "由概率决定；种子相同，结果相同",
                ),
            },
            Next {
                command: "link-loss --control", shows: Text::new("a link that loses nothing", "什么也不丢的链路")
            },
            Next {
                command: "udp-loss",
                shows: Text::new("loss without any link: a receiver that does not read", "没有链路也会丢：接收方不读"),
            },
            Next {
                command: "udp-fragment",
                shows: Text::new("why large datagrams are lost more often", "为什么大数据报更容易丢"),
            },
        ],
        control: Control {
            change: Text::new("the link loses nothing", "链路什么也不丢"), apply: |s| s.link = ""
        },
        on_link: Variation::Nothing,
        ..Scenario::blank()
    }
}
