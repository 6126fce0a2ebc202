//! A host of the link: a network namespace of our own with one interface in it.

use super::sys::{self, Step};
use super::trouble::{Failed, Stage};
use super::wire::Watch;
use crate::link::spec::Spec;
use std::fs::File;
use std::io;
use std::net::Ipv4Addr;
use std::os::fd::AsRawFd;
use std::sync::Arc;

/// One of the link's two hosts. A thread that enters it makes its sockets there; a socket stays where it was
/// made, whichever thread uses it later (network_namespaces(7)).
#[derive(Clone, Debug)]
pub struct Host {
    namespace: Arc<File>,
    address: Ipv4Addr,
    watch: Watch,
}

impl Host {
    pub(super) fn new(namespace: File, address: Ipv4Addr, watch: Watch) -> Host {
        Host { namespace: Arc::new(namespace), address, watch }
    }

    /// Is nothing under way between the hosts, and nothing about to be?
    pub fn link_is_quiet(&self) -> bool {
        self.watch.is_quiet()
    }

    /// Its only address beside loopback.
    pub fn address(&self) -> Ipv4Addr {
        self.address
    }

    /// Moves the calling thread there; the threads it starts are there, too.
    ///
    /// # Errors
    /// What setns(2) says.
    pub fn enter(&self) -> io::Result<()> {
        Ok(enter(&self.namespace, Stage::NetNamespace)?)
    }

    /// Does something there, on a thread of its own: an ordinary user's thread that has left the namespace it came
    /// from may not go back.
    ///
    /// # Errors
    /// What setns(2) says, or that no thread could be started.
    pub fn visit<T: Send>(&self, act: impl FnOnce() -> T + Send) -> io::Result<T> {
        let there = || self.enter().map(|()| act());
        std::thread::scope(|scope| {
            let visitor = std::thread::Builder::new().name("visitor".into()).spawn_scoped(scope, there)?;
            visitor.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }
}

pub(super) fn enter(namespace: &File, stage: Stage) -> Step<()> {
    // SAFETY: no pointers.
    sys::check(unsafe { libc::setns(namespace.as_raw_fd(), libc::CLONE_NEWNET) }, stage).map(drop)
}

/// Moves the calling thread into a new network namespace, quiet and the same on every machine.
pub(super) fn make_namespace(spec: &Spec) -> Step<File> {
    let stage = Stage::NetNamespace;
    // SAFETY: no pointers.
    sys::check(unsafe { libc::unshare(libc::CLONE_NEWNET) }, stage)?;
    for (name, value) in [
        // Router solicitations and their like are nobody's lesson.
        ("ipv6/conf/default/disable_ipv6", "1"),
        ("ipv6/conf/all/disable_ipv6", "1"),
        ("ipv4/tcp_timestamps", if spec.timestamps { "1" } else { "0" }),
        // A tail-loss probe is one more segment whenever an ACK is late.
        ("ipv4/tcp_early_retrans", "0"),
        // What one connection learned about the path must not change the next.
        ("ipv4/tcp_no_metrics_save", "1"),
        // ICMP errors are limited to one a second except on loopback.
        ("ipv4/icmp_ratelimit", "0"),
    ] {
        sys::sysctl(name, value);
    }
    sys::bring_up("lo", 0)?;
    sys::this_namespace(stage)
}

impl From<Failed> for io::Error {
    fn from(failed: Failed) -> io::Error {
        io::Error::from_raw_os_error(failed.errno)
    }
}
