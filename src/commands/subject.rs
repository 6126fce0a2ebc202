//! The programs that `watch` and `check` run: one behind `--`, or a server and a client.

use crate::cli::args::{flag, get, one_of, value};
use crate::framing::{self, Framing, Kind};
use crate::say;
use crate::text::{Lang, Text};
use crate::watch::Programs;
use clap::{Arg, ArgMatches, ValueHint, value_parser};
use std::path::PathBuf;

/// The arguments that name them.
pub(super) fn args(lang: Lang) -> Vec<Arg> {
    let command = Text::new("the program and its arguments, behind --", "程序和它的参数，写在 -- 后面");
    let command = Arg::new("command").value_name("CMD").num_args(0..).last(true).help(command.to(lang).to_owned());
    let framing = Text::new(
        "where messages end: i32le, u32le, u32be, u16be, u8, json, line or netstring (default: each send is one)",
        "消息怎样分界：i32le、u32le、u32be、u16be、u8、json、line 或 netstring（默认每次发送是一条）",
    );
    let kinds = Kind::ALL.into_iter().filter(|kind| framing::of_kind(*kind).is_some());
    let names = |kind: Kind| [kind.name()].into_iter().chain(kind.aliases().iter().copied()).map(move |n| (n, kind));
    let input = Text::new("a file for the client's standard input", "作为客户端标准输入的文件");
    vec![
        command,
        program("server", lang, Text::new("the server: a program and its arguments", "服务器：程序和参数")),
        program(
            "client",
            lang,
            Text::new("the client; it begins when the server listens", "客户端；服务器开始监听后启动"),
        )
        .requires("server"),
        value("client-input", "FILE", lang, input).value_hint(ValueHint::FilePath).value_parser(value_parser!(PathBuf)),
        value("framing", "FRAMING", lang, framing)
            .value_parser(one_of(kinds.flat_map(names)))
            .hide_possible_values(true),
    ]
}

fn program(id: &'static str, lang: Lang, help: Text) -> Arg {
    value(id, "CMD", lang, help).conflicts_with("command").value_hint(ValueHint::CommandString)
}

/// `--pid`
pub(super) fn pid(lang: Lang) -> Arg {
    let pid = Text::new(
        "a process that runs already; Ctrl-C ends watching, and it goes on",
        "已在运行的进程；Ctrl-C 结束观察，进程继续运行",
    );
    let others = ["command", "server", "client", "client-input"];
    value("pid", "N", lang, pid).value_parser(value_parser!(i32).range(1..)).conflicts_with_all(others)
}

/// `--keep`
pub(super) fn keep(lang: Lang) -> Arg {
    let keep = Text::new(
        "wait for the server's end instead of ending it when the client is gone",
        "客户端结束后等服务器自己结束，而不是结束它",
    );
    flag("keep", lang, keep).requires("server")
}

/// The framing that was asked for.
pub(super) fn framing(matches: &ArgMatches) -> Option<&'static dyn Framing> {
    get::<Kind>(matches, "framing").and_then(framing::of_kind)
}

/// The programs that were named.
///
/// # Errors
/// When there is none, or a quotation mark is missing.
pub(super) fn programs(matches: &ArgMatches) -> Result<Programs, Text> {
    let command: Vec<String> = matches.get_many("command").into_iter().flatten().cloned().collect();
    let words = |id: &str| {
        let line: Option<String> = get(matches, id);
        line.map(|line| match shlex::split(&line).filter(|words| !words.is_empty()) {
            Some(words) => Ok(words),
            None => Err(say!(
                "--{id} {line}: no program, or a quotation mark is missing",
                "--{id} {line}：没有程序名，或者缺少引号"
            )),
        })
        .transpose()
    };
    if let Ok(Some(pid)) = matches.try_get_one::<i32>("pid") {
        return Ok(Programs::Running(*pid));
    }
    match (command.is_empty(), words("server")?, words("client")?) {
        (false, None, None) => Ok(Programs::One(command)),
        (true, Some(server), Some(client)) => {
            Ok(Programs::Pair { server, client, keep: matches!(matches.try_get_one::<bool>("keep"), Ok(Some(true))) })
        }
        (true, Some(server), None) => Ok(Programs::One(server)),
        _ => Err(Text::new(
            "which program? -- CMD ARG..., or --server CMD --client CMD",
            "哪个程序？-- 命令 参数...，或者 --server 命令 --client 命令",
        )),
    }
}

/// As one writes them behind `watch` or `check`.
pub(super) fn written(programs: &Programs) -> String {
    match programs {
        Programs::One(words) => format!("-- {}", joined(words)),
        Programs::Pair { server, client, .. } => {
            format!("--server {} --client {}", quoted(&joined(server)), quoted(&joined(client)))
        }
        Programs::Running(pid) => format!("--pid {pid}"),
    }
}

/// What they are, for a title.
pub(super) fn title(programs: &Programs) -> String {
    match programs {
        Programs::One(words) => joined(words),
        Programs::Pair { server, client, .. } => format!("{} + {}", joined(server), joined(client)),
        Programs::Running(pid) => format!("--pid {pid}"),
    }
}

fn joined(words: &[String]) -> String {
    words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
}

/// In quotation marks where a shell needs them; a place to be filled in needs none.
fn quoted(word: &str) -> String {
    match word {
        "{addr}" | "{host}" | "{port}" => word.to_owned(),
        _ => shlex::try_quote(word).map_or_else(|_| word.to_owned(), std::borrow::Cow::into_owned),
    }
}
