//! `completions`: a shell's completion script, from the definition of the command line.

use crate::cli::args::{get, one_of};
use crate::cli::command::{Context, Task};
use crate::cli::{Command, definition};
use crate::exit::Exit;
use crate::text::{Lang, Text};
use clap::Arg;
use clap_complete::Shell;
use std::io::{self, Write};

const SHELLS: [(&str, Shell); 5] = [
    ("bash", Shell::Bash),
    ("zsh", Shell::Zsh),
    ("fish", Shell::Fish),
    ("powershell", Shell::PowerShell),
    ("elvish", Shell::Elvish),
];

pub(super) fn command() -> Command {
    let summary = Text::new("print a shell's completion script", "输出某种 shell 的补全脚本");
    Command::new("completions", summary, |matches, _| {
        let shell = get(matches, "shell").unwrap_or(Shell::Bash);
        Ok(Task::new(move |context, out| run(shell, context, out)))
    })
    .args(|lang| vec![shell(lang)])
}

fn shell(lang: Lang) -> Arg {
    let help = Text::new("which shell", "哪种 shell").to(lang).to_owned();
    Arg::new("shell").value_name("SHELL").required(true).value_parser(one_of(SHELLS)).help(help)
}

fn run(shell: Shell, context: &Context, out: &mut dyn Write) -> io::Result<Exit> {
    // The generator panics when a write fails, so it writes to memory.
    let mut script = Vec::new();
    let ascii = shell == Shell::PowerShell;
    let mut definition = definition(&context.commands, if ascii { Lang::En } else { context.style.lang });
    clap_complete::generate(shell, &mut definition, "stickdemo", &mut script);
    match ascii {
        true => out.write_all(plain(&String::from_utf8_lossy(&script)).as_bytes())?,
        false => out.write_all(&script)?,
    }
    Ok(Exit::Done)
}

/// PowerShell 5.1 takes a script, and what a program prints, for the system's own code page: ASCII is the same in all of
/// them. A Chinese word that stands in brackets beside an English one is left out.
fn plain(script: &str) -> String {
    let quotes = script.replace(['“', '”'], "\"").replace('’', "''");
    let mut marked: Vec<char> = quotes.chars().map(|c| if c.is_ascii() { c } else { '…' }).collect();
    marked.dedup_by(|next, last| *next == '…' && *last == '…');
    let marked: String = marked.into_iter().collect();
    marked.replace(" (…)", "").replace("(…, ", "(").replace('…', "...")
}
