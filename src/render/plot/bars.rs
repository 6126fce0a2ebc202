//! Bars of characters, as long as the logarithm of the value asks for.

use super::{Plot, Series, number, power_of_ten};
use crate::render::Style;
use crate::render::palette::Ink;
use crate::text::Text;
use crate::text::columns::{columns, wrapped};
use crate::trace::MsgId;
use std::io::{self, Write};

/// Columns of the name with its indent, and of the value.
const NAME: usize = 9;
const VALUE: usize = 10;

/// Column by column, a bar for each series, and a mark where the value was expected.
///
/// # Errors
/// What writing says.
pub fn bars(out: &mut dyn Write, plot: &Plot, style: &Style) -> io::Result<()> {
    let room = style.width.saturating_sub(NAME + VALUE + 1).clamp(8, 80);
    for line in wrapped(key(plot, style).to(style.lang), style.width) {
        writeln!(out, "{}", style.palette.paint(&line, Ink::Strong))?;
    }
    for (at, column) in plot.columns.iter().enumerate() {
        writeln!(out, "{}", column.title.to(style.lang))?;
        for (nth, series) in plot.series.iter().enumerate() {
            let value = match series.measured.get(at) {
                Some(Ok(value)) => number(*value),
                Some(Err(why)) => why.to(style.lang).to_owned(),
                None => "-".to_owned(),
            };
            let value = " ".repeat(VALUE.saturating_sub(columns(&value))) + &value;
            let bar = style.palette.paint(&bar(plot, series, at, room, style), Ink::Message(MsgId(nth as u32 + 1)));
            writeln!(out, "  {:<7}{value} {}", series.name, bar.trim_end())?;
        }
    }
    Ok(())
}

fn marks(style: &Style) -> [char; 2] {
    if style.unicode { ['█', '│'] } else { ['#', '|'] }
}

fn key(plot: &Plot, style: &Style) -> Text {
    let [fill, mark] = marks(style).map(|c| Text::same(c.to_string()));
    let (low, high) = plot.decades();
    let [low, high] = [low, high].map(|exponent| Text::same(power_of_ten(exponent)));
    Text::new("{}, logarithmic from {} to {}: {} {}, {} {}", "{}，对数刻度，从 {} 到 {}：{} {}，{} {}")
        .with(&plot.unit)
        .with(&low)
        .with(&high)
        .with(&fill)
        .with(&plot.measured)
        .with(&mark)
        .with(&plot.expected)
}

fn bar(plot: &Plot, series: &Series, at: usize, room: usize, style: &Style) -> String {
    let [fill, mark] = marks(style);
    let cells = |value: f64| ((plot.height(value) * room as f64).round() as usize).clamp(1, room);
    let long = series.measured.get(at).and_then(|value| value.as_ref().ok());
    let mut bar = vec![fill; long.map_or(0, |value| cells(*value))];
    if let Some(expected) = series.expected.get(at).copied().flatten() {
        let expected = cells(expected);
        bar.resize(bar.len().max(expected), ' ');
        bar[expected - 1] = mark;
    }
    bar.into_iter().collect()
}
