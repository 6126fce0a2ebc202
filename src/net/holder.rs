//! A connection in another process, so that the process can be killed.

use super::recorded::Recorded;
use super::{End, NetError, Result};
use crate::text::Text;
use crate::trace::{Call, Event, SockId};
use std::io;
use std::process::Child;

/// Another process that is the only holder of a connection. It does nothing but hold it.
pub struct Holder {
    end: End,
    sock: SockId,
    process: Child,
}

impl Holder {
    pub(super) fn start(recorded: Recorded) -> Result<Holder> {
        let Recorded { end, socket, id, .. } = recorded;
        let mut event = Event::new(end.name(), Call::Process);
        event.sock = Some(id);
        event.note = Some(Text::new("another process holds the connection", "另一个进程持有这条连接"));
        event.t_us = end.recorder.now_us();
        let started = hold(socket);
        event.end_us = end.recorder.now_us();
        event.error = started.as_ref().err().map(super::errno::name);
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
        event.note = Some(Text::new("by the kernel", "由内核关闭"));
        event.t_us = self.end.recorder.now_us();
        let ended = self.process.kill().and_then(|()| self.process.wait());
        event.end_us = self.end.recorder.now_us();
        event.error = ended.as_ref().err().map(super::errno::name);
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
    Command::new("sleep").arg("60").stdin(input).stdout(Stdio::null()).stderr(Stdio::null()).spawn()
}

#[cfg(not(unix))]
fn hold(_: socket2::Socket) -> io::Result<Child> {
    Err(io::ErrorKind::Unsupported.into())
}
