//! The whole annotated trace in a terminal (`--full`): lanes side by side, bytes and their source below, then the
//! numbers, the claims, why, and what to try next.

use super::lanes::{Lanes, Margin};
use super::notes::Notes;
use super::steps::Steps;
use crate::render::palette::Ink;
use crate::render::rows::{Row, counted, rows};
use crate::render::{Report, Style};
use crate::say;
use crate::text::{Text, grouped};
use std::io::{self, Write};

/// Writes every row and every claim.
///
/// # Errors
/// What writing says.
pub fn whole(out: &mut dyn Write, report: &Report, style: &Style, steps: &mut dyn Steps) -> io::Result<()> {
    let notes = Notes { style, report };
    match steps.keeps_the_answer_back() {
        true => notes.question(out)?,
        false => notes.head(out)?,
    }
    notes.trace(out, steps)?;
    steps.before(out)?;
    if steps.keeps_the_answer_back() {
        style.paragraph(out, 0, &style.say(&report.head.claim), None)?;
        writeln!(out)?;
    }
    notes.foot(out)
}

/// Writes the rows alone.
///
/// # Errors
/// What writing says.
pub fn ladder(out: &mut dyn Write, report: &Report, style: &Style) -> io::Result<()> {
    Notes { style, report }.trace(out, &mut ())
}

impl Notes<'_> {
    fn head(&self, out: &mut dyn Write) -> io::Result<()> {
        let head = &self.report.head;
        let title = format!("{}: {}", head.scenario, self.style.say(&head.title));
        let title = match head.documents.is_empty() {
            true => title,
            false => format!("{title}  ({})", head.documents.join(", ")),
        };
        self.style.paragraph(out, 0, &title, Some(Ink::Strong))?;
        self.style.paragraph(out, 0, &self.style.say(&head.claim), None)?;
        self.changes(out)?;
        writeln!(out)
    }

    fn trace(&self, out: &mut dyn Write, steps: &mut dyn Steps) -> io::Result<()> {
        let rows = rows(self.report);
        if rows.is_empty() {
            return Ok(());
        }
        let margin = if self.report.has_clock() { Margin::Both } else { Margin::Number };
        let lanes = Lanes { style: self.style, trace: &self.report.trace, margin, whole: true };
        lanes.heads(out, self.report.shows_packets())?;
        let mut act = None;
        for row in &rows {
            steps.before(out)?;
            if let Row::Event(row) = row {
                if row.event.act > act {
                    steps.part(out)?;
                }
                act = act.max(row.event.act);
            }
            lanes.row(out, row)?;
        }
        self.unseen_packets(out)?;
        self.begun_again(out)?;
        writeln!(out)
    }

    /// Says that this is not the first run, and why.
    fn begun_again(&self, out: &mut dyn Write) -> io::Result<()> {
        let restarts = &self.report.trace.restarts;
        let Some(last) = restarts.last() else { return Ok(()) };
        let (n, times) = (restarts.len(), if restarts.len() == 1 { "time" } else { "times" });
        let text = say!("This run was begun again {n} {times}: {{}}.", "这次运行重新开始了 {n} 次：{{}}。");
        self.style.paragraph(out, 2, &self.style.say(&text.with(last)), Some(Ink::Faint))
    }

    /// Says which packets the ladder does not have.
    fn unseen_packets(&self, out: &mut dyn Write) -> io::Result<()> {
        let trace = &self.report.trace;
        let (shown, more) = (grouped(trace.packets.len()), grouped(trace.unrecorded));
        let text = match (trace.packets.is_empty(), self.report.shows_packets(), trace.unrecorded) {
            (false, false, _) => Text::new(
                "The packets are left out: they interleave differently on each run (run without --stable to see them).",
                "分组未列出：它们每次运行的交错顺序都不同（去掉 --stable 即可看到）。",
            ),
            (false, true, 1..) => say!(
                "The first {shown} packets are shown; {more} more crossed the link.",
                "只显示前 {shown} 个分组；另有 {more} 个经过了链路。"
            ),
            _ => return Ok(()),
        };
        self.style.paragraph(out, 2, &self.style.say(&text), Some(Ink::Faint))
    }

    fn foot(&self, out: &mut dyn Write) -> io::Result<()> {
        let report = self.report;
        if report.trace.events.is_empty() && !report.findings.verdict.claims_nothing() {
            return self.verdict(out);
        }
        self.table(out)?;
        self.counts(out)?;
        writeln!(out)?;
        for claim in &report.findings.claims {
            self.claim(out, claim)?;
        }
        self.guess(out)?;
        self.unjudged(out)?;
        writeln!(out)?;
        self.verdict(out)?;
        self.why_and_next(out)
    }

    fn counts(&self, out: &mut dyn Write) -> io::Result<()> {
        counted(self.report).iter().try_for_each(|text| self.style.paragraph(out, 2, &self.style.say(text), None))
    }

    fn why_and_next(&self, out: &mut dyn Write) -> io::Result<()> {
        for (i, why) in self.report.why().iter().enumerate() {
            self.why(out, why, i == 0)?;
        }
        let word = self.style.say(&Text::new("next", "接着试"));
        for (i, next) in self.report.suggestions().iter().enumerate() {
            // To paste: never broken, whatever the width.
            let word = self.word(if i == 0 { &word } else { "" }, Ink::Strong);
            writeln!(out, "{word}stickdemo {}", next.command)?;
            self.entry(out, "", &format!("  {}", self.style.say(&next.shows)), Ink::Faint)?;
        }
        Ok(())
    }
}
