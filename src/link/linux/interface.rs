//! An interface of the calling thread's network namespace, set up with the ioctls of netdevice(7).

use super::setup_error::{SetupError, SetupStep, Step};
use crate::sys::wait;
use socket2::{Domain, Socket, Type};
use std::net::Ipv4Addr;
use std::os::fd::{AsFd, AsRawFd};
use std::time::Duration;

/// An interface that is there.
pub(super) struct Interface<'n> {
    name: &'n str,
    /// Tells the kernel which namespace is meant: the one in which this socket was made.
    control: Socket,
}

impl<'n> Interface<'n> {
    pub(super) fn named(name: &'n str) -> Step<Interface<'n>> {
        let control = Socket::new(Domain::IPV4, Type::DGRAM, None).map_err(SetupError::at(SetupStep::Configure))?;
        Ok(Interface { name, control })
    }

    /// Its number (if_nametoindex(3)).
    pub(super) fn index(&self) -> Step<u32> {
        rustix::net::netdevice::name_to_index(&self.control, self.name).map_err(SetupError::at(SetupStep::Configure))
    }

    pub(super) fn set_mtu(&self, mtu: u32) -> Step<()> {
        let mut request = request(self.name);
        request.ifr_ifru.ifru_mtu = mtu as libc::c_int;
        self.ioctl(libc::SIOCSIFMTU as _, &mut request)
    }

    /// Gives it its address, in a network of 24 bits.
    pub(super) fn set_address(&self, address: Ipv4Addr) -> Step<()> {
        let mask = Ipv4Addr::new(255, 255, 255, 0);
        for (number, value) in [(libc::SIOCSIFADDR, address), (libc::SIOCSIFNETMASK, mask)] {
            let mut request = request(self.name);
            request.ifr_ifru.ifru_addr = socket_address(value);
            self.ioctl(number as _, &mut request)?;
        }
        Ok(())
    }

    /// Sets IFF_UP, and these flags besides.
    pub(super) fn bring_up(&self, more: libc::c_int) -> Step<()> {
        let mut request = request(self.name);
        self.ioctl(libc::SIOCGIFFLAGS as _, &mut request)?;
        // SAFETY: SIOCGIFFLAGS has just filled in this field of the union.
        unsafe { request.ifr_ifru.ifru_flags |= (libc::IFF_UP | more) as libc::c_short };
        self.ioctl(libc::SIOCSIFFLAGS as _, &mut request)
    }

    /// Its Ethernet address.
    pub(super) fn hardware_address(&self) -> Step<[u8; 6]> {
        let mut request = request(self.name);
        self.ioctl(libc::SIOCGIFHWADDR as _, &mut request)?;
        // SAFETY: SIOCGIFHWADDR has just filled in this field of the union.
        let data = unsafe { request.ifr_ifru.ifru_hwaddr.sa_data };
        Ok(std::array::from_fn(|i| data[i] as u8))
    }

    /// Switches offloads off: no segments larger than the MTU and no checksums left to a card, so that packets are as
    /// they would be on a cable.
    pub(super) fn without_offloads(&self) -> Step<()> {
        const ETHTOOL_STXCSUM: u32 = 0x17;
        const ETHTOOL_STSO: u32 = 0x1f;
        const ETHTOOL_SGSO: u32 = 0x24;
        [ETHTOOL_STSO, ETHTOOL_SGSO, ETHTOOL_STXCSUM].into_iter().try_for_each(|what| self.ethtool(what).map(drop))
    }

    /// Waits for the carrier. Asking for it makes the kernel do what it has put off (linkwatch); until then packets
    /// are lost.
    pub(super) fn await_carrier(&self) -> Step<()> {
        const ETHTOOL_GLINK: u32 = 0x0a;
        let up = wait::until(Duration::from_secs(2), || self.ethtool(ETHTOOL_GLINK) == Ok(1));
        if up { Ok(()) } else { Err(SetupError { stage: SetupStep::Configure, errno: libc::ENETDOWN }) }
    }

    /// Sends one command of SIOCETHTOOL with the value 0, and returns the value that comes back.
    fn ethtool(&self, command: u32) -> Step<u32> {
        /// struct ethtool_value.
        #[repr(C)]
        struct EthtoolValue {
            command: u32,
            data: u32,
        }
        const SIOCETHTOOL: libc::c_ulong = 0x8946;
        let mut value = EthtoolValue { command, data: 0 };
        let to: *mut EthtoolValue = &mut value;
        let mut request = request(self.name);
        request.ifr_ifru.ifru_data = to.cast();
        self.ioctl(SIOCETHTOOL, &mut request)?;
        Ok(value.data)
    }

    fn ioctl(&self, number: libc::c_ulong, request: &mut libc::ifreq) -> Step<()> {
        ioctl(&self.control, number, request, SetupStep::Configure)
    }
}

/// A request about the interface of this name.
pub(super) fn request(name: &str) -> libc::ifreq {
    // SAFETY: ifreq is plain data, for which all zeroes is a value.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(name.bytes()) {
        *to = from as libc::c_char;
    }
    request
}

/// One ioctl on an ifreq.
pub(super) fn ioctl(fd: impl AsFd, number: libc::c_ulong, request: &mut libc::ifreq, stage: SetupStep) -> Step<()> {
    let request: *mut libc::ifreq = request;
    // SAFETY: the descriptor is borrowed; `request` points to a live ifreq, which is what these ioctls read and write.
    let rc = unsafe { libc::ioctl(fd.as_fd().as_raw_fd(), number as _, request) };
    SetupError::check(rc, stage).map(drop)
}

fn socket_address(ip: Ipv4Addr) -> libc::sockaddr {
    let mut sa_data = [0; 14];
    // In sockaddr_in the port comes first, two bytes, then the address in network order (ip(7)).
    for (to, from) in sa_data[2..6].iter_mut().zip(ip.octets()) {
        *to = from as libc::c_char;
    }
    libc::sockaddr { sa_family: libc::AF_INET as libc::sa_family_t, sa_data }
}

/// What an interface counted (/proc/net/dev).
pub(super) struct Counters {
    /// Packets that came in.
    pub(super) received: u64,
    /// Packets that it could not pass on, either way.
    pub(super) dropped: u64,
}

/// The counters of an interface of the calling thread's namespace; `None` where the kernel does not say.
pub(super) fn counters(name: &str) -> Option<Counters> {
    let table = std::fs::read_to_string("/proc/thread-self/net/dev").ok()?;
    let line = table.lines().find_map(|line| line.trim_start().strip_prefix(name)?.strip_prefix(':'))?;
    let columns: Vec<u64> = line.split_whitespace().filter_map(|n| n.parse().ok()).collect();
    Some(Counters { received: *columns.get(1)?, dropped: columns.get(3)? + columns.get(11)? })
}
