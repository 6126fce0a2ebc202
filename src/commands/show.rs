//! `show FILE`: renders a recorded run exactly as it was rendered when it was played.

use crate::cli::Command;
use crate::cli::args::get;
use crate::cli::command::{Context, Task};
use crate::commands::common_options::full;
use crate::exit::Exit;
use crate::output::complain;
use crate::render::Format;
use crate::render::report::{Damage, Reader};
use crate::render::{self, Report, Style};
use crate::say;
use crate::text::{Lang, Text, escaped};
use clap::{Arg, ValueHint, value_parser};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

pub(super) fn command() -> Command {
    let summary = Text::new("render a recorded run as when it was played", "把记录下来的运行按当时的样子重新显示");
    Command::new("show", summary, |matches, _| {
        let file: PathBuf = get(matches, "file").unwrap_or_default();
        Ok(Task::new(move |context, out| run(&file, context, out)))
    })
    .formats(Format::of_reports())
    .args(|lang| vec![file(lang), full(lang)])
}

fn file(lang: Lang) -> Arg {
    let help = Text::new(
        "what --format json wrote of one run, or of several; - is standard input",
        "--format json 写下的一次或多次运行；- 表示标准输入",
    );
    Arg::new("file")
        .value_name("FILE")
        .required(true)
        .value_parser(value_parser!(PathBuf))
        .value_hint(ValueHint::FilePath)
        .help(help.to(lang).to_owned())
}

/// Renders every run that is recorded in the file; `-` is standard input.
fn run(file: &Path, context: &Context, out: &mut dyn Write) -> io::Result<Exit> {
    let name = escaped(&file.to_string_lossy());
    if name == "-" {
        return all(&name, io::stdin().lock(), context, out);
    }
    match open(file) {
        Ok(file) => all(&name, BufReader::new(file), context, out),
        Err(error) => Ok(refused(&unopened(&name, &error), Exit::NotHere, &context.style)),
    }
}

fn all(name: &str, from: impl BufRead, context: &Context, out: &mut dyn Write) -> io::Result<Exit> {
    let (mut shown, style) = (0, &context.style);
    let mut page = Vec::new();
    for report in Reader::new(from) {
        match report {
            Ok(report) if context.format.is_one_document() => page.push(report),
            Ok(report) => render(out, &report, shown, context.format, style)?,
            Err(damage) => {
                out.flush()?;
                // A file that cannot be read is this machine's matter; one that is no recording was named by mistake.
                let exit = if matches!(damage, Damage::Unreadable(_)) { Exit::NotHere } else { Exit::Usage };
                return Ok(refused(&damage.text(name), exit, style));
            }
        }
        shown += 1;
    }
    if !page.is_empty() {
        render::page(out, &page, style)?;
    }
    Ok(if shown > 0 { Exit::Done } else { refused(&empty(name), Exit::Usage, style) })
}

/// As the live run did; between two texts is an empty line.
fn render(out: &mut dyn Write, report: &Report, before: usize, format: Format, style: &Style) -> io::Result<()> {
    if before > 0 && matches!(format, Format::Text | Format::Mermaid) {
        writeln!(out)?;
    }
    match &report.failure {
        Some(failed) if format == Format::Text && report.moved_nothing() => {
            out.flush()?;
            complain(&failed.sentence(), style.lang);
            Ok(())
        }
        _ => format.write(out, report, style),
    }
}

fn open(file: &Path) -> io::Result<File> {
    let opened = File::open(file)?;
    match opened.metadata()?.is_dir() {
        true => Err(io::ErrorKind::IsADirectory.into()),
        false => Ok(opened),
    }
}

fn unopened(name: &str, error: &io::Error) -> Text {
    say!(
        "cannot read {name}: {error}; stickdemo SCENARIO --format json --out FILE records a run",
        "无法读取 {name}：{error}；stickdemo 场景名 --format json --out 文件 可以记录一次运行"
    )
}

fn empty(name: &str) -> Text {
    say!(
        "{name} is empty; stickdemo SCENARIO --format json records a run",
        "{name} 是空的；stickdemo 场景名 --format json 可以记录一次运行"
    )
}

fn refused(text: &Text, exit: Exit, style: &Style) -> Exit {
    complain(text, style.lang);
    exit
}
