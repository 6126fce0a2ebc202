//! Where packets of a host come out and go in: a TUN, or the far side of a veth pair.

use super::host::{enter, make_namespace};
use super::sys::{self, Netlink, Step};
use super::trouble::{Failed, Stage};
use crate::link::spec::Spec;
use std::ffi::CString;
use std::fs::File;
use std::io;
use std::net::Ipv4Addr;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

/// The interface's name on either host.
pub(super) const INTERFACE: &str = "link0";

/// Packets that may wait in an interface's queue. The kernel's 500 lose a burst of small datagrams without a
/// word, and losing is the link's to decide.
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
pub(super) struct Port {
    fd: OwnedFd,
    /// What stands before a packet that is written here: nothing, or an Ethernet header.
    header: Vec<u8>,
}

const ETHERNET: usize = 14;

impl Port {
    pub(super) fn fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }

    /// Has a packet left the host that nobody has read yet?
    pub(super) fn is_readable(&self) -> bool {
        let mut entry = libc::pollfd { fd: self.fd(), events: libc::POLLIN, revents: 0 };
        // SAFETY: one live pollfd, as the count says.
        unsafe { libc::poll(&mut entry, 1, 0) == 1 }
    }

    /// The next packet that left the host, if one did. The buffer must hold the largest one.
    pub(super) fn read<'b>(&self, buffer: &'b mut [u8]) -> Option<&'b [u8]> {
        // SAFETY: the pointer and the length describe `buffer`.
        let n = unsafe { libc::read(self.fd(), buffer.as_mut_ptr().cast(), buffer.len()) };
        buffer[..usize::try_from(n).ok()?].get(self.header.len()..)
    }

    /// Hands a packet to the host; false when its kernel would not take it.
    pub(super) fn write(&self, packet: &[u8]) -> bool {
        if self.header.is_empty() {
            // SAFETY: the pointer and the length describe `packet`.
            let n = unsafe { libc::write(self.fd(), packet.as_ptr().cast(), packet.len()) };
            return usize::try_from(n) == Ok(packet.len());
        }
        let part = |bytes: &[u8]| libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
        let parts = [part(&self.header), part(packet)];
        // SAFETY: both parts describe live bytes, which writev only reads.
        let n = unsafe { libc::writev(self.fd(), parts.as_ptr(), 2) };
        usize::try_from(n) == Ok(self.header.len() + packet.len())
    }

    /// Packets that the port itself lost, where it is one that can (PACKET_STATISTICS, packet(7)).
    pub(super) fn drops(&self) -> u64 {
        if self.header.is_empty() {
            return 0;
        }
        #[repr(C)]
        #[derive(Default)]
        struct Statistics {
            packets: u32,
            drops: u32,
        }
        let mut statistics = Statistics::default();
        let mut len = size_of::<Statistics>() as libc::socklen_t;
        let to: *mut Statistics = &mut statistics;
        // SAFETY: the pointer and the length describe one live struct tpacket_stats, two u32.
        let rc = unsafe { libc::getsockopt(self.fd(), libc::SOL_PACKET, libc::PACKET_STATISTICS, to.cast(), &mut len) };
        if rc == 0 { u64::from(statistics.drops) } else { 0 }
    }
}

/// Makes both hosts with this backend; the calling thread ends up in some namespace of its own.
pub(super) fn hosts(backend: Backend, spec: &Spec, addresses: [Ipv4Addr; 2]) -> Step<[(File, Port); 2]> {
    match backend {
        Backend::Tun => {
            let [near, far] = addresses.map(|address| {
                let namespace = make_namespace(spec)?;
                Ok((namespace, tun(address, spec.mtu)?))
            });
            Ok([near?, far?])
        }
        Backend::Veth => veths(spec, addresses),
    }
}

/// A TUN in the calling thread's namespace. No IFF_VNET_HDR: with it the kernel would hand out packets larger
/// than the MTU with checksums still to be filled in.
fn tun(address: Ipv4Addr, mtu: u32) -> Step<Port> {
    let stage = Stage::Tun;
    // SAFETY: the path is a C string.
    let fd = unsafe { libc::open(c"/dev/net/tun".as_ptr(), libc::O_RDWR | libc::O_NONBLOCK | libc::O_CLOEXEC) };
    let fd = sys::owned(fd, stage)?;
    let mut request = sys::request(INTERFACE);
    request.ifr_ifru.ifru_flags = (libc::IFF_TUN | libc::IFF_NO_PI) as libc::c_short;
    sys::ioctl(fd.as_raw_fd(), libc::TUNSETIFF as _, &mut request, stage)?;
    sys::set_queue_length(INTERFACE, QUEUE)?;
    sys::configure(INTERFACE, address, mtu, 0)?;
    Ok(Port { fd, header: Vec::new() })
}

/// Each host gets one end of a veth pair; the other ends and their packet sockets are in a namespace between.
fn veths(spec: &Spec, addresses: [Ipv4Addr; 2]) -> Step<[(File, Port); 2]> {
    let between = make_namespace(spec)?;
    let hosts = [make_namespace(spec)?, make_namespace(spec)?];
    let outsides = ["client0", "server0"];
    enter(&between, Stage::NetNamespace)?;
    for (host, outside) in hosts.iter().zip(outsides) {
        veth_pair(outside, host)?;
        quiet(outside)?;
        sys::configure_outside(outside, spec.mtu)?;
    }
    let mut inside = [[0; 6]; 2];
    for (place, host) in hosts.iter().enumerate() {
        enter(host, Stage::NetNamespace)?;
        quiet(INTERFACE)?;
        sys::set_queue_length(INTERFACE, QUEUE)?;
        sys::configure(INTERFACE, addresses[place], spec.mtu, libc::IFF_NOARP)?;
        inside[place] = hardware_address(INTERFACE)?;
        await_carrier(INTERFACE)?;
    }
    enter(&between, Stage::NetNamespace)?;
    let port = |place: usize| -> Step<Port> {
        await_carrier(outsides[place])?;
        let fd = packet_socket(outsides[place])?;
        Ok(Port { fd, header: ethernet(inside[place]) })
    };
    let ports = [port(0)?, port(1)?];
    let mut pairs = hosts.into_iter().zip(ports);
    match (pairs.next(), pairs.next()) {
        (Some(near), Some(far)) => Ok([near, far]),
        _ => Err(Failed { stage: Stage::Veth, errno: 0 }),
    }
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
    let mut message = Netlink::new(0);
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
    message.send(libc::NLM_F_CREATE | libc::NLM_F_EXCL, Stage::Veth)
}

/// No segments larger than the MTU and no checksums left to a card: packets as they would be on a cable.
fn quiet(name: &str) -> Step<()> {
    const ETHTOOL_STXCSUM: u32 = 0x17;
    const ETHTOOL_STSO: u32 = 0x1f;
    const ETHTOOL_SGSO: u32 = 0x24;
    [ETHTOOL_STSO, ETHTOOL_SGSO, ETHTOOL_STXCSUM].into_iter().try_for_each(|what| sys::ethtool(name, what).map(drop))
}

/// Waits for the carrier. Asking for it makes the kernel do what it has put off (linkwatch); until then packets
/// are lost.
fn await_carrier(name: &str) -> Step<()> {
    const ETHTOOL_GLINK: u32 = 0x0a;
    let up = crate::sys::wait::until(std::time::Duration::from_secs(2), || sys::ethtool(name, ETHTOOL_GLINK) == Ok(1));
    if up { Ok(()) } else { Err(Failed { stage: Stage::Configure, errno: libc::ENETDOWN }) }
}

fn hardware_address(name: &str) -> Step<[u8; 6]> {
    let control = sys::control(Stage::Configure)?;
    let mut request = sys::request(name);
    sys::ioctl(control.as_raw_fd(), libc::SIOCGIFHWADDR as _, &mut request, Stage::Configure)?;
    // SAFETY: SIOCGIFHWADDR has just filled in this field of the union.
    let data = unsafe { request.ifr_ifru.ifru_hwaddr.sa_data };
    Ok(std::array::from_fn(|i| data[i] as u8))
}

/// A packet socket that sees what comes out of this interface, and not what we put in (packet(7)).
fn packet_socket(name: &str) -> Step<OwnedFd> {
    let stage = Stage::PacketSocket;
    let every = (libc::ETH_P_ALL as u16).to_be();
    let kind = libc::SOCK_RAW | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
    // SAFETY: no pointers.
    let fd = sys::owned(unsafe { libc::socket(libc::AF_PACKET, kind, 0) }, stage)?;
    let name = CString::new(name).map_err(|_| Failed { stage, errno: libc::EINVAL })?;
    set(&fd, libc::SOL_PACKET, libc::PACKET_IGNORE_OUTGOING, 1).map_err(|e| Failed::because(stage, &e))?;
    // A queue for bursts. CAP_NET_ADMIN of a user namespace does not lift the limit, so this asks for what it can get.
    let _ = set(&fd, libc::SOL_SOCKET, libc::SO_RCVBUF, 8 << 20);
    // SAFETY: sockaddr_ll is plain data, for which all zeroes is a value; `name` is a live C string.
    let (mut address, index) =
        unsafe { (std::mem::zeroed::<libc::sockaddr_ll>(), libc::if_nametoindex(name.as_ptr())) };
    address.sll_family = libc::AF_PACKET as u16;
    address.sll_protocol = every;
    address.sll_ifindex = index as i32;
    let from: *const libc::sockaddr_ll = &address;
    // SAFETY: the pointer and the length describe `address`.
    let rc = unsafe { libc::bind(fd.as_raw_fd(), from.cast(), size_of_val(&address) as libc::socklen_t) };
    sys::check(rc, stage)?;
    Ok(fd)
}

fn set(fd: &OwnedFd, level: libc::c_int, option: libc::c_int, value: libc::c_int) -> io::Result<()> {
    let from: *const libc::c_int = &value;
    // SAFETY: the pointer and the length describe one live int.
    let rc = unsafe {
        libc::setsockopt(fd.as_raw_fd(), level, option, from.cast(), size_of::<libc::c_int>() as libc::socklen_t)
    };
    if rc < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
