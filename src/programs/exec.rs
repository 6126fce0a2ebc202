//! `exec`: commands for another machine, over each of the documents' protocols.

use super::Exec;
use super::console::Console;
use super::trouble::{Result, Trouble};
use crate::exit::Exit;
use crate::text::Text;

/// One command, or a prompt.
///
/// # Errors
/// When the server cannot be reached, breaks off or breaks the protocol.
pub fn run(_: &Exec, _: &Console) -> Result<Exit> {
    Err(Trouble::local(Text::new("not in this version", "此版本没有")))
}
