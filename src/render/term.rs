//! The annotated trace in a terminal: lanes side by side, bytes and their source below, then the
//! numbers, the claims, why, and what to try next.

use super::arrow::{Arrow, Glyphs};
use super::ladder::{self, EventRow, PacketRow, Row};
use super::palette::Ink;
use super::width::{columns, padded, wrapped};
use super::{Report, Style, bytes};
use crate::say;
use crate::scenarios::Part;
use crate::text::{Text, grouped};
use crate::trace::Role;
use crate::trace::claims::{Claim, Verdict};
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

/// Below this many columns the lanes stand under each other.
const NARROW: usize = 64;
/// Wider lanes than this tear a row apart.
const WIDEST: usize = 120;

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
    report: &'a Report<'a>,
}

/// Columns of the lanes: time, left lane, kernel, right lane.
struct Lanes {
    time: usize,
    left: usize,
    kernel: usize,
    right: usize,
}

impl Lanes {
    fn of(width: usize) -> Lanes {
        let time = 8;
        let rest = width.min(WIDEST) - time - 1;
        let kernel = rest / 4;
        let left = (rest - kernel) / 2;
        Lanes { time, left, kernel, right: rest - kernel - left }
    }
}

fn milliseconds(us: u64) -> String {
    let ms = us as f64 / 1000.0;
    if ms < 10_000.0 { format!("{ms:.2}") } else { format!("{ms:.0}") }
}

fn packet_counts(crossed: Crossed, blurred: bool) -> Text {
    let count = |n: u64| if blurred { "n".to_owned() } else { grouped(n) };
    let (packets, dropped, again) =
        (count(crossed.packets), count(crossed.dropped as u64), count(crossed.retransmitted as u64));
    say!("packets {packets}, dropped {dropped}, retransmitted {again}", "分组 {packets}，丢弃 {dropped}，重传 {again}")
}

impl Page<'_> {
    fn say(&self, text: &Text) -> String {
        text.to(self.style.lang).to_owned()
    }

    /// A paragraph, its lines after the first indented.
    fn paragraph(&self, out: &mut dyn Write, indent: usize, text: &str, ink: Option<Ink>) -> io::Result<()> {
        let indent = indent.min(self.style.width / 3);
        for (i, line) in wrapped(text, self.style.width.min(WIDEST) - indent).iter().enumerate() {
            let painted = ink.map_or(line.clone(), |ink| self.style.palette.paint(line, ink));
            let space = if i == 0 { 0 } else { indent };
            writeln!(out, "{}{painted}", " ".repeat(space))?;
        }
        Ok(())
    }

    /// `word   text`, the text indented under itself.
    fn entry(&self, out: &mut dyn Write, word: &str, text: &str, ink: Ink) -> io::Result<()> {
        let indent = 8.min(self.style.width / 3).max(columns(word) + 1);
        let lines = wrapped(text, self.style.width.min(WIDEST) - indent);
        for (i, line) in lines.iter().enumerate() {
            let word = self.style.palette.paint(&padded(if i == 0 { word } else { "" }, indent - 1), ink);
            writeln!(out, "{}", format!("{word} {line}").trim_end())?;
        }
        Ok(())
    }

    fn head(&self, out: &mut dyn Write) -> io::Result<()> {
        let scenario = &self.report.plan.scenario;
        let title = format!("{}: {}  ({})", scenario.id, self.say(&scenario.title), scenario.documents.join(", "));
        self.paragraph(out, 0, &title, Some(Ink::Strong))?;
        self.paragraph(out, 0, &self.say(&scenario.claim), None)?;
        if self.report.control {
            let word = Text::new("control: ", "对照实验：");
            self.paragraph(out, 2, &(self.say(&word) + &self.say(&scenario.control.change)), Some(Ink::Strong))?;
        }
        if let Some(link) = &self.report.plan.link {
            self.paragraph(out, 2, &self.say(&say!("link: {link}", "链路：{link}")), None)?;
        }
        let changed = self.report.changed();
        if !changed.is_empty() {
            let options = changed.iter().map(|(opt, value)| format!("--{} {value}", opt.name()));
            let word = self.say(&Text::new("changed: ", "已改："));
            self.paragraph(out, 2, &(word + &options.collect::<Vec<_>>().join(" ")), None)?;
        }
        writeln!(out)
    }

    fn trace(&self, out: &mut dyn Write, steps: &mut dyn Steps) -> io::Result<()> {
        let rows = ladder::rows(self.report, self.style);
        if rows.is_empty() {
            return Ok(());
        }
        let narrow = self.style.width < NARROW;
        if !narrow {
            self.lane_heads(out)?;
        }
        for row in &rows {
            steps.before(out)?;
            match row {
                Row::Event(row) => self.event(out, row, narrow)?,
                Row::Packet(row) if narrow => self.packet_stacked(out, row)?,
                Row::Packet(row) => self.packet(out, row)?,
                Row::More(text) => self.more_packets(out, text, narrow)?,
            }
        }
        self.unseen_packets(out)?;
        writeln!(out)
    }

    fn event(&self, out: &mut dyn Write, row: &EventRow, narrow: bool) -> io::Result<()> {
        if narrow { self.stacked(out, row) } else { self.beside(out, row) }?;
        if row.detailed {
            self.detail(out, row)?;
        }
        self.more(out, row)
    }

    /// An arrow from one lane's edge to the other's; behind it when it arrived, or why not.
    fn packet(&self, out: &mut dyn Write, row: &PacketRow) -> io::Result<()> {
        let lanes = Lanes::of(self.style.width);
        let arrow = Arrow {
            rightward: row.from.role == Role::Client,
            arrives: !row.packet.arrivals.is_empty(),
            label: &self.numbered(row.from.index.max(row.to.index), &row.label),
            glyphs: Glyphs::of(self.style),
        };
        let [before, label, after] = arrow.drawn(lanes.left + lanes.kernel - 1);
        let paint = |text: &str, ink| self.style.palette.paint(text, ink);
        let (ink, label_ink) = match (self.packet_ink(row), row.packet.arrivals.is_empty()) {
            (_, true) => (Ink::Bad, Some(Ink::Bad)),
            (message, false) => (Ink::Faint, message),
        };
        let time = paint(&format!("{:>1$} ", self.when(row.number, row.packet.t_us), lanes.time), Ink::Faint);
        let label = label_ink.map_or(label.clone(), |ink| paint(&label, ink));
        let behind = paint(&self.arrival(row, lanes.right - 3), ink);
        let gap = if behind.is_empty() { "" } else { "  " };
        writeln!(out, "{time}{}{label}{}{gap}{behind}", paint(&before, ink), paint(&after, ink))
    }

    /// The remark and the times, as far as they fit.
    fn arrival(&self, row: &PacketRow, room: usize) -> String {
        let remark = row.remark.clone().unwrap_or_default();
        let times: Vec<String> = match self.style.stable {
            true => Vec::new(),
            false => row.packet.arrivals.iter().map(|at| milliseconds(*at)).collect(),
        };
        let with = |times: &[String]| format!("{remark} {}", times.join(" ")).trim().to_owned();
        let most = (0..=times.len()).rev().map(|n| with(&times[..n])).find(|text| columns(text) <= room);
        most.unwrap_or(remark)
    }

    fn packet_stacked(&self, out: &mut dyn Write, row: &PacketRow) -> io::Result<()> {
        let arrow = if self.style.unicode { "→" } else { "->" };
        let remark = row.remark.as_ref().map(|r| format!("  [{r}]")).unwrap_or_default();
        let ink = if row.packet.arrivals.is_empty() { Some(Ink::Bad) } else { self.packet_ink(row) };
        self.paragraph(out, 2, &format!("{} {arrow} {} {}{remark}", row.from, row.to, row.label), ink)
    }

    fn packet_ink(&self, row: &PacketRow) -> Option<Ink> {
        row.packet.spans.first().map(|span| Ink::Message(span.msg))
    }

    fn more_packets(&self, out: &mut dyn Write, text: &Text, narrow: bool) -> io::Result<()> {
        let indent = if narrow { 2 } else { Lanes::of(self.style.width).time + 6 };
        for line in wrapped(&self.say(text), self.style.width.min(WIDEST) - indent) {
            writeln!(out, "{}{}", " ".repeat(indent), self.style.palette.paint(&line, Ink::Faint))?;
        }
        Ok(())
    }

    /// Says which packets the ladder does not have.
    fn unseen_packets(&self, out: &mut dyn Write) -> io::Result<()> {
        let trace = &self.report.outcome.trace;
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
        self.paragraph(out, 2, &self.say(&text), Some(Ink::Faint))
    }

    fn lane_heads(&self, out: &mut dyn Write) -> io::Result<()> {
        let lanes = Lanes::of(self.style.width);
        let time = if self.style.stable { Text::same("#") } else { Text::new("t ms", "毫秒") };
        let middle = match self.report.shows_packets() {
            true => Text::new("link", "链路"),
            false => Text::new("kernel", "内核"),
        };
        let heads = [
            (self.say(&time), lanes.time, true),
            (self.say(&Text::new("client", "客户端")), lanes.left, false),
            (self.say(&middle), lanes.kernel, false),
            (self.say(&Text::new("server", "服务器")), lanes.right, false),
        ];
        let mut line = String::new();
        for (text, width, right) in heads {
            let pad = " ".repeat(width.saturating_sub(columns(&text)));
            line += &if right { format!("{pad}{text} ") } else { format!("{text}{pad}") };
        }
        writeln!(out, "{}", self.style.palette.paint(line.trim_end(), Ink::Faint))
    }

    /// When, in milliseconds; or which, where times would differ from run to run.
    fn when(&self, number: usize, us: u64) -> String {
        if self.style.stable { number.to_string() } else { milliseconds(us) }
    }

    /// The end's number before the label, where a lane holds several.
    fn numbered(&self, index: u8, label: &str) -> String {
        match index {
            0 => label.to_owned(),
            n => format!("{n}: {label}"),
        }
    }

    fn beside(&self, out: &mut dyn Write, row: &EventRow) -> io::Result<()> {
        let lanes = Lanes::of(self.style.width);
        let label = self.numbered(row.event.end.index, &row.label);
        let left = row.event.end.role == Role::Client;
        let beside = columns(&row.kernel);
        let room = match (left, beside) {
            (true, 0) => lanes.left + lanes.kernel - 1,
            // A long label may push a short note to the right.
            (true, _) => (lanes.left + lanes.kernel).saturating_sub(beside + 3).max(lanes.left - 1),
            (false, _) => lanes.right,
        };
        let time = format!("{:>1$} ", self.when(row.number, row.event.moment_us()), lanes.time);
        for (i, line) in wrapped(&label, room).iter().enumerate() {
            let time = if i == 0 { self.style.palette.paint(&time, Ink::Faint) } else { " ".repeat(lanes.time + 1) };
            let kernel = if i == 0 { row.kernel.as_str() } else { "" };
            let text = self.inked(row, line);
            let faint = |text: &str| self.style.palette.paint(text, Ink::Faint);
            let used = if left { columns(line) + 1 } else { 0 };
            let before_kernel = " ".repeat(lanes.left.max(used) - used + usize::from(left));
            let line = match (left, kernel.is_empty()) {
                (true, true) => format!("{time}{text}"),
                (true, false) => format!("{time}{text}{before_kernel}{}", faint(kernel)),
                (false, _) => format!("{time}{before_kernel}{}{text}", faint(&padded(kernel, lanes.kernel))),
            };
            writeln!(out, "{line}")?;
        }
        Ok(())
    }

    /// One lane under the other, for a terminal too narrow for two.
    fn stacked(&self, out: &mut dyn Write, row: &EventRow) -> io::Result<()> {
        let kernel = if row.kernel.is_empty() { String::new() } else { format!("  [{}]", row.kernel) };
        let text = format!("{} {}{kernel}", row.event.end, row.label);
        self.paragraph(out, 2, &text, row.event.handed.map(|h| Ink::Message(h.msg)))
    }

    fn inked(&self, row: &EventRow, text: &str) -> String {
        match row.event.handed {
            Some(handed) if row.event.ok() => self.style.palette.paint(text, Ink::Message(handed.msg)),
            _ if !row.event.ok() => self.style.palette.paint(text, Ink::Bad),
            _ if text.starts_with('(') => self.style.palette.paint(text, Ink::Faint),
            _ => text.to_owned(),
        }
    }

    /// `got  |M1 hello|M2 feng|` and the hex block.
    fn detail(&self, out: &mut dyn Write, row: &EventRow) -> io::Result<()> {
        if self.report.blurred() {
            return Ok(());
        }
        let parts = bytes::parts(&self.report.outcome.trace, &row.event.spans, self.style);
        let indent = 9.min(self.style.width / 3);
        let room = self.style.width.min(WIDEST).saturating_sub(indent + 5);
        let word = self.style.palette.paint("got", Ink::Faint);
        let mut line = format!("{}{word}  ", " ".repeat(indent));
        let mut used = 1;
        line.push(self.style.bar());
        for (ink, text) in parts {
            let wide = columns(&text) + 1;
            if used + wide > room && used > 1 {
                writeln!(out, "{line}")?;
                line = format!("{}{}", " ".repeat(indent + 5), self.style.bar());
                used = 1;
            }
            used += wide;
            line += &self.style.palette.paint(&super::width::cut(&text, room - 1, self.style.unicode), ink);
            line.push(self.style.bar());
        }
        writeln!(out, "{line}")?;
        for line in bytes::hex_block(row.event, self.style) {
            writeln!(out, "{line}")?;
        }
        Ok(())
    }

    fn more(&self, out: &mut dyn Write, row: &EventRow) -> io::Result<()> {
        let text = match row.more {
            Some(0) => return Ok(()),
            Some(n) => say!(".. {n} more like it", ".. 另有 {n} 次，相同"),
            None => Text::new(".. and so on; count varies", ".. 如此反复，次数不定"),
        };
        let lanes = Lanes::of(self.style.width.max(NARROW));
        let left = row.event.end.role == Role::Client || self.style.width < NARROW;
        let indent = if left { lanes.time + 1 } else { lanes.time + 1 + lanes.left + lanes.kernel };
        let indent = if self.style.width < NARROW { 2 } else { indent };
        let room = self.style.width.min(WIDEST) - indent;
        for line in wrapped(&self.say(&text), room) {
            writeln!(out, "{}{}", " ".repeat(indent), self.style.palette.paint(&line, Ink::Faint))?;
        }
        Ok(())
    }

    fn foot(&self, out: &mut dyn Write) -> io::Result<()> {
        let outcome = self.report.outcome;
        if outcome.trace.events.is_empty() {
            return self.verdict(out);
        }
        self.counts(out, &outcome.summary)?;
        writeln!(out)?;
        for claim in &outcome.findings.claims {
            self.claim(out, claim)?;
        }
        for text in &outcome.findings.unjudged {
            let word = self.say(&Text::new("[other]", "[对端]"));
            let judge = Text::new("{} (the other end has to judge this)", "{}（由另一端判断）").with(text);
            self.entry(out, &word, &self.say(&judge), Ink::Faint)?;
        }
        for text in &outcome.findings.limits {
            self.entry(out, &self.say(&Text::new("[note]", "[说明]")), &self.say(text), Ink::Faint)?;
        }
        if let Some(failure) = &outcome.failure {
            let text = Text::same(format!("{}: ", failure.end));
            let text = self.say(&text) + &self.say(&failure.text());
            self.entry(out, &self.say(&Text::new("[error]", "[错误]")), &text, Ink::Bad)?;
        }
        writeln!(out)?;
        self.verdict(out)?;
        self.why_and_next(out)
    }

    fn counts(&self, out: &mut dyn Write, summary: &Summary) -> io::Result<()> {
        let blurred = self.report.blurred();
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
        words.extend(summary.crossed.map(|crossed| packet_counts(crossed, self.report.plan.hides_packets())));
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
        let line = words.iter().map(|w| self.say(w)).collect::<Vec<_>>().join("   ");
        self.paragraph(out, 0, &line, None)
    }

    fn claim(&self, out: &mut dyn Write, claim: &Claim) -> io::Result<()> {
        let (word, ink) = match claim.holds {
            true => (Text::new("[holds]", "[成立]"), Ink::Good),
            false => (Text::new("[fails]", "[不成立]"), Ink::Bad),
        };
        self.entry(out, &self.say(&word), &self.say(&claim.text), ink)?;
        let last = if self.report.plan.hides_packets() { self.report.outcome.trace.events.len() } else { usize::MAX };
        let events: Vec<usize> = claim.events.iter().copied().filter(|seq| *seq <= last).collect();
        let more = if events.len() > 4 { ".." } else { "" };
        let events: Vec<String> = events.iter().take(4).map(|seq| format!("#{seq}")).collect();
        let shown = if events.is_empty() || self.report.blurred() {
            String::new()
        } else {
            format!("  ({}{more})", events.join(" "))
        };
        let sides = Text::new("expected {}; got {}", "预期：{}；实际：{}").with(&claim.expected).with(&claim.actual);
        self.entry(out, "", &(self.say(&sides) + &shown), Ink::Faint)
    }

    fn verdict(&self, out: &mut dyn Write) -> io::Result<()> {
        let outcome = self.report.outcome;
        let verdict = &outcome.findings.verdict;
        if let Verdict::NotPossibleHere(reason) = verdict {
            let text = Text::new("{}: {}", "{}：{}").with(&verdict.text()).with(reason);
            return self.paragraph(out, 2, &self.say(&text), Some(Ink::Strong));
        }
        let good = *verdict == Verdict::Reproduced;
        let ink = if good { Ink::Good } else { Ink::Bad };
        let claims = &outcome.findings.claims;
        let (all, held) = (claims.len(), claims.iter().filter(|c| c.holds).count());
        let count = say!(" ({held} of {all} claims hold)", "（{all} 条结论中 {held} 条成立）");
        let mut text = self.say(&verdict.text()) + &self.say(&count);
        if self.report.control && !good && outcome.failure.is_none() {
            text += &self.say(&match self.report.plan.scenario.part {
                Part::Fix => Text::new(
                    ", as it must be: without the fix the trouble is back",
                    "，理应如此：去掉解法，问题就回来了",
                ),
                _ => Text::new(
                    ", as it must be: without the cause there is no effect",
                    "，理应如此：去掉原因，现象就消失",
                ),
            });
        }
        self.paragraph(out, 2, &text, Some(ink))
    }

    fn why_and_next(&self, out: &mut dyn Write) -> io::Result<()> {
        let scenario = &self.report.plan.scenario;
        let word = self.say(&Text::new("why", "原因"));
        for (i, why) in scenario.why.iter().enumerate() {
            let text = format!("{} [{}]", self.say(&why.text), why.source);
            self.entry(out, if i == 0 { &word } else { "" }, &text, Ink::Strong)?;
        }
        let word = self.say(&Text::new("next", "接着试"));
        for (i, next) in scenario.next.iter().enumerate() {
            // To paste: never broken, whatever the width.
            let indent = 8.min(self.style.width / 3);
            let word = padded(if i == 0 { &word } else { "" }, indent - 1);
            writeln!(out, "{} stickdemo {}", self.style.palette.paint(&word, Ink::Strong), next.command)?;
            self.entry(out, "", &format!("  {}", self.say(&next.shows)), Ink::Faint)?;
        }
        Ok(())
    }
}
