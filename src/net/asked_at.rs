//! At which of its addresses a machine was asked. A socket that is bound to all of them answers from the one that the
//! route takes: whoever asked another, and hears only that one, gets no answer. Linux and macOS tell the address with
//! each datagram, and take one to answer from (ip(7), IP_PKTINFO; RFC 3542 §6).

#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
pub(crate) use elsewhere::{KNOWN, receive, send, tell};
#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
pub(crate) use packet_info::{KNOWN, receive, send, tell};

#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
mod packet_info {
    use crate::net::recorded::{Arrival, restarted};
    use nix::cmsg_space;
    use nix::libc::{in_addr, in_pktinfo, in6_addr, in6_pktinfo};
    use nix::sys::socket::{
        ControlMessage, ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, sendmsg, setsockopt, sockopt,
    };
    use socket2::Socket;
    use std::io::{self, IoSlice, IoSliceMut};
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
    use std::os::fd::AsRawFd;

    /// This system tells.
    pub(crate) const KNOWN: bool = true;

    /// From now on the kernel tells.
    ///
    /// # Errors
    /// What setsockopt says.
    pub(crate) fn tell(socket: &Socket, family: SocketAddr) -> io::Result<()> {
        match family {
            SocketAddr::V4(_) => setsockopt(socket, sockopt::Ipv4PacketInfo, &true)?,
            SocketAddr::V6(_) => setsockopt(socket, sockopt::Ipv6RecvPacketInfo, &true)?,
        }
        Ok(())
    }

    /// recvmsg(2) of a datagram of at most `size` bytes, and where it was sent to.
    ///
    /// # Errors
    /// What recvmsg says.
    pub(crate) fn receive(socket: &Socket, size: usize) -> io::Result<Arrival> {
        let mut bytes = vec![0; size];
        let mut space = cmsg_space!(in6_pktinfo, in_pktinfo);
        let (n, truncated, from, asked) = restarted(|| {
            let mut parts = [IoSliceMut::new(&mut bytes)];
            let came = recvmsg::<SockaddrStorage>(socket.as_raw_fd(), &mut parts, Some(&mut space), MsgFlags::empty())?;
            let asked = came.cmsgs()?.find_map(address);
            Ok((came.bytes, came.flags.contains(MsgFlags::MSG_TRUNC), came.address.and_then(sender), asked))
        })?;
        bytes.truncate(n);
        bytes.shrink_to_fit();
        Ok(Arrival { bytes, from, truncated, length: (!truncated).then_some(n), asked })
    }

    fn sender(address: SockaddrStorage) -> Option<SocketAddr> {
        let v4 = address.as_sockaddr_in().map(|&v4| v4.into());
        v4.or_else(|| address.as_sockaddr_in6().map(|&v6| v6.into()))
    }

    /// An address that one can answer from: what went to a whole group came to none of its members alone.
    fn address(told: ControlMessageOwned) -> Option<IpAddr> {
        let address = match told {
            ControlMessageOwned::Ipv4PacketInfo(info) => IpAddr::from(v4(info)),
            ControlMessageOwned::Ipv6PacketInfo(info) => Ipv6Addr::from(info.ipi6_addr.s6_addr).into(),
            _ => return None,
        };
        let group = matches!(address.to_canonical(), IpAddr::V4(Ipv4Addr::BROADCAST)) || address.is_multicast();
        (!group).then_some(address)
    }

    /// On Linux this is the machine's own address, also where the datagram was sent to a whole network (ip(7)).
    fn v4(info: in_pktinfo) -> Ipv4Addr {
        let told = if cfg!(target_vendor = "apple") { info.ipi_addr } else { info.ipi_spec_dst };
        Ipv4Addr::from(u32::from_be(told.s_addr))
    }

    /// sendmsg(2) of one datagram from this address of ours; the route chooses the interface.
    ///
    /// # Errors
    /// What sendmsg says.
    pub(crate) fn send(socket: &Socket, bytes: &[u8], to: SocketAddr, from: IpAddr) -> io::Result<usize> {
        let (v4, v6);
        let told = match from {
            IpAddr::V4(from) => {
                v4 = in_pktinfo {
                    ipi_ifindex: 0,
                    ipi_spec_dst: in_addr { s_addr: u32::from(from).to_be() },
                    ipi_addr: in_addr { s_addr: 0 },
                };
                ControlMessage::Ipv4PacketInfo(&v4)
            }
            IpAddr::V6(from) => {
                v6 = in6_pktinfo { ipi6_addr: in6_addr { s6_addr: from.octets() }, ipi6_ifindex: 0 };
                ControlMessage::Ipv6PacketInfo(&v6)
            }
        };
        let to = SockaddrStorage::from(to);
        let parts = [IoSlice::new(bytes)];
        restarted(|| Ok(sendmsg(socket.as_raw_fd(), &parts, &[told], MsgFlags::empty(), Some(&to))?))
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
mod elsewhere {
    use crate::net::recorded::Arrival;
    use socket2::Socket;
    use std::io;
    use std::net::{IpAddr, SocketAddr};

    /// Not asked here: Windows would tell by functions of its own (WSARecvMsg, WSASendMsg).
    pub(crate) const KNOWN: bool = false;

    /// Nothing to ask for.
    pub(crate) fn tell(_: &Socket, _: SocketAddr) -> io::Result<()> {
        Ok(())
    }

    /// A datagram, and not where it was sent to.
    pub(crate) fn receive(socket: &Socket, size: usize) -> io::Result<Arrival> {
        Arrival::receive(socket, size)
    }

    /// From the address that the route takes.
    pub(crate) fn send(socket: &Socket, bytes: &[u8], to: SocketAddr, _: IpAddr) -> io::Result<usize> {
        socket.send_to(bytes, &to.into())
    }
}
