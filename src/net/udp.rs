//! Recorded UDP sockets.

use super::recorded::Recorded;
use super::{End, NetError, Piece, Result, barrier, evidence};
use crate::text::Text;
use crate::trace::{Call, Event, Fact, Handed, Proto, Role};
use socket2::Socket;
use std::cell::Cell;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

/// A UDP socket: bound to the meeting point when a server opens it, to any port when a client does.
pub struct Udp {
    recorded: Recorded,
    nonblocking: Cell<bool>,
}

/// What one receive call brought.
struct Arrival {
    bytes: Vec<u8>,
    from: Option<SocketAddr>,
    truncated: bool,
    /// The datagram's true length in bytes, where the system tells.
    length: Option<usize>,
}

impl Udp {
    pub(super) fn open(end: &End) -> Result<Udp> {
        if end.name.role == Role::Client {
            let server = end.server_address()?;
            return Udp::at(end, end.any_port_for(server));
        }
        let socket = end.at_meeting_point(|address| Udp::at(end, address))?;
        if let Some(address) = socket.recorded.local() {
            end.stage.publish(address);
        }
        Ok(socket)
    }

    /// A socket bound to this address, with the learner's buffer sizes.
    ///
    /// # Errors
    /// What socket, setsockopt or bind say.
    pub fn at(end: &End, address: SocketAddr) -> Result<Udp> {
        let recorded = Recorded::open(end, Proto::Udp, address)?;
        recorded.set_buffers(end.settings.sndbuf, end.settings.rcvbuf)?;
        recorded.bind(address)?;
        let limit = Some(end.limit(Proto::Udp));
        let timeouts = recorded.socket.set_read_timeout(limit).and_then(|()| recorded.socket.set_write_timeout(limit));
        timeouts.map_err(|source| NetError::Call { call: Call::SetSockOpt, address: None, source })?;
        Ok(Udp { recorded, nonblocking: Cell::new(false) })
    }

    /// Its own address.
    pub fn address(&self) -> Option<SocketAddr> {
        self.recorded.local()
    }

    /// connect(2): fixes the peer, so that the kernel can report its refusals (udp(7)).
    ///
    /// # Errors
    /// What connect says.
    pub fn connect(&self, address: SocketAddr) -> Result<()> {
        let make = |s: &Socket| s.connect(&address.into());
        self.recorded.call(Call::Connect, Some(address), make, |event, result| {
            event.returned = result.ok().map(|()| 0);
        })?;
        self.recorded.note_addresses();
        Ok(())
    }

    /// sendto(2) of one datagram, a message of its own.
    ///
    /// # Errors
    /// What sendto says (`EMSGSIZE`, `ECONNREFUSED`).
    pub fn send_to(&self, bytes: &[u8], to: SocketAddr) -> Result<usize> {
        let message = self.recorded.end.message(bytes);
        self.send_part_to(message.whole(), to)
    }

    /// sendto(2) of a part of a message as one datagram.
    ///
    /// # Errors
    /// What sendto says.
    pub fn send_part_to(&self, piece: Piece<'_>, to: SocketAddr) -> Result<usize> {
        self.send_with(Call::SendTo, piece, Some(to), false, |s| s.send_to(piece.bytes, &to.into()))
    }

    /// sendto(2) with MSG_MORE: the kernel keeps the bytes, and the next send completes the datagram (udp(7), Linux).
    ///
    /// # Errors
    /// What sendto says.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub fn send_more_to(&self, piece: Piece<'_>, to: SocketAddr) -> Result<usize> {
        let send = |s: &Socket| s.send_to_with_flags(piece.bytes, &to.into(), libc::MSG_MORE);
        self.send_with(Call::SendTo, piece, Some(to), true, send)
    }

    /// send(2) on a connected socket, one datagram, a message of its own.
    ///
    /// # Errors
    /// What send says (`ECONNREFUSED` for an earlier datagram).
    pub fn send(&self, bytes: &[u8]) -> Result<usize> {
        let message = self.recorded.end.message(bytes);
        let peer = self.recorded.socket.peer_addr().ok().and_then(|a| a.as_socket());
        self.send_with(Call::Send, message.whole(), peer, false, |s| s.send(bytes))
    }

    fn send_with(
        &self,
        call: Call,
        piece: Piece<'_>,
        to: Option<SocketAddr>,
        more: bool,
        send: impl FnOnce(&Socket) -> io::Result<usize>,
    ) -> Result<usize> {
        self.recorded.call(call, to, send, |event, result| {
            event.asked = Some(piece.bytes.len());
            event.returned = result.ok().copied();
            event.handed = Some(Handed { msg: piece.msg, offset: piece.offset });
            event.bytes = piece.bytes[..event.returned.unwrap_or(0)].to_vec();
            event.note = more.then_some(Text::new("MSG_MORE", "MSG_MORE"));
            event.datagram_len = event.returned.filter(|_| !more);
        })
    }

    /// recvfrom(2) with a buffer of `size` bytes: one datagram, its tail cut off if it is longer.
    ///
    /// # Errors
    /// What recvfrom says (`ECONNREFUSED` on a connected socket, `WSAEMSGSIZE` for a cut datagram on
    /// Windows), or that nothing came in time.
    pub fn recv_from(&self, size: usize) -> Result<(Vec<u8>, SocketAddr)> {
        let received = self.recorded.call(
            Call::RecvFrom,
            None,
            |s| {
                // A datagram from an end that has failed will not come, nor one that the link lost.
                let end = &self.recorded.end;
                let come = || end.stage.readable(s, end.limit(Proto::Udp)).unwrap_or(false);
                let comes = self.nonblocking.get() || come();
                if comes { receive(s, size) } else { Err(io::ErrorKind::TimedOut.into()) }
            },
            |event, result| {
                event.asked = Some(size);
                event.evidence = evidence::udp(&self.recorded.socket);
                if let Ok(arrival) = result {
                    note_arrival(event, arrival);
                }
            },
        );
        let patient = |e: NetError| match e.kind() {
            Some(io::ErrorKind::TimedOut) if self.recorded.end.stage.abandoned() => NetError::Abandoned,
            _ => self.recorded.deadline(e, Text::new("a datagram", "数据报")),
        };
        let arrival = if self.nonblocking.get() { received } else { received.map_err(patient) }?;
        let nowhere = || NetError::Call {
            call: Call::RecvFrom,
            address: None,
            source: io::Error::from(io::ErrorKind::AddrNotAvailable),
        };
        let from = arrival.from.ok_or_else(nowhere)?;
        Ok((arrival.bytes, from))
    }

    /// recvfrom(2) on a non-blocking socket: `None` where nothing waits (the event says `EAGAIN`).
    ///
    /// # Errors
    /// What recvfrom says, other than that nothing waits.
    pub fn try_recv_from(&self, size: usize) -> Result<Option<(Vec<u8>, SocketAddr)>> {
        match self.recv_from(size) {
            Err(error) if self.nonblocking.get() && error.kind() == Some(io::ErrorKind::WouldBlock) => Ok(None),
            other => other.map(Some),
        }
    }

    /// Waits until a datagram can be read, or the refusal of one sent earlier (a pending error).
    ///
    /// # Errors
    /// When the deadline passes.
    pub fn wait_readable(&self) -> Result<()> {
        let note = Text::new("until something arrives", "等到有东西到达");
        self.recorded.wait(Fact::Readable, note, || barrier::readable(&self.recorded.socket, Duration::ZERO))
    }

    /// O_NONBLOCK (fcntl(2)).
    ///
    /// # Errors
    /// What the call says.
    pub fn set_nonblocking(&self, on: bool) -> Result<()> {
        self.nonblocking.set(on);
        let asked = usize::from(on);
        self.recorded.set("O_NONBLOCK", asked, |s| s.set_nonblocking(on), |_| Ok(asked))
    }

    /// Says what the page's peer sends next, for an end that runs alone.
    pub fn expect(&self, bytes: &[u8]) {
        self.recorded.expect(bytes, 0, None);
    }

    /// The same, with a name for the reader.
    pub fn expect_labelled(&self, bytes: &[u8], label: Text) {
        self.recorded.expect(bytes, 0, Some(label));
    }

    /// close(2); counts first what nobody read.
    ///
    /// # Errors
    /// None in practice; the result is there to read like its neighbours.
    pub fn close(self) -> Result<()> {
        self.recorded.close()
    }
}

fn note_arrival(event: &mut Event, arrival: &Arrival) {
    event.bytes.clone_from(&arrival.bytes);
    event.peer = arrival.from;
    event.truncated = arrival.truncated;
    event.datagram_len = arrival.length;
    event.returned = Some(arrival.bytes.len());
    if arrival.truncated && cfg!(windows) {
        // What recvfrom itself answers there; the first part is in the buffer all the same.
        event.returned = None;
        event.error = Some("WSAEMSGSIZE".into());
    }
}

/// One recvmsg. On Linux MSG_TRUNC makes it return the datagram's true length (recv(2)); the bytes
/// that a plain recvfrom would have returned are the first `size` of it.
fn receive(socket: &Socket, size: usize) -> io::Result<Arrival> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    const TELL_LENGTH: std::ffi::c_int = libc::MSG_TRUNC;
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    const TELL_LENGTH: std::ffi::c_int = 0;
    let mut buffer: Vec<u8> = Vec::with_capacity(size);
    let (n, flags, from) = {
        let space = &mut buffer.spare_capacity_mut()[..size];
        let mut parts = [socket2::MaybeUninitSlice::new(space)];
        socket.recv_from_vectored_with_flags(&mut parts, TELL_LENGTH)?
    };
    let kept = n.min(size);
    // SAFETY: recvmsg wrote the first min(n, size) bytes of the buffer, which has room for `size`.
    unsafe { buffer.set_len(kept) };
    buffer.shrink_to_fit();
    let truncated = flags.is_truncated();
    let length = if TELL_LENGTH != 0 { Some(n) } else { (!truncated).then_some(kept) };
    Ok(Arrival { bytes: buffer, from: from.as_socket(), truncated, length })
}
