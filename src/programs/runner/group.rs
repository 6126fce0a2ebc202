//! A command as a process group (setpgid(2)), so that what it starts is stopped with it; its pipes are read as
//! poll(2) says, so that a process which left the group and keeps a pipe open is not waited for.

use super::process::{Pipe, Process};
use crate::sys::wait;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The groups that run, for the interrupt handler: Ctrl-C reaches the terminal's group, and these are others.
static LIVE: Mutex<Vec<i32>> = Mutex::new(Vec::new());

fn live() -> MutexGuard<'static, Vec<i32>> {
    LIVE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Kills every command, and lets none start; for the interrupt handler, while the other threads still run.
pub fn kill_all() {
    let live = live();
    live.iter().for_each(|&group| kill(group));
    std::mem::forget(live);
}

fn kill(group: i32) {
    // SAFETY: a plain system call. The group's leader was not waited for yet, so its number is nobody else's.
    unsafe { libc::kill(-group, libc::SIGKILL) };
}

/// A command that runs, with its pipes.
pub struct Running {
    child: Child,
    group: i32,
    pipes: Vec<(Pipe, File)>,
    over: bool,
}

impl Running {
    fn readable(&self, wait: Duration) -> bool {
        let poll = |pipe: &File| libc::pollfd { fd: pipe.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        let mut polls: Vec<libc::pollfd> = self.pipes.iter().map(|(_, pipe)| poll(pipe)).collect();
        let millis = i32::try_from(wait.as_millis()).unwrap_or(i32::MAX);
        // SAFETY: the array is valid for its length, and its descriptors are open.
        unsafe { libc::poll(polls.as_mut_ptr(), polls.len() as libc::nfds_t, millis) > 0 }
    }
}

impl Process for Running {
    fn start(command: &mut Command) -> io::Result<Running> {
        // Held while it starts: the interrupt handler finds either no process or a listed one.
        let mut live = live();
        let mut child = command.process_group(0).spawn()?;
        let group = i32::try_from(child.id()).map_err(io::Error::other)?;
        live.push(group);
        drop(live);
        let mut pipes = Vec::new();
        pipes.extend(child.stderr.take().map(|pipe| (Pipe::Stderr, File::from(OwnedFd::from(pipe)))));
        pipes.extend(child.stdout.take().map(|pipe| (Pipe::Stdout, File::from(OwnedFd::from(pipe)))));
        let running = Running { child, group, pipes, over: false };
        for (_, pipe) in &running.pipes {
            without_waiting(pipe)?;
        }
        Ok(running)
    }

    fn take(&mut self, wait: Duration, mut taken: impl FnMut(Pipe, &[u8])) -> bool {
        if self.pipes.is_empty() {
            wait::pause(wait);
            return false;
        }
        if !self.readable(wait) {
            return true;
        }
        let mut piece = vec![0; 64 << 10];
        self.pipes.retain_mut(|(which, pipe)| match pipe.read(&mut piece) {
            Ok(0) => false,
            Ok(n) => {
                taken(*which, &piece[..n]);
                true
            }
            Err(e) => matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted),
        });
        !self.pipes.is_empty()
    }

    fn ended(&mut self) -> bool {
        // Not waited for yet: that would give the group's number away.
        // SAFETY: all zeros is a valid siginfo_t; waitid(2) fills it in when the child has ended.
        let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
        let how = libc::WEXITED | libc::WNOWAIT | libc::WNOHANG;
        // SAFETY: the struct is valid, the child ours.
        let told = unsafe { libc::waitid(libc::P_PID, self.child.id(), &mut info, how) };
        told == 0 && info.si_signo != 0
    }

    fn finish(&mut self) -> io::Result<ExitStatus> {
        if !self.over {
            self.over = true;
            let mut live = live();
            kill(self.group);
            live.retain(|&group| group != self.group);
        }
        self.child.wait()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Only after an error is it still there.
        let _ = self.finish();
    }
}

fn without_waiting(pipe: &File) -> io::Result<()> {
    let fd = pipe.as_raw_fd();
    // SAFETY: fcntl(2) on a descriptor that is open.
    let set = unsafe {
        let flags = libc::fcntl(fd, libc::F_GETFL);
        flags >= 0 && libc::fcntl(fd, libc::F_SETFL, flags | libc::O_NONBLOCK) >= 0
    };
    if set { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_that_is_over_is_not_killed_again() {
        let mut running = Running::start(&mut Command::new("true")).expect("it starts");
        let group = running.group;
        assert!(live().contains(&group));
        running.finish().expect("it ends");
        assert!(!live().contains(&group), "the number may be another's by now");
    }
}
