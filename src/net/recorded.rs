//! The core of every recorded socket: one call, one event.

use super::{End, NetError, Result, barrier, evidence};
use crate::say;
use crate::sys::{errno, wait};
use crate::text::{Text, grouped};
use crate::trace::{Call, EndName, Event, Evidence, Fact, Proto, SockId};
use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use std::io;
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::ops::Deref;
use std::time::Duration;

/// A socket that belongs to an end and is known to its recorder.
pub(super) struct Recorded {
    pub(super) end: End,
    pub(super) socket: Held,
    pub(super) id: SockId,
    pub(super) proto: Proto,
    /// Segments of its handshake that were sent again, by a timer shorter than the round trip.
    pub(super) handshake: u64,
}

/// An open socket, until it is closed or handed to another process.
pub(super) struct Held(Option<Socket>);

impl Held {
    pub(super) fn take(&mut self) -> Option<Socket> {
        self.0.take()
    }
}

impl Deref for Held {
    type Target = Socket;

    fn deref(&self) -> &Socket {
        self.0.as_ref().expect("only a socket's end takes it out")
    }
}

/// What is dropped is closed, and recorded.
impl Drop for Recorded {
    fn drop(&mut self) {
        self.shut();
    }
}

impl Recorded {
    /// Makes a socket of the address's family.
    pub(super) fn open(end: &End, proto: Proto, family: SocketAddr) -> Result<Recorded> {
        let (kind, protocol) = match proto {
            Proto::Tcp => (Type::STREAM, Protocol::TCP),
            Proto::Udp => (Type::DGRAM, Protocol::UDP),
        };
        let socket = Socket::new(Domain::for_address(family), kind, Some(protocol))
            .map_err(|source| NetError::Call { call: Call::Bind, address: Some(family), source })?;
        if proto == Proto::Tcp && end.linked() {
            plain_congestion_control(&socket);
        }
        Ok(Recorded::adopt(end, socket, proto))
    }

    /// Takes over a socket the kernel made (accept).
    pub(super) fn adopt(end: &End, socket: Socket, proto: Proto) -> Recorded {
        let id = end.recorder.socket(end.name, proto);
        Recorded { end: end.clone(), socket: Held(Some(socket)), id, proto, handshake: 0 }
    }

    /// Tells the recorder the addresses the socket now has.
    pub(super) fn note_addresses(&self) {
        let address = |result: io::Result<SockAddr>| result.ok().and_then(|a| a.as_socket());
        self.end.recorder.addresses(self.id, address(self.socket.local_addr()), address(self.socket.peer_addr()));
    }

    pub(super) fn local(&self) -> Option<SocketAddr> {
        self.socket.local_addr().ok().and_then(|a| a.as_socket())
    }

    /// Makes one call and leaves one event, whatever the call returned. `fill` sees the event before it
    /// is recorded: what the call moved is told there.
    pub(super) fn call<T>(
        &self,
        call: Call,
        address: Option<SocketAddr>,
        make: impl FnOnce(&Socket) -> io::Result<T>,
        fill: impl FnOnce(&mut Event, std::result::Result<&T, &io::Error>),
    ) -> Result<T> {
        let mut event = Event::new(self.end.name, call);
        event.sock = Some(self.id);
        event.peer = address;
        event.t_us = self.end.recorder.now_us();
        let result = make(&self.socket);
        event.end_us = self.end.recorder.now_us();
        event.error = result.as_ref().err().map(errno::name);
        fill(&mut event, result.as_ref());
        self.end.recorder.push(event);
        result.map_err(|source| NetError::Call { call, address, source })
    }

    /// Sets an option and reads back what the kernel made of it.
    pub(super) fn set(
        &self,
        name: &'static str,
        asked: usize,
        set: impl FnOnce(&Socket) -> io::Result<()>,
        get: impl FnOnce(&Socket) -> io::Result<usize>,
    ) -> Result<()> {
        let made = |socket: &Socket| set(socket).and_then(|()| get(socket));
        let noted = self.call(Call::SetSockOpt, None, made, |event, result| {
            event.asked = Some(asked);
            event.returned = result.ok().copied();
            event.note = Some(Text::new(name, name));
        });
        noted.map(|_| ())
    }

    /// SO_SNDBUF and SO_RCVBUF in bytes, where asked for. Linux doubles what is asked and has limits
    /// (socket(7)); the event shows what it really is.
    pub(super) fn set_buffers(&self, sndbuf: Option<usize>, rcvbuf: Option<usize>) -> Result<()> {
        if let Some(bytes) = sndbuf {
            self.set("SO_SNDBUF", bytes, |s| s.set_send_buffer_size(bytes), Socket::send_buffer_size)?;
        }
        if let Some(bytes) = rcvbuf {
            self.set("SO_RCVBUF", bytes, |s| s.set_recv_buffer_size(bytes), Socket::recv_buffer_size)?;
        }
        Ok(())
    }

    pub(super) fn bind(&self, address: SocketAddr) -> Result<SocketAddr> {
        let make = |socket: &Socket| socket.bind(&address.into());
        self.call(Call::Bind, Some(address), make, |event, result| {
            event.returned = result.ok().map(|()| 0);
            // Of port 0 the kernel made a port.
            event.peer = result.ok().and_then(|()| self.local()).or(event.peer);
        })?;
        self.note_addresses();
        Ok(self.local().unwrap_or(address))
    }

    /// Waits until `n` bytes are in the receive queue, or the peer is gone and more cannot come.
    pub(super) fn wait_queued(&self, n: usize) -> Result<()> {
        if self.end.settings.race {
            return Ok(());
        }
        let have = || evidence::queued(&self.socket).unwrap_or(0) >= n as u64;
        let gone = || barrier::peer_gone(&self.socket, Duration::ZERO) && self.proto == Proto::Tcp;
        let are = if n == 1 { "byte is" } else { "bytes are" };
        let bytes = grouped(n);
        let note = say!("until {bytes} {are} queued", "等到队列里有 {bytes} 字节");
        self.wait(Fact::Queued(n), note, || {
            if self.proto == Proto::Tcp {
                barrier::await_bytes(&self.socket, n, Duration::from_millis(20));
            }
            have() || gone()
        })
    }

    /// Waits for a fact about this socket and records what the kernel says when it is true.
    pub(super) fn wait(&self, fact: Fact, note: Text, mut seen: impl FnMut() -> bool) -> Result<()> {
        let limit = self.end.limit(self.proto);
        let mut event = Event::new(self.end.name, Call::Wait);
        event.t_us = self.end.recorder.now_us();
        let mut came = false;
        let _ = wait::until(limit, || {
            came = seen();
            came || self.end.stage.abandoned()
        });
        event.end_us = self.end.recorder.now_us();
        event.sock = Some(self.id);
        // Drops go on while a wait for the first datagram ends: a count taken here would be an accident.
        event.evidence = if fact == Fact::Readable { Evidence::default() } else { self.evidence() };
        event.fact = Some(fact);
        event.error = (!came).then(|| "deadline".to_owned());
        event.returned = came.then_some(0);
        event.note = Some(note.clone());
        if matches!(event.fact, Some(Fact::Queued(n)) if event.evidence.queued.is_some_and(|have| have < n as u64)) {
            event.fact = Some(Fact::PeerGone);
        }
        self.end.recorder.push(event);
        match came {
            true => Ok(()),
            false if self.end.stage.abandoned() => Err(NetError::Abandoned),
            false => Err(NetError::Deadline { what: note, limit }),
        }
    }

    /// Records that the application took these bytes as one whole message.
    pub(super) fn deliver(&self, bytes: &[u8]) {
        let mut event = Event::new(self.end.name, Call::Deliver);
        event.t_us = self.end.recorder.now_us();
        event.end_us = event.t_us;
        event.sock = Some(self.id);
        event.returned = Some(bytes.len());
        event.bytes = bytes.to_vec();
        self.end.recorder.push(event);
    }

    /// Tells a lone end what the page's peer sends; with both ends recorded, the sends speak.
    pub(super) fn expect(&self, bytes: &[u8], header_len: usize, label: Option<Text>) {
        if self.end.alone() {
            self.end.recorder.expect(self.id, EndName::only(self.end.name.role.other()), bytes, header_len, label);
        }
    }

    /// close(2): dropping does the same, and this reads like its neighbours.
    pub(super) fn close(self) -> Result<()> {
        drop(self);
        Ok(())
    }

    /// close(2), with what the kernel said just before.
    fn shut(&mut self) {
        if self.socket.0.is_none() {
            return;
        }
        let mut event = Event::new(self.end.name, Call::Close);
        event.sock = Some(self.id);
        event.evidence = self.evidence();
        if self.proto == Proto::Udp {
            event.evidence.unread = unread(&self.socket);
        }
        event.t_us = self.end.recorder.now_us();
        drop(self.socket.take());
        event.end_us = self.end.recorder.now_us();
        event.returned = Some(0);
        self.end.recorder.push(event);
    }

    pub(super) fn evidence(&self) -> Evidence {
        match self.proto {
            Proto::Tcp => {
                let told = evidence::tcp(&self.socket);
                // The kernel counts the handshake's with those of data.
                let retransmissions = told.retransmissions.map(|n| n.saturating_sub(self.handshake));
                Evidence { retransmissions, ..told }
            }
            Proto::Udp => evidence::udp(&self.socket),
        }
    }

    /// A blocking call that ran into the socket's timeout did not fail: its fact did not come about.
    pub(super) fn deadline(&self, error: NetError, what: Text) -> NetError {
        match error.kind() {
            Some(io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                NetError::Deadline { what, limit: self.end.limit(self.proto) }
            }
            _ => error,
        }
    }
}

/// Congestion control that every Linux has: a machine's own may pace its segments (bbr does), and over a link
/// that would be seen. An accepted socket has its listener's (tcp(7), TCP_CONGESTION).
fn plain_congestion_control(socket: &Socket) {
    #[cfg(target_os = "linux")]
    let _ = socket.set_tcp_congestion(b"reno");
    #[cfg(not(target_os = "linux"))]
    let _ = socket;
}

/// Reads at most `size` bytes with the given call into a buffer of that size; the rest of the buffer is not kept.
pub(super) fn read_into(
    size: usize,
    read: impl FnOnce(&mut [MaybeUninit<u8>]) -> io::Result<usize>,
) -> io::Result<Vec<u8>> {
    let mut buffer: Vec<u8> = Vec::new();
    buffer.try_reserve_exact(size).map_err(|_| io::ErrorKind::OutOfMemory)?;
    let n = read(&mut buffer.spare_capacity_mut()[..size])?;
    let n = n.min(size);
    // SAFETY: socket2 promises that the first `n` bytes of the buffer were written, and `n` is at most
    // the capacity reserved above.
    unsafe { buffer.set_len(n) };
    buffer.shrink_to_fit();
    Ok(buffer)
}

/// Counts the datagrams nobody read, by taking them; only for a socket about to be closed.
fn unread(socket: &Socket) -> Option<u64> {
    socket.set_nonblocking(true).ok()?;
    let mut n = 0;
    // A truncated datagram is an error on Windows and counts all the same; a port-unreachable does not.
    loop {
        match socket.recv(&mut [MaybeUninit::uninit(); 1]) {
            Ok(_) => n += 1,
            Err(e) if e.raw_os_error() == Some(10040) && cfg!(windows) => n += 1,
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Some(n),
            Err(e) if matches!(e.kind(), io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset) => {}
            Err(_) => return None,
        }
    }
}
