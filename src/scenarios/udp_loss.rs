//! (to be written)

use super::{Part, Scenario};

pub(super) fn scenario() -> Scenario {
    Scenario { id: "udp-loss", part: Part::Udp, ..Scenario::blank() }
}
