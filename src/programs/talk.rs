//! The echo and the chat: `serve upper`, `serve chat`, `talk`.

use super::console::Console;
use super::server::Client;
use super::trouble::{Result, Trouble};
use super::{Serve, Talk};
use crate::exit::Exit;
use crate::text::Text;

fn later<T>() -> Result<T> {
    Err(Trouble::local(Text::new("not in this version", "此版本没有")))
}

/// Sends back what a client sends, in capitals, until it leaves.
///
/// # Errors
/// When the client breaks off.
pub fn upper(_: &mut Client) -> Result<()> {
    later()
}

/// The same with datagrams.
///
/// # Errors
/// When it cannot listen.
pub fn upper_udp(_: &Serve, _: &Console) -> Result<Exit> {
    later()
}

/// A chat with everybody who writes.
///
/// # Errors
/// When it cannot listen.
pub fn chat(_: &Serve, _: &Console) -> Result<Exit> {
    later()
}

/// Lines to a server, and its answers.
///
/// # Errors
/// When the server cannot be reached or breaks off.
pub fn run(_: &Talk, _: &Console) -> Result<Exit> {
    later()
}
