//! `--predict`: what a learner says before seeing the run. It has been recorded by then, and nothing of it shown.

use crate::render::report::Guess;
use crate::render::{Report, Style};
use crate::text::Text;
use std::io::{self, Write};

/// Asks whether the first claim will hold; `None` at the end of the input, or where nothing is claimed.
pub(super) fn guess(report: &Report, style: &Style) -> io::Result<Option<Guess>> {
    let Some(claim) = report.findings.claims.first() else { return Ok(None) };
    let asked = Text::new("{}\n  Will this be so: {}? y or n: ", "{}\n  会不会是这样：{}？y 或 n：");
    let asked = asked.with_all([&report.head.question, &claim.text]);
    let mut err = io::stderr();
    loop {
        let _ = write!(err, "{}", asked.to(style.lang));
        let _ = err.flush();
        let mut line = String::new();
        if io::stdin().read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let holds = match line.trim().to_lowercase().as_str() {
            "y" | "yes" | "是" | "会" => true,
            "n" | "no" | "否" | "不会" => false,
            _ => continue,
        };
        return Ok(Some(Guess { claim: claim.id.to_string(), holds }));
    }
}
