//! Bytes as hexadecimal digits, in lower case.

use super::{Text, excerpt};
use crate::say;

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// The digits without anything between them: `00ff`.
pub fn hex(bytes: impl AsRef<[u8]>) -> String {
    separated(bytes.as_ref(), "")
}

/// Bytes for eyes, apart from one another: `00 ff`.
pub fn spaced(bytes: impl AsRef<[u8]>) -> String {
    separated(bytes.as_ref(), " ")
}

fn separated(bytes: &[u8], between: &str) -> String {
    let mut out = String::with_capacity(bytes.len() * (2 + between.len()));
    for (at, byte) in bytes.iter().enumerate() {
        if at > 0 {
            out.push_str(between);
        }
        out.extend([byte >> 4, byte & 15].map(|nibble| char::from(DIGITS[usize::from(nibble)])));
    }
    out
}

/// The bytes that [`hex`] wrote; `None` for anything else.
pub fn parse(digits: &str) -> Option<Vec<u8>> {
    let value = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    let byte = |pair: &[u8]| match pair {
        [high, low] => Some(value(*high)? << 4 | value(*low)?),
        _ => None,
    };
    digits.as_bytes().chunks(2).map(byte).collect()
}

/// Bytes as people copy them from a log: pairs of digits in either case, with or without something between them, with
/// `0x` or `\\x` before them or not.
///
/// # Errors
/// A sentence that says what it takes.
pub fn typed(text: &str) -> Result<Vec<u8>, Text> {
    let plain = text.replace("\\x", " ").replace("0x", " ").to_ascii_lowercase();
    let groups = plain.split(|c: char| c.is_whitespace() || matches!(c, ':' | ',' | '-'));
    let bytes: Option<Vec<_>> = groups.map(parse).collect();
    bytes.map(|groups| groups.concat()).ok_or_else(|| {
        let shown = excerpt(text);
        say!(
            "{shown}: takes pairs of hex digits, as in '05 00' or 0500",
            "{shown}：应为成对的十六进制数字，如 '05 00' 或 0500"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_copy_is_read_and_what_is_no_byte_is_refused() {
        let bytes = vec![5, 0, 0xff];
        for text in ["0500ff", "05 00 FF", "05:00:ff", "0x05, 0x00, 0xFF", r"\x05\x00\xff", " 05-00\nff\t"] {
            assert_eq!(typed(text), Ok(bytes.clone()), "{text}");
        }
        assert_eq!(typed(""), Ok(vec![]));
        for wrong in ["5", "050", "0g", "hello", "05 0", "粘包"] {
            assert!(typed(wrong).is_err_and(|why| why.en.starts_with(&format!("{wrong}: "))), "{wrong}");
        }
    }

    #[test]
    fn what_is_written_is_read_and_nothing_else() {
        assert_eq!((hex([0, 0xff, 0x1a]).as_str(), spaced([0, 0xff, 0x1a]).as_str()), ("00ff1a", "00 ff 1a"));
        assert_eq!((hex([]), spaced([])), (String::new(), String::new()));
        assert_eq!(parse("00ff1a"), Some(vec![0, 0xff, 0x1a]));
        assert!(["0", "0g", "FF", "00 ff"].into_iter().all(|wrong| parse(wrong).is_none()));
    }
}
