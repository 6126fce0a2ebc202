//! Somebody else's programs as a source: their socket calls become the same events that a scenario's recorded sockets
//! leave, and everything behind the recorder is the same.
//!
//! `tracer` (Linux) follows the programs and says what it `seen`; `who` finds out who is a client and who the
//! server; `source` turns the calls into events; `conditions` decide which call is done what to; `ciphertext` says which
//! streams are encrypted; `interrupt` says whose a Ctrl-C is; `survival` finds out what breaks a program. All but the first are pure.

pub mod ciphertext;
pub mod conditions;
pub mod frames;
pub mod interrupt;
pub mod seen;
pub mod source;
pub mod survival;
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod tracer;
pub mod watching;
pub mod who;

#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
mod tracer {
    //! Elsewhere there is none.

    use super::watching::{Unwatchable, Watched, Watching};
    use std::time::Instant;

    pub(super) fn run(_: &Watching, _: Instant) -> Result<Watched, Unwatchable> {
        Err(Unwatchable::System)
    }
}

pub use watching::{OutputTo, Programs, Unwatchable, Watched, Watching};

use std::time::Instant;

/// Runs programs to their end, and says what they did; times count from `began`.
///
/// # Errors
/// Why nothing was watched.
pub fn run(watching: &Watching, began: Instant) -> Result<Watched, Unwatchable> {
    interrupt::watching(true);
    let watched = tracer::run(watching, began);
    interrupt::watching(false);
    watched
}

/// Finds out by doing whether programs can be watched here.
///
/// # Errors
/// Why not.
pub fn probe() -> Result<(), Unwatchable> {
    let watching = Watching {
        programs: Programs::One(vec!["true".to_owned()]),
        conditions: conditions::Conditions::default(),
        outputs: OutputTo::Nowhere,
        input: None,
        isolated: false,
        limit: None,
        announced: None,
        most_calls: 1,
    };
    run(&watching, Instant::now()).map(drop)
}
