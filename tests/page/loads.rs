//! Every scenario's page loads without an error and without a request, in both languages, with scripts and without.

use crate::browser::{Browser, Complaints};
use crate::written::Page;
use stickdemo::scenarios::syllabus;

#[test]
fn every_scenarios_page_loads_in_both_languages_and_asks_nobody() {
    let mut browser = Browser::start();
    for scenario in syllabus() {
        let page = Page::played(&[scenario.id]);
        browser.open(&page.file, "");
        for (language, question) in [("en", &scenario.question.en), ("zh", &scenario.question.zh)] {
            browser.click(&format!("label[for=language-{language}]"));
            assert_eq!(browser.value("document.querySelector('h1').innerText"), **question, "{}", scenario.id);
        }
        assert_eq!(browser.complaints(), Complaints::default(), "{}", scenario.id);
        // 60 KiB where there is little to show; a page that is mailed or put on a course's site stays small.
        let most = if scenario.id == "tcp-naive" { 60 << 10 } else { 256 << 10 };
        let len = std::fs::metadata(&page.file).expect("a page").len();
        assert!(len <= most, "{}: {len} bytes", scenario.id);
    }
}

/// With scripts off everything can be read: in both languages, the ladder in rows and to scale.
#[test]
fn without_scripts_the_content_is_there() {
    let page = Page::played(&["tcp-naive"]);
    let mut browser = Browser::start();
    browser.scripts(false);
    browser.open(&page.file, "");
    browser.scripts(true);
    assert_eq!(browser.value("document.querySelectorAll('.stepper').length"), 0, "no script ran");
    let seen = |browser: &mut Browser| browser.value("document.body.innerText").as_str().unwrap_or_default().to_owned();
    let english = seen(&mut browser);
    for words in ["two sends, one recv", "reproduced", "one recv returned both messages", "RFC 9293", "recv(10) = 9"] {
        assert!(english.contains(words), "{words}: {english}");
    }
    assert!(!english.contains("两次 send"), "{english}");
    browser.click("label[for=language-zh]");
    let chinese = seen(&mut browser);
    assert!(chinese.contains("两次 send，一次 recv") && !chinese.contains("two sends, one recv"), "{chinese}");
    let shown = "['.rows', '.times'].map((one) => document.querySelector(one).getClientRects().length)";
    assert_eq!(browser.value(shown), serde_json::json!([1, 0]));
    browser.click("label[for=scale-times]");
    assert_eq!(browser.value(shown), serde_json::json!([0, 1]));
}

#[test]
fn the_first_screen_holds_title_tapes_and_verdict() {
    let page = Page::played(&["tcp-naive"]);
    let mut browser = Browser::start();
    browser.open(&page.file, "");
    let bottoms = browser
        .value("['h1', '.verdict', '.tapes'].map((one) => document.querySelector(one).getBoundingClientRect().bottom)");
    for bottom in bottoms.as_array().expect("three") {
        assert!(bottom.as_f64().is_some_and(|bottom| bottom <= 720.0), "{bottoms}");
    }
}
