//! A row of the ladder with its words, laid out in lines.

use super::inks;
use super::speech::both;
use crate::render::NARROW;
use crate::render::rows::Row;
use crate::render::rows::token::{self, Token};
use crate::text::Text;
use crate::text::columns::wrapped;
use crate::trace::MsgId;

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

    /// Whose bytes it moved.
    pub(super) fn messages(&self) -> Vec<MsgId> {
        match &self.row {
            Row::Event(row) => row.event.messages(),
            Row::Packet(row) => row.packet.messages(),
            Row::More(_) => Vec::new(),
        }
    }

    /// The class of the message that a call hands over, or a packet carries first.
    pub(super) fn ink(&self) -> Option<String> {
        let message = match &self.row {
            Row::Event(row) => row.event.handed.filter(|_| row.event.ok()).map(|handed| handed.msg),
            Row::Packet(row) => row.packet.spans.first().map(|span| span.msg),
            Row::More(_) => None,
        };
        message.map(inks::class)
    }

    /// A call, or a packet in its message's colour.
    pub(super) fn class(&self) -> String {
        match (&self.row, self.ink()) {
            (Row::Packet(_), Some(ink)) => format!("packet {ink}"),
            (Row::Packet(_), None) => "packet".to_owned(),
            _ => "call".to_owned(),
        }
    }

    /// The class of what a call's row says: its message's, and what went wrong or only passed.
    pub(super) fn words_class(&self) -> Option<String> {
        let Row::Event(row) = &self.row else { return None };
        let quiet = self.lines.first().is_some_and(|line| line.en.starts_with('('));
        let state = match (row.event.ok(), quiet) {
            (_, true) => Some("quiet"),
            (false, false) => Some(if row.event.note.is_some() { "quiet" } else { "bad" }),
            (true, false) => None,
        };
        let classes: Vec<String> = self.ink().into_iter().chain(state.map(str::to_owned)).collect();
        Some(classes.join(" ")).filter(|classes| !classes.is_empty())
    }

    /// What is written below the label.
    pub(super) fn below(&self) -> usize {
        match &self.row {
            Row::Event(row) => usize::from(row.detailed) + usize::from(row.more.is_some()),
            _ => 0,
        }
    }
}
