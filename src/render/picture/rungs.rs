//! The ladder: a lane for every end, time downwards, calls beside the lanes, between them packets or, where there is no
//! link, the way that the bytes took.

use super::inks;
use super::rung::{LABEL, MOST_ROWS, Rung, Spacing};
use super::speech::{Speech, both, shortened};
use super::spots::{LanePlaces, Spots};
use super::strip::{Drawn, px};
use crate::render::Report;
use crate::render::rows::{EventRow, PacketRow, Row, bytes, rows, token};
use crate::render::tapes::Tapes;
use crate::text::Text;
use crate::trace::packet::Content;
use crate::trace::{MsgId, Role};
use maud::{Markup, html};
use std::collections::BTreeMap;

/// More ways of bytes than this hide each other.
const RIBBONS: usize = 300;

/// Draws the ladder of a report.
///
/// Its rows can be linked to by what is in front of their numbers, if they are named.
pub(crate) fn ladder(
    report: &Report,
    streams: &[Tapes],
    speech: Speech,
    spacing: Spacing,
    named: Option<&str>,
) -> Drawn {
    let rungs: Vec<Rung> = rows(report).into_iter().take(MOST_ROWS).map(Rung::of).collect();
    let lanes = LanePlaces::of(report);
    let spots = Spots::of(report, &rungs, spacing);
    let ladder = Ladder { report, speech, lanes, spots, named };
    let (wide, high) = (ladder.lanes.wide, ladder.spots.high);
    let markup = html! {
        (ladder.frame())
        @if !report.shows_packets() { g.ribbons { (ladder.ribbons(streams)) } }
        @for (n, rung) in rungs.iter().enumerate() { (ladder.rung(n, rung)) }
    };
    Drawn { markup, wide, high, axis: String::new() }
}

struct Ladder<'a> {
    report: &'a Report,
    speech: Speech,
    lanes: LanePlaces,
    spots: Spots,
    named: Option<&'a str>,
}

impl Ladder<'_> {
    fn frame(&self) -> Markup {
        let middle = match (self.lanes.relay, self.report.shows_packets()) {
            (true, _) => Text::default(),
            (false, true) => Text::new("link", "链路"),
            (false, false) => Text::new("kernel", "内核"),
        };
        html! {
            @for (end, x) in &self.lanes.ends {
                path.lane d={ "M" (px(*x)) " 26V" (px(self.spots.high)) } {}
                @if end.index > 0 { text.time x=(px(*x + 4.0)) y="26" { (end.index) } }
            }
            @for (us, y) in self.spots.ticks() {
                path.tick d={ "M60 " (px(y)) "H" (px(self.lanes.wide)) } {}
                text.time x="52" y=(px(y + 4.0)) { (us as f64 / 1000.0) }
            }
            @for of in Role::ALL {
                @if let Some(x) = self.lanes.center(of) { text.lanehead x=(px(x)) y="14" { (self.speech.svg(&role(of))) } }
            }
            text.lanehead x=(px(self.lanes.middle())) y="14" { (self.speech.svg(&middle)) }
        }
    }

    fn rung(&self, n: usize, rung: &Rung) -> Markup {
        match &rung.row {
            Row::Event(row) => self.call(n, rung, row),
            Row::Packet(row) => self.packet(n, rung, row),
            Row::More(_) => {
                let text = rung.lines.first().cloned().unwrap_or_default();
                html! { text.note x=(px(self.lanes.left() + 14.0)) y=(px(self.spots.label[n] + 4.0)) { (self.speech.svg(&text)) } }
            }
        }
    }

    fn time(&self, n: usize, number: usize, us: u64) -> Markup {
        let text = if self.report.has_clock() { format!("{:.2}", us as f64 / 1000.0) } else { number.to_string() };
        html! { @if !self.spots.to_scale() { text.time x="52" y=(px(self.spots.label[n] + 4.0)) { (text) } } }
    }

    fn id(&self, seq: usize) -> Option<String> {
        self.named.map(|prefix| format!("{prefix}e{seq}"))
    }

    fn call(&self, n: usize, rung: &Rung, row: &EventRow) -> Markup {
        let event = row.event;
        let (x, y, label) = (self.lanes.x(event.end), self.spots.at[n], self.spots.label[n]);
        let client = event.end.role == Role::Client;
        let side = if client { "said left" } else { "said" };
        let text_x = if client { self.lanes.left() - 12.0 } else { self.lanes.text_x(event.end) };
        let quiet = rung.lines.first().is_some_and(|line| line.en.starts_with('('));
        let state = match (event.ok(), quiet || event.note.is_some()) {
            (false, false) => "call bad",
            (_, true) if quiet || !event.ok() => "call quiet",
            _ => "call",
        };
        let own = event.handed.filter(|_| event.ok()).map(|h| h.msg);
        html! {
            g id=[self.id(event.seq)] class=(state) data-e=(event.seq) data-ms=(numbers(&event.messages())) tabindex="-1" {
                rect.row x="0" y=(px(label - 11.0)) width=(px(self.lanes.wide)) height=(px(self.spots.row(rung))) {}
                (self.time(n, row.number, event.moment_us()))
                @if let Some(from) = self.spots.began(event) { path.wait d={ "M" (px(x)) " " (px(from)) "V" (px(self.spots.ended(event, y))) } {} }
                @if (label - y).abs() > 1.0 || (text_x - x).abs() > 20.0 {
                    path.lead d={ "M" (px(x)) " " (px(y)) "L" (px(if client { text_x + 4.0 } else { text_x - 4.0 })) " " (px(label)) } {}
                }
                circle.dot cx=(px(x)) cy=(px(y)) r="3.5" {}
                g class=[own.map(inks::class)] {
                    @for (i, line) in rung.lines.iter().enumerate() {
                        text class=(if own.is_some() { format!("{side} own") } else { side.to_owned() }) x=(px(text_x)) y=(px(label + 4.0 + 15.0 * i as f64)) { (self.speech.svg(line)) }
                    }
                }
                (self.kernel(row, label))
                (self.below(rung, row, text_x, label + 4.0 + 15.0 * rung.lines.len() as f64))
            }
        }
    }

    /// What the kernel said, on the inner side of the lane.
    fn kernel(&self, row: &EventRow, y: f64) -> Markup {
        let client = row.event.end.role == Role::Client;
        let x = match (self.lanes.relay, client) {
            (_, true) => self.lanes.inner_left() + 12.0,
            (false, false) => self.lanes.right() - 12.0,
            (true, false) => self.lanes.text_x(row.event.end),
        };
        let side = if client { "note kernel left" } else { "note kernel right" };
        let y = if self.lanes.relay && !client { y + 16.0 } else { y + 4.0 };
        html! { @if !row.kernel.en.is_empty() { text class=(side) x=(px(x)) y=(px(y)) { (self.speech.svg(&row.kernel)) } } }
    }

    /// Whose the bytes are that a call brought, and how many calls more there are like it.
    fn below(&self, rung: &Rung, row: &EventRow, x: f64, y: f64) -> Markup {
        let anchor = if row.event.end.role == Role::Client { "whose left" } else { "whose" };
        let mut room = LABEL + 8;
        let mut pieces = Vec::new();
        for piece in if row.detailed { bytes::pieces(&self.report.trace, row.event) } else { Vec::new() } {
            let text = shortened(&both(|style| token::glance(&piece.tokens, style)), room);
            room = room.saturating_sub(super::speech::breadth(&text) + 1);
            pieces.push((piece.msg, text));
            if room < 4 {
                break;
            }
        }
        let more_y = y + if row.detailed { 15.0 } else { 0.0 };
        html! {
            @if rung.below() > 0 && row.detailed {
                text class=(anchor) x=(px(x)) y=(px(y)) {
                    @for (n, (msg, text)) in pieces.iter().enumerate() {
                        @if n > 0 { "|" }
                        tspan class=(format!("whose {}", inks::class(*msg))) { (self.speech.svg(text)) }
                    }
                }
            }
            @if let Some(more) = &row.more { text class=(anchor.replace("whose", "note")) x=(px(x)) y=(px(more_y)) { (self.speech.svg(more)) } }
        }
    }

    /// An arrow from lane to lane that arrives when the packet did; a lost one ends in a cross.
    fn packet(&self, n: usize, rung: &Rung, row: &PacketRow) -> Markup {
        let packet = row.packet;
        let [from, to] = [row.from, row.to].map(|end| self.lanes.x(end));
        let y = self.spots.at[n];
        let again = matches!(&packet.content, Content::Tcp(segment) if segment.retransmission);
        let class = if again { "packet again" } else { "packet" };
        let whose: Option<MsgId> = packet.spans.first().map(|s| s.msg);
        let rightward = to > from;
        let start = if rightward { from + 14.0 } else { from - 14.0 };
        let mut label = rung.lines.first().cloned().unwrap_or_default();
        if let Some(remark) = &row.remark {
            label = Text::new("{} ({})", "{}（{}）").with_all([&label, remark]);
        }
        html! {
            g id=[self.id(packet.seq)] class=(format!("{class}{}", whose.map(|id| format!(" {}", inks::class(id))).unwrap_or_default())) data-e=(packet.seq)
                data-ms=(numbers(&packet.messages())) tabindex="-1" {
                rect.row x="0" y=(px(self.spots.label[n] - 11.0)) width=(px(self.lanes.wide)) height=(px(self.spots.row(rung))) {}
                (self.time(n, row.number, packet.t_us))
                @if packet.arrivals.is_empty() {
                    @let (x, y2) = (from + (to - from) * 0.62, y + 9.0);
                    path d={ "M" (px(from)) " " (px(y)) "L" (px(x)) " " (px(y2)) } {}
                    path.end d={ "M" (px(x - 6.0)) " " (px(y2 - 6.0)) "l12 12m0 -12l-12 12" } {}
                }
                @for at in &packet.arrivals {
                    path marker-end="url(#tip)" d={ "M" (px(from)) " " (px(y)) "L" (px(to)) " " (px(self.spots.arrival(n, *at))) } {}
                }
                @if self.spots.label[n] - y > 1.0 { path.lead d={ "M" (px(from)) " " (px(y)) "L" (px(start)) " " (px(self.spots.label[n] - 7.0)) } {} }
                text class=(if rightward { "note" } else { "note left" }) x=(px(start)) y=(px(self.spots.label[n] - 3.0)) { (self.speech.svg(&label)) }
            }
        }
    }

    /// From the call that sent bytes to the call that received them; where one row stands for several, one way does.
    fn ribbons(&self, streams: &[Tapes]) -> Markup {
        let mut ways: BTreeMap<(usize, usize), Vec<MsgId>> = BTreeMap::new();
        for stream in streams {
            for received in &stream.received {
                let sent = stream.sent.partition_point(|p| p.range.end <= received.range.start);
                for sent in stream.sent[sent..].iter().take_while(|p| p.range.start < received.range.end) {
                    let ends = self.spots.nearest(sent.seq).zip(self.spots.nearest(received.seq));
                    let (Some(way), Some(span)) = (ends, sent.spans.first()) else { continue };
                    ways.entry(way).or_default().push(span.msg);
                }
            }
        }
        html! { @for ((from, to), messages) in ways.iter().take(RIBBONS) { (self.ribbon(*from, *to, messages)) } }
    }

    fn ribbon(&self, from: usize, to: usize, messages: &[MsgId]) -> Markup {
        let (Some(a), Some(b)) = (self.spots.ends[from], self.spots.ends[to]) else { return html! {} };
        let (x1, y1, x2, y2) = (self.lanes.x(a), self.spots.at[from], self.lanes.x(b), self.spots.at[to]);
        let bend = (x2 - x1) * 0.45;
        let ends = [x1, y1, x1 + bend, y1, x2 - bend, y2, x2, y2].map(px);
        let [x1, y1, x2, y2, x3, y3, x4, y4] = ends;
        let of_one = messages.iter().all(|id| *id == messages[0]);
        let class = if of_one { format!("ribbon {}", inks::class(messages[0])) } else { "ribbon".to_owned() };
        html! { path class=(class) data-ms=(numbers(messages)) data-e=(self.spots.seq(to)) d={ "M" (x1) " " (y1) "C" (x2) " " (y2) " " (x3) " " (y3) " " (x4) " " (y4) } {} }
    }
}

/// Messages' numbers, for the script.
fn numbers(messages: &[MsgId]) -> String {
    messages.iter().map(|id| id.0.to_string()).collect::<Vec<_>>().join(" ")
}

fn role(role: Role) -> Text {
    match role {
        Role::Client => Text::new("client", "客户端"),
        Role::Relay => Text::new("relay", "中继"),
        Role::Server => Text::new("server", "服务器"),
    }
}
