//! Words in a picture or a page: in both languages at once, of which the reader sees one, or in one alone. Every word
//! passes here: what would turn the words around it is an escape, and markup is text.

use crate::render::Style;
use crate::text::columns::{columns, cut};
use crate::text::{Lang, Text, escaped};
use maud::{Markup, html};

/// The languages that a document holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Speech {
    /// Both: the reader chooses.
    Both,
    /// One alone.
    Only(Lang),
}

impl Speech {
    /// Words in HTML.
    pub(crate) fn html(self, text: &Text) -> Markup {
        let [en, zh] = [escaped(&text.en), escaped(&text.zh)];
        match self {
            Speech::Only(lang) => html! { (escaped(text.to(lang))) },
            Speech::Both if en == zh => html! { (en) },
            Speech::Both => html! { span lang="en" { (en) } span lang="zh" { (zh) } },
        }
    }

    /// Words within an SVG `text`.
    pub(crate) fn svg(self, text: &Text) -> Markup {
        let [en, zh] = [escaped(&text.en), escaped(&text.zh)];
        match self {
            Speech::Only(lang) => html! { (escaped(text.to(lang))) },
            Speech::Both if en == zh => html! { (en) },
            Speech::Both => html! { tspan lang="en" { (en) } tspan lang="zh" { (zh) } },
        }
    }
}

/// What a layout for columns says, in both languages.
pub(crate) fn both(say: impl Fn(&Style) -> String) -> Text {
    let style = |lang| Style { lang, unicode: true, ..Style::plain() };
    Text::made(say(&style(Lang::En)), say(&style(Lang::Zh)))
}

/// Columns that the longer one takes.
pub(crate) fn breadth(text: &Text) -> usize {
    columns(&text.en).max(columns(&text.zh))
}

/// The first of these that fits into so many columns.
pub(crate) fn fitting(room: usize, texts: impl IntoIterator<Item = Text>) -> Option<Text> {
    texts.into_iter().find(|text| breadth(text) <= room && breadth(text) > 0)
}

/// Cut to so many columns.
pub(crate) fn shortened(text: &Text, room: usize) -> Text {
    Text::made(cut(&text.en, room, true), cut(&text.zh, room, true))
}
