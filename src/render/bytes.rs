//! Bytes for eyes: a short preview, and the hex block with its `src` row.

use super::Style;
use super::palette::Ink;
use crate::text::columns::{columns, cut, padded};
use crate::text::{Text, escaped, grouped};
use crate::trace::{self, Event, Message, Span, Trace};

/// A block of at most this many bytes is shown whole.
const WHOLE: usize = 48;
/// A piece of at most this many bytes is quoted whole, if a few lines have room for it.
const SHORT: usize = 240;
/// Bytes kept at each side of a boundary when a block is elided.
const KEPT: usize = 6;
/// Fewer bytes than this are not worth hiding.
const HIDDEN: usize = 8;
/// Columns of a line that say whose bytes they are: its indent, a word, bars, a colon.
const LINE: usize = 19;
/// Bytes on a line, where the terminal is wide enough.
const PER_LINE: usize = 16;

/// The bytes as text, control characters escaped; bytes that are not text as hex.
pub fn preview(bytes: &[u8], width: usize, unicode: bool) -> String {
    let hex = || bytes.iter().take(16).map(|b| format!("{b:02x} ")).collect::<String>().trim_end().to_owned();
    cut(&text(bytes).unwrap_or_else(hex), width, unicode)
}

fn text(bytes: &[u8]) -> Option<String> {
    let is_text = |text: &&str| !text.chars().any(|c| c.is_control() && !matches!(c, '\r' | '\n' | '\t'));
    match std::str::from_utf8(bytes) {
        Ok(text) => Some(text).filter(is_text).map(escaped),
        // A cut in the middle of a character: show what is whole.
        Err(e) if e.valid_up_to() > 0 && e.error_len().is_none() => {
            let whole = std::str::from_utf8(&bytes[..e.valid_up_to()]).ok();
            whole.filter(is_text).map(|text| escaped(text) + "..")
        }
        Err(_) => None,
    }
}

/// A message in a few columns: its label, else its first bytes.
pub fn name(message: &Message, style: &Style, width: usize) -> String {
    match &message.label {
        Some(label) => cut(label.to(style.lang), width, style.unicode),
        None => preview(message.body(), width, style.unicode),
    }
}

/// What a call moved of one message.
pub struct Part {
    /// The message's colour.
    pub ink: Ink,
    /// What is said of it.
    pub text: String,
    /// Its message passes by: this is shown nowhere else.
    pub passes: bool,
}

/// `|M1 hello|M2 feng [0..2 of 4]|`: what a call moved, by message.
pub fn parts(trace: &Trace, event: &Event, style: &Style) -> Vec<Part> {
    let mut out = Vec::new();
    let mut at = 0;
    for span in &event.spans {
        let bytes = event.bytes.get(at..at + span.len).unwrap_or_default();
        at += span.len;
        let Some(message) = trace.message(span.msg) else { continue };
        let passes = message.passed.is_some();
        let text = if passes { passing(message, span, bytes, style) } else { part(message, span, bytes, style) };
        out.push(Part { ink: Ink::Message(span.msg), text, passes });
    }
    out
}

fn part(message: &Message, span: &Span, bytes: &[u8], style: &Style) -> String {
    let header = header(span).to(style.lang).to_owned();
    let what = match (&message.label, span.part) {
        (Some(label), trace::Part::Body) => label.to(style.lang).to_owned(),
        _ => preview(bytes, 24, style.unicode),
    };
    let (start, end, all) = (span.offset, span.offset + span.len, message.bytes.len());
    let of = Text::new("of", "/").to(style.lang).to_owned();
    let partial = span.len < all && message.header_len == 0;
    let range =
        if partial { format!(" [{}..{} {of} {}]", grouped(start), grouped(end), grouped(all)) } else { String::new() };
    let guess = if message.inferred { "?" } else { "" };
    let gap = if what.is_empty() { "" } else { " " };
    format!("{}{guess}{header}{gap}{what}{range}", span.msg)
}

/// A piece of a message that passes by: nobody knows how long it becomes, and its pieces are all that is ever
/// shown, so that they are quoted as far as a line has room.
fn passing(message: &Message, span: &Span, bytes: &[u8], style: &Style) -> String {
    let [start, end] = [span.offset, span.offset + span.len].map(|n| n.saturating_sub(message.header_len));
    let (label, range) = match (&message.label, span.part) {
        (_, trace::Part::Header) => (header(span), String::new()),
        (label, trace::Part::Body) if start > 0 => (spaced(label), format!(" [{}..{}]", grouped(start), grouped(end))),
        (label, trace::Part::Body) => (spaced(label), String::new()),
    };
    let name = format!("{}{}", span.msg, label.to(style.lang));
    let lines = if bytes.len() <= SHORT { 4 } else { 1 };
    let room = (lines * style.breadth()).saturating_sub(lines * LINE + columns(&name) + columns(&range)).max(1);
    let is_label = |text: &String| message.label.as_ref().is_some_and(|label| label.to(style.lang) == text);
    match quoted(bytes, span.part).filter(|text| !is_label(text)) {
        Some(quoted) if span.part == trace::Part::Body && message.label.is_some() => {
            let colon = Text::new(": ", "：").to(style.lang).to_owned();
            format!("{name}{colon}{}{range}", cut(&quoted, room, style.unicode))
        }
        Some(quoted) => format!("{name} {}{range}", cut(&quoted, room, style.unicode)),
        None => format!("{name}{range}"),
    }
}

fn header(span: &Span) -> Text {
    if span.part == trace::Part::Header { Text::new(" header", " 头部") } else { Text::default() }
}

fn spaced(label: &Option<Text>) -> Text {
    label.as_ref().map(|label| Text::new(" {}", " {}").with(label)).unwrap_or_default()
}

/// Text as it reads; of a header also one behind a length of four bytes. A few bytes of something else as hex; many
/// stand in the hex block.
fn quoted(bytes: &[u8], part: trace::Part) -> Option<String> {
    let (length, rest) = bytes.split_at(bytes.len().min(4));
    let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<Vec<_>>().join(" ");
    match text(bytes) {
        Some(text) => (!text.is_empty()).then_some(text),
        None if part == trace::Part::Header && rest.is_empty() => Some(hex(length)),
        None if part == trace::Part::Header => text(rest).map(|text| format!("{} {text}", hex(length))),
        None => None,
    }
}

/// One cell of the hex block.
enum Cell {
    Byte { value: u8, span: Span, boundary: bool, wide: usize },
    Gap { hidden: usize },
}

/// The hex rows, each followed by its `src` row and, where a header is in it, a `part` row.
pub fn hex_block(event: &Event, style: &Style) -> Vec<String> {
    let cells = cells(event);
    let headers = event.spans.iter().any(|s| s.part == trace::Part::Header);
    let room = style.width.saturating_sub(INDENT + LABEL);
    let per_line = (room / 3).clamp(1, PER_LINE) * 3;
    let mut lines = Vec::new();
    let mut line: Vec<&Cell> = Vec::new();
    let mut used = 0;
    for cell in &cells {
        let wide = cell.width();
        if used + wide > per_line && !line.is_empty() {
            lines.extend(rows(&line, headers, style));
            line.clear();
            used = 0;
        }
        used += wide;
        line.push(cell);
    }
    if !line.is_empty() {
        lines.extend(rows(&line, headers, style));
    }
    lines
}

const INDENT: usize = 9;
const LABEL: usize = 4;

impl Cell {
    fn width(&self) -> usize {
        match self {
            Cell::Byte { wide, .. } => *wide,
            Cell::Gap { hidden } => columns(&gap(*hidden)) + 1,
        }
    }

    fn separator(&self, first: bool, style: &Style) -> char {
        match self {
            Cell::Byte { boundary: true, .. } if !first => style.bar(),
            _ => ' ',
        }
    }
}

fn gap(hidden: usize) -> String {
    format!("..{}..", grouped(hidden))
}

fn cells(event: &Event) -> Vec<Cell> {
    let all = event.bytes.len() <= WHOLE;
    let largest = event.spans.iter().map(|s| s.msg.0).max().unwrap_or(0);
    let wide = largest.to_string().len().max(2) + 1;
    let mut cells = Vec::new();
    let mut at = 0;
    for span in &event.spans {
        let bytes = &event.bytes[at..(at + span.len).min(event.bytes.len())];
        at += span.len;
        let hide = if all || bytes.len() <= 2 * KEPT + HIDDEN { 0..0 } else { KEPT..bytes.len() - KEPT };
        for (i, value) in bytes.iter().enumerate() {
            if hide.contains(&i) {
                if i == hide.start {
                    cells.push(Cell::Gap { hidden: hide.len() });
                }
                continue;
            }
            cells.push(Cell::Byte { value: *value, span: *span, boundary: i == 0, wide });
        }
    }
    cells
}

fn rows(line: &[&Cell], headers: bool, style: &Style) -> Vec<String> {
    let row = |label: &str, cell: &dyn Fn(&Cell) -> (String, Option<Ink>)| {
        let mut out = format!("{}{}", " ".repeat(INDENT), style.palette.paint(&padded(label, LABEL), Ink::Faint));
        for (i, c) in line.iter().enumerate() {
            let (text, ink) = cell(c);
            let text = format!("{:>1$}", text, c.width() - 1);
            out.push(c.separator(i == 0, style));
            out.push_str(&ink.map_or(text.clone(), |ink| style.palette.paint(&text, ink)));
        }
        out.trim_end().to_owned()
    };
    let mut rows = vec![
        row("hex", &|c| match c {
            Cell::Byte { value, span, .. } => (format!("{value:02x}"), Some(Ink::Message(span.msg))),
            Cell::Gap { hidden } => (gap(*hidden), Some(Ink::Faint)),
        }),
        row("src", &|c| match c {
            Cell::Byte { span, .. } => (span.msg.0.to_string(), Some(Ink::Message(span.msg))),
            Cell::Gap { .. } => (String::new(), None),
        }),
    ];
    if headers {
        rows.push(row("part", &|c| match c {
            Cell::Byte { span: Span { part: trace::Part::Header, .. }, .. } => ("h".into(), None),
            Cell::Byte { .. } => ("b".into(), None),
            Cell::Gap { .. } => (String::new(), None),
        }));
    }
    rows
}

/// `5+4`, `1024x3+76`: the lengths of a run's receive calls, equal neighbours counted.
pub fn lengths(pattern: &[usize]) -> String {
    let mut out: Vec<String> = Vec::new();
    let mut rest = pattern;
    while let Some(first) = rest.first() {
        let same = rest.iter().take_while(|n| *n == first).count();
        out.push(if same > 1 && *first > 0 { format!("{first}x{same}") } else { first.to_string() });
        rest = &rest[if *first > 0 { same } else { 1 }..];
    }
    if out.len() > 8 {
        let more = out.len() - 6;
        out.truncate(6);
        out.push(format!("..{more} more"));
    }
    if out.is_empty() { "-".into() } else { out.join("+") }
}
