//! What must have happened before an event, or before a packet may leave: causes, read off the recording.
//!
//! A cause that the recording never shows (its end runs elsewhere, its packet came after the recording was
//! full) is not asked for: see [`Needs::asks`].

use super::connections::{Connections, Way};
use super::datagrams::{self, Pieces};
use super::packet::{Content, Flags, Packet, Segment};
use super::{Call, EndName, Event, Fact, MsgId, Opening, Proto, Purpose, SockId, Trace, provenance};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::SocketAddr;

/// Knows what has happened so far, and what will have happened at the end.
pub(super) struct Needs<'a> {
    run: Run<'a>,
    now: History,
    finally: History,
}

/// What does not change while the run is played.
struct Run<'a> {
    packets: &'a [Packet],
    purposes: Vec<Purpose>,
    connections: Connections,
    datagrams: Vec<Datagram>,
    /// By packet: its datagram, and which piece of it.
    piece_of: HashMap<usize, (usize, usize)>,
    peer_of: HashMap<SockId, SockId>,
    /// By socket that was accepted: the one that listened.
    listener_of: HashMap<SockId, SockId>,
    local: HashMap<SockId, (Proto, SocketAddr)>,
    peer: HashMap<SockId, SocketAddr>,
    openings: Vec<Opening>,
    /// By packet: the socket that was told to send this ACK, and with which of its calls, from 1.
    told_to_send: HashMap<usize, (SockId, usize)>,
}

/// A datagram on the link.
struct Datagram {
    to: SocketAddr,
    /// The message it begins with: what a receive call names.
    first: Option<MsgId>,
    /// The message whose sending let it go, and which of that message's datagrams it is, from 0.
    cause: Option<(MsgId, usize)>,
}

/// What has happened up to some moment.
#[derive(Clone, Default)]
struct History {
    events: HashMap<EndName, usize>,
    calls: HashMap<SockId, usize>,
    sent: HashMap<SockId, usize>,
    received: HashMap<SockId, usize>,
    connected: HashSet<SockId>,
    /// Connections accepted, by the socket that listened.
    accepted: HashMap<SockId, usize>,
    /// The last TCP connect of each end, which blocks it until there is an answer.
    connecting: HashMap<EndName, SockId>,
    /// Closed, or shut for sending.
    ended: HashSet<SockId>,
    closed: HashSet<SockId>,
    /// Addresses that some socket listens on, or is bound to.
    meeting: HashSet<(Proto, SocketAddr)>,
    /// Datagrams that left, by message and by address.
    sent_datagrams: HashMap<MsgId, usize>,
    sent_to: HashMap<SocketAddr, usize>,
    taken: HashMap<SockId, usize>,
    taken_of: HashMap<(SockId, MsgId), usize>,
    /// Refusals of datagrams that calls have reported.
    told: HashMap<SockId, usize>,
    ways: Vec<Arrived>,
    /// What its socket had received when a host last announced a window on a way.
    announced: HashMap<Way, usize>,
    pieces: Vec<Pieces>,
    arrived_at: HashMap<SocketAddr, usize>,
    arrived_of: HashMap<(SocketAddr, MsgId), usize>,
    /// Arrived ICMP messages about datagrams from here to there.
    refusals: HashMap<(SocketAddr, SocketAddr), usize>,
}

/// What has arrived by one way of a connection.
#[derive(Clone, Default)]
struct Arrived {
    /// Bytes of the stream without a gap.
    prefix: usize,
    /// Runs beyond a gap: where they start and end.
    early: BTreeMap<usize, usize>,
    /// The highest acknowledgement number.
    acknowledged: u64,
    /// After how many bytes the stream ends.
    fin: Option<usize>,
    syn: bool,
    /// Something else than a SYN.
    begun: bool,
    reset: bool,
}

fn of<K: std::hash::Hash + Eq>(counts: &HashMap<K, usize>, key: &K) -> usize {
    counts.get(key).copied().unwrap_or(0)
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

/// Who listened for the connections that were accepted: the first at their address that was not closed yet.
fn listeners(trace: &Trace) -> HashMap<SockId, SockId> {
    let local = |event: &Event| trace.socket(event.sock?)?.local;
    let closes = trace.events.iter().filter(|e| e.call == Call::Close);
    let closed: HashMap<SockId, u64> = closes.filter_map(|e| Some((e.sock?, e.t_us))).collect();
    let listens = trace.events.iter().filter(|e| opens(Proto::Tcp, e));
    let listening: Vec<(SockId, SocketAddr)> = listens.filter_map(|e| Some((e.sock?, local(e)?))).collect();
    let reaches =
        |at: &SocketAddr, to: SocketAddr| at.port() == to.port() && (at.ip() == to.ip() || at.ip().is_unspecified());
    let accepts = trace.events.iter().filter(|e| e.call == Call::Accept && e.ok());
    let pairs = accepts.filter_map(|e| {
        let open = |sock: &SockId| closed.get(sock).is_none_or(|at| e.end_us <= *at);
        let to = local(e)?;
        let (listener, _) = listening.iter().find(|(sock, at)| reaches(at, to) && open(sock))?;
        Some((e.sock?, *listener))
    });
    pairs.collect()
}

fn is_refusal(event: &Event) -> bool {
    matches!(event.error.as_deref(), Some("ECONNREFUSED" | "WSAECONNRESET")) && event.call != Call::Connect
}

/// The ACKs that left because a program set an option (TCP_QUICKACK): the kernel's count of segments without data
/// grew in that call. It counts a SYN, but not the SYN ACK, which leaves before there is a socket.
fn told_to_send(trace: &Trace, packets: &[Packet], connections: &Connections) -> HashMap<usize, (SockId, usize)> {
    let mut counted: HashMap<SockId, u64> = HashMap::new();
    let mut calls: HashMap<SockId, usize> = HashMap::new();
    let mut told: HashMap<(SockId, u64), usize> = HashMap::new();
    for (event, sock) in trace.events.iter().filter_map(|e| Some((e, e.sock?))) {
        let call = calls.entry(sock).and_modify(|n| *n += 1).or_insert(1);
        let Some(now) = event.evidence.acks_out.map(u64::from) else { continue };
        let before = counted.insert(sock, now).unwrap_or(now);
        if event.call == Call::SetSockOpt {
            told.extend((before + 1..=now).map(|nth| ((sock, nth), *call)));
        }
    }
    let mut seen: HashMap<SockId, u64> = HashMap::new();
    let syn_ack = Flags::SYN.and(Flags::ACK);
    let without_data = |p: &Packet| p.payload_len == 0 && p.segment().is_some_and(|s| !s.flags.has(syn_ack));
    let places = (0..packets.len()).filter(|place| without_data(&packets[*place]));
    let sent = places.filter_map(|place| Some((place, connections.sender(connections.way(place)?)?)));
    let told = sent.filter_map(|(place, sock)| {
        let nth = seen.entry(sock).and_modify(|n| *n += 1).or_insert(1);
        Some((place, (sock, *told.get(&(sock, *nth))?)))
    });
    told.collect()
}

impl<'a> Run<'a> {
    /// The trace's packets were taken out, so that its events can be moved: they come beside it.
    fn of(trace: &Trace, packets: &'a [Packet], connections: Connections, purposes: Vec<Purpose>) -> Run<'a> {
        let carried = datagrams::carried(packets);
        let mut of_message: HashMap<MsgId, usize> = HashMap::new();
        let datagram = |d: &datagrams::Carried| {
            let spans = || d.packets.iter().flat_map(|p| &packets[*p].spans).map(|s| s.msg);
            let cause = spans().next_back().map(|msg| {
                let nth = of_message.entry(msg).or_default();
                *nth += 1;
                (msg, *nth - 1)
            });
            Datagram { to: d.addresses.1, first: spans().next(), cause }
        };
        let told_to_send = told_to_send(trace, packets, &connections);
        let datagrams = carried.iter().map(datagram).collect();
        let pieces = carried.iter().enumerate();
        let pieces = pieces.flat_map(|(i, d)| d.packets.iter().enumerate().map(move |(piece, p)| (*p, (i, piece))));
        Run {
            packets,
            purposes,
            connections,
            datagrams,
            piece_of: pieces.collect(),
            peer_of: provenance::peers(&trace.sockets),
            listener_of: listeners(trace),
            local: trace.sockets.iter().filter_map(|s| Some((s.id, (s.proto, s.local?)))).collect(),
            peer: trace.sockets.iter().filter_map(|s| Some((s.id, s.peer?))).collect(),
            openings: trace.openings.clone(),
            told_to_send,
        }
    }

    /// Nothing has happened.
    fn start(&self) -> History {
        let pieces = datagrams::carried(self.packets).iter().map(|d| Pieces::of(d, self.packets)).collect();
        History { ways: vec![Arrived::default(); self.connections.ways()], pieces, ..History::default() }
    }
}

impl<'a> Needs<'a> {
    /// Plays the whole recording once, to know which causes it has.
    pub(super) fn of(trace: &Trace, packets: &'a [Packet], connections: Connections, purposes: Vec<Purpose>) -> Self {
        let run = Run::of(trace, packets, connections, purposes);
        let (now, mut finally) = (run.start(), run.start());
        trace.events.iter().for_each(|event| finally.event(&run, event));
        (0..packets.len()).for_each(|packet| finally.departure(&run, packet));
        let each = |(place, packet): (usize, &Packet)| packet.arrivals.iter().map(move |at| (*at, place)).collect();
        let mut arrivals: Vec<(u64, usize)> = packets.iter().enumerate().flat_map::<Vec<_>, _>(each).collect();
        arrivals.sort_unstable();
        arrivals.iter().for_each(|(_, packet)| finally.arrival(&run, *packet));
        Needs { run, now, finally }
    }

    /// An event happened.
    pub(super) fn event(&mut self, event: &Event) {
        self.now.event(&self.run, event);
    }

    /// A packet left.
    pub(super) fn departure(&mut self, packet: usize) {
        self.now.departure(&self.run, packet);
    }

    /// A copy of a packet arrived.
    pub(super) fn arrival(&mut self, packet: usize) {
        self.now.arrival(&self.run, packet);
    }

    /// Is this so, or will it never be?
    fn asks(&self, met: impl Fn(&History) -> bool) -> bool {
        met(&self.now) || !met(&self.finally)
    }

    /// May this event happen now?
    pub(super) fn allow_event(&self, event: &Event) -> bool {
        self.connect_answered(event.end)
            && self.gate_open(event)
            && self.destination_open(event)
            && self.datagram_sent(event)
            && event.sock.is_none_or(|sock| self.socket_ready(event, sock) && self.all_accepted(event, sock))
    }

    /// A listening socket is closed after the accepts on it, whichever ends the connections belong to.
    fn all_accepted(&self, event: &Event, sock: SockId) -> bool {
        event.call != Call::Close || of(&self.now.accepted, &sock) >= of(&self.finally.accepted, &sock)
    }

    /// A connect returns, and its end goes on, when its SYN was answered.
    fn connect_answered(&self, end: EndName) -> bool {
        let way = self.now.connecting.get(&end).and_then(|sock| self.run.connections.from(*sock));
        way.is_none_or(|way| self.asks(|s| s.by(way.back()).syn || s.by(way.back()).reset))
    }

    fn gate_open(&self, event: &Event) -> bool {
        let Some(Fact::Gate { gate, nth }) = &event.fact else { return true };
        let opening = self.run.openings.iter().find(|o| o.gate == *gate && o.nth == *nth);
        opening.is_none_or(|o| self.asks(|s| of(&s.events, &o.end) >= o.after))
    }

    /// A connect follows its listen, a datagram the bind of its receiver (if those were recorded).
    fn destination_open(&self, event: &Event) -> bool {
        if !(event.call == Call::Connect || event.call.sends()) {
            return true;
        }
        let proto = event.sock.and_then(|sock| self.run.local.get(&sock)).map(|(proto, _)| *proto);
        proto.zip(event.peer).is_none_or(|place| self.asks(|s| s.meeting.contains(&place)))
    }

    fn datagram_sent(&self, event: &Event) -> bool {
        event.call != Call::RecvFrom
            || event.spans.iter().all(|span| self.asks(|s| s.sent_datagrams.contains_key(&span.msg)))
    }

    fn socket_ready(&self, event: &Event, sock: SockId) -> bool {
        match self.run.local.get(&sock) {
            Some((Proto::Udp, address)) => self.datagrams_ready(event, sock, *address),
            _ => self.stream_ready(event, sock) && self.segments_ready(event, sock),
        }
    }

    /// A datagram is received after all of it arrived, a refusal told after the ICMP message did.
    fn datagrams_ready(&self, event: &Event, sock: SockId, address: SocketAddr) -> bool {
        let (taken, told) = (of(&self.now.taken, &sock), of(&self.now.told, &sock));
        let flow = self.run.peer.get(&sock).map(|peer| (address, *peer));
        let refused = |s: &History| flow.is_some_and(|flow| of(&s.refusals, &flow) > told);
        let first = event.spans.first().filter(|_| event.call == Call::RecvFrom).map(|s| s.msg);
        let of_message = first.is_none_or(|msg| {
            let taken = of(&self.now.taken_of, &(sock, msg));
            self.asks(|s| of(&s.arrived_of, &(address, msg)) > taken)
        });
        let readable = match event.fact {
            Some(Fact::Readable) => {
                let arrived = |s: &History| of(&s.arrived_at, &address) > taken || refused(s);
                // Where nothing ever comes, what ended the wait was a refusal, which depends on no other end.
                if arrived(&self.finally) {
                    arrived(&self.now)
                } else {
                    self.asks(|s| of(&s.sent_to, &address) > taken)
                }
            }
            _ => true,
        };
        of_message && readable && (!is_refusal(event) || self.asks(refused))
    }

    /// What a call on a connection needs of the calls at its other side.
    fn stream_ready(&self, event: &Event, sock: SockId) -> bool {
        let Some(peer) = self.run.peer_of.get(&sock) else { return true };
        let sent = |wanted: usize| self.asks(|s| of(&s.sent, peer) >= wanted);
        match Wants::of(event, of(&self.now.received, &sock)) {
            Wants::Connection => self.asks(|s| s.connected.contains(peer)),
            Wants::Bytes(wanted) => sent(wanted),
            Wants::End | Wants::Gone | Wants::Reset => self.asks(|s| s.ended.contains(peer)),
            Wants::Acknowledged | Wants::Nothing => true,
        }
    }

    /// What a call on a connection needs of the segments that arrive.
    fn segments_ready(&self, event: &Event, sock: SockId) -> bool {
        let Some(way) = self.run.connections.from(sock).map(Way::back) else { return true };
        match Wants::of(event, of(&self.now.received, &sock)) {
            Wants::Connection => self.asks(|s| s.by(way).begun),
            Wants::Bytes(wanted) => self.asks(|s| s.by(way).prefix >= wanted),
            Wants::End => self.asks(|s| s.by(way).ended()),
            Wants::Gone => self.asks(|s| s.by(way).ended() || s.by(way).reset),
            Wants::Reset => self.asks(|s| s.by(way).reset),
            Wants::Acknowledged => {
                let unsent = event.evidence.unsent.map_or(0, u64::from);
                let wanted = 1 + (of(&self.now.sent, &sock) as u64).saturating_sub(unsent);
                self.asks(|s| s.by(way).acknowledged >= wanted)
            }
            Wants::Nothing => true,
        }
    }

    /// May this packet leave now, as far as its own end is concerned?
    pub(super) fn allow_departure(&self, packet: usize) -> bool {
        match self.run.packets[packet].content {
            Content::Tcp(segment) => self.segment_made(packet, &segment),
            Content::Udp => {
                let datagram = self.run.piece_of.get(&packet).map(|(datagram, _)| &self.run.datagrams[*datagram]);
                let cause = datagram.and_then(|d| d.cause);
                cause.is_none_or(|(msg, nth)| self.asks(|s| of(&s.sent_datagrams, &msg) > nth))
            }
            Content::Icmp { .. } | Content::Other(_) => true,
        }
    }

    fn segment_made(&self, place: usize, segment: &Segment) -> bool {
        let packet = &self.run.packets[place];
        let flags = segment.flags;
        if flags.has(Flags::SYN.and(Flags::ACK)) {
            return self.asks(|s| s.meeting.contains(&(Proto::Tcp, packet.source.into())));
        }
        let Some(way) = self.run.connections.way(place) else { return true };
        let Some(sock) = self.run.connections.sender(way) else { return true };
        let handed = segment.seq.saturating_sub(1) as usize + packet.payload_len;
        (!flags.has(Flags::SYN) || self.asks(|s| s.connected.contains(&sock)))
            && (packet.payload_len == 0 || self.asks(|s| of(&s.sent, &sock) >= handed))
            && (!flags.has(Flags::FIN) || self.let_go(sock, |s| &s.ended))
            && (!flags.has(Flags::RST) || self.let_go(sock, |s| &s.closed))
            && self.run.told_to_send.get(&place).is_none_or(|(sock, call)| self.asks(|s| of(&s.calls, sock) >= *call))
            && (self.run.purposes[place] != Purpose::WindowUpdate || self.room_made(way, sock))
    }

    /// The socket was closed; where no call says so, its end had no further use for it.
    fn let_go(&self, sock: SockId, those: impl Fn(&History) -> &HashSet<SockId>) -> bool {
        match those(&self.finally).contains(&sock) {
            true => those(&self.now).contains(&sock),
            false => of(&self.now.calls, &sock) >= of(&self.finally.calls, &sock),
        }
    }

    /// There is more room when something was read since the last announcement.
    fn room_made(&self, way: Way, sock: SockId) -> bool {
        let before = of(&self.now.announced, &way);
        self.asks(|s| of(&s.received, &sock) > before)
    }
}

/// What a call on a TCP socket cannot do without.
enum Wants {
    Nothing,
    Connection,
    /// The stream's first so many bytes.
    Bytes(usize),
    /// The end of the stream.
    End,
    /// The end of the stream, or a reset.
    Gone,
    Reset,
    /// Everything sent so far to be acknowledged.
    Acknowledged,
}

impl Wants {
    fn of(event: &Event, received: usize) -> Wants {
        let reset = matches!(event.error.as_deref(), Some("ECONNRESET" | "EPIPE" | "WSAECONNRESET"));
        match (event.call, &event.fact) {
            (Call::Accept, _) => Wants::Connection,
            (Call::Recv, _) if !event.bytes.is_empty() => Wants::Bytes(received + event.bytes.len()),
            (Call::Recv, _) if event.returned == Some(0) && event.asked != Some(0) => Wants::End,
            (_, Some(Fact::Queued(n))) if event.ok() => Wants::Bytes(received + n),
            (_, Some(Fact::PeerGone)) => Wants::Gone,
            (_, Some(Fact::Acked)) if event.ok() => Wants::Acknowledged,
            _ if reset => Wants::Reset,
            _ => Wants::Nothing,
        }
    }
}

impl History {
    fn by(&self, way: Way) -> &Arrived {
        &self.ways[way.0]
    }

    fn event(&mut self, run: &Run, event: &Event) {
        *self.events.entry(event.end).or_default() += 1;
        if let (true, Some(handed)) = (is_datagram(event), event.handed) {
            *self.sent_datagrams.entry(handed.msg).or_default() += 1;
        }
        if let (true, Some(address)) = (is_datagram(event), event.peer) {
            *self.sent_to.entry(address).or_default() += 1;
        }
        let Some(sock) = event.sock else { return };
        *self.calls.entry(sock).or_default() += 1;
        if let Some(place) = run.local.get(&sock).filter(|(proto, _)| opens(*proto, event)) {
            self.meeting.insert(*place);
        }
        if is_refusal(event) {
            *self.told.entry(sock).or_default() += 1;
        }
        match event.call {
            Call::Send => *self.sent.entry(sock).or_default() += event.bytes.len(),
            Call::Recv => *self.received.entry(sock).or_default() += event.bytes.len(),
            Call::RecvFrom if event.ok() || event.truncated => self.took(sock, event),
            Call::Connect => {
                self.connected.insert(sock);
                self.connecting.insert(event.end, sock);
            }
            Call::Accept if event.ok() => {
                if let Some(listener) = run.listener_of.get(&sock) {
                    *self.accepted.entry(*listener).or_default() += 1;
                }
            }
            Call::Shutdown => drop(self.ended.insert(sock)),
            Call::Close => {
                self.ended.insert(sock);
                self.closed.insert(sock);
            }
            _ => {}
        }
    }

    fn took(&mut self, sock: SockId, event: &Event) {
        *self.taken.entry(sock).or_default() += 1;
        if let Some(span) = event.spans.first() {
            *self.taken_of.entry((sock, span.msg)).or_default() += 1;
        }
    }

    fn departure(&mut self, run: &Run, packet: usize) {
        let Some(way) = run.connections.way(packet) else { return };
        if let Some(sock) = run.connections.sender(way) {
            self.announced.insert(way, of(&self.received, &sock));
        }
    }

    fn arrival(&mut self, run: &Run, place: usize) {
        let packet = &run.packets[place];
        match packet.content {
            Content::Tcp(segment) => {
                if let Some(way) = run.connections.way(place) {
                    self.ways[way.0].take(packet, &segment);
                }
            }
            Content::Udp => self.piece(run, place),
            Content::Icmp { kind: 3, about: Some((from, to)), .. } => {
                *self.refusals.entry((from.into(), to.into())).or_default() += 1;
            }
            Content::Icmp { .. } | Content::Other(_) => {}
        }
    }

    fn piece(&mut self, run: &Run, place: usize) {
        let Some((datagram, piece)) = run.piece_of.get(&place) else { return };
        if self.pieces[*datagram].add(*piece) {
            let Datagram { to, first, .. } = &run.datagrams[*datagram];
            *self.arrived_at.entry(*to).or_default() += 1;
            if let Some(msg) = first {
                *self.arrived_of.entry((*to, *msg)).or_default() += 1;
            }
        }
    }
}

impl Arrived {
    fn take(&mut self, packet: &Packet, segment: &Segment) {
        let flags = segment.flags;
        self.syn |= flags.has(Flags::SYN);
        self.begun |= !flags.has(Flags::SYN);
        self.reset |= flags.has(Flags::RST);
        self.acknowledged = self.acknowledged.max(segment.ack);
        let start = segment.seq.saturating_sub(1) as usize;
        let end = start + packet.payload_len;
        if flags.has(Flags::FIN) {
            self.fin = Some(end);
        }
        if packet.payload_len > 0 {
            let known = self.early.entry(start).or_insert(end);
            *known = end.max(*known);
        }
        while let Some(run) = self.early.first_entry().filter(|run| *run.key() <= self.prefix) {
            self.prefix = self.prefix.max(run.remove());
        }
    }

    /// The FIN is there, and everything before it.
    fn ended(&self) -> bool {
        self.fin.is_some_and(|fin| self.prefix >= fin)
    }
}
