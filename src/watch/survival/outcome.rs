//! What came of a run, as far as it must not depend on how TCP delivered: how each program ended, and what it printed.

use super::super::seen::{Id, ProcessEnd, Record, Target};
use super::super::watching::Watched;
use crate::say;
use crate::text::{Text, excerpt};
use std::collections::HashSet;

/// What came of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunOutcome {
    /// Of each program.
    programs: Vec<ProgramOutcome>,
    /// It did not end in time.
    pub overdue: bool,
}

/// What came of one program.
#[derive(Clone, Debug, PartialEq, Eq)]
struct ProgramOutcome {
    name: String,
    /// `None` of a server that was ended because its client was gone.
    how: Option<ProcessEnd>,
    printed: Vec<u8>,
    /// Several threads printed: the order of their lines is chance.
    several: bool,
}

impl RunOutcome {
    /// Of what was watched.
    pub fn of(watched: &Watched) -> RunOutcome {
        let mut programs: Vec<ProgramOutcome> = Vec::new();
        for (place, ending) in watched.endings.iter().enumerate() {
            let mut printers: HashSet<Id> = HashSet::new();
            let mut printed = Vec::new();
            for record in &watched.seen {
                let Record::Call(call) = record else { continue };
                let its = watched.program_of.get(&call.pid) == Some(&place);
                if its && call.target == Target::Output {
                    printers.insert(call.tid);
                    printed.extend(&call.bytes);
                }
            }
            programs.push(ProgramOutcome {
                name: ending.name.clone(),
                how: (!ending.asked_to).then_some(ending.how),
                printed,
                several: printers.len() > 1,
            });
        }
        RunOutcome { programs, overdue: watched.overdue }
    }
}

/// What of an outcome is compared: what was the same each time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Compared {
    programs: Vec<Same>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Same {
    how: bool,
    printed: bool,
    /// The same lines, in any order.
    lines: bool,
}

/// What differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// As it was unharmed.
    pub expected: Text,
    /// As it is now.
    pub actual: Text,
}

fn lines(printed: &[u8]) -> Vec<&[u8]> {
    let mut lines: Vec<&[u8]> = printed.split(|byte| *byte == b'\n').collect();
    lines.sort_unstable();
    lines
}

impl Compared {
    /// What was the same in all of these.
    pub fn of(outcomes: &[RunOutcome]) -> Compared {
        let Some((first, others)) = outcomes.split_first() else { return Compared::default() };
        let all = |same: &dyn Fn(&ProgramOutcome, &ProgramOutcome) -> bool, place: usize| {
            others.iter().all(|other| other.programs.get(place).is_some_and(|one| same(&first.programs[place], one)))
        };
        let several = |place: usize| outcomes.iter().filter_map(|o| o.programs.get(place)).any(|one| one.several);
        let programs = (0..first.programs.len()).map(|place| Same {
            how: all(&|a, b| a.how == b.how, place),
            printed: !several(place) && all(&|a, b| a.printed == b.printed, place),
            lines: all(&|a, b| lines(&a.printed) == lines(&b.printed), place),
        });
        Compared { programs: programs.collect() }
    }

    /// Is there anything to compare?
    pub fn is_nothing(&self) -> bool {
        !self.programs.iter().any(|same| same.how || same.printed || same.lines)
    }

    /// It in a few words.
    pub fn text(&self) -> Text {
        let any = |of: fn(&Same) -> bool| self.programs.iter().any(of);
        match (any(|s| s.how), any(|s| s.printed), any(|s| s.lines)) {
            (true, true, _) => Text::new("exit status and output", "退出状态和输出"),
            (true, false, true) => {
                Text::new("exit status and output, its lines in any order", "退出状态和输出（行序不计）")
            }
            (true, false, false) => {
                Text::new("exit status (the output differs from run to run)", "退出状态（每次输出不同）")
            }
            (false, true, _) => {
                Text::new("output (the exit status differs from run to run)", "输出（每次退出状态不同）")
            }
            (false, false, true) => Text::new("output, its lines in any order", "输出（行序不计）"),
            (false, false, false) => Text::new("nothing", "没有可比较的"),
        }
    }

    /// The first difference between what must be the same.
    pub fn difference(&self, expected: &RunOutcome, actual: &RunOutcome) -> Option<Difference> {
        if actual.overdue && !expected.overdue {
            let expected = Text::new("it ends", "程序结束");
            return Some(Difference { expected, actual: Text::new("it does not end", "程序没有结束") });
        }
        let pairs = expected.programs.iter().zip(&actual.programs).zip(&self.programs);
        for ((before, now), same) in pairs {
            if same.how && before.how != now.how {
                return Some(Difference { expected: ended(before), actual: ended(now) });
            }
            let printed = match (same.printed, same.lines) {
                (true, _) => before.printed == now.printed,
                (false, true) => lines(&before.printed) == lines(&now.printed),
                (false, false) => true,
            };
            if !printed {
                return Some(said(before, now));
            }
        }
        (expected.programs.len() != actual.programs.len()).then(|| Difference {
            expected: Text::new("the server listens", "服务器开始监听"),
            actual: Text::new("it ended before it listened", "服务器没有监听就结束了"),
        })
    }
}

fn ended(program: &ProgramOutcome) -> Text {
    let name = excerpt(&program.name);
    match program.how {
        None => say!("{name} serves until it is ended", "{name} 一直服务到被结束"),
        Some(ProcessEnd::Status(status)) => say!("{name} exits with {status}", "{name} 以 {status} 退出"),
        Some(ProcessEnd::Signal(signal)) => say!("{name} is ended by signal {signal}", "{name} 被信号 {signal} 结束"),
    }
}

/// The first lines that differ.
fn said(before: &ProgramOutcome, now: &ProgramOutcome) -> Difference {
    let (a, b): (Vec<&[u8]>, Vec<&[u8]>) =
        (before.printed.split(|b| *b == b'\n').collect(), now.printed.split(|b| *b == b'\n').collect());
    let at = (0..a.len().max(b.len())).find(|at| a.get(*at) != b.get(*at)).unwrap_or(0);
    let name = excerpt(&now.name);
    let line = |lines: &[&[u8]]| match lines.get(at) {
        Some(line) if !(line.is_empty() && at + 1 == lines.len()) => {
            let text = excerpt(&String::from_utf8_lossy(line));
            say!("{name} prints {text}", "{name} 打印 {text}")
        }
        _ => say!("{name} prints no more", "{name} 不再打印"),
    };
    Difference { expected: line(&a), actual: line(&b) }
}
