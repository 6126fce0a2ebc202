//! What a wrong length really was: a number, or the bytes that came, tried against the usual mistakes. Pure.
//!
//! [`of_number`] has a number alone, as a log shows it, and says what it may have been, the likeliest first.
//! [`of_stream`] has all that came where a frame was due, and suspects only what fits it to the last byte.

use super::greeting::greeting;
use super::json::Json;
use super::{Framing, Kind, Length, Limits, Look};
use crate::say;
use crate::text::harmless::escaped;
use crate::text::{Text, grouped, hex};

/// One explanation of a wrong length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suspicion {
    /// What kind of mistake it would be.
    pub culprit: Culprit,
    /// What happened, if it is that.
    pub what: Text,
    /// What speaks for it.
    pub because: Text,
    /// How much: the greater, the likelier. Only the order means something.
    weight: u8,
}

/// The usual mistakes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Culprit {
    /// Another protocol was spoken.
    OtherProtocol,
    /// Text was read as a length.
    Text,
    /// The number's bytes were read in the other order.
    Turned,
    /// The field is wider or narrower.
    Width,
    /// The field begins earlier or later.
    Shifted,
    /// The length counts its own field, too.
    CountsItself,
    /// The length counts characters, not bytes.
    Characters,
    /// Another framing of the list.
    Framed(Kind),
    /// More than one message came.
    Several,
    /// One segment, or one recv, was taken for one message.
    Segment,
}

impl Culprit {
    /// What follows `stickdemo` to see this mistake happen.
    pub const fn shown_by(self) -> &'static str {
        match self {
            Culprit::OtherProtocol | Culprit::Turned | Culprit::Width => "fix-header",
            Culprit::Text => "fix-sleep",
            Culprit::Shifted => "fix-exact",
            Culprit::CountsItself | Culprit::Characters => "fix-json-header",
            Culprit::Framed(Kind::Ack) => "fix-ack",
            Culprit::Framed(Kind::Json) => "fix-json-header",
            Culprit::Framed(_) => "fix-header",
            Culprit::Several => "tcp-remote-cmd",
            Culprit::Segment => "tcp-split",
        }
    }
}

impl Suspicion {
    fn new(culprit: Culprit, weight: u8, what: Text, because: Text) -> Suspicion {
        Suspicion { culprit, what, because, weight }
    }

    /// Both sentences in one, as a hint.
    pub fn hint(&self) -> Text {
        Text::new("{}: {}", "{}：{}").with_all([&self.because, &self.what])
    }
}

/// The likeliest first; of each kind of mistake with the same sentence only one.
fn ranked(mut all: Vec<Suspicion>) -> Vec<Suspicion> {
    all.sort_by_key(|suspicion| std::cmp::Reverse(suspicion.weight));
    let mut seen: Vec<Text> = Vec::new();
    all.retain(|suspicion| {
        let new = !seen.contains(&suspicion.what);
        seen.push(suspicion.what.clone());
        new
    });
    all
}

/// A length field that some program reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Field {
    width: usize,
    big: bool,
}

impl Field {
    const ALL: [Field; 7] = [
        Field { width: 4, big: true },
        Field { width: 4, big: false },
        Field { width: 2, big: true },
        Field { width: 2, big: false },
        Field { width: 8, big: true },
        Field { width: 8, big: false },
        Field { width: 1, big: true },
    ];

    fn read(self, bytes: &[u8]) -> Option<u64> {
        let field = bytes.get(..self.width)?;
        let add = |n: u64, byte: &u8| n << 8 | u64::from(*byte);
        Some(if self.big { field.iter().fold(0, add) } else { field.iter().rev().fold(0, add) })
    }

    /// Python's name for it.
    fn python(self) -> &'static str {
        match (self.width, self.big) {
            (8, true) => "'>q'",
            (8, false) => "'<q'",
            (4, true) => "'>i'",
            (4, false) => "'<i'",
            (2, true) => "'>H'",
            (2, false) => "'<H'",
            _ => "'B'",
        }
    }

    fn order(self) -> Text {
        match (self.width, self.big) {
            (1, _) => Text::new("as a number", "作为数字"),
            (_, true) => Text::new("in network order", "按网络字节序"),
            (_, false) => Text::new("little-endian", "按小端序"),
        }
    }
}

/// All that came where a frame was due.
#[derive(Clone, Copy, Debug)]
pub struct Came<'c> {
    /// The first bytes, from where the frame should begin.
    pub start: &'c [u8],
    /// How many came in all.
    pub total: u64,
}

impl<'c> Came<'c> {
    /// All of it is here.
    pub fn all(bytes: &'c [u8]) -> Came<'c> {
        Came { start: bytes, total: bytes.len() as u64 }
    }

    /// How many frames these are, behind so many other bytes, when each is as long as `step` says: `None` unless the
    /// last one ends where everything ends. An empty message shows nothing, so each must have a body.
    fn frames(&self, skipped: usize, step: impl Fn(&[u8]) -> Option<u64>) -> Option<usize> {
        let (mut rest, mut count) = (self.start.get(skipped..)?, 0);
        let mut left = self.total.checked_sub(skipped as u64)?;
        while left > 0 {
            let frame = step(rest)?;
            left = left.checked_sub(frame)?;
            count += 1;
            // What was not kept is not looked at: then there is this one frame, or nothing is known.
            rest = match usize::try_from(frame).ok().and_then(|frame| rest.get(frame..)) {
                Some(rest) => rest,
                None if left == 0 => &[],
                None => return None,
            };
        }
        (count > 0).then_some(count)
    }
}

/// What the frames of a stream really were, where `reader` found none, or too much: only what fits all that came, or
/// whose first bytes leave no doubt. Nothing, when the frames are the reader's own.
pub fn of_stream(reader: Option<Length>, came: &Came) -> Vec<Suspicion> {
    let own = reader.map(|length| Field { width: length.width(), big: length.is_big() });
    let mut all = Vec::new();
    match own.and_then(|field| came.frames(0, counted(field))) {
        Some(1) => return all,
        Some(several) => all.push(several_frames(several)),
        None => {}
    }
    all.extend(first_bytes(came.start));
    all.extend(other_fields(own, came));
    all.extend(own.and_then(|field| counting_itself(field, came)));
    all.extend(own.and_then(|field| characters(field, came)));
    all.extend(other_framings(came));
    ranked(all)
}

/// How long a frame of this length field is, if it has a body.
fn counted(field: Field) -> impl Fn(&[u8]) -> Option<u64> {
    move |bytes| field.read(bytes).filter(|n| *n > 0)?.checked_add(field.width as u64)
}

fn several_frames(several: usize) -> Suspicion {
    Suspicion::new(
        Culprit::Several,
        95,
        Text::new("the peer seems to send each output as a message", "对端似乎把每个输出各作为一条消息发送"),
        say!("what came is {several} whole messages", "到达的是 {several} 条完整的消息"),
    )
}

/// Another protocol, or text.
fn first_bytes(bytes: &[u8]) -> Option<Suspicion> {
    let (what, weight) = match (greeting(bytes), text_of(bytes.get(..4)?)) {
        (Some(greeting), _) => {
            let shown = hex::spaced(&bytes[..greeting.shown_by]);
            let because = say!("the first bytes are {shown}", "开头的字节是 {shown}");
            let because = match text_of(&bytes[..greeting.shown_by]) {
                Some(text) => say!("the first bytes are “{text}”", "开头的字节是“{text}”"),
                None => because,
            };
            return Some(Suspicion::new(
                Culprit::OtherProtocol,
                90,
                Text::new("that is {}", "这是 {}").with(&greeting.speaker),
                because,
            ));
        }
        (None, Some(text)) => (text, 40),
        (None, None) => return None,
    };
    let because = say!("the first four bytes are the text “{what}”", "开头四个字节是文本“{what}”");
    let what = Text::new("the peer seems to send text without a length", "对端似乎没有先发长度就发了文本");
    Some(Suspicion::new(Culprit::Text, weight, what, because))
}

/// Another order or width, at the beginning or up to three bytes later.
fn other_fields(own: Option<Field>, came: &Came) -> Vec<Suspicion> {
    let begins = |skipped: usize| Field::ALL.into_iter().map(move |field| (skipped, field));
    let candidates = (0..=3).flat_map(begins).filter(|(skipped, field)| match skipped {
        0 => Some(*field) != own,
        _ => Some(*field) == own,
    });
    let fits = |(skipped, field): (usize, Field)| {
        let frames = came.frames(skipped, counted(field))?;
        let first = field.read(&came.start[skipped..])?;
        Some(fitting(own, skipped, field, first, frames))
    };
    candidates.filter_map(fits).collect()
}

fn fitting(own: Option<Field>, skipped: usize, field: Field, first: u64, frames: usize) -> Suspicion {
    let (python, width, order) = (field.python(), field.width, field.order());
    let first = grouped(first);
    let (culprit, weight, what) = match own {
        _ if skipped > 0 => {
            let what = say!(
                "{skipped} bytes that belong to no message stand before it",
                "前面多出 {skipped} 个不属于任何消息的字节"
            );
            (Culprit::Shifted, 70, what)
        }
        Some(own) if own.width == field.width => {
            (Culprit::Turned, 80, say!("the peer seems to pack {python}", "对端似乎用 {python} 打包"))
        }
        _ => {
            let weight = if width == 1 { 50 } else { 75 };
            let what =
                say!("the peer seems to pack {python}, {width} bytes", "对端似乎用 {python} 打包，长度占 {width} 字节");
            (Culprit::Width, weight, what)
        }
    };
    let place = match skipped {
        0 if width == 1 => Text::new("the first byte reads", "第一个字节读作"),
        0 => say!("the first {width} bytes", "前 {width} 个字节"),
        1 => Text::new("one byte later the length reads", "晚一个字节读，长度是"),
        _ => say!("{skipped} bytes later the length reads", "晚 {skipped} 个字节读，长度是"),
    };
    let follow = match frames {
        1 => say!("{first}, and exactly as many follow", "{first}，后面恰好有这么多字节"),
        _ => {
            say!("{first}, and so on: {frames} messages to the last byte", "{first}，如此共 {frames} 条，到最后一字节")
        }
    };
    let because = match skipped {
        0 if width > 1 => Text::new("{} read {} {}", "{}{}读作 {}").with_all([&place, &order, &follow]),
        _ => Text::new("{} {}", "{} {}").with_all([&place, &follow]),
    };
    Suspicion::new(culprit, weight, what, because)
}

/// The length counts the field that it stands in.
fn counting_itself(field: Field, came: &Came) -> Option<Suspicion> {
    let width = field.width as u64;
    came.frames(0, |bytes| field.read(bytes).filter(|n| *n > width))?;
    let announced = field.read(came.start)?;
    let body = announced - width;
    Some(Suspicion::new(
        Culprit::CountsItself,
        85,
        Text::new("the peer seems to count the length field, too", "对端似乎把长度字段本身也算了进去"),
        say!(
            "{announced} are announced and {body} follow: {width} fewer, the size of the length field",
            "宣布 {announced} 字节，后面是 {body} 字节：少 {width}，正是长度字段的大小"
        ),
    ))
}

/// The length counts characters where bytes are meant.
fn characters(field: Field, came: &Came) -> Option<Suspicion> {
    let text = |bytes: &[u8]| {
        let n = field.read(bytes).filter(|n| *n > 0)?;
        let valid = bytes.get(field.width..)?;
        let valid = match std::str::from_utf8(valid) {
            Ok(text) => text,
            Err(e) => std::str::from_utf8(&valid[..e.valid_up_to()]).ok()?,
        };
        let n = usize::try_from(n).ok()?;
        let end = valid.char_indices().map(|(at, _)| at).chain([valid.len()]).nth(n)?;
        Some((field.width + end) as u64)
    };
    let frames = came.frames(0, text)?;
    let announced = field.read(came.start)?;
    let bytes = text(came.start)? - field.width as u64;
    let what = Text::new(
        "the peer seems to count characters, len(str) instead of len(bytes)",
        "对端似乎数的是字符：用了 len(str)，应为 len(bytes)",
    );
    let because = match frames {
        1 => say!(
            "{announced} are announced and {bytes} bytes came; as UTF-8 they are {announced} characters",
            "宣布 {announced}，到达 {bytes} 字节；按 UTF-8 正好是 {announced} 个字符"
        ),
        _ => say!(
            "counted as characters of UTF-8 the lengths fit all {frames} messages to the last byte",
            "按 UTF-8 字符计数，{frames} 条消息的长度全部吻合"
        ),
    };
    // Where characters and bytes are the same number, the reader's own frames fitted.
    Some(Suspicion::new(Culprit::Characters, 78, what, because))
}

/// The other framings of the list, and a few that are met elsewhere.
fn other_framings(came: &Came) -> Vec<Suspicion> {
    type Step = fn(&[u8]) -> Option<u64>;
    let ways: [(Culprit, Step, Text); 5] = [
        (
            Culprit::Framed(Kind::Json),
            json_frame,
            Text::new("the peer seems to send a JSON header first", "对端似乎先发 JSON 报头"),
        ),
        (
            Culprit::Framed(Kind::Netstring),
            netstring,
            Text::new("the peer seems to send netstrings (8:12345678,)", "对端似乎发的是 netstring（8:12345678,）"),
        ),
        (
            Culprit::Framed(Kind::Ack),
            decimal_frame,
            Text::new("the peer seems to send the length as decimal text", "对端似乎用十进制文本发长度"),
        ),
        (
            Culprit::OtherProtocol,
            websocket,
            Text::new("that is a WebSocket frame (RFC 6455)", "这是 WebSocket 帧（RFC 6455）"),
        ),
        (
            Culprit::OtherProtocol,
            mysql,
            Text::new("that is the greeting of MySQL or MariaDB", "这是 MySQL 或 MariaDB 的问候"),
        ),
    ];
    let fits = |(culprit, step, what): (Culprit, Step, Text)| {
        let because = match came.frames(0, step)? {
            1 => Text::new("what came is one such message to the last byte", "到达的字节恰好是这样一条消息"),
            n => say!("what came is {n} such messages to the last byte", "到达的字节恰好是这样 {n} 条消息"),
        };
        Some(Suspicion::new(culprit, 88, what, because))
    };
    ways.into_iter().filter_map(fits).collect()
}

fn json_frame(bytes: &[u8]) -> Option<u64> {
    match Json.look(bytes, &Limits { header: bytes.len(), body: usize::MAX }) {
        Ok(Look::Known(layout)) => layout.total().map(|total| total as u64),
        _ => None,
    }
}

/// The digits at the start, and how many they are.
fn digits(bytes: &[u8]) -> Option<(u64, usize)> {
    let n = bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let value = std::str::from_utf8(&bytes[..n]).ok()?.parse().ok()?;
    Some((value, n))
}

fn netstring(bytes: &[u8]) -> Option<u64> {
    let (body, n) = digits(bytes).filter(|(_, n)| bytes.get(*n) == Some(&b':'))?;
    let end = (n as u64 + 1).checked_add(body)?;
    let comma = usize::try_from(end).ok().and_then(|end| bytes.get(end));
    comma.is_none_or(|comma| *comma == b',').then(|| end.checked_add(1))?
}

/// Digits, and what they count right behind them: the body may begin with a digit itself, so each cut is tried.
fn decimal_frame(bytes: &[u8]) -> Option<u64> {
    let (_, most) = digits(bytes)?;
    let cut = |n: usize| Some(digits(&bytes[..n])?.0.checked_add(n as u64)).flatten();
    (1..=most.min(19)).filter_map(cut).find(|total| *total == bytes.len() as u64)
}

/// A data frame (RFC 6455 §5.2), from a client with a mask.
fn websocket(bytes: &[u8]) -> Option<u64> {
    let (0x81 | 0x82, second) = (*bytes.first()?, *bytes.get(1)?) else { return None };
    let mask = if second & 0x80 == 0 { 0 } else { 4 };
    let (header, body) = match second & 0x7f {
        126 => (4, Field { width: 2, big: true }.read(&bytes[2..])?),
        127 => (10, Field { width: 8, big: true }.read(&bytes[2..])?),
        body => (2, u64::from(body)),
    };
    body.checked_add(header + mask)
}

/// Three bytes of length, the number 0, the protocol's version 10.
fn mysql(bytes: &[u8]) -> Option<u64> {
    let [a, b, c, 0, 10, ..] = bytes else { return None };
    Some(u64::from(u32::from_le_bytes([*a, *b, *c, 0])) + 4)
}

/// The bytes as text, quoted, when that is what they are: no control characters but ends of lines, and UTF-8, of which
/// the last character may be cut.
fn text_of(bytes: &[u8]) -> Option<String> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(e) if e.error_len().is_none() && e.valid_up_to() > 0 => {
            std::str::from_utf8(&bytes[..e.valid_up_to()]).ok()?
        }
        Err(_) => return None,
    };
    let plain = |c: char| matches!(c, '\t' | '\r' | '\n') || !c.is_control();
    (!text.is_empty() && text.chars().all(plain)).then(|| escaped(text))
}

/// The bytes of a number that was read as a length, in the order of one field.
#[derive(Clone, Debug)]
struct Read {
    field: Field,
    bytes: Vec<u8>,
}

/// Every field that could have read this number, with its bytes; a negative one was read with a sign.
fn readings(number: i128) -> Vec<Read> {
    let width = match number {
        0..=0xffff => 2,
        -0x8000_0000..=0xffff_ffff => 4,
        _ => 8,
    };
    let bits = number as u64;
    let read = |big: bool| {
        let bytes = match big {
            true => bits.to_be_bytes()[8 - width..].to_vec(),
            false => bits.to_le_bytes()[..width].to_vec(),
        };
        Read { field: Field { width, big }, bytes }
    };
    vec![read(false), read(true)]
}

/// What a number that was read as a length may really have been, the likeliest first. Alone it proves nothing; each
/// comes with what speaks for it.
pub fn of_number(number: i128) -> Vec<Suspicion> {
    if !(-(1 << 63)..1 << 64).contains(&number) {
        return Vec::new();
    }
    let mut all = Vec::new();
    let readings = readings(number);
    for read in &readings {
        all.extend(as_greeting(read, 0));
        all.extend(as_turned(read, number));
        all.extend(as_narrow(read));
        all.extend(as_early(read, number));
    }
    all.extend(as_text(&readings, 0));
    for added in [2, 4] {
        all.extend(less_what_was_added(number, added));
    }
    all.extend(as_segment(number));
    ranked(all)
}

fn in_order(read: &Read) -> Text {
    let bytes = hex::spaced(&read.bytes);
    Text::new("{} its bytes are {}", "{}，它的字节是 {}").with_all([&read.field.order(), &Text::same(bytes)])
}

fn as_greeting(read: &Read, added: i128) -> Option<Suspicion> {
    let greeting = greeting(&read.bytes).filter(|greeting| greeting.shown_by > 2 || added == 0)?;
    let because = match text_of(&read.bytes[..greeting.shown_by]) {
        Some(text) => Text::new("{}: “{}”", "{}：“{}”").with_all([&in_order(read), &Text::same(text)]),
        None => in_order(read),
    };
    let what = Text::new("{} was read as a length", "{} 被当成长度读了").with(&greeting.speaker);
    let weight = if greeting.shown_by > 2 { 100 } else { 30 };
    Some(Suspicion::new(Culprit::OtherProtocol, weight, what, because))
}

/// Both orders have the same characters; which of the two is a word, eyes see at once.
fn as_text(readings: &[Read], added: i128) -> Option<Suspicion> {
    let texts: Vec<(String, &Read)> = readings.iter().filter_map(|read| Some((text_of(&read.bytes)?, read))).collect();
    let (first, read) = texts.first()?;
    let (width, decimal) = (read.bytes.len(), read.bytes.iter().all(u8::is_ascii_digit));
    // Two bytes are two letters by chance too often.
    if width == 2 && !read.bytes.iter().all(u8::is_ascii_alphanumeric) {
        return None;
    }
    let because = match texts.get(1) {
        Some((second, _)) => say!(
            "its bytes are the text “{first}” (little-endian) or “{second}” (network order)",
            "它的字节是文本“{first}”（小端序）或“{second}”（网络字节序）"
        ),
        None => Text::new("{}: “{}”", "{}：“{}”").with_all([&in_order(read), &Text::same(first.clone())]),
    };
    let (culprit, what) = match decimal {
        true => (
            Culprit::Framed(Kind::Ack),
            Text::new(
                "digits were read as a number of bytes: a length in decimal text, or there is no length at all",
                "数字字符被当成了二进制长度：长度是十进制文本，或者根本没有长度字段",
            ),
        ),
        false => (
            Culprit::Text,
            Text::new(
                "part of a message was read as a length: the reader lost its place, or the sender sent no length",
                "消息正文的一部分被当成长度读了：读的一方错了位，或发的一方没有发长度",
            ),
        ),
    };
    let weight = match (width, decimal, added) {
        (2, _, 0) => 20,
        (2, true, _) => 60,
        (2, false, _) => 10,
        (_, _, 0) => 80,
        _ => 35,
    };
    Some(Suspicion::new(culprit, weight, what, because))
}

/// The largest length that is taken for a usual one, in bytes: what is turned, or cut, must become one.
const USUAL: u64 = 1 << 20;

fn as_turned(read: &Read, number: i128) -> Option<Suspicion> {
    let Field { width, big } = read.field;
    let other = Field { width, big: !big };
    let turned = other.read(&read.bytes).filter(|n| (1..=USUAL).contains(n) && i128::from(*n) < number)?;
    let from = read.field.order();
    let turned = grouped(turned);
    Some(Suspicion::new(
        Culprit::Turned,
        if width == 2 { 25 } else { 60 },
        say!("it was {turned}, with its bytes turned", "它本是 {turned}，字节序反了"),
        Text::new("{}; {} they read {}", "{}；{} 读作 {}").with_all([
            &in_order(read),
            &other.order(),
            &Text::same(turned),
        ]),
    ))
    .filter(|_| from != other.order())
}

/// A length of two bytes with the beginning of its body, or one of four before another field of four.
fn as_narrow(read: &Read) -> Option<Suspicion> {
    let (head, tail) = read.bytes.split_at(read.bytes.len() / 2);
    let field = Field { width: head.len(), big: read.field.big };
    let most = if head.len() == 2 { 4096 } else { USUAL };
    let first = field.read(head).filter(|n| (1..=most).contains(n))?;
    let (width, python) = (head.len(), field.python());
    let first = grouped(first);
    let weight = match (width, text_of(tail)) {
        (2, Some(_)) => 50,
        (4, _) if tail.iter().all(|byte| *byte == 0) || text_of(tail).is_some() => 50,
        _ => return None,
    };
    let what = say!(
        "the length has {width} bytes ({python}) and was {first}; the rest belongs to what follows",
        "长度只占 {width} 字节（{python}），本是 {first}；其余属于后面的内容"
    );
    Some(Suspicion::new(Culprit::Width, weight, what, in_order(read)))
}

/// The field was read too early: zeros of what stands before, then the first bytes of a small number.
fn as_early(read: &Read, number: i128) -> Option<Suspicion> {
    if read.bytes.len() != 4 || read.field.big {
        return None;
    }
    let zeros = read.bytes.iter().take_while(|byte| **byte == 0).count();
    let (true, Some(rest)) = ((1..=3).contains(&zeros), read.bytes.get(zeros..)) else { return None };
    let value = rest.iter().rev().fold(0u64, |n, byte| n << 8 | u64::from(*byte));
    let small = value > 0 && value < 1 << 16 && i128::from(value) < number;
    let what = say!(
        "it was read {zeros} bytes too early: zeros of the field before, then {value}",
        "早读了 {zeros} 个字节：前一个字段的零，然后才是 {value}"
    );
    small.then(|| Suspicion::new(Culprit::Shifted, 45, what, in_order(read)))
}

/// A decoder that adds the size of the field (and its place) to the length before it compares: Netty's
/// LengthFieldBasedFrameDecoder.
fn less_what_was_added(number: i128, added: i128) -> Vec<Suspicion> {
    let less = number - added;
    let readings: Vec<Read> = readings(less).into_iter().filter(|read| read.bytes.len() as i128 == added).collect();
    let mut all: Vec<Suspicion> = readings.iter().filter_map(|read| as_greeting(read, added)).collect();
    all.extend(as_text(&readings, added));
    let adds = say!(
        "less the {added} bytes of the field, which Netty adds, it is {less}",
        "减去 Netty 加上的 {added} 字节（长度字段），是 {less}"
    );
    for suspicion in &mut all {
        suspicion.because = Text::new("{}; {}", "{}；{}").with_all([&adds, &suspicion.because]);
        suspicion.weight = suspicion.weight.saturating_sub(5);
    }
    all
}

/// Sizes that the network or a buffer makes, and no sender of messages.
static SIZES: [(i128, Text); 9] = [
    (1460, Text::new("what one segment carries over Ethernet", "以太网上一个报文段所能携带的")),
    (
        1448,
        Text::new("what one segment with timestamps carries over Ethernet", "以太网上带时间戳的一个报文段所能携带的"),
    ),
    (1440, Text::new("what one segment carries over Ethernet with IPv6", "以太网 IPv6 上一个报文段所能携带的")),
    (1428, Text::new("what one segment with timestamps carries over IPv6", "IPv6 上带时间戳的一个报文段所能携带的")),
    (
        536,
        Text::new("what one segment carries at least (RFC 9293 §3.7.1)", "一个报文段至少能携带的（RFC 9293 §3.7.1）"),
    ),
    (65_483, Text::new("what one segment carries on Linux's loopback", "Linux 回环上一个报文段所能携带的")),
    (65_507, Text::new("the most that a UDP datagram carries over IPv4", "IPv4 上一个 UDP 数据报最多携带的")),
    (65_527, Text::new("the most that a UDP datagram carries over IPv6", "IPv6 上一个 UDP 数据报最多携带的")),
    (1024, Text::new("the size that recv(1024) asks for", "recv(1024) 所要的大小")),
];

fn as_segment(number: i128) -> Option<Suspicion> {
    const HEADER: i128 = 20;
    let near = |(size, _): &&(i128, Text)| match size {
        1460 => (0..=HEADER).contains(&(size - number)),
        _ => *size == number,
    };
    // An exact size before one that needs a header to fit.
    let (size, name) = SIZES.iter().filter(near).min_by_key(|(size, _)| size - number)?;
    let because = match size - number {
        0 => say!("{size} is {{}}", "{size} 是{{}}").with(name),
        header => {
            say!("{number} is {size} - {header}, and {size} is {{}}", "{number} = {size} - {header}，而 {size} 是{{}}")
                .with(name)
        }
    };
    let what = match size - number {
        0 => Text::new("one segment, or one recv, was taken for one message", "把一个报文段或一次 recv 当成了一条消息"),
        header => say!(
            "one segment was taken for one message, less a header of {header} bytes",
            "把一个报文段当成了一条消息，再减去 {header} 字节的报头"
        ),
    };
    Some(Suspicion::new(Culprit::Segment, 55, what, because))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::framing::{I32_LE, U16_BE, U32_BE};
    use proptest::collection::vec;
    use proptest::prelude::*;

    fn first(number: i128) -> (Culprit, String, String) {
        let all = of_number(number);
        let first = all.first().unwrap_or_else(|| panic!("{number}: nothing"));
        (first.culprit, first.what.en.to_string(), first.because.en.to_string())
    }

    #[test]
    fn a_number_that_was_read_as_a_length_is_recognised() {
        for (number, culprit, says) in [
            (1_277_174_131, Culprit::Text, "“s! L”"),
            (369_295_616, Culprit::OtherProtocol, "TLS"),
            (369_295_617, Culprit::OtherProtocol, "TLS"),
            (369_296_128, Culprit::OtherProtocol, "TLS"),
            (1_347_375_956, Culprit::OtherProtocol, "“POST”"),
            (1_213_486_160, Culprit::OtherProtocol, "“HTTP”"),
            (1_195_725_856, Culprit::OtherProtocol, "“GET ”"),
            (542_393_671, Culprit::OtherProtocol, "“GET ”"),
            (1_195_725_860, Culprit::OtherProtocol, "less the 4 bytes of the field"),
            (134_217_728, Culprit::Turned, "it was 8,"),
            (50_331_648, Culprit::Turned, "it was 3,"),
            (8 << 32, Culprit::Width, "was 8; the rest"),
            (8 << 56, Culprit::Turned, "it was 8,"),
            (0x0008_3132, Culprit::Width, "2 bytes ('>H') and was 8"),
            (1446, Culprit::Segment, "1460 - 14"),
            (1460, Culprit::Segment, "1460 is what one segment carries"),
            (12_346, Culprit::Framed(Kind::Ack), "less the 2 bytes of the field, which Netty adds, it is 12344"),
            (825_373_492, Culprit::Framed(Kind::Ack), "“4321” (little-endian) or “1234”"),
            (-442_977_561, Culprit::Text, "“粘”"),
            (0x7b22_6461, Culprit::Text, "{\"da"),
        ] {
            let (found, what, because) = first(number);
            assert_eq!(found, culprit, "{number}: {what} {because}");
            assert!(what.contains(says) || because.contains(says), "{number}: {what} {because}");
        }
        let early = of_number(134_217_728);
        assert!(early.iter().any(|s| s.culprit == Culprit::Shifted && s.what.en.contains("3 bytes too early")));
        for ordinary in [0, 1, 5, 11, 100, 1147, 10_054, 10_040, 1 << 80] {
            assert_eq!(of_number(ordinary), [], "{ordinary}");
        }
    }

    fn of(reader: Length, bytes: &[u8]) -> Vec<Suspicion> {
        of_stream(Some(reader), &Came::all(bytes))
    }

    #[test]
    fn a_stream_of_another_framing_is_recognised_by_what_came() {
        let zhan: Vec<u8> = [&[4, 0, 0, 0][..], "粘包粘包".as_bytes()].concat();
        for (bytes, culprit, says) in [
            (&b"\0\x0812345678"[..], Culprit::Width, "the first 2 bytes read in network order 8, and exactly as many"),
            (b"\0\0\0\x03abc", Culprit::Turned, "pack '>i'"),
            (b"\x0c\0\0\x0012345678", Culprit::CountsItself, "12 are announced and 8 follow: 4 fewer"),
            (&zhan, Culprit::Characters, "4 are announced and 12 bytes came; as UTF-8 they are 4 characters"),
            (b"\x08\0\0\0\0\0\0\x0012345678", Culprit::Width, "pack '<q', 8 bytes"),
            (b"\xff\x08\0\0\x0012345678", Culprit::Shifted, "one byte later the length reads 8"),
            (b"$8\r\n12345678\r\n", Culprit::OtherProtocol, "Redis"),
            (b"Content-Length: 8\r\n\r\n12345678", Culprit::OtherProtocol, "Content-Length"),
            (b"\x16\x03\x01\0\xf5\x01", Culprit::OtherProtocol, "TLS"),
            (b"SSH-2.0-OpenSSH_9.6\r\n", Culprit::OtherProtocol, "SSH"),
            (b"\x81\x0812345678", Culprit::OtherProtocol, "WebSocket"),
            (b"8:12345678,", Culprit::Framed(Kind::Netstring), "netstring"),
            (b"812345678", Culprit::Framed(Kind::Ack), "decimal"),
            (b"\x10\0\0\0{\"data_size\": 8}12345678", Culprit::Framed(Kind::Json), "JSON header"),
            (b"\x03\0\0\0err\x03\0\0\0out", Culprit::Several, "2 whole messages"),
            (b"hello, world\n", Culprit::Text, "“hell”"),
        ] {
            let all = of(I32_LE, bytes);
            let first = all.first().unwrap_or_else(|| panic!("{bytes:?}: nothing"));
            assert_eq!(first.culprit, culprit, "{bytes:?}: {all:#?}");
            assert!(first.hint().en.contains(says), "{bytes:?}: {}", first.hint().en);
        }
    }

    #[test]
    fn what_does_not_fit_to_the_last_byte_is_not_suspected() {
        for bytes in [&b"\0\x081234567"[..], b"\0\x08123456789", b"\0\0\0\x03ab", b"\x0c\0\0\x001234567", b"\0\0\0\0"] {
            assert_eq!(of(I32_LE, bytes), [], "{bytes:?}");
        }
        let more = Came { start: b"\0\0\0\x03abc", total: 9 };
        assert_eq!(of_stream(Some(I32_LE), &more), []);
        let long = Came { start: b"\0\0\x40\0abc", total: 4 + 0x4000 };
        assert_eq!(of_stream(Some(I32_LE), &long)[0].culprit, Culprit::Turned);
    }

    proptest! {
        #[test]
        fn any_bytes_and_any_number_have_an_answer(bytes in vec(any::<u8>(), 0..80), extra in 0u64..9, n in any::<i128>()) {
            for reader in [None, Some(I32_LE), Some(U32_BE), Some(U16_BE)] {
                of_stream(reader, &Came { start: &bytes, total: bytes.len() as u64 + extra });
            }
            of_number(n);
            of_number(n >> 64);
        }

        #[test]
        fn own_frames_are_above_suspicion(body in vec(any::<u8>(), 1..200)) {
            let frame = I32_LE.frame(&body).expect("short");
            prop_assert_eq!(of(I32_LE, &frame), []);
        }

        #[test]
        fn every_field_is_found_whatever_it_carries(
            bodies in vec(vec(any::<u8>(), 1..200), 1..4),
            field in 0..Field::ALL.len(),
            reader in 0..3usize,
        ) {
            let (field, reader) = (Field::ALL[field], [I32_LE, U32_BE, U16_BE][reader]);
            let own = Field { width: reader.width(), big: reader.is_big() };
            let stream: Vec<u8> = bodies.iter().flat_map(|body| {
                let length = (body.len() as u64).to_be_bytes();
                let mut length = length[8 - field.width..].to_vec();
                if !field.big { length.reverse(); }
                [length, body.clone()].concat()
            }).collect();
            let found = of(reader, &stream);
            let named = found.iter().any(|s| s.what.en.contains(field.python()));
            let own_fits = Came::all(&stream).frames(0, counted(own)).is_some();
            prop_assert!(named || own == field || own_fits, "{field:?} {stream:?} {found:?}");
            // One byte less, and no frame of it is whole.
            let cut = of(reader, &stream[..stream.len() - 1]);
            let still = Came::all(&stream[..stream.len() - 1]).frames(0, counted(field)).is_some();
            prop_assert!(still || !cut.iter().any(|s| s.what.en.contains(field.python())), "{cut:?}");
        }
    }
}
