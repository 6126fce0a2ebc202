//! What an application means as one message, and which of its bytes are meant.

use super::ends::{self, EndName};
use super::word;
use crate::framing::Part;
use crate::text::Text;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::Range;
use std::str::FromStr;
use std::sync::Arc;

/// A message's number; displayed as `M1`. Numbers follow the order in which messages were first sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MsgId(pub u32);

impl MsgId {
    /// Its place among so many colours or patterns, from 0: messages take them in turn.
    pub const fn turn(self, of: usize) -> usize {
        (self.0 as usize + of - 1) % of
    }
}

impl fmt::Display for MsgId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "M{}", self.0)
    }
}

/// Reads what [`Display`](fmt::Display) writes.
impl FromStr for MsgId {
    type Err = String;

    fn from_str(text: &str) -> Result<MsgId, String> {
        text.strip_prefix('M').and_then(ends::place).map(MsgId).ok_or_else(|| format!("{text:?} is no message"))
    }
}

word::serde_by_word!(MsgId);

/// What the application meant as one message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Its number.
    pub id: MsgId,
    /// Who sends it.
    pub from: EndName,
    /// Header and body, as they go on the wire.
    #[serde(skip)]
    pub bytes: Arc<[u8]>,
    /// How many of the bytes are header; 0 when the protocol has none.
    pub header_len: usize,
    /// A name better than its first bytes (`ls: stderr`), in both languages.
    #[serde(rename = "label_both", default, skip_serializing_if = "Option::is_none")]
    pub label: Option<Text>,
    /// True when nobody recorded the sending: taken from what the document says the peer sends, or
    /// from the bytes that arrived (a lone end sees no other evidence).
    pub inferred: bool,
    /// Of a message that passes by, piece by piece, how many bytes have passed: `bytes` are its beginning, as far as
    /// that is kept. `None` where it is known whole from the start.
    #[serde(skip)]
    pub passed: Option<usize>,
}

impl Message {
    /// The bytes without the header.
    pub fn body(&self) -> &[u8] {
        &self.bytes[self.header_len.min(self.bytes.len())..]
    }

    /// How many bytes it has, or has had so far.
    pub fn len(&self) -> usize {
        self.passed.unwrap_or(self.bytes.len())
    }

    /// Has it no bytes at all?
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A range of its bytes, split where its header ends. An empty range has one empty span.
    pub(crate) fn spans(&self, range: Range<usize>) -> impl Iterator<Item = Span> + use<> {
        let cut = self.header_len.clamp(range.start, range.end);
        let msg = self.id;
        let empty = range.is_empty();
        [(range.start..cut, Part::Header), (cut..range.end, Part::Body)]
            .into_iter()
            .filter(move |(r, part)| !r.is_empty() || (empty && *part == Part::Body))
            .map(move |(r, part)| Span { msg, offset: r.start, len: r.len(), part })
    }
}

/// A run of bytes that came from one part of one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// The message.
    pub msg: MsgId,
    /// Where in the message's bytes the run starts.
    pub offset: usize,
    /// How many bytes.
    pub len: usize,
    /// Header or body.
    pub part: Part,
}
