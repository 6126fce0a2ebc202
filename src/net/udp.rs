//! Recorded UDP sockets.

use super::recorded::Arrival;
use super::staged::{Staged, failed, in_vain};
use super::{End, NetError, Piece, Result, barrier};
use crate::text::Text;
use crate::trace::{Call, Fact, Handed, Proto, Role};
use socket2::Socket;
use std::cell::Cell;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

impl End {
    /// Starts a UDP socket with the learner's options: at the meeting point, or anywhere.
    ///
    /// # Errors
    /// What socket, setsockopt or bind say.
    pub fn udp(&self) -> Result<Udp> {
        Udp::open(self)
    }
}

/// A UDP socket: bound to the meeting point when a server opens it, to any port when a client does.
pub struct Udp {
    recorded: Staged,
    nonblocking: Cell<bool>,
    /// How many bytes the kernel holds back of a datagram that is not complete (MSG_MORE).
    held: Cell<usize>,
}

impl Udp {
    pub(super) fn open(end: &End) -> Result<Udp> {
        if end.name.role == Role::Client {
            let server = end.server_address()?;
            return Udp::at(end, end.any_port_for(server));
        }
        if let Some(socket) = end.stage.kept() {
            return Udp::again(end, socket);
        }
        let socket = end.at_meeting_point(|address| Udp::at(end, address))?;
        if let Some(address) = socket.recorded.local() {
            end.stage.publish(address);
        }
        end.stage.keep(socket.recorded.socket());
        Ok(socket)
    }

    /// A lone server's run begins again, at the socket it had.
    fn again(end: &End, socket: Socket) -> Result<Udp> {
        let recorded = Staged::adopt(end, socket, Proto::Udp);
        recorded.socket().set_nonblocking(false).map_err(failed(Call::SetSockOpt, None))?;
        recorded.note_addresses();
        Ok(Udp { recorded, nonblocking: Cell::new(false), held: Cell::new(0) })
    }

    /// A socket bound to this address, with the learner's buffer sizes.
    ///
    /// # Errors
    /// What socket, setsockopt or bind say.
    pub fn at(end: &End, address: SocketAddr) -> Result<Udp> {
        let recorded = Staged::open(end, Proto::Udp, address)?;
        recorded.set_buffers(end.settings.sndbuf, end.settings.rcvbuf)?;
        recorded.bind(address)?;
        let limit = Some(end.patience(Proto::Udp).limit);
        let timeouts =
            recorded.socket().set_read_timeout(limit).and_then(|()| recorded.socket().set_write_timeout(limit));
        timeouts.map_err(failed(Call::SetSockOpt, None))?;
        Ok(Udp { recorded, nonblocking: Cell::new(false), held: Cell::new(0) })
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
        self.recorded.plain(Call::Connect, Some(address), |s| s.connect(&address.into()))?;
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
        self.send_with(Call::Send, message.whole(), self.recorded.peer(), false, |s| s.send(bytes))
    }

    fn send_with(
        &self,
        call: Call,
        piece: Piece<'_>,
        to: Option<SocketAddr>,
        more: bool,
        send: impl Fn(&Socket) -> io::Result<usize>,
    ) -> Result<usize> {
        let end = &self.recorded.end;
        end.stage.may_move(|| Text::new("room in the send buffer", "发送缓冲区腾出空间"))?;
        let sent = self.recorded.send((call, to), piece.bytes, send, |event, _| {
            event.handed = Some(Handed { msg: piece.msg, offset: piece.offset });
            event.note = more.then(|| Box::new(Text::new("MSG_MORE", "MSG_MORE")));
            let all = event.returned.map(|n| self.held.get() + n);
            event.datagram_len = all.filter(|_| !more);
            self.held.set(all.filter(|_| more).unwrap_or(0));
        });
        end.stage.moved(sent.as_ref().copied().unwrap_or(0));
        sent.map_err(failed(call, to))
    }

    /// recvfrom(2) with a buffer of `size` bytes: one datagram, its tail cut off if it is longer.
    ///
    /// # Errors
    /// What recvfrom says (`ECONNREFUSED` on a connected socket, `WSAEMSGSIZE` for a cut datagram on
    /// Windows), or that nothing came in time.
    pub fn recv_from(&self, size: usize) -> Result<(Vec<u8>, SocketAddr)> {
        let what = || Text::new("a datagram", "数据报");
        let end = &self.recorded.end;
        end.stage.may_move(what)?;
        let patience = end.patience(Proto::Udp);
        let receive = |s: &Socket| {
            // A datagram from an end that has failed will not come, nor one that the link lost.
            let come = || end.stage.readable(s, patience.limit).unwrap_or(false);
            let comes = self.nonblocking.get() || come();
            if comes { Arrival::receive(s, size) } else { Err(io::ErrorKind::TimedOut.into()) }
        };
        let received = self.recorded.recv_from(size, receive, |_, _| ()).map_err(failed(Call::RecvFrom, None));
        self.heard(&received)?;
        let patient = |e: NetError| match e.kind() {
            Some(io::ErrorKind::TimedOut) if end.stage.abandoned() => NetError::Abandoned,
            _ => in_vain(e, patience, what),
        };
        let arrival = if self.nonblocking.get() { received } else { received.map_err(patient) }?;
        let nowhere = || io::Error::from(io::ErrorKind::AddrNotAvailable);
        let from = arrival.from.ok_or_else(nowhere).map_err(failed(Call::RecvFrom, None))?;
        Ok((arrival.bytes, from))
    }

    /// What a receive call came to: with the first datagram somebody is there.
    fn heard(&self, received: &Result<Arrival>) -> Result<()> {
        let stage = &self.recorded.end.stage;
        stage.moved(received.as_ref().map_or(0, |arrival| arrival.bytes.len()));
        let Ok(arrival) = received else { return Ok(()) };
        stage.met();
        stage.heard(Some(&arrival.bytes))
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
        self.recorded.wait(Fact::Readable, note, || barrier::readable(self.recorded.socket(), Duration::ZERO))
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

    /// close(2); counts first what nobody read.
    ///
    /// # Errors
    /// None in practice; the result is there to read like its neighbours.
    pub fn close(self) -> Result<()> {
        self.recorded.close()
    }
}
