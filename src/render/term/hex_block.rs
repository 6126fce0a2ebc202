//! The bytes of a call below its row: the pieces between bars, and the hex block with its `src` row.

use super::painted::Painted;
use crate::render::Style;
use crate::render::palette::Ink;
use crate::render::rows::bytes::{HexCell, MovedPiece, cells};
use crate::render::rows::token::{self, Token};
use crate::text::columns::{columns, padded};
use crate::text::grouped;
use crate::trace::{Event, Part};

/// A piece of at most this many bytes is quoted whole, if a few lines have room for it.
const SHORT: usize = 240;
/// Columns of a line that say whose bytes they are: its indent, a word, bars, a colon.
const LINE: usize = 19;
/// Bytes on a line, where the terminal is wide enough.
const PER_LINE: usize = 16;
const LABEL: usize = 4;

/// A piece that is shown nowhere else: as much of it as a line, or a few, have room for.
pub fn passing(piece: &MovedPiece, style: &Style) -> String {
    let lines = if piece.len <= SHORT { 4 } else { 1 };
    // The gap before what is quoted is a part of its line.
    let gap = piece.tokens.iter().position(|t| matches!(t, Token::Name(_))).map(|name| name - 1);
    let others: Vec<Token> = piece
        .tokens
        .iter()
        .enumerate()
        .filter(|(i, t)| Some(*i) != gap && !matches!(t, Token::Name(_)))
        .map(|(_, t)| t.clone())
        .collect();
    let used = lines * LINE + columns(&token::line(&others, style, 0));
    token::line(&piece.tokens, style, (lines * style.breadth()).saturating_sub(used).max(1))
}

/// A cell with its width in columns, the space before it included.
struct Wide {
    cell: HexCell,
    width: usize,
}

/// The hex rows in so many columns, each followed by its `src` row and, where a header is in it, a `part` row.
pub fn hex_block(event: &Event, room: usize, style: &Style) -> Vec<Painted> {
    let headers = event.spans.iter().any(|s| s.part == Part::Header);
    let per_line = (room.saturating_sub(LABEL) / 3).clamp(1, PER_LINE) * 3;
    let mut lines = Vec::new();
    let mut line: Vec<Wide> = Vec::new();
    for cell in measured(event) {
        let used: usize = line.iter().map(|cell| cell.width).sum();
        if used + cell.width > per_line && !line.is_empty() {
            lines.extend(rows(&line, headers, style));
            line.clear();
        }
        line.push(cell);
    }
    if !line.is_empty() {
        lines.extend(rows(&line, headers, style));
    }
    lines
}

/// A byte is as wide as the longest number of a message below it.
fn measured(event: &Event) -> impl Iterator<Item = Wide> {
    let largest = event.spans.iter().map(|s| s.msg.0).max().unwrap_or(0);
    let byte = largest.to_string().len().max(2) + 1;
    cells(event).into_iter().map(move |cell| {
        let width = if let HexCell::Gap { hidden } = cell { columns(&gap(hidden)) + 1 } else { byte };
        Wide { cell, width }
    })
}

fn gap(hidden: usize) -> String {
    format!("..{}..", grouped(hidden))
}

fn rows(line: &[Wide], headers: bool, style: &Style) -> Vec<Painted> {
    let row = |label: &str, written: &dyn Fn(&HexCell) -> (String, Option<Ink>)| {
        let mut out = Painted::default().inked(&padded(label, LABEL), Ink::Faint, style);
        let last = line.iter().rposition(|wide| !written(&wide.cell).0.is_empty()).unwrap_or(0);
        for (i, Wide { cell, width }) in line.iter().enumerate().take(last + 1) {
            let (text, ink) = written(cell);
            let text = format!("{:>1$}", text, width - 1);
            let boundary = matches!(cell, HexCell::Byte { boundary: true, .. }) && i > 0;
            out = out.plain(&if boundary { style.bar() } else { ' ' }.to_string());
            out = match ink {
                Some(ink) => out.inked(&text, ink, style),
                None => out.plain(&text),
            };
        }
        out
    };
    let mut rows = vec![
        row("hex", &|c| match c {
            HexCell::Byte { value, span, .. } => (format!("{value:02x}"), Some(Ink::Message(span.msg))),
            HexCell::Gap { hidden } => (gap(*hidden), Some(Ink::Faint)),
        }),
        row("src", &|c| match c {
            HexCell::Byte { span, .. } => (span.msg.0.to_string(), Some(Ink::Message(span.msg))),
            HexCell::Gap { .. } => (String::new(), None),
        }),
    ];
    if headers {
        rows.push(row("part", &|c| match c {
            HexCell::Byte { span, .. } => (if span.part == Part::Header { "h" } else { "b" }.into(), None),
            HexCell::Gap { .. } => (String::new(), None),
        }));
    }
    rows
}
