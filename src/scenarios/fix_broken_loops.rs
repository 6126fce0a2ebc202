//! (to be written)

use super::{Part, Scenario};

pub(super) fn scenario() -> Scenario {
    Scenario { id: "fix-broken-loops", part: Part::NoFix, ..Scenario::blank() }
}
