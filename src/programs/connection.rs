//! A connection as the programs use it: each method makes system calls on a real socket, gives up in time, and
//! tells the live trace about every call.

use super::Patience;
use super::console::Console;
use super::pace::Pace;
use super::stranger::{LOOK, stranger};
use super::trouble::{Result, Trouble};
use crate::framing::Part;
use crate::framing::protocols::{Channel, Source};
use crate::net::recorded::{Recorded, read_into, restarted};
use crate::net::{barrier, statistics};
use crate::say;
use crate::text::Text;
use crate::trace::{Call, EndName, Event, Handed, Proto, Role, UnderWay};
use socket2::Socket;
use std::io::{self, Read};
use std::mem::MaybeUninit;
use std::net::{Shutdown, SocketAddr};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

/// One end of a TCP connection. Dropping the last handle closes it.
pub struct Connection<'a> {
    socket: Arc<Recorded<&'a Console>>,
    console: &'a Console,
    end: EndName,
    pace: Pace,
    /// A client that has said nothing yet: its first words are looked at.
    fresh: bool,
    incoming: UnderWay,
    outgoing: UnderWay,
    heard: ReceivedSoFar,
}

/// What came since a frame was due.
#[derive(Clone, Debug, Default)]
pub struct ReceivedSoFar {
    /// Its first bytes.
    pub start: Vec<u8>,
    /// How many bytes it is.
    pub total: u64,
}

impl ReceivedSoFar {
    /// So many first bytes are kept: enough to tell what they are.
    const KEPT: usize = 4 << 10;

    fn add(&mut self, bytes: &[u8]) {
        let room = ReceivedSoFar::KEPT - self.start.len();
        self.start.extend(bytes.iter().take(room));
        self.total += bytes.len() as u64;
    }
}

impl<'a> Connection<'a> {
    /// Connects, with a limit on that, too.
    ///
    /// # Errors
    /// What connect says.
    pub fn connect(console: &'a Console, server: SocketAddr, patience: Patience) -> Result<Connection<'a>> {
        let end = EndName::only(Role::Client);
        let connected = || {
            let socket = Recorded::open(console, end, Proto::Tcp, server)?;
            socket.note_peer(server);
            socket.plain(Call::Connect, Some(server), |s| s.connect_timeout(&server.into(), patience.timeout))?;
            socket.note_addresses();
            Ok(socket)
        };
        Ok(Connection::of(console, connected().map_err(|e| Trouble::connect(server, &e))?, end, patience))
    }

    /// Takes over an accepted connection; `end` names its lane in the trace.
    pub fn accepted(console: &'a Console, socket: Socket, end: EndName, patience: Patience) -> Connection<'a> {
        let socket = Recorded::adopt(console, end, Proto::Tcp, socket);
        socket.note_addresses();
        // It has happened: what is told is where it came from.
        let _ = socket.plain(Call::Accept, socket.peer(), |_| Ok(()));
        Connection { fresh: true, ..Connection::of(console, socket, end, patience) }
    }

    /// Answers leave at once. An option that cannot be set costs time and nothing else.
    fn of(console: &'a Console, socket: Recorded<&'a Console>, end: EndName, patience: Patience) -> Connection<'a> {
        let _ = socket.socket().set_tcp_nodelay(true);
        #[cfg(windows)]
        let _ = socket.socket().set_write_timeout(Some(patience.timeout));
        Connection::handle(console, Arc::new(socket), end, patience)
    }

    fn handle(
        console: &'a Console,
        socket: Arc<Recorded<&'a Console>>,
        end: EndName,
        patience: Patience,
    ) -> Connection<'a> {
        let (incoming, outgoing, heard) = Default::default();
        Connection { socket, console, end, pace: Pace::new(patience), fresh: false, incoming, outgoing, heard }
    }

    /// The same connection for another thread: one sends while the other receives, so that neither end waits for the
    /// other to read.
    #[must_use]
    pub fn twin(&self) -> Connection<'a> {
        Connection::handle(self.console, Arc::clone(&self.socket), self.end, self.pace.patience())
    }

    /// What can end the connection from another thread, for as long as it is open.
    pub fn hangup(&self) -> HangUp<'a> {
        HangUp(Arc::downgrade(&self.socket))
    }

    /// Where it writes what people read.
    pub fn console(&self) -> &'a Console {
        self.console
    }

    /// This end's address.
    pub fn local(&self) -> Option<SocketAddr> {
        self.socket.local()
    }

    /// The other end's address.
    pub fn peer(&self) -> Option<SocketAddr> {
        self.socket.peer()
    }

    /// From now until [`at_leisure`](Connection::at_leisure) all receiving together may take this long. A send goes on as
    /// long as the peer takes something.
    pub fn within(&mut self, limit: Duration) {
        self.pace.within(limit);
    }

    /// What comes now is short, and must be complete as soon as this end is patient.
    pub fn briefly(&mut self) {
        self.within(self.patience().timeout);
    }

    /// Only silence ends the patience again.
    pub fn at_leisure(&mut self) {
        self.pace.at_leisure(false);
    }

    /// How long it waits.
    pub fn patience(&self) -> Patience {
        self.pace.patience()
    }

    /// Waits until the peer says something, or its system has everything that was sent.
    ///
    /// # Errors
    /// `WouldBlock` when it takes nothing for as long as this end is patient.
    pub fn drain(&mut self) -> io::Result<()> {
        self.pace.drain(self.socket.socket())
    }

    /// A new message is about to be sent.
    pub fn outgoing(&mut self, label: Text) {
        self.outgoing.begin(label);
    }

    /// sendall: every byte, in as many send(2) calls as it takes.
    ///
    /// # Errors
    /// What send says; `WouldBlock` when the peer takes nothing for as long as this end is patient, or too little.
    pub fn send_all(&mut self, bytes: &[u8], part: Part) -> io::Result<()> {
        self.send_framed(bytes, if part == Part::Header { bytes.len() } else { 0 })
    }

    /// The same for a header and what follows it in one call: so many of the bytes are the header.
    ///
    /// # Errors
    /// As [`send_all`](Connection::send_all).
    pub fn send_framed(&mut self, mut bytes: &[u8], mut header: usize) -> io::Result<()> {
        while !bytes.is_empty() {
            let n = self.send(bytes, header)?;
            (bytes, header) = (&bytes[n..], header.saturating_sub(n));
        }
        Ok(())
    }

    /// One send(2); so many of the bytes are header.
    fn send(&mut self, bytes: &[u8], header: usize) -> io::Result<usize> {
        let Connection { socket, console, outgoing, pace, end, .. } = self;
        let send = |s: &Socket| match pace.send(s, bytes) {
            Ok(0) => Err(io::ErrorKind::WriteZero.into()),
            other => other,
        };
        socket.send((Call::Send, None), bytes, send, |event, taken| {
            let header = header.min(taken);
            let spans = [(header, Part::Header), (taken - header, Part::Body)];
            let spans = spans.map(|(len, part)| outgoing.span(*console, *end, len, part));
            event.handed = Some(Handed { msg: spans[0].msg, offset: spans[0].offset });
            event.spans = spans.into_iter().filter(|span| span.len > 0).collect();
        })
    }

    /// shutdown(2) of the sending side: the peer reads what is left, then end of stream.
    ///
    /// # Errors
    /// What shutdown says.
    pub fn shutdown(&mut self) -> io::Result<()> {
        self.socket.shutdown_write()
    }

    /// Does something wait to be read? It is neither taken nor waited for: `None` when nothing is there, `Some(0)` at
    /// the end of the stream, else 1.
    ///
    /// # Errors
    /// What recv says (`ECONNRESET`).
    pub fn peek(&self) -> io::Result<Option<usize>> {
        let socket = self.socket.socket();
        if !barrier::readable(socket, Duration::ZERO) {
            return Ok(None);
        }
        restarted(|| socket.peek(&mut [MaybeUninit::uninit()])).map(Some)
    }

    /// True once the peer has reset the connection: it is gone, and waits for nothing. An end of stream is no reset:
    /// a peer that has shut down its sending side still reads.
    pub fn is_reset(&self) -> bool {
        // The socket's own error first: bytes that still wait would hide it from a recv.
        matches!(self.socket.socket().take_error(), Ok(Some(_))) || self.peek().is_err()
    }

    /// After the peer's end of stream: did its system acknowledge everything that was sent? A program that closed, or
    /// was killed, before the last bytes came answers them with a reset, which may come after the end of stream. Where
    /// a system does not tell what is on its way, only a reset that is here already is known.
    ///
    /// # Errors
    /// The reset; `TimedOut` when nothing was acknowledged for as long as this end is patient.
    pub fn taken(&self) -> io::Result<()> {
        let mut reset = None;
        let settled = crate::sys::wait::until(self.pace.patience().timeout, || {
            let acknowledged = statistics::acknowledged(self.socket.socket());
            // Looked at last: a reset also empties the queue.
            reset = self.socket.socket().take_error().unwrap_or_else(Some);
            reset.is_some() || acknowledged.unwrap_or(true)
        });
        match reset {
            Some(error) => Err(error),
            None if settled => Ok(()),
            None => Err(io::ErrorKind::TimedOut.into()),
        }
    }

    /// recv(2) of bytes that say themselves which part they are.
    ///
    /// # Errors
    /// As [`recv`](Source::recv).
    pub fn recv_seen(&mut self, buffer: &mut [u8], part: impl Fn(&[u8]) -> Part) -> io::Result<usize> {
        self.recv_once(buffer, part, self.pace.patience().timeout)
    }

    /// A frame is due: what comes from here on shows whether it is one.
    pub fn frame_is_due(&mut self) {
        self.heard = ReceivedSoFar::default();
    }

    /// What came since a frame was due.
    pub fn heard(&self) -> &ReceivedSoFar {
        &self.heard
    }

    /// Takes what else comes, until the peer is silent for `settle`; true when that was all, and not too much to judge.
    pub fn listen_on(&mut self, settle: Duration) -> bool {
        const MOST: u64 = 64 << 10;
        self.within(settle.saturating_mul(4));
        let mut piece = [0; ReceivedSoFar::KEPT];
        loop {
            match self.recv_within(&mut piece, Part::Body, settle) {
                Ok(Some(1..)) if self.heard.total <= MOST => {}
                Ok(Some(1..)) => return false,
                Ok(None | Some(0)) => return true,
                Err(e) => return e.kind() != io::ErrorKind::TimedOut,
            }
        }
    }

    /// What the message that is arriving turned out to be.
    pub fn incoming_is(&mut self, label: Text) {
        self.incoming.relabel(self.console, label);
    }

    fn recv_once(&mut self, buffer: &mut [u8], part: impl Fn(&[u8]) -> Part, quiet: Duration) -> io::Result<usize> {
        let Connection { socket, console, pace, fresh, incoming, end, heard, .. } = self;
        let (began, from) = (Instant::now(), end.other());
        let (mut left, mut found) = (quiet, None);
        let got = socket.recv(
            buffer.len(),
            |mut s| {
                let read = restarted(|| {
                    let mut strange = None;
                    let read = pace.recv(s, left, &mut found, || {
                        if std::mem::take(fresh) {
                            strange = stranger(&read_into(LOOK, |first| s.peek(first))?);
                        }
                        s.read(buffer)
                    });
                    found = strange.or(found.take());
                    left = quiet.saturating_sub(began.elapsed());
                    read
                });
                read.map(|n| &buffer[..n])
            },
            |event, got| match got {
                Ok([]) => {}
                Ok(bytes) => event.spans = vec![incoming.span(*console, from, bytes.len(), part(bytes))],
                Err(e) if e.kind() == io::ErrorKind::TimedOut => silent(event, began, quiet),
                Err(_) => {}
            },
        );
        if let Some(found) = found {
            return Err(found);
        }
        let bytes = got?;
        heard.add(bytes);
        Ok(bytes.len())
    }
}

impl Source for Connection<'_> {
    fn recv(&mut self, buffer: &mut [u8], part: Part) -> io::Result<usize> {
        self.recv_once(buffer, |_| part, self.pace.patience().timeout)
    }

    fn recv_within(&mut self, buffer: &mut [u8], part: Part, quiet: Duration) -> io::Result<Option<usize>> {
        match self.recv_once(buffer, |_| part, quiet) {
            // The end of all patience is no silence: what came so far need not be complete.
            Err(e) if e.kind() == io::ErrorKind::TimedOut && !self.pace.late() => Ok(None),
            other => other.map(Some),
        }
    }

    fn incoming(&mut self, label: Text) {
        self.incoming.begin(label);
    }
}

impl Channel for Connection<'_> {
    fn outgoing(&mut self, label: Text) {
        Connection::outgoing(self, label);
    }

    fn send_all(&mut self, bytes: &[u8], part: Part) -> io::Result<()> {
        Connection::send_all(self, bytes, part)
    }

    fn half_close(&mut self) -> io::Result<()> {
        self.shutdown()
    }

    fn body_begins(&mut self) {
        self.pace.at_leisure(true);
    }
}

/// Ends a connection that another thread waits on.
pub struct HangUp<'a>(Weak<Recorded<&'a Console>>);

impl HangUp<'_> {
    /// shutdown(2) of both directions, should it still be open.
    pub fn now(&self) {
        if let Some(socket) = self.0.upgrade() {
            let _ = socket.socket().shutdown(Shutdown::Both);
        }
    }
}

/// A receive call that nothing came for, as socket(7) says it of SO_RCVTIMEO, and for how long: `quiet`, or less
/// when everything together took too long.
pub(super) fn silent(event: &mut Event, began: Instant, quiet: Duration) {
    let waited = Duration::from_millis(u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX));
    let quiet = quiet.min(waited);
    event.error = Some(if cfg!(windows) { "WSAETIMEDOUT" } else { "EAGAIN" }.to_owned());
    event.note = Some(Box::new(say!("silent for {quiet:?}", "静默 {quiet:?}")));
}
