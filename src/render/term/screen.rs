//! A run on one screen: the question, the rows that carry the lesson, the answer with its evidence, why, what next.
//! They are the same rows as those of the whole trace, fewer of them.

use super::lanes::{Lanes, Margin};
use super::notes::Notes;
use super::steps::Steps;
use crate::claims::{Claim, Verdict, held};
use crate::render::palette::Ink;
use crate::render::report::RunEnd;
use crate::render::rows::packet_text::listed;
use crate::render::rows::{Row, Stages, counted, rows};
use crate::render::{Report, Style};
use crate::say;
use crate::text::Text;
use crate::text::columns::{columns, cut};
use std::io::{self, Write};

/// Rows of a terminal that everybody has, less one for the prompt.
const SCREEN: usize = 23;
/// Rows of the trace that are shown however much else there is to say, in lines.
const LEAST: usize = 6;
/// Failing claims that are told.
const FAILING: usize = 3;

/// Writes the screen.
///
/// # Errors
/// What writing says.
pub fn one(out: &mut dyn Write, report: &Report, style: &Style, steps: &mut dyn Steps) -> io::Result<()> {
    let notes = Notes { style, report };
    let (mut head, mut foot) = (Vec::new(), Vec::new());
    notes.question(&mut head)?;
    if report.trace.events.is_empty() {
        notes.verdict(&mut foot)?;
    } else {
        notes.table(&mut foot)?;
        notes.answers(&mut foot)?;
    }
    out.write_all(&head)?;
    let used = lines(&head) + lines(&foot);
    Screen::of(report, style).draw(out, SCREEN.saturating_sub(used).max(LEAST), steps)?;
    steps.before(out)?;
    out.write_all(&foot)
}

fn lines(text: &[u8]) -> usize {
    text.iter().filter(|byte| **byte == b'\n').count()
}

/// Rows that have their place on the screen.
#[derive(Clone, Default)]
struct ScreenRows {
    rows: Vec<usize>,
    /// The one that is shown with its bytes.
    bytes: Option<usize>,
    /// Those acts that have their heading.
    acts: Vec<usize>,
    /// How many lines are left.
    left: usize,
}

impl ScreenRows {
    /// Takes a row, and the heading of its act, if there is room.
    fn takes(&mut self, screen: &Screen, at: usize) -> bool {
        let headed = screen.report.trace.acts.len() > 1;
        let act = screen.act(at).filter(|act| headed && !self.acts.contains(act));
        let height = screen.height(at, false) + usize::from(act.is_some());
        let fits = height <= self.left;
        if fits {
            self.left -= height;
            self.acts.extend(act);
            self.rows.push(at);
        }
        fits
    }
}

/// The rows, and how they are drawn.
struct Screen<'a> {
    report: &'a Report,
    rows: Vec<Row<'a>>,
    lanes: Lanes<'a>,
}

impl<'a> Screen<'a> {
    fn of(report: &'a Report, style: &'a Style) -> Screen<'a> {
        let lanes = Lanes { style, trace: &report.trace, margin: Margin::Number, whole: false };
        Screen { report, rows: rows(report), lanes }
    }

    /// The act that a row belongs to.
    fn act(&self, at: usize) -> Option<usize> {
        if let Row::Event(row) = &self.rows[at] { row.event.act } else { None }
    }

    /// How many lines a row takes, with its bytes or without.
    fn height(&self, at: usize, whole: bool) -> usize {
        let mut drawn = Vec::new();
        // Memory takes everything.
        let _ = Lanes { whole, ..self.lanes }.row(&mut drawn, &self.rows[at]);
        lines(&drawn)
    }

    fn draw(&self, out: &mut dyn Write, room: usize, steps: &mut dyn Steps) -> io::Result<()> {
        if self.rows.is_empty() {
            return Ok(());
        }
        // The names of the lanes, and the empty line below.
        let ScreenRows { rows, bytes, .. } = self.chosen(room.saturating_sub(2));
        self.lanes.heads(out, self.report.shows_packets())?;
        let (shown, mut act) = (rows.len(), None);
        for at in rows {
            steps.before(out)?;
            if let Some(title) = self.title(at, act) {
                steps.part(out)?;
                writeln!(out, "{title}")?;
            }
            act = act.max(self.act(at));
            Lanes { whole: Some(at) == bytes, ..self.lanes }.row(out, &self.rows[at])?;
        }
        self.left_out(out, shown)
    }

    /// That not all are shown, in the place of an empty line. How many there are in all would not be the numbers of the
    /// calls: one row may stand for many.
    fn left_out(&self, out: &mut dyn Write, shown: usize) -> io::Result<()> {
        let all = self.rows.len();
        let indent = " ".repeat(if self.style().is_narrow() { 2 } else { Margin::Number.columns() + 1 });
        let text = say!("({shown} rows; --full shows all)", "（选出 {shown} 行；--full 显示全部）");
        let text = self.style().palette.paint(&self.style().say(&text), Ink::Faint);
        if shown < all { writeln!(out, "{indent}{text}") } else { writeln!(out) }
    }

    fn style(&self) -> &Style {
        self.lanes.style
    }

    /// The heading of a row's act, if it is not the one before.
    fn title(&self, at: usize, before: Option<usize>) -> Option<String> {
        let act = self.act(at).filter(|act| before.is_none_or(|before| before < *act))?;
        let acts = &self.report.trace.acts;
        let title = acts.get(act).filter(|_| acts.len() > 1)?;
        Some(self.lanes.heading(&title.title))
    }

    /// The rows there is room for, in order.
    fn chosen(&self, room: usize) -> ScreenRows {
        let Stages { cited, moving, rest } = Stages::of(self.report, &self.rows);
        let mut chosen = ScreenRows { left: room, ..ScreenRows::default() };
        cited.iter().for_each(|at| {
            chosen.takes(self, *at);
        });
        let _ = moving.iter().all(|at| chosen.takes(self, *at));
        chosen.rows.sort_unstable();
        // Bytes that show a border come before rows that show none.
        let worth = chosen.rows.iter().copied().find(|at| self.is_worth_its_bytes(*at));
        let more = |at: usize| self.height(at, true) - self.height(at, false);
        if let Some((at, left)) = worth.and_then(|at| Some((at, chosen.left.checked_sub(more(at))?))) {
            (chosen.bytes, chosen.left) = (Some(at), left);
        }
        let mut all = chosen.clone();
        // Where nothing moved, how far it came is all there is to see.
        if rest.iter().all(|at| all.takes(self, *at)) || chosen.rows.is_empty() {
            chosen = all;
        }
        chosen.rows.sort_unstable();
        chosen
    }

    /// Does it show in its bytes where one message ends and the next begins?
    fn is_worth_its_bytes(&self, at: usize) -> bool {
        let Row::Event(row) = &self.rows[at] else { return false };
        row.detailed && row.event.spans.len() > 1 && row.event.bytes.len() <= 2 * 16
    }
}

impl Notes<'_> {
    fn answers(&self, out: &mut dyn Write) -> io::Result<()> {
        // A table has said the counts.
        self.came_out(out, FAILING, self.report.findings.table.is_none())?;
        if let Some(why) = self.report.why().first() {
            self.why(out, why, true)?;
        }
        self.next_in_short(out)
    }

    /// What came of it: the answer, so many of the failing claims, the counts if they are wanted.
    ///
    /// # Errors
    /// What writing says.
    pub fn came_out(&self, out: &mut dyn Write, failing: usize, counts: bool) -> io::Result<()> {
        match self.report.findings.verdict {
            // Nothing was judged: the reason is the answer.
            Verdict::NotPossibleHere(_) => self.verdict(out),
            _ => {
                self.guess(out)?;
                self.answer(out)?;
                self.claims_in_short(out, failing, counts)
            }
        }
    }

    /// What the run established, and the events that show it.
    fn answer(&self, out: &mut dyn Write) -> io::Result<()> {
        let head = &self.report.head;
        let (text, ink) = match (self.report.ending(), &head.control) {
            (RunEnd::Shown, _) => (self.report.established(), Ink::Good),
            (RunEnd::ControlPassed, Some(control)) => (control.fails.clone(), Ink::Good),
            _ => return Ok(()),
        };
        let shown = self.report.findings.claims.first().map_or(String::new(), |claim| self.evidence(claim));
        self.entry(out, &self.style.say(&Text::new("answer", "答案")), &(self.style.say(&text) + &shown), ink)
    }

    /// How many claims hold; of those that fail both sides.
    fn claims_in_short(&self, out: &mut dyn Write, most: usize, counts: bool) -> io::Result<()> {
        let findings = &self.report.findings;
        let failing: Vec<&Claim> = findings.claims.iter().filter(|claim| !claim.holds).collect();
        failing.iter().take(most).try_for_each(|claim| self.claim(out, claim))?;
        self.unjudged(out)?;
        let mut counts = if counts { counted(self.report) } else { Vec::new() };
        counts.push(Text::new("{}: {}", "{}：{}").with_all([&held(&findings.claims), &findings.verdict.text()]));
        let counts = self.style.say(&listed(&counts, &Text::new("; ", "；")));
        self.entry(out, &self.style.say(&Text::new("counts", "计数")), &counts, Ink::Faint)
    }

    /// A step or two, each on a line: the command is never cut.
    fn next_in_short(&self, out: &mut dyn Write) -> io::Result<()> {
        for (i, next) in self.report.two_suggestions().iter().enumerate() {
            let word = if i == 0 { self.style.say(&Text::new("next", "接着试")) } else { String::new() };
            let command = format!("stickdemo {}", next.command);
            let room = self.style.breadth().saturating_sub(self.indent() + columns(&command) + 4);
            // To the shell, a comment: the line can be pasted whole.
            let shows = format!("# {}", cut(&self.style.say(&next.shows), room, self.style.unicode));
            let faint = self.style.palette.paint(&shows, Ink::Faint);
            writeln!(out, "{}", format!("{}{command}  {faint}", self.word(&word, Ink::Strong)).trim_end())?;
        }
        Ok(())
    }
}
