//! What the other side said, fit for a terminal.

use crate::programs::console::Console;
use crate::text::{Text, escaped, is_harmful};
use serde_json::json;
use std::net::SocketAddr;

/// What the other side said, as one line on standard output. It may be long, and its escapes several times as long: of
/// those only a piece is in memory.
pub(super) fn said(console: &Console, from: SocketAddr, bytes: &[u8]) {
    const PIECE: usize = 64 << 10;
    if console.is_json() {
        let text = String::from_utf8_lossy(bytes);
        let json = json!({ "type": "said", "from": from.to_string(), "text": text, "len": bytes.len() });
        return console.line(&Text::default(), &json);
    }
    let mut piece = String::new();
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match is_harmful(c) && c != '\t' {
                true => piece.extend(c.escape_default()),
                false => piece.push(c),
            }
            if piece.len() >= PIECE {
                console.raw(std::mem::take(&mut piece).as_bytes());
            }
        }
        if !chunk.invalid().is_empty() {
            piece.push(char::REPLACEMENT_CHARACTER);
        }
    }
    piece.push('\n');
    console.raw(piece.as_bytes());
}

/// The text as one line; its tabs stay.
pub(super) fn harmless(text: &str) -> String {
    text.split('\t').map(escaped).collect::<Vec<_>>().join("\t")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peers_words_cannot_move_the_cursor() {
        assert_eq!(harmless("你好\tfeng"), "你好\tfeng");
        assert_eq!(harmless("\x1b[2Ja\r\nb\0\u{9b}"), "\\u{1b}[2Ja\\r\\nb\\u{0}\\u{9b}");
        assert_eq!(harmless("\u{202e}txt\u{2028}"), "\\u{202e}txt\\u{2028}");
    }
}
