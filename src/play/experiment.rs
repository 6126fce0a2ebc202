//! What is run: the ends, what judges them, and what they need to meet.

use crate::claims::Judge;
use crate::link::spec::Spec;
use crate::net::{End, Settings};
use crate::text::Text;
use crate::trace::{EndName, Role};
use std::fmt;
use std::sync::Arc;

/// What an end comes to.
pub type Ends = anyhow::Result<()>;

/// What one end does: straight-line socket code, to hold beside the document's program. It may hold data.
pub type EndFn = Arc<dyn Fn(&End) -> Ends + Send + Sync>;

/// Judges the claims from the recorded events.
pub type JudgeFn = Arc<dyn Fn(&Judge) + Send + Sync>;

/// Whether one end can run in a process of its own.
#[derive(Clone, Debug)]
pub enum Alone {
    /// `--as server` and `--as client`.
    Yes,
    /// Neither; the reason.
    No(Text),
}

/// Whether an experiment runs over a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Linked {
    /// On loopback, or over a link when one is asked for.
    Able,
    /// Over a link: loopback cannot show it.
    Only,
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

/// Two ends (or more), and how they are judged.
#[derive(Clone)]
pub struct Experiment {
    /// Who takes part, clients first.
    pub ends: Vec<(EndName, EndFn)>,
    /// Judges what they left behind.
    pub judge: JudgeFn,
    /// The options that are set when the learner sets none.
    pub defaults: Settings,
    /// Can an end run alone?
    pub alone: Alone,
    /// Does it run over a link?
    pub linked: Linked,
    /// The link it has when the learner names none, as after `--link`.
    pub link: &'static str,
    /// Over a link, how much differs from run to run.
    pub on_link: Variation,
    /// Sizes and call counts differ from run to run; stable text has `n` for them.
    pub varies: bool,
    /// An end may find that the scheduler spoiled the run ([`Spoiled`](crate::net::Spoiled)): then it is begun again.
    pub restarts: bool,
    /// Why this system cannot show it, if it cannot.
    pub impossible: fn() -> Option<Text>,
}

impl Default for Experiment {
    /// Nobody takes part, and nothing is claimed.
    fn default() -> Experiment {
        Experiment {
            ends: Vec::new(),
            judge: Arc::new(|_| {}),
            defaults: Settings::NONE,
            alone: Alone::Yes,
            linked: Linked::Able,
            link: "",
            on_link: Variation::Packets,
            varies: false,
            restarts: false,
            impossible: || None,
        }
    }
}

impl Experiment {
    /// Puts this client in the place of all others.
    pub fn client(&mut self, act: impl Fn(&End) -> Ends + Send + Sync + 'static) -> &mut Experiment {
        self.clients(1, act)
    }

    /// The same for so many clients at once; several are `client-1`, `client-2`, ...
    pub fn clients(&mut self, n: u32, act: impl Fn(&End) -> Ends + Send + Sync + 'static) -> &mut Experiment {
        let act: EndFn = Arc::new(act);
        let names = (1..=n).map(|index| EndName { role: Role::Client, index: if n == 1 { 0 } else { index } });
        self.ends.retain(|(name, _)| name.role != Role::Client);
        self.ends.splice(0..0, names.map(|name| (name, act.clone())));
        self
    }

    /// Puts this server in the place of any other.
    pub fn server(&mut self, act: impl Fn(&End) -> Ends + Send + Sync + 'static) -> &mut Experiment {
        self.ends.retain(|(name, _)| name.role != Role::Server);
        self.ends.push((EndName::only(Role::Server), Arc::new(act)));
        self
    }

    /// Does an end play this role?
    pub fn has(&self, role: Role) -> bool {
        self.ends.iter().any(|(name, _)| name.role == role)
    }

    /// The link it has when the learner names none.
    ///
    /// # Panics
    /// Never: a test reads every scenario's.
    pub fn usual_link(&self) -> Spec {
        Spec::parse(self.link).expect("a scenario's own link is sound")
    }
}

/// A run cannot go on because of what this machine is; not a failure of the claim.
#[derive(Debug)]
pub struct NotPossible(pub Text);

impl fmt::Display for NotPossible {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for NotPossible {}
