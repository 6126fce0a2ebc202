//! ptrace(2): the requests that are made here, and what a stop means. All of them come from the thread that seized.

use super::super::seen::Id;
use std::io;

/// What is followed: every child and thread.
const OPTIONS: i32 = libc::PTRACE_O_TRACESECCOMP
    | libc::PTRACE_O_TRACEFORK
    | libc::PTRACE_O_TRACEVFORK
    | libc::PTRACE_O_TRACECLONE
    | libc::PTRACE_O_TRACEEXEC
    | libc::PTRACE_O_TRACEEXIT
    | libc::PTRACE_O_TRACESYSGOOD;

/// Whose end is whose, when the tracer's comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Life {
    /// A process that was started here ends with its tracer.
    Tied,
    /// One that ran before goes on.
    Own,
}

/// Why a thread stopped, or that it is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Halt {
    /// It is gone: the status of wait(2).
    Gone(i32),
    /// At the entry of a call that the filter names.
    Entry,
    /// At the exit of a call, or at the entry of any (without a filter).
    Exit,
    /// It made a process or a thread, whose number is the message.
    Child,
    /// It became another program; the message is the number that the thread had.
    Exec,
    /// It is about to end.
    Ending,
    /// Job control stopped it; it stays so until it is continued (SIGCONT).
    Group,
    /// It was seized, or something else that concerns nobody.
    Nothing,
    /// A signal is about to be delivered.
    Signal(i32),
}

impl Halt {
    fn of(status: i32) -> Halt {
        if !libc::WIFSTOPPED(status) {
            return Halt::Gone(status);
        }
        let signal = libc::WSTOPSIG(status);
        match status >> 16 {
            libc::PTRACE_EVENT_SECCOMP => Halt::Entry,
            libc::PTRACE_EVENT_FORK | libc::PTRACE_EVENT_VFORK | libc::PTRACE_EVENT_CLONE => Halt::Child,
            libc::PTRACE_EVENT_EXEC => Halt::Exec,
            libc::PTRACE_EVENT_EXIT => Halt::Ending,
            libc::PTRACE_EVENT_STOP if signal != libc::SIGTRAP => Halt::Group,
            0 if signal == libc::SIGTRAP | 0x80 => Halt::Exit,
            0 => Halt::Signal(signal),
            _ => Halt::Nothing,
        }
    }
}

/// How a stopped thread goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Go {
    /// Until the next call that the filter names.
    On,
    /// Until the call that it is in returns.
    ToExit,
    /// As job control left it.
    Stopped,
}

fn checked(result: libc::c_long) -> io::Result<libc::c_long> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// The next stop of any traced thread; with `look` only if there is one already.
///
/// # Errors
/// ECHILD when nobody is left.
pub(super) fn wait(look: bool) -> io::Result<Option<(Id, Halt)>> {
    let flags = libc::__WALL | if look { libc::WNOHANG } else { 0 };
    loop {
        let mut status = 0;
        // SAFETY: the pointer is to a live integer.
        match checked(unsafe { libc::waitpid(-1, &mut status, flags) }.into()) {
            Ok(0) => return Ok(None),
            Ok(tid) => return Ok(Some((tid as Id, Halt::of(status)))),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
}

/// Becomes the tracer of a process, which goes on undisturbed.
///
/// # Errors
/// EPERM where the system forbids it.
pub(super) fn seize(pid: Id, life: Life) -> io::Result<()> {
    let options = OPTIONS | if life == Life::Tied { libc::PTRACE_O_EXITKILL } else { 0 };
    // SAFETY: SEIZE takes no pointers; the last argument is the options.
    checked(unsafe { libc::ptrace(libc::PTRACE_SEIZE, pid, 0usize, options as usize) }).map(drop)
}

/// Makes a thread stop that runs.
pub(super) fn interrupt(tid: Id) {
    // SAFETY: INTERRUPT takes no pointers. That the thread is gone is told by the next wait.
    let _ = unsafe { libc::ptrace(libc::PTRACE_INTERRUPT, tid, 0usize, 0usize) };
}

/// Lets a stopped thread go for good, with this signal.
pub(super) fn detach(tid: Id, signal: i32) {
    // SAFETY: DETACH takes no pointers; the last argument is the signal.
    let _ = unsafe { libc::ptrace(libc::PTRACE_DETACH, tid, 0usize, signal as usize) };
}

/// Lets a stopped thread go on. That it was killed meanwhile is told by the next wait.
pub(super) fn resume(tid: Id, go: Go, signal: i32) {
    let request = match go {
        Go::On => libc::PTRACE_CONT,
        Go::ToExit => libc::PTRACE_SYSCALL,
        Go::Stopped => libc::PTRACE_LISTEN,
    };
    // SAFETY: these requests take no pointers; the last argument is the signal.
    let _ = unsafe { libc::ptrace(request, tid, 0usize, signal as usize) };
}

/// Writes a word of a stopped thread's memory, of a page that it may only read, too.
///
/// # Errors
/// EIO where nothing is mapped.
pub(super) fn poke(tid: Id, at: u64, value: u64) -> io::Result<()> {
    // SAFETY: POKEDATA takes the other process's address and the value itself; nothing of this process is touched.
    checked(unsafe { libc::ptrace(libc::PTRACE_POKEDATA, tid, at as usize, value as usize) }).map(drop)
}

/// What an event tells: the number of a child, the former number of a thread.
pub(super) fn message(tid: Id) -> io::Result<Id> {
    let mut message: libc::c_ulong = 0;
    // SAFETY: GETEVENTMSG writes one unsigned long through the pointer, which is live for the call.
    checked(unsafe { libc::ptrace(libc::PTRACE_GETEVENTMSG, tid, 0usize, &mut message) })?;
    Ok(message as Id)
}

/// `struct ptrace_syscall_info` (linux/ptrace.h): of an entry the call's number and its arguments, of an exit the result.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Information {
    op: u8,
    pad: [u8; 3],
    arch: u32,
    instruction: u64,
    stack: u64,
    values: [u64; 8],
}

fn information(tid: Id) -> io::Result<Information> {
    /// Since Linux 5.3.
    const GET_SYSCALL_INFO: libc::c_uint = 0x420e;
    let mut told = Information::default();
    let size = size_of::<Information>();
    // SAFETY: at most `size` bytes are written through the pointer, which is to a live value of that size; it is plain
    // integers.
    checked(unsafe { libc::ptrace(GET_SYSCALL_INFO as _, tid, size, &mut told) })?;
    Ok(told)
}

/// Is the thread at the entry of a call (PTRACE_SYSCALL_INFO_ENTRY)?
pub(super) fn enters(tid: Id) -> bool {
    information(tid).is_ok_and(|told| told.op == 1)
}

/// The number and the arguments of the call that a thread enters.
pub(super) fn entry(tid: Id) -> io::Result<(i64, [u64; 6])> {
    let [number, a, b, c, d, e, f, _] = information(tid)?.values;
    Ok((number as i64, [a, b, c, d, e, f]))
}

/// What the call that a thread leaves returned: a negative number is an error.
pub(super) fn result(tid: Id) -> io::Result<i64> {
    Ok(information(tid)?.values[0] as i64)
}
