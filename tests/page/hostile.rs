//! Whatever a peer sent is text in a page: it runs nothing, loads nothing, and is seen for what it is.

use crate::browser::{Browser, Complaints};
use crate::written::{Page, recorded};
use proptest::prelude::{any, prop, prop_oneof};
use proptest::strategy::Strategy;
use proptest::test_runner::{Config, TestRunner};

/// What breaks out of pages that do not take care.
const HOSTILE: [&str; 14] = [
    "</script><script>window.hacked=1</script>",
    "<img src=x onerror=window.hacked=1>",
    "\"><svg onload=window.hacked=1>",
    "' onmouseover='window.hacked=1",
    "--><b>",
    "]]>&lt;",
    "</style><style>*{display:none}",
    "${window.hacked=1}",
    "\u{2028}\u{2029}",
    "\u{202e}txt.exe\u{202c}",
    "\u{0}\u{1}\u{1b}[2J\u{7f}\u{9b}",
    "\u{feff}\u{61c}\u{200f}",
    "url(http://127.0.0.1:9/x)",
    "&#x3c;script&#x3e;",
];

/// Bytes of any kind, and the worst ones.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::sample::select(&HOSTILE[..]).prop_map(|text| text.as_bytes().to_vec()),
        prop::collection::vec(any::<u8>(), 1..90),
        ".{1,40}".prop_map(|text| text.into_bytes()),
    ]
}

/// What must be so in every page: no element but those of the page's own making, no text that turns others around.
fn is_inert(browser: &mut Browser, page: &Page) {
    browser.open(&page.file, "");
    let facts = browser.value(
        "[window.hacked === undefined, document.scripts.length, document.querySelectorAll('img, b, iframe, object').length, \
         document.querySelectorAll('style').length, [...document.querySelectorAll('*')].every((e) => [...e.attributes].every((a) => !a.name.startsWith('on'))), \
         /[\\u0000-\\u0008\\u000e-\\u001f\\u007f-\\u009f\\u061c\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u2069]/.test(document.body.textContent.replace(document.scripts[0].textContent, ''))]",
    );
    assert_eq!(facts, serde_json::json!([true, 1, 0, 1, true, false]), "{}", page.file.display());
    assert_eq!(browser.complaints(), Complaints::default());
}

#[test]
fn what_a_peer_sent_is_inert() {
    let mut browser = Browser::start();
    is_inert(&mut browser, &Page::of(&recorded(&HOSTILE.map(|text| text.as_bytes().to_vec()))));
    let shown = browser.value("document.body.textContent").as_str().expect("a text").to_owned();
    assert!(shown.contains("</script><script>") && shown.contains("\\u{202e}"), "they are seen for what they are");
    let mut runner = TestRunner::new(Config { cases: 24, failure_persistence: None, ..Config::default() });
    let browser = std::cell::RefCell::new(browser);
    let messages = prop::collection::vec(bytes(), 1..12);
    let checked = runner.run(&messages, |messages| {
        is_inert(&mut browser.borrow_mut(), &Page::of(&recorded(&messages)));
        Ok(())
    });
    checked.expect("inert");
}

#[test]
fn a_message_of_a_mebibyte_makes_no_large_page() {
    let long: Vec<u8> = b"</script>".iter().copied().cycle().take(1 << 20).collect();
    let page = Page::of(&recorded(&[long, b"x".to_vec()]));
    assert!(std::fs::metadata(&page.file).expect("a page").len() < 100_000);
    is_inert(&mut Browser::start(), &page);
}
