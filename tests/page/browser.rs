//! Headless Chromium, driven over its own devtools through a pair of pipes: no port, no other program.

use serde_json::{Value, json};
use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;
use stickdemo::sys::scratch::Scratch;

/// How long the browser may take for anything before the test fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// What keeps it to itself: no profile of somebody's, no request of its own.
const FLAGS: [&str; 10] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--force-color-profile=srgb",
    "--remote-debugging-pipe",
];

/// A running browser.
pub struct Browser {
    child: Child,
    to: ChildStdin,
    from: Receiver<Value>,
    /// What came while something else was waited for.
    events: VecDeque<Value>,
    id: u64,
    session: Option<String>,
    _profile: Scratch,
}

/// What a page did that it must not.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Complaints {
    /// Errors and warnings of the console, and exceptions.
    pub errors: Vec<String>,
    /// Requests besides that for the page itself, and what it made of itself.
    pub requests: Vec<String>,
}

fn messages(from: ChildStdout) -> Receiver<Value> {
    let (to, received) = mpsc::channel();
    thread::spawn(move || {
        let mut from = BufReader::new(from);
        let mut bytes = Vec::new();
        while from.read_until(0, &mut bytes).is_ok_and(|n| n > 0) {
            let message = serde_json::from_slice(bytes.strip_suffix(b"\0").unwrap_or(&bytes));
            if message.map(|message| to.send(message)).is_ok_and(|sent| sent.is_err()) {
                return;
            }
            bytes.clear();
        }
    });
    received
}

impl Browser {
    /// Starts one, with a page that is empty.
    pub fn start() -> Browser {
        let profile = Scratch::folder("chromium").expect("a folder");
        let chromium = std::env::var("CHROMIUM").unwrap_or_else(|_| "chromium".into());
        let found = Command::new(&chromium).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        assert!(
            found.is_ok_and(|status| status.success()),
            "no {chromium} here, and pages are tested in a browser: apt-get install chromium (Debian), or name one in CHROMIUM"
        );
        // Devtools speak through descriptors 3 and 4.
        let mut child = Command::new("sh")
            .args(["-c", r#"exec "$0" "$@" 3<&0 4>&1 </dev/null >/dev/null 2>&1"#, &chromium])
            .args(FLAGS)
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a shell");
        let (to, from) = (child.stdin.take().expect("a pipe"), child.stdout.take().expect("a pipe"));
        let from = messages(from);
        let mut browser = Browser { child, to, from, events: VecDeque::new(), id: 0, session: None, _profile: profile };
        let target = browser.ask("Target.createTarget", json!({ "url": "about:blank" }));
        let attached = browser.ask("Target.attachToTarget", json!({ "targetId": target["targetId"], "flatten": true }));
        browser.session = attached["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page", "Runtime", "Network", "Log"] {
            browser.ask(&format!("{domain}.enable"), json!({}));
        }
        browser.size(1280, 720);
        browser
    }

    /// Says something to it, and waits for the answer.
    pub fn ask(&mut self, method: &str, params: Value) -> Value {
        self.id += 1;
        let mut message = json!({ "id": self.id, "method": method, "params": params });
        if let Some(session) = &self.session {
            message["sessionId"] = json!(session);
        }
        let mut bytes = serde_json::to_vec(&message).expect("JSON");
        bytes.push(0);
        self.to.write_all(&bytes).expect("the browser reads");
        loop {
            let got = self.from.recv_timeout(PATIENCE).unwrap_or_else(|e| panic!("{method}: {e}"));
            if got["id"] == json!(self.id) {
                assert!(got["error"].is_null(), "{method}: {}", got["error"]);
                return got["result"].clone();
            }
            self.events.push_back(got);
        }
    }

    fn wait(&mut self, event: &str) {
        if let Some(at) = self.events.iter().position(|e| e["method"] == event) {
            self.events.remove(at);
            return;
        }
        loop {
            let got = self.from.recv_timeout(PATIENCE).unwrap_or_else(|e| panic!("{event}: {e}"));
            if got["method"] == event {
                return;
            }
            self.events.push_back(got);
        }
    }

    /// The window's size.
    pub fn size(&mut self, width: u32, height: u32) {
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.ask("Emulation.setDeviceMetricsOverride", metrics);
    }

    /// The page may read what it put there.
    pub fn allow_the_clipboard(&mut self) {
        let permissions = json!({ "permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"] });
        self.ask("Browser.grantPermissions", permissions);
    }

    /// Scripts on or off, from the next page on.
    pub fn scripts(&mut self, on: bool) {
        self.ask("Emulation.setScriptExecutionDisabled", json!({ "value": !on }));
    }

    /// Opens a file, with what stands behind its name, and waits until it is there.
    pub fn open(&mut self, file: &Path, behind: &str) {
        self.ask("Page.navigate", json!({ "url": "about:blank" }));
        self.wait("Page.loadEventFired");
        self.events.clear();
        self.ask("Page.navigate", json!({ "url": format!("file://{}{behind}", file.display()) }));
        self.wait("Page.loadEventFired");
    }

    /// What the page did that it must not, since it was opened.
    pub fn complaints(&mut self) -> Complaints {
        let mut found = Complaints::default();
        self.value("1");
        for event in &self.events {
            let params = &event["params"];
            match event["method"].as_str() {
                Some("Runtime.exceptionThrown") => found.errors.push(params["exceptionDetails"].to_string()),
                Some("Log.entryAdded") => found.errors.push(params["entry"]["text"].to_string()),
                Some("Runtime.consoleAPICalled") => found.errors.push(params["args"].to_string()),
                Some("Network.requestWillBeSent") => {
                    found.requests.push(params["request"]["url"].as_str().unwrap_or_default().to_owned());
                }
                _ => {}
            }
        }
        found.requests.retain(|url| !url.starts_with("file://") && !url.starts_with("data:"));
        found
    }

    /// What an expression is in the page, as JSON.
    pub fn value(&mut self, expression: &str) -> Value {
        let params = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let result = self.ask("Runtime.evaluate", params);
        assert!(result["exceptionDetails"].is_null(), "{expression}: {}", result["exceptionDetails"]);
        result["result"]["value"].clone()
    }

    /// Moves the pointer to the middle of an element.
    pub fn point(&mut self, selector: &str) {
        let [x, y] = self.middle(selector);
        self.ask("Input.dispatchMouseEvent", json!({ "type": "mouseMoved", "x": x, "y": y }));
    }

    /// Clicks on an element.
    pub fn click(&mut self, selector: &str) {
        let [x, y] = self.middle(selector);
        for kind in ["mousePressed", "mouseReleased"] {
            let click = json!({ "type": kind, "x": x, "y": y, "button": "left", "clickCount": 1 });
            self.ask("Input.dispatchMouseEvent", click);
        }
    }

    fn middle(&mut self, selector: &str) -> [f64; 2] {
        // Where scrolling has settled.
        let found = self.value(&format!(
            "(async () => {{ const e = document.querySelector({}); if (!e) return null; e.scrollIntoView({{ block: 'center' }}); \
             for (let n = 0; n < 2; n++) await new Promise(requestAnimationFrame); \
             const b = e.getBoundingClientRect(); return [b.left + b.width / 2, b.top + b.height / 2]; }})()",
            json!(selector)
        ));
        let of = |n: usize| found[n].as_f64().unwrap_or_else(|| panic!("nothing is {selector}"));
        [of(0), of(1)]
    }

    /// Presses a key by its name in the DOM (`ArrowRight`), or one that writes a character.
    pub fn press(&mut self, key: &str) {
        self.press_with(key, 0);
    }

    /// The same while others are held down (devtools' bits: 8 is Shift).
    pub fn press_with(&mut self, key: &str, held: u8) {
        let code = match key {
            "ArrowRight" => 39,
            "ArrowLeft" => 37,
            "ArrowDown" => 40,
            "ArrowUp" => 38,
            "PageDown" => 34,
            "PageUp" => 33,
            "Tab" => 9,
            "Escape" => 27,
            "Enter" => 13,
            _ => u32::from(key.as_bytes()[0].to_ascii_uppercase()),
        };
        let text = match key {
            "Enter" => json!("\r"),
            _ if key.len() == 1 => json!(key),
            _ => Value::Null,
        };
        let down = if text.is_null() { "rawKeyDown" } else { "keyDown" };
        for kind in [down, "keyUp"] {
            let mut press = json!({ "type": kind, "key": key, "windowsVirtualKeyCode": code, "modifiers": held });
            if kind == "keyDown" {
                press["text"] = text.clone();
            }
            self.ask("Input.dispatchKeyEvent", press);
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
