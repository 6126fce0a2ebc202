//! Makes the report of a run that was played: the one place where a plan and its outcome become plain data.

use crate::net::Settings;
use crate::play::{Outcome, Plan, Side};
use crate::render::report::{Control, Failed, Head, Next, Options, Report, Steady, System, Why};
use crate::scenarios::{Scenario, SyllabusPart};
use crate::text::Text;
use crate::trace::packet::Packet;
use crate::trace::{Act, Role, Trace};
use std::time::Duration;

/// The report of a run: what was planned, with which of the learner's options, and what came of it.
pub fn report(scenario: &Scenario, plan: &Plan, outcome: Outcome, chosen: &Settings, control: bool) -> Report {
    let Outcome { trace, findings, summary, failure, took, .. } = outcome;
    let packets = trace.packets.into_iter().map(Packet::described).collect();
    let report = Report {
        head: Head { why: whys(scenario, &trace.acts), ..head(scenario, plan, chosen, control) },
        trace: Trace { packets, ..trace },
        findings,
        failure: failure.map(|failure| Failed { end: failure.end, text: failure.text() }),
        summary,
        took_us: micros(took),
    };
    match plan.steady {
        true => report.steady(Steady { calls: plan.blurs_calls(), packets: plan.hides_packets() }),
        false => report,
    }
}

fn head(scenario: &Scenario, plan: &Plan, chosen: &Settings, control: bool) -> Head {
    let given = chosen.given().into_iter().map(|(opt, value)| (opt.name().to_owned(), value));
    Head {
        scenario: scenario.id.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        title: scenario.title.clone(),
        question: scenario.question.clone(),
        claim: scenario.claim.clone(),
        documents: scenario.documents.iter().map(ToString::to_string).collect(),
        part: scenario.part.number(),
        why: Vec::new(),
        next: scenario
            .teaching
            .next
            .iter()
            .map(|n| Next { command: n.command.to_owned(), shows: n.shows.clone() })
            .collect(),
        control: control.then(|| self::control(scenario)),
        guess: None,
        alone: match plan.side {
            Side::Both => None,
            Side::Server(_) => Some(Role::Server),
            Side::Client(_) => Some(Role::Client),
        },
        options: options(&plan.settings),
        given: given.collect(),
        link: plan.link.as_ref().map(ToString::to_string),
        seed: plan.link.as_ref().and_then(|link| link.seed),
        system: System::this_one(),
        steady: None,
    }
}

/// Why it is so; of acts that were not played nothing is said.
fn whys(scenario: &Scenario, acts: &[Act]) -> Vec<Why> {
    let played = |act: &Act| acts.iter().any(|one| one.key == act.key);
    let fits = scenario.teaching.why.iter().filter(|why| why.act.is_none_or(played));
    fits.map(|why| Why { text: why.text.clone(), source: why.source.to_owned() }).collect()
}

fn control(scenario: &Scenario) -> Control {
    let fails = match scenario.part {
        SyllabusPart::Fix => {
            Text::new("control passed: without the fix the trouble is back", "对照通过：去掉解法，问题就回来了")
        }
        _ => Text::new("control passed: without the cause the effect is gone", "对照通过：去掉原因，现象就消失"),
    };
    Control { change: scenario.teaching.control.change.clone(), fails }
}

fn options(settings: &Settings) -> Options {
    Options {
        nodelay: settings.nodelay,
        sndbuf: settings.sndbuf,
        rcvbuf: settings.rcvbuf,
        recv_size: settings.recv_size,
        gap: settings.gap.map(micros),
        messages: settings.messages.clone(),
        race: settings.race,
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
