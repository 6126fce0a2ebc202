//! The formats of a run's report: each one file in render/, and one line here.

use crate::output::Format;
use crate::render::{self, Report, Style};
use std::io::{self, Write};

/// Writes a report.
type WriteReport = fn(&mut dyn Write, &Report, &Style) -> io::Result<()>;

const WRITERS: [(Format, WriteReport); 3] = [
    (Format::Text, |out, report, style| render::terminal(out, report, style, &mut ())),
    (Format::Json, |out, report, style| render::run_json(out, report, style.lang)),
    (Format::Mermaid, render::mermaid),
];

/// Every format that a report is written in.
pub(super) fn all() -> impl Iterator<Item = Format> {
    WRITERS.into_iter().map(|(format, _)| format)
}

/// Writes a report in one of them; in any other, as text.
///
/// # Errors
/// What writing says.
pub(super) fn write(format: Format, out: &mut dyn Write, report: &Report, style: &Style) -> io::Result<()> {
    let (_, writer) = WRITERS.into_iter().find(|(known, _)| *known == format).unwrap_or(WRITERS[0]);
    writer(out, report, style)
}
