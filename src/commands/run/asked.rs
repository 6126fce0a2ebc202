//! How one scenario is to be run.

use crate::commands::options::AskedLink;
use crate::net::Settings;
use crate::play::{Linked, Side};
use crate::scenarios::Scenario;
use std::path::PathBuf;
use std::time::Duration;

/// How one scenario is to be run.
pub(super) struct RunRequest {
    /// Which.
    pub(super) scenario: Scenario,
    /// The options the learner gave.
    pub(super) chosen: Settings,
    /// Which ends.
    pub(super) side: Side,
    /// Over a link, and which.
    pub(super) link: AskedLink,
    /// Where the packets go.
    pub(super) pcap: Option<PathBuf>,
    /// The control experiment.
    pub(super) control: bool,
    /// How often; `None` prints the trace.
    pub(super) repeat: Option<u32>,
    /// Threads kept busy meanwhile.
    pub(super) busy: usize,
    /// One event per Enter.
    pub(super) step: bool,
    /// The longest to wait.
    pub(super) limit: Option<Duration>,
}

impl RunRequest {
    /// Is there a link between its ends?
    pub(super) fn is_linked(&self) -> bool {
        self.link != AskedLink::No || matches!(self.scenario.experiment.linked, Linked::Only)
    }
}
