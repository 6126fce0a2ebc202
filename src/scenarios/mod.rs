//! The syllabus: one file a scenario, one ordered list. Help, `list`, `all`, docs and tests derive from it.

mod both;
mod commands;
mod fix_ack;
mod fix_bigger_buffer;
mod fix_broken_loops;
mod fix_concurrent;
mod fix_exact;
mod fix_file;
mod fix_header;
mod fix_json_header;
mod fix_nodelay;
mod fix_sleep;
mod link_loss;
mod segments;
mod tcp_close;
mod tcp_empty;
mod tcp_nagle;
mod tcp_naive;
mod tcp_partial_send;
mod tcp_remote_cmd;
mod tcp_reuseaddr;
mod tcp_short_recv;
mod tcp_split;
mod tcp_stall;
mod tcp_window;
mod udp_boundaries;
mod udp_chat;
mod udp_duplicate;
mod udp_empty;
mod udp_fragment;
mod udp_loss;
mod udp_no_server;
mod udp_remote_cmd;
mod udp_reorder;
mod udp_truncate;
mod wire;

use crate::claims::Judge;
use crate::link::spec::Spec;
use crate::net::{End, Opt, Settings};
use crate::text::Text;
use crate::trace::Trace;

/// What one end of a scenario does: straight-line socket code, to hold beside the document's program.
pub type EndFn = fn(&End) -> anyhow::Result<()>;

/// The parts of the syllabus, in teaching order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// Part 1. TCP is a stream.
    Tcp,
    /// Part 2. UDP is messages.
    Udp,
    /// Part 3. Fixes that do not fix.
    NoFix,
    /// Part 4. Fixes.
    Fix,
    /// Part 5. What the link shows.
    Link,
}

impl Part {
    /// Every part in order.
    pub const ALL: [Part; 5] = [Part::Tcp, Part::Udp, Part::NoFix, Part::Fix, Part::Link];

    /// 1 to 5.
    pub const fn number(self) -> u8 {
        match self {
            Part::Tcp => 1,
            Part::Udp => 2,
            Part::NoFix => 3,
            Part::Fix => 4,
            Part::Link => 5,
        }
    }

    /// Its title.
    pub const fn title(self) -> Text {
        match self {
            Part::Tcp => Text::new("TCP is a stream", "TCP 是字节流"),
            Part::Udp => Text::new("UDP is messages", "UDP 是消息"),
            Part::NoFix => Text::new("Fixes that do not fix", "治不好的“解法”"),
            Part::Fix => Text::new("Fixes", "真正的解法"),
            Part::Link => Text::new("What the link shows", "链路上才看得到的"),
        }
    }
}

/// One sentence of explanation and where it is written down.
#[derive(Clone, Debug)]
pub struct Why {
    /// The sentence.
    pub text: Text,
    /// `RFC 9293 §2.2`, `recv(2)`.
    pub source: &'static str,
}

/// A command to paste, and what it shows.
#[derive(Clone, Debug)]
pub struct Next {
    /// What follows `stickdemo`.
    pub command: &'static str,
    /// What it shows.
    pub shows: Text,
}

/// The control experiment: the same run with the cause taken away, in which the claim must fail.
#[derive(Clone)]
pub struct Control {
    /// What is different.
    pub change: Text,
    /// Changes the scenario.
    pub apply: fn(&mut Scenario),
}

/// How many of something came through, to be added up over many runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tally {
    /// Of what.
    pub what: Text,
    /// How many came.
    pub came: u64,
    /// Of how many.
    pub of: u64,
    /// Packets that each needs.
    pub packets: usize,
}

/// Whether one end can run in a process of its own.
#[derive(Clone, Debug)]
pub enum Alone {
    /// `--as server` and `--as client`.
    Yes,
    /// Neither; the reason.
    No(Text),
}

/// Whether a scenario runs over a link.
#[derive(Clone, Debug)]
pub enum Linked {
    /// On loopback, or over a link when one is asked for.
    Able,
    /// Over a link: loopback cannot show it.
    Only,
    /// On loopback only; the reason.
    No(Text),
}

/// What of a run over a link differs from run to run, so that stable text cannot have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Variation {
    /// Nothing: each packet has its place.
    Nothing,
    /// How many ACKs there are, and where packets stand among the calls.
    Packets,
    /// The calls' sizes, too.
    Calls,
}

impl Linked {
    /// May there be a link?
    pub fn allowed(&self) -> bool {
        !matches!(self, Linked::No(_))
    }
}

/// One documented system: its two ends, its claims, and what a learner reads about it.
#[derive(Clone)]
pub struct Scenario {
    /// The subcommand.
    pub id: &'static str,
    /// Where in the syllabus.
    pub part: Part,
    /// The document's system, in a few words.
    pub title: Text,
    /// What the run establishes, in one sentence.
    pub claim: Text,
    /// Which documents describe it (`D1 §10`).
    pub documents: &'static [&'static str],
    /// The options it takes.
    pub takes: &'static [Opt],
    /// The options it sets when the learner does not.
    pub defaults: Settings,
    /// How many clients run at once.
    pub clients: u8,
    /// The document's client.
    pub client: EndFn,
    /// The document's server; `None` where the lesson is that nobody listens.
    pub server: Option<EndFn>,
    /// Judges the claims from the recorded events.
    pub judge: fn(&mut Judge),
    /// Why it is so.
    pub why: Vec<Why>,
    /// What to try next.
    pub next: Vec<Next>,
    /// The control experiment.
    pub control: Control,
    /// Can an end run alone?
    pub alone: Alone,
    /// What `--repeat` adds up besides the outcomes, if anything.
    pub tally: Option<fn(&Trace) -> Vec<Tally>>,
    /// Does it run over a link?
    pub linked: Linked,
    /// The link it has when the learner names none, as after `--link`.
    pub link: &'static str,
    /// Over a link, how much differs from run to run.
    pub on_link: Variation,
    /// Sizes and call counts differ from run to run; `--stable` writes `n` for them.
    pub varies: bool,
    /// Why this system cannot show it, if it cannot.
    pub impossible: fn() -> Option<Text>,
}

impl Scenario {
    /// A scenario with nothing in it yet; each file lays its own fields over this.
    pub(crate) fn blank() -> Scenario {
        Scenario {
            id: "",
            part: Part::Tcp,
            title: Text::new("", ""),
            claim: Text::new("", ""),
            documents: &[],
            takes: &[],
            defaults: Settings::NONE,
            clients: 1,
            client: |_| Ok(()),
            server: None,
            judge: |_| {},
            why: vec![],
            next: vec![],
            control: Control { change: Text::new("", ""), apply: |_| {} },
            alone: Alone::Yes,
            tally: None,
            linked: Linked::Able,
            link: "",
            on_link: Variation::Packets,
            varies: false,
            impossible: || None,
        }
    }

    /// The link it has when the learner names none.
    ///
    /// # Panics
    /// Never: a test reads every scenario's.
    pub fn usual_link(&self) -> Spec {
        Spec::parse(self.link).expect("a scenario's own link is sound")
    }

    /// The same scenario with the cause of its phenomenon taken away.
    #[must_use]
    pub fn controlled(&self) -> Scenario {
        let mut changed = self.clone();
        (self.control.apply)(&mut changed);
        changed
    }
}

/// A run cannot go on because of what this machine is; not a failure of the claim.
#[derive(Debug)]
pub struct NotPossible(pub Text);

impl std::fmt::Display for NotPossible {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for NotPossible {}

/// Every scenario, in teaching order.
pub fn syllabus() -> Vec<Scenario> {
    [
        tcp_naive::scenario,
        tcp_short_recv::scenario,
        tcp_remote_cmd::scenario,
        tcp_nagle::scenario,
        tcp_split::scenario,
        tcp_empty::scenario,
        tcp_close::scenario,
        tcp_partial_send::scenario,
        tcp_reuseaddr::scenario,
        udp_boundaries::scenario,
        udp_truncate::scenario,
        udp_loss::scenario,
        udp_empty::scenario,
        udp_no_server::scenario,
        udp_remote_cmd::scenario,
        udp_chat::scenario,
        fix_sleep::scenario,
        fix_nodelay::scenario,
        fix_bigger_buffer::scenario,
        fix_broken_loops::scenario,
        fix_ack::scenario,
        fix_header::scenario,
        fix_json_header::scenario,
        fix_exact::scenario,
        fix_file::scenario,
        fix_concurrent::scenario,
        tcp_stall::scenario,
        link_loss::scenario,
        udp_fragment::scenario,
        udp_reorder::scenario,
        udp_duplicate::scenario,
        tcp_window::scenario,
    ]
    .map(|scenario| scenario())
    .to_vec()
}

/// A scenario by its id.
pub fn find(id: &str) -> Option<Scenario> {
    syllabus().into_iter().find(|s| s.id == id)
}
