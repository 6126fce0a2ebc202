//! The core of every socket here: one call, one event, into any sink. What differs from one user to the next (how
//! long it waits, who wakes it, how it says its errors) is built on top.

use super::statistics;
use crate::sys::errno;
use crate::text::Text;
use crate::trace::{Call, EndName, Event, Evidence, Proto, Sink, SockId};
use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use std::io;
use std::mem::MaybeUninit;
use std::net::{IpAddr, SocketAddr};
use std::ops::Deref;

/// A socket that tells a sink about each of its calls, and about its end. With a sink that is not on it is a plain
/// socket.
pub(crate) struct Recorded<S: Deref<Target: Sink>> {
    // Dropped in this order: the descriptor is closed first, and the close is told then.
    socket: Socket,
    close: Close<S>,
    end: EndName,
    pub(super) id: SockId,
    pub(super) proto: Proto,
    /// Segments of its handshake that were sent again, by a timer shorter than the round trip.
    pub(super) handshake: u32,
}

/// Tells the sink that the socket is closed.
struct Close<S: Deref<Target: Sink>> {
    sink: S,
    /// The close as entered; `None` when nobody wants events, or somebody else holds the socket.
    event: Option<Event>,
}

impl<S: Deref<Target: Sink>> Recorded<S> {
    /// Makes a socket of the address's family.
    ///
    /// # Errors
    /// What socket says.
    pub(crate) fn open(sink: S, end: EndName, proto: Proto, family: SocketAddr) -> io::Result<Recorded<S>> {
        let (kind, protocol) = match proto {
            Proto::Tcp => (Type::STREAM, Protocol::TCP),
            Proto::Udp => (Type::DGRAM, Protocol::UDP),
        };
        let socket = Socket::new(Domain::for_address(family), kind, Some(protocol))?;
        Ok(Recorded::adopt(sink, end, proto, socket))
    }

    /// Takes over a socket the kernel made (accept).
    pub(crate) fn adopt(sink: S, end: EndName, proto: Proto, socket: Socket) -> Recorded<S> {
        let id = sink.socket(end, proto);
        let event = sink.is_on().then(|| {
            let mut event = Event::new(end, Call::Close);
            event.sock = Some(id);
            event.returned = Some(0);
            event
        });
        Recorded { socket, close: Close { sink, event }, end, id, proto, handshake: 0 }
    }

    /// The socket itself, for what is no call of the program's.
    pub(crate) fn socket(&self) -> &Socket {
        &self.socket
    }

    /// Where its events go.
    pub(crate) fn sink(&self) -> &S::Target {
        &self.close.sink
    }

    /// Its own address.
    pub(crate) fn local(&self) -> Option<SocketAddr> {
        address(self.socket.local_addr())
    }

    /// The other end's address.
    pub(crate) fn peer(&self) -> Option<SocketAddr> {
        address(self.socket.peer_addr())
    }

    /// Tells the sink the addresses the socket now has.
    pub(crate) fn note_addresses(&self) {
        if self.sink().is_on() {
            self.sink().addresses(self.id, self.local(), self.peer());
        }
    }

    /// Tells the sink where it is about to connect.
    pub(crate) fn note_peer(&self, peer: SocketAddr) {
        if self.sink().is_on() {
            self.sink().addresses(self.id, None, Some(peer));
        }
    }

    /// What the kernel says about it now.
    pub(crate) fn evidence(&self) -> Evidence {
        match self.proto {
            Proto::Tcp => {
                let told = statistics::tcp(&self.socket);
                // The kernel counts the handshake's with those of data.
                let retransmissions = told.retransmissions.map(|n| n.saturating_sub(self.handshake));
                Evidence { retransmissions, ..told }
            }
            Proto::Udp => statistics::udp(&self.socket),
        }
    }

    /// Makes one call and leaves one event, whatever the call returned. `fill` sees the event before it
    /// is recorded: what the call moved is told there.
    ///
    /// # Errors
    /// What the call says.
    pub(crate) fn call<T>(
        &self,
        call: Call,
        peer: Option<SocketAddr>,
        make: impl FnOnce(&Socket) -> io::Result<T>,
        fill: impl FnOnce(&mut Event, Result<&T, &io::Error>),
    ) -> io::Result<T> {
        let sink = self.sink();
        if !sink.is_on() {
            return make(&self.socket);
        }
        let mut event = Event::new(self.end, call);
        event.sock = Some(self.id);
        event.peer = peer;
        event.t_us = sink.now_us();
        let result = make(&self.socket);
        event.end_us = sink.now_us();
        event.error = result.as_ref().err().map(errno::name);
        fill(&mut event, result.as_ref());
        sink.push(event);
        result
    }

    /// The same for a call that moves no bytes and returns 0.
    ///
    /// # Errors
    /// What the call says.
    pub(crate) fn plain<T>(
        &self,
        call: Call,
        peer: Option<SocketAddr>,
        make: impl FnOnce(&Socket) -> io::Result<T>,
    ) -> io::Result<T> {
        self.call(call, peer, make, |event, result| event.returned = result.ok().map(|_| 0))
    }

    /// shutdown(2) of the sending half: the peer reads what is left, then end of stream.
    ///
    /// # Errors
    /// What shutdown says.
    pub(crate) fn shutdown_write(&self) -> io::Result<()> {
        let half = |socket: &Socket| socket.shutdown(std::net::Shutdown::Write);
        self.call(Call::Shutdown, None, half, |event, result| {
            event.returned = result.ok().map(|()| 0);
            event.note = Some(Box::new(Text::same("SHUT_WR")));
        })
    }

    /// bind(2). Returns the address it has now: of port 0 the kernel made a port.
    ///
    /// # Errors
    /// What bind says.
    pub(crate) fn bind(&self, at: SocketAddr) -> io::Result<SocketAddr> {
        self.call(
            Call::Bind,
            Some(at),
            |socket| socket.bind(&at.into()),
            |event, result| {
                event.returned = result.ok().map(|()| 0);
                event.peer = result.ok().and_then(|()| self.local()).or(event.peer);
            },
        )?;
        self.note_addresses();
        Ok(self.local().unwrap_or(at))
    }

    /// A call that puts bytes into the kernel: send(2), sendto(2). `tell` says which message's they are, and sees how
    /// many were taken.
    ///
    /// # Errors
    /// What the call says.
    pub(crate) fn send(
        &self,
        (call, peer): (Call, Option<SocketAddr>),
        bytes: &[u8],
        mut make: impl FnMut(&Socket) -> io::Result<usize>,
        tell: impl FnOnce(&mut Event, usize),
    ) -> io::Result<usize> {
        let make = |socket: &Socket| restarted(|| make(socket));
        self.call(call, peer, make, |event, result| {
            let taken = result.copied().unwrap_or(0);
            event.asked = Some(bytes.len());
            event.returned = result.ok().copied();
            event.bytes = bytes[..taken].to_vec();
            if self.proto == Proto::Tcp {
                event.evidence = self.evidence();
            }
            tell(event, taken);
        })
    }

    /// A call that takes bytes out of a stream, at most `size`. `tell` says whose they are.
    ///
    /// # Errors
    /// What the call says.
    pub(crate) fn recv<B: AsRef<[u8]>>(
        &self,
        size: usize,
        make: impl FnOnce(&Socket) -> io::Result<B>,
        tell: impl FnOnce(&mut Event, Result<&[u8], &io::Error>),
    ) -> io::Result<B> {
        self.call(Call::Recv, None, make, |event, result| {
            let bytes = result.map(AsRef::as_ref);
            event.asked = Some(size);
            event.returned = bytes.ok().map(<[u8]>::len);
            event.bytes = bytes.map(<[u8]>::to_vec).unwrap_or_default();
            event.evidence = self.evidence();
            tell(event, bytes);
        })
    }

    /// A call that takes a datagram, at most `size` bytes of it.
    ///
    /// # Errors
    /// What the call says.
    pub(crate) fn recv_from(
        &self,
        size: usize,
        make: impl FnOnce(&Socket) -> io::Result<Arrival>,
        tell: impl FnOnce(&mut Event, Result<&Arrival, &io::Error>),
    ) -> io::Result<Arrival> {
        self.call(Call::RecvFrom, None, make, |event, result| {
            event.asked = Some(size);
            event.evidence = self.evidence();
            if let Ok(arrival) = result {
                arrival.note(event);
            }
            tell(event, result);
        })
    }

    /// Its close is told by somebody else, or by nobody.
    pub(crate) fn untold(&mut self) {
        self.close.event = None;
    }

    /// What stands in the event of its close.
    pub(crate) fn last_words(&mut self, evidence: Evidence) {
        if let Some(event) = &mut self.close.event {
            event.evidence = evidence;
        }
    }
}

impl<S: Deref<Target: Sink>> Drop for Recorded<S> {
    fn drop(&mut self) {
        if let Some(event) = &mut self.close.event {
            event.t_us = self.close.sink.now_us();
        }
    }
}

impl<S: Deref<Target: Sink>> Drop for Close<S> {
    fn drop(&mut self) {
        if let Some(mut event) = self.event.take() {
            event.end_us = self.sink.now_us();
            self.sink.push(event);
        }
    }
}

/// What one receive call on a datagram socket brought.
#[derive(Debug)]
pub(crate) struct Arrival {
    /// As much of the datagram as there was room for.
    pub(crate) bytes: Vec<u8>,
    /// The address that stands on it; `None` when the kernel wrote none.
    pub(crate) from: Option<SocketAddr>,
    pub(super) truncated: bool,
    /// The datagram's true length in bytes, where the system tells.
    pub(super) length: Option<usize>,
    /// The address of this machine that it was sent to, where that was asked for.
    pub(crate) asked: Option<IpAddr>,
}

impl Arrival {
    /// recvmsg(2) of at most `size` bytes. On Linux MSG_TRUNC makes it return the datagram's true length (recv(2)); the
    /// bytes that a plain recvfrom would have returned are the first `size` of it.
    ///
    /// # Errors
    /// What recvmsg says.
    pub(crate) fn receive(socket: &Socket, size: usize) -> io::Result<Arrival> {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        const TELL_LENGTH: std::ffi::c_int = libc::MSG_TRUNC;
        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        const TELL_LENGTH: std::ffi::c_int = 0;
        let mut buffer: Vec<u8> = Vec::with_capacity(size);
        let (n, flags, from) = restarted(|| {
            let space = &mut buffer.spare_capacity_mut()[..size];
            let mut parts = [socket2::MaybeUninitSlice::new(space)];
            socket.recv_from_vectored_with_flags(&mut parts, TELL_LENGTH)
        })?;
        let kept = n.min(size);
        // SAFETY: recvmsg wrote the first min(n, size) bytes of the buffer, which has room for `size`.
        unsafe { buffer.set_len(kept) };
        buffer.shrink_to_fit();
        let truncated = flags.is_truncated();
        let length = if TELL_LENGTH != 0 { Some(n) } else { (!truncated).then_some(kept) };
        Ok(Arrival { bytes: buffer, from: address(Ok(from)), truncated, length, asked: None })
    }

    fn note(&self, event: &mut Event) {
        event.bytes.clone_from(&self.bytes);
        event.peer = self.from;
        event.truncated = self.truncated;
        event.datagram_len = self.length;
        event.returned = Some(self.bytes.len());
        if self.truncated && cfg!(windows) {
            // What recvfrom itself answers there; the first part is in the buffer all the same.
            event.returned = None;
            event.error = Some("WSAEMSGSIZE".into());
        }
    }
}

/// An address, where the kernel wrote one: a receive call that another thread's shutdown(2) ended writes none, and
/// then the storage, zero before, names no family.
pub(crate) fn address(told: io::Result<SockAddr>) -> Option<SocketAddr> {
    told.ok().filter(|a| a.len() > 0).and_then(|a| a.as_socket())
}

/// Makes a call again that a signal interrupted (SIGCONT, with a timeout set: signal(7)).
pub(crate) fn restarted<T>(mut make: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match make() {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

/// Reads at most `size` bytes with the given call into a buffer of that size; the rest of the buffer is not kept.
pub(crate) fn read_into(
    size: usize,
    mut read: impl FnMut(&mut [MaybeUninit<u8>]) -> io::Result<usize>,
) -> io::Result<Vec<u8>> {
    let mut buffer: Vec<u8> = Vec::new();
    buffer.try_reserve_exact(size).map_err(|_| io::ErrorKind::OutOfMemory)?;
    let n = restarted(|| read(&mut buffer.spare_capacity_mut()[..size]))?;
    let n = n.min(size);
    // SAFETY: socket2 promises that the first `n` bytes of the buffer were written, and `n` is at most
    // the capacity reserved above.
    unsafe { buffer.set_len(n) };
    buffer.shrink_to_fit();
    Ok(buffer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::{MsgId, Recorder, Role};
    use std::sync::Arc;
    use std::time::Instant;

    const CLIENT: EndName = EndName::only(Role::Client);
    const HERE: ([u8; 4], u16) = ([127, 0, 0, 1], 0);

    #[test]
    fn each_call_leaves_one_event_and_so_does_the_end() {
        let recorder = Arc::new(Recorder::default());
        let socket = Recorded::open(Arc::clone(&recorder), CLIENT, Proto::Udp, HERE.into()).expect("a socket");
        let at = socket.bind(HERE.into()).expect("a port");
        socket.send((Call::SendTo, Some(at)), b"hi", |s| s.send_to(b"hi", &at.into()), |_, _| ()).expect("sent");
        let arrival = socket.recv_from(9, |s| Arrival::receive(s, 9), |_, _| ()).expect("received");
        assert_eq!((&arrival.bytes[..], arrival.from), (&b"hi"[..], Some(at)));
        socket.bind(at).expect_err("a second time");
        drop(socket);
        let trace = recorder.take();
        let told: Vec<_> = trace.events.iter().map(|e| (e.call, e.returned)).collect();
        let expected = [
            (Call::Bind, Some(0)),
            (Call::SendTo, Some(2)),
            (Call::RecvFrom, Some(2)),
            (Call::Bind, None),
            (Call::Close, Some(0)),
        ];
        assert_eq!(told, expected);
        assert!(trace.events.iter().all(|e| e.t_us <= e.end_us), "{:?}", trace.events);
        assert_eq!(trace.sockets[0].local, Some(at));
    }

    /// What std reads the address from is not written then.
    #[test]
    #[cfg(target_os = "linux")]
    fn a_receive_that_a_shutdown_ended_has_no_sender() {
        let socket = Recorded::open(&Off, CLIENT, Proto::Udp, HERE.into()).expect("a socket");
        socket.bind(HERE.into()).expect("a port");
        socket.socket().shutdown(std::net::Shutdown::Both).expect_err("ENOTCONN, and shut down all the same");
        let arrival = Arrival::receive(socket.socket(), 9).expect("an end");
        assert_eq!((arrival.bytes, arrival.from), (Vec::new(), None));
    }

    /// A sink that wants nothing, and must not be told anything.
    struct Off;

    impl Sink for Off {
        fn is_on(&self) -> bool {
            false
        }

        fn micros(&self, _: Instant) -> u64 {
            unreachable!("nobody looks at the clock")
        }

        fn socket(&self, _: EndName, _: Proto) -> SockId {
            SockId(0)
        }

        fn addresses(&self, _: SockId, _: Option<SocketAddr>, _: Option<SocketAddr>) {
            unreachable!("nobody asks the kernel")
        }

        fn message(&self, _: EndName, _: Arc<[u8]>, _: usize, _: Option<Text>) -> MsgId {
            unreachable!("nothing is copied")
        }

        fn growing(&self, _: EndName, _: Option<Text>) -> MsgId {
            unreachable!("no message is begun")
        }

        fn relabel(&self, _: MsgId, _: Text) {
            unreachable!("no message is named")
        }

        fn push(&self, _: Event) {
            unreachable!("no event is made")
        }
    }

    #[test]
    fn without_a_trace_a_socket_is_a_plain_one() {
        let socket = Recorded::open(&Off, CLIENT, Proto::Udp, HERE.into()).expect("a socket");
        let at = socket.bind(HERE.into()).expect("a port");
        let tell = |_: &mut Event, _: usize| unreachable!("nobody wants to know");
        socket.send((Call::SendTo, Some(at)), b"hi", |s| s.send_to(b"hi", &at.into()), tell).expect("sent");
        assert_eq!(Arrival::receive(socket.socket(), 9).expect("received").bytes, b"hi");
    }
}
