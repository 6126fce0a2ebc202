//! The commands: one file each, and this list. Help, man page, completions, complaints and tests read it.
//!
//! A file has `command()`: name, help, formats, arguments, and a function that reads the arguments and returns what is
//! to be done. `list` is the smallest. Formats of a run's report are the list in src/render/formats.rs.

mod all;
mod busy;
mod check;
mod common_options;
mod completions;
pub mod cost;
mod decoding;
mod doctor;
mod exec;
mod explain;
mod framings;
mod get;
mod list;
mod man;
mod observed;
mod program;
mod put;
mod run;
mod run_report;
mod serve;
mod show;
mod subject;
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
        framings::command,
        decoding::command,
        all::command,
        show::command,
        watch::command,
        check::command,
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
            commands.iter().flat_map(|command| &command.words).flat_map(|(_, words)| words.split(' ')).collect();
        for word in &all {
            assert_eq!(cli::guess::normal(word), *word, "it would not be found");
            assert_eq!(all.iter().filter(|other| *other == word).count(), 1, "{word} means two lines");
            assert!(!commands.iter().any(|command| command.name == *word), "{word} is a command");
        }
        for scenario in syllabus() {
            assert!(!scenario.words.is_empty(), "{}: what do people call it?", scenario.id);
        }
    }

    /// A command or an option that no page mentions is one that nobody finds.
    #[test]
    fn every_command_and_option_is_mentioned_in_the_pages_of_both_languages() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        let definition = cli::definition(&every(), Lang::En);
        for (readme, folder) in [("README.md", "docs"), ("README.zh-CN.md", "docs/zh")] {
            let pages = std::fs::read_dir(root.join(folder)).expect("pages").flatten().map(|page| page.path());
            let pages = pages.filter(|page| page.extension().is_some_and(|extension| extension == "md"));
            let texts = pages.chain([root.join(readme)]).map(|page| std::fs::read_to_string(page).expect("a page"));
            let text: String = texts.collect();
            let mut missing = Vec::new();
            for command in definition.get_subcommands() {
                let name = command.get_name();
                missing.extend((!text.contains(&format!("stickdemo {name}"))).then(|| name.to_owned()));
                let subs = command.get_subcommands().flat_map(clap::Command::get_arguments);
                for option in command.get_arguments().chain(subs).filter_map(clap::Arg::get_long) {
                    let mentioned = text.contains(&format!("--{option}"));
                    missing.extend((!mentioned).then(|| format!("{name} --{option}")));
                }
            }
            missing.dedup_by_key(|line| line.split(' ').next_back().map(str::to_owned));
            assert!(missing.is_empty(), "{folder}: {missing:?}");
        }
    }

    #[test]
    fn the_definition_is_sound() {
        for lang in [Lang::En, Lang::Zh] {
            cli::definition(&every(), lang).debug_assert();
        }
    }
}
