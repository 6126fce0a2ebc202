//! Wakes a thread that waits for a socket. A shutdown(2) of the socket does that on Linux alone, and close(2) on no
//! system; a second socket that the wait looks at as well does it on every one.

use socket2::Socket;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, UdpSocket};

/// A socket that is connected to itself: nobody else can write to it (connect(2)).
pub(crate) struct Waker(Socket);

impl Waker {
    /// A waker that has woken nobody yet.
    ///
    /// # Errors
    /// What socket, bind and connect say.
    pub(crate) fn new() -> io::Result<Waker> {
        let v4 = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0));
        // A machine with IPv6 only still has a loopback.
        let socket = v4.or_else(|_| UdpSocket::bind((Ipv6Addr::LOCALHOST, 0)))?;
        socket.connect(socket.local_addr()?)?;
        Ok(Waker(socket.into()))
    }

    /// From now on nobody waits with it any more.
    pub(crate) fn wake(&self) {
        // It fails only when nothing can be sent on this machine; then the wait ends with the next datagram.
        let _ = self.0.send(&[0]);
    }

    /// Waits until the socket can be read, or has an error to tell; false when it was woken.
    ///
    /// # Errors
    /// What poll says.
    pub(crate) fn readable(&self, socket: &Socket) -> io::Result<bool> {
        super::recorded::restarted(|| poll(&self.0, socket)).map(|woken| !woken)
    }
}

/// Waits for either; true when the first can be read.
#[cfg(unix)]
fn poll(waker: &Socket, socket: &Socket) -> io::Result<bool> {
    use rustix::event::{self, PollFd, PollFlags};
    let mut entries = [waker, socket].map(|socket| PollFd::new(socket, PollFlags::IN));
    event::poll(&mut entries, None)?;
    Ok(!entries[0].revents().is_empty())
}

/// Waits for either; true when the first can be read.
#[cfg(windows)]
fn poll(waker: &Socket, socket: &Socket) -> io::Result<bool> {
    use std::os::windows::io::AsRawSocket;
    use windows_sys::Win32::Networking::WinSock::{POLLRDNORM, SOCKET, WSAPOLLFD, WSAPoll};
    let entry = |s: &Socket| WSAPOLLFD { fd: s.as_raw_socket() as SOCKET, events: POLLRDNORM, revents: 0 };
    let mut entries = [entry(waker), entry(socket)];
    // SAFETY: `entries` are two live WSAPOLLFDs, as the count says.
    let ready = unsafe { WSAPoll(entries.as_mut_ptr(), 2, -1) };
    // WSAPoll reports a failure through WSAGetLastError, which is what last_os_error reads.
    if ready < 0 { Err(io::Error::last_os_error()) } else { Ok(entries[0].revents != 0) }
}
