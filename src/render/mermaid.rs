//! The run as a Mermaid sequence diagram, to paste into Markdown.

use super::rows::bytes::pieces;
use super::rows::{EventRow, PacketRow, Row, rows, token};
use super::{Report, Style};
use crate::text::Lang;
use crate::trace::{Call, Event, Trace};
use std::io::{self, Write};

/// Writes the diagram.
///
/// # Errors
/// What writing says.
pub fn run(out: &mut dyn Write, report: &Report, style: &Style) -> io::Result<()> {
    let trace = &report.trace;
    writeln!(
        out,
        "---\ntitle: \"{}: {}\"\n---",
        quoted(&report.head.scenario),
        quoted(report.head.title.to(style.lang))
    )?;
    writeln!(out, "sequenceDiagram")?;
    for name in ends(trace) {
        writeln!(out, "    participant {name}")?;
    }
    for row in rows(report) {
        match row {
            Row::Event(row) => call(out, report, &row, style)?,
            Row::Packet(row) => packet(out, &row, style)?,
            Row::More(tokens) => {
                writeln!(out, "    Note over client,server: {}", quoted(&token::line(&tokens, style, 0)))?;
            }
        }
    }
    for claim in &report.findings.claims {
        let mark = if claim.holds { "holds" } else { "fails" };
        writeln!(out, "    %% [{mark}] {}: {}", claim.id, claim.text.to(style.lang))?;
    }
    writeln!(out, "    %% {}", report.findings.verdict.word())
}

/// Where packets are drawn, they are the arrows, and every call is a note.
fn call(out: &mut dyn Write, report: &Report, row: &EventRow, style: &Style) -> io::Result<()> {
    let trace = &report.trace;
    let me = row.event.end;
    let label = quoted(&token::call(&row.label, style));
    match (arrow(row.event), row.event.far) {
        (Some(arrow), Some(peer)) if !report.shows_packets() => writeln!(out, "    {me}{arrow}{peer}: {label}")?,
        _ => writeln!(out, "    Note over {me}: {label}")?,
    }
    if row.detailed {
        let pieces = pieces(trace, row.event);
        let text =
            pieces.iter().map(|piece| quoted(&token::glance(&piece.tokens, style))).collect::<Vec<_>>().join(" / ");
        writeln!(out, "    Note over {me}: {text}")?;
    }
    Ok(())
}

/// A lost packet ends in a cross.
fn packet(out: &mut dyn Write, row: &PacketRow, style: &Style) -> io::Result<()> {
    let arrow = if row.packet.arrivals.is_empty() { "-x" } else { "->>" };
    let (open, close) = if style.lang == Lang::Zh { ("（", "）") } else { (" (", ")") };
    let remark = row.remark.as_ref().map(|r| format!("{open}{}{close}", r.to(style.lang))).unwrap_or_default();
    writeln!(
        out,
        "    {}{arrow}{}: {}",
        row.from,
        row.to,
        quoted(&format!("{}{remark}", token::packet(&row.label, style)))
    )
}

fn ends(trace: &Trace) -> Vec<String> {
    let mut ends: Vec<_> = trace.events.iter().map(|e| e.end).collect();
    ends.sort_by_key(|end| (end.role, end.index));
    ends.dedup();
    ends.iter().map(ToString::to_string).collect()
}

/// A send is an arrow into the kernel's hands; everything else happens at one end.
fn arrow(event: &Event) -> Option<&'static str> {
    match event.call {
        Call::Send | Call::SendTo if event.ok() => Some("->>"),
        Call::Send | Call::SendTo => Some("-x"),
        Call::Connect => Some("-->>"),
        _ => None,
    }
}

/// Mermaid reads `;` and `#` as its own, and a line is a statement.
fn quoted(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '#' => "#35;".into(),
            ';' => "#59;".into(),
            '"' => "'".into(),
            '\n' => " ".into(),
            other => other.to_string(),
        })
        .collect()
}
