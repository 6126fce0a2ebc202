//! How a run ended, for whoever has to say it in words and colour.

use super::{Next, Report, Why};
use crate::claims::{Claim, Verdict, is_invariant};
use crate::say;
use crate::text::Text;

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunEnd {
    /// Every claim held.
    Shown,
    /// A claim failed, although nothing was taken away: the options, a race, or this machine.
    NotShown,
    /// The control experiment: without its cause the claim failed, as it must.
    ControlPassed,
    /// The control experiment: without its cause everything was as before.
    ControlFailed,
    /// What must hold in every run did not.
    Impossible,
    /// An end could not finish.
    Broken,
    /// This system cannot show it.
    NotHere,
}

impl Report {
    /// How it ended.
    pub fn ending(&self) -> RunEnd {
        let control = self.head.control.is_some();
        let mut invariants = self.findings.claims.iter().filter(|claim| is_invariant(claim));
        match &self.findings.verdict {
            _ if self.failure.is_some() => RunEnd::Broken,
            Verdict::NotPossibleHere(_) => RunEnd::NotHere,
            Verdict::Reproduced if control => RunEnd::ControlFailed,
            Verdict::Reproduced | Verdict::Observed => RunEnd::Shown,
            Verdict::NotReproduced if invariants.any(|claim| !claim.holds) => RunEnd::Impossible,
            Verdict::NotReproduced if control => RunEnd::ControlPassed,
            Verdict::NotReproduced => RunEnd::NotShown,
        }
    }

    /// The outcome in a few words: a passed control has words of its own.
    pub fn outcome(&self) -> Text {
        let control = self.head.control.as_ref().filter(|_| self.ending() == RunEnd::ControlPassed);
        control.map_or_else(|| self.findings.verdict.text(), |control| control.fails.clone())
    }

    /// Is it as it must be that this claim fails?
    pub fn fails_as_it_must(&self, claim: &Claim) -> bool {
        !claim.holds && !is_invariant(claim) && self.ending() == RunEnd::ControlPassed
    }

    /// Why it came out as it did.
    pub fn why(&self) -> Vec<Why> {
        let of = |text| vec![Why { text, source: String::new() }];
        match self.ending() {
            RunEnd::Shown | RunEnd::ControlFailed | RunEnd::Impossible | RunEnd::Broken | RunEnd::NotHere => {
                self.head.why.clone()
            }
            RunEnd::ControlPassed => of(Text::new(
                "One thing was changed, and the outcome changed with it: it is what makes the difference.",
                "只改了一处，结果就变了：差别正是由它造成的。",
            )),
            RunEnd::NotShown if !self.head.given.is_empty() => {
                let given = self.head.given_in_short();
                of(say!(
                    "{given} changes what happens: this is an outcome of those values, and no promise of the protocol.",
                    "{given} 改变了经过：这是这些取值带来的结果，不是协议的保证。"
                ))
            }
            RunEnd::NotShown => of(Text::new(
                "This machine did something else this time: the failing claim says what.",
                "这台机器这次的做法不同：不成立的论断说明了哪里不同。",
            )),
        }
    }

    /// What to try next: where the run was another one than the page's, first that one; never what was just run.
    pub fn suggestions(&self) -> Vec<Next> {
        let id = &self.head.scenario;
        let typed = format!("{id} {}", self.head.given_words());
        let back = Next {
            command: id.clone(),
            shows: match self.head.control {
                Some(_) => Text::new("the same with its cause", "不去掉原因的同一次运行"),
                None => Text::new("the same as the page has it", "与文档一致的运行"),
            },
        };
        // No page has somebody else's program.
        let paged = !self.findings.verdict.claims_nothing();
        let other = paged && (self.head.control.is_some() || !self.head.given.is_empty());
        let is_control = |next: &Next| self.head.control.is_some() && next.command == format!("{id} --control");
        let next = self.head.next.iter().filter(|next| next.command != typed && !is_control(next));
        other.then_some(back).into_iter().chain(next.cloned()).collect()
    }

    /// Two of them: a variation of this run, and another scenario.
    pub fn two_suggestions(&self) -> Vec<Next> {
        let own = |next: &Next| next.command.split(' ').next() == Some(&self.head.scenario);
        let (own, others): (Vec<Next>, Vec<Next>) = self.suggestions().into_iter().partition(own);
        let shown = others.into_iter().take(2);
        let mut two: Vec<Next> = own.into_iter().take(1).chain(shown).collect();
        two.truncate(2);
        two
    }
}
