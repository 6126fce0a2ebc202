//! A number that was read as a length, as a log shows it.

use super::{Culprit, Field, Suspicion, ranked, text_of};
use crate::framing::Kind;
use crate::framing::greeting::greeting;
use crate::say;
use crate::text::{Text, grouped, hex};

/// The bytes of a number that was read as a length, in the order of one field.
#[derive(Clone, Debug)]
struct WrongLength {
    field: Field,
    bytes: Vec<u8>,
}

/// Every field that could have read this number, with its bytes; a negative one was read with a sign.
fn readings(number: i128) -> Vec<WrongLength> {
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
        WrongLength { field: Field { width, big }, bytes }
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

fn in_order(read: &WrongLength) -> Text {
    let bytes = hex::spaced(&read.bytes);
    Text::new("{} its bytes are {}", "{}，它的字节是 {}").with_all([&read.field.order(), &Text::same(bytes)])
}

fn as_greeting(read: &WrongLength, added: i128) -> Option<Suspicion> {
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
fn as_text(readings: &[WrongLength], added: i128) -> Option<Suspicion> {
    let texts: Vec<(String, &WrongLength)> =
        readings.iter().filter_map(|read| Some((text_of(&read.bytes)?, read))).collect();
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

fn as_turned(read: &WrongLength, number: i128) -> Option<Suspicion> {
    let Field { width, big } = read.field;
    let other = Field { width, big: !big };
    let turned = other.read(&read.bytes).filter(|n| (1..=USUAL).contains(n) && i128::from(*n) < number)?;
    let from = read.field.order();
    let turned = grouped(turned);
    Some(Suspicion::new(
        Culprit::Turned,
        match number % (1 << 20) {
            _ if width == 2 => 25,
            // A round number of MiB is a limit that people set.
            0 if other.read(&read.bytes).is_some_and(|n| n > 255) => 30,
            _ => 60,
        },
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
fn as_narrow(read: &WrongLength) -> Option<Suspicion> {
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
fn as_early(read: &WrongLength, number: i128) -> Option<Suspicion> {
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
    let readings: Vec<WrongLength> =
        readings(less).into_iter().filter(|read| read.bytes.len() as i128 == added).collect();
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

    proptest! {
        #[test]
        fn any_number_has_an_answer(n in any::<i128>()) {
            of_number(n);
            of_number(n >> 64);
        }
    }
}
