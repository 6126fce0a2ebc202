//! What is done to a watched program's calls: only what TCP may do at any time. A receive call may return fewer bytes
//! than there are, and may come late; a send on a non-blocking socket may take less; a sender may be slow. Which call gets what is decided here, from values alone, so that the same
//! conditions do the same to the same program.

use super::seen::{Operation, SocketKey, SystemCall, Target};
use crate::link::faults::hash;
use crate::trace::{Proto, Role};
use std::collections::HashMap;
use std::fmt;

/// What is done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conditions {
    /// A receiver comes only when everything under way has arrived, or nothing more comes.
    pub late: bool,
    /// Receive calls return less.
    pub cut: Option<Cut>,
    /// Sends on non-blocking sockets take only a part of what they are given.
    pub short_writes: bool,
    /// Every send after the first of a connection comes late, as over a slow network.
    pub slow: bool,
}

impl Conditions {
    /// The options that ask for them, without their dashes, each with its value.
    pub fn options(&self) -> Vec<(String, String)> {
        let flags = [("late", self.late), ("short-writes", self.short_writes), ("slow", self.slow)];
        let flags = flags.into_iter().filter(|(_, on)| *on).map(|(name, _)| (name.to_owned(), String::new()));
        let cut = self.cut.as_ref().map(|cut| ("cut".to_owned(), cut.to_string()));
        cut.into_iter().chain(flags).collect()
    }

    /// The same as one writes them: `--cut 3 --late`.
    pub fn written(&self) -> String {
        let words = self.options().into_iter().map(|(name, value)| format!("--{name} {value}").trim_end().to_owned());
        words.collect::<Vec<_>>().join(" ")
    }
}

/// Which receive calls return less, and how much.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cut {
    /// Each returns at most so many bytes.
    Most(usize),
    /// Left to chance, by this seed.
    Random(u64),
    /// These, and no others.
    At(Vec<CutAt>),
}

/// One receive call that returns less.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CutAt {
    /// At which side of its connection.
    pub side: Role,
    /// Which connection of that side, from 1.
    pub connection: usize,
    /// Which of the calls there that brought bytes, from 1.
    pub nth: usize,
    /// How many bytes it returns at most.
    pub bytes: usize,
}

/// `server:3=1`, and `server/2:3=1` on its second connection.
impl fmt::Display for CutAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.side.word())?;
        if self.connection != 1 {
            write!(f, "/{}", self.connection)?;
        }
        write!(f, ":{}={}", self.nth, self.bytes)
    }
}

impl CutAt {
    /// Reads what [`Display`](fmt::Display) writes.
    fn read(text: &str) -> Option<CutAt> {
        let (place, bytes) = text.split_once('=')?;
        let (end, nth) = place.split_once(':')?;
        let (side, connection) = end.split_once('/').unwrap_or((end, "1"));
        let side = Role::ALL.into_iter().find(|role| role.word() == side)?;
        let number = |text: &str| text.parse().ok().filter(|n: &usize| *n > 0);
        Some(CutAt { side, connection: number(connection)?, nth: number(nth)?, bytes: number(bytes)? })
    }
}

/// What [`Cut::read`] reads; a seed stands beside it.
impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cut::Most(most) => write!(f, "{most}"),
            Cut::Random(seed) => write!(f, "random --seed {seed}"),
            Cut::At(calls) => {
                let calls: Vec<String> = calls.iter().map(ToString::to_string).collect();
                f.write_str(&calls.join(","))
            }
        }
    }
}

impl Cut {
    /// Reads `3`, `random` (with the seed), or a list of calls: `server:3=1,client:1=2`.
    pub fn read(text: &str, seed: u64) -> Option<Cut> {
        match text {
            "random" => Some(Cut::Random(seed)),
            _ => match text.parse() {
                Ok(0) => None,
                Ok(most) => Some(Cut::Most(most)),
                Err(_) => text.split(',').map(CutAt::read).collect::<Option<Vec<_>>>().map(Cut::At),
            },
        }
    }
}

/// What is done to one call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Decision {
    /// So many bytes instead of those it asks for.
    pub allowed: Option<usize>,
    /// It waits until everything under way has arrived.
    pub hold: bool,
    /// It waits as over a slow network.
    pub pause: bool,
}

/// A socket whose place among those of its side is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Delivery {
    side: Role,
    number: usize,
    /// Receive calls that brought bytes.
    receives: usize,
    /// The bytes that they brought.
    received: u64,
    /// Calls that were allowed less than they asked for.
    cuts: usize,
    /// Send calls that took bytes.
    sends: usize,
    /// Receive calls that came late.
    holds: usize,
}

/// The connections so far, and what is done on them.
#[derive(Debug)]
pub struct Deliveries {
    conditions: Conditions,
    connections: HashMap<SocketKey, Delivery>,
    counts: HashMap<Role, usize>,
}

/// A call on a stream about to be made.
#[derive(Clone, Copy, Debug)]
pub struct Wish {
    /// On which socket.
    pub socket: SocketKey,
    /// Stream or datagrams.
    pub proto: Proto,
    /// It sends; else it receives.
    pub sends: bool,
    /// It does not wait (O_NONBLOCK).
    pub nonblocking: bool,
    /// How many bytes it asks for.
    pub asked: usize,
    /// MSG_WAITALL: it may not return less.
    pub all: bool,
    /// MSG_PEEK: it takes nothing.
    pub peeks: bool,
}

impl Deliveries {
    /// Nothing has happened.
    pub fn new(conditions: Conditions) -> Deliveries {
        Deliveries { conditions, connections: HashMap::new(), counts: HashMap::new() }
    }

    /// Learns from a call that returned.
    pub fn saw(&mut self, call: &SystemCall) {
        let Target::Socket(socket) = &call.target else { return };
        match (call.operation, &call.outcome) {
            (Operation::Accept, Ok(_)) => self.connected(socket.key, Role::Server),
            (Operation::Connect, Ok(_)) => self.connected(socket.key, Role::Client),
            (Operation::Connect, Err(error)) if error == "EINPROGRESS" => self.connected(socket.key, Role::Client),
            (Operation::Receive, Ok(1..)) if !call.peeked => {
                if let Some(connection) = self.connections.get_mut(&socket.key) {
                    connection.receives += 1;
                    connection.received += call.bytes.len() as u64;
                    connection.cuts += usize::from(call.allowed.is_some());
                    connection.holds += usize::from(call.held);
                }
            }
            (Operation::Send, Ok(1..)) => {
                if let Some(connection) = self.connections.get_mut(&socket.key) {
                    connection.sends += 1;
                    connection.cuts += usize::from(call.allowed.is_some());
                }
            }
            _ => {}
        }
    }

    fn connected(&mut self, key: SocketKey, side: Role) {
        let counts = &mut self.counts;
        self.connections.entry(key).or_insert_with(|| {
            let number = counts.entry(side).or_default();
            *number += 1;
            Delivery { side, number: *number, receives: 0, received: 0, cuts: 0, sends: 0, holds: 0 }
        });
    }

    /// What is done to a call. A datagram is never cut, nor a call that may not return less.
    pub fn decide(&self, wish: &Wish) -> Decision {
        let Some(connection) = self.connections.get(&wish.socket) else { return Decision::default() };
        if wish.proto != Proto::Tcp || wish.peeks {
            return Decision::default();
        }
        let Conditions { late, cut, short_writes, slow } = &self.conditions;
        if wish.sends {
            let short = *short_writes && wish.nonblocking && wish.asked > 1 && connection.cuts < MOST_CUTS;
            let pause = *slow && connection.sends > 0 && connection.sends < MOST_PAUSES;
            return Decision { allowed: short.then_some(wish.asked / 2), hold: false, pause };
        }
        let may = !wish.all && connection.cuts < MOST_CUTS;
        let most = cut.as_ref().filter(|_| may).and_then(|cut| connection.most(cut, wish.asked));
        Decision {
            allowed: most.filter(|most| *most < wish.asked),
            hold: *late && connection.holds < MOST_HOLDS,
            pause: false,
        }
    }

    /// The place of the next receive call on a socket, as a cut names it.
    pub fn place(&self, socket: SocketKey) -> Option<CutAt> {
        let Delivery { side, number, receives, .. } = *self.connections.get(&socket)?;
        Some(CutAt { side, connection: number, nth: receives + 1, bytes: 0 })
    }
}

/// So many calls of a connection are cut; then it goes on unharmed, so that a long transfer comes to its end.
const MOST_CUTS: usize = 1000;
/// So many receive calls of a connection come late.
const MOST_HOLDS: usize = 100;
/// So many sends of a connection are slow.
const MOST_PAUSES: usize = 8;

/// The longest piece that chance makes: messages under test are short.
const LONGEST_PIECE: u64 = 16;

impl Delivery {
    fn most(&self, cut: &Cut, asked: usize) -> Option<usize> {
        match cut {
            Cut::Most(most) => Some(*most),
            Cut::Random(seed) => {
                let mixed = hash([*seed, self.side as u64, self.number as u64, self.received].into_iter());
                // One call in four is left alone.
                let piece = 1 + (mixed >> 2) % LONGEST_PIECE.min(asked as u64).max(1);
                (mixed % 4 != 0).then_some(piece as usize)
            }
            Cut::At(calls) => {
                let here =
                    |at: &&CutAt| (at.side, at.connection, at.nth) == (self.side, self.number, self.receives + 1);
                calls.iter().find(here).map(|at| at.bytes)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watch::seen::{SocketSeen, Target};
    use proptest::prelude::*;

    const SOCKET: SocketKey = SocketKey(7);

    /// A server's first connection, on which so many bytes were received in calls of one byte.
    fn accepted(conditions: Conditions, received: usize) -> Deliveries {
        let mut deliveries = Deliveries::new(conditions);
        let socket = SocketSeen { key: SOCKET, proto: Proto::Tcp, local: None, peer: None };
        let call = SystemCall::made(1, Operation::Accept, 4, Target::Socket(socket));
        deliveries.saw(&call);
        for _ in 0..received {
            let bytes = vec![0];
            deliveries.saw(&SystemCall { operation: Operation::Receive, outcome: Ok(1), bytes, ..call.clone() });
        }
        deliveries
    }

    fn wish(asked: usize) -> Wish {
        let (sends, nonblocking, all, peeks) = (false, false, false, false);
        Wish { socket: SOCKET, proto: Proto::Tcp, sends, nonblocking, asked, all, peeks }
    }

    fn cuts() -> impl Strategy<Value = Cut> {
        let at = (prop_oneof![Just(Role::Client), Just(Role::Server)], 1usize..4, 1usize..9, 1usize..9)
            .prop_map(|(side, connection, nth, bytes)| CutAt { side, connection, nth, bytes });
        prop_oneof![
            (1usize..100).prop_map(Cut::Most),
            any::<u64>().prop_map(Cut::Random),
            proptest::collection::vec(at, 1..5).prop_map(Cut::At)
        ]
    }

    proptest! {
        /// A cut leaves at least one byte and takes at least one away; nothing is done where TCP may not do it.
        #[test]
        fn only_what_tcp_may_do_is_done(cut in cuts(), asked in 0usize..5000, received in 0usize..20) {
            let deliveries = accepted(Conditions { cut: Some(cut), ..Conditions::default() }, received);
            let allowed = |wish: &Wish| deliveries.decide(wish).allowed;
            prop_assert!(allowed(&wish(asked)).is_none_or(|n| (1..asked).contains(&n)));
            prop_assert_eq!(allowed(&wish(asked)), allowed(&wish(asked)), "the same each time");
            prop_assert_eq!(allowed(&Wish { all: true, ..wish(asked) }), None, "MSG_WAITALL");
            prop_assert_eq!(allowed(&Wish { peeks: true, ..wish(asked) }), None);
            prop_assert_eq!(allowed(&Wish { proto: Proto::Udp, ..wish(asked) }), None);
            prop_assert_eq!(allowed(&Wish { sends: true, nonblocking: true, ..wish(asked) }), None);
        }

        /// What is printed to replay a cut is understood.
        #[test]
        fn a_cut_reads_back_as_it_is_written(cut in cuts()) {
            let written = cut.to_string();
            let (text, seed) = written.split_once(" --seed ").unwrap_or((&written, "0"));
            prop_assert_eq!(Cut::read(text, seed.parse().expect("a number")), Some(cut));
        }
    }

    #[test]
    fn a_named_call_is_cut_and_no_other() {
        let at = CutAt { side: Role::Server, connection: 1, nth: 3, bytes: 1 };
        let conditions = Conditions { cut: Some(Cut::At(vec![at])), ..Conditions::default() };
        let allowed: Vec<_> = (0..5).map(|n| accepted(conditions.clone(), n).decide(&wish(4)).allowed).collect();
        assert_eq!(allowed, [None, None, Some(1), None, None]);
    }

    #[test]
    fn what_is_no_cut_is_refused() {
        for text in ["", "0", "-1", "server", "server:1", "server:0=1", "server:1=0", "peer:1=1", "server/0:1=1"] {
            assert_eq!(Cut::read(text, 1), None, "{text}");
        }
    }
}
