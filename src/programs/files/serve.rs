//! `serve files`.

use crate::exit::Exit;
use crate::programs::console::Console;
use crate::programs::trouble::{Result, Trouble};
use crate::programs::{FileService, Serve};
use crate::text::Text;

/// Takes uploads and gives downloads until it is interrupted.
///
/// # Errors
/// When it cannot listen or the root is no directory.
pub fn run(_: &FileService, _: &Serve, _: &Console) -> Result<Exit> {
    Err(Trouble::local(Text::new("not in this version", "此版本没有")))
}
