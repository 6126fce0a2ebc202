//! (to be written)

use super::{Part, Scenario};

pub(super) fn scenario() -> Scenario {
    Scenario { id: "udp-no-server", part: Part::Udp, ..Scenario::blank() }
}
