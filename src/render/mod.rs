//! What a person or a program reads. A renderer takes a judged run and a style, and writes; it never
//! sees a socket, and two renderers never disagree because both read the same trace.

mod arrow;
mod bytes;
mod json;
mod ladder;
mod lanes;
mod live;
mod mermaid;
mod packets;
pub mod palette;
pub mod plot;
mod table;
mod term;

pub use json::{distribution as distribution_json, listing as listing_json, run as run_json, summary_line};
pub use live::Live;
pub use mermaid::run as mermaid;
pub use table::{Counted, distribution, list, table_foot, table_head, table_row, tally};
pub use term::{Steps, run as terminal};

use crate::net::{Opt, Settings};
use crate::play::{Outcome, Plan, Side};
use crate::scenarios::Scenario;
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
        Style { lang: Lang::En, width: 80, palette: Palette::new(false), unicode: false, stable: false }
    }
}

/// A run with what it was asked to do: what every renderer reads.
pub struct Report<'a> {
    /// Which scenario.
    pub scenario: &'a Scenario,
    /// What was asked.
    pub plan: &'a Plan,
    /// What happened.
    pub outcome: &'a Outcome,
    /// The options the learner gave.
    pub chosen: &'a Settings,
    /// The control experiment was asked for.
    pub control: bool,
}

impl Report<'_> {
    /// The options that differ from the scenario's defaults, as on the command line.
    pub fn changed(&self) -> Vec<(Opt, String)> {
        self.chosen.values().into_iter().filter_map(|(opt, value)| Some((opt, value?))).collect()
    }

    /// Is this the report of one end alone?
    pub fn alone(&self) -> bool {
        self.plan.side != Side::Both
    }

    /// Does the ladder have the packets? Where their order differs from run to run, stable text has none.
    fn shows_packets(&self) -> bool {
        !self.outcome.trace.packets.is_empty() && !self.plan.hides_packets()
    }

    /// Numbers differ from run to run and the text must not.
    fn blurred(&self) -> bool {
        self.plan.blurs_calls()
    }
}
