//! A call from its entry to its return, and the records that are made of it.

use super::super::seen::{Id, Operation, SocketKey, SystemCall, Target};
use super::calls::{KnownCall, Shape};
use super::datagram::SentDatagram;
use super::decode::{self, MovedBytes};
use super::memory::{self, Area};
use super::owned::{self, Descriptor, Descriptors};
use super::piped;
use super::shorten::Before;
use crate::sys::errno;
use crate::trace::{Evidence, Proto, Struck};
use std::io;
use std::net::SocketAddr;

/// A thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Caller {
    pub(super) pid: Id,
    pub(super) tid: Id,
}

/// A call that was entered and has not returned.
#[derive(Debug)]
pub(super) struct Entered {
    pub(super) known: &'static KnownCall,
    pub(super) operation: Operation,
    pub(super) shape: Shape,
    pub(super) args: [u64; 6],
    /// The descriptor that it is about: its first, but for splice(2).
    pub(super) fd: i32,
    pub(super) t_us: u64,
    pub(super) descriptor: Descriptor,
    /// So many bytes instead of those it asked for.
    pub(super) allowed: Option<usize>,
    /// What it asked for, where that was changed.
    pub(super) before: Option<Before>,
    /// It was kept waiting.
    pub(super) held: bool,
    /// What becomes of the datagram that it sends.
    pub(super) struck: Option<Struck>,
    /// That datagram.
    pub(super) datagram: Option<SentDatagram>,
    /// Of a splice: what was in the pipe before it.
    piped: Option<Vec<u8>>,
    address: Option<SocketAddr>,
    /// Of a close: what the kernel said before it.
    evidence: Evidence,
}

/// What a call does, on which descriptor, which is this.
pub(super) struct Subject {
    pub(super) operation: Operation,
    pub(super) fd: i32,
    pub(super) descriptor: Descriptor,
}

/// The option that a setsockopt is about, and the value that it gives.
fn option(operation: Operation, args: &[u64; 6]) -> Operation {
    match operation {
        Operation::SetOption(..) => Operation::SetOption(args[1] as i32, args[2] as i32),
        Operation::Shutdown(_) => Operation::Shutdown(args[1] as i32),
        other => other,
    }
}

impl Entered {
    /// A call as it is entered.
    pub(super) fn new(
        caller: Caller,
        (known, shape): (&'static KnownCall, Shape),
        args: [u64; 6],
        Subject { operation, fd, descriptor }: Subject,
        descriptors: &mut Descriptors,
        t_us: u64,
    ) -> Entered {
        let address = match operation {
            Operation::Bind | Operation::Connect => {
                memory::address(caller.tid, Area { at: args[1], len: args[2] as usize })
            }
            _ => None,
        };
        let evidence = match (operation, descriptor) {
            (Operation::Close, Descriptor::Socket(_, proto)) => descriptors
                .socket(caller.pid, args[0] as i32)
                .map(|socket| owned::evidence(&socket, proto))
                .unwrap_or_default(),
            _ => Evidence::default(),
        };
        let operation = option(operation, &args);
        let (allowed, before, held, struck) = (None, None, false, None);
        let mut entered = Entered {
            known,
            operation,
            shape,
            args,
            fd,
            t_us,
            descriptor,
            allowed,
            before,
            held,
            struck,
            datagram: None,
            piped: None,
            address,
            evidence,
        };
        entered.piped = entered.in_pipe(caller, descriptors);
        entered
    }

    /// What is in the pipe that a splice moves from, or into.
    fn in_pipe(&self, caller: Caller, descriptors: &mut Descriptors) -> Option<Vec<u8>> {
        let pipe = match (self.shape, self.operation) {
            (Shape::Pipe, Operation::Send) => self.args[0],
            (Shape::Pipe, _) => self.args[2],
            _ => return None,
        };
        piped::content(&descriptors.duplicate(caller.pid, pipe as i32)?)
    }

    /// What a splice moved: what was at the front of its pipe, or came to the end of it.
    fn spliced(&self, caller: Caller, result: i64, descriptors: &mut Descriptors) -> MovedBytes {
        let moved = usize::try_from(result).ok();
        let n = moved.unwrap_or(0);
        let bytes = self.piped.as_ref().filter(|_| n > 0).and_then(|before| match self.operation {
            Operation::Send => before.get(..n).map(<[u8]>::to_vec),
            _ => {
                let after = self.in_pipe(caller, descriptors)?;
                (after.len() == before.len() + n).then(|| after[before.len()..].to_vec())
            }
        });
        MovedBytes { asked: self.args[4] as usize, moved, bytes: bytes.unwrap_or_default(), ..MovedBytes::default() }
    }

    /// The descriptor that the record is about, once the call returned this.
    fn fd(&self, result: i64) -> i32 {
        match self.operation {
            Operation::Socket | Operation::Accept | Operation::Duplicate if result >= 0 => result as i32,
            _ => self.fd,
        }
    }

    /// The records of a call that returned `result`: one for each message that it moved.
    pub(super) fn returned(
        &self,
        caller: Caller,
        result: i64,
        descriptors: &mut Descriptors,
        end_us: u64,
    ) -> Vec<SystemCall> {
        let fd = self.fd(result);
        let descriptor = if fd == self.fd && self.operation != Operation::Socket {
            self.descriptor
        } else {
            descriptors.forget(caller.pid, fd..=fd);
            descriptors.of(caller.pid, fd)
        };
        let Some((target, evidence, value)) = self.target(caller, fd, descriptor, descriptors) else {
            return Vec::new();
        };
        let sends = self.operation == Operation::Send;
        let mut moved = decode::moved(caller.tid, self.shape, &self.args, result, sends);
        if self.shape == Shape::Pipe {
            moved.push(self.spliced(caller, result, descriptors));
        }
        if self.shape == Shape::Plain {
            moved.push(MovedBytes {
                moved: usize::try_from(result).ok(),
                address: self.address,
                ..MovedBytes::default()
            });
        }
        let errno = |result: i64| errno::name(&io::Error::from_raw_os_error(-result as i32));
        let record = |one: MovedBytes| SystemCall {
            pid: caller.pid,
            tid: caller.tid,
            name: self.known.name,
            operation: self.operation,
            fd,
            target: target.clone(),
            t_us: self.t_us,
            end_us,
            asked: if matches!(self.operation, Operation::SetOption(..)) { self.given(caller.tid) } else { one.asked },
            outcome: match (one.moved, value) {
                (Some(_), Some(value)) => Ok(value),
                (Some(n), None) => Ok(n),
                (None, _) => Err(errno(result)),
            },
            bytes: one.bytes,
            untaken: one.untaken,
            address: one.address,
            truncated: one.truncated,
            datagram_len: one.datagram_len,
            peeked: self.operation == Operation::Receive
                && decode::flags(self.shape, &self.args) & (libc::MSG_PEEK | libc::MSG_ERRQUEUE) != 0,
            allowed: self.allowed,
            held: self.held,
            struck: self.struck,
            evidence,
        };
        moved.into_iter().map(record).collect()
    }

    /// The value that setsockopt was given.
    fn given(&self, tid: Id) -> usize {
        memory::int(tid, self.args[3]).and_then(|value| usize::try_from(value).ok()).unwrap_or(0)
    }

    /// What the descriptor is, what the kernel says about it, and the value that an option now has.
    fn target(
        &self,
        caller: Caller,
        fd: i32,
        descriptor: Descriptor,
        descriptors: &mut Descriptors,
    ) -> Option<(Target, Evidence, Option<usize>)> {
        let (key, proto) = match descriptor {
            Descriptor::Socket(key, proto) => (key, proto),
            Descriptor::Output => return Some((Target::Output, Evidence::default(), None)),
            Descriptor::ErrorOutput => return Some((Target::ErrorOutput, Evidence::default(), None)),
            Descriptor::Other => return None,
        };
        if self.operation == Operation::Close {
            let closed = owned::unnamed(key, proto);
            return Some((closed, self.evidence, None));
        }
        let Some(socket) = descriptors.socket(caller.pid, fd) else {
            return Some((owned::unnamed(key, proto), Evidence::default(), None));
        };
        let value = match self.operation {
            Operation::SetOption(level, name) => owned::value::<i32>(&socket, level, name),
            _ => None,
        };
        let value = value.and_then(|value| usize::try_from(value).ok());
        let silent = matches!(self.operation, Operation::Socket | Operation::Bind | Operation::Listen);
        let evidence = if silent { Evidence::default() } else { owned::evidence(&socket, proto) };
        Some((owned::seen(&socket, key, proto), evidence, value))
    }

    /// The stream that it moves bytes on.
    pub(super) fn stream(&self) -> Option<SocketKey> {
        match (self.operation, self.descriptor) {
            (Operation::Receive | Operation::Send, Descriptor::Socket(key, Proto::Tcp)) => Some(key),
            _ => None,
        }
    }
}
