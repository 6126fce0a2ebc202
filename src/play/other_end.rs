//! What a lone end knows of the other one, in another process: its rehearsal foresees what that one says.

use crate::claims::{Claim, Judge, Varying};
use crate::net::barrier::Foreseen;
use crate::say;
use crate::text::Text;
use crate::trace::{Call, Event, Proto, Role, Trace};

/// The receive calls of one end that brought bytes, or a datagram.
fn heard(trace: &Trace, role: Role) -> impl Iterator<Item = &Event> {
    let brought = |e: &&Event| !e.bytes.is_empty() || e.call == Call::RecvFrom && e.ok();
    trace.events.iter().filter(move |e| e.end.role == role && e.call.receives()).filter(brought)
}

/// What a lone server may expect of who comes to it: the first thing that moves in its rehearsal.
pub(super) fn foreseen(rehearsal: &Trace) -> Foreseen {
    let sends = rehearsal.events.iter().find(|e| e.end.role == Role::Server && e.call.sends());
    match heard(rehearsal, Role::Server).next() {
        Some(first) if sends.is_none_or(|send| first.seq < send.seq) => match first.bytes.is_empty() {
            true => Foreseen::Silence,
            false => Foreseen::Words,
        },
        _ if sends.is_some() => Foreseen::Ears,
        _ => Foreseen::Anybody,
    }
}

/// How many bytes a lone end heard that its rehearsal foresaw, and how many that it did not; in how many calls.
struct Heard<'a> {
    foreseen: usize,
    strange: usize,
    events: Vec<&'a Event>,
}

impl<'a> Heard<'a> {
    fn by(trace: &'a Trace, role: Role) -> Heard<'a> {
        let expected: Vec<_> = trace.sockets.iter().flat_map(|s| &s.expected).copied().collect();
        let events: Vec<&Event> = heard(trace, role).collect();
        let spans = || events.iter().flat_map(|e| &e.spans);
        let foreseen = spans().filter(|s| expected.contains(&s.msg)).map(|s| s.len).sum();
        Heard { foreseen, strange: spans().map(|s| s.len).sum::<usize>() - foreseen, events }
    }
}

/// That the other end said what it says on the page, all of it and nothing else: without that the claims of a lone end
/// are about somebody else. `None` where it says nothing.
pub(super) fn said_its_part(rehearsal: &Trace, j: &Judge) -> Option<Claim> {
    let role = *j.trace().roles.first()?;
    let due: usize = heard(rehearsal, role).map(|e| e.bytes.len()).sum();
    let Heard { foreseen, strange, events } = Heard::by(j.trace(), role);
    if due == 0 && strange == 0 {
        return None;
    }
    // What UDP lost was said all the same.
    let loses = j.trace().sockets.iter().any(|s| s.proto == Proto::Udp);
    let due = if loses { foreseen.clamp(due.min(1), due) } else { due };
    let side = |foreseen: usize, strange: usize| {
        let foreseen = Varying(foreseen);
        j.sentence([&foreseen, &strange], |[ours, others]| match strange {
            0 => say!("{ours} bytes of the page's messages", "页面消息的 {ours} 字节"),
            _ => say!(
                "{ours} bytes of the page's messages, {others} others",
                "页面消息的 {ours} 字节，其他 {others} 字节"
            ),
        })
    };
    let text = Text::new("the other end said what it says on the page", "另一端说的正是页面上的话");
    let agrees = foreseen >= due && strange == 0;
    let shown = events.iter().map(|e| e.seq).collect();
    Some(Claim::new("other-end", text, [side(due, 0), side(foreseen, strange)], agrees, shown))
}
