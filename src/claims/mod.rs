//! What a run must have shown: each scenario's claims, and what must hold in every run.

mod cells;
mod claim;
mod invariants;
mod judge;
mod on_link;
mod scope;
mod value;

pub use cells::{NamedRow, Table};
pub use claim::{Claim, Shown, Verdict, describe, held, result};
pub use invariants::is_invariant;
pub use judge::{Draft, Findings, Judge};
pub use on_link::Datagrams;
pub use scope::{Events, Scope};
pub use value::{Measured, Sentence, Value, Varying, VaryingFromZero};
