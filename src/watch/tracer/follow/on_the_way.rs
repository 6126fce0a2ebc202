//! What becomes of datagrams on their way. One that is lost is never sent; one that goes twice is sent again, from the
//! program's own socket; one that is to come behind the next is sent behind it, from there, too.

use super::super::super::seen::{Id, Operation};
use super::super::call::Entered;
use super::super::calls::Shape;
use super::super::datagram::{HeldBack, SentDatagram, bind};
use super::super::late::{self, PeerState};
use super::super::owned::Descriptor;
use super::super::{decode, ptrace, registers, shorten};
use super::Tracer;
use crate::trace::{Proto, Struck};
use std::time::{Duration, Instant};

/// How long a datagram is held back for the next to pass it, while its sender waits for something; and the longest,
/// whatever it does.
const PATIENCE: Duration = Duration::from_millis(20);
const LONGEST: Duration = Duration::from_secs(1);

impl Tracer<'_> {
    /// A call is about to begin: what is held back for the thread's next datagram goes before any other call on a
    /// socket; and this one's own datagram has its fate.
    pub(super) fn sends_off(&mut self, tid: Id, entered: &mut Entered) {
        let none = self.watching.conditions.datagrams == Default::default();
        if none || !matches!(entered.descriptor, Descriptor::Socket(..)) {
            return;
        }
        let datagram = self.datagram(tid, entered);
        let passes = |held: &HeldBack, by: &SentDatagram| (held.datagram.from, held.datagram.to) == (by.from, by.to);
        self.let_go(|held| held.tid == tid && !datagram.as_ref().is_some_and(|by| passes(held, by)));
        let Some(datagram) = datagram else { return };
        let waits = self.held_back.iter().any(|held| passes(held, &datagram));
        let fate = self.deliveries.on_the_way(datagram.from, datagram.to);
        let fate = fate.filter(|fate| !(waits && *fate == Struck::Swapped));
        let waits = matches!(fate, Some(Struck::Lost | Struck::Swapped));
        if waits && !self.leave_out(tid, entered, &datagram) {
            return;
        }
        entered.struck = fate;
        match fate {
            Some(Struck::Swapped) => {
                let pid = self.threads[&tid].pid;
                let held = self.descriptors.socket(pid, entered.fd).map(|socket| HeldBack {
                    tid,
                    datagram,
                    socket,
                    since: Instant::now(),
                });
                self.held_back.extend(held);
            }
            _ => entered.datagram = Some(datagram),
        }
    }

    /// The one datagram that a call sends, if it sends one.
    fn datagram(&mut self, tid: Id, entered: &mut Entered) -> Option<SentDatagram> {
        let (Operation::Send, Descriptor::Socket(from, Proto::Udp)) = (entered.operation, entered.descriptor) else {
            return None;
        };
        // Only the beginning of one (udp(7)).
        if decode::flags(entered.shape, &entered.args) & libc::MSG_MORE != 0 {
            return None;
        }
        if entered.shape == Shape::Headers && entered.before.is_none() {
            entered.before = shorten::single(tid, &entered.args);
        }
        let socket = self.descriptors.socket(self.threads[&tid].pid, entered.fd)?;
        let peer = || socket.peer_addr().ok()?.as_socket();
        let to = decode::destination(tid, entered.shape, &entered.args).or_else(peer)?;
        let to = (to.ip().to_canonical(), to.port()).into();
        Some(SentDatagram { from, to, bytes: decode::given(tid, entered.shape, &entered.args)? })
    }

    /// The program believes that it was sent. As a send does, this gives the socket an address.
    fn leave_out(&mut self, tid: Id, entered: &Entered, datagram: &SentDatagram) -> bool {
        let socket = self.descriptors.socket(self.threads[&tid].pid, entered.fd);
        let bound = socket.is_some_and(|socket| bind(&socket).is_ok());
        let len = datagram.bytes.len() as u64;
        // Of several messages the call returns how many were sent, and beside each stands its length.
        let result = match entered.shape {
            Shape::Headers => ptrace::poke(tid, entered.args[1] + decode::HEADERS_LENGTH, len).map(|()| 1),
            _ => Ok(len),
        };
        bound && result.is_ok_and(|result| registers::skip(tid, result).is_ok())
    }

    /// The call has returned: a second copy goes, and what its datagram was to pass.
    pub(super) fn sent_off(&mut self, pid: Id, entered: &Entered, sent: bool) {
        let Some(datagram) = entered.datagram.as_ref().filter(|_| sent) else { return };
        if entered.struck == Some(Struck::Doubled) {
            if let Some(socket) = self.descriptors.socket(pid, entered.fd) {
                datagram.send(&socket);
            }
        }
        self.let_go(|held| (held.datagram.from, held.datagram.to) == (datagram.from, datagram.to));
    }

    /// Those that nothing passes go after a while.
    pub(super) fn let_late_go(&mut self) {
        let waits = |tid| late::doing(tid) != PeerState::Works;
        self.let_go(|held| match held.since.elapsed() {
            time if time >= LONGEST => true,
            time => time >= PATIENCE && waits(held.tid),
        });
    }

    pub(super) fn let_go(&mut self, which: impl Fn(&HeldBack) -> bool) {
        self.held_back.retain(|held| {
            let goes = which(held);
            if goes {
                held.datagram.send(&held.socket);
            }
            !goes
        });
    }
}
