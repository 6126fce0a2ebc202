//! How far a long transfer is, on standard error, for people who look at a terminal.

use crate::programs::console::Console;
use crate::text::{Lang, Text, escaped};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{IsTerminal, stderr};
use std::time::{Duration, Instant};

/// What is over sooner is not worth a line.
const SOON: Duration = Duration::from_millis(500);

/// One transfer's line; gone when this is dropped.
pub struct Progress {
    began: Instant,
    /// Counts from the start, so that the rate is right when it is shown; none where nobody looks.
    bar: Option<ProgressBar>,
}

impl Progress {
    /// Nothing shown yet; nothing ever where nobody looks, or where a trace is printed.
    pub fn new(console: &Console, name: &str, total: u64) -> Progress {
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let wanted = !console.tracing() && !dumb && stderr().is_terminal();
        Progress { began: Instant::now(), bar: wanted.then(|| bar(name, total, console.style().lang)) }
    }

    /// So many bytes have passed.
    pub fn at(&mut self, bytes: u64) {
        let Some(bar) = &self.bar else { return };
        bar.set_position(bytes);
        if bar.is_hidden() && self.began.elapsed() >= SOON {
            bar.set_draw_target(ProgressDrawTarget::stderr());
        }
    }
}

fn bar(name: &str, total: u64, lang: Lang) -> ProgressBar {
    let shape = Text::new(
        "{msg}  {bytes} of {total_bytes}  {bytes_per_sec}  {eta} left",
        "{msg}  {bytes} / {total_bytes}  {bytes_per_sec}  还需 {eta}",
    );
    let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::hidden());
    let bar = bar.with_message(escaped(name));
    match ProgressStyle::with_template(shape.to(lang)) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
