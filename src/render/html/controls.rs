//! The bar at the top: the switches of the page. They are inputs that the style sheet reads, so that they work without
//! scripts; the script only remembers them.

use crate::render::picture::Speech;
use crate::text::{Lang, Text};
use maud::{Markup, html};

/// A few choices of which one is made.
pub(super) fn choices(name: &str, legend: &Text, choices: &[(&str, Text)], checked: &str) -> Markup {
    html! {
        fieldset {
            legend { (Speech::Both.html(legend)) }
            @for (value, text) in choices {
                @let id = format!("{name}-{value}");
                span.choice {
                    input type="radio" name=(name) id=(id) value=(value) checked[*value == checked];
                    label for=(id) { (Speech::Both.html(text)) }
                }
            }
        }
    }
}

/// The bar.
pub(super) fn bar(lang: Lang) -> Markup {
    let languages = [("en", Text::same("English")), ("zh", Text::same("中文"))];
    let themes = [
        ("auto", Text::new("Auto", "自动")),
        ("light", Text::new("Light", "浅色")),
        ("dark", Text::new("Dark", "深色")),
    ];
    let sizes = [("screen", Text::new("Screen", "屏幕")), ("projector", Text::new("Projector", "投影"))];
    html! {
        div.bar role="region" aria-label="stickdemo" {
            span.brand { "stickdemo" }
            (choices("language", &Text::new("Language", "语言"), &languages, if lang == Lang::Zh { "zh" } else { "en" }))
            (choices("theme", &Text::new("Theme", "主题"), &themes, "auto"))
            (choices("size", &Text::new("Size", "大小"), &sizes, "screen"))
        }
    }
}
