//! What a command writes, and who writes a run's report so: a format is a file in this room and a line in this list.

use super::report::{Report, lines};
use super::{Style, html, mermaid, picture, term};
use std::io::{self, Write};

/// Writes a report, in the language and the width of a style.
type WriteReport = fn(&mut dyn Write, &Report, &Style) -> io::Result<()>;

/// A format's name here, its word on the command line, and what writes a report in it; `None` of one that reports do
/// not have.
macro_rules! formats {
    ($($(#[$what:meta])* $name:ident $word:literal $writer:expr,)*) => {
        /// What a command writes.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Format {
            $($(#[$what])* $name,)*
        }

        impl Format {
            /// Every one.
            pub(crate) const ALL: &[Format] = &[$(Format::$name),*];

            /// Its name on the command line.
            pub(crate) const fn word(self) -> &'static str {
                match self {
                    $(Format::$name => $word,)*
                }
            }

            fn writer(self) -> Option<WriteReport> {
                match self {
                    $(Format::$name => $writer,)*
                }
            }
        }
    };
}

formats! {
    /// For people.
    Text "text" Some(|out, report, style| term::run(out, report, style, &mut ())),
    /// JSON lines.
    Json "json" Some(|out, report, style| lines::run(out, report, style.lang)),
    /// A sequence diagram.
    Mermaid "mermaid" Some(mermaid::run),
    /// A page for a browser.
    Html "html" Some(html::run),
    /// A picture.
    Svg "svg" Some(|out, report, style| picture::poster(out, std::slice::from_ref(report), style)),
    /// What `check` found, for the Test Anything Protocol.
    Tap "tap" None,
    /// The same as JUnit's XML.
    Junit "junit" None,
    /// The same as a ticket.
    Markdown "markdown" None,
}

impl Format {
    /// Those that a run's report is written in.
    pub(crate) fn of_reports() -> impl Iterator<Item = Format> {
        Format::ALL.iter().copied().filter(|format| format.writer().is_some())
    }

    /// Can it be written while a program runs? Others are documents about what is over.
    pub(crate) const fn goes_along(self) -> bool {
        matches!(self, Format::Text | Format::Json)
    }

    /// Do several runs make one document? Otherwise one is written behind the other.
    pub(crate) const fn is_one_document(self) -> bool {
        matches!(self, Format::Html | Format::Svg)
    }

    /// Writes several runs as the one document that they make.
    ///
    /// # Errors
    /// What writing says.
    pub(crate) fn write_together(self, out: &mut dyn Write, reports: &[Report], style: &Style) -> io::Result<()> {
        match self {
            Format::Html => html::runs(out, reports, style),
            Format::Svg => picture::poster(out, reports, style),
            one_by_one => reports.iter().try_for_each(|report| one_by_one.write(out, report, style)),
        }
    }

    /// Writes a report; in a format that reports do not have, nothing.
    ///
    /// # Errors
    /// What writing says.
    pub(crate) fn write(self, out: &mut dyn Write, report: &Report, style: &Style) -> io::Result<()> {
        self.writer().map_or(Ok(()), |write| write(out, report, style))
    }
}
