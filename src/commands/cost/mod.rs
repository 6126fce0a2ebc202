//! `cost`: what each way of keeping messages apart costs, over loopback and over links of several round trip
//! times: messages a second, waits, segments and bytes, beside what the delay alone would cost.
//!
//! `exchange` has the two ends of each protocol, `measure` runs and counts them, `theory` derives what
//! to expect, [`findings`] judges, [`presentation`] writes.

mod exchange;
pub mod findings;
mod measure;
mod options;
pub mod presentation;
mod results;
mod terms;
mod theory;

pub use results::{Cell, Figures, Measurement, Results};
pub use terms::{Fix, Load, Medium, ROUNDS};

use crate::cli::Command;
use crate::cli::command::{Context, Task};
use crate::exit::Exit;
use crate::link::{CaptureLimits, Link};
use crate::output::{Output, complain, tell};
use crate::render::Format;
use crate::render::progress::Progress;
use crate::text::{Lang, Text};
use clap::ArgMatches;
use exchange::Exchange;
use measure::Rounds;
use options::CostRequest;
use std::io::{self, Write};
use std::time::{Duration, Instant};
use terms::MESSAGES;

/// The round trip times unless others are asked for.
const RTTS: [Duration; 3] = [Duration::from_millis(1), Duration::from_millis(10), Duration::from_millis(50)];
/// The fewest messages that a large delay leaves of the usual number.
const FEWEST: u32 = 5;
/// The delays alone may add up to so much, unless a number of messages is asked for.
const BUDGET: Duration = Duration::from_secs(12);

pub(super) fn command() -> Command {
    let summary = Text::new("what each fix costs, over loopback and over links", "各种解法的代价：在回环上和在链路上");
    let read = |matches: &ArgMatches, output: &mut Output| {
        let request = options::request(matches, output)?;
        Ok(Task::new(move |context, out| run(&request, context, out)).may_link(true))
    };
    Command::new("cost", summary, read)
        .formats([Format::Text, Format::Json, Format::Html, Format::Svg])
        .args(options::args)
        .words([("cost", "bench benchmark performance perf speed latency throughput compare 性能 代价")])
}

fn run(request: &CostRequest, context: &Context, out: &mut dyn Write) -> io::Result<Exit> {
    let style = &context.style;
    let began = Instant::now();
    let media = media(request);
    let trouble = link_trouble(&media);
    match &trouble {
        Some(trouble) if request.rtts.is_some() => {
            complain(trouble, style.lang);
            return Ok(Exit::NotHere);
        }
        Some(trouble) => {
            tell(Text::new("over loopback only: {}", "只测回环：{}").with(trouble).to(style.lang));
        }
        None => {}
    }
    let load = load(request, if trouble.is_some() { &media[..1] } else { &media });
    let mut cells = Vec::new();
    for medium in media {
        match &trouble {
            Some(reason) if medium.rtt().is_some() => cells.extend(not_here(medium, reason)),
            _ => match measured(medium, &load, style.lang) {
                Ok(measured) => cells.extend(measured),
                Err(reason) => {
                    complain(&reason, style.lang);
                    return Ok(Exit::NotHere);
                }
            },
        }
    }
    let reduced = request.messages.is_none() && load.messages < MESSAGES;
    let results = Results { load, reduced, cells, took: began.elapsed() };
    let findings = findings::judge(&results);
    presentation::write(out, &results, &findings, context.format, style)?;
    Ok(findings.exit())
}

/// Loopback, then the links, the shortest first.
fn media(request: &CostRequest) -> Vec<Medium> {
    let rtts = request.rtts.clone().unwrap_or(RTTS.to_vec());
    std::iter::once(Medium::Loopback).chain(rtts.into_iter().map(Medium::Link)).collect()
}

/// Why no link can be made here, found out by making one.
fn link_trouble(media: &[Medium]) -> Option<Text> {
    let spec = media.iter().find_map(|medium| medium.spec())?;
    Link::start(&spec, CaptureLimits::NONE, Instant::now()).err().map(|trouble| trouble.text())
}

/// As many messages as were asked for; else the usual number, or fewer where the delays would add up.
fn load(request: &CostRequest, media: &[Medium]) -> Load {
    let &CostRequest { size, gap, nodelay, .. } = request;
    let load = |messages| Load { messages, size, gap, nodelay };
    let affordable = |messages: &u32| theory::of_everything(&load(*messages), media) * ROUNDS as u32 <= BUDGET;
    let steps = (FEWEST..=MESSAGES).rev().step_by(FEWEST as usize);
    load(request.messages.or_else(|| steps.into_iter().find(affordable)).unwrap_or(FEWEST))
}

fn not_here(medium: Medium, reason: &Text) -> Vec<Cell> {
    let cell = |fix| Cell { medium, fix, outcome: Measurement::NotHere(reason.clone()) };
    Fix::ALL.map(cell).to_vec()
}

/// Every fix over one medium, in turns.
fn measured(medium: Medium, load: &Load, lang: Lang) -> Result<Vec<Cell>, Text> {
    let progress = Progress::of_steps((ROUNDS * Fix::ALL.len()) as u64, lang);
    let mut tallies = Fix::ALL.map(|fix| (fix, Rounds::default()));
    for round in 0..ROUNDS {
        for (place, (fix, tally)) in tallies.iter_mut().enumerate() {
            let what = Text::new("measuring: {}, {}", "测量中：{}，{}");
            progress.doing(&what.with(&medium.text()).with(&Text::same(fix.name())));
            progress.at((round * Fix::ALL.len() + place) as u64);
            tally.add(measure::once(medium, load, &Exchange::of(*fix))?);
        }
    }
    Ok(tallies.into_iter().map(|(fix, tally)| Cell { medium, fix, outcome: tally.outcome() }).collect())
}
