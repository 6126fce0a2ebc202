//! `framings`: what gives a stream its message boundaries back, by name.

use crate::cli::Command;
use crate::cli::command::{Context, Task};
use crate::exit::Exit;
use crate::framing::Kind;
use crate::render::palette::Ink;
use crate::render::{Format, Style};
use crate::text::Text;
use crate::text::columns::{padded, wrapped};
use serde_json::{Value, json};
use std::io::{self, Write};

pub(super) fn command() -> Command {
    let summary = Text::new("the framings by name: shape, use, usual mistake", "各种分帧：格式、用处、常见错误");
    Command::new("framings", summary, |_, _| Ok(Task::new(run)))
        .formats([Format::Text, Format::Json])
        .words([("framings", "protocols 协议格式 分帧方式")])
}

fn run(context: &Context, out: &mut dyn Write) -> io::Result<Exit> {
    let style = &context.style;
    match context.format {
        Format::Json => {
            writeln!(out, "{:#}", Value::Array(Kind::ALL.into_iter().map(|kind| entry(kind, style)).collect()))?
        }
        _ => Kind::ALL.into_iter().try_for_each(|kind| tell(kind, style, out))?,
    }
    Ok(Exit::Done)
}

fn entry(kind: Kind, style: &Style) -> Value {
    let to = |text: Text| text.to(style.lang).to_owned();
    json!({
        "name": kind.name(),
        "aliases": kind.aliases(),
        "shape": to(kind.shape()),
        "used": to(kind.used()),
        "mistake": to(kind.mistake()),
    })
}

/// Where a row's text begins, in columns.
const INDENT: usize = 11;

fn tell(kind: Kind, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let rows = [
        (Text::same(kind.name()), kind.shape(), Ink::Strong),
        (Text::new("  used", "  用处"), kind.used(), Ink::Faint),
        (Text::new("  mistake", "  易错"), kind.mistake(), Ink::Faint),
    ];
    for (label, text, ink) in rows {
        for (at, line) in wrapped(text.to(style.lang), style.width.saturating_sub(INDENT)).iter().enumerate() {
            let label = padded(if at == 0 { label.to(style.lang) } else { "" }, INDENT);
            writeln!(out, "{}{line}", style.palette.paint(&label, ink))?;
        }
    }
    Ok(())
}
