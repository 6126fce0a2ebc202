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
//! JSON header behind one. [`Decoder`] cuts a stream into frames, however it was split on the way.
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
pub mod digest;
pub mod greeting;
pub mod json;
mod kind;
mod length;
mod md5;
mod part;
pub mod protocols;
pub mod suspect;

pub use kind::Kind;
pub use length::{I32_LE, Length, U8, U16_BE, U32_BE, U32_LE};
pub use part::Part;

use crate::say;
use crate::text::{Text, grouped};
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
}

impl Layout {
    /// Header and body together; `None` when that is more than this machine can address.
    pub fn total(self) -> Option<usize> {
        self.header.checked_add(self.body)
    }
}

/// What the start of a frame tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// The header is all there.
    Known(Layout),
    /// It is not: at least this many more bytes belong to it (never 0).
    Short(usize),
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

    /// The header that announces this body.
    ///
    /// # Errors
    /// [`Fault::TooLong`] when the header has no room for the body's length.
    fn header(&self, body: &[u8]) -> Result<Vec<u8>, Fault>;

    /// Header and body as they go on the wire.
    ///
    /// # Errors
    /// As [`header`](Framing::header).
    fn frame(&self, body: &[u8]) -> Result<Vec<u8>, Fault> {
        let mut bytes = self.header(body)?;
        bytes.extend_from_slice(body);
        Ok(bytes)
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

    fn header(&self, body: &[u8]) -> Result<Vec<u8>, Fault> {
        (**self).header(body)
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
    /// The header is not what this framing writes.
    Syntax(Text),
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
            Fault::Oversize { .. } => "oversize",
            Fault::Syntax(_) => "syntax",
            Fault::EofInHeader { .. } => "eof-in-header",
            Fault::EofInBody { .. } => "eof-in-body",
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
            Fault::EofInHeader { have, need } => say!(
                "the stream ended inside a header: {have} of at least {need} bytes",
                "流在报头中间结束：至少要 {need} 字节，只有 {have} 字节"
            ),
            Fault::EofInBody { have, need } => say!(
                "the stream ended inside a body: {have} of {need} bytes",
                "流在正文中间结束：应有 {need} 字节，只有 {have} 字节"
            ),
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

/// One message of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Where in the stream its header begins, in bytes.
    pub offset: u64,
    /// The header's bytes.
    pub header: Vec<u8>,
    /// The body's bytes.
    pub body: Vec<u8>,
}

/// Cuts a stream into frames, for whoever is handed its pieces and cannot ask for the next ones: a recording, a capture,
/// another program's calls. Who can ask reads with [`protocols`], and keeps no body. [`feed`](Decoder::feed) it what arrived, in pieces of any size, and
/// take frames out until there is none; time and memory are linear in what was fed.
#[derive(Clone, Debug)]
pub struct Decoder<F> {
    framing: F,
    limits: Limits,
    buffer: Vec<u8>,
    /// Where in the buffer the next frame begins; what is before it was taken out.
    at: usize,
    /// The same place in the stream.
    offset: u64,
    /// The next frame's header, once it was read: it is not read again for every piece of the body.
    known: Option<Layout>,
}

impl<F: Framing> Decoder<F> {
    /// A decoder at the beginning of a stream.
    pub fn new(framing: F, limits: Limits) -> Decoder<F> {
        Decoder { framing, limits, buffer: Vec::new(), at: 0, offset: 0, known: None }
    }

    /// Takes what arrived.
    pub fn feed(&mut self, bytes: &[u8]) {
        // Moved only when at least half of the buffer is done with: every byte moves a bounded number of times.
        if self.at > 0 && self.at >= self.buffer.len() / 2 {
            self.buffer.drain(..self.at);
            self.at = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole frame; `None` when it is not all there yet.
    ///
    /// # Errors
    /// When the bytes are no frame. A stream that lost its framing cannot find it again: the same
    /// error is returned ever after.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, Fault> {
        let Some(layout) = self.layout()? else { return Ok(None) };
        let rest = self.rest();
        let Some((header, more)) = rest.split_at_checked(layout.header) else { return Ok(None) };
        let Some(body) = more.get(..layout.body) else { return Ok(None) };
        let frame = Frame { offset: self.offset, header: header.to_vec(), body: body.to_vec() };
        let total = layout.header + layout.body;
        self.at += total;
        self.offset += total as u64;
        self.known = None;
        Ok(Some(frame))
    }

    fn layout(&mut self) -> Result<Option<Layout>, Fault> {
        if self.known.is_none() {
            self.known = match self.framing.look(self.rest(), &self.limits)? {
                Look::Known(layout) => Some(layout),
                Look::Short(_) => None,
            };
        }
        Ok(self.known)
    }

    /// How many bytes the current frame certainly still needs: a reader that asks recv for no more
    /// never takes a byte of the next frame. 0 only when a whole frame (or a fault) is waiting.
    pub fn wanted(&self) -> usize {
        let have = self.rest().len();
        match self.known.map(Look::Known).map_or_else(|| self.framing.look(self.rest(), &self.limits), Ok) {
            Ok(Look::Known(layout)) => layout.total().unwrap_or(usize::MAX).saturating_sub(have),
            Ok(Look::Short(more)) => more,
            Err(_) => 0,
        }
    }

    /// Where the bytes not taken out begin, in the stream.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The bytes not taken out: the start of a frame, or what is no frame.
    pub fn rest(&self) -> &[u8] {
        &self.buffer[self.at..]
    }

    /// Says that the stream has ended; all frames were taken out before.
    ///
    /// # Errors
    /// When it ended inside a frame, or what is left is none.
    pub fn finish(&self) -> Result<(), Fault> {
        let have = self.rest().len();
        if have == 0 {
            return Ok(());
        }
        match self.framing.look(self.rest(), &self.limits)? {
            Look::Short(more) => whole_header(self.rest(), have.saturating_add(more)),
            Look::Known(layout) => whole_body(&self.rest()[layout.header..], layout.body),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::json::Json;
    use super::*;

    const LIMITS: Limits = Limits { header: 256, body: 5000 };
    const FRAMINGS: [&dyn Framing; 6] = [&I32_LE, &U32_LE, &U32_BE, &U16_BE, &U8, &Json];

    /// Numbers that are the same on every run (Knuth's MMIX generator).
    struct Dice(u64);

    impl Dice {
        fn below(&mut self, n: usize) -> usize {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 33) as usize % n
        }

        fn bytes(&mut self, len: usize) -> Vec<u8> {
            (0..len).map(|_| self.below(256) as u8).collect()
        }
    }

    fn stream(framing: &dyn Framing, bodies: &[Vec<u8>]) -> Vec<u8> {
        bodies.iter().flat_map(|body| framing.frame(body).unwrap()).collect()
    }

    fn decoded(framing: &dyn Framing, pieces: &[&[u8]]) -> Vec<Frame> {
        let mut decoder = Decoder::new(framing, LIMITS);
        let mut frames = Vec::new();
        for piece in pieces {
            decoder.feed(piece);
            while let Some(frame) = decoder.next_frame().unwrap() {
                frames.push(frame);
            }
            assert!(decoder.rest().is_empty() || decoder.wanted() > 0);
        }
        decoder.finish().unwrap();
        frames
    }

    fn bodies_of(frames: &[Frame]) -> Vec<Vec<u8>> {
        frames.iter().map(|f| f.body.clone()).collect()
    }

    #[test]
    fn two_frames_cut_at_any_two_places_come_out_the_same() {
        for framing in FRAMINGS {
            let bodies = [b"hello".to_vec(), Vec::new(), b"feng".to_vec()];
            let bytes = stream(framing, &bodies);
            for first in 0..=bytes.len() {
                for second in first..=bytes.len() {
                    let pieces = [&bytes[..first], &bytes[first..second], &bytes[second..]];
                    assert_eq!(
                        bodies_of(&decoded(framing, &pieces)),
                        bodies,
                        "{} {first} {second}",
                        framing.kind().name()
                    );
                }
            }
        }
    }

    #[test]
    fn random_bodies_in_random_pieces_come_out_the_same() {
        let mut dice = Dice(20_240_917);
        for round in 0..300 {
            let framing = FRAMINGS[round % FRAMINGS.len()];
            let longest = if framing.kind() == Kind::U8 { 256 } else { 5000 };
            let bodies: Vec<Vec<u8>> = (0..dice.below(8))
                .map(|_| dice.below(longest))
                .collect::<Vec<_>>()
                .into_iter()
                .map(|len| dice.bytes(len))
                .collect();
            let bytes = stream(framing, &bodies);
            let most = 1 + dice.below(700);
            let mut pieces = Vec::new();
            let mut rest = bytes.as_slice();
            while !rest.is_empty() {
                let (piece, more) = rest.split_at((1 + dice.below(most)).min(rest.len()));
                pieces.push(piece);
                rest = more;
            }
            let frames = decoded(framing, &pieces);
            assert_eq!(bodies_of(&frames), bodies);
            let mut offset = 0;
            for frame in &frames {
                assert_eq!(frame.offset, offset);
                offset += (frame.header.len() + frame.body.len()) as u64;
            }
        }
    }

    #[test]
    fn asking_for_what_is_wanted_never_takes_a_byte_of_the_next_frame() {
        for framing in FRAMINGS {
            let bytes = stream(framing, &[b"hello".to_vec(), b"feng".to_vec()]);
            let mut decoder = Decoder::new(framing, LIMITS);
            let mut at = 0;
            let frame = loop {
                let wanted = decoder.wanted();
                assert!(wanted > 0);
                decoder.feed(&bytes[at..at + wanted]);
                at += wanted;
                if let Some(frame) = decoder.next_frame().unwrap() {
                    break frame;
                }
            };
            assert_eq!(frame.body, b"hello");
            assert!(decoder.rest().is_empty());
            assert_eq!(at, framing.frame(b"hello").unwrap().len());
        }
    }

    #[test]
    fn a_stream_may_end_at_a_boundary_and_nowhere_else() {
        for framing in FRAMINGS {
            let one = framing.frame(b"hello").unwrap();
            let header = one.len() - 5;
            for end in 0..=one.len() {
                let mut decoder = Decoder::new(framing, LIMITS);
                decoder.feed(&one[..end]);
                let whole = decoder.next_frame().unwrap();
                let ended = decoder.finish().err();
                let kind = ended.as_ref().map(Fault::kind);
                let expected = match end {
                    0 => None,
                    n if n < header => Some("eof-in-header"),
                    n if n < one.len() => Some("eof-in-body"),
                    _ => None,
                };
                assert_eq!(kind, expected, "{} cut at {end}", framing.kind().name());
                assert_eq!(whole.is_some(), end == one.len());
            }
        }
    }

    #[test]
    fn any_bytes_give_an_answer_and_no_great_allocation() {
        let mut dice = Dice(7);
        for round in 0..3000 {
            let framing = FRAMINGS[round % FRAMINGS.len()];
            let len = dice.below(64);
            let mut decoder = Decoder::new(framing, LIMITS);
            decoder.feed(&dice.bytes(len));
            while let Ok(Some(frame)) = decoder.next_frame() {
                assert!(frame.body.len() <= LIMITS.body);
            }
            assert!(decoder.buffer.capacity() <= 64);
            assert!(decoder.wanted() <= LIMITS.body + LIMITS.header + 4);
        }
    }

    #[test]
    fn a_fault_stays() {
        let mut decoder = Decoder::new(I32_LE, LIMITS);
        decoder.feed(b"HTTP/1.1 200 OK\r\n");
        let fault = decoder.next_frame().unwrap_err();
        assert_eq!(fault.kind(), "oversize");
        decoder.feed(&[1, 0, 0, 0, b'x']);
        assert_eq!(decoder.next_frame(), Err(fault.clone()));
        assert_eq!(decoder.finish(), Err(fault));
        assert_eq!(decoder.offset(), 0);
    }

    #[test]
    fn a_body_in_single_bytes_takes_linear_time() {
        let mut decoder = Decoder::new(Json, Limits { header: 1 << 20, body: 1 << 20 });
        let body = vec![7; 200_000];
        decoder.feed(&Json.header(&body).unwrap());
        for byte in &body {
            assert_eq!(decoder.next_frame().unwrap(), None);
            decoder.feed(std::slice::from_ref(byte));
        }
        assert_eq!(decoder.next_frame().unwrap().unwrap().body, body);
    }
}
