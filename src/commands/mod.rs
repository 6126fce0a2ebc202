//! The commands: one file each, and this list. Help, man page, completions, complaints and tests read it.
//!
//! A file has `command()`: name, help, formats, arguments, and a function that reads the arguments and returns what is
//! to be done. `list` is the smallest. Formats of a run's report are the list in src/render/formats.rs.

mod all;
mod busy;
mod common_options;
mod completions;
pub mod cost;
mod doctor;
mod exec;
mod explain;
mod get;
mod list;
mod man;
mod program;
mod put;
mod run;
mod run_report;
mod serve;
mod show;
mod talk;
mod watch;

pub use run_report::report;

use crate::cli::{self, Command, Reply, Request};
use crate::scenarios::syllabus;
use crate::text::Lang;
use std::ffi::OsString;

/// Every command, in the order of help.
pub(crate) fn every() -> Vec<Command> {
    let scenarios = syllabus().into_iter().map(run::command);
    let others = [
        serve::command,
        talk::command,
        exec::command,
        put::command,
        get::command,
        list::command,
        explain::command,
        all::command,
        show::command,
        watch::command,
        cost::command,
        doctor::command,
        completions::command,
        man::command,
    ];
    scenarios.chain(others.map(|command| command())).collect()
}

/// Understands a command line.
///
/// # Errors
/// Help that was asked for, or what is wrong with the usage.
pub fn parse(args: Vec<OsString>, lang: Lang) -> Result<Request, Reply> {
    cli::parse(every(), args, lang)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_words_and_no_word_means_two_lines() {
        let commands = every();
        let all: Vec<&str> =
            commands.iter().flat_map(|command| &command.words).flat_map(|(_, words)| *words).copied().collect();
        for word in &all {
            assert_eq!(cli::guess::normal(word), *word, "it would not be found");
            assert_eq!(all.iter().filter(|other| *other == word).count(), 1, "{word} means two lines");
            assert!(!commands.iter().any(|command| command.name == *word), "{word} is a command");
        }
        for scenario in syllabus() {
            assert!(!scenario.words.is_empty(), "{}: what do people call it?", scenario.id);
        }
    }

    #[test]
    fn the_definition_is_sound() {
        for lang in [Lang::En, Lang::Zh] {
            cli::definition(&every(), lang).debug_assert();
        }
    }
}
