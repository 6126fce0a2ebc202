//! What is copied is what was selected, by mouse or by keyboard.

use crate::browser::{Browser, Complaints};
use crate::written::{Page, recorded};

/// The keyboard goes to a button of the first run, and presses it.
fn press(browser: &mut Browser, word: &str) {
    let there = browser.value(&format!(
        "(() => {{ const own = [...document.querySelectorAll('.copy button')].find((b) => b.innerText === '{word}'); own.focus(); \
         document.querySelector('.copy output').replaceChildren(); return document.activeElement === own; }})()"
    ));
    assert_eq!(there, true, "{word}");
    browser.press("Enter");
}

/// Waits until the page says that it is done, and reads the clipboard.
fn clipboard(browser: &mut Browser) -> String {
    let read = "(async () => { while (!document.querySelector('.copy output').innerText) await new Promise(requestAnimationFrame); \
                return navigator.clipboard.readText(); })()";
    browser.value(read).as_str().expect("a text").to_owned()
}

#[test]
fn the_selection_is_copied_as_hex_as_python_and_as_a_picture() {
    let messages = [b"he'l\\\n\xff".to_vec(), b"feng".to_vec()];
    let page = Page::of(&recorded(&messages));
    let mut browser = Browser::start();
    browser.open(&page.file, "");
    browser.allow_the_clipboard();
    // Nothing is selected: the whole stream.
    press(&mut browser, "Python");
    assert_eq!(clipboard(&mut browser), r"b'he\'l\\\x0a\xfffeng'");
    // A click selects its message.
    browser.click(".received [data-m='2']");
    press(&mut browser, "hex");
    assert_eq!(clipboard(&mut browser), "66 65 6e 67");
    // With Shift the arrows take more bytes, across the boundary.
    browser.value("document.querySelector('.strip .scroll').focus()");
    browser.click(".sent [data-m='1']");
    browser.value("document.querySelector('.strip .scroll').at = 6");
    for (key, shift) in [("ArrowLeft", false), ("ArrowRight", false), ("ArrowRight", true), ("ArrowRight", true)] {
        browser.press_with(key, if shift { 8 } else { 0 });
    }
    press(&mut browser, "hex");
    assert_eq!(clipboard(&mut browser), "ff 66 65");
    press(&mut browser, "command");
    assert_eq!(clipboard(&mut browser), "stickdemo tcp-naive");
    press(&mut browser, "SVG");
    let svg = clipboard(&mut browser);
    assert!(
        svg.starts_with("<svg") && svg.contains("xmlns=\"http://www.w3.org/2000/svg\"") && svg.contains("feng"),
        "{svg:.300}"
    );
    press(&mut browser, "PNG");
    let kind = "(async () => { while (!document.querySelector('.copy output').innerText) await new Promise(requestAnimationFrame); \
                const [item] = await navigator.clipboard.read(); const blob = await item.getType('image/png'); \
                const image = await createImageBitmap(blob); return [image.width, image.height]; })()";
    let size = browser.value(kind);
    let shown = browser.value(
        "(({ width, height }) => [2 * width, 2 * height])(document.querySelector('.strip svg').viewBox.baseVal)",
    );
    assert_eq!(size, shown, "twice as large as it is on the page");
    assert_eq!(browser.complaints(), Complaints::default());
}
