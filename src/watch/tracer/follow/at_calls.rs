//! The calls that stop a thread: what the conditions do to them on their way in, and the record of them on their way
//! out.

use super::super::super::conditions::{Conditions, Decision, Wish};
use super::super::super::seen::{Id, Operation, Record, SocketSeen, SystemCall, Target};
use super::super::super::watching::{Programs, Unwatchable};
use super::super::call::{Caller, Entered, Subject};
use super::super::calls::{self, KnownCall, Matter, Shape};
use super::super::late::Held;
use super::super::owned::{self, Descriptor};
use super::super::ptrace::{self, Go};
use super::super::shorten::shorten;
use super::super::{decode, memory};
use super::{MOST_BYTES, Tracer};
use crate::trace::Proto;

impl Tracer<'_> {
    pub(super) fn entry(&mut self, tid: Id) {
        if self.only_runs() {
            self.watched.full = true;
            return ptrace::resume(tid, self.on(), 0);
        }
        match self.begun(tid) {
            Some(entered) => self.entered(tid, entered),
            None => ptrace::resume(tid, self.way(tid), 0),
        }
    }

    /// Everything that is recorded is, nothing is done to the calls, and no client waits for its server: the programs
    /// only run, as fast as they can.
    fn only_runs(&self) -> bool {
        let waits = matches!(self.watching.programs, Programs::Pair { .. }) && self.roots.len() == 1;
        self.filled_us.is_some() && self.watching.conditions == Conditions::default() && !waits
    }

    /// The call that a thread enters, if a record will be made of it.
    fn begun(&mut self, tid: Id) -> Option<Entered> {
        let (number, args) = ptrace::entry(tid).ok()?;
        let known = calls::of(number)?;
        // The filter stops at those of fcntl's commands that duplicate, and at no other.
        if known.name == "fcntl" && !matches!(args[1] as i32, libc::F_DUPFD | libc::F_DUPFD_CLOEXEC) {
            return None;
        }
        let caller = Caller { pid: self.threads[&tid].pid, tid };
        match known.matter {
            Matter::Uring => self.watched.uring = true,
            Matter::CloseRange => self.close_range(caller, &args),
            Matter::HandlerReturn => {
                let thread = self.threads.get_mut(&tid)?;
                thread.returning = thread.interrupted.is_some();
            }
            Matter::Recorded(operation, shape) => return self.enter(caller, (known, operation, shape), args),
        }
        None
    }

    /// What a call is about: of splice(2) the socket, and whether it goes there or comes from there.
    fn subject(&mut self, pid: Id, (operation, shape): (Operation, Shape), args: &[u64; 6]) -> Subject {
        let first = args[0] as i32;
        match (operation, shape) {
            (Operation::Socket, _) => Subject { operation, fd: first, descriptor: Descriptor::Other },
            (_, Shape::Pipe) => match (args[2] as i32, self.descriptors.of(pid, args[2] as i32)) {
                (fd, descriptor @ Descriptor::Socket(..)) => Subject { operation, fd, descriptor },
                _ => {
                    let descriptor = self.descriptors.of(pid, first);
                    Subject { operation: Operation::Receive, fd: first, descriptor }
                }
            },
            _ => Subject { operation, fd: first, descriptor: self.descriptors.of(pid, first) },
        }
    }

    /// A call that is to be recorded; `None` when its descriptor is nothing that matters.
    fn enter(
        &mut self,
        caller: Caller,
        what: (&'static KnownCall, Operation, Shape),
        args: [u64; 6],
    ) -> Option<Entered> {
        let (known, operation, shape) = what;
        let (first, second) = (args[0] as i32, args[1] as i32);
        if matches!(known.name, "dup2" | "dup3") && first != second {
            self.closed(caller, second);
        }
        let subject = self.subject(caller.pid, (operation, shape), &args);
        if operation == Operation::Close && !matches!(subject.descriptor, Descriptor::Socket(..)) {
            self.descriptors.forget(caller.pid, first..=first);
            return None;
        }
        match (subject.descriptor, subject.operation) {
            (_, Operation::Socket) if matches!(first, libc::AF_INET | libc::AF_INET6) => {}
            (Descriptor::Socket(..), _) => {}
            (Descriptor::Output | Descriptor::ErrorOutput, Operation::Send) => {}
            (Descriptor::Other, Operation::Send) if matches!(shape, Shape::Header | Shape::Headers) => {
                self.passes(caller, args[1]);
                return None;
            }
            _ => return None,
        }
        let again = self.threads.get_mut(&caller.tid).and_then(|thread| {
            let same = |before: &Entered| before.known.number == known.number && before.args == args;
            if thread.interrupted.as_ref().is_some_and(same) { thread.interrupted.take() } else { None }
        });
        let t_us = again.map_or_else(|| self.now_us(), |before| before.t_us);
        Some(Entered::new(caller, (known, shape), args, subject, &mut self.descriptors, t_us))
    }

    /// A message hands sockets to another process (unix(7)), which may be one that is not watched.
    fn passes(&mut self, caller: Caller, header: u64) {
        for fd in memory::passed(caller.tid, header) {
            if let Descriptor::Socket(key, _) = self.descriptors.of(caller.pid, fd) {
                self.watched.passed.push((caller.pid, key));
            }
        }
    }

    /// Lets the call begin, as far as the conditions allow.
    fn entered(&mut self, tid: Id, mut entered: Entered) {
        let decision = self.decision(tid, &entered);
        entered.before = decision.allowed.and_then(|most| shorten(tid, entered.shape, &entered.args, most));
        entered.allowed = decision.allowed.filter(|_| entered.before.is_some());
        entered.held = decision.hold;
        self.sends_off(tid, &mut entered);
        self.watched.paused |= decision.pause;
        let hold = decision.hold || decision.pause;
        if let (true, Some(socket)) = (hold, entered.stream()) {
            self.held.push(Held::new(tid, socket, decision.pause));
        }
        if let (Operation::Shutdown(libc::SHUT_WR | libc::SHUT_RDWR), Descriptor::Socket(key, _)) =
            (entered.operation, entered.descriptor)
        {
            self.sides.ended(key);
        }
        if let Some(thread) = self.threads.get_mut(&tid) {
            thread.call = Some(entered);
        }
        if !hold {
            ptrace::resume(tid, Go::ToExit, 0);
        }
    }

    /// What the conditions do to a call.
    fn decision(&mut self, tid: Id, entered: &Entered) -> Decision {
        let Some(socket) = entered.stream().filter(|_| self.watching.conditions != Conditions::default()) else {
            return Decision::default();
        };
        let flags = decode::flags(entered.shape, &entered.args);
        let sends = entered.operation == Operation::Send;
        let (pid, fd) = (self.threads[&tid].pid, entered.fd);
        let nonblocking =
            sends && self.descriptors.socket(pid, fd).is_some_and(|socket| owned::is_nonblocking(&socket));
        self.deliveries.decide(&Wish {
            socket,
            proto: Proto::Tcp,
            sends,
            nonblocking,
            asked: decode::asked(tid, entered.shape, &entered.args),
            all: flags & libc::MSG_WAITALL != 0,
            peeks: flags & libc::MSG_PEEK != 0,
        })
    }

    pub(super) fn exit(&mut self, tid: Id) -> Result<(), Unwatchable> {
        if self.threads.get_mut(&tid).is_some_and(|thread| std::mem::take(&mut thread.returning)) {
            self.handled(tid)?;
            ptrace::resume(tid, self.on(), 0);
            return Ok(());
        }
        let call = self.threads.get_mut(&tid).and_then(|thread| Some((thread.pid, thread.call.take()?)));
        let (Some((pid, entered)), Ok(result)) = (call, ptrace::result(tid)) else {
            ptrace::resume(tid, self.on(), 0);
            return Ok(());
        };
        if let Some(before) = &entered.before {
            before.restore(tid);
        }
        // ERESTARTSYS and its kin are not results: the call is made again, unless a handler's return says EINTR.
        if (-516..=-512).contains(&result) {
            if let Some(thread) = self.threads.get_mut(&tid) {
                thread.interrupted = Some(entered);
            }
        } else {
            let end_us = self.now_us();
            let calls = entered.returned(Caller { pid, tid }, result, &mut self.descriptors, end_us);
            self.sent_off(pid, &entered, result >= 0);
            if entered.operation == Operation::Close {
                let fd = entered.args[0] as i32;
                self.descriptors.forget(pid, fd..=fd);
            }
            for call in calls {
                self.record(call)?;
            }
        }
        ptrace::resume(tid, self.on(), 0);
        Ok(())
    }

    /// A signal's handler returned; when what it interrupted is not made again, that failed.
    fn handled(&mut self, tid: Id) -> Result<(), Unwatchable> {
        if ptrace::result(tid).ok() != Some(-i64::from(libc::EINTR)) {
            return Ok(());
        }
        let interrupted = self.threads.get_mut(&tid).and_then(|thread| Some((thread.pid, thread.interrupted.take()?)));
        let Some((pid, entered)) = interrupted else { return Ok(()) };
        let end_us = self.now_us();
        let failed = -i64::from(libc::EINTR);
        let calls = entered.returned(Caller { pid, tid }, failed, &mut self.descriptors, end_us);
        calls.into_iter().try_for_each(|call| self.record(call))
    }

    /// Is the stream that a call is about one of which a piece could not be read? Then its other end's is, too.
    fn is_astray(&mut self, call: &SystemCall) -> bool {
        let Target::Socket(SocketSeen { key, proto: Proto::Tcp, .. }) = call.target else { return false };
        let moves = matches!(call.operation, Operation::Send | Operation::Receive) && !call.peeked;
        if !moves {
            return false;
        }
        // With MSG_TRUNC, TCP throws the bytes away (tcp(7)).
        if call.datagram_len.is_some() || call.outcome.as_ref().is_ok_and(|moved| *moved != call.bytes.len()) {
            self.watched.unread = true;
            self.astray.insert(key);
            self.astray.extend(self.sides.other(key));
        }
        self.astray.contains(&key)
    }

    fn record(&mut self, call: SystemCall) -> Result<(), Unwatchable> {
        self.deliveries.saw(&call);
        if self.is_astray(&call) {
            return Ok(());
        }
        if let Target::Socket(socket) = &call.target {
            self.sides.used(socket.key, call.tid, socket.local.zip(socket.peer));
            let meets = match socket.proto {
                Proto::Tcp => call.operation == Operation::Listen,
                Proto::Udp => call.operation == Operation::Bind,
            };
            if meets && call.outcome.is_ok() && self.listening.is_none() {
                self.listening = socket.local;
                self.start_client()?;
            }
        }
        // A send that was under way when the last was recorded: its bytes may be among those that were received by then.
        let under_way = |us: u64| call.operation == Operation::Send && call.t_us <= us;
        if !self.filled_us.is_none_or(under_way) {
            self.watched.full = true;
            return Ok(());
        }
        self.calls += 1;
        self.bytes += call.bytes.len();
        self.watched.seen.push(Record::Call(Box::new(call)));
        if self.filled_us.is_none() && (self.calls >= self.watching.most_calls || self.bytes >= MOST_BYTES) {
            self.filled_us = Some(self.now_us());
        }
        Ok(())
    }

    /// A descriptor is about to be closed by something else than close(2).
    fn closed(&mut self, caller: Caller, fd: i32) {
        if let Descriptor::Socket(key, proto) = self.descriptors.of(caller.pid, fd) {
            let at = self.now_us();
            let call = SystemCall::made(caller.pid, Operation::Close, fd, owned::unnamed(key, proto));
            let call = SystemCall { tid: caller.tid, name: "close", t_us: at, end_us: at, ..call };
            self.watched.seen.push(Record::Call(Box::new(call)));
        }
        self.descriptors.forget(caller.pid, fd..=fd);
    }

    fn close_range(&mut self, caller: Caller, args: &[u64; 6]) {
        const CLOSE_ON_EXEC: u64 = 4;
        if args[2] & CLOSE_ON_EXEC != 0 {
            return;
        }
        let last = i32::try_from(args[1] as u32).unwrap_or(i32::MAX);
        for fd in self.descriptors.sockets(caller.pid, args[0] as i32..=last) {
            self.closed(caller, fd);
        }
        self.descriptors.forget(caller.pid, args[0] as i32..=last);
    }
}
