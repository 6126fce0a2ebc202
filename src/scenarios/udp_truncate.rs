//! (to be written)

use super::{Part, Scenario};

pub(super) fn scenario() -> Scenario {
    Scenario { id: "udp-truncate", part: Part::Udp, ..Scenario::blank() }
}
