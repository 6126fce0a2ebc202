//! `watch`: the trace of any program, unchanged.

use super::common_options::stable;
use crate::claims::Judge;
use crate::cli::Command;
use crate::cli::args::{flag, get, heading, one_of, value};
use crate::cli::command::{Context, Task};
use crate::cli::values::whole;
use crate::exit::Exit;
use crate::framing::{Framing, Kind};
use crate::output::complain;
use crate::render::report::{Head, Next, Options, Report, Steady, System};
use crate::render::{Format, Style};
use crate::say;
use crate::sys::kernel;
use crate::text::{Lang, Text, grouped};
use crate::trace::{EndName, Recorder, Role, Tie};
use crate::watch::conditions::{Conditions, Cut};
use crate::watch::seen::ProcessEnd;
use crate::watch::who::WhoIsWho;
use crate::watch::{self, OutputTo, Programs, Unwatchable, Watched, Watching, frames, source};
use clap::{Arg, ArgMatches, ValueHint, value_parser};
use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

/// So many calls are recorded, unless `--events` says otherwise.
const USUAL_CALLS: usize = 20_000;

pub(super) fn command() -> Command {
    let summary = Text::new("the trace of any program, unchanged", "任何程序的收发记录，程序不用改");
    let about = Text::new(
        "the trace of any program, in any language, unchanged (Linux): watch -- CMD ARG..., or a server and a client",
        "任何语言的程序，不用改，都能看到它的收发过程（Linux）：watch -- 命令 参数...，或者一个服务器加一个客户端",
    );
    Command::new("watch", summary, |matches, output| {
        let watching = watching(matches, output.format, output.file.is_some())?;
        let framing = get::<Kind>(matches, "framing").and_then(frames::of_stream);
        Ok(Task::new(move |context, out| run(&watching, framing, context, out)))
    })
    .about(about)
    .formats(Format::of_reports())
    .args(args)
}

fn args(lang: Lang) -> Vec<Arg> {
    let command = Text::new("the program and its arguments, behind --", "程序和它的参数，写在 -- 后面");
    let command = Arg::new("command").value_name("CMD").num_args(0..).last(true).help(command.to(lang).to_owned());
    let keep = Text::new(
        "wait for the server's end instead of ending it when the client is gone",
        "客户端结束后等服务器自己结束，而不是结束它",
    );
    let framing = Text::new(
        "where messages end: i32le, u32le, u32be, u16be, u8 or json (default: each send is one)",
        "消息怎样分界：i32le、u32le、u32be、u16be、u8 或 json（默认每次发送是一条）",
    );
    let kinds = Kind::ALL.into_iter().filter(|kind| frames::of_stream(*kind).is_some());
    let kinds =
        kinds.flat_map(|kind| [kind.name()].into_iter().chain(kind.aliases().iter().copied()).map(move |n| (n, kind)));
    let quiet = Text::new("keep what the programs print in the trace only", "程序打印的内容只放在记录里");
    let input = Text::new("a file for the client's standard input", "作为客户端标准输入的文件");
    let events = Text::new("record the first N calls (default: 20000)", "只记录前 N 次调用（默认 20000）");
    let mut all = vec![
        command,
        program("server", lang, Text::new("the server: a program and its arguments", "服务器：程序和参数")),
        program(
            "client",
            lang,
            Text::new("the client; it begins when the server listens", "客户端；服务器开始监听后启动"),
        )
        .requires("server"),
        flag("keep", lang, keep).requires("server"),
        value("client-input", "FILE", lang, input).value_hint(ValueHint::FilePath).value_parser(value_parser!(PathBuf)),
        value("framing", "FRAMING", lang, framing).value_parser(one_of(kinds)).hide_possible_values(true),
    ];
    all.extend(conditions_args(lang));
    all.extend([
        flag("quiet", lang, quiet),
        value("events", "N", lang, events).value_parser(whole(1, 1_000_000)),
        stable(lang),
    ]);
    heading(all, lang, Text::new("Options", "选项"))
}

fn program(id: &'static str, lang: Lang, help: Text) -> Arg {
    value(id, "CMD", lang, help).conflicts_with("command").value_hint(ValueHint::CommandString)
}

/// What is done to the programs' calls: all of it things that TCP may do at any time.
fn conditions_args(lang: Lang) -> Vec<Arg> {
    let late =
        Text::new("a receiver comes only when everything under way has arrived", "接收方等到途中的内容都到了才来接收");
    let cut = Text::new(
        "a recv returns at most N bytes; random: by --seed; server:3=1: the server's third returns at most 1",
        "一次 recv 最多返回 N 字节；random：由 --seed 决定；server:3=1：服务器第 3 次最多返回 1 字节",
    );
    let seed = Text::new("what --cut random hangs on (default: 1)", "--cut random 所依据的种子（默认 1）");
    vec![
        flag("late", lang, late),
        value("cut", "N", lang, cut),
        value("seed", "N", lang, seed).value_parser(value_parser!(u64)).requires("cut"),
    ]
}

fn watching(matches: &ArgMatches, format: Format, to_file: bool) -> Result<Watching, Text> {
    let quiet = matches.get_flag("quiet");
    Ok(Watching {
        programs: programs(matches)?,
        conditions: conditions(matches)?,
        outputs: match (quiet, format, to_file) {
            (true, ..) => OutputTo::Nowhere,
            (false, Format::Text, _) | (false, _, true) => OutputTo::Ours,
            (false, _, false) => OutputTo::StandardError,
        },
        input: get(matches, "client-input"),
        limit: None::<Duration>,
        most_calls: get::<u32>(matches, "events").map_or(USUAL_CALLS, |n| n as usize),
    })
}

fn programs(matches: &ArgMatches) -> Result<Programs, Text> {
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
    match (command.is_empty(), words("server")?, words("client")?) {
        (false, None, None) => Ok(Programs::One(command)),
        (true, Some(server), Some(client)) => Ok(Programs::Pair { server, client, keep: matches.get_flag("keep") }),
        (true, Some(server), None) => Ok(Programs::One(server)),
        _ => Err(Text::new(
            "which program? watch -- CMD ARG..., or watch --server CMD --client CMD",
            "要观察哪个程序？watch -- 命令 参数...，或者 watch --server 命令 --client 命令",
        )),
    }
}

fn conditions(matches: &ArgMatches) -> Result<Conditions, Text> {
    let seed = get::<u64>(matches, "seed").unwrap_or(1);
    let cut = get::<String>(matches, "cut").map(|text| {
        Cut::read(&text, seed).ok_or_else(|| {
            say!(
                "--cut {text}: takes a number of bytes, random, or calls like server:3=1,client:1=2",
                "--cut {text}：应为字节数、random，或 server:3=1,client:1=2 这样的调用"
            )
        })
    });
    Ok(Conditions { late: matches.get_flag("late"), cut: cut.transpose()? })
}

fn run(
    watching: &Watching,
    framing: Option<&'static dyn Framing>,
    context: &Context,
    out: &mut dyn Write,
) -> io::Result<Exit> {
    let style = &context.style;
    // What the programs print comes between.
    out.flush()?;
    let recorder = Recorder::default();
    let (watched, exit) = match watch::run(watching, recorder.began()) {
        Ok(watched) => {
            let exit = exit(&watched);
            (watched, exit)
        }
        Err(refusal) => {
            complain(&refusal.text(), style.lang);
            let exit = if matches!(refusal, Unwatchable::Program(..)) { Exit::Usage } else { Exit::NotHere };
            match refusal {
                Unwatchable::NoServer(watched) => (*watched, exit),
                _ => return Ok(exit),
            }
        }
    };
    let report = report(watching, &watched, framing, &recorder, style.stable);
    if watching.outputs == OutputTo::Ours && context.format == Format::Text && !report.trace.events.is_empty() {
        writeln!(out)?;
    }
    // All of it: nothing was claimed that a screen could be chosen by.
    context.format.write(out, &report, &Style { full: true, ..style.clone() })?;
    Ok(exit)
}

/// As the programs ended; one that was ended here did what it was asked.
fn exit(watched: &Watched) -> Exit {
    let good = watched.endings.iter().all(|program| program.asked_to || program.how == ProcessEnd::Status(0));
    if good { Exit::Done } else { Exit::Failed }
}

/// What was seen as a report like any other.
fn report(
    watching: &Watching,
    watched: &Watched,
    framing: Option<&dyn Framing>,
    recorder: &Recorder,
    stable: bool,
) -> Report {
    let ends = WhoIsWho::of(&watched.seen);
    source::events(&watched.seen, &ends, framing, recorder);
    let mut trace = recorder.take();
    let roles: BTreeSet<Role> = ends.all().iter().map(|end: &EndName| end.role).collect();
    trace.roles = roles.into_iter().collect();
    let trace = trace.finish(if stable { Tie::Lane } else { Tie::Clock });
    let mut findings = Judge::new(&trace, false).observe();
    if trace.events.is_empty() {
        findings
            .limits
            .push(Text::new("no call on a TCP or UDP socket was seen", "没有看到对 TCP 或 UDP 套接字的调用"));
    }
    findings.limits.extend(blindness(watched, watching));
    let report = Report {
        head: head(watching, framing),
        summary: trace.summary(),
        findings,
        failure: None,
        took_us: recorder.began().elapsed().as_micros() as u64,
        trace,
    };
    match stable {
        true => report.steady(Steady { calls: false, packets: false }),
        false => report,
    }
}

/// What the trace does not show, and how the programs ended when not well.
fn blindness(watched: &Watched, watching: &Watching) -> Vec<Text> {
    let mut notes = Vec::new();
    for program in &watched.endings {
        let name = crate::text::escaped(&program.name);
        match program.how {
            _ if program.asked_to => {}
            ProcessEnd::Status(0) => {}
            ProcessEnd::Status(status) => {
                notes.push(say!("{name} ended with exit status {status}", "{name} 以退出状态 {status} 结束"));
            }
            ProcessEnd::Signal(signal) => {
                notes.push(say!("{name} was ended by signal {signal}", "{name} 被信号 {signal} 结束"));
            }
        }
    }
    if watched.full {
        let n = grouped(watching.most_calls);
        notes.push(say!("only the first {n} calls are recorded (--events N)", "只记录了前 {n} 次调用（--events N）"));
    }
    if watched.uring {
        notes.push(Text::new(
            "a program uses io_uring: what it does there cannot be seen",
            "有程序使用了 io_uring：它在其中做的事看不到",
        ));
    }
    notes
}

fn head(watching: &Watching, framing: Option<&dyn Framing>) -> Head {
    let join = |words: &[String]| words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ");
    let (title, what) = match &watching.programs {
        Programs::One(words) => (join(words), format!("-- {}", join(words))),
        Programs::Pair { server, client, .. } => (
            format!("{} + {}", join(server), join(client)),
            format!("--server {} --client {}", quoted(&join(server)), quoted(&join(client))),
        ),
    };
    let mut given = Vec::new();
    given.extend(framing.map(|framing| ("framing".to_owned(), framing.kind().name().to_owned())));
    given.extend(watching.conditions.cut.as_ref().map(|cut| ("cut".to_owned(), cut.to_string())));
    given.extend(watching.conditions.late.then(|| ("late".to_owned(), String::new())));
    let late = Next {
        command: format!("watch --late {what}"),
        shows: Text::new("the same with a receiver that comes late", "同样的程序，接收方晚到"),
    };
    let cut = Next {
        command: format!("watch --cut 1 {what}"),
        shows: Text::new(
            "the same, one byte a recv: TCP may do that at any time",
            "同样的程序，每次 recv 一个字节：TCP 随时可以这样",
        ),
    };
    Head {
        scenario: "watch".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        title: Text::same(crate::text::escaped(&title)),
        question: Text::new("What does this program do at its sockets?", "这个程序在它的套接字上做了什么？"),
        claim: Text::new(
            "every socket call of the program, unchanged, in the order of causes",
            "程序的每一次套接字调用，程序未作改动，按因果顺序排列",
        ),
        documents: Vec::new(),
        part: 0,
        why: Vec::new(),
        next: if watching.conditions == Conditions::default() { vec![late, cut] } else { Vec::new() },
        control: None,
        alone: None,
        options: Options::default(),
        given,
        link: None,
        seed: None,
        system: System { os: kernel::os().to_owned(), kernel: kernel::kernel(), arch: kernel::arch().to_owned() },
        steady: None,
    }
}

fn quoted(word: &str) -> String {
    shlex::try_quote(word).map_or_else(|_| word.to_owned(), std::borrow::Cow::into_owned)
}
