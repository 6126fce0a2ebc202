//! UDP as the programs use it: whole datagrams, each a message of its own, waited for with a limit or until woken.

use super::connection::silent;
use super::console::Console;
use super::trouble::{Result, Trouble, cannot_listen};
use crate::net::recorded::{Arrival, Recorded};
use crate::net::waker::Waker;
use crate::net::{asked_at, barrier};
use crate::text::Text;
use crate::trace::{Call, EndName, Event, Handed, MsgId, Part, Proto, Role, Sink as _, Span};
use socket2::Socket;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// No datagram is longer: its length is a field of 16 bits (RFC 768). So none is ever cut here.
const BUFFER: usize = 64 << 10;

/// A datagram that arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// All of it; it may be empty.
    pub bytes: Vec<u8>,
    /// Who sent it.
    pub from: Correspondent,
}

/// Somebody who writes, and who hears answers only from where he wrote to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Correspondent {
    /// The address that stands on the datagram. Nothing proves that the sender has it.
    pub address: SocketAddr,
    /// Which of this machine's addresses was written to, where the socket hears several and the system tells.
    pub asked: Option<IpAddr>,
}

impl From<SocketAddr> for Correspondent {
    fn from(address: SocketAddr) -> Correspondent {
        Correspondent { address, asked: None }
    }
}

/// How long a receive call waits.
#[derive(Clone, Copy)]
pub(crate) enum Until<'w> {
    /// Until a datagram comes, or so much time has passed.
    Passed(Duration),
    /// Or another thread says that nobody wants it any more.
    Woken(&'w Waker),
}

impl Until<'_> {
    /// Waits until something can be read; false when it is not waited for any longer.
    fn wait(self, socket: &Socket, began: Instant) -> io::Result<bool> {
        match self {
            Until::Passed(limit) => Ok(barrier::readable(socket, limit.saturating_sub(began.elapsed()))),
            Until::Woken(waker) => waker.readable(socket),
        }
    }
}

/// A UDP socket. Several threads may send; one receives.
pub struct DatagramSocket<'a> {
    socket: Recorded<&'a Console>,
    end: EndName,
    /// The only peer, when the socket is connected.
    peer: Option<SocketAddr>,
    /// It hears at every address of this machine, and answers from the one that was asked.
    everywhere: bool,
    /// Held from a send until it has been told: another thread does not tell the answer first.
    telling: Mutex<()>,
}

impl<'a> DatagramSocket<'a> {
    /// A server's socket, which hears everybody.
    ///
    /// # Errors
    /// When the address cannot be had.
    pub fn bind(console: &'a Console, at: SocketAddr) -> Result<DatagramSocket<'a>> {
        let bound = DatagramSocket::make(console, Role::Server, at, None).and_then(|mut made| {
            made.everywhere = at.ip().to_canonical().is_unspecified();
            if made.everywhere {
                asked_at::tell(made.socket.socket(), at)?;
            }
            #[cfg(windows)]
            crate::sys::port::exclusive(made.socket.socket())?;
            made.socket.bind(at)?;
            Ok(made)
        });
        bound.map_err(|e| cannot_listen(at, &e))
    }

    /// A client's socket, connected: only then does the kernel report that nobody listens there (udp(7)), and only
    /// what comes from the server's address is received.
    ///
    /// # Errors
    /// When no way leads there.
    pub fn open(console: &'a Console, server: SocketAddr) -> Result<DatagramSocket<'a>> {
        let opened = DatagramSocket::make(console, Role::Client, server, Some(server)).and_then(|made| {
            made.socket.note_peer(server);
            made.socket.plain(Call::Connect, Some(server), |s| s.connect(&server.into()))?;
            made.socket.note_addresses();
            Ok(made)
        });
        opened.map_err(|e| Trouble::connect(server, &e))
    }

    /// A socket of the address's family with room for the longest datagram: on macOS the send buffer is the limit, and
    /// at first 9216 bytes. A system that refuses still sends the shorter ones.
    fn make(
        console: &'a Console,
        role: Role,
        family: SocketAddr,
        peer: Option<SocketAddr>,
    ) -> io::Result<DatagramSocket<'a>> {
        /// What poll(2) calls readable need not be there when it is read (select(2), BUGS).
        const SURELY: Duration = Duration::from_millis(10);
        let end = EndName::only(role);
        let recorded = Recorded::open(console, end, Proto::Udp, family)?;
        let socket = recorded.socket();
        if socket.send_buffer_size().is_ok_and(|size| size < BUFFER) {
            let _ = socket.set_send_buffer_size(BUFFER);
        }
        socket.set_read_timeout(Some(SURELY))?;
        Ok(DatagramSocket { socket: recorded, end, peer, everywhere: false, telling: Mutex::default() })
    }

    /// What it cannot do here: answer from the address that was asked.
    pub fn caveat(&self) -> Option<Text> {
        (self.everywhere && !asked_at::KNOWN).then(|| {
            Text::new(
                "on this system answers leave from the address that the route takes: who asks another does not hear them; --listen names one",
                "在这个系统上，响应从路由选定的地址发出：问的是别的地址的人收不到；请用 --listen 指定一个地址",
            )
        })
    }

    /// Its own address.
    pub fn address(&self) -> Option<SocketAddr> {
        self.socket.local()
    }

    /// sendto(2), on a connected socket send(2), which has one address only: one datagram, empty ones too. Who wrote is
    /// answered from where he wrote to. The label is for the reader of a trace. That it succeeds says nothing about
    /// arrival.
    ///
    /// # Errors
    /// What send says: [`is_refusal`] of an earlier datagram, [`is_too_long`], or that no way leads there.
    pub fn send_to(&self, bytes: &[u8], to: impl Into<Correspondent>, label: Option<Text>) -> io::Result<()> {
        let _told = self.order();
        let Correspondent { address, asked } = to.into();
        let call = if self.peer.is_some() { Call::Send } else { Call::SendTo };
        let send = |s: &Socket| match (self.peer, asked) {
            (Some(_), _) => s.send(bytes),
            (None, Some(from)) => asked_at::send(s, bytes, address, from),
            (None, None) => s.send_to(bytes, &address.into()),
        };
        let sent = self.socket.send((call, Some(self.peer.unwrap_or(address))), bytes, send, |event, _| {
            let msg = self.socket.sink().growing(self.end, label);
            event.handed = Some(Handed { msg, offset: 0 });
            event.datagram_len = event.returned;
            if event.returned.is_some() {
                whole(event, msg);
            }
        });
        sent.map(|_| ())
    }

    /// recvfrom(2): the next datagram; `None` when it was not waited for any longer. A socket that hears everybody goes
    /// on after a refusal, which belongs to some peer that has left; a connected one reports it.
    ///
    /// # Errors
    /// What recvfrom says; [`is_refusal`] on a connected socket when nobody listens there.
    pub(crate) fn recv_from(&self, until: Until, label: Option<Text>) -> io::Result<Option<Received>> {
        let began = Instant::now();
        loop {
            match (until.wait(self.socket.socket(), began)?, until) {
                (true, _) => {}
                (false, Until::Passed(limit)) => return self.silence(began, limit),
                (false, _) => return Ok(None),
            }
            let _told = self.order();
            match self.take(began, label.clone()) {
                Ok(Arrival { bytes, from, asked, .. }) => {
                    let Some(address) = from.or(self.peer) else { continue };
                    return Ok(Some(Received { bytes, from: Correspondent { address, asked } }));
                }
                // It was not there after all.
                Err(e) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {}
                Err(e) if self.peer.is_none() && is_refusal(&e) => {}
                Err(e) => return Err(e),
            }
        }
    }

    /// One call, entered when its caller began to wait.
    fn take(&self, began: Instant, label: Option<Text>) -> io::Result<Arrival> {
        let receive = |s: &Socket| match self.everywhere {
            true => asked_at::receive(s, BUFFER),
            false => Arrival::receive(s, BUFFER),
        };
        self.socket.recv_from(BUFFER, receive, |event, arrival| {
            event.t_us = self.socket.sink().micros(began);
            if arrival.is_ok() {
                let from = EndName::only(self.end.role.other());
                whole(event, self.socket.sink().growing(from, label));
            }
        })
    }

    /// A call that brought nothing for so long.
    fn silence(&self, began: Instant, limit: Duration) -> io::Result<Option<Received>> {
        let nothing = self.socket.recv_from(
            BUFFER,
            |_| Err(io::ErrorKind::TimedOut.into()),
            |event, _| {
                event.t_us = self.socket.sink().micros(began);
                silent(event, began, limit);
            },
        );
        drop(nothing);
        Ok(None)
    }

    fn order(&self) -> Option<MutexGuard<'_, ()>> {
        self.socket.sink().is_on().then(|| self.telling.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A datagram is a message, whole, even when it is empty.
fn whole(event: &mut Event, msg: MsgId) {
    event.spans = vec![Span { msg, offset: 0, len: event.bytes.len(), part: Part::Body }];
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
    use crate::output::Destination;
    use crate::render::Format;
    use crate::render::Style;
    use std::net::{Ipv4Addr, Ipv6Addr, UdpSocket};

    const SOON: Duration = Duration::from_secs(20);

    fn console() -> Console {
        let sink = Destination::open(None).expect("standard output");
        Console::new(sink, &Style::plain(), Format::Text, false)
    }

    fn any_port(ip: IpAddr) -> SocketAddr {
        (ip, 0).into()
    }

    fn both_ways(ip: IpAddr) {
        let console = console();
        let server = DatagramSocket::bind(&console, any_port(ip)).expect("a port");
        let at = server.address().expect("an address");
        let client = DatagramSocket::open(&console, at).expect("a client");
        let longest = vec![b'x'; largest(at)];
        for bytes in [&b"hello"[..], b"", &longest] {
            client.send_to(bytes, at, None).expect("sent");
            let got = server.recv_from(Until::Passed(SOON), None).expect("received").expect("a datagram");
            assert_eq!((got.bytes.len(), got.from.address), (bytes.len(), client.address().expect("an address")));
            server.send_to(&got.bytes, got.from, None).expect("answered");
            let back = client.recv_from(Until::Passed(SOON), None).expect("received").expect("an answer");
            assert_eq!((&back.bytes[..], back.from), (bytes, at.into()));
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
        let server = DatagramSocket::bind(&console, any_port(Ipv4Addr::LOCALHOST.into())).expect("a port");
        assert_eq!(server.recv_from(Until::Passed(Duration::from_millis(5)), None).expect("no error"), None);
    }

    #[test]
    fn a_wait_without_end_ends_when_it_is_woken() {
        let console = console();
        let server = DatagramSocket::bind(&console, any_port(Ipv4Addr::LOCALHOST.into())).expect("a port");
        let waker = Waker::new().expect("a loopback");
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| server.recv_from(Until::Woken(&waker), None));
            waker.wake();
            assert_eq!(waiting.join().expect("no panic").expect("no error"), None);
        });
        assert_eq!(server.recv_from(Until::Woken(&waker), None).expect("no error"), None, "woken once and for all");
    }

    #[test]
    fn a_client_hears_that_nobody_listens_and_a_server_does_not_mind() {
        let console = console();
        let server = DatagramSocket::bind(&console, any_port(Ipv4Addr::LOCALHOST.into())).expect("a port");
        let at = server.address().expect("an address");
        let gone = DatagramSocket::open(&console, at).expect("a client");
        let gone_to = gone.address().expect("an address");
        drop(gone);
        server.send_to(b"hello", gone_to, None).expect("sent all the same");
        let client = DatagramSocket::open(&console, at).expect("a client");
        client.send_to(b"hello", at, None).expect("sent");
        assert!(server.recv_from(Until::Passed(SOON), None).expect("no error").is_some(), "the refusal is no end");
        drop(server);
        client.send_to(b"hello", at, None).expect("the refusal comes later");
        let error = client.recv_from(Until::Passed(SOON), None).expect_err("nobody listens");
        assert!(is_refusal(&error), "{error}");
    }

    #[test]
    fn a_port_that_is_taken_is_this_machines_trouble() {
        let console = console();
        let server = DatagramSocket::bind(&console, any_port(Ipv4Addr::LOCALHOST.into())).expect("a port");
        let again = DatagramSocket::bind(&console, server.address().expect("an address"));
        assert_eq!(again.err().map(|trouble| trouble.exit), Some(crate::exit::Exit::NotHere));
    }
}
