//! A connection as the programs use it: each method makes system calls on a real socket, gives up in time, and
//! tells the live trace about every call.

use super::console::Console;
use super::trouble::{Result, Trouble};
use crate::net::evidence;
use crate::say;
use crate::sys::errno;
use crate::text::Text;
use crate::trace::{Call, EndName, Event, Evidence, Handed, MsgId, Part, Proto, SockId, Span};
use socket2::SockRef;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Where a message's bytes come from, one receive call at a time; in tests, from a script.
pub trait Source {
    /// recv(2): as many bytes as there are, at most the buffer; 0 at the end of the stream.
    ///
    /// # Errors
    /// What recv says; `TimedOut` when nothing came for as long as the source is patient.
    fn recv(&mut self, buffer: &mut [u8], part: Part) -> io::Result<usize>;

    /// The same, but `None` when nothing came for `quiet`.
    ///
    /// # Errors
    /// What recv says.
    fn recv_within(&mut self, buffer: &mut [u8], part: Part, quiet: Duration) -> io::Result<Option<usize>>;

    /// A new message begins to arrive; the label is for the reader of a trace.
    fn incoming(&mut self, label: Text);
}

/// One end of a TCP connection.
pub struct Wire<'a> {
    stream: Arc<TcpStream>,
    console: &'a Console,
    patience: Duration,
    deadline: Option<Instant>,
    /// The receive timeout that the socket has now.
    timeout: Option<Duration>,
    tap: Option<Tap<'a>>,
    /// A second handle, whose end is not the connection's.
    twin: bool,
}

impl<'a> Wire<'a> {
    /// Connects, with a limit on that, too.
    ///
    /// # Errors
    /// What connect says.
    pub fn connect(console: &'a Console, server: SocketAddr, patience: Duration) -> Result<Wire<'a>> {
        let mut tap =
            console.tracing().then(|| Tap::new(console, EndName::only(crate::trace::Role::Client), Proto::Tcp));
        let began = Instant::now();
        let connected = TcpStream::connect_timeout(&server, patience);
        if let Some(tap) = &mut tap {
            tap.socket(connected.as_ref().ok().and_then(|s| s.local_addr().ok()), Some(server));
            tap.event(Call::Connect, began, |event| {
                event.peer = Some(server);
                told(event, connected.as_ref().map(|_| 0));
            });
        }
        let stream = connected.map_err(|e| Trouble::connect(server, &e))?;
        let wire = Wire::of(Arc::new(stream), console, patience, tap);
        wire.prepare();
        Ok(wire)
    }

    fn of(stream: Arc<TcpStream>, console: &'a Console, patience: Duration, tap: Option<Tap<'a>>) -> Wire<'a> {
        Wire { stream, console, patience, deadline: None, timeout: None, tap, twin: false }
    }

    /// Takes over an accepted connection; `end` names its lane in the trace.
    pub fn accepted(console: &'a Console, stream: Arc<TcpStream>, end: EndName, patience: Duration) -> Wire<'a> {
        let mut tap = console.tracing().then(|| Tap::new(console, end, Proto::Tcp));
        if let Some(tap) = &mut tap {
            let peer = stream.peer_addr().ok();
            tap.socket(stream.local_addr().ok(), peer);
            tap.event(Call::Accept, Instant::now(), |event| {
                event.peer = peer;
                event.returned = Some(0);
            });
        }
        let wire = Wire::of(stream, console, patience, tap);
        wire.prepare();
        wire
    }

    /// Answers leave at once, and a peer that does not read is not waited for without end. An option that
    /// cannot be set costs time and nothing else.
    fn prepare(&self) {
        let _ = self.stream.set_nodelay(true);
        let _ = self.stream.set_write_timeout(Some(self.patience.max(Duration::from_millis(1))));
    }

    /// The same connection for another thread: one sends while the other receives, so that neither end waits for the
    /// other to read.
    #[must_use]
    pub fn twin(&self) -> Wire<'a> {
        let tap = self.tap.as_ref().map(|tap| Tap { sock: tap.sock, ..Tap::new(self.console, tap.end, tap.proto) });
        let mut wire = Wire::of(Arc::clone(&self.stream), self.console, self.patience, tap);
        wire.twin = true;
        wire
    }

    /// Where it writes what people read.
    pub fn console(&self) -> &'a Console {
        self.console
    }

    /// The other end's address.
    pub fn peer(&self) -> Option<SocketAddr> {
        self.stream.peer_addr().ok()
    }

    /// From now until [`at_leisure`](Wire::at_leisure) all receiving together may take this long: a peer that sends
    /// a byte a minute is never silent, and never done. A send goes on as long as the peer takes something.
    pub fn within(&mut self, limit: Duration) {
        self.deadline = Some(Instant::now() + limit);
    }

    /// Only silence ends the patience again.
    pub fn at_leisure(&mut self) {
        self.deadline = None;
    }

    /// The longest silence.
    pub fn patience(&self) -> Duration {
        self.patience
    }

    /// A new message is about to be sent.
    pub fn outgoing(&mut self, label: Text) {
        if let Some(tap) = &mut self.tap {
            tap.out.begin(label);
        }
    }

    /// sendall: every byte, in as many send(2) calls as it takes.
    ///
    /// # Errors
    /// What send says; `WouldBlock` when the peer takes nothing for as long as this end is patient.
    pub fn send_all(&mut self, bytes: &[u8], part: Part) -> io::Result<()> {
        self.send_framed(bytes, if part == Part::Header { bytes.len() } else { 0 })
    }

    /// The same for a header and what follows it in one call: so many of the bytes are the header.
    ///
    /// # Errors
    /// As [`send_all`](Wire::send_all).
    pub fn send_framed(&mut self, mut bytes: &[u8], mut header: usize) -> io::Result<()> {
        while !bytes.is_empty() {
            let n = self.send(bytes, header)?;
            (bytes, header) = (&bytes[n..], header.saturating_sub(n));
        }
        Ok(())
    }

    /// One send(2); so many of the bytes are header.
    fn send(&mut self, bytes: &[u8], header: usize) -> io::Result<usize> {
        let began = Instant::now();
        let sent = loop {
            match (&*self.stream).write(bytes) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Ok(0) => break Err(io::ErrorKind::WriteZero.into()),
                // Windows says the passed timeout as WSAETIMEDOUT; this is no silence.
                Err(e) if e.kind() == io::ErrorKind::TimedOut => break Err(io::ErrorKind::WouldBlock.into()),
                other => break other,
            }
        };
        if let Some(tap) = &mut self.tap {
            tap.sent(&self.stream, began, bytes, header, &sent);
        }
        sent
    }

    /// shutdown(2) of the sending side: the peer reads what is left, then end of stream.
    ///
    /// # Errors
    /// What shutdown says.
    pub fn shutdown(&mut self) -> io::Result<()> {
        let began = Instant::now();
        let done = self.stream.shutdown(Shutdown::Write);
        if let Some(tap) = &mut self.tap {
            tap.event(Call::Shutdown, began, |event| told(event, done.as_ref().map(|()| 0)));
        }
        done
    }

    /// What waits to be read, without taking it and without waiting for it: `None` when nothing does. An end of
    /// stream is `Some(0)`.
    ///
    /// # Errors
    /// What recv says (`ECONNRESET`).
    pub fn peek(&self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        self.stream.set_nonblocking(true)?;
        let seen = self.stream.peek(buffer);
        self.stream.set_nonblocking(false)?;
        match seen {
            Ok(n) => Ok(Some(n)),
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// True once the peer has reset the connection: it is gone, and waits for nothing. An end of stream is no reset:
    /// a peer that has shut down its sending side still reads.
    pub fn is_reset(&self) -> bool {
        // The socket's own error first: bytes that still wait would hide it from a recv.
        matches!(self.stream.take_error(), Ok(Some(_))) || self.peek(&mut [0]).is_err()
    }

    /// After the peer's end of stream: did its system acknowledge everything that was sent? A program that closed, or
    /// was killed, before the last bytes came answers them with a reset, which may come after the end of stream. Where
    /// a system does not tell what is on its way, only a reset that is here already is known.
    ///
    /// # Errors
    /// The reset; `TimedOut` when nothing was acknowledged for as long as this end is patient.
    pub fn taken(&self) -> io::Result<()> {
        let mut reset = None;
        let settled = crate::sys::wait::until(self.patience, || {
            let now = kernel(&self.stream);
            // Looked at last: a reset also empties the queue.
            reset = self.stream.take_error().unwrap_or_else(Some);
            reset.is_some() || now.unacked.unwrap_or(0) == 0 && now.unsent.unwrap_or(0) == 0
        });
        match reset {
            Some(error) => Err(error),
            None if settled => Ok(()),
            None => Err(io::ErrorKind::TimedOut.into()),
        }
    }

    /// Sets SO_RCVTIMEO, when it is another than before: socket(7).
    fn bound(&mut self, quiet: Duration) -> io::Result<()> {
        let quiet = match self.deadline {
            Some(deadline) => quiet.min(deadline.saturating_duration_since(Instant::now())),
            None => quiet,
        };
        if quiet.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        let quiet = quiet.max(Duration::from_millis(1));
        if self.timeout != Some(quiet) {
            self.stream.set_read_timeout(Some(quiet))?;
            self.timeout = Some(quiet);
        }
        Ok(())
    }

    /// True when [`within`](Wire::within) has passed.
    fn late(&self) -> bool {
        self.deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }

    /// recv(2) of bytes that say themselves which part they are.
    ///
    /// # Errors
    /// As [`recv`](Source::recv).
    pub fn recv_seen(&mut self, buffer: &mut [u8], part: impl Fn(&[u8]) -> Part) -> io::Result<usize> {
        self.recv_once(buffer, part, self.patience)
    }

    /// What the message that is arriving turned out to be.
    pub fn incoming_is(&mut self, label: Text) {
        if let Some(Tap { console, inn: Stream { msg: Some(msg), .. }, .. }) = &self.tap {
            console.relabel(*msg, label);
        }
    }

    fn recv_once(&mut self, buffer: &mut [u8], part: impl Fn(&[u8]) -> Part, quiet: Duration) -> io::Result<usize> {
        let began = Instant::now();
        let got = loop {
            self.bound(quiet)?;
            match (&*self.stream).read(buffer) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                other => break other.map_err(timed_out),
            }
        };
        if let Some(tap) = &mut self.tap {
            let part = part(&buffer[..*got.as_ref().unwrap_or(&0)]);
            tap.received(&self.stream, began, buffer, part, &got, quiet);
        }
        got
    }
}

impl Source for Wire<'_> {
    fn recv(&mut self, buffer: &mut [u8], part: Part) -> io::Result<usize> {
        self.recv_once(buffer, |_| part, self.patience)
    }

    fn recv_within(&mut self, buffer: &mut [u8], part: Part, quiet: Duration) -> io::Result<Option<usize>> {
        match self.recv_once(buffer, |_| part, quiet) {
            // The end of all patience is no silence: what came so far need not be complete.
            Err(e) if e.kind() == io::ErrorKind::TimedOut && !self.late() => Ok(None),
            other => other.map(Some),
        }
    }

    fn incoming(&mut self, label: Text) {
        if let Some(tap) = &mut self.tap {
            tap.inn.begin(label);
        }
    }
}

impl Drop for Wire<'_> {
    fn drop(&mut self) {
        if let (Some(tap), false) = (&mut self.tap, self.twin) {
            tap.event(Call::Close, Instant::now(), |event| event.returned = Some(0));
        }
    }
}

/// The kernel says a passed timeout in two ways (socket(7): EAGAIN; Windows: WSAETIMEDOUT).
fn timed_out(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::WouldBlock => io::ErrorKind::TimedOut.into(),
        _ => error,
    }
}

fn told(event: &mut Event, result: std::result::Result<usize, &io::Error>) {
    event.returned = result.ok();
    event.error = result.err().map(errno::name);
}

/// Tells the live trace about the calls on one socket, and which message each byte belongs to.
pub(super) struct Tap<'a> {
    console: &'a Console,
    end: EndName,
    proto: Proto,
    sock: Option<SockId>,
    inn: Stream,
    out: Stream,
}

/// One direction: the message that is under way.
#[derive(Default)]
struct Stream {
    msg: Option<MsgId>,
    /// What the next one is about; it begins with its first byte, which may never come.
    label: Option<Text>,
    at: usize,
}

impl Stream {
    fn begin(&mut self, label: Text) {
        *self = Stream { msg: None, label: Some(label), at: 0 };
    }

    /// The next `len` bytes as a span; an unannounced message begins here.
    fn span(&mut self, console: &Console, from: EndName, len: usize, part: Part) -> Span {
        let msg = *self.msg.get_or_insert_with(|| console.message(from, self.label.take()));
        let span = Span { msg, offset: self.at, len, part };
        self.at += len;
        span
    }
}

impl<'a> Tap<'a> {
    pub(super) fn new(console: &'a Console, end: EndName, proto: Proto) -> Tap<'a> {
        Tap { console, end, proto, sock: None, inn: Stream::default(), out: Stream::default() }
    }

    pub(super) fn socket(&mut self, local: Option<SocketAddr>, peer: Option<SocketAddr>) {
        self.sock = Some(self.console.socket(self.end, self.proto, local, peer));
    }

    /// A call that began then and has just returned.
    pub(super) fn event(&self, call: Call, began: Instant, fill: impl FnOnce(&mut Event)) {
        let mut event = Event::new(self.end, call);
        event.sock = self.sock;
        event.t_us = self.console.micros(began);
        event.end_us = self.console.micros(Instant::now());
        fill(&mut event);
        self.console.event(event);
    }

    fn sent(&mut self, stream: &TcpStream, began: Instant, bytes: &[u8], header: usize, sent: &io::Result<usize>) {
        let n = *sent.as_ref().unwrap_or(&0);
        let header = header.min(n);
        let spans = [(header, Part::Header), (n - header, Part::Body)];
        let spans = spans.map(|(len, part)| self.out.span(self.console, self.end, len, part));
        self.event(Call::Send, began, |event| {
            event.asked = Some(bytes.len());
            event.bytes = bytes[..n].to_vec();
            event.handed = Some(Handed { msg: spans[0].msg, offset: spans[0].offset });
            event.spans = spans.into_iter().filter(|span| span.len > 0).collect();
            event.evidence = kernel(stream);
            told(event, sent.as_ref().copied());
        });
    }

    fn received(
        &mut self,
        stream: &TcpStream,
        began: Instant,
        buffer: &[u8],
        part: Part,
        got: &io::Result<usize>,
        quiet: Duration,
    ) {
        let n = *got.as_ref().unwrap_or(&0);
        let spans = if n > 0 { vec![self.inn.span(self.console, self.end.other(), n, part)] } else { Vec::new() };
        self.event(Call::Recv, began, |event| {
            event.asked = Some(buffer.len());
            event.bytes = buffer[..n].to_vec();
            event.spans = spans;
            event.evidence = kernel(stream);
            match got {
                Err(e) if e.kind() == io::ErrorKind::TimedOut => silent(event, began, quiet),
                got => told(event, got.as_ref().copied()),
            }
        });
    }
}

/// A receive call that nothing came for, as socket(7) says it of SO_RCVTIMEO, and for how long: `quiet`, or less
/// when everything together took too long.
pub(super) fn silent(event: &mut Event, began: Instant, quiet: Duration) {
    let waited = Duration::from_millis(u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX));
    let quiet = quiet.min(waited);
    event.error = Some(if cfg!(windows) { "WSAETIMEDOUT" } else { "EAGAIN" }.to_owned());
    event.note = Some(say!("silent for {quiet:?}", "静默 {quiet:?}"));
}

fn kernel(stream: &TcpStream) -> Evidence {
    evidence::tcp(&SockRef::from(stream))
}
