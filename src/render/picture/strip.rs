//! The tapes of one stream, one above the other.

use super::axis::Axis;
use super::inks;
use super::speech::{Speech, fitting};
use crate::render::tapes::{Mark, TapePiece, Tapes};
use crate::say;
use crate::text::{Text, grouped, hex, is_harmful};
use crate::trace::{Message, Part, Proto, Span, Trace};
use maud::{Markup, html};
use std::ops::Range;

/// The height of a tape, of what is said above it, and of all that a row takes.
const HIGH: f64 = 38.0;
const ABOVE: f64 = 38.0;
const ROW: f64 = 88.0;
/// Half the gap between two pieces.
const INSET: f64 = 1.5;
const LEFT: f64 = 8.0;
/// How wide a column of the captions is.
const COLUMN: f64 = 6.7;

/// Which of the tapes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tape {
    Sent,
    Carried,
    Again,
    Received,
    Taken,
}

impl Tape {
    const fn word(self) -> &'static str {
        match self {
            Tape::Sent => "sent",
            Tape::Carried => "carried",
            Tape::Again => "again",
            Tape::Received => "received",
            Tape::Taken => "taken",
        }
    }

    fn pieces(self, stream: &Tapes) -> &[TapePiece] {
        match self {
            Tape::Sent => &stream.sent,
            Tape::Carried => &stream.carried,
            Tape::Again => &stream.again,
            Tape::Received => &stream.received,
            Tape::Taken => &stream.taken,
        }
    }
}

/// A drawing and its size.
pub(crate) struct Drawn {
    /// What is within the `svg` element.
    pub(crate) markup: Markup,
    /// How wide it is.
    pub(crate) wide: f64,
    /// Where its uppermost place is.
    pub(crate) top: f64,
    /// How high.
    pub(crate) high: f64,
    /// Where a byte is found.
    pub(crate) axis: String,
}

/// Draws a stream's tapes, about so wide.
pub(crate) fn drawn(stream: &Tapes, trace: &Trace, speech: Speech, wide: f64) -> Drawn {
    let axis = Axis::of(stream, LEFT, wide - 2.0 * LEFT);
    let strip = Strip { stream, trace, speech, axis };
    let rows: Vec<Tape> = [Tape::Sent, Tape::Carried, Tape::Again, Tape::Received, Tape::Taken]
        .into_iter()
        .filter(|row| !row.pieces(stream).is_empty() || *row == Tape::Received)
        .collect();
    let wide = (strip.axis.end() + LEFT).max(330.0);
    let high = rows.len() as f64 * ROW - 10.0;
    let axis = strip.axis.told();
    let markup = html! {
        @for at in stream.boundaries() { (strip.boundary(at, high)) }
        @for (n, row) in rows.iter().enumerate() { (strip.row(*row, n as f64 * ROW)) }
        (strip.torn(high))
        rect.cursor x="0" y="0" width="0" height=(high) {}
    };
    Drawn { markup, wide, top: 0.0, high, axis }
}

struct Strip<'a> {
    stream: &'a Tapes,
    trace: &'a Trace,
    speech: Speech,
    axis: Axis,
}

impl Strip<'_> {
    /// The line that runs through all tapes where a message ends.
    fn boundary(&self, at: usize, high: f64) -> Markup {
        let x = self.axis.x(at);
        html! { @if !self.axis.hides(&(at..at)) { path.edge d={ "M" (px(x)) " " (px(ABOVE - 6.0)) "V" (px(high)) } {} } }
    }

    fn row(&self, row: Tape, y: f64) -> Markup {
        let pieces = row.pieces(self.stream);
        let shown = pieces.iter().filter(|p| !self.axis.hides(&p.range));
        html! {
            g class={ "tape " (row.word()) } transform={ "translate(0 " (px(y + ABOVE)) ")" } {
                text.title x=(LEFT) y=(px(13.0 - ABOVE)) { (self.speech.svg(&self.title(row))) }
                @if row == Tape::Received { (self.ghosts()) }
                @if row == Tape::Taken && self.stream.framed { (self.buffered()) }
                @for piece in shown { (self.piece(row, piece)) }
                @if row == Tape::Taken { @if let Some(rest) = self.stream.unfinished() { (self.unfinished(&rest)) } }
            }
        }
    }

    /// What was sent and not received stands where it would have been.
    fn ghosts(&self) -> Markup {
        let unreceived = self.stream.unreceived();
        let (stream, udp) = (self.stream, self.stream.proto == Proto::Udp);
        html! {
            @for piece in stream.sent.iter().filter(|p| !self.axis.hides(&p.range)) {
                (self.outline("ghost", &piece.range, Some(piece.seq)))
            }
            @for range in unreceived.iter().filter(|r| udp && !self.axis.hides(r)) {
                (self.cross(range))
            }
        }
    }

    /// What lies in the program's buffer until a frame is whole: seen only while the events pass one by one.
    fn buffered(&self) -> Markup {
        let received = self.stream.received.iter().filter(|p| !self.axis.hides(&p.range));
        html! { @for piece in received { (self.outline("hatched under", &piece.range, Some(piece.seq))) } }
    }

    fn cross(&self, range: &Range<usize>) -> Markup {
        let (a, b) = (self.axis.x(range.start) + INSET, self.axis.x(range.end) - INSET);
        html! { path.lost d={ "M" (px(a)) " 0L" (px(b)) " " (HIGH) "M" (px(b)) " 0L" (px(a)) " " (HIGH) } {} }
    }

    fn unfinished(&self, range: &Range<usize>) -> Markup {
        let text = Text::new("unfinished", "尚不完整");
        html! {
            (self.outline("hatched", range, None))
            (self.caption(range, fitting(self.room(range), [text])))
        }
    }

    fn outline(&self, class: &str, range: &Range<usize>, seq: Option<usize>) -> Markup {
        let (x, wide) = (self.axis.x(range.start) + INSET, self.axis.width(range) - 2.0 * INSET);
        html! { rect class=(class) data-e=[seq] x=(px(x)) width=(px(wide.max(1.0))) height=(HIGH) rx="4" {} }
    }

    /// Columns of a caption above a stretch.
    fn room(&self, range: &Range<usize>) -> usize {
        (self.axis.width(range) / COLUMN) as usize
    }

    fn caption(&self, range: &Range<usize>, text: Option<Text>) -> Markup {
        let x = self.axis.x(range.start) + INSET + 1.0;
        html! { @if let Some(text) = text { text.says x=(px(x)) y="-6" { (self.speech.svg(&text)) } } }
    }

    fn piece(&self, row: Tape, piece: &TapePiece) -> Markup {
        let class = match piece.mark {
            Mark::Lost => "piece gone",
            Mark::Copy => "piece again",
            _ => "piece",
        };
        html! {
            g class=(class) data-e=(piece.seq) data-at=(piece.range.start) data-to=(piece.range.end) {
                (self.spans(piece))
                @if let Mark::Cut(rest) = piece.mark { (self.outline("hatched", &(piece.range.end..piece.range.end + rest), None)) }
                @if piece.spans.len() != 1 { (self.outline("cut", &piece.range, None)) }
                @if piece.mark == Mark::Lost { (self.cross(&piece.range)) }
                (self.caption(&piece.range, fitting(self.room(&piece.range), self.says(row, piece))))
            }
        }
    }

    /// The messages' parts, and the bytes in them where each has a cell.
    fn spans(&self, piece: &TapePiece) -> Markup {
        let mut at = piece.range.start;
        let parts: Vec<(Span, Range<usize>)> = piece
            .spans
            .iter()
            .map(|span| {
                at += span.len;
                (*span, at - span.len..at)
            })
            .filter(|(_, range)| !self.axis.hides(range))
            .collect();
        html! { @for (span, range) in &parts { (self.span(span, range, parts.len() == 1 && piece.spans.len() == 1)) } }
    }

    /// One message's part; alone in its piece it has the piece's outline.
    fn span(&self, span: &Span, range: &Range<usize>, alone: bool) -> Markup {
        let head = span.part == Part::Header;
        let (x, wide) = (self.axis.x(range.start) + INSET, self.axis.width(range) - 2.0 * INSET);
        let message = self.trace.message(span.msg);
        let class = format!("{}{}", inks::class(span.msg), if head { " head" } else { "" });
        html! {
            g class=(class) data-m=(span.msg.0) data-o=(span.offset) data-at=(range.start) {
                rect class=(if alone { "fill cut" } else { "fill" }) x=(px(x)) width=(px(wide.max(1.0))) height=(HIGH) rx="4" {}
                @match (self.axis.cells, message) {
                    (true, Some(message)) => (self.cells(message, span, range.start)),
                    (false, Some(message)) => (self.name(message, span, range)),
                    _ => "",
                }
            }
        }
    }

    fn cells(&self, message: &Message, span: &Span, at: usize) -> Markup {
        let bytes = message.bytes.get(span.offset..span.offset + span.len).unwrap_or_default();
        let (mut chars, mut digits) = (Letters::default(), Letters::default());
        let mut at = at;
        for chunk in bytes.utf8_chunks() {
            for c in chunk.valid().chars() {
                let x = self.axis.x(at) / 2.0 + self.axis.x(at + c.len_utf8()) / 2.0;
                match is_harmful(c) || c == ' ' {
                    true => digits.hex(&self.axis, at, c.to_string().as_bytes()),
                    false => chars.put(c, x),
                }
                at += c.len_utf8();
            }
            digits.hex(&self.axis, at, chunk.invalid());
            at += chunk.invalid().len();
        }
        html! { (chars.drawn("byte", HIGH / 2.0 + 5.0)) (digits.drawn("hex", HIGH / 2.0 + 4.0)) }
    }

    /// What a stretch is, where there is no room for its bytes.
    fn name(&self, message: &Message, span: &Span, range: &Range<usize>) -> Markup {
        let (id, n) = (message.id, grouped(span.len));
        let whole = say!("{id} {n} bytes", "{id} {n} 字节");
        let head = say!("{id} header", "{id} 报头");
        let first = if span.part == Part::Header { head } else { whole };
        let x = self.axis.x(range.start) / 2.0 + self.axis.x(range.end) / 2.0;
        let text = fitting(self.room(range), [first, Text::same(id.to_string())]);
        html! { @if let Some(text) = text { text.name x=(px(x)) y=(px(HIGH / 2.0 + 4.0)) { (self.speech.svg(&text)) } } }
    }

    /// What is said above a piece: as much as there is room for.
    fn says(&self, row: Tape, piece: &TapePiece) -> Vec<Text> {
        let (seq, n) = (piece.seq, grouped(piece.range.len()));
        let event = self.trace.events.iter().find(|e| e.seq == seq);
        let call = event.map_or("", |e| e.call.word());
        let mut ids: Vec<String> = piece.spans.iter().map(|s| s.msg.to_string()).collect();
        ids.dedup();
        let ids = if ids.len() > 3 { format!("{}..{}", ids[0], ids[ids.len() - 1]) } else { ids.join("+") };
        match row {
            Tape::Sent => vec![Text::same(format!("{call} {ids}")), Text::same(ids)],
            Tape::Carried | Tape::Again => vec![Text::same(format!("#{seq} {n}")), Text::same(format!("#{seq}"))],
            Tape::Received => {
                let asked = event.and_then(|e| e.asked).map(grouped).unwrap_or_default();
                let got = event.and_then(|e| e.returned).map(grouped).unwrap_or_else(|| n.clone());
                let nth = self.stream.received.iter().position(|p| p.seq == seq).unwrap_or(0) + 1;
                let nth = if self.stream.proto == Proto::Udp { format!("{nth}. ") } else { String::new() };
                let words = [format!("{nth}{call}({asked}) = {got}"), format!("{nth}= {got}"), got];
                words.into_iter().map(Text::same).collect()
            }
            Tape::Taken => match (piece.exactly, piece.spans.iter().any(|s| s.msg != piece.spans[0].msg)) {
                (Some(id), _) => vec![say!("{id} whole", "{id} 完整"), Text::same(format!("={id}"))],
                (None, false) => vec![say!("part of {ids}", "{ids} 的一部分"), Text::same("<")],
                (None, true) => {
                    vec![say!("{ids}, not one message", "{ids}，不是一条消息"), Text::same(ids), Text::same("≠")]
                }
            },
        }
    }

    fn title(&self, row: Tape) -> Text {
        let pieces = row.pieces(self.stream);
        let (n, one) = (grouped(pieces.len()), pieces.len() == 1);
        let s = if one { "" } else { "s" };
        match row {
            Tape::Sent => {
                let mut ids: Vec<_> = pieces.iter().flat_map(|p| &p.spans).map(|s| s.msg).collect();
                ids.dedup();
                let (m, ms) = (grouped(ids.len()), if ids.len() == 1 { "" } else { "s" });
                say!("sent: {m} message{ms}, {n} call{s}", "发出：{m} 条消息，{n} 次调用")
            }
            Tape::Carried => match self.stream.proto {
                Proto::Tcp => say!("on the link: {n} segment{s}", "链路上：{n} 个报文段"),
                Proto::Udp => say!("on the link: {n} packet{s}", "链路上：{n} 个分组"),
            },
            Tape::Received if pieces.is_empty() && self.trace.roles.len() == 1 => {
                Text::new("received: at the other end, which was not recorded", "收到：在另一端，那里没有记录")
            }
            Tape::Received if pieces.is_empty() => {
                Text::new("received: nothing that is the same on every run", "收到：没有每次都相同的内容")
            }
            Tape::Received => say!("received: {n} call{s}", "收到：{n} 次调用"),
            Tape::Again => say!("sent again: {n} segment{s}", "重传：{n} 个报文段"),
            Tape::Taken => self.took(pieces),
        }
    }

    /// How much of what the program has is what it thinks it has.
    fn took(&self, pieces: &[TapePiece]) -> Text {
        let (n, whole) = (pieces.len(), pieces.iter().filter(|p| p.exactly.is_some()).count());
        let (s, [count, intact]) = (if n == 1 { "" } else { "s" }, [n, whole].map(grouped));
        match (self.stream.framed, whole) {
            (true, whole) if whole == n => {
                say!("put together by the program: {count} whole message{s}", "程序拼出：{count} 条完整消息")
            }
            (true, _) => say!(
                "put together by the program: {count} frame{s}, {intact} whole",
                "程序拼出：{count} 帧，其中 {intact} 条完整"
            ),
            (false, 0) => say!(
                "in the program's hands: {count} piece{s}, none is one message",
                "程序拿到：{count} 份，没有一份恰好是一条消息"
            ),
            (false, 1) if n == 1 => {
                Text::new("in the program's hands: 1 piece, exactly one message", "程序拿到：1 份，恰好是一条消息")
            }
            (false, whole) if whole == n => say!(
                "in the program's hands: {count} piece{s}, each one message",
                "程序拿到：{count} 份，每份恰好是一条消息"
            ),
            (false, _) => say!(
                "in the program's hands: {count} piece{s}, {intact} of them one message",
                "程序拿到：{count} 份，其中 {intact} 份恰好是一条消息"
            ),
        }
    }

    /// The place of what is not drawn.
    fn torn(&self, high: f64) -> Markup {
        let Some(gap) = &self.axis.gap else { return html! {} };
        let (x, wide, n) = (self.axis.x(gap.start), self.axis.width(gap), grouped(gap.len()));
        let middle = px(x + wide / 2.0);
        html! {
            rect.torn x=(px(x + 2.0)) y=(px(ABOVE - 8.0)) width=(px(wide - 4.0)) height=(px(high - ABOVE + 8.0)) {}
            text.name x=(middle) y=(px(high / 2.0)) { "· · ·" }
            text.name x=(middle) y=(px(high / 2.0 + 16.0)) { (n) " B" }
        }
    }
}

/// Characters, each with its place.
#[derive(Default)]
struct Letters {
    text: String,
    places: Vec<String>,
}

impl Letters {
    fn put(&mut self, c: char, x: f64) {
        self.text.push(c);
        self.places.push(format!("{x:.0}"));
    }

    fn hex(&mut self, axis: &Axis, at: usize, bytes: &[u8]) {
        for (n, byte) in bytes.iter().enumerate() {
            let x = axis.x(at + n) / 2.0 + axis.x(at + n + 1) / 2.0;
            let apart = [x - 3.5, x + 3.5];
            hex::hex([*byte]).chars().zip(apart).for_each(|(digit, x)| self.put(digit, x));
        }
    }

    fn drawn(&self, class: &str, y: f64) -> Markup {
        html! { @if !self.text.is_empty() { text class=(class) x=(self.places.join(" ")) y=(px(y)) { (self.text) } } }
    }
}

/// A length in a picture, to a tenth.
pub(crate) fn px(value: f64) -> String {
    let tenths = (value * 10.0).round() / 10.0;
    format!("{tenths}")
}
