//! Which receive calls on a stream return less, and how one writes them.

use crate::link::faults::hash;
use crate::trace::Role;
use std::fmt;

/// Which receive calls return less, and how much.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cut {
    /// Each returns at most so many bytes.
    Most(usize),
    /// Left to chance, by this seed.
    Random(u64),
    /// These, and no others.
    At(Vec<CutAt>),
    /// None goes on behind one of these places.
    Before(Vec<StreamPlace>),
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
        write!(f, "{}:{}={}", ConnectionSide(self.side, self.connection), self.nth, self.bytes)
    }
}

impl CutAt {
    /// Reads what [`Display`](fmt::Display) writes.
    fn read(text: &str) -> Option<CutAt> {
        let (place, bytes) = text.split_once('=')?;
        let (end, nth) = place.split_once(':')?;
        let ConnectionSide(side, connection) = ConnectionSide::read(end)?;
        Some(CutAt { side, connection, nth: number(nth)?, bytes: number(bytes)? })
    }
}

/// A place in what one side of a connection receives: no call goes on behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StreamPlace {
    /// Which side receives.
    pub side: Role,
    /// Which connection of that side, from 1.
    pub connection: usize,
    /// How many bytes come before it.
    pub offset: u64,
}

/// `server@5`, and `server/2@5` on its second connection.
impl fmt::Display for StreamPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", ConnectionSide(self.side, self.connection), self.offset)
    }
}

impl StreamPlace {
    /// Reads what [`Display`](fmt::Display) writes.
    fn read(text: &str) -> Option<StreamPlace> {
        let (end, offset) = text.split_once('@')?;
        let ConnectionSide(side, connection) = ConnectionSide::read(end)?;
        let offset = offset.parse().ok().filter(|n: &u64| *n > 0)?;
        Some(StreamPlace { side, connection, offset })
    }
}

/// A side, and which of its connections: `server`, `server/2`.
pub(super) struct ConnectionSide(pub(super) Role, pub(super) usize);

impl fmt::Display for ConnectionSide {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.word())?;
        if self.1 == 1 { Ok(()) } else { write!(f, "/{}", self.1) }
    }
}

impl ConnectionSide {
    pub(super) fn read(text: &str) -> Option<ConnectionSide> {
        let (side, connection) = text.split_once('/').unwrap_or((text, "1"));
        let side = Role::ALL.into_iter().find(|role| role.word() == side)?;
        Some(ConnectionSide(side, number(connection)?))
    }
}

/// A number from 1.
pub(super) fn number(text: &str) -> Option<usize> {
    text.parse().ok().filter(|n| *n > 0)
}

/// What [`Cut::read`] reads; the seed is another option.
impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cut::Most(most) => write!(f, "{most}"),
            Cut::Random(_) => f.write_str("random"),
            Cut::At(calls) => listed(f, calls),
            Cut::Before(places) => listed(f, places),
        }
    }
}

/// Several, with commas between them.
pub(super) fn listed<T: fmt::Display>(f: &mut fmt::Formatter<'_>, all: &[T]) -> fmt::Result {
    let all: Vec<String> = all.iter().map(ToString::to_string).collect();
    f.write_str(&all.join(","))
}

impl Cut {
    /// Reads `3`, `random` (with the seed), a list of calls: `server:3=1,client:1=2`, or of places: `server@5`.
    pub fn read(text: &str, seed: u64) -> Option<Cut> {
        match text {
            "random" => Some(Cut::Random(seed)),
            _ if text.contains('@') => text.split(',').map(StreamPlace::read).collect::<Option<_>>().map(Cut::Before),
            _ => match text.parse() {
                Ok(0) => None,
                Ok(most) => Some(Cut::Most(most)),
                Err(_) => text.split(',').map(CutAt::read).collect::<Option<_>>().map(Cut::At),
            },
        }
    }

    /// The most that the next receive call may return which asks for so much; here stands what came before it.
    pub(super) fn most(&self, here: &StreamSoFar, asked: usize) -> Option<usize> {
        let ConnectionSide(side, connection) = here.end;
        match self {
            Cut::Most(most) => Some(*most),
            Cut::Random(seed) => {
                let mixed = hash([*seed, side as u64, connection as u64, here.bytes].into_iter());
                // One call in four is left alone.
                let piece = 1 + (mixed >> 2) % LONGEST_PIECE.min(asked as u64).max(1);
                (mixed % 4 != 0).then_some(piece as usize)
            }
            Cut::At(calls) => {
                let next = (side, connection, here.calls + 1);
                calls.iter().find(|at| (at.side, at.connection, at.nth) == next).map(|at| at.bytes)
            }
            Cut::Before(places) => {
                let here_in = |at: &&StreamPlace| (at.side, at.connection) == (side, connection);
                let ahead = places.iter().filter(here_in).filter_map(|at| at.offset.checked_sub(here.bytes));
                ahead.filter(|n| *n > 0).min().map(|n| usize::try_from(n).unwrap_or(usize::MAX))
            }
        }
    }
}

/// What one side of a connection has received.
pub(super) struct StreamSoFar {
    pub(super) end: ConnectionSide,
    /// Calls that brought bytes.
    pub(super) calls: usize,
    pub(super) bytes: u64,
}

/// The longest piece that chance makes: messages under test are short.
const LONGEST_PIECE: u64 = 16;
