//! What a check found, for people, for programs, and for a maintainer's ticket.

use super::correction::Language;
use crate::commands::observed;
use crate::commands::subject;
use crate::framing::Framing;
use crate::render::palette::Ink;
use crate::render::{Format, Report, Style, ladder};
use crate::say;
use crate::text::columns::{padded, wrapped};
use crate::text::{Text, escaped};
use crate::trace::{Recorder, Role};
use crate::watch::survival::{Breakage, Examination, Judged, TrialResult};
use crate::watch::{Programs, Watching};
use serde_json::json;
use std::io::{self, Write};

/// Events that are shown before the first cut call, and behind it.
const BEFORE: usize = 8;
const BEHIND: usize = 16;

/// What was found, and how it is told.
pub(super) struct Told<'a> {
    pub(super) watching: &'a Watching,
    pub(super) framing: Option<&'static dyn Framing>,
    pub(super) found: &'a Examination,
    pub(super) style: &'a Style,
}

impl Told<'_> {
    pub(super) fn write(&self, format: Format, out: &mut dyn Write) -> io::Result<()> {
        match format {
            Format::Json => self.json(out),
            Format::Tap => self.tap(out),
            Format::Junit => self.junit(out),
            Format::Markdown => self.markdown(out),
            _ => self.text(out),
        }
    }

    fn say(&self, text: &Text) -> String {
        text.to(self.style.lang).to_owned()
    }

    fn subject(&self) -> String {
        escaped(&subject::title(&self.watching.programs))
    }

    fn counted(&self) -> [usize; 3] {
        let count = |of: fn(&Judged) -> bool| self.found.results.iter().filter(|result| of(&result.judged)).count();
        [
            count(|judged| matches!(judged, Judged::Passed)),
            count(|judged| matches!(judged, Judged::Failed(_))),
            count(|judged| matches!(judged, Judged::Skipped(_))),
        ]
    }

    /// The command that replays just this.
    fn replay(&self, fault: &Breakage) -> String {
        let conditions = fault.conditions.written();
        let gap = if conditions.is_empty() { "" } else { " " };
        format!("stickdemo watch{gap}{conditions} {}", subject::written(&self.watching.programs))
    }

    fn compared(&self) -> Text {
        let isolated = match self.watching.isolated {
            true => Text::new("each run in a network of its own", "每次运行都有自己的网络"),
            false => Text::new("all runs share this machine's ports", "各次运行共用本机端口"),
        };
        Text::new("compared: {}; {}", "比较：{}；{}").with_all([&self.found.compared, &isolated])
    }

    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        let palette = &self.style.palette;
        writeln!(out, "{}", palette.paint(&format!("check: {}", self.subject()), Ink::Strong))?;
        writeln!(out, "{}\n", self.say(&self.compared()))?;
        for TrialResult { trial, judged } in &self.found.results {
            let (word, ink) = match judged {
                Judged::Passed => (Text::new("[ok]", "[通过]"), Ink::Good),
                Judged::Skipped(_) => (Text::new("[skip]", "[跳过]"), Ink::Faint),
                Judged::Failed(_) => (Text::new("[fails]", "[出错]"), Ink::Bad),
            };
            let reason = if let Judged::Skipped(why) = judged { format!(": {}", self.say(why)) } else { String::new() };
            let word = palette.paint(&padded(&self.say(&word), 7), ink);
            writeln!(out, "{word} {} {}{reason}", padded(&trial.id, 12), self.say(&trial.text))?;
            if let Judged::Failed(fault) = judged {
                self.fault(out, fault)?;
            }
        }
        let [passed, failed, skipped] = self.counted();
        let counts =
            say!("{passed} passed, {failed} failed, {skipped} skipped", "通过 {passed}，出错 {failed}，跳过 {skipped}");
        writeln!(out, "\n{}", self.say(&counts))
    }

    /// `word   text`, wrapped under itself.
    fn entry(&self, out: &mut dyn Write, word: &Text, text: &str) -> io::Result<()> {
        for (n, line) in wrapped(text, self.style.width.min(100) - 8).iter().enumerate() {
            let word = if n == 0 { self.say(word) } else { String::new() };
            writeln!(out, "{} {line}", self.style.palette.paint(&padded(&word, 7), Ink::Strong))?;
        }
        Ok(())
    }

    fn fault(&self, out: &mut dyn Write, fault: &Breakage) -> io::Result<()> {
        for cut in fault.cuts.iter().take(8) {
            self.entry(out, &Text::default(), &self.say(&cut.text()))?;
        }
        let difference = &fault.difference;
        self.entry(out, &Text::new("wanted", "应为"), &self.say(&difference.expected))?;
        self.entry(out, &Text::new("got", "实际"), &self.say(&difference.actual))?;
        writeln!(out)?;
        ladder(out, &self.around(fault), self.style)?;
        if let Some(mistake) = fault.mistake {
            self.entry(out, &Text::new("why", "原因"), &self.say(&mistake.text()))?;
            let (first, rest) = split(self.language(fault).correction(mistake));
            writeln!(
                out,
                "{} {first}",
                self.style.palette.paint(&padded(&self.say(&Text::new("mend", "改法")), 7), Ink::Strong)
            )?;
            rest.iter().try_for_each(|line| writeln!(out, "        {line}"))?;
        }
        let replay = self.style.palette.paint(&padded(&self.say(&Text::new("replay", "重放")), 7), Ink::Strong);
        writeln!(out, "{replay} {}", self.replay(fault))?;
        match fault.mistake {
            Some(mistake) => {
                let word = self.style.palette.paint(&padded(&self.say(&Text::new("next", "接着试")), 7), Ink::Strong);
                writeln!(out, "{word} stickdemo {}", mistake.scenario())
            }
            None => Ok(()),
        }
    }

    /// The shrunk run around its first cut.
    fn around(&self, fault: &Breakage) -> Report {
        let recorder = Recorder::default();
        let mut report = observed::report(self.watching, &fault.watched, self.framing, &recorder, self.style.stable);
        let events = &mut report.trace.events;
        let cut = events.iter().position(|event| event.call.receives() && event.note.is_some()).unwrap_or(0);
        let first = cut.saturating_sub(BEFORE);
        let last = (cut + BEHIND).min(events.len());
        *events = events.drain(first..last).collect();
        report
    }

    /// In what the side that was cut is written.
    fn language(&self, fault: &Breakage) -> Language {
        let client = fault.cuts.first().is_some_and(|cut| cut.at.side == Role::Client);
        match &self.watching.programs {
            Programs::One(words) => Language::of(words),
            Programs::Pair { client: words, .. } if client => Language::of(words),
            Programs::Pair { server, .. } => Language::of(server),
            Programs::Running(_) => Language::of(&[]),
        }
    }

    fn json(&self, out: &mut dyn Write) -> io::Result<()> {
        for TrialResult { trial, judged } in &self.found.results {
            let fault = if let Judged::Failed(fault) = judged { Some(fault) } else { None };
            let line = json!({
                "type": "condition",
                "id": trial.id,
                "passed": match judged {
                    Judged::Passed => Some(true),
                    Judged::Failed(_) => Some(false),
                    Judged::Skipped(_) => None,
                },
                "expected": fault.map(|fault| self.say(&fault.difference.expected)),
                "actual": fault.map(|fault| self.say(&fault.difference.actual)),
                "cuts": fault.map_or_else(Vec::new, |fault| fault.cuts.iter().map(|cut| json!({
                    "side": cut.at.side,
                    "connection": cut.at.connection,
                    "recv": cut.at.nth,
                    "asked": cut.asked,
                    "got": cut.got,
                })).collect()),
                "diagnosis": fault.and_then(|fault| fault.mistake).map(|mistake| mistake.word()),
                "replay": fault.map(|fault| self.replay(fault)),
            });
            writeln!(out, "{line}")?;
        }
        let [passed, failed, skipped] = self.counted();
        writeln!(out, "{}", json!({ "type": "score", "passed": passed, "failed": failed, "skipped": skipped }))
    }

    /// The Test Anything Protocol, version 14.
    fn tap(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "TAP version 14\n1..{}", self.found.results.len())?;
        for (n, TrialResult { trial, judged }) in self.found.results.iter().enumerate() {
            let (n, id) = (n + 1, &trial.id);
            match judged {
                Judged::Passed => writeln!(out, "ok {n} - {id}")?,
                Judged::Skipped(why) => writeln!(out, "ok {n} - {id} # SKIP {}", self.say(why))?,
                Judged::Failed(fault) => {
                    writeln!(out, "not ok {n} - {id}\n  ---")?;
                    for (key, value) in self.facts(fault) {
                        writeln!(out, "  {key}: {}", json!(value))?;
                    }
                    writeln!(out, "  ...")?;
                }
            }
        }
        Ok(())
    }

    /// What a report says of a fault, by name.
    fn facts(&self, fault: &Breakage) -> Vec<(&'static str, String)> {
        let cuts: Vec<String> = fault.cuts.iter().take(8).map(|cut| self.say(&cut.text())).collect();
        let mut facts = vec![
            ("expected", self.say(&fault.difference.expected)),
            ("actual", self.say(&fault.difference.actual)),
            ("cuts", cuts.join("; ")),
        ];
        facts.extend(fault.mistake.map(|mistake| ("diagnosis", self.say(&mistake.text()))));
        facts.push(("replay", self.replay(fault)));
        facts
    }

    fn junit(&self, out: &mut dyn Write) -> io::Result<()> {
        let [passed, failed, skipped] = self.counted();
        let all = passed + failed + skipped;
        writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
        let name = xml(&self.subject());
        writeln!(out, "<testsuite name=\"{name}\" tests=\"{all}\" failures=\"{failed}\" skipped=\"{skipped}\">")?;
        for TrialResult { trial, judged } in &self.found.results {
            let (id, text) = (xml(&trial.id), xml(&self.say(&trial.text)));
            write!(out, "  <testcase classname=\"{id}\" name=\"{text}\"")?;
            match judged {
                Judged::Passed => writeln!(out, "/>")?,
                Judged::Skipped(why) => writeln!(out, "><skipped message=\"{}\"/></testcase>", xml(&self.say(why)))?,
                Judged::Failed(fault) => {
                    let message = xml(&self.say(&fault.difference.actual));
                    writeln!(out, "><failure message=\"{message}\">")?;
                    for (key, value) in self.facts(fault) {
                        writeln!(out, "{key}: {}", xml(&value))?;
                    }
                    writeln!(out, "</failure></testcase>")?;
                }
            }
        }
        writeln!(out, "</testsuite>")
    }

    /// A ticket: the command, the cut, what happened, the ladder.
    fn markdown(&self, out: &mut dyn Write) -> io::Result<()> {
        let [passed, failed, skipped] = self.counted();
        let subject = self.subject();
        writeln!(out, "## check: `{subject}`\n")?;
        writeln!(out, "{}\n", self.say(&self.compared()))?;
        for TrialResult { trial, judged } in &self.found.results {
            let Judged::Failed(fault) = judged else { continue };
            writeln!(out, "### {}: {}\n", trial.id, self.say(&trial.text))?;
            for (key, value) in self.facts(fault) {
                match key {
                    "replay" => writeln!(out, "\n```sh\n{value}\n```\n")?,
                    _ => writeln!(out, "- {key}: {value}")?,
                }
            }
            writeln!(out, "```text")?;
            ladder(out, &self.around(fault), &Style { width: 80, lang: self.style.lang, ..Style::plain() })?;
            writeln!(out, "```\n")?;
            if let Some(mistake) = fault.mistake {
                let language = self.language(fault);
                writeln!(out, "```{}\n{}\n```\n", language.name(), language.correction(mistake))?;
            }
        }
        let counts =
            say!("{passed} passed, {failed} failed, {skipped} skipped", "通过 {passed}，出错 {failed}，跳过 {skipped}");
        writeln!(out, "{}", self.say(&counts))
    }
}

/// The first line of several, and the others.
fn split(text: &str) -> (&str, Vec<&str>) {
    let mut lines = text.lines();
    (lines.next().unwrap_or_default(), lines.collect())
}

/// In an XML attribute or text.
fn xml(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
