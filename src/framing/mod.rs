//! Framing: what gives a byte stream its message boundaries back. Pure: bytes in, frames out.
//!
//! Nothing here touches a socket, and nothing is allocated for a length before that length was
//! checked against a [`Limits`]. Three things that careless code mixes up are kept apart:
//!
//! * *incomplete* is not an error: more bytes may still come ([`Look::Short`], `Ok(None)`);
//! * the stream *ended*, at a boundary (all is well) or inside a frame ([`Fault::EofInHeader`],
//!   [`Fault::EofInBody`]);
//! * the bytes *cannot be* a frame ([`Fault::Negative`], [`Fault::Oversize`], [`Fault::Syntax`]).
//!
//! [`Length`] is a fixed length field (`struct.pack('i', n)` and its relatives); [`json`] puts a
//! JSON header behind one, [`LineFeed`] ends each message with a line feed, and a [`Netstring`] has its length in digits.
//! [`Decoder`] cuts a stream into frames, however it was split on the way.
//!
//! ```
//! use stickdemo::framing::{Decoder, Framing, I32_LE, Limits};
//!
//! let header = I32_LE.header(b"hello")?;
//! assert_eq!(header, [5, 0, 0, 0]);
//!
//! let mut frames = Decoder::new(I32_LE, Limits::default());
//! frames.feed(&header);
//! frames.feed(b"hel");
//! assert_eq!(frames.next_frame()?, None); // incomplete: two bytes are missing
//! assert_eq!(frames.wanted(), 2);
//! frames.feed(b"lo");
//! assert_eq!(frames.next_frame()?.map(|f| f.body), Some(b"hello".to_vec()));
//! frames.finish()?; // the stream may end here: it is a boundary
//! # Ok::<(), stickdemo::framing::Fault>(())
//! ```

pub mod decimal;
mod decoder;
pub mod digest;
pub mod greeting;
pub mod json;
mod kind;
mod length;
mod line;
mod md5;
mod named;
mod netstring;
mod part;
pub mod protocols;
pub mod suspect;

pub use decoder::{Decoder, Frame};
pub use kind::Kind;
pub use length::{I32_LE, Length, U8, U16_BE, U32_BE, U32_LE};
pub use line::LineFeed;
pub use named::of_kind;
pub use netstring::Netstring;
pub use part::Part;

use crate::say;
use crate::text::{Text, escaped, grouped};
use std::fmt;

/// How long a header and a body may be, in bytes. A peer's length is compared with these before
/// anything is allocated or waited for: four wrong bytes can ask for two gigabytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The longest header, its own length field not counted.
    pub header: usize,
    /// The longest body.
    pub body: usize,
}

impl Default for Limits {
    /// 64 KiB of header, 16 MiB of body.
    fn default() -> Limits {
        Limits { header: 64 << 10, body: 16 << 20 }
    }
}

/// The shape of one frame, as its header announces it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Bytes before the body.
    pub header: usize,
    /// Bytes of body.
    pub body: usize,
    /// Bytes that end it.
    pub trailer: usize,
}

impl Layout {
    /// A header and a body, and nothing behind it.
    pub const fn of(header: usize, body: usize) -> Layout {
        Layout { header, body, trailer: 0 }
    }

    /// All of it; `None` when that is more than this machine can address.
    pub fn total(self) -> Option<usize> {
        self.header.checked_add(self.body)?.checked_add(self.trailer)
    }
}

/// What the start of a frame tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// The header is all there.
    Known(Layout),
    /// It is not: at least this many more bytes belong to it (never 0).
    Short(usize),
    /// There is none, and the mark that ends the body has not come: at least one more byte belongs to it.
    Open,
}

/// A rule that says where messages end.
pub trait Framing {
    /// Which of the framings that have a name.
    fn kind(&self) -> Kind;

    /// Reads the header at the start of `bytes`, as far as it is there.
    ///
    /// # Errors
    /// When these bytes cannot be the start of a frame within the limits.
    fn look(&self, bytes: &[u8], limits: &Limits) -> Result<Look, Fault>;

    /// The same, when the first `seen` bytes were looked at before, and the frame was [open](Look::Open) then.
    ///
    /// # Errors
    /// As [`look`](Framing::look).
    fn look_on(&self, bytes: &[u8], seen: usize, limits: &Limits) -> Result<Look, Fault> {
        let _ = seen;
        self.look(bytes, limits)
    }

    /// The header that announces this body.
    ///
    /// # Errors
    /// [`Fault::TooLong`] when the header has no room for the body's length, [`Fault::Syntax`] when this framing cannot
    /// carry such a body.
    fn header(&self, body: &[u8]) -> Result<Vec<u8>, Fault>;

    /// What ends a frame, behind the body.
    fn trailer(&self) -> &'static [u8] {
        b""
    }

    /// A frame as it goes on the wire.
    ///
    /// # Errors
    /// As [`header`](Framing::header).
    fn frame(&self, body: &[u8]) -> Result<Vec<u8>, Fault> {
        Ok([&self.header(body)?[..], body, self.trailer()].concat())
    }
}

/// So that a framing chosen by name at run time (`&dyn Framing`) is one like any other.
impl<F: Framing + ?Sized> Framing for &F {
    fn kind(&self) -> Kind {
        (**self).kind()
    }

    fn look(&self, bytes: &[u8], limits: &Limits) -> Result<Look, Fault> {
        (**self).look(bytes, limits)
    }

    fn look_on(&self, bytes: &[u8], seen: usize, limits: &Limits) -> Result<Look, Fault> {
        (**self).look_on(bytes, seen, limits)
    }

    fn header(&self, body: &[u8]) -> Result<Vec<u8>, Fault> {
        (**self).header(body)
    }

    fn trailer(&self) -> &'static [u8] {
        (**self).trailer()
    }
}

/// Why bytes are no frame, or a body cannot become one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The length is below zero.
    Negative {
        /// What carried it, with its bytes.
        source: Text,
        /// The length as read.
        value: i64,
    },
    /// The length is over the limit.
    Oversize {
        /// What carried it, with its bytes.
        source: Text,
        /// The length as read.
        value: u64,
        /// The limit.
        limit: u64,
    },
    /// The frame is not what this framing writes.
    Syntax(Text),
    /// The mark that ends a body did not come within the limit.
    Endless {
        /// The limit.
        limit: usize,
    },
    /// The stream ended inside a header.
    EofInHeader {
        /// Bytes of the header that arrived.
        have: usize,
        /// Bytes it needs, as far as they tell.
        need: usize,
    },
    /// The stream ended inside a body.
    EofInBody {
        /// Bytes of the body that arrived.
        have: usize,
        /// Bytes its header announced.
        need: usize,
    },
    /// The stream ended behind a body, without what ends it.
    Unended {
        /// Bytes of the body that arrived.
        have: usize,
        /// What was missing.
        mark: &'static [u8],
    },
    /// The sender's side: the length field has no room for this length.
    TooLong {
        /// The length.
        value: u64,
        /// The greatest that fits.
        max: u64,
        /// The framing's name.
        framing: &'static str,
    },
}

impl Fault {
    /// The word used in JSON.
    pub const fn kind(&self) -> &'static str {
        match self {
            Fault::Negative { .. } => "negative",
            Fault::Oversize { .. } | Fault::Endless { .. } => "oversize",
            Fault::Syntax(_) => "syntax",
            Fault::EofInHeader { .. } => "eof-in-header",
            Fault::EofInBody { .. } | Fault::Unended { .. } => "eof-in-body",
            Fault::TooLong { .. } => "too-long",
        }
    }

    /// The sentence, in both languages. What the mistake was, [`suspect`] says, who knows all that came.
    pub fn text(&self) -> Text {
        match self {
            Fault::Negative { source, value } => {
                say!("{{}} read {value}: a length cannot be negative", "{{}} 读作 {value}：长度不能是负数").with(source)
            }
            Fault::Oversize { source, value, limit } => {
                let limit = grouped(*limit);
                say!("{{}} read {value}: over the limit of {limit}", "{{}} 读作 {value}：超过上限 {limit}").with(source)
            }
            Fault::Syntax(what) => what.clone(),
            Fault::Endless { limit } => {
                let limit = grouped(*limit);
                say!("no line feed within the limit of {limit} bytes", "上限 {limit} 字节之内没有换行符")
            }
            Fault::EofInHeader { have, need } => say!(
                "the stream ended inside a header: {have} of at least {need} bytes",
                "流在报头中间结束：至少要 {need} 字节，只有 {have} 字节"
            ),
            Fault::EofInBody { have, need } => say!(
                "the stream ended inside a body: {have} of {need} bytes",
                "流在正文中间结束：应有 {need} 字节，只有 {have} 字节"
            ),
            Fault::Unended { have, mark } => {
                let mark = escaped(&String::from_utf8_lossy(mark));
                say!(
                    "the stream ended without the \"{mark}\" that ends a message: {have} bytes of body",
                    "流已结束，却没有结束消息的“{mark}”：正文有 {have} 字节"
                )
            }
            Fault::TooLong { value, max, framing } => {
                let (value, max) = (grouped(*value), grouped(*max));
                say!("{value} does not fit {framing} (at most {max})", "{value} 装不进 {framing}（最大 {max}）")
            }
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text().en)
    }
}

impl std::error::Error for Fault {}

impl From<Fault> for Text {
    fn from(fault: Fault) -> Text {
        fault.text()
    }
}

/// Checks that a read of a header brought all of it: the stream may have ended.
///
/// # Errors
/// [`Fault::EofInHeader`].
pub fn whole_header(bytes: &[u8], need: usize) -> Result<(), Fault> {
    if bytes.len() < need { Err(Fault::EofInHeader { have: bytes.len(), need }) } else { Ok(()) }
}

/// Checks that a read of a body brought all of it: the stream may have ended.
///
/// # Errors
/// [`Fault::EofInBody`].
pub fn whole_body(bytes: &[u8], need: usize) -> Result<(), Fault> {
    if bytes.len() < need { Err(Fault::EofInBody { have: bytes.len(), need }) } else { Ok(()) }
}
