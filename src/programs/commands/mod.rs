//! `serve commands`: the remote command runner of D0, D1 and D2, with a list of what may run.

use super::console::Console;
use super::trouble::{Result, Trouble};
use super::{CommandService, Serve};
use crate::exit::Exit;
use crate::text::Text;

/// Runs clients' commands until it is interrupted.
///
/// # Errors
/// When it cannot listen.
pub fn serve(_: &CommandService, _: &Serve, _: &Console) -> Result<Exit> {
    Err(Trouble::local(Text::new("not in this version", "此版本没有")))
}
