//! The ladder, the claims and what surrounds them in a terminal: here alone rows get columns and colours.

mod arrow;
mod hex_block;
mod lanes;
mod live;
mod transcript;

pub use live::Live;
pub use transcript::{Steps, run};
