//! (to be written)

use super::{Part, Scenario};

pub(super) fn scenario() -> Scenario {
    Scenario { id: "fix-concurrent", part: Part::Fix, ..Scenario::blank() }
}
