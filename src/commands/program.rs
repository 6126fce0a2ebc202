//! What the commands of the documents' own programs have in common.

use crate::cli::Command;
use crate::cli::args::{flag, get, heading, one_of, positional, value};
use crate::cli::command::{Section, Task};
use crate::cli::values;
use crate::exit::Exit;
use crate::output::Output;
use crate::programs::console::Console;
use crate::programs::{Framed, Patience, Trailer, trouble};
use crate::render::Format;
use crate::say;
use crate::text::quantity;
use crate::text::{Lang, Text};
use clap::{Arg, ArgMatches};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

/// How long a peer is waited for, unless `--timeout`, `--idle`, `--min-rate` or `--settle` say otherwise.
pub(super) const USUAL: Patience =
    Patience { timeout: Duration::from_secs(60), least: 1 << 10, settle: Duration::from_millis(50) };

/// The command of a program.
pub(super) fn command(
    name: &'static str,
    summary: Text,
    read: impl Fn(&ArgMatches, &mut Output) -> Result<Task, Text> + 'static,
) -> Command {
    let read = move |matches: &ArgMatches, output: &mut Output| {
        let draws = !output.format.goes_along() && Format::of_reports().any(|format| format == output.format);
        if draws && !traces(matches) {
            let format = output.format.word();
            return Err(say!(
                "--format {format} is a picture of calls: it needs --trace",
                "--format {format} 画的是调用：需要同时用 --trace"
            ));
        }
        read(matches, output)
    };
    let formats = [Format::Text, Format::Json, Format::Html, Format::Svg, Format::Mermaid];
    Command::new(name, summary, read).section(Section::Programs).formats(formats)
}

/// Was `--trace` asked for, of the command or of the service behind it?
fn traces(matches: &ArgMatches) -> bool {
    let asked = |matches: &ArgMatches| matches.try_get_one::<bool>("trace").is_ok_and(|trace| trace == Some(&true));
    asked(matches) || matches.subcommand().is_some_and(|(_, matches)| asked(matches))
}

/// A program at work, with `--trace` also telling every call.
pub(super) fn task(
    matches: &ArgMatches,
    run: impl FnOnce(&Console) -> trouble::Result<Exit> + 'static,
) -> Result<Task, Text> {
    let trace = matches.get_flag("trace");
    Ok(Task::owning(move |context, out| {
        let console = Console::new(out, &context.style, context.format, trace);
        let exit = run(&console).unwrap_or_else(|trouble| {
            console.complain(&trouble);
            trouble.exit
        });
        console.close().map(|out| (exit, out))
    }))
}

/// A program's arguments, with those that every program takes.
pub(super) fn args(mut args: Vec<Arg>, lang: Lang) -> Vec<Arg> {
    let trace = Text::new(
        "print every call and its bytes as it happens; with --format html, svg or mermaid draw them in the end",
        "实时打印每次调用及其字节；用 --format html、svg 或 mermaid 时，结束后画出来",
    );
    let stable = Text::new(
        "with --trace: order for times, no ports, nothing that the clock decides",
        "配合 --trace：用顺序代替时间，不显示端口和由时钟决定的内容",
    );
    args.extend([flag("trace", lang, trace), flag("stable", lang, stable).requires("trace")]);
    heading(args, lang, Text::new("Options", "选项"))
}

/// `ADDR`, where the server is.
pub(super) fn server(lang: Lang) -> Arg {
    let help = Text::new(
        "where the server listens: 127.0.0.1:9000, name:9000, 9000",
        "服务器的地址：127.0.0.1:9000、主机名:9000、9000",
    );
    positional("server", "ADDR", lang, help).value_parser(values::server)
}

/// The server's address; clap has refused a command line without it.
pub(super) fn address(matches: &ArgMatches) -> SocketAddr {
    get(matches, "server").unwrap_or((Ipv4Addr::LOCALHOST, 0).into())
}

/// `--udp`
pub(super) fn udp(lang: Lang) -> Arg {
    flag("udp", lang, Text::new("datagrams instead of a stream", "用数据报，不用流"))
}

/// `--overwrite`, of what is where.
pub(super) fn overwrite(lang: Lang, help: Text) -> Arg {
    flag("overwrite", lang, help)
}

/// `--settle`
pub(super) fn settle(lang: Lang) -> Arg {
    let help = Text::new(
        "how long an unframed text must be silent to count as complete (default: 50ms)",
        "没有分帧的文本静默多久才算完整（默认 50ms）",
    );
    limit("settle", lang, help)
}

/// `--timeout`
pub(super) fn timeout(lang: Lang) -> Arg {
    limit(
        "timeout",
        lang,
        Text::new("the longest to wait for anything (default: 60s)", "任何一次等待最长多久（默认 60s）"),
    )
}

/// `--min-rate`
pub(super) fn min_rate(lang: Lang) -> Arg {
    let help = Text::new(
        "the least that a body may move in a second (default: 1KiB; 0: anything)",
        "正文每秒至少要传多少（默认 1KiB；0：不限）",
    );
    size("min-rate", lang, help)
}

/// What `--timeout` (at a server `--idle`), `--min-rate` and `--settle` say. Not every program has all of them; what has
/// no `--min-rate` moves what people type.
pub(super) fn patience(matches: &ArgMatches) -> Patience {
    let duration = |id| matches.try_get_one::<Duration>(id).ok().flatten().copied();
    Patience {
        timeout: duration("timeout").or_else(|| duration("idle")).unwrap_or(USUAL.timeout),
        least: match matches.try_get_one::<usize>("min-rate") {
            Ok(bytes) => bytes.map_or(USUAL.least, |bytes| *bytes as u64),
            Err(_) => 0,
        },
        settle: duration("settle").unwrap_or(USUAL.settle),
    }
}

/// An option that takes a duration of more than 0.
pub(super) fn limit(id: &'static str, lang: Lang, help: Text) -> Arg {
    value(id, "DURATION", lang, help).value_parser(values::limit)
}

/// An option that takes a number of bytes.
pub(super) fn size(id: &'static str, lang: Lang, help: Text) -> Arg {
    value(id, "BYTES", lang, help).value_parser(quantity::size)
}

/// `--framing`: those that these programs speak.
pub(super) fn framing(lang: Lang) -> Arg {
    let help = Text::new(
        "how answers are framed: none, ack, i32le or json (default: i32le; none with --udp)",
        "响应怎样分帧：none、ack、i32le 或 json（默认 i32le；--udp 时为 none）",
    );
    let names = |framed: Framed| {
        let kind = framed.kind();
        std::iter::once(kind.name()).chain(kind.aliases().iter().copied()).map(move |name| (name, framed))
    };
    let spoken = Framed::ALL.into_iter().flat_map(names);
    value("framing", "FRAMING", lang, help).value_parser(one_of(spoken)).hide_possible_values(true)
}

/// The framing that was asked for; datagrams carry no other than `none`.
///
/// # Errors
/// When `--udp` was asked for, too.
pub(super) fn framed(matches: &ArgMatches) -> Result<Framed, Text> {
    match (get::<Framed>(matches, "framing"), matches.get_flag("udp")) {
        (None | Some(Framed::None), true) => Ok(Framed::None),
        (Some(framed), true) => {
            let name = framed.word();
            Err(say!(
                "--framing {name}: with --udp each datagram is a message already; leave --framing away",
                "--framing {name}：用 --udp 时每个数据报本来就是一条消息；请去掉 --framing"
            ))
        }
        (framed, false) => Ok(framed.unwrap_or(Framed::I32Le)),
    }
}

/// Where each datagram is a message there is nothing to settle, and there are no connections.
///
/// # Errors
/// The option that would change nothing.
pub(super) fn of_streams(matches: &ArgMatches) -> Result<(), Text> {
    let with = Text::new("with --udp", "使用 --udp ");
    match matches.get_flag("udp") {
        true => crate::cli::args::useless(matches, &with, &["settle", "connections", "idle", "both"]),
        false => Ok(()),
    }
}

/// `--md5`
pub(super) fn trailer(lang: Lang) -> Arg {
    let help = Text::new(
        "how a download's MD5 follows: tail (at once), ack (after an acknowledgement), none (default: tail)",
        "下载的 MD5 怎样跟在后面：tail（紧跟）、ack（确认之后）、none（默认 tail）",
    );
    let choices = [("tail", Trailer::Tail), ("ack", Trailer::Ack), ("none", Trailer::None)];
    value("md5", "HOW", lang, help).value_parser(one_of(choices)).hide_possible_values(true)
}

/// What `--md5` says.
pub(super) fn how(matches: &ArgMatches) -> Trailer {
    get(matches, "md5").unwrap_or(Trailer::Tail)
}
