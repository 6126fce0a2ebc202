//! The annotated trace of a program while it runs: the same rows as a recorded run's, one end's calls, each as
//! it returns. Memory stays bounded however much passes: of a message its beginning is kept, and what is over is
//! forgotten.

use super::ladder::{self, EventRow, Kernel};
use super::lanes::Lanes;
use super::{Style, bytes, json};
use crate::say;
use crate::text::{Text, grouped};
use crate::trace::{Call, EndName, Event, Message, MsgId, Part, Proto, SockId, SocketInfo, Span, Trace};
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::net::SocketAddr;

/// Bytes of a message that are kept.
const KEPT: usize = 4 << 10;
/// Alike calls in a row that are drawn; the rest is counted, and the last one drawn.
const DRAWN: usize = 3;

/// Draws calls as they come.
pub struct Live {
    style: Style,
    json: bool,
    /// The sockets that are open and the messages that are under way.
    trace: Trace,
    kernel: Kernel,
    runs: BTreeMap<SockId, Run>,
    sockets: u32,
    messages: u32,
    events: usize,
    headed: bool,
}

/// Alike calls on one socket, one after the other: a long body.
struct Run {
    first: Event,
    drawn: usize,
    /// How many are counted and not drawn, and their bytes; the last is drawn when something else comes.
    held: usize,
    bytes: usize,
    last: Option<(Event, String)>,
}

impl Run {
    fn of(event: &Event) -> Run {
        let first = Event { bytes: Vec::new(), ..event.clone() };
        Run { first, drawn: 1, held: 0, bytes: 0, last: None }
    }

    fn goes_on(&self, event: &Event) -> bool {
        let part = |event: &Event| event.spans.last().map(|span| (span.msg, span.part));
        ladder::alike(&self.first, event) && part(&self.first) == part(event)
    }
}

impl Live {
    /// Nothing drawn yet; `json` for lines of JSON.
    pub fn new(style: Style, json: bool) -> Live {
        Live {
            style,
            json,
            trace: Trace::default(),
            kernel: Kernel::default(),
            runs: BTreeMap::new(),
            sockets: 0,
            messages: 0,
            events: 0,
            headed: false,
        }
    }

    /// Registers a socket.
    pub fn socket(
        &mut self,
        end: EndName,
        proto: Proto,
        local: Option<SocketAddr>,
        peer: Option<SocketAddr>,
    ) -> SockId {
        let id = SockId(self.sockets);
        self.sockets += 1;
        self.trace.sockets.push(SocketInfo { id, end, proto, local, peer, expected: Vec::new() });
        id
    }

    /// Begins a message; its bytes are told by the events.
    pub fn message(&mut self, from: EndName, label: Option<Text>) -> MsgId {
        self.messages += 1;
        let id = MsgId(self.messages);
        let bytes = [].into();
        let label = label.map(harmless);
        self.trace.messages.push(Message { id, from, bytes, header_len: 0, label, inferred: false });
        self.trace.passed.insert(id, 0);
        id
    }

    /// What a message turned out to be, once its header was read.
    pub fn relabel(&mut self, id: MsgId, label: Text) {
        if let Some(message) = self.trace.messages.iter_mut().find(|m| m.id == id) {
            message.label = Some(harmless(label));
        }
    }

    /// Draws a call, or counts it with others like it.
    ///
    /// # Errors
    /// What writing says.
    pub fn event(&mut self, out: &mut dyn Write, mut event: Event) -> io::Result<()> {
        self.events += 1;
        event.seq = self.events;
        let sock = event.sock.unwrap_or(SockId(u32::MAX));
        if self.runs.get(&sock).is_some_and(|run| !run.goes_on(&event)) {
            self.draw_held(out, sock)?;
            self.runs.remove(&sock);
        }
        self.absorb(out, &event)?;
        let (end, call, spans) = (event.end, event.call, event.spans.clone());
        match self.json {
            true => writeln!(out, "{}", json::event_line(&event, &self.style))?,
            false => self.draw_or_hold(out, sock, event)?,
        }
        // A datagram is a whole message.
        let datagram = self.trace.socket(sock).is_some_and(|s| s.proto == Proto::Udp) && !spans.is_empty();
        if datagram {
            self.forget(out, |m| spans.iter().any(|s| s.msg == m.id))?;
        }
        if call == Call::Close {
            self.runs.remove(&sock);
            self.kernel.forget(sock);
            self.trace.sockets.retain(|s| s.id != sock);
            self.forget(out, |m| m.from == end || m.from == end.other())?;
        }
        Ok(())
    }

    /// Draws what was held back of the connection with this peer, or of all.
    ///
    /// # Errors
    /// What writing says.
    pub fn flush(&mut self, out: &mut dyn Write, peer: Option<SocketAddr>) -> io::Result<()> {
        let socks: Vec<SockId> = self.runs.keys().copied().collect();
        for sock in socks {
            let its = self.trace.socket(sock).and_then(|s| s.peer);
            if peer.is_none() || its == peer {
                self.draw_held(out, sock)?;
            }
        }
        Ok(())
    }

    /// Draws what was held back.
    ///
    /// # Errors
    /// What writing says.
    pub fn finish(&mut self, out: &mut dyn Write) -> io::Result<()> {
        self.flush(out, None)?;
        self.forget(out, |_| true)
    }

    /// Adds a call's bytes to their messages. Bytes of a later one say that those before it are over.
    fn absorb(&mut self, out: &mut dyn Write, event: &Event) -> io::Result<()> {
        let mut at = 0;
        for span in &event.spans {
            let bytes = event.bytes.get(at..at + span.len).unwrap_or_default();
            at += span.len;
            let Ok(place) = self.trace.messages.binary_search_by_key(&span.msg, |m| m.id) else { continue };
            let message = &mut self.trace.messages[place];
            let from = message.from;
            let passed = self.trace.passed.entry(span.msg).or_default();
            grow(message, *passed, span, bytes);
            *passed = span.offset + span.len;
            self.forget(out, |m| m.from == from && m.id < span.msg)?;
        }
        Ok(())
    }

    /// Messages that are over.
    fn forget(&mut self, out: &mut dyn Write, over: impl Fn(&Message) -> bool) -> io::Result<()> {
        if self.json {
            for message in self.trace.messages.iter().filter(|m| over(m)) {
                let len = self.trace.passed.get(&message.id).copied().unwrap_or(0);
                writeln!(out, "{}", json::message_line(message, len, &self.style))?;
            }
        }
        let passed = &mut self.trace.passed;
        self.trace.messages.retain(|m| !over(m) || passed.remove(&m.id).is_none());
        Ok(())
    }

    fn draw_or_hold(&mut self, out: &mut dyn Write, sock: SockId, event: Event) -> io::Result<()> {
        // What the kernel has queued, or put into segments, is the clock's doing.
        let note = self.kernel.note(&self.trace, &event, &self.style, false);
        let note = note.filter(|_| !self.style.stable).unwrap_or_default();
        let Some(run) = self.runs.get_mut(&sock) else {
            self.runs.insert(sock, Run::of(&event));
            return self.draw(out, &event, note);
        };
        if run.drawn < DRAWN {
            run.drawn += 1;
            return self.draw(out, &event, note);
        }
        run.held += 1;
        run.bytes += event.bytes.len();
        run.last = Some((event, note));
        Ok(())
    }

    fn draw_held(&mut self, out: &mut dyn Write, sock: SockId) -> io::Result<()> {
        let Some(run) = self.runs.get_mut(&sock) else { return Ok(()) };
        let Some((event, note)) = run.last.take() else { return Ok(()) };
        let (more, bytes) = (grouped(run.held - 1), grouped(run.bytes - event.bytes.len()));
        let text = match (run.held, run.bytes) {
            (1, _) => None,
            (_, 0) => Some(say!(".. {more} more like it", ".. 另有 {more} 次，相同")),
            _ => Some(say!(".. {more} more like it, {bytes} bytes", ".. 另有 {more} 次，相同，共 {bytes} 字节")),
        };
        (run.held, run.bytes) = (0, 0);
        if let Some(text) = text {
            let text = Text::same(Lanes::numbered(event.end.index, text.to(self.style.lang)));
            self.lanes().more(out, event.end, &text)?;
        }
        self.draw(out, &event, note)
    }

    fn draw(&mut self, out: &mut dyn Write, event: &Event, kernel: String) -> io::Result<()> {
        if !self.headed {
            self.lanes().heads(out, false)?;
            self.headed = true;
        }
        let room = self.lanes().room(event.end);
        let label = ladder::label(&self.trace, event, &self.style, false, Some(room));
        let detailed = !event.bytes.is_empty();
        self.lanes().event(out, &EventRow { number: event.seq, event, label, kernel, more: None, detailed })
    }

    fn lanes(&self) -> Lanes<'_> {
        Lanes { style: &self.style, trace: &self.trace, blurred: false }
    }
}

/// A label may hold a peer's words.
fn harmless(label: Text) -> Text {
    Text::made(bytes::escaped(&label.en), bytes::escaped(&label.zh))
}

/// Adds a piece behind the bytes that have passed, as far as they are kept.
fn grow(message: &mut Message, passed: usize, span: &Span, bytes: &[u8]) {
    if span.part == Part::Header && span.offset == message.header_len {
        message.header_len += span.len;
    }
    if message.bytes.len() == passed && passed < KEPT {
        let more = &bytes[..bytes.len().min(KEPT - passed)];
        message.bytes = [&message.bytes, more].concat().into();
    }
}
