//! What must hold in every run, whatever the scenario: checked each time, never assumed.

use super::value::{Sentence, Value, Varying};
use super::{Claim, on_link};
use crate::say;
use crate::text::Text;
use crate::trace::{Call, Event, Evidence, Proto, SockId, SocketInfo, Struck, Trace, provenance};
use std::collections::{BTreeMap, HashSet};
use std::net::SocketAddr;

const TCP_PREFIX: &str = "tcp-prefix";
const UDP_ACCOUNT: &str = "udp-account";

/// Is this claim one that must hold in every run, a race included?
pub fn is_invariant(claim: &Claim) -> bool {
    [TCP_PREFIX, UDP_ACCOUNT, on_link::SEGMENTS, on_link::BYTES].contains(&&*claim.id)
}

/// The invariants that this trace has events for; `varies` says whether its counts differ from run to run.
pub(super) fn check(trace: &Trace, varies: bool) -> Vec<Claim> {
    let mut claims: Vec<Claim> =
        [tcp_prefix(trace, varies), udp_account(trace, varies)].into_iter().flatten().collect();
    if trace.packets_complete() {
        claims.extend([on_link::segments(trace, varies), on_link::bytes(trace, varies)].into_iter().flatten());
    }
    claims
}

fn bytes_by_socket(trace: &Trace, wanted: Call) -> BTreeMap<SockId, Vec<&Event>> {
    let mut by: BTreeMap<SockId, Vec<&Event>> = BTreeMap::new();
    for event in trace.events.iter().filter(|e| e.call == wanted && !e.bytes.is_empty()) {
        by.entry(event.sock.unwrap_or(SockId(u32::MAX))).or_default().push(event);
    }
    by
}

/// TCP: what one side received is a prefix of what the other sent, in order (RFC 9293 §2.2).
fn tcp_prefix(trace: &Trace, varies: bool) -> Option<Claim> {
    let sent = bytes_by_socket(trace, Call::Send);
    let received = bytes_by_socket(trace, Call::Recv);
    let pairs = provenance::peers(&trace.sockets);
    let mut checked = 0u64;
    let mut shown: Vec<usize> = Vec::new();
    let mut broken: Vec<(&Event, usize)> = Vec::new();
    for (reader, events) in &received {
        let Some(writer) = pairs.get(reader) else { continue };
        shown.extend(events.iter().map(|e| e.seq));
        let mut stream = sent.get(writer).into_iter().flatten().flat_map(|e| e.bytes.iter());
        for event in events {
            let wrong = event.bytes.iter().position(|byte| stream.next() != Some(byte));
            checked += event.bytes.len() as u64;
            broken.extend(wrong.map(|at| (*event, at)));
        }
    }
    if shown.is_empty() {
        return None;
    }
    let unit = if checked == 1 { "byte" } else { "bytes" };
    let count = Varying(checked);
    let expected = Sentence::with([&count], varies, |[n]| say!("{n} {unit} sent", "发出 {n} 字节"));
    let actual = match broken.first() {
        None => Sentence::with([&count], varies, |[n]| {
            say!("the same {n} received, in order", "收到同样的 {n} 字节，次序一致")
        }),
        Some((event, at)) => {
            let seq = event.seq;
            say!("event {seq} differs at its byte {at}", "第 {seq} 个事件从第 {at} 字节起不同").into()
        }
    };
    let text = Text::new("TCP: received is a prefix of sent, in order", "TCP：收到的字节是已发送字节的前缀，次序一致");
    let agrees = broken.is_empty();
    let shown = if agrees { shown } else { broken.iter().map(|(event, _)| event.seq).collect() };
    Some(Claim::new(TCP_PREFIX, text, [expected, actual], agrees, shown))
}

/// UDP: no datagram arrives that was not sent, and none of those that left remains unaccounted for: received +
/// dropped by the receiver's kernel + still queued or unread (+ lost on the link, less second copies) = sent
/// to a recorded socket.
fn udp_account(trace: &Trace, varies: bool) -> Option<Claim> {
    let is_udp = |e: &&Event| e.sock.and_then(|s| trace.socket(s)).is_some_and(|s| s.proto == Proto::Udp);
    let udp = || trace.events.iter().filter(is_udp);
    let arrived: Vec<&Event> = udp().filter(|e| e.call.receives() && (e.ok() || e.truncated)).collect();
    let local = |addr| trace.sockets.iter().any(|s| s.proto == Proto::Udp && s.local == Some(addr));
    let sent: Vec<&Event> =
        udp().filter(|e| e.call.sends() && e.ok() && e.datagram_len.is_some() && e.peer.is_some_and(local)).collect();
    let link = trace.packets_complete();
    let struck = |how: Struck| sent.iter().filter(|e| e.struck == Some(how)).count() as u64;
    let on_purpose = sent.iter().any(|e| e.struck.is_some());
    if sent.is_empty() || (arrived.is_empty() && !link && !on_purpose) {
        return None;
    }
    let invented: Vec<&Event> = arrived.iter().copied().filter(|e| is_invented(trace, e)).collect();
    let (got, out) = (arrived.len() as u64, sent.len() as u64);
    let reached: HashSet<SocketAddr> = sent.iter().filter_map(|e| e.peer).collect();
    let is_target = |s: &&SocketInfo| s.proto == Proto::Udp && s.local.is_some_and(|local| reached.contains(&local));
    let targets: Vec<&SocketInfo> = trace.sockets.iter().filter(is_target).collect();
    let [dropped, left] = [|e: &Evidence| e.dropped, |e: &Evidence| e.unread].map(|of| total(trace, &targets, of));
    let mut on_link = if link { trace.datagrams_on_link(&targets) } else { Default::default() };
    on_link.lost += struck(Struck::Lost);
    on_link.copies += struck(Struck::Doubled);
    let balanced = match (dropped, left) {
        (Some(dropped), Some(left)) => got + dropped + left + on_link.lost + on_link.late == out + on_link.copies,
        _ => got + on_link.lost <= out + on_link.copies,
    };
    let wrong = invented.len();
    let expected = Sentence::with([&Varying(out)], varies, |[out]| say!("{out} sent", "发出 {out}"));
    let actual = match wrong {
        0 => sum(got, [dropped, left], (link || on_purpose).then_some(on_link), varies),
        _ => say!("{wrong} datagrams that nobody sent", "有 {wrong} 个数据报没有人发过").into(),
    };
    let shown = match wrong {
        0 => sent.iter().chain(&arrived).map(|e| e.seq).collect(),
        _ => invented.iter().map(|e| e.seq).collect(),
    };
    Some(Claim::new(UDP_ACCOUNT, account_text(link, on_purpose), [expected, actual], balanced && wrong == 0, shown))
}

/// The terms of the account; with a link also those that only a link has.
fn sum(got: u64, [dropped, left]: [Option<u64>; 2], link: Option<on_link::Datagrams>, varies: bool) -> Sentence {
    let known = |n: Option<u64>| n.map_or_else(|| Box::new("?") as Box<dyn Value>, |n| Box::new(Varying(n)));
    let sum = Sentence::with([&Varying(got), &*known(dropped), &*known(left)], varies, |[got, drops, rest]| {
        say!("{got} received + {drops} dropped + {rest} unread", "收到 {got} + 丢弃 {drops} + 未读 {rest}")
    });
    let Some(on_link::Datagrams { lost, copies, late, .. }) = link else { return sum };
    let terms = [&Varying(lost) as &dyn Value, &Varying(late), &Varying(copies)];
    let more = Sentence::with(terms, varies, |[lost, late_text, copies]| match late {
        0 => say!("+ {lost} lost - {copies} copies", "+ 丢失 {lost} - 重复 {copies}"),
        _ => say!(
            "+ {lost} lost + {late_text} under way at the close - {copies} copies",
            "+ 丢失 {lost} + 关闭时在途 {late_text} - 重复 {copies}"
        ),
    });
    sum.followed_by(&more)
}

fn account_text(link: bool, on_purpose: bool) -> Text {
    match link {
        false if on_purpose => Text::new(
            "UDP: received + dropped + unread + lost on purpose - second copies = sent, and every datagram is the start of one that was sent",
            "UDP：收到 + 丢弃 + 未读 + 有意丢失 - 重复到达 = 发出，且每个数据报都是某个已发数据报的开头",
        ),
        false => Text::new(
            "UDP: received + dropped + unread = sent, and every datagram is the start of one that was sent",
            "UDP：收到 + 丢弃 + 未读 = 发出，且每个数据报都是某个已发数据报的开头",
        ),
        true => Text::new(
            "UDP: received + dropped + unread + lost on the link - second copies = sent, and every datagram is the start of one that was sent",
            "UDP：收到 + 丢弃 + 未读 + 链路上丢失 - 重复到达 = 发出，且每个数据报都是某个已发数据报的开头",
        ),
    }
}

fn is_invented(trace: &Trace, event: &Event) -> bool {
    match event.spans.first() {
        Some(span) => trace.message(span.msg).is_none_or(|m| m.inferred && trace.roles.len() > 1),
        None => !event.bytes.is_empty(),
    }
}

/// The last count each of these sockets reported, added up; `None` if one of them reported none.
fn total(trace: &Trace, sockets: &[&SocketInfo], count: fn(&Evidence) -> Option<u32>) -> Option<u64> {
    let last = |socket: &&SocketInfo| {
        let reports = trace.events.iter().rev().filter(|e| e.sock == Some(socket.id));
        reports.filter_map(|e| count(&e.evidence)).map(u64::from).next()
    };
    sockets.iter().map(last).sum()
}
