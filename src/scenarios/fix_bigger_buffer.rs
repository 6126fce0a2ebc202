//! (to be written)

use super::{Part, Scenario};

pub(super) fn scenario() -> Scenario {
    Scenario { id: "fix-bigger-buffer", part: Part::NoFix, ..Scenario::blank() }
}
