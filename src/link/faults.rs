//! The fault engine: what becomes of each packet. Pure: the same specification, the same packets, the same fates.

use super::spec::Spec;
use super::view::View;
use crate::trace::Role;
use crate::trace::packet::Fate;

/// What is to be done with one packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ruling {
    /// In a word.
    pub fate: Fate,
    /// When it is due at the other host, in nanoseconds on the caller's clock; `None` when it is dropped.
    /// Of one that is held back: the latest moment, should nothing pass it.
    pub due_ns: Option<u64>,
    /// When its second copy is due.
    pub copy_due_ns: Option<u64>,
    /// It releases those held back in its direction: they are due right behind it.
    pub releases: bool,
}

/// Decides about every packet of a run.
pub struct Faults {
    spec: Spec,
}

impl Faults {
    /// An engine for a run over this link.
    pub fn new(spec: Spec) -> Faults {
        Faults { spec }
    }

    /// Decides about a packet that leaves `from`'s host now.
    pub fn rule(&mut self, from: Role, now_ns: u64, packet: &View) -> Ruling {
        let _ = packet;
        let due = now_ns + self.spec.out_of(from).delay.as_nanos() as u64;
        Ruling { fate: Fate::Delivered, due_ns: Some(due), copy_due_ns: None, releases: false }
    }
}
