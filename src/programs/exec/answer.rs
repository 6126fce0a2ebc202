//! An answer as it is shown.

use crate::programs::Showing;
use crate::programs::console::Console;
use crate::text::{Text, printable};
use encoding_rs::{Decoder, UTF_8};
use serde_json::json;

/// An answer as it comes: written at once for people, kept for scripts, who read one line.
pub(super) struct Answer<'a> {
    pub(super) console: &'a Console,
    shown: Showing,
    kept: Vec<u8>,
    /// Makes text of it, whose characters may come in pieces; `None` where bytes are written as they are.
    decoder: Option<Decoder>,
    /// It goes to a terminal, which does what it is told.
    obeyed: bool,
    /// Its first bytes, which may show another protocol.
    pub(super) head: Vec<u8>,
}

impl<'a> Answer<'a> {
    /// On a terminal it cannot do more than print, unless it is wanted raw. Windows' console takes nothing but text, nor does
    /// standard error beside a document.
    pub(super) fn new(console: &'a Console, shown: Showing) -> Answer<'a> {
        let terminal = console.is_terminal();
        let obeyed = terminal && !shown.raw;
        let text = obeyed || console.draws() || shown.encoding.is_some() || terminal && cfg!(windows);
        let decoder = text.then(|| shown.encoding.unwrap_or(UTF_8).new_decoder_without_bom_handling());
        Answer { console, shown, kept: Vec::new(), decoder, obeyed, head: Vec::new() }
    }

    pub(super) fn add(&mut self, bytes: &[u8]) {
        const HEAD: usize = 32;
        self.head.extend(bytes.iter().take(HEAD - self.head.len()));
        match self.console.is_json() {
            true => self.kept.extend_from_slice(bytes),
            false => self.write(bytes, false),
        }
    }

    fn write(&mut self, bytes: &[u8], last: bool) {
        let Some(decoder) = &mut self.decoder else { return self.console.raw(bytes) };
        let most = decoder.max_utf8_buffer_length(bytes.len());
        let mut text = String::with_capacity(most.unwrap_or_default());
        // What is no such text becomes U+FFFD.
        let _ = decoder.decode_to_string(bytes, &mut text, last);
        match self.obeyed {
            true => self.console.raw(printable(&text).as_bytes()),
            false => self.console.raw(text.as_bytes()),
        }
    }

    /// The line for scripts; for people, what was begun and did not come.
    pub(super) fn finish(&mut self, command: &str) {
        if !self.console.is_json() {
            return self.write(b"", true);
        }
        let (text, _) = self.shown.encoding.unwrap_or(UTF_8).decode_without_bom_handling(&self.kept);
        let line = json!({ "type": "answer", "command": command, "bytes": self.kept.len(), "text": text });
        self.console.line(&Text::same(""), &line);
    }
}
