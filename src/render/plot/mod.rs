//! A plot of a few series over a few columns, its axis logarithmic: as bars for a terminal, as an SVG picture.

mod bars;
mod svg;

pub use bars::bars;
pub use svg::svg;

use crate::text::{Text, grouped};

/// What is plotted.
#[derive(Clone, Debug)]
pub struct Plot {
    /// What it shows.
    pub title: Text,
    /// What the values are.
    pub unit: Text,
    /// What the columns' numbers are.
    pub axis: Text,
    /// What the marks are: measured values.
    pub measured: Text,
    /// What the lines are: expected values.
    pub expected: Text,
    /// What the values were taken over.
    pub columns: Vec<Column>,
    /// The values.
    pub series: Vec<Series>,
}

/// Something that values were taken over.
#[derive(Clone, Debug)]
pub struct Column {
    /// Its name.
    pub title: Text,
    /// Its place on the axis, above 0; `None` stands apart, before the axis begins.
    pub place: Option<f64>,
}

/// A value for each column.
#[derive(Clone, Debug)]
pub struct Series {
    /// Its name.
    pub name: &'static str,
    /// Measured, column by column; where nothing was, a word that says why.
    pub measured: Vec<Result<f64, Text>>,
    /// Expected, column by column; `None` where nothing is.
    pub expected: Vec<Option<f64>>,
    /// Expected along the axis: place and value.
    pub curve: Vec<(f64, f64)>,
}

impl Plot {
    /// The powers of ten around every value, as exponents.
    fn decades(&self) -> (i32, i32) {
        let of_one = |s: &Series| -> Vec<f64> {
            let curve = s.curve.iter().map(|(_, value)| *value);
            let measured = s.measured.iter().flatten().copied();
            measured.chain(s.expected.iter().flatten().copied()).chain(curve).collect()
        };
        let values: Vec<f64> = self.series.iter().flat_map(of_one).filter(|v| v.is_finite() && *v > 0.0).collect();
        let least = values.iter().copied().reduce(f64::min).unwrap_or(1.0);
        let most = values.iter().copied().reduce(f64::max).unwrap_or(10.0);
        let (low, high) = (least.log10().floor() as i32, most.log10().ceil() as i32);
        (low, high.max(low + 1))
    }

    /// Where a value lies between the decades, 0 to 1.
    fn height(&self, value: f64) -> f64 {
        let (low, high) = self.decades();
        ((value.max(f64::MIN_POSITIVE).log10() - f64::from(low)) / f64::from(high - low)).clamp(0.0, 1.0)
    }
}

/// A value as people read it: `19.8`, `1,275`.
pub fn number(value: f64) -> String {
    if value < 99.95 { format!("{value:.1}") } else { grouped(value.round() as u64) }
}

/// A power of ten: `0.1`, `1,000`.
fn power_of_ten(exponent: i32) -> String {
    if exponent < 0 { 10f64.powi(exponent).to_string() } else { grouped(10u64.saturating_pow(exponent.unsigned_abs())) }
}

/// Text for HTML and SVG (XML 1.0 §2.4).
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
