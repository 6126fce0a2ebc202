//! A line with its colours, which still knows how many columns it takes.

use crate::render::Style;
use crate::render::palette::Ink;
use crate::text::columns::columns;
use std::fmt;

/// A line being put together.
#[derive(Clone, Default)]
pub struct Painted {
    text: String,
    columns: usize,
}

impl Painted {
    /// The line with this text behind it.
    pub fn plain(mut self, text: &str) -> Painted {
        self.text.push_str(text);
        self.columns += columns(text);
        self
    }

    /// The same in the colour of its meaning.
    pub fn inked(mut self, text: &str, ink: Ink, style: &Style) -> Painted {
        self.text.push_str(&style.palette.paint(text, ink));
        self.columns += columns(text);
        self
    }

    /// How many columns it takes.
    pub fn columns(&self) -> usize {
        self.columns
    }
}

impl fmt::Display for Painted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
