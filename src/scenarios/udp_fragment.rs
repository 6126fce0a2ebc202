//! A datagram larger than the MTU travels as fragments; when one of them is lost, all of it is.

use super::prelude::*;
use crate::trace::Trace;
use crate::trace::packet::Packet;
use crate::trace::summary::Tally;

pub(super) fn scenario() -> Scenario {
    Scenario::new("udp-fragment", SyllabusPart::Link, &["D0"])
        .title("datagrams larger than the MTU", "比 MTU 大的数据报")
        .question("lose one fragment of a datagram: how much of it arrives?", "数据报丢了一个分片：还能收到多少？")
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
        .words("mtu fragment fragmentation ip-fragment 分片")
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
    Ok(())
}

fn server(end: &End) -> Ends {
    let s = end.udp()?;
    end.pass("sent", Text::new("until what was sent is through", "等到发出的都走完了"))?;
    s.set_nonblocking(true)?;
    while s.try_recv_from(ROOM)?.is_some() {}
    Ok(())
}

/// A datagram on the link: its packets, and the call that received it.
struct Travel<'a> {
    size: usize,
    packets: Vec<&'a Packet>,
    received: Option<&'a Event>,
}

impl<'a> Travel<'a> {
    fn lost(&self) -> impl Iterator<Item = &'a Packet> {
        self.packets.iter().copied().filter(|p| p.arrivals.is_empty())
    }
}

/// What became of each datagram.
fn travels<'a>(run: &Scope<'a>) -> Vec<Travel<'a>> {
    let recvs = run.recvs(Server);
    let travel = |send: &Event| {
        let message = send.handed?.msg;
        let packets = run.data_packets(Client).filter(|p| p.messages().contains(&message)).collect();
        let received = recvs.iter().copied().find(|e| e.messages().contains(&message));
        Some(Travel { size: send.bytes.len(), packets, received })
    };
    run.sends(Client).iter().filter_map(|send| travel(send)).collect()
}

fn judge(j: &Judge) {
    let travels = travels(j);
    cut_into_fragments(j, &travels);

    let harmed: Vec<&Travel> = travels.iter().filter(|t| (1..t.packets.len()).contains(&t.lost().count())).collect();
    let lost: Vec<&Packet> = harmed.iter().flat_map(|t| t.lost()).collect();
    let fragments: usize = harmed.iter().map(|t| t.packets.len()).sum();
    let came = harmed.iter().filter(|t| t.received.is_some()).count();
    j.claim(
        "lose-one-lose-all",
        "one fragment lost: nothing of the datagram was received",
        "丢了一个分片：整个数据报都收不到",
    )
    .shown_by(lost.iter().copied())
    .beside(j.sentence([&lost.len(), &fragments], |[lost, all]| {
        say!(" ({lost} of {all} fragments lost)", "（{all} 个分片丢了 {lost} 个）")
    }))
    .equal([harmed.len().max(1), 0], [harmed.len(), came], |[n, came]| {
        say!(
            "datagrams with a lost fragment: {n}; received of these: {came}",
            "丢了分片的数据报：{n} 个；其中收到 {came} 个"
        )
    });

    let spared: Vec<&Travel> = travels.iter().filter(|t| t.lost().count() == 0).collect();
    let whole: Vec<&Event> = spared.iter().filter_map(|t| t.received.filter(|e| e.bytes.len() == t.size)).collect();
    j.claim("others-whole", "the others were put together and received whole", "其余的重组后完整收到")
        .shown_by(whole.iter().copied())
        .equal([spared.len()], [whole.len()], |[n]| say!("{n} whole", "{n} 个完整"));
}

/// How many packets each datagram left in, with how many bytes of it: as many as full fragments hold it. Datagrams that
/// need but one show nothing.
fn cut_into_fragments(j: &Judge, travels: &[Travel]) {
    const HEADER: usize = 8;
    let packets = || travels.iter().flat_map(|t| t.packets.iter().copied());
    // Only a datagram's first packet has UDP's header.
    let filled = |p: &Packet| p.payload_len + if p.fragment.is_none_or(|f| f.offset == 0) { HEADER } else { 0 };
    let full = packets().map(filled).max().unwrap_or(HEADER);
    let most = travels.iter().map(|t| t.size).max();
    let due = |t: &Travel| (t.size + HEADER).div_ceil(full).max(if most == Some(t.size) { 2 } else { 1 });
    let each = |size: usize, packets: usize| format!("{}: {packets}", grouped(size));
    j.claim(
        "cut-into-fragments",
        "a datagram larger than the MTU left as several packets",
        "比 MTU 大的数据报分成几个分组发出（分片）",
    )
    .shown_by(packets())
    .in_order(
        travels.iter().map(|t| each(t.size, due(t))).collect(),
        travels.iter().map(|t| each(t.packets.iter().map(|p| p.payload_len).sum(), t.packets.len())).collect(),
        |each| say!("packets of each: {each}", "各自的分组数：{each}"),
    );
}

/// For `--repeat`: of each size, how many were received.
fn tally(trace: &Trace) -> Vec<Tally> {
    let of = |t: &Travel| {
        let (size, packets) = (grouped(t.size), t.packets.len());
        let unit = if packets == 1 { "packet" } else { "packets" };
        let what = say!("{size} bytes, {packets} {unit}", "{size} 字节，{packets} 个分组");
        Tally { what, came: u64::from(t.received.is_some()), of: 1, packets }
    };
    travels(&Scope::of(trace)).iter().map(of).collect()
}

fn teach(t: Teaching) -> Teaching {
    t.why(
        "IP cuts what is larger than the MTU into fragments; only the first has UDP's header.",
        "IP 把比 MTU 大的切成分片；只有第一片带 UDP 首部。",
        "RFC 791 §3.2; RFC 8085 §3.2",
    )
    .why(
        "The receiver puts them together, and hands on nothing until all are there; after 30 seconds (Linux) it \
         gives up.",
        "接收方把它们拼起来，齐了才往上交；等 30 秒（Linux）还不齐就放弃。",
        "RFC 791 §3.2; Linux, ip-sysctl.rst, ipfrag_time",
    )
    .why(
        "With loss p a datagram of n fragments survives with probability (1 - p)^n: the larger, the less likely.",
        "丢失率为 p 时，n 个分片的数据报完整到达的概率是 (1 - p)^n：越大越难到。",
        "RFC 8085 §3.2",
    )
    .next("udp-fragment --link rtt=2ms,loss=5% --repeat 200", "a curve", "画成曲线")
    .next("udp-fragment --link rtt=2ms,mtu=9000,up.drop=5", "a larger MTU", "MTU 更大")
    .next("udp-fragment --control", "nothing lost: all are put together", "什么也不丢：全部重组成功")
    .next("udp-reorder", "what else may happen on the way", "路上还会发生什么")
    .control("the link loses nothing", "链路什么也不丢", |e| e.link = "rtt=2ms")
}
