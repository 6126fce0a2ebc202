//! One page that holds everything and asks nobody for anything: a run, or several, with tapes, ladder, claims and a
//! table of the events; both languages, light and dark. What a reader sees without scripts is all there; the script
//! lights, steps and copies what is written.

mod article;
mod controls;
mod event_table;
mod glossary;
mod policy;
mod repeated;
mod sources;

pub use repeated::{Repeated, repeated};

use self::glossary::Marker;
use super::picture::{self, Speech};
use super::{Report, Style};
use crate::say;
use crate::text::{Lang, Text, escaped};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use std::collections::BTreeSet;
use std::io::{self, Write};

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");

/// Writes a page of one run.
///
/// # Errors
/// What writing says.
pub fn run(out: &mut dyn Write, report: &Report, style: &Style) -> io::Result<()> {
    runs(out, std::slice::from_ref(report), style)
}

/// Writes a page of several runs.
///
/// # Errors
/// What writing says.
pub fn runs(out: &mut dyn Write, reports: &[Report], style: &Style) -> io::Result<()> {
    let name = |report: &Report| {
        Text::new("{}: {}", "{}：{}").with_all([&Text::same(&*report.head.scenario), &report.head.title])
    };
    let title = match reports {
        [first, others @ ..] if others.iter().all(|other| other.head.scenario == first.head.scenario) => name(first),
        several => Text::new("{} runs", "{} 次运行").with(&Text::same(several.len().to_string())),
    };
    let prefix = |n: usize| if reports.len() == 1 { String::new() } else { format!("r{}-", n + 1) };
    let mut terms = BTreeSet::new();
    let mut article = |n: usize, report: &Report| {
        let mut words = Marker::default();
        let article = slim(article::article(report, &prefix(n), &mut words, &html! {}));
        terms.append(&mut words.marked);
        article
    };
    let articles: Vec<Markup> = reports.iter().enumerate().map(|(n, report)| article(n, report)).collect();
    let class = match reports.len() {
        1 => "alone",
        2 => "beside",
        _ => "listed",
    };
    let body = html! {
        div class=(class) {
            @if reports.len() > 2 { (contents(reports, prefix)) }
            main { @for article in articles { (article) } }
        }
        (glossary::meanings(&terms))
    };
    out.write_all(document(&title, style, &body).into_string().as_bytes())
}

/// Without the ends that HTML lets one leave away (§13.1.2.4): a long recording has many of them.
fn slim(markup: Markup) -> Markup {
    let empty = ["rect", "path", "circle", "use"].map(|tag| (format!("></{tag}>"), "/>"));
    let implied = ["td", "tr", "li", "dt", "dd"].map(|tag| (format!("</{tag}>"), ""));
    let ends = empty.into_iter().chain(implied);
    PreEscaped(ends.fold(markup.into_string(), |page, (end, short)| page.replace(&end, short)))
}

/// The runs of a page with several, each with its verdict.
fn contents(reports: &[Report], prefix: impl Fn(usize) -> String) -> Markup {
    html! {
        nav {
            ol {
                @for (n, report) in reports.iter().enumerate() {
                    @let ending = article::ending(report);
                    li class=(ending) { a href={ "#" (prefix(n)) "run" } { (escaped(&report.head.scenario)) } }
                }
            }
        }
    }
}

fn document(title: &Text, style: &Style, body: &Markup) -> Markup {
    let css = [&picture::page_colors(), &picture::message_rules(), picture::STYLE, STYLE].concat();
    let lang = style.lang;
    let tag = if lang == Lang::Zh { "zh-CN" } else { "en" };
    html! {
        (DOCTYPE)
        html lang=(tag) {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy::policy(&css, SCRIPT));
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title.to(lang)) " · stickdemo" }
                (picture::sheet(&css))
            }
            body.quiz[style.quiz] {
                (controls::bar(lang))
                (body)
                footer { p { (Speech::Both.html(&made_by())) } }
                svg.patterns width="0" height="0" aria-hidden="true" { (picture::patterns()) }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    }
}

fn made_by() -> Text {
    let version = env!("CARGO_PKG_VERSION");
    say!(
        "Made by stickdemo {version} from a recorded run. This file asks nothing of any network.",
        "由 stickdemo {version} 根据一次运行的记录生成。本文件不访问任何网络。"
    )
}
