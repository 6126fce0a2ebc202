//! The ladder, the claims and what surrounds them in a terminal: here alone rows get columns and colours.

mod arrow;
mod hex_block;
mod lanes;
mod live;
mod notes;
mod painted;
mod screen;
mod steps;
mod table_block;
mod transcript;

pub use live::Live;
pub use steps::{Marks, RowStep, Steps};
pub use transcript::ladder;

use crate::render::{Report, Style};
use std::io::{self, Write};

/// Writes the report: one screen of it, or with [`Style::full`] all.
///
/// # Errors
/// What writing says.
pub fn run(out: &mut dyn Write, report: &Report, style: &Style, steps: &mut dyn Steps) -> io::Result<()> {
    match style.full {
        true => transcript::whole(out, report, style, steps),
        false => screen::one(out, report, style, steps),
    }
}
