//! Judges a run from its recorded events, and from nothing else.

use super::cells::{NamedRow, Table};
use super::claim::{Claim, Shown, Verdict};
use super::invariants::{self, is_invariant};
use super::scope::{Events, Scope};
use super::value::{Sentence, Value};
use crate::text::Text;
use crate::trace::{Role, Trace};
use std::borrow::Cow;
use std::cell::RefCell;
use std::ops::Deref;

/// Collects the claims about one trace. A scenario's `judge` function works on it.
pub struct Judge<'a> {
    scope: Scope<'a>,
    varies: bool,
    /// The learner's own messages; none where the page's were sent.
    messages: Vec<String>,
    found: RefCell<Found>,
}

#[derive(Default)]
struct Found {
    claims: Vec<Claim>,
    unjudged: Vec<Text>,
    limits: Vec<Text>,
    table: Option<Table>,
}

/// A judge looks at the whole run.
impl<'a> Deref for Judge<'a> {
    type Target = Scope<'a>;

    fn deref(&self) -> &Scope<'a> {
        &self.scope
    }
}

impl<'a> Judge<'a> {
    /// A judge over a finished trace; `varies` says whether its sizes and counts differ from run to run.
    pub fn new(trace: &'a Trace, varies: bool) -> Judge<'a> {
        Judge { scope: Scope::of(trace), varies, messages: Vec::new(), found: RefCell::default() }
    }

    /// The same where the learner's own messages were sent in the place of the page's; none leaves the page's.
    #[must_use]
    pub fn told(self, messages: &[String]) -> Judge<'a> {
        Judge { messages: messages.to_vec(), ..self }
    }

    /// The learner's own messages, or the page's: what both ends were given to send.
    pub fn messages<'m>(&'m self, page: &[&'m [u8]]) -> Vec<&'m [u8]> {
        match &self.messages[..] {
            [] => page.to_vec(),
            own => own.iter().map(String::as_bytes).collect(),
        }
    }

    /// Starts a claim. It says what is expected and what was seen, and by what that is shown; whether it holds follows.
    pub fn claim(&self, id: &'static str, en: &'static str, zh: &'static str) -> Draft<'_, 'a> {
        self.claim_text(id, Text::new(en, zh))
    }

    /// The same for a sentence that is made.
    pub fn claim_text(&self, id: impl Into<Cow<'static, str>>, text: Text) -> Draft<'_, 'a> {
        Draft { judge: self, id: id.into(), text, needs: Vec::new(), events: Vec::new(), more: None }
    }

    /// A sentence with values in it, for [`Draft::that`] and [`Draft::same`].
    pub fn sentence<const N: usize>(&self, values: [&dyn Value; N], shape: impl Fn([String; N]) -> Text) -> Sentence {
        Sentence::with(values, self.varies, shape)
    }

    /// A cell of a table.
    pub fn cell(&self, value: &dyn Value) -> Sentence {
        self.sentence([value], |[value]| Text::same(value))
    }

    /// Shows what was recorded as a table. Of a lone end there is none: half of what it compares is not here.
    pub fn table<const N: usize, const M: usize>(
        &self,
        heads: [Text; N],
        rows: impl IntoIterator<Item = (Text, [Sentence; M])>,
    ) {
        let rows: Vec<NamedRow> =
            rows.into_iter().map(|(name, cells)| NamedRow { name, cells: cells.into() }).collect();
        if !rows.is_empty() && [Role::Client, Role::Server].iter().all(|role| self.trace().saw(*role)) {
            self.found.borrow_mut().table = Some(Table { rows, ..Table::new(heads) });
        }
    }

    /// Says what this system cannot tell, so that a claim about it is not made here.
    pub fn limit(&self, what: Text) {
        let limits = &mut self.found.borrow_mut().limits;
        if !limits.contains(&what) {
            limits.push(what);
        }
    }

    /// New data segments that a role's sockets sent in the whole run.
    pub fn segments(&self, sender: Role) -> Option<u64> {
        self.segments_in(&self.scope, sender)
    }

    /// The same in one act. Where this system does not count them that is said, and it is `None`; of an end that was
    /// not recorded it is 0, since a claim about it is not judged anyway.
    pub fn segments_in(&self, scope: &Scope<'a>, sender: Role) -> Option<u64> {
        match scope.new_segments(sender) {
            None if self.trace().saw(sender) => {
                self.limit(Text::new("this system does not count TCP segments", "本系统不统计 TCP 报文段"));
                None
            }
            known => Some(known.unwrap_or(0)),
        }
    }

    /// The invariants alone, of a run about which nothing was claimed.
    pub fn observe(self) -> Findings {
        let findings = self.finish();
        match findings.verdict {
            Verdict::NotReproduced => findings,
            _ => Findings { verdict: Verdict::Observed, ..findings },
        }
    }

    /// Adds the invariants and closes the record.
    pub fn finish(self) -> Findings {
        let Found { mut claims, unjudged, limits, table } = self.found.into_inner();
        let nothing_claimed = claims.is_empty();
        claims.extend(invariants::check(self.scope.trace(), self.varies));
        let verdict = match claims.iter().all(|c| c.holds) {
            false => Verdict::NotReproduced,
            // Invariants alone show no phenomenon.
            true if nothing_claimed => Verdict::NotPossibleHere(match unjudged.is_empty() {
                true => Text::new(
                    "this system tells nothing that a claim could be judged by",
                    "本系统提供的信息不足以判断任何论断",
                ),
                false => Text::new("the claims are the other end's to judge", "这些论断要由另一端来判断"),
            }),
            true => Verdict::Reproduced,
        };
        Findings { claims, unjudged, limits, table, verdict }
    }
}

impl Findings {
    /// The run ended before everything could be seen; the reason. What does not hold in it is not judged, but for what
    /// must hold in every run.
    pub fn cut_short(&mut self, reason: Text) {
        let (kept, open) = std::mem::take(&mut self.claims).into_iter().partition(|c| c.holds || is_invariant(c));
        self.claims = kept;
        let open: Vec<Claim> = open;
        let unseen = Text::new("{}: not judged, the run ended before", "{}：没有判断，运行在此之前就结束了");
        self.limits.extend(open.iter().map(|claim| unseen.with(&claim.text)));
        self.verdict = match self.claims.iter().all(|c| c.holds) {
            true => Verdict::NotPossibleHere(reason),
            false => Verdict::NotReproduced,
        };
    }

    /// Adds what must hold besides; it shows no phenomenon by itself.
    pub fn add(&mut self, claim: Claim) {
        if !claim.holds {
            self.verdict = Verdict::NotReproduced;
        }
        self.claims.push(claim);
    }
}

/// A claim being written: what shows it, then what is expected beside what was seen, which closes it.
pub struct Draft<'j, 'a> {
    judge: &'j Judge<'a>,
    id: Cow<'static, str>,
    text: Text,
    needs: Vec<Role>,
    events: Vec<usize>,
    more: Option<Sentence>,
}

impl<'a> Draft<'_, 'a> {
    /// The events that show it. The ends they were asked of must have been recorded: where one was not (a lone end),
    /// the claim is set aside, and the report says that the other end has to judge it.
    #[must_use]
    pub fn of(mut self, events: &Events<'a>) -> Self {
        self.needs.extend(events.roles());
        self.shown_by(events)
    }

    /// Events, or packets, that show it.
    #[must_use]
    pub fn shown_by<'s, S: Shown + 's>(mut self, those: impl IntoIterator<Item = &'s S>) -> Self {
        for one in those {
            self.needs.push(one.role());
            self.events.push(one.seq());
        }
        self
    }

    /// An end that must have been recorded, although none of its events shows the claim.
    #[must_use]
    pub fn needs(mut self, role: Role) -> Self {
        self.needs.push(role);
        self
    }

    /// Tells more right after what was seen, which is not compared (how long it took): ` (44.21 ms)`.
    #[must_use]
    pub fn beside(mut self, more: impl Into<Option<Sentence>>) -> Self {
        self.more = more.into();
        self
    }

    /// Holds when the values are equal; both sides read by the same shape.
    pub fn equal<V: Value + PartialEq, const N: usize>(
        self,
        expected: [V; N],
        seen: [V; N],
        shape: impl Fn([String; N]) -> Text,
    ) {
        let agrees = expected == seen;
        let side = |values: &[V; N]| self.judge.sentence(values.each_ref().map(|v| v as &dyn Value), &shape);
        let sides = [side(&expected), side(&seen)];
        self.close(sides, agrees);
    }

    /// Holds when all that was seen is equal to what is expected, in number and order; the values stand side by side.
    pub fn in_order<V: Value + PartialEq>(self, expected: Vec<V>, seen: Vec<V>, shape: impl Fn(String) -> Text) {
        let agrees = expected == seen;
        let side = |values: &Vec<V>| self.judge.sentence([values], |[list]| shape(list));
        let sides = [side(&expected), side(&seen)];
        self.close(sides, agrees);
    }

    /// Holds when what was seen is no less.
    pub fn at_least<B: Value, V: Value + PartialOrd<B>>(self, least: B, seen: V, shape: impl Fn(String) -> Text) {
        let agrees = seen >= least;
        self.compare(&Text::new("at least {}", "至少 {}"), &least, &seen, agrees, shape);
    }

    /// Holds when what was seen is more.
    pub fn more_than<B: Value, V: Value + PartialOrd<B>>(self, bound: B, seen: V, shape: impl Fn(String) -> Text) {
        let agrees = seen > bound;
        self.compare(&Text::new("more than {}", "多于 {}"), &bound, &seen, agrees, shape);
    }

    /// Holds when what was seen is less.
    pub fn fewer_than<B: Value, V: Value + PartialOrd<B>>(self, bound: B, seen: V, shape: impl Fn(String) -> Text) {
        let agrees = seen < bound;
        self.compare(&Text::new("fewer than {}", "少于 {}"), &bound, &seen, agrees, shape);
    }

    fn compare(
        self,
        relation: &Text,
        bound: &dyn Value,
        seen: &dyn Value,
        agrees: bool,
        shape: impl Fn(String) -> Text,
    ) {
        let side = |value: &dyn Value| self.judge.sentence([value], |[value]| shape(value));
        let sides = [side(bound).within(relation), side(seen)];
        self.close(sides, agrees);
    }

    /// Holds when both sides read the same: what they say is all that is compared.
    pub fn same(self, expected: impl Into<Sentence>, seen: impl Into<Sentence>) {
        let sides = [expected.into(), seen.into()];
        let agrees = sides[0].exact == sides[1].exact;
        self.close(sides, agrees);
    }

    /// For what none of the others can say: whether it holds is the caller's to find out.
    pub fn that(self, holds: bool, expected: impl Into<Sentence>, seen: impl Into<Sentence>) {
        self.close([expected.into(), seen.into()], holds);
    }

    fn close(self, [expected, seen]: [Sentence; 2], agrees: bool) {
        let Draft { judge, id, text, needs, events, more } = self;
        let sides = [expected, more.into_iter().fold(seen, |seen, more| seen.beside(&more))];
        let mut found = judge.found.borrow_mut();
        match needs.iter().all(|role| judge.trace().saw(*role)) {
            true => found.claims.push(Claim::new(id, text, sides, agrees, events)),
            false => found.unjudged.push(text),
        }
    }
}

/// Everything the judge found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Findings {
    /// The claims, the invariants last.
    pub claims: Vec<Claim>,
    /// Claims that need the other end's events.
    pub unjudged: Vec<Text>,
    /// What this system cannot tell.
    pub limits: Vec<Text>,
    /// What the run shows as a table, where the lesson is one.
    pub table: Option<Table>,
    /// The verdict that follows.
    pub verdict: Verdict,
}
