//! A picture that stands alone: one SVG document with the tapes and the ladder, which needs nothing else, and follows
//! the reader's system in light and dark.

use super::STYLE;
use super::inks::{message_rules, patterns, picture_colors, sheet};
use super::rung::Spacing;
use super::rungs::ladder;
use super::speech::Speech;
use super::strip::{self, Drawn, px};
use crate::render::tapes::streams;
use crate::render::{Report, Style};
use crate::text::Text;
use maud::{Markup, html};
use std::io::{self, Write};

/// How wide it is, and its margin.
const WIDE: f64 = 1164.0;
const MARGIN: f64 = 20.0;
/// Streams whose tapes are drawn.
const STREAMS: usize = 4;
/// Above a stream's tapes, and between two parts.
const HEAD: f64 = 24.0;
const APART: f64 = 30.0;

/// Writes one picture of these runs, one below the other.
///
/// # Errors
/// What writing says.
pub fn poster(out: &mut dyn Write, reports: &[Report], style: &Style) -> io::Result<()> {
    let mut parts = Parts { speech: Speech::Only(style.lang), y: MARGIN, drawn: Vec::new() };
    reports.iter().for_each(|report| parts.run(report));
    let css = [&picture_colors(), &message_rules(), STYLE, ".question{font:600 19px system-ui,sans-serif}\n"].concat();
    let high = px(parts.y - APART + MARGIN);
    let picture = html! {
        svg xmlns="http://www.w3.org/2000/svg" width=(px(WIDE)) height=(high) viewBox={ "0 0 " (px(WIDE)) " " (high) } role="img" {
            title { (reports.first().map(|report| report.head.title.to(style.lang)).unwrap_or_default()) }
            (sheet(&css))
            (patterns())
            rect fill="var(--paper)" width="100%" height="100%" {}
            @for part in &parts.drawn { (part) }
        }
    };
    writeln!(out, "{}", picture.into_string())
}

/// What is drawn so far, and where the next part goes.
struct Parts {
    speech: Speech,
    y: f64,
    drawn: Vec<Markup>,
}

impl Parts {
    fn run(&mut self, report: &Report) {
        let question = if report.head.question.en.is_empty() { &report.head.title } else { &report.head.question };
        self.text("question", question);
        let streams = streams(report);
        for stream in streams.iter().take(STREAMS) {
            self.text("title", &stream.name(&report.trace));
            self.part(&strip::drawn(stream, &report.trace, self.speech, WIDE - 2.0 * MARGIN));
        }
        ladder(report, &streams, self.speech, Spacing::Rows, None).iter().for_each(|drawn| self.part(drawn));
    }

    fn text(&mut self, class: &str, text: &Text) {
        let y = px(self.y + HEAD * 0.6);
        self.drawn.push(html! { text class=(class) x=(px(MARGIN)) y=(y) { (self.speech.svg(text)) } });
        self.y += HEAD + if class == "question" { 8.0 } else { 0.0 };
    }

    fn part(&mut self, drawn: &Drawn) {
        self.drawn.push(html! { g transform={ "translate(" (px(MARGIN)) " " (px(self.y)) ")" } { (drawn.markup) } });
        self.y += drawn.high + APART;
    }
}
