//! The echo and the chat: `serve upper`, `serve chat`, `talk`.

mod chat;
mod inbox;
mod input;
mod over_tcp;
mod over_udp;
mod said;
mod upper;

pub use chat::serve as chat;
pub use upper::{serve as upper, serve_udp as upper_udp};

use super::Talk;
use super::console::Console;
use super::trouble::Result;
use crate::exit::Exit;

/// Lines to a server, and its answers.
///
/// # Errors
/// When the server cannot be reached or breaks off.
pub fn run(talk: &Talk, console: &Console) -> Result<Exit> {
    if talk.udp { over_udp::run(talk, console) } else { over_tcp::run(talk, console) }
}
