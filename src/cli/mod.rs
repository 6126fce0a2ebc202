//! The command line: what was asked, checked, in the reader's language.

mod command;
mod complaint;
mod cost;
mod programs;
mod values;

pub use command::{command, environment, tools};
pub use cost::CostRequest;
pub use programs::programs;

use crate::link::spec::Spec;
use crate::net::Settings;
use crate::output::{Format, Output, When};
use crate::play::Side;
use crate::play::{Alone, Linked};
use crate::programs::Program;
use crate::say;
use crate::scenarios::Scenario;
use crate::text::quantity;
use crate::text::{Lang, Text};
use crate::trace::Role;
use clap::ArgMatches;
use clap::parser::ValueSource;
use std::ffi::OsString;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How one scenario is to be run.
#[derive(Clone)]
pub struct RunRequest {
    /// Which.
    pub scenario: Scenario,
    /// The options the learner gave.
    pub chosen: Settings,
    /// Which ends.
    pub side: Side,
    /// Over a link, and which.
    pub link: AskedLink,
    /// Where the packets go.
    pub pcap: Option<PathBuf>,
    /// The control experiment.
    pub control: bool,
    /// How often; 1 prints the trace.
    pub repeat: Option<u32>,
    /// Threads kept busy meanwhile.
    pub busy: usize,
    /// One event per Enter.
    pub step: bool,
    /// The longest to wait.
    pub limit: Option<Duration>,
}

/// What was said about a link.
#[derive(Clone, Debug, PartialEq)]
pub enum AskedLink {
    /// Nothing.
    No,
    /// `--link` alone: the scenario's own.
    Usual,
    /// `--link SPEC`.
    Like(Box<Spec>),
}

/// What was asked.
#[derive(Clone)]
pub enum Task {
    /// One scenario.
    Run(Box<RunRequest>),
    /// Every scenario, perhaps several times, perhaps under load.
    All {
        /// How often.
        repeat: u32,
        /// Threads kept busy meanwhile.
        busy: usize,
        /// Over a link, and which.
        link: AskedLink,
    },
    /// The syllabus.
    List,
    /// A recorded run, rendered again.
    Show(PathBuf),
    /// What this machine can show.
    Doctor,
    /// What each fix costs.
    Cost(CostRequest),
    /// One of the documents' own programs.
    Program(Box<Program>),
    /// A shell's completion script.
    Completions(String),
    /// The man page.
    Man,
}

/// A command line understood.
#[derive(Clone)]
pub struct Request {
    /// What to do.
    pub task: Task,
    /// Where to write.
    pub output: Output,
}

impl Request {
    /// May what was asked need a link?
    pub fn may_link(&self) -> bool {
        match &self.task {
            Task::Run(request) => {
                request.link != AskedLink::No || matches!(request.scenario.experiment.linked, Linked::Only)
            }
            Task::All { .. } | Task::Cost(_) => true,
            _ => false,
        }
    }
}

/// A command line that asks for nothing to be run.
#[derive(Clone, Debug)]
pub enum Refusal {
    /// Help or version, for standard output.
    Told(String),
    /// Wrong usage, for standard error.
    Wrong(String),
}

/// The longest `--gap` and `--timeout`.
const LONGEST: Duration = Duration::from_secs(3600);
/// The largest receive buffer a run allocates, in bytes.
const LARGEST_RECV: usize = 64 << 20;

/// The language: the flag, then STICKDEMO_LANG, LC_ALL, LC_MESSAGES, LANG, then English. Read before
/// anything else, so that complaints about the rest speak it too.
pub fn language(args: &[OsString], variable: impl Fn(&str) -> Option<String>) -> Lang {
    let words: Vec<_> = args.iter().map(|a| a.to_string_lossy()).collect();
    let flag = words.iter().enumerate().rev().find_map(|(i, word)| match word.strip_prefix("--lang") {
        Some("") => words.get(i + 1).map(ToString::to_string),
        Some(rest) => rest.strip_prefix('=').map(str::to_owned),
        None => None,
    });
    let set = |name: &&str| variable(name).filter(|value| !value.is_empty());
    let found = flag.or_else(|| ["STICKDEMO_LANG", "LC_ALL", "LC_MESSAGES", "LANG"].iter().find_map(set));
    found.map_or(Lang::En, |value| Lang::from_locale(&value))
}

/// Understands a command line.
///
/// # Errors
/// Help that was asked for, or what is wrong with the usage.
pub fn parse(args: Vec<OsString>, lang: Lang) -> Result<Request, Refusal> {
    let scenarios = crate::scenarios::syllabus();
    let definition = command(lang, &scenarios);
    let matches = definition.try_get_matches_from(args).map_err(|e| complaint::refusal(&e, lang, &scenarios))?;
    let wrong = |text: Text| Refusal::Wrong(complaint::usage_error(&text, lang));
    understand(&matches, &scenarios, lang).map_err(wrong)
}

fn understand(matches: &ArgMatches, scenarios: &[Scenario], lang: Lang) -> Result<Request, Text> {
    let (name, sub) = matches.subcommand().ok_or_else(|| Text::new("no command given", "没有给出命令"))?;
    let mut output = output(sub, lang);
    let task = match name {
        "list" => Task::List,
        "all" => Task::All { repeat: repeat(sub)?.unwrap_or(1), busy: busy(sub)?, link: link(sub)? },
        "show" => Task::Show(sub.get_one::<PathBuf>("file").cloned().unwrap_or_default()),
        "doctor" => Task::Doctor,
        "cost" => Task::Cost(cost::request(sub)?),
        "completions" => Task::Completions(sub.get_one::<String>("shell").cloned().unwrap_or_default()),
        "man" => Task::Man,
        "serve" | "talk" | "exec" | "put" | "get" => program(name, sub, &mut output)?,
        id => {
            let found = scenarios.iter().find(|s| s.id == id).cloned();
            let scenario = found.ok_or_else(|| say!("no scenario named {id}", "没有名为 {id} 的场景"))?;
            Task::Run(Box::new(run_request(scenario, sub)?))
        }
    };
    if let (Task::Cost(_), None, Some(file)) = (&task, given(sub, "format"), &output.file) {
        output.format = cost::format_of(file).unwrap_or(output.format);
    }
    fits(&task, name, output.format)?;
    apart(&task, &output)?;
    Ok(Request { task, output })
}

/// A program of the documents. The file that `--out` names is where `get` stores what it gets.
fn program(name: &str, matches: &ArgMatches, output: &mut Output) -> Result<Task, Text> {
    let place = if name == "get" { output.file.take() } else { None };
    if name == "serve" && output.file.is_some() {
        return Err(Text::new(
            "--out: a server's log has no end at which a file would be complete; redirect it with > FILE",
            "--out：服务器的日志没有结束，文件永远不会完整；请用 > 文件 重定向",
        ));
    }
    Ok(Task::Program(Box::new(programs::request(name, matches, place)?)))
}

/// Refuses a format the command has no output in.
fn fits(task: &Task, name: &str, format: Format) -> Result<(), Text> {
    let (takes, name): (&[Format], &str) = match task {
        Task::Run(request) if request.repeat.is_some() => (&[Format::Text, Format::Json], "--repeat"),
        Task::Run(_) | Task::Show(_) => (&[Format::Text, Format::Json, Format::Mermaid], name),
        Task::All { .. } | Task::List | Task::Doctor | Task::Program(_) => (&[Format::Text, Format::Json], name),
        Task::Cost(_) => (&[Format::Text, Format::Json, Format::Html, Format::Svg], name),
        Task::Completions(_) | Task::Man => (&[Format::Text], name),
    };
    if matches!(task, Task::Run(r) if r.step && format != Format::Text) {
        return Err(Text::new("--step shows text: leave --format away", "--step 只显示文本：请去掉 --format"));
    }
    if takes.contains(&format) {
        return Ok(());
    }
    let words = takes.iter().map(|format| format.word()).collect::<Vec<_>>().join(", ");
    Err(say!("{name} has no output in that format; it has: {words}", "{name} 没有这种格式的输出；它有：{words}"))
}

/// Two results in one file would be neither.
fn apart(task: &Task, output: &Output) -> Result<(), Text> {
    let (Task::Run(run), Some(out)) = (task, &output.file) else { return Ok(()) };
    let whole = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    match &run.pcap {
        Some(pcap) if whole(pcap) == whole(out) => Err(Text::new(
            "--pcap and --out name the same file: give each its own",
            "--pcap 和 --out 是同一个文件：请各用一个",
        )),
        _ => Ok(()),
    }
}

fn output(matches: &ArgMatches, lang: Lang) -> Output {
    let word = |id: &str| matches.get_one::<String>(id).map(String::as_str);
    Output {
        format: match word("format") {
            Some("json") => Format::Json,
            Some("mermaid") => Format::Mermaid,
            Some("html") => Format::Html,
            Some("svg") => Format::Svg,
            _ => Format::Text,
        },
        file: matches.get_one::<PathBuf>("out").cloned(),
        color: match word("color") {
            Some("always") => When::Always,
            Some("never") => When::Never,
            _ => When::Auto,
        },
        lang,
        unicode: matches.get_flag("unicode"),
        stable: stable(matches),
    }
}

/// Asked for here, or behind the name of a service.
fn stable(matches: &ArgMatches) -> bool {
    let here = matches.try_get_one::<bool>("stable").ok().flatten().copied().unwrap_or(false);
    here || matches.subcommand().is_some_and(|(_, sub)| stable(sub))
}

/// An option's text, if the learner gave it.
fn given<'m>(matches: &'m ArgMatches, id: &str) -> Option<&'m str> {
    let chosen = matches.value_source(id) == Some(ValueSource::CommandLine);
    matches.get_one::<String>(id).filter(|_| chosen).map(String::as_str)
}

fn whole(matches: &ArgMatches, id: &'static str, least: u32, most: u32) -> Result<Option<u32>, Text> {
    let Some(text) = given(matches, id) else { return Ok(None) };
    match text.parse::<u32>() {
        Ok(n) if (least..=most).contains(&n) => Ok(Some(n)),
        _ => Err(say!(
            "--{id} {text}: takes a whole number from {least} to {most}",
            "--{id} {text}：应为 {least} 到 {most} 的整数"
        )),
    }
}

fn repeat(matches: &ArgMatches) -> Result<Option<u32>, Text> {
    whole(matches, "repeat", 1, 1_000_000)
}

fn busy(matches: &ArgMatches) -> Result<usize, Text> {
    Ok(whole(matches, "busy", 0, 256)?.unwrap_or(0) as usize)
}

fn run_request(scenario: Scenario, matches: &ArgMatches) -> Result<RunRequest, Text> {
    let chosen = settings(matches)?;
    makes_sense(&scenario, &chosen)?;
    let side = side(&scenario, matches)?;
    let (repeat, step) = (repeat(matches)?, matches.get_flag("step"));
    if repeat.is_some() && step {
        return Err(Text::new(
            "--repeat shows no trace, so there is nothing to --step through",
            "--repeat 不显示轨迹，无法 --step",
        ));
    }
    if repeat.is_some() && side != Side::Both {
        return Err(Text::new(
            "--repeat needs both ends here: leave --as away",
            "--repeat 需要两端都在这里：请去掉 --as",
        ));
    }
    let control = matches.get_flag("control");
    if control && side != Side::Both {
        return Err(Text::new(
            "--control needs both ends here: leave --as away",
            "--control 需要两端都在这里：请去掉 --as",
        ));
    }
    let link = link(matches)?;
    can_link(&scenario, &link, side)?;
    let pcap = matches.get_one::<PathBuf>("pcap").cloned();
    if pcap.is_some()
        && (repeat.is_some() || link == AskedLink::No && !matches!(scenario.experiment.linked, Linked::Only))
    {
        return Err(Text::new(
            "--pcap writes the packets of one run over a link: add --link, and leave --repeat away",
            "--pcap 写出一次链路运行的分组：请加 --link，并去掉 --repeat",
        ));
    }
    let limit = given(matches, "timeout").map(|text| quantity::duration(text, LONGEST)).transpose();
    let limit = limit.map_err(|e| named("timeout", &e))?;
    Ok(RunRequest { scenario, chosen, side, link, pcap, control, repeat, busy: busy(matches)?, step, limit })
}

fn link(matches: &ArgMatches) -> Result<AskedLink, Text> {
    match given(matches, "link") {
        None => Ok(AskedLink::No),
        Some("") => Ok(AskedLink::Usual),
        Some(text) => match Spec::parse(text) {
            Ok(spec) => Ok(AskedLink::Like(Box::new(spec))),
            Err(error) => Err(named("link", &error.complaint(text))),
        },
    }
}

fn can_link(scenario: &Scenario, link: &AskedLink, side: Side) -> Result<(), Text> {
    let id = Text::same(scenario.id);
    match (&scenario.experiment.linked, link) {
        (Linked::No(reason), AskedLink::Usual | AskedLink::Like(_)) => {
            Err(Text::new("{} runs on loopback only: {}", "{} 只在回环上运行：{}").with(&id).with(reason))
        }
        (Linked::Only, _) | (_, AskedLink::Usual | AskedLink::Like(_)) if side != Side::Both => Err(Text::new(
            "the link is between two ends here: leave --as, --listen and --connect away",
            "链路连接的是这里的两端：请去掉 --as、--listen 和 --connect",
        )),
        _ => Ok(()),
    }
}

fn named(option: &str, error: &Text) -> Text {
    Text::new("--{}: {}", "--{}：{}").with(&Text::same(option)).with(error)
}

fn settings(matches: &ArgMatches) -> Result<Settings, Text> {
    let size = |id: &str| given(matches, id).map(|text| quantity::size(text).map_err(|e| named(id, &e))).transpose();
    let buffer = |id: &'static str| match size(id)? {
        Some(n) if n > i32::MAX as usize => Err(say!(
            "--{id} {n}: the socket option is an int, at most 2147483647",
            "--{id} {n}：套接字选项是 int，最大 2147483647"
        )),
        other => Ok(other),
    };
    let recv_size = match size("recv-size")? {
        Some(0) => {
            return Err(Text::new(
                "--recv-size 0: recv(0) returns 0 at once, which reads like end of stream; give 1 or more",
                "--recv-size 0：recv(0) 会立刻返回 0，看起来像流结束；请给 1 或更大的值",
            ));
        }
        Some(n) if n > LARGEST_RECV => {
            return Err(say!(
                "--recv-size {n}: at most {LARGEST_RECV} (64 MiB), to keep memory bounded",
                "--recv-size {n}：最大 {LARGEST_RECV}（64 MiB），以限制内存"
            ));
        }
        other => other,
    };
    let gap = given(matches, "gap")
        .map(|text| quantity::duration(text, LONGEST).map_err(|e| named("gap", &e)))
        .transpose()?;
    Ok(Settings {
        nodelay: given(matches, "nodelay").map(|word| word == "on"),
        sndbuf: buffer("sndbuf")?,
        rcvbuf: buffer("rcvbuf")?,
        recv_size,
        gap,
        race: matches.get_flag("race"),
    })
}

/// An option that would change nothing is refused, not ignored.
fn makes_sense(scenario: &Scenario, chosen: &Settings) -> Result<(), Text> {
    let Some(opt) = chosen.given().find(|opt| !scenario.takes.contains(opt)) else { return Ok(()) };
    let (id, name) = (scenario.id, opt.name());
    let takes: Vec<String> = scenario.takes.iter().map(|opt| format!("--{}", opt.name())).collect();
    let takes = if takes.is_empty() { Text::new("none of them", "无") } else { Text::same(takes.join(" ")) };
    let refusal = say!(
        "--{name} would change nothing in {id}; of the socket options it takes: ",
        "--{name} 对 {id} 不起作用；它接受的套接字选项："
    );
    Err(Text::made(format!("{}{}", refusal.en, takes.en), format!("{}{}", refusal.zh, takes.zh)))
}

fn side(scenario: &Scenario, matches: &ArgMatches) -> Result<Side, Text> {
    let address = |id: &'static str| -> Result<Option<SocketAddr>, Text> {
        given(matches, id).map(|text| values::address(text).map_err(|e| named(id, &e))).transpose()
    };
    let (listen, connect) = (address("listen")?, address("connect")?);
    if connect.is_some_and(|to| to.port() == 0) {
        return Err(Text::new(
            "--connect: nobody listens on port 0; the server prints its address",
            "--connect：端口 0 上没有人监听；服务器会打印它的地址",
        ));
    }
    let side = match (given(matches, "as"), listen, connect) {
        (_, Some(_), Some(_)) => {
            return Err(Text::new(
                "--listen is for the server and --connect for the client: one end, one of them",
                "--listen 用于服务器，--connect 用于客户端：一端只能用一个",
            ));
        }
        (Some("client"), Some(_), None) => {
            return Err(Text::new(
                "a client does not listen: give --connect ADDR",
                "客户端不监听：请给 --connect 地址",
            ));
        }
        (Some("server"), None, Some(_)) => {
            return Err(Text::new(
                "a server does not connect: give --listen ADDR",
                "服务器不主动连接：请给 --listen 地址",
            ));
        }
        (Some("both"), listen, connect) if listen.or(connect).is_some() => {
            return Err(Text::new(
                "both ends here need no address: leave --listen and --connect away, or say --as",
                "两端都在这里时不需要地址：去掉 --listen 和 --connect，或用 --as 指明一端",
            ));
        }
        (Some("client"), None, None) => {
            return Err(Text::new(
                "--as client: to where? Add --connect ADDR (the server prints its address)",
                "--as client：连到哪里？请加 --connect 地址（服务器会打印它的地址）",
            ));
        }
        (None | Some("both"), None, None) => return Ok(Side::Both),
        (_, Some(address), None) => Side::Server(address),
        (_, None, Some(address)) => Side::Client(address),
        (_, None, None) => Side::Server((Ipv4Addr::LOCALHOST, 0).into()),
    };
    match (&scenario.experiment.alone, scenario.experiment.has(Role::Server), side) {
        (Alone::No(reason), ..) => {
            let id = Text::same(scenario.id);
            Err(Text::new("{} runs with both ends here: {}", "{} 的两端必须都在这里：{}").with(&id).with(reason))
        }
        (_, false, Side::Server(_)) => {
            let id = scenario.id;
            Err(say!(
                "{id} has no server: that nobody listens is the lesson",
                "{id} 没有服务器：没有人监听正是这一课的内容"
            ))
        }
        _ => Ok(side),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(words: &[&str]) -> Vec<OsString> {
        words.iter().map(OsString::from).collect()
    }

    #[test]
    fn the_flag_beats_the_environment_and_an_empty_variable_is_none() {
        let env = |name: &str| match name {
            "STICKDEMO_LANG" => Some(String::new()),
            "LANG" => Some("zh_CN.UTF-8".to_owned()),
            _ => None,
        };
        assert_eq!(language(&args(&["stickdemo"]), env), Lang::Zh);
        assert_eq!(language(&args(&["stickdemo", "--lang", "en"]), env), Lang::En);
        assert_eq!(language(&args(&["stickdemo", "--lang=en"]), env), Lang::En);
        assert_eq!(language(&args(&["stickdemo"]), |_| None), Lang::En);
    }

    #[test]
    fn the_definition_is_sound() {
        for lang in [Lang::En, Lang::Zh] {
            command(lang, &crate::scenarios::syllabus()).debug_assert();
        }
    }
}
