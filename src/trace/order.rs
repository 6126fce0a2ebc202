//! Causal order: an event stands after everything it depends on, whatever the clocks of two threads said.
//!
//! A receive returns before the sender's thread gets to read its clock, so sorting by time would show
//! effects before causes. Each end's own order is kept; across ends, bytes are received after they
//! are sent, an accept after its connect, end of stream after the close, a gate after its opening.
//! (L. Lamport, "Time, Clocks, and the Ordering of Events in a Distributed System", 1978.)

use super::{Call, EndName, Event, Fact, MsgId, Opening, Proto, Role, SockId, Tie, Trace, provenance};
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::net::SocketAddr;

/// Sorts the events and gives each its `seq`.
pub(super) fn sort(trace: &mut Trace, tie: Tie) {
    let mut lanes: BTreeMap<EndName, VecDeque<Event>> = BTreeMap::new();
    for event in std::mem::take(&mut trace.events) {
        lanes.entry(event.end).or_default().push_back(event);
    }
    let mut done = Done::new(trace, &lanes);
    while let Some(next) = done.choose(&lanes, tie) {
        let Some(mut event) = lanes.get_mut(&next).and_then(VecDeque::pop_front) else { break };
        done.note(&event);
        event.seq = trace.events.len() + 1;
        trace.events.push(event);
    }
}

/// Numbers the sockets in the order in which the (sorted) events first name them: which of two threads made
/// its socket first is chance.
pub(super) fn number_sockets(trace: &mut Trace) {
    let mut new: Vec<Option<u32>> = vec![None; trace.sockets.len()];
    let named = trace.events.iter().filter_map(|e| e.sock).chain(trace.sockets.iter().map(|s| s.id));
    let mut next = 0;
    for sock in named {
        if let Some(slot @ None) = new.get_mut(sock.0 as usize) {
            *slot = Some(next);
            next += 1;
        }
    }
    let renamed = |id: SockId| SockId(new.get(id.0 as usize).copied().flatten().unwrap_or(id.0));
    trace.events.iter_mut().for_each(|e| e.sock = e.sock.map(renamed));
    trace.sockets.iter_mut().for_each(|s| s.id = renamed(s.id));
    trace.sockets.sort_by_key(|s| s.id);
}

/// A datagram left.
fn is_datagram(event: &Event) -> bool {
    event.call.sends() && event.ok() && event.datagram_len.is_some()
}

/// The event after which others can reach its socket.
fn opens(proto: Proto, event: &Event) -> bool {
    let call = match proto {
        Proto::Tcp => Call::Listen,
        Proto::Udp => Call::Bind,
    };
    event.call == call && event.ok()
}

/// What has happened so far, as far as another end's next event may depend on it.
struct Done {
    peer_of: HashMap<SockId, SockId>,
    openings: Vec<Opening>,
    ever_closed: HashSet<SockId>,
    events: HashMap<EndName, usize>,
    sent: HashMap<SockId, usize>,
    received: HashMap<SockId, usize>,
    connected: HashMap<SockId, bool>,
    closed: HashSet<SockId>,
    /// Messages of which a datagram left, and of which one ever will have.
    sent_datagram: HashSet<MsgId>,
    ever_sent_datagram: HashSet<MsgId>,
    /// Addresses that some socket comes to listen on, or is bound to; true once it is.
    meeting: HashMap<(Proto, SocketAddr), bool>,
    local: HashMap<SockId, (Proto, SocketAddr)>,
    sent_to: HashMap<SocketAddr, usize>,
    ever_sent_to: HashMap<SocketAddr, usize>,
    taken: HashMap<SockId, usize>,
}

impl Done {
    fn new(trace: &Trace, lanes: &BTreeMap<EndName, VecDeque<Event>>) -> Done {
        let all = || lanes.values().flatten();
        let mut ever_closed = HashSet::new();
        let mut ever_sent_datagram = HashSet::new();
        let mut ever_sent_to = HashMap::new();
        for event in all() {
            if let (Call::Close | Call::Shutdown, Some(sock)) = (event.call, event.sock) {
                ever_closed.insert(sock);
            }
            if let (true, Some(handed)) = (is_datagram(event), event.handed) {
                ever_sent_datagram.insert(handed.msg);
            }
            if let (true, Some(address)) = (is_datagram(event), event.peer) {
                *ever_sent_to.entry(address).or_default() += 1;
            }
        }
        let local: HashMap<SockId, (Proto, SocketAddr)> =
            trace.sockets.iter().filter_map(|s| Some((s.id, (s.proto, s.local?)))).collect();
        let meets = |e: &&Event| e.sock.and_then(|sock| local.get(&sock)).is_some_and(|(proto, _)| opens(*proto, e));
        let meeting = all().filter(meets).filter_map(|e| e.sock).map(|sock| (local[&sock], false)).collect();
        let connecting = all().filter(|e| e.call == Call::Connect).filter_map(|e| e.sock);
        Done {
            peer_of: provenance::peers(&trace.sockets),
            openings: trace.openings.clone(),
            ever_closed,
            events: HashMap::new(),
            sent: HashMap::new(),
            received: HashMap::new(),
            connected: connecting.map(|sock| (sock, false)).collect(),
            closed: HashSet::new(),
            sent_datagram: HashSet::new(),
            ever_sent_datagram,
            meeting,
            local,
            sent_to: HashMap::new(),
            ever_sent_to,
            taken: HashMap::new(),
        }
    }

    fn note(&mut self, event: &Event) {
        *self.events.entry(event.end).or_default() += 1;
        if let (true, Some(handed)) = (is_datagram(event), event.handed) {
            self.sent_datagram.insert(handed.msg);
        }
        if let (true, Some(address)) = (is_datagram(event), event.peer) {
            *self.sent_to.entry(address).or_default() += 1;
        }
        let Some(sock) = event.sock else { return };
        if let Some(place) = self.local.get(&sock).filter(|(proto, _)| opens(*proto, event)) {
            self.meeting.insert(*place, true);
        }
        match event.call {
            Call::Send => *self.sent.entry(sock).or_default() += event.bytes.len(),
            Call::Recv => *self.received.entry(sock).or_default() += event.bytes.len(),
            Call::RecvFrom if event.ok() || event.truncated => *self.taken.entry(sock).or_default() += 1,
            Call::Connect => drop(self.connected.insert(sock, true)),
            Call::Close | Call::Shutdown => {
                self.closed.insert(sock);
            }
            _ => {}
        }
    }

    /// The lane whose next event may come now: the earliest, or with [`Tie::Lane`] the first.
    /// Should a cycle ever appear (it cannot, when events are true), the earliest is taken.
    fn choose(&self, lanes: &BTreeMap<EndName, VecDeque<Event>>, tie: Tie) -> Option<EndName> {
        let heads = || lanes.iter().filter_map(|(end, queue)| Some((*end, queue.front()?)));
        let ready = heads().filter(|(_, event)| self.ready(event));
        let earliest = |(end, event): &(EndName, &Event)| (event.moment_us(), *end);
        let chosen = match tie {
            Tie::Clock => ready.min_by_key(earliest),
            Tie::Lane => ready.min_by_key(|(end, _)| (end.role != Role::Client, end.index)),
        };
        chosen.or_else(|| heads().min_by_key(earliest)).map(|(end, _)| end)
    }

    fn ready(&self, event: &Event) -> bool {
        let gate = match event.fact {
            Some(Fact::Gate(gate)) => self.gate_open(gate),
            _ => true,
        };
        gate && self.destination_ready(event)
            && self.datagram_sent(event)
            && self.datagram_waits(event)
            && event.sock.is_none_or(|sock| self.socket_ready(event, sock))
    }

    /// A connect follows its listen, a datagram the bind of its receiver (if those were recorded).
    fn destination_ready(&self, event: &Event) -> bool {
        if !(event.call == Call::Connect || event.call.sends()) {
            return true;
        }
        let proto = event.sock.and_then(|sock| self.local.get(&sock)).map(|(proto, _)| *proto);
        let place = proto.zip(event.peer);
        place.and_then(|place| self.meeting.get(&place)).copied().unwrap_or(true)
    }

    fn gate_open(&self, gate: &str) -> bool {
        let opening = self.openings.iter().find(|o| o.gate == gate);
        opening.is_none_or(|o| self.events.get(&o.end).copied().unwrap_or(0) >= o.after)
    }

    fn datagram_sent(&self, event: &Event) -> bool {
        event.call != Call::RecvFrom
            || event
                .spans
                .iter()
                .all(|span| !self.ever_sent_datagram.contains(&span.msg) || self.sent_datagram.contains(&span.msg))
    }

    /// A wait for a datagram ends after one was sent here that is not yet read. Where none ever comes,
    /// what ended the wait was a refusal, which depends on no other end.
    fn datagram_waits(&self, event: &Event) -> bool {
        let Some((Fact::Readable, sock)) = event.fact.zip(event.sock) else { return true };
        let Some((_, address)) = self.local.get(&sock) else { return true };
        let count = |of: &HashMap<SocketAddr, usize>| of.get(address).copied().unwrap_or(0);
        let taken = self.taken.get(&sock).copied().unwrap_or(0);
        count(&self.ever_sent_to) <= taken || count(&self.sent_to) > taken
    }

    fn socket_ready(&self, event: &Event, sock: SockId) -> bool {
        let Some(peer) = self.peer_of.get(&sock) else { return true };
        let sent = self.sent.get(peer).copied().unwrap_or(0);
        let received = self.received.get(&sock).copied().unwrap_or(0);
        let peer_closed = || !self.ever_closed.contains(peer) || self.closed.contains(peer);
        match (event.call, event.fact) {
            (Call::Accept, _) => self.connected.get(peer).copied().unwrap_or(true),
            (Call::Recv, _) if !event.bytes.is_empty() => sent >= received + event.bytes.len(),
            (Call::Recv, _) if event.returned == Some(0) && event.asked != Some(0) => peer_closed(),
            (_, Some(Fact::Queued(n))) if event.ok() => sent >= received + n,
            (_, Some(Fact::PeerGone)) => peer_closed(),
            _ if matches!(event.error.as_deref(), Some("ECONNRESET" | "EPIPE" | "WSAECONNRESET")) => peer_closed(),
            _ => true,
        }
    }
}
