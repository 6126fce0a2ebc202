//! `show FILE`: renders a recorded run exactly as it was rendered when it was played.

use crate::cli::Command;
use crate::cli::command::{Context, Task};
use crate::commands::common_options::{brief, full, quiz, quiz_fits, text_only};
use crate::exit::Exit;
use crate::output::complain;
use crate::render::Format;
use crate::render::report::{Damage, Reader};
use crate::render::{self, Extent, Report, Style};
use crate::say;
use crate::text::{Lang, Text, escaped};
use clap::{Arg, ValueHint, value_parser};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

pub(super) fn command() -> Command {
    let summary = Text::new("render a recorded run as when it was played", "把记录下来的运行按当时的样子重新显示");
    Command::new("show", summary, |matches, output| {
        quiz_fits(output)?;
        if output.extent != Extent::Screen && output.format != Format::Text {
            return Err(text_only());
        }
        let files: Vec<PathBuf> = matches.get_many("file").into_iter().flatten().cloned().collect();
        Ok(Task::new(move |context, out| run(&files, context, out)))
    })
    .formats(Format::of_reports())
    .args(|lang| vec![file(lang), full(lang), brief(lang), quiz(lang)])
}

fn file(lang: Lang) -> Arg {
    let help = Text::new(
        "what --format json wrote of one run, or of several; - is standard input. Two files of one run each are shown \
         beside each other",
        "--format json 写下的一次或多次运行；- 表示标准输入。两个文件、各一次运行时并排显示",
    );
    Arg::new("file")
        .value_name("FILE")
        .required(true)
        .num_args(1..)
        .value_parser(value_parser!(PathBuf))
        .value_hint(ValueHint::FilePath)
        .help(help.to(lang).to_owned())
}

/// Renders every run that is recorded in the files; `-` is standard input. Two are compared.
fn run(files: &[PathBuf], context: &Context, out: &mut dyn Write) -> io::Result<Exit> {
    let compared = context.format == Format::Text && context.style.extent == Extent::Screen && files.len() == 2;
    let mut shown = Rendered { count: 0, kept: compared || context.format.is_one_document(), together: Vec::new() };
    for file in files {
        let name = escaped(&file.to_string_lossy());
        let refusal = match (&*name, open(file)) {
            ("-", _) => shown.all(&name, io::stdin().lock(), context, out)?,
            (_, Ok(file)) => shown.all(&name, BufReader::new(file), context, out)?,
            (_, Err(error)) => Some((unopened(&name, &error), Exit::NotHere)),
        };
        if let Some((text, exit)) = refusal {
            out.flush()?;
            return Ok(refused(&text, exit, &context.style));
        }
    }
    match &shown.together[..] {
        [] => {}
        [a, b] if compared => render::beside(out, [a, b], &context.style)?,
        runs if compared => {
            let mut runs = runs.iter().enumerate();
            runs.try_for_each(|(before, run)| render(out, run, before, context.format, &context.style))?;
        }
        runs => context.format.write_together(out, runs, &context.style)?,
    }
    Ok(Exit::Done)
}

/// What is rendered so far.
struct Rendered {
    count: usize,
    /// Are they kept until all are read?
    kept: bool,
    /// Runs that make one document, or are compared.
    together: Vec<Report>,
}

impl Rendered {
    /// Every run of a file; or why not, and what that answers.
    fn all(
        &mut self,
        name: &str,
        from: impl BufRead,
        context: &Context,
        out: &mut dyn Write,
    ) -> io::Result<Option<(Text, Exit)>> {
        let before = self.count;
        for report in Reader::new(from) {
            match report {
                Ok(report) if self.kept => self.together.push(report),
                Ok(report) => render(out, &report, self.count, context.format, &context.style)?,
                Err(damage) => {
                    // A file that cannot be read is this machine's matter; one that is no recording was named by mistake.
                    let exit = if matches!(damage, Damage::Unreadable(_)) { Exit::NotHere } else { Exit::Usage };
                    return Ok(Some((damage.text(name), exit)));
                }
            }
            self.count += 1;
        }
        Ok((self.count == before).then(|| (empty(name), Exit::Usage)))
    }
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

/// Opens a file for reading; a folder is none.
///
/// # Errors
/// What the system says.
pub(super) fn open(file: &Path) -> io::Result<File> {
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
