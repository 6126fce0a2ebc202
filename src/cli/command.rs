//! A command: its name, its help, its arguments, the formats it writes, and what it does. Everything that lists
//! commands (help, man page, completions, complaints) reads these.

use crate::exit::Exit;
use crate::output::{Destination, Output};
use crate::render::Format;
use crate::render::Style;
use crate::say;
use crate::scenarios::SyllabusPart;
use crate::text::{Lang, Text};
use clap::{Arg, ArgMatches};
use std::io::{self, Write};

/// Where help lists a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Section {
    /// A scenario, in this part of the syllabus.
    Scenarios(SyllabusPart),
    /// The documents' own programs.
    Programs,
    /// Everything else.
    Tools,
}

type Define = Box<dyn Fn(clap::Command, Lang) -> clap::Command>;
type Read = Box<dyn Fn(&ArgMatches, &mut Output) -> Result<Task, Text>>;

/// One command of the command line.
pub(crate) struct Command {
    /// The word that calls it.
    pub(crate) name: &'static str,
    /// Where help lists it.
    pub(crate) section: Section,
    /// What it does, in a few words, for the list in the help.
    pub(crate) summary: Text,
    /// The same in a sentence, for its own help and the man page.
    pub(crate) about: Text,
    /// The formats it writes.
    pub(crate) formats: Vec<Format>,
    /// Lines that call it, and the words that people have for each, between spaces.
    pub(crate) words: Vec<(&'static str, &'static str)>,
    define: Define,
    read: Read,
}

impl Command {
    /// A tool that takes no arguments of its own and writes text; `read` checks the arguments.
    pub(crate) fn new(
        name: &'static str,
        summary: Text,
        read: impl Fn(&ArgMatches, &mut Output) -> Result<Task, Text> + 'static,
    ) -> Command {
        Command {
            name,
            section: Section::Tools,
            about: summary.clone(),
            summary,
            formats: vec![Format::Text],
            words: Vec::new(),
            define: Box::new(|command, _| command),
            read: Box::new(read),
        }
    }

    /// Where help lists it.
    pub(crate) fn section(self, section: Section) -> Command {
        Command { section, ..self }
    }

    /// What it does, in a sentence, for its own help.
    pub(crate) fn about(self, about: Text) -> Command {
        Command { about, ..self }
    }

    /// The formats it writes.
    pub(crate) fn formats(self, formats: impl IntoIterator<Item = Format>) -> Command {
        Command { formats: formats.into_iter().collect(), ..self }
    }

    /// Lines that call it, and what people type who mean them: between spaces, in small letters with hyphens.
    pub(crate) fn words(self, words: impl IntoIterator<Item = (&'static str, &'static str)>) -> Command {
        Command { words: words.into_iter().collect(), ..self }
    }

    /// The arguments it takes, with help in this language.
    pub(crate) fn args(self, args: impl Fn(Lang) -> Vec<Arg> + 'static) -> Command {
        self.define(move |command, lang| command.args(args(lang)))
    }

    /// The same, for what is more than a list of arguments.
    pub(crate) fn define(self, define: impl Fn(clap::Command, Lang) -> clap::Command + 'static) -> Command {
        Command { define: Box::new(define), ..self }
    }

    /// Its definition for clap.
    pub(crate) fn definition(&self, lang: Lang) -> clap::Command {
        (self.define)(self.outline(lang).help_template(page(lang)), lang)
    }

    /// The same without its arguments.
    pub(crate) fn outline(&self, lang: Lang) -> clap::Command {
        clap::Command::new(self.name).about(self.about.to(lang).to_owned())
    }

    /// Checks what was asked of it.
    ///
    /// # Errors
    /// What is wrong with the arguments, or with the format.
    pub(crate) fn task(&self, matches: &ArgMatches, output: &mut Output) -> Result<Task, Text> {
        let task = (self.read)(matches, output)?;
        fits(output.format, &self.formats, self.name)?;
        Ok(task)
    }
}

/// The help page of a command.
pub(crate) fn page(lang: Lang) -> String {
    let usage = Text::new("Usage: ", "用法：");
    format!("{{about}}\n\n{}{{usage}}\n\n{{all-args}}\n", usage.to(lang))
}

/// Refuses a format that there is no output in.
///
/// # Errors
/// The formats that there are.
pub(crate) fn fits(format: Format, takes: &[Format], name: &str) -> Result<(), Text> {
    if takes.contains(&format) {
        return Ok(());
    }
    let words = takes.iter().map(|format| format.word()).collect::<Vec<_>>().join(", ");
    Err(say!("{name} has no output in that format; it has: {words}", "{name} 没有这种格式的输出；它有：{words}"))
}

/// What a command knows besides its arguments.
pub(crate) struct Context {
    /// How text looks.
    pub(crate) style: Style,
    /// What is written.
    pub(crate) format: Format,
    /// Every command.
    pub(crate) commands: Vec<Command>,
}

type Job = Box<dyn FnOnce(&Context, Destination) -> io::Result<(Exit, Destination)>>;

/// What is left to do once the arguments are checked.
pub(crate) struct Task {
    job: Job,
    may_link: bool,
}

impl Task {
    /// A task that writes its result.
    pub(crate) fn new(job: impl FnOnce(&Context, &mut dyn Write) -> io::Result<Exit> + 'static) -> Task {
        Task::owning(|context, mut out| Ok((job(context, &mut out)?, out)))
    }

    /// A task whose threads share what it writes to; it hands it back in the end.
    pub(crate) fn owning(job: impl FnOnce(&Context, Destination) -> io::Result<(Exit, Destination)> + 'static) -> Task {
        Task { job: Box::new(job), may_link: false }
    }

    /// The same; it may need an emulated link.
    pub(crate) fn may_link(self, may_link: bool) -> Task {
        Task { may_link, ..self }
    }

    /// May it need an emulated link?
    pub(crate) fn needs_link(&self) -> bool {
        self.may_link
    }

    /// Does it.
    ///
    /// # Errors
    /// What writing the output says.
    pub(crate) fn run(self, context: &Context, out: Destination) -> io::Result<(Exit, Destination)> {
        (self.job)(context, out)
    }
}
