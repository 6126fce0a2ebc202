//! Packets in words: what a row of the ladder says about one, and about many at once.

use super::token::{Name, Token};
use crate::say;
use crate::text::{Text, grouped};
use crate::trace::packet::{Content, Fate, Flags, Packet, Segment, icmp};
use crate::trace::{Message, MsgId, PacketContext, Purpose, Role, Trace};
use std::ops::Range;

/// The bits that make a segment more than data or an acknowledgement.
const CONTROL: Flags = Flags::SYN.and(Flags::FIN).and(Flags::RST);

/// What matters about a packet.
pub fn label<'a>(trace: &'a Trace, packet: &Packet, context: &PacketContext) -> Vec<Token<'a>> {
    match &packet.content {
        Content::Tcp(segment) => tcp(trace, packet, segment, context),
        Content::Udp => fragment(packet).map_or_else(|| data(trace, packet), |text| vec![text.into()]),
        Content::Icmp { kind, code, .. } => vec![icmp(*kind, *code).into()],
        Content::Other(number) => vec![say!("IP protocol {number}", "IP 协议 {number}").into()],
    }
}

fn tcp<'a>(trace: &'a Trace, packet: &Packet, segment: &Segment, context: &PacketContext) -> Vec<Token<'a>> {
    let mut words = Vec::new();
    if segment.flags.any(CONTROL) {
        words.push(control(segment.flags));
    }
    if packet.is_pure_ack() {
        words.push(match context.purpose {
            Purpose::Probe => Text::new("window probe", "窗口探测"),
            Purpose::WindowUpdate => Text::new("window update", "窗口更新"),
            Purpose::Nothing => acknowledgement(context),
        });
    }
    if segment.sack_blocks > 0 {
        words.push(Text::new("SACK", "SACK"));
    }
    if context.closes_window {
        words.push(Text::new("window 0", "窗口 0"));
    }
    let mut tokens = Vec::new();
    if segment.retransmission {
        tokens.push(Text::new("again ", "重传 ").into());
    }
    if packet.payload_len > 0 {
        tokens.extend(data(trace, packet));
    }
    for (i, word) in words.into_iter().enumerate() {
        if i > 0 || packet.payload_len > 0 {
            tokens.push(Text::new(", ", "，").into());
        }
        tokens.push(word.into());
    }
    tokens
}

/// The bits that say something: that a FIN acknowledges goes without saying.
fn control(flags: Flags) -> Text {
    let beside = if flags.has(Flags::SYN) { CONTROL.and(Flags::ACK) } else { CONTROL };
    Text::same(Flags(flags.0 & beside.0).to_string())
}

fn acknowledgement(context: &PacketContext) -> Text {
    match (context.acknowledged, context.acknowledges_fin) {
        (0, false) => Text::same("ACK"),
        (0, true) => Text::new("ACK of FIN", "对 FIN 的 ACK"),
        (n, false) => Text::new("ACK {}", "ACK {}").with(&length(n)),
        (n, true) => Text::new("ACK {} and FIN", "ACK {}和 FIN").with(&length(n)),
    }
}

fn length(n: u64) -> Text {
    let (unit, n) = (if n == 1 { "byte" } else { "bytes" }, grouped(n));
    say!("{n} {unit}", "{n} 字节")
}

/// A fragment's place counts the UDP header, as IP does.
fn fragment(packet: &Packet) -> Option<Text> {
    let place = packet.fragment?;
    let header = if place.offset == 0 { 8 } else { 0 };
    let (first, last) = (place.offset, place.offset + header + packet.payload_len - 1);
    let ids = names(&packet.messages());
    let gap = if ids.is_empty() { "" } else { " " };
    Some(match place.more {
        true => say!("{ids}{gap}fragment {first}-{last}, more follow", "{ids}{gap}分片 {first}-{last}，后面还有"),
        false => say!("{ids}{gap}fragment {first}-{last}, the last", "{ids}{gap}分片 {first}-{last}，最后一片"),
    })
}

/// `M1 [hello] 5 bytes`, `M3 bytes 0-1459 of 4000`, `M1+M2 9 bytes`, `M2..M10 9 bytes`, `M1[8-9]+M2[0-3]`.
fn data<'a>(trace: &'a Trace, packet: &Packet) -> Vec<Token<'a>> {
    let n = length(packet.payload_len as u64);
    let parts: Vec<(&Message, Range<usize>)> =
        runs(packet).into_iter().filter_map(|(id, range)| Some((trace.message(id)?, range))).collect();
    let whole = |(message, range): &(&Message, Range<usize>)| range.len() == message.len();
    match &parts[..] {
        [] => vec![n.into()],
        [only] if whole(only) => {
            let message = only.0;
            let name = Some(Name::of(message)).filter(|name| !name.is_empty());
            let named = name.into_iter().flat_map(|name| [" [".into(), Token::Name(name), "]".into()]);
            [Token::Message(message.id)].into_iter().chain(named).chain([" ".into(), n.into()]).collect()
        }
        [(message, range)] => {
            let (first, last, all) = (range.start, range.end.saturating_sub(1), message.len());
            vec![
                Token::Message(message.id),
                say!(" bytes {first}-{last} of {all}", " 字节 {first}-{last}/{all}").into(),
            ]
        }
        several => {
            let named = |part: &(&Message, Range<usize>)| match whole(part) {
                true => part.0.id.to_string(),
                false => format!("{}[{}-{}]", part.0.id, part.1.start, part.1.end.saturating_sub(1)),
            };
            let names = shortened(several.iter().map(named).collect());
            // Of two parts the places say how much it is.
            match several.len() == 2 && !several.iter().any(whole) {
                true => vec![names.into()],
                false => vec![names.into(), " ".into(), n.into()],
            }
        }
    }
}

/// The packet's bytes by message, header and body together.
fn runs(packet: &Packet) -> Vec<(MsgId, Range<usize>)> {
    let mut runs: Vec<(MsgId, Range<usize>)> = Vec::new();
    for span in &packet.spans {
        match runs.last_mut() {
            Some((msg, range)) if *msg == span.msg && range.end == span.offset => range.end += span.len,
            _ => runs.push((span.msg, span.offset..span.offset + span.len)),
        }
    }
    runs
}

fn names(ids: &[MsgId]) -> String {
    shortened(ids.iter().map(ToString::to_string).collect())
}

/// Up to three joined; of more the first and the last.
fn shortened(names: Vec<String>) -> String {
    match &names[..] {
        [first, _, _, .., last] => format!("{first}..{last}"),
        few => few.join("+"),
    }
}

/// Carried as always, carrying what it always carries: nothing to stop at.
pub fn is_ordinary(packet: &Packet, context: &PacketContext) -> bool {
    let carried = packet.fate == Fate::Delivered && !packet.arrivals.is_empty();
    let usual = match &packet.content {
        Content::Tcp(s) => {
            !(s.flags.any(CONTROL) || s.retransmission || s.sack_blocks > 0 || context.closes_window)
                && context.purpose == Purpose::Nothing
        }
        Content::Udp => true,
        Content::Icmp { .. } | Content::Other(_) => false,
    };
    carried && usual
}

/// `.. 38 data packets -> and 19 ACKs <- more`.
pub fn more<'a>(packets: &[&Packet]) -> Vec<Token<'a>> {
    let mut tokens = vec![Text::new(".. ", ".. 另有 ").into()];
    for (from, data) in [(Role::Client, true), (Role::Client, false), (Role::Server, true), (Role::Server, false)] {
        let n = packets.iter().filter(|p| p.from == from && p.is_data() == data).count();
        let plural = if n == 1 { "" } else { "s" };
        let counted = match data {
            _ if n == 0 => continue,
            true => say!("{n} data packet{plural} ", "{n} 个数据分组 "),
            false => say!("{n} ACK{plural} ", "{n} 个 ACK "),
        };
        if tokens.len() > 1 {
            tokens.push(Text::new(" and ", "、").into());
        }
        tokens.extend([counted.into(), Token::Arrow(from)]);
    }
    tokens.push(Text::new(" more", "").into());
    tokens
}

/// Several, apart by `between`.
pub fn listed(texts: &[Text], between: &Text) -> Text {
    let all = |side: fn(&Text) -> &str| texts.iter().map(side).collect::<Vec<_>>().join(side(between));
    Text::made(all(|t| &t.en), all(|t| &t.zh))
}
