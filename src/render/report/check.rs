//! What must be true of a line before it is believed: whatever it refers to was there before it, and lengths fit.

use crate::claims::{Claim, Table};
use crate::say;
use crate::text::Text;
use crate::trace::packet::Packet;
use crate::trace::{Event, Message, SocketInfo, Span, Trace};

fn must(holds: bool, else_what: impl FnOnce() -> Text) -> Result<(), Text> {
    if holds { Ok(()) } else { Err(else_what()) }
}

/// Messages are numbered from 1, and a header is a part of its message.
pub(super) fn message(trace: &Trace, message: &Message) -> Result<(), Text> {
    let next = trace.messages.len() + 1;
    must(message.id.0 as usize == next, || say!("message M{next} is missing", "缺少消息 M{next}"))?;
    must(message.header_len <= message.len(), || Text::new("the header is longer than the message", "报头比消息还长"))
}

/// Sockets are numbered from 0.
pub(super) fn socket(trace: &Trace, socket: &SocketInfo) -> Result<(), Text> {
    let next = trace.sockets.len();
    must(socket.id.0 as usize == next, || say!("socket {next} is missing", "缺少套接字 {next}"))?;
    let mut expected = socket.expected.iter();
    expected.try_for_each(|id| must(trace.message(*id).is_some(), || say!("there is no message {id}", "没有消息 {id}")))
}

/// Events and packets have one sequence; returns the new last number.
pub(super) fn seq(last: usize, seq: usize) -> Result<usize, Text> {
    must(seq > last, || say!("`seq` {seq} after {last}", "`seq` {seq} 出现在 {last} 之后"))?;
    Ok(seq)
}

/// An event's socket, act and messages are there, and its spans cover its bytes.
pub(super) fn event(trace: &Trace, event: &Event) -> Result<(), Text> {
    if let Some(id) = event.sock {
        let id = id.0;
        must(trace.sockets.len() > id as usize, || say!("there is no socket {id}", "没有套接字 {id}"))?;
    }
    if let Some(act) = event.act {
        must(act < trace.acts.len(), || say!("there is no act {act}", "没有第 {act} 幕"))?;
    }
    if let Some(handed) = event.handed {
        within(trace, handed.msg, handed.offset, event.bytes.len())?;
    }
    spans(trace, &event.spans, event.bytes.len())
}

/// A packet's payload is a part of it, and its spans cover that.
pub(super) fn packet(trace: &Trace, packet: &Packet) -> Result<(), Text> {
    must(packet.context.is_some(), || Text::new("`context` is missing", "缺少 `context`"))?;
    must(packet.payload_len <= packet.len, || {
        Text::new("`payload_len` is more than `len`", "`payload_len` 大于 `len`")
    })?;
    // RFC 791 §3.2: an offset has 13 bits, of eight bytes each.
    let place = packet.fragment.is_none_or(|f| f.offset < 1 << 16 && packet.payload_len > 0);
    must(place, || Text::new("no fragment lies there", "分片不可能在那个位置"))?;
    spans(trace, &packet.spans, packet.payload_len)
}

/// Every row has a cell for each column.
pub(super) fn table(table: &Table) -> Result<(), Text> {
    let fits = table.rows.iter().all(|row| row.cells.len() + 1 == table.heads.len());
    must(fits, || Text::new("a row has not as many cells as there are columns", "有一行的单元格数与列数不符"))
}

/// What shows a claim is there.
pub(super) fn claim(last: usize, claim: &Claim) -> Result<(), Text> {
    let mut events = claim.events.iter();
    events.try_for_each(|seq| must((1..=last).contains(seq), || say!("there is no event {seq}", "没有事件 {seq}")))
}

/// Spans lie in their messages, and cover so many bytes, unless there are none. Only nothing has an empty span.
fn spans(trace: &Trace, spans: &[Span], bytes: usize) -> Result<(), Text> {
    let mut covered = 0usize;
    for span in spans {
        within(trace, span.msg, span.offset, span.len)?;
        must(span.len > 0 || bytes == 0, || Text::new("a span of no bytes", "有一个长度为零的 span"))?;
        covered = covered.saturating_add(span.len);
    }
    must(spans.is_empty() || covered == bytes, || {
        say!("`spans` cover {covered} of {bytes} bytes", "`spans` 覆盖 {covered} 字节，应为 {bytes} 字节")
    })
}

fn within(trace: &Trace, id: crate::trace::MsgId, offset: usize, len: usize) -> Result<(), Text> {
    let message = trace.message(id).ok_or_else(|| say!("there is no message {id}", "没有消息 {id}"))?;
    let all = message.len();
    let fits = offset.checked_add(len).is_some_and(|end| end <= all);
    must(fits, || {
        say!("{id} has {all} bytes, not {len} from {offset} on", "{id} 有 {all} 字节，没有从 {offset} 起的 {len} 字节")
    })
}
