//! What splice(2) moves between a socket and a pipe lies in no memory of the program: it is copied out of the pipe,
//! where it stays (tee(2)).

use rustix::pipe::{PipeFlags, SpliceFlags, fcntl_setpipe_size, pipe_with, tee};
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsRawFd, OwnedFd};

/// The most that is copied: no more fits into a pipe that an ordinary user may have.
const MOST: usize = 1 << 20;

/// What is in a pipe now, from its front. Only its end for writing may be known: it is opened for reading.
pub(super) fn content(pipe: &OwnedFd) -> Option<Vec<u8>> {
    let pipe = File::open(format!("/proc/self/fd/{}", pipe.as_raw_fd())).ok()?;
    let (mut from, to) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK).map(|(a, b)| (File::from(a), b)).ok()?;
    // Where that is not allowed, less is copied, and that is seen.
    let _ = fcntl_setpipe_size(&to, MOST);
    let copied = match tee(&pipe, &to, MOST, SpliceFlags::NONBLOCK) {
        Ok(copied) => copied,
        Err(rustix::io::Errno::AGAIN) => 0,
        Err(_) => return None,
    };
    let mut bytes = vec![0; copied];
    from.read_exact(&mut bytes).ok()?;
    Some(bytes)
}
