//! How far a long transfer is, on standard error, for people who look at a terminal.

use crate::programs::console::Console;
use crate::text::{Lang, Text};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{IsTerminal, stderr};
use std::time::{Duration, Instant};

/// What is over sooner is not worth a line.
const SOON: Duration = Duration::from_millis(500);

/// One transfer's line; gone when this is dropped.
pub struct Progress {
    name: String,
    total: u64,
    lang: Lang,
    began: Instant,
    wanted: bool,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// Nothing shown yet; nothing ever where nobody looks, or where a trace is printed.
    pub fn new(console: &Console, name: &str, total: u64) -> Progress {
        let wanted = !console.tracing() && stderr().is_terminal();
        let name = name.escape_debug().to_string();
        Progress { name, total, lang: console.style().lang, began: Instant::now(), wanted, bar: None }
    }

    /// So many bytes have passed.
    pub fn at(&mut self, bytes: u64) {
        if self.bar.is_none() && self.wanted && self.began.elapsed() >= SOON {
            self.bar = Some(self.bar());
        }
        if let Some(bar) = &self.bar {
            bar.set_position(bytes);
        }
    }

    fn bar(&self) -> ProgressBar {
        let shape = Text::new(
            "{msg}  {bytes} of {total_bytes}  {bytes_per_sec}  {eta} left",
            "{msg}  {bytes} / {total_bytes}  {bytes_per_sec}  还需 {eta}",
        );
        let bar = ProgressBar::with_draw_target(Some(self.total), ProgressDrawTarget::stderr());
        let bar = bar.with_elapsed(self.began.elapsed()).with_message(self.name.clone());
        if let Ok(style) = ProgressStyle::with_template(shape.to(self.lang)) {
            bar.set_style(style);
        }
        bar
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
