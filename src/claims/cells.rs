//! What a run shows as a table, where the lesson is one: its cells are values from recorded events.

use super::value::Sentence;
use crate::text::Text;
use serde::{Deserialize, Serialize};

/// A table, and what shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// What the columns hold; the first one names the rows.
    pub heads: Vec<Text>,
    /// The rows, one below the other.
    pub rows: Vec<NamedRow>,
}

/// A row of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedRow {
    /// What it is about.
    pub name: Text,
    /// Its cells, one for each of the other columns.
    pub cells: Vec<Sentence>,
}

impl Table {
    /// A table without rows.
    pub fn new<const N: usize>(heads: [Text; N]) -> Table {
        Table { heads: heads.into(), rows: Vec::new() }
    }

    /// Its cells as they read where the text must be the same on every run.
    pub fn steady(&mut self) {
        let cells = self.rows.iter_mut().flat_map(|row| &mut row.cells);
        cells.for_each(|cell| cell.exact = cell.steady.clone());
    }
}
