//! The calls of watched programs as events, into the one [`Sink`]: what a recorded socket would have left.

use super::frames::FramedStream;
use super::seen::{Operation, Record, SocketKey, SystemCall, Target};
use super::who::WhoIsWho;
use crate::framing::Framing;
use crate::say;
use crate::text::Text;
use crate::trace::{Call, EndName, Event, Evidence, Handed, MsgId, Part, Proto, Sink, SockId, Span};
use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;

/// Leaves the events of what was seen; with a framing, each frame is a message, without one each send.
pub fn events(seen: &[Record], ends: &WhoIsWho, framing: Option<&dyn Framing>, sink: &impl Sink) {
    let mut source = CallSource { ends, sink, sockets: HashMap::new(), streams: HashMap::new(), made: Vec::new() };
    source.meet(seen);
    if let Some(framing) = framing {
        source.cut(seen, framing);
    }
    for (at, one) in seen.iter().enumerate() {
        if let Record::Call(call) = one {
            source.call(at, call, framing.is_some());
        }
    }
    source.close(seen);
    source.made.sort_by_key(Event::moment_us);
    joined(source.made).into_iter().for_each(|event| sink.push(event));
}

/// What an end prints in pieces, with nothing of its own in between, is printed at once.
fn joined(events: Vec<Event>) -> Vec<Event> {
    let mut last: HashMap<EndName, usize> = HashMap::new();
    let mut joined: Vec<Event> = Vec::new();
    for event in events {
        let before = last.get(&event.end).map(|at| &mut joined[*at]);
        match before {
            Some(before) if goes_on(before, &event) => {
                before.made.extend(event.made);
                before.returned = Some(before.made.len());
                before.end_us = event.end_us;
            }
            _ => {
                last.insert(event.end, joined.len());
                joined.push(event);
            }
        }
    }
    joined
}

fn goes_on(before: &Event, event: &Event) -> bool {
    let printed = |event: &Event| event.call == Call::Print && event.ok();
    printed(before) && printed(event) && before.note == event.note
}

/// One socket on its way through the records.
struct SocketState {
    id: SockId,
    end: EndName,
    proto: Proto,
    /// The message that is being sent: which, how much of it was taken, and what was offered and not taken.
    sending: Option<(MsgId, usize, Vec<u8>)>,
    /// How many bytes it sent, and received.
    sent: usize,
    received: usize,
    peer: Option<SocketAddr>,
    local: Option<SocketAddr>,
    /// Its connection came about, however its connect ended.
    connected: bool,
    /// What the kernel said last.
    evidence: Evidence,
}

struct CallSource<'a, S: Sink> {
    ends: &'a WhoIsWho,
    sink: &'a S,
    sockets: HashMap<SocketKey, SocketState>,
    /// The frames of each direction, by the socket that sends.
    streams: HashMap<SocketKey, FramedStream>,
    made: Vec<Event>,
}

impl<S: Sink> CallSource<'_, S> {
    /// Registers every socket that takes part, in the order in which each is first seen, with its addresses.
    fn meet(&mut self, seen: &[Record]) {
        let met_at = met_at(seen);
        for call in seen.iter().filter_map(call) {
            let Target::Socket(socket) = &call.target else { continue };
            let Some(end) = self.ends.end(socket.key) else { continue };
            let sink = self.sink;
            let known = self.sockets.entry(socket.key).or_insert_with(|| SocketState {
                id: sink.socket(end, socket.proto),
                end,
                proto: socket.proto,
                sending: None,
                sent: 0,
                received: 0,
                peer: None,
                local: None,
                connected: false,
                evidence: Evidence::default(),
            });
            known.local = socket.local.map(|local| met_at.get(&local).copied().unwrap_or(local)).or(known.local);
            known.peer = socket.peer.or(known.peer);
            let moved = matches!(call.operation, Operation::Send | Operation::Receive) && call.outcome.is_ok();
            known.connected |= moved || socket.proto == Proto::Tcp && socket.peer.is_some();
            sink.addresses(known.id, known.local, known.peer);
        }
    }

    /// Cuts what each TCP socket sent into frames, and declares these as messages.
    fn cut(&mut self, seen: &[Record], framing: &dyn Framing) {
        let mut sent: Vec<(SocketKey, Vec<u8>)> = Vec::new();
        for call in seen.iter().filter_map(call).filter(|call| call.operation == Operation::Send) {
            let Target::Socket(socket) = &call.target else { continue };
            if socket.proto != Proto::Tcp || !self.sockets.contains_key(&socket.key) {
                continue;
            }
            match sent.iter_mut().find(|(key, _)| *key == socket.key) {
                Some((_, bytes)) => bytes.extend(&call.bytes),
                None => sent.push((socket.key, call.bytes.clone())),
            }
        }
        for (key, bytes) in sent {
            let end = self.sockets[&key].end;
            let stream = FramedStream::cut(framing, &bytes, |bytes, header, label| {
                self.sink.message(end, bytes.into(), header, label)
            });
            self.streams.insert(key, stream);
        }
    }

    fn call(&mut self, at: usize, call: &SystemCall, framed: bool) {
        let key = match &call.target {
            Target::Socket(socket) => socket.key,
            Target::Output | Target::ErrorOutput => return self.print(at, call),
        };
        if !self.sockets.contains_key(&key) || call.peeked {
            return;
        }
        match call.operation {
            Operation::Socket | Operation::Duplicate | Operation::Close => {}
            Operation::Bind => self.plain(call, key, Call::Bind),
            Operation::Listen => self.plain(call, key, Call::Listen),
            Operation::Accept => self.plain(call, key, Call::Accept),
            Operation::Connect => self.plain(call, key, Call::Connect),
            Operation::Shutdown(how) => self.shutdown(call, key, how),
            Operation::SetOption(level, name) => self.option(call, key, (level, name)),
            Operation::Send => self.send(call, key, framed),
            Operation::Receive => self.receive(call, key, framed),
        }
    }

    /// An event with what is the same in all.
    fn event(&mut self, call: &SystemCall, key: SocketKey, what: Call) -> Event {
        let known = self.sockets.get_mut(&key).expect("a socket that was met");
        let mut event = Event::new(known.end, what);
        event.sock = Some(known.id);
        (event.t_us, event.end_us) = (call.t_us, call.end_us);
        event.returned = call.outcome.as_ref().ok().copied();
        event.error = call.outcome.as_ref().err().cloned();
        event.evidence = call.evidence;
        if call.evidence != Evidence::default() {
            known.evidence = call.evidence;
        }
        event
    }

    /// Which half (shutdown(2)) stands in the note.
    fn shutdown(&mut self, call: &SystemCall, key: SocketKey, how: i32) {
        self.plain(call, key, Call::Shutdown);
        let half = ["SHUT_RD", "SHUT_WR", "SHUT_RDWR"].get(how as usize);
        if let Some((event, half)) = self.made.last_mut().zip(half) {
            event.note = Some(Box::new(Text::same(*half)));
        }
    }

    fn plain(&mut self, call: &SystemCall, key: SocketKey, what: Call) {
        let mut event = self.event(call, key, what);
        let known = &self.sockets[&key];
        event.peer = match what {
            Call::Bind | Call::Listen => known.local,
            Call::Accept if event.ok() => known.peer,
            Call::Accept => None,
            Call::Connect => call.address,
            _ => None,
        };
        if event.ok() {
            event.returned = Some(0);
        }
        if what == Call::Connect && event.error.as_deref() == Some("EINPROGRESS") && known.connected {
            (event.error, event.returned) = (None, Some(0));
        }
        self.made.push(event);
    }

    fn option(&mut self, call: &SystemCall, key: SocketKey, option: (i32, i32)) {
        let mut event = self.event(call, key, Call::SetSockOpt);
        let name = option_name(option).map_or_else(|| format!("option {}/{}", option.0, option.1), str::to_owned);
        event.asked = Some(call.asked);
        event.note = Some(Text::same(name).into());
        self.made.push(event);
    }

    fn send(&mut self, call: &SystemCall, key: SocketKey, framed: bool) {
        let udp = self.sockets[&key].proto == Proto::Udp;
        let mut event = self.event(call, key, if udp { Call::SendTo } else { Call::Send });
        let known = self.sockets.get_mut(&key).expect("a socket that was met");
        event.asked = Some(call.asked);
        event.bytes.clone_from(&call.bytes);
        if udp {
            event.peer = call.address.or(known.peer);
            event.datagram_len = event.returned;
            event.struck = call.struck;
        }
        let range = known.sent..known.sent + call.bytes.len();
        known.sent = range.end;
        match self.streams.get(&key) {
            Some(stream) if framed && !udp => {
                event.spans = stream.spans(range);
                event.handed = event.spans.first().map(|span| Handed { msg: span.msg, offset: span.offset });
            }
            _ => event.handed = Some(self.message(call, key)),
        }
        self.made.push(event);
    }

    /// The message that a send hands over: the rest of the one before it, when that was not taken whole.
    fn message(&mut self, call: &SystemCall, key: SocketKey) -> Handed {
        let known = self.sockets.get_mut(&key).expect("a socket that was met");
        let offered = [&call.bytes[..], &call.untaken].concat();
        let handed = match known.sending.take() {
            Some((msg, offset, rest)) if !rest.is_empty() && rest == offered => Handed { msg, offset },
            _ => Handed { msg: self.sink.message(known.end, offered.clone().into(), 0, None), offset: 0 },
        };
        known.sending = Some((handed.msg, handed.offset + call.bytes.len(), call.untaken.clone()));
        handed
    }

    fn receive(&mut self, call: &SystemCall, key: SocketKey, framed: bool) {
        let udp = self.sockets[&key].proto == Proto::Udp;
        let mut event = self.event(call, key, if udp { Call::RecvFrom } else { Call::Recv });
        event.asked = Some(call.asked);
        event.bytes.clone_from(&call.bytes);
        event.note = deviation(call).map(Into::into);
        if udp {
            event.peer = call.address.or(self.sockets[&key].peer);
            (event.truncated, event.datagram_len) = (call.truncated, call.datagram_len);
            event.returned = event.returned.map(|_| event.bytes.len());
        }
        let (end, id, end_us) = (event.end, event.sock, event.end_us);
        self.made.push(event);
        let known = self.sockets.get_mut(&key).expect("a socket that was met");
        let range = known.received..known.received + call.bytes.len();
        known.received = range.end;
        let peer = framed.then(|| self.peer_of(key)).flatten();
        let Some(stream) = peer.and_then(|peer| self.streams.get(&peer)) else { return };
        for whole in stream.completed(range) {
            let mut event = Event::new(end, Call::Deliver);
            (event.sock, event.t_us, event.end_us) = (id, end_us, end_us);
            event.returned = Some(whole.body.len());
            event.spans = vec![Span { msg: whole.msg, offset: whole.header, len: whole.body.len(), part: Part::Body }];
            event.bytes = whole.body;
            self.made.push(event);
        }
    }

    /// The socket at the other side of a connection.
    fn peer_of(&self, key: SocketKey) -> Option<SocketKey> {
        let known = &self.sockets[&key];
        let back = |other: &&SocketKey| {
            let other = &self.sockets[other];
            other.local.is_some() && (other.local, other.peer) == (known.peer, known.local)
        };
        self.sockets.keys().filter(|other| **other != key).find(back).copied()
    }

    /// What the program printed, at its time.
    fn print(&mut self, at: usize, call: &SystemCall) {
        let Some(end) = self.ends.end_of(call, at) else { return };
        let mut event = Event::new(end, Call::Print);
        (event.t_us, event.end_us) = (call.t_us, call.end_us);
        event.returned = call.outcome.as_ref().ok().copied();
        event.error = call.outcome.as_ref().err().cloned();
        event.made.clone_from(&call.bytes);
        if call.target == Target::ErrorOutput {
            event.note = Some(Text::same("stderr").into());
        }
        self.made.push(event);
    }

    fn close(&mut self, seen: &[Record]) {
        for closed in &self.ends.closes {
            let Some(known) = self.sockets.get(&closed.socket) else { continue };
            let mut event = Event::new(known.end, Call::Close);
            event.sock = Some(known.id);
            (event.t_us, event.end_us) = (closed.t_us, closed.end_us);
            event.returned = Some(0);
            match seen.get(closed.record) {
                Some(Record::Call(call)) if !closed.by_end => event.evidence = call.evidence,
                _ => event.note = Some(Text::new("the program ended", "程序结束").into()),
            }
            self.made.push(event);
        }
    }
}

/// Where a datagram socket that is bound to every address was met: the address that its peers send to, or see.
fn met_at(seen: &[Record]) -> HashMap<SocketAddr, SocketAddr> {
    let datagrams = || {
        seen.iter().filter_map(call).filter_map(|call| match &call.target {
            Target::Socket(socket) if socket.proto == Proto::Udp => Some((call, socket)),
            _ => None,
        })
    };
    let everywhere: HashSet<SocketAddr> = datagrams().filter_map(|(_, socket)| socket.local).collect();
    let everywhere: Vec<_> = everywhere.into_iter().filter(|local| local.ip().is_unspecified()).collect();
    let met = datagrams().flat_map(|(call, socket)| call.address.into_iter().chain(socket.peer)).collect::<Vec<_>>();
    let of = |local: SocketAddr| {
        let there = |at: &&SocketAddr| at.port() == local.port() && !at.ip().is_unspecified();
        Some((local, *met.iter().find(there)?))
    };
    everywhere.into_iter().filter_map(of).collect()
}

fn call(one: &Record) -> Option<&SystemCall> {
    match one {
        Record::Call(call) => Some(call),
        _ => None,
    }
}

/// What was done to a receive call.
fn deviation(call: &SystemCall) -> Option<Text> {
    match (call.allowed, call.held) {
        (Some(n), true) => Some(say!("late, cut to {n}", "迟到，只给 {n} 字节")),
        (Some(n), false) => Some(say!("cut to {n}", "只给 {n} 字节")),
        (None, true) => Some(Text::new("late", "迟到")),
        (None, false) => None,
    }
}

/// Options that have a name here, by Linux's numbers (the tracer's).
fn option_name(option: (i32, i32)) -> Option<&'static str> {
    const SOL_SOCKET: i32 = 1;
    const IPPROTO_TCP: i32 = 6;
    const IPPROTO_IPV6: i32 = 41;
    Some(match option {
        (SOL_SOCKET, 2) => "SO_REUSEADDR",
        (SOL_SOCKET, 6) => "SO_BROADCAST",
        (SOL_SOCKET, 7) => "SO_SNDBUF",
        (SOL_SOCKET, 8) => "SO_RCVBUF",
        (SOL_SOCKET, 9) => "SO_KEEPALIVE",
        (SOL_SOCKET, 13) => "SO_LINGER",
        (SOL_SOCKET, 15) => "SO_REUSEPORT",
        (SOL_SOCKET, 18) => "SO_RCVLOWAT",
        (SOL_SOCKET, 20) => "SO_RCVTIMEO",
        (SOL_SOCKET, 21) => "SO_SNDTIMEO",
        (IPPROTO_TCP, 1) => "TCP_NODELAY",
        (IPPROTO_TCP, 2) => "TCP_MAXSEG",
        (IPPROTO_TCP, 3) => "TCP_CORK",
        (IPPROTO_TCP, 4) => "TCP_KEEPIDLE",
        (IPPROTO_TCP, 5) => "TCP_KEEPINTVL",
        (IPPROTO_TCP, 6) => "TCP_KEEPCNT",
        (IPPROTO_TCP, 12) => "TCP_QUICKACK",
        (IPPROTO_IPV6, 26) => "IPV6_V6ONLY",
        _ => return None,
    })
}
