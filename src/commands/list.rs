//! `list`: the syllabus.

use crate::cli::Command;
use crate::cli::args::{flag, positional};
use crate::cli::command::{Context, Task};
use crate::cli::guess;
use crate::exit::Exit;
use crate::output::complain;
use crate::render::Format;
use crate::render::Style;
use crate::render::palette::Ink;
use crate::say;
use crate::scenarios::{MYTHS, Myth, Scenario, SyllabusPart, syllabus};
use crate::text::columns::{padded, wrapped};
use crate::text::{Text, escaped};
use serde_json::{Value, json};
use std::io::{self, Write};

pub(super) fn command() -> Command {
    let summary = Text::new("the syllabus, or what has to do with a word", "课程大纲，或与某个词有关的场景");
    let about = Text::new(
        "The syllabus: every scenario with its claim, or those that have to do with WORD. With --format json one array.",
        "课程大纲：所有场景及其论断，或与某个词有关的。--format json 输出一个数组。",
    );
    Command::new("list", summary, |matches, _| {
        let words: Vec<&str> = matches.get_many::<String>("word").into_iter().flatten().map(String::as_str).collect();
        let (word, myths) = (words.join(" "), matches.get_flag("myths"));
        Ok(Task::new(move |context, out| match myths {
            true => myths_in(context, out),
            false => run(&word, context, out),
        }))
    })
    .about(about)
    .formats([Format::Text, Format::Json])
    .args(|lang| {
        let word = Text::new("only what has to do with it: an id, a term, 粘包", "只列与它有关的：场景名、术语、粘包");
        let myths = Text::new("what one may have read, and the run that refutes it", "常见的误解，以及推翻它的场景");
        vec![
            positional("word", "WORD", lang, word).required(false).num_args(0..),
            flag("myths", lang, myths).conflicts_with("word"),
        ]
    })
    .words([("list", "ls scenarios syllabus index menu 列表 场景 目录")])
}

fn run(word: &str, context: &Context, out: &mut dyn Write) -> io::Result<Exit> {
    let style = &context.style;
    let lines = guess::lines(word, &context.commands);
    let mut scenarios = syllabus();
    scenarios.retain(|scenario| lines.contains(&scenario.id) || says(scenario, word));
    let other: Vec<&str> = lines.into_iter().filter(|line| scenarios.iter().all(|s| s.id != *line)).collect();
    if scenarios.is_empty() && other.is_empty() {
        let word = escaped(word);
        let unknown = say!(
            "nothing here has to do with {word}; stickdemo list shows everything",
            "这里没有与 {word} 有关的内容；stickdemo list 列出全部"
        );
        complain(&unknown, style.lang);
        return Ok(Exit::Usage);
    }
    match context.format {
        Format::Json => writeln!(out, "{:#}", listing(&scenarios, style))?,
        _ => list(out, &scenarios, &other, style)?,
    }
    Ok(Exit::Done)
}

/// Does the word stand in what is said about it, in either language?
fn says(scenario: &Scenario, word: &str) -> bool {
    let word = word.to_lowercase();
    let within = |text: &str| text.to_lowercase().contains(&word);
    let texts = [&scenario.title, &scenario.claim];
    scenario.id.contains(&guess::normal(&word)) || texts.iter().any(|text| within(&text.en) || within(&text.zh))
}

/// What one may have read, and what is so.
fn myths_in(context: &Context, out: &mut dyn Write) -> io::Result<Exit> {
    let style = &context.style;
    let to = |text: &Text| text.to(style.lang).to_owned();
    if context.format == Format::Json {
        let entry = |myth: &Myth| json!({ "said": to(&myth.said), "really": to(&myth.really), "see": myth.see });
        writeln!(out, "{:#}", Value::Array(MYTHS.iter().map(entry).collect()))?;
        return Ok(Exit::Done);
    }
    let head = Text::new("You may have read that ...", "你可能读到过……");
    writeln!(out, "{}", style.palette.paint(head.to(style.lang), Ink::Strong))?;
    for (n, myth) in (1..).zip(&MYTHS) {
        for (at, line) in wrapped(myth.said.to(style.lang), style.width.saturating_sub(4)).iter().enumerate() {
            match at {
                0 => writeln!(out, "{n:>2}  {line}")?,
                _ => writeln!(out, "    {line}")?,
            }
        }
        for line in wrapped(myth.really.to(style.lang), style.width.saturating_sub(6)) {
            writeln!(out, "      {}", style.palette.paint(&line, Ink::Faint))?;
        }
        writeln!(out, "      stickdemo {}", myth.see)?;
    }
    Ok(Exit::Done)
}

/// The syllabus, part by part.
fn list(out: &mut dyn Write, scenarios: &[Scenario], other: &[&str], style: &Style) -> io::Result<()> {
    let widest = scenarios.iter().map(|s| s.id.len()).max().unwrap_or(0);
    let narrow = style.width < 60;
    let indent = if narrow { 4 } else { widest + 4 };
    for part in SyllabusPart::ALL.into_iter().filter(|part| scenarios.iter().any(|s| s.part == *part)) {
        let number = part.number();
        let head = Text::new("Part {}. {}", "第 {} 部分 {}").with(&Text::same(number.to_string())).with(&part.title());
        writeln!(out, "{}", style.palette.paint(head.to(style.lang), Ink::Strong))?;
        for scenario in scenarios.iter().filter(|s| s.part == part) {
            let text = format!("{} ({})", scenario.claim.to(style.lang), scenario.documents.join(", "));
            let lines = wrapped(&text, style.width.saturating_sub(indent));
            let mut lines = lines.iter();
            if narrow {
                writeln!(out, "  {}", scenario.id)?;
            } else if let Some(first) = lines.next() {
                writeln!(out, "  {}  {first}", padded(scenario.id, widest))?;
            }
            for line in lines {
                writeln!(out, "{}{line}", " ".repeat(indent))?;
            }
        }
        writeln!(out)?;
    }
    if !other.is_empty() {
        for line in other {
            writeln!(
                out,
                "{}",
                Text::new("also: stickdemo {}", "还有：stickdemo {}").with(&Text::same(*line)).to(style.lang)
            )?;
        }
        writeln!(out)?;
    }
    let hint = Text::new(
        "stickdemo SCENARIO runs one; stickdemo all runs every one.",
        "stickdemo 场景名：运行一个；stickdemo all：全部运行。",
    );
    writeln!(out, "{}", hint.to(style.lang))
}

/// `list --format json`: one array.
fn listing(scenarios: &[Scenario], style: &Style) -> Value {
    let entry = |s: &Scenario| {
        json!({
            "id": s.id,
            "part": s.part.number(),
            "title": s.title.to(style.lang),
            "claim": s.claim.to(style.lang),
            "documents": s.documents,
        })
    };
    Value::Array(scenarios.iter().map(entry).collect())
}
