//! What the learner asks of the link.

use crate::trace::Role;
use std::time::Duration;

/// A link: what is the same both ways, and what each way does to packets.
#[derive(Clone, Debug, PartialEq)]
pub struct Spec {
    /// The largest packet that either host's interface takes, in bytes.
    pub mtu: u32,
    /// Seed of what is left to chance (`loss=10%`); `None` until somebody chose one.
    pub seed: Option<u64>,
    /// TCP's timestamp option (RFC 7323 §3).
    pub timestamps: bool,
    /// From the client to the server.
    pub up: Way,
    /// From the server to the client.
    pub down: Way,
}

/// What one direction does to packets.
#[derive(Clone, Debug, PartialEq)]
pub struct Way {
    /// How long a packet is under way.
    pub delay: Duration,
    /// Data packets that are lost.
    pub loss: Chosen,
    /// Data packets that arrive twice.
    pub dup: Chosen,
    /// Data packets that are held back until a later one has passed.
    pub reorder: Chosen,
    /// Bytes a second; `None` for as fast as it goes.
    pub rate: Option<u64>,
    /// Bytes that may wait in front of the rate before packets are dropped.
    pub queue: Option<u64>,
}

/// Which data packets a fault strikes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Chosen {
    /// Each transmission with this probability, 0 to 1.
    pub share: f64,
    /// The first transmission of these, counted from 1 in their direction; ascending.
    pub these: Vec<u64>,
}

impl Spec {
    /// The direction out of this end's host.
    pub fn out_of(&self, role: Role) -> &Way {
        match role {
            Role::Client => &self.up,
            Role::Server => &self.down,
        }
    }
}
