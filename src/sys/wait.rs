//! The only place that sleeps. A wait is for a fact, with a deadline that its caller sees pass; it never
//! stands in for the fact. Where time itself is the lesson ([`pause`]) the duration is data that the trace shows.

use std::time::{Duration, Instant};

/// Looks again and again until `fact` is true or `limit` has passed; tells which. The looks are close
/// together at first (a fact on loopback is microseconds away) and at most a millisecond apart.
#[must_use]
pub fn until(limit: Duration, mut fact: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + limit;
    let mut apart = Duration::from_micros(10);
    while !fact() {
        if Instant::now() >= deadline {
            return fact();
        }
        pause(apart);
        apart = (apart * 2).min(Duration::from_millis(1));
    }
    true
}

/// Lets time pass. Only for waits that are the lesson, and for the steps of [`until`].
#[allow(clippy::disallowed_methods, reason = "the one place that sleeps")]
pub fn pause(duration: Duration) {
    std::thread::sleep(duration);
}
