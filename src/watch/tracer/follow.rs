//! The tracer at work: every stop is answered at once, but for those of late receivers.

mod at_calls;
mod attach;
mod on_the_way;

use super::super::conditions::Deliveries;
use super::super::seen::{Id, ProcessEnd, Record, SocketKey};
use super::super::watching::{ProgramEnding, Programs, Unwatchable, Watched, Watching};
use super::call::Entered;
use super::child::{self, Program, StartError, Started};
use super::datagram::HeldBack;
use super::late::{self, Held, PeerState, Sides};
use super::network::Network;
use super::owned::Descriptors;
use super::ptrace::{self, Go, Halt};
use crate::sys::wait;
use std::collections::{HashMap, HashSet};
use std::ffi::CString;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

/// How far apart looks are, while something is waited for that no stop tells.
const TICK: Duration = Duration::from_micros(300);
/// A server that sleeps for so long after its client has gone is idle.
const IDLE: Duration = Duration::from_millis(30);
/// How long a server has to end when it is asked to.
const POLITE: Duration = Duration::from_secs(1);
/// The most bytes that are recorded in one run.
const MOST_BYTES: usize = 32 << 20;

/// A thread that is followed.
struct Thread {
    pid: Id,
    /// Which of the programs it belongs to.
    program: usize,
    call: Option<Entered>,
    /// A call that a signal interrupted: it is made again, or fails when the signal's handler returns.
    interrupted: Option<Entered>,
    /// It returns from a signal's handler.
    returning: bool,
}

impl Thread {
    fn new(pid: Id, program: usize) -> Thread {
        Thread { pid, program, call: None, interrupted: None, returning: false }
    }
}

/// A program that was started.
struct Root {
    name: String,
    started: Started,
    /// It became the program: its exec did not fail.
    begun: bool,
    how: Option<ProcessEnd>,
    asked_to: bool,
}

struct Tracer<'w> {
    watching: &'w Watching,
    began: Instant,
    threads: HashMap<Id, Thread>,
    /// Threads that stopped before their parent's stop told of them.
    early: HashSet<Id>,
    /// When the last thread of a process began to end.
    ending_us: HashMap<Id, u64>,
    roots: Vec<Root>,
    descriptors: Descriptors,
    deliveries: Deliveries,
    sides: Sides,
    held: Vec<Held>,
    /// Datagrams that the next is to pass.
    held_back: Vec<HeldBack>,
    /// Where a server listens, until there is a client.
    listening: Option<SocketAddr>,
    /// Since when the server is asleep without a client; and since when it was asked to end.
    idle: Option<Instant>,
    asked: Option<Instant>,
    looked: Instant,
    calls: usize,
    bytes: usize,
    /// When the last of them was recorded.
    filled_us: Option<u64>,
    /// Streams of which a piece could not be read: their bytes cannot be placed any more.
    astray: HashSet<SocketKey>,
    watched: Watched,
}

/// Runs programs to their end, and records what they do; times count from `began`.
///
/// # Errors
/// Why nothing was watched.
pub(crate) fn run(watching: &Watching, began: Instant) -> Result<Watched, Unwatchable> {
    let mut tracer = Tracer::new(watching, began);
    let first = match &watching.programs {
        Programs::One(words) => tracer.start(words.clone(), watching.open_input()?.map(OwnedFd::from)),
        Programs::Pair { server, .. } => tracer.start(server.clone(), None),
        Programs::Running(pid) => tracer.attach(*pid),
    };
    let followed = first.and_then(|()| tracer.follow());
    if followed.is_err() && !tracer.watched.attached {
        tracer.end_all(libc::SIGKILL);
        while ptrace::wait(false).is_ok() {}
    }
    followed.map(|()| tracer.watched)
}

fn refused(name: &str, error: StartError) -> Unwatchable {
    match error {
        StartError::Trace(error) => Unwatchable::Forbidden("ptrace", error),
        StartError::Filter(error) => Unwatchable::Forbidden("seccomp", error),
        StartError::Network(error) => Unwatchable::Network(error),
        StartError::Fork(error) => Unwatchable::Forbidden("fork", error),
        StartError::Program(error) => Unwatchable::Program(name.to_owned(), error),
    }
}

impl<'w> Tracer<'w> {
    fn new(watching: &'w Watching, began: Instant) -> Tracer<'w> {
        Tracer {
            watching,
            began,
            threads: HashMap::new(),
            early: HashSet::new(),
            ending_us: HashMap::new(),
            roots: Vec::new(),
            descriptors: Descriptors::default(),
            deliveries: Deliveries::new(watching.conditions.clone()),
            sides: Sides::default(),
            held: Vec::new(),
            held_back: Vec::new(),
            listening: None,
            idle: None,
            asked: None,
            looked: began,
            calls: 0,
            bytes: 0,
            filled_us: None,
            astray: HashSet::new(),
            watched: Watched::default(),
        }
    }

    fn now_us(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    fn start(&mut self, words: Vec<String>, input: Option<OwnedFd>) -> Result<(), Unwatchable> {
        let name = words.first().cloned().unwrap_or_default();
        let failed = |error: io::Error| Unwatchable::Program(name.clone(), error);
        let words = words.into_iter().map(CString::new).collect::<Result<_, _>>();
        let words = words.map_err(|_| failed(io::ErrorKind::InvalidInput.into()))?;
        let standard = self.standard(input).map_err(failed)?;
        let started = child::start(&Program { words, standard, network: self.network() })
            .map_err(|error| refused(&name, error))?;
        let (pid, program) = (started.pid, self.roots.len());
        self.threads.insert(pid, Thread::new(pid, program));
        self.watched.program_of.insert(pid, program);
        self.roots.push(Root { name, started, begun: false, how: None, asked_to: false });
        Ok(())
    }

    fn network(&self) -> Network {
        match (self.watching.isolated, self.roots.first()) {
            (false, _) => Network::Shared,
            (true, None) => Network::Own,
            (true, Some(server)) => Network::Joined(server.started.pid),
        }
    }

    /// A server's standard input is empty, so that it cannot eat the client's.
    fn standard(&self, input: Option<OwnedFd>) -> io::Result<[Option<OwnedFd>; 3]> {
        use super::super::watching::OutputTo;
        let nowhere = || std::fs::File::options().read(true).write(true).open("/dev/null").map(OwnedFd::from);
        let alone = matches!(self.watching.programs, Programs::One(_));
        let first = match (input, self.roots.is_empty() && !alone) {
            (None, true) => Some(nowhere()?),
            (input, _) => input,
        };
        Ok(match self.watching.outputs {
            OutputTo::Ours => [first, None, None],
            OutputTo::StandardError => [first, Some(io::stderr().as_fd().try_clone_to_owned()?), None],
            OutputTo::Nowhere => [first, Some(nowhere()?), Some(nowhere()?)],
        })
    }

    fn follow(&mut self) -> Result<(), Unwatchable> {
        loop {
            let pressed = self.is_pressed();
            match ptrace::wait(pressed) {
                Ok(Some((tid, stop))) if self.is_to_go() => {
                    self.let_all_go(tid, stop);
                    break;
                }
                Ok(Some((tid, stop))) => self.stopped(tid, stop)?,
                Ok(None) => wait::pause(TICK),
                Err(_) => break,
            }
            if pressed && self.looked.elapsed() >= TICK {
                self.looked = Instant::now();
                self.release();
                self.let_late_go();
                self.press();
            }
        }
        self.let_go(|_| true);
        // What goes on has no end.
        let ended = self.roots.iter().filter(|root| !self.watched.attached || root.how.is_some());
        let endings = ended.map(|root| ProgramEnding {
            name: root.name.clone(),
            how: root.how.unwrap_or(ProcessEnd::Signal(libc::SIGKILL)),
            asked_to: root.asked_to,
        });
        self.watched.endings = endings.collect();
        match &self.watching.programs {
            Programs::Pair { .. } if self.roots.len() == 1 => {
                Err(Unwatchable::NoServer(Box::new(std::mem::take(&mut self.watched))))
            }
            _ => Ok(()),
        }
    }

    /// Is something waited for that no stop tells?
    fn is_pressed(&self) -> bool {
        !self.held.is_empty() || !self.held_back.is_empty() || self.watching.limit.is_some() || self.server_is_left()
    }

    fn server_is_left(&self) -> bool {
        let kept = !matches!(self.watching.programs, Programs::Pair { keep: false, .. });
        !kept && self.roots.len() == 2 && self.roots[0].how.is_none() && self.roots[1].how.is_some()
    }

    /// Ends a server that is idle, and everything when the time is over.
    fn press(&mut self) {
        if self.watching.limit.is_some_and(|limit| self.began.elapsed() >= limit) && !self.watched.overdue {
            self.watched.overdue = true;
            self.end_all(libc::SIGKILL);
        }
        if !self.server_is_left() {
            return;
        }
        if let Some(asked) = self.asked {
            if asked.elapsed() >= POLITE {
                self.end_program(0, libc::SIGKILL);
            }
            return;
        }
        let server = self.threads.iter().filter(|(_, thread)| thread.program == 0);
        let works =
            server.map(|(tid, _)| late::doing(*tid)).any(|doing| matches!(doing, PeerState::Works | PeerState::Pauses));
        let since = *self.idle.get_or_insert_with(Instant::now);
        if works || !self.held.is_empty() {
            self.idle = None;
        } else if since.elapsed() >= IDLE {
            self.asked = Some(Instant::now());
            self.roots[0].asked_to = true;
            self.end_program(0, libc::SIGTERM);
        }
    }

    fn end_all(&self, signal: i32) {
        (0..self.roots.len()).for_each(|program| self.end_program(program, signal));
    }

    fn end_program(&self, program: usize, signal: i32) {
        let of = self.threads.values().filter(|thread| thread.program == program);
        for pid in of.map(|thread| thread.pid).collect::<HashSet<Id>>() {
            // SAFETY: kill takes no pointers. The process was not waited for yet, so its number is nobody else's.
            unsafe { libc::kill(pid, signal) };
        }
    }

    fn stopped(&mut self, tid: Id, stop: Halt) -> Result<(), Unwatchable> {
        if !self.threads.contains_key(&tid) && !matches!(stop, Halt::Gone(_)) {
            // Its parent's stop tells whose it is.
            self.early.insert(tid);
            return Ok(());
        }
        match stop {
            Halt::Gone(status) => return self.gone(tid, status),
            Halt::Entry => {
                self.entry(tid);
                return Ok(());
            }
            Halt::Exit if self.watched.attached && ptrace::enters(tid) => {
                self.entry(tid);
                return Ok(());
            }
            Halt::Exit => return self.exit(tid),
            Halt::Child => self.child(tid),
            Halt::Exec => self.exec(tid),
            Halt::Ending => {
                let now = self.now_us();
                self.ending_us.insert(self.threads[&tid].pid, now);
            }
            Halt::Group => {
                ptrace::resume(tid, Go::Stopped, 0);
                return Ok(());
            }
            Halt::Signal(signal) => {
                ptrace::resume(tid, self.way(tid), signal);
                return Ok(());
            }
            Halt::Nothing => {}
        }
        ptrace::resume(tid, self.way(tid), 0);
        Ok(())
    }

    fn way(&self, tid: Id) -> Go {
        match self.threads.get(&tid).is_some_and(|thread| thread.call.is_some() || thread.returning) {
            true => Go::ToExit,
            false => self.on(),
        }
    }

    /// How a thread goes on until its next call: without a filter every call is one.
    fn on(&self) -> Go {
        if self.watched.attached { Go::ToExit } else { Go::On }
    }

    /// A thread made a thread, or a process.
    fn child(&mut self, parent: Id) {
        let Ok(child) = ptrace::message(parent) else { return };
        let Thread { pid: of, program, .. } = self.threads[&parent];
        let pid = group(child).unwrap_or(child);
        self.threads.insert(child, Thread::new(pid, program));
        if pid == child {
            self.watched.program_of.insert(child, program);
            self.watched.seen.push(Record::Forked { parent: of, child });
        }
        if self.early.remove(&child) {
            ptrace::resume(child, self.on(), 0);
        }
    }

    /// A process became another program: its other threads are gone, and the one that did it has its number.
    fn exec(&mut self, pid: Id) {
        let program = self.threads[&pid].program;
        self.threads.retain(|_, thread| thread.pid != pid);
        self.threads.insert(pid, Thread::new(pid, program));
        let root = &mut self.roots[program];
        if root.started.pid == pid && !std::mem::replace(&mut root.begun, true) {
            self.descriptors.started(pid);
        }
        let sockets = self.descriptors.executed(pid);
        self.watched.seen.push(Record::Executed { pid, t_us: self.now_us(), sockets });
    }

    fn gone(&mut self, tid: Id, status: i32) -> Result<(), Unwatchable> {
        self.held.retain(|held| held.tid != tid);
        let Some(Thread { pid, program, .. }) = self.threads.remove(&tid) else { return Ok(()) };
        if pid != tid {
            return Ok(());
        }
        self.threads.retain(|_, thread| thread.pid != pid);
        self.descriptors.forget_process(pid);
        let how = match libc::WIFEXITED(status) {
            true => ProcessEnd::Status(libc::WEXITSTATUS(status)),
            false => ProcessEnd::Signal(libc::WTERMSIG(status)),
        };
        let end_us = self.now_us();
        let t_us = self.ending_us.remove(&pid).unwrap_or(end_us);
        self.watched.seen.push(Record::Over { pid, t_us, end_us, how });
        let root = &mut self.roots[program];
        if root.started.pid == pid {
            root.how = Some(how);
            if let (false, Some(error)) = (root.begun, root.started.trouble()) {
                return Err(refused(&root.name.clone(), error));
            }
        }
        Ok(())
    }

    /// The server can be reached: its client begins.
    fn start_client(&mut self) -> Result<(), Unwatchable> {
        let (Programs::Pair { client, .. }, 1, Some(at)) = (&self.watching.programs, self.roots.len(), self.listening)
        else {
            return Ok(());
        };
        let at = reachable(at);
        let fill = |word: &String| {
            let word = word.replace("{addr}", &at.to_string());
            word.replace("{host}", &at.ip().to_string()).replace("{port}", &at.port().to_string())
        };
        let words = client.iter().map(fill).collect();
        let input = self.watching.open_input()?.map(OwnedFd::from);
        self.start(words, input)
    }

    /// Lets those late receivers go for whom nothing more is under way.
    fn release(&mut self) {
        let mut held = std::mem::take(&mut self.held);
        let waiting: HashSet<Id> = held.iter().map(|one| one.tid).collect();
        held.retain_mut(|one| {
            let over = one.is_over(self.peer_state(one, &waiting), self.queued(one.tid));
            if over {
                ptrace::resume(one.tid, Go::ToExit, 0);
            }
            !over
        });
        self.held.extend(held);
    }

    fn queued(&mut self, tid: Id) -> u64 {
        let call = self.threads.get(&tid).and_then(|thread| Some((thread.pid, thread.call.as_ref()?.fd)));
        let socket = call.and_then(|(pid, fd)| self.descriptors.socket(pid, fd));
        socket.and_then(|socket| crate::net::statistics::queued(&socket)).map_or(0, u64::from)
    }

    /// What the other side of a late receiver is doing; these wait as it does.
    fn peer_state(&self, held: &Held, waiting: &HashSet<Id>) -> PeerState {
        match self.sides.peer_of(held.socket) {
            Some((_, true)) => PeerState::Gone,
            Some((tid, _)) if waiting.contains(&tid) => PeerState::Waits,
            Some((tid, _)) => match self.threads.get(&tid) {
                None => PeerState::Gone,
                Some(Thread { call: Some(_), .. }) if late::doing(tid) != PeerState::Works => PeerState::Waits,
                Some(_) => late::doing(tid),
            },
            None => PeerState::Unknown,
        }
    }
}

/// Where a client reaches a server that listens there: on every address means on this machine, too.
fn reachable(at: SocketAddr) -> SocketAddr {
    match at.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => (Ipv4Addr::LOCALHOST, at.port()).into(),
        IpAddr::V6(ip) if ip.is_unspecified() => (Ipv6Addr::LOCALHOST, at.port()).into(),
        _ => at,
    }
}

/// The process that a thread belongs to (proc(5): status).
fn group(tid: Id) -> Option<Id> {
    let status = std::fs::read_to_string(format!("/proc/{tid}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("Tgid:")?.trim().parse().ok())
}
