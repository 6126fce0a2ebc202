//! Recorded TCP sockets.

use super::allowance::TimeLeft;
use super::recorded::{read_into, restarted};
use super::staged::{Staged, failed, in_vain};
use super::{End, Holder, Outgoing, Piece, Result, Spoiled, barrier, statistics};
use crate::framing::Part;
use crate::framing::protocols::Source;
use crate::say;
use crate::sys::wait;
use crate::text::Text;
use crate::trace::{Call, Evidence, Fact, Handed, Proto, Sink};
use socket2::Socket;
use std::cell::Cell;
use std::io::{
    self,
    ErrorKind::{BrokenPipe, ConnectionReset},
};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

impl End {
    /// A TCP socket with the learner's options that listens where the other end finds it.
    ///
    /// # Errors
    /// What socket, setsockopt, bind or listen say.
    pub fn listen(&self) -> Result<Listener> {
        self.tcp().listen()
    }

    /// A TCP socket with the learner's options, connected to where the other end listens.
    ///
    /// # Errors
    /// What socket, setsockopt or connect say, or that nobody was there in time.
    pub fn connect(&self) -> Result<Conn> {
        self.tcp().connect()
    }

    /// Starts a TCP socket with the learner's options, to set others.
    pub fn tcp(&self) -> Tcp<'_> {
        Tcp::new(self)
    }
}

/// A TCP socket before it listens or connects, with the options it will have.
pub struct Tcp<'e> {
    end: &'e End,
    nodelay: Option<bool>,
    sndbuf: Option<usize>,
    rcvbuf: Option<usize>,
    mss: Option<u32>,
    reuse_address: bool,
    backlog: u32,
}

impl<'e> Tcp<'e> {
    pub(super) fn new(end: &'e End) -> Tcp<'e> {
        let chosen = end.settings();
        Tcp {
            end,
            nodelay: chosen.nodelay,
            sndbuf: chosen.sndbuf,
            rcvbuf: chosen.rcvbuf,
            mss: None,
            reuse_address: false,
            backlog: 128,
        }
    }

    /// TCP_MAXSEG in bytes, 88 to 32767 on Linux. It counts only before connect or listen (tcp(7)).
    /// Elsewhere nothing is set.
    #[must_use]
    pub fn mss(mut self, bytes: u32) -> Self {
        self.mss = Some(bytes);
        self
    }

    /// SO_REUSEADDR (socket(7)). Off unless a page sets it.
    #[must_use]
    pub fn reuse_address(mut self, on: bool) -> Self {
        self.reuse_address = on;
        self
    }

    /// How many connections may wait for accept (listen(2)): 128 unless a page sets it. Linux lets one more wait.
    #[must_use]
    pub fn backlog(mut self, connections: u32) -> Self {
        self.backlog = connections;
        self
    }

    /// SO_SNDBUF in bytes, unless the learner chose another.
    #[must_use]
    pub fn sndbuf(mut self, bytes: Option<usize>) -> Self {
        self.sndbuf = bytes;
        self
    }

    /// SO_RCVBUF in bytes, unless the learner chose another.
    #[must_use]
    pub fn rcvbuf(mut self, bytes: Option<usize>) -> Self {
        self.rcvbuf = bytes;
        self
    }

    /// TCP_NODELAY (tcp(7)), unless the learner chose otherwise.
    #[must_use]
    pub fn nodelay(mut self, on: bool) -> Self {
        self.nodelay = self.end.settings().nodelay.or(Some(on));
        self
    }

    /// socket, setsockopt, bind, listen: at the meeting point, where the other end finds it.
    ///
    /// # Errors
    /// What the calls say (`EADDRINUSE`, `EACCES`).
    pub fn listen(self) -> Result<Listener> {
        if let Some(socket) = self.end.stage.kept() {
            return self.listen_again(socket);
        }
        let listener = self.end.at_meeting_point(|address| self.listen_at(address))?;
        self.end.stage.publish(listener.address);
        self.end.stage.keep(listener.recorded.socket());
        Ok(listener)
    }

    /// A lone server's run begins again, and the other end comes to where it was before.
    fn listen_again(&self, socket: Socket) -> Result<Listener> {
        let recorded = Staged::adopt(self.end, socket, Proto::Tcp);
        let address = recorded.local().unwrap_or_else(|| self.end.bind_address());
        recorded.note_addresses();
        Listener::new(recorded, address, self.backlog)
    }

    /// The same at an address of the caller's, unknown to the other end.
    ///
    /// # Errors
    /// What the calls say.
    pub fn listen_at(&self, address: SocketAddr) -> Result<Listener> {
        let recorded = self.open(address)?;
        let address = recorded.bind(address)?;
        Listener::new(recorded, address, self.backlog)
    }

    /// socket, setsockopt, connect: to where the other end listens.
    ///
    /// # Errors
    /// What the calls say (`ECONNREFUSED`, `ETIMEDOUT`), or that nobody was there in time.
    pub fn connect(self) -> Result<Conn> {
        let address = self.end.server_address()?;
        self.connect_to(address)
    }

    /// The same to an address of the caller's.
    ///
    /// # Errors
    /// What the calls say.
    pub fn connect_to(self, address: SocketAddr) -> Result<Conn> {
        let recorded = self.open(address)?;
        let patience = self.end.stage.patience();
        // Between two ends on loopback the answer comes at once, and a plain connect is what the page has;
        // elsewhere, and from a listener whose queue is full, silence would last for minutes.
        let soon = address.ip().is_loopback() && !self.end.alone();
        let made = recorded.plain(Call::Connect, Some(address), |s| match soon {
            true => s.connect(&address.into()),
            false => s.connect_timeout(&address.into(), patience.limit),
        });
        made.map_err(|e| in_vain(e, patience, || say!("an answer from {address}", "{address} 的响应")))?;
        self.end.stage.met();
        Conn::new(recorded)
    }

    /// The same as [`connect`](Tcp::connect) for a program that waits no longer than this for the answer (SO_SNDTIMEO,
    /// in milliseconds). On Linux connect says EINPROGRESS then, and the kernel goes on asking (socket(7)).
    ///
    /// # Errors
    /// What the calls say.
    pub fn connect_within(self, limit: Duration) -> Result<Conn> {
        let address = self.end.server_address()?;
        let recorded = self.open(address)?;
        let ms = limit.as_millis() as usize;
        recorded.set("SO_SNDTIMEO", ms, |s| s.set_write_timeout(Some(limit)), |_| Ok(ms))?;
        recorded.plain(Call::Connect, Some(address), |s| s.connect(&address.into()))?;
        Conn::new(recorded)
    }

    fn open(&self, family: SocketAddr) -> Result<Staged> {
        let recorded = Staged::open(self.end, Proto::Tcp, family)?;
        if self.reuse_address {
            recorded.set("SO_REUSEADDR", 1, |s| s.set_reuse_address(true), |s| s.reuse_address().map(usize::from))?;
        }
        recorded.set_buffers(self.sndbuf, self.rcvbuf)?;
        // BSD systems refuse a size above the one they start with (512), so there is nothing to be set.
        #[cfg(any(target_os = "linux", target_os = "android"))]
        if let Some(mss) = self.mss {
            recorded.set("TCP_MAXSEG", mss as usize, |s| s.set_tcp_mss(mss), |_| Ok(mss as usize))?;
        }
        if let Some(on) = self.nodelay {
            set_nodelay(&recorded, on)?;
        }
        Ok(recorded)
    }
}

fn set_nodelay(recorded: &Staged, on: bool) -> Result<()> {
    let asked = usize::from(on);
    recorded.set("TCP_NODELAY", asked, |s| s.set_tcp_nodelay(on), |s| s.tcp_nodelay().map(usize::from))
}

/// MSG_WAITALL, recv(2).
#[cfg(unix)]
const WAITALL: i32 = libc::MSG_WAITALL;
#[cfg(windows)]
const WAITALL: i32 = windows_sys::Win32::Networking::WinSock::MSG_WAITALL as i32;

/// A listening socket.
pub struct Listener {
    recorded: Staged,
    address: SocketAddr,
}

impl Listener {
    fn new(recorded: Staged, address: SocketAddr, backlog: u32) -> Result<Listener> {
        let backlog = i32::try_from(backlog).unwrap_or(i32::MAX);
        recorded.plain(Call::Listen, Some(address), |s| s.listen(backlog))?;
        Ok(Listener { recorded, address })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// accept(2): waits for the next connection.
    ///
    /// # Errors
    /// What accept says, or that nobody came in time.
    pub fn accept(&self) -> Result<Conn> {
        self.accept_as(&self.recorded.end)
    }

    /// The same, the connection belonging to another end (a server's worker).
    ///
    /// # Errors
    /// What accept says, or that nobody came in time.
    pub fn accept_as(&self, end: &End) -> Result<Conn> {
        let stage = &self.recorded.end.stage;
        let patience = stage.patience();
        let entered = end.recorder.now_us();
        // Somebody may always be there already: the time counts all the same.
        if patience.limit.is_zero() || !stage.readable(self.recorded.socket(), patience.limit)? {
            return Err(patience.in_vain(Text::new("a client to connect", "客户端来连接")));
        }
        let accepted = restarted(|| self.recorded.socket().accept());
        let (socket, _) = accepted.map_err(failed(Call::Accept, Some(self.address)))?;
        stage.met();
        let recorded = Staged::adopt(end, socket, Proto::Tcp);
        let told = recorded.call(
            Call::Accept,
            recorded.peer(),
            |_| Ok(()),
            |event, _| {
                event.t_us = entered;
                event.returned = Some(0);
            },
        );
        told.map_err(failed(Call::Accept, Some(self.address)))?;
        let conn = Conn::new(recorded)?;
        if let Some(on) = conn.recorded.end.settings.nodelay {
            set_nodelay(&conn.recorded, on)?;
        }
        Ok(conn)
    }

    /// Waits until so many connections are complete and wait for accept. Linux counts them (`tcpi_unacked` of a
    /// listening socket); elsewhere it returns at once.
    ///
    /// # Errors
    /// When the deadline passes.
    pub fn wait_waiting(&self, n: u32) -> Result<()> {
        if !cfg!(any(target_os = "linux", target_os = "android")) || !statistics::counts_segments() {
            return Ok(());
        }
        let note = match n {
            1 => Text::new("until 1 connection waits for accept", "等到有 1 个连接在等待 accept"),
            _ => say!("until {n} connections wait for accept", "等到有 {n} 个连接在等待 accept"),
        };
        let waiting = || statistics::tcp(self.recorded.socket()).unacked.is_some_and(|waiting| waiting >= n);
        self.recorded.wait(Fact::Readable, note, waiting)
    }

    /// close(2).
    ///
    /// # Errors
    /// None in practice; the result is there to read like its neighbours.
    pub fn close(self) -> Result<()> {
        self.recorded.close()
    }

    /// close(2), and returns when the kernel really has stopped listening, where the system can tell
    /// (see [`barrier::somebody_listens`]): for a scenario that binds the same address next.
    ///
    /// # Errors
    /// When the deadline passes.
    pub fn close_for_good(self) -> Result<()> {
        let (address, patience) = (self.address, self.recorded.end.stage.patience());
        self.recorded.close()?;
        if wait::until(patience.limit, || !barrier::somebody_listens(address)) {
            return Ok(());
        }
        Err(patience.in_vain(say!("{address} to be given back", "{address} 被归还")))
    }
}

/// What the documents' protocols read from. A call's failure is inside the error, whole.
impl Source for &Conn {
    fn recv(&mut self, buffer: &mut [u8], _: Part) -> io::Result<usize> {
        let bytes = Conn::recv(self, buffer.len()).map_err(io::Error::other)?;
        buffer[..bytes.len()].copy_from_slice(&bytes);
        Ok(bytes.len())
    }

    fn recv_within(&mut self, buffer: &mut [u8], part: Part, quiet: Duration) -> io::Result<Option<usize>> {
        match barrier::readable(self.recorded.socket(), quiet) {
            true => Source::recv(self, buffer, part).map(Some),
            false => Ok(None),
        }
    }

    /// The sender has declared it.
    fn incoming(&mut self, _: Text) {}
}

/// One side of a TCP connection.
pub struct Conn {
    recorded: Staged,
    nonblocking: Cell<bool>,
}

impl Conn {
    fn new(mut recorded: Staged) -> Result<Conn> {
        recorded.note_addresses();
        // Only where a round trip can outlast the handshake's timer: asking locks the socket, and a segment that finds
        // it locked is acknowledged a little later, which the sender's Nagle algorithm would feel.
        if recorded.end.linked() {
            recorded.handshake = recorded.evidence().retransmissions.unwrap_or(0);
        }
        let limit = Some(recorded.end.stage.allowed().wait);
        let timeouts =
            recorded.socket().set_read_timeout(limit).and_then(|()| recorded.socket().set_write_timeout(limit));
        timeouts.map_err(failed(Call::SetSockOpt, None))?;
        Ok(Conn { recorded, nonblocking: Cell::new(false) })
    }

    /// send(2) of a message of its own; returns how many bytes the kernel took.
    ///
    /// # Errors
    /// What send says (`EPIPE`, `ECONNRESET`; `EAGAIN` when non-blocking).
    pub fn send(&self, bytes: &[u8]) -> Result<usize> {
        let message = self.recorded.end.message(bytes);
        self.send_part(message.whole())
    }

    /// send(2) of a part of a message; returns how many bytes the kernel took.
    ///
    /// # Errors
    /// What send says, or that a blocking one was not done in time.
    pub fn send_part(&self, piece: Piece<'_>) -> Result<usize> {
        let what = || Text::new("room in the send buffer", "发送缓冲区腾出空间");
        let patience = self.may_move(what)?;
        let began = Instant::now();
        let sent = self.recorded.send(
            (Call::Send, None),
            piece.bytes,
            |s| s.send(piece.bytes),
            |event, _| {
                event.handed = Some(Handed { msg: piece.msg, offset: piece.offset });
            },
        );
        let sent = sent.map_err(failed(Call::Send, None));
        let stage = &self.recorded.end.stage;
        stage.moved(sent.as_ref().copied().unwrap_or(0));
        if sent.as_ref().is_err_and(|e| matches!(e.kind(), Some(ConnectionReset | BrokenPipe))) {
            stage.heard(None)?;
        }
        if self.nonblocking.get() {
            return sent;
        }
        match sent {
            // It is our own timeout (SO_SNDTIMEO, counted in the kernel's ticks) that lets a blocking send
            // return with a part, not the kernel.
            Ok(n) if n < piece.bytes.len() && began.elapsed() >= patience.limit * 9 / 10 => {
                Err(patience.in_vain(what()))
            }
            Ok(n) => Ok(n),
            Err(error) => Err(in_vain(error, patience, what)),
        }
    }

    /// May another call move data, and for how long? A lone end's run has an end, whatever its peer does: its sends
    /// wait no longer than that.
    fn may_move(&self, what: impl FnOnce() -> Text) -> Result<TimeLeft> {
        let stage = &self.recorded.end.stage;
        let patience = stage.may_move(what)?;
        if stage.alone() && !self.nonblocking.get() {
            let limited = self.recorded.socket().set_write_timeout(Some(patience.limit));
            limited.map_err(failed(Call::SetSockOpt, None))?;
        }
        Ok(patience)
    }

    /// What Python's sendall does: send until every byte of the part is taken.
    ///
    /// # Errors
    /// What send says.
    pub fn send_all(&self, piece: Piece<'_>) -> Result<()> {
        let mut taken = 0;
        while taken < piece.bytes.len() {
            let rest = Piece { offset: piece.offset + taken, bytes: &piece.bytes[taken..], ..piece };
            taken += self.send_part(rest)?;
        }
        Ok(())
    }

    /// A whole message, header and body together.
    ///
    /// # Errors
    /// What send says.
    pub fn send_message(&self, message: &Outgoing) -> Result<()> {
        self.send_all(message.whole())
    }

    /// recv(2) with a buffer of `size` bytes: what is there, at most `size`; empty at end of stream.
    ///
    /// # Errors
    /// What recv says (`ECONNRESET`; `EAGAIN` when non-blocking), or that nothing came in time.
    pub fn recv(&self, size: usize) -> Result<Vec<u8>> {
        self.receive(size, 0)
    }

    /// The same with MSG_WAITALL: waits for all `size` bytes. Less comes when the stream ends, or an error, a signal or a
    /// timeout is first (recv(2), socket(7)).
    ///
    /// # Errors
    /// As [`recv`](Conn::recv).
    pub fn recv_waitall(&self, size: usize) -> Result<Vec<u8>> {
        self.receive(size, WAITALL)
    }

    fn receive(&self, size: usize, flags: i32) -> Result<Vec<u8>> {
        let what = || say!("bytes to receive (recv({size}))", "可接收的字节（recv({size})）");
        let stage = &self.recorded.end.stage;
        let patience = stage.may_move(what)?;
        // Between two ends here the socket's own timeout will do; a peer of a lone one may take its time again and again.
        let waits = stage.alone() && !self.nonblocking.get();
        let read = |s: &Socket| match waits && !barrier::readable(s, patience.limit) {
            true => Err(io::ErrorKind::WouldBlock.into()),
            false => read_into(size, |buffer| s.recv_with_flags(buffer, flags)),
        };
        let received = self.recorded.recv(size, read, |event, _| {
            event.note = (flags == WAITALL).then(|| Box::new(Text::same("MSG_WAITALL")));
        });
        let received = received.map_err(failed(Call::Recv, None));
        self.heard(&received)?;
        if self.nonblocking.get() { received } else { received.map_err(|e| in_vain(e, patience, what)) }
    }

    /// What a receive call came to: a peer that goes before it has said anything was none.
    fn heard(&self, received: &Result<Vec<u8>>) -> Result<()> {
        let stage = &self.recorded.end.stage;
        stage.moved(received.as_ref().map_or(0, Vec::len));
        match received {
            Ok(bytes) => stage.heard((!bytes.is_empty()).then_some(bytes)),
            Err(error) if error.kind() == Some(ConnectionReset) => stage.heard(None),
            Err(_) => Ok(()),
        }
    }

    /// Reads until exactly `size` bytes are there, at most `at_once` in one call and never more than what
    /// remains: the loop that every framing needs. Ends early only at end of stream, which the shorter
    /// result shows.
    ///
    /// # Errors
    /// What recv says.
    pub fn recv_exact(&self, size: usize, at_once: usize) -> Result<Vec<u8>> {
        let mut whole = Vec::with_capacity(size.min(1 << 16));
        while whole.len() < size {
            let piece = self.recv(at_once.min(size - whole.len()))?;
            if piece.is_empty() {
                break;
            }
            whole.extend_from_slice(&piece);
        }
        Ok(whole)
    }

    /// Reads to the end of the stream, at most `at_once` bytes in one call.
    ///
    /// # Errors
    /// What recv says.
    pub fn recv_to_end(&self, at_once: usize) -> Result<()> {
        while !self.recv(at_once)?.is_empty() {}
        Ok(())
    }

    /// Was its SYN, or the answer to it, sent again? Over a link whose round trip is longer than the timer of the
    /// handshake (1 s: RFC 6298 §2) it is, and then the kernel begins with one segment at a time (RFC 5681 §3.1).
    pub fn handshake_was_repeated(&self) -> bool {
        self.recorded.handshake > 0
    }

    /// An end's answer when the scheduler spoiled the run; the reason. The connection is reset, which tells the other
    /// end, in whatever process, that another one follows.
    pub fn spoiled(self, en: &'static str, zh: &'static str) -> anyhow::Error {
        self.set_linger_zero().map_or_else(Into::into, |()| Spoiled(Text::new(en, zh)).into())
    }

    /// Hands these bytes on as one whole message: what the application believes it received.
    pub fn deliver(&self, bytes: &[u8]) {
        self.recorded.deliver(bytes);
    }

    /// Waits until `n` bytes are in the receive queue (FIONREAD). With `--race` nobody waits.
    ///
    /// # Errors
    /// When the deadline passes.
    pub fn wait_queued(&self, n: usize) -> Result<()> {
        self.recorded.wait_queued(n)
    }

    /// Waits until every byte sent so far is acknowledged by the peer's kernel, so that the segment
    /// count is final. Where the system cannot tell, returns at once.
    ///
    /// # Errors
    /// When the deadline passes.
    pub fn wait_acked(&self) -> Result<()> {
        let acknowledged = || statistics::acknowledged(self.recorded.socket());
        if acknowledged().is_none() {
            return Ok(());
        }
        let quiet = || acknowledged().unwrap_or(true);
        self.recorded.wait(Fact::Acked, Text::new("until all is acknowledged", "等到全部被确认"), quiet)
    }

    /// Waits until the peer has closed its side or reset the connection.
    ///
    /// # Errors
    /// When the deadline passes.
    pub fn wait_peer_gone(&self) -> Result<()> {
        let gone = || barrier::peer_gone(self.recorded.socket(), Duration::ZERO);
        self.recorded.wait(Fact::PeerGone, Text::new("until the peer is gone", "等到对端离开"), gone)
    }

    /// Waits until nothing moves any more: all that was sent is acknowledged, and the rest, if there is
    /// any, finds the peer's window closed. Where the system cannot tell, returns at once.
    ///
    /// # Errors
    /// When the deadline passes.
    pub fn wait_standstill(&self) -> Result<()> {
        if !statistics::tells_unsent() {
            return Ok(());
        }
        let still = || {
            let now = statistics::tcp(self.recorded.socket());
            now.unacked == Some(0) && (now.unsent == Some(0) || now.peer_window.is_none_or(|window| window == 0))
        };
        self.recorded.wait(Fact::Acked, Text::new("until nothing moves any more", "等到不再有数据流动"), still)
    }

    /// Waits until the kernel has probed the peer's closed window `n` times (RFC 9293 §3.8.6.1), or until all is
    /// acknowledged and there is nothing to probe for. Where the system cannot tell, returns at once.
    ///
    /// # Errors
    /// When the deadline passes.
    pub fn wait_probed(&self, n: u64) -> Result<()> {
        if !statistics::tells_unsent() {
            return Ok(());
        }
        let probed = || {
            let now = statistics::tcp(self.recorded.socket());
            now.unacked == Some(0) && (now.unsent == Some(0) || now.backoff.is_none_or(|probes| u64::from(probes) >= n))
        };
        let note = say!("until the window was probed {n} times", "等到窗口被探测 {n} 次");
        self.recorded.wait(Fact::Acked, note, probed)
    }

    /// O_NONBLOCK (fcntl(2)), as `setblocking(False)` in Python.
    ///
    /// # Errors
    /// What the call says.
    pub fn set_nonblocking(&self, on: bool) -> Result<()> {
        self.nonblocking.set(on);
        let asked = usize::from(on);
        self.recorded.set("O_NONBLOCK", asked, |s| s.set_nonblocking(on), |_| Ok(asked))
    }

    /// Can a program delay its acknowledgements here?
    pub const SETS_ACKS: bool = cfg!(any(target_os = "linux", target_os = "android"));

    /// TCP_QUICKACK (tcp(7), Linux): false delays the next acknowledgements. Not permanent: to be set again each round.
    /// Elsewhere nothing is set, and the result is false.
    ///
    /// # Errors
    /// What setsockopt says.
    pub fn set_quickack(&self, on: bool) -> Result<bool> {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        {
            let asked = usize::from(on);
            let get = |s: &Socket| s.tcp_quickack().map(usize::from);
            self.recorded.set("TCP_QUICKACK", asked, |s| s.set_tcp_quickack(on), get)?;
            Ok(true)
        }
        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        {
            let _ = on;
            Ok(false)
        }
    }

    /// TCP_QUICKACK 1 to have an ACK that is being delayed sent in this very call, as it is when all that
    /// arrived has been read; tells whether one left, and records the kernel's count. Elsewhere than on Linux
    /// nothing is set, and none does.
    ///
    /// # Errors
    /// What setsockopt says.
    pub fn acknowledge_now(&self) -> Result<bool> {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        {
            let before = self.evidence().acks_out;
            let set = |s: &Socket| s.set_tcp_quickack(true);
            let told = self.recorded.call(Call::SetSockOpt, None, set, |event, result| {
                event.asked = Some(1);
                event.returned = result.ok().map(|()| 1);
                event.note = Some(Box::new(Text::new("TCP_QUICKACK", "TCP_QUICKACK")));
                event.evidence = self.evidence();
            });
            told.map_err(failed(Call::SetSockOpt, None))?;
            Ok(self.evidence().acks_out > before)
        }
        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        Ok(false)
    }

    /// SO_LINGER with zero seconds: close resets the connection instead of ending it (socket(7)).
    ///
    /// # Errors
    /// What setsockopt says.
    pub fn set_linger_zero(&self) -> Result<()> {
        self.recorded.set("SO_LINGER", 0, |s| s.set_linger(Some(Duration::ZERO)), |_| Ok(0))
    }

    /// shutdown(2) of the sending side: the peer reads what is left, then end of stream.
    ///
    /// # Errors
    /// What shutdown says.
    pub fn shutdown_write(&self) -> Result<()> {
        self.recorded.shutdown_write().map_err(failed(Call::Shutdown, None))
    }

    /// What the kernel says about the connection now.
    pub fn evidence(&self) -> Evidence {
        statistics::tcp(self.recorded.socket())
    }

    /// Its own address and the peer's.
    pub fn addresses(&self) -> Option<(SocketAddr, SocketAddr)> {
        Some((self.recorded.local()?, self.recorded.peer()?))
    }

    /// Makes another process the only holder of the connection, so that it can be killed. Only on Unix.
    ///
    /// # Errors
    /// When the process cannot be started.
    pub fn hand_over(self) -> Result<Holder> {
        Holder::start(self.recorded)
    }

    /// close(2). With unread bytes in the queue it resets the connection (RFC 2525 §2.17).
    ///
    /// # Errors
    /// None in practice; the result is there to read like its neighbours.
    pub fn close(self) -> Result<()> {
        self.recorded.close()
    }
}
