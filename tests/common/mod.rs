//! What the tests stand on: the binary as a user starts it, servers and other peers, recordings built by hand.

#![allow(dead_code, unused_imports, reason = "each test uses its own part")]

mod binary;
mod peer;
mod random;
mod scene;
mod server;
mod side_by_side;
mod told;

pub use binary::{BINARY, PATIENCE, Ran, command, ended, finished, run, spawn, typed};
pub use peer::{arrived, hung_up, listener, python, reset, scripted, text};
pub use random::Random;
pub use scene::*;
pub use server::Server;
pub use side_by_side::side_by_side;
pub use told::Program;
