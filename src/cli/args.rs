//! Arguments with help in the reader's language; each value is read once, by a function that says what is wrong.

use crate::text::{Lang, Text};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches};

/// An option with a value.
pub(crate) fn value(id: &'static str, name: &'static str, lang: Lang, help: Text) -> Arg {
    Arg::new(id).long(id).value_name(name).help(help.to(lang).to_owned())
}

/// An option without one.
pub(crate) fn flag(id: &'static str, lang: Lang, help: Text) -> Arg {
    Arg::new(id).long(id).action(ArgAction::SetTrue).help(help.to(lang).to_owned())
}

/// An argument that is known by its place.
pub(crate) fn positional(id: &'static str, name: &'static str, lang: Lang, help: Text) -> Arg {
    let heading = Text::new("Arguments", "参数").to(lang).to_owned();
    Arg::new(id).value_name(name).required(true).help_heading(heading).help(help.to(lang).to_owned())
}

/// The options under a heading of the help page.
pub(crate) fn heading(args: Vec<Arg>, lang: Lang, text: Text) -> Vec<Arg> {
    let text: String = text.to(lang).to_owned();
    let headed = |arg: Arg| if arg.is_positional() { arg } else { arg.help_heading(text.clone()) };
    args.into_iter().map(headed).collect()
}

/// Reads one of a few words.
pub(crate) fn one_of<T>(choices: impl IntoIterator<Item = (&'static str, T)>) -> impl TypedValueParser<Value = T>
where
    T: Clone + Send + Sync + 'static,
{
    let choices: Vec<(&str, T)> = choices.into_iter().collect();
    let words = PossibleValuesParser::new(choices.iter().map(|(word, _)| *word));
    words.try_map(move |word| {
        let chosen = choices.iter().find(|(choice, _)| *choice == word);
        chosen.map(|(_, value)| value.clone()).ok_or_else(|| Text::same(word))
    })
}

/// An option's value, or its default's.
pub(crate) fn get<T: Clone + Send + Sync + 'static>(matches: &ArgMatches, id: &str) -> Option<T> {
    matches.get_one(id).cloned()
}

/// Was it given on the command line?
pub(crate) fn is_given(matches: &ArgMatches, id: &str) -> bool {
    matches!(matches.try_contains_id(id), Ok(true)) && matches.value_source(id) == Some(ValueSource::CommandLine)
}

/// Refuses options that would change nothing beside another one.
///
/// # Errors
/// The first of them that was given.
pub(crate) fn useless(matches: &ArgMatches, beside: &Text, ids: &[&str]) -> Result<(), Text> {
    match ids.iter().find(|id| is_given(matches, id)) {
        Some(id) => {
            Err(Text::new("--{} would change nothing {}", "--{} 在{}时不起作用").with(&Text::same(*id)).with(beside))
        }
        None => Ok(()),
    }
}
