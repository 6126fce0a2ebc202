//! Two runs beside each other, or one above the other where there is not room for both: their tapes, and their counts
//! in one table. What differs is marked.

use super::brief;
use super::notes::Notes;
use crate::render::palette::Ink;
use crate::render::{Report, Style};
use crate::say;
use crate::text::columns::{columns, cut, padded};
use crate::text::{Text, grouped};
use crate::trace::{Loss, ProtocolCounts};
use std::io::{self, Write};

/// From so many columns on they stand beside each other.
const WIDE: usize = 110;
/// Columns between them.
const BETWEEN: &str = "   ";
/// Lines of tapes of each.
const TAPES: usize = 7;

/// Writes both.
///
/// # Errors
/// What writing says.
pub fn two(out: &mut dyn Write, reports: [&Report; 2], style: &Style) -> io::Result<()> {
    let side_by_side = style.breadth() >= WIDE;
    let width = if side_by_side { (style.breadth() - BETWEEN.len()) / 2 } else { style.width };
    let each = Style { width, ..style.clone() };
    let heads = [head("A", reports[0], &each)?, head("B", reports[1], &each)?];
    let tapes = reports.map(|report| brief::tapes(report, &each, TAPES));
    let tapes = [marked(&tapes[0], &tapes[1]), marked(&tapes[1], &tapes[0])];
    let runs: Vec<Vec<String>> = heads.into_iter().zip(tapes).map(|(head, tapes)| [head, tapes].concat()).collect();
    match side_by_side {
        true => {
            for at in 0..runs[0].len().max(runs[1].len()) {
                let [a, b] = [&runs[0], &runs[1]].map(|run| run.get(at).map_or("", String::as_str));
                let gap = " ".repeat(width.saturating_sub(columns(&unpainted(a))));
                writeln!(out, "{}", format!("{a}{gap}{BETWEEN}{b}").trim_end())?;
            }
        }
        false => {
            runs[0].iter().try_for_each(|line| writeln!(out, "{line}"))?;
            writeln!(out)?;
            runs[1].iter().try_for_each(|line| writeln!(out, "{line}"))?;
        }
    }
    writeln!(out)?;
    counts(out, reports, style)
}

fn head(letter: &str, report: &Report, style: &Style) -> io::Result<Vec<String>> {
    let mut text = Vec::new();
    let question = Text::new("{}: {}", "{}：{}")
        .with_all([&Text::same(format!("{letter}  {}", report.head.scenario)), &report.head.question]);
    style.paragraph(&mut text, 3, &style.say(&question), Some(Ink::Strong))?;
    Notes { style, report }.changes(&mut text)?;
    Ok(String::from_utf8_lossy(&text).lines().map(str::to_owned).collect())
}

/// The lines, with a star before each that the other run has not in its place.
fn marked(lines: &[String], others: &[String]) -> Vec<String> {
    let differs = |at: usize, line: &String| others.get(at).is_none_or(|other| unpainted(other) != unpainted(line));
    let mark = |(at, line): (usize, &String)| match line.strip_prefix("  ") {
        Some(rest) if differs(at, line) => format!("* {rest}"),
        _ => line.clone(),
    };
    lines.iter().enumerate().map(mark).collect()
}

/// The text without its colours.
fn unpainted(text: &str) -> String {
    let mut pieces = text.split('\x1b');
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |all, piece| all + piece.split_once('m').map_or("", |(_, rest)| rest))
}

/// What each run says of itself, row by row.
fn counts(out: &mut dyn Write, reports: [&Report; 2], style: &Style) -> io::Result<()> {
    let [a, b] = reports.map(figures);
    let shown = |(name, a): (Text, Text), b: Text| [style.say(&name), style.say(&a), style.say(&b)];
    let mut rows: Vec<[String; 3]> = vec![[String::new(), "A".into(), "B".into()]];
    rows.extend(a.into_iter().zip(b).map(|(a, (_, b))| shown(a, b)).filter(|[_, a, b]| a != "-" || b != "-"));
    let widths = [0, 1].map(|at| rows.iter().map(|row| columns(&row[at])).max().unwrap_or(0));
    for (nth, [name, a, b]) in rows.iter().enumerate() {
        let mark = if nth > 0 && a != b { "* " } else { "  " };
        let line = format!("{mark}{}   {}   {b}", padded(name, widths[0]), padded(a, widths[1]));
        let line = cut(line.trim_end(), style.breadth(), style.unicode);
        let ink = if nth == 0 || a != b { Ink::Strong } else { Ink::Faint };
        writeln!(out, "{}", style.palette.paint(&line, ink))?;
    }
    Ok(())
}

/// The counts of a run, each by its name; `-` where there is nothing to count.
fn figures(report: &Report) -> Vec<(Text, Text)> {
    let summary = &report.summary;
    let sum = |of: fn(&ProtocolCounts) -> usize| summary.protocols.iter().map(of).fold(0, usize::saturating_add);
    let lost = |kind: Loss| {
        let losses = summary.protocols.iter().flat_map(|of| &of.losses);
        losses.filter(|(loss, _)| *loss == kind).fold(0usize, |sum, (_, n)| sum.saturating_add(*n))
    };
    let varies = report.calls_vary();
    let number = |n: usize| Text::same(if varies { "n".to_owned() } else { grouped(n) });
    let some = |n: usize| if n == 0 { Text::same("-") } else { number(n) };
    let segments =
        summary.segments.map_or(Text::same("-"), |n| Text::same(if varies { "n".to_owned() } else { grouped(n) }));
    let mut figures = vec![
        (Text::new("sends", "发送次数"), number(summary.sends)),
        (Text::new("empty sends", "空发送"), some(sum(|of| of.empty_sends))),
        (Text::new("segments", "报文段"), segments),
        (Text::new("recvs", "接收次数"), number(summary.recvs)),
        (Text::new("ends of stream", "流结束"), some(sum(|of| of.ends))),
        (Text::new("bytes sent", "发出字节"), number(summary.bytes_sent)),
        (Text::new("bytes received", "收到字节"), number(summary.bytes_received)),
        (Text::new("messages", "消息"), number(summary.messages_sent)),
        (Text::new("intact", "完整"), number(summary.messages_intact)),
    ];
    figures.extend(Loss::ALL.map(|loss| (loss.name(), some(lost(loss)))));
    let claims = &report.findings.claims;
    let (all, hold) = (claims.len(), claims.iter().filter(|claim| claim.holds).count());
    figures.push((Text::new("claims that hold", "成立的论断"), say!("{hold} of {all}", "{hold}/{all}")));
    figures.push((Text::new("verdict", "结论"), report.outcome()));
    figures
}

#[cfg(test)]
mod tests {
    use super::{marked, unpainted};

    #[test]
    fn what_differs_has_a_star_and_colours_make_no_difference() {
        assert_eq!(unpainted("a\x1b[38;5;1mb\x1b[0mc"), "abc");
        let lines = |texts: [&str; 2]| texts.map(str::to_owned);
        let (a, b) = (lines(["TCP", "  sent |x|"]), lines(["TCP", "  sent |\x1b[1mx\x1b[0m|"]));
        assert_eq!(marked(&a, &b), a);
        let other = lines(["TCP", "  sent |x|y|"]);
        assert_eq!(marked(&a, &other), lines(["TCP", "* sent |x|"]));
        assert_eq!(marked(&a, &other[..1]), lines(["TCP", "* sent |x|"]));
    }
}
