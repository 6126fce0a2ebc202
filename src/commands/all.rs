//! Replays every scenario, then one table; with `--repeat` how often each held.

use super::busy::Busy;
use super::common_options::{self, AskedLink};
use super::run_report::report;
use crate::claims::Verdict;
use crate::cli::Command;
use crate::cli::args::{flag, get, heading};
use crate::cli::command::{Context, Task};
use crate::exit::Exit;
use crate::net::Settings;
use crate::output::{Output, tell};
use crate::play::{self, Outcome, Plan};
use crate::render::Format;
use crate::render::progress::Progress;
use crate::render::{self, Counted, Extent, Report, Style};
use crate::scenarios::{Scenario, syllabus};
use crate::text::Text;
use clap::ArgMatches;
use serde_json::json;
use std::io::{self, Write};

pub(super) fn command() -> Command {
    let summary = Text::new("replay every scenario, then one table", "重放所有场景，汇成一张表");
    let read = |matches: &ArgMatches, output: &mut Output| {
        let asked = Asked {
            repeat: get(matches, "repeat").unwrap_or(1),
            busy: common_options::busy_threads(matches),
            link: AskedLink::from(matches),
        };
        common_options::quiz_fits(output)?;
        if asked.repeat > 1 && output.format == Format::Html {
            return Err(Text::new(
                "a page shows each scenario once; --repeat goes with text and json",
                "网页里每个场景只有一次运行；--repeat 用于 text 和 json",
            ));
        }
        if output.extent == Extent::Brief && (asked.repeat > 1 || output.format != Format::Text) {
            return Err(Text::new(
                "--brief shows one run of each in text: leave --repeat and --format away",
                "--brief 用文本显示每个场景的一次运行：请去掉 --repeat 和 --format",
            ));
        }
        Ok(Task::new(move |context, out| run(&asked, context, out)).may_link(true))
    };
    Command::new("all", summary, read).formats([Format::Text, Format::Json, Format::Html]).args(|lang| {
        let brief = flag("brief", lang, Text::new("each run in a dozen lines", "每次运行显示十来行"));
        let how = vec![
            common_options::repeat(lang),
            common_options::busy(lang),
            common_options::quiz(lang),
            common_options::stable(lang),
            brief,
        ];
        let mut args = heading(vec![common_options::link(lang)], lang, Text::new("Link", "链路"));
        args.extend(heading(how, lang, Text::new("How to run", "怎样运行")));
        args
    })
}

struct Asked {
    /// How often each.
    repeat: u32,
    /// Threads kept busy meanwhile.
    busy: usize,
    link: AskedLink,
}

fn run(asked: &Asked, context: &Context, out: &mut dyn Write) -> io::Result<Exit> {
    let (link, style, format) = (&asked.link, &context.style, context.format);
    let _busy = Busy::start(asked.busy);
    let scenarios = syllabus();
    if asked.repeat > 1 {
        return often(&scenarios, asked, context, out);
    }
    let (mut counted, mut answer) = (Counted::default(), Exit::Done);
    let (mut reasons, mut together) = (Vec::new(), Vec::new());
    let brief = style.extent == Extent::Brief;
    if format == Format::Text && !brief {
        render::table_head(out, style)?;
    }
    for scenario in &scenarios {
        let plan = plan(scenario, link, style);
        let outcome = play::run(&plan);
        count(&mut counted, &outcome);
        answer = worse(answer, &outcome);
        if let Verdict::NotPossibleHere(reason) = &outcome.findings.verdict {
            reasons.push((scenario.id, reason.clone()));
        }
        let report = report(scenario, &plan, outcome, &Settings::NONE, false);
        match format {
            Format::Json => render::run_json(out, &report, style.lang)?,
            Format::Text if brief => {
                format.write(out, &report, style)?;
                writeln!(out)?;
            }
            Format::Text => render::table_row(out, &report, style)?,
            _ => {}
        }
        out.flush()?;
        explain(&report, style);
        if format.is_one_document() {
            together.push(report);
        }
    }
    if format.is_one_document() {
        format.write_together(out, &together, style)?;
    } else if format == Format::Text {
        render::table_foot(out, counted, &reasons, style)?;
    }
    Ok(answer)
}

fn plan(scenario: &Scenario, link: &AskedLink, style: &Style) -> Plan {
    let mut plan = Plan::new(scenario.experiment.clone());
    if let Some(spec) = link.spec(&scenario.experiment) {
        plan = plan.over(play::seeded(spec, style.stable));
    }
    plan.steady = style.stable;
    play::allow_for_slowness(&mut plan);
    plan
}

fn count(counted: &mut Counted, outcome: &Outcome) {
    match outcome.findings.verdict {
        Verdict::Reproduced | Verdict::Observed => counted.reproduced += 1,
        Verdict::NotReproduced => counted.failed += 1,
        Verdict::NotPossibleHere(_) => counted.impossible += 1,
    }
}

/// A scenario that did not come out says which claim, on standard error.
fn explain(report: &Report, style: &Style) {
    let id = Text::same(report.head.scenario.as_str());
    if report.findings.verdict != Verdict::NotReproduced {
        return;
    }
    for claim in report.findings.claims.iter().filter(|c| !c.holds) {
        let text = Text::new("{}: {}: expected {}; got {}", "{}：{}：预期：{}；实际：{}");
        let text = text.with(&id).with(&claim.text).with(&claim.expected.exact).with(&claim.actual.exact);
        tell(text.to(style.lang));
    }
    if let Some(failure) = &report.failure {
        tell(Text::new("{}: {}", "{}: {}").with(&id).with(&failure.sentence()).to(style.lang));
    }
}

fn often(scenarios: &[Scenario], asked: &Asked, context: &Context, out: &mut dyn Write) -> io::Result<Exit> {
    let (&Asked { repeat, ref link, .. }, style, format) = (asked, &context.style, context.format);
    let (mut total, mut answer) = (Counted::default(), Exit::Done);
    let progress = Progress::of_steps(scenarios.len() as u64 * u64::from(repeat), style.lang);
    let mut done = 0;
    for scenario in scenarios {
        progress.doing(&Text::same(scenario.id));
        let plan = plan(scenario, link, style);
        let mut counted = Counted::default();
        for n in 0..repeat {
            let outcome = play::run(&plan.nth(n));
            count(&mut counted, &outcome);
            answer = worse(answer, &outcome);
            progress.aside(|| explain(&report(scenario, &plan, outcome, &Settings::NONE, false), style));
            done += 1;
            progress.at(done);
        }
        total.reproduced += counted.reproduced;
        total.failed += counted.failed;
        total.impossible += counted.impossible;
        progress.aside(|| often_row(out, scenario, repeat, counted, context))?;
    }
    drop(progress);
    if format != Format::Json {
        render::table_foot(out, total, &[], style)?;
    }
    Ok(answer)
}

/// A scenario this system cannot show is no failure; a claim that did not hold outweighs a machine that
/// could not run it.
fn worse(answer: Exit, outcome: &Outcome) -> Exit {
    match (&outcome.findings.verdict, answer) {
        (Verdict::NotReproduced, Exit::Done | Exit::NotHere) => outcome.exit(),
        (_, Exit::Done) if outcome.failure.is_some() => outcome.exit(),
        _ => answer,
    }
}

/// How often one scenario came out.
fn often_row(
    out: &mut dyn Write,
    scenario: &Scenario,
    repeat: u32,
    counted: Counted,
    context: &Context,
) -> io::Result<()> {
    let Counted { reproduced, failed, impossible } = counted;
    if context.format == Format::Json {
        let line = json!({ "type": "often", "scenario": scenario.id, "runs": repeat, "reproduced": reproduced,
            "not_reproduced": failed, "not_possible_here": impossible });
        writeln!(out, "{line}")?;
    } else {
        let word = if impossible > 0 { Verdict::NotPossibleHere(Text::new("", "")) } else { Verdict::Reproduced };
        writeln!(out, "{:<21}{} {reproduced}/{repeat}", scenario.id, word.text().to(context.style.lang))?;
    }
    out.flush()
}
