//! A recorded socket of a scenario's end: it waits no longer than its stage does, and says its errors as scenarios do.

use super::allowance::TimeLeft;
use super::recorded::Recorded;
use super::{End, NetError, Result, barrier, statistics};
use crate::say;
use crate::sys::wait;
use crate::text::{Text, grouped};
use crate::trace::{Call, Event, Evidence, Fact, Proto, Recorder, Sink};
use socket2::Socket;
use std::io;
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::Duration;

/// A socket that belongs to an end. What is dropped is closed, and recorded.
pub(super) struct Staged {
    pub(super) end: End,
    recorded: Recorded<Arc<Recorder>>,
}

impl Deref for Staged {
    type Target = Recorded<Arc<Recorder>>;

    fn deref(&self) -> &Self::Target {
        &self.recorded
    }
}

impl DerefMut for Staged {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.recorded
    }
}

impl Staged {
    /// Makes a socket of the address's family.
    pub(super) fn open(end: &End, proto: Proto, family: SocketAddr) -> Result<Staged> {
        let recorded = Recorded::open(Arc::clone(&end.recorder), end.name, proto, family);
        let recorded = recorded.map_err(failed(Call::Bind, Some(family)))?;
        if proto == Proto::Tcp && end.linked() {
            plain_congestion_control(recorded.socket());
        }
        Ok(Staged { end: end.clone(), recorded })
    }

    /// Takes over a socket the kernel made (accept).
    pub(super) fn adopt(end: &End, socket: Socket, proto: Proto) -> Staged {
        let recorded = Recorded::adopt(Arc::clone(&end.recorder), end.name, proto, socket);
        Staged { end: end.clone(), recorded }
    }

    /// One call that moves no bytes, and its event.
    pub(super) fn plain(
        &self,
        call: Call,
        address: Option<SocketAddr>,
        make: impl FnOnce(&Socket) -> io::Result<()>,
    ) -> Result<()> {
        self.recorded.plain(call, address, make).map_err(failed(call, address))
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
            event.note = Some(Box::new(Text::new(name, name)));
        });
        noted.map(drop).map_err(failed(Call::SetSockOpt, None))
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
        self.recorded.bind(address).map_err(failed(Call::Bind, Some(address)))
    }

    /// Waits until `n` bytes are in the receive queue, or the peer is gone and more cannot come.
    pub(super) fn wait_queued(&self, n: usize) -> Result<()> {
        if self.end.settings.race {
            return Ok(());
        }
        let have = || statistics::queued(self.socket()).unwrap_or(0) as usize >= n;
        let gone = || barrier::peer_gone(self.socket(), Duration::ZERO) && self.proto == Proto::Tcp;
        let are = if n == 1 { "byte is" } else { "bytes are" };
        let bytes = grouped(n);
        let note = say!("until {bytes} {are} queued", "等到队列里有 {bytes} 字节");
        self.wait(Fact::Queued(n), note, || {
            if self.proto == Proto::Tcp {
                barrier::await_bytes(self.socket(), n, Duration::from_millis(20));
            }
            have() || gone()
        })
    }

    /// Waits for a fact about this socket and records what the kernel says when it is true.
    pub(super) fn wait(&self, fact: Fact, note: Text, mut seen: impl FnMut() -> bool) -> Result<()> {
        let patience = self.end.patience(self.proto);
        let mut event = Event::new(self.end.name, Call::Wait);
        event.t_us = self.end.recorder.now_us();
        let mut came = false;
        let _ = wait::until(patience.limit, || {
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
        event.note = Some(Box::new(note.clone()));
        if matches!(event.fact, Some(Fact::Queued(n)) if event.evidence.queued.is_some_and(|have| (have as usize) < n))
        {
            event.fact = Some(Fact::PeerGone);
        }
        self.end.recorder.push(event);
        match came {
            true => Ok(()),
            false if self.end.stage.abandoned() => Err(NetError::Abandoned),
            false => Err(patience.in_vain(note)),
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

    /// close(2): dropping does the same, and this reads like its neighbours.
    pub(super) fn close(self) -> Result<()> {
        drop(self);
        Ok(())
    }
}

/// A blocking call that ran into its timeout did not fail: its fact did not come about.
pub(super) fn in_vain(error: NetError, patience: TimeLeft, what: impl FnOnce() -> Text) -> NetError {
    match error.kind() {
        Some(io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => patience.in_vain(what()),
        _ => error,
    }
}

/// How a scenario says that a call failed.
pub(super) fn failed(call: Call, address: Option<SocketAddr>) -> impl FnOnce(io::Error) -> NetError {
    move |source| NetError::Call { call, address, source }
}

impl Drop for Staged {
    /// The close tells what the kernel said just before; of datagrams also how many nobody read.
    fn drop(&mut self) {
        let mut evidence = self.evidence();
        // What waits is for the run that begins again.
        if self.proto == Proto::Udp && !self.end.stage.awaits() {
            evidence.unread = unread(self.socket());
        }
        self.last_words(evidence);
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

/// Counts the datagrams nobody read, by taking them; only for a socket about to be closed.
fn unread(socket: &Socket) -> Option<u32> {
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
