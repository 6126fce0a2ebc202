//! `list`: the syllabus.

use crate::cli::Command;
use crate::cli::command::{Context, Task};
use crate::exit::Exit;
use crate::render::Format;
use crate::render::Style;
use crate::render::palette::Ink;
use crate::scenarios::{Scenario, SyllabusPart, syllabus};
use crate::text::Text;
use crate::text::columns::{padded, wrapped};
use serde_json::{Value, json};
use std::io::{self, Write};

pub(super) fn command() -> Command {
    let summary = Text::new("the syllabus: every scenario with its claim", "课程大纲：所有场景及其结论");
    Command::new("list", summary, |_, _| Ok(Task::new(run)))
        .formats([Format::Text, Format::Json])
        .words([("list", &["ls", "scenarios", "syllabus", "index", "menu", "列表", "场景", "目录"] as &[_])])
}

fn run(context: &Context, out: &mut dyn Write) -> io::Result<Exit> {
    match context.format {
        Format::Json => writeln!(out, "{:#}", listing(&syllabus(), &context.style))?,
        _ => list(out, &syllabus(), &context.style)?,
    }
    Ok(Exit::Done)
}

/// The syllabus, part by part.
fn list(out: &mut dyn Write, scenarios: &[Scenario], style: &Style) -> io::Result<()> {
    let widest = scenarios.iter().map(|s| s.id.len()).max().unwrap_or(0);
    let narrow = style.width < 60;
    let indent = if narrow { 4 } else { widest + 4 };
    for part in SyllabusPart::ALL {
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
