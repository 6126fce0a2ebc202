//! Starts a program under the filter: fork(2), wait until the tracer is there, filter, execve(2).

use super::super::seen::Id;
use super::network::{self, Network, Prepared};
use super::ptrace::Life;
use super::{calls, ptrace};
use rustix::pipe::{PipeFlags, pipe_with};
use std::ffi::CString;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

/// A program to be started. Without a descriptor of its own it has this process's.
pub(super) struct Program {
    /// Its name, looked for on PATH, and its arguments.
    pub(super) words: Vec<CString>,
    /// Standard input, output and error.
    pub(super) standard: [Option<OwnedFd>; 3],
    /// Where its sockets live.
    pub(super) network: Network,
}

/// Why a program does not run.
#[derive(Debug)]
pub enum StartError {
    /// The tracer may not trace it.
    Trace(io::Error),
    /// The kernel takes no filter.
    Filter(io::Error),
    /// There is no network of its own for it.
    Network(io::Error),
    /// The program itself.
    Program(io::Error),
    /// No process could be made.
    Fork(io::Error),
}

/// A program that was started, and where it says why it does not run.
pub(super) struct Started {
    pub(super) pid: Id,
    trouble: File,
}

const FILTER: u8 = 1;
const PROGRAM: u8 = 2;
const NETWORK: u8 = 3;

impl Started {
    /// A process that runs already has no trouble.
    pub(super) fn running(pid: Id) -> io::Result<Started> {
        Ok(Started { pid, trouble: File::open("/dev/null")? })
    }

    /// Why it ended before it had begun.
    pub(super) fn trouble(&mut self) -> Option<StartError> {
        let mut told = [0; 5];
        self.trouble.read_exact(&mut told).ok()?;
        let [stage, errno @ ..] = told;
        let error = io::Error::from_raw_os_error(i32::from_ne_bytes(errno));
        Some(match stage {
            FILTER => StartError::Filter(error),
            NETWORK => StartError::Network(error),
            _ => StartError::Program(error),
        })
    }
}

/// Starts it, traced from its first instruction on.
pub(super) fn start(program: &Program) -> Result<Started, StartError> {
    let pipe = || pipe_with(PipeFlags::CLOEXEC).map_err(|e| StartError::Fork(e.into()));
    let ((go, begin), (trouble, tell)) = (pipe()?, pipe()?);
    let words: Vec<*const libc::c_char> = program.words.iter().map(|w| w.as_ptr()).chain([std::ptr::null()]).collect();
    let mut filter = calls::filter();
    let filter = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_mut_ptr() };
    let network = network::prepared(&program.network).map_err(StartError::Network)?;
    let standard = program.standard.each_ref().map(|fd| fd.as_ref().map(AsRawFd::as_raw_fd));
    // SAFETY: the child calls nothing but what is safe after fork in a process with threads (signal-safety(7)), with
    // values that were made before; `words` ends with a null pointer and its strings outlive the call.
    let pid = unsafe {
        match libc::fork() {
            0 => child([go.as_raw_fd(), begin.as_raw_fd(), tell.as_raw_fd()], standard, &network, &filter, &words),
            pid => pid,
        }
    };
    if pid < 0 {
        return Err(StartError::Fork(io::Error::last_os_error()));
    }
    drop(go);
    if let Err(error) = ptrace::seize(pid, Life::Tied) {
        // Nobody lets it go: the end of the pipe ends it.
        drop(begin);
        let _ = ptrace::wait(false);
        return Err(StartError::Trace(error));
    }
    let _ = rustix::io::write(&begin, b"!");
    Ok(Started { pid, trouble: trouble.into() })
}

/// What the child does; it never returns.
///
/// # Safety
/// Only between fork and execve, with descriptors and pointers that are valid.
unsafe fn child(
    [go, begin, tell]: [RawFd; 3],
    standard: [Option<RawFd>; 3],
    network: &Prepared,
    filter: &libc::sock_fprog,
    words: &[*const libc::c_char],
) -> ! {
    // SAFETY: as the caller promises; every pointer is to a live value.
    unsafe {
        let fail = |stage: u8| -> ! {
            let [a, b, c, d] = io::Error::last_os_error().raw_os_error().unwrap_or(0).to_ne_bytes();
            libc::write(tell, [stage, a, b, c, d].as_ptr().cast(), 5);
            libc::_exit(127)
        };
        // While it holds this end itself, the pipe has none.
        libc::close(begin);
        let mut byte = 0u8;
        if libc::read(go, (&raw mut byte).cast(), 1) != 1 {
            libc::_exit(127);
        }
        for (place, fd) in standard.into_iter().enumerate() {
            if fd.is_some_and(|fd| libc::dup2(fd, place as i32) < 0) {
                fail(PROGRAM);
            }
        }
        if !network::enter(network) {
            fail(NETWORK);
        }
        // Rust ignores it, and a program inherits what is ignored.
        libc::signal(libc::SIGPIPE, libc::SIG_DFL);
        let filtered = || libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, std::ptr::from_ref(filter)) == 0;
        // Without privilege only a process that can gain none may set a filter (seccomp(2)).
        if !filtered() && (libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || !filtered()) {
            fail(FILTER);
        }
        libc::execvp(words[0], words.as_ptr());
        fail(PROGRAM)
    }
}
