//! JSON of what is no single run: the distribution of many.

use super::Style;
use crate::trace::summary::Tally;
use serde_json::{Value, json};

/// The last line of `--repeat`: how often each pattern of receive lengths came out; of a scenario that counts
/// what came through, that too, and the share of its data packets that the link lost.
pub fn distribution(
    runs: usize,
    outcomes: &[(Vec<usize>, usize)],
    tallies: &[Tally],
    loss: f64,
    style: &Style,
) -> Value {
    let outcomes: Vec<Value> =
        outcomes.iter().map(|(pattern, count)| json!({ "pattern": pattern, "count": count })).collect();
    let mut line = json!({ "type": "distribution", "runs": runs, "outcomes": outcomes });
    if !tallies.is_empty() {
        let one =
            |t: &Tally| json!({ "what": t.what.to(style.lang), "came": t.came, "of": t.of, "packets": t.packets });
        line["loss"] = json!(loss);
        line["tally"] = tallies.iter().map(one).collect();
    }
    line
}
