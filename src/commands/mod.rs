//! The commands: each takes what the command line asked for and answers with an exit code.

mod all;
mod busy;
mod capture;
pub mod cost;
mod doctor;
mod generate;
mod repeat;
mod replay;
mod report;
mod show;

pub use report::report;

use crate::cli::{Request, Task};
use crate::exit::Exit;
use crate::output::Format;
use crate::output::{Sink, style, tell, unwritable};
use crate::programs;
use crate::render::{self, Style};
use crate::text::{Lang, Text};
use std::io::{self, Write};

/// Does what was asked.
pub fn run(request: &Request) -> Exit {
    let style = style(&request.output, |name| std::env::var(name).ok());
    let sink = Sink::open(request.output.file.as_deref());
    let done = sink.and_then(|sink| {
        let (exit, sink) = dispatch(request, &style, sink)?;
        sink.finish()?;
        Ok(exit)
    });
    match done {
        Ok(exit) => exit,
        // Whoever read our output has seen enough.
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Exit::Done,
        Err(e) => {
            complain(&unwritable(request.output.file.as_deref(), &e), style.lang);
            Exit::NotHere
        }
    }
}

/// Prints a text that was asked for on standard output.
pub fn print(text: &str, lang: Lang) -> Exit {
    let mut out = io::stdout();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        // A reader that went away (`--help | head -1`) has seen enough.
        Err(e) if e.kind() != io::ErrorKind::BrokenPipe => {
            complain(&unwritable(None, &e), lang);
            Exit::NotHere
        }
        _ => Exit::Done,
    }
}

/// An error message on standard error, in the reader's language.
fn complain(text: &Text, lang: Lang) {
    tell(Text::new("error: {}", "错误：{}").with(text).to(lang));
}

/// Does it, and hands back what it wrote to.
fn dispatch(request: &Request, style: &Style, mut out: Sink) -> io::Result<(Exit, Sink)> {
    let format = request.output.format;
    let exit = match &request.task {
        Task::Run(run) => replay::run(run, format, style, &mut out),
        Task::All { repeat, busy, link } => all::run(*repeat, *busy, link, format, style, &mut out),
        Task::List => list(format, style, &mut out),
        Task::Show(file) => show::run(file, format, style, &mut out),
        Task::Doctor => doctor::run(format, style, &mut out),
        Task::Cost(request) => cost::run(request, format, style, &mut out),
        Task::Program(program) => return programs::run(program, format, style, out),
        Task::Completions(shell) => generate::completions(shell, style, &mut out),
        Task::Man => generate::man(style, &mut out),
    }?;
    Ok((exit, out))
}

fn list(format: Format, style: &Style, out: &mut dyn Write) -> io::Result<Exit> {
    let scenarios = crate::scenarios::syllabus();
    match format {
        Format::Json => writeln!(out, "{:#}", render::listing_json(&scenarios, style))?,
        _ => render::list(out, &scenarios, style)?,
    }
    Ok(Exit::Done)
}
