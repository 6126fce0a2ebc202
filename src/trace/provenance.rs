//! Exact provenance: which message, and which part of it, every received byte came from.
//!
//! A stream keeps, in order, the runs of message bytes the sender put into it; a received range, and what a
//! segment carries, is cut out of that. Datagrams are matched whole: by flow and content, in the order in
//! which they arrived, else in the order of sending. Everything is a pure function of the recording, in time
//! linear in events, packets and spans (and the logarithm of their number).

use super::connections::Connections;
use super::datagrams::DatagramFlows;
use super::packet::Packet;
use super::written::{Written, append};
use super::{Call, EndName, Event, Message, MsgId, Part, Proto, SockId, SocketInfo, Span, Trace};
use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;

/// Fills in `spans` of every data event, of every hand-over and of every packet.
pub(super) fn map(trace: &mut Trace) {
    let mut streams = Streams::pair(&trace.sockets);
    let mut flows = DatagramFlows::default();
    for event in trace.events.iter_mut().filter(|e| e.call.sends()) {
        let Some(handed) = event.handed else { continue };
        let message = &trace.messages[handed.msg.0 as usize - 1];
        // A source that framed the stream has told: its send may hold several frames.
        if event.spans.is_empty() {
            event.spans = message.spans(handed.offset..handed.offset + event.bytes.len()).collect();
        }
        let Some(sock) = event.sock else { continue };
        match trace.sockets[sock.0 as usize].proto {
            Proto::Tcp => streams.wrote(sock, &event.spans),
            Proto::Udp if event.ok() => flows.sent(&trace.sockets[sock.0 as usize], event),
            Proto::Udp => {}
        }
    }
    let connections = Connections::of(trace);
    let Trace { events, messages, sockets, packets, .. } = trace;
    label(packets, &connections, &streams.written);
    flows.carry(packets);
    let mut strangers = Strangers { messages };
    for event in events.iter_mut().filter(|e| e.call.receives() || e.call == Call::Deliver) {
        let Some(sock) = event.sock else { continue };
        let info = &sockets[sock.0 as usize];
        event.spans = match (event.call, info.proto) {
            (Call::Deliver, _) if !event.spans.is_empty() => continue,
            (Call::Deliver, _) => streams.delivered(sock, event.bytes.len()),
            (_, Proto::Tcp) => streams.read(info, &event.bytes, &mut strangers),
            (_, Proto::Udp) if event.returned.is_some() || !event.bytes.is_empty() => {
                let spans = flows.received(info, event).unwrap_or_else(|| strangers.datagram(info, event));
                streams.consumed(sock, &spans);
                spans
            }
            (_, Proto::Udp) => Vec::new(),
        };
    }
}

/// A segment carries the bytes of its sender's stream from its relative number on: the first has number 1.
fn label(packets: &mut [Packet], connections: &Connections, written: &HashMap<SockId, Written>) {
    for (place, packet) in packets.iter_mut().enumerate() {
        let Some((way, segment)) = connections.way(place).zip(packet.segment()) else { continue };
        let Some(stream) = connections.sender(way).and_then(|sock| written.get(&sock)) else { continue };
        if let (Some(start), true) = (segment.seq.checked_sub(1), packet.payload_len > 0) {
            let start = start as usize;
            packet.spans = stream.range(start..start + packet.payload_len);
        }
    }
}

/// Numbers the messages in the order in which they first appear in the (causally ordered) events.
pub(super) fn number(trace: &mut Trace) {
    let mut new: Vec<Option<u32>> = vec![None; trace.messages.len()];
    let mut next = 1;
    let mut name = |id: MsgId| {
        let slot = &mut new[id.0 as usize - 1];
        if slot.is_none() {
            *slot = Some(next);
            next += 1;
        }
    };
    for event in &trace.events {
        if let Some(handed) = event.handed {
            name(handed.msg);
        }
        event.spans.iter().for_each(|s| name(s.msg));
    }
    trace.messages.iter().for_each(|m| name(m.id));
    let renamed = |id: MsgId| MsgId(new[id.0 as usize - 1].unwrap_or(id.0));
    for event in &mut trace.events {
        if let Some(handed) = &mut event.handed {
            handed.msg = renamed(handed.msg);
        }
        event.spans.iter_mut().for_each(|s| s.msg = renamed(s.msg));
    }
    for packet in &mut trace.packets {
        packet.spans.iter_mut().for_each(|s| s.msg = renamed(s.msg));
    }
    for message in &mut trace.messages {
        message.id = renamed(message.id);
    }
    for socket in &mut trace.sockets {
        socket.expected.iter_mut().for_each(|id| *id = renamed(*id));
    }
    trace.messages.sort_by_key(|m| m.id);
}

/// Pairs each TCP socket with the one at the other side of its connection, if that one was recorded:
/// the k-th socket with addresses (a, b) belongs to the k-th with (b, a).
pub(crate) fn peers(sockets: &[SocketInfo]) -> HashMap<SockId, SockId> {
    let mut by_addresses: HashMap<(SocketAddr, SocketAddr), VecDeque<SockId>> = HashMap::new();
    let connected = |s: &SocketInfo| (s.proto == Proto::Tcp).then_some(()).and(s.local).zip(s.peer);
    for socket in sockets {
        if let Some(key) = connected(socket) {
            by_addresses.entry(key).or_default().push_back(socket.id);
        }
    }
    let mut pairs = HashMap::new();
    for socket in sockets {
        let Some((local, peer)) = connected(socket) else { continue };
        if let Some(other) = by_addresses.get_mut(&(peer, local)).and_then(VecDeque::pop_front) {
            pairs.insert(socket.id, other);
        }
    }
    pairs
}

/// The messages that were sent to each end's sockets, socket by socket in the order in which the end opened them.
pub(super) fn received_by_socket(trace: &Trace) -> HashMap<EndName, VecDeque<Vec<Message>>> {
    let pairs = peers(&trace.sockets);
    let mut by_end: HashMap<EndName, VecDeque<Vec<Message>>> = HashMap::new();
    for socket in &trace.sockets {
        let to_it = |e: &&Event| match socket.proto {
            Proto::Tcp => e.sock.is_some() && e.sock == pairs.get(&socket.id).copied(),
            Proto::Udp => e.peer.is_some() && e.peer == socket.local,
        };
        let sends = trace.events.iter().filter(|e| e.call.sends()).filter(to_it);
        let mut ids: Vec<MsgId> = sends.filter_map(|e| e.handed).map(|handed| handed.msg).collect();
        ids.dedup();
        let messages = ids.into_iter().filter_map(|id| trace.message(id).cloned()).collect();
        by_end.entry(socket.end).or_default().push_back(messages);
    }
    by_end
}

/// Runs that are read from the front.
#[derive(Default)]
struct Ledger {
    runs: VecDeque<Span>,
}

impl Ledger {
    /// Cuts the next `want` bytes off the front; returns fewer when fewer were written.
    fn cut(&mut self, mut want: usize) -> Vec<Span> {
        let mut out: Vec<Span> = Vec::new();
        while want > 0 {
            let Some(run) = self.runs.front_mut() else { break };
            let take = run.len.min(want);
            append(&mut out, Span { len: take, ..*run });
            run.offset += take;
            run.len -= take;
            want -= take;
            if run.len == 0 {
                self.runs.pop_front();
            }
        }
        out
    }
}

#[derive(Default)]
struct Streams {
    peer_of: HashMap<SockId, SockId>,
    written: HashMap<SockId, Written>,
    /// How far each socket has read what its peer wrote.
    read: HashMap<SockId, usize>,
    /// What an unrecorded peer writes, by the socket that reads it.
    promised: HashMap<SockId, Ledger>,
    expected: HashMap<SockId, VecDeque<MsgId>>,
    taken: HashMap<SockId, VecDeque<Span>>,
}

impl Streams {
    fn pair(sockets: &[SocketInfo]) -> Streams {
        let expected = sockets.iter().map(|s| (s.id, s.expected.iter().copied().collect())).collect();
        Streams { peer_of: peers(sockets), expected, ..Streams::default() }
    }

    fn wrote(&mut self, sock: SockId, spans: &[Span]) {
        self.written.entry(sock).or_default().add(spans);
    }

    fn read(&mut self, info: &SocketInfo, bytes: &[u8], strangers: &mut Strangers) -> Vec<Span> {
        let mut spans = match self.peer_of.get(&info.id) {
            Some(writer) => {
                let at = self.read.entry(info.id).or_default();
                let range = *at..*at + bytes.len();
                *at = range.end;
                self.written.get(writer).map(|stream| stream.range(range)).unwrap_or_default()
            }
            None => self.read_alone(info.id, bytes, strangers),
        };
        let known: usize = spans.iter().map(|s| s.len).sum();
        if known < bytes.len() {
            spans.extend(strangers.stream(info, &bytes[known..]));
        }
        self.consumed(info.id, &spans);
        spans
    }

    /// A lone end: as long as the bytes agree with what the document's peer sends, they are its messages.
    fn read_alone(&mut self, sock: SockId, bytes: &[u8], strangers: &Strangers) -> Vec<Span> {
        let ledger = self.promised.entry(sock).or_default();
        let pending = self.expected.entry(sock).or_default();
        let mut out = Vec::new();
        let mut at = 0;
        while at < bytes.len() {
            if ledger.runs.is_empty() {
                let Some(next) = pending.pop_front() else { break };
                let message = strangers.get(next);
                ledger.runs.extend(message.spans(0..message.bytes.len()).filter(|s| s.len > 0));
                continue;
            }
            let run = ledger.runs[0];
            let take = run.len.min(bytes.len() - at);
            let agrees = strangers.get(run.msg).bytes[run.offset..run.offset + take] == bytes[at..at + take];
            if !agrees {
                pending.clear();
                ledger.runs.clear();
                break;
            }
            out.extend(ledger.cut(take));
            at += take;
        }
        out
    }

    fn consumed(&mut self, sock: SockId, spans: &[Span]) {
        self.taken.entry(sock).or_default().extend(spans);
    }

    /// The last `len` bytes taken since the hand-over before; what came before them was header.
    fn delivered(&mut self, sock: SockId, len: usize) -> Vec<Span> {
        let taken = self.taken.entry(sock).or_default();
        // An empty body leaves no run of its own; the header before it says whose it is.
        if let (0, Some(Span { msg, offset, len, part: Part::Header })) = (len, taken.back().copied()) {
            taken.clear();
            return vec![Span { msg, offset: offset + len, len: 0, part: Part::Body }];
        }
        let all: usize = taken.iter().map(|s| s.len).sum();
        let mut ledger = Ledger { runs: std::mem::take(taken) };
        ledger.cut(all.saturating_sub(len));
        ledger.runs.into()
    }
}

/// Messages whose sending nobody recorded.
struct Strangers<'a> {
    messages: &'a mut Vec<Message>,
}

impl Strangers<'_> {
    fn get(&self, id: MsgId) -> &Message {
        &self.messages[id.0 as usize - 1]
    }

    fn far(info: &SocketInfo) -> EndName {
        EndName::only(info.end.role.other())
    }

    fn add(&mut self, from: EndName, bytes: &[u8]) -> MsgId {
        let id = MsgId(self.messages.len() as u32 + 1);
        let bytes = bytes.into();
        self.messages.push(Message { id, from, bytes, header_len: 0, label: None, inferred: true, passed: None });
        id
    }

    /// Stream bytes of unknown origin: each read is all that one can name.
    fn stream(&mut self, info: &SocketInfo, bytes: &[u8]) -> Option<Span> {
        let msg = self.add(Self::far(info), bytes);
        Some(Span { msg, offset: 0, len: bytes.len(), part: Part::Body })
    }

    /// A datagram of unknown origin is a message of its own; of an expected one the document knows the rest.
    fn datagram(&mut self, info: &SocketInfo, event: &Event) -> Vec<Span> {
        let expected = info.expected.iter().copied().find(|id| {
            let message = self.get(*id);
            message.bytes.starts_with(&event.bytes) && (event.truncated || message.bytes.len() == event.bytes.len())
        });
        let msg = expected.unwrap_or_else(|| self.add(Self::far(info), &event.bytes));
        self.get(msg).spans(0..event.bytes.len()).collect()
    }
}

#[cfg(test)]
mod tests {
    use crate::trace::{Call, EndName, Event, Handed, MsgId, Proto, Recorder, Role, Sink, SockId, Tie};

    fn data(sock: SockId, call: Call, bytes: &[u8], handed: Option<MsgId>) -> Event {
        let mut event = Event::new(EndName::only(Role::Client), call);
        event.sock = Some(sock);
        event.returned = Some(bytes.len());
        event.bytes = bytes.to_vec();
        event.handed = handed.map(|msg| Handed { msg, offset: 0 });
        event
    }

    const CLIENT: EndName = EndName::only(Role::Client);
    const SERVER: EndName = EndName::only(Role::Server);

    /// A lone client that has rehearsed, and its socket: the server sends it these messages, of which so many bytes are
    /// the header.
    fn rehearsed(messages: &[(&[u8], usize)]) -> (Recorder, SockId) {
        let whole = Recorder::new(vec![Role::Client, Role::Server]);
        let (here, there) = (([127, 0, 0, 1], 1).into(), ([127, 0, 0, 1], 2).into());
        whole.addresses(whole.socket(CLIENT, Proto::Tcp), Some(here), Some(there));
        let sock = whole.socket(SERVER, Proto::Tcp);
        whole.addresses(sock, Some(there), Some(here));
        for (bytes, header_len) in messages {
            let message = whole.message(SERVER, (*bytes).into(), *header_len, None);
            whole.push(Event { end: SERVER, ..data(sock, Call::Send, bytes, Some(message)) });
        }
        let recorder = Recorder::new(vec![Role::Client]);
        recorder.rehearse(&whole.take().finish(Tie::Lane));
        let sock = recorder.socket(CLIENT, Proto::Tcp);
        (recorder, sock)
    }

    #[test]
    fn an_empty_message_takes_no_place_in_a_stream() {
        let (recorder, sock) = rehearsed(&[(b"", 0), (b"x", 0)]);
        recorder.push(data(sock, Call::Recv, b"x", None));
        let trace = recorder.take().finish(Tie::Lane);
        assert_eq!(trace.events[0].spans.len(), 1);
        assert_eq!(&*trace.message(trace.events[0].spans[0].msg).expect("a message").bytes, b"x");
    }

    #[test]
    fn an_empty_body_is_delivered_whole() {
        let (recorder, sock) = rehearsed(&[(b"0", 1)]);
        recorder.push(data(sock, Call::Recv, b"0", None));
        recorder.push(data(sock, Call::Deliver, b"", None));
        let trace = recorder.take().finish(Tie::Lane);
        assert_eq!(trace.exactly_one(&trace.events[1]), Some(MsgId(1)));
        assert_eq!(trace.summary().messages_intact, 1);
    }

    #[test]
    fn a_lone_end_that_asks_still_knows_its_answers() {
        let (recorder, sock) = rehearsed(&[(b"4body", 1)]);
        let command = recorder.message(CLIENT, b"ls".as_slice().into(), 0, None);
        recorder.push(data(sock, Call::Send, b"ls", Some(command)));
        recorder.push(data(sock, Call::Recv, b"4", None));
        recorder.push(data(sock, Call::Recv, b"body", None));
        recorder.push(data(sock, Call::Deliver, b"body", None));
        let trace = recorder.take().finish(Tie::Lane);
        let spans: Vec<_> = trace
            .events
            .iter()
            .map(|e| e.spans.iter().map(|s| (s.msg.0, s.offset, s.len)).collect())
            .collect::<Vec<Vec<_>>>();
        assert_eq!(spans, [[(1, 0, 2)], [(2, 0, 1)], [(2, 1, 4)], [(2, 1, 4)]]);
        assert_eq!(trace.exactly_one(&trace.events[3]), Some(MsgId(2)));
    }

    #[test]
    fn a_lone_end_believes_the_bytes_and_not_the_page() {
        let (recorder, sock) = rehearsed(&[(b"hello", 0)]);
        recorder.push(data(sock, Call::Recv, b"hallo", None));
        recorder.push(data(sock, Call::Recv, b"hello", None));
        let trace = recorder.take().finish(Tie::Lane);
        for event in &trace.events {
            let [span] = event.spans[..] else { panic!("{:?}", event.spans) };
            let message = trace.message(span.msg).expect("a message");
            assert!(message.inferred && *message.bytes == *event.bytes, "{message:?}");
        }
    }
}
