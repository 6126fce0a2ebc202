//! What is done to datagrams on their way, and to which: all of it things that UDP may do. One is lost, comes twice, or
//! comes behind the next.

use super::super::seen::{Operation, SocketKey, SystemCall, Target};
use super::cut::{ConnectionSide, listed, number};
use crate::link::faults::hash;
use crate::trace::{Proto, Role, Struck};
use std::collections::HashMap;
use std::fmt;
use std::net::SocketAddr;

/// Which datagrams something is done to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Strikes {
    /// Each that many of a flow.
    Every(usize),
    /// One in four, left to chance, by this seed.
    Random(u64),
    /// These, and no others.
    At(Vec<DatagramAt>),
}

/// A datagram by its place among those that one side is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DatagramAt {
    /// Which side it is sent to.
    pub side: Role,
    /// Which flow to that side, from 1: from one socket to one address.
    pub flow: usize,
    /// Which of the flow, from 1.
    pub nth: usize,
}

/// `server:3`, and `server/2:3` of its second flow.
impl fmt::Display for DatagramAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", ConnectionSide(self.side, self.flow), self.nth)
    }
}

impl DatagramAt {
    /// Reads what [`Display`](fmt::Display) writes.
    fn read(text: &str) -> Option<DatagramAt> {
        let (end, nth) = text.split_once(':')?;
        let ConnectionSide(side, flow) = ConnectionSide::read(end)?;
        Some(DatagramAt { side, flow, nth: number(nth)? })
    }
}

/// What [`Strikes::read`] reads; the seed is another option.
impl fmt::Display for Strikes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Strikes::Every(n) => write!(f, "{n}"),
            Strikes::Random(_) => f.write_str("random"),
            Strikes::At(datagrams) => listed(f, datagrams),
        }
    }
}

impl Strikes {
    /// Reads `3`, `random` (with the seed), or a list of datagrams: `server:3,client:1`.
    pub fn read(text: &str, seed: u64) -> Option<Strikes> {
        match text {
            "random" => Some(Strikes::Random(seed)),
            _ if text.contains(':') => text.split(',').map(DatagramAt::read).collect::<Option<_>>().map(Strikes::At),
            _ => number(text).map(Strikes::Every),
        }
    }

    /// What chance hangs on.
    pub(super) fn seed(&self) -> Option<u64> {
        if let Strikes::Random(seed) = self { Some(*seed) } else { None }
    }

    fn hit(&self, at: &DatagramAt, how: Struck) -> bool {
        match self {
            Strikes::Every(n) => at.nth % n == 0,
            Strikes::Random(seed) => {
                let place = [*seed, how as u64, at.side as u64, at.flow as u64, at.nth as u64];
                hash(place.into_iter()) % 4 == 0
            }
            Strikes::At(datagrams) => datagrams.contains(at),
        }
    }
}

/// What is done to datagrams.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OnTheWay {
    /// These are lost.
    pub lose: Option<Strikes>,
    /// These come twice.
    pub double: Option<Strikes>,
    /// These come behind the next of their flow.
    pub swap: Option<Strikes>,
}

impl OnTheWay {
    /// Each by its option.
    pub(super) fn options(&self) -> impl Iterator<Item = (&'static str, &Strikes)> {
        let all = [("lose", &self.lose), ("double", &self.double), ("swap", &self.swap)];
        all.into_iter().filter_map(|(name, strikes)| Some((name, strikes.as_ref()?)))
    }

    /// What becomes of a datagram; what is lost can neither be doubled nor swapped.
    fn of(&self, at: &DatagramAt) -> Option<Struck> {
        let all = [(Struck::Lost, &self.lose), (Struck::Doubled, &self.double), (Struck::Swapped, &self.swap)];
        let hit = |(how, strikes): &(Struck, &Option<Strikes>)| strikes.as_ref().is_some_and(|it| it.hit(at, *how));
        all.into_iter().find(hit).map(|(how, _)| how)
    }
}

/// The flows of datagrams so far: who first sends on a socket is a client, who first receives the server.
#[derive(Debug, Default)]
pub(super) struct SentFlows {
    roles: HashMap<SocketKey, Role>,
    /// By socket and destination: the place of the last datagram.
    last: HashMap<(SocketKey, SocketAddr), DatagramAt>,
    /// How many flows there are to each side.
    counts: HashMap<Role, usize>,
}

impl SentFlows {
    /// The place of the next datagram from a socket to an address.
    pub(super) fn next(&self, socket: SocketKey, to: SocketAddr) -> DatagramAt {
        let side = self.roles.get(&socket).copied().unwrap_or(Role::Client).other();
        let new = || DatagramAt { side, flow: self.counts.get(&side).map_or(1, |n| n + 1), nth: 0 };
        let last = self.last.get(&(socket, to)).copied().unwrap_or_else(new);
        DatagramAt { nth: last.nth + 1, ..last }
    }

    /// Learns from a call that returned.
    pub(super) fn saw(&mut self, call: &SystemCall) {
        let Target::Socket(socket) = &call.target else { return };
        if socket.proto != Proto::Udp || call.outcome.is_err() {
            return;
        }
        match (call.operation, call.address.or(socket.peer)) {
            (Operation::Receive, _) => drop(self.roles.entry(socket.key).or_insert(Role::Server)),
            (Operation::Send, Some(to)) => {
                self.roles.entry(socket.key).or_insert(Role::Client);
                let next = self.next(socket.key, to);
                if self.last.insert((socket.key, to), next).is_none() {
                    *self.counts.entry(next.side).or_default() += 1;
                }
            }
            _ => {}
        }
    }

    /// What becomes of the next datagram.
    pub(super) fn decide(&self, what: &OnTheWay, socket: SocketKey, to: SocketAddr) -> Option<Struck> {
        what.of(&self.next(socket, to))
    }
}
