//! What was written into a stream, by its place in it.

use super::Span;
use std::ops::Range;

/// Appends a run. A message may have been handed over in several sends; its bytes are one run all the same.
pub(super) fn append(runs: &mut Vec<Span>, run: Span) {
    match runs.last_mut() {
        Some(last) if last.msg == run.msg && last.part == run.part && last.offset + last.len == run.offset => {
            last.len += run.len;
        }
        _ => runs.push(run),
    }
}

/// The runs of message bytes that were written into one direction of a stream, found by their place in it.
#[derive(Default)]
pub(super) struct Written {
    runs: Vec<Span>,
    /// Where in the stream each run ends.
    ends: Vec<usize>,
}

impl Written {
    pub(super) fn of(spans: &[Span]) -> Written {
        let mut written = Written::default();
        written.add(spans);
        written
    }

    pub(super) fn add(&mut self, spans: &[Span]) {
        for span in spans.iter().filter(|s| s.len > 0) {
            self.runs.push(*span);
            self.ends.push(self.ends.last().copied().unwrap_or(0) + span.len);
        }
    }

    /// Whose bytes these are; ends early where fewer were written.
    pub(super) fn range(&self, wanted: Range<usize>) -> Vec<Span> {
        let first = self.ends.partition_point(|end| *end <= wanted.start);
        let mut out = Vec::new();
        for (run, end) in self.runs[first..].iter().zip(&self.ends[first..]) {
            let start = end - run.len;
            if start >= wanted.end {
                break;
            }
            let skip = wanted.start.saturating_sub(start);
            let len = wanted.end.min(*end) - start - skip;
            append(&mut out, Span { offset: run.offset + skip, len, ..*run });
        }
        out
    }
}
