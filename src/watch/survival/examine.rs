//! Tries a program under one condition after another, and shrinks what breaks it.

use super::super::conditions::{Conditions, Cut};
use super::super::seen::Record;
use super::super::watching::{Unwatchable, Watched};
use super::causes::{self, Causes, Interference};
use super::diagnosis::{self, CutDone, Mistake};
use super::outcome::{Compared, Difference, RunOutcome};
use super::shrink::fewest;
use super::trials::Trial;
use crate::text::Text;
use std::time::{Duration, Instant};

/// How often the program is run unharmed.
const UNHARMED: usize = 3;
/// A run under a condition may take so many times as long as the longest unharmed one, and this.
const TIMES: u32 = 10;
const AT_LEAST: Duration = Duration::from_secs(3);
/// So many runs are made to find out what is enough to break it, within this time.
const MOST_RUNS: usize = 40;
/// So many cuts are told one by one.
const MOST_TOLD: usize = 8;
const MOST_TIME: Duration = Duration::from_secs(20);

/// A run to be made: under which conditions, and how long it may take.
#[derive(Clone, Copy, Debug)]
pub struct TrialRun<'c> {
    /// What is done to its calls.
    pub conditions: &'c Conditions,
    /// How long it may take; `None` leaves it to whoever makes it.
    pub limit: Option<Duration>,
}

/// What was found.
#[derive(Debug)]
pub struct Examination {
    /// What is compared.
    pub compared: Text,
    /// What each trial showed, as far as they went.
    pub results: Vec<TrialResult>,
}

/// What a trial showed.
#[derive(Debug)]
pub struct TrialResult {
    /// The trial.
    pub trial: Trial,
    /// What came of it.
    pub judged: Judged,
}

/// What came of a trial.
#[derive(Debug)]
pub enum Judged {
    /// The outcome is as it was unharmed.
    Passed,
    /// There was nothing to do to this program; why.
    Skipped(Text),
    /// It is not.
    Failed(Box<Breakage>),
}

/// A program that a legal delivery breaks.
#[derive(Debug)]
pub struct Breakage {
    /// Expected beside actual.
    pub difference: Difference,
    /// What is enough to break it.
    pub conditions: Conditions,
    /// The calls that were cut then.
    pub cuts: Vec<CutDone>,
    /// The mistake, where the calls that follow tell it.
    pub mistake: Option<Mistake>,
    /// That run.
    pub watched: Watched,
}

/// Tries a program under conditions that are chosen by what it does unharmed, until one breaks it or (`all`) to their end; `run` makes a run.
///
/// # Errors
/// Why it cannot be run, or that its outcome differs from run to run.
pub fn examine(
    trials: impl FnOnce(&[Record]) -> Vec<Trial>,
    all: bool,
    mut run: impl FnMut(&TrialRun) -> Result<Watched, Unwatchable>,
) -> Result<Examination, Unwatchable> {
    let none = Conditions::default();
    let began = Instant::now();
    let mut unharmed = Vec::new();
    for _ in 0..UNHARMED {
        unharmed.push(run(&TrialRun { conditions: &none, limit: None })?);
        if unharmed.iter().any(|watched| watched.overdue) {
            return Ok(endless(unharmed));
        }
    }
    let limit = began.elapsed() / UNHARMED as u32 * TIMES + AT_LEAST;
    let outcomes: Vec<RunOutcome> = unharmed.iter().map(RunOutcome::of).collect();
    let compared = Compared::of(&outcomes);
    if compared.is_nothing() {
        return Err(Unwatchable::Unsteady);
    }
    let mut examiner =
        Examiner { run, limit, compared, expected: outcomes[0].clone(), unharmed: unharmed.swap_remove(0) };
    let mut results = Vec::new();
    let trials = trials(&examiner.unharmed.seen);
    for trial in trials {
        let judged = examiner.judge(&trial)?;
        let over = matches!(judged, Judged::Failed(_)) && !all;
        results.push(TrialResult { trial, judged });
        if over {
            break;
        }
    }
    Ok(Examination { compared: examiner.compared.text(), results })
}

/// It does not even end when nothing is done to it.
fn endless(mut unharmed: Vec<Watched>) -> Examination {
    let watched = unharmed.pop().unwrap_or_default();
    let conditions = Conditions::default();
    let trial =
        Trial { id: "unharmed".into(), text: Text::new("nothing is done to it", "什么也不做"), conditions };
    let difference = Difference {
        expected: Text::new("it ends", "程序结束"),
        actual: Text::new(
            "it does not end (--timeout says how long is waited)",
            "程序没有结束（--timeout 决定等多久）",
        ),
    };
    let fault = Breakage {
        difference,
        conditions: Conditions::default(),
        cuts: Vec::new(),
        mistake: diagnosis::mistake(&[], &watched.seen, &Conditions::default()),
        watched,
    };
    let results = vec![TrialResult { trial, judged: Judged::Failed(Box::new(fault)) }];
    Examination { compared: Text::new("nothing", "没有可比较的"), results }
}

struct Examiner<R> {
    run: R,
    limit: Duration,
    compared: Compared,
    expected: RunOutcome,
    unharmed: Watched,
}

impl<R: FnMut(&TrialRun) -> Result<Watched, Unwatchable>> Examiner<R> {
    fn judge(&mut self, trial: &Trial) -> Result<Judged, Unwatchable> {
        let (mut watched, mut difference) = self.attempt(&trial.conditions)?;
        if difference.is_some() {
            // Chance, or a busy machine, breaks it once: only what breaks it again is told.
            (watched, difference) = self.attempt(&trial.conditions)?;
        }
        match difference {
            None if !is_touched(&watched, &trial.conditions) => {
                Ok(Judged::Skipped(Text::new("there was nothing to do it to", "没有可以这样处理的调用")))
            }
            None => Ok(Judged::Passed),
            Some(difference) => self.shrunk(trial, watched, difference).map(Judged::Failed),
        }
    }

    fn attempt(&mut self, conditions: &Conditions) -> Result<(Watched, Option<Difference>), Unwatchable> {
        let watched = match (self.run)(&TrialRun { conditions, limit: Some(self.limit) }) {
            Err(Unwatchable::NoServer(watched)) => *watched,
            other => other?,
        };
        let difference = self.compared.difference(&self.expected, &RunOutcome::of(&watched));
        Ok((watched, difference))
    }

    /// The fewest cuts that still break it.
    fn shrunk(
        &mut self,
        trial: &Trial,
        watched: Watched,
        difference: Difference,
    ) -> Result<Box<Breakage>, Unwatchable> {
        let Causes { single, together } = Causes::of(&trial.conditions, &self.unharmed.seen, &watched.seen);
        let mut best = (watched, difference, trial.conditions.clone());
        if !single.is_empty() || !together.is_empty() {
            let (began, mut runs, mut trouble) = (Instant::now(), 0, None);
            let mut fails = |some: &[Interference], best: &mut (Watched, Difference, Conditions)| {
                runs += 1;
                if runs > MOST_RUNS || began.elapsed() > MOST_TIME || trouble.is_some() {
                    return false;
                }
                let conditions = causes::only(&trial.conditions, some);
                match self.attempt(&conditions) {
                    Ok((watched, Some(difference))) => {
                        *best = (watched, difference, conditions);
                        true
                    }
                    Ok((_, None)) => false,
                    Err(error) => {
                        trouble = Some(error);
                        false
                    }
                }
            };
            let one = single.into_iter().take(MOST_RUNS / 2).any(|cause| fails(&[cause], &mut best));
            if !one && !together.is_empty() && fails(&together, &mut best) {
                fewest(together, |some| fails(some, &mut best));
            }
            if let Some(error) = trouble {
                return Err(error);
            }
        }
        let (watched, difference, mut conditions) = best;
        // Nobody reads so many: the condition that made them says the same.
        if matches!(&conditions.cut, Some(Cut::At(cuts)) if cuts.len() > MOST_TOLD) {
            conditions = trial.conditions.clone();
        }
        let cuts = diagnosis::cuts(&watched.seen);
        let mistake = diagnosis::mistake(&self.unharmed.seen, &watched.seen, &conditions);
        Ok(Box::new(Breakage { difference, conditions, cuts, mistake, watched }))
    }
}

/// Was anything done to the program's calls?
fn is_touched(watched: &Watched, conditions: &Conditions) -> bool {
    let touched = watched.seen.iter().any(|one| match one {
        Record::Call(call) => call.allowed.is_some() || call.held || call.struck.is_some(),
        _ => false,
    });
    touched || conditions.slow && watched.paused
}
