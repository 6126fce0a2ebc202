//! A port at which surely nobody answers, without a race for it.

use super::{End, NetError, Place, Result};
use crate::trace::{Call, Proto};
use socket2::{Domain, Socket, Type};
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

/// A port of the server's host that is taken, so that no other program can answer there, and that refuses all the same.
///
/// A TCP socket that is bound and does not listen refuses every connect. A UDP socket that is connected
/// takes datagrams from its peer only (connect(2)); connected to itself it takes nobody else's, and the
/// kernel answers them as it does at a free port: ICMP port unreachable. Windows discards them
/// without a word (connect, Winsock), so there the port is noted and given back. Not recorded: it is no
/// part of what a page runs.
pub struct DeadPort {
    _holder: Option<Socket>,
    address: SocketAddr,
}

impl DeadPort {
    /// Takes a port of this protocol at the far end of this one, until it is dropped.
    ///
    /// # Errors
    /// What socket, bind or connect say.
    pub fn take(end: &End, proto: Proto) -> Result<DeadPort> {
        let any_port = |ip| SocketAddr::new(ip, 0);
        let (address, held) = match &end.place {
            Place::Linked { far, .. } => {
                let there = any_port(far.address().into());
                (there, far.visit(|| hold(proto, there)).and_then(|held| held))
            }
            Place::Loopback | Place::Alone(_) => {
                let v4 = any_port(Ipv4Addr::LOCALHOST.into());
                let held = hold(proto, v4).or_else(|error| match error.kind() {
                    // A machine with IPv6 only still has a loopback.
                    io::ErrorKind::AddrNotAvailable => hold(proto, any_port(Ipv6Addr::LOCALHOST.into())),
                    _ => Err(error),
                });
                (v4, held)
            }
        };
        held.map_err(|source| NetError::Call { call: Call::Bind, address: Some(address), source })
    }

    /// Where nobody answers.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

fn hold(proto: Proto, any_port: SocketAddr) -> io::Result<DeadPort> {
    let kind = match proto {
        Proto::Tcp => Type::STREAM,
        Proto::Udp => Type::DGRAM,
    };
    let holder = Socket::new(Domain::for_address(any_port), kind, None)?;
    holder.bind(&any_port.into())?;
    let itself = holder.local_addr()?;
    let address = itself.as_socket().ok_or(io::ErrorKind::AddrNotAvailable)?;
    if proto == Proto::Udp && cfg!(windows) {
        return Ok(DeadPort { _holder: None, address });
    }
    if proto == Proto::Udp {
        holder.connect(&itself)?;
    }
    Ok(DeadPort { _holder: Some(holder), address })
}
