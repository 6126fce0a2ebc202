//! `list`: the syllabus.

use crate::cli::Command;
use crate::cli::command::{Context, Task};
use crate::exit::Exit;
use crate::output::Format;
use crate::render;
use crate::scenarios::syllabus;
use crate::text::Text;
use std::io::{self, Write};

pub(super) fn command() -> Command {
    let summary = Text::new("the syllabus: every scenario with its claim", "课程大纲：所有场景及其结论");
    Command::new("list", summary, |_, _| Ok(Task::new(run))).formats([Format::Text, Format::Json])
}

fn run(context: &Context, out: &mut dyn Write) -> io::Result<Exit> {
    match context.format {
        Format::Json => writeln!(out, "{:#}", render::listing_json(&syllabus(), &context.style))?,
        _ => render::list(out, &syllabus(), &context.style)?,
    }
    Ok(Exit::Done)
}
