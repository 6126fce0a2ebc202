//! The annotated trace of a program while it runs: the same rows as a recorded run's, one end's calls, each as
//! it returns.

use super::lanes::{Lanes, Margin};
use crate::render::Style;
use crate::render::report::lines;
use crate::render::rows::{EventRow, alike, call_text};
use crate::say;
use crate::text::{Text, escaped, grouped};
use crate::trace::{Call, EndName, Event, Evidence, Kernel, Message, MsgId, Proto, SockId, Window};
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::net::SocketAddr;

/// Alike calls in a row that are drawn; the rest is counted, and the last one drawn.
const DRAWN: usize = 3;

/// Draws calls as they come.
pub struct Live {
    style: Style,
    json: bool,
    window: Window,
    kernel: Kernel,
    runs: BTreeMap<SockId, Repetition>,
    headed: bool,
}

/// Alike calls on one socket, one after the other: a long body.
struct Repetition {
    first: Event,
    drawn: usize,
    /// How many are counted and not drawn, and their bytes; the last is drawn when something else comes.
    held: usize,
    bytes: usize,
    last: Option<(Event, Text)>,
}

impl Repetition {
    fn of(event: &Event) -> Repetition {
        let first = Event { bytes: Vec::new(), ..event.clone() };
        Repetition { first, drawn: 1, held: 0, bytes: 0, last: None }
    }

    fn goes_on(&self, event: &Event) -> bool {
        let part = |event: &Event| event.spans.last().map(|span| (span.msg, span.part));
        alike(&self.first, event) && part(&self.first) == part(event)
    }
}

impl Live {
    /// Nothing drawn yet; `json` for lines of JSON.
    pub fn new(style: Style, json: bool) -> Live {
        Live { style, json, window: Window::default(), kernel: Kernel::default(), runs: BTreeMap::new(), headed: false }
    }

    /// Registers a socket.
    pub fn socket(
        &mut self,
        end: EndName,
        proto: Proto,
        local: Option<SocketAddr>,
        peer: Option<SocketAddr>,
    ) -> SockId {
        let id = self.window.socket(end, proto);
        self.window.addresses(id, local, peer);
        id
    }

    /// Notes a socket's addresses; `None` leaves what is there.
    pub fn addresses(&mut self, sock: SockId, local: Option<SocketAddr>, peer: Option<SocketAddr>) {
        self.window.addresses(sock, local, peer);
    }

    /// Begins a message; its bytes are told by the events. So many of them are known to be its header.
    pub fn framed(&mut self, from: EndName, header_len: usize, label: Option<Text>) -> MsgId {
        self.window.message(from, header_len, label.map(harmless))
    }

    /// Begins a message; its bytes, and which of them are its header, are told by the events.
    pub fn message(&mut self, from: EndName, label: Option<Text>) -> MsgId {
        self.framed(from, 0, label)
    }

    /// What a message turned out to be, once its header was read.
    pub fn relabel(&mut self, id: MsgId, label: Text) {
        self.window.relabel(id, harmless(label));
    }

    /// Draws a call, or counts it with others like it.
    ///
    /// # Errors
    /// What writing says.
    pub fn event(&mut self, out: &mut dyn Write, mut event: Event) -> io::Result<()> {
        self.window.number(&mut event);
        if self.style.stable {
            (event.peer, event.evidence) = (None, Evidence::default());
        }
        let sock = event.sock.unwrap_or(SockId(u32::MAX));
        if self.runs.get(&sock).is_some_and(|run| !run.goes_on(&event)) {
            self.draw_held(out, sock)?;
            self.runs.remove(&sock);
        }
        let over = self.window.absorb(&event);
        self.tell(out, over)?;
        match self.json {
            true => lines::event(out, &event, !self.style.stable, self.style.lang)?,
            false => self.draw_or_hold(out, sock, &event)?,
        }
        let over = self.window.settle(&event);
        if event.call == Call::Close {
            self.runs.remove(&sock);
            self.kernel.forget(sock);
        }
        self.tell(out, over)
    }

    /// Draws what was held back of the connection with this peer, or of all.
    ///
    /// # Errors
    /// What writing says.
    pub fn flush(&mut self, out: &mut dyn Write, peer: Option<SocketAddr>) -> io::Result<()> {
        let socks: Vec<SockId> = self.runs.keys().copied().collect();
        for sock in socks {
            let its = self.window.trace().socket(sock).and_then(|s| s.peer);
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
        let over = self.window.finish();
        self.tell(out, over)
    }

    /// Scripts read a message when it is over; people have seen its bytes pass.
    fn tell(&self, out: &mut dyn Write, over: Vec<Message>) -> io::Result<()> {
        let mut over = over.iter().filter(|_| self.json);
        over.try_for_each(|message| lines::message(out, message, self.style.lang))
    }

    fn draw_or_hold(&mut self, out: &mut dyn Write, sock: SockId, event: &Event) -> io::Result<()> {
        // What the kernel has queued, or put into segments, is the clock's doing.
        let socket = self.window.trace().socket(sock);
        let news = socket.map(|socket| self.kernel.news(socket, event)).unwrap_or_default();
        let note = if self.style.stable { Text::default() } else { call_text::note(&news) };
        let Some(run) = self.runs.get_mut(&sock) else {
            self.runs.insert(sock, Repetition::of(event));
            return self.draw(out, event, note);
        };
        if run.drawn < DRAWN {
            run.drawn += 1;
            return self.draw(out, event, note);
        }
        run.held += 1;
        run.bytes += event.bytes.len();
        run.last = Some((event.clone(), note));
        Ok(())
    }

    fn draw_held(&mut self, out: &mut dyn Write, sock: SockId) -> io::Result<()> {
        let Some(run) = self.runs.get_mut(&sock) else { return Ok(()) };
        let Some((event, note)) = run.last.take() else { return Ok(()) };
        let (more, bytes) = (grouped(run.held - 1), grouped(run.bytes - event.bytes.len()));
        let text = match (run.held, run.bytes) {
            (1, _) => None,
            (_, 0) => Some(say!(".. {more} more like it", ".. 另有 {more} 次，类似")),
            _ => Some(say!(".. {more} more like it, {bytes} bytes", ".. 另有 {more} 次，类似，共 {bytes} 字节")),
        };
        (run.held, run.bytes) = (0, 0);
        if let Some(text) = text {
            let text = Text::same(Lanes::numbered(event.end.index, text.to(self.style.lang)));
            self.lanes().more(out, event.end, &text)?;
        }
        self.draw(out, &event, note)
    }

    fn draw(&mut self, out: &mut dyn Write, event: &Event, kernel: Text) -> io::Result<()> {
        if !self.headed {
            self.lanes().heads(out, false)?;
            self.headed = true;
        }
        let label = call_text::label(self.window.trace(), event);
        let detailed = !event.bytes.is_empty();
        let row = EventRow { number: event.seq, event, label, kernel, more: None, detailed };
        self.lanes().event_with_peer(out, &row)
    }

    fn lanes(&self) -> Lanes<'_> {
        let margin = if self.style.stable { Margin::Number } else { Margin::Clock };
        Lanes { style: &self.style, trace: self.window.trace(), margin, whole: true }
    }
}

/// A label may hold a peer's words.
fn harmless(label: Text) -> Text {
    Text::made(escaped(&label.en), escaped(&label.zh))
}
