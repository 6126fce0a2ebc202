//! What happens between two rows.

use std::io::{self, Write};

/// Called between two rows: `--step` waits for Enter there, everything else goes on.
pub trait Steps {
    /// Before the row is written.
    ///
    /// # Errors
    /// When waiting or flushing fails.
    fn before(&mut self, out: &mut dyn Write) -> io::Result<()>;
}

impl Steps for () {
    fn before(&mut self, _: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }
}
