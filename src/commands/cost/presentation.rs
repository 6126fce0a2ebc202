//! Writes what was measured: as text with bars, as JSON lines, as a picture, or as a page that holds both.

use super::findings::{Judgement, times};
use super::results::{Cell, Figures, Measurement, Results, ms};
use super::terms::{Fix, MESSAGES, Medium, ROUNDS};
use super::theory;
use crate::claims::{Claim, Verdict, held};
use crate::render::Format;
use crate::render::Style;
use crate::render::palette::Ink;
use crate::render::plot::{Column, Plot, Series, bars, escaped, number, svg};
use crate::say;
use crate::text::columns::{columns, padded, wrapped};
use crate::text::quantity::write_duration;
use crate::text::{Lang, Text};
use serde_json::{Value, json};
use std::io::{self, Write};
use std::time::Duration;

/// Writes the results in this format.
///
/// # Errors
/// What writing says.
pub fn write(
    out: &mut dyn Write,
    results: &Results,
    findings: &Judgement,
    format: Format,
    style: &Style,
) -> io::Result<()> {
    match format {
        Format::Json => json_lines(out, results, findings, style.lang),
        Format::Svg => out.write_all(svg(&plot(results), style.lang).as_bytes()),
        Format::Html => out.write_all(page(results, findings, style.lang).as_bytes()),
        _ => text(out, results, findings, style),
    }
}

fn per_second(total: Duration, messages: u32) -> f64 {
    f64::from(messages) / total.as_secs_f64().max(1e-6)
}

/// The conditions, which belong to the numbers.
fn conditions(results: &Results) -> [Text; 2] {
    let load = results.load;
    let (messages, size) = (load.messages, load.size);
    let title = say!(
        "cost: {messages} messages of {size} bytes from a sender to a receiver",
        "cost：发送方向接收方发 {messages} 条消息，每条 {size} 字节"
    );
    let gap = write_duration(load.gap);
    let mut how = say!(
        "{ROUNDS} rounds, the fixes in turns; the median counts. sleep sleeps {gap}.",
        "共 {ROUNDS} 轮，各解法轮流进行，取中位数。sleep 的间隔为 {gap}。"
    );
    let nagle = match load.nodelay {
        true => Text::new(
            "{} TCP_NODELAY is on: the Nagle algorithm has no part in it.",
            "{}TCP_NODELAY 已打开：与 Nagle 算法无关。",
        ),
        false => Text::new("{} TCP_NODELAY is off.", "{}TCP_NODELAY 没有打开。"),
    };
    how = nagle.with(&how);
    if results.reduced {
        let usual = MESSAGES;
        let reduced = say!(
            "{{}} Only {messages} messages, so that the long round trips take seconds; for {usual}: --messages {usual}.",
            "{{}}只发 {messages} 条，好让长往返也只花几秒；要发 {usual} 条，请用 --messages {usual}。"
        );
        how = reduced.with(&how);
    }
    [title, how]
}

static HEADS: [(Text, usize); 9] = [
    (Text::new("  fix", "  解法"), 9),
    (Text::new("msgs/s", "条/秒"), 10),
    (Text::new("ms/msg", "毫秒/条"), 10),
    (Text::new("theory", "理论"), 10),
    (Text::new("ratio", "比值"), 7),
    (Text::new("waits", "等待"), 7),
    (Text::new("segments", "报文段"), 10),
    (Text::new("packets", "分组"), 9),
    (Text::new("bytes", "字节"), 8),
];

static LEGEND: Text = Text::new(
    "theory: what the delay alone costs, in ms a message (no processor, no recording); ratio: measured to theory. waits (of the sender, for a word of the receiver's), segments with data, packets and bytes: a message's, both ways. -: this medium does not tell.",
    "理论：只算延迟要花的毫秒数/条（不算处理器和记录）；比值：实测与理论之比。等待（发送方等接收方一句话的次数）、带数据的报文段、分组、字节：平均每条消息，两个方向合计。-：这种介质看不出来。",
);

/// A cell's figures, or what is said in their place.
type TableRow = Result<[String; 9], Text>;

fn row(results: &Results, cell: &Cell) -> TableRow {
    let messages = results.load.messages;
    let each = |n: u64| format!("{:.2}", n as f64 / f64::from(messages));
    let count = |n: Option<u64>| n.map_or("-".to_owned(), each);
    let bytes = |n: u64| format!("{:.0}", n as f64 / f64::from(messages));
    match &cell.outcome {
        Measurement::Measured(measured) => {
            let total = measured.total();
            let theory = theory::total(cell.fix, &results.load, cell.medium);
            Ok([
                cell.fix.name().to_owned(),
                number(per_second(total, messages)),
                ms(total / messages),
                theory.map_or("-".into(), |theory| ms(theory / messages)),
                theory.map_or("-".into(), |theory| ratio(total, theory)),
                each(measured.waits),
                count(measured.segments),
                count(measured.packets),
                measured.wire_bytes.map_or("-".into(), bytes),
            ])
        }
        Measurement::Broken { rounds, reason } => Err(say!(
            "not timed, broken in {rounds} of {ROUNDS} rounds: {{}}",
            "不计时，{ROUNDS} 轮中 {rounds} 轮出错：{{}}"
        )
        .with(reason)),
        Measurement::Void(reason) | Measurement::NotHere(reason) => Err(reason.clone()),
    }
}

fn ratio(total: Duration, theory: Duration) -> String {
    let ratio = total.as_secs_f64() / theory.as_secs_f64();
    if ratio < 9.995 { format!("{ratio:.2}") } else { times(total, theory) }
}

/// The rows of a medium. Where none can be, the reason is the same for every link, and said once.
fn rows(results: &Results, medium: Medium) -> Vec<(Option<Fix>, TableRow)> {
    let cells: Vec<&Cell> = results.cells.iter().filter(|cell| cell.medium == medium).collect();
    match cells.first().map(|cell| &cell.outcome) {
        Some(Measurement::NotHere(reason)) => {
            let before = results.cells.iter().take_while(|cell| cell.medium != medium);
            let said = before.into_iter().any(|cell| matches!(&cell.outcome, Measurement::NotHere(r) if r == reason));
            vec![(None, Err(if said { Text::new("likewise", "同上") } else { reason.clone() }))]
        }
        _ => cells.into_iter().map(|cell| (Some(cell.fix), row(results, cell))).collect(),
    }
}

fn text(out: &mut dyn Write, results: &Results, findings: &Judgement, style: &Style) -> io::Result<()> {
    let [title, how] = conditions(results);
    paragraph(out, title.to(style.lang), 0, Some(Ink::Strong), style)?;
    paragraph(out, how.to(style.lang), 0, None, style)?;
    writeln!(out)?;
    for fix in Fix::ALL {
        let entry_title = Text::new("{} ({})", "{}（{}）").with(&fix.text()).with(&theory::formula(fix));
        entry(out, fix.name(), entry_title.to(style.lang), style)?;
    }
    writeln!(out)?;
    table(out, results, style)?;
    writeln!(out)?;
    bars(out, &plot(results), style)?;
    writeln!(out)?;
    for claim in &findings.claims {
        claimed(out, claim, style)?;
    }
    writeln!(out)?;
    let (verdict, good) = (verdict(findings), findings.verdict == Verdict::Reproduced);
    let ink = if good { Ink::Good } else { Ink::Bad };
    paragraph(out, verdict.to(style.lang), 0, Some(ink), style)?;
    findings.sentences.iter().try_for_each(|sentence| paragraph(out, sentence.to(style.lang), 0, None, style))
}

fn verdict(findings: &Judgement) -> Text {
    match &findings.verdict {
        Verdict::NotPossibleHere(reason) => Text::new("{}: {}", "{}：{}").with(&findings.verdict.text()).with(reason),
        verdict => Text::new("{} ({})", "{}（{}）").with_all([&verdict.text(), &held(&findings.claims)]),
    }
}

fn paragraph(out: &mut dyn Write, text: &str, indent: usize, ink: Option<Ink>, style: &Style) -> io::Result<()> {
    for line in wrapped(text, style.width.saturating_sub(indent)) {
        let line = ink.map_or(line.clone(), |ink| style.palette.paint(&line, ink));
        writeln!(out, "{}{line}", " ".repeat(indent))?;
    }
    Ok(())
}

/// A word, and beside it what belongs to it.
fn entry(out: &mut dyn Write, word: &str, text: &str, style: &Style) -> io::Result<()> {
    const INDENT: usize = 9;
    for (i, line) in wrapped(text, style.width.saturating_sub(INDENT)).iter().enumerate() {
        let word = if i == 0 { format!("  {word}") } else { String::new() };
        writeln!(out, "{}{line}", padded(&word, INDENT))?;
    }
    Ok(())
}

/// As many columns as fit; the others are in the JSON.
fn table(out: &mut dyn Write, results: &Results, style: &Style) -> io::Result<()> {
    let right = |text: &str, width: usize| format!("{}{text}", " ".repeat(width.saturating_sub(columns(text))));
    let mut used = 0;
    let fit = HEADS.iter().take_while(|(_, width)| {
        used += width;
        used <= style.width
    });
    let widths: Vec<usize> = fit.map(|(_, width)| *width).collect();
    let line = |cells: [&str; 9]| {
        let cells = cells.into_iter().zip(&widths).enumerate();
        cells
            .map(|(i, (cell, width))| if i == 0 { padded(cell, *width) } else { right(cell, *width) })
            .collect::<String>()
    };
    let head = line(HEADS.each_ref().map(|(text, _)| text.to(style.lang)));
    writeln!(out, "{}", style.palette.paint(&head, Ink::Strong))?;
    for medium in results.media() {
        writeln!(out, "{}", medium.text().to(style.lang))?;
        for (fix, row) in rows(results, medium) {
            match row {
                Ok(mut cells) => {
                    cells[0].insert_str(0, "  ");
                    writeln!(out, "{}", line(cells.each_ref().map(String::as_str)))?;
                }
                Err(reason) => entry(out, fix.map_or("", Fix::name), reason.to(style.lang), style)?,
            }
        }
    }
    paragraph(out, LEGEND.to(style.lang), 0, Some(Ink::Faint), style)
}

fn claimed(out: &mut dyn Write, claim: &Claim, style: &Style) -> io::Result<()> {
    let (word, ink) = mark(claim);
    let word = word.to(style.lang);
    for (i, line) in wrapped(claim.text.to(style.lang), style.width.saturating_sub(9)).iter().enumerate() {
        let word = if i == 0 { word } else { "" };
        writeln!(out, "{} {line}", style.palette.paint(&padded(word, 8), ink))?;
    }
    paragraph(out, sides(claim).to(style.lang), 9, Some(Ink::Faint), style)
}

fn mark(claim: &Claim) -> (Text, Ink) {
    match claim.holds {
        true => (Text::new("[holds]", "[成立]"), Ink::Good),
        false => (Text::new("[fails]", "[不成立]"), Ink::Bad),
    }
}

fn sides(claim: &Claim) -> Text {
    Text::new("expected {}; got {}", "预期：{}；实际：{}").with(&claim.expected.exact).with(&claim.actual.exact)
}

/// Messages a second over the round trip time; media that are not here are left out.
pub fn plot(results: &Results) -> Plot {
    let here = |m: &Medium| results.cell(*m, Fix::Ack).is_some_and(|c| !matches!(c.outcome, Measurement::NotHere(_)));
    let media: Vec<Medium> = results.media().into_iter().filter(here).collect();
    let (messages, size) = (results.load.messages, results.load.size);
    let speed = |total: Duration| per_second(total, messages);
    let value = |cell: &Cell| match &cell.outcome {
        Measurement::Measured(measured) => Ok(speed(measured.total())),
        Measurement::Broken { .. } => Err(Text::new("broken", "出错")),
        Measurement::Void(_) | Measurement::NotHere(_) => Err(Text::new("void", "作废")),
    };
    let series = |fix: Fix| Series {
        name: fix.name(),
        measured: media.iter().filter_map(|m| results.cell(*m, fix)).map(value).collect(),
        expected: media.iter().map(|m| theory::total(fix, &results.load, *m).map(speed)).collect(),
        curve: curve(fix, &media, results),
    };
    Plot {
        title: say!(
            "{messages} messages of {size} bytes: what each fix costs",
            "{messages} 条 {size} 字节的消息：各解法的代价"
        ),
        unit: Text::new("messages a second", "每秒消息数"),
        axis: Text::new("round trip time of the link (logarithmic)", "链路的往返时间（对数刻度）"),
        measured: say!("measured (median of {ROUNDS})", "实测（{ROUNDS} 轮的中位数）"),
        expected: Text::new("what the delay alone allows", "理论：只受延迟限制时"),
        columns: media.iter().map(|m| Column { title: title(*m), place: m.rtt().map(in_ms) }).collect(),
        series: Fix::ALL.map(series).into(),
    }
}

fn in_ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

fn title(medium: Medium) -> Text {
    match medium.rtt() {
        Some(rtt) => Text::same(format!("RTT {}", write_duration(rtt))),
        None => medium.text(),
    }
}

/// The speed that the delay alone allows, from a little before the shortest link to a little after the longest.
fn curve(fix: Fix, media: &[Medium], results: &Results) -> Vec<(f64, f64)> {
    const STEPS: i32 = 24;
    let rtts: Vec<f64> = media.iter().filter_map(|m| m.rtt()).map(|rtt| rtt.as_secs_f64()).collect();
    let (Some(first), Some(last)) = (rtts.first(), rtts.last()) else { return Vec::new() };
    let (first, last) = (first / 1.4, last * 1.4);
    let point = |step| {
        let rtt = Duration::from_secs_f64(first * (last / first).powf(f64::from(step) / f64::from(STEPS)));
        let total = theory::total(fix, &results.load, Medium::Link(rtt))?;
        Some((in_ms(rtt), per_second(total, results.load.messages)))
    };
    (0..=STEPS).filter_map(point).collect()
}

fn json_lines(out: &mut dyn Write, results: &Results, findings: &Judgement, lang: Lang) -> io::Result<()> {
    for cell in &results.cells {
        writeln!(out, "{}", cell_line(results, cell, lang))?;
    }
    for claim in &findings.claims {
        let [text, expected, actual] =
            [&claim.text, &claim.expected.exact, &claim.actual.exact].map(|text| text.to(lang));
        let line = json!({ "type": "claim", "id": claim.id, "text": text, "holds": claim.holds,
            "expected": expected, "actual": actual });
        writeln!(out, "{line}")?;
    }
    let load = results.load;
    let sentences: Vec<&str> = findings.sentences.iter().map(|text| text.to(lang)).collect();
    let reason = match &findings.verdict {
        Verdict::NotPossibleHere(reason) => Some(reason.to(lang)),
        _ => None,
    };
    let line = json!({ "type": "summary", "command": "cost", "version": env!("CARGO_PKG_VERSION"),
        "verdict": findings.verdict.word(), "reason": reason, "messages": load.messages, "size": load.size,
        "gap_us": micros(load.gap), "nodelay": load.nodelay, "rounds": ROUNDS, "took_us": micros(results.took),
        "sentences": sentences });
    writeln!(out, "{line}")
}

fn cell_line(results: &Results, cell: &Cell, lang: Lang) -> Value {
    let (state, reason) = match &cell.outcome {
        Measurement::Measured(_) => ("measured", None),
        Measurement::Broken { reason, .. } => ("broken", Some(reason)),
        Measurement::Void(reason) => ("void", Some(reason)),
        Measurement::NotHere(reason) => ("not-possible-here", Some(reason)),
    };
    let measured = cell.measured();
    let total = measured.map(Figures::total);
    let theory = theory::total(cell.fix, &results.load, cell.medium);
    json!({
        "type": "cell",
        "medium": if cell.medium.rtt().is_some() { "link" } else { "loopback" },
        "rtt_us": cell.medium.rtt().map(micros),
        "fix": cell.fix.name(),
        "state": state,
        "reason": reason.map(|reason| reason.to(lang)),
        "messages": results.load.messages,
        "total_us": total.map(micros),
        "rounds_us": measured.map(|m| m.totals.iter().copied().map(micros).collect::<Vec<_>>()),
        "messages_per_second": total.map(|total| rounded(per_second(total, results.load.messages))),
        "theory_us": theory.map(micros),
        "ratio": total.zip(theory).map(|(total, theory)| rounded(total.as_secs_f64() / theory.as_secs_f64())),
        "waits": measured.map(|m| m.waits),
        "segments": measured.and_then(|m| m.segments),
        "packets": measured.and_then(|m| m.packets),
        "wire_bytes": measured.and_then(|m| m.wire_bytes),
    })
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

fn rounded(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}

const PAGE_STYLE: &str = "\
:root { color-scheme: light dark }
body { font: 1.05rem/1.5 sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem;
  color: light-dark(#1a1a1a, #ececec); background: light-dark(#ffffff, #16181c) }
table { border-collapse: collapse; width: 100% } caption { text-align: left }
th, td { padding: .2rem .5rem; text-align: right } th:first-child, td:first-child, td[colspan] { text-align: left }
tbody th { padding-top: .8rem } tbody td { border-top: 1px solid #8885 }
svg { display: block; width: 100%; height: auto; margin: 1.5rem 0 }";

/// A page that needs nothing else.
fn page(results: &Results, findings: &Judgement, lang: Lang) -> String {
    let [title, how] = conditions(results);
    let say = |text: &Text| escaped(text.to(lang));
    let paragraph = |text: &Text| format!("<p>{}</p>\n", say(text));
    let claim = |claim: &Claim| {
        let (word, _) = mark(claim);
        format!("<li>{} {}<br><small>{}</small></li>\n", say(&word), say(&claim.text), say(&sides(claim)))
    };
    let fix = |fix: &Fix| {
        let formula = say(&theory::formula(*fix));
        format!("<li><b>{}</b>: {} <small>({formula})</small></li>\n", fix.name(), say(&fix.text()))
    };
    format!(
        "<!DOCTYPE html>\n<html lang=\"{}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{}</title>\n<style>\n{PAGE_STYLE}\n</style>\n\
         </head>\n<body>\n<h1>{}</h1>\n{}<ul>\n{}</ul>\n{}{}<h2>{}</h2>\n{}<ul>\n{}</ul>\n</body>\n</html>\n",
        if lang == Lang::Zh { "zh-CN" } else { "en" },
        say(&title),
        say(&title),
        paragraph(&how),
        Fix::ALL.iter().map(fix).collect::<String>(),
        html_table(results, lang),
        svg(&plot(results), lang),
        say(&verdict(findings)),
        findings.sentences.iter().map(paragraph).collect::<String>(),
        findings.claims.iter().map(claim).collect::<String>(),
    )
}

fn html_table(results: &Results, lang: Lang) -> String {
    let heads: String = HEADS.iter().map(|(text, _)| format!("<th>{}</th>", escaped(text.to(lang).trim()))).collect();
    let mut table = format!("<table>\n<thead><tr>{heads}</tr></thead>\n");
    for medium in results.media() {
        let name = escaped(medium.text().to(lang));
        table += &format!("<tbody>\n<tr><th colspan=\"{}\">{name}</th></tr>\n", HEADS.len());
        for (fix, row) in rows(results, medium) {
            let cells = match row {
                Ok(cells) => cells.iter().map(|cell| format!("<td>{}</td>", escaped(cell))).collect(),
                Err(reason) => {
                    let (name, reason) = (fix.map_or("", Fix::name), escaped(reason.to(lang)));
                    format!("<td>{name}</td><td colspan=\"{}\">{reason}</td>", HEADS.len() - 1)
                }
            };
            table += &format!("<tr>{cells}</tr>\n");
        }
        table += "</tbody>\n";
    }
    format!("{table}</table>\n<p><small>{}</small></p>\n", escaped(LEGEND.to(lang)))
}
