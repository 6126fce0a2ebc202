//! Long recordings: they open soon, and what is left out is said.

use crate::browser::{Browser, Complaints};
use crate::written::{Page, recorded};
use std::time::{Duration, Instant};

fn opened(messages: usize) -> (Browser, Page, Duration) {
    let page = Page::of(&recorded(&vec![b"0123456789abcdef".to_vec(); messages]));
    let mut browser = Browser::start();
    let began = Instant::now();
    browser.open(&page.file, "");
    browser.value("new Promise(requestAnimationFrame).then(() => 1)");
    (browser, page, began.elapsed())
}

#[test]
fn ten_thousand_events_are_all_there_soon() {
    let (mut browser, page, took) = opened(5_000);
    println!("{took:?}, {} bytes", std::fs::metadata(&page.file).expect("a page").len());
    assert_eq!(browser.value("document.querySelectorAll('.rows .call').length"), 10_000);
    // What is far away is neither laid out nor painted until it is scrolled to: that is what makes it soon and smooth.
    let drawn = "[...document.querySelectorAll('.rows svg')].map((part) => part.firstChild.checkVisibility({ contentVisibilityAuto: true }))";
    let before = browser.value(drawn);
    let before = before.as_array().expect("parts");
    assert!(before.len() >= 400 && before.iter().filter(|drawn| **drawn == true).count() < 20, "{before:?}");
    let reached = browser.value(
        "(async () => { const row = document.getElementById('e9999'); row.scrollIntoView({ block: 'center' }); \
         for (let n = 0; n < 3; n++) await new Promise(requestAnimationFrame); \
         const { top, height } = row.getBoundingClientRect(); return [top > 0 && top < innerHeight, height > 20]; })()",
    );
    assert_eq!(reached, serde_json::json!([true, true]));
    assert_eq!(browser.complaints(), Complaints::default());
    // Two seconds on a machine with nothing else to do.
    assert!(took < Duration::from_secs(5), "{took:?}");
}

#[test]
fn of_more_events_the_page_says_what_it_leaves_out() {
    let (mut browser, _page, _took) = opened(8_000);
    let said = browser.value("document.querySelector('.ladder').innerText").as_str().expect("a text").to_owned();
    assert!(said.contains("12,000 of 16,000 rows"), "{said:.300}");
}
