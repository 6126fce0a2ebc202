//! The `ack` framing's header: the body's length as decimal digits, `1147`. (D0, D1 §11, D2, D4 §2)
//!
//! The digits have no end mark. Only the acknowledgement that the sender waits for keeps the body
//! from following in the same read.

use crate::say;
use crate::text::{Text, grouped};
use std::fmt;

/// Why some bytes are not a length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotALength {
    /// There are none: the peer closed where a length should begin.
    Empty,
    /// One is not a digit; usually the body has stuck to the length.
    NotADigit {
        /// Where, from 0.
        at: usize,
        /// What it is.
        byte: u8,
    },
    /// More than the reader is willing to take.
    TooLong {
        /// The most it takes, in bytes.
        max: usize,
    },
}

impl NotALength {
    /// The sentence, in both languages.
    pub fn text(&self) -> Text {
        match *self {
            NotALength::Empty => Text::new("no length: the stream ended", "没有长度：流已结束"),
            NotALength::NotADigit { at, byte } => {
                say!(
                    "no length: byte {at} is 0x{byte:02x}, not a digit",
                    "不是长度：第 {at} 字节是 0x{byte:02x}，不是数字"
                )
            }
            NotALength::TooLong { max } => {
                let max = grouped(max);
                say!("the length is over the limit of {max} bytes", "长度超过上限 {max} 字节")
            }
        }
    }
}

impl fmt::Display for NotALength {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text().en)
    }
}

impl std::error::Error for NotALength {}

/// The header that announces a body of this many bytes.
pub fn header(len: usize) -> Vec<u8> {
    len.to_string().into_bytes()
}

/// Reads a length, at most `max`. Stricter than Python's `int()`: digits only, no sign, no blanks.
///
/// # Errors
/// When the bytes are no such number; nothing has been allocated for it then.
pub fn parse(bytes: &[u8], max: usize) -> Result<usize, NotALength> {
    if bytes.is_empty() {
        return Err(NotALength::Empty);
    }
    // Checked first, so that a number that is too long and has a body stuck to it says the latter.
    if let Some((at, &byte)) = bytes.iter().enumerate().find(|(_, byte)| !byte.is_ascii_digit()) {
        return Err(NotALength::NotADigit { at, byte });
    }
    let digit = |sum: usize, byte: &u8| sum.checked_mul(10)?.checked_add(usize::from(byte - b'0'));
    let len = bytes.iter().try_fold(0, digit).filter(|len| *len <= max);
    len.ok_or(NotALength::TooLong { max })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX: usize = 10_000;

    #[test]
    fn what_is_written_is_read() {
        for len in [0, 1, 9, 10, 1147, MAX] {
            assert_eq!(parse(&header(len), MAX), Ok(len));
        }
        assert_eq!(header(1147), b"1147");
    }

    #[test]
    fn a_body_stuck_to_its_length_is_noticed() {
        assert_eq!(parse(b"152 body", MAX), Err(NotALength::NotADigit { at: 3, byte: b' ' }));
        // Nothing can notice a body that begins with a digit: 152 bytes of which "2019" are the first.
        assert_eq!(parse(b"1522019", usize::MAX), Ok(1_522_019));
    }

    #[test]
    fn python_writes_no_sign_and_no_blank() {
        for bytes in [&b"-1"[..], b"+1", b" 1", b"1\n", b"1_000", b"0x10", "\u{ff11}".as_bytes()] {
            assert!(matches!(parse(bytes, MAX), Err(NotALength::NotADigit { .. })), "{bytes:?}");
        }
    }

    #[test]
    fn no_stream_no_length() {
        assert_eq!(parse(b"", MAX), Err(NotALength::Empty));
    }

    #[test]
    fn the_limit_holds_however_long_the_number() {
        assert_eq!(parse(b"10001", MAX), Err(NotALength::TooLong { max: MAX }));
        assert_eq!(parse(&[b'9'; 1024], usize::MAX), Err(NotALength::TooLong { max: usize::MAX }));
        assert_eq!(parse(usize::MAX.to_string().as_bytes(), usize::MAX), Ok(usize::MAX));
        assert_eq!(parse(&[b'0'; 1024], MAX), Ok(0));
    }

    #[test]
    fn reasons_speak_both_languages() {
        let reason = NotALength::NotADigit { at: 3, byte: 0xe9 }.text();
        assert_eq!(reason.en, "no length: byte 3 is 0xe9, not a digit");
        assert_eq!(reason.zh, "不是长度：第 3 字节是 0xe9，不是数字");
    }
}
