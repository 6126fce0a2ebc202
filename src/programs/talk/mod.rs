//! The echo and the chat: `serve upper`, `serve chat`, `talk`.

mod chat;
mod datagrams;
mod events;
mod input;
mod said;
mod stream;
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
    if talk.udp { datagrams::run(talk, console) } else { stream::run(talk, console) }
}
