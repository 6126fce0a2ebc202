//! What must hold in every run with a link: the packets that were captured are those that the kernels counted
//! and that the calls account for. Judged only when every packet was recorded.

use super::Claim;
use super::value::{Sentence, Varying};
use crate::say;
use crate::text::Text;
use crate::trace::connections::{Connections, Way};
use crate::trace::datagrams;
use crate::trace::packet::{Fate, Packet, Segment};
use crate::trace::{Call, Event, Proto, SockId, SocketInfo, Struck, Trace};
use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;

/// The claims' names.
pub(super) const SEGMENTS: &str = "link-segments";
pub(super) const BYTES: &str = "link-bytes";

impl Trace {
    /// Every packet that crossed is here, and there are some.
    pub(super) fn packets_complete(&self) -> bool {
        !self.packets.is_empty() && self.unrecorded == 0
    }
}

/// The segments of each way that carry data.
fn data_by_way<'a>(trace: &'a Trace, connections: &Connections) -> BTreeMap<Way, Vec<(&'a Packet, &'a Segment)>> {
    let mut by_way: BTreeMap<Way, Vec<_>> = BTreeMap::new();
    for (place, packet) in trace.packets.iter().enumerate().filter(|(_, p)| p.payload_len > 0) {
        if let Some((way, segment)) = connections.way(place).zip(packet.segment()) {
            by_way.entry(way).or_default().push((packet, segment));
        }
    }
    by_way
}

/// A socket's last count of data segments, and until when at least it counted.
struct SegmentCount<'a> {
    event: &'a Event,
    counted: u64,
    until_us: u64,
}

fn last_reports(trace: &Trace) -> HashMap<SockId, SegmentCount<'_>> {
    let mut reports = HashMap::new();
    let mut ended = HashMap::new();
    for event in &trace.events {
        // Evidence is read after the call; that of a close, which leaves nothing to ask, before it.
        let before = ended.insert(event.end, event.end_us).unwrap_or(0);
        let until_us = if event.call == Call::Close { before } else { event.end_us };
        if let Some((sock, counted)) = event.sock.zip(event.evidence.segments_out) {
            reports.insert(sock, SegmentCount { event, counted: counted.into(), until_us });
        }
    }
    reports
}

/// Per socket: data segments captured by its last report <= those its kernel counted <= all that were captured.
pub(super) fn segments(trace: &Trace, varies: bool) -> Option<Claim> {
    let connections = Connections::of(trace);
    let data = data_by_way(trace, &connections);
    let [mut counted, mut all] = [0; 2];
    let mut broken = Vec::new();
    let mut reports: Vec<_> = last_reports(trace).into_iter().collect();
    reports.sort_by_key(|(sock, _)| *sock);
    reports.retain(|(sock, _)| connections.from(*sock).is_some());
    for (sock, report) in &reports {
        let captured = connections.from(*sock).and_then(|way| data.get(&way)).map(Vec::as_slice).unwrap_or_default();
        let by_then = captured.iter().filter(|(packet, _)| packet.t_us < report.until_us).count() as u64;
        let [low, high] = [by_then, captured.len() as u64];
        if !(low..=high).contains(&report.counted) {
            broken.push(report.event.seq);
        }
        counted += report.counted;
        all += high;
    }
    let wrong = broken.len();
    let text = Text::new(
        "link: the data segments captured are those that the senders' kernels counted",
        "链路：抓到的带数据的报文段就是发送方内核统计的那些",
    );
    let expected = Sentence::with([&Varying(all)], varies, |[all]| say!("{all} captured", "抓到 {all}"));
    let actual = match wrong {
        0 => Sentence::with([&Varying(counted)], varies, |[counted]| {
            say!("{counted} counted by the sockets' last reports", "各套接字最后一次报告为 {counted}")
        }),
        _ => say!("counts that do not fit: {wrong}", "对不上的统计：{wrong} 个").into(),
    };
    let shown = if wrong > 0 { broken } else { reports.iter().map(|(_, report)| report.event.seq).collect() };
    (!reports.is_empty()).then(|| Claim::new(SEGMENTS, text, [expected, actual], wrong == 0, shown))
}

/// The bytes of one way of a connection.
#[derive(Default)]
struct Bytes {
    /// On the wire, every transmission.
    wire: u64,
    /// Of retransmissions, those that had left before.
    again: u64,
    /// Each once.
    distinct: u64,
    /// Segments that are not what was sent there, or that leave a gap behind those before them.
    wrong: Vec<usize>,
}

impl Bytes {
    /// A sender's segments follow each other without a gap, so what left before is all below `distinct`.
    fn add(&mut self, packet: &Packet, segment: &Segment, stream: &[u8]) {
        let len = packet.payload_len as u64;
        self.wire += len;
        let start = segment.seq.saturating_sub(1);
        let known = self.distinct.saturating_sub(start).min(len);
        if segment.retransmission {
            self.again += known;
        }
        let range = start as usize..start as usize + packet.payload_len;
        if start > self.distinct || stream.get(range) != Some(packet.payload()) {
            self.wrong.push(packet.seq);
        }
        self.distinct = self.distinct.max(start + len);
    }
}

/// Per way of a connection: bytes on the wire = distinct bytes + retransmitted ones, and the distinct ones are a
/// prefix of what was sent, byte by byte.
pub(super) fn bytes(trace: &Trace, varies: bool) -> Option<Claim> {
    let connections = Connections::of(trace);
    let mut streams: HashMap<SockId, Vec<u8>> = HashMap::new();
    for event in trace.events.iter().filter(|e| e.call == Call::Send) {
        if let Some(sock) = event.sock {
            streams.entry(sock).or_default().extend(&event.bytes);
        }
    }
    let mut sum = Bytes::default();
    for (way, segments) in data_by_way(trace, &connections) {
        // A way whose sender was not recorded has nothing to be compared with.
        let Some(sock) = connections.sender(way) else { continue };
        let stream = streams.get(&sock).map(Vec::as_slice).unwrap_or_default();
        let mut bytes = Bytes::default();
        segments.iter().for_each(|(packet, segment)| bytes.add(packet, segment, stream));
        sum.wire += bytes.wire;
        sum.again += bytes.again;
        sum.distinct += bytes.distinct;
        sum.wrong.extend(bytes.wrong);
    }
    let balanced = sum.wire == sum.distinct + sum.again;
    let data = trace.packets.iter().filter(|p| p.is_data() && p.segment().is_some());
    let wrong = sum.wrong.len();
    let text = Text::new(
        "link: TCP's bytes on the wire are those sent, in order, and the retransmitted ones",
        "链路：TCP 在线上的字节就是发出的字节（顺序不变）加上重传的字节",
    );
    let expected =
        Sentence::with([&Varying(sum.wire)], varies, |[wire]| say!("{wire} bytes on the wire", "线上 {wire} 字节"));
    let actual = match wrong {
        0 => Sentence::with([&Varying(sum.distinct), &Varying(sum.again)], varies, |[distinct, again]| {
            say!("{distinct} distinct + {again} retransmitted", "不重复的 {distinct} + 重传的 {again}")
        }),
        _ => say!("segments that do not fit what was sent: {wrong}", "与发出的不符的报文段：{wrong} 个").into(),
    };
    let shown = if wrong > 0 { sum.wrong } else { data.map(|p| p.seq).collect() };
    (sum.wire > 0).then(|| Claim::new(BYTES, text, [expected, actual], balanced && wrong == 0, shown))
}

/// What became of datagrams on the link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Datagrams {
    /// The link dropped them, or a fragment of them.
    pub lost: u64,
    /// Copies beyond the first that arrived.
    pub copies: u64,
    /// Still under way when the receiver closed, copies included.
    pub late: u64,
}

impl Trace {
    /// Counts the datagrams to these sockets.
    pub fn datagrams_on_link(&self, targets: &[&SocketInfo]) -> Datagrams {
        let mut count = Datagrams::default();
        let closes = self.events.iter().filter(|e| e.call == Call::Close);
        let closed: HashMap<SockId, u64> = closes.filter_map(|e| Some((e.sock?, e.t_us))).collect();
        let open_until = |s: &&SocketInfo| Some((s.local?, closed.get(&s.id).copied().unwrap_or(u64::MAX)));
        let open_until: HashMap<SocketAddr, u64> = targets.iter().filter_map(open_until).collect();
        for datagram in datagrams::carried(&self.packets) {
            let Some(open_until) = open_until.get(&datagram.addresses.1) else { continue };
            let arrived = datagram.arrivals.len() as u64;
            count.copies += arrived.saturating_sub(1);
            count.late += datagram.arrivals.iter().filter(|at| *at > open_until).count() as u64;
            match (arrived, datagram.lost(&self.packets)) {
                (0, true) => count.lost += 1,
                (0, false) => count.late += 1,
                _ => {}
            }
        }
        count
    }

    /// The bytes of the datagrams that reached this socket's host while it was open, in the order in which they
    /// did; each copy counts.
    pub fn datagrams_arrived(&self, target: &SocketInfo) -> Vec<Vec<u8>> {
        let close = self.events.iter().find(|e| e.sock == Some(target.id) && e.call == Call::Close);
        let open_until = close.map_or(u64::MAX, |e| e.t_us);
        let carried = datagrams::carried(&self.packets);
        let here = carried.iter().filter(|d| Some(d.addresses.1) == target.local);
        let mut arrivals: Vec<_> = here.flat_map(|d| d.arrivals.iter().map(move |at| (*at, d))).collect();
        arrivals.retain(|(at, _)| *at <= open_until);
        // One that was held back follows the one that released it within the same microsecond.
        arrivals.sort_by_key(|(at, d)| (*at, d.packets.iter().any(|p| self.packets[*p].fate == Fate::Reordered)));
        arrivals.into_iter().map(|(_, d)| d.bytes(&self.packets)).collect()
    }

    /// How many UDP datagrams were lost on the way: by the link, or on purpose.
    pub fn datagrams_lost(&self) -> u64 {
        let udp: Vec<&SocketInfo> = self.sockets.iter().filter(|s| s.proto == Proto::Udp).collect();
        self.datagrams_on_link(&udp).lost + self.events.iter().filter(|e| e.struck == Some(Struck::Lost)).count() as u64
    }
}
