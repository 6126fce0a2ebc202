//! What is recorded of the packets that cross.

use crate::trace::Role;
use crate::trace::packet::Fate;
use std::sync::Arc;
use std::time::Duration;

/// One packet as the wire saw it.
#[derive(Clone, Debug)]
pub struct Captured {
    /// Whose host it left.
    pub from: Role,
    /// When it left, microseconds since the run began.
    pub t_us: u64,
    /// When each copy reached the other host, microseconds since the run began.
    pub arrivals: Vec<u64>,
    /// What was decided about it.
    pub fate: Fate,
    /// All of it, from the IP header on.
    pub bytes: Arc<[u8]>,
}

/// The most that is recorded: after that packets still cross, and are counted.
#[derive(Clone, Copy, Debug)]
pub struct CaptureLimits {
    /// Packets.
    pub packets: usize,
    /// Their bytes.
    pub bytes: usize,
}

impl CaptureLimits {
    /// What a run keeps: enough for anything that one can read.
    pub const DEFAULT: CaptureLimits = CaptureLimits { packets: 100_000, bytes: 64 << 20 };
    /// Nothing: the packets are only counted.
    pub const NONE: CaptureLimits = CaptureLimits { packets: 0, bytes: 0 };
}

/// What came of a run.
#[derive(Debug, Default)]
pub struct Traffic {
    /// The packets that were recorded, in the order in which they left.
    pub packets: Vec<Captured>,
    /// Those that left after the recording was full.
    pub unrecorded: u64,
    /// Packets that left either host and came to the other or to an asked-for end.
    pub seen: u64,
    /// Their bytes, IP headers included.
    pub bytes: u64,
    /// Processor time of the wire's thread.
    pub busy: Duration,
    /// Packets that a kernel would not take, lost in a queue of its own, or counted otherwise than they were
    /// recorded: nobody asked for that, and a run with any is void.
    pub lost: u64,
}
