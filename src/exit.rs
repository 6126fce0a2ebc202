//! The exit codes, each with its meaning. Nothing else in the program picks a number.

use std::process::ExitCode;

/// How a command ended; the number is what the shell sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// The claim was reproduced, the check passed; also when the reader of our output went away.
    Done = 0,
    /// A claim did not hold, a check failed, a checksum differs.
    Failed = 1,
    /// Wrong usage.
    Usage = 2,
    /// This machine, or its state, cannot do it.
    NotHere = 3,
    /// Interrupted; nothing half-written is left behind.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}
