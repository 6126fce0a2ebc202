//! Collects events while the ends run. One short lock an event; nothing is computed here.

use super::{EndName, Event, Message, MsgId, Opening, Proto, Role, SockId, SocketInfo, Trace};
use crate::text::Text;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// Where the recorded sockets leave their events. Shared by every end of a run.
pub struct Recorder {
    began: Instant,
    trace: Mutex<Trace>,
}

impl Default for Recorder {
    fn default() -> Recorder {
        Recorder::new(vec![Role::Client, Role::Server])
    }
}

impl Recorder {
    /// A recorder for the ends of these roles; the clock starts now.
    pub fn new(roles: Vec<Role>) -> Recorder {
        Recorder { began: Instant::now(), trace: Mutex::new(Trace { roles, ..Trace::default() }) }
    }

    /// Where the run's clock stands at 0.
    pub fn began(&self) -> Instant {
        self.began
    }

    /// Microseconds since the run began.
    pub fn now_us(&self) -> u64 {
        self.began.elapsed().as_micros() as u64
    }

    /// Appends one event.
    pub fn push(&self, event: Event) {
        self.lock().events.push(event);
    }

    /// Declares a message; its number is provisional until the trace is finished.
    pub fn message(&self, from: EndName, bytes: Arc<[u8]>, header_len: usize, label: Option<Text>) -> MsgId {
        let mut trace = self.lock();
        let id = MsgId(trace.messages.len() as u32 + 1);
        trace.messages.push(Message { id, from, bytes, header_len, label, inferred: false });
        id
    }

    /// Registers a socket.
    pub fn socket(&self, end: EndName, proto: Proto) -> SockId {
        let mut trace = self.lock();
        let id = SockId(trace.sockets.len() as u32);
        trace.sockets.push(SocketInfo { id, end, proto, local: None, peer: None, expected: Vec::new() });
        id
    }

    /// Notes a socket's addresses once they are known; `None` leaves what is there.
    pub fn addresses(&self, sock: SockId, local: Option<SocketAddr>, peer: Option<SocketAddr>) {
        let mut trace = self.lock();
        let info = &mut trace.sockets[sock.0 as usize];
        info.local = local.or(info.local);
        info.peer = peer.or(info.peer);
    }

    /// Notes what the document says the peer sends next on this socket, for an end that runs alone.
    pub fn expect(&self, sock: SockId, from: EndName, bytes: &[u8], header_len: usize, label: Option<Text>) {
        let id = self.message(from, bytes.into(), header_len, label);
        let mut trace = self.lock();
        trace.messages[id.0 as usize - 1].inferred = true;
        trace.sockets[sock.0 as usize].expected.push(id);
    }

    /// Notes that an end opened a gate now. Opening an open gate changes nothing.
    pub fn opened(&self, end: EndName, gate: &'static str) {
        let mut trace = self.lock();
        if trace.openings.iter().any(|o| o.gate == gate) {
            return;
        }
        let after = trace.events.iter().filter(|e| e.end == end).count();
        trace.openings.push(Opening { gate, end, after });
    }

    /// Takes the raw recording out; the recorder is empty afterwards.
    pub fn take(&self) -> Trace {
        let roles = self.lock().roles.clone();
        std::mem::replace(&mut *self.lock(), Trace { roles, ..Trace::default() })
    }

    fn lock(&self) -> MutexGuard<'_, Trace> {
        // A panicking end must not hide what the other one recorded.
        self.trace.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
