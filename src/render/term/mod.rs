//! The ladder, the claims and what surrounds them in a terminal: here alone rows get columns and colours.

mod arrow;
mod beside;
mod brief;
mod hex_block;
mod lanes;
mod live;
mod notes;
mod painted;
mod screen;
mod steps;
mod table_block;
mod transcript;

pub use beside::two as beside;
pub use live::Live;
pub use steps::{Marks, RowStep, Steps};
pub use transcript::ladder;

use crate::render::{Extent, Report, Style};
use std::io::{self, Write};

/// Writes the report: as much of it as [`Style::extent`] says.
///
/// # Errors
/// What writing says.
pub fn run(out: &mut dyn Write, report: &Report, style: &Style, steps: &mut dyn Steps) -> io::Result<()> {
    match style.extent {
        Extent::Full => transcript::whole(out, report, style, steps),
        Extent::Screen => screen::one(out, report, style, steps),
        Extent::Brief => brief::few(out, report, style),
    }
}
