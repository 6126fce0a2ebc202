//! What the learner asks of the link: `rtt=20ms,mtu=1500,loss=10%,up.drop=3+7`.

mod grammar;

pub use grammar::SpecError;

use crate::text::quantity::{write_duration, write_share, write_size};
use crate::trace::Role;
use std::fmt;
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
    pub up: Impairments,
    /// From the server to the client.
    pub down: Impairments,
}

/// What one direction does to packets.
#[derive(Clone, Debug, PartialEq)]
pub struct Impairments {
    /// How long a packet is under way.
    pub delay: Duration,
    /// Data packets that are lost.
    pub loss: Chosen,
    /// Data packets that arrive twice.
    pub dup: Chosen,
    /// Data packets that are held back until a later one has passed.
    pub reorder: Chosen,
    /// Bytes a second, never 0; `None` for as fast as it goes.
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

/// RTT 20 ms, an Ethernet's MTU, and nothing goes wrong.
impl Default for Spec {
    fn default() -> Spec {
        Spec { mtu: 1500, seed: None, timestamps: false, up: Impairments::default(), down: Impairments::default() }
    }
}

/// 10 ms, and nothing goes wrong.
impl Default for Impairments {
    fn default() -> Impairments {
        let never = Chosen::default;
        Impairments {
            delay: Duration::from_millis(10),
            loss: never(),
            dup: never(),
            reorder: never(),
            rate: None,
            queue: None,
        }
    }
}

impl Chosen {
    /// Strikes nothing at all.
    pub fn is_empty(&self) -> bool {
        self.share == 0.0 && self.these.is_empty()
    }
}

impl Spec {
    /// The direction out of this end's host.
    pub fn out_of(&self, role: Role) -> &Impairments {
        match role {
            Role::Client => &self.up,
            Role::Relay | Role::Server => &self.down,
        }
    }

    /// The round trip time of a packet and its answer, without what the rate adds.
    pub fn rtt(&self) -> Duration {
        self.up.delay + self.down.delay
    }

    /// Something is left to chance, and repeats only with the same seed.
    pub fn needs_seed(&self) -> bool {
        self.chosen().any(|chosen| chosen.share > 0.0 && chosen.share < 1.0)
    }

    /// Packets may be lost, doubled, held back or queued; otherwise each is carried after its delay.
    pub fn has_faults(&self) -> bool {
        self.chosen().any(|chosen| !chosen.is_empty()) || self.up.rate.is_some() || self.down.rate.is_some()
    }

    /// A packet may arrive twice, or after a later one.
    pub fn doubles_or_reorders(&self) -> bool {
        [&self.up, &self.down].into_iter().any(|way| !way.dup.is_empty() || !way.reorder.is_empty())
    }

    /// Packets may be lost, on the way or in front of a rate.
    pub fn loses(&self) -> bool {
        [&self.up, &self.down].into_iter().any(|way| !way.loss.is_empty() || way.queue.is_some())
    }

    fn chosen(&self) -> impl Iterator<Item = &Chosen> {
        [&self.up, &self.down].into_iter().flat_map(|way| [&way.loss, &way.dup, &way.reorder])
    }
}

/// Canonical: what is effective, in a fixed order; what is as in [`Spec::default`] is left out, but for the
/// round trip time and the MTU. [`Spec::parse`] reads the same specification back.
impl fmt::Display for Spec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut items = if self.up.delay == self.down.delay {
            vec![format!("rtt={}", write_duration(self.rtt()))]
        } else {
            self.written("delay", |way| Some(write_duration(way.delay)))
        };
        items.push(format!("mtu={}", self.mtu));
        let share = |chosen: &Chosen| Chosen { these: Vec::new(), ..chosen.clone() }.written();
        let these = |chosen: &Chosen| Chosen { share: 0.0, ..chosen.clone() }.written();
        items.extend(self.written("loss", |way| share(&way.loss)));
        items.extend(self.written("drop", |way| these(&way.loss)));
        items.extend(self.written("dup", |way| way.dup.written()));
        items.extend(self.written("reorder", |way| way.reorder.written()));
        items.extend(self.written("rate", |way| way.rate.map(write_size)));
        items.extend(self.written("queue", |way| way.queue.map(write_size)));
        items.extend(self.seed.map(|seed| format!("seed={seed}")));
        items.extend(self.timestamps.then(|| "timestamps=on".to_owned()));
        f.write_str(&items.join(","))
    }
}

impl Spec {
    /// One setting: once where both ways have the same, else with its way before it.
    fn written(&self, name: &str, value: impl Fn(&Impairments) -> Option<String>) -> Vec<String> {
        let (up, down) = (value(&self.up), value(&self.down));
        let ways = if up == down { vec![("", up)] } else { vec![("up.", up), ("down.", down)] };
        ways.into_iter().filter_map(|(way, value)| Some(format!("{way}{name}={}", value?))).collect()
    }
}

impl Chosen {
    fn written(&self) -> Option<String> {
        let share = (self.share > 0.0).then(|| write_share(self.share));
        let parts: Vec<String> = share.into_iter().chain(self.these.iter().map(u64::to_string)).collect();
        (!parts.is_empty()).then(|| parts.join("+"))
    }
}
