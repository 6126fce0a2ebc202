//! A network of a program's own (network_namespaces(7)): nothing but loopback, and no port that an earlier run still
//! holds.

use super::super::seen::Id;
use rustix::process::{getegid, geteuid};
use std::ffi::{CStr, CString};
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;

/// A program's network (network_namespaces(7)).
pub(super) enum Network {
    /// This process's.
    Shared,
    /// One of its own, with nothing but loopback. Without privilege a user namespace comes with it.
    Own,
    /// That of a program which has one of its own.
    Joined(Id),
}

/// The same, ready for a process that may not allocate any more.
pub(super) enum Prepared {
    Shared,
    /// The maps of a user namespace in which its numbers stay; `None` with the privilege to do without.
    Own(Option<[CString; 2]>),
    /// The namespaces to enter.
    Joined(Vec<File>),
}

/// Makes ready what [`enter`] needs.
pub(super) fn prepared(network: &Network) -> io::Result<Prepared> {
    let privileged = geteuid().is_root();
    let map = |id: u32| CString::new(format!("{id} {id} 1"));
    Ok(match network {
        Network::Shared => Prepared::Shared,
        Network::Own if privileged => Prepared::Own(None),
        Network::Own => Prepared::Own(Some([map(geteuid().as_raw())?, map(getegid().as_raw())?])),
        Network::Joined(pid) => {
            let names = if privileged { &["net"][..] } else { &["user", "net"] };
            let open = |name: &&str| File::open(format!("/proc/{pid}/ns/{name}"));
            Prepared::Joined(names.iter().map(open).collect::<io::Result<_>>()?)
        }
    })
}

/// Moves the calling process there; false when a call failed, whose errno is kept.
///
/// # Safety
/// Only in a process with one thread, between fork and execve: nothing here allocates.
pub(super) unsafe fn enter(prepared: &Prepared) -> bool {
    // SAFETY: the calls take integers, and pointers to strings that are live for the call.
    unsafe {
        match prepared {
            Prepared::Shared => true,
            Prepared::Own(None) => libc::unshare(libc::CLONE_NEWNET) == 0 && loopback(),
            Prepared::Own(Some([user, group])) => {
                libc::unshare(libc::CLONE_NEWUSER | libc::CLONE_NEWNET) == 0
                    && write(c"/proc/self/setgroups", c"deny")
                    && write(c"/proc/self/uid_map", user)
                    && write(c"/proc/self/gid_map", group)
                    && loopback()
            }
            Prepared::Joined(namespaces) => {
                namespaces.iter().all(|namespace| libc::setns(namespace.as_raw_fd(), 0) == 0)
            }
        }
    }
}

/// # Safety
/// As [`enter`].
unsafe fn write(name: &CStr, text: &CStr) -> bool {
    // SAFETY: both strings are live for the calls, and so many bytes are read from the second.
    unsafe {
        let fd = libc::open(name.as_ptr(), libc::O_WRONLY | libc::O_CLOEXEC);
        let len = text.count_bytes();
        fd >= 0 && libc::write(fd, text.as_ptr().cast(), len) == len as isize && libc::close(fd) == 0
    }
}

/// Brings the loopback interface up (netdevice(7)).
///
/// # Safety
/// As [`enter`].
unsafe fn loopback() -> bool {
    // SAFETY: the structure is plain integers, for which zero bytes are valid; the ioctls read and write it, and it is
    // live for the calls.
    unsafe {
        let control = libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0);
        let mut request: libc::ifreq = std::mem::zeroed();
        request.ifr_name[0] = b'l' as libc::c_char;
        request.ifr_name[1] = b'o' as libc::c_char;
        request.ifr_ifru.ifru_flags = libc::IFF_UP as libc::c_short;
        control >= 0
            && libc::ioctl(control, libc::SIOCSIFFLAGS as _, &raw mut request) == 0
            && libc::close(control) == 0
    }
}
