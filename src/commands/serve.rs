//! `serve`: the documents' servers.

use super::program::{self, framed, of_streams};
use crate::cli::Command;
use crate::cli::args::{flag, get, useless, value};
use crate::cli::command::{Task, page};
use crate::cli::values;
use crate::framing::I32_LE;
use crate::output::Output;
use crate::programs::{Bounds, CommandService, FileService, Framed, Serve, files, runner, talk};
use crate::say;
use crate::text::{Lang, Text};
use clap::{Arg, ArgAction, ArgMatches, ValueHint, value_parser};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

/// One server: its name, its help, its arguments, and what it does.
struct Service {
    name: &'static str,
    about: Text,
    args: fn(Lang) -> Vec<Arg>,
    read: fn(&ArgMatches) -> Result<Task, Text>,
}

const SERVICES: [Service; 4] = [
    Service {
        name: "upper",
        about: Text::new("send back in capitals what arrives", "把收到的内容转成大写发回去"),
        args: |lang| [vec![listen(lang), program::udp(lang)], crowd(lang)].concat(),
        read: upper,
    },
    Service {
        name: "commands",
        about: Text::new("run commands from a list of allowed programs", "执行允许列表里的程序"),
        args: |lang| [vec![listen(lang)], command_args(lang), crowd(lang)].concat(),
        read: commands,
    },
    Service {
        name: "files",
        about: Text::new("take uploads, give downloads", "接收上传，提供下载"),
        args: |lang| [vec![listen(lang)], file_args(lang), crowd(lang)].concat(),
        read: files,
    },
    Service {
        name: "chat",
        about: Text::new("chat with everybody who writes (UDP)", "与所有来信者聊天（UDP）"),
        args: |lang| vec![listen(lang)],
        read: chat,
    },
];

/// What people call the servers.
const WORDS: [(&str, &str); 4] = [
    ("serve upper", "server upper echo listen 服务器 服务端"),
    ("serve commands", "commands shell ssh cmd remote"),
    ("serve files", "files ftp http 下载服务"),
    ("serve chat", "chat im 聊天"),
];

pub(super) fn command() -> Command {
    let summary = Text::new("a server: upper, commands, files or chat", "服务器：upper、commands、files 或 chat");
    program::command("serve", summary, read).words(WORDS).define(|command, lang| {
        let services = SERVICES.map(|service| {
            clap::Command::new(service.name)
                .about(service.about.to(lang).to_owned())
                .help_template(page(lang))
                .args(program::args((service.args)(lang), lang))
        });
        command
            .subcommand_required(true)
            .arg_required_else_help(true)
            .disable_help_subcommand(true)
            .subcommand_help_heading(Text::new("Services", "服务").to(lang).to_owned())
            .subcommand_value_name(Text::new("SERVICE", "服务").to(lang).to_owned())
            .subcommands(services)
    })
}

fn read(matches: &ArgMatches, output: &mut Output) -> Result<Task, Text> {
    if output.file.is_some() && output.format.goes_along() {
        return Err(Text::new(
            "--out: a server's log has no end at which a file would be complete; redirect it with > FILE",
            "--out：服务器的日志没有结束，文件永远不会完整；请用 > 文件 重定向",
        ));
    }
    let called = matches.subcommand();
    let service = called.and_then(|(name, sub)| Some((SERVICES.iter().find(|s| s.name == name)?.read, sub)));
    let (read, sub) = service.ok_or_else(|| Text::new("serve what?", "serve 什么？"))?;
    read(sub)
}

fn listen(lang: Lang) -> Arg {
    let help = Text::new("where to listen (default: any loopback port)", "在哪里监听（默认：任一回环端口）");
    value("listen", "ADDR", lang, help).value_parser(values::address)
}

/// What bounds a crowd of clients.
fn crowd(lang: Lang) -> Vec<Arg> {
    let idle =
        Text::new("hang up on a client that is silent for so long (default: 60s)", "客户端静默多久就挂断（默认 60s）");
    let connections = Text::new("clients at the same time (default: 1000)", "同时最多多少个客户端（默认 1000）");
    vec![
        program::limit("idle", lang, idle),
        value("connections", "N", lang, connections).value_parser(values::whole(1, 60_000)),
    ]
}

/// Where it listens, and what it bears.
fn serving(matches: &ArgMatches) -> Serve {
    let connections = matches.try_get_one::<u32>("connections").ok().flatten().map_or(1000, |n| *n as usize);
    let bounds = Bounds { connections, patience: program::patience(matches) };
    Serve { listen: get(matches, "listen").unwrap_or((Ipv4Addr::LOCALHOST, 0).into()), bounds }
}

fn upper(matches: &ArgMatches) -> Result<Task, Text> {
    of_streams(matches)?;
    let (serve, udp) = (serving(matches), matches.get_flag("udp"));
    program::task(
        matches,
        move |console| if udp { talk::upper_udp(&serve, console) } else { talk::upper(&serve, console) },
    )
}

fn chat(matches: &ArgMatches) -> Result<Task, Text> {
    let serve = serving(matches);
    program::task(matches, move |console| talk::chat(&serve, console))
}

fn command_args(lang: Lang) -> Vec<Arg> {
    let allow = Text::new("a further program that may run; may be repeated", "再允许一个程序；可重复");
    let allow_remote = Text::new(
        "listen elsewhere than on loopback: whoever reaches it runs commands",
        "允许在回环之外监听：能连上的人都能执行命令",
    );
    let shell =
        Text::new("hand the line to a shell, as the documents do (loopback only)", "像文档那样交给 shell（仅限回环）");
    let both =
        Text::new("with json: standard output even when there is standard error", "json 时：有标准错误也发送标准输出");
    let encoding = Text::new(
        "what answers that are UTF-8 are turned into, for clients that decode gbk",
        "把 UTF-8 的响应转成什么编码，供按 gbk 解码的客户端使用",
    );
    let time_limit = Text::new("how long a command may run (default: 10s)", "一条命令最长运行多久（默认 10s）");
    let output_limit = Text::new("how much a command may print (default: 16MiB)", "一条命令最多输出多少（默认 16MiB）");
    vec![
        program::framing(lang),
        program::udp(lang),
        value("allow", "PROGRAM", lang, allow).action(ArgAction::Append),
        flag("allow-remote", lang, allow_remote),
        flag("shell", lang, shell),
        flag("both", lang, both),
        value("encoding", "NAME", lang, encoding).value_parser(values::encoding),
        program::limit("time-limit", lang, time_limit),
        program::size("output-limit", lang, output_limit),
        program::min_rate(lang),
        program::settle(lang),
    ]
}

fn commands(matches: &ArgMatches) -> Result<Task, Text> {
    of_streams(matches)?;
    let (serve, shell, remote) = (serving(matches), matches.get_flag("shell"), matches.get_flag("allow-remote"));
    admitted(serve.listen, shell, remote)?;
    let framed = framed(matches)?;
    if framed != Framed::Json {
        let with = Text::new("with --framing {}: both are sent anyway", "使用 --framing {}（反正两者都发送）");
        useless(matches, &with.with(&Text::same(framed.word())), &["both"])?;
    }
    if shell {
        let with = Text::new("with --shell: a shell runs everything", "使用 --shell（shell 什么都执行）");
        useless(matches, &with, &["allow"])?;
    }
    let allow: Vec<String> = matches.get_many("allow").into_iter().flatten().cloned().collect();
    let service = CommandService {
        framed,
        udp: matches.get_flag("udp"),
        own: shell || !allow.is_empty() && !remote,
        allow,
        shell,
        time: get(matches, "time-limit").unwrap_or(Duration::from_secs(10)),
        output: get(matches, "output-limit").unwrap_or(16 << 20).min(I32_LE.max() as usize),
        both: matches.get_flag("both"),
        encoding: get(matches, "encoding"),
    };
    program::task(matches, move |console| runner::serve(&service, &serve, console))
}

/// Who may run commands is decided before the first client can come.
fn admitted(listen: SocketAddr, shell: bool, remote: bool) -> Result<(), Text> {
    match (listen.ip().to_canonical().is_loopback(), shell, remote) {
        (false, true, _) => Err(Text::new(
            "--shell on loopback only: elsewhere it would give everybody this account",
            "--shell 只能用于回环：在别处等于把这个账户交给所有人",
        )),
        (false, _, false) => Err(say!(
            "--listen {listen}: whoever reaches it could run commands here; if that is meant, add --allow-remote",
            "--listen {listen}：能连上的人都能在这里执行命令；若确实如此，请加 --allow-remote"
        )),
        _ => Ok(()),
    }
}

fn file_args(lang: Lang) -> Vec<Arg> {
    let root = Text::new("the directory that is served, and never left", "提供服务的目录，绝不越出");
    let max_header = Text::new("the longest JSON header (default: 64KiB)", "最长的 JSON 报头（默认 64KiB）");
    let max_held = Text::new(
        "the most that uploads under way may hold together (default: 16GiB)",
        "所有进行中的上传合起来最多占多少（默认 16GiB）",
    );
    vec![
        value("root", "DIR", lang, root)
            .required(true)
            .value_hint(ValueHint::DirPath)
            .value_parser(value_parser!(PathBuf)),
        program::overwrite(lang, Text::new("replace a file of the same name", "替换同名文件")),
        program::trailer(lang),
        program::size("max-file", lang, Text::new("the largest upload (default: 4GiB)", "最大的上传（默认 4GiB）")),
        program::size("max-header", lang, max_header),
        program::size("max-held", lang, max_held),
        program::min_rate(lang),
        program::settle(lang),
    ]
}

fn files(matches: &ArgMatches) -> Result<Task, Text> {
    let serve = serving(matches);
    let service = FileService {
        root: get(matches, "root").unwrap_or_default(),
        overwrite: matches.get_flag("overwrite"),
        trailer: program::how(matches),
        largest: get::<usize>(matches, "max-file").map_or(4 << 30, |bytes| bytes as u64),
        header: get(matches, "max-header").unwrap_or(64 << 10),
        held: get(matches, "max-held").unwrap_or(usize::try_from(16u64 << 30).unwrap_or(usize::MAX)),
    };
    program::task(matches, move |console| files::serve::run(&service, &serve, console))
}
