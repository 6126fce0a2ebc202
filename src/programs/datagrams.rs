//! UDP as the programs use it: whole datagrams, each a message of its own, waited for with a limit, and told to the
//! live trace.

use super::console::Console;
use super::trouble::{Result, Trouble, cannot_listen};
use super::wire::{Tap, silent};
use crate::net::evidence;
use crate::sys::errno;
use crate::text::Text;
use crate::trace::{Call, EndName, Event, Handed, Part, Proto, Role, Span};
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use std::io;
use std::net::{IpAddr, Shutdown, SocketAddr, UdpSocket};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// No datagram is longer: its length is a field of 16 bits (RFC 768). So none is ever cut here.
const BUFFER: usize = 64 << 10;

/// How often a wait without end looks whether it should go on.
const LOOK: Duration = Duration::from_millis(100);

/// A datagram that arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Datagram {
    /// All of it; it may be empty.
    pub bytes: Vec<u8>,
    /// The address that stands on it. Nothing proves that the sender has it.
    pub from: SocketAddr,
}

/// A UDP socket. Several threads may send; one receives.
pub struct Datagrams<'a> {
    socket: UdpSocket,
    console: &'a Console,
    end: EndName,
    /// The only peer, when the socket is connected.
    peer: Option<SocketAddr>,
    tap: Option<Tap<'a>>,
    /// Held from a send until it has been told: another thread does not tell the answer first.
    telling: Mutex<()>,
}

impl<'a> Datagrams<'a> {
    /// A server's socket, which hears everybody.
    ///
    /// # Errors
    /// When the address cannot be had.
    pub fn bind(console: &'a Console, at: SocketAddr) -> Result<Datagrams<'a>> {
        let made = make(at, |socket| socket.bind(&at.into()));
        Ok(Datagrams::adopt(console, Role::Server, None, made.map_err(|e| cannot_listen(at, &e))?))
    }

    /// A client's socket, connected: only then does the kernel report that nobody listens there (udp(7)), and only
    /// what comes from the server's address is received.
    ///
    /// # Errors
    /// When no way leads there.
    pub fn open(console: &'a Console, server: SocketAddr) -> Result<Datagrams<'a>> {
        let made = make(server, |socket| socket.connect(&server.into()));
        Ok(Datagrams::adopt(console, Role::Client, Some(server), made.map_err(|e| Trouble::connect(server, &e))?))
    }

    fn adopt(console: &'a Console, role: Role, peer: Option<SocketAddr>, socket: UdpSocket) -> Datagrams<'a> {
        let end = EndName::only(role);
        let mut tap = console.tracing().then(|| Tap::new(console, end, Proto::Udp));
        if let Some(tap) = &mut tap {
            let local = socket.local_addr().ok();
            tap.socket(local, peer);
            let call = if peer.is_some() { Call::Connect } else { Call::Bind };
            tap.event(call, Instant::now(), |event| {
                event.peer = peer.or(local);
                event.returned = Some(0);
            });
        }
        Datagrams { socket, console, end, peer, tap, telling: Mutex::default() }
    }

    /// Its own address.
    ///
    /// # Errors
    /// What getsockname says.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// sendto(2), on a connected socket send(2), which has one address only: one datagram, empty ones too. The label is
    /// for the reader of a trace. That it succeeds says nothing about arrival.
    ///
    /// # Errors
    /// What send says: [`is_refusal`] of an earlier datagram, [`is_too_long`], or that no way leads there.
    pub fn send_to(&self, bytes: &[u8], to: SocketAddr, label: Option<Text>) -> io::Result<()> {
        let _told = self.tap.is_some().then(|| self.order());
        let began = Instant::now();
        let sent = loop {
            let sent = match self.peer {
                Some(_) => self.socket.send(bytes),
                None => self.socket.send_to(bytes, to),
            };
            match sent {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                other => break other,
            }
        };
        if let Some(tap) = &self.tap {
            let msg = self.console.message(self.end, label);
            let call = if self.peer.is_some() { Call::Send } else { Call::SendTo };
            tap.event(call, began, |event| {
                event.asked = Some(bytes.len());
                event.peer = Some(self.peer.unwrap_or(to));
                event.handed = Some(Handed { msg, offset: 0 });
                if sent.is_ok() {
                    whole(event, bytes, Span { msg, offset: 0, len: bytes.len(), part: Part::Body });
                }
                event.error = sent.as_ref().err().map(errno::name);
            });
        }
        sent.map(|_| ())
    }

    /// recvfrom(2): the next datagram; `None` when none comes within the limit. A socket that hears everybody goes on
    /// after a refusal, which belongs to some peer that has left; a connected one reports it.
    ///
    /// # Errors
    /// What recvfrom says; [`is_refusal`] on a connected socket when nobody listens there.
    pub fn recv_from(&self, limit: Duration, label: Option<Text>) -> io::Result<Option<Datagram>> {
        let began = Instant::now();
        let got = self.wait(began + limit);
        self.tell(began, limit, &got, label);
        got
    }

    /// The same for as long as `go_on` says so, which is asked again after every look and every [`wake`]. A trace shows
    /// what comes, not the looks between.
    ///
    /// [`wake`]: Datagrams::wake
    ///
    /// # Errors
    /// As [`recv_from`](Datagrams::recv_from).
    pub fn recv_while(&self, label: Option<Text>, go_on: impl Fn() -> bool) -> io::Result<Option<Datagram>> {
        let began = Instant::now();
        while go_on() {
            match self.wait(Instant::now() + LOOK) {
                Ok(None) => {}
                // What a woken call returns is no datagram.
                _ if !go_on() => {}
                got => {
                    self.tell(began, LOOK, &got, label);
                    return got;
                }
            }
        }
        Ok(None)
    }

    /// Nothing is to be received any more: another thread's wait ends now where the system can do that (shutdown(2),
    /// Linux, of unconnected sockets, too), elsewhere at its next look.
    pub fn wake(&self) {
        let _ = SockRef::from(&self.socket).shutdown(Shutdown::Both);
    }

    fn wait(&self, deadline: Instant) -> io::Result<Option<Datagram>> {
        let mut buffer = vec![0; BUFFER];
        loop {
            let left = deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
            self.socket.set_read_timeout(Some(left))?;
            match self.socket.recv_from(&mut buffer) {
                Ok((n, from)) => {
                    buffer.truncate(n);
                    buffer.shrink_to_fit();
                    return Ok(Some(Datagram { bytes: buffer, from }));
                }
                // The kernel says a passed timeout in two ways (socket(7): EAGAIN; Windows: WSAETIMEDOUT).
                Err(e) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {}
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) if self.peer.is_none() && is_refusal(&e) => {}
                Err(e) => return Err(e),
            }
            if Instant::now() >= deadline {
                return Ok(None);
            }
        }
    }

    fn order(&self) -> MutexGuard<'_, ()> {
        self.telling.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, began: Instant, limit: Duration, got: &io::Result<Option<Datagram>>, label: Option<Text>) {
        let Some(tap) = &self.tap else { return };
        let _told = self.order();
        let from = EndName::only(self.end.role.other());
        let msg = matches!(got, Ok(Some(_))).then(|| self.console.message(from, label));
        tap.event(Call::RecvFrom, began, |event| {
            event.asked = Some(BUFFER);
            event.evidence = evidence::udp(&SockRef::from(&self.socket));
            match (got, msg) {
                (Ok(Some(datagram)), Some(msg)) => {
                    event.peer = Some(datagram.from);
                    let len = datagram.bytes.len();
                    whole(event, &datagram.bytes, Span { msg, offset: 0, len, part: Part::Body });
                }
                (Err(e), _) => event.error = Some(errno::name(e)),
                _ => silent(event, began, limit),
            }
        });
    }
}

impl Drop for Datagrams<'_> {
    fn drop(&mut self) {
        if let Some(tap) = &self.tap {
            tap.event(Call::Close, Instant::now(), |event| event.returned = Some(0));
        }
    }
}

/// A datagram is a message, whole, even when it is empty.
fn whole(event: &mut Event, bytes: &[u8], span: Span) {
    event.bytes = bytes.to_vec();
    event.spans = vec![span];
    event.returned = Some(bytes.len());
    event.datagram_len = Some(bytes.len());
}

/// A socket of the address's family with room for the longest datagram: on macOS the send buffer is the limit, and at
/// first 9216 bytes. A system that refuses still sends the shorter ones.
fn make(family: SocketAddr, place: impl FnOnce(&Socket) -> io::Result<()>) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(family), Type::DGRAM, Some(Protocol::UDP))?;
    if socket.send_buffer_size().is_ok_and(|size| size < BUFFER) {
        let _ = socket.set_send_buffer_size(BUFFER);
    }
    place(&socket)?;
    Ok(socket.into())
}

/// True for the news that nobody listens at the address a datagram went to (ICMP port unreachable): ECONNREFUSED, on
/// Windows WSAECONNRESET.
pub fn is_refusal(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset)
}

/// True for a datagram that is longer than this system sends (EMSGSIZE).
pub fn is_too_long(error: &io::Error) -> bool {
    #[cfg(unix)]
    const TOO_LONG: i32 = libc::EMSGSIZE;
    #[cfg(windows)]
    const TOO_LONG: i32 = 10040; // WSAEMSGSIZE
    error.raw_os_error() == Some(TOO_LONG)
}

/// The most bytes that a datagram carries to this address: 65,535 less the headers that its length field counts
/// (RFC 768; with IPv4 the packet's own header too, RFC 791).
pub fn largest(to: SocketAddr) -> usize {
    match to.ip().to_canonical() {
        IpAddr::V4(_) => 65_535 - 20 - 8,
        IpAddr::V6(_) => 65_535 - 8,
    }
}

/// Nobody listens there.
pub fn refused(to: SocketAddr) -> Trouble {
    Trouble::peer("refused", crate::say!("{to}: nobody listens there", "{to}：那里没有人监听")).hint(Text::new(
        "start the server first; it prints its address. What was sent is lost",
        "请先启动服务器，它会打印自己的地址。已发出的内容丢失了",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::Format;
    use crate::output::Sink;
    use crate::render::Style;
    use std::net::{Ipv4Addr, Ipv6Addr};
    use std::sync::atomic::{AtomicBool, Ordering};

    const SOON: Duration = Duration::from_secs(20);

    fn console() -> Console {
        let sink = Sink::open(None).expect("standard output");
        Console::new(sink, &Style::plain(), Format::Text, false)
    }

    fn any_port(ip: IpAddr) -> SocketAddr {
        (ip, 0).into()
    }

    fn both_ways(ip: IpAddr) {
        let console = console();
        let server = Datagrams::bind(&console, any_port(ip)).expect("a port");
        let at = server.address().expect("an address");
        let client = Datagrams::open(&console, at).expect("a client");
        let longest = vec![b'x'; largest(at)];
        for bytes in [&b"hello"[..], b"", &longest] {
            client.send_to(bytes, at, None).expect("sent");
            let got = server.recv_from(SOON, None).expect("received").expect("a datagram");
            assert_eq!((got.bytes.len(), got.from), (bytes.len(), client.address().expect("an address")));
            server.send_to(&got.bytes, got.from, None).expect("answered");
            let back = client.recv_while(None, || true).expect("received").expect("an answer");
            assert_eq!((&back.bytes[..], back.from), (bytes, at));
        }
        let error = client.send_to(&vec![0; longest.len() + 1], at, None).expect_err("a byte too many");
        assert!(is_too_long(&error), "{error}");
    }

    #[test]
    fn datagrams_come_whole_the_empty_and_the_longest_too() {
        both_ways(Ipv4Addr::LOCALHOST.into());
        if UdpSocket::bind((Ipv6Addr::LOCALHOST, 0)).is_ok() {
            both_ways(Ipv6Addr::LOCALHOST.into());
        }
    }

    #[test]
    fn silence_is_not_an_error() {
        let console = console();
        let server = Datagrams::bind(&console, any_port(Ipv4Addr::LOCALHOST.into())).expect("a port");
        assert_eq!(server.recv_from(Duration::from_millis(5), None).expect("no error"), None);
        assert_eq!(server.recv_while(None, || false).expect("no error"), None);
    }

    #[test]
    fn a_wait_without_end_ends_when_it_is_woken() {
        let console = console();
        let server = Datagrams::bind(&console, any_port(Ipv4Addr::LOCALHOST.into())).expect("a port");
        let going = AtomicBool::new(true);
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| server.recv_while(None, || going.load(Ordering::Acquire)));
            going.store(false, Ordering::Release);
            server.wake();
            assert_eq!(waiting.join().expect("no panic").expect("no error"), None);
        });
    }

    #[test]
    fn a_client_hears_that_nobody_listens_and_a_server_does_not_mind() {
        let console = console();
        let server = Datagrams::bind(&console, any_port(Ipv4Addr::LOCALHOST.into())).expect("a port");
        let at = server.address().expect("an address");
        let gone = Datagrams::open(&console, at).expect("a client");
        let gone_to = gone.address().expect("an address");
        drop(gone);
        server.send_to(b"hello", gone_to, None).expect("sent all the same");
        let client = Datagrams::open(&console, at).expect("a client");
        client.send_to(b"hello", at, None).expect("sent");
        assert!(server.recv_from(SOON, None).expect("no error").is_some(), "the refusal is no end");
        drop(server);
        client.send_to(b"hello", at, None).expect("the refusal comes later");
        let error = client.recv_from(SOON, None).expect_err("nobody listens");
        assert!(is_refusal(&error), "{error}");
    }

    #[test]
    fn a_port_that_is_taken_is_this_machines_trouble() {
        let console = console();
        let server = Datagrams::bind(&console, any_port(Ipv4Addr::LOCALHOST.into())).expect("a port");
        let again = Datagrams::bind(&console, server.address().expect("an address"));
        assert_eq!(again.err().map(|trouble| trouble.exit), Some(crate::exit::Exit::NotHere));
    }
}
