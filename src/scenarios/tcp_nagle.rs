//! (to be written)

use super::{Part, Scenario};

pub(super) fn scenario() -> Scenario {
    Scenario { id: "tcp-nagle", part: Part::Tcp, ..Scenario::blank() }
}
