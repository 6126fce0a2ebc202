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
use std::ops::Range;

/// More ways of bytes than this hide each other.
const RIBBONS: usize = 300;
/// Rows of a part: paper is cut between two parts, and a browser draws only those that are seen.
const PART: usize = 25;

/// Draws the ladder of a report, in parts that stand one below the other.
///
/// On a page its rows are named, by what is in front of their numbers, so that they can be linked to; to scale it takes
/// its words from them.
pub(crate) fn ladder(
    report: &Report,
    streams: &[Tapes],
    speech: Speech,
    spacing: Spacing,
    page: Option<&str>,
) -> Vec<Drawn> {
    let rungs: Vec<Rung> = rows(report).into_iter().take(MOST_ROWS).map(Rung::of).collect();
    let lanes = LanePlaces::of(report);
    let spots = Spots::of(report, &rungs, spacing);
    let reaches = rungs.iter().enumerate().map(|(n, rung)| spots.reach(n, rung)).collect();
    let ladder = Ladder { report, speech, lanes, spots, reaches, page };
    let ways = if report.shows_packets() { Ways::new() } else { ladder.ways(streams) };
    let all = rungs.len();
    let size = if page.is_some() && spacing == Spacing::Rows { PART } else { all.max(1) };
    (0..all.max(1)).step_by(size).map(|n| ladder.part(&rungs, &ways, n..(n + size).min(all))).collect()
}

/// From row to row, and whose bytes went there.
type Ways = BTreeMap<(usize, usize), Vec<MsgId>>;

struct Ladder<'a> {
    report: &'a Report,
    speech: Speech,
    lanes: LanePlaces,
    spots: Spots,
    /// How far down each row's marks reach.
    reaches: Vec<f64>,
    page: Option<&'a str>,
}

impl Ladder<'_> {
    /// Some rows, and what of other rows reaches there.
    fn part(&self, rungs: &[Rung], ways: &Ways, part: Range<usize>) -> Drawn {
        let top = if part.start == 0 { 0.0 } else { self.spots.top(part.start) };
        let bottom = if part.end == rungs.len() { self.spots.high } else { self.spots.top(part.end) };
        let ways = ways.iter().filter(|((from, to), _)| *from < part.end && *to >= part.start).take(RIBBONS);
        let earlier = (0..part.start).filter(|n| self.reaches[*n] > top);
        let markup = html! {
            (self.frame(top, bottom))
            g.ribbons { @for ((from, to), messages) in ways { (self.ribbon(*from, *to, messages)) } }
            @for n in earlier {
                g class=(rungs[n].ink().unwrap_or_default()) transform=(self.moved(n)) { (self.marks(n, &rungs[n])) }
            }
            @for n in part { (self.rung(n, &rungs[n])) }
        };
        Drawn { markup, wide: self.lanes.wide, top, high: bottom - top, axis: String::new() }
    }

    fn frame(&self, top: f64, bottom: f64) -> Markup {
        html! {
            @for (_, x) in &self.lanes.ends { path.lane d={ "M" (px(*x)) " " (px(top.max(26.0))) "V" (px(bottom)) } {} }
            @for (us, y) in self.spots.ticks() {
                path.tick d={ "M60 " (px(y)) "H" (px(self.lanes.wide)) } {}
                text.time x="52" y=(px(y + 4.0)) { (us as f64 / 1000.0) }
            }
            @if top == 0.0 { (self.heads()) }
        }
    }

    fn heads(&self) -> Markup {
        let middle = match (self.lanes.relay, self.report.shows_packets()) {
            (true, _) => Text::default(),
            (false, true) => Text::new("link", "链路"),
            (false, false) => Text::new("kernel", "内核"),
        };
        html! {
            @for (end, x) in self.lanes.ends.iter().filter(|(end, _)| end.index > 0) {
                text.time x=(px(*x + 4.0)) y="26" { (end.index) }
            }
            @for of in Role::ALL {
                @if let Some(x) = self.lanes.center(of) { text.lanehead x=(px(x)) y="14" { (self.speech.svg(&role(of))) } }
            }
            text.lanehead x=(px(self.lanes.middle())) y="14" { (self.speech.svg(&middle)) }
        }
    }

    /// Where a row's own places begin.
    fn moved(&self, n: usize) -> String {
        format!("translate(0 {})", px(self.spots.label[n]))
    }

    fn rung(&self, n: usize, rung: &Rung) -> Markup {
        let (Some(seq), scaled) = (rung.row.seq(), self.spots.to_scale()) else { return self.more(n, rung) };
        let ms = Some(numbers(&rung.messages())).filter(|ms| !ms.is_empty());
        let named = |kind: &str| self.page.filter(|_| !scaled).map(|page| format!("{page}{kind}{seq}"));
        html! {
            g id=[named("e")] class=(rung.class()) data-e=(seq) data-ms=[ms] transform=(self.moved(n)) {
                rect height=(px(self.spots.row(rung))) {}
                @if !scaled { text x="52" y="4" { (self.time(rung)) } }
                (self.marks(n, rung))
                @match self.page.filter(|_| scaled) {
                    Some(page) => use href={ "#" (page) "l" (seq) } {},
                    None => g id=[named("l")] class=[rung.words_class()] { (self.words(rung)) },
                }
            }
        }
    }

    fn more(&self, n: usize, rung: &Rung) -> Markup {
        let text = rung.lines.first().cloned().unwrap_or_default();
        html! { text.note x=(px(self.lanes.left() + 14.0)) y=(px(self.spots.label[n] + 4.0)) { (self.speech.svg(&text)) } }
    }

    fn time(&self, rung: &Rung) -> String {
        let (number, us) = match &rung.row {
            Row::Event(row) => (row.number, row.event.moment_us()),
            Row::Packet(row) => (row.number, row.packet.t_us),
            Row::More(_) => return String::new(),
        };
        if self.report.has_clock() { format!("{:.2}", us as f64 / 1000.0) } else { number.to_string() }
    }

    /// What stands on the lanes and between them.
    fn marks(&self, n: usize, rung: &Rung) -> Markup {
        match &rung.row {
            Row::Event(row) => self.call_marks(n, row),
            Row::Packet(row) => self.arrows(n, row),
            Row::More(_) => html! {},
        }
    }

    /// What is written.
    fn words(&self, rung: &Rung) -> Markup {
        match &rung.row {
            Row::Event(row) => self.call_words(rung, row),
            Row::Packet(row) => self.packet_words(rung, row),
            Row::More(_) => html! {},
        }
    }

    /// Where the words of a call begin.
    fn text_x(&self, row: &EventRow) -> f64 {
        if is_client(row) { self.lanes.left() - 12.0 } else { self.lanes.text_x(row.event.end) }
    }

    fn call_marks(&self, n: usize, row: &EventRow) -> Markup {
        let (event, label) = (row.event, self.spots.label[n]);
        let (x, y, text_x) = (self.lanes.x(event.end), self.spots.at[n], self.text_x(row));
        let beside = if is_client(row) { text_x + 4.0 } else { text_x - 4.0 };
        let apart = (label - y).abs() > 1.0 || (text_x - x).abs() > 20.0;
        html! {
            @if let Some(from) = self.spots.began(event) {
                path.wait d={ "M" (px(x)) " " (px(from - label)) "V" (px(self.spots.ended(event, y) - label)) } {}
            }
            @if apart { path.lead d={ "M" (px(x)) " " (px(y - label)) "L" (px(beside)) " 0" } {} }
            circle cx=(px(x)) cy=[(y != label).then(|| px(y - label))] {}
        }
    }

    fn call_words(&self, rung: &Rung, row: &EventRow) -> Markup {
        let x = self.text_x(row);
        let own = if rung.ink().is_some() { " own" } else { "" };
        let side = if is_client(row) { " left" } else { "" };
        html! {
            @for (i, line) in rung.lines.iter().enumerate() {
                text class={ "said" (side) (own) } x=(px(x)) y=(px(4.0 + 15.0 * i as f64)) { (self.speech.svg(line)) }
            }
            (self.kernel(row))
            (self.below(row, x, 4.0 + 15.0 * rung.lines.len() as f64))
        }
    }

    /// What the kernel said, on the inner side of the lane.
    fn kernel(&self, row: &EventRow) -> Markup {
        let client = is_client(row);
        let x = match (self.lanes.relay, client) {
            (_, true) => self.lanes.inner_left() + 12.0,
            (false, false) => self.lanes.right() - 12.0,
            (true, false) => self.lanes.text_x(row.event.end),
        };
        let side = if client || self.lanes.relay { "note" } else { "note left" };
        let y = if self.lanes.relay && !client { "16" } else { "4" };
        html! { @if !row.kernel.en.is_empty() { text class=(side) x=(px(x)) y=(y) { (self.speech.svg(&row.kernel)) } } }
    }

    /// Whose the bytes are that a call brought, and how many calls more there are like it.
    fn below(&self, row: &EventRow, x: f64, y: f64) -> Markup {
        let side = if is_client(row) { " left" } else { "" };
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
            @if row.detailed {
                text class={ "whose" (side) } x=(px(x)) y=(px(y)) {
                    @for (n, (msg, text)) in pieces.iter().enumerate() {
                        @if n > 0 { "|" }
                        tspan class=(inks::class(*msg)) { (self.speech.svg(text)) }
                    }
                }
            }
            @if let Some(more) = &row.more { text class={ "note" (side) } x=(px(x)) y=(px(more_y)) { (self.speech.svg(more)) } }
        }
    }

    /// Where the words of a packet begin, and whether it goes to the right.
    fn start(&self, row: &PacketRow) -> (f64, bool) {
        let [from, to] = [row.from, row.to].map(|end| self.lanes.x(end));
        (if to > from { from + 14.0 } else { from - 14.0 }, to > from)
    }

    /// An arrow from lane to lane that arrives when the packet did; a lost one ends in a cross.
    fn arrows(&self, n: usize, row: &PacketRow) -> Markup {
        let [from, to] = [row.from, row.to].map(|end| self.lanes.x(end));
        let (label, y) = (self.spots.label[n], self.spots.at[n] - self.spots.label[n]);
        let again = matches!(&row.packet.content, Content::Tcp(segment) if segment.retransmission);
        let class = if again { "way again" } else { "way" };
        html! {
            @if row.packet.arrivals.is_empty() {
                @let (x, y2) = (from + (to - from) * 0.62, y + 9.0);
                path class=(class) d={ "M" (px(from)) " " (px(y)) "L" (px(x)) " " (px(y2)) } {}
                path.end d={ "M" (px(x - 6.0)) " " (px(y2 - 6.0)) "l12 12m0 -12l-12 12" } {}
            }
            @for at in &row.packet.arrivals {
                path class=(class) marker-end="url(#tip)" d={ "M" (px(from)) " " (px(y)) "L" (px(to)) " " (px(self.spots.arrival(n, *at) - label)) } {}
            }
            @if y < -1.0 { path.lead d={ "M" (px(from)) " " (px(y)) "L" (px(self.start(row).0)) " -7" } {} }
        }
    }

    fn packet_words(&self, rung: &Rung, row: &PacketRow) -> Markup {
        let (start, rightward) = self.start(row);
        let mut label = rung.lines.first().cloned().unwrap_or_default();
        if let Some(remark) = &row.remark {
            label = Text::new("{} ({})", "{}（{}）").with_all([&label, remark]);
        }
        let side = if rightward { "" } else { " left" };
        let own = if rung.ink().is_some() { " own" } else { "" };
        html! { text class={ "note" (side) (own) } x=(px(start)) y="-3" { (self.speech.svg(&label)) } }
    }

    /// From the call that sent bytes to the call that received them; where one row stands for several, one way does.
    fn ways(&self, streams: &[Tapes]) -> Ways {
        let mut ways = Ways::new();
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
        ways
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

fn is_client(row: &EventRow) -> bool {
    row.event.end.role == Role::Client
}

fn role(role: Role) -> Text {
    match role {
        Role::Client => Text::new("client", "客户端"),
        Role::Relay => Text::new("relay", "中继"),
        Role::Server => Text::new("server", "服务器"),
    }
}
