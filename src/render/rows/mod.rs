//! The rows of a ladder as data: which events and packets make one, in which lane, and what it says. No columns, no
//! colour and no language yet, so that every drawing shares them.

pub mod bytes;
pub mod call_text;
mod counted;
mod ladder;
mod lesson;
pub mod packet_text;
pub mod preview;
pub mod token;

pub use counted::counted;
pub use ladder::{EventRow, PacketRow, Row, alike, rows};
pub use lesson::Stages;
pub(crate) use preview::text;
