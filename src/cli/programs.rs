//! The documents' own programs on the command line: names, help, and what was asked, checked.

use super::command::{flag, value};
use super::{LONGEST, given, named, values, whole};
use crate::framing::{I32_LE, Limits};
use crate::programs::{
    Bounds, CommandService, Exec, FileService, Framed, Get, Patience, Program, Put, Serve, Service, Spelling, Talk,
    Trailer,
};
use crate::say;
use crate::text::quantity;
use crate::text::{Lang, Text};
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command, ValueHint};
use std::borrow::Cow;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

/// The programs, in the order of help.
pub fn programs() -> [(&'static str, Text); 5] {
    [
        ("serve", Text::new("a server: upper, commands, files or chat", "服务器：upper、commands、files 或 chat")),
        ("talk", Text::new("talk to serve upper or serve chat, line by line", "逐行与 serve upper 或 serve chat 对话")),
        ("exec", Text::new("run a command at serve commands", "在 serve commands 那边执行命令")),
        ("put", Text::new("upload files to serve files", "把文件上传到 serve files")),
        ("get", Text::new("download a file from serve files", "从 serve files 下载文件")),
    ]
}

/// What `serve` serves.
pub(super) fn services() -> [(&'static str, Text); 4] {
    [
        ("upper", Text::new("send back in capitals what arrives", "把收到的内容转成大写发回去")),
        ("commands", Text::new("run commands from a list of allowed programs", "执行允许列表里的程序")),
        ("files", Text::new("take uploads, give downloads", "接收上传，提供下载")),
        ("chat", Text::new("chat with everybody who writes (UDP)", "与所有来信者聊天（UDP）")),
    ]
}

/// The programs' commands.
pub(super) fn commands(lang: Lang, page: &str) -> Vec<Command> {
    let heading = Text::new("Options", "选项").to(lang).to_owned();
    let command = |(name, about): (&'static str, Text), mut args: Vec<Arg>| {
        if args.iter().any(|arg| arg.get_id() == "trace") {
            args.push(stable(lang));
        }
        let headed = |arg: Arg| if arg.is_positional() { arg } else { arg.help_heading(heading.clone()) };
        let about = about.to(lang).to_owned();
        Command::new(name).about(about).help_template(page.to_owned()).args(args.into_iter().map(headed))
    };
    let [serve, talk, exec, put, get] = programs();
    let services = services().map(|service| {
        let args = service_args(lang, service.0);
        command(service, args)
    });
    let serve = command(serve, Vec::new())
        .subcommand_required(true)
        .arg_required_else_help(true)
        .disable_help_subcommand(true)
        .subcommand_help_heading(Text::new("Services", "服务").to(lang).to_owned())
        .subcommand_value_name(Text::new("SERVICE", "服务").to(lang).to_owned())
        .subcommands(services);
    let talk_args = [vec![server(lang), udp(lang)], patience(lang).to_vec(), vec![trace(lang)]].concat();
    vec![
        serve,
        command(talk, talk_args),
        command(exec, exec_args(lang)),
        command(put, put_args(lang)),
        command(get, get_args(lang)),
    ]
}

fn positional(id: &'static str, name: &'static str, lang: Lang, help: Text) -> Arg {
    let heading = Text::new("Arguments", "参数").to(lang).to_owned();
    Arg::new(id).value_name(name).required(true).help_heading(heading).help(help.to(lang).to_owned())
}

fn server(lang: Lang) -> Arg {
    positional(
        "server",
        "ADDR",
        lang,
        Text::new(
            "where the server listens: 127.0.0.1:9000, name:9000, 9000",
            "服务器的地址：127.0.0.1:9000、主机名:9000、9000",
        ),
    )
}

fn udp(lang: Lang) -> Arg {
    flag("udp", lang, Text::new("datagrams instead of a stream", "用数据报，不用流"))
}

fn trace(lang: Lang) -> Arg {
    flag("trace", lang, Text::new("print every call and its bytes as it happens", "实时打印每次调用及其字节"))
}

fn stable(lang: Lang) -> Arg {
    let help = Text::new(
        "with --trace: order for times, no ports, nothing that the clock decides",
        "配合 --trace：用顺序代替时间，不显示端口和由时钟决定的内容",
    );
    flag("stable", lang, help).requires("trace")
}

fn settle(lang: Lang) -> Arg {
    value(
        "settle",
        "DURATION",
        lang,
        Text::new(
            "how long an unframed text must be silent to count as complete (default: 50ms)",
            "没有分帧的文本静默多久才算完整（默认 50ms）",
        ),
    )
}

fn timeout(lang: Lang) -> Arg {
    let help = Text::new("the longest to wait for anything (default: 60s)", "任何一次等待最长多久（默认 60s）");
    value("timeout", "DURATION", lang, help)
}

fn patience(lang: Lang) -> [Arg; 2] {
    [timeout(lang), settle(lang)]
}

fn framing(lang: Lang) -> Arg {
    value(
        "framing",
        "FRAMING",
        lang,
        Text::new(
            "how answers are framed: none, ack, i32le or json (default: i32le; none with --udp)",
            "回答怎样分帧：none、ack、i32le 或 json（默认 i32le；--udp 时为 none）",
        ),
    )
    .value_parser(["none", "ack", "i32le", "struct", "json"])
    .hide_possible_values(true)
}

fn trailer(lang: Lang) -> Arg {
    value(
        "md5",
        "HOW",
        lang,
        Text::new(
            "how a download's MD5 follows: tail (at once), ack (after an acknowledgement), none (default: tail)",
            "下载的 MD5 怎样跟在后面：tail（紧跟）、ack（确认之后）、none（默认 tail）",
        ),
    )
    .value_parser(["tail", "ack", "none"])
    .hide_possible_values(true)
}

fn service_args(lang: Lang, service: &str) -> Vec<Arg> {
    let mut args = vec![value(
        "listen",
        "ADDR",
        lang,
        Text::new("where to listen (default: any loopback port)", "在哪里监听（默认：任一回环端口）"),
    )];
    match service {
        "upper" => args.push(udp(lang)),
        "commands" => args.extend(command_args(lang)),
        "files" => args.extend(file_args(lang)),
        _ => {}
    }
    if service != "chat" {
        args.push(value(
            "idle",
            "DURATION",
            lang,
            Text::new(
                "hang up on a client that is silent for so long (default: 60s)",
                "客户端静默多久就挂断（默认 60s）",
            ),
        ));
        args.push(value(
            "connections",
            "N",
            lang,
            Text::new("clients at the same time (default: 1000)", "同时最多多少个客户端（默认 1000）"),
        ));
    }
    args.push(trace(lang));
    args
}

fn command_args(lang: Lang) -> Vec<Arg> {
    vec![
        framing(lang),
        udp(lang),
        value(
            "allow",
            "PROGRAM",
            lang,
            Text::new("a further program that may run; may be repeated", "再允许一个程序；可重复"),
        )
        .action(ArgAction::Append),
        flag(
            "allow-remote",
            lang,
            Text::new(
                "listen elsewhere than on loopback: whoever reaches it runs commands",
                "允许在回环之外监听：能连上的人都能执行命令",
            ),
        ),
        flag(
            "shell",
            lang,
            Text::new(
                "hand the line to a shell, as the documents do (loopback only)",
                "像文档那样交给 shell（仅限回环）",
            ),
        ),
        flag(
            "both",
            lang,
            Text::new(
                "with json: standard output even when there is standard error",
                "json 时：有标准错误也发送标准输出",
            ),
        ),
        value(
            "time-limit",
            "DURATION",
            lang,
            Text::new("how long a command may run (default: 10s)", "一条命令最长运行多久（默认 10s）"),
        ),
        value(
            "output-limit",
            "BYTES",
            lang,
            Text::new("how much a command may print (default: 16MiB)", "一条命令最多输出多少（默认 16MiB）"),
        ),
        settle(lang),
    ]
}

fn file_args(lang: Lang) -> Vec<Arg> {
    vec![
        value(
            "root",
            "DIR",
            lang,
            Text::new("the directory that is served, and never left", "提供服务的目录，绝不越出"),
        )
        .required(true)
        .value_hint(ValueHint::DirPath)
        .value_parser(clap::value_parser!(PathBuf)),
        flag("overwrite", lang, Text::new("replace a file of the same name", "替换同名文件")),
        trailer(lang),
        value("max-file", "BYTES", lang, Text::new("the largest upload (default: 4GiB)", "最大的上传（默认 4GiB）")),
        value(
            "max-header",
            "BYTES",
            lang,
            Text::new("the longest JSON header (default: 64KiB)", "最长的 JSON 头部（默认 64KiB）"),
        ),
        settle(lang),
    ]
}

fn exec_args(lang: Lang) -> Vec<Arg> {
    let mut args = vec![
        server(lang).display_order(0),
        positional(
            "command",
            "COMMAND",
            lang,
            Text::new("the command; without one a prompt, which quit leaves", "命令；不给就显示提示符，quit 退出"),
        )
        .required(false)
        .num_args(0..)
        .trailing_var_arg(true)
        .allow_hyphen_values(true),
        framing(lang),
        udp(lang),
        value(
            "max-answer",
            "BYTES",
            lang,
            Text::new("the longest answer (default: 64MiB)", "最长的回答（默认 64MiB）"),
        ),
    ];
    let timeout = Text::new(
        "the longest to wait for anything (default: 60s; 3s at the prompt with none, 12s with --udp)",
        "任何一次等待最长多久（默认 60s；提示符下用 none 时 3s，--udp 时 12s）",
    );
    args.extend([value("timeout", "DURATION", lang, timeout), settle(lang), trace(lang)]);
    args
}

fn put_args(lang: Lang) -> Vec<Arg> {
    let mut args = vec![
        positional("files", "FILE", lang, Text::new("what is sent", "要发送的文件"))
            .num_args(1..)
            .value_hint(ValueHint::FilePath)
            .value_parser(clap::value_parser!(PathBuf)),
        server(lang),
        value(
            "spelling",
            "WHICH",
            lang,
            Text::new(
                "the header's fields: d1 (filename, filesize) or d0 (fileName, fileSize, filePath) (default: d1)",
                "头部的字段：d1（filename、filesize）或 d0（fileName、fileSize、filePath）（默认 d1）",
            ),
        )
        .value_parser(["d1", "d0"])
        .hide_possible_values(true),
        flag(
            "separate",
            lang,
            Text::new(
                "a connection for each file, for a server that reads past a file's end",
                "每个文件一个连接，用于会读过文件末尾的服务器",
            ),
        ),
    ];
    args.extend([timeout(lang), trace(lang)]);
    args
}

fn get_args(lang: Lang) -> Vec<Arg> {
    let mut args = vec![
        positional(
            "name",
            "NAME",
            lang,
            Text::new(
                "the file's name at the server, and here unless --out says otherwise",
                "文件在服务器上的名字；不用 --out 另存的话，这里也用它",
            ),
        ),
        server(lang),
        trailer(lang),
        value("out", "PATH", lang, Text::new("where to store it: a name or a directory", "存到哪里：文件名或目录"))
            .value_hint(ValueHint::AnyPath)
            .value_parser(clap::value_parser!(PathBuf)),
        flag("overwrite", lang, Text::new("replace a file that is here", "替换这里已有的文件")),
        value("max-file", "BYTES", lang, Text::new("the largest download (default: 4GiB)", "最大的下载（默认 4GiB）")),
    ];
    args.extend(patience(lang));
    args.push(trace(lang));
    args
}

/// What was asked of a program; `place` is what `--out` names.
pub(super) fn request(name: &str, matches: &ArgMatches, place: Option<PathBuf>) -> Result<Program, Text> {
    Ok(match name {
        "serve" => Program::Serve(serve(matches)?),
        "talk" => Program::Talk(talk(matches)?),
        "exec" => Program::Exec(exec(matches)?),
        "put" => Program::Put(Put {
            files: matches.get_many::<PathBuf>("files").into_iter().flatten().cloned().collect(),
            server: address(matches)?,
            spelling: if given(matches, "spelling") == Some("d0") { Spelling::D0 } else { Spelling::D1 },
            separate: matches.get_flag("separate"),
            patience: waits(matches)?,
            trace: matches.get_flag("trace"),
        }),
        _ => Program::Get(Get {
            name: matches.get_one::<String>("name").cloned().unwrap_or_default(),
            server: address(matches)?,
            place,
            overwrite: matches.get_flag("overwrite"),
            trailer: how(matches),
            largest: size(matches, "max-file", 4 << 30)? as u64,
            patience: waits(matches)?,
            trace: matches.get_flag("trace"),
        }),
    })
}

fn address(matches: &ArgMatches) -> Result<SocketAddr, Text> {
    let text = matches.get_one::<String>("server").map_or("", String::as_str);
    let address = values::address(text)?;
    if address.port() == 0 {
        return Err(Text::new(
            "nobody listens on port 0; the server prints its address",
            "端口 0 上没有人监听；服务器会打印它的地址",
        ));
    }
    Ok(address)
}

fn duration(matches: &ArgMatches, id: &'static str, usual: Duration) -> Result<Duration, Text> {
    match given(matches, id).map(|text| quantity::duration(text, LONGEST)) {
        None => Ok(usual),
        Some(Ok(given)) if given.is_zero() => Err(say!("--{id}: more than 0", "--{id}：要大于 0")),
        Some(given) => given.map_err(|e| named(id, &e)),
    }
}

fn size(matches: &ArgMatches, id: &'static str, usual: usize) -> Result<usize, Text> {
    given(matches, id).map_or(Ok(usual), |text| quantity::size(text).map_err(|e| named(id, &e)))
}

const SETTLE: Duration = Duration::from_millis(50);
const USUAL_WAIT: Duration = Duration::from_secs(60);

fn waits(matches: &ArgMatches) -> Result<Patience, Text> {
    let settle = if takes(matches, "settle") { duration(matches, "settle", SETTLE)? } else { SETTLE };
    Ok(Patience { timeout: duration(matches, "timeout", USUAL_WAIT)?, settle })
}

/// Has the command this option at all?
fn takes(matches: &ArgMatches, id: &str) -> bool {
    matches.try_get_one::<String>(id).is_ok()
}

/// Refuses options that would change nothing beside another one.
fn useless(matches: &ArgMatches, beside: &Text, ids: &[&str]) -> Result<(), Text> {
    let chosen = |id: &&&str| matches!(matches.try_contains_id(id), Ok(true)) && is_given(matches, id);
    match ids.iter().find(chosen) {
        Some(id) => {
            Err(Text::new("--{} would change nothing {}", "--{} 在{}时不起作用").with(&Text::same(*id)).with(beside))
        }
        None => Ok(()),
    }
}

fn is_given(matches: &ArgMatches, id: &str) -> bool {
    matches.value_source(id) == Some(ValueSource::CommandLine)
}

/// Where each datagram is a message there is nothing to settle, and there are no connections.
fn of_streams(matches: &ArgMatches) -> Result<(), Text> {
    let with = Text::new("with --udp", "使用 --udp ");
    match matches.get_flag("udp") {
        true => useless(matches, &with, &["settle", "connections", "idle", "both"]),
        false => Ok(()),
    }
}

fn how(matches: &ArgMatches) -> Trailer {
    match given(matches, "md5") {
        Some("ack") => Trailer::Ack,
        Some("none") => Trailer::None,
        _ => Trailer::Tail,
    }
}

/// The framing that was asked for; datagrams carry no other than `none`.
fn framed(matches: &ArgMatches) -> Result<Framed, Text> {
    match (given(matches, "framing"), matches.get_flag("udp")) {
        (None | Some("none"), true) => Ok(Framed::None),
        (Some(name), true) => Err(say!(
            "--framing {name}: with --udp each datagram is a message already; leave --framing away",
            "--framing {name}：用 --udp 时每个数据报本来就是一条消息；请去掉 --framing"
        )),
        (Some("none"), false) => Ok(Framed::None),
        (Some("ack"), false) => Ok(Framed::Ack),
        (Some("json"), false) => Ok(Framed::Json),
        _ => Ok(Framed::I32Le),
    }
}

fn talk(matches: &ArgMatches) -> Result<Talk, Text> {
    of_streams(matches)?;
    Ok(Talk {
        server: address(matches)?,
        udp: matches.get_flag("udp"),
        patience: waits(matches)?,
        trace: matches.get_flag("trace"),
    })
}

/// One word is the whole line; of several, each stays one word at the other end.
fn line(words: &[&str]) -> Result<Option<String>, Text> {
    match words {
        [] => Ok(None),
        [line] => Ok(Some((*line).to_owned())),
        several => match several.iter().map(|word| quoted(word)).collect::<Result<Vec<_>, _>>() {
            Ok(words) => Ok(Some(words.join(" "))),
            Err(_) => Err(Text::new("a command cannot hold a NUL byte", "命令里不能有 NUL 字节")),
        },
    }
}

/// In quotes where a shell needs them. Letters of any script are plain, and Windows' shell would print the quotes.
fn quoted(word: &str) -> Result<Cow<'_, str>, shlex::QuoteError> {
    let plain = |c: char| c.is_alphanumeric() || "+-./:@_".contains(c);
    match !word.is_empty() && word.chars().all(plain) {
        true => Ok(Cow::Borrowed(word)),
        false => shlex::try_quote(word),
    }
}

/// How long `exec` waits. With `none` at the prompt an empty answer is silence, and with --udp so is a lost one; a
/// server that limits its commands to 10 s, as serve commands does, has answered by then.
fn exec_waits(matches: &ArgMatches, framed: Framed, prompt: bool) -> Result<Patience, Text> {
    let usual = match (matches.get_flag("udp"), framed) {
        (true, _) => Duration::from_secs(12),
        (false, Framed::None) if prompt => Duration::from_secs(3),
        _ => USUAL_WAIT,
    };
    Ok(Patience { timeout: duration(matches, "timeout", usual)?, ..waits(matches)? })
}

fn exec(matches: &ArgMatches) -> Result<Exec, Text> {
    of_streams(matches)?;
    let framed = framed(matches)?;
    if matches!(framed, Framed::I32Le | Framed::Json) {
        let with = Text::new("with --framing {}: a length says it exactly", "使用 --framing {}（长度已经说得很准确）");
        useless(matches, &with.with(&Text::same(framed.word())), &["settle"])?;
    }
    let words: Vec<&str> = matches.get_many::<String>("command").into_iter().flatten().map(String::as_str).collect();
    let body = size(matches, "max-answer", 64 << 20)?.min(I32_LE.max() as usize);
    Ok(Exec {
        server: address(matches)?,
        framed,
        udp: matches.get_flag("udp"),
        command: line(&words)?,
        limits: Limits { body, ..Limits::default() },
        patience: exec_waits(matches, framed, words.is_empty())?,
        trace: matches.get_flag("trace"),
    })
}

fn serve(matches: &ArgMatches) -> Result<Serve, Text> {
    let (name, sub) = matches.subcommand().ok_or_else(|| Text::new("serve what?", "serve 什么？"))?;
    let listen = given(sub, "listen").map_or(Ok((Ipv4Addr::LOCALHOST, 0).into()), values::address);
    let listen = listen.map_err(|e| named("listen", &e))?;
    if matches!(name, "upper" | "commands") {
        of_streams(sub)?;
    }
    let service = match name {
        "upper" => Service::Upper { udp: sub.get_flag("udp") },
        "commands" => Service::Commands(command_service(sub, listen)?),
        "files" => Service::Files(FileService {
            root: sub.get_one::<PathBuf>("root").cloned().unwrap_or_default(),
            overwrite: sub.get_flag("overwrite"),
            trailer: how(sub),
            largest: size(sub, "max-file", 4 << 30)? as u64,
            header: size(sub, "max-header", 64 << 10)?,
        }),
        _ => Service::Chat,
    };
    let connects = takes(sub, "connections");
    let bounds = Bounds {
        connections: if connects { whole(sub, "connections", 1, 60_000)?.unwrap_or(1000) as usize } else { 1 },
        idle: if connects { duration(sub, "idle", USUAL_WAIT)? } else { USUAL_WAIT },
        settle: if takes(sub, "settle") { duration(sub, "settle", SETTLE)? } else { SETTLE },
    };
    Ok(Serve { service, listen, bounds, trace: sub.get_flag("trace") })
}

fn command_service(matches: &ArgMatches, listen: SocketAddr) -> Result<CommandService, Text> {
    let (shell, remote) = (matches.get_flag("shell"), matches.get_flag("allow-remote"));
    match (listen.ip().to_canonical().is_loopback(), shell, remote) {
        (false, true, _) => {
            return Err(Text::new(
                "--shell on loopback only: elsewhere it would give everybody this account",
                "--shell 只能用于回环：在别处等于把这个账户交给所有人",
            ));
        }
        (false, _, false) => {
            return Err(say!(
                "--listen {listen}: whoever reaches it could run commands here; if that is meant, add --allow-remote",
                "--listen {listen}：能连上的人都能在这里执行命令；若确实如此，请加 --allow-remote"
            ));
        }
        _ => {}
    }
    let framed = framed(matches)?;
    if framed != Framed::Json {
        let with = Text::new("with --framing {}: both are sent anyway", "使用 --framing {}（反正两者都发送）");
        useless(matches, &with.with(&Text::same(framed.word())), &["both"])?;
    }
    if shell {
        useless(
            matches,
            &Text::new("with --shell: a shell runs everything", "使用 --shell（shell 什么都执行）"),
            &["allow"],
        )?;
    }
    Ok(CommandService {
        framed,
        udp: matches.get_flag("udp"),
        allow: matches.get_many::<String>("allow").into_iter().flatten().cloned().collect(),
        shell,
        time: duration(matches, "time-limit", Duration::from_secs(10))?,
        output: size(matches, "output-limit", 16 << 20)?.min(I32_LE.max() as usize),
        both: matches.get_flag("both"),
    })
}
