//! A row of the ladder with its words, laid out in lines.

use super::speech::both;
use crate::render::NARROW;
use crate::render::rows::Row;
use crate::render::rows::token::{self, Token};
use crate::text::Text;
use crate::text::columns::wrapped;

/// How far apart the rows are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spacing {
    /// One below the other.
    Rows,
    /// As far as their times are.
    Times,
}

/// More rows than this a browser would take long to open.
pub(crate) const MOST_ROWS: usize = 12_000;

/// Columns of a label beside a lane.
pub(super) const LABEL: usize = 38;

/// A call's or a packet's row, and what is written there.
pub(super) struct Rung<'a> {
    /// The row.
    pub(super) row: Row<'a>,
    /// What its lane says, line by line.
    pub(super) lines: Vec<Text>,
}

impl<'a> Rung<'a> {
    pub(super) fn of(row: Row<'a>) -> Rung<'a> {
        let said = match &row {
            Row::Event(event) => {
                let label: Vec<Token> = event.label.iter().filter(|t| !matches!(t, Token::Peer(_))).cloned().collect();
                both(|style| token::call_with_peer(&label, style, LABEL))
            }
            Row::Packet(packet) => both(|style| token::packet(&packet.label, style)),
            Row::More(tokens) => both(|style| token::line(tokens, style, 0)),
        };
        let [en, zh] =
            [&said.en, &said.zh].map(|text| wrapped(text, if matches!(row, Row::Event(_)) { LABEL } else { NARROW }));
        let line =
            |n: usize| Text::made(en.get(n).cloned().unwrap_or_default(), zh.get(n).cloned().unwrap_or_default());
        Rung { lines: (0..en.len().max(zh.len())).map(line).collect(), row }
    }

    /// What is written below the label.
    pub(super) fn below(&self) -> usize {
        match &self.row {
            Row::Event(row) => usize::from(row.detailed) + usize::from(row.more.is_some()),
            _ => 0,
        }
    }
}
