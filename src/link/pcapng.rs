//! The capture as a pcapng file, for Wireshark and tshark.
//!
//! Format: draft-ietf-opsawg-pcapng. Everything is padded to 32 bits and little-endian.
//!
//! Each packet stands once, where and when it left its host; a comment says when it arrived. Wireshark follows
//! a connection by its addresses, not by interface: an arrival of its own it would call a retransmission.

use crate::trace::packet::{Cause, Fate, Packet};
use crate::trace::{Message, Part, Role, Span, Trace};
use std::io::{self, BufWriter, Write};
use std::time::{Duration, SystemTime};

/// The types of the blocks.
mod block {
    pub const SECTION_HEADER: u32 = 0x0A0D_0D0A;
    pub const INTERFACE: u32 = 1;
    pub const PACKET: u32 = 6;
}

/// The options' numbers; but for the first two each belongs to one type of block.
mod option {
    pub const END: u16 = 0;
    pub const COMMENT: u16 = 1;
    pub const APPLICATION: u16 = 4;
    pub const NAME: u16 = 2;
    pub const DESCRIPTION: u16 = 3;
    pub const RESOLUTION: u16 = 9;
    pub const FLAGS: u16 = 2;
}

/// Packets begin with the IP header.
const LINKTYPE_RAW: u16 = 101;
/// Of the file's clock, 10^-9 s.
const NANOSECONDS: u8 = 9;
/// The packet left (epb_flags).
const OUTBOUND: u32 = 2;
/// More pieces of messages than this are counted, not named: an option holds 65,535 bytes.
const NAMED: usize = 32;
/// A message's text is shown up to this many bytes.
const SHOWN: usize = 24;

/// Writes every packet of a trace as it left, on its host's interface, in the order of time. Comments say
/// what became of it, when it arrived and which messages it carries. `began` is the moment from which the
/// trace's microseconds count, `link` the specification's text.
///
/// # Errors
/// Those of the writer.
pub fn write(trace: &Trace, began: SystemTime, link: &str, out: &mut dyn Write) -> io::Result<()> {
    let mut out = BufWriter::new(out);
    section_header(trace).write(block::SECTION_HEADER, &mut out)?;
    for role in [Role::Client, Role::Server] {
        interface(role, link).write(block::INTERFACE, &mut out)?;
    }
    let began = began.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let mut packets: Vec<&Packet> = trace.packets.iter().collect();
    packets.sort_by_key(|packet| packet.t_us);
    for one in packets {
        packet(one, trace, began).write(block::PACKET, &mut out)?;
    }
    out.flush()
}

fn section_header(trace: &Trace) -> Body {
    let mut body = Body::default();
    body.u32(0x1A2B_3C4D).u16(1).u16(0).u64(u64::MAX); // byte order, version 1.0, length not given
    body.text(option::APPLICATION, concat!("stickdemo ", env!("CARGO_PKG_VERSION")));
    match trace.unrecorded {
        0 => {}
        1 => body.text(option::COMMENT, "1 more packet crossed the link after the recording was full"),
        n => body.text(option::COMMENT, &format!("{n} more packets crossed the link after the recording was full")),
    }
    body
}

fn interface(role: Role, link: &str) -> Body {
    let mut body = Body::default();
    body.u16(LINKTYPE_RAW).u16(0).u32(0); // reserved; no limit to what is captured of a packet
    body.text(option::NAME, role.word());
    body.text(option::DESCRIPTION, &format!("the {}'s end of the link {link}", role.word()));
    body.option(option::RESOLUTION, &[NANOSECONDS]);
    body
}

fn packet(packet: &Packet, trace: &Trace, began: Duration) -> Body {
    let interface = match packet.from {
        Role::Client => 0,
        Role::Relay | Role::Server => 1,
    };
    let time = (began + Duration::from_micros(packet.t_us)).as_nanos() as u64;
    let length = packet.bytes.len() as u32;
    let mut body = Body::default();
    body.u32(interface).u32((time >> 32) as u32).u32(time as u32);
    body.u32(length).u32(length).padded(&packet.bytes);
    body.text(option::COMMENT, &comment(packet, trace));
    body.option(option::FLAGS, &OUTBOUND.to_le_bytes());
    body
}

fn comment(packet: &Packet, trace: &Trace) -> String {
    let mut parts: Vec<String> = fate(packet.fate).map(str::to_owned).into_iter().collect();
    if packet.segment().is_some_and(|segment| segment.retransmission) {
        parts.push("retransmission".to_owned());
    }
    parts.extend(arrival(packet));
    if !packet.spans.is_empty() {
        parts.push(messages(trace, &packet.spans));
    }
    parts.join("; ")
}

/// What the link did, when it did something.
fn fate(fate: Fate) -> Option<&'static str> {
    match fate {
        // Of what arrived twice the arrivals say it.
        Fate::Delivered | Fate::Duplicated => None,
        Fate::Dropped(Cause::Asked) => Some("dropped by the link (asked)"),
        Fate::Dropped(Cause::QueueFull) => Some("dropped: the queue was full"),
        Fate::Reordered => Some("held back"),
    }
}

/// How long it was under way, unless it was dropped.
fn arrival(packet: &Packet) -> Option<String> {
    let after = |t_us: &u64| format!("{:.2}", t_us.saturating_sub(packet.t_us) as f64 / 1000.0);
    match &packet.arrivals[..] {
        [] if packet.dropped() => None,
        [] => Some("still under way when the run ended".to_owned()),
        [once] => Some(format!("arrived after {} ms", after(once))),
        [first, .., last] => Some(format!("arrived twice, after {} and {} ms", after(first), after(last))),
    }
}

/// `M1 [hello] bytes 0-4, M2 header bytes 0-3 of 4004, M2 bytes 4-1459 of 4004`.
fn messages(trace: &Trace, spans: &[Span]) -> String {
    let named = spans.iter().take(NAMED).filter_map(|span| Some(piece(trace.message(span.msg)?, span)));
    let mut list: Vec<String> = named.collect();
    if spans.len() > NAMED {
        list.push(format!("and {} more", spans.len() - NAMED));
    }
    list.join(", ")
}

fn piece(message: &Message, span: &Span) -> String {
    let what = match span.part {
        Part::Header => " header".to_owned(),
        Part::Body => name(message).map_or(String::new(), |name| format!(" [{name}]")),
    };
    let whole = message.bytes.len();
    let of = if span.len < whole { format!(" of {whole}") } else { String::new() };
    match span.len {
        0 => format!("{}{what} (empty)", span.msg),
        1 => format!("{}{what} byte {}{of}", span.msg, span.offset),
        n => format!("{}{what} bytes {}-{}{of}", span.msg, span.offset, span.offset + n - 1),
    }
}

/// A message's label, else its body where that is short and text.
fn name(message: &Message) -> Option<&str> {
    if let Some(label) = &message.label {
        return Some(&label.en);
    }
    let body = Some(message.body()).filter(|body| (1..=SHOWN).contains(&body.len()))?;
    let text = std::str::from_utf8(body).ok()?;
    (!text.contains(|c: char| c.is_control() && !c.is_whitespace())).then_some(text)
}

/// What stands between a block's two lengths.
#[derive(Default)]
struct Body {
    bytes: Vec<u8>,
    options: bool,
}

impl Body {
    fn u16(&mut self, value: u16) -> &mut Body {
        self.bytes.extend(value.to_le_bytes());
        self
    }

    fn u32(&mut self, value: u32) -> &mut Body {
        self.bytes.extend(value.to_le_bytes());
        self
    }

    fn u64(&mut self, value: u64) -> &mut Body {
        self.bytes.extend(value.to_le_bytes());
        self
    }

    fn padded(&mut self, value: &[u8]) {
        self.bytes.extend(value);
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }

    fn option(&mut self, code: u16, value: &[u8]) {
        self.options = true;
        self.u16(code).u16(value.len() as u16).padded(value);
    }

    /// An option that is text, cut between two characters where it is longer than an option may be.
    fn text(&mut self, code: u16, text: &str) {
        let room = usize::from(u16::MAX).min(text.len());
        let end = (0..=room).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        self.option(code, &text.as_bytes()[..end]);
    }

    fn write(mut self, kind: u32, out: &mut impl Write) -> io::Result<()> {
        if self.options {
            self.u16(option::END).u16(0);
        }
        let length = (self.bytes.len() as u32 + 12).to_le_bytes();
        out.write_all(&kind.to_le_bytes())?;
        out.write_all(&length)?;
        out.write_all(&self.bytes)?;
        out.write_all(&length)
    }
}
