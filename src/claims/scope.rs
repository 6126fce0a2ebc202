//! What a judge looks at: the events of a run, or of one act of it.

use super::claim::result;
use crate::text::grouped;
use crate::trace::packet::Packet;
use crate::trace::{Call, Event, Message, MsgId, Part, Role, SockId, Span, Trace, Variant};
use std::collections::BTreeMap;
use std::ops::Deref;

/// A run, or one act of it.
#[derive(Clone, Copy)]
pub struct Scope<'a> {
    trace: &'a Trace,
    act: Option<usize>,
}

impl<'a> Scope<'a> {
    /// The whole run.
    pub fn of(trace: &'a Trace) -> Scope<'a> {
        Scope { trace, act: None }
    }

    /// The trace being judged, all of it.
    pub fn trace(&self) -> &'a Trace {
        self.trace
    }

    /// The acts that were played, each with what happened in it.
    pub fn acts<'t, T: Variant + 't>(
        &self,
        acts: impl IntoIterator<Item = &'t T>,
    ) -> impl Iterator<Item = (&'t T, Scope<'a>)> {
        let trace = self.trace;
        let place = move |act: &T| trace.acts.iter().position(|played| played.key == act.act().key);
        acts.into_iter().filter_map(move |act| Some((act, Scope { trace, act: Some(place(act)?) })))
    }

    /// Of each act that was played, the first of these events.
    pub fn firsts<'t, T: Variant + 't>(
        &self,
        acts: impl IntoIterator<Item = &'t T>,
        of: impl Fn(&Scope<'a>) -> Events<'a>,
    ) -> Events<'a> {
        let firsts = self.acts(acts).map(|(_, act)| of(&act).just_first());
        firsts.reduce(|all, next| all.and(&next)).unwrap_or_else(|| of(self).just_first())
    }

    /// One act, or what happened in none if it was not played.
    pub fn act(&self, act: &impl Variant) -> Scope<'a> {
        let place = self.trace.acts.iter().position(|played| played.key == act.act().key);
        Scope { trace: self.trace, act: Some(place.unwrap_or(usize::MAX)) }
    }

    /// Every event here, in causal order.
    pub fn events(&self) -> impl Iterator<Item = &'a Event> + use<'a> {
        let act = self.act;
        self.trace.events.iter().filter(move |e| act.is_none() || e.act == act)
    }

    /// The events of a role that are so.
    pub fn only(&self, role: Role, wanted: impl Fn(&Event) -> bool) -> Events<'a> {
        Events { list: self.events().filter(|e| e.end.role == role && wanted(e)).collect(), roles: vec![role] }
    }

    /// One role's calls of a kind.
    pub fn calls(&self, role: Role, call: Call) -> Events<'a> {
        self.only(role, |e| e.call == call)
    }

    /// The receive calls of a role that brought something, in order: those that returned, and those that
    /// Windows answers with an error for a cut datagram (the first part is in the buffer all the same).
    pub fn recvs(&self, role: Role) -> Events<'a> {
        self.only(role, |e| e.call.receives() && (e.ok() || e.truncated))
    }

    /// The send calls of a role, in order.
    pub fn sends(&self, role: Role) -> Events<'a> {
        self.only(role, |e| e.call.sends())
    }

    /// The whole messages a role's application handed on, in order.
    pub fn delivered(&self, role: Role) -> Events<'a> {
        self.calls(role, Call::Deliver)
    }

    /// The calls of a role that set this option (`TCP_NODELAY`).
    pub fn options(&self, role: Role, name: &str) -> Events<'a> {
        self.only(role, |e| e.call == Call::SetSockOpt && e.note.as_ref().is_some_and(|note| note.en == name))
    }

    /// What an end found out that is no socket call (a number packed, a file written).
    pub fn found(&self, role: Role) -> Events<'a> {
        self.calls(role, Call::Process)
    }

    /// The last events of a role's sockets that say how many segments each sent; none where this system does not count.
    pub fn counted(&self, role: Role) -> Events<'a> {
        let last: BTreeMap<SockId, usize> = self.counts(role).map(|(sock, e)| (sock, e.seq)).collect();
        self.only(role, |e| e.sock.is_some_and(|sock| last.get(&sock) == Some(&e.seq)))
    }

    fn counts(&self, role: Role) -> impl Iterator<Item = (SockId, &'a Event)> {
        let counts = |e: &Event| e.evidence.new_segments().and(e.sock);
        self.events().filter(move |e| e.end.role == role).filter_map(move |e| Some((counts(e)?, e)))
    }

    /// New data segments that a role's sockets sent, as each last reported; `None` where this system does not count them.
    pub fn new_segments(&self, role: Role) -> Option<u64> {
        let last: BTreeMap<SockId, &Event> = self.counts(role).collect();
        let counted: Vec<u64> = last.values().filter_map(|e| e.evidence.new_segments()).map(u64::from).collect();
        (!counted.is_empty()).then(|| counted.iter().sum())
    }

    /// A message by its place among one role's messages, from 1.
    pub fn message(&self, role: Role, nth: usize) -> Option<&'a Message> {
        self.trace.messages_from(role).nth(nth.checked_sub(1)?)
    }

    /// The messages that these events hold whole, each to its last byte, and nothing else: `M1+M2`; `-` where there are
    /// none, or something else is there, too.
    pub fn whole_messages(&self, events: &Events<'a>) -> String {
        let spans: Vec<&Span> = events.iter().flat_map(|e| &e.spans).collect();
        let is_whole = |span: &&Span| self.trace.message(span.msg).is_some_and(|m| span.len == m.bytes.len());
        match spans.iter().all(is_whole) && !spans.is_empty() {
            true => spans.iter().map(|span| span.msg.to_string()).collect::<Vec<_>>().join("+"),
            false => "-".into(),
        }
    }

    /// The names of a role's messages, in order.
    pub fn message_names(&self, role: Role) -> Vec<String> {
        self.trace.messages_from(role).map(|m| m.id.to_string()).collect()
    }

    /// What each of these events holds: `M2` where it is one message (a delivery: its body), whole and alone; otherwise
    /// how much of which, `1,024 M2 + 32 M3`.
    pub fn held_by(&self, events: &Events<'a>) -> Vec<String> {
        let part = |of: &[Span]| format!("{} {}", grouped(of.iter().map(|s| s.len).sum::<usize>()), of[0].msg);
        let parts = |e: &Event| e.spans.chunk_by(|a, b| a.msg == b.msg).map(part).collect::<Vec<_>>().join(" + ");
        events.iter().map(|e| self.trace.exactly_one(e).map_or_else(|| parts(e), |id| id.to_string())).collect()
    }

    /// The packets that a role's host sent, in order; none without a link.
    pub fn packets(&self, role: Role) -> impl Iterator<Item = &'a Packet> + use<'a> {
        self.trace.packets.iter().filter(move |p| p.from == role)
    }

    /// Those of them that carry data.
    pub fn data_packets(&self, role: Role) -> impl Iterator<Item = &'a Packet> + use<'a> {
        self.packets(role).filter(|p| p.is_data())
    }
}

/// Some of the events of a run, and whose events were asked for: a claim that is shown by them needs those ends.
#[derive(Clone, Debug)]
pub struct Events<'a> {
    list: Vec<&'a Event>,
    roles: Vec<Role>,
}

impl<'a> Events<'a> {
    /// The ends whose events were asked for.
    pub(super) fn roles(&self) -> &[Role] {
        &self.roles
    }

    /// Those of them that are so.
    #[must_use]
    pub fn only(&self, wanted: impl Fn(&Event) -> bool) -> Events<'a> {
        Events { list: self.list.iter().copied().filter(|e| wanted(e)).collect(), roles: self.roles.clone() }
    }

    /// Those that moved bytes.
    #[must_use]
    pub fn with_data(&self) -> Events<'a> {
        self.only(|e| !e.bytes.is_empty())
    }

    /// Those that moved bytes of messages' headers, or of their bodies.
    #[must_use]
    pub fn with_part(&self, part: Part) -> Events<'a> {
        self.only(|e| e.spans.iter().any(|span| span.part == part))
    }

    /// How many bytes they moved.
    pub fn moved(&self) -> usize {
        self.list.iter().map(|e| e.bytes.len()).sum()
    }

    /// Which bytes of which messages they moved: `M1 [2..10]`; `-` where they moved none.
    pub fn ranges(&self) -> String {
        let spans = self.list.iter().flat_map(|e| &e.spans).filter(|span| span.len > 0);
        let range = |span: &Span| format!("{} [{}..{}]", span.msg, span.offset, span.offset + span.len);
        let ranges: Vec<String> = spans.map(range).collect();
        if ranges.is_empty() { "-".into() } else { ranges.join("+") }
    }

    /// What each call came to: the number it returned, or the error's name.
    pub fn results(&self) -> Vec<String> {
        self.list.iter().map(|e| result(e)).collect()
    }

    /// How each call ended: `ok`, or the error's name.
    pub fn outcomes(&self) -> Vec<String> {
        self.list.iter().map(|e| e.error.clone().unwrap_or_else(|| "ok".into())).collect()
    }

    /// The bytes that each of them moved, as text.
    pub fn texts(&self) -> Vec<String> {
        self.list.iter().map(|e| String::from_utf8_lossy(&e.bytes).into_owned()).collect()
    }

    /// Those of one among several ends of a role: of `client-2`.
    #[must_use]
    pub fn by(&self, index: u32) -> Events<'a> {
        self.only(|e| e.end.index == index)
    }

    /// Those on this socket; none where there is no such socket.
    #[must_use]
    pub fn on(&self, sock: Option<SockId>) -> Events<'a> {
        self.only(|e| sock.is_some() && e.sock == sock)
    }

    /// The names of the messages that they moved bytes of, whole or not: `M1+M2`; `-` where there are none.
    pub fn names(&self) -> String {
        let mut ids: Vec<MsgId> = self.list.iter().flat_map(|e| e.messages()).collect();
        ids.dedup();
        let names: Vec<String> = ids.iter().map(ToString::to_string).collect();
        if names.is_empty() { "-".into() } else { names.join("+") }
    }

    /// Those that moved bytes of this message's header.
    #[must_use]
    pub fn with_header_of(&self, message: MsgId) -> Events<'a> {
        self.only(|e| e.spans.iter().any(|span| span.msg == message && span.part == Part::Header))
    }

    /// The bytes of this message's header that they moved.
    pub fn header_of(&self, message: MsgId) -> Vec<u8> {
        let mut header = Vec::new();
        for event in &self.list {
            let mut rest = &event.bytes[..];
            for span in &event.spans {
                let (piece, behind) = rest.split_at(span.len.min(rest.len()));
                rest = behind;
                if span.msg == message && span.part == Part::Header {
                    header.extend_from_slice(piece);
                }
            }
        }
        header
    }

    /// The first, if there is one.
    #[must_use]
    pub fn just_first(&self) -> Events<'a> {
        self.just(0)
    }

    /// The last, if there is one.
    #[must_use]
    pub fn just_last(&self) -> Events<'a> {
        Events { list: self.list.last().copied().into_iter().collect(), roles: self.roles.clone() }
    }

    /// The one at this place, from 0, if there is one.
    #[must_use]
    pub fn just(&self, place: usize) -> Events<'a> {
        Events { list: self.list.get(place).copied().into_iter().collect(), roles: self.roles.clone() }
    }

    /// The first few.
    #[must_use]
    pub fn first_few(&self, n: usize) -> Events<'a> {
        Events { list: self.list.iter().copied().take(n).collect(), roles: self.roles.clone() }
    }

    /// These and those.
    #[must_use]
    pub fn and(&self, others: &Events<'a>) -> Events<'a> {
        let all = |a: &[&'a Event], b: &[&'a Event]| [a, b].concat();
        Events { list: all(&self.list, &others.list), roles: [&self.roles[..], &others.roles].concat() }
    }
}

impl<'a> Deref for Events<'a> {
    type Target = [&'a Event];

    fn deref(&self) -> &[&'a Event] {
        &self.list
    }
}

impl<'a> IntoIterator for Events<'a> {
    type Item = &'a Event;
    type IntoIter = std::vec::IntoIter<&'a Event>;

    fn into_iter(self) -> Self::IntoIter {
        self.list.into_iter()
    }
}

impl<'a> IntoIterator for &Events<'a> {
    type Item = &'a Event;
    type IntoIter = std::vec::IntoIter<&'a Event>;

    fn into_iter(self) -> Self::IntoIter {
        self.list.clone().into_iter()
    }
}
