//! What is wrong with a command line, in the reader's language: what, why, and what to do.

use super::definition::definition;
use super::values::Unresolved;
use super::{Command, guess, wrap};
use crate::say;
use crate::text::{Lang, Text};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use std::error::Error as _;
use std::ffi::OsString;

/// A command line that asks for nothing to be run.
#[derive(Clone, Debug)]
pub enum Reply {
    /// Help or version, for standard output.
    Told(String),
    /// Wrong usage, for standard error.
    Wrong(String),
    /// Nothing is wrong with it, but this machine cannot do it; for standard error.
    NotHere(String),
}

/// `error: …`, then where help is: of the command that was called, or of all.
pub(super) fn usage_error(text: &Text, args: &[OsString], definition: &clap::Command, lang: Lang) -> String {
    let (called, command) = called(args, definition);
    let help = match command.get_name() == definition.get_name() {
        true => Text::new("stickdemo --help shows what there is.", "stickdemo --help 查看全部用法。"),
        false => say!("{called} --help shows what it takes.", "{called} --help 查看它的用法。"),
    };
    Text::new("error: {}\n\n{}\n", "错误：{}\n\n{}\n").with_all([text, &help]).to(lang).to_owned()
}

/// The command that was called, as it is typed and as it is defined.
fn called<'d>(args: &[OsString], definition: &'d clap::Command) -> (String, &'d clap::Command) {
    let (mut name, mut command) = (definition.get_name().to_owned(), definition);
    for word in args.iter().filter_map(|arg| arg.to_str()) {
        if let Some(sub) = command.find_subcommand(word) {
            (name, command) = (format!("{name} {word}"), sub);
        }
    }
    (name, command)
}

/// clap's refusal in our words.
pub(super) fn refusal(error: &clap::Error, args: &[OsString], commands: &[Command], lang: Lang) -> Reply {
    let definition = &definition(commands, lang);
    let text = match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => return Reply::Told(wrap::help(&error.to_string())),
        ErrorKind::InvalidSubcommand => {
            guess::command(&context(error, ContextKind::InvalidSubcommand), called(args, definition).1, commands)
        }
        ErrorKind::MissingSubcommand => Text::new(
            "nothing to run is named: try stickdemo tcp-naive; stickdemo list shows the scenarios",
            "没有指明要运行什么：先试试 stickdemo tcp-naive；stickdemo list 列出所有场景",
        ),
        ErrorKind::UnknownArgument => unknown(error, args, definition),
        ErrorKind::InvalidValue => invalid(error, formats(args, commands)),
        ErrorKind::ValueValidation => match error.source().and_then(|source| source.downcast_ref()) {
            Some(Unresolved(text)) => {
                let said = Text::new("error: {}", "错误：{}").with_all([text]);
                return Reply::NotHere(said.to(lang).to_owned());
            }
            None => unreadable(error),
        },
        ErrorKind::MissingRequiredArgument => {
            let missing = context(error, ContextKind::InvalidArg);
            say!("missing: {missing}", "缺少：{missing}")
        }
        ErrorKind::ArgumentConflict => {
            let option = context(error, ContextKind::InvalidArg);
            say!(
                "{option} was given more than once, or together with its opposite",
                "{option} 重复给出，或与相反的选项同时给出"
            )
        }
        ErrorKind::InvalidUtf8 => Text::new("an argument is not valid UTF-8", "有一个参数不是合法的 UTF-8"),
        _ => return Reply::Wrong(wrap::help(&error.to_string())),
    };
    Reply::Wrong(usage_error(&text, args, definition, lang))
}

fn context(error: &clap::Error, kind: ContextKind) -> String {
    match error.get(kind) {
        Some(ContextValue::String(text)) => text.clone(),
        Some(ContextValue::Strings(texts)) => texts.join(", "),
        _ => String::new(),
    }
}

fn unknown(error: &clap::Error, args: &[OsString], definition: &clap::Command) -> Text {
    let (wrong, near) = (context(error, ContextKind::InvalidArg), context(error, ContextKind::SuggestedArg));
    match wrong.strip_prefix('-') {
        None => say!("unexpected argument: {wrong}", "多余的参数：{wrong}"),
        Some(name) if name.starts_with(|c: char| c.is_ascii_digit()) => {
            say!("{wrong}: no value can be negative", "{wrong}：值不能为负")
        }
        Some(_) => guess::option(&wrong, &near, definition, called(args, definition).1),
    }
}

/// The formats of the command that was called, if one was.
fn formats(args: &[OsString], commands: &[Command]) -> Option<String> {
    let called = commands.iter().find(|command| args.iter().any(|arg| arg == command.name))?;
    Some(called.formats.iter().map(|format| format.word()).collect::<Vec<_>>().join(", "))
}

/// None of the words that the option takes; a format must be one of the command's own.
fn invalid(error: &clap::Error, formats: Option<String>) -> Text {
    let (option, value) = (context(error, ContextKind::InvalidArg), context(error, ContextKind::InvalidValue));
    let formats = formats.filter(|_| option.starts_with("--format "));
    let valid = formats.unwrap_or_else(|| context(error, ContextKind::ValidValue));
    match (value.as_str(), valid.as_str()) {
        ("", "") => say!("{option} needs a value", "{option} 需要一个值"),
        ("", _) => say!("{option} needs a value ({valid})", "{option} 需要一个值（{valid}）"),
        _ => say!("{option} does not take {value}; it takes: {valid}", "{option} 不接受 {value}；可用的值：{valid}"),
    }
}

/// What the function that reads the value says, behind the option's name.
fn unreadable(error: &clap::Error) -> Text {
    let Some(reason) = error.source().and_then(|source| source.downcast_ref::<Text>()) else {
        return Text::same(error.to_string());
    };
    let (argument, value) = (context(error, ContextKind::InvalidArg), context(error, ContextKind::InvalidValue));
    let option = Text::same(argument.split(' ').next().unwrap_or_default());
    match reason.en.starts_with(&format!("{value}:")) {
        _ if !option.en.starts_with('-') => reason.clone(),
        true => Text::new("{} {}", "{} {}").with_all([&option, reason]),
        false => Text::new("{}: {}", "{}：{}").with_all([&option, reason]),
    }
}
