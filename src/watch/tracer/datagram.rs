//! A datagram of a program's, which is sent from its own socket in its stead.

use super::super::seen::{Id, SocketKey};
use socket2::{Domain, SockAddr, Socket};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Instant;

/// A datagram that a program sends.
#[derive(Debug)]
pub(super) struct SentDatagram {
    pub(super) from: SocketKey,
    pub(super) to: SocketAddr,
    pub(super) bytes: Vec<u8>,
}

/// One that is held back, for the next to pass it.
#[derive(Debug)]
pub(super) struct HeldBack {
    pub(super) tid: Id,
    pub(super) datagram: SentDatagram,
    pub(super) socket: Socket,
    pub(super) since: Instant,
}

impl SentDatagram {
    /// Sends it; where the kernel refuses, it is lost, as any may be.
    pub(super) fn send(&self, socket: &Socket) {
        let to = match self.to {
            SocketAddr::V4(to) if matches!(socket.domain(), Ok(Domain::IPV6)) => {
                (to.ip().to_ipv6_mapped(), to.port()).into()
            }
            to => to,
        };
        let _ = socket.send_to_with_flags(&self.bytes, &SockAddr::from(to), libc::MSG_DONTWAIT);
    }
}

/// Gives a socket an address as its first send does: any, with a port that the kernel chooses.
pub(super) fn bind(socket: &Socket) -> io::Result<()> {
    let bound = socket.local_addr()?.as_socket().is_some_and(|at| at.port() != 0);
    if bound {
        return Ok(());
    }
    let ip: IpAddr = match socket.domain()? {
        Domain::IPV6 => Ipv6Addr::UNSPECIFIED.into(),
        _ => Ipv4Addr::UNSPECIFIED.into(),
    };
    socket.bind(&SocketAddr::from((ip, 0)).into())
}
