//! What the descriptors of watched programs are: looked up once each, until they are closed.

use super::super::seen::{FoundSocket, Id, SocketKey, SocketSeen, Target};
use crate::net::statistics;
use crate::trace::{Evidence, Proto};
use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};
use socket2::{SockAddr, Socket};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;

/// What a descriptor is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Descriptor {
    /// A socket of the internet families.
    Socket(SocketKey, Proto),
    /// The standard output the programs were started with.
    Output,
    /// The standard error they were started with.
    ErrorOutput,
    /// Something else.
    Other,
}

/// A file's identity: device and inode.
type Identity = (u64, u64);

/// What is known of the descriptors of every process.
#[derive(Default)]
pub(super) struct Descriptors {
    known: HashMap<Id, HashMap<i32, Descriptor>>,
    handles: HashMap<Id, OwnedFd>,
    /// What each program was given as standard output and error.
    outputs: Vec<Identity>,
}

impl Descriptors {
    /// A program starts whose standard output and error are these.
    pub(super) fn started(&mut self, pid: Id) {
        self.outputs.extend([1, 2].iter().filter_map(|fd| identity(pid, *fd)));
    }

    /// What a descriptor is.
    pub(super) fn of(&mut self, pid: Id, fd: i32) -> Descriptor {
        if let Some(known) = self.known.get(&pid).and_then(|of| of.get(&fd)) {
            return *known;
        }
        let found = self.look(pid, fd);
        self.known.entry(pid).or_default().insert(fd, found);
        found
    }

    fn look(&mut self, pid: Id, fd: i32) -> Descriptor {
        let Ok(link) = std::fs::read_link(format!("/proc/{pid}/fd/{fd}")) else { return Descriptor::Other };
        if !link.as_os_str().as_encoded_bytes().starts_with(b"socket:") {
            let printed = (1..=2).contains(&fd) && identity(pid, fd).is_some_and(|id| self.outputs.contains(&id));
            return match (printed, fd) {
                (true, 1) => Descriptor::Output,
                (true, _) => Descriptor::ErrorOutput,
                (false, _) => Descriptor::Other,
            };
        }
        self.socket(pid, fd).and_then(|socket| internet(&socket)).unwrap_or(Descriptor::Other)
    }

    /// The program's own socket, duplicated into this process (pidfd_getfd(2)). It is to be dropped at once: one that
    /// stays open keeps the connection open.
    pub(super) fn socket(&mut self, pid: Id, fd: i32) -> Option<Socket> {
        self.duplicate(pid, fd).map(Socket::from)
    }

    /// A descriptor of a program, duplicated into this process; it is to be dropped at once, too.
    pub(super) fn duplicate(&mut self, pid: Id, fd: i32) -> Option<OwnedFd> {
        let handle = match self.handles.entry(pid) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(pidfd_open(Pid::from_raw(pid)?, PidfdFlags::empty()).ok()?),
        };
        pidfd_getfd(&*handle, fd, PidfdGetfdFlags::empty()).ok()
    }

    /// The descriptor is closed, or something else now.
    pub(super) fn forget(&mut self, pid: Id, fds: std::ops::RangeInclusive<i32>) {
        if let Some(of) = self.known.get_mut(&pid) {
            of.retain(|fd, _| !fds.contains(fd));
        }
    }

    /// Those between these that are sockets.
    pub(super) fn sockets(&mut self, pid: Id, fds: std::ops::RangeInclusive<i32>) -> Vec<i32> {
        let among = self.open(pid).into_iter().filter(|fd| fds.contains(fd));
        let among: Vec<i32> = among.collect();
        among.into_iter().filter(|fd| matches!(self.of(pid, *fd), Descriptor::Socket(..))).collect()
    }

    /// Every descriptor that a process has open.
    fn open(&self, pid: Id) -> Vec<i32> {
        let names = std::fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
        names.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
    }

    /// The sockets that a process has, each with the bytes that wait to be received.
    pub(super) fn found(&mut self, pid: Id) -> Vec<(FoundSocket, u32)> {
        let mut found = Vec::new();
        for fd in self.open(pid) {
            let Descriptor::Socket(key, proto) = self.of(pid, fd) else { continue };
            let Some(socket) = self.socket(pid, fd) else { continue };
            let listens = option::<i32>(&socket, libc::SO_ACCEPTCONN).is_some_and(|listens| listens != 0);
            let Target::Socket(told) = seen(&socket, key, proto) else { continue };
            found.push((FoundSocket { fd, socket: told, listens }, statistics::queued(&socket).unwrap_or(0)));
        }
        found
    }

    /// A process is over.
    pub(super) fn forget_process(&mut self, pid: Id) {
        self.known.remove(&pid);
        self.handles.remove(&pid);
    }

    /// A process became another program: the sockets that it still has.
    pub(super) fn executed(&mut self, pid: Id) -> Vec<(i32, SocketKey)> {
        self.known.remove(&pid);
        let sockets = self.open(pid).into_iter().filter_map(|fd| match self.of(pid, fd) {
            Descriptor::Socket(key, _) => Some((fd, key)),
            _ => None,
        });
        sockets.collect()
    }
}

fn identity(pid: Id, fd: i32) -> Option<Identity> {
    let data = std::fs::metadata(format!("/proc/{pid}/fd/{fd}")).ok()?;
    Some((data.dev(), data.ino()))
}

/// Which socket it is, when it is TCP's or UDP's.
fn internet(socket: &Socket) -> Option<Descriptor> {
    let domain = option::<i32>(socket, libc::SO_DOMAIN)?;
    let proto = match (domain, option::<i32>(socket, libc::SO_TYPE)?, option::<i32>(socket, libc::SO_PROTOCOL)?) {
        (libc::AF_INET | libc::AF_INET6, libc::SOCK_STREAM, libc::IPPROTO_TCP) => Proto::Tcp,
        (libc::AF_INET | libc::AF_INET6, libc::SOCK_DGRAM, libc::IPPROTO_UDP) => Proto::Udp,
        _ => return None,
    };
    Some(Descriptor::Socket(SocketKey(option(socket, libc::SO_COOKIE)?), proto))
}

/// An option of the socket's own level.
fn option<T: Default>(socket: &Socket, name: i32) -> Option<T> {
    value(socket, libc::SOL_SOCKET, name)
}

/// An option's value now.
pub(super) fn value<T: Default>(socket: &Socket, level: i32, name: i32) -> Option<T> {
    let mut value = T::default();
    let mut len = size_of::<T>() as libc::socklen_t;
    // SAFETY: at most `len` bytes are written through the pointer, which is to a live value of that size; only integers
    // are asked for.
    let result = unsafe { libc::getsockopt(socket.as_raw_fd(), level, name, (&raw mut value).cast(), &mut len) };
    (result == 0 && len as usize == size_of::<T>()).then_some(value)
}

/// An address, where there is one. The IPv4 address that an IPv6 socket shows is the IPv4 address.
fn canonical(told: io::Result<SockAddr>) -> Option<SocketAddr> {
    let address = told.ok()?.as_socket()?;
    Some((address.ip().to_canonical(), address.port()).into())
}

/// What a record says of a socket.
pub(super) fn seen(socket: &Socket, key: SocketKey, proto: Proto) -> Target {
    let local = canonical(socket.local_addr()).filter(|address| address.port() != 0);
    Target::Socket(SocketSeen { key, proto, local, peer: canonical(socket.peer_addr()) })
}

/// What the kernel says about a socket.
pub(super) fn evidence(socket: &Socket, proto: Proto) -> Evidence {
    match proto {
        Proto::Tcp => statistics::tcp(socket),
        Proto::Udp => statistics::udp(socket),
    }
}

/// The same of a socket that cannot be asked any more.
pub(super) fn unnamed(key: SocketKey, proto: Proto) -> Target {
    Target::Socket(SocketSeen { key, proto, local: None, peer: None })
}

/// Do its calls not wait (O_NONBLOCK)? The duplicate shares the flags.
pub(super) fn is_nonblocking(socket: &Socket) -> bool {
    rustix::fs::fcntl_getfl(socket).is_ok_and(|flags| flags.contains(rustix::fs::OFlags::NONBLOCK))
}
