//! `get`.

use crate::exit::Exit;
use crate::programs::Get;
use crate::programs::console::Console;
use crate::programs::trouble::{Result, Trouble};
use crate::text::Text;

/// Transfers.
///
/// # Errors
/// When the transfer is not whole.
pub fn run(_: &Get, _: &Console) -> Result<Exit> {
    Err(Trouble::local(Text::new("not in this version", "此版本没有")))
}
