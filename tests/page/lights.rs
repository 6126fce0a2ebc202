//! Pointing, stepping and links: what lights is what the recording says.

use crate::browser::{Browser, Complaints};
use crate::common::run;
use crate::written::Page;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The numbers of the elements that shine, by what they are and where their number stands.
fn lit(browser: &mut Browser, selector: &str, name: &str) -> BTreeSet<u64> {
    let script = format!(
        "[...document.querySelectorAll('{selector}')].filter((e) => e.closest('.lit') === e).map((e) => Number(e.dataset.{name}))"
    );
    browser.value(&script).as_array().expect("a list").iter().filter_map(Value::as_u64).collect()
}

fn number_of(message: &Value) -> u64 {
    message.as_str().and_then(|id| id.strip_prefix('M')).and_then(|n| n.parse().ok()).expect("a message")
}

/// The events whose bytes a message has a part in.
fn events_of(page: &Page, message: u64) -> BTreeSet<u64> {
    let has = |line: &&Value| {
        line["spans"].as_array().is_some_and(|spans| spans.iter().any(|s| number_of(&s["msg"]) == message))
    };
    let moved = page.of_type("event").chain(page.of_type("packet")).filter(has);
    moved.filter_map(|line| line["seq"].as_u64()).collect()
}

#[test]
fn pointing_at_a_message_lights_its_bytes_and_its_events_everywhere() {
    let mut browser = Browser::start();
    for id in ["tcp-naive", "fix-header", "udp-truncate"] {
        let page = Page::played(&[id]);
        browser.open(&page.file, "");
        let tapes = browser.value("[...document.querySelectorAll('.sent [data-m]')].map((e) => Number(e.dataset.m))");
        let messages: BTreeSet<u64> = tapes.as_array().expect("a list").iter().filter_map(Value::as_u64).collect();
        let said: BTreeSet<u64> = page.of_type("message").map(|m| number_of(&m["id"])).collect();
        assert_eq!(messages, said, "{id}");
        for message in messages {
            browser.point(&format!(".sent [data-m='{message}']"));
            assert_eq!(lit(&mut browser, ".tape [data-m]", "m"), BTreeSet::from([message]), "{id}");
            let rows = lit(&mut browser, ".rows .call, .rows .packet", "e");
            assert_eq!(rows, events_of(&page, message), "{id}: M{message}");
        }
        assert_eq!(browser.complaints(), Complaints::default(), "{id}");
    }
}

#[test]
fn the_card_says_what_a_byte_is() {
    let page = Page::played(&["fix-header"]);
    let mut browser = Browser::start();
    browser.open(&page.file, "");
    let header = page.of_type("message").find(|m| m["header_len"] == 4).expect("a message with a header");
    let message = number_of(&header["id"]);
    let bytes = header["bytes"].as_str().expect("hex");
    browser.point(&format!(".sent [data-m='{message}'].head"));
    let card = browser.value("document.querySelector('.card').innerText").as_str().expect("a text").to_owned();
    let length = u32::from_str_radix(&bytes[..2], 16).expect("hex");
    assert!(card.contains(&format!("M{message} header")), "{card}");
    // The pointer is in the middle of the header: on its third byte.
    assert!(card.contains(&format!("hex\n{} ", &bytes[4..6])), "{card}");
    browser.value("document.querySelectorAll('.strip .scroll')[1].focus()");
    // Two bytes back, to the first.
    browser.press("ArrowLeft");
    browser.press("ArrowLeft");
    let card = browser.value("document.querySelector('.card').innerText").as_str().expect("a text").to_owned();
    assert!(card.contains(&format!("= {length} (le)")), "the first four bytes are the length: {card}");
}

/// What the tapes show after so many steps is what had happened by then.
#[test]
fn a_step_shows_what_had_happened_by_then() {
    let page = Page::played(&["tcp-naive"]);
    let mut browser = Browser::start();
    browser.open(&page.file, "");
    let rows = "[...document.querySelectorAll('.rows .call')].map((e) => Number(e.dataset.e))";
    let rows: Vec<u64> = browser.value(rows).as_array().expect("a list").iter().filter_map(Value::as_u64).collect();
    let all: Vec<u64> = page.of_type("event").filter_map(|e| e["seq"].as_u64()).collect();
    assert!(rows.windows(2).all(|pair| pair[0] < pair[1]) && rows.iter().all(|seq| all.contains(seq)), "{rows:?}");
    for back in 1..=rows.len() {
        browser.press("ArrowLeft");
        let last = if back < rows.len() { rows[rows.len() - 1 - back] } else { 0 };
        let visible = "[...document.querySelectorAll('.tape .piece')].filter((e) => getComputedStyle(e).visibility === 'visible').map((e) => Number(e.dataset.e))";
        let visible = browser.value(visible);
        let until = rows.get(rows.len() - back).map_or(u64::MAX, |next| next - 1);
        let moved = page.of_type("event").filter(|e| e["bytes"] != "" && e["seq"].as_u64() <= Some(until));
        let moved: BTreeSet<u64> = moved.filter_map(|e| e["seq"].as_u64()).collect();
        let seen: BTreeSet<u64> = visible.as_array().expect("a list").iter().filter_map(Value::as_u64).collect();
        assert_eq!(seen, moved, "after #{last}");
    }
    browser.press(" ");
    assert_eq!(browser.complaints(), Complaints::default());
}

#[test]
fn a_link_to_an_event_leads_there() {
    let page = Page::played(&["tcp-naive"]);
    let mut browser = Browser::start();
    let seq = page.of_type("claim").next().and_then(|claim| claim["events"][0].as_u64()).expect("evidence");
    browser.size(1280, 400);
    browser.open(&page.file, &format!("#e{seq}"));
    let place = browser.value(&format!(
        "(() => {{ const box = document.getElementById('e{seq}').getBoundingClientRect(); return [box.top, box.bottom]; }})()"
    ));
    assert!(place[0].as_f64() > Some(0.0) && place[1].as_f64() < Some(400.0), "{place}");
    assert_eq!(lit(&mut browser, ".rows .call", "e"), BTreeSet::from([seq]));
}

#[test]
fn what_the_reader_chose_is_remembered() {
    let page = Page::played(&["tcp-naive"]);
    let mut browser = Browser::start();
    browser.open(&page.file, "");
    for label in ["language-zh", "theme-dark", "size-projector"] {
        browser.click(&format!("label[for={label}]"));
    }
    browser.open(&page.file, "");
    let chosen = "[...document.querySelectorAll('.bar input:checked')].map((e) => e.id)";
    assert_eq!(browser.value(chosen), json!(["language-zh", "theme-dark", "size-projector"]));
    assert_eq!(browser.value("document.documentElement.lang"), "zh-CN");
    assert_eq!(browser.value("getComputedStyle(document.documentElement).colorScheme"), "dark");
}

/// With the keyboard alone every switch, every row and every byte is reached.
#[test]
fn the_keyboard_reaches_everything() {
    let page = Page::played(&["tcp-naive"]);
    let mut browser = Browser::start();
    browser.open(&page.file, "");
    let mut reached = BTreeSet::new();
    for _ in 0..60 {
        browser.press("Tab");
        let what =
            "(() => { const e = document.activeElement; return e.id || e.ariaLabel || e.className || e.tagName; })()";
        reached.insert(browser.value(what).as_str().unwrap_or_default().to_owned());
    }
    for stop in [
        "language-en",
        "theme-auto",
        "size-screen",
        "scale-rows",
        "tapes 1",
        "ladder",
        "SUMMARY",
        "BUTTON",
        "A",
        "term",
    ] {
        assert!(reached.contains(stop), "{stop}: {reached:?}");
    }
    browser.value("document.querySelector('.ladder .scroll.rows').focus()");
    browser.press("ArrowDown");
    let first = "document.activeElement === document.querySelector('.rows .call')";
    assert_eq!(browser.value(first), true);
    assert_eq!(browser.value("document.querySelector('.card').hidden"), false);
    browser.press("Escape");
    assert_eq!(browser.value("document.querySelector('.card').hidden"), true);
}

/// The ladder's rows stand in the order of the recording; to scale, as far apart as their times.
#[test]
fn the_ladder_stands_as_the_recording_says() {
    let page = Page::played(&["tcp-nagle"]);
    let mut browser = Browser::start();
    browser.open(&page.file, "");
    let places = |browser: &mut Browser, which: &str| -> Vec<(u64, f64, f64)> {
        let script = format!(
            "[...document.querySelectorAll('.{which} .call')].map((e) => [e, e.querySelector('circle')]).map(([e, c]) => \
             [Number(e.dataset.e), c.cx.baseVal.value, e.transform.baseVal[0].matrix.f + c.cy.baseVal.value])"
        );
        let rows = browser.value(&script);
        let row = |row: &Value| Some((row[0].as_u64()?, row[1].as_f64()?, row[2].as_f64()?));
        rows.as_array().expect("a list").iter().filter_map(row).collect()
    };
    let event = |seq: u64| page.of_type("event").find(|e| e["seq"] == seq).expect("an event");
    let rows = places(&mut browser, "rows");
    assert!(rows.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].2 < pair[1].2), "{rows:?}");
    let lane = |end: &str| -> BTreeSet<u64> {
        rows.iter().filter(|(seq, ..)| event(*seq)["end"] == end).map(|(_, x, _)| *x as u64).collect()
    };
    assert!(lane("client").len() == 1 && lane("server").len() == 1 && lane("client") != lane("server"), "{rows:?}");
    // An arrival stands where it was there, an act where it began; never above its cause.
    let moment = |seq: u64| {
        let arrives = ["accept", "recv", "wait"].contains(&event(seq)["call"].as_str().expect("a call"));
        event(seq)[if arrives { "end_us" } else { "t_us" }].as_f64().expect("a time")
    };
    let scaled = places(&mut browser, "times");
    let latest = scaled.iter().scan(0.0, |latest: &mut f64, (seq, ..)| {
        *latest = latest.max(moment(*seq));
        Some(*latest)
    });
    let points: Vec<(f64, f64)> = latest.zip(scaled.iter().map(|(_, _, y)| *y)).collect();
    let (first, last) = (points[0], points[points.len() - 1]);
    let each = (last.1 - first.1) / (last.0 - first.0);
    for (us, y) in &points {
        assert!((y - first.1 - (us - first.0) * each).abs() < 0.2, "{us} µs at {y}: {points:?}");
    }
}

/// What was received is hidden until the reader has guessed and looks; the guess stands in the link.
#[test]
fn a_guess_comes_before_the_answer() {
    let page = Page::with(&run(&["tcp-naive", "--format", "json"]).out, &["--quiz"]);
    let mut browser = Browser::start();
    browser.open(&page.file, "");
    let seen = |browser: &mut Browser, what: &str| {
        browser.value(&format!(
            "[...document.querySelectorAll('{what}')].some((e) => e.getClientRects().length && getComputedStyle(e).visibility === 'visible')"
        ))
    };
    for answer in [".received .piece", ".taken .piece", ".ladder", ".answer", ".claims", ".verdict"] {
        assert_eq!(seen(&mut browser, answer), false, "{answer}");
    }
    assert_eq!(seen(&mut browser, ".sent .piece"), true);
    // With the keyboard: behind the fifth byte.
    browser.value("document.querySelector('.strip .scroll').focus()");
    (0..5).for_each(|_| browser.press("ArrowRight"));
    browser.press("Enter");
    browser.click(".guessed button");
    assert_eq!(seen(&mut browser, ".received .piece"), true);
    let said = browser.value("document.querySelector('.guessed').innerText");
    let received = page.of_type("event").find(|e| e["call"] == "recv").expect("a recv");
    let said = said.as_str().expect("a text");
    assert!(said.contains("after 5") && said.contains(&format!("ended after {}", received["returned"])), "{said}");
    assert_eq!(browser.value("location.hash"), "#guess=5");
    browser.open(&page.file, "#guess=9");
    assert_eq!(browser.value("document.querySelector('.guessed').innerText.startsWith('Right.')"), true);
    assert_eq!(browser.complaints(), Complaints::default());
}
