//! `watch`: the trace of any program, unchanged.

use super::common_options::stable;
use super::observed::report;
use super::subject;
use crate::cli::Command;
use crate::cli::args::{flag, get, heading, value};
use crate::cli::command::{Context, Task};
use crate::cli::values::whole;
use crate::exit::Exit;
use crate::framing::Framing;
use crate::output::complain;
use crate::render::{Extent, Format, Style};
use crate::say;
use crate::text::{Lang, Text};
use crate::trace::Recorder;
use crate::watch::conditions::{Conditions, Cut, OnTheWay, Strikes};
use crate::watch::seen::ProcessEnd;
use crate::watch::{self, OutputTo, Programs, Unwatchable, Watched, Watching};
use clap::{Arg, ArgMatches, value_parser};
use std::io::{self, Write};
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
        let mut watching = watching(matches, output.format, output.file.is_some())?;
        let framing = subject::framing(matches);
        Ok(Task::new(move |context, out| {
            watching.announced = announced(&watching.programs).map(|line| line.to(context.style.lang).to_owned());
            run(&watching, framing, context, out)
        }))
    })
    .about(about)
    .words([("watch --help", "strace trace ptrace observe 观察 追踪")])
    .formats(Format::of_reports())
    .args(args)
}

/// What is said when a process that runs already is followed.
fn announced(programs: &Programs) -> Option<Text> {
    match programs {
        Programs::Running(pid) => Some(say!(
            "watching process {pid}: Ctrl-C ends it, and the process goes on",
            "正在观察进程 {pid}：按 Ctrl-C 结束观察，进程继续运行"
        )),
        Programs::One(_) | Programs::Pair { .. } => None,
    }
}

fn args(lang: Lang) -> Vec<Arg> {
    let quiet = Text::new("keep what the programs print in the trace only", "程序打印的内容只放在记录里");
    let events = Text::new("record the first N calls (default: 20000)", "只记录前 N 次调用（默认 20000）");
    let mut all = subject::args(lang);
    all.push(subject::pid(lang));
    all.push(subject::keep(lang));
    all.extend(conditions_args(lang));
    all.extend([
        flag("quiet", lang, quiet),
        value("events", "N", lang, events).value_parser(whole(1, 1_000_000)),
        stable(lang),
    ]);
    heading(all, lang, Text::new("Options", "选项"))
}

/// What is done to the programs' calls: all of it things that TCP may do at any time.
fn conditions_args(lang: Lang) -> Vec<Arg> {
    let late =
        Text::new("a receiver comes only when everything under way has arrived", "接收方等到途中的内容都到了才来接收");
    let cut = Text::new(
        "a recv returns at most N bytes; random: by --seed; server:3=1: the server's third returns at most 1; server@5: none goes on behind the fifth byte",
        "一次 recv 最多返回 N 字节；random：由 --seed 决定；server:3=1：服务器第 3 次最多返回 1 字节；server@5：没有一次越过第 5 字节",
    );
    let seed = Text::new("what random hangs on (default: 1)", "random 所依据的种子（默认 1）");
    let short = Text::new("sends on non-blocking sockets take only a part", "非阻塞套接字上的发送只收下一部分");
    let slow =
        Text::new("each send after a connection's first comes 0.3 s later", "每个连接第一次之后的发送都晚 0.3 秒");
    let interrupt = Text::new(
        "a signal ends each recv with MSG_WAITALL when half of it is there",
        "带 MSG_WAITALL 的 recv 收到一半时被信号打断",
    );
    let lose = Text::new(
        "every Nth datagram is lost; random: by --seed; server:3: the third that the server is sent",
        "每 N 个数据报丢失一个；random：由 --seed 决定；server:3：发给服务器的第 3 个",
    );
    let double = Text::new("every Nth datagram comes twice; as --lose", "每 N 个数据报有一个到达两次；写法同 --lose");
    let swap = Text::new(
        "every Nth datagram comes behind the next; as --lose",
        "每 N 个数据报有一个晚于下一个到达；写法同 --lose",
    );
    vec![
        flag("late", lang, late),
        value("cut", "N", lang, cut),
        value("seed", "N", lang, seed).value_parser(value_parser!(u64)),
        flag("short-writes", lang, short),
        flag("slow", lang, slow),
        flag("interrupt", lang, interrupt),
        value("lose", "N", lang, lose),
        value("double", "N", lang, double),
        value("swap", "N", lang, swap),
    ]
}

fn watching(matches: &ArgMatches, format: Format, to_file: bool) -> Result<Watching, Text> {
    let quiet = matches.get_flag("quiet");
    Ok(Watching {
        programs: subject::programs(matches)?,
        conditions: conditions(matches)?,
        outputs: match (quiet, format, to_file) {
            (true, ..) => OutputTo::Nowhere,
            (false, Format::Text, _) | (false, _, true) => OutputTo::Ours,
            (false, _, false) => OutputTo::StandardError,
        },
        input: get(matches, "client-input"),
        isolated: false,
        limit: None::<Duration>,
        announced: None,
        most_calls: get::<u32>(matches, "events").map_or(USUAL_CALLS, |n| n as usize),
    })
}

fn conditions(matches: &ArgMatches) -> Result<Conditions, Text> {
    let seed = get::<u64>(matches, "seed");
    let is_random = |id: &&str| get::<String>(matches, id).is_some_and(|text| text == "random");
    if seed.is_some() && !["cut", "lose", "double", "swap"].iter().any(is_random) {
        return Err(Text::new(
            "--seed: nothing is left to chance here; it goes with --cut random, --lose random, --double random or --swap random",
            "--seed：这里没有随机的东西；它与 --cut random、--lose random、--double random 或 --swap random 一起用",
        ));
    }
    let seed = seed.unwrap_or(1);
    let cut = get::<String>(matches, "cut").map(|text| {
        Cut::read(&text, seed).ok_or_else(|| {
            say!(
                "--cut {text}: takes a number of bytes, random, calls like server:3=1,client:1=2, or places like server@5",
                "--cut {text}：应为字节数、random、server:3=1,client:1=2 这样的调用，或 server@5 这样的位置"
            )
        })
    });
    let strikes = |id: &str| {
        let text: Option<String> = get(matches, id);
        let read = |text: String| {
            Strikes::read(&text, seed).ok_or_else(|| {
                say!(
                    "--{id} {text}: takes a number, random, or datagrams like server:3,client:1",
                    "--{id} {text}：应为数字、random，或 server:3,client:1 这样的数据报"
                )
            })
        };
        text.map(read).transpose()
    };
    Ok(Conditions {
        interrupt: matches.get_flag("interrupt"),
        datagrams: OnTheWay { lose: strikes("lose")?, double: strikes("double")?, swap: strikes("swap")? },
        late: matches.get_flag("late"),
        cut: cut.transpose()?,
        short_writes: matches.get_flag("short-writes"),
        slow: matches.get_flag("slow"),
    })
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
    context.format.write(out, &report, &Style { extent: Extent::Full, ..style.clone() })?;
    Ok(exit)
}

/// As the programs ended; one that was ended here did what it was asked.
fn exit(watched: &Watched) -> Exit {
    let good = watched.endings.iter().all(|program| program.asked_to || program.how == ProcessEnd::Status(0));
    if good { Exit::Done } else { Exit::Failed }
}
