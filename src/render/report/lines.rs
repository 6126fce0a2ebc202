//! A report as JSON lines, for programs: keys in English in every language. docs/trace-format.md describes the lines,
//! docs/trace.schema.json checks them, and [`Reader`](super::Reader) reads them back.
//!
//! What a learner reads stands in a line twice: in the language that was asked for under its own name, and in both
//! under the name with `_both` behind it.

use super::{Failed, Head, Report};
use crate::claims::{Claim, Table, Verdict};
use crate::text::{Lang, Text, json_line};
use crate::trace::packet::{Cause, Content, Fate, Flags, Fragment, Packet, Segment};
use crate::trace::summary::Summary;
use crate::trace::word::hex;
use crate::trace::{Act, Event, Message, Opening, PacketContext, Role, SocketInfo, Span};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddrV4};

/// The version of the line format.
pub(super) const SCHEMA: u32 = 1;

/// Writes every line of a run.
///
/// # Errors
/// What writing says.
pub fn run(out: &mut dyn Write, report: &Report, lang: Lang) -> io::Result<()> {
    let clock = report.has_clock();
    line(out, &Line::Header(Box::new(HeaderLine::of(report))))?;
    report.trace.messages.iter().try_for_each(|m| message(out, m, lang))?;
    report.trace.sockets.iter().try_for_each(|socket| line(out, &Line::Socket(socket)))?;
    report.trace.openings.iter().try_for_each(|gate| line(out, &Line::Gate(gate)))?;
    let mut packets = report.trace.packets.iter().peekable();
    for one in &report.trace.events {
        while let Some(packet) = packets.next_if(|p| p.seq < one.seq) {
            line(out, &Line::Packet(PacketLine::of(packet, clock)))?;
        }
        event(out, one, clock, lang)?;
    }
    packets.try_for_each(|packet| line(out, &Line::Packet(PacketLine::of(packet, clock))))?;
    report.findings.table.iter().try_for_each(|table| line(out, &Line::Table(table)))?;
    report.findings.claims.iter().try_for_each(|claim| line(out, &Line::Claim(ClaimLine::of(claim, lang))))?;
    summary(out, report, lang)
}

/// A line to be written.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Line<'a> {
    Header(Box<HeaderLine<'a>>),
    Socket(&'a SocketInfo),
    Gate(&'a Opening),
    Message(MessageLine<'a, &'a Message>),
    Event(EventLine<'a, &'a Event>),
    Packet(PacketLine<'a>),
    Table(&'a Table),
    Claim(ClaimLine<'a>),
    Summary(SummaryLine<'a>),
}

fn line(out: &mut dyn Write, line: &Line) -> io::Result<()> {
    out.write_all(json_line(line)?.as_bytes())?;
    out.write_all(b"\n")
}

/// One message. The bytes of one that was too long for a live trace to keep are null.
///
/// # Errors
/// What writing says.
pub fn message(out: &mut dyn Write, message: &Message, lang: Lang) -> io::Result<()> {
    let bytes = (message.len() == message.bytes.len()).then(|| Hex(Cow::Borrowed(&*message.bytes)));
    let label = message.label.as_ref().map(|label| Cow::Borrowed(label.to(lang)));
    line(out, &Line::Message(MessageLine { bytes, len: message.len(), label, message }))
}

/// One call; without a clock its times are null.
///
/// # Errors
/// What writing says.
pub fn event(out: &mut dyn Write, event: &Event, clock: bool, lang: Lang) -> io::Result<()> {
    let [t_us, end_us] = [event.t_us, event.end_us].map(|us| clock.then_some(us));
    let note = event.note.as_ref().map(|note| Cow::Borrowed(note.to(lang)));
    line(out, &Line::Event(EventLine { t_us, end_us, note, event }))
}

/// The last line of a run, which `--repeat` prints once a run.
///
/// # Errors
/// What writing says.
pub fn summary(out: &mut dyn Write, report: &Report, lang: Lang) -> io::Result<()> {
    line(out, &Line::Summary(SummaryLine::of(report, lang)))
}

#[derive(Serialize, Deserialize)]
pub(super) struct HeaderLine<'a> {
    schema: u32,
    defaults_changed: Vec<Cow<'a, str>>,
    control: bool,
    #[serde(flatten)]
    pub(super) head: Cow<'a, Head>,
    pub(super) roles: Cow<'a, [Role]>,
    pub(super) unrecorded: u64,
    #[serde(default, skip_serializing_if = "<[Act]>::is_empty")]
    pub(super) acts: Cow<'a, [Act]>,
    #[serde(default, skip_serializing_if = "<[Text]>::is_empty")]
    pub(super) restarts: Cow<'a, [Text]>,
}

impl HeaderLine<'_> {
    fn of(report: &Report) -> HeaderLine<'_> {
        let (head, trace) = (&report.head, &report.trace);
        HeaderLine {
            schema: SCHEMA,
            defaults_changed: head.changed().map(Cow::Borrowed).collect(),
            control: head.control.is_some(),
            head: Cow::Borrowed(head),
            roles: Cow::Borrowed(&trace.roles),
            unrecorded: trace.unrecorded,
            acts: Cow::Borrowed(&trace.acts),
            restarts: Cow::Borrowed(&trace.restarts),
        }
    }
}

/// Bytes in hex.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct Hex<'a>(#[serde(with = "hex")] Cow<'a, [u8]>);

#[derive(Serialize, Deserialize)]
pub(super) struct MessageLine<'a, M> {
    bytes: Option<Hex<'a>>,
    len: usize,
    #[serde(skip_deserializing)]
    label: Option<Cow<'a, str>>,
    #[serde(flatten)]
    message: M,
}

impl MessageLine<'_, Message> {
    /// The message, if its bytes are here and as many as it says.
    pub(super) fn message(self) -> Option<Message> {
        let bytes = self.bytes?.0;
        (bytes.len() == self.len).then(|| Message { bytes: bytes.as_ref().into(), ..self.message })
    }
}

#[derive(Serialize, Deserialize)]
pub(super) struct EventLine<'a, E> {
    t_us: Option<u64>,
    end_us: Option<u64>,
    #[serde(skip_deserializing)]
    note: Option<Cow<'a, str>>,
    #[serde(flatten)]
    event: E,
}

impl EventLine<'_, Event> {
    /// The call, if it has its times when there is a clock, and none when there is not.
    pub(super) fn event(self, clock: bool) -> Option<Event> {
        let [t_us, end_us] = [told(self.t_us, clock)?, told(self.end_us, clock)?];
        Some(Event { t_us, end_us, ..self.event })
    }
}

/// What only a report with a clock tells.
fn told<T: Default>(value: Option<T>, clock: bool) -> Option<T> {
    (value.is_some() == clock).then(|| value.unwrap_or_default())
}

/// What is null in a steady report is what the kernel or the clock chose.
#[derive(Serialize, Deserialize)]
pub(super) struct PacketLine<'a> {
    seq: usize,
    from: Role,
    t_us: Option<u64>,
    arrive_us: Option<u64>,
    arrivals: Option<Cow<'a, [u64]>>,
    copies_arrived: usize,
    fate: Cow<'a, str>,
    cause: Option<Cause>,
    source: Option<SocketAddrV4>,
    destination: Option<SocketAddrV4>,
    proto: String,
    flags: Option<Flags>,
    tcp_seq: Option<u64>,
    tcp_ack: Option<u64>,
    window: Option<u64>,
    mss: Option<u16>,
    sack_blocks: Option<u8>,
    retransmission: bool,
    ip_id: Option<u16>,
    fragment: Option<Fragment>,
    icmp: Option<Icmp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    about: Option<(SocketAddrV4, SocketAddrV4)>,
    len: usize,
    payload_len: usize,
    spans: Cow<'a, [Span]>,
    context: Option<PacketContext>,
}

/// An ICMP message's type and code.
#[derive(Serialize, Deserialize)]
struct Icmp {
    kind: u8,
    code: u8,
}

impl PacketLine<'_> {
    fn of(packet: &Packet, clock: bool) -> PacketLine<'_> {
        let segment = packet.segment();
        let (icmp, about) = match packet.content {
            Content::Icmp { kind, code, about } => (Some(Icmp { kind, code }), about),
            _ => (None, None),
        };
        PacketLine {
            seq: packet.seq,
            from: packet.from,
            t_us: clock.then_some(packet.t_us),
            arrive_us: packet.arrivals.first().copied().filter(|_| clock),
            arrivals: clock.then_some(Cow::Borrowed(&packet.arrivals)),
            copies_arrived: packet.arrivals.len(),
            fate: packet.fate.word().into(),
            cause: if let Fate::Dropped(cause) = packet.fate { Some(cause) } else { None },
            source: clock.then_some(packet.source),
            destination: clock.then_some(packet.destination),
            proto: packet.protocol(),
            flags: segment.map(|s| s.flags),
            tcp_seq: segment.map(|s| s.seq),
            tcp_ack: segment.map(|s| s.ack),
            window: segment.map(|s| s.window).filter(|_| clock),
            mss: segment.and_then(|s| s.mss),
            sack_blocks: segment.map(|s| s.sack_blocks),
            retransmission: segment.is_some_and(|s| s.retransmission),
            ip_id: clock.then_some(packet.ip_id),
            fragment: packet.fragment,
            icmp,
            about,
            len: packet.len,
            payload_len: packet.payload_len,
            spans: Cow::Borrowed(&packet.spans),
            context: packet.context,
        }
    }

    /// The packet, if the line has what its protocol and the clock need, and nothing else.
    pub(super) fn packet(self, clock: bool) -> Option<Packet> {
        let content = self.content(clock)?;
        let arrivals = match self.arrivals {
            Some(arrivals) if clock => arrivals.into_owned(),
            None if !clock && self.copies_arrived <= MOST_COPIES => vec![0; self.copies_arrived],
            _ => return None,
        };
        let nowhere = SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0);
        let address = |address: Option<SocketAddrV4>| (address.is_some() == clock).then(|| address.unwrap_or(nowhere));
        Some(Packet {
            seq: self.seq,
            from: self.from,
            t_us: told(self.t_us, clock)?,
            fate: fate(&self.fate, self.cause)?,
            source: address(self.source)?,
            destination: address(self.destination)?,
            ip_id: told(self.ip_id, clock)?,
            fragment: self.fragment,
            payload_len: self.payload_len,
            spans: self.spans.into_owned(),
            len: self.len,
            bytes: [].into(),
            context: self.context,
            content,
            arrivals,
        })
    }

    fn content(&self, clock: bool) -> Option<Content> {
        match self.proto.as_str() {
            "tcp" => Some(Content::Tcp(Segment {
                flags: self.flags?,
                seq: self.tcp_seq?,
                ack: self.tcp_ack?,
                window: told(self.window, clock)?,
                mss: self.mss,
                sack_blocks: self.sack_blocks?,
                retransmission: self.retransmission,
            })),
            "udp" => Some(Content::Udp),
            "icmp" => self.icmp.as_ref().map(|i| Content::Icmp { kind: i.kind, code: i.code, about: self.about }),
            number => number.parse().ok().map(Content::Other),
        }
    }
}

/// More copies of a packet than this no link makes.
const MOST_COPIES: usize = 100;

fn fate(word: &str, cause: Option<Cause>) -> Option<Fate> {
    let fates = [Some(Fate::Delivered), cause.map(Fate::Dropped), Some(Fate::Duplicated), Some(Fate::Reordered)];
    fates.into_iter().flatten().find(|fate| fate.word() == word)
}

#[derive(Serialize)]
struct ClaimLine<'a> {
    text: &'a str,
    expected: &'a str,
    actual: &'a str,
    #[serde(flatten)]
    claim: &'a Claim,
}

impl ClaimLine<'_> {
    fn of(claim: &Claim, lang: Lang) -> ClaimLine<'_> {
        let [text, expected, actual] =
            [&claim.text, &claim.expected.exact, &claim.actual.exact].map(|text| text.to(lang));
        ClaimLine { text, expected, actual, claim }
    }
}

#[derive(Serialize, Deserialize)]
pub(super) struct SummaryLine<'a> {
    scenario: Cow<'a, str>,
    verdict: Cow<'a, str>,
    #[serde(skip_deserializing)]
    reason: Option<Cow<'a, str>>,
    #[serde(skip_deserializing)]
    error: Option<String>,
    #[serde(flatten)]
    pub(super) summary: Cow<'a, Summary>,
    took_us: Option<u64>,
    reason_both: Option<Cow<'a, Text>>,
    pub(super) failure: Option<Cow<'a, Failed>>,
    pub(super) unjudged: Cow<'a, [Text]>,
    pub(super) limits: Cow<'a, [Text]>,
}

impl SummaryLine<'_> {
    fn of(report: &Report, lang: Lang) -> SummaryLine<'_> {
        let findings = &report.findings;
        let reason = if let Verdict::NotPossibleHere(reason) = &findings.verdict { Some(reason) } else { None };
        SummaryLine {
            scenario: Cow::Borrowed(&report.head.scenario),
            verdict: findings.verdict.word().into(),
            reason: reason.map(|reason| reason.to(lang).into()),
            error: report.failure.as_ref().map(|failed| failed.sentence().to(lang).to_owned()),
            summary: Cow::Borrowed(&report.summary),
            took_us: report.has_clock().then_some(report.took_us),
            reason_both: reason.map(Cow::Borrowed),
            failure: report.failure.as_ref().map(Cow::Borrowed),
            unjudged: Cow::Borrowed(&findings.unjudged),
            limits: Cow::Borrowed(&findings.limits),
        }
    }

    /// How long the ends took, if that is told just when there is a clock.
    pub(super) fn took_us(&self, clock: bool) -> Option<u64> {
        told(self.took_us, clock)
    }

    /// The verdict, if there is one of that name, with a reason just when it needs one.
    pub(super) fn verdict(&self) -> Option<Verdict> {
        let impossible = self.reason_both.as_deref().cloned().map(Verdict::NotPossibleHere);
        let verdicts = impossible
            .map_or(vec![Verdict::Reproduced, Verdict::NotReproduced, Verdict::Observed], |verdict| vec![verdict]);
        verdicts.into_iter().find(|verdict| verdict.word() == self.verdict)
    }
}
