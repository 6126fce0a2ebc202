//! The calls that stop a thread: what the conditions do to them on their way in, and the record of them on their way
//! out.

use super::super::super::conditions::{Conditions, Decision, Wish};
use super::super::super::seen::{Id, Operation, Record, SystemCall, Target};
use super::super::super::watching::Unwatchable;
use super::super::call::{Caller, Entered};
use super::super::calls::{self, KnownCall, Matter, Shape};
use super::super::late::Held;
use super::super::owned::{self, Descriptor};
use super::super::ptrace::{self, Go};
use super::super::{decode, registers};
use super::{MOST_BYTES, Tracer};
use crate::trace::Proto;

impl Tracer<'_> {
    pub(super) fn entry(&mut self, tid: Id) {
        match self.begun(tid) {
            Some(entered) => self.entered(tid, entered),
            None => ptrace::resume(tid, Go::On, 0),
        }
    }

    /// The call that a thread enters, if a record will be made of it.
    fn begun(&mut self, tid: Id) -> Option<Entered> {
        let (number, args) = ptrace::entry(tid).ok()?;
        let known = calls::of(number)?;
        let caller = Caller { pid: self.threads[&tid].pid, tid };
        match known.matter {
            Matter::Uring => self.watched.uring = true,
            Matter::CloseRange => self.close_range(caller, &args),
            Matter::Recorded(operation, shape) => return self.enter(caller, (known, operation, shape), args),
        }
        None
    }

    /// A call that is to be recorded; `None` when its descriptor is nothing that matters.
    fn enter(
        &mut self,
        caller: Caller,
        what: (&'static KnownCall, Operation, Shape),
        args: [u64; 6],
    ) -> Option<Entered> {
        let (known, operation, _) = what;
        let (first, second) = (args[0] as i32, args[1] as i32);
        if matches!(known.name, "dup2" | "dup3") && first != second {
            self.closed(caller, second);
        }
        let descriptor = match operation {
            Operation::Socket if matches!(first, libc::AF_INET | libc::AF_INET6) => Descriptor::Other,
            Operation::Socket => return None,
            _ => self.descriptors.of(caller.pid, first),
        };
        if operation == Operation::Close && !matches!(descriptor, Descriptor::Socket(..)) {
            self.descriptors.forget(caller.pid, first..=first);
            return None;
        }
        match (descriptor, operation) {
            (Descriptor::Other, Operation::Socket) | (Descriptor::Socket(..), _) => {}
            (Descriptor::Output | Descriptor::ErrorOutput, Operation::Send) => {}
            _ => return None,
        }
        let t_us = self.now_us();
        Some(Entered::new(caller, what, args, (descriptor, &mut self.descriptors), t_us))
    }

    /// Lets the call begin, as far as the conditions allow.
    fn entered(&mut self, tid: Id, mut entered: Entered) {
        let decision = self.decision(tid, &entered);
        let simple = matches!(entered.shape, Shape::Buffer | Shape::Addressed);
        entered.allowed = decision.allowed.filter(|most| simple && registers::set_third(tid, *most as u64).is_ok());
        entered.held = decision.hold;
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
        let (pid, fd) = (self.threads[&tid].pid, entered.args[0] as i32);
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
        let call = self.threads.get_mut(&tid).and_then(|thread| Some((thread.pid, thread.call.take()?)));
        let (Some((pid, entered)), Ok(result)) = (call, ptrace::result(tid)) else {
            ptrace::resume(tid, Go::On, 0);
            return Ok(());
        };
        if entered.allowed.is_some() {
            let _ = registers::set_third(tid, entered.args[2]);
        }
        // ERESTARTSYS and its kin are not results: the call is made again.
        if !(-516..=-512).contains(&result) {
            let end_us = self.now_us();
            let calls = entered.returned(Caller { pid, tid }, result, &mut self.descriptors, end_us);
            if entered.operation == Operation::Close {
                let fd = entered.args[0] as i32;
                self.descriptors.forget(pid, fd..=fd);
            }
            for call in calls {
                self.record(call)?;
            }
        }
        ptrace::resume(tid, Go::On, 0);
        Ok(())
    }

    fn record(&mut self, call: SystemCall) -> Result<(), Unwatchable> {
        self.deliveries.saw(&call);
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
        self.calls += 1;
        self.bytes += call.bytes.len();
        match self.calls <= self.watching.most_calls && self.bytes <= MOST_BYTES {
            true => self.watched.seen.push(Record::Call(Box::new(call))),
            false => self.watched.full = true,
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
