//! Two runs on one page: a control experiment stands beside the run from which nothing is taken away.

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
