//! How a run ended, for whoever has to say it in words and colour.

use super::{Next, PART_OF_THE_LINK, Report};
use crate::claims::{Claim, Verdict, is_invariant};
use crate::render::rows::packet_text::listed;
use crate::text::Text;

/// Claims that are told of a run that is not the page's.
const MOST_TOLD: usize = 3;

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

    /// What the run established: what its page says, or where it was another one what its claims say.
    pub fn established(&self) -> Text {
        let told = self.findings.claims.iter().filter(|claim| claim.holds && !is_invariant(claim));
        let told: Vec<Text> = told.take(MOST_TOLD).map(|claim| claim.text.clone()).collect();
        match told.is_empty() || self.head.given.is_empty() && self.head.alone.is_none() {
            true => self.head.claim.clone(),
            false => listed(&told, &Text::new("; ", "；")),
        }
    }

    /// What to try next: where the run was another one than the page's, first that one; never what was just run.
    pub fn suggestions(&self) -> Vec<Next> {
        let (id, head) = (&self.head.scenario, &self.head);
        let typed = format!("{id} {}", head.given_words());
        let is_control = |next: &Next| head.control.is_some() && next.command == format!("{id} --control");
        let paged = head.next.iter().filter(|next| next.command != typed && !is_control(next));
        let often =
            head.options.race.then(|| Next {
                command: format!("{typed} --repeat 200"),
                shows: Text::new("how often?", "出现几次？"),
            });
        often.into_iter().chain(self.back()).chain(paged.cloned()).collect()
    }

    /// The page's own run, where this was another one. No page has somebody else's program.
    fn back(&self) -> Option<Next> {
        let head = &self.head;
        let shows = match (&head.control, head.alone, head.given.is_empty(), &head.link) {
            _ if self.findings.verdict.claims_nothing() => return None,
            (Some(_), ..) => Text::new("the same with its cause", "不去掉原因的同一次运行"),
            (_, Some(_), ..) => Text::new("both ends here: every claim is judged", "两端都在这里：每条论断都能判断"),
            (_, _, false, _) => Text::new("the same as the page has it", "与文档一致的运行"),
            (_, _, true, Some(_)) if head.part != PART_OF_THE_LINK => {
                Text::new("the same on loopback", "同样的运行，走本机回环")
            }
            _ => return None,
        };
        Some(Next { command: head.scenario.clone(), shows })
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
