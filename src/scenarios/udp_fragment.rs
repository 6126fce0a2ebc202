//! A datagram larger than the MTU travels as fragments; when one of them is lost, all of it is.

use super::prelude::*;
use crate::trace::Trace;
use crate::trace::packet::{Content, Packet};
use crate::trace::summary::Tally;

pub(super) fn scenario() -> Scenario {
    Scenario::new("udp-fragment", Part::Link, &["D0"])
        .title("datagrams larger than the MTU", "比 MTU 大的数据报")
        .claim(
            "A datagram larger than the MTU travels as fragments; lose one of them and all of it is lost.",
            "比 MTU 大的数据报分片传送；丢一片，就等于全丢。",
        )
        .client(client)
        .server(server)
        .judge(judge)
        .only_over("rtt=2ms,up.drop=5")
        .on_link(Variation::Nothing)
        .tally(tally)
        .teach(teach)
}

/// One packet, two, three, six and eleven at an MTU of 1500.
const SIZES: [usize; 5] = [1000, 2000, 4000, 8000, 16_000];
const ROOM: usize = 65_535;

/// Its own offsets, written out: `00000 00006 00012 ...`, so that a fragment shows where it belongs.
fn datagram(size: usize) -> Vec<u8> {
    let mut bytes: Vec<u8> = (0..size).step_by(6).flat_map(|at| format!("{at:05} ").into_bytes()).collect();
    bytes.truncate(size);
    bytes
}

fn client(end: &End) -> Ends {
    let s = end.udp()?;
    let server = end.server_address()?;
    for size in SIZES {
        s.send_to(&datagram(size), server)?;
    }
    end.open("sent");
    s.close()?;
    Ok(())
}

fn server(end: &End) -> Ends {
    let s = end.udp()?;
    end.pass("sent", Text::new("until what was sent is through", "等到发出的都走完了"))?;
    s.set_nonblocking(true)?;
    while s.try_recv_from(ROOM)?.is_some() {}
    s.close()?;
    Ok(())
}

/// A datagram on the link: its packets, and what came of it.
struct Travel<'a> {
    size: usize,
    packets: Vec<&'a Packet>,
    received: Option<&'a Event>,
}

impl Travel<'_> {
    fn lost(&self) -> usize {
        self.packets.iter().filter(|p| p.arrivals.is_empty()).count()
    }
}

/// What became of each datagram. Fragments of one share their IP identification.
fn travels(trace: &Trace) -> Vec<Travel<'_>> {
    let of_client = |p: &&Packet| p.from == Client && matches!(p.content, Content::Udp);
    let sent = trace.events.iter().filter(|e| e.end.role == Client && e.call.sends());
    sent.filter_map(|send| {
        let message = send.handed?.msg;
        let carries = |p: &&Packet| p.messages().contains(&message);
        let packets = trace.packets.iter().filter(of_client).filter(carries).collect();
        let takes = |e: &&Event| e.end.role == Server && e.call.receives() && e.messages().contains(&message);
        Some(Travel { size: send.bytes.len(), packets, received: trace.events.iter().find(takes) })
    })
    .collect()
}

fn judge(j: &Judge) {
    let travels = travels(j.trace());
    let counts = |text: fn(&Travel) -> usize| {
        let parts: Vec<String> = travels.iter().map(|t| format!("{}: {}", grouped(t.size), text(t))).collect();
        parts.join(", ")
    };
    let packets = counts(|t| t.packets.len());
    let whole = travels.iter().all(|t| t.packets.iter().map(|p| p.payload_len).sum::<usize>() == t.size);
    j.claim(
        "cut-into-fragments",
        "a datagram larger than the MTU left as several packets",
        "比 MTU 大的数据报分成几个分组发出（分片）",
    )
    .shown_by(travels.iter().flat_map(|t| t.packets.iter().copied()))
    .that(
        whole && travels.is_sorted_by_key(|t| t.packets.len()) && travels.iter().any(|t| t.packets.len() > 1),
        Text::new("more packets the larger it is, with all of its bytes", "越大分组越多，字节一个不少"),
        say!("packets of each: {packets}", "各自的分组数：{packets}"),
    );

    let harmed: Vec<&Travel> = travels.iter().filter(|t| t.lost() > 0 && t.packets.len() > 1).collect();
    let (some, all) =
        (harmed.iter().map(|t| t.lost()).sum::<usize>(), harmed.iter().map(|t| t.packets.len()).sum::<usize>());
    let came = harmed.iter().filter(|t| t.received.is_some()).count();
    let wanted = harmed.len();
    j.claim(
        "lose-one-lose-all",
        "one fragment lost: nothing of the datagram was received",
        "丢了一个分片：整个数据报都收不到",
    )
    .shown_by(harmed.iter().flat_map(|t| t.packets.iter().copied()).filter(|p| p.dropped()))
    .that(
        wanted > 0 && came == 0 && some < all,
        Text::new("datagrams with a lost fragment, and none of them received", "有数据报丢了分片，且都没有收到"),
        say!(
            "{some} of {all} fragments lost, in datagrams: {wanted}; received of these: {came}",
            "{wanted} 个数据报的 {all} 个分片丢了 {some} 个；这些数据报收到 {came} 个"
        ),
    );

    let spared: Vec<&Travel> = travels.iter().filter(|t| t.lost() == 0).collect();
    let got = spared.iter().filter(|t| t.received.is_some_and(|e| e.bytes.len() == t.size)).count();
    let n = spared.len();
    j.claim("others-whole", "the others were put together and received whole", "其余的重组后完整收到")
        .needs(Client)
        .needs(Server)
        .shown_by(spared.iter().filter_map(|t| t.received))
        .that(got == n, say!("{n} whole", "{n} 个完整"), say!("{got} whole", "{got} 个完整"));
}

/// For `--repeat`: of each size, how many were received.
fn tally(trace: &Trace) -> Vec<Tally> {
    let of = |t: &Travel| {
        let (size, packets) = (grouped(t.size), t.packets.len());
        let unit = if packets == 1 { "packet" } else { "packets" };
        let what = say!("{size} bytes, {packets} {unit}", "{size} 字节，{packets} 个分组");
        Tally { what, came: u64::from(t.received.is_some()), of: 1, packets }
    };
    travels(trace).iter().map(of).collect()
}

fn teach(t: Teaching) -> Teaching {
    t
.why("IP cuts what is larger than the MTU into fragments; only the first has UDP's header.", "IP 把比 MTU 大的切成分片；只有第一片带 UDP 首部。", "RFC 791 §3.2; RFC 8085 §3.2")
.why("The receiver puts them together, and hands on nothing until all are there; after 30 seconds (Linux) it gives up.", "接收方把它们拼起来，齐了才往上交；等 30 秒（Linux）还不齐就放弃。", "RFC 791 §3.2; Linux, ip-sysctl.rst, ipfrag_time")
.why("With loss p a datagram of n fragments survives with probability (1 - p)^n: the larger, the less likely.", "丢失率为 p 时，n 个分片的数据报幸存的概率是 (1 - p)^n：越大越难到。", "RFC 8085 §3.2")
.next("udp-fragment --link rtt=2ms,loss=5% --repeat 200", "loss against size: the curve", "丢失与大小的关系：一条曲线")
.next("udp-fragment --link rtt=2ms,mtu=9000,up.drop=5", "larger packets, fewer fragments", "分组大些，分片就少")
.next("udp-fragment --control", "nothing lost: all are put together", "什么也不丢：全部重组成功")
.next("udp-reorder", "what else may happen on the way", "路上还会发生什么")
.control("the link loses nothing", "链路什么也不丢", |s| s.link = "rtt=2ms")
}
