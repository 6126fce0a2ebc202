//! A page of many runs: what came out how often, and one of them whole.

use super::glossary::{Marker, meanings};
use super::{article, document, slim};
use crate::render::picture::Speech;
use crate::render::table::{claim_failed, distribution_title, lengths, tally_title};
use crate::render::{FailedClaim, Report, Style};
use crate::say;
use crate::text::Text;
use crate::trace::summary::Tally;
use maud::{Markup, html};
use std::io::{self, Write};

/// Patterns that are shown.
const SHOWN: usize = 40;
/// How wide the longest bar is.
const WIDE: f64 = 360.0;

/// What came of many runs.
pub struct Repeated<'a> {
    /// How many there were.
    pub runs: usize,
    /// In how many every claim held.
    pub reproduced: usize,
    /// The lengths of the receive calls, and in how many runs they were so, the most frequent first.
    pub outcomes: &'a [(Vec<usize>, usize)],
    /// Claims that did not hold in some of them.
    pub failed: &'a [FailedClaim],
    /// What came through, where that is the answer.
    pub tallies: &'a [Tally],
    /// The share of the data packets that the link lost.
    pub loss: f64,
    /// The first of the runs.
    pub first: &'a Report,
}

/// Writes a page of many runs.
///
/// # Errors
/// What writing says.
pub fn repeated(out: &mut dyn Write, all: &Repeated, style: &Style) -> io::Result<()> {
    let mut words = Marker::default();
    let article = slim(article::article(all.first, "", &mut words, &outcomes(all)));
    let body = html! {
        div.alone { main { (article) } }
        (meanings(&words.marked))
    };
    let head = &all.first.head;
    let title = Text::new("{}: {}", "{}：{}").with_all([&Text::same(&*head.scenario), &head.title]);
    out.write_all(document(&title, style, &body).into_string().as_bytes())
}

fn outcomes(all: &Repeated) -> Markup {
    let title = if all.tallies.is_empty() {
        distribution_title(all.runs, all.reproduced)
    } else {
        tally_title(all.runs, all.loss)
    };
    let rest = all.outcomes.len().saturating_sub(SHOWN);
    html! {
        section.outcomes {
            h2 { (Speech::Both.html(&title)) }
            div.scroll.lesson tabindex="0" role="group" aria-label="outcomes" {
                table { tbody {
                    @for tally in all.tallies { (tallied(tally, all.loss)) }
                    @if all.tallies.is_empty() {
                        @for (pattern, count) in all.outcomes.iter().take(SHOWN) { (outcome(pattern, *count, all.runs)) }
                    }
                } }
            }
            @if rest > 0 && all.tallies.is_empty() { p.aside { (Speech::Both.html(&say!("{rest} further patterns", "另有 {rest} 种"))) } }
            @for failed in all.failed { p { (Speech::Both.html(&claim_failed(failed))) } }
            p.aside { (Speech::Both.html(&Text::new("Below is the first of these runs.", "下面是其中的第一次。"))) }
        }
    }
}

fn outcome(pattern: &[usize], count: usize, runs: usize) -> Markup {
    let share = count as f64 / runs.max(1) as f64;
    html! {
        tr {
            th scope="row" { code { (lengths(pattern)) } }
            td { (count) }
            td { (format!("{:.1}%", 100.0 * share)) }
            td { (bar(share)) }
        }
    }
}

/// What came through beside what is to be expected: of n packets all with the chance (1 - loss)^n.
fn tallied(tally: &Tally, loss: f64) -> Markup {
    let came = tally.came as f64 / tally.of.max(1) as f64;
    html! {
        tr {
            th scope="row" { (Speech::Both.html(&tally.what)) }
            td { (format!("{:.1}%", 100.0 * came)) }
            td { (format!("{:.1}%", 100.0 * tally.expected(loss))) }
            td { (bar(came)) }
        }
    }
}

fn bar(share: f64) -> Markup {
    let wide = format!("{:.1}", (share * WIDE).max(1.0));
    html! { svg.bars width=(WIDE) height="14" aria-hidden="true" { rect width=(wide) height="14" rx="2" {} } }
}
