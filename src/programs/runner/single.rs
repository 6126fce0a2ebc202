//! A command on a system without process groups: its pipes are read by two threads, and it alone is stopped. What it
//! started may go on; a thread that waits for such a process's output ends with it, and holds nobody up.

use super::process::{Pipe, Process};
use crate::sys::wait;
use std::io::{self, Read};
use std::process::{Child, Command, ExitStatus};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

/// A command that runs, with what its pipes brought.
pub struct Running {
    child: Child,
    pieces: Receiver<(Pipe, Vec<u8>)>,
}

impl Process for Running {
    fn start(command: &mut Command) -> io::Result<Running> {
        let mut child = command.spawn()?;
        // Few: what nobody takes waits in the pipe, and the command with it.
        let (sender, pieces) = sync_channel(4);
        let (stderr, stdout) = (child.stderr.take(), child.stdout.take());
        let running = Running { child, pieces };
        if let Some(pipe) = stderr {
            read(pipe, Pipe::Stderr, sender.clone())?;
        }
        if let Some(pipe) = stdout {
            read(pipe, Pipe::Stdout, sender)?;
        }
        Ok(running)
    }

    fn take(&mut self, wait: Duration, mut taken: impl FnMut(Pipe, &[u8])) -> bool {
        match self.pieces.recv_timeout(wait) {
            Ok((which, bytes)) => taken(which, &bytes),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                wait::pause(wait);
                return false;
            }
        }
        true
    }

    fn ended(&mut self) -> bool {
        self.child.try_wait().is_ok_and(|status| status.is_some())
    }

    fn finish(&mut self) -> io::Result<ExitStatus> {
        // Fails when it has ended.
        let _ = self.child.kill();
        self.child.wait()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Only after an error is it still there.
        let _ = self.finish();
    }
}

fn read(mut pipe: impl Read + Send + 'static, which: Pipe, sender: SyncSender<(Pipe, Vec<u8>)>) -> io::Result<()> {
    let work = move || {
        let mut piece = vec![0; 64 << 10];
        loop {
            match pipe.read(&mut piece) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Ok(0) | Err(_) => return,
                Ok(n) if sender.send((which, piece[..n].to_vec())).is_err() => return,
                Ok(_) => {}
            }
        }
    };
    thread::Builder::new().stack_size(64 << 10).spawn(work).map(drop)
}
