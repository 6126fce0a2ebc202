//! Draws the ladder's rows in columns: lanes side by side, bytes and their source below; in a narrow terminal
//! one lane under the other. A recorded run's report and the live trace draw with it.

use super::arrow::{Arrow, Glyphs};
use super::hex_block::{hex_block, passing};
use crate::render::palette::Ink;
use crate::render::rows::bytes::pieces;
use crate::render::rows::token;
use crate::render::rows::{EventRow, PacketRow, Row};
use crate::render::{NARROW, Style, WIDEST};
use crate::text::Text;
use crate::text::columns::{columns, cut, padded, wrapped};
use crate::trace::{EndName, Role, Trace};
use std::io::{self, Write};

/// What rows are drawn with.
pub struct Lanes<'a> {
    /// How text looks.
    pub style: &'a Style,
    /// The messages and sockets that rows are about.
    pub trace: &'a Trace,
    /// There are times to be shown; without, rows are numbered.
    pub clock: bool,
}

/// Columns of the lanes: time, left lane, what is between (the kernel's notes, or a relay's lane), right lane.
struct Columns {
    time: usize,
    left: usize,
    middle: usize,
    right: usize,
    /// The middle is a lane, too.
    relay: bool,
}

impl Columns {
    fn of(width: usize, relay: bool) -> Columns {
        let time = 8;
        let rest = width.min(WIDEST) - time - 1;
        let middle = if relay { rest / 3 } else { rest / 4 };
        let left = (rest - middle) / 2;
        Columns { time, left, middle, right: rest - middle - left, relay }
    }

    /// Where an end's lane begins.
    fn start(&self, role: Role) -> usize {
        self.time
            + 1
            + match role {
                Role::Client => 0,
                Role::Relay => self.left,
                Role::Server => self.left + self.middle,
            }
    }

    /// How wide it is.
    fn room(&self, role: Role) -> usize {
        match role {
            Role::Client => self.left - 1,
            Role::Relay => self.middle - 1,
            Role::Server => self.right,
        }
    }
}

fn milliseconds(us: u64) -> String {
    let ms = us as f64 / 1000.0;
    if ms < 10_000.0 { format!("{ms:.2}") } else { format!("{ms:.0}") }
}

impl Lanes<'_> {
    fn columns(&self) -> Columns {
        Columns::of(self.style.width.max(NARROW), self.trace.roles.contains(&Role::Relay))
    }

    /// Draws a row.
    ///
    /// # Errors
    /// What writing says.
    pub fn row(&self, out: &mut dyn Write, row: &Row) -> io::Result<()> {
        match row {
            Row::Event(row) => self.event(out, row),
            Row::Packet(row) if self.style.is_narrow() => self.packet_stacked(out, row),
            Row::Packet(row) => self.packet(out, row),
            Row::More(tokens) => self.more_packets(out, &token::line(tokens, self.style, 0)),
        }
    }

    /// Draws a call, the bytes it brought, and how many there are like it.
    ///
    /// # Errors
    /// What writing says.
    pub fn event(&self, out: &mut dyn Write, row: &EventRow) -> io::Result<()> {
        self.labelled(out, row, &token::call(&row.label, self.style))
    }

    /// The same for a call whose peer has no lane: its label says who that is, and has the room of this end's.
    ///
    /// # Errors
    /// What writing says.
    pub fn event_with_peer(&self, out: &mut dyn Write, row: &EventRow) -> io::Result<()> {
        let room = self.room(row.event.end);
        self.labelled(out, row, &token::call_with_peer(&row.label, self.style, room))
    }

    fn labelled(&self, out: &mut dyn Write, row: &EventRow, label: &str) -> io::Result<()> {
        let kernel = row.kernel.to(self.style.lang);
        if self.style.is_narrow() {
            self.stacked(out, row, label, kernel)
        } else {
            self.beside(out, row, label, kernel)
        }?;
        if row.detailed {
            self.detail(out, row)?;
        }
        row.more.as_ref().map_or(Ok(()), |text| self.more(out, row.event.end, text))
    }

    /// An arrow from one lane's edge to the other's; behind it when it arrived, or why not.
    fn packet(&self, out: &mut dyn Write, row: &PacketRow) -> io::Result<()> {
        let lanes = self.columns();
        let arrow = Arrow {
            rightward: row.from.role == Role::Client,
            arrives: !row.packet.arrivals.is_empty(),
            label: &Lanes::numbered(row.from.index.max(row.to.index), &token::packet(&row.label, self.style)),
            glyphs: Glyphs::of(self.style),
        };
        let [before, label, after] = arrow.drawn(lanes.left + lanes.middle - 1);
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
        let remark = row.remark.as_ref().map_or("", |remark| remark.to(self.style.lang));
        let times: Vec<String> = match self.clock {
            false => Vec::new(),
            true => row.packet.arrivals.iter().map(|at| milliseconds(*at)).collect(),
        };
        let with = |times: &[String]| format!("{remark} {}", times.join(" ")).trim().to_owned();
        let most = (0..=times.len()).rev().map(|n| with(&times[..n])).find(|text| columns(text) <= room);
        most.unwrap_or_else(|| remark.to_owned())
    }

    fn packet_stacked(&self, out: &mut dyn Write, row: &PacketRow) -> io::Result<()> {
        let arrow = if self.style.unicode { "→" } else { "->" };
        let label = token::packet(&row.label, self.style);
        let remark = row.remark.as_ref().map(|r| format!("  [{}]", r.to(self.style.lang))).unwrap_or_default();
        let ink = if row.packet.arrivals.is_empty() { Some(Ink::Bad) } else { self.packet_ink(row) };
        self.style.paragraph(out, 2, &format!("{} {arrow} {} {label}{remark}", row.from, row.to), ink)
    }

    fn packet_ink(&self, row: &PacketRow) -> Option<Ink> {
        row.packet.spans.first().map(|span| Ink::Message(span.msg))
    }

    fn more_packets(&self, out: &mut dyn Write, text: &str) -> io::Result<()> {
        let indent = if self.style.is_narrow() { 2 } else { self.columns().time + 6 };
        for line in wrapped(text, self.style.breadth() - indent) {
            writeln!(out, "{}{}", " ".repeat(indent), self.style.palette.paint(&line, Ink::Faint))?;
        }
        Ok(())
    }

    /// Names the lanes; where they stand under each other, each row says whose it is.
    ///
    /// # Errors
    /// What writing says.
    pub fn heads(&self, out: &mut dyn Write, link: bool) -> io::Result<()> {
        if self.style.is_narrow() {
            return Ok(());
        }
        let lanes = self.columns();
        let time = if self.clock { Text::new("t ms", "毫秒") } else { Text::same("#") };
        let middle = match (lanes.relay, link) {
            (true, _) => Text::new("relay", "中继"),
            (false, true) => Text::new("link", "链路"),
            (false, false) => Text::new("kernel", "内核"),
        };
        let heads = [
            (self.style.say(&time), lanes.time, true),
            (self.style.say(&Text::new("client", "客户端")), lanes.left, false),
            (self.style.say(&middle), lanes.middle, false),
            (self.style.say(&Text::new("server", "服务器")), lanes.right, false),
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
        if self.clock { milliseconds(us) } else { number.to_string() }
    }

    /// The end's number before the label, where a lane holds several.
    pub fn numbered(index: u32, label: &str) -> String {
        match index {
            0 => label.to_owned(),
            n => format!("{n}: {label}"),
        }
    }

    /// The columns that a label has in this end's lane.
    fn room(&self, end: EndName) -> usize {
        let lanes = self.columns();
        let number = columns(&Lanes::numbered(end.index, ""));
        match self.style.is_narrow() {
            true => self.style.breadth() / 2,
            false => lanes.room(end.role) - number,
        }
    }

    /// In the lane of its end, where the middle one is a lane, too: what the kernel says comes behind the call.
    fn in_its_lane(&self, out: &mut dyn Write, row: &EventRow, label: &str, note: &str) -> io::Result<()> {
        let (lanes, end) = (self.columns(), row.event.end);
        let note = if note.is_empty() { String::new() } else { format!("  [{note}]") };
        let label = format!("{}{note}", Lanes::numbered(end.index, label));
        let time = format!("{:>1$} ", self.when(row.number, row.event.moment_us()), lanes.time);
        let gap = " ".repeat(lanes.start(end.role) - lanes.time - 1);
        for (i, line) in wrapped(&label, lanes.room(end.role)).iter().enumerate() {
            let time = if i == 0 { self.style.palette.paint(&time, Ink::Faint) } else { " ".repeat(lanes.time + 1) };
            writeln!(out, "{time}{gap}{}", self.inked(row, line))?;
        }
        Ok(())
    }

    fn beside(&self, out: &mut dyn Write, row: &EventRow, label: &str, note: &str) -> io::Result<()> {
        let lanes = self.columns();
        if lanes.relay {
            return self.in_its_lane(out, row, label, note);
        }
        let label = Lanes::numbered(row.event.end.index, label);
        let left = row.event.end.role == Role::Client;
        let beside = columns(note);
        let room = match (left, beside) {
            (true, 0) => lanes.left + lanes.middle - 1,
            // A long label may push a short note to the right.
            (true, _) => (lanes.left + lanes.middle).saturating_sub(beside + 3).max(lanes.left - 1),
            (false, _) => lanes.right,
        };
        let time = format!("{:>1$} ", self.when(row.number, row.event.moment_us()), lanes.time);
        for (i, line) in wrapped(&label, room).iter().enumerate() {
            let time = if i == 0 { self.style.palette.paint(&time, Ink::Faint) } else { " ".repeat(lanes.time + 1) };
            let kernel = if i == 0 { note } else { "" };
            let text = self.inked(row, line);
            let faint = |text: &str| self.style.palette.paint(text, Ink::Faint);
            // Beside the right lane a long note begins further to the left, where nothing stands.
            let over = (columns(kernel) + 1).saturating_sub(lanes.middle);
            let used = if left { columns(line) + 1 } else { over };
            let before_kernel = " ".repeat(lanes.left.max(used) - used + usize::from(left));
            let line = match (left, kernel.is_empty()) {
                (true, true) => format!("{time}{text}"),
                (true, false) => format!("{time}{text}{before_kernel}{}", faint(kernel)),
                (false, _) => format!(
                    "{time}{before_kernel}{}{text}",
                    faint(&padded(kernel, lanes.middle.max(columns(kernel) + 1)))
                ),
            };
            writeln!(out, "{line}")?;
        }
        Ok(())
    }

    /// One lane under the other, for a terminal too narrow for two.
    fn stacked(&self, out: &mut dyn Write, row: &EventRow, label: &str, note: &str) -> io::Result<()> {
        let kernel = if note.is_empty() { String::new() } else { format!("  [{note}]") };
        let text = format!("{} {label}{kernel}", row.event.end);
        self.style.paragraph(out, 2, &text, row.event.handed.map(|h| Ink::Message(h.msg)))
    }

    fn inked(&self, row: &EventRow, text: &str) -> String {
        match row.event.handed {
            Some(handed) if row.event.ok() => self.style.palette.paint(text, Ink::Message(handed.msg)),
            // Silence that was waited for is no failure.
            _ if !row.event.ok() && row.event.note.is_some() => self.style.palette.paint(text, Ink::Faint),
            _ if !row.event.ok() => self.style.palette.paint(text, Ink::Bad),
            _ if text.starts_with('(') => self.style.palette.paint(text, Ink::Faint),
            _ => text.to_owned(),
        }
    }

    /// `got  |M1 hello|M2 feng|`, or `sent |M1 hello|`, and the hex block.
    fn detail(&self, out: &mut dyn Write, row: &EventRow) -> io::Result<()> {
        let indent = 9.min(self.style.width / 3);
        let room = self.style.breadth().saturating_sub(indent + 5);
        let (word, gap) = if row.event.call.receives() { ("got", "  ") } else { ("sent", " ") };
        let mut line = format!("{}{}{gap}", " ".repeat(indent), self.style.palette.paint(word, Ink::Faint));
        let mut used = 1;
        line.push(self.style.bar());
        for piece in pieces(self.trace, row.event) {
            let text = match piece.passes {
                true => passing(&piece, self.style),
                false => token::glance(&piece.tokens, self.style),
            };
            let wide = columns(&text) + 1;
            if used + wide > room && used > 1 {
                writeln!(out, "{line}")?;
                line = format!("{}{}", " ".repeat(indent + 5), self.style.bar());
                used = 1;
            }
            used += wide;
            for (i, text) in self.fitted(&text, piece.passes, room - 1).iter().enumerate() {
                if i > 0 {
                    writeln!(out, "{line}")?;
                    line = " ".repeat(indent + 6);
                    used = 1 + columns(text) + 1;
                }
                line += &self.style.palette.paint(text, Ink::Message(piece.msg));
            }
            line.push(self.style.bar());
        }
        writeln!(out, "{line}")?;
        for line in hex_block(row.event, self.style) {
            writeln!(out, "{line}")?;
        }
        Ok(())
    }

    /// A part on one line. What passes by is shown nowhere else, and goes on below.
    fn fitted(&self, text: &str, passes: bool, room: usize) -> Vec<String> {
        match passes {
            false => vec![cut(text, room, self.style.unicode)],
            true => wrapped(text, room - 1),
        }
    }

    /// What is said instead of further rows like the last.
    ///
    /// # Errors
    /// What writing says.
    pub fn more(&self, out: &mut dyn Write, end: EndName, text: &Text) -> io::Result<()> {
        let indent = if self.style.is_narrow() { 2 } else { self.columns().start(end.role) };
        for line in wrapped(&self.style.say(text), self.style.breadth() - indent) {
            writeln!(out, "{}{}", " ".repeat(indent), self.style.palette.paint(&line, Ink::Faint))?;
        }
        Ok(())
    }
}
