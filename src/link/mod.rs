//! The link: two hosts that are network namespaces of our own, an interface in each, and one thread of
//! ours that carries real packets between the two kernels' stacks, late, lost, doubled or out of order
//! as the learner says, and records each.
//!
//! [`spec`] reads what the learner asked for, [`faults`] decides what becomes of each packet, [`view`] and
//! [`dissect`] read packets, [`capture`] is what is recorded of them, [`pcapng`] writes them for Wireshark. Those are pure. The rest is Linux only.

pub mod capture;
pub mod dissect;
#[cfg(not(target_os = "linux"))]
mod elsewhere;
pub mod faults;
#[cfg(target_os = "linux")]
mod linux;
pub mod pcapng;
pub mod spec;
pub mod view;

pub use capture::{CaptureLimits, Captured, Traffic};
#[cfg(not(target_os = "linux"))]
pub use elsewhere::{Host, Link, Unavailable, prepare, reap};
#[cfg(target_os = "linux")]
pub use linux::{Backend, Host, Link, SetupError, SetupStep, Unavailable, prepare, probe, reap};
