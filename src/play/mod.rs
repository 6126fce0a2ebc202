//! Runs an experiment's ends and judges what they left behind.

mod estimate;
mod experiment;
mod other_end;
mod player;
mod spurious;

pub use estimate::allow_for_slowness;
pub use experiment::*;
pub use player::*;
