//! Causal order: whatever happens stands after everything it depends on, whatever the clocks of two threads said.
//!
//! A receive returns before the sender's thread gets to read its clock, so sorting by time would show
//! effects before causes. Each end's own order is kept; across ends, bytes are received after they
//! are sent, an accept after its connect, end of stream after the close, a gate after its opening.
//! (L. Lamport, "Time, Clocks, and the Ordering of Events in a Distributed System", 1978.)
//!
//! With a link the run is played as discrete events: each end has its lane of calls, and each flow at each host
//! the sequence of departures and arrivals that the link saw there. A packet stands where it left; its
//! arrival is no row but lets others happen. What each of them needs is in `needs`.
//!
//! [`Tie::Clock`] plays what may happen next by the clock. [`Tie::Lane`] gives the same text on every run
//! although the clocks differ, so it lets happen first what takes no time: the rest of what arrives together
//! and the packets that leave in answer to it, then the calls, clients first. What takes time comes after
//! all of that, by the clock: the next arrivals, sleeps, and packets that a timer sent (a delayed ACK, a
//! retransmission, a probe). Were it the other way round, whether a call got in between two packets that
//! are microseconds apart would be chance.

use super::connections::{Connections, Flow, Flows};
use super::needs::Needs;
use super::packet::{Content, Flags, Packet};
use super::{Call, EndName, Event, Fact, Role, SockId, Trace};
use std::collections::{BTreeMap, HashMap, VecDeque};

/// An ACK that leaves this long after the last that happened to its flow was sent by a timer, in microseconds: that
/// of the delayed ACK has 40 ms; a busy machine is late by less than half.
const ACK_TIMER_US: u64 = 20_000;

/// The same of other segments: the timers that retransmit and uncork have 200 ms.
const TIMER_US: u64 = 100_000;

/// Times that are nearer to each other than this are no order, in microseconds: a busy machine mixes them up.
const NOISE_US: u64 = 5_000;

/// How events that are not ordered by cause are laid side by side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tie {
    /// By the clock: what really happened first.
    Clock,
    /// By lane, clients first: the same on every run.
    Lane,
    /// The calls so, and all packets behind them: where packets stand differently on each run.
    LaneWithoutPackets,
}

/// Sorts events and packets and gives each its `seq`.
pub(super) fn sort(trace: &mut Trace, tie: Tie) {
    if tie == Tie::LaneWithoutPackets {
        let mut packets = std::mem::take(&mut trace.packets);
        sort(trace, Tie::Lane);
        (trace.events.len() + 1..).zip(&mut packets).for_each(|(seq, packet)| packet.seq = seq);
        trace.packets = packets;
        return;
    }
    let contexts = trace.contexts();
    let connections = Connections::of(trace);
    let flows = Flows::of(trace, &connections, &contexts);
    let purposes = contexts.iter().map(|c| c.purpose).collect();
    let mut packets = std::mem::take(&mut trace.packets);
    let needs = Needs::of(trace, &packets, connections, purposes);
    let events = std::mem::take(&mut trace.events);
    let places = Play::new(events, &packets, flows, needs, tie).run(&mut trace.events);
    packets.iter_mut().zip(places).for_each(|(packet, seq)| packet.seq = seq);
    packets.sort_by_key(|p| p.seq);
    trace.packets = packets;
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

/// What the link saw of a flow at a host. Of the same microsecond the arrival is the cause.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Passage {
    Arrival(usize),
    Departure(usize),
}

/// One flow at one host.
#[derive(Default)]
struct Track {
    /// What the link saw and is not yet played.
    passages: VecDeque<(u64, Passage)>,
    /// When something last happened that makes packets leave at once.
    last_us: u64,
    /// The packet that arrived last, and how long it was under way.
    arrived: Option<(usize, u64)>,
}

/// Where the next thing happens.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Timeline {
    Lane(EndName),
    Track(Role, Flow),
}

/// How soon something happens once it can, the soonest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Haste {
    Packet,
    Call,
    Clock,
}

/// A recording that is being played.
struct Play<'a> {
    tie: Tie,
    lanes: BTreeMap<EndName, VecDeque<Event>>,
    tracks: BTreeMap<(Role, Flow), Track>,
    flow_of: HashMap<SockId, Flow>,
    needs: Needs<'a>,
    packets: &'a [Packet],
    /// By packet: its `seq`, 0 until it has left.
    left: Vec<usize>,
    /// By packet: the instant in which it left.
    left_in: Vec<usize>,
    happened: usize,
    /// How often the clock has decided: between two such times everything happens at once.
    instant: usize,
}

impl<'a> Play<'a> {
    fn new(events: Vec<Event>, packets: &'a [Packet], flows: Flows, needs: Needs<'a>, tie: Tie) -> Play<'a> {
        let mut lanes: BTreeMap<EndName, VecDeque<Event>> = BTreeMap::new();
        for event in events {
            lanes.entry(event.end).or_default().push_back(event);
        }
        let mut tracks: BTreeMap<(Role, Flow), Track> = BTreeMap::new();
        for (place, (packet, flow)) in packets.iter().zip(flows.of_packet).enumerate() {
            let near = tracks.entry((packet.from, flow)).or_default();
            near.passages.push_back((packet.t_us, Passage::Departure(place)));
            let far = tracks.entry((packet.from.other(), flow)).or_default();
            far.passages.extend(packet.arrivals.iter().map(|at| (*at, Passage::Arrival(place))));
        }
        tracks.values_mut().for_each(|track| track.passages.make_contiguous().sort_unstable());
        let [left, left_in] = [vec![0; packets.len()], vec![0; packets.len()]];
        Play { tie, lanes, tracks, flow_of: flows.of_socket, needs, packets, left, left_in, happened: 0, instant: 0 }
    }

    /// Plays to the end; the events go out in order, the packets' places are returned.
    fn run(mut self, out: &mut Vec<Event>) -> Vec<usize> {
        while let Some(next) = self.choose() {
            self.instant += usize::from(self.haste(next) == Haste::Clock);
            match next {
                Timeline::Lane(end) => out.extend(self.call(end)),
                Timeline::Track(role, flow) => self.passage(role, flow),
            }
        }
        self.left
    }

    fn call(&mut self, end: EndName) -> Option<Event> {
        let mut event = self.lanes.get_mut(&end)?.pop_front()?;
        self.needs.event(&event);
        if !is_idle(&event) {
            self.touch(&event);
        }
        self.happened += 1;
        event.seq = self.happened;
        Some(event)
    }

    /// A call on a connection is a reason for packets of its flow; another, for any at its host.
    fn touch(&mut self, event: &Event) {
        let flow = event.sock.and_then(|sock| self.flow_of.get(&sock));
        let touched = |(role, of): &(Role, Flow)| *role == event.end.role && flow.is_none_or(|flow| flow == of);
        for (_, track) in self.tracks.iter_mut().filter(|(key, _)| touched(key)) {
            track.last_us = track.last_us.max(event.moment_us());
        }
    }

    fn passage(&mut self, role: Role, flow: Flow) {
        let Some(track) = self.tracks.get_mut(&(role, flow)) else { return };
        let Some((at, passage)) = track.passages.pop_front() else { return };
        track.last_us = track.last_us.max(at);
        match passage {
            Passage::Arrival(packet) => {
                track.arrived = Some((packet, at.saturating_sub(self.packets[packet].t_us)));
                self.needs.arrival(packet);
            }
            Passage::Departure(packet) => {
                self.needs.departure(packet);
                self.happened += 1;
                self.left[packet] = self.happened;
                self.left_in[packet] = self.instant;
            }
        }
    }

    /// What comes next in each lane and on each track, and when.
    fn heads(&self) -> impl Iterator<Item = (Timeline, u64)> {
        let calls = self.lanes.iter().filter_map(|(end, lane)| Some((Timeline::Lane(*end), lane.front()?.moment_us())));
        let next = |track: &Track| track.passages.front().map(|(at, _)| *at);
        let tracks = self.tracks.iter();
        calls.chain(tracks.filter_map(move |((role, flow), track)| Some((Timeline::Track(*role, *flow), next(track)?))))
    }

    /// Where something may happen now: the earliest, or with [`Tie::Lane`] the hastiest.
    /// Should a cycle ever appear (it cannot, when events are true), the earliest is taken.
    fn choose(&self) -> Option<Timeline> {
        let earliest = |(place, at): &(Timeline, u64)| (*at, *place);
        let ready = || self.heads().filter(|(place, _)| self.may(*place));
        let chosen = match self.tie {
            Tie::Clock => ready().min_by_key(earliest),
            Tie::Lane | Tie::LaneWithoutPackets => match ready().map(|(place, _)| self.haste(place)).min() {
                Some(Haste::Clock) => self.by_the_clock(ready()),
                soonest => ready().find(|(place, _)| Some(self.haste(*place)) == soonest),
            },
        };
        chosen.or_else(|| self.heads().min_by_key(earliest)).map(|(place, _)| place)
    }

    fn may(&self, place: Timeline) -> bool {
        match place {
            Timeline::Lane(end) => self.lanes[&end].front().is_some_and(|event| self.needs.allow_event(event)),
            Timeline::Track(role, flow) => match self.tracks[&(role, flow)].passages.front() {
                Some((_, Passage::Arrival(packet))) => self.left[*packet] > 0,
                Some((_, Passage::Departure(packet))) => self.needs.allow_departure(*packet),
                None => false,
            },
        }
    }

    fn haste(&self, place: Timeline) -> Haste {
        match place {
            Timeline::Lane(end) => match self.lanes[&end].front() {
                // While an end sleeps the world goes on.
                Some(event) if is_sleep(event) && !self.tracks.is_empty() => Haste::Clock,
                _ => Haste::Call,
            },
            Timeline::Track(role, flow) => {
                let track = &self.tracks[&(role, flow)];
                let soon = match track.passages.front() {
                    Some((at, Passage::Departure(packet))) => {
                        timer_us(&self.packets[*packet]).is_none_or(|least| at.saturating_sub(track.last_us) < least)
                    }
                    Some((at, Passage::Arrival(packet))) => self.is_beside_the_last(track, *packet, *at),
                    None => false,
                };
                if soon { Haste::Packet } else { Haste::Clock }
            }
        }
    }

    /// Did it leave in the same instant as the packet that arrived last, and was not under way for longer? How long
    /// their sender really took in between is chance; the link may have been late at both ends.
    fn is_beside_the_last(&self, track: &Track, packet: usize, at: u64) -> bool {
        let under_way = at.saturating_sub(self.packets[packet].t_us);
        let beside = |(last, of_last)| self.left_in[last] == self.left_in[packet] && under_way < of_last + 2 * NOISE_US;
        track.arrived.is_some_and(beside)
    }

    /// The earliest; of those that are too near to tell, sleeps and timers before arrivals, and these as
    /// their packets left.
    fn by_the_clock(&self, ready: impl Iterator<Item = (Timeline, u64)>) -> Option<(Timeline, u64)> {
        let ready: Vec<(Timeline, u64)> = ready.collect();
        let first = ready.iter().map(|(_, at)| *at).min()?;
        let rank = |place: &Timeline| match place {
            Timeline::Track(role, flow) => match self.tracks[&(*role, *flow)].passages.front() {
                Some((_, Passage::Arrival(packet))) => self.left[*packet],
                _ => 0,
            },
            Timeline::Lane(_) => 0,
        };
        ready.into_iter().filter(|(_, at)| *at - first < NOISE_US).min_by_key(|(place, _)| (rank(place), *place))
    }
}

/// A packet that leaves so long after its cause was sent by a timer, in microseconds. Datagrams, and the first SYN,
/// leave with their call; a late one was late, and waited for nothing.
fn timer_us(packet: &Packet) -> Option<u64> {
    match packet.content {
        Content::Tcp(_) if packet.is_pure_ack() => Some(ACK_TIMER_US),
        Content::Tcp(segment) => (segment.retransmission || !segment.flags.has(Flags::SYN)).then_some(TIMER_US),
        Content::Udp => None,
        Content::Icmp { .. } | Content::Other(_) => Some(TIMER_US),
    }
}

/// A call after which no packet leaves at once.
fn is_idle(event: &Event) -> bool {
    matches!(event.call, Call::Wait | Call::Deliver | Call::Process | Call::Print)
}

fn is_sleep(event: &Event) -> bool {
    matches!(event.fact, Some(Fact::Pause(_)))
}
