//! The one place that knows processors: where a call's third argument is kept, which is how many bytes it asks for.

use super::super::seen::Id;
use std::io;

#[cfg(target_arch = "x86_64")]
fn third(registers: &mut libc::user_regs_struct) -> &mut u64 {
    &mut registers.rdx
}

#[cfg(target_arch = "aarch64")]
fn third(registers: &mut libc::user_regs_struct) -> &mut u64 {
    &mut registers.regs[2]
}

/// Sets the third argument of the call that a stopped thread enters or leaves. What stands there at the entry is what
/// the kernel executes (seccomp(2), SECCOMP_RET_TRACE); programs rely on finding it unchanged behind the call.
///
/// # Errors
/// ESRCH when the thread was killed.
pub(super) fn set_third(tid: Id, value: u64) -> io::Result<()> {
    let registers = std::mem::MaybeUninit::<libc::user_regs_struct>::zeroed();
    // SAFETY: the structure is plain integers, for which zero bytes are valid.
    let mut registers = unsafe { registers.assume_init() };
    let mut area = libc::iovec { iov_base: (&raw mut registers).cast(), iov_len: size_of_val(&registers) };
    let mut transfer = |request| {
        let set = libc::NT_PRSTATUS as usize;
        // SAFETY: the kernel reads or writes at most `iov_len` bytes at `iov_base`: the structure, live for the call.
        match unsafe { libc::ptrace(request, tid, set, &raw mut area) } {
            -1 => Err(io::Error::last_os_error()),
            _ => Ok(()),
        }
    };
    transfer(libc::PTRACE_GETREGSET)?;
    *third(&mut registers) = value;
    transfer(libc::PTRACE_SETREGSET)
}
