//! Recorded sockets. Each method makes one system call and leaves one event, errors included, so a
//! scenario cannot forget to log and cannot log what did not happen.

mod allowance;
pub(crate) mod asked_at;
pub mod barrier;
mod dead_port;
mod end;
mod error;
mod holder;
mod outgoing;
pub(crate) mod recorded;
mod settings;
mod staged;
pub mod statistics;
mod tcp;
mod udp;
pub(crate) mod waker;

pub use allowance::{Allowance, Deadline};
pub use dead_port::DeadPort;
pub use end::{End, Place};
pub use error::{NetError, Result, Spoiled};
pub use holder::Holder;
pub use outgoing::{Outgoing, Piece};
pub use settings::{Opt, Settings};
pub use tcp::{Conn, Listener, Tcp};
pub use udp::Udp;
