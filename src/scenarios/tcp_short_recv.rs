//! (to be written)

use super::{Part, Scenario};

pub(super) fn scenario() -> Scenario {
    Scenario { id: "tcp-short-recv", part: Part::Tcp, ..Scenario::blank() }
}
