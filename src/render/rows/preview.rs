//! Bytes in a few words: as text where they are text, else as hex.

use crate::text::{escaped, hex};

/// The bytes as text, control characters escaped; bytes that are not text as hex.
pub fn preview(bytes: &[u8]) -> String {
    text(bytes).unwrap_or_else(|| hex::spaced(&bytes[..bytes.len().min(16)]))
}

/// The bytes as text, if they are text; cut in the middle of a character, what is whole.
pub fn text(bytes: &[u8]) -> Option<String> {
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
