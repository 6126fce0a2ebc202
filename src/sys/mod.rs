//! What the system is asked besides sockets, and the only places that ask it.

pub mod descriptors;
pub mod errno;
pub mod filename;
pub mod kernel;
pub mod keys;
pub(crate) mod partial;
pub mod port;
#[cfg(any(target_os = "linux", target_os = "android"))]
pub mod proc_net;
pub mod scratch;
pub mod terminal;
pub mod wait;
