//! Words of the field explain themselves: the glossary's pages, of which an article marks each word where it first
//! stands. A marked word is a button that opens what it means, without scripts (HTML, popovers).

use crate::render::picture::Speech;
use crate::text::{Text, escaped};
use maud::{Markup, PreEscaped, html};
use std::collections::BTreeSet;
use std::sync::LazyLock;

const ENGLISH: &str = include_str!("../../../docs/glossary.md");
const CHINESE: &str = include_str!("../../../docs/zh/glossary.md");

/// A word of the field.
struct Term {
    /// Its names in English and in Chinese: `acknowledgement`, `ACK`.
    names: [Vec<String>; 2],
    /// What heads its explanation.
    head: Text,
    /// What it means, and where that is written.
    means: Text,
}

static TERMS: LazyLock<Vec<Term>> = LazyLock::new(|| {
    let chinese = entries(CHINESE, "：", "");
    entries(ENGLISH, ". ", " ").into_iter().zip(chinese).map(|(en, zh)| Term::of(en, zh)).collect()
});

/// The entries of a page: `**word** · the other language's word`, what stands between that and its meaning, the meaning.
fn entries(page: &str, mark: &str, gap: &str) -> Vec<(String, String)> {
    let paragraphs = page.split("\n\n").filter_map(|text| text.trim().strip_prefix("**"));
    let entry = |text: &str| {
        let (name, rest) = text.split_once("** · ")?;
        let (_, means) = rest.split_once(mark)?;
        let lines: Vec<&str> = means.lines().map(str::trim).collect();
        Some((name.to_owned(), lines.join(gap).replace(['*', '`'], "")))
    };
    paragraphs.filter_map(entry).collect()
}

impl Term {
    fn of((en, meaning): (String, String), (zh, meaning_zh): (String, String)) -> Term {
        let names = |head: &str| {
            let parts = head.split([',', '(', ')', '、', '（', '）', '，']).map(str::trim);
            parts.filter(|name| !name.is_empty()).map(str::to_lowercase).collect()
        };
        let head = Text::same(format!("{en} · {zh}"));
        Term { names: [names(&en), names(&zh)], head, means: Text::made(meaning, meaning_zh) }
    }
}

/// Where a name stands in a text, as a word of its own; in English also its plural.
fn place(text: &str, name: &str, english: bool) -> Option<(usize, usize)> {
    let letter = |c: char| english && (c.is_alphanumeric() || c == '_' || c == '-');
    text.match_indices(name).map(|(at, _)| (at, at + name.len())).find_map(|(at, end)| {
        let end = if english && text[end..].starts_with('s') { end + 1 } else { end };
        let apart =
            !text[..at].chars().next_back().is_some_and(letter) && !text[end..].chars().next().is_some_and(letter);
        apart.then_some((at, end))
    })
}

/// A term in a text: where it stands in English and in Chinese.
struct Mention {
    term: usize,
    places: [(usize, usize); 2],
}

impl Mention {
    /// Is it part of a longer one, in either language?
    fn is_within(&self, other: &Mention) -> bool {
        self.places.iter().zip(&other.places).any(|((a, b), (c, d))| c <= a && b <= d && d - c > b - a)
    }
}

/// The terms that stand in both languages, from left to right.
fn mentions(texts: &[String; 2]) -> Vec<Mention> {
    let small = texts.each_ref().map(|text| text.to_lowercase());
    // Small letters that take more room would move the places.
    if small.iter().zip(texts).any(|(small, text)| small.len() != text.len()) {
        return Vec::new();
    }
    let first = |term: &Term, n: usize| term.names[n].iter().find_map(|name| place(&small[n], name, n == 0));
    let both = |(term, words): (usize, &Term)| Some(Mention { term, places: [first(words, 0)?, first(words, 1)?] });
    let all: Vec<Mention> = TERMS.iter().enumerate().filter_map(both).collect();
    let within: Vec<usize> =
        all.iter().filter(|one| all.iter().any(|other| one.is_within(other))).map(|f| f.term).collect();
    all.into_iter().filter(|one| !within.contains(&one.term)).collect()
}

/// Marks the words of one article.
#[derive(Default)]
pub(super) struct Marker {
    /// Terms that were marked.
    pub(super) marked: BTreeSet<usize>,
}

impl Marker {
    /// A text in both languages. A word is marked where both of them have it, the first time in the article.
    pub(super) fn text(&mut self, text: &Text) -> Markup {
        let texts = [escaped(&text.en), escaped(&text.zh)];
        if texts[0] == texts[1] {
            return html! { (texts[0]) };
        }
        let new: Vec<Mention> =
            mentions(&texts).into_iter().filter(|mention| self.marked.insert(mention.term)).collect();
        let side = |n: usize| marked(&texts[n], new.iter().map(|mention| (mention.places[n], mention.term)).collect());
        html! { span lang="en" { (side(0)) } span lang="zh" { (side(1)) } }
    }
}

fn marked(text: &str, mut places: Vec<((usize, usize), usize)>) -> Markup {
    places.sort_unstable();
    let mut out = String::new();
    let mut rest = 0;
    for ((at, end), term) in places {
        // Of two that share a word the first is marked.
        if at < rest {
            continue;
        }
        // A line does not end between a button and the marks that stand at it.
        let mark = |c: &char| !c.is_alphanumeric() && !c.is_whitespace();
        let before: usize = text[rest..at].chars().rev().take_while(mark).map(char::len_utf8).sum();
        let behind: usize = text[end..].chars().take_while(mark).map(char::len_utf8).sum();
        let word = html! {
            (text[rest..at - before])
            span.whole {
                (text[at - before..at])
                button.term type="button" popovertarget={ "term" (term) } { (text[at..end]) }
                (text[end..end + behind])
            }
        };
        out.push_str(&word.0);
        rest = end + behind;
    }
    html! { (PreEscaped(out)) (text[rest..]) }
}

/// What the marked words mean.
pub(super) fn meanings(marked: &BTreeSet<usize>) -> Markup {
    html! {
        @for n in marked {
            div id={ "term" (n) } popover {
                strong { (Speech::Both.html(&TERMS[*n].head)) }
                p { (Speech::Both.html(&TERMS[*n].means)) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_pages_have_the_same_words_in_the_same_order() {
        let [english, chinese] = [ENGLISH, CHINESE].map(|page| page.matches("\n**").count());
        assert_eq!((TERMS.len(), english), (chinese, chinese));
        for (en, zh) in entries(ENGLISH, ". ", " ").iter().zip(entries(CHINESE, "：", "")) {
            let other = ENGLISH.split(&format!("**{}** · ", en.0)).nth(1).and_then(|rest| rest.split(". ").next());
            let first = zh.0.split(['（', '、']).next().expect("a name");
            assert!(other.is_some_and(|other| other.starts_with(first)), "{}: {other:?}, {first}", en.0);
            assert!(!en.1.is_empty() && !zh.1.is_empty(), "{}", en.0);
        }
    }

    #[test]
    fn a_word_is_marked_once_and_the_longest_is_meant() {
        let mut marker = Marker::default();
        let text = Text::new("Two segments wait for a delayed ACK.", "两个报文段在等延迟确认。");
        let page = marker.text(&text).into_string();
        let names: Vec<&str> = marker.marked.iter().map(|n| TERMS[*n].names[0][0].as_str()).collect();
        assert_eq!(names, ["segment", "delayed ack"], "{page}");
        assert!(page.contains(">segments</button>") && page.contains(">延迟确认</button>"), "{page}");
        assert!(!marker.text(&text).into_string().contains("button"), "only the first time");
    }

    #[test]
    fn of_two_words_that_overlap_the_first_is_marked() {
        let text = Text::new("“receive window probe”).", "“接收窗口探测”）。");
        let page = Marker::default().text(&text).into_string();
        assert!(page.contains(">receive window</button></span> probe”)."), "{page}");
        assert!(page.contains("“<button") && page.contains(">接收窗口</button></span>探测”）。"), "{page}");
    }

    #[test]
    fn what_only_looks_like_a_word_is_none() {
        let mut marker = Marker::default();
        let page = marker.text(&Text::new("linked <b> packet's", "链路 <b> 重复")).into_string();
        assert!(!page.contains("button") && page.contains("&lt;b&gt;"), "{page}");
    }
}
