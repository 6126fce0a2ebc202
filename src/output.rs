//! Where output goes and how it looks: standard output, or a file that appears only when it is complete.

use crate::exit::Exit;
use crate::render::palette::{Palette, Theme};
use crate::render::{Format, Style};
use crate::say;
use crate::sys::scratch;
use crate::text::{Lang, Text};
use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Stdout, Write};
use std::path::{Path, PathBuf};

/// When to colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    /// On a terminal, unless the environment says otherwise.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Where and how the output goes.
#[derive(Clone, Debug)]
pub(crate) struct Output {
    /// What is written.
    pub format: Format,
    /// The file; standard output when `None`.
    pub file: Option<PathBuf>,
    /// Colour.
    pub color: When,
    /// What the colours are made for.
    pub theme: Theme,
    /// Language.
    pub lang: Lang,
    /// More than ASCII.
    pub unicode: bool,
    /// The same text on every run.
    pub stable: bool,
    /// Every row of a run.
    pub full: bool,
}

/// Results go here; errors, progress and prompts go to standard error.
pub enum Destination {
    /// Standard output.
    Stdout(BufWriter<Stdout>),
    /// What is no regular file and keeps its place: a device, a pipe.
    Device(BufWriter<File>),
    /// A file beside its final name, until it is complete.
    File {
        /// The writer.
        writer: BufWriter<File>,
        /// The name it has while it grows; removed if the program ends before.
        growing: scratch::Scratch,
        /// The name it gets.
        name: PathBuf,
    },
}

impl Destination {
    /// Opens the file that was asked for; standard output when there is none.
    ///
    /// # Errors
    /// When the file cannot be made.
    pub fn open(file: Option<&Path>) -> io::Result<Destination> {
        let Some(name) = file else { return Ok(Destination::Stdout(BufWriter::new(io::stdout()))) };
        let there = std::fs::metadata(name).ok();
        // A new file must not take the place of /dev/null, nor of a link to the old one.
        let name = match &there {
            Some(there) if there.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
            Some(there) if there.is_file() => name.canonicalize()?,
            Some(_) => return Ok(Destination::Device(BufWriter::new(File::options().write(true).open(name)?))),
            None => name.to_owned(),
        };
        let file_name = name.file_name().ok_or_else(|| io::Error::from(io::ErrorKind::IsADirectory))?;
        let mut growing = std::ffi::OsString::from(".");
        growing.push(file_name);
        growing.push(format!(".{}.part", std::process::id()));
        let growing = name.with_file_name(growing);
        let (file, growing) = scratch::Scratch::file(growing)?;
        if let Some(there) = there {
            file.set_permissions(there.permissions())?;
        }
        Ok(Destination::File { writer: BufWriter::new(file), growing, name })
    }

    /// Everything is written: what was asked for is there from now on.
    ///
    /// # Errors
    /// When the last bytes cannot be written or the file cannot get its name.
    pub fn finish(self) -> io::Result<()> {
        match self {
            Destination::Stdout(mut writer) => writer.flush(),
            Destination::Device(mut writer) => writer.flush(),
            Destination::File { writer, growing, name } => {
                let file = writer.into_inner().map_err(io::IntoInnerError::into_error)?;
                // A run that came to nothing takes nobody's file away.
                if file.metadata()?.len() == 0 {
                    return Ok(());
                }
                file.sync_all()?;
                std::fs::rename(growing.path(), name)?;
                growing.keep();
                Ok(())
            }
        }
    }
}

impl Write for Destination {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Destination::Stdout(writer) => writer.write(bytes),
            Destination::Device(writer) | Destination::File { writer, .. } => writer.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Destination::Stdout(writer) => writer.flush(),
            Destination::Device(writer) | Destination::File { writer, .. } => writer.flush(),
        }
    }
}

/// How the output looks, from flags, environment and terminal.
pub(crate) fn style(output: &Output, variable: impl Fn(&str) -> Option<String>) -> Style {
    let terminal = output.file.is_none() && io::stdout().is_terminal();
    let set = |name: &str| variable(name).is_some_and(|value| !value.is_empty());
    let dumb = variable("TERM").is_some_and(|term| term == "dumb");
    let color = match output.color {
        When::Always => true,
        When::Never => false,
        When::Auto if set("NO_COLOR") => false,
        When::Auto if variable("CLICOLOR_FORCE").is_some_and(|v| !v.is_empty() && v != "0") => true,
        When::Auto => terminal && !dumb,
    };
    let size = terminal.then(terminal_size::terminal_size).flatten();
    let width = size.map_or(80, |(terminal_size::Width(columns), _)| usize::from(columns)).max(20);
    let Output { lang, unicode, stable, full, .. } = *output;
    Style { lang, width, palette: Palette::themed(color, output.theme), unicode, stable, full }
}

/// Says something on standard error. That nobody reads it is no reason to fail.
pub fn tell(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// An error message on standard error, in the reader's language.
pub(crate) fn complain(text: &Text, lang: Lang) {
    tell(Text::new("error: {}", "错误：{}").with(text).to(lang));
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

/// Why writing the output failed, with what to do.
pub(crate) fn unwritable(file: Option<&Path>, error: &io::Error) -> Text {
    match file {
        Some(file) => {
            let file = file.display();
            say!("cannot write {file}: {error}; nothing was left there", "无法写入 {file}：{error}；没有留下半个文件")
        }
        None => say!("cannot write the output: {error}", "无法写出结果：{error}"),
    }
}
