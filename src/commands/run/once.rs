//! One run of a scenario, with its trace.

use super::hint::explained;
use super::pcap::Capture;
use super::request::RunRequest;
use super::{predict, step};
use crate::cli::command::Context;
use crate::commands::run_report::report;
use crate::exit::Exit;
use crate::net::{Allowance, Settings};
use crate::output::{complain, tell};
use crate::play::{self, Experiment, LONE_LIMIT, Plan, Side};
use crate::render::{Format, Report, Style};
use crate::say;
use crate::sys::port;
use crate::text::shell_word;
use std::borrow::Cow;
use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

/// What is run, and how.
pub(super) fn plan(request: &RunRequest, style: &Style) -> Plan {
    let scenario = &request.scenario;
    plan_of(request, if request.control { scenario.controlled() } else { scenario.experiment.clone() }, style)
}

fn plan_of(request: &RunRequest, experiment: Experiment, style: &Style) -> Plan {
    let mut settings = experiment.defaults.overlaid(&request.chosen);
    if request.scenario.messages.as_ref().is_some_and(|own| own.one_recv) && request.chosen.recv_size.is_none() {
        let all = settings.messages.iter().map(String::len).sum();
        settings.recv_size = settings.recv_size.max(Some(all));
    }
    let link = request.link.spec(&experiment).map(|spec| play::seeded(spec, style.stable));
    let mut plan = Plan::new(experiment);
    if let Some(link) = link {
        plan = plan.over(link);
    }
    plan.settings = Settings { portable: request.side != Side::Both, ..settings };
    plan.side = request.side;
    plan.steady = style.stable;
    foretell(&mut plan, request.repeat.unwrap_or(1), style);
    let lone = (request.side != Side::Both).then_some(LONE_LIMIT);
    if let Some(limit) = request.limit.or(lone) {
        plan.allowed = Allowance::lasting(limit, limit);
    }
    if matches!(request.side, Side::Server(_)) {
        let (id, lang) = (request.scenario.id, style.lang);
        // What one end sends the other one must expect.
        let word = |text| shell_word(text).unwrap_or(Cow::Borrowed(text));
        let messages: String =
            request.chosen.messages.iter().map(|text| format!(" --message {}", word(text))).collect();
        plan.announce = Some(Arc::new(move |address| {
            let reach = port::reachable(address);
            let text = say!(
                "listening on {address}; the other end: stickdemo {id} --as client --connect {reach}{messages}",
                "正在监听 {address}；另一端请运行：stickdemo {id} --as client --connect {reach}{messages}"
            );
            tell(text.to(lang));
        }));
    }
    plan
}

/// Says how long so many runs take, where somebody would wonder, and gives them that time.
fn foretell(plan: &mut Plan, runs: u32, style: &Style) {
    const WORTH_TELLING: Duration = Duration::from_secs(5);
    let Some(about) = play::allow_for_slowness(plan).map(|one| one * runs) else { return };
    if about >= WORTH_TELLING {
        let seconds = about.as_secs();
        let text = say!(
            "over this link it takes some {seconds} s, perhaps twice that; Ctrl-C ends it",
            "在这条链路上大约需要 {seconds} 秒，也可能加倍；按 Ctrl-C 可以中止"
        );
        tell(text.to(style.lang));
    }
}

/// What the control experiment stands beside on a page: the run from which nothing is taken away.
fn with_its_cause(request: &RunRequest, style: &Style) -> Report {
    let plan = plan_of(request, request.scenario.experiment.clone(), style);
    let outcome = play::run(&plan);
    report(&request.scenario, &plan, outcome, &request.chosen, false)
}

/// One run, with its trace.
pub(super) fn run(request: &RunRequest, plan: &Plan, context: &Context, out: &mut dyn Write) -> io::Result<Exit> {
    let style = &context.style;
    let capture = match request.pcap.as_deref().map(Capture::open).transpose() {
        Ok(capture) => capture,
        Err(text) => {
            complain(&text, style.lang);
            return Ok(Exit::NotHere);
        }
    };
    let outcome = play::run(plan);
    // Before the trace, whose reader may have seen enough in the middle of it.
    let captured = capture.map_or(Ok(()), |capture| capture.write(plan, &outcome));
    let exit = outcome.exit();
    let failed = outcome.failure.as_ref().map(|failure| explained(request, failure));
    let mut report = report(&request.scenario, plan, outcome, &request.chosen, request.control);
    if request.predict {
        report.head.guess = predict::guess(&report, style)?;
    }
    match context.format {
        Format::Text if report.moved_nothing() => {}
        Format::Text if request.step => step::through(out, &report, style)?,
        Format::Html if request.control => {
            context.format.write_together(out, &[with_its_cause(request, style), report], style)?;
        }
        format => format.write(out, &report, style)?,
    }
    out.flush()?;
    if let Some(text) = failed {
        complain(&text, style.lang);
    }
    if let Err(text) = captured {
        complain(&text, style.lang);
        return Ok(Exit::NotHere);
    }
    Ok(exit)
}
