//! Where a message ends, whatever pieces it arrives in.
//!
//! A length says it exactly: [`fill`], [`length`], [`json_object`]. The documents also send text that nothing
//! frames: commands, file names, decimal lengths, acknowledgements. Nothing in the bytes says where such a text
//! ends; [`text`] and [`unframed`] take it as complete when the stream was silent for a while, or ended. That is a
//! guess which a slow network can prove wrong, and the reason why protocols frame everything.

use super::trouble::{Result, Trouble};
use super::wire::Source;
use crate::framing::{self, I32_LE, json};
use crate::say;
use crate::text::Text;
use crate::trace::Part;
use serde_json::{Map, Value};
use std::time::Duration;

/// How an unframed text ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The stream was silent: a guess.
    Quiet,
    /// The stream ended: a fact.
    Stream,
}

/// Fills the buffer, in as many receive calls as it takes. Returns how many bytes came: fewer than asked for only
/// when the stream ended.
///
/// # Errors
/// What recv says, as trouble while `doing`.
pub fn fill(source: &mut impl Source, buffer: &mut [u8], part: Part, doing: &Text) -> Result<usize> {
    let mut have = 0;
    while have < buffer.len() {
        match source.recv(&mut buffer[have..], part).map_err(|e| Trouble::call(doing, &e))? {
            0 => break,
            n => have += n,
        }
    }
    Ok(have)
}

/// Reads a length field of four little-endian bytes (`struct.pack('i', n)`), at most `limit`; `None` when the
/// stream ended where it would begin.
///
/// # Errors
/// What recv says, or that the bytes are no such length.
pub fn length(source: &mut impl Source, limit: usize, doing: &Text) -> Result<Option<usize>> {
    let mut field = [0; 4];
    match fill(source, &mut field, Part::Header, doing)? {
        0 => Ok(None),
        n => Ok(Some(I32_LE.unpack(&field[..n], limit)?)),
    }
}

/// Reads exactly `length` bytes that say what follows, or what came before.
///
/// # Errors
/// What recv says, or that the stream ended inside.
pub fn header(source: &mut impl Source, length: usize, part: Part, doing: &Text) -> Result<Vec<u8>> {
    let mut bytes = vec![0; length];
    let have = fill(source, &mut bytes, part, doing)?;
    framing::whole_header(&bytes[..have], length)?;
    Ok(bytes)
}

/// Reads a JSON object of `length` bytes.
///
/// # Errors
/// What recv says, that the stream ended inside, or that the bytes are not a JSON object.
pub fn json_object(source: &mut impl Source, length: usize, part: Part, doing: &Text) -> Result<Map<String, Value>> {
    Ok(json::parse(&header(source, length, part, doing)?)?)
}

/// Reads text that nothing frames, at most `limit` bytes: until the stream is silent for `settle`, or ends. In the
/// middle of a UTF-8 character it is not over. `None` when the stream ended before a byte came.
///
/// # Errors
/// What recv says, or that it is longer than the limit.
pub fn text(source: &mut impl Source, limit: usize, settle: Duration, doing: &Text) -> Result<Option<(Vec<u8>, End)>> {
    unframed(source, limit, Part::Body, settle, doing, |bytes| match std::str::from_utf8(bytes) {
        Err(e) if e.error_len().is_none() => Step::CertainlyMore,
        _ => Step::PerhapsMore,
    })
}

/// What the bytes so far say about more to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// They cannot be all.
    CertainlyMore,
    /// They can, and need not.
    PerhapsMore,
    /// They are all there is.
    Complete,
}

/// Reads until `step` says so, or, where it cannot know, until the stream is silent for `settle`, or ends.
///
/// # Errors
/// What recv says, or that it is longer than the limit.
pub fn unframed(
    source: &mut impl Source,
    limit: usize,
    part: Part,
    settle: Duration,
    doing: &Text,
    step: impl Fn(&[u8]) -> Step,
) -> Result<Option<(Vec<u8>, End)>> {
    let mut bytes: Vec<u8> = Vec::new();
    // Small: a server has one for each client that is silent.
    let mut piece = vec![0; limit.saturating_add(1).min(4 << 10)];
    loop {
        let failed = |e| Trouble::call(doing, &e);
        let now = if bytes.is_empty() { Step::CertainlyMore } else { step(&bytes) };
        let got = match now {
            Step::Complete => return Ok(Some((bytes, End::Quiet))),
            Step::CertainlyMore => Some(source.recv(&mut piece, part).map_err(failed)?),
            Step::PerhapsMore => source.recv_within(&mut piece, part, settle).map_err(failed)?,
        };
        match got {
            None => return Ok(Some((bytes, End::Quiet))),
            Some(0) if bytes.is_empty() => return Ok(None),
            Some(0) => return Ok(Some((bytes, End::Stream))),
            Some(n) => bytes.extend_from_slice(&piece[..n]),
        }
        if bytes.len() > limit {
            return Err(
                Trouble::peer("oversize", say!("more than {limit} bytes of text", "文本超过 {limit} 字节")).at(doing)
            );
        }
    }
}

/// `quit` leaves, as in the documents.
pub(crate) fn is_quit(line: &[u8]) -> bool {
    line.trim_ascii() == b"quit"
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;

    /// Pieces as they come; `None` is a silence that is longer than any settling.
    struct Pieces(Vec<Option<&'static [u8]>>);

    impl Source for Pieces {
        fn recv(&mut self, buffer: &mut [u8], part: Part) -> io::Result<usize> {
            loop {
                if let Some(n) = self.recv_within(buffer, part, Duration::ZERO)? {
                    return Ok(n);
                }
            }
        }

        fn recv_within(&mut self, buffer: &mut [u8], _: Part, _: Duration) -> io::Result<Option<usize>> {
            if self.0.is_empty() {
                return Ok(Some(0));
            }
            let Some(piece) = self.0.remove(0) else { return Ok(None) };
            let (now, rest) = piece.split_at(piece.len().min(buffer.len()));
            buffer[..now.len()].copy_from_slice(now);
            if !rest.is_empty() {
                self.0.insert(0, Some(rest));
            }
            Ok(Some(now.len()))
        }

        fn incoming(&mut self, _: Text) {}
    }

    const DOING: Text = Text::new("here", "这里");

    fn texted(pieces: &[Option<&'static [u8]>], limit: usize) -> Result<Option<(Vec<u8>, End)>> {
        text(&mut Pieces(pieces.to_vec()), limit, Duration::ZERO, &DOING)
    }

    #[test]
    fn half_a_character_is_not_the_end_of_a_text() {
        let halves = [Some(&b"echo \xe7\xb2"[..]), None, Some(b"\x98"), None, Some(b"next")];
        assert_eq!(texted(&halves, 100).unwrap(), Some(("echo 粘".into(), End::Quiet)));
        assert_eq!(texted(&halves[..1], 100).unwrap(), Some((b"echo \xe7\xb2".to_vec(), End::Stream)));
        let invalid = [Some(&b"\xff"[..]), None, Some(b"next")];
        assert_eq!(texted(&invalid, 100).unwrap(), Some((b"\xff".to_vec(), End::Quiet)), "more would not mend it");
        assert_eq!(texted(&[], 100).unwrap(), None);
    }

    #[test]
    fn a_text_may_be_as_long_as_the_limit_and_no_longer() {
        assert_eq!(texted(&[Some(b"12345")], 5).unwrap(), Some((b"12345".to_vec(), End::Stream)));
        assert_eq!(texted(&[Some(b"123456")], 5).unwrap_err().kind, "oversize");
        assert_eq!(texted(&[Some(b"123"), Some(b"456")], 5).unwrap_err().kind, "oversize");
    }

    #[test]
    fn a_length_is_not_believed_beyond_the_limit() {
        let read = |bytes: &'static [u8]| length(&mut Pieces(vec![Some(bytes)]), 5, &DOING);
        assert_eq!(read(b"\x05\0\0\0").unwrap(), Some(5));
        assert_eq!(read(b"\x06\0\0\0").unwrap_err().kind, "oversize");
        assert_eq!(read(b"\xff\xff\xff\xff").unwrap_err().kind, "negative");
        assert_eq!(read(b"\x05\0").unwrap_err().kind, "eof-in-header");
        assert_eq!(length(&mut Pieces(Vec::new()), 5, &DOING).unwrap(), None);
    }

    #[test]
    fn a_header_that_is_cut_says_so() {
        let read = |bytes: &'static [u8]| json_object(&mut Pieces(vec![Some(bytes)]), 2, Part::Header, &DOING);
        assert!(read(b"{}").unwrap().is_empty());
        assert_eq!(read(b"{").unwrap_err().kind, "eof-in-header");
        assert_eq!(read(b"[]").unwrap_err().kind, "syntax");
    }

    #[test]
    fn quit_is_quit_with_spaces_around_it_too() {
        assert!(is_quit(b"quit") && is_quit(b" quit \t"));
        assert!(!is_quit(b"quite") && !is_quit(b""));
    }
}
