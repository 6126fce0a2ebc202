//! Where events go, whoever made them: a scenario's sockets, a program's, later a tracer, a relay or a capture.
//! Nothing behind a [`Sink`] asks which source it was.

use super::{EndName, Event, MsgId, Part, Proto, SockId, Span};
use crate::text::Text;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

/// Takes events in, from any thread. The [`Recorder`](super::Recorder) keeps everything; a
/// [`Window`](super::Window) keeps what a live drawing needs.
pub trait Sink {
    /// False when nobody wants events: a source then makes none, and asks the kernel nothing.
    fn is_on(&self) -> bool {
        true
    }

    /// A moment as microseconds since the sink's clock began.
    fn micros(&self, moment: Instant) -> u64;

    /// Registers a socket.
    fn socket(&self, end: EndName, proto: Proto) -> SockId;

    /// Notes a socket's addresses once they are known; `None` leaves what is there.
    fn addresses(&self, sock: SockId, local: Option<SocketAddr>, peer: Option<SocketAddr>);

    /// Declares a message that is known whole.
    fn message(&self, from: EndName, bytes: Arc<[u8]>, header_len: usize, label: Option<Text>) -> MsgId;

    /// Begins a message that grows: the spans of later events tell its bytes.
    fn growing(&self, from: EndName, label: Option<Text>) -> MsgId;

    /// What a message turned out to be, once its header was read.
    fn relabel(&self, msg: MsgId, label: Text);

    /// Takes one event.
    fn push(&self, event: Event);

    /// Microseconds since the sink's clock began.
    fn now_us(&self) -> u64 {
        self.micros(Instant::now())
    }
}

/// The message that is under way in one direction of a connection, for a source that learns of it as it passes.
#[derive(Debug, Default)]
pub struct UnderWay {
    msg: Option<MsgId>,
    /// What the next one is about; it begins with its first byte, which may never come.
    label: Option<Text>,
    at: usize,
}

impl UnderWay {
    /// The next byte begins a new message.
    pub fn begin(&mut self, label: Text) {
        *self = UnderWay { msg: None, label: Some(label), at: 0 };
    }

    /// The next `len` bytes as a span; an unannounced message begins here.
    pub fn span(&mut self, sink: &impl Sink, from: EndName, len: usize, part: Part) -> Span {
        let msg = *self.msg.get_or_insert_with(|| sink.growing(from, self.label.take()));
        let span = Span { msg, offset: self.at, len, part };
        self.at += len;
        span
    }

    /// What it turned out to be; nothing when it has not begun.
    pub fn relabel(&self, sink: &impl Sink, label: Text) {
        if let Some(msg) = self.msg {
            sink.relabel(msg, label);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::{Call, Handed, Recorder, Role, Tie, Window};

    const CLIENT: EndName = EndName::only(Role::Client);

    fn send(sock: SockId, bytes: &[u8], spans: Vec<Span>) -> Event {
        let mut event = Event::new(CLIENT, Call::Send);
        event.sock = Some(sock);
        event.bytes = bytes.to_vec();
        event.returned = Some(bytes.len());
        event.handed = spans.first().map(|span| Handed { msg: span.msg, offset: span.offset });
        event.spans = spans;
        event
    }

    #[test]
    fn a_recorder_keeps_messages_that_grow_as_it_keeps_those_known_whole() {
        let recorder = Recorder::new(vec![Role::Client]);
        let sock = recorder.socket(CLIENT, Proto::Tcp);
        let mut out = UnderWay::default();
        out.begin(Text::new("a line", "一行"));
        for (bytes, part) in [(&b"\x05\0\0\0"[..], Part::Header), (b"hel", Part::Body), (b"lo", Part::Body)] {
            let span = out.span(&recorder, CLIENT, bytes.len(), part);
            recorder.push(send(sock, bytes, vec![span]));
        }
        let trace = recorder.take().finish(Tie::Lane);
        let [message] = &trace.messages[..] else { panic!("{:?}", trace.messages) };
        assert_eq!((&*message.bytes, message.header_len), (&b"\x05\0\0\0hello"[..], 4));
        assert_eq!(message.label, Some(Text::new("a line", "一行")));
        assert_eq!(trace.events[2].spans, [Span { msg: message.id, offset: 7, len: 2, part: Part::Body }]);
    }

    #[test]
    fn a_window_says_whose_the_bytes_are_when_its_source_knew_it_beforehand() {
        let mut window = Window::default();
        let sock = window.socket(CLIENT, Proto::Tcp);
        let msg = window.message(CLIENT, 2, None);
        let mut event = send(sock, b"\x03\0abc", Vec::new());
        event.handed = Some(Handed { msg, offset: 0 });
        window.number(&mut event);
        let parts: Vec<_> = event.spans.iter().map(|span| (span.offset, span.len, span.part)).collect();
        assert_eq!(parts, [(0, 2, Part::Header), (2, 3, Part::Body)]);
        assert!(window.absorb(&event).is_empty());
        let over = window.finish();
        assert_eq!((&*over[0].bytes, over[0].header_len, over[0].len()), (&b"\x03\0abc"[..], 2, 5));
    }
}
