//! (to be written)

use super::{Part, Scenario};

pub(super) fn scenario() -> Scenario {
    Scenario { id: "tcp-empty", part: Part::Tcp, ..Scenario::blank() }
}
