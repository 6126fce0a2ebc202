//! What a live drawing needs of a trace while it grows. Memory stays bounded however much passes: of a message its
//! beginning is kept, and what is over is forgotten.

use super::{Call, EndName, Event, Message, MsgId, Part, Proto, SockId, SocketInfo, Span, Trace};
use crate::text::Text;
use std::net::SocketAddr;

/// Bytes of a message that are kept.
const KEPT: usize = 4 << 10;

/// The sockets that are open and the messages that are under way.
#[derive(Default)]
pub struct Window {
    trace: Trace,
    sockets: u32,
    messages: u32,
    events: usize,
}

impl Window {
    /// What is kept now.
    pub fn trace(&self) -> &Trace {
        &self.trace
    }

    /// Registers a socket.
    pub fn socket(&mut self, end: EndName, proto: Proto) -> SockId {
        let id = SockId(self.sockets);
        self.sockets += 1;
        self.trace.sockets.push(SocketInfo { id, end, proto, local: None, peer: None, expected: Vec::new() });
        id
    }

    /// Notes a socket's addresses; `None` leaves what is there.
    pub fn addresses(&mut self, sock: SockId, local: Option<SocketAddr>, peer: Option<SocketAddr>) {
        if let Some(info) = self.trace.sockets.iter_mut().find(|s| s.id == sock) {
            info.local = local.or(info.local);
            info.peer = peer.or(info.peer);
        }
    }

    /// Begins a message; its bytes are told by the events.
    pub fn message(&mut self, from: EndName, header_len: usize, label: Option<Text>) -> MsgId {
        self.messages += 1;
        let id = MsgId(self.messages);
        self.trace.messages.push(Message {
            id,
            from,
            bytes: [].into(),
            header_len,
            label,
            inferred: false,
            passed: Some(0),
        });
        id
    }

    /// What a message turned out to be.
    pub fn relabel(&mut self, id: MsgId, label: Text) {
        if let Some(message) = self.trace.messages.iter_mut().find(|m| m.id == id) {
            message.label = Some(label);
        }
    }

    /// Numbers an event, and says whose its bytes are where its source said it beforehand.
    pub fn number(&mut self, event: &mut Event) {
        self.events += 1;
        event.seq = self.events;
        if event.spans.is_empty() {
            event.spans = self.handed_over(event);
        }
    }

    /// Adds an event's bytes to their messages. Bytes of a later message say that those before it are over: they are
    /// returned.
    pub fn absorb(&mut self, event: &Event) -> Vec<Message> {
        let (mut at, mut over) = (0, Vec::new());
        for span in &event.spans {
            let bytes = event.bytes.get(at..at + span.len).unwrap_or_default();
            at += span.len;
            let Ok(place) = self.trace.messages.binary_search_by_key(&span.msg, |m| m.id) else { continue };
            let message = &mut self.trace.messages[place];
            let from = message.from;
            grow(message, span, bytes);
            message.passed = Some(span.offset + span.len);
            over.extend(self.forget(|m| m.from == from && m.id < span.msg));
        }
        over
    }

    /// The spans of a send whose source knew the message beforehand.
    fn handed_over(&self, event: &Event) -> Vec<Span> {
        let known = |handed: super::Handed| Some((self.trace.message(handed.msg)?, handed.offset));
        let Some((message, offset)) = event.handed.and_then(known) else { return Vec::new() };
        match event.bytes.len() {
            0 => Vec::new(),
            n => message.spans(offset..offset + n).collect(),
        }
    }

    /// The event has been drawn: what ended with it is forgotten, and the messages returned.
    pub fn settle(&mut self, event: &Event) -> Vec<Message> {
        let sock = event.sock;
        let proto = sock.and_then(|sock| self.trace.socket(sock)).map(|s| s.proto);
        // A datagram is a whole message.
        let mut over = match proto {
            Some(Proto::Udp) => self.forget(|m| event.spans.iter().any(|s| s.msg == m.id)),
            _ => Vec::new(),
        };
        if event.call == Call::Close {
            self.trace.sockets.retain(|s| Some(s.id) != sock);
            over.extend(self.forget(|m| m.from == event.end || m.from == event.end.other()));
        }
        over
    }

    /// Nothing more will come: everything is over.
    pub fn finish(&mut self) -> Vec<Message> {
        self.forget(|_| true)
    }

    fn forget(&mut self, is_over: impl Fn(&Message) -> bool) -> Vec<Message> {
        if !self.trace.messages.iter().any(&is_over) {
            return Vec::new();
        }
        let (over, kept): (Vec<Message>, _) = std::mem::take(&mut self.trace.messages).into_iter().partition(&is_over);
        self.trace.messages = kept;
        over
    }
}

/// Adds a piece behind the bytes that have passed, as far as they are kept.
fn grow(message: &mut Message, span: &Span, bytes: &[u8]) {
    let passed = message.len();
    if span.part == Part::Header && span.offset == message.header_len {
        message.header_len += span.len;
    }
    if message.bytes.len() == passed && passed < KEPT {
        let more = &bytes[..bytes.len().min(KEPT - passed)];
        message.bytes = [&message.bytes, more].concat().into();
    }
}
