//! Runs a scenario's ends and judges what they left behind.

mod player;

pub use player::*;
