//! The exit codes, each with its meaning. Nothing else in the program picks a number.

use crate::text::Text;
use std::process::ExitCode;

/// How a command ended; the number is what the shell sees.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// The claim was reproduced, the check passed, the transfer is whole; also when the reader of our output went away.
    #[default]
    Done = 0,
    /// A claim did not hold, a check failed, a transfer is not whole, a checksum differs.
    Failed = 1,
    /// Wrong usage.
    Usage = 2,
    /// This machine, or its state, cannot do it.
    NotHere = 3,
    /// Interrupted; nothing half-written is left behind.
    Interrupted = 130,
}

impl Exit {
    /// Every code.
    pub const ALL: [Exit; 5] = [Exit::Done, Exit::Failed, Exit::Usage, Exit::NotHere, Exit::Interrupted];

    /// What it means, for the man page.
    pub const fn meaning(self) -> Text {
        match self {
            Exit::Done => Text::new("the claims were reproduced; the transfer is whole", "论断已复现；传输完整"),
            Exit::Failed => Text::new(
                "a claim did not hold; the transfer is not whole, a checksum differs",
                "有论断不成立；传输不完整，或摘要不符",
            ),
            Exit::Usage => Text::new("wrong usage", "用法错误"),
            Exit::NotHere => Text::new("this machine, or its state, cannot do it", "这台机器或它的状态做不到"),
            Exit::Interrupted => Text::new("interrupted; nothing half-written is left", "被中断；没有留下半成品"),
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}
