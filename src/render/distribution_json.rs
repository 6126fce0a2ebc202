//! JSON of what is no single run: the distribution of many.

use super::{FailedClaim, Style};
use crate::trace::summary::Tally;
use serde_json::{Value, json};

/// The last line of `--repeat`: how often each pattern of receive lengths came out; of a scenario that counts
/// what came through, that too, and the share of its data packets that the link lost.
pub fn distribution(
    (runs, reproduced, failed): (usize, usize, &[FailedClaim]),
    outcomes: &[(Vec<usize>, usize)],
    tallies: &[Tally],
    loss: f64,
    style: &Style,
) -> Value {
    let outcomes: Vec<Value> =
        outcomes.iter().map(|(pattern, count)| json!({ "pattern": pattern, "count": count })).collect();
    let failed: Vec<Value> = failed.iter().map(|f| json!({ "claim": f.id, "count": f.runs })).collect();
    let mut line = json!({
        "type": "distribution", "runs": runs, "reproduced": reproduced, "failed": failed, "outcomes": outcomes,
    });
    if !tallies.is_empty() {
        let one =
            |t: &Tally| json!({ "what": t.what.to(style.lang), "came": t.came, "of": t.of, "packets": t.packets });
        line["loss"] = json!(loss);
        line["tally"] = tallies.iter().map(one).collect();
    }
    line
}
