//! `--repeat N`: the same run again and again, and what came out how often.

use super::request::RunRequest;
use crate::claims::is_invariant;
use crate::claims::{Claim, Verdict};
use crate::cli::command::Context;
use crate::commands::run_report::report;
use crate::exit::Exit;
use crate::play::{self, Outcome, Plan};
use crate::render;
use crate::render::{FailedClaim, Format, Repeated, Report};
use crate::say;
use crate::text::Text;
use crate::trace::summary::Tally;
use crate::trace::{Call, Trace};
use std::collections::HashMap;
use std::io::{self, Write};

pub(super) fn run(
    request: &RunRequest,
    plan: &Plan,
    runs: u32,
    context: &Context,
    out: &mut dyn Write,
) -> io::Result<Exit> {
    let mut counted = Outcomes::default();
    for n in 0..runs {
        let plan = plan.nth(n);
        let outcome = play::run(&plan);
        counted.add(request.scenario.tally, &outcome);
        let told = || report(&request.scenario, &plan, outcome, &request.chosen, request.control);
        match context.format {
            Format::Json => render::summary_line(out, &told(), context.style.lang)?,
            Format::Html if n == 0 => counted.first = Some(told()),
            _ => {}
        }
    }
    counted.write(plan, runs as usize, context, out)?;
    Ok(counted.exit(plan))
}

/// What came out so far.
#[derive(Default)]
struct Outcomes {
    patterns: HashMap<Vec<usize>, usize>,
    reproduced: usize,
    /// Runs in which something did not hold that must always hold.
    broken: usize,
    worst: Exit,
    impossible: Option<Text>,
    tallies: Vec<Tally>,
    /// The claims that did not hold, and in how many runs, in the order in which they came up.
    failed: Vec<FailedClaim>,
    /// Data packets on the link, and those of them that it lost.
    packets: usize,
    lost: usize,
    /// The first run whole, where one is shown.
    first: Option<Report>,
}

impl Outcomes {
    fn add(&mut self, tally: Option<fn(&Trace) -> Vec<Tally>>, outcome: &Outcome) {
        match &outcome.findings.verdict {
            Verdict::Reproduced | Verdict::Observed => self.reproduced += 1,
            Verdict::NotPossibleHere(reason) => self.impossible = Some(reason.clone()),
            Verdict::NotReproduced if invariants_hold(outcome) => {}
            Verdict::NotReproduced => self.broken += 1,
        }
        if outcome.exit() != Exit::Done {
            self.worst = outcome.exit();
        }
        outcome.findings.claims.iter().filter(|c| !c.holds).for_each(|claim| self.failed(claim));
        *self.patterns.entry(lengths(outcome)).or_default() += 1;
        let data = || outcome.trace.packets.iter().filter(|p| p.is_data());
        self.packets += data().count();
        self.lost += data().filter(|p| p.dropped()).count();
        if let Some(tally) = tally {
            self.tally(tally(&outcome.trace));
        }
    }

    fn failed(&mut self, claim: &Claim) {
        match self.failed.iter_mut().find(|failed| failed.id == claim.id) {
            Some(failed) => failed.runs += 1,
            None => self.failed.push(FailedClaim { id: claim.id.to_string(), text: claim.text.clone(), runs: 1 }),
        }
    }

    /// The same things in the same order in each run.
    fn tally(&mut self, more: Vec<Tally>) {
        for (place, tally) in more.into_iter().enumerate() {
            match self.tallies.get_mut(place) {
                Some(sum) => {
                    sum.came += tally.came;
                    sum.of += tally.of;
                }
                None => self.tallies.push(tally),
            }
        }
    }

    fn write(&self, plan: &Plan, runs: usize, context: &Context, out: &mut dyn Write) -> io::Result<()> {
        let style = &context.style;
        let mut outcomes: Vec<_> = self.patterns.iter().map(|(pattern, count)| (pattern.clone(), *count)).collect();
        outcomes.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        let loss = self.lost as f64 / self.packets.max(1) as f64;
        if context.format == Format::Json {
            let counted = (runs, self.reproduced, &self.failed[..]);
            return writeln!(out, "{}", render::distribution_json(counted, &outcomes, &self.tallies, loss, style));
        }
        if let (Format::Html, Some(first)) = (context.format, &self.first) {
            let (reproduced, failed, tallies) = (self.reproduced, &self.failed[..], &self.tallies[..]);
            let all = Repeated { runs, reproduced, outcomes: &outcomes, failed, tallies, loss, first };
            return render::repeated_page(out, &all, style);
        }
        if let Some(reason) = &self.impossible {
            return writeln!(out, "{}", reason.to(style.lang));
        }
        if let Some(link) = &plan.link {
            let text = match link.seed {
                Some(_) => {
                    say!("link: {link}, and the next seed for each next run", "链路：{link}，之后每次运行种子加一")
                }
                None => say!("link: {link}", "链路：{link}"),
            };
            writeln!(out, "{}", text.to(style.lang))?;
        }
        match self.tallies.is_empty() {
            true => {
                render::distribution(out, runs, &outcomes, self.reproduced, style)?;
                render::failed_claims(out, &self.failed, style)
            }
            // What came through is the answer there.
            false => render::tally(out, runs, &self.tallies, loss, style),
        }
    }

    /// Of a race, and of a link that leaves something to chance, the distribution is the answer; only what must
    /// hold in every run can fail.
    fn exit(&self, plan: &Plan) -> Exit {
        let by_chance = plan.settings.race || plan.link.as_ref().is_some_and(|link| link.needs_seed());
        match self.worst {
            Exit::Failed if by_chance && self.broken == 0 => Exit::Done,
            other => other,
        }
    }
}

fn invariants_hold(outcome: &Outcome) -> bool {
    outcome.failure.is_none() && outcome.findings.claims.iter().all(|c| c.holds || !is_invariant(c))
}

/// The lengths of the receive calls that brought bytes or a datagram, end by end: how the calls of two
/// ends fell between each other says nothing about boundaries.
fn lengths(outcome: &Outcome) -> Vec<usize> {
    let brought = |n: &usize, call| *n > 0 || call == Call::RecvFrom;
    let mut calls: Vec<_> = outcome.trace.events.iter().filter(|e| e.call.receives()).collect();
    calls.sort_by_key(|e| e.end);
    calls.into_iter().filter_map(|e| e.returned.filter(|n| brought(n, e.call))).collect()
}
