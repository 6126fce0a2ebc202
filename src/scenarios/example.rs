//! The complete example of `docs/adding-a-scenario.md`, run.

use super::{Scenario, prelude};
use crate::claims::{Findings, Verdict};
use crate::play::{self, Experiment, Plan};

#[path = "../../docs/examples/fix_fixed_size.rs"]
mod fix_fixed_size;

const TIMES: usize = 20;

fn each_time(experiment: impl Fn(&Scenario) -> Experiment, check: impl Fn(&Findings)) {
    let scenario = fix_fixed_size::scenario();
    for _ in 0..TIMES {
        let outcome = play::run(&Plan::new(experiment(&scenario)));
        assert!(outcome.failure.is_none(), "{outcome:?}");
        check(&outcome.findings);
    }
}

#[test]
fn the_example_is_reproduced_every_time() {
    each_time(
        |scenario| scenario.experiment.clone(),
        |findings| {
            assert_eq!(findings.verdict, Verdict::Reproduced, "{findings:?}");
            let ids: Vec<&str> = findings.claims.iter().map(|claim| &*claim.id).collect();
            assert_eq!(ids, ["records-whole", "no-luck", "tcp-prefix"]);
            assert!(findings.claims.iter().all(|claim| claim.holds), "{findings:?}");
        },
    );
}

#[test]
fn without_its_cause_its_main_claim_fails_with_both_sides_shown() {
    each_time(Scenario::controlled, |findings| {
        assert_eq!(findings.verdict, Verdict::NotReproduced, "{findings:?}");
        let main = &findings.claims[0];
        assert_eq!((&*main.id, main.holds), ("records-whole", false));
        let sides = [&main.expected, &main.actual].map(|side| side.exact.en.as_ref());
        assert_eq!(sides, ["delivered: M1; M2", "delivered: 8 M1 + 8 M2"]);
    });
}
