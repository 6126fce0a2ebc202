//! Bytes as hexadecimal digits, in lower case.

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_nothing_else() {
        assert_eq!((hex([0, 0xff, 0x1a]).as_str(), spaced([0, 0xff, 0x1a]).as_str()), ("00ff1a", "00 ff 1a"));
        assert_eq!((hex([]), spaced([])), (String::new(), String::new()));
        assert_eq!(parse("00ff1a"), Some(vec![0, 0xff, 0x1a]));
        assert!(["0", "0g", "FF", "00 ff"].into_iter().all(|wrong| parse(wrong).is_none()));
    }
}
