//! The annotated trace in a terminal: lanes side by side, bytes and their source below, then the
//! numbers, the claims, why, and what to try next.

use super::lanes::Lanes;
use crate::claims::{Claim, Verdict};
use crate::render::palette::Ink;
use crate::render::rows::rows;
use crate::render::{Report, Style};
use crate::say;
use crate::text::columns::{columns, padded, wrapped};
use crate::text::{Text, grouped};
use crate::trace::summary::{Crossed, Summary, Where};
use std::io::{self, Write};

/// Called between two rows: `--step` waits for Enter there, everything else goes on.
pub trait Steps {
    /// Before the row is written.
    ///
    /// # Errors
    /// When waiting or flushing fails.
    fn before(&mut self, out: &mut dyn Write) -> io::Result<()>;
}

impl Steps for () {
    fn before(&mut self, _: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }
}

/// Writes the whole report.
///
/// # Errors
/// What writing says.
pub fn run(out: &mut dyn Write, report: &Report, style: &Style, steps: &mut dyn Steps) -> io::Result<()> {
    let page = Page { style, report };
    page.head(out)?;
    page.trace(out, steps)?;
    steps.before(out)?;
    page.foot(out)
}

struct Page<'a> {
    style: &'a Style,
    report: &'a Report,
}

fn packet_counts(crossed: Crossed, blurred: bool) -> Text {
    let count = |n: u64| if blurred { "n".to_owned() } else { grouped(n) };
    let (packets, dropped, again) =
        (count(crossed.packets), count(crossed.dropped as u64), count(crossed.retransmitted as u64));
    say!("packets {packets}, dropped {dropped}, retransmitted {again}", "分组 {packets}，丢弃 {dropped}，重传 {again}")
}

impl Page<'_> {
    /// `word   text`, the text indented under itself.
    fn entry(&self, out: &mut dyn Write, word: &str, text: &str, ink: Ink) -> io::Result<()> {
        let indent = 8.min(self.style.width / 3).max(columns(word) + 1);
        let lines = wrapped(text, self.style.breadth() - indent);
        for (i, line) in lines.iter().enumerate() {
            let word = self.style.palette.paint(&padded(if i == 0 { word } else { "" }, indent - 1), ink);
            writeln!(out, "{}", format!("{word} {line}").trim_end())?;
        }
        Ok(())
    }

    fn head(&self, out: &mut dyn Write) -> io::Result<()> {
        let head = &self.report.head;
        let title = format!("{}: {}  ({})", head.scenario, self.style.say(&head.title), head.documents.join(", "));
        self.style.paragraph(out, 0, &title, Some(Ink::Strong))?;
        self.style.paragraph(out, 0, &self.style.say(&head.claim), None)?;
        if let Some(control) = &head.control {
            let text = Text::new("control: {}", "对照实验：{}").with(&control.change);
            self.style.paragraph(out, 2, &self.style.say(&text), Some(Ink::Strong))?;
        }
        if let Some(link) = &head.link {
            self.style.paragraph(out, 2, &self.style.say(&say!("link: {link}", "链路：{link}")), None)?;
        }
        if !head.given.is_empty() {
            let options = head.given.iter().map(|(name, value)| format!("--{name} {value}"));
            let word = self.style.say(&Text::new("changed: ", "已改："));
            self.style.paragraph(out, 2, &(word + &options.collect::<Vec<_>>().join(" ")), None)?;
        }
        writeln!(out)
    }

    fn trace(&self, out: &mut dyn Write, steps: &mut dyn Steps) -> io::Result<()> {
        let rows = rows(self.report);
        if rows.is_empty() {
            return Ok(());
        }
        let lanes = Lanes { style: self.style, trace: &self.report.trace, clock: self.report.has_clock() };
        lanes.heads(out, self.report.shows_packets())?;
        for row in &rows {
            steps.before(out)?;
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
        if report.trace.events.is_empty() {
            return self.verdict(out);
        }
        self.counts(out, &report.summary)?;
        writeln!(out)?;
        for claim in &report.findings.claims {
            self.claim(out, claim)?;
        }
        for text in &report.findings.unjudged {
            let word = self.style.say(&Text::new("[other]", "[对端]"));
            let judge = Text::new("{} (the other end has to judge this)", "{}（由另一端判断）").with(text);
            self.entry(out, &word, &self.style.say(&judge), Ink::Faint)?;
        }
        for text in &report.findings.limits {
            self.entry(out, &self.style.say(&Text::new("[note]", "[说明]")), &self.style.say(text), Ink::Faint)?;
        }
        if let Some(failure) = &report.failure {
            let text = self.style.say(&failure.sentence());
            self.entry(out, &self.style.say(&Text::new("[error]", "[错误]")), &text, Ink::Bad)?;
        }
        writeln!(out)?;
        self.verdict(out)?;
        self.why_and_next(out)
    }

    fn counts(&self, out: &mut dyn Write, summary: &Summary) -> io::Result<()> {
        let blurred = self.report.calls_vary();
        let n = |n: usize| if blurred { "n".to_owned() } else { grouped(n) };
        let segments = summary.segments.filter(|_| !blurred).map(grouped);
        let segments = segments.unwrap_or_else(|| if blurred { "n".into() } else { "?".into() });
        let (sends, recvs) = (n(summary.sends), n(summary.recvs));
        let tcp = summary.segments.is_some();
        let mut words = vec![say!("sends {sends}", "发送 {sends} 次")];
        if tcp {
            words.push(say!("segments {segments}", "报文段 {segments}"));
        }
        words.push(say!("recvs {recvs}", "接收 {recvs} 次"));
        words.extend(summary.crossed.map(|crossed| packet_counts(crossed, self.report.packets_vary())));
        let (sent, intact) = (n(summary.messages_sent), n(summary.messages_intact));
        words.push(say!("messages intact {intact} of {sent}", "完整消息 {intact}/{sent}"));
        if let Some(lost) = summary.lost_at {
            let place = match lost {
                Where::Sender => Text::new("the sender", "发送方"),
                Where::Wire => Text::new("the wire", "路上"),
                Where::Receiver => Text::new("the receiver", "接收方"),
            };
            words.push(Text::new("boundaries lost at: {}", "边界丢失于：{}").with(&place));
        }
        let line = words.iter().map(|w| self.style.say(w)).collect::<Vec<_>>().join("   ");
        self.style.paragraph(out, 0, &line, None)
    }

    fn claim(&self, out: &mut dyn Write, claim: &Claim) -> io::Result<()> {
        let (word, ink) = match claim.holds {
            true => (Text::new("[holds]", "[成立]"), Ink::Good),
            false => (Text::new("[fails]", "[不成立]"), Ink::Bad),
        };
        self.entry(out, &self.style.say(&word), &self.style.say(&claim.text), ink)?;
        let last = if self.report.packets_vary() { self.report.trace.events.len() } else { usize::MAX };
        let events: Vec<usize> = claim.events.iter().copied().filter(|seq| *seq <= last).collect();
        let more = if events.len() > 4 { ".." } else { "" };
        let events: Vec<String> = events.iter().take(4).map(|seq| format!("#{seq}")).collect();
        let shown = if events.is_empty() || self.report.calls_vary() {
            String::new()
        } else {
            format!("  ({}{more})", events.join(" "))
        };
        let sides = Text::new("expected {}; got {}", "预期：{}；实际：{}")
            .with(&claim.expected.exact)
            .with(&claim.actual.exact);
        self.entry(out, "", &(self.style.say(&sides) + &shown), Ink::Faint)
    }

    fn verdict(&self, out: &mut dyn Write) -> io::Result<()> {
        let findings = &self.report.findings;
        let verdict = &findings.verdict;
        if let Verdict::NotPossibleHere(reason) = verdict {
            let text = Text::new("{}: {}", "{}：{}").with(&verdict.text()).with(reason);
            return self.style.paragraph(out, 2, &self.style.say(&text), Some(Ink::Strong));
        }
        let good = *verdict == Verdict::Reproduced;
        let ink = if good { Ink::Good } else { Ink::Bad };
        let (all, held) = (findings.claims.len(), findings.claims.iter().filter(|c| c.holds).count());
        let count = say!(" ({held} of {all} claims hold)", "（{all} 条结论中 {held} 条成立）");
        let mut text = self.style.say(&verdict.text()) + &self.style.say(&count);
        let control = self.report.head.control.as_ref().filter(|_| !good && self.report.failure.is_none());
        text += &control.map_or(String::new(), |control| self.style.say(&control.fails));
        self.style.paragraph(out, 2, &text, Some(ink))
    }

    fn why_and_next(&self, out: &mut dyn Write) -> io::Result<()> {
        let head = &self.report.head;
        let word = self.style.say(&Text::new("why", "原因"));
        for (i, why) in head.why.iter().enumerate() {
            let text = format!("{} [{}]", self.style.say(&why.text), why.source);
            self.entry(out, if i == 0 { &word } else { "" }, &text, Ink::Strong)?;
        }
        let word = self.style.say(&Text::new("next", "接着试"));
        for (i, next) in head.next.iter().enumerate() {
            // To paste: never broken, whatever the width.
            let indent = 8.min(self.style.width / 3);
            let word = padded(if i == 0 { &word } else { "" }, indent - 1);
            writeln!(out, "{} stickdemo {}", self.style.palette.paint(&word, Ink::Strong), next.command)?;
            self.entry(out, "", &format!("  {}", self.style.say(&next.shows)), Ink::Faint)?;
        }
        Ok(())
    }
}
