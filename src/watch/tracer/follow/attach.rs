//! A process that runs already: it is taken over as it is, every call of its stops it (a filter could not be taken away
//! again), and at the end it goes on as if nothing had been.

use super::super::super::interrupt;
use super::super::super::seen::{Id, Record};
use super::super::super::watching::Unwatchable;
use super::super::child::Started;
use super::super::ptrace::{self, Halt, Life};
use super::{Root, Thread, Tracer};
use std::collections::HashSet;
use std::io::{self, Write};

impl Tracer<'_> {
    /// Takes over a process with all its threads. What it had under way on its connections then cannot be placed.
    pub(super) fn attach(&mut self, pid: Id) -> Result<(), Unwatchable> {
        let refused = |error: io::Error| Unwatchable::Process(pid, error);
        self.seize(pid).map_err(refused)?;
        let stops = self.all_stopped();
        let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default().trim().to_owned();
        let started = Started::running(pid).map_err(refused)?;
        self.roots.push(Root { name, started, begun: true, how: None, asked_to: false });
        self.watched.program_of.insert(pid, 0);
        self.watched.attached = true;
        self.descriptors.started(pid);
        let sockets = self.descriptors.found(pid);
        self.astray.extend(sockets.iter().filter(|(_, queued)| *queued > 0).map(|(found, _)| found.socket.key));
        let sockets = sockets.into_iter().map(|(found, _)| found).collect();
        self.watched.seen.push(Record::Attached { pid, sockets });
        interrupt::attached(pid);
        if let Some(line) = &self.watching.announced {
            // Whoever reads it knows that nothing escapes from now on; if nobody does, it is no matter.
            let _ = writeln!(io::stderr(), "{line}");
        }
        stops.into_iter().try_for_each(|(tid, halt)| self.stopped(tid, halt))
    }

    /// Becomes the tracer of every thread; while one is taken over, another may come.
    fn seize(&mut self, pid: Id) -> io::Result<()> {
        loop {
            let known = self.threads.len();
            for tid in tasks(pid)? {
                if self.threads.contains_key(&tid) {
                    continue;
                }
                match ptrace::seize(tid, Life::Own) {
                    Ok(()) => drop(self.threads.insert(tid, Thread::new(pid, 0))),
                    Err(error) if error.raw_os_error() == Some(libc::ESRCH) && tid != pid => {}
                    Err(error) => return Err(error),
                }
            }
            if self.threads.len() == known {
                return Ok(());
            }
        }
    }

    /// Stops every thread; how each stopped is for later.
    fn all_stopped(&self) -> Vec<(Id, Halt)> {
        self.threads.keys().for_each(|tid| ptrace::interrupt(*tid));
        let mut left: HashSet<Id> = self.threads.keys().copied().collect();
        let mut stops = Vec::new();
        while !left.is_empty() {
            let Ok(Some((tid, halt))) = ptrace::wait(false) else { break };
            left.remove(&tid);
            stops.push((tid, halt));
        }
        stops
    }

    /// Is it time to let the process go?
    pub(super) fn is_to_go(&self) -> bool {
        self.watched.attached && (interrupt::came() || self.filled_us.is_some())
    }

    /// Lets every thread go, one of which has stopped so.
    pub(super) fn let_all_go(&mut self, tid: Id, halt: Halt) {
        let mut left: HashSet<Id> = self.threads.keys().copied().collect();
        let held: Vec<Id> = self.held.drain(..).map(|held| held.tid).collect();
        for tid in held {
            self.let_thread_go(tid, Halt::Nothing);
            left.remove(&tid);
        }
        self.let_thread_go(tid, halt);
        left.remove(&tid);
        left.iter().for_each(|tid| ptrace::interrupt(*tid));
        while !left.is_empty() {
            let Ok(Some((tid, halt))) = ptrace::wait(false) else { break };
            self.let_thread_go(tid, halt);
            left.remove(&tid);
        }
    }

    fn let_thread_go(&mut self, tid: Id, halt: Halt) {
        let call = self.threads.get_mut(&tid).and_then(|thread| thread.call.take());
        if let Some(before) = call.and_then(|entered| entered.before) {
            before.restore(tid);
        }
        let signal = match halt {
            // The interrupt's own.
            Halt::Signal(libc::SIGCONT) if interrupt::came() => 0,
            Halt::Signal(signal) => signal,
            _ => 0,
        };
        ptrace::detach(tid, signal);
    }
}

/// The threads of a process (proc(5)).
fn tasks(pid: Id) -> io::Result<Vec<Id>> {
    let names = std::fs::read_dir(format!("/proc/{pid}/task"))?;
    Ok(names.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect())
}
