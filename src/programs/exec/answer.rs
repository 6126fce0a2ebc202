//! An answer as it is shown.

use crate::programs::console::Console;
use crate::text::{Text, printable};
use serde_json::json;

/// An answer as it comes: written at once for people, kept for scripts, who read one line.
pub(super) struct Answer<'a> {
    pub(super) console: &'a Console,
    kept: Vec<u8>,
    /// Bytes that came, of a character that did not come whole yet; `None` where all are written as they are.
    begun: Option<Vec<u8>>,
    /// Its first bytes, which may show another protocol.
    pub(super) head: Vec<u8>,
}

impl<'a> Answer<'a> {
    /// On a terminal it cannot do more than print, unless it is wanted `raw`.
    pub(super) fn new(console: &'a Console, raw: bool) -> Answer<'a> {
        let begun = (!raw && console.is_terminal()).then(Vec::new);
        Answer { console, kept: Vec::new(), begun, head: Vec::new() }
    }

    pub(super) fn add(&mut self, bytes: &[u8]) {
        const HEAD: usize = 32;
        self.head.extend(bytes.iter().take(HEAD - self.head.len()));
        match &mut self.begun {
            _ if self.console.is_json() => self.kept.extend_from_slice(bytes),
            None => self.console.raw(bytes),
            Some(begun) => {
                begun.extend_from_slice(bytes);
                let cut = std::str::from_utf8(begun).err().filter(|e| e.error_len().is_none());
                let rest = begun.split_off(cut.map_or(begun.len(), |e| e.valid_up_to()));
                let whole = std::mem::replace(begun, rest);
                self.console.raw(printable(&String::from_utf8_lossy(&whole)).as_bytes());
            }
        }
    }

    /// The line for scripts; for people, what was begun and did not come.
    pub(super) fn finish(&self, command: &str) {
        if let Some(begun) = self.begun.as_ref().filter(|begun| !begun.is_empty()) {
            self.console.raw(String::from_utf8_lossy(begun).as_bytes());
        }
        if self.console.is_json() {
            let text = String::from_utf8_lossy(&self.kept);
            let line = json!({ "type": "answer", "command": command, "bytes": self.kept.len(), "text": text });
            self.console.line(&Text::same(""), &line);
        }
    }
}
