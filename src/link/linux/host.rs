//! A host of the link: a network namespace with one interface in it.

use super::forwarder::Handle;
use super::namespace::enter;
use super::setup_error::SetupError;
use std::fs::File;
use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;

/// One of the link's two hosts. A thread that enters it makes its sockets there; a socket stays where it was
/// made, whichever thread uses it later (network_namespaces(7)).
#[derive(Clone, Debug)]
pub struct Host {
    namespace: Arc<File>,
    address: Ipv4Addr,
    forwarder: Handle,
}

impl Host {
    pub(super) fn new(namespace: File, address: Ipv4Addr, forwarder: Handle) -> Host {
        Host { namespace: Arc::new(namespace), address, forwarder }
    }

    /// Is nothing under way between the hosts, and nothing about to be?
    pub fn link_is_quiet(&self) -> bool {
        self.forwarder.is_quiet()
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
        Ok(enter(&self.namespace)?)
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

impl From<SetupError> for io::Error {
    fn from(error: SetupError) -> io::Error {
        io::Error::from_raw_os_error(error.errno)
    }
}
