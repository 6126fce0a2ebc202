//! Runs a scenario's ends as threads of this process, or one of them alone, and judges the recording.

use crate::exit::Exit;
use crate::net::barrier::{Announce, Stage};
use crate::net::{End, NetError, Settings};
use crate::scenarios::{EndFn, NotPossible, Scenario};
use crate::text::Text;
use crate::trace::claims::{Findings, Judge, Verdict};
use crate::trace::summary::Summary;
use crate::trace::{EndName, Recorder, Role, Tie, Trace};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Which ends run in this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Both, as threads.
    Both,
    /// The server alone, listening here.
    Server(SocketAddr),
    /// The client alone, connecting there.
    Client(SocketAddr),
}

impl Side {
    fn roles(self) -> Vec<Role> {
        match self {
            Side::Both => vec![Role::Client, Role::Server],
            Side::Server(_) => vec![Role::Server],
            Side::Client(_) => vec![Role::Client],
        }
    }

    fn address(self) -> Option<SocketAddr> {
        match self {
            Side::Both => None,
            Side::Server(address) | Side::Client(address) => Some(address),
        }
    }
}

/// Everything that decides how a run goes.
#[derive(Clone)]
pub struct Plan {
    /// What is replayed (already [`controlled`](Scenario::controlled), if that was asked for).
    pub scenario: Scenario,
    /// The options in effect.
    pub settings: Settings,
    /// Which ends run here.
    pub side: Side,
    /// Text that must be the same on every run: lane order for the clock's, `n` for varying numbers.
    pub steady: bool,
    /// The longest that anything may wait.
    pub limit: Duration,
    /// Told where a lone server listens, once it does.
    pub announce: Option<Announce>,
}

/// The longest a run waits for a fact when both ends are here. Generous: it only ever ends a run that is broken.
pub const LIMIT: Duration = Duration::from_secs(10);

/// The longest a lone end waits for its peer, who is started by hand.
pub const LONE_LIMIT: Duration = Duration::from_secs(60);

impl Plan {
    /// Both ends here, the scenario's defaults.
    pub fn new(scenario: Scenario) -> Plan {
        let settings = scenario.defaults.clone();
        Plan { scenario, settings, side: Side::Both, steady: false, limit: LIMIT, announce: None }
    }
}

/// An end that could not finish.
#[derive(Debug)]
pub struct Failure {
    /// Which.
    pub end: EndName,
    /// Why.
    pub error: anyhow::Error,
}

impl Failure {
    /// The sentence, in both languages.
    pub fn text(&self) -> Text {
        let chain = |e: &anyhow::Error| Text::same(format!("{e:#}"));
        match (self.error.downcast_ref::<NetError>(), self.error.downcast_ref::<Text>()) {
            (Some(net), _) => net.text(),
            (None, Some(text)) => text.clone(),
            (None, None) => chain(&self.error),
        }
    }
}

/// A run, recorded and judged.
#[derive(Debug)]
pub struct Outcome {
    /// What happened.
    pub trace: Trace,
    /// What it shows.
    pub findings: Findings,
    /// The counts.
    pub summary: Summary,
    /// The first end that could not finish, if one could not.
    pub failure: Option<Failure>,
    /// How long the ends took.
    pub took: Duration,
}

impl Outcome {
    /// What the process should answer.
    pub fn exit(&self) -> Exit {
        match (&self.findings.verdict, &self.failure) {
            // A lone end has done its part; what it shows is for the other end to judge.
            (Verdict::NotPossibleHere(_), None) if !self.findings.unjudged.is_empty() => Exit::Done,
            (Verdict::NotPossibleHere(_), _) => Exit::NotHere,
            (_, Some(failure)) if failure.error.is::<NetError>() || failure.error.is::<io::Error>() => Exit::NotHere,
            (Verdict::Reproduced, None) => Exit::Done,
            _ => Exit::Failed,
        }
    }
}

/// Runs the plan to its end.
pub fn run(plan: &Plan) -> Outcome {
    if let Some(reason) = (plan.scenario.impossible)() {
        return impossible(Trace::default(), reason, Duration::ZERO);
    }
    let began = Instant::now();
    let recorder = Arc::new(Recorder::new(plan.side.roles()));
    let stage = Arc::new(Stage::new(plan.side != Side::Both, plan.limit, plan.announce.clone()));
    let failures = play(plan, &recorder, &stage);
    let took = began.elapsed();
    let tie = if plan.steady { Tie::Lane } else { Tie::Clock };
    let trace = recorder.take().finish(tie);
    let failure = first(failures);
    if let Some(reason) = failure.as_ref().and_then(|f| f.error.downcast_ref::<NotPossible>()) {
        return impossible(trace, reason.0.clone(), took);
    }
    let mut judge = Judge::new(&trace, plan.steady && plan.scenario.varies);
    (plan.scenario.judge)(&mut judge);
    let mut findings = judge.finish();
    if failure.is_some() {
        findings.verdict = Verdict::NotReproduced;
    }
    Outcome { summary: trace.summary(), trace, findings, failure, took }
}

/// The ends of the plan, each as often as it runs.
fn cast(plan: &Plan) -> Vec<(EndName, EndFn)> {
    let mut cast = Vec::new();
    for role in plan.side.roles() {
        match role {
            Role::Server => cast.extend(plan.scenario.server.map(|f| (EndName::only(Role::Server), f))),
            Role::Client if plan.scenario.clients == 1 => cast.push((EndName::only(role), plan.scenario.client)),
            Role::Client => {
                let clients = 1..=plan.scenario.clients;
                cast.extend(clients.map(|index| (EndName { role, index }, plan.scenario.client)));
            }
        }
    }
    cast
}

fn play(plan: &Plan, recorder: &Arc<Recorder>, stage: &Arc<Stage>) -> Vec<Failure> {
    let settings = Arc::new(plan.settings.clone());
    let address = plan.side.address();
    std::thread::scope(|scope| {
        let mut players = Vec::new();
        for (name, act) in cast(plan) {
            let end = End::new(name, settings.clone(), recorder.clone(), stage.clone(), address);
            let on_stage = stage.clone();
            let player = std::thread::Builder::new().name(name.to_string()).spawn_scoped(scope, move || {
                // Dropping a failed end's sockets lets the other end's calls return.
                let result = act(&end);
                if result.is_err() {
                    on_stage.abandon();
                }
                result
            });
            if player.is_err() {
                stage.abandon();
            }
            players.push((name, player));
        }
        players.into_iter().filter_map(|(end, player)| Some(Failure { end, error: ended(player).err()? })).collect()
    })
}

fn ended(player: std::io::Result<std::thread::ScopedJoinHandle<'_, anyhow::Result<()>>>) -> anyhow::Result<()> {
    match player?.join() {
        Ok(result) => result,
        Err(panic) => {
            let words = panic.downcast_ref::<String>().map(String::as_str);
            let words = words.or(panic.downcast_ref::<&str>().copied()).unwrap_or("panicked");
            anyhow::bail!("internal error: {words}")
        }
    }
}

/// The failure that came first, not the one that followed from it: an end that fails leaves the other
/// alone, or hangs up on it.
fn first(mut failures: Vec<Failure>) -> Option<Failure> {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset};
    let follows = |f: &Failure| match f.error.downcast_ref::<NetError>() {
        Some(NetError::Abandoned) => 2,
        Some(error) => u8::from(matches!(error.kind(), Some(BrokenPipe | ConnectionAborted | ConnectionReset))),
        None => 0,
    };
    failures.sort_by_key(follows);
    failures.into_iter().next()
}

fn impossible(trace: Trace, reason: Text, took: Duration) -> Outcome {
    let findings =
        Findings { claims: vec![], unjudged: vec![], limits: vec![], verdict: Verdict::NotPossibleHere(reason) };
    Outcome { summary: trace.summary(), trace, findings, failure: None, took }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::claims::Judge;

    fn holds(j: &mut Judge) {
        j.claim("always", &[], Text::new("always", "总是")).holds(true);
    }

    fn waits_for_ever(end: &End) -> anyhow::Result<()> {
        Ok(end.pass("never", Text::new("for ever", "永远"))?)
    }

    fn outcome(client: EndFn) -> Outcome {
        let mut plan = Plan::new(Scenario { client, server: Some(waits_for_ever), judge: holds, ..Scenario::blank() });
        plan.limit = Duration::from_secs(60);
        run(&plan)
    }

    #[test]
    fn an_end_that_fails_ends_the_other_and_is_the_one_that_is_named() {
        let outcome = outcome(|_| anyhow::bail!("the cause"));
        assert!(outcome.took < Duration::from_secs(30), "the other end was told");
        let failure = outcome.failure.as_ref().expect("a failure");
        assert_eq!((failure.end.role, failure.text().en.as_ref()), (Role::Client, "the cause"));
        assert_eq!(outcome.findings.verdict, Verdict::NotReproduced, "whatever the claims say");
        assert_eq!(outcome.exit(), Exit::Failed);
    }

    #[test]
    fn of_two_failures_the_first_is_named() {
        let named = |end, error| Failure { end: EndName::only(end), error };
        let follows = named(Role::Client, NetError::Abandoned.into());
        let cause = named(Role::Server, anyhow::anyhow!("the cause"));
        assert_eq!(first(vec![follows, cause]).map(|f| f.end.role), Some(Role::Server));
    }
}
