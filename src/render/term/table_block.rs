//! A run's table: the columns as wide as they must be, the names of the rows on the left.

use super::notes::Notes;
use crate::claims::Table;
use crate::render::palette::Ink;
use crate::text::columns::{columns, cut, padded};
use std::io::{self, Write};

/// Columns before it, and between two of its own.
const GAP: usize = 3;

impl Notes<'_> {
    /// The table that the run shows, if it shows one, and an empty line.
    ///
    /// # Errors
    /// What writing says.
    pub fn table(&self, out: &mut dyn Write) -> io::Result<()> {
        let Some(table) = &self.report.findings.table else { return Ok(()) };
        let cells = self.cells(table);
        let widths: Vec<usize> = (0..table.heads.len())
            .map(|at| cells.iter().filter_map(|row| row.get(at)).map(|cell| columns(cell)).max().unwrap_or(0))
            .collect();
        for (i, row) in cells.iter().enumerate() {
            let line = row.iter().zip(&widths).map(|(cell, width)| " ".repeat(GAP) + &padded(cell, *width));
            let line = cut(line.collect::<String>().trim_end(), self.style.breadth(), self.style.unicode);
            let painted = if i == 0 { self.style.palette.paint(&line, Ink::Strong) } else { line };
            writeln!(out, "{painted}")?;
        }
        writeln!(out)
    }

    /// The heads, and below them the rows.
    fn cells(&self, table: &Table) -> Vec<Vec<String>> {
        let heads = table.heads.iter().map(|head| self.style.say(head)).collect();
        let rows = table.rows.iter().map(|row| {
            let cells = row.cells.iter().map(|cell| self.style.say(&cell.exact));
            std::iter::once(self.style.say(&row.name)).chain(cells).collect()
        });
        std::iter::once(heads).chain(rows).collect()
    }
}
