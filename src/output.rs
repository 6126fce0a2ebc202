//! Where output goes and how it looks: standard output, or a file that appears only when it is complete.

use crate::exit::Exit;
use crate::render::palette::{Palette, Theme};
use crate::render::{Extent, Format, Style};
use crate::say;
use crate::sys::partial::{Folder, PartialFile};
use crate::sys::terminal::understands_escapes;
use crate::text::{Lang, Text, escaped, printable};
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
    /// How much of a run.
    pub extent: Extent,
    /// A page that lets its reader guess first.
    pub quiz: bool,
}

/// Results go here; errors, progress and prompts go to standard error.
pub enum Destination {
    /// Standard output.
    Stdout(BufWriter<Stdout>),
    /// What is no regular file and keeps its place: a device, a pipe.
    Device(BufWriter<File>),
    /// A file that gets its name when it is complete.
    File(BufWriter<PartialWriter>),
}

/// What a file that is not complete is written to.
pub struct PartialWriter(PartialFile);

impl Write for PartialWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.file().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Destination {
    /// Opens the file that was asked for, as a shell's `>` would: through links, also to what is not there yet, and only
    /// what may be written. Standard output when there is none.
    ///
    /// # Errors
    /// When the file cannot be made.
    pub fn open(file: Option<&Path>) -> io::Result<Destination> {
        let Some(name) = file else { return Ok(Destination::Stdout(BufWriter::new(io::stdout()))) };
        match std::fs::metadata(name) {
            Ok(there) if there.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
            Ok(there) => {
                let old = File::options().write(true).open(name)?;
                // A new file must not take the place of /dev/null; and what /dev/stdout links to may have no name.
                if !there.is_file() {
                    return Ok(Destination::Device(BufWriter::new(old)));
                }
            }
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(e) => return Err(e),
        }
        let name = target(name)?;
        let file_name = name.file_name().ok_or_else(|| io::Error::from(io::ErrorKind::IsADirectory))?;
        let folder = name.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let part = PartialFile::new(&Folder::open(folder)?, file_name)?;
        Ok(Destination::File(BufWriter::new(PartialWriter(part))))
    }

    /// Everything is written: what was asked for is there from now on.
    ///
    /// # Errors
    /// When the last bytes cannot be written or the file cannot get its name.
    pub fn finish(self) -> io::Result<()> {
        match self {
            Destination::Stdout(mut writer) => writer.flush(),
            Destination::Device(mut writer) => writer.flush(),
            Destination::File(writer) => {
                let PartialWriter(mut part) = writer.into_inner().map_err(io::IntoInnerError::into_error)?;
                // A run that came to nothing takes nobody's file away.
                if part.file().metadata()?.len() == 0 {
                    return Ok(());
                }
                part.file().sync_all()?;
                part.keep(true)
            }
        }
    }
}

/// What a path names in the end, which may not be there yet.
fn target(name: &Path) -> io::Result<PathBuf> {
    /// As many links as Linux follows (path_resolution(7)).
    const MOST: usize = 40;
    let mut name = name.to_owned();
    for _ in 0..MOST {
        let Ok(to) = std::fs::read_link(&name) else { return Ok(name) };
        name = name.parent().unwrap_or(Path::new("")).join(to);
    }
    std::fs::metadata(&name).map(|_| name)
}

impl Write for Destination {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Destination::Stdout(writer) => writer.write(bytes),
            Destination::Device(writer) => writer.write(bytes),
            Destination::File(writer) => writer.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Destination::Stdout(writer) => writer.flush(),
            Destination::Device(writer) => writer.flush(),
            Destination::File(writer) => writer.flush(),
        }
    }
}

/// How the output looks, from flags, environment and terminal.
pub(crate) fn style(output: &Output, variable: impl Fn(&str) -> Option<String>) -> Style {
    let terminal = output.file.is_none() && io::stdout().is_terminal();
    // Asked for whoever wants colours always, too.
    let drawn = terminal && understands_escapes();
    let set = |name: &str| variable(name).is_some_and(|value| !value.is_empty());
    let dumb = variable("TERM").is_some_and(|term| term == "dumb");
    let color = match output.color {
        When::Always => true,
        When::Never => false,
        When::Auto if set("NO_COLOR") => false,
        When::Auto if variable("CLICOLOR_FORCE").is_some_and(|v| !v.is_empty() && v != "0") => true,
        When::Auto => drawn && !dumb,
    };
    let size = terminal.then(terminal_size::terminal_size).flatten();
    let width = size.map_or(80, |(terminal_size::Width(columns), _)| usize::from(columns)).max(20);
    let Output { lang, unicode, stable, extent, quiz, .. } = *output;
    Style { lang, width, palette: Palette::themed(color, output.theme), unicode, stable, extent, quiz }
}

/// Says something on standard error, whatever words went into it. That nobody reads it is no reason to fail.
pub fn tell(text: &str) {
    let _ = writeln!(io::stderr(), "{}", printable(text));
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
            let file = escaped(&file.to_string_lossy());
            say!("cannot write {file}: {error}; nothing was left there", "无法写入 {file}：{error}；没有留下半个文件")
        }
        None => say!("cannot write the output: {error}", "无法写出结果：{error}"),
    }
}
