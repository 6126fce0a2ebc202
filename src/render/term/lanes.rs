//! Draws the ladder's rows in columns: lanes side by side, bytes and their source below; in a narrow terminal
//! one lane under the other. A recorded run's report and the live trace draw with it.

use super::arrow::{Arrow, Glyphs};
use super::hex_block::{hex_block, passing};
use super::painted::Painted;
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
    /// What stands before each row.
    pub margin: Margin,
    /// Bytes that were received stand below in hex, each with its source; and addresses are told.
    pub whole: bool,
}

/// What stands before each row.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Margin {
    /// Its number: times are the machine's.
    Number,
    /// When it was, in milliseconds.
    Clock,
    /// Its number, and when it was.
    Both,
}

impl Margin {
    const NUMBER: usize = 5;
    const CLOCK: usize = 8;

    pub fn columns(self) -> usize {
        match self {
            Margin::Number => Margin::NUMBER,
            Margin::Clock => Margin::CLOCK,
            // Above 9,999 rows a row is a column wider.
            Margin::Both => Margin::NUMBER + Margin::CLOCK - 1,
        }
    }

    fn has_clock(self) -> bool {
        self != Margin::Number
    }
}

/// What stands between the lanes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Between {
    Kernel,
    Link,
    Relay,
}

/// Columns of the lanes: the margin, left lane, what is between (the kernel's notes, or a relay's lane), right lane.
struct Columns {
    time: usize,
    left: usize,
    middle: usize,
    right: usize,
    /// The middle is a lane, too.
    relay: bool,
}

impl Columns {
    fn of(width: usize, margin: Margin, between: Between) -> Columns {
        let time = margin.columns();
        let rest = width.min(WIDEST) - time - 1;
        let [middle, left] = match (between, margin) {
            (Between::Relay, _) => [rest / 3, rest / 3],
            // An arrow needs more room than a call.
            (Between::Link, Margin::Both) => [rest / 4, rest * 2 / 5],
            // `recv(1,024) = 0 end of stream` has room in 80 columns.
            _ => [rest * 2 / 9, (rest - rest * 2 / 9) / 2],
        };
        let relay = between == Between::Relay;
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
        let between = match (self.trace.roles.contains(&Role::Relay), self.trace.packets.is_empty()) {
            (true, _) => Between::Relay,
            (false, false) => Between::Link,
            (false, true) => Between::Kernel,
        };
        Columns::of(self.style.width.max(NARROW), self.margin, between)
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
        let label = match self.whole {
            true => token::call(&row.label, self.style),
            false => token::call(&token::without_addresses(&row.label), self.style),
        };
        self.labelled(out, row, &label)
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
            (_, true) => (Ink::Faint, Some(Ink::Bad)),
            (message, false) => (Ink::Faint, message),
        };
        let time = self.before(row.number, row.packet.t_us);
        let label = label_ink.map_or(label.clone(), |ink| paint(&label, ink));
        let arrived = if row.packet.arrivals.is_empty() { Ink::Bad } else { ink };
        let behind = paint(&self.arrival(row, lanes.right - 3), arrived);
        let gap = if behind.is_empty() { "" } else { "  " };
        writeln!(out, "{time}{}{label}{}{gap}{behind}", paint(&before, ink), paint(&after, ink))
    }

    /// The remark and the times, as far as they fit.
    fn arrival(&self, row: &PacketRow, room: usize) -> String {
        let remark = row.remark.as_ref().map_or("", |remark| remark.to(self.style.lang));
        let times: Vec<String> = match self.margin.has_clock() {
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
        let clock = self.style.say(&Text::new("t ms", "毫秒"));
        let margin = match self.margin {
            Margin::Number => "#".to_owned(),
            Margin::Clock => clock,
            Margin::Both => format!("#{}{clock}", " ".repeat(Margin::CLOCK - columns(&clock))),
        };
        let middle = match (lanes.relay, link) {
            (true, _) => Text::new("relay", "中继"),
            (false, true) => Text::new("link", "链路"),
            (false, false) => Text::new("kernel", "内核"),
        };
        let heads = [
            (margin, lanes.time, true),
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

    /// The title of an act, above its rows.
    pub fn heading(&self, title: &Text) -> String {
        let indent = if self.style.is_narrow() { 0 } else { self.margin.columns() + 1 };
        let title = cut(&self.style.say(title), self.style.breadth() - indent - 3, self.style.unicode);
        format!("{}{}", " ".repeat(indent), self.style.palette.paint(&format!("-- {title}"), Ink::Strong))
    }

    /// What stands before a row: which it is, and when it was.
    fn before(&self, number: usize, us: u64) -> String {
        let number = |width: usize| format!("{number:>width$}");
        let clock = || format!("{:>1$}", milliseconds(us), Margin::CLOCK);
        match self.margin {
            Margin::Number => number(Margin::NUMBER) + " ",
            Margin::Clock => clock() + " ",
            Margin::Both => number(Margin::NUMBER - 1) + &clock() + " ",
        }
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
        let time = self.before(row.number, row.event.moment_us());
        let gap = " ".repeat(lanes.start(end.role) - lanes.time - 1);
        for (i, line) in wrapped(&label, lanes.room(end.role)).iter().enumerate() {
            // Claims cite numbers, and what the kernel says: nothing of them is faint.
            let time = if i == 0 { time.clone() } else { " ".repeat(lanes.time + 1) };
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
        let time = self.before(row.number, row.event.moment_us());
        for (i, line) in wrapped(&label, room).iter().enumerate() {
            let time = if i == 0 { time.clone() } else { " ".repeat(lanes.time + 1) };
            let kernel = if i == 0 { note } else { "" };
            let text = self.inked(row, line);
            // Beside the right lane a long note begins further to the left, where nothing stands.
            let over = (columns(kernel) + 1).saturating_sub(lanes.middle);
            let used = if left { columns(line) + 1 } else { over };
            let before_kernel = " ".repeat(lanes.left.max(used) - used + usize::from(left));
            let line = match (left, kernel.is_empty()) {
                (true, true) => format!("{time}{text}"),
                (true, false) => format!("{time}{text}{before_kernel}{kernel}"),
                (false, _) => {
                    format!("{time}{before_kernel}{}{text}", padded(kernel, lanes.middle.max(columns(kernel) + 1)))
                }
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
            _ => text.to_owned(),
        }
    }

    /// `got |M1 hello|M2 feng|`, or `sent |M1 hello|`, and the hex block, in the lane of their end; what has no room
    /// there begins further to the left.
    fn detail(&self, out: &mut dyn Write, row: &EventRow) -> io::Result<()> {
        self.in_lane(out, row.event.end, &self.pieces(row))?;
        match self.whole {
            true => {
                self.in_lane(out, row.event.end, &hex_block(row.event, self.style.breadth() - self.least(), self.style))
            }
            false => Ok(()),
        }
    }

    /// A block of lines in an end's lane, or as far to the right as it has room.
    fn in_lane(&self, out: &mut dyn Write, end: EndName, lines: &[Painted]) -> io::Result<()> {
        let widest = lines.iter().map(Painted::columns).max().unwrap_or(0);
        let least = self.least();
        let lane = if self.style.is_narrow() { least } else { self.columns().start(end.role) };
        let indent = lane.min(self.style.breadth().saturating_sub(widest)).max(least);
        lines.iter().try_for_each(|line| writeln!(out, "{}{line}", " ".repeat(indent)))
    }

    /// Columns before a block, at least.
    fn least(&self) -> usize {
        self.margin.columns().min(self.style.width / 3)
    }

    /// Whose bytes a call moved, piece by piece, on as many lines as it takes.
    fn pieces(&self, row: &EventRow) -> Vec<Painted> {
        let word = if row.event.call.receives() { "got " } else { "sent " };
        let room = self.style.breadth().saturating_sub(self.least() + word.len() + 1);
        let bar = self.style.bar().to_string();
        let start = |more: usize| Painted::default().plain(&" ".repeat(word.len() + more));
        let mut lines = Vec::new();
        let mut line = Painted::default().inked(word, Ink::Faint, self.style).plain(&bar);
        let mut used = 1;
        for piece in pieces(self.trace, row.event) {
            let text = match piece.passes {
                true => passing(&piece, self.style),
                false => token::glance(&piece.tokens, self.style),
            };
            let wide = columns(&text) + 1;
            if used + wide > room && used > 1 {
                lines.push(std::mem::replace(&mut line, start(0).plain(&bar)));
                used = 1;
            }
            used += wide;
            for (i, text) in self.fitted(&text, piece.passes, room - 1).iter().enumerate() {
                if i > 0 {
                    lines.push(std::mem::replace(&mut line, start(1)));
                    used = 1 + columns(text) + 1;
                }
                line = line.inked(text, Ink::Message(piece.msg), self.style);
            }
            line = line.plain(&bar);
        }
        lines.push(line);
        lines
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
