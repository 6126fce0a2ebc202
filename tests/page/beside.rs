//! Several runs on one page: a control experiment stands beside the run from which nothing is taken away; of many runs
//! the page says what came out how often.

use crate::browser::{Browser, Complaints};
use crate::written::written;
use serde_json::json;

#[test]
fn a_control_stands_beside_the_run_with_the_cause() {
    let (file, _folder) = written(&["tcp-naive", "--control"], 1);
    let mut browser = Browser::start();
    browser.size(1920, 1080);
    browser.open(&file, "");
    let verdicts =
        "[...document.querySelectorAll('article')].map((run) => run.querySelector('.verdict strong').innerText)";
    let control = "control passed: without the cause the effect is gone";
    assert_eq!(browser.value(verdicts), json!(["reproduced", control]));
    // The same part of both begins at the same height, one left of the other.
    let places = browser.value(
        "['.tapes', '.ladder', '.claims'].map((part) => [...document.querySelectorAll(part)].map((e) => e.getBoundingClientRect())) \
         .map(([a, b]) => [a.top === b.top, a.right < b.left])",
    );
    assert_eq!(places, json!([[true, true], [true, true], [true, true]]));
    let commands = browser.value("[...document.querySelectorAll('article')].map((run) => run.dataset.command)");
    assert_eq!(commands, json!(["stickdemo tcp-naive", "stickdemo tcp-naive --control"]));
    assert_eq!(browser.complaints(), Complaints::default());
}

#[test]
fn of_many_runs_the_page_says_how_often_and_shows_the_first() {
    let (file, _folder) = written(&["tcp-naive", "--repeat", "5"], 0);
    let mut browser = Browser::start();
    browser.open(&file, "");
    let said = browser.value("document.querySelector('.outcomes').innerText").as_str().expect("a text").to_owned();
    assert!(said.starts_with("5 runs, 5 reproduced"), "{said}");
    let cells =
        "[...document.querySelectorAll('.outcomes tr')].map((row) => [...row.cells].map((cell) => cell.innerText))";
    assert_eq!(browser.value(cells), json!([["9", "5", "100.0%", ""]]));
    assert_eq!(browser.value("document.querySelectorAll('article .rows .call').length > 10"), true);
    assert_eq!(browser.complaints(), Complaints::default());
}
