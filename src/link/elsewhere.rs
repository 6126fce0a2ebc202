//! Systems without network namespaces: there is no link, and this is where that is said.

use super::capture::{CaptureLimits, Traffic};
use super::spec::Spec;
use crate::text::Text;
use crate::trace::Role;
use std::convert::Infallible;
use std::io;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

/// Why there is no link here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unavailable;

impl Unavailable {
    /// What is missing and what would change it.
    pub fn text(&self) -> Text {
        Text::new(
            "no packet link on this system: it needs Linux's network namespaces (a virtual machine or WSL 2 has them)",
            "本系统无法建立模拟链路：它需要 Linux 的网络命名空间（虚拟机或 WSL 2 里有）",
        )
    }
}

/// Nothing can be readied.
pub fn prepare() {}

/// Nothing was left to wait for.
pub fn reap() {}

/// Cannot be made here.
#[derive(Debug)]
pub struct Link(Infallible);

impl Link {
    /// Always fails.
    ///
    /// # Errors
    /// Always.
    pub fn start(_: &Spec, _: CaptureLimits, _: Instant) -> Result<Link, Unavailable> {
        Err(Unavailable)
    }

    /// The host of an end.
    pub fn host(&self, _: Role) -> &Host {
        match self.0 {}
    }

    /// Waits until the wire is quiet.
    pub fn settle(&self, _: Duration) {
        match self.0 {}
    }

    /// Stops the wire.
    pub fn finish(self) -> Traffic {
        match self.0 {}
    }
}

/// Cannot be made here.
#[derive(Clone, Debug)]
pub struct Host(Infallible);

impl Host {
    /// Its address.
    pub fn address(&self) -> Ipv4Addr {
        match self.0 {}
    }

    /// Is nothing under way?
    pub fn link_is_quiet(&self) -> bool {
        match self.0 {}
    }

    /// Moves the calling thread there.
    ///
    /// # Errors
    /// None: it is never called.
    pub fn enter(&self) -> io::Result<()> {
        match self.0 {}
    }

    /// Does something there, on a thread of its own.
    ///
    /// # Errors
    /// None: it is never called.
    pub fn visit<T: Send>(&self, _: impl FnOnce() -> T + Send) -> io::Result<T> {
        match self.0 {}
    }
}
