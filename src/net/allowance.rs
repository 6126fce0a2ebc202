//! What a run may take, whoever is at its other end: how long a wait and the whole may last, how many calls and bytes.

use super::{NetError, Result};
use crate::text::Text;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What a run may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// The longest that one wait lasts.
    pub wait: Duration,
    /// The longest that the run lasts. A lone end's run begins when somebody is there; until then it waits so long.
    pub whole: Duration,
    /// The most calls that move data.
    pub calls: usize,
    /// The most bytes that they move.
    pub bytes: usize,
}

impl Allowance {
    /// So long, and more data than any page moves: the largest message of the syllabus has 1 MB.
    pub const fn lasting(wait: Duration, whole: Duration) -> Allowance {
        Allowance { wait, whole, calls: 100_000, bytes: 8 << 20 }
    }

    /// The same without an end to the data.
    #[must_use]
    pub const fn unlimited_data(self) -> Allowance {
        Allowance { calls: usize::MAX, bytes: usize::MAX, ..self }
    }
}

/// When a run's time is up. It outlasts one that is begun again.
#[derive(Debug)]
pub struct Deadline {
    whole: Duration,
    times: Mutex<Times>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Times {
    /// Until when a lone end waits for somebody.
    nobody: Instant,
    /// Until when the run may last, once somebody is there.
    somebody: Option<Instant>,
}

impl Deadline {
    /// The time begins now.
    pub fn new(whole: Duration) -> Deadline {
        Deadline { whole, times: Mutex::new(Times { nobody: Instant::now() + whole, somebody: None }) }
    }

    /// Somebody is there: from now on the run has its time. Whoever comes later changes nothing, and it is false.
    pub(super) fn met(&self) -> bool {
        let mut times = self.lock();
        let first = times.somebody.is_none();
        times.somebody.get_or_insert(Instant::now() + self.whole);
        first
    }

    /// It was nobody: the wait goes on, as long as it would have.
    pub(super) fn missed(&self) {
        self.lock().somebody = None;
    }

    fn left(&self) -> Duration {
        let times = self.lock();
        times.somebody.unwrap_or(times.nobody).saturating_duration_since(Instant::now())
    }

    fn lock(&self) -> MutexGuard<'_, Times> {
        self.times.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long a wait that begins now may last, and what it says when that was in vain.
#[derive(Clone, Copy, Debug)]
pub(super) struct TimeLeft {
    pub(super) limit: Duration,
    told: Limit,
}

/// What ends a wait.
#[derive(Clone, Copy, Debug)]
enum Limit {
    /// Its own time.
    Wait(Duration),
    /// The whole run's.
    Run(Duration),
}

impl TimeLeft {
    /// As long as one wait may last, or the run if that is shorter.
    pub(super) fn new(wait: Duration, deadline: &Deadline) -> TimeLeft {
        let left = deadline.left();
        // A wait that is not noticeably shorter than it might be is one that lasted its time.
        let told = if left < wait - wait / 10 { Limit::Run(deadline.whole) } else { Limit::Wait(wait) };
        TimeLeft { limit: wait.min(left), told }
    }

    /// As long as the run may last.
    pub(super) fn of_the_run(deadline: &Deadline) -> TimeLeft {
        TimeLeft { limit: deadline.left(), told: Limit::Run(deadline.whole) }
    }

    /// The same, for as long as something else lets it.
    pub(super) fn at_most(self, limit: Duration) -> TimeLeft {
        if limit < self.limit { TimeLeft { limit, told: Limit::Wait(limit) } } else { self }
    }

    /// What was waited for did not come.
    pub(super) fn in_vain(self, what: Text) -> NetError {
        match self.told {
            Limit::Run(whole) => NetError::TimeUp { what, whole },
            Limit::Wait(limit) => NetError::Deadline { what, limit },
        }
    }
}

/// What a run's sockets have moved so far.
#[derive(Debug, Default)]
pub(super) struct Moved {
    calls: AtomicUsize,
    bytes: AtomicUsize,
}

impl Moved {
    /// One more call, of so many bytes.
    pub(super) fn add(&self, bytes: usize) {
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// May there be another call?
    pub(super) fn is_within(&self, allowed: &Allowance) -> Result<()> {
        let (calls, bytes) = (self.calls.load(Ordering::Relaxed), self.bytes.load(Ordering::Relaxed));
        match calls < allowed.calls && bytes < allowed.bytes {
            true => Ok(()),
            false => Err(NetError::TooMuch { calls, bytes }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn a_wait_says_which_limit_ended_it() {
        let said = |wait, deadline: &Deadline| TimeLeft::new(wait, deadline).in_vain(Text::new("x", "x")).text().en;
        let deadline = Deadline::new(LONG);
        assert_eq!(said(Duration::from_secs(1), &deadline), "waited 1s for x, without success");
        assert_eq!(said(2 * LONG, &deadline), "the run's 60s were over, and still waiting for x");
    }

    #[test]
    fn who_was_nobody_leaves_the_time_as_it_was() {
        let deadline = Deadline::new(LONG);
        let times = || *deadline.lock();
        let before = times();
        assert!(deadline.met());
        let met = times();
        assert!(met.somebody.is_some_and(|end| end >= before.nobody));
        assert!(!deadline.met());
        assert_eq!(times(), met, "one meeting");
        deadline.missed();
        assert_eq!(times(), before);
    }

    #[test]
    fn more_than_any_page_moves_is_too_much() {
        let allowed = Allowance { calls: 2, bytes: 10, ..Allowance::lasting(LONG, LONG) };
        for sizes in [[1, 1], [10, 0]] {
            let moved = Moved::default();
            moved.add(sizes[0]);
            assert_eq!(moved.is_within(&allowed).is_ok(), sizes[0] < allowed.bytes);
            moved.add(sizes[1]);
            assert!(matches!(moved.is_within(&allowed), Err(NetError::TooMuch { calls: 2, .. })), "{sizes:?}");
            moved.is_within(&allowed.unlimited_data()).expect("no end");
        }
    }
}
