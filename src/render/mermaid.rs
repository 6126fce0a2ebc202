//! The run as a Mermaid sequence diagram, to paste into Markdown.

use super::{Report, Style, ladder};
use crate::trace::{Call, Event, Role, Trace};
use std::io::{self, Write};

/// Writes the diagram.
///
/// # Errors
/// What writing says.
pub fn run(out: &mut dyn Write, report: &Report, style: &Style) -> io::Result<()> {
    let trace = &report.outcome.trace;
    let scenario = &report.plan.scenario;
    writeln!(out, "---\ntitle: \"{}: {}\"\n---", scenario.id, quoted(scenario.title.to(style.lang)))?;
    writeln!(out, "sequenceDiagram")?;
    for name in ends(trace) {
        writeln!(out, "    participant {name}")?;
    }
    for row in ladder::rows(report, style) {
        let me = row.event.end;
        let label = quoted(&row.label);
        match (arrow(row.event), peer(trace, row.event)) {
            (Some(arrow), Some(peer)) => writeln!(out, "    {me}{arrow}{peer}: {label}")?,
            _ => writeln!(out, "    Note over {me}: {label}")?,
        }
        if row.detailed {
            let parts = super::bytes::parts(trace, &row.event.spans, style);
            let text = parts.iter().map(|(_, text)| quoted(text)).collect::<Vec<_>>().join(" / ");
            writeln!(out, "    Note over {me}: {text}")?;
        }
    }
    for claim in &report.outcome.findings.claims {
        let mark = if claim.holds { "holds" } else { "fails" };
        writeln!(out, "    %% [{mark}] {}: {}", claim.id, claim.text.to(style.lang))?;
    }
    writeln!(out, "    %% {}", report.outcome.findings.verdict.word())
}

fn ends(trace: &Trace) -> Vec<String> {
    let mut ends: Vec<_> = trace.events.iter().map(|e| e.end).collect();
    ends.sort_by_key(|end| (end.role == Role::Server, end.index));
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

/// The end on the other side: the owner of the socket at the peer's address.
fn peer(trace: &Trace, event: &Event) -> Option<String> {
    let socket = event.sock.and_then(|s| trace.socket(s))?;
    let address = event.peer.or(socket.peer)?;
    let other = trace.sockets.iter().find(|s| s.local == Some(address) && s.end != event.end)?;
    Some(other.end.to_string())
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
