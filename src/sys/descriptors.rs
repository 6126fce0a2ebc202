//! The files that a process has open: how many, and who inherits them.

#[cfg(unix)]
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
#[cfg(unix)]
use std::{io, sync::OnceLock};

/// The limit before it was raised.
#[cfg(unix)]
static USUAL: OnceLock<Rlimit> = OnceLock::new();

/// As many open files as this user may have: a shell's usual 1024 are soon used up (getrlimit(2)).
pub fn raise_open_files() {
    #[cfg(unix)]
    {
        let limit = getrlimit(Resource::Nofile);
        USUAL.get_or_init(|| limit);
        // macOS promises "no limit" and refuses more than OPEN_MAX, 10240 (setrlimit(2) there).
        for most in [65_536, 10_240] {
            let current = Some(limit.maximum.map_or(most, |maximum| maximum.min(most)));
            if setrlimit(Resource::Nofile, Rlimit { current, ..limit }).is_ok() {
                return;
            }
        }
    }
}

/// The limit that this process began with, for one that it starts: old programs count to it, or use select(2), which
/// ends at 1024. Makes two system calls, and may be called between fork and exec.
///
/// # Errors
/// What setrlimit says.
#[cfg(unix)]
pub(crate) fn usual_open_files() -> io::Result<()> {
    let Some(usual) = USUAL.get() else { return Ok(()) };
    // Somebody may have lowered the hard limit meanwhile (prlimit(2)).
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let current = usual.current.into_iter().chain(maximum).min();
    Ok(setrlimit(Resource::Nofile, Rlimit { current, maximum })?)
}

/// How many more files this process may open now; `None` where no such limit is known (getrlimit(2)).
pub(crate) fn free() -> Option<usize> {
    #[cfg(unix)]
    {
        let most = usize::try_from(getrlimit(Resource::Nofile).current?).unwrap_or(usize::MAX);
        Some(most.saturating_sub(listed().count()))
    }
    #[cfg(not(unix))]
    None
}

/// The numbers of the files that are open; Linux and macOS list them (fd(4), proc(5)).
#[cfg(unix)]
fn listed() -> impl Iterator<Item = i32> {
    let entries = std::fs::read_dir("/dev/fd").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// What this process was given open, beside its three streams, it keeps to itself: a shell may have left a file open that
/// nobody else should read. Whatever this program opens itself is closed on exec already.
pub(crate) fn keep_inherited() {
    #[cfg(unix)]
    {
        use rustix::io::{FdFlags, fcntl_setfd};
        for number in listed().filter(|number| *number > 2).collect::<Vec<_>>() {
            // SAFETY: it is used for this one call; of a number that is not open any more the call says so.
            let descriptor = unsafe { std::os::fd::BorrowedFd::borrow_raw(number) };
            let _ = fcntl_setfd(descriptor, FdFlags::CLOEXEC);
        }
    }
}
