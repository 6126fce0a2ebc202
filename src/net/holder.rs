//! A connection in another process, so that the process can be killed.

use super::staged::Staged;
use super::{End, NetError, Result};
use crate::text::Text;
use crate::trace::{Call, Event, Sink, SockId};
use std::io;
use std::process::Child;

/// Another process that is the only holder of a connection. It does nothing but hold it.
pub struct Holder {
    end: End,
    sock: SockId,
    process: Child,
}

impl Holder {
    pub(super) fn start(mut held: Staged) -> Result<Holder> {
        let (end, id) = (held.end.clone(), held.id);
        let mut event = Event::new(end.name(), Call::Process);
        event.sock = Some(id);
        event.note = Some(Box::new(Text::new("another process holds the connection", "另一个进程持有这条连接")));
        event.t_us = end.recorder.now_us();
        let started = held.socket().try_clone().and_then(hold);
        held.untold();
        drop(held);
        event.end_us = end.recorder.now_us();
        event.error = started.as_ref().err().map(crate::sys::errno::name);
        event.returned = started.is_ok().then_some(0);
        end.recorder.push(event);
        let process = started.map_err(|source| NetError::Call { call: Call::Process, address: None, source })?;
        Ok(Holder { end, sock: id, process })
    }

    /// Kills the process (SIGKILL), which closes nothing itself: its kernel does. Recorded as the close
    /// that it is for the peer.
    ///
    /// # Errors
    /// When the process cannot be killed or waited for.
    pub fn kill(mut self) -> Result<()> {
        self.end.note(Text::new("that process is killed (SIGKILL)", "该进程被杀死（SIGKILL）"));
        let mut event = Event::new(self.end.name(), Call::Close);
        event.sock = Some(self.sock);
        event.note = Some(Box::new(Text::new("by the kernel", "由内核关闭")));
        event.t_us = self.end.recorder.now_us();
        let ended = self.process.kill().and_then(|()| self.process.wait());
        event.end_us = self.end.recorder.now_us();
        event.error = ended.as_ref().err().map(crate::sys::errno::name);
        event.returned = ended.is_ok().then_some(0);
        self.end.recorder.push(event);
        ended.map(drop).map_err(|source| NetError::Call { call: Call::Process, address: None, source })
    }
}

impl Drop for Holder {
    /// An end that fails half-way leaves no process behind; after [`Holder::kill`] this does nothing.
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// `sleep` with the socket as its standard input. Every other descriptor closes as it starts, and our own
/// copy of the socket goes with the `Command`.
#[cfg(unix)]
fn hold(socket: socket2::Socket) -> io::Result<Child> {
    use std::process::{Command, Stdio};
    let input = Stdio::from(std::os::fd::OwnedFd::from(socket));
    let mut sleep = Command::new("sleep");
    sleep.arg("60").stdin(input).stdout(Stdio::null()).stderr(Stdio::null());
    end_with_us(&mut sleep);
    sleep.spawn()
}

/// Should this process be killed, the other one is, too (PR_SET_PDEATHSIG): it would keep the connection, and
/// with a link a whole network namespace.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn end_with_us(command: &mut std::process::Command) {
    use rustix::process::{Signal, set_parent_process_death_signal};
    use std::os::unix::process::CommandExt;
    let ask = || {
        // A sandbox that forbids it leaves the process behind, and nothing worse.
        let _ = set_parent_process_death_signal(Some(Signal::KILL));
        Ok(())
    };
    // SAFETY: between fork and exec `ask` makes one system call and takes no lock.
    unsafe { command.pre_exec(ask) };
}

#[cfg(all(unix, not(any(target_os = "linux", target_os = "android"))))]
fn end_with_us(_: &mut std::process::Command) {}

#[cfg(not(unix))]
fn hold(_: socket2::Socket) -> io::Result<Child> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt;

    #[test]
    fn the_process_dies_with_the_thread_that_started_it() {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
        let thread = std::thread::spawn(move || hold(socket));
        let mut process = thread.join().expect("no panic").expect("a process");
        assert_eq!(process.wait().expect("an end").signal(), Some(libc::SIGKILL));
    }
}
