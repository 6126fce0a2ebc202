//! `--step`: a recorded run row by row, for a class that guesses before it sees.

use crate::render::{self, Marks, Report, RowStep, Style};
use crate::sys::keys::{self, Keypress};
use crate::sys::terminal::understands_escapes;
use crate::text::Text;
use std::io::{self, IsTerminal, Write};

/// Shows the report one row a key, and its answer last.
pub(super) fn through(out: &mut dyn Write, report: &Report, style: &Style) -> io::Result<()> {
    let mut text = Vec::new();
    render::terminal(&mut text, report, style, &mut Marks)?;
    let steps = Marks::cut(&text);
    let prompt = Prompt::new(style);
    let mut shown = 0;
    let mut wanted = 1;
    loop {
        if wanted < shown {
            prompt.clear(out)?;
            shown = 0;
        }
        steps[shown..wanted].iter().try_for_each(|step| out.write_all(&step.text))?;
        shown = wanted;
        if shown == steps.len() {
            return Ok(());
        }
        wanted = match prompt.key(out, shown + 1 == steps.len())? {
            Keypress::Forward => shown + 1,
            Keypress::Back if prompt.clears => (shown - 1).max(1),
            Keypress::Back => shown,
            Keypress::Part => next_part(&steps, shown),
            Keypress::RunOn => steps.len(),
            Keypress::Quit => return Ok(()),
        };
    }
}

/// Up to the next part, or to the answer; at least one step.
fn next_part(steps: &[RowStep], shown: usize) -> usize {
    let last = steps.len() - 1;
    let next = (shown + 1..last).find(|at| steps[*at].begins_part);
    next.unwrap_or(last).max(shown + 1)
}

/// What stands on the last line while a key is waited for.
struct Prompt {
    next: String,
    answer: String,
    /// Keys come from a terminal: one by one, or where that cannot be by lines.
    erase: Option<&'static str>,
    /// What was shown can be taken back.
    clears: bool,
}

impl Prompt {
    fn new(style: &Style) -> Prompt {
        let next = Text::new(
            "-- Space: next   b: back   a: next part   c: all   q: end --",
            "-- 空格：下一步   b：后退   a：下一部分   c：全部   q：结束 --",
        );
        let answer = Text::new("-- what is your answer? Space shows it --", "-- 你的答案是什么？按空格看结果 --");
        let dumb = std::env::var("TERM").is_ok_and(|term| term == "dumb");
        let terminal = io::stdin().is_terminal() && io::stderr().is_terminal() && !dumb && understands_escapes();
        let erase = match (terminal, cfg!(unix)) {
            (true, true) => Some("\r\x1b[K"),
            // The learner's Enter has gone to the next line.
            (true, false) => Some("\x1b[1A\x1b[2K\r"),
            (false, _) => None,
        };
        let clears = terminal && io::stdout().is_terminal();
        Prompt { next: next.to(style.lang).to_owned(), answer: answer.to(style.lang).to_owned(), erase, clears }
    }

    /// Waits for a key; before the answer with another question.
    fn key(&self, out: &mut dyn Write, last: bool) -> io::Result<Keypress> {
        out.flush()?;
        let mut err = io::stderr();
        let _ = write!(err, "{}", if last { &self.answer } else { &self.next });
        let _ = err.flush();
        let key = keys::key()?;
        // The prompt leaves no line between two rows.
        let _ = err.write_all(self.erase.unwrap_or("\n").as_bytes());
        let _ = err.flush();
        Ok(key)
    }

    /// An empty screen.
    fn clear(&self, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(b"\x1b[2J\x1b[H")
    }
}
