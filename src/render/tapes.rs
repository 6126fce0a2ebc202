//! What was sent, what crossed the link, what was received, and what the program took: for each direction four tapes
//! over the same bytes, each with cuts of its own. Plain data, read off the report's events and packets.

use super::Report;
use crate::text::Text;
use crate::trace::packet::Content;
use crate::trace::{Call, EndName, Event, MsgId, Proto, SockId, Span, Trace};
use std::collections::HashMap;
use std::ops::Range;

/// One direction of a connection, or the datagrams from one socket to one end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tapes {
    /// Who sends.
    pub from: EndName,
    /// Who receives, where that was recorded.
    pub to: Option<EndName>,
    /// Tapes or datagrams.
    pub proto: Proto,
    /// The act it belongs to.
    pub act: Option<usize>,
    /// Its bytes; of an empty datagram one place that holds none.
    pub len: usize,
    /// What each send call put in.
    pub sent: Vec<TapePiece>,
    /// What each packet carried, in the order in which they left.
    pub carried: Vec<TapePiece>,
    /// What packets carried whose bytes had left before.
    pub again: Vec<TapePiece>,
    /// What each receive call returned.
    pub received: Vec<TapePiece>,
    /// What the program took as one thing: the hand-over of a frame, else what a receive call returned.
    pub taken: Vec<TapePiece>,
    /// The program frames: it puts messages together from what its calls return.
    pub framed: bool,
}

/// A stretch of the stream between two cuts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TapePiece {
    /// The event or packet that made it.
    pub seq: usize,
    /// Which bytes of the stream.
    pub range: Range<usize>,
    /// Whose they are, in order, covering the range.
    pub spans: Vec<Span>,
    /// How it differs from others.
    pub mark: Mark,
    /// The message that it is exactly, no more and no less.
    pub exactly: Option<MsgId>,
}

/// What sets a piece apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mark {
    /// Nothing.
    #[default]
    None,
    /// It did not arrive, or nobody received it.
    Lost,
    /// So many bytes behind it were cut off, and are gone.
    Cut(usize),
    /// These bytes were received before.
    Copy,
}

impl Tapes {
    fn new(event: &Event, proto: Proto) -> Tapes {
        Tapes {
            from: event.end,
            to: event.far,
            proto,
            act: event.act,
            len: 0,
            sent: Vec::new(),
            carried: Vec::new(),
            again: Vec::new(),
            received: Vec::new(),
            taken: Vec::new(),
            framed: false,
        }
    }

    /// What it is, from whom to whom, and in which act.
    pub fn name(&self, trace: &Trace) -> Text {
        let proto = if self.proto == Proto::Tcp { "TCP" } else { "UDP" };
        let to = self.to.map_or_else(|| "?".to_owned(), |to| to.to_string());
        let name = Text::same(format!("{proto} {} → {to}", self.from));
        match self.act.and_then(|act| trace.acts.get(act)) {
            Some(act) => Text::new("{} · {}", "{} · {}").with_all([&name, &act.title]),
            None => name,
        }
    }

    /// Where messages begin and end.
    pub fn boundaries(&self) -> Vec<usize> {
        let pieces = if self.sent.is_empty() { &self.received } else { &self.sent };
        let mut found: Vec<usize> = Vec::new();
        let mut latest = None;
        for piece in pieces {
            let mut at = piece.range.start;
            for span in &piece.spans {
                if latest != Some(span.msg) {
                    found.push(at);
                }
                latest = Some(span.msg);
                at += span.len;
            }
        }
        found.push(self.len);
        found.dedup();
        found
    }

    /// The bytes of a range, as far as its messages have them.
    pub fn bytes(&self, trace: &Trace, range: Range<usize>) -> Vec<u8> {
        let pieces = if self.sent.is_empty() { &self.received } else { &self.sent };
        let mut bytes = Vec::with_capacity(range.len());
        for piece in pieces.iter().filter(|p| p.range.start < range.end && p.range.end > range.start) {
            let mut at = piece.range.start;
            for span in &piece.spans {
                let (from, to) = (range.start.max(at), range.end.min(at + span.len));
                if let Some(message) = trace.message(span.msg).filter(|_| from < to) {
                    let start = span.offset + from - at;
                    bytes.extend(message.bytes.get(start..start + to - from).unwrap_or_default());
                }
                at += span.len;
            }
        }
        bytes
    }

    /// Sent datagrams that no receive call returned, whole or cut, and sent bytes that nobody read.
    pub fn unreceived(&self) -> Vec<Range<usize>> {
        let read = |p: &&TapePiece| self.received.iter().any(|r| overlap(&r.range, &p.range) || r.range == p.range);
        match self.proto {
            Proto::Udp => self.sent.iter().filter(|p| !read(p)).map(|p| p.range.clone()).collect(),
            Proto::Tcp => {
                let end = self.received.last().map_or(0, |p| p.range.end);
                (end < self.len).then_some(end..self.len).into_iter().collect()
            }
        }
    }

    /// What was received and is in no message yet.
    pub fn unfinished(&self) -> Option<Range<usize>> {
        let (taken, received) = (self.taken.last()?.range.end, self.received.last()?.range.end);
        (self.framed && taken < received).then_some(taken..received)
    }
}

fn overlap(a: &Range<usize>, b: &Range<usize>) -> bool {
    a.start < b.end && b.start < a.end
}

/// Where a message's bytes lie in the streams: which stream, from which of its bytes, from which place.
type PlacesByMessage = HashMap<MsgId, Vec<MessagePlace>>;

struct MessagePlace {
    stream: usize,
    offset: usize,
    len: usize,
    at: usize,
}

/// The streams of a run, in the order in which they began.
pub fn streams(report: &Report) -> Vec<Tapes> {
    let mut reader = TapeReader { trace: &report.trace, ..TapeReader::of(report) };
    report.trace.events.iter().filter(|e| e.call.sends()).for_each(|e| reader.sent(e));
    if !report.calls_vary() {
        report.trace.events.iter().for_each(|e| reader.came(e));
    }
    if report.shows_packets() {
        reader.carried();
    }
    reader.finished()
}

struct TapeReader<'a> {
    trace: &'a Trace,
    streams: Vec<Tapes>,
    /// The stream that a socket sends; of datagrams one for each end it sends to.
    sending: HashMap<(SockId, Option<EndName>), usize>,
    /// The stream that a socket receives; of datagrams the one of those that nobody was seen to send.
    receiving: HashMap<SockId, usize>,
    places: PlacesByMessage,
}

impl<'a> TapeReader<'a> {
    fn of(report: &'a Report) -> TapeReader<'a> {
        TapeReader {
            trace: &report.trace,
            streams: Vec::new(),
            sending: HashMap::new(),
            receiving: HashMap::new(),
            places: HashMap::new(),
        }
    }

    fn proto(&self, sock: SockId) -> Proto {
        self.trace.socket(sock).map_or(Proto::Tcp, |s| s.proto)
    }

    fn sent(&mut self, event: &Event) {
        let Some(sock) = event.sock else { return };
        let proto = self.proto(sock);
        if !event.ok() || (proto == Proto::Tcp && event.bytes.is_empty()) {
            return;
        }
        let to = event.far.filter(|_| proto == Proto::Udp);
        let streams = &mut self.streams;
        let stream = *self.sending.entry((sock, to)).or_insert_with(|| {
            streams.push(Tapes::new(event, proto));
            streams.len() - 1
        });
        self.put(stream, event);
    }

    /// Appends what an event moved, and notes where its messages lie.
    fn put(&mut self, stream: usize, event: &Event) -> Range<usize> {
        let start = self.streams[stream].len;
        let mut at = start;
        for span in &event.spans {
            let place = MessagePlace { stream, offset: span.offset, len: span.len, at };
            self.places.entry(span.msg).or_default().push(place);
            at += span.len;
        }
        let empty = usize::from(event.bytes.is_empty());
        let range = start..(start + event.bytes.len()).max(at) + empty;
        self.streams[stream].len = range.end;
        if event.call.sends() {
            let piece = self.piece(event, range.clone());
            self.streams[stream].sent.push(piece);
        }
        range
    }

    fn piece(&self, event: &Event, range: Range<usize>) -> TapePiece {
        let exactly = self.trace.exactly_one(event);
        TapePiece { seq: event.seq, range, spans: event.spans.clone(), mark: Mark::None, exactly }
    }

    fn came(&mut self, event: &Event) {
        match (event.call, event.sock) {
            (Call::Deliver, Some(sock)) => self.delivered(sock, event),
            (call, Some(sock)) if call.receives() && (event.ok() || event.truncated) => match self.proto(sock) {
                Proto::Tcp if !event.bytes.is_empty() => self.read(sock, event),
                Proto::Udp => self.datagram(sock, event),
                Proto::Tcp => {}
            },
            _ => {}
        }
    }

    /// A stream of which only the receiving was recorded.
    fn alone(&mut self, sock: SockId, event: &Event) -> usize {
        let streams = &mut self.streams;
        *self.receiving.entry(sock).or_insert_with(|| {
            let mut stream = Tapes::new(event, Proto::Udp);
            (stream.from, stream.to) = (event.far.unwrap_or(event.end.other()), Some(event.end));
            streams.push(stream);
            streams.len() - 1
        })
    }

    fn read(&mut self, sock: SockId, event: &Event) {
        let first = event.spans.first().and_then(|span| self.places.get(&span.msg)?.first());
        let stream = match (self.receiving.get(&sock), first) {
            (Some(stream), _) => *stream,
            (None, Some(place)) => place.stream,
            (None, None) => self.alone(sock, event),
        };
        self.receiving.insert(sock, stream);
        let start = self.streams[stream].received.last().map_or(0, |p| p.range.end);
        let range = match self.streams[stream].sent.is_empty() {
            true => self.put(stream, event),
            false => start..start + event.bytes.len(),
        };
        let piece = self.piece(event, range);
        let its = &mut self.streams[stream];
        (its.proto, its.to) = (Proto::Tcp, Some(event.end));
        its.len = its.len.max(piece.range.end);
        its.received.push(piece);
    }

    fn datagram(&mut self, sock: SockId, event: &Event) {
        let place = event.spans.first().and_then(|span| {
            let places = self.places.get(&span.msg)?.iter();
            let mut its = places.filter(|p| p.offset <= span.offset && span.offset < p.offset + p.len.max(1));
            let received = |p: &&MessagePlace| self.streams[p.stream].received.iter().any(|r| r.range.start == p.at);
            let first = its.clone().next();
            its.find(|p| !received(p)).or(first).map(|p| (p.stream, p.at + span.offset - p.offset))
        });
        let (stream, at) = place.unwrap_or_else(|| {
            let stream = self.alone(sock, event);
            (stream, self.put(stream, event).start)
        });
        let mut piece = self.piece(event, at..at + event.bytes.len().max(1));
        let its = &mut self.streams[stream];
        its.to = Some(event.end);
        let whole = its.sent.iter().filter(|p| p.range.contains(&at)).map(|p| p.range.end).next();
        piece.mark = match whole {
            Some(end) if event.truncated => Mark::Cut(end.saturating_sub(piece.range.end)),
            _ if its.received.iter().any(|r| r.range.start == at) => Mark::Copy,
            _ => Mark::None,
        };
        its.received.push(piece);
    }

    /// A frame: from where the one before ended to the end of this one.
    fn delivered(&mut self, sock: SockId, event: &Event) {
        let Some(stream) = self.receiving.get(&sock).copied() else { return };
        let start = self.streams[stream].taken.last().map_or(0, |p| p.range.end);
        let end = event.spans.last().and_then(|span| {
            let places = self.places.get(&span.msg)?.iter();
            let within = |p: &&MessagePlace| p.stream == stream && (p.offset..=p.offset + p.len).contains(&span.offset);
            places.filter(within).map(|p| p.at + span.offset - p.offset + span.len).find(|end| *end >= start)
        });
        let Some(end) = end else { return };
        let read = self.streams[stream].received.last().map_or(0, |p| p.range.end);
        let mut piece = self.piece(event, start..end.min(read).max(start));
        piece.spans = self.spans(stream, piece.range.clone());
        let its = &mut self.streams[stream];
        its.framed = true;
        its.taken.push(piece);
    }

    /// Whose the bytes of a range are, as they were received.
    fn spans(&self, stream: usize, range: Range<usize>) -> Vec<Span> {
        let mut out = Vec::new();
        for piece in self.streams[stream].received.iter().filter(|p| overlap(&p.range, &range)) {
            let mut at = piece.range.start;
            for span in &piece.spans {
                let (from, to) = (range.start.max(at), range.end.min(at + span.len));
                if from < to {
                    out.push(Span { offset: span.offset + from - at, len: to - from, ..*span });
                }
                at += span.len;
            }
        }
        out
    }

    /// Segments and datagrams by the messages that they carry.
    fn carried(&mut self) {
        for packet in self.trace.packets.iter().filter(|p| p.is_data()) {
            let Some((first, place)) = packet.spans.first().and_then(|span| {
                let mut places = self.places.get(&span.msg)?.iter();
                let holds = |p: &&MessagePlace| (p.offset..p.offset + p.len.max(1)).contains(&span.offset);
                Some((span, places.find(holds)?))
            }) else {
                continue;
            };
            let start = place.at + first.offset - place.offset;
            let mark = if packet.arrivals.is_empty() { Mark::Lost } else { Mark::None };
            let range = start..start + packet.payload_len.max(1);
            let piece = TapePiece { seq: packet.seq, range, spans: packet.spans.clone(), mark, exactly: None };
            let its = &mut self.streams[place.stream];
            match &packet.content {
                Content::Tcp(segment) if segment.retransmission => its.again.push(piece),
                _ => its.carried.push(piece),
            }
        }
    }

    fn finished(mut self) -> Vec<Tapes> {
        for stream in self.streams.iter_mut().filter(|s| !s.framed) {
            stream.taken.clone_from(&stream.received);
        }
        let first = |s: &Tapes| s.sent.iter().chain(&s.received).map(|p| p.seq).min();
        self.streams.sort_by_key(first);
        self.streams
    }
}
