//! The calls of a program as one document, written when the program is over.

use crate::render::Report;
use crate::render::report::Head;
use crate::say;
use crate::text::{Text, escaped, grouped, shell_word};
use crate::trace::{Event, Recorder, Role, Sink};
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

/// So many calls are kept.
const MOST_CALLS: usize = 10_000;
/// So many bytes that they moved.
const MOST_BYTES: usize = 4 << 20;

/// The first calls of a program.
#[derive(Default)]
pub(super) struct CallLog {
    pub(super) recorder: Recorder,
    taken: Mutex<Taken>,
    /// A call found no room: from then on nothing is kept.
    full: AtomicBool,
}

#[derive(Default)]
struct Taken {
    calls: usize,
    bytes: usize,
}

impl CallLog {
    /// Is there no room for more?
    pub(super) fn is_full(&self) -> bool {
        self.full.load(Ordering::Relaxed)
    }

    /// Keeps a call, if there is room: behind the first that found none nothing is kept.
    pub(super) fn push(&self, event: Event) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if self.is_full() || taken.calls == MOST_CALLS || taken.bytes + event.bytes.len() > MOST_BYTES {
            return self.full.store(true, Ordering::Relaxed);
        }
        *taken = Taken { calls: taken.calls + 1, bytes: taken.bytes + event.bytes.len() };
        self.recorder.push(event);
    }

    /// What was kept, as a report: what stands behind the command is its title. `steady` leaves out what the clock decides.
    pub(super) fn report(&self, steady: bool) -> Report {
        let mut trace = self.recorder.take();
        let roles: BTreeSet<Role> = trace.sockets.iter().map(|socket| socket.end.role).collect();
        trace.roles = roles.into_iter().collect();
        let alone = <[Role; 1]>::try_from(&*trace.roles).ok().map(|[role]| role);
        let mut report = Report::observed(Head { alone, ..head() }, trace, self.recorder.now_us(), steady);
        if self.is_full() {
            let n = grouped(report.trace.events.len());
            report.findings.limits.push(say!("only the first {n} calls are recorded", "只记录了前 {n} 次调用"));
        }
        report
    }
}

fn head() -> Head {
    let words: Vec<String> = std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
    let line: Vec<Cow<str>> =
        words.iter().skip(1).map(|word| shell_word(word).unwrap_or(Cow::Borrowed(word))).collect();
    Head::observed(
        words.first().map_or("", String::as_str),
        Text::same(escaped(&line.join(" "))),
        Text::new("What does this program do at its sockets?", "这个程序在它的套接字上做了什么？"),
        Text::new("every call of this program on its sockets", "这个程序对套接字的每一次调用"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::{Call, EndName, Proto};

    #[test]
    fn behind_the_last_call_there_is_room_for_nothing_is_kept_and_the_report_says_so() {
        let log = CallLog::default();
        let end = EndName::only(Role::Client);
        let sock = log.recorder.socket(end, Proto::Tcp);
        let call = |bytes: usize| Event {
            sock: Some(sock),
            asked: Some(MOST_BYTES),
            returned: Some(bytes),
            ..Event::new(end, Call::Recv)
        };
        for _ in 0..MOST_CALLS {
            assert!(!log.is_full());
            log.push(call(0));
        }
        log.push(call(0));
        assert!(log.is_full());
        let report = log.report(false);
        assert_eq!(report.trace.events.len(), MOST_CALLS);
        assert!(report.findings.limits.iter().any(|limit| limit.en == "only the first 10,000 calls are recorded"));

        let log = CallLog::default();
        log.push(Event { bytes: vec![0; MOST_BYTES + 1], ..Event::new(end, Call::Recv) });
        assert!(log.is_full(), "one that moves too much");
    }
}
