//! Linux: network namespaces, and the thread that forwards between them.

mod device;
mod error;
mod forwarder;
mod host;
mod interface;
mod namespace;
mod netlink;
mod probe;
mod two_hosts;

pub use device::Backend;
pub use error::{SetupError, SetupStep, Unavailable};
pub use host::Host;
pub use probe::{prepare, probe, reap};
pub use two_hosts::Link;
