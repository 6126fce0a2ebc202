//! The colours of pages and pictures, each for light and for dark, and the pattern that every message has besides its
//! colour.

use maud::{Markup, PreEscaped, html};
use std::fmt::Write;

/// A colour's name in style sheets, on light and on dark.
pub(super) type Color = (&'static str, &'static str, &'static str);

/// What everything but a message is drawn in.
pub(super) const PLAIN: [Color; 8] = [
    ("back", "#f4f5f8", "#101216"),
    ("paper", "#ffffff", "#191c22"),
    ("ink", "#14171d", "#eceff4"),
    ("faint", "#565e6c", "#a7afbd"),
    ("line", "#d3d8e0", "#3a414d"),
    ("good", "#17693a", "#76d79a"),
    ("bad", "#b3261e", "#ff8f86"),
    ("link", "#0b57a4", "#86c1ff"),
];

/// Messages take these in turn, in the order of the terminal's colours: the fill of a body, and what stands out from
/// paper: outlines, words and headers.
pub(super) const MESSAGES: [(Color, Color); 6] = [
    (("f1", "#cbe4f7", "#123d5e"), ("s1", "#0a5c94", "#7cc4f5")),
    (("f2", "#fbe2ad", "#4a3606"), ("s2", "#7d4e00", "#f0bd54")),
    (("f3", "#f5d3ea", "#54204a"), ("s3", "#9a2176", "#f49ad9")),
    (("f4", "#cceed4", "#15432a"), ("s4", "#17693a", "#78d79b")),
    (("f5", "#dcd8f8", "#342d68"), ("s5", "#5546b0", "#b8acff")),
    (("f6", "#fbd6c9", "#5a2614"), ("s6", "#a8380f", "#ff9f80")),
];

/// What lies over a message's colour; the first has none.
const PATTERNS: [&str; 6] = [
    "",
    "M-2 10L10 -2M4 16L16 4M-2 22L22 -2",
    "M5 5h.01M5 15h.01M15 5h.01M15 15h.01M10 10h.01M0 10h.01M20 10h.01M10 0h.01M10 20h.01",
    "M0 5H20M0 15H20",
    "M5 0V20M15 0V20",
    "M-2 -2L22 22M22 -2L-2 22",
];

fn all() -> impl Iterator<Item = Color> {
    PLAIN.into_iter().chain(MESSAGES.into_iter().flat_map(|(fill, strong)| [fill, strong]))
}

/// The colours as the reader's system, or a rule of the page, chooses.
pub(crate) fn page_colors() -> String {
    all().fold(String::from(":root{"), |mut out, (name, light, dark)| {
        let _ = write!(out, "--{name}:light-dark({light},{dark});");
        out
    }) + "}\n"
}

/// The colours as the reader's system chooses, for a picture that stands alone.
pub(super) fn picture_colors() -> String {
    let named = |dark: bool| {
        all().fold(String::new(), |mut out, (name, light, darker)| {
            let _ = write!(out, "--{name}:{};", if dark { darker } else { light });
            out
        })
    };
    format!(":root{{{}}}\n@media(prefers-color-scheme:dark){{:root{{{}}}}}\n", named(false), named(true))
}

/// What messages' fills, outlines and patterns are, by class.
pub(crate) fn message_rules() -> String {
    (1..=MESSAGES.len()).fold(String::new(), |mut out, n| {
        let pattern = if PATTERNS[n - 1].is_empty() { format!("var(--f{n})") } else { format!("url(#p{n})") };
        let _ = writeln!(
            out,
            ".m{n}{{--fill:var(--f{n});--strong:var(--s{n});--pattern:{pattern}}}#p{n}{{stroke:var(--s{n});fill:var(--f{n})}}"
        );
        out
    })
}

/// The patterns, to be put once into a document.
pub(crate) fn patterns() -> Markup {
    html! {
        defs {
            @for (n, path) in PATTERNS.iter().enumerate().filter(|(_, path)| !path.is_empty()) {
                pattern id={ "p" (n + 1) } width="20" height="20" patternUnits="userSpaceOnUse" { rect width="20" height="20" {} path d=(path) {} }
            }
            pattern id="hatch" width="8" height="8" patternUnits="userSpaceOnUse" { path d="M-2 2L2 -2M0 8L8 0M6 10L10 6" {} }
            marker id="tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" orient="auto" {
                path d="M0 1L9 5L0 9z" {}
            }
        }
    }
}

/// The class of a message.
pub(crate) fn class(id: crate::trace::MsgId) -> String {
    format!("m{}", id.turn(MESSAGES.len()) + 1)
}

/// A style sheet within a document: nothing in it comes from a reader or a run.
pub(crate) fn sheet(css: &str) -> Markup {
    html! { style { (PreEscaped(css)) } }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::contrast::{LEGIBLE, contrast};

    fn shade(color: &str) -> [u8; 3] {
        [1, 3, 5].map(|at| u8::from_str_radix(&color[at..at + 2], 16).expect("hex"))
    }

    fn legible(what: Color, on: Color) {
        for (mode, [a, b]) in [("light", [what.1, on.1]), ("dark", [what.2, on.2])] {
            let ratio = contrast(shade(a), shade(b));
            assert!(ratio >= LEGIBLE, "{} on {} in {mode}: {ratio:.2}", what.0, on.0);
        }
    }

    #[test]
    fn every_word_stands_out_from_what_it_is_written_on() {
        let [back, paper, ink, words @ ..] = PLAIN;
        let words = words.into_iter().filter(|(name, ..)| *name != "line").chain([ink]);
        words.for_each(|word| [back, paper].into_iter().for_each(|on| legible(word, on)));
        for (fill, strong) in MESSAGES {
            legible(ink, fill);
            [back, paper].into_iter().for_each(|on| legible(strong, on));
            legible(strong, fill);
        }
    }
}
