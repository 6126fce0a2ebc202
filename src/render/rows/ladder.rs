//! Which events and packets make a row, in which order, and which of them one row stands for.

use super::token::Token;
use super::{call_text, packet_text};
use crate::render::Report;
use crate::say;
use crate::text::Text;
use crate::trace::packet::Packet;
use crate::trace::{EndName, Event, News, PacketContext};

/// One row of the ladder.
pub enum Row<'a> {
    /// A call.
    Event(EventRow<'a>),
    /// A packet.
    Packet(PacketRow<'a>),
    /// Packets that are counted and not shown.
    More(Vec<Token<'a>>),
}

impl Row<'_> {
    /// The number of the event or packet it shows first.
    pub fn seq(&self) -> Option<usize> {
        match self {
            Row::Event(row) => Some(row.event.seq),
            Row::Packet(row) => Some(row.packet.seq),
            Row::More(_) => None,
        }
    }
}

/// A row for a packet: it stands where the packet left.
pub struct PacketRow<'a> {
    /// Its number.
    pub number: usize,
    /// The packet.
    pub packet: &'a Packet,
    /// Whose it is.
    pub from: EndName,
    /// Who it is for.
    pub to: EndName,
    /// What the arrow says.
    pub label: Vec<Token<'a>>,
    /// What the link did to it, if that is worth a word.
    pub remark: Option<Text>,
}

/// A row for an event.
pub struct EventRow<'a> {
    /// Its number: the event's, or where those differ from run to run, the row's.
    pub number: usize,
    /// The event it shows, or the first of several alike.
    pub event: &'a Event,
    /// What the lane says.
    pub label: Vec<Token<'a>>,
    /// What the middle says: kernel evidence that changed.
    pub kernel: Text,
    /// What is said of further events that it stands for.
    pub more: Option<Text>,
    /// Show the bytes below.
    pub detailed: bool,
}

/// A run of at least this many alike events is folded.
const FOLD: usize = 6;

/// Something that makes a row, or a part of one.
#[derive(Clone, Copy)]
enum Item<'a> {
    Event(&'a Event),
    Packet(&'a Packet, PacketContext),
}

impl Item<'_> {
    fn seq(&self) -> usize {
        match self {
            Item::Event(event) => event.seq,
            Item::Packet(packet, _) => packet.seq,
        }
    }

    fn is_ordinary_packet(&self) -> bool {
        matches!(self, Item::Packet(packet, context) if packet_text::is_ordinary(packet, context))
    }

    fn is_alike(&self, first: &Event) -> bool {
        matches!(self, Item::Event(event) if alike(first, event))
    }
}

/// The rows of a report.
pub fn rows(report: &Report) -> Vec<Row<'_>> {
    let trace = &report.trace;
    let packets: &[Packet] = if report.shows_packets() { &trace.packets } else { &[] };
    let events = trace.events.iter().map(Item::Event);
    let packets = packets.iter().filter_map(|packet| Some(Item::Packet(packet, packet.context?)));
    let mut items: Vec<Item> = events.chain(packets).collect();
    items.sort_by_key(Item::seq);
    let mut writer = Writer { report, rows: Vec::new() };
    let mut rest = items.as_slice();
    while !rest.is_empty() {
        let (run, after) = rest.split_at(writer.together(rest));
        writer.write(run);
        rest = after;
    }
    writer.rows
}

/// Turns runs of alike events, and of ordinary packets, into rows.
struct Writer<'a> {
    report: &'a Report,
    rows: Vec<Row<'a>>,
}

impl<'a> Writer<'a> {
    /// How many of these items are written together. Ordinary packets between alike events are no reason to
    /// tell the events one by one.
    fn together(&self, items: &[Item]) -> usize {
        match items[0] {
            Item::Event(first) => {
                let run = items.iter().take_while(|i| i.is_alike(first) || i.is_ordinary_packet()).count();
                let alike = items[..run].iter().filter(|i| i.is_alike(first)).count();
                let last = items[..run].iter().rposition(|i| i.is_alike(first)).unwrap_or(0);
                if first.varies || alike >= FOLD { last + 1 } else { 1 }
            }
            Item::Packet(..) => {
                let run = items.iter().take_while(|i| i.is_ordinary_packet()).count();
                if run >= FOLD { run } else { 1 }
            }
        }
    }

    fn write(&mut self, run: &[Item<'a>]) {
        let events: Vec<&'a Event> =
            run.iter().filter_map(|i| if let Item::Event(event) = i { Some(*event) } else { None }).collect();
        match (run, &events[..]) {
            ([Item::Packet(first, context)], _) => self.packet(first, context),
            ([Item::Packet(first, context), between @ .., Item::Packet(last, of_last)], []) => {
                self.packet(first, context);
                self.more_packets(between);
                self.packet(last, of_last);
            }
            (_, events) => self.events(events, run),
        }
    }

    fn packet(&mut self, packet: &'a Packet, context: &PacketContext) {
        let label = packet_text::label(&self.report.trace, packet, context);
        let (number, from, to, remark) = (packet.seq, context.from, context.to, packet.remark());
        self.rows.push(Row::Packet(PacketRow { number, packet, from, to, label, remark }));
    }

    fn more_packets(&mut self, items: &[Item<'a>]) {
        let packets: Vec<&Packet> =
            items.iter().filter_map(|i| if let Item::Packet(packet, _) = i { Some(*packet) } else { None }).collect();
        if !packets.is_empty() {
            self.rows.push(Row::More(packet_text::more(&packets)));
        }
    }

    /// The packets between alike events: a few are shown, many are counted.
    fn packets_between(&mut self, items: &[Item<'a>]) {
        let few: Vec<(&'a Packet, PacketContext)> = items
            .iter()
            .filter_map(|i| if let Item::Packet(p, context) = i { Some((*p, *context)) } else { None })
            .collect();
        match few.len() < FOLD {
            true => few.iter().for_each(|(packet, context)| self.packet(packet, context)),
            false => self.more_packets(items),
        }
    }

    /// One row for one event; for several alike the first and the last, and how many are between. Where
    /// their number differs from run to run, one row stands for them all, with what the kernel said last.
    fn events(&mut self, run: &[&'a Event], items: &[Item<'a>]) {
        let [first, .., last] = run else {
            return run.iter().for_each(|only| self.row(only, &only.news, and_so_on(only)));
        };
        if first.varies {
            let latest = run.iter().map(|e| &e.news[..]).rfind(|news| self.shown(news).next().is_some());
            self.row(first, latest.unwrap_or_default(), and_so_on(first));
        } else {
            let n = run.len() - 2;
            self.row(first, &first.news, Some(say!(".. {n} more like it", ".. 另有 {n} 次，类似")));
            self.packets_between(items);
            self.row(last, &last.news, None);
        }
    }

    /// Packets that are shown say themselves that they left.
    fn shown<'n>(&self, news: &'n [News]) -> impl Iterator<Item = &'n News> + use<'n> {
        let packets = self.report.shows_packets();
        news.iter().filter(move |news| !(packets && news.is_departure()))
    }

    fn row(&mut self, event: &'a Event, news: &[News], more: Option<Text>) {
        let number = if self.report.calls_vary() { self.rows.len() + 1 } else { event.seq };
        let label = call_text::label(&self.report.trace, event);
        let detailed = event.call.receives() && !event.bytes.is_empty() && !event.varies;
        let kernel = call_text::note(self.shown(news));
        self.rows.push(Row::Event(EventRow { number, event, label, kernel, more, detailed }));
    }
}

/// Of an event that moves bytes, as often as the kernel likes. An end of stream, or an EAGAIN, is one fact
/// however often it is told.
fn and_so_on(event: &Event) -> Option<Text> {
    let repeats = event.varies && moves(event) && event.returned.is_some_and(|n| n > 0);
    repeats.then(|| Text::new(".. and so on; count varies", ".. 如此反复，次数不定"))
}

/// Data calls: their number and sizes the kernel decides.
fn moves(event: &Event) -> bool {
    event.call.sends() || event.call.receives()
}

/// Could one row stand for both?
pub fn alike(a: &Event, b: &Event) -> bool {
    moves(a)
        && (a.end, a.call, a.sock, &a.error) == (b.end, b.call, b.sock, &b.error)
        && (a.returned == Some(0)) == (b.returned == Some(0))
        && a.truncated == b.truncated
}
