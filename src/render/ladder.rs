//! The geometry of a run: which events make a row, in which lane, with what beside it. No colour and
//! no columns yet, so that every drawing of the ladder shares it.

use super::width::columns;
use super::{Report, Style, bytes};
use crate::say;
use crate::text::{Text, grouped};
use crate::trace::{Call, Event, Evidence, Proto, Role, SockId, Trace};
use std::collections::{HashMap, HashSet};

/// One row of the ladder.
pub struct Row<'a> {
    /// Its number: the event's, or where those differ from run to run, the row's.
    pub number: usize,
    /// The event it shows, or the first of several alike.
    pub event: &'a Event,
    /// What the lane says.
    pub label: String,
    /// What the middle says: kernel evidence that changed.
    pub kernel: String,
    /// How many further events it stands for; `None` where that number differs from run to run.
    pub more: Option<usize>,
    /// Show the bytes below.
    pub detailed: bool,
}

/// A label longer than this says "taken whole" by leaving the second number away, in columns.
const SHORT: usize = 26;

/// A run of at least this many alike events is folded.
const FOLD: usize = 6;

/// The rows of a report.
pub fn rows<'a>(report: &Report<'a>, style: &Style) -> Vec<Row<'a>> {
    let trace: &'a Trace = &report.outcome.trace;
    let mut kernel = Kernel::default();
    let mut rows: Vec<Row<'a>> = Vec::new();
    let listens: HashSet<SockId> =
        trace.events.iter().filter(|e| e.call == Call::Listen).filter_map(|e| e.sock).collect();
    let shown: Vec<&Event> = trace.events.iter().filter(|e| !is_routine(e, &listens)).collect();
    let blurred = report.blurred();
    let mut at = 0;
    while at < shown.len() {
        let event = shown[at];
        let run = shown[at..].iter().take_while(|e| alike(event, e)).count();
        let fold = blurred && varies(event) || run >= FOLD;
        let last = if fold { run } else { 1 };
        let notes: Vec<String> =
            shown[at..at + last].iter().filter_map(|e| kernel.note(trace, e, style, blurred)).collect();
        let label = label(trace, event, style, blurred);
        let detailed = event.call.receives() && !event.bytes.is_empty();
        let more = if fold && blurred && varies(event) { None } else { Some(last - 1) };
        let number = if blurred { rows.len() + 1 } else { event.seq };
        rows.push(Row { number, event, label, kernel: notes.last().cloned().unwrap_or_default(), more, detailed });
        if fold && run > 1 && !blurred {
            let end = shown[at + run - 1];
            let label = self::label(trace, end, style, blurred);
            if let Some(row) = rows.last_mut() {
                row.more = Some(run - 2);
                row.kernel.clear();
            }
            let detailed = detailed && !end.bytes.is_empty();
            rows.push(Row {
                number: end.seq,
                event: end,
                label,
                kernel: notes.last().cloned().unwrap_or_default(),
                more: Some(0),
                detailed,
            });
        }
        at += last;
    }
    rows
}

/// Data calls whose number and sizes the kernel decides.
fn varies(event: &Event) -> bool {
    event.call.sends() || event.call.receives()
}

fn alike(a: &Event, b: &Event) -> bool {
    varies(a)
        && (a.end, a.call, a.sock, &a.error) == (b.end, b.call, b.sock, &b.error)
        && (a.returned == Some(0)) == (b.returned == Some(0))
        && a.truncated == b.truncated
}

/// Calls every program makes and that say nothing here: a successful bind before a listen or of a client.
fn is_routine(event: &Event, listens: &HashSet<SockId>) -> bool {
    let listener = event.sock.is_some_and(|sock| listens.contains(&sock));
    event.call == Call::Bind && event.ok() && (event.end.role == Role::Client || listener)
}

/// What the lane says about one event.
fn label(trace: &Trace, event: &Event, style: &Style, blurred: bool) -> String {
    let call = event.call.word();
    let blurred = blurred && varies(event);
    // Nothing stays nothing: a zero says end of stream.
    let number = |n: usize| if blurred && n > 0 { "n".to_owned() } else { grouped(n) };
    let result = match (&event.error, event.returned) {
        (Some(error), _) => error.clone(),
        (None, Some(n)) => number(n),
        (None, None) => "?".into(),
    };
    let refused = event.error.as_ref().map(|e| format!(" = {e}")).unwrap_or_default();
    match event.call {
        Call::Send | Call::SendTo => {
            let message = event.handed.and_then(|h| trace.message(h.msg));
            let name = message.map_or(String::new(), |m| format!("{} [{}] ", m.id, bytes::name(m, style, 12)));
            let whole = format!("{call} {name}{} = {result}", number(event.asked.unwrap_or(0)));
            match event.asked == event.returned && columns(&whole) > SHORT {
                true => format!("{call} {name}{result}"),
                false => whole,
            }
        }
        Call::Recv | Call::RecvFrom => {
            let asked = event.asked.map(grouped).unwrap_or_default();
            format!("{call}({asked}) = {result}{}", ending(trace, event).to(style.lang))
        }
        Call::SetSockOpt => {
            let name = event.note.as_ref().map_or("", |n| n.to(style.lang));
            let asked = event.asked.unwrap_or(0);
            let made =
                event.returned.filter(|n| *n != asked).map(|n| format!(" -> {}", grouped(n))).unwrap_or_default();
            format!("{name} {}{made}{refused}", grouped(asked))
        }
        Call::Wait => format!("({})", event.note.as_ref().map_or("", |n| n.to(style.lang))),
        Call::Process => format!("* {}", event.note.as_ref().map_or("", |n| n.to(style.lang))),
        Call::Deliver => delivered(trace, event, blurred).to(style.lang).to_owned(),
        Call::Bind | Call::Listen | Call::Connect | Call::Accept => {
            let address = match event.peer {
                Some(address) if !style.stable => format!(" {address}"),
                _ => String::new(),
            };
            format!("{call}{address}{refused}")
        }
        Call::Shutdown => format!("shutdown(SHUT_WR){refused}"),
        Call::Close => format!("close{refused}"),
    }
}

/// What a receive call's zero, or cut, means.
fn ending(trace: &Trace, event: &Event) -> Text {
    let udp = event.sock.and_then(|s| trace.socket(s)).is_some_and(|s| s.proto == Proto::Udp);
    match (event.truncated, event.datagram_len, event.returned) {
        (true, Some(len), _) => {
            let len = grouped(len);
            say!(" of {len}, cut", "（共 {len}，被截断）")
        }
        (true, None, _) => Text::new(", cut", "（被截断）"),
        (false, _, Some(0)) if udp => Text::new(" empty datagram", " 空数据报"),
        (false, _, Some(0)) if event.asked != Some(0) => Text::new(" end of stream", " 流结束"),
        _ => Text::new("", ""),
    }
}

fn delivered(trace: &Trace, event: &Event, blurred: bool) -> Text {
    let n = if blurred { "n".to_owned() } else { grouped(event.bytes.len()) };
    match trace.exactly_one(event) {
        Some(id) => say!("= {id} whole, {n} bytes", "= {id} 完整，{n} 字节"),
        None => {
            let ids = event.messages().iter().map(ToString::to_string).collect::<Vec<_>>().join("+");
            say!("= {n} bytes, not one whole message ({ids})", "= {n} 字节，不是一条完整消息（{ids}）")
        }
    }
}

/// What the kernel's counters said last, so that only news is shown.
#[derive(Default)]
struct Kernel {
    last: HashMap<SockId, Evidence>,
    datagrams: HashSet<usize>,
}

impl Kernel {
    fn note(&mut self, trace: &Trace, event: &Event, style: &Style, blurred: bool) -> Option<String> {
        let sock = event.sock?;
        let udp = trace.socket(sock).is_some_and(|s| s.proto == Proto::Udp);
        let before = self.last.get(&sock).copied().unwrap_or_default();
        // Waits for time and hand-overs ask the kernel nothing.
        if event.evidence != Evidence::default() {
            self.last.insert(sock, event.evidence);
        }
        let now = &event.evidence;
        let mut notes: Vec<Text> = Vec::new();
        if udp && event.call.sends() && event.ok() && self.datagrams.insert(event.seq) {
            notes.push(match event.datagram_len {
                Some(_) => Text::new("1 datagram", "1 个数据报"),
                None => Text::new("held: MSG_MORE", "暂存：MSG_MORE"),
            });
        }
        if !blurred {
            notes.extend(segments(&before, now, style.stable));
            notes.extend(now.unsent.filter(|n| *n > 0).map(grouped).map(|n| say!("{n} unsent", "{n} 未发出")));
        }
        let counts = matches!(event.call, Call::Wait | Call::Recv | Call::Close);
        let queued = now.queued.filter(|n| *n > 0 && counts);
        notes.extend(queued.map(|n| {
            let n = if blurred { "n".into() } else { grouped(n) };
            say!("queued {n}", "队列中 {n}")
        }));
        let dropped = now.dropped.filter(|n| *n > before.dropped.unwrap_or(0));
        notes.extend(dropped.map(|n| {
            let n = if blurred { "n".into() } else { grouped(n) };
            say!("dropped {n}", "丢弃 {n}")
        }));
        notes.extend(now.unread.filter(|n| *n > 0).map(|n| say!("{n} unread", "{n} 未读")));
        let joined = notes.iter().map(|t| t.to(style.lang)).collect::<Vec<_>>().join(", ");
        (!joined.is_empty()).then_some(joined)
    }
}

/// `segment 2`, `segments 2-4`: those that left since the last look, and any repeated ones. Repeats (a
/// tail-loss probe while an ACK is delayed) are the clock's doing, so stable text leaves them out.
fn segments(before: &Evidence, now: &Evidence, stable: bool) -> Vec<Text> {
    let mut notes = Vec::new();
    let (Some(was), Some(is)) = (before.new_segments().or(Some(0)), now.new_segments()) else { return notes };
    match is.saturating_sub(was) {
        0 => {}
        1 => notes.push(say!("segment {is}", "报文段 {is}")),
        _ => {
            let first = was + 1;
            notes.push(say!("segments {first}-{is}", "报文段 {first}-{is}"));
        }
    }
    let again = now.retransmissions.unwrap_or(0).saturating_sub(before.retransmissions.unwrap_or(0));
    if again > 0 && !stable {
        notes.push(say!("{again} sent again", "重传 {again}"));
    }
    notes
}
