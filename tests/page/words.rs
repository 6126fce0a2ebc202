//! Words of the field explain themselves, in both languages, by keyboard, without scripts.

use crate::browser::Browser;
use crate::written::Page;
use serde_json::json;

#[test]
fn a_word_explains_itself() {
    let page = Page::played(&["tcp-nagle"]);
    let mut browser = Browser::start();
    browser.scripts(false);
    browser.open(&page.file, "");
    browser.scripts(true);
    let seen = "[...document.querySelectorAll('[popover]')].filter((e) => e.checkVisibility()).map((e) => e.innerText)";
    for (language, term, meaning) in [
        ("en", "segments", "segment · 报文段\n\nThe unit of TCP"),
        ("zh", "报文段", "segment · 报文段\n\nTCP 的传输单位"),
    ] {
        browser.click(&format!("label[for=language-{language}]"));
        assert_eq!(browser.value(seen), json!([]));
        let found = browser.value(&format!(
            "(() => {{ const own = [...document.querySelectorAll('span[lang={language}] .term')].find((e) => e.innerText.startsWith('{term}'.slice(0, 3))); \
             own?.focus(); return document.activeElement === own; }})()"
        ));
        assert_eq!(found, true, "{term}");
        browser.press("Enter");
        let said = browser.value(seen);
        assert!(said[0].as_str().is_some_and(|said| said.starts_with(meaning)), "{said}");
        browser.press("Escape");
    }
    let twice = "[...document.querySelectorAll('span[lang=en] .term')].map((e) => e.getAttribute('popovertarget')).some((t, n, all) => all.indexOf(t) < n)";
    assert_eq!(browser.value(twice), false, "a word is marked once");
    let dead = "[...document.querySelectorAll('.term')].every((e) => e.popoverTargetElement)";
    assert_eq!(browser.value(dead), true, "every word has its meaning");
}
