//! Ctrl-C while programs are watched: it is theirs. A process that ran before is not ended by it: it is let go.

use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

/// Programs are watched, and nobody has interrupted them yet.
static UNINTERRUPTED: AtomicBool = AtomicBool::new(false);
/// The process that ran before; 0 is none.
static ATTACHED: AtomicI32 = AtomicI32::new(0);

/// Programs are watched from now on, or no longer.
pub(super) fn watching(begun: bool) {
    ATTACHED.store(0, Ordering::Relaxed);
    UNINTERRUPTED.store(begun, Ordering::Relaxed);
}

/// A process is watched that ran before.
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
pub(super) fn attached(pid: i32) {
    ATTACHED.store(pid, Ordering::Relaxed);
}

/// Has somebody interrupted what is watched?
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
pub(super) fn came() -> bool {
    !UNINTERRUPTED.load(Ordering::Relaxed)
}

/// For the interrupt handler: should this interrupt be left to the programs that are watched?
pub fn deferred() -> bool {
    let deferred = UNINTERRUPTED.swap(false, Ordering::Relaxed);
    #[cfg(target_os = "linux")]
    if let (true, Some(pid)) = (deferred, rustix::process::Pid::from_raw(ATTACHED.load(Ordering::Relaxed))) {
        // The tracer waits for what the process does; what this makes it do, it keeps to itself. A process that is gone
        // has told so.
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::CONT);
    }
    deferred
}
