//! The picture: one SVG document that needs nothing else, readable on light and on dark, its text text.

use super::{Column, Plot, Series, escaped, number, power_of_ten};
use crate::text::{Lang, Text};
use std::fmt::Write;

const WIDE: f64 = 960.0;
const HIGH: f64 = 600.0;
/// The field that the values lie in.
const LEFT: f64 = 110.0;
const RIGHT: f64 = 760.0;
const TOP: f64 = 90.0;
const BOTTOM: f64 = 470.0;
/// What stands apart has its place left of the axis.
const APART: f64 = 100.0;

/// Colours that stay apart for most colour-blind eyes (Okabe and Ito), darker on light, lighter on dark.
const COLORS: [[&str; 2]; 5] = [
    ["#0062a3", "#56b4e9"],
    ["#a35200", "#e69f00"],
    ["#b8336a", "#ff8fc0"],
    ["#00734f", "#2ec79a"],
    ["#5b4bb3", "#b3a6ff"],
];

/// A plot in one language, as a whole SVG document (SVG 1.1, with CSS's `prefers-color-scheme`).
pub fn svg(plot: &Plot, lang: Lang) -> String {
    let mut picture = Picture { plot, lang, out: String::new() };
    picture.open();
    picture.grid();
    picture.columns();
    for (nth, series) in plot.series.iter().enumerate() {
        picture.series(nth, series);
    }
    picture.names();
    picture.key();
    picture.out += "</svg>\n";
    picture.out
}

struct Picture<'a> {
    plot: &'a Plot,
    lang: Lang,
    out: String,
}

impl Picture<'_> {
    fn say(&self, text: &Text) -> String {
        escaped(text.to(self.lang))
    }

    fn line(&mut self, line: impl AsRef<str>) {
        self.out += line.as_ref();
        self.out.push('\n');
    }

    fn text(&mut self, x: f64, y: f64, how: &str, text: &str) {
        // Writing to a String does not fail.
        let _ = writeln!(self.out, r#"<text x="{x:.0}" y="{y:.0}" {how}>{text}</text>"#);
    }

    fn open(&mut self) {
        let lang = if self.lang == Lang::Zh { "zh-CN" } else { "en" };
        let title = self.say(&self.plot.title);
        self.line(format!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDE} {HIGH}" role="img" xml:lang="{lang}" lang="{lang}">"#
        ));
        self.line(format!("<title>{title}</title>"));
        self.line("<style>");
        self.line(style(0));
        self.line(format!("@media (prefers-color-scheme: dark) {{\n{}\n}}", style(1)));
        self.line("</style>");
        self.line(format!(r#"<rect class="back" width="{WIDE}" height="{HIGH}"/>"#));
        self.text(LEFT, 40.0, r#"class="title""#, &title);
        let unit = self.say(&self.plot.unit);
        self.text(LEFT, 70.0, "", &unit);
    }

    fn y(&self, value: f64) -> f64 {
        BOTTOM - self.plot.height(value) * (BOTTOM - TOP)
    }

    fn grid(&mut self) {
        let (low, high) = self.plot.decades();
        for exponent in low..=high {
            let y = self.y(10f64.powi(exponent));
            self.line(format!(r#"<path class="grid" d="M{LEFT:.0} {y:.1}H{RIGHT:.0}"/>"#));
            self.text(LEFT - 12.0, y + 6.0, r#"text-anchor="end""#, &power_of_ten(exponent));
        }
    }

    /// Where the axis begins.
    fn axis_begins(&self) -> f64 {
        if self.plot.columns.iter().any(|column| column.place.is_none()) { LEFT + APART } else { LEFT }
    }

    /// The ends of the axis, a little beyond the first place and the last.
    fn span(&self) -> (f64, f64) {
        let places = || self.plot.columns.iter().filter_map(|column| column.place);
        let first = places().reduce(f64::min).unwrap_or(1.0);
        let last = places().reduce(f64::max).unwrap_or(1.0);
        (first / 1.6, last * 1.6)
    }

    fn x(&self, place: Option<f64>) -> f64 {
        let Some(place) = place else { return LEFT + APART / 2.0 };
        let (first, last) = self.span();
        let along = (place / first).ln() / (last / first).ln();
        self.axis_begins() + along.clamp(0.0, 1.0) * (RIGHT - self.axis_begins())
    }

    fn columns(&mut self) {
        let begins = self.axis_begins();
        if begins > LEFT {
            self.line(format!(r#"<path class="axis" d="M{begins:.0} {TOP:.0}V{BOTTOM:.0}"/>"#));
        }
        for Column { title, place } in &self.plot.columns {
            let (x, title) = (self.x(*place), self.say(title));
            self.line(format!(r#"<path class="axis" d="M{x:.1} {BOTTOM:.0}v8"/>"#));
            self.text(x, BOTTOM + 28.0, r#"text-anchor="middle""#, &title);
        }
        if self.plot.columns.iter().any(|column| column.place.is_some()) {
            let axis = self.say(&self.plot.axis);
            self.text((begins + RIGHT) / 2.0, BOTTOM + 56.0, r#"text-anchor="middle""#, &axis);
        }
    }

    fn series(&mut self, nth: usize, series: &Series) {
        let kind = nth % COLORS.len();
        let mut line = String::new();
        for (i, (place, value)) in series.curve.iter().enumerate() {
            let start = if i == 0 { 'M' } else { 'L' };
            let _ = write!(line, "{start}{:.1} {:.1}", self.x(Some(*place)), self.y(*value));
        }
        let apart = self.plot.columns.iter().zip(&series.expected);
        for (_, value) in apart.filter(|(column, _)| column.place.is_none()) {
            let Some(value) = value else { continue };
            let _ = write!(line, "M{LEFT:.0} {:.1}h{APART:.0}", self.y(*value));
        }
        if !line.is_empty() {
            // Dashes of lines that coincide fall into each other's gaps.
            let offset = 8 * (nth / 2 % 2);
            self.line(format!(r#"<path class="line s{kind}" stroke-dashoffset="{offset}" d="{line}"/>"#));
        }
        for (column, value) in self.plot.columns.iter().zip(&series.measured) {
            let Ok(value) = value else { continue };
            let (x, y) = (self.x(column.place), self.y(*value));
            let (mark, told) = (shape(kind), number(*value));
            let name = escaped(series.name);
            self.line(format!(
                r#"<path class="mark s{kind}" transform="translate({x:.1} {y:.1})" d="{mark}"><title>{name}: {told}</title></path>"#
            ));
        }
    }

    /// Beside the last column each series' name and value, pushed apart where they would overlap.
    fn names(&mut self) {
        const APART: f64 = 27.0;
        let series = self.plot.series.iter().enumerate();
        let mut names: Vec<(f64, usize, String)> =
            series.filter_map(|(nth, s)| self.name(s).map(|(y, t)| (y, nth, t))).collect();
        names.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut y = TOP - APART;
        for name in &mut names {
            y = name.0.max(y + APART);
            name.0 = y;
        }
        // The lowest stay above the bottom.
        let mut y = BOTTOM + APART;
        for name in names.iter_mut().rev() {
            y = name.0.min(y - APART);
            name.0 = y;
        }
        for (y, nth, text) in names {
            let (kind, x) = (nth % COLORS.len(), RIGHT + 24.0);
            let mark = shape(kind);
            self.line(format!(r#"<path class="mark s{kind}" transform="translate({x:.0} {y:.1})" d="{mark}"/>"#));
            self.text(x + 18.0, y + 6.0, &format!(r#"class="name t{kind}""#), &text);
        }
    }

    /// A series' name with what came of it over the last column, and where that is.
    fn name(&self, series: &Series) -> Option<(f64, String)> {
        let (place, value) = match (series.measured.last()?, series.expected.last()?) {
            (Ok(value), _) => (*value, number(*value)),
            (Err(why), Some(expected)) => (*expected, self.say(why)),
            (Err(_), None) => return None,
        };
        Some((self.y(place), format!("{} {value}", escaped(series.name))))
    }

    fn key(&mut self) {
        let (y, x) = (HIGH - 34.0, LEFT);
        let (measured, expected) = (self.say(&self.plot.measured), self.say(&self.plot.expected));
        let mark = shape(0);
        self.line(format!(r#"<path class="mark key" transform="translate({x:.0} {:.0})" d="{mark}"/>"#, y - 6.0));
        self.text(x + 20.0, y, "", &measured);
        let x = x + 330.0;
        self.line(format!(r#"<path class="line key" d="M{x:.0} {:.0}h44"/>"#, y - 6.0));
        self.text(x + 56.0, y, "", &expected);
    }
}

/// The style sheet for light (0) or dark (1).
fn style(mode: usize) -> String {
    let [back, ink, grid] = [["#ffffff", "#1a1a1a", "#d4d4d4"], ["#16181c", "#ececec", "#41454c"]][mode];
    let mut css = format!(
        "svg {{ font: 18px sans-serif }}\ntext {{ fill: {ink} }}\n.title {{ font-size: 24px; font-weight: bold }}\n\
         .name {{ font-weight: bold }}\n.back {{ fill: {back} }}\n.grid {{ stroke: {grid} }}\n.axis {{ stroke: {ink} }}\n\
         .line {{ fill: none; stroke-width: 2.5; stroke-dasharray: 8 8 }}\n.mark {{ fill: none; stroke-width: 3 }}\n\
         .key {{ stroke: {ink} }}"
    );
    for (kind, colors) in COLORS.iter().enumerate() {
        let color = colors[mode];
        let _ = write!(css, "\n.s{kind} {{ stroke: {color} }} .t{kind} {{ fill: {color} }}");
    }
    css
}

/// A mark of its own for each series, open, so that two on one another are both seen.
fn shape(kind: usize) -> &'static str {
    match kind {
        0 => "M-9 0a9 9 0 1 0 18 0a9 9 0 1 0 -18 0z",
        1 => "M-8 -8h16v16h-16z",
        2 => "M0 -11L10 7H-10z",
        3 => "M0 -11L11 0L0 11L-11 0z",
        _ => "M-8 -8L8 8M-8 8L8 -8",
    }
}
