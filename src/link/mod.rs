//! The link: two hosts that are network namespaces of our own, an interface in each, and one thread of
//! ours that carries real packets between the two kernels' stacks, late, lost, doubled or out of order
//! as the learner says, and records each.
//!
//! [`spec`] reads what the learner asked for, [`faults`] decides what becomes of each packet, [`view`] and
//! [`dissect`] read packets, [`pcapng`] writes them for Wireshark. Those are pure. The rest is Linux only.

pub mod dissect;
pub mod faults;
pub mod pcapng;
pub mod spec;
pub mod view;

use crate::trace::Role;
use crate::trace::packet::Fate;
use std::sync::Arc;

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
