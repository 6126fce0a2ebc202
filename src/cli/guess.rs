//! What was meant by a word that is the name of nothing.

use super::Command;
use crate::say;
use crate::text::Text;
use std::ffi::OsString;

/// Options as people write them elsewhere, and what they are here.
const OPTIONS: [(&str, &[&str]); 11] = [
    ("--format json", &["--json", "--jsonl"]),
    ("--lang zh", &["--zh", "--chinese", "--cn"]),
    ("--lang en", &["--en", "--english"]),
    ("--color never", &["--no-color", "--no-colour", "--plain"]),
    ("--out FILE", &["-o", "--output", "--file"]),
    ("--repeat N", &["-n", "--count", "--runs", "--times"]),
    ("--listen ADDR", &["-p", "-l", "--port", "--bind"]),
    ("--connect ADDR", &["--host", "--address"]),
    ("--as server", &["--server"]),
    ("--as client", &["--client"]),
    ("--link SPEC", &["--rtt", "--loss", "--mtu", "--delay", "--drop", "--rate", "--seed"]),
];

/// The words with `run NAME` and `help NAME`, as other tools have them, put as here: `NAME`, `NAME --help`.
pub(super) fn plain(mut args: Vec<OsString>) -> Vec<OsString> {
    let valued = |word: &str| ["--format", "--out", "--color", "--lang"].contains(&word);
    let mut at = 1;
    while let Some(option) = args.get(at).and_then(|arg| arg.to_str()).filter(|word| word.starts_with('-')) {
        at += 1 + usize::from(valued(option));
    }
    match args.get(at).and_then(|arg| arg.to_str()) {
        Some("run") if args.len() > at + 1 => {
            args.remove(at);
        }
        Some("help") => {
            args.remove(at);
            args.push("--help".into());
        }
        _ => {}
    }
    args
}

/// There is no command of this name at this level; the one that was meant.
pub(super) fn command(word: &str, level: &clap::Command, commands: &[Command]) -> Text {
    let names: Vec<&str> = level.get_subcommands().map(clap::Command::get_name).collect();
    let what = match level.get_name() {
        "stickdemo" => say!("there is no scenario or command {word}", "没有名为 {word} 的场景或命令"),
        service => say!("{service} has no {word}", "{service} 没有 {word}"),
    };
    let number = word.chars().all(|c| c.is_ascii_digit()).then(|| format!("explain {word}"));
    let line = lines(word, commands).first().map(|line| (*line).to_owned()).or(number);
    let hint = match (line, nearest(word, &names)) {
        (Some(line), _) if level.get_name() == "stickdemo" => say!("try stickdemo {line}", "试试 stickdemo {line}"),
        (_, Some(near)) => say!("did you mean {near}?", "你是不是想用 {near}？"),
        (_, None) if level.get_name() == "stickdemo" => {
            Text::new("stickdemo list shows the scenarios", "stickdemo list 列出所有场景")
        }
        (_, None) => {
            let names = names.join(", ");
            say!("it has: {names}", "它有：{names}")
        }
    };
    Text::new("{}; {}", "{}；{}").with_all([&what, &hint])
}

/// There is no option of this name; a command that was meant, or the option that this command takes.
pub(super) fn option(wrong: &str, near: &str, root: &clap::Command, level: &clap::Command) -> Text {
    let name = wrong.trim_start_matches('-');
    let what = say!("there is no option {wrong}", "没有选项 {wrong}");
    let takes = |option: &&str| {
        let long = option.trim_start_matches('-').split(' ').next();
        let mut args = level.get_arguments().chain(root.get_arguments());
        args.any(|arg| arg.get_long() == long && !arg.is_hide_set())
    };
    let other = OPTIONS.iter().find(|(_, words)| words.contains(&wrong)).map(|(option, _)| *option).filter(takes);
    let is_command = root.find_subcommand(name).is_some();
    let hint = match other.or(Some(near).filter(|near| !near.is_empty() && !is_command)) {
        Some(option) => say!("did you mean {option}?", "你是不是想用 {option}？"),
        None if is_command => say!("{name} is a command: stickdemo {name}", "{name} 是命令：stickdemo {name}"),
        None => return what,
    };
    Text::new("{}; {}", "{}；{}").with_all([&what, &hint])
}

/// A word as the lists have it: small letters, hyphens.
pub(crate) fn normal(word: &str) -> String {
    word.trim().to_lowercase().replace(['_', ' '], "-")
}

/// The command lines that have this word. A Chinese one may stand inside a longer word.
pub(crate) fn lines(word: &str, commands: &[Command]) -> Vec<&'static str> {
    let word = normal(word);
    let meant = |known: &&str| *known == word || !known.is_ascii() && word.contains(known);
    let all = commands.iter().flat_map(|command| &command.words);
    all.filter(|(_, words)| words.split(' ').any(|known| meant(&known))).map(|(line, _)| *line).collect()
}

/// The name most like the word: one that contains it, else the most similar if it is similar at all.
pub(crate) fn nearest<'n>(word: &str, names: &[&'n str]) -> Option<&'n str> {
    let word = normal(word);
    let containing = names.iter().find(|name| word.len() >= 3 && name.contains(&word));
    containing.copied().or_else(|| {
        let likeness = |name: &&str| strsim::jaro_winkler(&word, name);
        let best = names.iter().copied().max_by(|a, b| likeness(a).total_cmp(&likeness(b)))?;
        (likeness(&best) > 0.75).then_some(best)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_the_one_meant() {
        let names = ["tcp-naive", "udp-truncate", "fix-header", "fix-json-header", "list"];
        assert_eq!(nearest("tcp-niave", &names), Some("tcp-naive"));
        assert_eq!(nearest("truncate", &names), Some("udp-truncate"));
        assert_eq!(nearest("FIX_HEADER", &names), Some("fix-header"));
        assert_eq!(nearest("zzz", &names), None);
    }

    #[test]
    fn run_and_help_are_understood_wherever_they_stand() {
        let plain = |line: &str| {
            let words = plain(line.split(' ').map(OsString::from).collect());
            words.join(" ".as_ref()).into_string().expect("UTF-8")
        };
        assert_eq!(plain("stickdemo run tcp-naive --step"), "stickdemo tcp-naive --step");
        assert_eq!(plain("stickdemo --lang zh help serve files"), "stickdemo --lang zh serve files --help");
        assert_eq!(plain("stickdemo help"), "stickdemo --help");
        assert_eq!(plain("stickdemo exec 9000 help"), "stickdemo exec 9000 help");
        assert_eq!(plain("stickdemo run"), "stickdemo run");
    }
}
