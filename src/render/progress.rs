//! How far something long is: one line on standard error that is gone when the result comes, for people who look at a
//! terminal.

use crate::text::{Lang, Text, escaped};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{IsTerminal, stderr};
use std::time::{Duration, Instant};

/// What is over sooner is not worth a line.
const SOON: Duration = Duration::from_millis(500);

/// One line; gone when this is dropped.
pub struct Progress {
    began: Instant,
    lang: Lang,
    /// Counts from the start, so that the rate is right when it is shown; none where nobody looks.
    bar: Option<ProgressBar>,
}

impl Progress {
    /// A transfer of a file of so many bytes.
    pub fn of_transfer(name: &str, total: u64, lang: Lang) -> Progress {
        let template = Text::new(
            "{msg}  {bytes} of {total_bytes}  {bytes_per_sec}  {eta} left",
            "{msg}  {bytes} / {total_bytes}  {bytes_per_sec}  还需 {eta}",
        );
        let progress = Progress::new(total, &template, lang);
        progress.doing(&Text::same(escaped(name)));
        progress
    }

    /// So many steps, each of which says what it does.
    pub fn of_steps(total: u64, lang: Lang) -> Progress {
        Progress::new(total, &Text::new("{msg}  {pos} of {len}  {eta} left", "{msg}  {pos} / {len}  还需 {eta}"), lang)
    }

    /// Nothing shown, ever.
    pub fn hidden() -> Progress {
        Progress { began: Instant::now(), lang: Lang::En, bar: None }
    }

    fn new(total: u64, template: &Text, lang: Lang) -> Progress {
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let bar = || {
            let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::hidden());
            match ProgressStyle::with_template(template.to(lang)) {
                Ok(style) => bar.with_style(style),
                Err(_) => bar,
            }
        };
        Progress { began: Instant::now(), lang, bar: (!dumb && stderr().is_terminal()).then(bar) }
    }

    /// What is done now.
    pub fn doing(&self, what: &Text) {
        if let Some(bar) = &self.bar {
            bar.set_message(what.to(self.lang).to_owned());
        }
    }

    /// Writes something meanwhile, above the line.
    pub fn aside<T>(&self, write: impl FnOnce() -> T) -> T {
        match &self.bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }

    /// So much is done.
    pub fn at(&self, done: u64) {
        let Some(bar) = &self.bar else { return };
        bar.set_position(done);
        if bar.is_hidden() && self.began.elapsed() >= SOON {
            bar.set_draw_target(ProgressDrawTarget::stderr());
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
