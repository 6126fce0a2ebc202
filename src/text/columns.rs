//! Text in columns: Chinese characters take two, so padding and cutting count columns, not characters.

use std::borrow::Cow;
use textwrap::core::Word;
use textwrap::{Options, WordSeparator, WordSplitter, WrapAlgorithm};
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
    let dots = dots(unicode);
    fitting(text.chars(), width.saturating_sub(columns(dots))).chain(dots.chars()).collect()
}

const fn dots(unicode: bool) -> &'static str {
    if unicode { "…" } else { ".." }
}

/// The first characters that take no more than `room` columns.
fn fitting(chars: impl Iterator<Item = char>, room: usize) -> impl Iterator<Item = char> {
    let mut used = 0;
    chars.take_while(move |c| {
        used += c.width().unwrap_or(0);
        used <= room
    })
}

/// The text shortened in its middle to `width` columns: beginning and end are what one looks for.
pub fn elided(text: &str, width: usize, unicode: bool) -> String {
    if columns(text) <= width {
        return text.to_owned();
    }
    let dots = dots(unicode);
    let room = width.saturating_sub(columns(dots));
    let behind = room * 3 / 5;
    let end: Vec<char> = fitting(text.chars().rev(), behind).collect();
    fitting(text.chars(), room - behind).chain(dots.chars()).chain(end.into_iter().rev()).collect()
}

/// Breaks a text into lines of at most `width` columns, where Unicode lets it break (Standard Annex 14): at spaces,
/// between Chinese characters, never before closing punctuation; inside a word only when it is longer than a line.
pub fn wrapped(text: &str, width: usize) -> Vec<String> {
    let options = Options::new(width.max(2)).wrap_algorithm(WrapAlgorithm::FirstFit);
    let options = options.word_separator(WordSeparator::Custom(words)).word_splitter(WordSplitter::NoHyphenation);
    textwrap::wrap(text, options).into_iter().map(Cow::into_owned).collect()
}

/// What stays together. Asked of a text of the same length: a slash counts as a letter, so that a path stays whole, and
/// Chinese quotation marks as brackets, so that a line may break before and behind them (Unicode 16 allows that: LB19a).
fn words(line: &str) -> Box<dyn Iterator<Item = Word<'_>> + '_> {
    let asked = line.replace('/', "_").replace('“', "「").replace('”', "」");
    let length = |word: Word| word.len() + word.whitespace.len();
    let lengths: Vec<usize> = WordSeparator::UnicodeBreakProperties.find_words(&asked).map(length).collect();
    let mut rest = line;
    Box::new(lengths.into_iter().map(move |length| {
        let (word, behind) = rest.split_at(length);
        rest = behind;
        Word::from(word)
    }))
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
        assert_eq!(elided("hello", 5, false), "hello");
        assert_eq!(elided("ipconfig&dir: stdout", 12, false), "ipco..stdout");
        assert_eq!(elided("一二三四五六七", 9, true), "一二…六七");
    }

    #[test]
    fn lines_break_at_words_and_between_characters() {
        assert_eq!(wrapped("two sends, one recv", 10), ["two sends,", "one recv"]);
        assert_eq!(wrapped("没有消息边界", 8), ["没有消息", "边界"]);
        assert_eq!(wrapped("abcdefghij", 4), ["abcd", "efgh", "ij"]);
        assert_eq!(wrapped("", 4), [""]);
        assert_eq!(wrapped("the name \"../a\" is", 13), ["the name", "\"../a\" is"]);
        assert_eq!(wrapped("拒绝文件名“../a”：它指向", 12), ["拒绝文件名", "“../a”：它指", "向"]);
    }

    #[test]
    fn no_line_is_wider_than_asked_and_punctuation_stays_with_its_word() {
        let text =
            "TCP 传送的是字节流,不会标记一次 send（“发送”）在哪里(哪个字节)结束。The receiver reads what is there.";
        let closes = |c| "，。、:;!?)”：；？！）》".contains(c);
        let opens = |c| "(（“《".contains(c);
        for width in 2..90 {
            for line in wrapped(text, width) {
                assert!(columns(&line) <= width, "{width}: {line}");
                assert!(width < 10 || !line.starts_with(closes), "{width}: {line}");
                assert!(width < 10 || !line.ends_with(opens), "{width}: {line}");
            }
        }
    }
}
