//! How long a connection waits for its peer. No silence is longer than its patience, whatever it is doing; what is short
//! (a header, a name, a receipt) must be complete in that time, too; and a body may take as long as it likes, as long as
//! so many bytes a second move while it is waited for.

use super::Patience;
use super::trouble::Discovery;
use crate::net::{barrier, statistics};
use crate::say;
use crate::text::grouped;
use socket2::Socket;
use std::io;
use std::time::{Duration, Instant};

/// How far apart the looks at what a peer has taken are.
const LOOK: Duration = Duration::from_millis(20);

/// One connection's waits.
pub(super) struct Pace {
    patience: Patience,
    /// When everything that is received has taken too long together.
    deadline: Option<Instant>,
    /// A body is being received.
    body: bool,
    inward: RateWindow,
    outward: RateWindow,
    /// The receive timeout that the socket has now.
    #[cfg(unix)]
    set: Option<Duration>,
}

impl Pace {
    pub(super) fn new(patience: Patience) -> Pace {
        Pace {
            patience,
            deadline: None,
            body: false,
            inward: RateWindow::default(),
            outward: RateWindow::default(),
            #[cfg(unix)]
            set: None,
        }
    }

    pub(super) fn patience(&self) -> Patience {
        self.patience
    }

    /// From now on all receiving together may take this long: a peer that sends a byte a minute is never silent, and
    /// never done.
    pub(super) fn within(&mut self, limit: Duration) {
        (self.deadline, self.body) = (Some(Instant::now() + limit), false);
    }

    /// From now on only silence is too long, and in a body a rate that is too low.
    pub(super) fn at_leisure(&mut self, body: bool) {
        (self.deadline, self.body, self.inward) = (None, body, RateWindow::default());
    }

    /// True when the deadline has passed.
    pub(super) fn late(&self) -> bool {
        self.deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }

    /// One recv(2) of a connection that may wait for `quiet`, less what it has waited. What it found out beyond what the
    /// call says goes to `found`; a timeout that is none of the peer's silence is `Interrupted`.
    pub(super) fn recv(
        &mut self,
        socket: &Socket,
        quiet: Duration,
        found: &mut Option<io::Error>,
        read: impl FnOnce() -> io::Result<usize>,
    ) -> io::Result<usize> {
        let most = self.most(quiet)?;
        let called = Instant::now();
        let read = self.limited(socket, most).and_then(|()| read());
        let waited = called.elapsed();
        // The kernel says a passed timeout in two ways (socket(7): EAGAIN; Windows: WSAETIMEDOUT).
        let timed_out = |e: &io::Error| matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut);
        let passed = read.as_ref().is_err_and(timed_out);
        if passed && (waited >= quiet || self.late()) {
            return Err(io::ErrorKind::TimedOut.into());
        }
        if self.body {
            let came = read.as_ref().map_or(0, |n| *n as u64);
            *found = self.inward.count(self.patience, waited, came).err();
        }
        match passed {
            true if found.is_some() => Err(io::ErrorKind::TimedOut.into()),
            true => Err(io::ErrorKind::Interrupted.into()),
            false => read,
        }
    }

    /// The longest that a recv may wait which may wait for `quiet`.
    fn most(&self, quiet: Duration) -> io::Result<Duration> {
        let mut most = quiet;
        if let Some(deadline) = self.deadline {
            most = most.min(deadline.saturating_duration_since(Instant::now()));
        } else if self.body {
            most = most.min(self.inward.left(self.patience));
        }
        if most.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        Ok(most.max(Duration::from_millis(1)))
    }

    /// The next recv waits no longer: SO_RCVTIMEO, when it is another than before (socket(7)).
    #[cfg(unix)]
    fn limited(&mut self, socket: &Socket, most: Duration) -> io::Result<()> {
        if self.set != Some(most) {
            socket.set_read_timeout(Some(most))?;
            self.set = Some(most);
        }
        Ok(())
    }

    /// The same on Windows, where a recv that timed out leaves the socket in a state nobody may rely on: it is called
    /// when there is something to receive.
    #[cfg(windows)]
    fn limited(&mut self, socket: &Socket, most: Duration) -> io::Result<()> {
        if barrier::readable(socket, most) { Ok(()) } else { Err(io::ErrorKind::TimedOut.into()) }
    }

    /// One send(2), which waits for room as long as the peer takes what was sent before.
    ///
    /// # Errors
    /// What send says; `WouldBlock` when the peer takes nothing for as long as this end is patient.
    #[cfg(unix)]
    pub(super) fn send(&mut self, socket: &Socket, bytes: &[u8]) -> io::Result<usize> {
        loop {
            match socket.send_with_flags(bytes, libc::MSG_DONTWAIT) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    self.while_taking(socket, |most| barrier::writable(socket, most))?;
                }
                other => return other,
            }
        }
    }

    /// The same where a single call cannot be asked not to wait.
    #[cfg(windows)]
    pub(super) fn send(&mut self, socket: &Socket, bytes: &[u8]) -> io::Result<usize> {
        match socket.send(bytes) {
            // As WSAETIMEDOUT; this is no silence.
            Err(e) if e.kind() == io::ErrorKind::TimedOut => Err(io::ErrorKind::WouldBlock.into()),
            other => other,
        }
    }

    /// Waits until the peer says something, or its system has everything that was sent.
    ///
    /// # Errors
    /// As [`send`](Pace::send).
    pub(super) fn drain(&mut self, socket: &Socket) -> io::Result<()> {
        let outstanding = || statistics::outstanding(socket).unwrap_or(0);
        self.while_taking(socket, |most| outstanding() == 0 || barrier::readable(socket, most))
    }

    /// Waits until `done`, which may take this long. A peer whose system takes what was sent, if only a part of it, is
    /// not silent; where a system does not tell what is still on its way, only `done` is known.
    fn while_taking(&mut self, socket: &Socket, done: impl Fn(Duration) -> bool) -> io::Result<()> {
        let quiet = self.patience.timeout;
        let (mut last, mut before) = (Instant::now(), statistics::outstanding(socket));
        loop {
            let called = Instant::now();
            let ready = done(LOOK.min(quiet.saturating_sub(last.elapsed())));
            let now = statistics::outstanding(socket);
            let taken = before.zip(now).map_or(0, |(before, now)| before.saturating_sub(now));
            self.outward.count(self.patience, called.elapsed(), taken)?;
            if ready {
                return Ok(());
            }
            if taken > 0 {
                last = Instant::now();
            } else if last.elapsed() >= quiet {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            before = now;
        }
    }
}

/// How much moved while it was waited for: time that this end spends otherwise is not the peer's.
#[derive(Default)]
struct RateWindow {
    waited: Duration,
    moved: u64,
}

impl RateWindow {
    /// How long is waited until the rate is looked at; in steps, because the socket must be told each.
    fn left(&self, patience: Patience) -> Duration {
        let step = patience.timeout / 8;
        let steps = patience.timeout.saturating_sub(self.waited).div_duration_f64(step).ceil();
        if patience.least == 0 { patience.timeout } else { step.mul_f64(steps.max(1.0)) }
    }

    /// Counts. When it was waited for as long as this end is patient, as much must have moved as the rate says.
    fn count(&mut self, patience: Patience, waited: Duration, moved: u64) -> io::Result<()> {
        (self.waited, self.moved) = (self.waited + waited, self.moved + moved);
        if self.waited < patience.timeout {
            return Ok(());
        }
        let RateWindow { waited, moved } = std::mem::take(self);
        // Nothing at all is silence, and told as that.
        match moved > 0 && (moved as f64) < patience.least as f64 * waited.as_secs_f64() {
            true => Err(slow(patience, moved)),
            false => Ok(()),
        }
    }
}

fn slow(patience: Patience, moved: u64) -> io::Error {
    let (moved, least, over) = (grouped(moved), grouped(patience.least), patience.timeout);
    Discovery::error(
        "timeout",
        say!(
            "too slow: {moved} bytes in {over:?} (--min-rate: {least} a second)",
            "太慢：{over:?} 内只有 {moved} 字节（--min-rate：每秒 {least}）"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Patience =
        Patience { timeout: Duration::from_secs(8), least: 100, settle: Duration::from_millis(50) };

    #[test]
    fn a_rate_is_looked_at_once_in_a_while_and_counts_waiting_only() {
        let mut window = RateWindow::default();
        let second = Duration::from_secs(1);
        assert_eq!(window.left(PATIENCE), PATIENCE.timeout);
        for n in 0..7 {
            window.count(PATIENCE, second, 1).expect("too early to say");
            assert_eq!(window.left(PATIENCE), Duration::from_secs(7 - n));
        }
        assert!(window.count(PATIENCE, second, 700).is_err(), "707 of 800");
        window.count(PATIENCE, 8 * second, 800).expect("as fast as it must be");
        window.count(PATIENCE, 8 * second, 0).expect("silence is told otherwise");
        window.count(Patience { least: 0, ..PATIENCE }, 8 * second, 1).expect("no rate");
    }
}
