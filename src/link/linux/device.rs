//! Where a host's packets come out and go in: a TUN device, or the far side of a veth pair.

use super::interface::{self, Interface};
use super::namespace::{enter, make_network};
use super::netlink::NewLink;
use super::setup_error::{SetupError, SetupStep, Step};
use crate::link::spec::Spec;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use socket2::{Domain, Socket, Type};
use std::fs::File;
use std::io::IoSlice;
use std::net::Ipv4Addr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;

/// The client's address and the server's: of a block kept for documentation (RFC 5737), so that they are nobody else's.
pub(super) const ADDRESSES: [Ipv4Addr; 2] = [Ipv4Addr::new(192, 0, 2, 1), Ipv4Addr::new(192, 0, 2, 2)];

/// The interface's name on either host.
pub(super) const INTERFACE: &str = "link0";

/// Packets that may wait in an interface's queue. The kernel's 500 lose a burst of small datagrams silently, and
/// losing is the link's to decide.
const QUEUE: u32 = 16_384;

/// How packets get out of a namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// A TUN device in each namespace: needs /dev/net/tun.
    Tun,
    /// A veth pair out of each namespace and a packet socket: needs only the namespaces.
    Veth,
}

/// One side of the wire.
#[derive(Debug)]
pub(super) struct Device {
    fd: OwnedFd,
    /// What stands before a packet that is written here: nothing, or an Ethernet header.
    header: Vec<u8>,
}

const ETHERNET: usize = 14;

impl AsFd for Device {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Device {
    /// Has a packet left the host that nobody has read yet?
    pub(super) fn is_readable(&self) -> bool {
        let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
        poll(&mut [PollFd::new(self, PollFlags::IN)], Some(&at_once)) == Ok(1)
    }

    /// The next packet that left the host, if one did. The buffer must hold the largest one.
    pub(super) fn read<'b>(&self, buffer: &'b mut [u8]) -> Option<&'b [u8]> {
        let n = rustix::io::read(self, &mut *buffer).ok()?;
        buffer[..n].get(self.header.len()..)
    }

    /// Hands a packet to the host; false when its kernel would not take it.
    pub(super) fn write(&self, packet: &[u8]) -> bool {
        let written = match self.header.is_empty() {
            true => rustix::io::write(self, packet),
            false => rustix::io::writev(self, &[IoSlice::new(&self.header), IoSlice::new(packet)]),
        };
        written == Ok(self.header.len() + packet.len())
    }

    /// Packets that the device itself lost, where it is one that can (PACKET_STATISTICS, packet(7)).
    pub(super) fn drops(&self) -> u64 {
        if self.header.is_empty() {
            return 0;
        }
        /// struct tpacket_stats.
        #[repr(C)]
        #[derive(Default)]
        struct Statistics {
            packets: u32,
            drops: u32,
        }
        let mut statistics = Statistics::default();
        let mut len = size_of::<Statistics>() as libc::socklen_t;
        let to: *mut Statistics = &mut statistics;
        let fd = self.fd.as_raw_fd();
        // SAFETY: the pointer and the length describe one live struct tpacket_stats, two u32.
        let rc = unsafe { libc::getsockopt(fd, libc::SOL_PACKET, libc::PACKET_STATISTICS, to.cast(), &mut len) };
        if rc == 0 { u64::from(statistics.drops) } else { 0 }
    }
}

/// Makes both hosts with this backend; the calling thread ends up in one of the namespaces made.
pub(super) fn hosts(backend: Backend, spec: &Spec, addresses: [Ipv4Addr; 2]) -> Step<[(File, Device); 2]> {
    match backend {
        Backend::Tun => {
            let [near, far] = addresses.map(|address| {
                let namespace = make_network(spec)?;
                Ok((namespace, tun(address, spec.mtu)?))
            });
            Ok([near?, far?])
        }
        Backend::Veth => veths(spec, addresses),
    }
}

/// A TUN in the calling thread's namespace. No IFF_VNET_HDR: with it the kernel would hand out packets larger
/// than the MTU with checksums still to be filled in.
fn tun(address: Ipv4Addr, mtu: u32) -> Step<Device> {
    let mut options = File::options();
    options.read(true).write(true).custom_flags(libc::O_NONBLOCK);
    let file = options.open("/dev/net/tun").map_err(SetupError::at(SetupStep::Tun))?;
    let mut request = interface::request(INTERFACE);
    request.ifr_ifru.ifru_flags = (libc::IFF_TUN | libc::IFF_NO_PI) as libc::c_short;
    interface::ioctl(&file, libc::TUNSETIFF as _, &mut request, SetupStep::Tun)?;
    configure(&Interface::named(INTERFACE)?, address, mtu, 0)?;
    Ok(Device { fd: file.into(), header: Vec::new() })
}

/// Queue, MTU, address, and up; `more` are flags besides IFF_UP.
fn configure(interface: &Interface, address: Ipv4Addr, mtu: u32, more: libc::c_int) -> Step<()> {
    // Over rtnetlink(7), which asks for CAP_NET_ADMIN in the namespace's own user namespace; the ioctl of the same
    // purpose asks for it in the first one.
    let mut queue = NewLink::new(interface.index()?);
    queue.attribute(libc::IFLA_TXQLEN, &QUEUE.to_ne_bytes());
    queue.send(0, SetupStep::Configure)?;
    interface.set_mtu(mtu)?;
    interface.set_address(address)?;
    interface.bring_up(more)
}

/// Each host gets one end of a veth pair; the other ends and their packet sockets are in a namespace between.
fn veths(spec: &Spec, addresses: [Ipv4Addr; 2]) -> Step<[(File, Device); 2]> {
    let between = make_network(spec)?;
    let hosts = [make_network(spec)?, make_network(spec)?];
    let outsides = ["client0", "server0"];
    enter(&between)?;
    for (host, outside) in hosts.iter().zip(outsides) {
        veth_pair(outside, host)?;
        let outside = Interface::named(outside)?;
        outside.without_offloads()?;
        outside.set_mtu(spec.mtu)?;
        outside.bring_up(0)?;
    }
    let mut inside = [[0; 6]; 2];
    for (place, host) in hosts.iter().enumerate() {
        enter(host)?;
        let interface = Interface::named(INTERFACE)?;
        interface.without_offloads()?;
        configure(&interface, addresses[place], spec.mtu, libc::IFF_NOARP)?;
        inside[place] = interface.hardware_address()?;
        interface.await_carrier()?;
    }
    enter(&between)?;
    let device = |place: usize| -> Step<Device> {
        let outside = Interface::named(outsides[place])?;
        outside.await_carrier()?;
        Ok(Device { fd: packet_socket(&outside)?, header: ethernet(inside[place]) })
    };
    let [near, far] = hosts;
    Ok([(near, device(0)?), (far, device(1)?)])
}

/// An Ethernet header to this host: from a locally administered address, IPv4.
fn ethernet(to: [u8; 6]) -> Vec<u8> {
    let header: Vec<u8> = to.into_iter().chain([0x02, 0, 0, 0, 0, 0x01]).chain([0x08, 0x00]).collect();
    debug_assert_eq!(header.len(), ETHERNET);
    header
}

/// `outside` here, its peer [`INTERFACE`] in the host.
fn veth_pair(outside: &str, host: &File) -> Step<()> {
    let name = |name: &str| [name.as_bytes(), &[0]].concat();
    const VETH_INFO_PEER: u16 = 1;
    let mut message = NewLink::new(0);
    message.attribute(libc::IFLA_IFNAME, &name(outside));
    message.nested(libc::IFLA_LINKINFO, |info| {
        info.attribute(libc::IFLA_INFO_KIND, b"veth");
        info.nested(libc::IFLA_INFO_DATA, |data| {
            data.nested(VETH_INFO_PEER, |peer| {
                peer.interface();
                peer.attribute(libc::IFLA_IFNAME, &name(INTERFACE));
                peer.attribute(libc::IFLA_NET_NS_FD, &(host.as_raw_fd() as u32).to_ne_bytes());
            });
        });
    });
    message.send(libc::NLM_F_CREATE | libc::NLM_F_EXCL, SetupStep::Veth)
}

/// A packet socket that sees what comes out of this interface, and not what we put in (packet(7)).
fn packet_socket(interface: &Interface) -> Step<OwnedFd> {
    let stage = SetupStep::PacketSocket;
    let socket = Socket::new(Domain::PACKET, Type::RAW.nonblocking(), None).map_err(SetupError::at(stage))?;
    ignore_outgoing(&socket)?;
    // A queue for bursts. CAP_NET_ADMIN of a user namespace does not lift the limit, so this asks for what it can get.
    let _ = socket.set_recv_buffer_size(8 << 20);
    let address = libc::sockaddr_ll {
        sll_family: libc::AF_PACKET as u16,
        sll_protocol: (libc::ETH_P_ALL as u16).to_be(),
        sll_ifindex: interface.index()? as i32,
        sll_hatype: 0,
        sll_pkttype: 0,
        sll_halen: 0,
        sll_addr: [0; 8],
    };
    let from: *const libc::sockaddr_ll = &address;
    // SAFETY: the pointer and the length describe `address`.
    let rc = unsafe { libc::bind(socket.as_raw_fd(), from.cast(), size_of_val(&address) as libc::socklen_t) };
    SetupError::check(rc, stage)?;
    Ok(socket.into())
}

fn ignore_outgoing(socket: &Socket) -> Step<()> {
    let on: libc::c_int = 1;
    let (from, len): (*const libc::c_int, _) = (&on, size_of_val(&on) as libc::socklen_t);
    let (level, option) = (libc::SOL_PACKET, libc::PACKET_IGNORE_OUTGOING);
    // SAFETY: the pointer and the length describe one live int.
    let rc = unsafe { libc::setsockopt(socket.as_raw_fd(), level, option, from.cast(), len) };
    SetupError::check(rc, SetupStep::PacketSocket).map(drop)
}
