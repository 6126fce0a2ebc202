//! (to be written)

use super::{Part, Scenario};

pub(super) fn scenario() -> Scenario {
    Scenario { id: "tcp-partial-send", part: Part::Tcp, ..Scenario::blank() }
}
