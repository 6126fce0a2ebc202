//! `--pcap`: the packets of a run as a file.

use crate::link::pcapng;
use crate::output::{Destination, unwritable};
use crate::play::{Outcome, Plan};
use crate::text::Text;
use std::io;
use std::path::Path;

/// A capture file. Opened before the run, so that a name nobody can write is refused before anything happens.
pub(super) struct Capture<'p> {
    name: &'p Path,
    sink: Destination,
}

impl<'p> Capture<'p> {
    pub(super) fn open(name: &'p Path) -> Result<Capture<'p>, Text> {
        match Destination::open(Some(name)) {
            Ok(sink) => Ok(Capture { name, sink }),
            Err(error) => Err(unwritable(Some(name), &error)),
        }
    }

    /// Writes what crossed the link. Where nothing did the run says why, and an older file keeps its place.
    pub(super) fn write(mut self, plan: &Plan, outcome: &Outcome) -> Result<(), Text> {
        let Some(spec) = plan.link.as_ref().filter(|_| !outcome.trace.packets.is_empty()) else { return Ok(()) };
        let written = pcapng::write(&outcome.trace, outcome.began, &spec.to_string(), &mut self.sink);
        match written.and_then(|()| self.sink.finish()) {
            // A reader that went away has seen enough.
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(unwritable(Some(self.name), &error)),
            _ => Ok(()),
        }
    }
}
