//! Words that came from elsewhere (a peer, a file, a command line), made fit for a terminal, a log and JSON.

use serde::Serialize;
use std::borrow::Cow;

/// The most characters of a peer's words that go into a sentence.
const LONGEST: usize = 300;

/// The text with everything that would move the cursor, or turn the words around it, as an escape: `\n`, `\u{1b}`.
pub fn escaped(text: &str) -> String {
    text.chars().flat_map(|c| if is_harmful(c) { c.escape_default().collect() } else { vec![c] }).collect()
}

/// The same with its lines and tabs as they are: for a whole message, whatever words went into it.
pub fn printable(text: &str) -> Cow<'_, str> {
    let harmful = |c: char| is_harmful(c) && c != '\n' && c != '\t';
    if !text.contains(harmful) {
        return Cow::Borrowed(text);
    }
    let shown = |c: char| if harmful(c) { c.escape_default().collect() } else { String::from(c) };
    Cow::Owned(text.chars().map(shown).collect())
}

/// A value as JSON on one line, which means the same and does not move a cursor either: what JSON leaves as it is (DEL,
/// C1, direction marks, RFC 8259 §7) stands in its strings alone, and is written there as `\u009b`.
///
/// # Errors
/// What serializing says.
pub fn json_line(value: &impl Serialize) -> serde_json::Result<String> {
    let json = serde_json::to_string(value)?;
    if !json.contains(is_harmful) {
        return Ok(json);
    }
    let shown = |c: char| if is_harmful(c) { format!("\\u{:04x}", u32::from(c)) } else { String::from(c) };
    Ok(json.chars().map(shown).collect())
}

/// The start of a peer's words, escaped, for a sentence; `...` stands for what is left out.
pub fn excerpt(words: &str) -> String {
    shortened(words, LONGEST)
}

/// The same with at most so many characters before the `...`.
pub(crate) fn shortened(words: &str, most: usize) -> String {
    // An escape is never shorter than its character: no more is needed to see that it is too long.
    let start: String = words.trim().chars().take(most + 1).collect();
    let escaped = escaped(&start);
    match escaped.char_indices().nth(most) {
        Some((end, _)) => format!("{}...", &escaped[..end]),
        None => escaped,
    }
}

/// True for what would move a terminal's cursor, or turn the words around it: control characters (C0, DEL and C1),
/// direction marks and overrides (Unicode Standard Annex 9), line and paragraph separators.
pub fn is_harmful(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_moves_the_cursor_or_turns_words_around_is_harmful() {
        assert!("\x1b\n\t\0\x7f\u{80}\u{9b}\u{9f}\u{202e}\u{2066}\u{2028}\u{61c}".chars().all(is_harmful));
        assert!(!"aé专e\u{301}👩\u{200d}💻 ".chars().any(is_harmful));
    }

    #[test]
    fn words_read_as_they_are_and_do_not_move_the_cursor() {
        // The second é is two characters, as macOS spells names.
        assert_eq!(escaped("it's \"专题\" é e\u{301}.txt"), "it's \"专题\" é e\u{301}.txt");
        assert_eq!(escaped("a\x1b[2J\n\u{202e}b\u{9b}"), "a\\u{1b}[2J\\n\\u{202e}b\\u{9b}");
    }

    #[test]
    fn a_message_keeps_its_lines_and_json_its_meaning() {
        assert_eq!(printable("a\n\tb \u{1b}[31m\u{9b}\u{7f}\u{202e}"), "a\n\tb \\u{1b}[31m\\u{9b}\\u{7f}\\u{202e}");
        let words = "专 \u{9b}31m\u{7f}\u{202e}\u{2066}\u{1b}\"";
        let line = json_line(&words).expect("a text");
        assert_eq!(line, r#""专 \u009b31m\u007f\u202e\u2066\u001b\"""#);
        assert_eq!(serde_json::from_str::<String>(&line).expect("JSON"), words);
    }

    #[test]
    fn an_excerpt_is_short_and_says_so() {
        assert_eq!(excerpt(" no room\r\n"), "no room");
        assert_eq!(shortened("12345", 5), "12345");
        assert_eq!(shortened("123456", 5), "12345...");
        assert_eq!(shortened("\n".repeat(9).as_str(), 4), "");
        assert_eq!(shortened("a\x1b[2J", 8), "a\\u{1b}[...");
    }
}
