//! Runs a scenario's ends as threads of this process, or one of them alone, and judges the recording.

use super::experiment::{EndFn, Experiment, Linked, NotPossible, Variation};
use super::{other_end, spurious};
use crate::claims::{Findings, Judge, Verdict};
use crate::exit::Exit;
use crate::framing::Fault;
use crate::framing::decimal::NotALength;
use crate::link::spec::Spec;
use crate::link::{CaptureLimits, Link, Traffic, dissect};
use crate::net::barrier::{Announce, Meeting, Stage};
use crate::net::{Allowance, End, NetError, Place, Settings, Spoiled};
use crate::say;
use crate::text::Text;
use crate::trace::summary::Summary;
use crate::trace::{EndName, Recorder, Role, Tie, Trace};
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

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
}

/// Everything that decides how a run goes.
#[derive(Clone)]
pub struct Plan {
    /// What is run.
    pub experiment: Experiment,
    /// The options in effect.
    pub settings: Settings,
    /// Which ends run here.
    pub side: Side,
    /// The link between them; `None` for loopback.
    pub link: Option<Spec>,
    /// Text that must be the same on every run: lane order for the clock's, `n` for varying numbers.
    pub steady: bool,
    /// How long it may last, and how much it may move.
    pub allowed: Allowance,
    /// How long what it sends takes at the link's rate.
    pub sending: Duration,
    /// Told where a lone server listens, once it does.
    pub announce: Option<Announce>,
}

/// The longest a run waits for a fact when both ends are here. Generous: it only ever ends a run that is broken.
pub const LIMIT: Duration = Duration::from_secs(10);

/// The longest such a run lasts.
pub(super) const WHOLE: Duration = Duration::from_secs(60);

/// The longest a run waits, beyond the time on the way, for a datagram that the link may have lost.
const DATAGRAM_LIMIT: Duration = Duration::from_secs(1);

/// The longest a lone end waits for its peer, who is started by hand.
pub const LONE_LIMIT: Duration = Duration::from_secs(60);

impl Plan {
    /// Both ends here, the experiment's defaults.
    pub fn new(experiment: Experiment) -> Plan {
        let settings = experiment.defaults.clone();
        let link = matches!(experiment.linked, Linked::Only).then(|| experiment.usual_link());
        let (side, allowed) = (Side::Both, Allowance::lasting(LIMIT, WHOLE));
        let sending = Duration::ZERO;
        let plan = Plan { experiment, settings, side, link: None, steady: false, allowed, sending, announce: None };
        match link {
            Some(link) => plan.over(link),
            None => plan,
        }
    }

    /// The same over a link, on which everything takes longer.
    #[must_use]
    pub fn over(self, link: Spec) -> Plan {
        const ROUND_TRIPS: u32 = 20;
        let more = ROUND_TRIPS * link.rtt();
        Plan { allowed: Allowance::lasting(LIMIT + more, WHOLE + more), link: Some(link), ..self }
    }

    /// Sizes and numbers of calls differ from run to run.
    fn calls_vary(&self) -> bool {
        self.experiment.varies || self.link.is_some() && self.experiment.on_link == Variation::Calls
    }

    /// Packets stand differently on each run.
    fn packets_vary(&self) -> bool {
        self.experiment.varies || self.experiment.on_link > Variation::Nothing
    }

    /// Sizes and numbers of calls differ from run to run, and the text must not.
    pub fn blurs_calls(&self) -> bool {
        self.steady && self.calls_vary()
    }

    /// Packets stand differently on each run, and the text must not.
    pub fn hides_packets(&self) -> bool {
        self.steady && self.packets_vary()
    }

    /// The same for the nth of several runs, from 0: each draws its chances anew.
    pub fn nth(&self, n: u32) -> Plan {
        let mut plan = self.clone();
        if let Some(seed) = plan.link.as_mut().and_then(|link| link.seed.as_mut()) {
            *seed = seed.wrapping_add(u64::from(n));
        }
        plan
    }
}

/// A link whose chances are drawn: the seed given, or with `steady` always the same, or any.
pub fn seeded(spec: Spec, steady: bool) -> Spec {
    let seed = || if steady { 1 } else { RandomState::new().hash_one(0) % 1_000_000 };
    let seed = spec.seed.or_else(|| spec.needs_seed().then(seed));
    Spec { seed, ..spec }
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
    /// Its time was up, or it had moved too much: what was still to come could not be seen.
    fn cut_it_short(&self) -> bool {
        use NetError::{Deadline, TimeUp, TooMuch};
        matches!(self.error.downcast_ref(), Some(Deadline { .. } | TimeUp { .. } | TooMuch { .. }))
    }

    /// The sentence, in both languages.
    pub fn text(&self) -> Text {
        let error = &self.error;
        let net = error.downcast_ref().map(NetError::text);
        let fault = || error.downcast_ref().map(Fault::text);
        let length = || error.downcast_ref().map(NotALength::text);
        let text = || error.downcast_ref::<Text>().cloned();
        net.or_else(fault).or_else(length).or_else(text).unwrap_or_else(|| Text::same(format!("{error:#}")))
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
    /// The wall clock's time of the moment from which the trace's microseconds count.
    pub began: SystemTime,
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

/// Why a run shows nothing and is begun again.
#[derive(Clone, Copy, PartialEq)]
enum Flaw {
    /// An end found that the scheduler came between, or a signal ended a call.
    Spoiled,
    /// Who came to a lone server was not the other end.
    Stranger,
    /// A timer ran out, or an ACK came late, because this machine was away.
    Spurious,
}

impl Flaw {
    /// How often one is begun again for it. Strangers come as often as they like: the time to wait for the other end is
    /// the same. What is still sent again after so many times is no accident.
    const fn most(self) -> usize {
        match self {
            Flaw::Spoiled => RESTARTS,
            Flaw::Stranger => usize::MAX,
            Flaw::Spurious => 5,
        }
    }
}

/// How often a run that the scheduler spoiled is begun again.
const RESTARTS: usize = 20;

/// Runs the plan to its end, and judges what was recorded. A run that the scheduler spoiled is begun again, and the
/// trace says why.
pub fn run(plan: &Plan) -> Outcome {
    if let Some(reason) = (plan.experiment.impossible)() {
        return impossible(Trace::default(), reason, SystemTime::now(), Duration::ZERO);
    }
    let rehearsal = rehearsal(plan);
    let meeting = Arc::new(Meeting::new(&plan.allowed, matches!(plan.side, Side::Server(_))));
    let mut restarts: Vec<(Flaw, Text)> = Vec::new();
    loop {
        let performed = match attempt(plan, rehearsal.as_ref(), meeting.clone()) {
            Ok(performed) => performed,
            Err(reason) => return impossible(Trace::default(), reason, SystemTime::now(), Duration::ZERO),
        };
        let times = |flaw| restarts.iter().filter(|(seen, _)| *seen == flaw).count();
        match performed.flaw(plan) {
            Some((flaw, reason)) if times(flaw) < flaw.most() => restarts.push((flaw, reason)),
            Some((Flaw::Spoiled, reason)) => return never_as_meant(plan, performed, &reason),
            _ => {
                let reasons = restarts.into_iter().map(|(_, reason)| reason).collect();
                return judged(plan, rehearsal.as_ref(), performed, reasons);
            }
        }
    }
}

/// What the ends left behind, before anybody judged it.
pub struct Performance {
    /// What happened, in causal order.
    pub trace: Trace,
    /// The ends that could not finish.
    failures: Vec<Failure>,
    /// How many packets this machine itself lost although nobody asked for it.
    lost: u64,
    began: SystemTime,
    took: Duration,
}

impl Performance {
    /// Why it shows nothing, when an end found that the scheduler came between; or when the other end of a lone one,
    /// in its own process, found it and hung up to begin again.
    fn spoiled(&self, plan: &Plan) -> Option<Text> {
        let reason = |f: &Failure| f.error.downcast_ref::<Spoiled>().map(|Spoiled(reason)| reason.clone());
        let hung_up = |f: &Failure| plan.side != Side::Both && plan.experiment.restarts && is_reset(f);
        let told = || Text::new("the other end began again", "另一端重新开始了");
        self.failures.iter().find_map(reason).or_else(|| self.failures.iter().any(hung_up).then(told))
    }

    fn flaw(&self, plan: &Plan) -> Option<(Flaw, Text)> {
        let spoiled = self.spoiled(plan).map(|reason| (Flaw::Spoiled, reason));
        let stranger = || Some((Flaw::Stranger, self.stranger()?));
        let both = plan.side == Side::Both;
        // What ended a run that failed may have ended a send, too.
        let whole = both && self.failures.is_empty();
        let interrupted = || whole.then(|| Some((Flaw::Spoiled, spurious::interrupted(&self.trace)?))).flatten();
        spoiled.or_else(stranger).or_else(interrupted).or_else(|| Some((Flaw::Spurious, self.spurious(plan)?)))
    }

    /// Why it says something of this machine, where each packet has its place, or each call its answer.
    fn spurious(&self, plan: &Plan) -> Option<Text> {
        let link = plan.link.as_ref();
        let both = plan.side == Side::Both;
        let again = || if plan.packets_vary() { None } else { spurious::reason(&self.trace, link) };
        let delayed = || if plan.calls_vary() || !both { None } else { spurious::delayed(&self.trace, link) };
        again().or_else(delayed)
    }

    /// Who came to a lone server was not the other end, and left.
    fn stranger(&self) -> Option<Text> {
        let errors = self.failures.iter().filter_map(|f| f.error.downcast_ref::<NetError>());
        errors.into_iter().find(|error| matches!(error, NetError::Stranger)).map(NetError::text)
    }

    /// The failure that came first, and why the run is void, if it is: this machine lost packets by itself.
    pub fn came_to(self) -> (Trace, Option<Failure>, Option<Text>) {
        let void = (self.lost > 0).then(|| void(self.lost));
        (self.trace, first(self.failures), void)
    }
}

/// Runs both ends once and collects what they left behind.
///
/// # Errors
/// Why there is no link on this machine.
pub fn perform(plan: &Plan) -> Result<Performance, Text> {
    attempt(plan, None, Arc::new(Meeting::new(&plan.allowed, false)))
}

/// The same for a run that may be begun again; a lone end's with its rehearsal.
fn attempt(plan: &Plan, rehearsal: Option<&Trace>, meeting: Arc<Meeting>) -> Result<Performance, Text> {
    let began = SystemTime::now();
    let recorder = Arc::new(Recorder::new(plan.side.roles()));
    let stage = Stage::at(plan.side != Side::Both, plan.allowed, plan.announce.clone(), meeting);
    if let Some(whole) = rehearsal {
        recorder.rehearse(whole);
        if matches!(plan.side, Side::Server(_)) {
            stage.foresees(other_end::foreseen(whole));
        }
    }
    let link = plan.link.as_ref().map(|spec| Link::start(spec, CaptureLimits::DEFAULT, recorder.began())).transpose();
    let link = link.map_err(|trouble| trouble.text())?;
    let failures = play(plan, &recorder, &Arc::new(stage), link.as_ref());
    let took = recorder.began().elapsed();
    let mut trace = recorder.take();
    let lost = link.map_or(0, |link| collect(link, &mut trace));
    let tie = match (plan.steady, plan.hides_packets()) {
        // Packets stand where the link saw them; calls alone always in the same order, whichever thread was first.
        (false, _) if plan.link.is_some() => Tie::Clock,
        (true, true) => Tie::LaneWithoutPackets,
        (_, _) => Tie::Lane,
    };
    Ok(Performance { trace: trace.finish(tie), failures, lost, began, took })
}

/// What a lone end would see if both were here: from it the end knows what its peer sends. A run that fails at that
/// tells nothing, and what arrives is then nobody's message in particular.
fn rehearsal(plan: &Plan) -> Option<Trace> {
    if plan.side == Side::Both {
        return None;
    }
    let allowed = Allowance::lasting(LIMIT, WHOLE);
    let whole = Plan { side: Side::Both, announce: None, link: None, allowed, ..plan.clone() };
    let is_spoiled = |performed: &Performance| performed.spoiled(&whole).is_some();
    let meeting = Arc::new(Meeting::new(&allowed, false));
    let once = |_| attempt(&whole, None, meeting.clone()).ok().filter(|performed| !is_spoiled(performed));
    let performed = (0..RESTARTS).find_map(once)?;
    performed.failures.is_empty().then_some(performed.trace)
}

fn judged(plan: &Plan, rehearsal: Option<&Trace>, performed: Performance, restarts: Vec<Text>) -> Outcome {
    let (began, took) = (performed.began, performed.took);
    let (mut trace, failure, void) = performed.came_to();
    trace.restarts = restarts;
    let not_possible = failure.as_ref().and_then(|f| f.error.downcast_ref()).map(|NotPossible(reason)| reason.clone());
    if let Some(reason) = not_possible.or(void) {
        return impossible(trace, reason, began, took);
    }
    let judge = Judge::new(&trace, plan.calls_vary() || plan.link.is_some() && plan.packets_vary())
        .told(&plan.settings.messages);
    (plan.experiment.judge)(&judge);
    let other_end = rehearsal.and_then(|whole| other_end::said_its_part(whole, &judge));
    let mut findings = judge.finish();
    other_end.into_iter().for_each(|claim| findings.add(claim));
    match &failure {
        Some(failure) if failure.cut_it_short() => findings.cut_short(failure.text()),
        Some(_) => findings.verdict = Verdict::NotReproduced,
        None => {}
    }
    Outcome { summary: trace.summary(), trace, findings, failure, began, took }
}

fn never_as_meant(plan: &Plan, performed: Performance, reason: &Text) -> Outcome {
    let text = say!(
        "this run was begun again {RESTARTS} times and showed nothing each time: {{}}",
        "这次运行重新开始了 {RESTARTS} 次，每次都没能说明什么：{{}}"
    );
    let text = match plan.link.as_ref().is_some_and(Spec::doubles_or_reorders) {
        // RFC 9293 §3.10.7.4; RFC 5681 §4.2.
        true => Text::new(
            "{}. This link doubles packets, or changes their order: such a segment is acknowledged at once",
            "{}。这条链路会复制分组或打乱顺序：这样的报文段会立即得到确认",
        )
        .with(&text.with(reason)),
        false => text.with(reason),
    };
    impossible(performed.trace, text, performed.began, performed.took)
}

/// The other side hung up in the middle.
fn is_reset(failure: &Failure) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionReset};
    let kind = failure.error.downcast_ref().and_then(NetError::kind);
    matches!(kind, Some(ConnectionReset | BrokenPipe))
}

/// The longest to wait for the last packets when the ends are done.
const LAST_PACKETS: Duration = Duration::from_secs(5);

/// Lets the last packets pass, and puts what the wire carried into the trace; returns how many packets were
/// lost although nobody asked for it.
fn collect(link: Link, trace: &mut Trace) -> u64 {
    link.settle(LAST_PACKETS);
    let Traffic { packets, unrecorded, lost, .. } = link.finish();
    trace.packets = dissect::packets(packets);
    trace.unrecorded = unrecorded;
    lost
}

fn void(lost: u64) -> Text {
    say!(
        "this machine lost {lost} packets on the way to the link, which nobody asked for: the run is void. Send less at once, or free the machine",
        "这台机器自己丢了 {lost} 个还没到链路的分组，不是设定要丢的：这次运行作废。请一次少发一些，或减轻机器负载"
    )
}

/// The ends of the plan that run here.
fn cast(plan: &Plan) -> Vec<(EndName, EndFn)> {
    let roles = plan.side.roles();
    plan.experiment.ends.iter().filter(|(name, _)| roles.contains(&name.role)).cloned().collect()
}

fn play(plan: &Plan, recorder: &Arc<Recorder>, stage: &Arc<Stage>, link: Option<&Link>) -> Vec<Failure> {
    let settings = Arc::new(plan.settings.clone());
    std::thread::scope(|scope| {
        let mut players = Vec::new();
        for (name, act) in cast(plan) {
            let place = place(plan, link, name.role);
            let end = End::new(name, settings.clone(), recorder.clone(), stage.clone(), place.clone());
            let on_stage = stage.clone();
            let player = std::thread::Builder::new().name(name.to_string()).spawn_scoped(scope, move || {
                // Dropping a failed end's sockets lets the other end's calls return.
                let result = arrive(&place).and_then(|()| act(&end));
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

fn place(plan: &Plan, link: Option<&Link>, role: Role) -> Place {
    match (plan.side, link) {
        (Side::Both, Some(link)) => {
            let lossy = plan.link.as_ref().filter(|spec| spec.has_faults());
            let patience = lossy.map(|spec| DATAGRAM_LIMIT + 4 * spec.rtt() + 2 * plan.sending);
            Place::Linked { near: link.host(role).clone(), far: link.host(role.other()).clone(), patience }
        }
        (Side::Both, None) => Place::Loopback,
        (Side::Server(address) | Side::Client(address), _) => Place::Alone(address),
    }
}

/// The end's thread moves to the end's host.
fn arrive(place: &Place) -> anyhow::Result<()> {
    match place {
        Place::Linked { near, .. } => Ok(near.enter()?),
        Place::Loopback | Place::Alone(_) => Ok(()),
    }
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
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionRefused, ConnectionReset};
    let follows = |f: &Failure| match f.error.downcast_ref::<NetError>() {
        Some(NetError::Abandoned) => 2,
        Some(error) => {
            let hung_up = |kind| matches!(kind, BrokenPipe | ConnectionAborted | ConnectionRefused | ConnectionReset);
            u8::from(error.kind().is_some_and(hung_up))
        }
        None => 0,
    };
    failures.sort_by_key(follows);
    failures.into_iter().next()
}

fn impossible(trace: Trace, reason: Text, began: SystemTime, took: Duration) -> Outcome {
    let findings = Findings {
        claims: vec![],
        unjudged: vec![],
        limits: vec![],
        table: None,
        verdict: Verdict::NotPossibleHere(reason),
    };
    Outcome { summary: trace.summary(), trace, findings, failure: None, began, took }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::play::Ends;
    use crate::trace::Call;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;

    fn holds(j: &Judge) {
        j.claim("always", "always", "总是").that(true, Text::same("so"), Text::same("so"));
    }

    fn waits_for_ever(end: &End) -> anyhow::Result<()> {
        Ok(end.pass("never", Text::new("for ever", "永远"))?)
    }

    fn outcome(client: impl Fn(&End) -> Ends + Send + Sync + 'static) -> Outcome {
        let mut experiment = Experiment { judge: Arc::new(holds), ..Experiment::default() };
        experiment.client(client).server(waits_for_ever);
        let mut plan = Plan::new(experiment);
        plan.allowed.wait = WHOLE;
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
    fn a_scenario_that_needs_a_link_waits_no_longer_over_it_than_another() {
        let able = Plan::new(Experiment::default()).over(Spec::default());
        let only = Plan::new(Experiment { linked: Linked::Only, ..Experiment::default() });
        assert_eq!((only.allowed, &only.link), (able.allowed, &able.link));
        assert_eq!(only.over(Spec::default()).allowed, able.allowed);
        assert!(able.allowed.wait > LIMIT, "everything takes longer");
    }

    #[test]
    fn of_two_failures_the_first_is_named() {
        let named = |end, error| Failure { end: EndName::only(end), error };
        let follows = named(Role::Client, NetError::Abandoned.into());
        let cause = named(Role::Server, anyhow::anyhow!("the cause"));
        assert_eq!(first(vec![follows, cause]).map(|f| f.end.role), Some(Role::Server));
        let source = io::ErrorKind::ConnectionRefused.into();
        let follows = named(Role::Client, NetError::Call { call: Call::Connect, address: None, source }.into());
        let limit = LIMIT;
        let cause = named(Role::Server, NetError::Deadline { what: Text::new("a client", "客户端"), limit }.into());
        assert_eq!(first(vec![follows, cause]).map(|f| f.end.role), Some(Role::Server), "a listener that gave up");
    }

    /// A client that finds its first runs spoiled, `n` of them, when it is alone or else never alone; and a server that
    /// reads to the end.
    fn spoiled_at_first(n: usize, alone: bool) -> Experiment {
        let runs = AtomicUsize::new(0);
        let mut experiment = Experiment { judge: Arc::new(claims_hello), restarts: true, ..Experiment::default() };
        experiment.client(move |end| {
            let s = end.connect()?;
            if end.alone() == alone && runs.fetch_add(1, Ordering::Relaxed) < n {
                return Err(s.spoiled("too soon", "太早"));
            }
            s.send(b"hello")?;
            Ok(())
        });
        experiment.server(|end| Ok(end.listen()?.accept()?.recv_to_end(10)?));
        experiment
    }

    fn claims_hello(j: &Judge) {
        let first = j.recvs(Role::Server).just_first();
        j.claim("hello", "hello arrived", "hello 到了").of(&first).equal(
            ["M1"],
            [&*j.whole_messages(&first)],
            |[id]| Text::same(id),
        );
    }

    #[test]
    fn a_spoiled_run_is_begun_again_and_the_trace_has_the_last_one_and_says_why() {
        let outcome = run(&Plan::new(spoiled_at_first(2, false)));
        assert_eq!(outcome.findings.verdict, Verdict::Reproduced);
        assert_eq!(outcome.trace.restarts, [Text::new("too soon", "太早"), Text::new("too soon", "太早")]);
        assert_eq!(outcome.trace.calls(Role::Client, Call::Connect).count(), 1, "what was spoiled is not in it");
    }

    #[test]
    fn a_run_that_is_spoiled_every_time_is_no_verdict() {
        let outcome = run(&Plan::new(spoiled_at_first(usize::MAX, false)));
        let Verdict::NotPossibleHere(reason) = outcome.findings.verdict else { panic!("{outcome:?}") };
        assert!(reason.en.contains("too soon"), "{reason}");
    }

    #[test]
    fn two_lone_ends_begin_a_spoiled_run_again_together_at_one_address() {
        let (told, heard) = mpsc::channel();
        let experiment = spoiled_at_first(2, true);
        let lone = |side| Plan { side, ..Plan::new(experiment.clone()) };
        let mut server = lone(Side::Server((std::net::Ipv4Addr::LOCALHOST, 0).into()));
        server.announce = Some(Arc::new(move |address| told.send(address).expect("somebody waits")));
        let server = std::thread::spawn(move || run(&server));
        let client = run(&lone(Side::Client(heard.recv().expect("an address"))));
        let server = server.join().expect("no panic");
        assert_eq!(heard.try_recv(), Err(mpsc::TryRecvError::Disconnected), "it listens once, whatever is begun again");
        assert_eq!((client.exit(), server.exit()), (Exit::Done, Exit::Done), "{server:?}");
        assert_eq!((client.trace.restarts.len(), server.trace.restarts.len()), (2, 2));
        assert_eq!(server.findings.verdict, Verdict::Reproduced);
        let message = server.trace.messages.first().expect("the client's");
        assert!(message.inferred, "known from the rehearsal");
    }
}
