//! The calls of a program as one document, written when the program is over.

use crate::claims::Judge;
use crate::render::Report;
use crate::render::report::{Head, Steady};
use crate::say;
use crate::text::{Text, escaped, grouped, shell_word};
use crate::trace::{Event, Recorder, Role, Sink, Tie};
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

/// So many calls are kept.
const MOST_CALLS: usize = 10_000;
/// So many bytes that they moved.
const MOST_BYTES: usize = 4 << 20;

/// The first calls of a program.
#[derive(Default)]
pub(super) struct CallLog {
    pub(super) recorder: Recorder,
    kept: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    calls: usize,
    bytes: usize,
    left_out: usize,
}

impl CallLog {
    /// Keeps a call, if there is room: behind the first that found none nothing is kept.
    pub(super) fn push(&self, event: Event) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.left_out > 0 || kept.calls == MOST_CALLS || kept.bytes + event.bytes.len() > MOST_BYTES {
            kept.left_out += 1;
            return;
        }
        (kept.calls, kept.bytes) = (kept.calls + 1, kept.bytes + event.bytes.len());
        self.recorder.push(event);
    }

    /// What was kept, as a report: what stands behind the command is its title. `steady` leaves out what the clock decides.
    pub(super) fn report(self, steady: bool) -> Report {
        let kept = self.kept.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut trace = self.recorder.take();
        let roles: BTreeSet<Role> = trace.sockets.iter().map(|socket| socket.end.role).collect();
        trace.roles = roles.into_iter().collect();
        let trace = trace.finish(if steady { Tie::Lane } else { Tie::Clock });
        let mut findings = Judge::new(&trace, false).observe();
        if kept.left_out > 0 {
            let n = grouped(kept.calls);
            findings.limits.push(say!("only the first {n} calls are recorded", "只记录了前 {n} 次调用"));
        }
        let alone = <[Role; 1]>::try_from(&*trace.roles).ok().map(|[role]| role);
        let report = Report {
            head: Head { alone, ..head() },
            summary: trace.summary(),
            findings,
            failure: None,
            took_us: self.recorder.now_us(),
            trace,
        };
        if steady { report.steady(Steady { calls: false, packets: false }) } else { report }
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
