//! One run: what it establishes, its verdict, its tapes, its ladder, its claims, why, and what to try.

use super::glossary::Marker;
use super::sources::sources;
use super::{controls, event_table};
use crate::claims::{Claim, Table, Verdict, held};
use crate::render::Report;
use crate::render::picture::{self, Drawn, MOST_ROWS, Spacing, Speech, px};
use crate::render::report::RunEnd;
use crate::render::rows::{Row, counted, rows};
use crate::render::tapes::{Tapes, streams};
use crate::say;
use crate::text::{Text, escaped, grouped};
use crate::trace::Proto;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use maud::{Markup, html};

/// How wide tapes become.
const WIDE: f64 = 1120.0;
/// The bytes of a longer stream are not in the page.
const BYTES: usize = 8 << 10;
/// Links to what shows a claim, at most.
const EVIDENCE: usize = 12;
/// A ladder with more rows is not drawn to scale, too.
const SCALED: usize = 1_000;
/// Of a ladder with more parts a browser draws only those that are seen.
const SEEN: usize = 8;
/// Streams whose tapes are open from the start.
const OPEN: usize = 4;

/// The run, below its head what else is to be said first. What is in front of its events' numbers tells them from
/// another run's on the same page.
pub(super) fn article(report: &Report, prefix: &str, words: &mut Marker, first: &Markup) -> Markup {
    let streams = streams(report);
    // What was watched can be run again by whoever has it: the recording does not say how.
    let again = (report.head.part > 0).then(|| command(report));
    html! {
        article id={ (prefix) "run" } data-prefix=(prefix) data-command=[again] {
            (head(report, words))
            (first)
            (tapes(report, &streams))
            (ladder(report, &streams, prefix))
            (claims(report, prefix, words))
            (why_and_next(report, words))
            (event_table::table(report))
        }
    }
}

fn head(report: &Report, words: &mut Marker) -> Markup {
    let head = &report.head;
    let question = if head.question.en.is_empty() { &head.title } else { &head.question };
    html! {
        header.head {
            div {
                p.kicker {
                    code { (escaped(&head.scenario)) } " · " (Speech::Both.html(&head.title))
                    @if !head.documents.is_empty() { " · " (escaped(&head.documents.join(", "))) }
                }
                h1 { (Speech::Both.html(question)) }
                p.answer { (words.text(&head.claim)) }
                @if let Some(control) = &head.control {
                    p.changed { (Speech::Both.html(&Text::new("Control: {}", "对照实验：{}").with(&control.change))) }
                }
                @if !head.given.is_empty() || head.link.is_some() { p.changed { code { (escaped(&command(report))) } } }
            }
            (verdict(report))
        }
    }
}

/// The command that plays this again.
fn command(report: &Report) -> String {
    let head = &report.head;
    let control = if head.control.is_some() { " --control" } else { "" };
    let link = head.link.as_ref().map(|link| format!(" --link {link}")).unwrap_or_default();
    let given = head.given_words();
    format!("stickdemo {}{control}{link} {given}", head.scenario).trim_end().to_owned()
}

/// The class of how it ended.
pub(super) fn ending(report: &Report) -> &'static str {
    match report.ending() {
        RunEnd::Shown if report.findings.verdict.claims_nothing() => "unknown",
        RunEnd::Shown | RunEnd::ControlPassed => "good",
        RunEnd::NotHere => "unknown",
        RunEnd::NotShown | RunEnd::ControlFailed | RunEnd::Impossible | RunEnd::Broken => "bad",
    }
}

fn verdict(report: &Report) -> Markup {
    let findings = &report.findings;
    let detail = match &findings.verdict {
        Verdict::NotPossibleHere(reason) => reason.clone(),
        Verdict::Observed => Text::new("nothing was claimed", "没有要验证的论断"),
        _ => held(&findings.claims),
    };
    html! {
        div class={ "verdict " (ending(report)) } {
            strong { (Speech::Both.html(&report.outcome())) }
            " " span { (Speech::Both.html(&detail)) }
            @if let Some(failed) = &report.failure { p.failure { (Speech::Both.html(&failed.sentence())) } }
        }
    }
}

fn tapes(report: &Report, streams: &[Tapes]) -> Markup {
    html! {
        @if !streams.is_empty() {
            section.tapes aria-label={ "tapes of " (escaped(&report.head.scenario)) } {
                @for (n, stream) in streams.iter().enumerate() {
                    @if n < OPEN { (strip(report, stream, n)) }
                }
                @if streams.len() > OPEN {
                    details {
                        summary { (Speech::Both.html(&more(streams.len() - OPEN))) }
                        @for (n, stream) in streams.iter().enumerate().skip(OPEN) { (strip(report, stream, n)) }
                    }
                }
            }
        }
    }
}

fn more(n: usize) -> Text {
    say!("{n} more streams", "另外 {n} 个方向")
}

fn strip(report: &Report, stream: &Tapes, n: usize) -> Markup {
    let drawn = picture::tapes(stream, &report.trace, Speech::Both, WIDE);
    let bytes = (stream.len <= BYTES).then(|| STANDARD.encode(stream.bytes(&report.trace, 0..stream.len)));
    let proto = if stream.proto == Proto::Tcp { "TCP" } else { "UDP" };
    html! {
        figure.strip {
            figcaption { (Speech::Both.html(&stream.name(&report.trace))) }
            div.scroll tabindex="0" role="group" aria-label={ "tapes " (n + 1) } data-proto=(proto) data-axis=(drawn.axis) data-bytes=[bytes] { (svg(&drawn)) }
        }
    }
}

fn svg(drawn: &Drawn) -> Markup {
    let (wide, top, high) = (drawn.wide.ceil(), px(drawn.top), px(drawn.high));
    html! { svg width=(wide) height=(high) viewBox={ "0 " (top) " " (wide) " " (high) } aria-hidden="true" { (drawn.markup) } }
}

fn ladder(report: &Report, streams: &[Tapes], prefix: &str) -> Markup {
    let drawn = |spacing| picture::ladder(report, streams, Speech::Both, spacing, Some(prefix));
    let all = rows(report).len();
    let clock = report.has_clock() && all <= SCALED;
    html! {
        section.ladder {
            h2 { (Speech::Both.html(&Text::new("What happened", "发生了什么"))) }
            @if all > MOST_ROWS { p.aside { (Speech::Both.html(&left_out(all))) } }
            @if clock { (scales(prefix)) }
            @let parts = drawn(Spacing::Rows);
            div.scroll.rows.parts[parts.len() > SEEN] tabindex="0" role="group" aria-label="ladder" { @for part in &parts { (svg(part)) } }
            @if clock { div.scroll.times tabindex="0" role="group" aria-label="ladder to scale" { @for part in drawn(Spacing::Times) { (svg(&part)) } } }
        }
    }
}

fn left_out(all: usize) -> Text {
    let [shown, all] = [MOST_ROWS, all].map(grouped);
    say!(
        "The first {shown} of {all} rows are shown; --format json has them all.",
        "只显示 {all} 行中的前 {shown} 行；--format json 里有全部。"
    )
}

/// The switch between a row for every event, and as far apart as their times.
fn scales(prefix: &str) -> Markup {
    let name = format!("{prefix}scale");
    let legend = Text::new("Distance of rows", "行距");
    let choices = [("rows", Text::new("Row by row", "逐行")), ("times", Text::new("To scale", "按时间"))];
    controls::choices(&name, &legend, &choices, "rows")
}

/// The table that the run shows, where its lesson is one.
fn lesson(table: &Table) -> Markup {
    html! {
        div.scroll.lesson tabindex="0" role="group" aria-label="table" {
            table {
                thead { tr { @for head in &table.heads { @if head.en.is_empty() { td {} } @else { th scope="col" { (Speech::Both.html(head)) } } } } }
                tbody {
                    @for row in &table.rows {
                        tr {
                            th scope="row" { (Speech::Both.html(&row.name)) }
                            @for cell in &row.cells { td { (Speech::Both.html(&cell.exact)) } }
                        }
                    }
                }
            }
        }
    }
}

/// The claims, below what was counted.
fn claims(report: &Report, prefix: &str, words: &mut Marker) -> Markup {
    let findings = &report.findings;
    let rows: Vec<usize> = rows(report).iter().filter_map(Row::seq).collect();
    html! {
        section.claims {
            h2 { (Speech::Both.html(&Text::new("What it shows", "说明了什么"))) }
            @if let Some(table) = &findings.table { (lesson(table)) }
            @for text in counted(report) { p.counts { (Speech::Both.html(&text)) } }
            ol { @for claim in &findings.claims { (one_claim(report, claim, &rows, prefix, words)) } }
            @for text in findings.unjudged.iter().chain(&findings.limits) { p.aside { (Speech::Both.html(text)) } }
        }
    }
}

/// A claim with its two sides, and links to the rows of what shows it.
fn one_claim(report: &Report, claim: &Claim, rows: &[usize], prefix: &str, words: &mut Marker) -> Markup {
    let (class, mark) = match claim.holds {
        true => ("good", Text::new("holds", "成立")),
        false if report.fails_as_it_must(claim) => ("good", Text::new("fails, as it must", "理应不成立")),
        false => ("bad", Text::new("fails", "不成立")),
    };
    let row = |seq: usize| rows[rows.partition_point(|row| *row <= seq).saturating_sub(1)];
    let last = if report.packets_vary() { report.trace.events.len() } else { usize::MAX };
    let told = !report.calls_vary() && !rows.is_empty();
    let events: Vec<usize> = claim.events.iter().copied().filter(|seq| told && *seq <= last).collect();
    html! {
        li.claim {
            span class={ "mark " (class) } { (Speech::Both.html(&mark)) }
            div {
                p { (words.text(&claim.text)) }
                dl {
                    dt { (Speech::Both.html(&Text::new("expected", "预期"))) } dd { (Speech::Both.html(&claim.expected.exact)) }
                    dt { (Speech::Both.html(&Text::new("got", "实际"))) } dd { (Speech::Both.html(&claim.actual.exact)) }
                }
                p.evidence {
                    @for seq in events.iter().take(EVIDENCE) { a href={ "#" (prefix) "e" (row(*seq)) } data-e=(seq) { "#" (seq) } " " }
                    @if events.len() > EVIDENCE { "…" }
                }
            }
        }
    }
}

fn why_and_next(report: &Report, words: &mut Marker) -> Markup {
    let (why, next) = (report.why(), report.suggestions());
    if why.is_empty() && next.is_empty() {
        return html! {};
    }
    html! {
        section.why {
            @if !why.is_empty() { div {
                h2 { (Speech::Both.html(&Text::new("Why", "原因"))) }
                @for why in &why { p { (words.text(&why.text)) " " cite { (sources(&why.source)) } } }
            } }
            div {
                h2 { (Speech::Both.html(&Text::new("Next", "接着试"))) }
                dl.next {
                    @for next in &next {
                        dt { code { "stickdemo " (escaped(&next.command)) } }
                        dd { (Speech::Both.html(&next.shows)) }
                    }
                }
            }
        }
    }
}
