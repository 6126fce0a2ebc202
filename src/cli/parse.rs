//! From the words of a command line to an exit code.

use super::args::{get, is_given};
use super::command::{Command, Context, Task};
use super::complaint::{self, Reply};
use super::definition::{definition, definition_of};
use super::guess;
use crate::exit::Exit;
use crate::output::{Destination, Output, When, complain, style, unwritable};
use crate::render::palette::Theme;
use crate::render::{Extent, Format};
use crate::text::{Lang, Text};
use clap::ArgMatches;
use std::ffi::OsString;
use std::io;

/// A command line understood: what to do, and where to write.
pub struct Request {
    task: Task,
    output: Output,
    commands: Vec<Command>,
}

/// The language: the flag, then STICKDEMO_LANG, LC_ALL, LC_MESSAGES, LANG, then what the system is set to, then English.
/// Read before anything else, so that complaints about the rest speak it too.
pub fn language(
    args: &[OsString],
    variable: impl Fn(&str) -> Option<String>,
    system: impl FnOnce() -> Option<String>,
) -> Lang {
    let words: Vec<_> = args.iter().map(|a| a.to_string_lossy()).collect();
    let flag = words.iter().enumerate().rev().find_map(|(i, word)| match word.strip_prefix("--lang") {
        Some("") => words.get(i + 1).map(ToString::to_string),
        Some(rest) => rest.strip_prefix('=').map(str::to_owned),
        None => None,
    });
    let set = |name: &&str| variable(name).filter(|value| !value.is_empty());
    let found = flag.or_else(|| ["STICKDEMO_LANG", "LC_ALL", "LC_MESSAGES", "LANG"].iter().find_map(set));
    found.or_else(system).map_or(Lang::En, |value| Lang::from_locale(&value))
}

/// Understands a command line.
///
/// # Errors
/// Help that was asked for, or what is wrong with the usage.
pub(crate) fn parse(commands: Vec<Command>, args: Vec<OsString>, lang: Lang) -> Result<Request, Reply> {
    let args = guess::plain(args);
    let called = |command: &Command| args.iter().any(|arg| arg == command.name);
    let matches = definition_of(&commands, called, lang).try_get_matches_from(&args);
    let matches = matches.map_err(|e| complaint::refusal(&e, &args, &commands, lang))?;
    let wrong = |text| Reply::Wrong(complaint::usage_error(&text, &args, &definition(&commands, lang), lang));
    let (task, output) = understand(&commands, &matches, lang).map_err(wrong)?;
    Ok(Request { task, output, commands })
}

fn understand(commands: &[Command], matches: &ArgMatches, lang: Lang) -> Result<(Task, Output), Text> {
    let called = matches.subcommand();
    let found = called.and_then(|(name, sub)| Some((commands.iter().find(|c| c.name == name)?, sub)));
    let (command, sub) = found.ok_or_else(|| Text::new("no command given", "没有给出命令"))?;
    let mut output = Output {
        format: get(sub, "format").unwrap_or(Format::Text),
        file: get(sub, "out"),
        color: get(sub, "color").unwrap_or(When::Auto),
        theme: get(sub, "theme").unwrap_or(Theme::Any),
        lang,
        unicode: sub.get_flag("unicode"),
        stable: asked(sub, "stable"),
        quiz: asked(sub, "quiz"),
        extent: match (asked(sub, "brief"), asked(sub, "full")) {
            (true, _) => Extent::Brief,
            (false, true) => Extent::Full,
            (false, false) => Extent::Screen,
        },
    };
    Ok((command.task(sub, &mut output)?, output))
}

/// Asked for here, or behind the name of a service.
fn asked(matches: &ArgMatches, flag: &str) -> bool {
    is_given(matches, flag) || matches.subcommand().is_some_and(|(_, sub)| asked(sub, flag))
}

impl Request {
    /// May what was asked need a link?
    pub fn may_link(&self) -> bool {
        self.task.needs_link()
    }

    /// Does what was asked.
    pub fn run(self) -> Exit {
        let style = style(&self.output, |name| std::env::var(name).ok());
        let file = self.output.file.as_deref();
        let context = Context { style, format: self.output.format, commands: self.commands };
        let done = Destination::open(file).and_then(|sink| {
            let (exit, sink) = self.task.run(&context, sink)?;
            sink.finish()?;
            Ok(exit)
        });
        match done {
            Ok(exit) => exit,
            // Whoever read our output has seen enough.
            Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Exit::Done,
            Err(e) => {
                complain(&unwritable(file, &e), context.style.lang);
                Exit::NotHere
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(words: &[&str]) -> Vec<OsString> {
        words.iter().map(OsString::from).collect()
    }

    #[test]
    fn the_flag_beats_the_environment_and_an_empty_variable_is_none() {
        let env = |name: &str| match name {
            "STICKDEMO_LANG" => Some(String::new()),
            "LANG" => Some("zh_CN.UTF-8".to_owned()),
            _ => None,
        };
        let none = || None;
        assert_eq!(language(&args(&["stickdemo"]), env, none), Lang::Zh);
        assert_eq!(language(&args(&["stickdemo", "--lang", "en"]), env, none), Lang::En);
        assert_eq!(language(&args(&["stickdemo", "--lang=en"]), env, none), Lang::En);
        assert_eq!(language(&args(&["stickdemo"]), |_| None, none), Lang::En);
        // As Windows names it; a variable is somebody's wish and comes first.
        let system = || Some("zh-CN".to_owned());
        assert_eq!(language(&args(&["stickdemo"]), |_| None, system), Lang::Zh);
        let english = |name: &str| (name == "LANG").then(|| "en_US.UTF-8".to_owned());
        assert_eq!(language(&args(&["stickdemo"]), english, system), Lang::En);
    }
}
