//! (to be written)

use super::{Part, Scenario};

pub(super) fn scenario() -> Scenario {
    Scenario { id: "fix-sleep", part: Part::NoFix, ..Scenario::blank() }
}
