//! A command that runs, as each system keeps it.

use std::io;
use std::process::{Command, ExitStatus};
use std::time::Duration;

/// Which of the two outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pipe {
    /// Standard error.
    Stderr,
    /// Standard output.
    Stdout,
}

/// A command that runs, as a system keeps it.
pub trait Process: Sized {
    /// Starts it; its outputs are pipes.
    ///
    /// # Errors
    /// What the system says.
    fn start(command: &mut Command) -> io::Result<Self>;

    /// Takes what was printed, waiting for it at most so long. False when no more can be printed.
    fn take(&mut self, wait: Duration, taken: impl FnMut(Pipe, &[u8])) -> bool;

    /// True when the command itself has ended.
    fn ended(&mut self) -> bool;

    /// Ends it if it still runs, with what it started as far as the system knows that, and waits for it.
    ///
    /// # Errors
    /// What the system says.
    fn finish(&mut self) -> io::Result<ExitStatus>;
}
