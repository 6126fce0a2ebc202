//! A report is plain data: a judged run with all that any renderer needs, in both languages. It is made from a run
//! that was just played, or read from lines that were written before; no renderer can tell which.

mod check;
pub mod lines;
mod read;
mod reasons;
mod run_end;
mod steady;

pub use read::{Damage, Reader};
pub use run_end::RunEnd;

use crate::claims::{Findings, Judge};
use crate::sys::kernel;
use crate::text::{Text, shell_word, shortened};
use crate::trace::summary::Summary;
use crate::trace::{EndName, Role, Tie, Trace};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// The part of the syllabus whose runs are about the link.
const PART_OF_THE_LINK: u8 = 5;

/// A judged run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// What was asked, and where.
    pub head: Head,
    /// What happened. Of a packet the description, without its bytes.
    pub trace: Trace,
    /// What it shows.
    pub findings: Findings,
    /// The first end that could not finish, and why.
    pub failure: Option<Failed>,
    /// The counts.
    pub summary: Summary,
    /// How long the ends took, in microseconds.
    pub took_us: u64,
}

/// What is known of a run before it begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The scenario's id.
    pub scenario: String,
    /// The version of the program that played it.
    pub version: String,
    /// The documents' system, in a few words.
    pub title: Text,
    /// What one asks oneself before the run.
    pub question: Text,
    /// What the run establishes, in one sentence.
    #[serde(rename = "establishes")]
    pub claim: Text,
    /// Which documents describe it (`D1 §10`).
    pub documents: Vec<String>,
    /// The part of the syllabus it stands in, from 1.
    pub part: u8,
    /// Why it is so.
    pub why: Vec<Why>,
    /// What to try next.
    pub next: Vec<Next>,
    /// What is changed, if this is the control experiment.
    #[serde(rename = "changed_by_control")]
    pub control: Option<Control>,
    /// What the learner said beforehand, with `--predict`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guess: Option<Guess>,
    /// The only end that was played here; `None` when both were.
    pub alone: Option<Role>,
    /// The options in effect.
    pub options: Options,
    /// Those that the learner gave, with their values as on the command line.
    pub given: Vec<(String, String)>,
    /// The link between the ends, as one would give it to `--link`.
    pub link: Option<String>,
    /// The seed of what is left to chance on it.
    pub seed: Option<u64>,
    /// Where it ran.
    pub system: System,
    /// What is not told because it differs from run to run; `None` where all is.
    pub steady: Option<Steady>,
}

fn given_words(given: &[(String, String)]) -> String {
    // A message may be empty; of what else is, the name says it all.
    let words = given.iter().map(|(name, value)| match name.as_str() {
        "race" => format!("--{name}"),
        name if value.is_empty() && name != "message" => format!("--{name}"),
        _ => format!("--{name} {}", shell_word(value).unwrap_or(Cow::Borrowed(value))),
    });
    words.collect::<Vec<_>>().join(" ")
}

impl Report {
    /// A report of what was seen, about which nothing is claimed: the invariants alone. The clock's choices are left out
    /// when it is to be `steady`.
    pub fn observed(head: Head, raw: Trace, took_us: u64, steady: bool) -> Report {
        let trace = raw.finish(if steady { Tie::Lane } else { Tie::Clock });
        let findings = Judge::new(&trace, false).observe();
        let report = Report { head, summary: trace.summary(), findings, failure: None, took_us, trace };
        if steady { report.steady(Steady { calls: false, packets: false }) } else { report }
    }
}

impl Head {
    /// Of programs that were seen at work, about which nothing is claimed: which command saw them, and what of.
    pub fn observed(command: &str, title: Text, question: Text, claim: Text) -> Head {
        Head {
            scenario: command.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            title,
            question,
            claim,
            documents: Vec::new(),
            part: 0,
            why: Vec::new(),
            next: Vec::new(),
            control: None,
            guess: None,
            alone: None,
            options: Options::default(),
            given: Vec::new(),
            link: None,
            seed: None,
            system: System::this_one(),
            steady: None,
        }
    }

    /// The names of the options that the learner gave, each once.
    pub fn changed(&self) -> impl Iterator<Item = &str> {
        let names = self.given.iter().map(|(name, _)| name.as_str());
        names
            .enumerate()
            .filter(|(at, name)| self.given[..*at].iter().all(|(before, _)| before != name))
            .map(|(_, n)| n)
    }

    /// What was given, as on the command line.
    pub fn given_words(&self) -> String {
        given_words(&self.given)
    }

    /// The same for a sentence: long values are cut.
    pub fn given_in_short(&self) -> String {
        /// The most characters of a value, and of all.
        const LONGEST: [usize; 2] = [30, 140];
        let short = |(name, value): &(String, String)| (name.clone(), shortened(value, LONGEST[0]));
        shortened(&given_words(&self.given.iter().map(short).collect::<Vec<_>>()), LONGEST[1])
    }
}

/// One sentence of explanation and where it is written down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Why {
    /// The sentence.
    pub text: Text,
    /// `RFC 9293 §2.2`, `recv(2)`.
    pub source: String,
}

/// A command to paste, and what it shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Next {
    /// What follows `stickdemo`.
    pub command: String,
    /// What it shows.
    pub shows: Text,
}

/// The control experiment: the same run with the cause taken away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Control {
    /// What is different.
    pub change: Text,
    /// What is said when its claims fail, as they must: a sentence.
    pub fails: Text,
}

/// What a learner said before seeing a run: whether its first claim would hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guess {
    /// The claim's id.
    pub claim: String,
    /// It was said to hold.
    pub holds: bool,
}

/// The options of a run. `None` left it to the kernel, or to the page.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Options {
    /// TCP_NODELAY.
    pub nodelay: Option<bool>,
    /// SO_SNDBUF in bytes, as asked.
    pub sndbuf: Option<usize>,
    /// SO_RCVBUF in bytes, as asked.
    pub rcvbuf: Option<usize>,
    /// The size that the receiver passes to recv, in bytes.
    pub recv_size: Option<usize>,
    /// The pause between the sends, in microseconds.
    pub gap: Option<u64>,
    /// The learner's own messages, in the place of the page's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub messages: Vec<String>,
    /// The barriers were dropped.
    pub race: bool,
}

/// The system a run was played on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct System {
    /// The operating system's name.
    pub os: String,
    /// The kernel's release, where known.
    pub kernel: Option<String>,
    /// The processor's architecture.
    pub arch: String,
}

impl System {
    /// The one at hand.
    pub fn this_one() -> System {
        System { os: kernel::os().to_owned(), kernel: kernel::kernel(), arch: kernel::arch().to_owned() }
    }
}

/// What a steady report does not tell, besides times and addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Steady {
    /// Sizes and numbers of calls.
    pub calls: bool,
    /// Where packets stand, and how many there are.
    pub packets: bool,
}

/// An end that could not finish.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failed {
    /// Which.
    pub end: EndName,
    /// Why.
    pub text: Text,
}

impl Failed {
    /// Who, and why.
    pub fn sentence(&self) -> Text {
        Text::same(format!("{}: {{}}", self.end)).with(&self.text)
    }
}

impl Report {
    /// Are there times to be shown? Without, things are numbered.
    pub fn has_clock(&self) -> bool {
        self.head.steady.is_none()
    }

    /// Do sizes and numbers of calls differ from run to run?
    pub fn calls_vary(&self) -> bool {
        self.head.steady.is_some_and(|steady| steady.calls)
    }

    /// Does the packets' place differ from run to run?
    pub fn packets_vary(&self) -> bool {
        self.head.steady.is_some_and(|steady| steady.packets)
    }

    /// Failed before anything was sent: there is nothing to show but the error.
    pub fn moved_nothing(&self) -> bool {
        self.failure.is_some() && !self.trace.events.iter().any(|e| e.call.sends() || e.call.receives())
    }

    /// Does the ladder have packets?
    pub fn shows_packets(&self) -> bool {
        !self.trace.packets.is_empty() && !self.packets_vary()
    }
}
