//! Linux: network namespaces, and the thread that forwards between them.

mod device;
mod forwarder;
mod host;
mod interface;
mod namespace;
mod netlink;
mod probe;
mod setup_error;
mod two_hosts;

pub use device::Backend;
pub use host::Host;
pub use probe::{prepare, probe, reap};
pub use setup_error::{SetupError, SetupStep, Unavailable};
pub use two_hosts::Link;
