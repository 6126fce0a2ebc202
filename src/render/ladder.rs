//! The geometry of a run: which events and packets make a row, in which lane, with what beside it. No
//! colour and no columns yet, so that every drawing of the ladder shares it.

use super::packets::{self, listed};
use super::{Report, Style, bytes};
use crate::say;
use crate::text::columns::columns;
use crate::text::{Text, grouped};
use crate::trace::packet::Packet;
use crate::trace::{Call, Context, EndName, Event, News, Proto, Role, SockId, Trace};
use std::collections::HashSet;

/// One row of the ladder.
pub enum Row<'a> {
    /// A call.
    Event(EventRow<'a>),
    /// A packet.
    Packet(PacketRow<'a>),
    /// Packets that are counted and not shown.
    More(Text),
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
    pub label: String,
    /// What the link did to it, if that is worth a word.
    pub remark: Option<String>,
}

/// A row for an event.
pub struct EventRow<'a> {
    /// Its number: the event's, or where those differ from run to run, the row's.
    pub number: usize,
    /// The event it shows, or the first of several alike.
    pub event: &'a Event,
    /// What the lane says.
    pub label: String,
    /// What the middle says: kernel evidence that changed.
    pub kernel: String,
    /// What is said of further events that it stands for.
    pub more: Option<Text>,
    /// Show the bytes below.
    pub detailed: bool,
}

/// The columns of a message's name in a lane.
const NAME: usize = 12;

/// A label longer than this says "taken whole" by leaving the second number away, in columns.
const SHORT: usize = 26;

/// A run of at least this many alike events is folded.
const FOLD: usize = 6;

/// Something that makes a row, or a part of one.
#[derive(Clone, Copy)]
enum Item<'a> {
    Event(&'a Event),
    Packet(&'a Packet, Context),
}

impl Item<'_> {
    fn seq(&self) -> usize {
        match self {
            Item::Event(event) => event.seq,
            Item::Packet(packet, _) => packet.seq,
        }
    }

    fn is_ordinary_packet(&self) -> bool {
        matches!(self, Item::Packet(packet, context) if packets::is_ordinary(packet, context))
    }

    fn is_alike(&self, first: &Event) -> bool {
        matches!(self, Item::Event(event) if alike(first, event))
    }
}

/// The rows of a report.
pub fn rows<'a>(report: &'a Report, style: &Style) -> Vec<Row<'a>> {
    let trace = &report.trace;
    let listens: HashSet<SockId> =
        trace.events.iter().filter(|e| e.call == Call::Listen).filter_map(|e| e.sock).collect();
    let packets: &'a [Packet] = if report.shows_packets() { &trace.packets } else { &[] };
    let events = trace.events.iter().filter(|e| !is_routine(trace, e, &listens)).map(Item::Event);
    let packets = packets.iter().filter_map(|packet| Some(Item::Packet(packet, packet.context?)));
    let mut items: Vec<Item> = events.chain(packets).collect();
    items.sort_by_key(Item::seq);
    let mut writer = Writer { report, style, rows: Vec::new() };
    let mut rest = items.as_slice();
    while !rest.is_empty() {
        let (run, after) = rest.split_at(writer.together(rest));
        writer.write(run);
        rest = after;
    }
    writer.rows
}

/// Turns runs of alike events, and of ordinary packets, into rows.
struct Writer<'a, 's> {
    report: &'a Report,
    style: &'s Style,
    rows: Vec<Row<'a>>,
}

impl<'a> Writer<'a, '_> {
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

    fn packet(&mut self, packet: &'a Packet, context: &Context) {
        let label = packets::label(&self.report.trace, packet, context, self.style);
        let remark = packet.remark().map(|r| r.to(self.style.lang).to_owned());
        let (number, from, to) = (packet.seq, context.from, context.to);
        let label = label.to(self.style.lang).to_owned();
        self.rows.push(Row::Packet(PacketRow { number, packet, from, to, label, remark }));
    }

    fn more_packets(&mut self, items: &[Item<'a>]) {
        let packet = |item: &Item<'a>| if let Item::Packet(packet, _) = item { Some(*packet) } else { None };
        if items.iter().any(|i| packet(i).is_some()) {
            self.rows.push(Row::More(packets::more(items.iter().filter_map(packet), self.style)));
        }
    }

    /// The packets between alike events: a few are shown, many are counted.
    fn packets_between(&mut self, items: &[Item<'a>]) {
        let few: Vec<(&'a Packet, Context)> = items
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
            let latest = run.iter().map(|e| &e.news[..]).rfind(|news| !self.note(news).is_empty());
            self.row(first, latest.unwrap_or_default(), and_so_on(first));
        } else {
            let n = run.len() - 2;
            self.row(first, &first.news, Some(say!(".. {n} more like it", ".. 另有 {n} 次，相同")));
            self.packets_between(items);
            self.row(last, &last.news, None);
        }
    }

    /// Packets that are shown say themselves that they left.
    fn note(&self, news: &[News]) -> String {
        let shown = news.iter().filter(|news| !(self.report.shows_packets() && news.is_departure()));
        note(shown).to(self.style.lang).to_owned()
    }

    fn row(&mut self, event: &'a Event, news: &[News], more: Option<Text>) {
        let number = if self.report.calls_vary() { self.rows.len() + 1 } else { event.seq };
        let label = label(&self.report.trace, event, self.style, None);
        let detailed = event.call.receives() && !event.bytes.is_empty() && !event.varies;
        let kernel = self.note(news);
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

/// Calls every program makes and that say nothing here: a successful bind before a listen or of a client, and the close
/// of a listening socket with which a program ends.
fn is_routine(trace: &Trace, event: &Event, listens: &HashSet<SockId>) -> bool {
    let listener = event.sock.is_some_and(|sock| listens.contains(&sock));
    if event.call == Call::Close && listener {
        return trace.events.iter().rev().find(|e| e.end == event.end).is_some_and(|last| last.seq == event.seq);
    }
    event.call == Call::Bind && event.ok() && (event.end.role == Role::Client || listener)
}

/// What the lane says about one event; with `room`, fitted into so many columns, be they few or many.
pub fn label(trace: &Trace, event: &Event, style: &Style, room: Option<usize>) -> String {
    let call = event.call.word();
    // Nothing stays nothing: a zero says end of stream.
    let number = |n: usize| if event.varies && n > 0 { "n".to_owned() } else { grouped(n) };
    let result = match (&event.error, event.returned) {
        (Some(error), _) => error.clone(),
        (None, Some(n)) => number(n),
        (None, None) => "?".into(),
    };
    // A program's peers have no lane of their own to tell them apart.
    let whom = room.and_then(|_| stranger(trace, event));
    let whom = whom.map(|whom| whom.to(style.lang).to_owned()).unwrap_or_default();
    let refused = event.error.as_ref().map(|e| format!(" = {e}")).unwrap_or_default();
    match event.call {
        Call::Wait if event.varies => {
            format!("({})", Text::new("until n bytes are queued", "等到队列里有 n 字节").to(style.lang))
        }
        Call::Send | Call::SendTo => {
            let message = event.handed.and_then(|h| trace.message(h.msg));
            let asked = number(event.asked.unwrap_or(0));
            let name = message.map_or(String::new(), |m| {
                let others = columns(&format!("{call} {} [] {result}", m.id));
                let most = room.map_or(NAME, |room| room.saturating_sub(others).max(NAME / 2));
                // Of a message that passes by, the piece that is sent.
                let piece = m.passed.is_some() && m.label.is_none();
                let name =
                    if piece { bytes::preview(&event.bytes, most, style.unicode) } else { bytes::name(m, style, most) };
                format!("{} [{name}] ", m.id)
            });
            let whole = format!("{call} {name}{asked} = {result}");
            match event.asked == event.returned && columns(&whole) > room.unwrap_or(SHORT) {
                true => format!("{call} {name}{result}{whom}"),
                false => whole + &whom,
            }
        }
        Call::Recv | Call::RecvFrom => {
            let asked = event.asked.map(grouped).unwrap_or_default();
            let ending = ending(trace, event);
            let silence = event.note.as_ref().map(|note| Text::new(" ({})", "（{}）").with(note)).unwrap_or_default();
            format!("{call}({asked}) = {result}{}{}{whom}", ending.to(style.lang), silence.to(style.lang))
        }
        Call::SetSockOpt => {
            let name = event.note.as_ref().map_or("", |n| n.to(style.lang));
            let asked = event.asked.unwrap_or(0);
            let made =
                event.returned.filter(|n| *n != asked).map(|n| format!(" -> {}", grouped(n))).unwrap_or_default();
            format!("{name} {}{made}{refused}", grouped(asked))
        }
        Call::Wait => format!("({})", event.note.as_ref().map_or("", |n| n.to(style.lang))),
        Call::Process => format!("* {}", event.note.as_ref().map_or("", |n| n.to(style.lang))),
        Call::Deliver => delivered(trace, event).to(style.lang).to_owned(),
        Call::Bind | Call::Listen | Call::Connect | Call::Accept => {
            let address = match event.peer {
                Some(address) => format!(" {address}"),
                None => String::new(),
            };
            format!("{call}{address}{refused}")
        }
        Call::Shutdown => format!("shutdown(SHUT_WR){refused}"),
        Call::Close => match &event.note {
            Some(note) => format!("close{refused} ({})", note.to(style.lang)),
            None => format!("close{refused}"),
        },
    }
}

/// Who a datagram is for, or from, where the socket has many peers.
fn stranger(trace: &Trace, event: &Event) -> Option<Text> {
    let address =
        event.peer.filter(|_| event.sock.and_then(|sock| trace.socket(sock)).is_some_and(|s| s.peer.is_none()))?;
    match event.call {
        Call::SendTo => Some(say!(" to {address}", " 发往 {address}")),
        Call::RecvFrom => Some(say!(" from {address}", " 来自 {address}")),
        _ => None,
    }
}

/// What a receive call's zero, or cut, means.
fn ending(trace: &Trace, event: &Event) -> Text {
    let udp = event.sock.and_then(|s| trace.socket(s)).is_some_and(|s| s.proto == Proto::Udp);
    match (event.truncated, event.datagram_len, event.returned) {
        (true, Some(len), _) => {
            let len = grouped(len);
            say!(" of {len}, cut", " / {len}，截断")
        }
        (true, None, _) => Text::new(", cut", "，截断"),
        (false, _, Some(0)) if udp => Text::new(" empty datagram", " 空数据报"),
        (false, _, Some(0)) if event.asked != Some(0) => Text::new(" end of stream", " 流结束"),
        _ => Text::new("", ""),
    }
}

fn delivered(trace: &Trace, event: &Event) -> Text {
    let n = if event.varies { "n".into() } else { grouped(event.bytes.len()) };
    match trace.exactly_one(event) {
        Some(id) if n == "1" => say!("= {id} whole, 1 byte", "= {id} 完整，1 字节"),
        Some(id) => say!("= {id} whole, {n} bytes", "= {id} 完整，{n} 字节"),
        None => {
            let ids = event.messages().iter().map(ToString::to_string).collect::<Vec<_>>().join("+");
            say!("= {n} bytes, not one whole message ({ids})", "= {n} 字节，不是一条完整消息（{ids}）")
        }
    }
}

/// What the kernel said that is new.
pub fn note<'n>(news: impl IntoIterator<Item = &'n News>) -> Text {
    listed(&news.into_iter().map(word).collect::<Vec<_>>(), &Text::same(", "))
}

fn word(news: &News) -> Text {
    let count = |n: Option<u64>| n.map_or("n".to_owned(), grouped);
    match *news {
        News::Datagram => Text::new("1 datagram", "1 个数据报"),
        News::Held => Text::new("held: MSG_MORE", "暂存：MSG_MORE"),
        News::Segments(first, last) if first == last => say!("segment {last}", "报文段 {last}"),
        News::Segments(first, last) => say!("segments {first}-{last}", "报文段 {first}-{last}"),
        News::SentAgain(n) => say!("{n} sent again", "重传 {n}"),
        News::AckSent => Text::new("ACK sent", "发出 ACK"),
        News::Unsent(n) => Text::new("{} unsent", "{} 未发出").with(&Text::same(grouped(n))),
        News::Queued(n) => Text::new("queued {}", "队列中 {}").with(&Text::same(count(n))),
        News::Dropped(n) => Text::new("dropped {}", "丢弃 {}").with(&Text::same(count(n))),
        News::Unread(n) => say!("{n} unread", "{n} 未读"),
    }
}
