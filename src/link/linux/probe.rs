//! Finds out what works here by doing it, in another process.

use super::device::{self, ADDRESSES, Backend};
use super::namespace::make_user;
use super::setup_error::{SetupError, SetupStep, Step, Unavailable};
use crate::link::spec::Spec;
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, WaitOptions, waitpid};
use std::fs::File;
use std::io::{Read, Write};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

/// What came of [`prepare`].
static PREPARED: OnceLock<Result<(), Unavailable>> = OnceLock::new();

/// Readies this process for links: whoever may not make network namespaces gets a user namespace, in which
/// that is allowed (user_namespaces(7)); root needs none. Must come before any thread is started.
/// Nobody and nothing else is touched, and the namespace ends with the process. Where it is not possible
/// the process stays as it was, and [`Link::start`](crate::link::Link::start) says why.
pub fn prepare() {
    PREPARED.get_or_init(|| if is_able() { Ok(()) } else { become_able() });
}

/// Why no link can be started, when that is known already.
pub(super) fn known_reason() -> Option<Unavailable> {
    PREPARED.get().and_then(|prepared| prepared.err())
}

fn become_able() -> Result<(), Unavailable> {
    probe(Backend::Tun).or_else(|tun| probe(Backend::Veth).map_err(|veth| Unavailable { tun, veth: Some(veth) }))?;
    make_user().map_err(|tun| Unavailable { tun, veth: None })
}

/// Has this process the capabilities that a link takes? In a container root may be without them.
fn is_able() -> bool {
    // CAP_NET_ADMIN, CAP_NET_RAW and CAP_SYS_ADMIN (capabilities(7)).
    const NEEDED: u64 = 1 << 12 | 1 << 13 | 1 << 21;
    let status = std::fs::read_to_string("/proc/thread-self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & NEEDED == NEEDED)
}

/// Makes both hosts in another process, which reports and is gone.
///
/// # Errors
/// The step that failed there.
pub fn probe(backend: Backend) -> Step<()> {
    reap();
    let (from, to) = pipe_with(PipeFlags::CLOEXEC).map_err(SetupError::at(SetupStep::Probe))?;
    let (mut from, mut to) = (File::from(from), File::from(to));
    // SAFETY: in the child only `attempt` runs, on this one thread, and then _exit; it takes no lock that another
    // thread could have held when the process was copied, save the allocator's, which glibc and musl see to.
    let child = SetupError::check(unsafe { libc::fork() }, SetupStep::Probe)?;
    let Some(child) = Pid::from_raw(child) else {
        let (stage, errno) = match attempt(backend) {
            Ok(()) => (u8::MAX, 0),
            Err(error) => (error.stage as u8, error.errno),
        };
        let mut report = vec![stage];
        report.extend(errno.to_ne_bytes());
        let _ = to.write_all(&report);
        // SAFETY: ends this copy of the process without running anything of the original's.
        unsafe { libc::_exit(0) };
    };
    drop(to);
    let mut report = [0; 5];
    let read = from.read_exact(&mut report);
    // Its end takes as long as the kernel needs to take its interfaces down: the report is enough to go on.
    *child_left() = Some(child);
    read.map_err(SetupError::at(SetupStep::Probe))?;
    let [stage, errno @ ..] = report;
    match SetupStep::from_number(stage) {
        None => Ok(()),
        Some(stage) => Err(SetupError { stage, errno: i32::from_ne_bytes(errno) }),
    }
}

/// The process that tried last, until it has been waited for.
static CHILD: Mutex<Option<Pid>> = Mutex::new(None);

fn child_left() -> MutexGuard<'static, Option<Pid>> {
    CHILD.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits for the process that tried: the tens of milliseconds that it takes to end at most. A process that ends
/// without waiting leaves it to the first process of the system; where that one waits for nobody (in some
/// containers), its entry stays for good.
pub fn reap() {
    // Held while waiting, so that a second caller waits, too.
    let mut left = child_left();
    if let Some(child) = left.take() {
        let _ = waitpid(Some(child), WaitOptions::empty());
    }
}

fn attempt(backend: Backend) -> Step<()> {
    if !is_able() {
        make_user()?;
    }
    for (_, device) in device::hosts(backend, &Spec::default(), ADDRESSES)? {
        // Left to the end of the process: closing takes its time.
        std::mem::forget(device);
    }
    Ok(())
}
