//! What is done to a watched program's calls: only what TCP and UDP may do at any time. A receive call may return fewer
//! bytes than there are, and may come late; a send on a non-blocking socket may take less; a sender may be slow; a
//! datagram may be lost, come twice or behind the next. Which call gets what is decided here, from values alone, so that
//! the same conditions do the same to the same program.

mod cut;
mod strikes;

pub use cut::{Cut, CutAt, StreamPlace};
pub use strikes::{DatagramAt, OnTheWay, Strikes};

use super::seen::{Operation, SocketKey, SystemCall, Target};
use crate::trace::{Proto, Role, Struck};
use cut::{ConnectionSide, StreamSoFar};
use std::collections::HashMap;
use std::net::SocketAddr;
use strikes::SentFlows;

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
    /// A signal ends a call with MSG_WAITALL before all of it is there (recv(2)).
    pub interrupt: bool,
    /// What becomes of datagrams.
    pub datagrams: OnTheWay,
}

impl Conditions {
    /// The options that ask for them, without their dashes, each with its value.
    pub fn options(&self) -> Vec<(String, String)> {
        let flags = [
            ("late", self.late),
            ("short-writes", self.short_writes),
            ("slow", self.slow),
            ("interrupt", self.interrupt),
        ];
        let flags = flags.into_iter().filter(|(_, on)| *on).map(|(name, _)| (name.to_owned(), String::new()));
        let cut = self.cut.as_ref().map(|cut| ("cut".to_owned(), cut.to_string()));
        let datagrams = self.datagrams.options().map(|(name, strikes)| (name.to_owned(), strikes.to_string()));
        let seed = self.seed().map(|seed| ("seed".to_owned(), seed.to_string()));
        cut.into_iter().chain(datagrams).chain(seed).chain(flags).collect()
    }

    /// What is left to chance hangs on it: one for all.
    fn seed(&self) -> Option<u64> {
        let of_cut = self.cut.as_ref().and_then(|cut| if let Cut::Random(seed) = cut { Some(*seed) } else { None });
        let mut of_strikes = self.datagrams.options().filter_map(|(_, strikes)| strikes.seed());
        of_cut.or_else(|| of_strikes.next())
    }

    /// The same as one writes them: `--cut 3 --late`.
    pub fn written(&self) -> String {
        let words = self.options().into_iter().map(|(name, value)| format!("--{name} {value}").trim_end().to_owned());
        words.collect::<Vec<_>>().join(" ")
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
    flows: SentFlows,
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
        Deliveries { conditions, connections: HashMap::new(), counts: HashMap::new(), flows: SentFlows::default() }
    }

    /// Learns from a call that returned.
    pub fn saw(&mut self, call: &SystemCall) {
        let Target::Socket(socket) = &call.target else { return };
        self.flows.saw(call);
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
        let Conditions { late, cut, short_writes, slow, interrupt, .. } = &self.conditions;
        if wish.sends {
            let short = *short_writes && wish.nonblocking && wish.asked > 1 && connection.cuts < MOST_CUTS;
            let pause = *slow && connection.sends > 0 && connection.sends < MOST_PAUSES;
            return Decision { allowed: short.then_some(wish.asked / 2), hold: false, pause };
        }
        let may = (!wish.all || *interrupt) && connection.cuts < MOST_CUTS;
        let most = cut.as_ref().and_then(|cut| cut.most(&connection.received(), wish.asked));
        // Half of it is there when the signal comes.
        let most = most.or((*interrupt && wish.all && wish.asked > 1).then_some(wish.asked / 2)).filter(|_| may);
        Decision {
            allowed: most.filter(|most| *most < wish.asked),
            hold: *late && connection.holds < MOST_HOLDS,
            pause: false,
        }
    }

    /// What becomes of the next datagram from a socket to an address.
    pub fn on_the_way(&self, socket: SocketKey, to: SocketAddr) -> Option<Struck> {
        self.flows.decide(&self.conditions.datagrams, socket, to)
    }

    /// Its place, as a strike names it.
    pub fn datagram(&self, socket: SocketKey, to: SocketAddr) -> DatagramAt {
        self.flows.next(socket, to)
    }

    /// The place of the next receive call on a socket, as a cut names it.
    pub fn place(&self, socket: SocketKey) -> Option<CutAt> {
        let Delivery { side, number, receives, .. } = *self.connections.get(&socket)?;
        Some(CutAt { side, connection: number, nth: receives + 1, bytes: 0 })
    }
}

impl Delivery {
    fn received(&self) -> StreamSoFar {
        StreamSoFar { end: ConnectionSide(self.side, self.number), calls: self.receives, bytes: self.received }
    }
}

/// So many calls of a connection are cut; then it goes on unharmed, so that a long transfer comes to its end.
const MOST_CUTS: usize = 1000;
/// So many receive calls of a connection come late.
const MOST_HOLDS: usize = 100;
/// So many sends of a connection are slow.
const MOST_PAUSES: usize = 8;

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
        let place = (prop_oneof![Just(Role::Client), Just(Role::Server)], 1usize..4, 1u64..30)
            .prop_map(|(side, connection, offset)| StreamPlace { side, connection, offset });
        prop_oneof![
            (1usize..100).prop_map(Cut::Most),
            any::<u64>().prop_map(Cut::Random),
            proptest::collection::vec(at, 1..5).prop_map(Cut::At),
            proptest::collection::vec(place, 1..5).prop_map(Cut::Before)
        ]
    }

    fn strikes() -> impl Strategy<Value = Strikes> {
        let at = (prop_oneof![Just(Role::Client), Just(Role::Server)], 1usize..4, 1usize..9)
            .prop_map(|(side, flow, nth)| DatagramAt { side, flow, nth });
        prop_oneof![
            (1usize..100).prop_map(Strikes::Every),
            any::<u64>().prop_map(Strikes::Random),
            proptest::collection::vec(at, 1..5).prop_map(Strikes::At)
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
            let conditions = Conditions { cut: Some(cut.clone()), ..Conditions::default() };
            prop_assert_eq!(Cut::read(&cut.to_string(), conditions.seed().unwrap_or(0)), Some(cut));
        }

        #[test]
        fn a_strike_reads_back_as_it_is_written(strikes in strikes()) {
            let seed = strikes.seed().unwrap_or(0);
            prop_assert_eq!(Strikes::read(&strikes.to_string(), seed), Some(strikes));
        }

        /// However a program asks, no call goes on behind a place, and each place that lies in what it receives ends one.
        #[test]
        fn no_call_goes_on_behind_a_place(offsets in proptest::collection::btree_set(1u64..60, 1..6), asked in 1usize..40) {
            let place = |offset: &u64| StreamPlace { side: Role::Server, connection: 1, offset: *offset };
            let cut = Cut::Before(offsets.iter().map(place).collect());
            let mut ends = std::collections::BTreeSet::new();
            let mut bytes = 0;
            while bytes < 60 {
                let here = StreamSoFar { end: ConnectionSide(Role::Server, 1), calls: 0, bytes };
                let taken = cut.most(&here, asked).map_or(asked, |most| most.min(asked)) as u64;
                prop_assert!(!offsets.iter().any(|offset| bytes < *offset && *offset < bytes + taken));
                bytes += taken;
                ends.insert(bytes);
            }
            prop_assert!(offsets.is_subset(&ends));
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
    fn a_signal_ends_a_call_that_waits_for_all() {
        let conditions = Conditions { interrupt: true, ..Conditions::default() };
        let decide = |wish: Wish| accepted(conditions.clone(), 0).decide(&wish).allowed;
        assert_eq!(decide(Wish { all: true, ..wish(10) }), Some(5));
        assert_eq!(decide(Wish { all: true, ..wish(1) }), None, "nothing would be there");
        assert_eq!(decide(wish(10)), None, "no call that does not wait for all");
    }

    /// The client sends to the server, and the server answers: two flows, each counted for itself.
    #[test]
    fn a_datagram_is_named_by_who_receives_it() {
        let (here, there) = (([127, 0, 0, 1], 1).into(), ([127, 0, 0, 1], 2).into());
        let lose = Strikes::read("server:2,client:1", 0);
        let datagrams = OnTheWay { lose, double: Strikes::read("2", 0), ..OnTheWay::default() };
        let mut deliveries = Deliveries::new(Conditions { datagrams, ..Conditions::default() });
        let [client, server] = [1, 2].map(SocketKey);
        let call = |operation, key, to| {
            let target = Target::Socket(SocketSeen { key, proto: Proto::Udp, local: None, peer: None });
            SystemCall { address: Some(to), ..SystemCall::made(1, operation, 3, target) }
        };
        let mut fates = Vec::new();
        for (operation, key, to) in [
            (Operation::Send, client, there),
            (Operation::Receive, server, here),
            (Operation::Send, server, here),
            (Operation::Send, client, there),
            (Operation::Send, server, here),
        ] {
            if operation == Operation::Send {
                fates.push((deliveries.datagram(key, to).to_string(), deliveries.on_the_way(key, to)));
            }
            deliveries.saw(&call(operation, key, to));
        }
        let fate = |place: &str, fate| (place.to_owned(), fate);
        assert_eq!(
            fates,
            [
                fate("server:1", None),
                fate("client:1", Some(Struck::Lost)),
                fate("server:2", Some(Struck::Lost)),
                fate("client:2", Some(Struck::Doubled)),
            ]
        );
    }

    #[test]
    fn one_seed_is_written_for_all() {
        let datagrams = OnTheWay { lose: Some(Strikes::Random(7)), ..OnTheWay::default() };
        let conditions = Conditions { cut: Some(Cut::Random(7)), late: true, datagrams, ..Conditions::default() };
        assert_eq!(conditions.written(), "--cut random --lose random --seed 7 --late");
    }

    #[test]
    fn what_is_no_cut_is_refused() {
        for text in
            ["", "0", "-1", "server", "server:1", "server:0=1", "server:1=0", "peer:1=1", "server/0:1=1", "server@0"]
        {
            assert_eq!(Cut::read(text, 1), None, "{text}");
        }
        for text in ["", "0", "-1", "server", "server:0", "peer:1", "server/0:1", "server:1=1", "server@1"] {
            assert_eq!(Strikes::read(text, 1), None, "{text}");
        }
    }
}
