//! What is shown of a stream: a row for each frame, and what is known where it breaks.

use crate::cli::command::Context;
use crate::framing::suspect::{Came, Culprit, Suspicion, of_stream};
use crate::framing::{Decoder, Fault, Frame, Framing, Kind, Length};
use crate::render::palette::Ink;
use crate::render::rows::text;
use crate::render::{Format, Style};
use crate::say;
use crate::text::columns::{columns, cut, elided, padded, wrapped};
use crate::text::{Text, escaped, grouped, hex, json_line};
use crate::trace::MsgId;
use serde_json::json;
use std::io::{self, Write};

/// The first bytes of a stream, and where they begin in it.
#[derive(Default)]
pub(super) struct Kept {
    offset: u64,
    start: Vec<u8>,
    total: u64,
}

impl Kept {
    /// The most that is kept, in bytes.
    const MOST: usize = 64 << 10;

    pub(super) fn keep(&mut self, bytes: &[u8]) {
        let room = Kept::MOST.saturating_sub(self.start.len());
        self.start.extend_from_slice(&bytes[..bytes.len().min(room)]);
        self.total += bytes.len() as u64;
    }

    fn came(&self) -> Came<'_> {
        Came { start: &self.start, total: self.total }
    }
}

/// Who writes it, as text or JSON lines.
pub(super) struct FrameTable<'c> {
    kind: Kind,
    format: Format,
    style: &'c Style,
    frames: u32,
}

/// Columns of a frame's number, of an offset, of a length.
const NUMBER: usize = 4;
const OFFSET: usize = 9;
const LENGTH: usize = 7;
/// Columns of the words before a sentence.
const LABEL: usize = 8;

impl<'c> FrameTable<'c> {
    pub(super) fn new(kind: Kind, context: &'c Context) -> FrameTable<'c> {
        FrameTable { kind, format: context.format, style: &context.style, frames: 0 }
    }

    fn is_json(&self) -> bool {
        self.format == Format::Json
    }

    /// Columns of a header; a line has none.
    fn header_columns(&self) -> usize {
        match (self.kind, Length::of_kind(self.kind)) {
            (Kind::Line, _) => 0,
            (Kind::Json, _) => 26,
            (_, Some(length)) => (3 * length.width() - 1).max(6),
            (_, None) => 8,
        }
    }

    pub(super) fn heading(&self, out: &mut dyn Write) -> io::Result<()> {
        if self.is_json() {
            return Ok(());
        }
        let words = [
            Text::new("offset", "偏移"),
            Text::new("header", "报头"),
            Text::new("length", "长度"),
            Text::new("body", "正文"),
        ];
        let [offset, header, length, body] = words.each_ref().map(|word| word.to(self.style.lang));
        let row = self.row("#", offset, header, length) + body;
        writeln!(out, "{}", self.style.palette.paint(&row, Ink::Faint))
    }

    /// A row up to the body.
    fn row(&self, number: &str, offset: &str, header: &str, length: &str) -> String {
        let right = |text: &str, width: usize| format!("{}{text}  ", " ".repeat(width.saturating_sub(columns(text))));
        let header = match self.header_columns() {
            0 => String::new(),
            width => padded(&cut(header, width, self.style.unicode), width) + "  ",
        };
        [&right(number, NUMBER), &right(offset, OFFSET), &header, &right(length, LENGTH)].map(String::as_str).concat()
    }

    pub(super) fn frame(&mut self, frame: &Frame, out: &mut dyn Write) -> io::Result<()> {
        self.frames = self.frames.saturating_add(1);
        let (offset, len) = (frame.offset, frame.len());
        if self.is_json() {
            let [header, body] = [&frame.header, &frame.body].map(hex::hex);
            let line = json!({"type": "frame", "offset": offset, "len": len, "header": header, "body": body});
            return writeln!(out, "{}", json_line(&line)?);
        }
        let header = match (self.kind, frame.header.split_at_checked(4)) {
            (Kind::Json, Some((length, json))) => {
                format!("{} {}", hex::spaced(length), escaped(&String::from_utf8_lossy(json)))
            }
            (Kind::Netstring, _) => String::from_utf8_lossy(&frame.header).into_owned(),
            _ => hex::spaced(&frame.header),
        };
        let row = self.row(&grouped(self.frames), &grouped(offset), &header, &grouped(frame.body.len()));
        let room = self.style.width.saturating_sub(columns(&row)).max(LABEL);
        let body = shown(&frame.body, room, self.style.unicode);
        writeln!(out, "{row}{}", self.style.palette.paint(&body, Ink::Message(MsgId(self.frames))))
    }

    /// The stream ended where a frame did.
    pub(super) fn end(&self, bytes: u64, out: &mut dyn Write) -> io::Result<()> {
        if self.is_json() {
            return Ok(());
        }
        let [frames, bytes] = [grouped(self.frames), grouped(bytes)];
        let text = say!(
            "frames: {frames}, bytes: {bytes}; the stream ends where a frame ends",
            "{frames} 帧，{bytes} 字节；流正好在一帧的末尾结束"
        );
        writeln!(out, "{}", self.style.palette.paint(text.to(self.style.lang), Ink::Good))
    }

    /// Where it broke, and why; returns what is left so far.
    pub(super) fn broken<F: Framing>(
        &self,
        decoder: &Decoder<F>,
        fault: &Fault,
        out: &mut dyn Write,
    ) -> io::Result<Kept> {
        let (offset, kind, why) = (decoder.offset(), fault.kind(), fault.text());
        let mut rest = Kept { offset, ..Kept::default() };
        rest.keep(decoder.rest());
        if self.is_json() {
            let message = why.to(self.style.lang);
            let line = json!({"type": "error", "offset": offset, "kind": kind, "message": message});
            writeln!(out, "{}", json_line(&line)?)?;
            // Written piece by piece: however much is left, it is never held.
            write!(out, "{{\"type\":\"rest\",\"offset\":{offset},\"bytes\":\"")?;
            self.left(decoder.rest(), out)?;
        } else {
            let at = grouped(offset);
            let text = say!("at offset {at} ({kind}): ", "偏移 {at} 处（{kind}）：");
            let text = Text::new("{}{}", "{}{}").with_all([&text, &why]);
            self.said(&Text::new("broken", "断开"), &text, Ink::Bad, out)?;
        }
        out.flush()?;
        Ok(rest)
    }

    /// More of what is left.
    pub(super) fn left(&self, bytes: &[u8], out: &mut dyn Write) -> io::Result<()> {
        if self.is_json() { write!(out, "{}", hex::hex(bytes)) } else { Ok(()) }
    }

    /// All that is left was read: what it may be.
    pub(super) fn rest(&self, rest: &Kept, came: &Kept, out: &mut dyn Write) -> io::Result<()> {
        if self.is_json() {
            return writeln!(out, "\"}}");
        }
        let [n, all, from] = [rest.total, came.total, rest.offset].map(grouped);
        let room = self.style.width.saturating_sub(LABEL).max(LABEL);
        let bytes = &rest.start[..rest.start.len().min(16)];
        let dots = if rest.total > bytes.len() as u64 { " .." } else { "" };
        let mut lines = vec![
            say!("{n} of {all} bytes, from offset {from}", "{all} 字节中的 {n} 字节，从偏移 {from} 开始"),
            Text::same(hex::spaced(bytes) + dots),
        ];
        lines.extend(text(bytes).map(|text| Text::same(format!("\"{text}\"{dots}"))));
        for (at, line) in lines.iter().enumerate() {
            let label = if at == 0 { Text::new("left", "剩余") } else { Text::default() };
            let line = Text::same(elided(line.to(self.style.lang), room, self.style.unicode));
            self.said(&label, &line, Ink::Faint, out)?;
        }
        if let Some(suspicion) = self.suspected(rest, came) {
            self.said(&Text::new("hint", "线索"), &suspicion.hint(), Ink::Strong, out)?;
            let next = Text::same(format!("stickdemo {}", suspicion.culprit.shown_by()));
            self.said(&Text::new("next", "接着"), &next, Ink::Faint, out)?;
        }
        Ok(())
    }

    /// The likeliest mistake: one that explains all that came, or what is left.
    fn suspected(&self, rest: &Kept, came: &Kept) -> Option<Suspicion> {
        let reader = Length::of_kind(self.kind);
        // Its own frames explain nothing, nor does text where text is read, nor the length before a JSON header.
        let own = |culprit| match (culprit, self.kind) {
            (Culprit::Several, _) | (Culprit::Text, Kind::Line | Kind::Netstring) => true,
            (Culprit::Framed(Kind::I32Le), Kind::Json) => rest.start.get(4) == Some(&b'{'),
            _ => culprit == Culprit::Framed(self.kind),
        };
        let of = |came: Came| of_stream(reader, &came).into_iter().find(|suspicion| !own(suspicion.culprit));
        of(came.came()).filter(Suspicion::is_strong).or_else(|| of(rest.came()))
    }

    /// A sentence behind a word in front of it.
    fn said(&self, label: &Text, text: &Text, ink: Ink, out: &mut dyn Write) -> io::Result<()> {
        let lang = self.style.lang;
        for (at, line) in wrapped(text.to(lang), self.style.width.saturating_sub(LABEL)).iter().enumerate() {
            let label = padded(if at == 0 { label.to(lang) } else { "" }, LABEL);
            writeln!(out, "{}{line}", self.style.palette.paint(&label, ink))?;
        }
        Ok(())
    }
}

/// A body in at most `room` columns: text in quotation marks, or else bytes in hex; a long one without its middle.
fn shown(bytes: &[u8], room: usize, unicode: bool) -> String {
    /// The most of either end that is looked at.
    const END: usize = 256;
    let as_text = match bytes.len().checked_sub(2 * END) {
        // Half a character at the end is shown as the bytes that it is.
        None | Some(0) => text(bytes).filter(|_| std::str::from_utf8(bytes).is_ok()),
        Some(_) => {
            let behind = &bytes[bytes.len() - END..];
            // Not in the middle of a character (RFC 3629 §3).
            let whole = behind.iter().position(|byte| byte & 0xc0 != 0x80).unwrap_or(0);
            text(&bytes[..END]).zip(text(&behind[whole..])).map(|(start, end)| start + &end)
        }
    };
    match as_text {
        Some(text) => elided(&format!("\"{text}\""), room, unicode),
        None if 3 * bytes.len() <= room + 1 => hex::spaced(bytes),
        None => {
            let n = room.saturating_sub(4) / 6;
            format!("{} .. {}", hex::spaced(&bytes[..n]), hex::spaced(&bytes[bytes.len() - n..]))
        }
    }
}
