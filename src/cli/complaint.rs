//! What is wrong with a command line, in the reader's language: what, why, and what to do.

use super::Refusal;
use crate::say;
use crate::scenarios::Scenario;
use crate::text::{Lang, Text};
use clap::error::{ContextKind, ContextValue, ErrorKind};

/// `error: …`, then where help is.
pub fn usage_error(text: &Text, lang: Lang) -> String {
    let error = Text::new(
        "error: {}\n\nstickdemo --help shows what there is.\n",
        "错误：{}\n\nstickdemo --help 查看全部用法。\n",
    );
    error.with(text).to(lang).to_owned()
}

/// clap's refusal in our words.
pub fn refusal(error: &clap::Error, lang: Lang, scenarios: &[Scenario]) -> Refusal {
    let context = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => text.clone(),
        Some(ContextValue::Strings(texts)) => texts.join(", "),
        _ => String::new(),
    };
    let text = match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => return Refusal::Told(error.to_string()),
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => return Refusal::Wrong(error.to_string()),
        ErrorKind::InvalidSubcommand => no_such_command(&context(ContextKind::InvalidSubcommand), scenarios),
        ErrorKind::MissingSubcommand => Text::new(
            "nothing to run is named: try stickdemo tcp-naive; stickdemo list shows the scenarios",
            "没有指明要运行什么：先试试 stickdemo tcp-naive；stickdemo list 列出所有场景",
        ),
        ErrorKind::UnknownArgument => {
            let (wrong, near) = (context(ContextKind::InvalidArg), context(ContextKind::SuggestedArg));
            let Some(name) = wrong.strip_prefix('-') else {
                let text = say!("{wrong} is a word too many", "多了一个词：{wrong}");
                return Refusal::Wrong(usage_error(&text, lang));
            };
            if name.starts_with(|c: char| c.is_ascii_digit()) {
                let text = say!("{wrong}: no value here is negative", "{wrong}：这里的值都不能为负");
                return Refusal::Wrong(usage_error(&text, lang));
            }
            let hint = if near.is_empty() {
                Text::new("", "")
            } else {
                say!("; did you mean {near}?", "；你是不是想用 {near}？")
            };
            Text::new("there is no option {}{}", "没有选项 {}{}").with(&Text::same(wrong)).with(&hint)
        }
        ErrorKind::InvalidValue => {
            let (option, value) = (context(ContextKind::InvalidArg), context(ContextKind::InvalidValue));
            let valid = context(ContextKind::ValidValue);
            if value.is_empty() && valid.is_empty() {
                say!("{option} needs a value", "{option} 需要一个值")
            } else if value.is_empty() {
                say!("{option} needs a value ({valid})", "{option} 需要一个值（{valid}）")
            } else {
                say!("{option} does not take {value}; it takes: {valid}", "{option} 不接受 {value}；可用的值：{valid}")
            }
        }
        ErrorKind::MissingRequiredArgument => {
            let missing = context(ContextKind::InvalidArg);
            say!("missing: {missing}", "缺少：{missing}")
        }
        ErrorKind::ArgumentConflict => {
            let option = context(ContextKind::InvalidArg);
            say!(
                "{option} was given more than once, or together with its opposite",
                "{option} 重复给出，或与相反的选项同时给出"
            )
        }
        ErrorKind::InvalidUtf8 => Text::new("an argument is not valid UTF-8", "有一个参数不是合法的 UTF-8"),
        _ => return Refusal::Wrong(error.to_string()),
    };
    Refusal::Wrong(usage_error(&text, lang))
}

fn no_such_command(word: &str, scenarios: &[Scenario]) -> Text {
    let commands = super::tools().into_iter().chain(super::programs::programs()).chain(super::programs::services());
    let names = scenarios.iter().map(|s| s.id).chain(commands.map(|(name, _)| name));
    match nearest(word, names) {
        Some(near) => say!(
            "there is no scenario or command {word}; did you mean {near}?",
            "没有名为 {word} 的场景或命令；你是不是想用 {near}？"
        ),
        None => say!(
            "there is no scenario or command {word}; stickdemo list shows the scenarios",
            "没有名为 {word} 的场景或命令；stickdemo list 列出所有场景"
        ),
    }
}

/// The name most like the word: one that contains it, else the most similar if it is similar at all.
fn nearest<'n>(word: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let word = word.to_ascii_lowercase().replace('_', "-");
    let names: Vec<&str> = names.collect();
    let containing = names.iter().find(|name| word.len() >= 3 && name.contains(&word));
    containing.copied().or_else(|| {
        let likeness = |name: &&str| strsim::jaro_winkler(&word, name);
        let best = names.iter().copied().max_by(|a, b| likeness(a).total_cmp(&likeness(b)))?;
        (likeness(&best) > 0.75).then_some(best)
    })
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn the_nearest_name_is_the_one_meant() {
        let names = || ["tcp-naive", "udp-truncate", "fix-header", "fix-json-header", "list"].into_iter();
        assert_eq!(nearest("tcp-niave", names()), Some("tcp-naive"));
        assert_eq!(nearest("truncate", names()), Some("udp-truncate"));
        assert_eq!(nearest("FIX_HEADER", names()), Some("fix-header"));
        assert_eq!(nearest("zzz", names()), None);
    }
}
