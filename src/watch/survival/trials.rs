//! The conditions under which a program is tried, one after the other.

use super::super::conditions::{Conditions, Cut, OnTheWay, StreamPlace, Strikes};
use super::super::seen::Record;
use super::framed::{self, Sore};
use crate::framing::Framing;
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

/// Which trials are asked for.
#[derive(Clone, Copy, Default)]
pub struct AskedTrials {
    /// Where chance begins.
    pub seed: u64,
    /// Where frames end: the cuts go first where it hurts.
    pub framing: Option<&'static dyn Framing>,
    /// Datagrams are lost, doubled and swapped.
    pub udp: bool,
    /// A signal ends calls that wait for all.
    pub interrupt: bool,
}

/// Every trial, for a program that was seen to do this unharmed.
pub fn every(asked: &AskedTrials, unharmed: &[Record]) -> Vec<Trial> {
    let AskedTrials { seed, framing, udp, interrupt } = *asked;
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
    let sores = framing.map(|framing| framed::sores(unharmed, framing)).unwrap_or_default();
    let sore = |(sore, places): (Sore, Vec<StreamPlace>)| {
        let cut = Some(Cut::Before(places));
        trial(sore.word().to_owned(), sore.text(), Conditions { cut, ..Conditions::default() })
    };
    let mut all: Vec<Trial> = sores.into_iter().map(sore).collect();
    all.extend([most(1), most(2), most(3)]);
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
    if interrupt {
        let text = Text::new("a signal ends MSG_WAITALL early", "信号使 MSG_WAITALL 提前返回");
        all.push(trial("interrupt".into(), text, Conditions { interrupt, ..Conditions::default() }));
    }
    if udp {
        all.extend(of_datagrams(seed));
    }
    all
}

/// What UDP may do.
fn of_datagrams(seed: u64) -> [Trial; 4] {
    let trial = |id: &str, text: Text, datagrams: OnTheWay| Trial {
        id: id.to_owned(),
        text,
        conditions: Conditions { datagrams, ..Conditions::default() },
    };
    let none = OnTheWay::default;
    [
        trial(
            "lose-3",
            Text::new("every third datagram is lost", "每三个数据报丢失一个"),
            OnTheWay { lose: Some(Strikes::Every(3)), ..none() },
        ),
        trial(
            &format!("lose-seed-{seed}"),
            say!("datagrams are lost at random, seed {seed}", "数据报随机丢失，种子 {seed}"),
            OnTheWay { lose: Some(Strikes::Random(seed)), ..none() },
        ),
        trial(
            "double-1",
            Text::new("every datagram comes twice", "每个数据报都到达两次"),
            OnTheWay { double: Some(Strikes::Every(1)), ..none() },
        ),
        trial(
            "swap-2",
            Text::new("every second datagram comes behind the next", "每两个数据报中有一个晚于下一个到达"),
            OnTheWay { swap: Some(Strikes::Every(2)), ..none() },
        ),
    ]
}
