//! What axe-core finds in a page: nothing serious, in either theme.

use crate::browser::Browser;
use crate::written::Page;
use std::path::Path;

/// The checker; only tests use it.
fn axe() -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/axe/node_modules/axe-core/axe.min.js");
    std::fs::read_to_string(&file).unwrap_or_else(|error| {
        panic!("{}: {error}; npm install --prefix target/axe axe-core@4 puts it there", file.display())
    })
}

#[test]
fn nothing_keeps_anybody_out() {
    let axe = axe();
    let mut browser = Browser::start();
    for id in ["tcp-naive", "fix-header", "udp-truncate", "tcp-reuseaddr"] {
        let page = Page::played(&[id]);
        for theme in ["light", "dark"] {
            browser.open(&page.file, "");
            browser.click(&format!("label[for=theme-{theme}]"));
            browser.value("document.querySelector('details.events').open = true");
            browser.value(&format!("{axe}; 1"));
            let found = browser.value(
                "axe.run(document, { resultTypes: ['violations'] }).then((r) => r.violations.map((v) => [v.id, v.impact, v.nodes[0].html]))",
            );
            assert_eq!(found, serde_json::json!([]), "{id} in {theme}");
        }
    }
}
