//! Claims: what a run must have shown, judged from its recorded events and from nothing else.

use super::invariants;
use crate::say;
use crate::text::{Text, grouped};
use crate::trace::packet::Packet;
use crate::trace::{Call, Event, Message, Role, Trace};

/// One judged sentence, with both sides and the events that show it.
#[derive(Clone, Debug)]
pub struct Claim {
    /// A stable name (`one-recv-both`).
    pub id: &'static str,
    /// The sentence.
    pub text: Text,
    /// Whether the recorded events bear it out.
    pub holds: bool,
    /// What should have been seen.
    pub expected: Text,
    /// What was seen.
    pub actual: Text,
    /// The `seq`s of the events and packets that show it.
    pub events: Vec<usize>,
}

/// What a claim can be shown by: something with a place in the trace.
pub trait Shown {
    /// Its place.
    fn seq(&self) -> usize;
}

impl Shown for Event {
    fn seq(&self) -> usize {
        self.seq
    }
}

impl Shown for Packet {
    fn seq(&self) -> usize {
        self.seq
    }
}

/// The outcome of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Every claim and every invariant held.
    Reproduced,
    /// At least one did not.
    NotReproduced,
    /// This system cannot show it; the reason. Neither a failure nor a success.
    NotPossibleHere(Text),
}

impl Verdict {
    /// The word used in JSON and tables.
    pub const fn word(&self) -> &'static str {
        match self {
            Verdict::Reproduced => "reproduced",
            Verdict::NotReproduced => "not-reproduced",
            Verdict::NotPossibleHere(_) => "not-possible-here",
        }
    }

    /// The word in the reader's language.
    pub const fn text(&self) -> Text {
        match self {
            Verdict::Reproduced => Text::new("reproduced", "已重现"),
            Verdict::NotReproduced => Text::new("not-reproduced", "未重现"),
            Verdict::NotPossibleHere(_) => Text::new("not-possible-here", "此处无法演示"),
        }
    }
}

/// Collects the claims about one trace. A scenario's `judge` function works on it.
pub struct Judge<'a> {
    trace: &'a Trace,
    claims: Vec<Claim>,
    unjudged: Vec<Text>,
    limits: Vec<Text>,
    steady: bool,
    timeless: bool,
}

impl<'a> Judge<'a> {
    /// A judge over a finished trace; with `steady`, numbers that differ from run to run read `n`.
    pub fn new(trace: &'a Trace, steady: bool) -> Judge<'a> {
        Judge { trace, claims: Vec::new(), unjudged: Vec::new(), limits: Vec::new(), steady, timeless: false }
    }

    /// The same judge; with `timeless`, times that were measured read `n`.
    #[must_use]
    pub fn timeless(self, timeless: bool) -> Judge<'a> {
        Judge { timeless, ..self }
    }

    /// The trace being judged.
    pub fn trace(&self) -> &'a Trace {
        self.trace
    }

    /// A number that differs from run to run: grouped digits, or `n` where the text must be stable.
    pub fn varying(&self, n: impl TryInto<u64>) -> String {
        if self.steady { "n".into() } else { grouped(n) }
    }

    /// The same, but nothing stays nothing: `0` says that it did not happen.
    pub fn varying_from_zero(&self, n: usize) -> String {
        if n == 0 { "0".into() } else { self.varying(n) }
    }

    /// A time that was measured, in milliseconds: `44.21`, or `n` where the text must be stable.
    pub fn ms(&self, us: u64) -> String {
        if self.timeless { "n".into() } else { format!("{:.2}", us as f64 / 1000.0) }
    }

    /// Starts a claim that needs these ends' events. When one of them was not recorded (a lone end),
    /// the claim is set aside, and the report says that the other end has to judge it.
    pub fn claim(&mut self, id: &'static str, needs: &[Role], text: Text) -> Draft<'_, 'a> {
        let visible = needs.iter().all(|role| self.trace.saw(*role));
        let claim =
            Claim { id, text, holds: false, expected: Text::new("", ""), actual: Text::new("", ""), events: vec![] };
        Draft { judge: self, claim, visible }
    }

    /// Says what this system cannot tell, so that a claim about it is not made here.
    pub fn limit(&mut self, what: Text) {
        self.limits.push(what);
    }

    /// The limit that every system but Linux has: claims about segments are not made.
    pub fn limit_segments(&mut self) {
        self.limit(Text::new("this system does not count TCP segments", "本系统不统计 TCP 报文段"));
    }

    /// A message by its place among one role's messages, from 1.
    pub fn message(&self, role: Role, nth: usize) -> Option<&'a Message> {
        self.trace.messages_from(role).nth(nth.checked_sub(1)?)
    }

    /// The receive calls of a role that brought something, in order: those that returned, and those that
    /// Windows answers with an error for a cut datagram (the first part is in the buffer all the same).
    pub fn recvs(&self, role: Role) -> Vec<&'a Event> {
        let received = |e: &&Event| e.end.role == role && e.call.receives() && (e.ok() || e.truncated);
        self.trace.events.iter().filter(received).collect()
    }

    /// The send calls of a role, in order.
    pub fn sends(&self, role: Role) -> Vec<&'a Event> {
        self.trace.events.iter().filter(|e| e.end.role == role && e.call.sends()).collect()
    }

    /// The whole messages a role's application handed on, in order.
    pub fn delivered(&self, role: Role) -> Vec<&'a Event> {
        self.trace.calls(role, Call::Deliver).collect()
    }

    /// Adds the invariants and closes the record.
    pub fn finish(mut self) -> Findings {
        let nothing_claimed = self.claims.is_empty();
        self.claims.extend(invariants::check(self.trace, self.steady));
        let verdict = match self.claims.iter().all(|c| c.holds) {
            false => Verdict::NotReproduced,
            // Invariants alone show no phenomenon.
            true if nothing_claimed => Verdict::NotPossibleHere(match self.unjudged.is_empty() {
                true => Text::new(
                    "this system tells nothing that a claim could be judged by",
                    "本系统提供的信息不足以判断任何结论",
                ),
                false => Text::new("the claims are the other end's to judge", "这些结论要由另一端来判断"),
            }),
            true => Verdict::Reproduced,
        };
        Findings { claims: self.claims, unjudged: self.unjudged, limits: self.limits, verdict }
    }
}

/// A claim being written: expected, actual, proof, and last whether it holds.
pub struct Draft<'j, 'a> {
    judge: &'j mut Judge<'a>,
    claim: Claim,
    visible: bool,
}

impl Draft<'_, '_> {
    /// What should be seen.
    pub fn expected(mut self, text: Text) -> Self {
        self.claim.expected = text;
        self
    }

    /// What was seen.
    pub fn actual(mut self, text: Text) -> Self {
        self.claim.actual = text;
        self
    }

    /// The events, or the packets, that show it.
    pub fn shown_by<'s, S: Shown + 's>(mut self, those: impl IntoIterator<Item = &'s S>) -> Self {
        self.claim.events.extend(those.into_iter().map(Shown::seq));
        self
    }

    /// Closes the claim.
    pub fn holds(self, holds: bool) {
        let Draft { judge, mut claim, visible } = self;
        if visible {
            claim.holds = holds;
            judge.claims.push(claim);
        } else {
            judge.unjudged.push(claim.text);
        }
    }
}

/// Everything the judge found.
#[derive(Clone, Debug)]
pub struct Findings {
    /// The claims, the invariants last.
    pub claims: Vec<Claim>,
    /// Claims that need the other end's events.
    pub unjudged: Vec<Text>,
    /// What this system cannot tell.
    pub limits: Vec<Text>,
    /// The verdict that follows.
    pub verdict: Verdict,
}

/// `recv(10) = 9 bytes of M1+M2`: a receive call in words, for the actual side of a claim.
pub fn describe(event: &Event) -> Text {
    let ids = event.messages().iter().map(ToString::to_string).collect::<Vec<_>>().join("+");
    let call = event.call.word();
    let asked = event.asked.map(grouped).unwrap_or_default();
    match (&event.error, event.returned) {
        (Some(error), _) => Text::same(format!("{call}({asked}): {error}")),
        (None, Some(n)) if !ids.is_empty() => {
            let (unit, n) = (if n == 1 { "byte" } else { "bytes" }, grouped(n));
            say!("{call}({asked}) = {n} {unit} of {ids}", "{call}({asked}) = {n} 字节，属于 {ids}")
        }
        (None, n) => Text::same(format!("{call}({asked}) = {}", n.map(grouped).unwrap_or_default())),
    }
}
