//! What the other side said, fit for a terminal.

use crate::programs::console::Console;
use crate::text::{Text, unruly};
use serde_json::json;
use std::fmt::Write as _;
use std::net::SocketAddr;

/// What the other side said, as one line on standard output.
pub(super) fn said(console: &Console, from: SocketAddr, bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let json = json!({ "type": "said", "from": from.to_string(), "text": text, "len": bytes.len() });
    console.line(&Text::same(harmless(&text)), &json);
}

/// The text with everything that would move the cursor, or the words around it, written as Python writes it.
pub(super) fn harmless(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\t' => out.push(c),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            c if !unruly(c) => out.push(c),
            c if u32::from(c) < 0x100 => {
                let _ = write!(out, "\\x{:02x}", u32::from(c));
            }
            c => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peers_words_cannot_move_the_cursor() {
        assert_eq!(harmless("你好\tfeng"), "你好\tfeng");
        assert_eq!(harmless("\x1b[2Ja\r\nb\0\u{9b}"), "\\x1b[2Ja\\r\\nb\\x00\\x9b");
        assert_eq!(harmless("\u{202e}txt\u{2028}"), "\\u202etxt\\u2028");
    }
}
