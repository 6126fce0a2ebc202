//! A judged sentence: what was expected, what was seen, and what shows it.

use super::value::Sentence;
use crate::say;
use crate::text::{Text, grouped};
use crate::trace::packet::Packet;
use crate::trace::{Event, Role};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// One judged sentence, with both sides and the events that show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// A stable name (`one-recv-both`).
    pub id: Cow<'static, str>,
    /// The sentence.
    #[serde(rename = "text_both")]
    pub text: Text,
    /// Whether the recorded events bear it out.
    pub holds: bool,
    /// What should have been seen.
    #[serde(rename = "expected_both")]
    pub expected: Sentence,
    /// What was seen.
    #[serde(rename = "actual_both")]
    pub actual: Sentence,
    /// The `seq`s of the events and packets that show it.
    pub events: Vec<usize>,
}

impl Claim {
    /// A claim that follows from its two sides. It does not hold on nothing: something recorded must show it. One that
    /// fails never has the same words on both sides.
    pub fn new(
        id: impl Into<Cow<'static, str>>,
        text: Text,
        [expected, actual]: [Sentence; 2],
        agrees: bool,
        mut events: Vec<usize>,
    ) -> Claim {
        events.sort_unstable();
        events.dedup();
        let on_nothing = agrees && events.is_empty();
        let but = match on_nothing {
            true => Text::new("{}, but nothing recorded shows it", "{}，但没有任何记录能说明"),
            false => Text::new("{}, but not as it should be", "{}，但不是应有的样子"),
        };
        let holds = agrees && !on_nothing;
        let mut claim = Claim { id: id.into(), text, holds, expected, actual, events };
        if on_nothing || !holds && claim.actual.exact == claim.expected.exact {
            claim.actual = claim.actual.within(&but);
        }
        claim
    }
}

impl Claim {
    /// Its sides as they read where the text must be the same on every run.
    pub fn steady(&mut self) {
        for side in [&mut self.expected, &mut self.actual] {
            side.exact = side.steady.clone();
        }
    }
}

/// What a claim can be shown by: something with a place in the trace.
pub trait Shown {
    /// Its place.
    fn seq(&self) -> usize;

    /// The end that must have been recorded for it.
    fn role(&self) -> Role;
}

impl Shown for Event {
    fn seq(&self) -> usize {
        self.seq
    }

    fn role(&self) -> Role {
        self.end.role
    }
}

impl Shown for Packet {
    fn seq(&self) -> usize {
        self.seq
    }

    fn role(&self) -> Role {
        self.from
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
    /// Nothing was claimed: somebody else's program was watched. What must hold in every run does.
    Observed,
}

impl Verdict {
    /// The word used in JSON and tables.
    pub const fn word(&self) -> &'static str {
        match self {
            Verdict::Reproduced => "reproduced",
            Verdict::NotReproduced => "not-reproduced",
            Verdict::NotPossibleHere(_) => "not-possible-here",
            Verdict::Observed => "observed",
        }
    }

    /// Nothing was claimed, so that nothing is to be said of it.
    pub const fn claims_nothing(&self) -> bool {
        matches!(self, Verdict::Observed)
    }

    /// The word in the reader's language.
    pub const fn text(&self) -> Text {
        match self {
            Verdict::Reproduced => Text::new("reproduced", "已复现"),
            Verdict::NotReproduced => Text::new("not-reproduced", "未复现"),
            Verdict::NotPossibleHere(_) => Text::new("not-possible-here", "此处无法演示"),
            Verdict::Observed => Text::new("observed", "已观察"),
        }
    }
}

/// How many of them hold.
pub fn held(claims: &[Claim]) -> Text {
    let (all, held) = (claims.len(), claims.iter().filter(|claim| claim.holds).count());
    say!("{held} of {all} claims hold", "{all} 条论断中 {held} 条成立")
}

/// What a call came to: the number it returned, or the error's name.
pub fn result(event: &Event) -> String {
    event.error.clone().unwrap_or_else(|| event.returned.map_or("?".into(), grouped))
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
