//! Tables: that of `all`, and the distribution of `--repeat`.

use super::palette::Ink;
use super::{Report, Style};
use crate::claims::Verdict;
use crate::say;
use crate::text::Text;
use crate::text::columns::{columns, padded, wrapped};
use crate::trace::summary::Tally;
use std::io::{self, Write};

/// How many of `all` came out how.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counted {
    /// Reproduced.
    pub reproduced: usize,
    /// Not reproduced.
    pub failed: usize,
    /// Not possible here.
    pub impossible: usize,
}

const ID: usize = 21;

/// The head of the table of `all`.
///
/// # Errors
/// What writing says.
pub fn table_head(out: &mut dyn Write, style: &Style) -> io::Result<()> {
    let head = Text::new(
        "scenario             verdict            sends  segments  recvs      ms",
        "场景                 结果                send      段数   recv    毫秒",
    );
    writeln!(out, "{}", style.palette.paint(head.to(style.lang), Ink::Strong))
}

/// One row of the table of `all`.
///
/// # Errors
/// What writing says.
pub fn table_row(out: &mut dyn Write, report: &Report, style: &Style) -> io::Result<()> {
    let (id, verdict) = (&report.head.scenario, &report.findings.verdict);
    let ink = match verdict {
        Verdict::Reproduced | Verdict::Observed => Ink::Good,
        Verdict::NotReproduced => Ink::Bad,
        Verdict::NotPossibleHere(_) => Ink::Faint,
    };
    let word = style.palette.paint(&padded(verdict.text().to(style.lang), 18), ink);
    let number = |n: usize| n.to_string();
    let segments = report.summary.segments.map_or("-".into(), |n| n.to_string());
    let ms = format!("{:.1}", report.took_us as f64 / 1000.0);
    let (sends, recvs) = (number(report.summary.sends), number(report.summary.recvs));
    if style.width < 70 {
        return writeln!(out, "{id}: {}", word.trim_end());
    }
    let varying =
        if !report.has_clock() { String::new() } else { format!("{sends:>6}{segments:>10}{recvs:>7}{ms:>8}") };
    writeln!(out, "{}{word}{varying}", padded(id, ID))
}

/// The last lines of `all`: the sum, and the reasons of what cannot be shown here.
///
/// # Errors
/// What writing says.
pub fn table_foot(out: &mut dyn Write, counted: Counted, reasons: &[(&str, Text)], style: &Style) -> io::Result<()> {
    let Counted { reproduced, failed, impossible } = counted;
    let sum = say!(
        "{reproduced} reproduced, {failed} not reproduced, {impossible} not possible here",
        "已复现 {reproduced}，未复现 {failed}，此处无法演示 {impossible}"
    );
    writeln!(out, "{}", style.palette.paint(sum.to(style.lang), if failed == 0 { Ink::Good } else { Ink::Bad }))?;
    for (id, reason) in reasons {
        for line in wrapped(&format!("{id}: {}", reason.to(style.lang)), style.width) {
            writeln!(out, "{line}")?;
        }
    }
    Ok(())
}

/// What came through in many runs, beside what a loss of this share of the packets leads one to expect: of n
/// packets all with the chance (1 - loss)^n.
///
/// # Errors
/// What writing says.
pub fn tally(out: &mut dyn Write, runs: usize, tallies: &[Tally], loss: f64, style: &Style) -> io::Result<()> {
    let head = tally_title(runs, loss);
    for line in wrapped(head.to(style.lang), style.width) {
        writeln!(out, "{}", style.palette.paint(&line, Ink::Strong))?;
    }
    let room = style.width.saturating_sub(46).clamp(8, 30);
    for tally in tallies {
        let came = tally.came as f64 / tally.of.max(1) as f64;
        let expected = tally.expected(loss);
        let bar = "#".repeat((came * room as f64).round() as usize);
        let what = padded(tally.what.to(style.lang), 26);
        writeln!(out, "  {what} {:>6.1}% {:>6.1}%  {bar}", 100.0 * came, 100.0 * expected)?;
    }
    Ok(())
}

/// What heads the shares that came through.
pub(super) fn tally_title(runs: usize, loss: f64) -> Text {
    let lost = format!("{:.1}%", 100.0 * loss);
    say!(
        "{runs} runs; the link lost {lost} of the data packets. Received whole, beside (1 - loss)^packets:",
        "运行 {runs} 次，链路丢了 {lost} 的数据分组。完整收到的比例，旁边是 (1 - 丢失率)^分组数："
    )
}

/// A claim that did not hold in some of many runs.
#[derive(Clone, Debug)]
pub struct FailedClaim {
    /// Its stable name.
    pub id: String,
    /// The sentence.
    pub text: Text,
    /// In how many runs it did not hold.
    pub runs: usize,
}

/// Which claims did not hold, and how often.
///
/// # Errors
/// What writing says.
pub fn failed_claims(out: &mut dyn Write, failed: &[FailedClaim], style: &Style) -> io::Result<()> {
    for failed in failed {
        for line in wrapped(claim_failed(failed).to(style.lang), style.width) {
            writeln!(out, "{line}")?;
        }
    }
    Ok(())
}

/// In how many runs a claim did not hold.
pub(super) fn claim_failed(FailedClaim { text, runs, .. }: &FailedClaim) -> Text {
    let times = if *runs == 1 { "run" } else { "runs" };
    say!("did not hold in {runs} {times}: {{}}", "有 {runs} 次不成立：{{}}").with(text)
}

/// What heads the patterns of receive lengths.
pub(super) fn distribution_title(runs: usize, reproduced: usize) -> Text {
    say!(
        "{runs} runs, {reproduced} reproduced; lengths of the recvs:",
        "运行 {runs} 次，复现 {reproduced} 次；各次 recv 的长度："
    )
}

/// How often each pattern of receive lengths came out, most frequent first.
///
/// # Errors
/// What writing says.
pub fn distribution(
    out: &mut dyn Write,
    runs: usize,
    outcomes: &[(Vec<usize>, usize)],
    reproduced: usize,
    style: &Style,
) -> io::Result<()> {
    let head = distribution_title(runs, reproduced);
    writeln!(out, "{}", style.palette.paint(head.to(style.lang), Ink::Strong))?;
    let shown = 12;
    let room = style.width.saturating_sub(34).max(8);
    for (pattern, count) in outcomes.iter().take(shown) {
        let lengths = lengths(pattern);
        let bar = "#".repeat((count * room.min(30)).div_ceil(runs.max(1)));
        let percent = 100.0 * *count as f64 / runs.max(1) as f64;
        let gap = " ".repeat(22usize.saturating_sub(columns(&lengths)));
        writeln!(out, "  {lengths}{gap} {count:>6} {percent:>5.1}%  {bar}")?;
    }
    if outcomes.len() > shown {
        let rest = outcomes.len() - shown;
        let count: usize = outcomes[shown..].iter().map(|(_, n)| n).sum();
        let text = say!("  .. {rest} further patterns, {count} runs", "  .. 另有 {rest} 种，共 {count} 次");
        writeln!(out, "{}", text.to(style.lang))?;
    }
    Ok(())
}

/// `5+4`, `1024x3+76`: the lengths of a run's receive calls, equal neighbours counted.
pub(super) fn lengths(pattern: &[usize]) -> String {
    let mut out: Vec<String> = Vec::new();
    let mut rest = pattern;
    while let Some(first) = rest.first() {
        let same = rest.iter().take_while(|n| *n == first).count();
        out.push(if same > 1 && *first > 0 { format!("{first}x{same}") } else { first.to_string() });
        rest = &rest[if *first > 0 { same } else { 1 }..];
    }
    if out.len() > 8 {
        let more = out.len() - 6;
        out.truncate(6);
        out.push(format!("..{more} more"));
    }
    if out.is_empty() { "-".into() } else { out.join("+") }
}
