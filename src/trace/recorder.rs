//! Collects events while the ends run. One short lock an event; nothing is computed here.

use super::provenance;
use super::{Act, EndName, Event, Message, MsgId, Opening, Part, Proto, Role, Sink, SockId, SocketInfo, Trace};
use crate::text::Text;
use std::borrow::Cow;
use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// Where the recorded sockets leave their events. Shared by every end of a run.
pub struct Recorder {
    began: Instant,
    recording: Mutex<Recording>,
}

#[derive(Default)]
struct Recording {
    trace: Trace,
    /// The bytes so far of messages that grow.
    growing: HashMap<MsgId, Vec<u8>>,
    /// The act each end is in; few, and in most runs none.
    acts: Vec<(EndName, usize)>,
    /// What the peer of each end's sockets will send, socket by socket; known to a lone end that has rehearsed.
    rehearsed: HashMap<EndName, VecDeque<Vec<Message>>>,
}

impl Recording {
    fn act_of(&self, end: EndName) -> Option<usize> {
        self.acts.iter().find(|(name, _)| *name == end).map(|(_, act)| *act)
    }

    /// Adds an event's bytes to the messages that grow; one that was known whole has them already.
    fn grow(&mut self, event: &Event) {
        let mut at = 0;
        for span in &event.spans {
            let bytes = &event.bytes[at..at + span.len];
            at += span.len;
            let Some(grown) = self.growing.get_mut(&span.msg).filter(|grown| grown.len() == span.offset) else {
                continue;
            };
            grown.extend_from_slice(bytes);
            let header_len = &mut self.trace.messages[span.msg.0 as usize - 1].header_len;
            if span.part == Part::Header && span.offset == *header_len {
                *header_len += span.len;
            }
        }
    }

    fn enters(&mut self, end: EndName, act: usize) {
        self.acts.retain(|(name, _)| *name != end);
        self.acts.push((end, act));
    }
}

impl Default for Recorder {
    fn default() -> Recorder {
        Recorder::new(vec![Role::Client, Role::Server])
    }
}

impl Recorder {
    /// A recorder for the ends of these roles; the clock starts now.
    pub fn new(roles: Vec<Role>) -> Recorder {
        let trace = Trace { roles, ..Trace::default() };
        Recorder { began: Instant::now(), recording: Mutex::new(Recording { trace, ..Recording::default() }) }
    }

    /// Where the run's clock stands at 0.
    pub fn began(&self) -> Instant {
        self.began
    }

    /// What this end does from now on belongs to this act.
    pub fn begins(&self, end: EndName, act: &Act) {
        let mut recording = self.lock();
        let acts = &mut recording.trace.acts;
        let place = acts.iter().position(|known| known.key == act.key).unwrap_or_else(|| {
            acts.push(act.clone());
            acts.len() - 1
        });
        recording.enters(end, place);
    }

    /// This end works in the act that the other one is in.
    pub fn joins(&self, end: EndName, other: EndName) {
        let mut recording = self.lock();
        if let Some(act) = recording.act_of(other) {
            recording.enters(end, act);
        }
    }

    /// Tells a lone end's recorder how the whole run goes, from a rehearsal of it.
    pub fn rehearse(&self, whole: &Trace) {
        self.lock().rehearsed = provenance::received_by_socket(whole);
    }

    /// Notes that an end opened a gate now, once more.
    pub fn opened(&self, end: EndName, gate: impl Into<Cow<'static, str>>) {
        let trace = &mut self.lock().trace;
        let gate = gate.into();
        let nth = trace.openings.iter().filter(|o| o.gate == gate).count() + 1;
        let after = trace.events.iter().filter(|e| e.end == end).count();
        trace.openings.push(Opening { gate, nth, end, after });
    }

    /// Takes the raw recording out; the recorder is empty afterwards.
    pub fn take(&self) -> Trace {
        let Recording { trace, growing, .. } = &mut *self.lock();
        for (id, bytes) in growing.drain() {
            trace.messages[id.0 as usize - 1].bytes = bytes.into();
        }
        let roles = trace.roles.clone();
        std::mem::replace(trace, Trace { roles, ..Trace::default() })
    }

    fn lock(&self) -> MutexGuard<'_, Recording> {
        // A panicking end must not hide what the other one recorded.
        self.recording.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sink for Recorder {
    fn micros(&self, moment: Instant) -> u64 {
        u64::try_from(moment.saturating_duration_since(self.began).as_micros()).unwrap_or(u64::MAX)
    }

    /// A lone end that has rehearsed knows what its peer will send on it.
    fn socket(&self, end: EndName, proto: Proto) -> SockId {
        let recording = &mut *self.lock();
        let foreseen = recording.rehearsed.get_mut(&end).and_then(VecDeque::pop_front).unwrap_or_default();
        let trace = &mut recording.trace;
        let mut expected = Vec::new();
        for message in foreseen {
            let id = MsgId(trace.messages.len() as u32 + 1);
            trace.messages.push(Message { id, inferred: true, ..message });
            expected.push(id);
        }
        let id = SockId(trace.sockets.len() as u32);
        trace.sockets.push(SocketInfo { id, end, proto, local: None, peer: None, expected });
        id
    }

    fn addresses(&self, sock: SockId, local: Option<SocketAddr>, peer: Option<SocketAddr>) {
        let trace = &mut self.lock().trace;
        let info = &mut trace.sockets[sock.0 as usize];
        info.local = local.or(info.local);
        info.peer = peer.or(info.peer);
    }

    /// The number is provisional until the trace is finished.
    fn message(&self, from: EndName, bytes: Arc<[u8]>, header_len: usize, label: Option<Text>) -> MsgId {
        let trace = &mut self.lock().trace;
        let id = MsgId(trace.messages.len() as u32 + 1);
        trace.messages.push(Message { id, from, bytes, header_len, label, inferred: false, passed: None });
        id
    }

    fn growing(&self, from: EndName, label: Option<Text>) -> MsgId {
        let id = self.message(from, [].into(), 0, label);
        self.lock().growing.insert(id, Vec::new());
        id
    }

    fn relabel(&self, msg: MsgId, label: Text) {
        self.lock().trace.messages[msg.0 as usize - 1].label = Some(label);
    }

    /// In the act its end is in.
    fn push(&self, mut event: Event) {
        let mut recording = self.lock();
        event.act = recording.act_of(event.end);
        recording.grow(&event);
        recording.trace.events.push(event);
    }
}
