//! A server's log on its way to whoever reads it. A reader that stops (a pager, Ctrl-S, a marked console) must not stop
//! the server: its clients wait for answers, and it for the log. So much is kept; what is more is lost, and that is said.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::Builder;
use std::time::Duration;

/// Bytes that are kept for a reader that does not read.
const MOST: usize = 256 << 10;

/// How long a line is waited for until its reader counts as one that has stopped: so an error, or an end, is known at once.
const SOON: Duration = Duration::from_millis(200);

/// A log that another thread writes.
pub(super) struct Backlog {
    shared: Arc<LogQueue>,
    /// What was not flushed yet.
    line: Vec<u8>,
}

/// What the thread shares with those who log.
struct LogQueue {
    state: Mutex<QueuedLines>,
    changed: Condvar,
}

#[derive(Default)]
struct QueuedLines {
    lines: VecDeque<Vec<u8>>,
    bytes: usize,
    /// Lines that were not kept since the last was.
    lost: u64,
    /// One of them is being written.
    writing: bool,
    /// Its reader did not read in time, and has not caught up.
    stopped: bool,
    error: Option<io::ErrorKind>,
}

impl Backlog {
    /// Starts the thread; `lost` says how many lines were.
    ///
    /// # Errors
    /// When there can be no thread.
    pub(super) fn start(
        mut out: impl Write + Send + 'static,
        lost: impl Fn(u64) -> String + Send + 'static,
    ) -> io::Result<Backlog> {
        let shared = Arc::new(LogQueue { state: Mutex::default(), changed: Condvar::new() });
        let theirs = Arc::clone(&shared);
        let write = move || {
            while let Some(line) = theirs.next(&lost) {
                let written = out.write_all(&line).and_then(|()| out.flush());
                theirs.done(written);
            }
        };
        // It ends with the program: nobody waits for a write that nothing ends.
        Builder::new().name("log".into()).spawn(write)?;
        Ok(Backlog { shared, line: Vec::new() })
    }
}

impl LogQueue {
    fn lock(&self) -> MutexGuard<'_, QueuedLines> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next line to be written; `None` when nobody wants any more.
    fn next(&self, lost: impl Fn(u64) -> String) -> Option<Vec<u8>> {
        let empty = |state: &mut QueuedLines| state.lines.is_empty() && state.lost == 0 && state.error.is_none();
        let mut state = self.changed.wait_while(self.lock(), empty).unwrap_or_else(PoisonError::into_inner);
        if state.error.is_some() {
            return None;
        }
        state.writing = true;
        let line = state.lines.pop_front();
        state.bytes -= line.as_ref().map_or(0, Vec::len);
        Some(line.unwrap_or_else(|| lost(std::mem::take(&mut state.lost)).into_bytes()))
    }

    fn done(&self, written: io::Result<()>) {
        let mut state = self.lock();
        state.writing = false;
        state.error = written.err().map(|e| e.kind());
        state.stopped &= !state.lines.is_empty();
        self.changed.notify_all();
    }
}

impl Write for Backlog {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.line.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    /// Hands the line over, and waits until it is written, unless its reader has stopped.
    fn flush(&mut self) -> io::Result<()> {
        let line = std::mem::take(&mut self.line);
        let mut state = self.shared.lock();
        // Behind lost lines come no others, until their number stands where they would be.
        if line.is_empty() || state.lost > 0 || state.bytes + line.len() > MOST {
            state.lost += u64::from(!line.is_empty());
        } else {
            state.bytes += line.len();
            state.lines.push_back(line);
        }
        self.shared.changed.notify_all();
        if !state.stopped {
            let under_way =
                |state: &mut QueuedLines| state.error.is_none() && (state.writing || !state.lines.is_empty());
            let waited = self.shared.changed.wait_timeout_while(state, SOON, under_way);
            let (now, passed) = waited.unwrap_or_else(PoisonError::into_inner);
            state = now;
            state.stopped = passed.timed_out();
        }
        state.error.map_or(Ok(()), |kind| Err(kind.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{Receiver, Sender, channel};

    /// A reader that reads when it is told to.
    struct Reader(Receiver<()>, Sender<String>);

    impl Write for Reader {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.recv().map_err(|_| io::ErrorKind::BrokenPipe)?;
            let _ = self.1.send(String::from_utf8_lossy(bytes).into_owned());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_stops_loses_lines_and_is_told_how_many() {
        let ((read, told), (tell, lines)) = (channel(), channel());
        let mut log = Backlog::start(Reader(told, tell), |n| format!("{n} lost")).expect("a thread");
        let mut say = |line: String| log.write_all(line.as_bytes()).and_then(|()| log.flush());
        read.send(()).expect("it reads");
        say("first".to_owned()).expect("written");
        assert_eq!(lines.recv().expect("a line"), "first");
        let long = "x".repeat(MOST / 4);
        // One is being written, four are kept.
        (0..8).for_each(|n| say(format!("{n}{}", &long[1..])).expect("kept or lost"));
        (0..6).for_each(|_| read.send(()).expect("it reads"));
        let seen: Vec<String> = (0..6).map(|_| lines.recv().expect("a line")).collect();
        let begins: Vec<&str> = seen.iter().map(|line| &line[..1]).collect();
        assert_eq!((&begins[..5], seen[5].as_str()), (&["0", "1", "2", "3", "4"][..], "3 lost"));
        read.send(()).expect("it reads");
        say("last".to_owned()).expect("written");
        assert_eq!(lines.recv().expect("a line"), "last");
        drop(read);
        assert_eq!(say("nobody".to_owned()).expect_err("nobody reads").kind(), io::ErrorKind::BrokenPipe);
    }
}
