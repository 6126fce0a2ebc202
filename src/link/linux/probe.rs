//! Finds out what works here by doing it, in another process.

use super::ADDRESSES;
use super::port::{self, Backend};
use super::sys::{self, Step};
use super::trouble::{Failed, Stage, Trouble};
use crate::link::spec::Spec;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::FromRawFd;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

/// What came of [`prepare`].
static PREPARED: OnceLock<Result<(), Trouble>> = OnceLock::new();

/// Readies this process for links: whoever may not make network namespaces gets a user namespace, in which
/// that is allowed (user_namespaces(7)); root needs none. Must come before any thread is started.
/// Nobody and nothing else is touched, and the namespace ends with the process. Where it is not possible
/// the process stays as it was, and [`Link::start`](super::Link::start) says why.
pub fn prepare() {
    PREPARED.get_or_init(|| if is_able() { Ok(()) } else { become_able() });
}

/// Why no link can be started, when that is known already.
pub(super) fn known_trouble() -> Option<Trouble> {
    PREPARED.get().and_then(|prepared| prepared.err())
}

fn become_able() -> Result<(), Trouble> {
    probe(Backend::Tun).or_else(|tun| probe(Backend::Veth).map_err(|veth| Trouble { tun, veth: Some(veth) }))?;
    enter_user_namespace().map_err(|tun| Trouble { tun, veth: None })
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
    let mut ends = [0; 2];
    // SAFETY: pipe2 fills in two ints.
    sys::check(unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) }, Stage::Probe)?;
    // SAFETY: pipe2 succeeded, so both are open and nobody else's.
    let (mut from, mut to) = unsafe { (File::from_raw_fd(ends[0]), File::from_raw_fd(ends[1])) };
    // SAFETY: in the child only `attempt` runs, on this one thread, and then _exit; it takes no lock that another
    // thread could have held when the process was copied, save the allocator's, which glibc and musl see to.
    let child = sys::check(unsafe { libc::fork() }, Stage::Probe)?;
    if child == 0 {
        let (stage, errno) = match attempt(backend) {
            Ok(()) => (u8::MAX, 0),
            Err(failed) => (failed.stage as u8, failed.errno),
        };
        let mut report = vec![stage];
        report.extend(errno.to_ne_bytes());
        let _ = to.write_all(&report);
        // SAFETY: ends this copy of the process without running anything of the original's.
        unsafe { libc::_exit(0) };
    }
    drop(to);
    let mut report = [0; 5];
    let told = from.read_exact(&mut report);
    // Its end takes as long as the kernel needs to take its interfaces down: the report is enough to go on.
    *child_left() = Some(child);
    match (told, Stage::from_number(report[0])) {
        (Ok(()), None) => Ok(()),
        (Ok(()), Some(stage)) => {
            Err(Failed { stage, errno: i32::from_ne_bytes([report[1], report[2], report[3], report[4]]) })
        }
        (Err(error), _) => Err(Failed::because(Stage::Probe, &error)),
    }
}

/// The process that tried last, until it has been waited for.
static CHILD: Mutex<Option<libc::pid_t>> = Mutex::new(None);

fn child_left() -> MutexGuard<'static, Option<libc::pid_t>> {
    CHILD.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits for the process that tried, at most the tens of milliseconds that it takes to end. Who ends without is
/// survived by it, and where the first process of a container waits for nobody its entry stays for good.
pub fn reap() {
    // Held while waiting: whoever comes second waits, too.
    let mut left = child_left();
    if let Some(child) = left.take() {
        // SAFETY: waitpid may be told to store no status.
        unsafe { libc::waitpid(child, std::ptr::null_mut(), 0) };
    }
}

fn attempt(backend: Backend) -> Step<()> {
    if !is_able() {
        enter_user_namespace()?;
    }
    for (_, port) in port::hosts(backend, &Spec::default(), ADDRESSES)? {
        // Left to the end of the process: closing takes its time.
        std::mem::forget(port);
    }
    Ok(())
}

/// A user namespace in which the user is who they were: files belong to whom they belonged.
fn enter_user_namespace() -> Step<()> {
    // SAFETY: both always succeed.
    let (user, group) = unsafe { (libc::geteuid(), libc::getegid()) };
    // SAFETY: no pointers.
    sys::check(unsafe { libc::unshare(libc::CLONE_NEWUSER) }, Stage::UserNamespace)?;
    let put = |name: &str, text: String| {
        std::fs::write(format!("/proc/self/{name}"), text).map_err(|e| Failed::because(Stage::IdMap, &e))
    };
    put("setgroups", "deny".into())?;
    put("uid_map", format!("{user} {user} 1"))?;
    put("gid_map", format!("{group} {group} 1"))
}
