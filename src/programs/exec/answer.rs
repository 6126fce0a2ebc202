//! An answer as it is shown.

use crate::programs::console::Console;
use crate::text::Text;
use serde_json::json;

/// An answer as it comes: written at once for people, kept for scripts, who read one line.
pub(super) struct Answer<'a> {
    pub(super) console: &'a Console,
    kept: Vec<u8>,
    /// Its first bytes, which may show another protocol.
    pub(super) head: Vec<u8>,
}

impl<'a> Answer<'a> {
    pub(super) fn new(console: &'a Console) -> Answer<'a> {
        Answer { console, kept: Vec::new(), head: Vec::new() }
    }

    pub(super) fn add(&mut self, bytes: &[u8]) {
        const HEAD: usize = 32;
        self.head.extend(bytes.iter().take(HEAD - self.head.len()));
        match self.console.is_json() {
            true => self.kept.extend_from_slice(bytes),
            false => self.console.raw(bytes),
        }
    }

    /// The line for scripts.
    pub(super) fn finish(&self, command: &str) {
        if self.console.is_json() {
            let text = String::from_utf8_lossy(&self.kept);
            let line = json!({ "type": "answer", "command": command, "bytes": self.kept.len(), "text": text });
            self.console.line(&Text::same(""), &line);
        }
    }
}
