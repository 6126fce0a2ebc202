//! Text in columns: Chinese characters take two, so padding and cutting count columns, not characters.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// How many columns a text takes.
pub fn columns(text: &str) -> usize {
    text.width()
}

/// The text with spaces up to `width` columns.
pub fn padded(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(columns(text))))
}

/// The text cut to `width` columns, an ellipsis in place of what does not fit.
pub fn cut(text: &str, width: usize, unicode: bool) -> String {
    if columns(text) <= width {
        return text.to_owned();
    }
    let dots = if unicode { "…" } else { ".." };
    let room = width.saturating_sub(columns(dots));
    let mut used = 0;
    let fits = |c: &char| {
        used += c.width().unwrap_or(0);
        used <= room
    };
    text.chars().take_while(fits).chain(dots.chars()).collect()
}

/// Breaks a text into lines of at most `width` columns: at spaces, between Chinese characters, and
/// inside a word only when it is longer than a line.
pub fn wrapped(text: &str, width: usize) -> Vec<String> {
    let width = width.max(2);
    let mut lines = vec![String::new()];
    let mut used = 0;
    for word in pieces(text) {
        let wide = columns(word.trim_end());
        if used > 0 && used + wide > width {
            lines.push(String::new());
            used = 0;
        }
        let word = if used == 0 && lines.len() > 1 { word.trim_start() } else { word };
        for c in word.chars() {
            let w = c.width().unwrap_or(0);
            if used + w > width && c != ' ' && used > 0 && wide > width {
                lines.push(String::new());
                used = 0;
            }
            if let Some(line) = lines.last_mut() {
                line.push(c);
            }
            used += w;
        }
    }
    lines.iter().map(|line| line.trim_end().to_owned()).collect()
}

/// Closing punctuation never starts a line: the character before it comes along.
fn closes(c: char) -> bool {
    ['，', '。', '、', ':', ';', '!', '?', ')', '”', '：', '；', '？', '！', '）', '》'].contains(&c)
}

/// Opening punctuation never ends a line: it goes with the character behind it.
fn opens(c: char) -> bool {
    ['(', '（', '“', '《'].contains(&c)
}

/// Words with their spaces; each wide character is a piece, with the punctuation around it.
fn pieces(text: &str) -> Vec<&str> {
    let mut out = Vec::new();
    let mut start = 0;
    let mut previous: Option<char> = None;
    for (at, c) in text.char_indices() {
        let wide = |c: char| c.width() == Some(2);
        let apart = |p: char| (p == ' ' && c != ' ') || (wide(p) || wide(c)) && !opens(p);
        if previous.is_some_and(apart) && !closes(c) && at > start {
            out.push(&text[start..at]);
            start = at;
        }
        previous = Some(c);
    }
    out.push(&text[start..]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chinese_takes_two_columns() {
        assert_eq!(columns("粘包"), 4);
        assert_eq!(padded("粘包", 6), "粘包  ");
        assert_eq!(cut("一二三四五", 7, false), "一二..");
        assert_eq!(cut("hello", 5, false), "hello");
    }

    #[test]
    fn lines_break_at_words_and_between_characters() {
        assert_eq!(wrapped("two sends, one recv", 10), ["two sends,", "one recv"]);
        assert_eq!(wrapped("没有消息边界", 8), ["没有消息", "边界"]);
        assert_eq!(wrapped("abcdefghij", 4), ["abcd", "efgh", "ij"]);
        assert_eq!(wrapped("", 4), [""]);
    }

    #[test]
    fn no_line_is_wider_than_asked_and_punctuation_stays_with_its_word() {
        let text =
            "TCP 传送的是字节流,不会标记一次 send（“发送”）在哪里(哪个字节)结束。The receiver reads what is there.";
        for width in 2..90 {
            for line in wrapped(text, width) {
                assert!(columns(&line) <= width, "{width}: {line}");
                assert!(width < 10 || !line.starts_with(closes), "{width}: {line}");
                assert!(width < 10 || !line.ends_with(opens), "{width}: {line}");
            }
        }
    }
}
