//! `exec`: the client of `serve commands`.

use super::program::{self, USUAL, framed, of_streams};
use crate::cli::Command;
use crate::cli::args::{flag, get, positional, useless, value};
use crate::cli::values;
use crate::framing::{I32_LE, Limits};
use crate::programs::{Exec, Framed, Patience, Showing, exec};
use crate::text::{Lang, Text, shell_word};
use clap::{Arg, ArgMatches};
use std::time::Duration;

pub(super) fn command() -> Command {
    let summary = Text::new("run a command at serve commands", "在 serve commands 那边执行命令");
    program::command("exec", summary, |matches, _| {
        let asked = asked(matches)?;
        program::task(matches, move |console| exec::run(&asked, console))
    })
    .args(|lang| program::args(args(lang), lang))
}

fn args(lang: Lang) -> Vec<Arg> {
    let command =
        Text::new("the command; without one a prompt, which quit leaves", "命令；不给就显示提示符，quit 退出");
    let timeout = Text::new(
        "the longest to wait for anything (default: 60s; 3s at the prompt with none, 12s with --udp)",
        "任何一次等待最长多久（默认 60s；提示符下用 none 时 3s，--udp 时 12s）",
    );
    let raw = Text::new(
        "the answer as it is to a terminal, too: it may draw, clear, and rename there",
        "对终端也原样输出响应：它可以在那里画图、清屏、改标题",
    );
    let encoding = Text::new(
        "what the answer's bytes are: gbk from a Chinese Windows, big5, shift_jis (default: utf-8)",
        "响应的字节是什么编码：中文 Windows 是 gbk，另有 big5、shift_jis 等（默认 utf-8）",
    );
    let max_answer = Text::new("the longest answer (default: 64MiB)", "最长的响应（默认 64MiB）");
    vec![
        program::server(lang).display_order(0),
        positional("command", "COMMAND", lang, command)
            .required(false)
            .num_args(0..)
            .trailing_var_arg(true)
            .allow_hyphen_values(true),
        program::framing(lang),
        program::udp(lang),
        program::size("max-answer", lang, max_answer),
        flag("raw", lang, raw),
        value("encoding", "NAME", lang, encoding).value_parser(values::encoding),
        program::limit("timeout", lang, timeout),
        program::min_rate(lang),
        program::settle(lang),
    ]
}

fn asked(matches: &ArgMatches) -> Result<Exec, Text> {
    of_streams(matches)?;
    let framed = framed(matches)?;
    if matches!(framed, Framed::I32Le | Framed::Json) {
        let with = Text::new("with --framing {}: a length says it exactly", "使用 --framing {}（长度已经说得很准确）");
        useless(matches, &with.with(&Text::same(framed.word())), &["settle"])?;
    }
    let words: Vec<&str> = matches.get_many::<String>("command").into_iter().flatten().map(String::as_str).collect();
    let body = get(matches, "max-answer").unwrap_or(64 << 20).min(I32_LE.max() as usize);
    Ok(Exec {
        server: program::address(matches),
        framed,
        udp: matches.get_flag("udp"),
        shown: Showing { raw: matches.get_flag("raw"), encoding: get(matches, "encoding") },
        command: line(&words)?,
        limits: Limits { body, ..Limits::default() },
        patience: patience(matches, framed, words.is_empty()),
    })
}

/// How long `exec` waits. With `none` at the prompt an empty answer is silence, and with --udp so is a lost one; a
/// server that limits its commands to 10 s, as serve commands does, has answered by then.
fn patience(matches: &ArgMatches, framed: Framed, prompt: bool) -> Patience {
    let usual = match (matches.get_flag("udp"), framed) {
        (true, _) => Duration::from_secs(12),
        (false, Framed::None) if prompt => Duration::from_secs(3),
        _ => USUAL.timeout,
    };
    Patience { timeout: get(matches, "timeout").unwrap_or(usual), ..program::patience(matches) }
}

/// One word is the whole line; of several, each stays one word at the other end.
fn line(words: &[&str]) -> Result<Option<String>, Text> {
    match words {
        [] => Ok(None),
        [line] => Ok(Some((*line).to_owned())),
        several => match several.iter().map(|word| shell_word(word)).collect::<Result<Vec<_>, _>>() {
            Ok(words) => Ok(Some(words.join(" "))),
            Err(_) => Err(Text::new("a command cannot hold a NUL byte", "命令里不能有 NUL 字节")),
        },
    }
}
