//! A command in a session of its own (setsid(2)): it has no terminal to write to or to type into, and what it starts is
//! stopped with it, as a process group. Its pipes are read as poll(2) says, so that a process which left the group and
//! keeps a pipe open is not waited for.

use super::process::{Pipe, Process};
use crate::sys::descriptors::usual_open_files;
use crate::sys::wait;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::ioctl_fionbio;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, setsid, waitid};
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The groups that run, for the interrupt handler: Ctrl-C reaches the terminal's group, and these are others.
static LIVE: Mutex<Vec<Pid>> = Mutex::new(Vec::new());

fn live() -> MutexGuard<'static, Vec<Pid>> {
    LIVE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Kills every command, and lets none start; for the interrupt handler, while the other threads still run.
pub fn kill_all() {
    let live = live();
    live.iter().for_each(|&group| kill(group));
    std::mem::forget(live);
}

fn kill(group: Pid) {
    // The group's leader was not waited for yet, so that its number is nobody else's.
    let _ = kill_process_group(group, Signal::KILL);
}

/// Leaves the server's session and terminal; of the files that may be open, as many as before the server raised that.
fn apart() -> io::Result<()> {
    setsid()?;
    usual_open_files()?;
    Ok(())
}

/// A command that runs, with its pipes.
pub struct Running {
    child: Child,
    group: Pid,
    pipes: Vec<(Pipe, File)>,
    over: bool,
}

impl Running {
    fn readable(&self, wait: Duration) -> bool {
        let mut polls: Vec<PollFd> = self.pipes.iter().map(|(_, pipe)| PollFd::new(pipe, PollFlags::IN)).collect();
        poll(&mut polls, Timespec::try_from(wait).ok().as_ref()).is_ok_and(|ready| ready > 0)
    }
}

impl Process for Running {
    fn start(command: &mut Command) -> io::Result<Running> {
        // Held while it starts: the interrupt handler finds either no process or a listed one.
        let mut live = live();
        // SAFETY: what runs between fork and exec makes system calls and touches no memory of another thread's.
        let mut child = unsafe { command.pre_exec(apart) }.spawn()?;
        let group = Pid::from_child(&child);
        live.push(group);
        drop(live);
        let mut pipes = Vec::new();
        pipes.extend(child.stderr.take().map(|pipe| (Pipe::Stderr, File::from(OwnedFd::from(pipe)))));
        pipes.extend(child.stdout.take().map(|pipe| (Pipe::Stdout, File::from(OwnedFd::from(pipe)))));
        let running = Running { child, group, pipes, over: false };
        for (_, pipe) in &running.pipes {
            ioctl_fionbio(pipe, true)?;
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
        // WNOWAIT: the child stays a zombie, and its number the group's.
        let how = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
        matches!(waitid(WaitId::Pid(self.group), how), Ok(Some(_)))
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
