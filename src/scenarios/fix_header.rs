//! (to be written)

use super::{Part, Scenario};

pub(super) fn scenario() -> Scenario {
    Scenario { id: "fix-header", part: Part::Fix, ..Scenario::blank() }
}
