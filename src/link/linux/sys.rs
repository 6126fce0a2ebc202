//! The few kernel interfaces that neither std nor socket2 has: interface ioctls, one rtnetlink request
//! at a time, sysctls.

use super::Failed;
use super::trouble::Stage;
use std::ffi::CString;
use std::fs::File;
use std::io;
use std::net::Ipv4Addr;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

/// What a step of the set-up returns.
pub type Step<T> = Result<T, Failed>;

/// Names the step that a system call failed in.
pub fn check(rc: libc::c_int, stage: Stage) -> Step<libc::c_int> {
    if rc < 0 { Err(Failed::now(stage)) } else { Ok(rc) }
}

/// Takes over a descriptor that a system call returned.
pub fn owned(rc: libc::c_int, stage: Stage) -> Step<OwnedFd> {
    let fd = check(rc, stage)?;
    // SAFETY: the call succeeded, so `fd` is open and nobody else's.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Writes a sysctl of the calling thread's network namespace, as far as it can be written (/proc/sys may be
/// read-only): nothing that is true depends on it, only how quiet the link is.
pub fn sysctl(name: &str, value: &str) {
    let _ = std::fs::write(format!("/proc/sys/net/{name}"), value);
}

/// A socket to ask the kernel about interfaces (netdevice(7)).
pub fn control(stage: Stage) -> Step<OwnedFd> {
    // SAFETY: no pointers.
    owned(unsafe { libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0) }, stage)
}

/// A request about the interface of this name.
pub fn request(name: &str) -> libc::ifreq {
    // SAFETY: ifreq is plain data, for which all zeroes is a value.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(name.bytes()) {
        *to = from as libc::c_char;
    }
    request
}

/// One ioctl on an ifreq.
pub fn ioctl(fd: RawFd, number: libc::c_ulong, request: &mut libc::ifreq, stage: Stage) -> Step<()> {
    let request: *mut libc::ifreq = request;
    // SAFETY: `request` points to a live ifreq, which is what these ioctls read and write.
    check(unsafe { libc::ioctl(fd, number as _, request) }, stage).map(drop)
}

/// Gives an interface its address, /24, and brings it up; `more` are flags besides IFF_UP.
pub fn configure(name: &str, address: Ipv4Addr, mtu: u32, more: libc::c_int) -> Step<()> {
    let stage = Stage::Configure;
    let control = control(stage)?;
    let fd = control.as_raw_fd();
    let mut r = request(name);
    r.ifr_ifru.ifru_mtu = mtu as libc::c_int;
    ioctl(fd, libc::SIOCSIFMTU as _, &mut r, stage)?;
    for (number, value) in [(libc::SIOCSIFADDR, address), (libc::SIOCSIFNETMASK, Ipv4Addr::new(255, 255, 255, 0))] {
        let mut r = request(name);
        r.ifr_ifru.ifru_addr = socket_address(value);
        ioctl(fd, number as _, &mut r, stage)?;
    }
    bring_up(name, more)
}

/// The side of a veth pair that has no address: MTU and up.
pub fn configure_outside(name: &str, mtu: u32) -> Step<()> {
    let control = control(Stage::Configure)?;
    let mut r = request(name);
    r.ifr_ifru.ifru_mtu = mtu as libc::c_int;
    ioctl(control.as_raw_fd(), libc::SIOCSIFMTU as _, &mut r, Stage::Configure)?;
    bring_up(name, 0)
}

/// One command of SIOCETHTOOL: what it answers, after it was told 0.
pub fn ethtool(name: &str, command: u32) -> Step<u32> {
    #[repr(C)]
    struct Value {
        command: u32,
        data: u32,
    }
    const SIOCETHTOOL: libc::c_ulong = 0x8946;
    let control = control(Stage::Configure)?;
    let mut value = Value { command, data: 0 };
    let to: *mut Value = &mut value;
    let mut r = request(name);
    r.ifr_ifru.ifru_data = to.cast();
    ioctl(control.as_raw_fd(), SIOCETHTOOL, &mut r, Stage::Configure)?;
    Ok(value.data)
}

/// Sets IFF_UP, and whatever else.
pub fn bring_up(name: &str, more: libc::c_int) -> Step<()> {
    let stage = Stage::Configure;
    let control = control(stage)?;
    let mut r = request(name);
    ioctl(control.as_raw_fd(), libc::SIOCGIFFLAGS as _, &mut r, stage)?;
    // SAFETY: SIOCGIFFLAGS has just filled in this field of the union.
    unsafe { r.ifr_ifru.ifru_flags |= (libc::IFF_UP | more) as libc::c_short };
    ioctl(control.as_raw_fd(), libc::SIOCSIFFLAGS as _, &mut r, stage)
}

fn socket_address(ip: Ipv4Addr) -> libc::sockaddr {
    // SAFETY: sockaddr is plain data, for which all zeroes is a value.
    let mut address: libc::sockaddr = unsafe { std::mem::zeroed() };
    address.sa_family = libc::AF_INET as libc::sa_family_t;
    // In sockaddr_in the port comes first, two bytes, then the address in network order (ip(7)).
    for (to, from) in address.sa_data[2..6].iter_mut().zip(ip.octets()) {
        *to = from as libc::c_char;
    }
    address
}

/// Sets how many packets an interface's queue holds. Over rtnetlink(7), which asks for CAP_NET_ADMIN in the
/// namespace's own user namespace; the ioctl of the same purpose asks for it in the first one.
pub fn set_queue_length(name: &str, packets: u32) -> Step<()> {
    let name = CString::new(name).map_err(|_| Failed { stage: Stage::Configure, errno: libc::EINVAL })?;
    // SAFETY: `name` is a live C string.
    let index = unsafe { libc::if_nametoindex(name.as_ptr()) };
    let mut message = Netlink::new(index as i32);
    message.attribute(libc::IFLA_TXQLEN, &packets.to_ne_bytes());
    message.send(0, Stage::Configure)
}

/// An RTM_NEWLINK request being written (rtnetlink(7)).
pub struct Netlink {
    bytes: Vec<u8>,
}

impl Netlink {
    const HEADER: usize = 16;

    /// A request about the interface of this index; 0 for one that is to be made.
    pub fn new(index: i32) -> Netlink {
        let mut bytes = vec![0; Netlink::HEADER];
        bytes.extend(interface(index));
        Netlink { bytes }
    }

    /// Appends one attribute.
    pub fn attribute(&mut self, kind: u16, value: &[u8]) {
        self.bytes.extend(((4 + value.len()) as u16).to_ne_bytes());
        self.bytes.extend(kind.to_ne_bytes());
        self.bytes.extend(value);
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }

    /// Appends an attribute that holds others.
    pub fn nested(&mut self, kind: u16, fill: impl FnOnce(&mut Netlink)) {
        let at = self.bytes.len();
        self.attribute(kind | libc::NLA_F_NESTED as u16, &[]);
        fill(self);
        let length = (self.bytes.len() - at) as u16;
        self.bytes[at..at + 2].copy_from_slice(&length.to_ne_bytes());
    }

    /// Appends the header of an interface, as the peer of a veth wants it before its attributes.
    pub fn interface(&mut self) {
        self.bytes.extend(interface(0));
    }

    /// Sends the request and waits for the kernel's word.
    pub fn send(mut self, flags: libc::c_int, stage: Stage) -> Step<()> {
        let length = self.bytes.len() as u32;
        let flags = (flags | libc::NLM_F_REQUEST | libc::NLM_F_ACK) as u16;
        self.bytes[0..4].copy_from_slice(&length.to_ne_bytes());
        self.bytes[4..6].copy_from_slice(&libc::RTM_NEWLINK.to_ne_bytes());
        self.bytes[6..8].copy_from_slice(&flags.to_ne_bytes());
        // SAFETY: no pointers.
        let fd = unsafe { libc::socket(libc::AF_NETLINK, libc::SOCK_RAW | libc::SOCK_CLOEXEC, libc::NETLINK_ROUTE) };
        let socket = socket2::Socket::from(owned(fd, stage)?);
        let failed = |e: io::Error| Failed::because(stage, &e);
        socket.send(&self.bytes).map_err(failed)?;
        let mut answer = [0; 1024];
        let n = io::Read::read(&mut &socket, &mut answer).map_err(failed)?;
        // An answer is a header and then an error number, 0 for none (netlink(7), NLMSG_ERROR).
        let errno = answer[..n].get(16..20).and_then(|b| b.try_into().ok()).map(i32::from_ne_bytes);
        match errno {
            Some(0) => Ok(()),
            Some(errno) => Err(Failed { stage, errno: -errno }),
            None => Err(Failed { stage, errno: libc::EPROTO }),
        }
    }
}

/// struct ifinfomsg: of its 16 bytes only the index is ours to say.
fn interface(index: i32) -> [u8; 16] {
    let mut header = [0; 16];
    header[4..8].copy_from_slice(&index.to_ne_bytes());
    header
}

/// What an interface counted (/proc/net/dev).
pub struct Counters {
    /// Packets that came in.
    pub received: u64,
    /// Packets that it could not pass on, either way.
    pub dropped: u64,
}

/// The counters of an interface of the calling thread's namespace; `None` where the kernel does not say.
pub fn counters(name: &str) -> Option<Counters> {
    let table = std::fs::read_to_string("/proc/thread-self/net/dev").ok()?;
    let line = table.lines().find_map(|line| line.trim_start().strip_prefix(name)?.strip_prefix(':'))?;
    let columns: Vec<u64> = line.split_whitespace().filter_map(|n| n.parse().ok()).collect();
    Some(Counters { received: *columns.get(1)?, dropped: columns.get(3)? + columns.get(11)? })
}

/// Opens the calling thread's network namespace, to come back to it or to lead others there.
pub fn this_namespace(stage: Stage) -> Step<File> {
    File::open("/proc/thread-self/ns/net").map_err(|e| Failed::because(stage, &e))
}
