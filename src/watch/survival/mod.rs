//! Would a program survive every delivery that TCP allows? It is run unharmed, then under one condition after another,
//! and what came of it is compared. A condition under which it differs is shrunk to what is enough to break it, and the
//! calls that follow tell the mistake. Pure, but for the runs themselves, which a caller makes.

mod causes;
mod diagnosis;
mod examine;
mod framed;
mod outcome;
mod places;
mod shrink;
mod trials;

pub use diagnosis::{CutDone, Mistake};
pub use examine::{Breakage, Examination, Judged, TrialResult, TrialRun, examine};
pub use outcome::{Compared, Difference, RunOutcome};
pub use trials::{AskedTrials, Trial, every};
