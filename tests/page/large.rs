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
    assert_eq!(browser.complaints(), Complaints::default());
    // Two seconds on a machine with nothing else to do.
    assert!(took < Duration::from_secs(10), "{took:?}");
}

#[test]
fn of_more_events_the_page_says_what_it_leaves_out() {
    let (mut browser, _page, _took) = opened(8_000);
    let said = browser.value("document.querySelector('.ladder').innerText").as_str().expect("a text").to_owned();
    assert!(said.contains("12,000 of 16,000 rows"), "{said:.300}");
}
