//! (to be written)

use super::{Part, Scenario};

pub(super) fn scenario() -> Scenario {
    Scenario { id: "fix-nodelay", part: Part::NoFix, ..Scenario::blank() }
}
