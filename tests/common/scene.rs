//! Recordings built by hand: calls, and packets, at the times they are given.

use std::net::{Ipv4Addr, SocketAddrV4};
use stickdemo::claims::{Claim, Judge};
use stickdemo::trace::packet::{Cause, Content, Fate, Flags, Fragment, Packet, Segment};
use stickdemo::trace::{Call, EndName, Event, Fact, Handed, MsgId, Proto, Recorder, Role, Sink, SockId, Tie, Trace};

pub const CLIENT: EndName = EndName::only(Role::Client);
pub const SERVER: EndName = EndName::only(Role::Server);
pub const HERE: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(10, 77, 0, 1), 40_001);
pub const THERE: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(10, 77, 0, 2), 9000);
pub const ACK: Flags = Flags::ACK;

pub fn address(role: Role) -> SocketAddrV4 {
    match role {
        Role::Client => HERE,
        Role::Relay | Role::Server => THERE,
    }
}

/// Two ends and a socket each; over a link, the packets between them. Times are microseconds.
pub struct Scene {
    pub recorder: Recorder,
    pub packets: Vec<Packet>,
    pub client: SockId,
    pub server: SockId,
    pub listener: SockId,
}

impl Scene {
    pub fn new(proto: Proto) -> Scene {
        Scene::of(Recorder::default(), proto)
    }

    /// Recorded by one end, which has rehearsed the run: what the other does is not known.
    pub fn alone(role: Role, proto: Proto, rehearsal: Scene) -> Scene {
        let recorder = Recorder::new(vec![role]);
        recorder.rehearse(&rehearsal.finish(Tie::Clock));
        Scene::of(recorder, proto)
    }

    fn of(recorder: Recorder, proto: Proto) -> Scene {
        let [client, server, listener] = [CLIENT, SERVER, SERVER].map(|end| recorder.socket(end, proto));
        let [a, b] = [HERE.into(), THERE.into()];
        recorder.addresses(client, Some(a), (proto == Proto::Tcp).then_some(b));
        recorder.addresses(server, Some(b), (proto == Proto::Tcp).then_some(a));
        if proto == Proto::Tcp {
            recorder.addresses(listener, Some(b), None);
        }
        Scene { recorder, packets: Vec::new(), client, server, listener }
    }

    pub fn event(&self, end: EndName, call: Call, times: [u64; 2], fill: impl FnOnce(&mut Event)) {
        let mut event = Event::new(end, call);
        [event.t_us, event.end_us] = times;
        event.sock = Some(if end.role == Role::Client { self.client } else { self.server });
        event.returned = Some(0);
        fill(&mut event);
        self.recorder.push(event);
    }

    /// listen, connect, SYN, SYN ACK, ACK, accept: done at 20 ms here and 30 ms there.
    pub fn connected() -> Scene {
        let mut scene = Scene::new(Proto::Tcp);
        scene.listens(1);
        scene.event(CLIENT, Call::Connect, [10, 20_020], |e| e.peer = Some(THERE.into()));
        scene.segment(Role::Client, 15, Some(10_015), Flags::SYN, [0, 0], b"");
        scene.segment(Role::Server, 10_018, Some(20_018), Flags::SYN.and(ACK), [0, 1], b"");
        scene.segment(Role::Client, 20_019, Some(30_019), ACK, [1, 1], b"");
        scene.event(SERVER, Call::Accept, [5, 30_025], |e| e.peer = Some(HERE.into()));
        scene
    }

    pub fn listens(&self, at: u64) {
        self.event(SERVER, Call::Listen, [at, at], |e| {
            e.sock = Some(self.listener);
            e.peer = Some(THERE.into());
        });
    }

    pub fn message(&self, end: EndName, bytes: &[u8]) -> MsgId {
        self.recorder.message(end, bytes.into(), 0, None)
    }

    /// A call that moved these bytes, all that it asked for.
    pub fn data(&self, end: EndName, call: Call, times: [u64; 2], bytes: &[u8], fill: impl FnOnce(&mut Event)) {
        self.event(end, call, times, |e| {
            e.asked = Some(bytes.len());
            e.returned = Some(bytes.len());
            e.bytes = bytes.to_vec();
            fill(e);
        });
    }

    /// A piece of a message goes into the stream.
    pub fn part(&self, end: EndName, at: u64, msg: MsgId, offset: usize, bytes: &[u8]) {
        self.data(end, Call::Send, [at, at + 3], bytes, |e| e.handed = Some(Handed { msg, offset }));
    }

    pub fn send(&self, end: EndName, at: u64, bytes: &[u8]) {
        self.part(end, at, self.message(end, bytes), 0, bytes);
    }

    /// The client hands over a datagram, or, with more to come, a part of one (MSG_MORE).
    pub fn hand_over(&self, at: u64, msg: MsgId, bytes: &[u8], more: bool) {
        self.data(CLIENT, Call::SendTo, [at, at + 3], bytes, |e| {
            e.handed = Some(Handed { msg, offset: 0 });
            e.datagram_len = (!more).then_some(bytes.len());
            e.peer = Some(THERE.into());
        });
    }

    pub fn send_to(&self, at: u64, bytes: &[u8]) {
        self.hand_over(at, self.message(CLIENT, bytes), bytes, false);
    }

    pub fn recv(&self, end: EndName, times: [u64; 2], bytes: &[u8]) {
        self.data(end, Call::Recv, times, bytes, |e| e.asked = Some(1024));
    }

    pub fn recv_from(&self, times: [u64; 2], size: usize, datagram: &[u8]) {
        self.data(SERVER, Call::RecvFrom, times, &datagram[..size.min(datagram.len())], |e| {
            e.asked = Some(size);
            e.truncated = size < datagram.len();
            e.datagram_len = Some(datagram.len());
            e.peer = Some(HERE.into());
        });
    }

    pub fn wait(&self, end: EndName, times: [u64; 2], fact: Fact) {
        self.event(end, Call::Wait, times, |e| e.fact = Some(fact));
    }

    pub fn close(&self, end: EndName, at: u64) {
        self.event(end, Call::Close, [at, at + 3], |_| {});
    }

    pub fn packet(
        &mut self,
        from: Role,
        t_us: u64,
        arrival: Option<u64>,
        content: Content,
        payload: &[u8],
    ) -> &mut Packet {
        self.packets.push(Packet {
            seq: 0,
            from,
            t_us,
            arrivals: arrival.into_iter().collect(),
            fate: if arrival.is_some() { Fate::Delivered } else { Fate::Dropped(Cause::Asked) },
            source: address(from),
            destination: address(from.other()),
            ip_id: 7,
            fragment: None,
            content,
            payload_len: payload.len(),
            spans: Vec::new(),
            len: 40 + payload.len(),
            context: None,
            bytes: [&[0; 40], payload].concat().into(),
        });
        self.packets.last_mut().expect("pushed")
    }

    /// A segment; `None` for one that is lost.
    pub fn segment(
        &mut self,
        from: Role,
        t_us: u64,
        arrival: Option<u64>,
        flags: Flags,
        [seq, ack]: [u64; 2],
        payload: &[u8],
    ) -> &mut Packet {
        let segment = Segment { flags, seq, ack, window: 64_240, ..Segment::default() };
        self.packet(from, t_us, arrival, Content::Tcp(segment), payload)
    }

    /// The same on a path of 10 ms.
    pub fn seg(&mut self, from: Role, t_us: u64, flags: Flags, numbers: [u64; 2], payload: &[u8]) -> &mut Packet {
        self.segment(from, t_us, Some(t_us + 10_000), flags, numbers, payload)
    }

    pub fn datagram(&mut self, t_us: u64, arrival: Option<u64>, payload: &[u8]) -> &mut Packet {
        self.packet(Role::Client, t_us, arrival, Content::Udp, payload)
    }

    /// Fragments of at most `size` bytes behind the IP header; `arrivals` as many as there are.
    pub fn fragments(&mut self, t_us: u64, arrivals: &[Option<u64>], size: usize, datagram: &[u8]) {
        let whole = [&[0; 8], datagram].concat();
        let last = arrivals.len() - 1;
        for (i, (piece, arrival)) in whole.chunks(size).zip(arrivals).enumerate() {
            let payload = if i == 0 { &piece[8..] } else { piece };
            let packet = self.datagram(t_us + i as u64, *arrival, payload);
            packet.fragment = Some(Fragment { offset: i * size, more: i < last });
            if i > 0 {
                packet.source.set_port(0);
                packet.destination.set_port(0);
            }
        }
    }

    /// The server's socket is closed, and its kernel says what became of the rest.
    pub fn closes_with(&self, times: [u64; 2], dropped: u32, unread: u32) {
        self.event(SERVER, Call::Close, times, |e| {
            e.evidence.dropped = Some(dropped);
            e.evidence.unread = Some(unread);
        });
    }

    pub fn raw(self) -> Trace {
        let mut trace = self.recorder.take();
        trace.packets = self.packets;
        trace.packets.sort_by_key(|p| p.t_us);
        trace
    }

    pub fn finish(self, tie: Tie) -> Trace {
        self.raw().finish(tie)
    }
}

/// A claim about a recording that every run is asked for.
pub fn claim(trace: &Trace, id: &str) -> Claim {
    let claims = Judge::new(trace, false).finish().claims;
    claims.into_iter().find(|claim| claim.id == id).unwrap_or_else(|| panic!("{id} is not checked"))
}

pub fn segment_of(packet: &mut Packet) -> &mut Segment {
    match &mut packet.content {
        Content::Tcp(segment) => segment,
        _ => panic!("no segment"),
    }
}
