//! (to be written)

use super::{Part, Scenario};

pub(super) fn scenario() -> Scenario {
    Scenario { id: "udp-empty", part: Part::Udp, ..Scenario::blank() }
}
