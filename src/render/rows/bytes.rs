//! Bytes for eyes: whose they are, piece by piece, and the cells of the hex block.

use super::preview::text;
use super::token::{Name, Token};
use crate::text::hex;
use crate::text::{Text, grouped};
use crate::trace::{self, Event, Message, MsgId, Span, Trace};

/// A block of at most this many bytes is shown whole.
const WHOLE: usize = 48;
/// Bytes kept at each side of a boundary when a block is elided.
const KEPT: usize = 6;
/// Fewer bytes than this are not worth hiding.
const HIDDEN: usize = 8;

/// What a call moved of one message: `M1 hello`, `M2 feng [0..2 of 4]`.
pub struct MovedPiece<'a> {
    /// The message.
    pub msg: MsgId,
    /// What is said of it.
    pub tokens: Vec<Token<'a>>,
    /// Its message passes by: this is shown nowhere else, and wants more than a glance.
    pub passes: bool,
    /// How many bytes.
    pub len: usize,
}

/// What a call moved, by message.
pub fn pieces<'a>(trace: &'a Trace, event: &'a Event) -> Vec<MovedPiece<'a>> {
    let mut out = Vec::new();
    let mut at = 0;
    for span in &event.spans {
        let bytes = event.bytes.get(at..at + span.len).unwrap_or_default();
        at += span.len;
        let Some(message) = trace.message(span.msg) else { continue };
        let passes = message.passed.is_some();
        let tokens = if passes { passing(message, span, bytes) } else { part(message, span, bytes) };
        out.push(MovedPiece { msg: span.msg, tokens, passes, len: bytes.len() });
    }
    out
}

fn part<'a>(message: &'a Message, span: &Span, bytes: &'a [u8]) -> Vec<Token<'a>> {
    let what = match (&message.label, span.part) {
        (Some(label), trace::Part::Body) => Name::Label(label),
        _ => Name::Bytes(bytes),
    };
    let guess = message.inferred.then(|| "?".into());
    let gap = (!what.is_empty()).then(|| " ".into());
    let mut tokens = vec![Token::Message(span.msg)];
    tokens.extend(guess.into_iter().chain(header(span)).chain(gap));
    tokens.push(Token::Name(what));
    if span.len < message.len() && message.header_len == 0 {
        let [start, end, all] = [span.offset, span.offset + span.len, message.len()].map(grouped);
        let of =
            Text::new("{} of {}", "{} / {}").with_all([&Text::same(format!(" [{start}..{end}")), &Text::same(all)]);
        tokens.extend([of.into(), "]".into()]);
    }
    tokens
}

/// A piece of a message that passes by: nobody knows how long it becomes, and its pieces are all that is ever
/// shown, so that they are quoted as far as there is room.
fn passing<'a>(message: &'a Message, span: &Span, bytes: &[u8]) -> Vec<Token<'a>> {
    let [start, end] = [span.offset, span.offset + span.len].map(|n| n.saturating_sub(message.header_len));
    let body = span.part == trace::Part::Body;
    let label = message.label.as_ref().filter(|_| body);
    let mut tokens = vec![Token::Message(span.msg)];
    tokens.extend(header(span));
    tokens.extend(label.map(|label| Text::new(" {}", " {}").with(label).into()));
    let is_label = |text: &String| message.label.as_ref().is_some_and(|label| label.en == *text && label.zh == *text);
    if let Some(quoted) = quoted(bytes, span.part).filter(|text| !is_label(text)) {
        let gap = if label.is_some() { Text::new(": ", "：") } else { Text::same(" ") };
        tokens.extend([gap.into(), Token::Name(Name::Quoted(quoted))]);
    }
    if body && start > 0 {
        tokens.push(format!(" [{}..{}]", grouped(start), grouped(end)).into());
    }
    tokens
}

fn header<'a>(span: &Span) -> Option<Token<'a>> {
    (span.part == trace::Part::Header).then(|| Text::new(" header", " 报头").into())
}

/// Text as it reads; of a header also one behind a length of four bytes. A few bytes of something else as hex; many
/// stand in the hex block.
fn quoted(bytes: &[u8], part: trace::Part) -> Option<String> {
    let (length, rest) = bytes.split_at(bytes.len().min(4));
    match text(bytes) {
        Some(text) => (!text.is_empty()).then_some(text),
        None if part == trace::Part::Header && rest.is_empty() => Some(hex::spaced(length)),
        None if part == trace::Part::Header => text(rest).map(|text| format!("{} {text}", hex::spaced(length))),
        None => None,
    }
}

/// One cell of the hex block.
pub enum HexCell {
    /// A byte.
    Byte {
        /// The byte.
        value: u8,
        /// Whose it is.
        span: Span,
        /// The first of its span.
        boundary: bool,
    },
    /// Bytes that are not shown.
    Gap {
        /// How many.
        hidden: usize,
    },
}

/// The cells of what a call moved: of many bytes those at the boundaries.
pub fn cells(event: &Event) -> Vec<HexCell> {
    let all = event.bytes.len() <= WHOLE;
    let mut cells = Vec::new();
    let mut at = 0;
    for span in &event.spans {
        let bytes = &event.bytes[at.min(event.bytes.len())..(at + span.len).min(event.bytes.len())];
        at += span.len;
        let hide = if all || bytes.len() <= 2 * KEPT + HIDDEN { 0..0 } else { KEPT..bytes.len() - KEPT };
        for (i, value) in bytes.iter().enumerate() {
            if !hide.contains(&i) {
                cells.push(HexCell::Byte { value: *value, span: *span, boundary: i == 0 });
            } else if i == hide.start {
                cells.push(HexCell::Gap { hidden: hide.len() });
            }
        }
    }
    cells
}
