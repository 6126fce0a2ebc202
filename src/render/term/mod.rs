//! The ladder, the claims and what surrounds them in a terminal: here alone rows get columns and colours.

mod arrow;
mod bytes;
mod lanes;
mod live;
mod page;

pub use live::Live;
pub use page::{Steps, run};
