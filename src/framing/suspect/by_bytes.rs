//! All that came where a frame was due.

use super::{Culprit, Field, Suspicion, ranked, text_of};
use crate::framing::greeting::greeting;
use crate::framing::json::{self, Json};
use crate::framing::{Framing, Kind, Length, Limits, Look};
use crate::say;
use crate::text::{Text, grouped, hex};

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
    all.extend(json_behind_another(own, came));
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
    let (width, first) = (field.width, grouped(first));
    let place = match skipped {
        0 if width == 1 => Text::new("the first byte is", "第一个字节是"),
        0 => Text::new("{}, the first {} bytes are", "{}，前 {} 个字节是")
            .with_all([&field.order(), &Text::same(width.to_string())]),
        1 => Text::new("one byte later the length is", "晚一个字节读，长度是"),
        _ => say!("{skipped} bytes later the length is", "晚 {skipped} 个字节读，长度是"),
    };
    let follow = match frames {
        1 => say!("{first}, and exactly as many follow", "{first}，后面恰好有这么多字节"),
        _ => {
            say!("{first}, and so on: {frames} messages to the last byte", "{first}，如此共 {frames} 条，到最后一字节")
        }
    };
    let (culprit, weight, what) = mistake(own, skipped, field);
    Suspicion::new(culprit, weight, what, Text::new("{} {}", "{} {}").with_all([&place, &follow]))
}

/// What it is to have this field where `own` was read.
fn mistake(own: Option<Field>, skipped: usize, field: Field) -> (Culprit, u8, Text) {
    let (python, width) = (field.python(), field.width);
    let packs = say!("the peer seems to pack {python}", "对端似乎用 {python} 打包");
    match (own, field.kind()) {
        _ if skipped > 0 => {
            let what = say!(
                "{skipped} bytes that belong to no message stand before it",
                "前面多出 {skipped} 个不属于任何消息的字节"
            );
            (Culprit::Shifted, 70, what)
        }
        (Some(own), _) if own.width == width => (Culprit::Turned, 80, packs),
        (None, Some(kind)) => (Culprit::Framed(kind), 75, packs),
        _ => {
            let what =
                say!("the peer seems to pack {python}, {width} bytes", "对端似乎用 {python} 打包，长度占 {width} 字节");
            (Culprit::Width, if width == 1 { 50 } else { 75 }, what)
        }
    }
}

/// A JSON header of exactly the length that another field announces: how long the body is does not matter then.
fn json_behind_another(own: Option<Field>, came: &Came) -> Option<Suspicion> {
    Field::ALL.into_iter().filter(|field| Some(*field) != own && field.width > 1).find_map(|field| {
        let n = usize::try_from(field.read(came.start)?).ok()?;
        let header = came.start.get(field.width..field.width.checked_add(n)?)?;
        json::parse(header).ok()?;
        let (culprit, weight, what) = mistake(own, 0, field);
        let (width, n) = (Text::same(field.width.to_string()), Text::same(grouped(n)));
        let because = Text::new(
            "{}, the first {} bytes are {}, and a JSON object of exactly that length follows",
            "{}，前 {} 个字节是 {}，后面恰好是这么长的 JSON 对象",
        );
        let because = because.with_all([&field.order(), &width, &n]);
        Some(Suspicion::new(culprit, weight + 5, what, because))
    })
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::framing::{I32_LE, U16_BE, U32_BE};
    use proptest::collection::vec;
    use proptest::prelude::*;

    fn of(reader: Length, bytes: &[u8]) -> Vec<Suspicion> {
        of_stream(Some(reader), &Came::all(bytes))
    }

    #[test]
    fn a_stream_of_another_framing_is_recognised_by_what_came() {
        let zhan: Vec<u8> = [&[4, 0, 0, 0][..], "粘包粘包".as_bytes()].concat();
        for (bytes, culprit, says) in [
            (&b"\0\x0812345678"[..], Culprit::Width, "in network order, the first 2 bytes are 8, and exactly as many"),
            (b"\0\0\0\x03abc", Culprit::Turned, "pack '>i'"),
            (b"\x0c\0\0\x0012345678", Culprit::CountsItself, "12 are announced and 8 follow: 4 fewer"),
            (&zhan, Culprit::Characters, "4 are announced and 12 bytes came; as UTF-8 they are 4 characters"),
            (b"\x08\0\0\0\0\0\0\x0012345678", Culprit::Width, "pack '<q', 8 bytes"),
            (b"\xff\x08\0\0\x0012345678", Culprit::Shifted, "one byte later the length is 8"),
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
            (b"\0\0\0\x16{\"cmd\": \"put\", \"n\": 1}...", Culprit::Turned, "JSON object of exactly that length"),
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
        fn any_bytes_have_an_answer(bytes in vec(any::<u8>(), 0..80), extra in 0u64..9) {
            for reader in [None, Some(I32_LE), Some(U32_BE), Some(U16_BE)] {
                of_stream(reader, &Came { start: &bytes, total: bytes.len() as u64 + extra });
            }
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
