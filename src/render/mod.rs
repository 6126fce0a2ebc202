//! What a person or a program reads. A renderer takes a [`Report`] and a [`Style`], and writes: it never
//! sees a socket, nor knows whether the run was just played or read from a file, and two renderers never disagree
//! because both read the same report.

#[cfg(test)]
mod contrast;
mod distribution_json;
mod formats;
mod html;
mod mermaid;
pub mod palette;
mod picture;
pub mod plot;
pub mod progress;
pub mod report;
pub mod rows;
mod table;
mod tapes;
mod term;

pub use distribution_json::distribution as distribution_json;
pub use formats::Format;
pub use html::{Repeated, repeated as repeated_page};
pub use mermaid::run as mermaid;
pub use report::Report;
pub use report::lines::{run as run_json, summary as summary_line};
pub use table::{Counted, FailedClaim, distribution, failed_claims, table_foot, table_head, table_row, tally};
pub use term::{Live, Marks, RowStep, Steps, beside, ladder, run as terminal};

use crate::text::{Lang, Text};
use palette::{Ink, Palette};
use std::io::{self, Write};

/// Below this many columns the lanes stand under each other.
const NARROW: usize = 64;
/// Wider lines than this tear a row apart.
const WIDEST: usize = 120;

/// How text is laid out; decided once, from flags, environment and terminal.
#[derive(Clone, Debug)]
pub struct Style {
    /// The reader's language.
    pub lang: Lang,
    /// Columns of the terminal.
    pub width: usize,
    /// Colour, or none.
    pub palette: Palette,
    /// Box-drawing characters and dots beyond ASCII.
    pub unicode: bool,
    /// The same text on every run: order for times, names for ports.
    pub stable: bool,
    /// A page hides what was received until its reader has guessed.
    pub quiz: bool,
    /// How much of a run is shown.
    pub extent: Extent,
}

/// How much of a run is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Extent {
    /// A dozen lines.
    Brief,
    /// One screen.
    #[default]
    Screen,
    /// Every row and every claim.
    Full,
}

impl Style {
    /// What stands between two messages.
    pub(crate) fn bar(&self) -> char {
        if self.unicode { '│' } else { '|' }
    }

    fn say(&self, text: &Text) -> String {
        text.to(self.lang).to_owned()
    }

    /// Columns that are written to.
    fn breadth(&self) -> usize {
        self.width.min(WIDEST)
    }

    fn is_narrow(&self) -> bool {
        self.width < NARROW
    }

    /// A paragraph, its lines after the first indented.
    fn paragraph(&self, out: &mut dyn Write, indent: usize, text: &str, ink: Option<Ink>) -> io::Result<()> {
        let indent = indent.min(self.width / 3);
        for (i, line) in crate::text::columns::wrapped(text, self.breadth() - indent).iter().enumerate() {
            let painted = ink.map_or(line.clone(), |ink| self.palette.paint(line, ink));
            let space = if i == 0 { 0 } else { indent };
            writeln!(out, "{}{painted}", " ".repeat(space))?;
        }
        Ok(())
    }

    /// Plain English text for 80 columns, as in a pipe.
    pub fn plain() -> Style {
        Style {
            lang: Lang::En,
            width: 80,
            palette: Palette::new(false),
            unicode: false,
            stable: false,
            extent: Extent::Screen,
            quiz: false,
        }
    }
}
