//! Whose packet is it? The TCP connection each one belongs to, the sockets at its two sides, and what
//! follows about a packet from those before it.

use super::packet::{Content, Flags, Packet, Segment};
use super::{Call, EndName, PacketContext, Proto, Purpose, Role, SockId, SocketInfo, Trace, datagrams};
use std::collections::{HashMap, VecDeque};
use std::net::{SocketAddr, SocketAddrV4};

/// One direction of one connection: 2k leads away from the end that connected, 2k + 1 back to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Way(pub(crate) usize);

impl Way {
    /// The other direction.
    pub(crate) fn back(self) -> Way {
        Way(self.0 ^ 1)
    }
}

/// The connections that the packets of a run show.
pub(crate) struct Connections {
    of_packet: Vec<Option<Way>>,
    /// By way, the socket that sends on it.
    senders: Vec<Option<SockId>>,
    by_sender: HashMap<SockId, Way>,
}

/// A connection while its packets are read.
struct Met {
    connector: SocketAddrV4,
    acceptor: SocketAddrV4,
    /// A SYN ACK of it arrived: both sides have a socket.
    answered: bool,
    /// Something else than a SYN was sent: the next SYN is another connection's.
    begun: bool,
}

impl Connections {
    /// Reads them off the packets. Of sockets and connections with the same addresses the k-th belong together.
    pub(crate) fn of(trace: &Trace) -> Connections {
        let mut met: Vec<Met> = Vec::new();
        let mut latest: HashMap<(SocketAddrV4, SocketAddrV4), usize> = HashMap::new();
        let mut of_packet = Vec::with_capacity(trace.packets.len());
        for packet in &trace.packets {
            let Some(segment) = packet.segment() else {
                of_packet.push(None);
                continue;
            };
            let (source, destination) = (packet.source, packet.destination);
            let key = (source.min(destination), source.max(destination));
            let syn = segment.flags.has(Flags::SYN);
            let opens = syn && !segment.flags.has(Flags::ACK);
            let place = match latest.get(&key) {
                Some(place) if !(opens && met[*place].begun) => *place,
                _ => {
                    // A recording that begins later than its connection shows one that was answered.
                    met.push(Met { connector: source, acceptor: destination, answered: !opens, begun: false });
                    latest.insert(key, met.len() - 1);
                    met.len() - 1
                }
            };
            let connection = &mut met[place];
            connection.begun |= !syn;
            connection.answered |= syn && !opens && !packet.arrivals.is_empty();
            of_packet.push(Some(Way(2 * place + usize::from(source != connection.connector))));
        }
        let senders = senders(trace, &met);
        let by_sender = senders.iter().enumerate().filter_map(|(way, sock)| Some(((*sock)?, Way(way)))).collect();
        Connections { of_packet, senders, by_sender }
    }

    /// How many ways there are: each is numbered below that.
    pub(crate) fn ways(&self) -> usize {
        self.senders.len()
    }

    /// The way a packet goes, when it is TCP's.
    pub(crate) fn way(&self, packet: usize) -> Option<Way> {
        self.of_packet[packet]
    }

    /// The socket that sends on a way, if that one was recorded.
    pub(crate) fn sender(&self, way: Way) -> Option<SockId> {
        self.senders[way.0]
    }

    /// The way on which a socket sends.
    pub(crate) fn from(&self, sock: SockId) -> Option<Way> {
        self.by_sender.get(&sock).copied()
    }
}

fn senders(trace: &Trace, met: &[Met]) -> Vec<Option<SockId>> {
    let mut connected: HashMap<(SocketAddr, SocketAddr), VecDeque<SockId>> = HashMap::new();
    for socket in trace.sockets.iter().filter(|s| s.proto == Proto::Tcp) {
        if let Some(addresses) = socket.local.zip(socket.peer) {
            connected.entry(addresses).or_default().push_back(socket.id);
        }
    }
    // A connect that failed left its socket without addresses; where it went is all that is known of it.
    let mut failed: HashMap<SocketAddr, VecDeque<SockId>> = HashMap::new();
    for event in trace.events.iter().filter(|e| e.call == Call::Connect) {
        let Some(socket) = event.sock.and_then(|s| trace.socket(s)) else { continue };
        if let (Proto::Tcp, None, Some(to)) = (socket.proto, socket.peer, event.peer) {
            failed.entry(to).or_default().push_back(socket.id);
        }
    }
    let mut take = |from: SocketAddrV4, to: SocketAddrV4| {
        connected.get_mut(&(from.into(), to.into())).and_then(VecDeque::pop_front)
    };
    let sides = met.iter().flat_map(|m| {
        let (there, back) = match m.answered {
            true => (take(m.connector, m.acceptor), take(m.acceptor, m.connector)),
            false => (None, None),
        };
        let alone = || failed.get_mut(&m.acceptor.into()).and_then(VecDeque::pop_front);
        [there.or_else(alone), back]
    });
    sides.collect()
}

/// What one direction has shown so far.
#[derive(Clone, Copy, Default)]
struct DirectionState {
    /// The sequence number behind the last it used.
    next: u64,
    /// The last acknowledgement and the window beside it. A SYN's window is not scaled and so no measure.
    last: Option<(u64, u64)>,
    fin: Option<u64>,
}

impl Trace {
    /// The context of every packet, in their order.
    pub fn contexts(&self) -> Vec<PacketContext> {
        let connections = Connections::of(self);
        let owners = Owners::of(self, &connections);
        let mut shown = vec![DirectionState::default(); connections.ways()];
        let read = |(place, packet): (usize, &Packet)| {
            let (from, to) = owners.of_packet(place, packet);
            let (purpose, acknowledged, acknowledges_fin, closes_window) = Default::default();
            let mut context = PacketContext { purpose, acknowledged, acknowledges_fin, closes_window, from, to };
            if let Some((way, segment)) = connections.way(place).zip(packet.segment()) {
                let fin = shown[way.back().0].fin;
                context.acknowledges_fin = fin.is_some_and(|fin| segment.ack > fin);
                // The SYN takes a number of its own, and the FIN another.
                let beside = 1 + u64::from(context.acknowledges_fin);
                context.acknowledged = segment.ack.saturating_sub(beside);
                context.closes_window = segment.closes_window();
                context.purpose = shown[way.0].read(packet, segment);
            }
            context
        };
        self.packets.iter().enumerate().map(read).collect()
    }
}

impl DirectionState {
    fn read(&mut self, packet: &Packet, segment: &Segment) -> Purpose {
        let more_room = |(ack, window): (u64, u64)| ack == segment.ack && window < segment.window;
        let purpose = match packet.is_pure_ack() {
            true if segment.seq < self.next => Purpose::Probe,
            true if self.last.is_some_and(more_room) && segment.sack_blocks == 0 => Purpose::WindowUpdate,
            _ => Purpose::Nothing,
        };
        let [syn, fin] = [Flags::SYN, Flags::FIN].map(|flag| segment.flags.has(flag));
        let behind = segment.seq + packet.payload_len as u64;
        if fin {
            self.fin = Some(behind);
        }
        self.next = self.next.max(behind + u64::from(syn) + u64::from(fin));
        if !syn {
            self.last = Some((segment.ack, segment.window));
        }
        purpose
    }
}

/// Finds the ends that a packet goes between.
struct Owners<'a> {
    trace: &'a Trace,
    connections: &'a Connections,
    udp: HashMap<SocketAddr, EndName>,
    /// The first fragment, which names the ports, of each packet that is one.
    first: HashMap<usize, usize>,
}

impl<'a> Owners<'a> {
    fn of(trace: &'a Trace, connections: &'a Connections) -> Owners<'a> {
        let udp = trace.sockets.iter().filter(|s| s.proto == Proto::Udp);
        let udp = udp.filter_map(|s| Some((s.local?, s.end))).collect();
        let fragments = datagrams::carried(&trace.packets);
        let first = fragments.iter().flat_map(|d| d.packets.iter().map(|p| (*p, d.packets[0]))).collect();
        Owners { trace, connections, udp, first }
    }

    fn of_packet(&self, place: usize, packet: &Packet) -> (EndName, EndName) {
        let [near, far] = match (self.connections.way(place), packet.content) {
            (Some(way), _) => [way, way.back()].map(|way| self.connections.sender(way).and_then(|s| self.end(s))),
            (None, Content::Icmp { about: Some((from, to)), .. }) => [self.at(to), self.at(from)],
            _ => {
                let first = self.first(place, packet);
                [self.at(first.source), self.at(first.destination)]
            }
        };
        let [there, back] = [packet.from, packet.from.other()].map(EndName::only);
        (near.unwrap_or(there), far.unwrap_or(back))
    }

    /// Between which addresses; an ICMP message belongs to what it is about.
    fn addresses(&self, place: usize, packet: &Packet) -> FlowKey {
        let (a, b) = match packet.content {
            Content::Icmp { about: Some(about), .. } => about,
            _ => {
                let first = self.first(place, packet);
                (first.source, first.destination)
            }
        };
        FlowKey::Addresses(a.min(b), a.max(b))
    }

    fn first<'p>(&'p self, place: usize, packet: &'p Packet) -> &'p Packet {
        self.first.get(&place).map_or(packet, |first| &self.trace.packets[*first])
    }

    fn end(&self, sock: SockId) -> Option<EndName> {
        self.trace.socket(sock).map(|s| s.end)
    }

    fn at(&self, address: SocketAddrV4) -> Option<EndName> {
        self.udp.get(&SocketAddr::from(address)).copied()
    }
}

/// A conversation between two addresses, one connection of many: the nth of this client. What a kernel sends in one
/// depends on nothing in another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Flow {
    client: EndName,
    nth: usize,
}

/// The flow of every packet, and of every socket that has one connection.
pub(crate) struct Flows {
    pub(crate) of_packet: Vec<Flow>,
    pub(crate) of_socket: HashMap<SockId, Flow>,
}

/// What tells flows apart.
#[derive(PartialEq, Eq, Hash)]
enum FlowKey {
    Connection(usize),
    Addresses(SocketAddrV4, SocketAddrV4),
}

impl Flows {
    pub(crate) fn of(trace: &Trace, connections: &Connections, contexts: &[PacketContext]) -> Flows {
        let owners = Owners::of(trace, connections);
        let mut known: HashMap<FlowKey, Flow> = HashMap::new();
        let mut count: HashMap<EndName, usize> = HashMap::new();
        let mut of_socket = HashMap::new();
        let mut of_packet = Vec::with_capacity(trace.packets.len());
        for (place, (packet, context)) in trace.packets.iter().zip(contexts).enumerate() {
            let client = if context.from.role == Role::Client { context.from } else { context.to };
            let way = connections.way(place);
            let key = way.map_or_else(|| owners.addresses(place, packet), |way| FlowKey::Connection(way.0 / 2));
            let flow = *known.entry(key).or_insert_with(|| {
                let nth = count.entry(client).or_default();
                *nth += 1;
                Flow { client, nth: *nth }
            });
            of_packet.push(flow);
            of_socket.extend(way.and_then(|way| connections.sender(way)).map(|sock| (sock, flow)));
        }
        Flows { of_packet, of_socket }
    }
}

/// A socket bound to every address of its host has, on the link, the one its host's packets come from.
pub(crate) fn name_wildcards(trace: &mut Trace) {
    let Trace { packets, sockets, .. } = trace;
    let wildcard = |s: &&mut SocketInfo| s.local.is_some_and(|local| local.ip().is_unspecified());
    for socket in sockets.iter_mut().filter(wildcard) {
        let host = packets.iter().find(|p| p.from == socket.end.role).map(|p| *p.source.ip());
        if let Some((local, host)) = socket.local.as_mut().zip(host) {
            local.set_ip(host.into());
        }
    }
}
