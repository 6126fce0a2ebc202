//! The conditions under which a program is tried, one after the other.

use super::super::conditions::{Conditions, Cut};
use crate::say;
use crate::text::Text;

/// How often chance is tried, each time from another seed.
const SEEDS: u64 = 4;

/// A condition under which a program is tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trial {
    /// Its name for programs: `cut-1`.
    pub id: String,
    /// What it is.
    pub text: Text,
    /// What is done.
    pub conditions: Conditions,
}

/// Every trial; chance begins at this seed.
pub fn every(seed: u64) -> Vec<Trial> {
    let trial = |id: String, text: Text, conditions: Conditions| Trial { id, text, conditions };
    let most = |n: usize| {
        let text = match n {
            1 => Text::new("one byte a recv", "每次 recv 一个字节"),
            _ => say!("at most {n} bytes a recv", "每次 recv 最多 {n} 字节"),
        };
        trial(format!("cut-{n}"), text, Conditions { cut: Some(Cut::Most(n)), ..Conditions::default() })
    };
    let random = |seed: u64| {
        let cut = Some(Cut::Random(seed));
        let text = say!("cut at random, seed {seed}", "随机切分，种子 {seed}");
        trial(format!("random-{seed}"), text, Conditions { cut, ..Conditions::default() })
    };
    let late = Conditions { late: true, ..Conditions::default() };
    let mut all = vec![most(1), most(2), most(3)];
    all.extend((seed..seed.saturating_add(SEEDS)).map(random));
    all.push(trial("late".into(), Text::new("receivers come late", "接收方迟到"), late.clone()));
    all.push(trial(
        "late-cut-3".into(),
        Text::new("late, and at most 3 bytes a recv", "迟到，且每次 recv 最多 3 字节"),
        Conditions { cut: Some(Cut::Most(3)), ..late },
    ));
    all.push(trial(
        "slow".into(),
        Text::new("a slow network between two sends", "两次发送之间网络很慢"),
        Conditions { slow: true, ..Conditions::default() },
    ));
    all.push(trial(
        "short-writes".into(),
        Text::new("non-blocking sends take a part", "非阻塞发送只收下一部分"),
        Conditions { short_writes: true, ..Conditions::default() },
    ));
    all
}
