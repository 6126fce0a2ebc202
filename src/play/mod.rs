//! Runs an experiment's ends and judges what they left behind.

mod experiment;
mod other_end;
mod player;
mod spurious;

pub use experiment::*;
pub use player::*;
