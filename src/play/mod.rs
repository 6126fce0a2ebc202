//! Runs an experiment's ends and judges what they left behind.

mod experiment;
mod other_end;
mod player;

pub use experiment::*;
pub use player::*;
