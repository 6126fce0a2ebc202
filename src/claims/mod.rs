//! What a run must have shown: each scenario's claims, and what must hold in every run.

pub mod invariants;
mod judge;
mod on_link;

pub use judge::*;
pub use on_link::Datagrams;
