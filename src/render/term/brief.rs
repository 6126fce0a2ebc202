//! A run in a dozen lines (`--brief`): its question, of each stream what was sent and what was received, both cut where
//! the calls cut it and each byte above itself, and what came of it.

use super::notes::Notes;
use super::painted::Painted;
use crate::render::palette::Ink;
use crate::render::rows::preview::text;
use crate::render::tapes::{Mark, TapePiece, Tapes, streams};
use crate::render::{Report, Style};
use crate::say;
use crate::text::columns::{columns, cut, padded};
use crate::text::{Text, grouped};
use crate::trace::{MsgId, Part, Proto};
use std::cmp::Reverse;
use std::io::{self, Write};
use std::ops::Range;

/// A dozen lines.
const LINES: usize = 12;
/// Columns before a tape: what it holds.
const MARGIN: usize = 12;
/// Columns for how many pieces are not shown.
const MORE: usize = 14;
/// A text of at most so many columns stands for itself where texts are cut short.
const SHORT: [usize; 3] = [usize::MAX, 12, 4];

/// Writes the run.
///
/// # Errors
/// What writing says.
pub fn few(out: &mut dyn Write, report: &Report, style: &Style) -> io::Result<()> {
    let notes = Notes { style, report };
    let (mut head, mut foot) = (Vec::new(), Vec::new());
    notes.question(&mut head)?;
    match report.trace.events.is_empty() {
        true => notes.verdict(&mut foot)?,
        false => notes.came_out(&mut foot, 1, true)?,
    }
    let lines = |text: &[u8]| text.iter().filter(|byte| **byte == b'\n').count();
    let room = LINES.saturating_sub(lines(&head) + lines(&foot));
    out.write_all(&head)?;
    tapes(report, style, room).iter().try_for_each(|line| writeln!(out, "{line}"))?;
    out.write_all(&foot)
}

/// The tapes for which there is room, those that the claims rest on first; at least one stream.
pub fn tapes(report: &Report, style: &Style, room: usize) -> Vec<String> {
    let all = streams(report);
    let drawn: Vec<Vec<String>> = all.iter().map(|tapes| DrawnTape::of(tapes, report, style).lines()).collect();
    let seqs: Vec<usize> = report.findings.claims.iter().flat_map(|claim| claim.events.iter().copied()).collect();
    // The stream of the first event that is cited, then those with the most.
    let cited = |at: &usize| {
        let holds = |seq: &usize| all[*at].sent.iter().chain(&all[*at].received).any(|piece| piece.seq == *seq);
        Reverse((seqs.first().is_some_and(holds), seqs.iter().filter(|seq| holds(seq)).count()))
    };
    let mut order: Vec<usize> = (0..all.len()).collect();
    order.sort_by_key(cited);
    let mut left = room;
    let mut shown: Vec<usize> = Vec::new();
    for at in order {
        // A line says how many are not shown.
        let height = drawn[at].len() + usize::from(shown.len() + 1 < all.len());
        if height <= left || shown.is_empty() {
            left = left.saturating_sub(drawn[at].len());
            shown.push(at);
        }
    }
    shown.sort_unstable();
    let (n, of) = (shown.len(), all.len());
    let mut lines: Vec<String> = shown.into_iter().flat_map(|at| drawn[at].clone()).collect();
    if n < of {
        let more =
            say!("  ({n} of {of} streams; --full shows every call)", "  （{of} 条流中的 {n} 条；--full 显示每次调用）");
        lines.push(style.palette.paint(&style.say(&more), Ink::Faint));
    }
    lines
}

/// A row of a tape: what it holds, and where it was cut.
struct Cuts<'a> {
    word: Text,
    pieces: &'a [TapePiece],
}

impl Cuts<'_> {
    fn cuts(&self, at: usize) -> bool {
        self.pieces.iter().any(|piece| piece.range.start == at || piece.range.end == at)
    }

    fn covers(&self, range: &Range<usize>) -> bool {
        self.pieces.iter().any(|piece| piece.range.start <= range.start && range.end <= piece.range.end)
    }
}

/// One stream, or the datagrams from one end to another.
struct DrawnTape<'a> {
    tapes: &'a Tapes,
    report: &'a Report,
    style: &'a Style,
}

impl<'a> DrawnTape<'a> {
    fn of(tapes: &'a Tapes, report: &'a Report, style: &'a Style) -> DrawnTape<'a> {
        DrawnTape { tapes, report, style }
    }

    fn lines(&self) -> Vec<String> {
        let mut lines = vec![self.name()];
        let rows = self.rows();
        let stretches = self.stretches(&rows);
        let (level, shown) = self.fitting(&stretches);
        for row in &rows {
            let line = match self.is_out_of_order(row.pieces) {
                true => self.as_it_came(row, level),
                false => self.aligned(row, &stretches[..shown], level, shown < stretches.len()),
            };
            lines.push(line);
        }
        lines
    }

    fn name(&self) -> String {
        let name = self.style.say(&self.tapes.name(&self.report.trace));
        let name = if self.style.unicode { name } else { name.replace('→', "->").replace('·', "-") };
        let pieces = self.tapes.sent.iter().chain(&self.tapes.received);
        let bytes = match (self.tapes.proto, pieces.map(|piece| piece.range.end).max().unwrap_or(0)) {
            (Proto::Udp, _) => Text::default(),
            (Proto::Tcp, 1) => Text::new(", 1 byte", "，1 字节"),
            (Proto::Tcp, n) => Text::new(", {} bytes", "，{} 字节").with(&Text::same(grouped(n))),
        };
        let name = cut(&(name + &self.style.say(&bytes)), self.style.breadth(), self.style.unicode);
        self.style.palette.paint(&name, Ink::Strong)
    }

    /// What was sent, what was received, and what a program that frames put together of it.
    fn rows(&self) -> Vec<Cuts<'a>> {
        let (tapes, mut rows) = (self.tapes, Vec::new());
        if !tapes.sent.is_empty() {
            rows.push(Cuts { word: Text::new("sent", "发出"), pieces: &tapes.sent });
        }
        if !tapes.received.is_empty() {
            rows.push(Cuts { word: Text::new("received", "收到"), pieces: &tapes.received });
        }
        if tapes.framed && !tapes.taken.is_empty() {
            rows.push(Cuts { word: Text::new("delivered", "交出"), pieces: &tapes.taken });
        }
        rows
    }

    /// What lies between two neighbouring cuts, of whichever row.
    fn stretches(&self, rows: &[Cuts]) -> Vec<Range<usize>> {
        let pieces = rows.iter().flat_map(|row| row.pieces);
        let mut cuts: Vec<usize> = pieces.flat_map(|piece| [piece.range.start, piece.range.end]).collect();
        cuts.sort_unstable();
        cuts.dedup();
        cuts.windows(2).map(|pair| pair[0]..pair[1]).collect()
    }

    /// How far texts are cut so that all stretches fit on a line, and how many do where none is enough.
    fn fitting(&self, stretches: &[Range<usize>]) -> (usize, usize) {
        let room = self.style.breadth().saturating_sub(MARGIN + 1).max(MORE);
        let width = |level: usize, stretch: &Range<usize>| 1 + columns(&self.label(stretch, level));
        // So many as have room; of thousands no more are looked at.
        let fit = |level: usize, room: usize| {
            let mut used = 0;
            let fits = |stretch: &&Range<usize>| {
                used += width(level, stretch);
                used <= room
            };
            stretches.iter().take_while(fits).count()
        };
        if let Some(level) = (0..SHORT.len()).find(|level| fit(*level, room) == stretches.len()) {
            return (level, stretches.len());
        }
        let level = SHORT.len() - 1;
        (level, fit(level, room - MORE).max(1))
    }

    /// What a stretch holds: its text; where that is too long, how many bytes, or which datagram.
    fn label(&self, stretch: &Range<usize>, level: usize) -> String {
        let short = |text: &String| columns(text) <= SHORT[level];
        let bytes = self.tapes.bytes(&self.report.trace, stretch.clone());
        let (header, id) = self.whose(stretch);
        let n = grouped(bytes.len());
        if header {
            return format!("<{n}>");
        }
        match text(&bytes).filter(short) {
            _ if bytes.is_empty() => self.style.say(&Text::new("empty", "空")),
            Some(text) => text,
            None if level < 2 => id.map_or(n.clone(), |id| format!("{id} {n}")),
            // A datagram is its message; of a stream it is the cuts that matter.
            None if self.tapes.proto == Proto::Udp => id.map_or(n, |id| id.to_string()),
            None => n,
        }
    }

    /// Is it of a header; and of which message its first byte is.
    fn whose(&self, stretch: &Range<usize>) -> (bool, Option<MsgId>) {
        let pieces = self.tapes.sent.iter().chain(&self.tapes.received);
        let piece =
            pieces.into_iter().find(|piece| piece.range.start <= stretch.start && stretch.start < piece.range.end);
        let Some(piece) = piece else { return (false, None) };
        let mut at = piece.range.start;
        for span in &piece.spans {
            at += span.len.max(1);
            if stretch.start < at {
                return (span.part == Part::Header && stretch.end <= at, Some(span.msg));
            }
        }
        (false, None)
    }

    /// Each stretch below itself: a bar where this row was cut, a plus where it goes on and another one was cut.
    fn aligned(&self, row: &Cuts, stretches: &[Range<usize>], level: usize, more: bool) -> String {
        let bar = self.style.bar().to_string();
        let mut line = self.margin(row);
        let sent = |at| self.tapes.sent.iter().any(|piece| piece.range.start == at || piece.range.end == at);
        for (nth, stretch) in stretches.iter().enumerate() {
            let here = row.covers(stretch);
            let before = nth > 0 && row.covers(&stretches[nth - 1]);
            let joint = match (row.cuts(stretch.start), here || before) {
                (true, _) => &*bar,
                (false, false) if sent(stretch.start) => &*bar,
                (false, true) => "+",
                (false, false) => "-",
            };
            let label = self.label(stretch, level);
            let id = self.whose(stretch).1;
            line = line.plain(joint);
            line = match (here, id) {
                (true, Some(id)) => line.inked(&label, Ink::Message(id), self.style),
                (true, None) => line.plain(&label),
                (false, _) => line.plain(&"-".repeat(columns(&label))),
            };
        }
        let end = stretches.last().map_or(0, |stretch| stretch.end);
        let rest = if more { row.pieces.iter().filter(|piece| piece.range.end > end).count() } else { 0 };
        match (more, rest) {
            (true, 1..) => line.plain(&self.more(rest)).to_string(),
            (true, 0) => line.plain("..").to_string(),
            (false, _) => line.plain(&bar).to_string(),
        }
    }

    /// How many pieces are not shown.
    fn more(&self, pieces: usize) -> String {
        let (bar, n) = (self.style.bar(), grouped(pieces));
        self.style.say(&say!("{bar}.. {n} more", "{bar}.. 还有 {n} 段"))
    }

    fn margin(&self, row: &Cuts) -> Painted {
        let word = format!("  {}", self.style.say(&row.word));
        Painted::default().plain(&padded(&word, MARGIN))
    }

    /// Did datagrams come in another order, or twice? Then no byte can stand below itself.
    fn is_out_of_order(&self, pieces: &[TapePiece]) -> bool {
        let behind = |pair: &[TapePiece]| pair[1].range.start < pair[0].range.start;
        pieces.windows(2).any(behind) || pieces.iter().any(|piece| piece.mark == Mark::Copy)
    }

    /// One after the other, in the order in which they came.
    fn as_it_came(&self, row: &Cuts, level: usize) -> String {
        let bar = self.style.bar().to_string();
        let (mut line, room) = (self.margin(row), self.style.breadth().saturating_sub(14));
        for (nth, piece) in row.pieces.iter().enumerate() {
            let label = self.label(&piece.range, level);
            if line.columns() + columns(&label) + 1 > room {
                return line.plain(&self.more(row.pieces.len() - nth)).to_string();
            }
            line = line.plain(&bar);
            line = match self.whose(&piece.range).1 {
                Some(id) => line.inked(&label, Ink::Message(id), self.style),
                None => line.plain(&label),
            };
        }
        line.plain(&bar).to_string()
    }
}
