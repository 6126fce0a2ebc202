//! What is said around the rows, in one screen as in the whole trace: what was changed, the counts, the claims.

use crate::claims::{Claim, Findings, Verdict, held};
use crate::render::palette::Ink;
use crate::render::report::{RunEnd, Why};
use crate::render::{Report, Style};
use crate::say;
use crate::text::Text;
use crate::text::columns::{columns, wrapped};
use std::io::{self, Write};

/// A report, and how its text looks.
pub struct Notes<'a> {
    /// How text looks.
    pub style: &'a Style,
    /// What is told.
    pub report: &'a Report,
}

impl Notes<'_> {
    /// `word   text`, the text indented under itself.
    pub fn entry(&self, out: &mut dyn Write, word: &str, text: &str, ink: Ink) -> io::Result<()> {
        let indent = self.indent().max(columns(word) + 1);
        let lines = wrapped(text, self.style.breadth() - indent);
        for (i, line) in lines.iter().enumerate() {
            let word = if i == 0 { word } else { "" };
            writeln!(out, "{}", format!("{}{line}", self.word_within(word, indent, ink)).trim_end())?;
        }
        Ok(())
    }

    /// Columns before the text of an entry.
    pub fn indent(&self) -> usize {
        8.min(self.style.width / 3)
    }

    /// The word before an entry that is never broken.
    pub fn word(&self, word: &str, ink: Ink) -> String {
        self.word_within(word, self.indent(), ink)
    }

    /// A word with spaces behind it, which have no colour.
    fn word_within(&self, word: &str, indent: usize, ink: Ink) -> String {
        self.style.palette.paint(word, ink) + &" ".repeat(indent.saturating_sub(columns(word)).max(1))
    }

    /// The scenario's question, and what is not as always.
    ///
    /// # Errors
    /// What writing says.
    pub fn question(&self, out: &mut dyn Write) -> io::Result<()> {
        let head = &self.report.head;
        let question = Text::new("{}: {}", "{}：{}").with_all([&Text::same(head.scenario.clone()), &head.question]);
        self.style.paragraph(out, 0, &self.style.say(&question), Some(Ink::Strong))?;
        self.changes(out)
    }

    /// What is not as it always is: the control experiment, the link, the options.
    pub fn changes(&self, out: &mut dyn Write) -> io::Result<()> {
        let head = &self.report.head;
        if let Some(control) = &head.control {
            let text = Text::new("control: {}", "对照实验：{}").with(&control.change);
            self.style.paragraph(out, 2, &self.style.say(&text), Some(Ink::Strong))?;
        }
        if let Some(link) = &head.link {
            self.style.paragraph(out, 2, &self.style.say(&say!("link: {link}", "链路：{link}")), None)?;
        }
        if !head.given.is_empty() {
            let word = self.style.say(&Text::new("changed: ", "已改："));
            self.style.paragraph(out, 2, &(word + &head.given_in_short()), None)?;
        }
        Ok(())
    }

    /// What no claim says: it is the other end's to judge, this system cannot tell it, or an end failed.
    pub fn unjudged(&self, out: &mut dyn Write) -> io::Result<()> {
        let Findings { unjudged, limits, .. } = &self.report.findings;
        for text in unjudged {
            let word = self.style.say(&Text::new("[other]", "[对端]"));
            let judge = Text::new("{} (the other end has to judge this)", "{}（由另一端判断）").with(text);
            self.entry(out, &word, &self.style.say(&judge), Ink::Faint)?;
        }
        for text in limits {
            self.entry(out, &self.style.say(&Text::new("[note]", "[说明]")), &self.style.say(text), Ink::Faint)?;
        }
        if let Some(failure) = &self.report.failure {
            let text = self.style.say(&failure.sentence());
            self.entry(out, &self.style.say(&Text::new("[error]", "[错误]")), &text, Ink::Bad)?;
        }
        Ok(())
    }

    pub fn claim(&self, out: &mut dyn Write, claim: &Claim) -> io::Result<()> {
        let (word, ink) = match claim.holds {
            true => (Text::new("[holds]", "[成立]"), Ink::Good),
            false if self.report.fails_as_it_must(claim) => {
                (Text::new("[fails, as it must]", "[理应不成立]"), Ink::Good)
            }
            false => (Text::new("[fails]", "[不成立]"), Ink::Bad),
        };
        self.entry(out, &self.style.say(&word), &self.style.say(&claim.text), ink)?;
        // What is as expected is said once.
        let sides = match claim.holds && claim.expected.exact == claim.actual.exact {
            true => claim.actual.exact.clone(),
            false => Text::new("expected {}; got {}", "预期：{}；实际：{}")
                .with_all([&claim.expected.exact, &claim.actual.exact]),
        };
        self.entry(out, "", &(self.style.say(&sides) + &self.evidence(claim)), Ink::Faint)
    }

    /// Whether the learner's guess was right, and by which events.
    ///
    /// # Errors
    /// What writing says.
    pub fn guess(&self, out: &mut dyn Write) -> io::Result<()> {
        let Some(guess) = &self.report.head.guess else { return Ok(()) };
        let Some(claim) = self.report.findings.claims.iter().find(|claim| *claim.id == *guess.claim) else {
            return Ok(());
        };
        let (text, ink) = match (guess.holds == claim.holds, claim.holds) {
            (true, true) => (Text::new("right, it is so: {}", "猜对了，确实如此：{}"), Ink::Good),
            (true, false) => (Text::new("right, it is not so: {}", "猜对了，并非如此：{}"), Ink::Good),
            (false, true) => (Text::new("it is so after all: {}", "没猜对，其实如此：{}"), Ink::Bad),
            (false, false) => (Text::new("it is not so: {}", "没猜对，并非如此：{}"), Ink::Bad),
        };
        let text = self.style.say(&text.with(&claim.text)) + &self.evidence(claim);
        self.entry(out, &self.style.say(&Text::new("guess", "预测")), &text, ink)
    }

    /// The events that show a claim, by their numbers.
    pub fn evidence(&self, claim: &Claim) -> String {
        let last = if self.report.packets_vary() { self.report.trace.events.len() } else { usize::MAX };
        let events: Vec<usize> = claim.events.iter().copied().filter(|seq| *seq <= last).collect();
        let more = if events.len() > 4 { ".." } else { "" };
        let events: Vec<String> = events.iter().take(4).map(|seq| format!("#{seq}")).collect();
        match events.is_empty() || self.report.calls_vary() {
            true => String::new(),
            false => format!("  ({}{more})", events.join(" ")),
        }
    }

    pub fn verdict(&self, out: &mut dyn Write) -> io::Result<()> {
        let findings = &self.report.findings;
        let verdict = &findings.verdict;
        if let Verdict::NotPossibleHere(reason) = verdict {
            let text = Text::new("{}: {}", "{}：{}").with(&verdict.text()).with(reason);
            return self.style.paragraph(out, 2, &self.style.say(&text), Some(Ink::Strong));
        }
        if verdict.claims_nothing() {
            return Ok(());
        }
        let ending = self.report.ending();
        let ink = if matches!(ending, RunEnd::Shown | RunEnd::ControlPassed) { Ink::Good } else { Ink::Bad };
        let count = Text::new("{} ({})", "{}（{}）").with_all([&self.report.outcome(), &held(&findings.claims)]);
        self.style.paragraph(out, 2, &self.style.say(&count), Some(ink))
    }

    /// A sentence of explanation, and where it is written down.
    ///
    /// # Errors
    /// What writing says.
    pub fn why(&self, out: &mut dyn Write, why: &Why, first: bool) -> io::Result<()> {
        let word = self.style.say(&Text::new("why", "原因"));
        let source = if why.source.is_empty() { String::new() } else { format!(" [{}]", why.source) };
        self.entry(out, if first { &word } else { "" }, &(self.style.say(&why.text) + &source), Ink::Strong)
    }
}
