//! What came of it.

use super::terms::{Fix, Load, Medium};
use crate::text::{Text, grouped};
use std::time::Duration;

/// Everything that was measured.
#[derive(Clone, Debug)]
pub struct Results {
    /// What was sent.
    pub load: Load,
    /// Fewer messages than usual, so that the whole takes seconds.
    pub reduced: bool,
    /// Medium by medium, fix by fix.
    pub cells: Vec<Cell>,
    /// How long it all took.
    pub took: Duration,
}

impl Results {
    /// The media, each once, in order.
    pub fn media(&self) -> Vec<Medium> {
        let mut media: Vec<Medium> = self.cells.iter().map(|cell| cell.medium).collect();
        media.dedup();
        media
    }

    /// One cell.
    pub fn cell(&self, medium: Medium, fix: Fix) -> Option<&Cell> {
        self.cells.iter().find(|cell| cell.medium == medium && cell.fix == fix)
    }
}

/// One fix over one medium.
#[derive(Clone, Debug)]
pub struct Cell {
    /// What was between the ends.
    pub medium: Medium,
    /// The protocol.
    pub fix: Fix,
    /// What came of it.
    pub outcome: Measurement,
}

/// What came of all rounds of a cell.
#[derive(Clone, Debug, PartialEq)]
pub enum Measurement {
    /// Every message of every round came whole and in order.
    Measured(Figures),
    /// In some rounds they did not: there is nothing to time.
    Broken {
        /// In how many of [`ROUNDS`](super::ROUNDS).
        rounds: usize,
        /// What came of the first of them.
        reason: Text,
    },
    /// The machine itself lost packets; the reason.
    Void(Text),
    /// This machine has no such medium; the reason.
    NotHere(Text),
}

/// Medians over the rounds, each for all messages together.
#[derive(Clone, Debug, PartialEq)]
pub struct Figures {
    /// From the first send to the last byte that an end waited for: each round, the shortest first.
    pub totals: Vec<Duration>,
    /// How often the sender waited for a word of the receiver's before it could go on.
    pub waits: u64,
    /// Data segments, both ways; `None` where the kernel does not tell.
    pub segments: Option<u64>,
    /// Packets on the wire, both ways, acknowledgements included; `None` over loopback.
    pub packets: Option<u64>,
    /// Their bytes, IP headers included.
    pub wire_bytes: Option<u64>,
}

impl Figures {
    /// The median round.
    pub fn total(&self) -> Duration {
        median(self.totals.clone()).unwrap_or_default()
    }

    /// The shortest round.
    pub fn shortest(&self) -> Duration {
        self.totals.first().copied().unwrap_or_default()
    }
}

impl Cell {
    /// The figures, if there are any.
    pub fn measured(&self) -> Option<&Figures> {
        match &self.outcome {
            Measurement::Measured(measured) => Some(measured),
            _ => None,
        }
    }
}

/// The middle one.
pub(super) fn median<T: Ord + Copy>(mut values: Vec<T>) -> Option<T> {
    values.sort();
    values.get(values.len() / 2).copied()
}

/// Milliseconds, in three digits or all before the point: `0.031`, `50.2`, `1,275`.
pub(super) fn ms(duration: Duration) -> String {
    let ms = duration.as_secs_f64() * 1e3;
    match ms {
        ms if ms < 0.9995 => format!("{ms:.3}"),
        ms if ms < 9.995 => format!("{ms:.2}"),
        ms if ms < 99.95 => format!("{ms:.1}"),
        ms => grouped(ms.round() as u64),
    }
}
