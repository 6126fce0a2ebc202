//! `cost`: what each way of keeping messages apart costs, over loopback and over links of several round trip
//! times: messages a second, waits, segments and bytes, beside what the delay alone would cost.
//!
//! [`exchange`] has the two ends of each protocol, [`measure`] runs and counts them, [`theory`] derives what
//! to expect, [`findings`] judges, [`report`] writes.

pub mod exchange;
pub mod findings;
pub mod measure;
pub mod report;
pub mod theory;

use super::complain;
use crate::cli::CostRequest;
use crate::exit::Exit;
use crate::framing::Kind;
use crate::link::spec::{Spec, Way};
use crate::link::{CaptureLimits, Link};
use crate::output::Format;
use crate::output::tell;
use crate::render::Style;
use crate::text::Text;
use crate::text::quantity::write_duration;
use exchange::Exchange;
use measure::{Cell, Outcome, Tally};
use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

/// A way of keeping messages apart on a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fix {
    /// No framing at all: request and reply keep a single message under way (the documents' recv per send).
    LockStep,
    /// Decimal length, sleep, body (D4 §1).
    Sleep,
    /// Decimal length, wait for `recv_ready`, body (D0, D1 §11, D2 §4, D4 §2).
    Ack,
    /// 4 bytes of length, body (D0, D1 §12, D3).
    I32Le,
    /// 4 bytes of length, JSON header, body (D1 §12, D2).
    Json,
}

impl Fix {
    /// Every one, in the order of the tables.
    pub const ALL: [Fix; 5] = [Fix::LockStep, Fix::Sleep, Fix::Ack, Fix::I32Le, Fix::Json];

    /// The framing that it uses; sleep is none that has a name.
    pub const fn framing(self) -> Option<Kind> {
        match self {
            Fix::LockStep => Some(Kind::None),
            Fix::Sleep => None,
            Fix::Ack => Some(Kind::Ack),
            Fix::I32Le => Some(Kind::I32Le),
            Fix::Json => Some(Kind::Json),
        }
    }

    /// The name in tables and JSON.
    pub const fn name(self) -> &'static str {
        match self.framing() {
            Some(kind) => kind.name(),
            None => "sleep",
        }
    }

    /// What its two ends do.
    pub const fn text(self) -> Text {
        match self {
            Fix::LockStep => {
                Text::new("no framing, in lock step: message, reply, message", "不分帧，一问一答：消息、回复、消息")
            }
            Fix::Sleep => Text::new("length, sleep, body", "长度、sleep、正文"),
            Fix::Ack => Text::new("length, wait for recv_ready, body", "长度、等 recv_ready、正文"),
            Fix::I32Le => Text::new("struct 'i': 4 bytes of length, body", "struct 'i'：4 字节长度、正文"),
            Fix::Json => Text::new("4 bytes of length, JSON header, body", "4 字节长度、JSON 头部、正文"),
        }
    }

    /// Says itself where a message ends, whoever is late: the other two only hope.
    pub const fn is_framing(self) -> bool {
        matches!(self, Fix::Ack | Fix::I32Le | Fix::Json)
    }
}

/// What is between the two ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Medium {
    /// This machine's loopback.
    Loopback,
    /// A link of this round trip time, MTU 1500, on which nothing is lost.
    Link(Duration),
}

impl Medium {
    /// The round trip time that the medium adds by itself.
    pub fn rtt(self) -> Option<Duration> {
        match self {
            Medium::Loopback => None,
            Medium::Link(rtt) => Some(rtt),
        }
    }

    /// Its name, for a reader.
    pub fn text(self) -> Text {
        match self {
            Medium::Loopback => Text::new("loopback", "回环"),
            Medium::Link(rtt) => Text::new("link, RTT {}", "链路，RTT {}").with(&Text::same(write_duration(rtt))),
        }
    }

    /// The link to make.
    pub fn spec(self) -> Option<Spec> {
        let way = Way { delay: self.rtt()? / 2, ..Way::default() };
        Some(Spec { up: way.clone(), down: way, ..Spec::default() })
    }
}

/// What goes from the sender to the receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    /// Messages in a row.
    pub messages: u32,
    /// Bytes of each, header not counted.
    pub size: usize,
    /// How long `sleep` sleeps between length and body.
    pub gap: Duration,
    /// TCP_NODELAY at both ends.
    pub nodelay: bool,
}

/// Everything that was measured.
#[derive(Clone, Debug)]
pub struct Results {
    /// What was sent.
    pub load: Load,
    /// Fewer messages than usual, so that the whole takes seconds.
    pub reduced: bool,
    /// Medium by medium, fix by fix.
    pub cells: Vec<Cell>,
    /// How long it all took.
    pub took: Duration,
}

impl Results {
    /// The media, each once, in order.
    pub fn media(&self) -> Vec<Medium> {
        let mut media: Vec<Medium> = self.cells.iter().map(|cell| cell.medium).collect();
        media.dedup();
        media
    }

    /// One cell.
    pub fn cell(&self, medium: Medium, fix: Fix) -> Option<&Cell> {
        self.cells.iter().find(|cell| cell.medium == medium && cell.fix == fix)
    }
}

/// Rounds of each cell: the fixes take turns, so that a noisy machine is noisy for all. The median counts.
pub const ROUNDS: usize = 3;
/// The round trip times unless others are asked for.
const RTTS: [Duration; 3] = [Duration::from_millis(1), Duration::from_millis(10), Duration::from_millis(50)];
/// Messages unless a number is asked for, and the fewest that a large delay leaves of them.
const MESSAGES: u32 = 50;
const FEWEST: u32 = 5;
/// The delays alone may add up to so much, unless a number of messages is asked for.
const BUDGET: Duration = Duration::from_secs(12);

pub(super) fn run(request: &CostRequest, format: Format, style: &Style, out: &mut dyn Write) -> io::Result<Exit> {
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
            _ => match measured(medium, &load, &Progress::new(style)) {
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
    report::write(out, &results, &findings, format, style)?;
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
    let cell = |fix| Cell { medium, fix, outcome: Outcome::NotHere(reason.clone()) };
    Fix::ALL.map(cell).to_vec()
}

/// Every fix over one medium, in turns.
fn measured(medium: Medium, load: &Load, progress: &Progress) -> Result<Vec<Cell>, Text> {
    let mut tallies = Fix::ALL.map(|fix| (fix, Tally::default()));
    for round in 1..=ROUNDS {
        for (fix, tally) in &mut tallies {
            progress.show(medium, round, *fix);
            tally.add(measure::once(medium, load, &Exchange::of(*fix))?);
        }
    }
    Ok(tallies.into_iter().map(|(fix, tally)| Cell { medium, fix, outcome: tally.outcome() }).collect())
}

/// One line on standard error that is gone when the result comes; only for somebody who watches a terminal.
struct Progress {
    style: Style,
    on: bool,
}

impl Progress {
    fn new(style: &Style) -> Progress {
        let dumb = std::env::var("TERM").is_ok_and(|term| term == "dumb");
        Progress { style: style.clone(), on: io::stderr().is_terminal() && !dumb }
    }

    fn show(&self, medium: Medium, round: usize, fix: Fix) {
        let text = Text::new("measuring: {}, round {}, {}", "测量中：{}，第 {} 轮，{}");
        let text =
            text.with(&medium.text()).with(&Text::same(format!("{round}/{ROUNDS}"))).with(&Text::same(fix.name()));
        self.erase_and(text.to(self.style.lang));
    }

    fn erase_and(&self, text: impl fmt::Display) {
        if self.on {
            let mut err = io::stderr();
            let _ = write!(err, "\r\x1b[K{text}");
            let _ = err.flush();
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.erase_and("");
    }
}
