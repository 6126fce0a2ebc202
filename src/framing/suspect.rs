//! What a wrong length really was: a number, or the bytes that came, tried against the usual mistakes. Pure.
//!
//! [`of_number`] has a number alone, as a log shows it, and says what it may have been, the likeliest first.
//! [`of_stream`] has all that came where a frame was due, and suspects only what fits it to the last byte.

mod by_bytes;
mod by_number;

pub use by_bytes::{Came, of_stream};
pub use by_number::of_number;

use super::Kind;
use super::length::number;
use crate::text::Text;
use crate::text::harmless::escaped;

/// One explanation of a wrong length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suspicion {
    /// What kind of mistake it would be.
    pub culprit: Culprit,
    /// What happened, if it is that.
    pub what: Text,
    /// What speaks for it.
    pub because: Text,
    /// How much: the greater, the likelier. Only the order means something.
    weight: u8,
}

/// The usual mistakes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Culprit {
    /// Another protocol was spoken.
    OtherProtocol,
    /// Text was read as a length.
    Text,
    /// The number's bytes were read in the other order.
    Turned,
    /// The field is wider or narrower.
    Width,
    /// The field begins earlier or later.
    Shifted,
    /// The length counts its own field, too.
    CountsItself,
    /// The length counts characters, not bytes.
    Characters,
    /// Another framing of the list.
    Framed(Kind),
    /// More than one message came.
    Several,
    /// One segment, or one recv, was taken for one message.
    Segment,
}

impl Culprit {
    /// What follows `stickdemo` to see this mistake happen.
    pub const fn shown_by(self) -> &'static str {
        match self {
            Culprit::OtherProtocol | Culprit::Turned | Culprit::Width => "fix-header",
            Culprit::Text | Culprit::Shifted => "fix-exact",
            Culprit::CountsItself => "fix-json-header",
            Culprit::Characters => "fix-characters",
            Culprit::Framed(Kind::Ack) => "fix-ack",
            Culprit::Framed(Kind::Json) => "fix-json-header",
            Culprit::Framed(_) => "fix-header",
            Culprit::Several => "tcp-remote-cmd",
            Culprit::Segment => "tcp-split",
        }
    }
}

impl Suspicion {
    fn new(culprit: Culprit, weight: u8, what: Text, because: Text) -> Suspicion {
        Suspicion { culprit, what, because, weight }
    }

    /// Does enough speak for it to be told where nobody asked about the number itself?
    pub fn is_strong(&self) -> bool {
        self.weight >= 50
    }

    /// Does more speak for it?
    pub fn is_likelier_than(&self, other: &Suspicion) -> bool {
        self.weight > other.weight
    }

    /// Both sentences in one, as a hint.
    pub fn hint(&self) -> Text {
        Text::new("{}: {}", "{}：{}").with_all([&self.because, &self.what])
    }
}

/// The likeliest first; of each kind of mistake with the same sentence only one.
fn ranked(mut all: Vec<Suspicion>) -> Vec<Suspicion> {
    all.sort_by_key(|suspicion| std::cmp::Reverse(suspicion.weight));
    let mut seen: Vec<Text> = Vec::new();
    all.retain(|suspicion| {
        let new = !seen.contains(&suspicion.what);
        seen.push(suspicion.what.clone());
        new
    });
    all
}

/// A length field that some program reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Field {
    width: usize,
    big: bool,
}

impl Field {
    const ALL: [Field; 7] = [
        Field { width: 4, big: true },
        Field { width: 4, big: false },
        Field { width: 2, big: true },
        Field { width: 2, big: false },
        Field { width: 8, big: true },
        Field { width: 8, big: false },
        Field { width: 1, big: true },
    ];

    fn read(self, bytes: &[u8]) -> Option<u64> {
        bytes.get(..self.width).map(|field| number(field, self.big))
    }

    /// Python's name for it.
    fn python(self) -> &'static str {
        match (self.width, self.big) {
            (8, true) => "'>q'",
            (8, false) => "'<q'",
            (4, true) => "'>i'",
            (4, false) => "'<i'",
            (2, true) => "'>H'",
            (2, false) => "'<H'",
            _ => "'B'",
        }
    }

    /// Its framing, if it is one that has a name.
    fn kind(self) -> Option<Kind> {
        match (self.width, self.big) {
            (4, false) => Some(Kind::I32Le),
            (4, true) => Some(Kind::U32Be),
            (2, true) => Some(Kind::U16Be),
            (1, _) => Some(Kind::U8),
            _ => None,
        }
    }

    fn order(self) -> Text {
        match (self.width, self.big) {
            (1, _) => Text::new("as a number", "作为数字"),
            (_, true) => Text::new("in network order", "按网络字节序"),
            (_, false) => Text::new("little-endian", "按小端序"),
        }
    }
}

/// The bytes as text, quoted, when that is what they are: no control characters but ends of lines, and UTF-8, of which
/// the last character may be cut.
fn text_of(bytes: &[u8]) -> Option<String> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(e) if e.error_len().is_none() && e.valid_up_to() > 0 => {
            std::str::from_utf8(&bytes[..e.valid_up_to()]).ok()?
        }
        Err(_) => return None,
    };
    let plain = |c: char| matches!(c, '\t' | '\r' | '\n') || !c.is_control();
    (!text.is_empty() && text.chars().all(plain)).then(|| escaped(text))
}
