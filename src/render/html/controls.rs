//! The bar at the top: the switches of the page. They are inputs that the style sheet reads, so that they work without
//! scripts; the script only remembers them.

use crate::render::picture::Speech;
use crate::text::{Lang, Text};
use maud::{Markup, html};

fn choice(name: &str, value: &str, text: &Text, checked: bool) -> Markup {
    let id = format!("{name}-{value}");
    html! { span.choice { input type="radio" name=(name) id=(id) value=(value) checked[checked]; label for=(id) { (Speech::Both.html(text)) } } }
}

/// The bar.
pub(super) fn bar(lang: Lang) -> Markup {
    html! {
        div.bar role="region" aria-label="stickdemo" {
            span.brand { "stickdemo" }
            fieldset.language {
                legend { (Speech::Both.html(&Text::new("Language", "语言"))) }
                (choice("language", "en", &Text::same("English"), lang == Lang::En))
                (choice("language", "zh", &Text::same("中文"), lang == Lang::Zh))
            }
            fieldset {
                legend { (Speech::Both.html(&Text::new("Theme", "主题"))) }
                (choice("theme", "auto", &Text::new("Auto", "自动"), true))
                (choice("theme", "light", &Text::new("Light", "浅色"), false))
                (choice("theme", "dark", &Text::new("Dark", "深色"), false))
            }
            fieldset {
                legend { (Speech::Both.html(&Text::new("Size", "大小"))) }
                (choice("size", "screen", &Text::new("Screen", "屏幕"), true))
                (choice("size", "projector", &Text::new("Projector", "投影"), false))
            }
        }
    }
}
