//! JSON lines, for programs: the same trace, the same claims, keys in English in every language.
//! docs/trace-format.md describes the lines and docs/trace.schema.json checks them.

use super::{Report, Style};
use crate::claims::Claim;
use crate::net::{Opt, Settings};
use crate::scenarios::{Scenario, Tally};
use crate::sys::kernel;
use crate::trace::packet::{Content, Fate, Packet};
use crate::trace::summary::{Summary, Where};
use crate::trace::{Event, Message, Span};
use serde_json::{Map, Value, json};
use std::io::{self, Write};
use std::time::Duration;

/// The version of the line format.
const SCHEMA: u32 = 1;

/// Writes every line of a run.
///
/// # Errors
/// What writing says.
pub fn run(out: &mut dyn Write, report: &Report, style: &Style) -> io::Result<()> {
    let outcome = report.outcome;
    writeln!(out, "{}", header(report))?;
    for message in &outcome.trace.messages {
        writeln!(out, "{}", message_line(message, message.bytes.len(), style))?;
    }
    let mut packets = outcome.trace.packets.iter().peekable();
    for event in &outcome.trace.events {
        while let Some(packet) = packets.next_if(|p| p.seq < event.seq) {
            writeln!(out, "{}", packet_line(packet, style))?;
        }
        writeln!(out, "{}", event_line(event, style))?;
    }
    for packet in packets {
        writeln!(out, "{}", packet_line(packet, style))?;
    }
    for claim in &outcome.findings.claims {
        writeln!(out, "{}", claim_line(claim, style))?;
    }
    writeln!(out, "{}", summary_line(report, style))
}

fn header(report: &Report) -> Value {
    let scenario = report.scenario;
    json!({
        "type": "header",
        "schema": SCHEMA,
        "scenario": scenario.id,
        "version": env!("CARGO_PKG_VERSION"),
        "options": options(&report.plan.settings),
        "defaults_changed": report.changed().iter().map(|(opt, _)| opt.name()).collect::<Vec<_>>(),
        "control": report.control,
        "link": report.plan.link.as_ref().map(ToString::to_string),
        "system": { "os": kernel::os(), "kernel": kernel::kernel(), "arch": kernel::arch() },
        "seed": report.plan.link.as_ref().and_then(|link| link.seed),
    })
}

/// The options in effect: numbers as numbers, durations in microseconds.
fn options(settings: &Settings) -> Value {
    let mut map = Map::new();
    for opt in Opt::ALL {
        let value = match opt {
            Opt::Nodelay => json!(settings.nodelay),
            Opt::Sndbuf => json!(settings.sndbuf),
            Opt::Rcvbuf => json!(settings.rcvbuf),
            Opt::RecvSize => json!(settings.recv_size),
            Opt::Gap => json!(settings.gap.map(micros)),
            Opt::Race => json!(settings.race),
        };
        map.insert(opt.name().replace('-', "_"), value);
    }
    Value::Object(map)
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let nibbles = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    let digits = nibbles.map(|nibble| char::from(DIGITS[usize::from(nibble)]));
    let mut out = String::with_capacity(bytes.len() * 2);
    out.extend(digits);
    out
}

/// One message of so many bytes. Those of one that was too long for a live trace to keep are null.
pub fn message_line(message: &Message, len: usize, style: &Style) -> Value {
    json!({
        "type": "message",
        "id": message.id.to_string(),
        "from": message.from.to_string(),
        "bytes": (len == message.bytes.len()).then(|| hex(&message.bytes)),
        "len": len,
        "header_len": message.header_len,
        "label": message.label.as_ref().map(|l| l.to(style.lang)),
        "inferred": message.inferred,
    })
}

/// One call.
pub fn event_line(event: &Event, style: &Style) -> Value {
    let time = |us: u64| if style.stable { Value::Null } else { json!(us) };
    let evidence: Map<String, Value> = event.evidence.known().map(|(name, n)| (name.to_owned(), json!(n))).collect();
    json!({
        "type": "event",
        "seq": event.seq,
        "end": event.end.to_string(),
        "call": event.call.word(),
        "socket": event.sock.map(|s| s.0),
        "t_us": time(event.t_us),
        "end_us": time(event.end_us),
        "asked": event.asked,
        "returned": event.returned,
        "error": event.error,
        "bytes": hex(&event.bytes),
        "spans": event.spans.iter().map(span).collect::<Vec<_>>(),
        "truncated": event.truncated,
        "datagram_len": event.datagram_len,
        "peer": event.peer.filter(|_| !style.stable).map(|p| p.to_string()),
        "evidence": if style.stable { Map::new() } else { evidence },
        "note": event.note.as_ref().map(|n| n.to(style.lang)),
    })
}

/// Stable lines have none of what the kernel or the clock chooses: times, addresses, identification, window.
fn packet_line(packet: &Packet, style: &Style) -> Value {
    let chosen = |value: Value| if style.stable { Value::Null } else { value };
    let segment = packet.segment();
    let cause = if let Fate::Dropped(cause) = packet.fate { Some(cause.word()) } else { None };
    let icmp = if let Content::Icmp { kind, code, .. } = packet.content { Some((kind, code)) } else { None };
    json!({
        "type": "packet",
        "seq": packet.seq,
        "from": packet.from.word(),
        "t_us": chosen(json!(packet.t_us)),
        "arrive_us": chosen(json!(packet.arrivals.first())),
        "arrivals": chosen(json!(packet.arrivals)),
        "fate": packet.fate.word(),
        "cause": cause,
        "source": chosen(json!(packet.source.to_string())),
        "destination": chosen(json!(packet.destination.to_string())),
        "proto": packet.protocol(),
        "flags": segment.map(|s| s.flags.to_string()),
        "tcp_seq": segment.map(|s| s.seq),
        "tcp_ack": segment.map(|s| s.ack),
        "window": chosen(json!(segment.map(|s| s.window))),
        "mss": segment.and_then(|s| s.mss),
        "sack_blocks": segment.map(|s| s.sack_blocks),
        "retransmission": segment.is_some_and(|s| s.retransmission),
        "ip_id": chosen(json!(packet.ip_id)),
        "fragment": packet.fragment.map(|f| json!({ "offset": f.offset, "more": f.more })),
        "icmp": icmp.map(|(kind, code)| json!({ "kind": kind, "code": code })),
        "len": packet.bytes.len(),
        "payload_len": packet.payload_len,
        "spans": packet.spans.iter().map(span).collect::<Vec<_>>(),
    })
}

fn span(span: &Span) -> Value {
    json!({ "msg": span.msg.to_string(), "offset": span.offset, "len": span.len, "part": span.part.word() })
}

fn claim_line(claim: &Claim, style: &Style) -> Value {
    json!({
        "type": "claim",
        "id": claim.id,
        "text": claim.text.to(style.lang),
        "holds": claim.holds,
        "expected": claim.expected.exact.to(style.lang),
        "actual": claim.actual.exact.to(style.lang),
        "events": claim.events,
    })
}

/// The last line of a run, which `--repeat` prints once a run.
pub fn summary_line(report: &Report, style: &Style) -> Value {
    let summary: &Summary = &report.outcome.summary;
    let reason = match &report.outcome.findings.verdict {
        crate::claims::Verdict::NotPossibleHere(reason) => Some(reason.to(style.lang)),
        _ => None,
    };
    json!({
        "type": "summary",
        "scenario": report.scenario.id,
        "verdict": report.outcome.findings.verdict.word(),
        "reason": reason,
        "error": report.outcome.failure.as_ref().map(|f| format!("{}: {}", f.end, f.text().to(style.lang))),
        "sends": summary.sends,
        "segments": summary.segments,
        "recvs": summary.recvs,
        "bytes_sent": summary.bytes_sent,
        "bytes_received": summary.bytes_received,
        "messages_sent": summary.messages_sent,
        "messages_intact": summary.messages_intact,
        "where": summary.lost_at.map(Where::word),
    })
}

/// The last line of `--repeat`: how often each pattern of receive lengths came out; of a scenario that counts
/// what came through, that too, and the share of its data packets that the link lost.
pub fn distribution(
    runs: usize,
    outcomes: &[(Vec<usize>, usize)],
    tallies: &[Tally],
    loss: f64,
    style: &Style,
) -> Value {
    let outcomes: Vec<Value> =
        outcomes.iter().map(|(pattern, count)| json!({ "pattern": pattern, "count": count })).collect();
    let mut line = json!({ "type": "distribution", "runs": runs, "outcomes": outcomes });
    if !tallies.is_empty() {
        let one =
            |t: &Tally| json!({ "what": t.what.to(style.lang), "came": t.came, "of": t.of, "packets": t.packets });
        line["loss"] = json!(loss);
        line["tally"] = tallies.iter().map(one).collect();
    }
    line
}

/// `list --format json`: one array.
pub fn listing(scenarios: &[Scenario], style: &Style) -> Value {
    let entry = |s: &Scenario| {
        json!({
            "id": s.id,
            "part": s.part.number(),
            "title": s.title.to(style.lang),
            "claim": s.claim.to(style.lang),
            "documents": s.documents,
        })
    };
    Value::Array(scenarios.iter().map(entry).collect())
}
