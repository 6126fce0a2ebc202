//! The one place that knows processors: where a call's third argument is kept, which is how many bytes it asks for, and
//! how a call is left out.

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

/// Leaves a call out that a stopped thread enters: it returns this at once (seccomp(2), SECCOMP_RET_TRACE).
///
/// # Errors
/// ESRCH when the thread was killed.
pub(super) fn skip(tid: Id, result: u64) -> io::Result<()> {
    #[cfg(target_arch = "x86_64")]
    return change(tid, |registers| (registers.orig_rax, registers.rax) = (u64::MAX, result));
    #[cfg(target_arch = "aarch64")]
    {
        change(tid, |registers| registers.regs[0] = result)?;
        /// The number of the call (linux/elf.h).
        const NT_ARM_SYSTEM_CALL: libc::c_int = 0x404;
        transfer(libc::PTRACE_SETREGSET, tid, NT_ARM_SYSTEM_CALL, &mut -1i32)
    }
}

/// Sets the third argument of the call that a stopped thread enters or leaves. What stands there at the entry is what
/// the kernel executes (seccomp(2), SECCOMP_RET_TRACE); programs rely on finding it unchanged behind the call.
///
/// # Errors
/// ESRCH when the thread was killed.
pub(super) fn set_third(tid: Id, value: u64) -> io::Result<()> {
    change(tid, |registers| *third(registers) = value)
}

fn change(tid: Id, how: impl FnOnce(&mut libc::user_regs_struct)) -> io::Result<()> {
    let registers = std::mem::MaybeUninit::<libc::user_regs_struct>::zeroed();
    // SAFETY: the structure is plain integers, for which zero bytes are valid.
    let mut registers = unsafe { registers.assume_init() };
    transfer(libc::PTRACE_GETREGSET, tid, libc::NT_PRSTATUS, &mut registers)?;
    how(&mut registers);
    transfer(libc::PTRACE_SETREGSET, tid, libc::NT_PRSTATUS, &mut registers)
}

/// Gets or sets one set of a stopped thread's registers; they are plain integers.
fn transfer<T: Copy>(request: libc::c_uint, tid: Id, set: libc::c_int, registers: &mut T) -> io::Result<()> {
    let mut area = libc::iovec { iov_base: std::ptr::from_mut(registers).cast(), iov_len: size_of::<T>() };
    // SAFETY: the kernel reads or writes at most `iov_len` bytes at `iov_base`: the integers, live for the call.
    match unsafe { libc::ptrace(request, tid, set as usize, &raw mut area) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}
