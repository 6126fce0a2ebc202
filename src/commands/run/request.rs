//! What was asked of a scenario, checked.

use super::options::{As, LONGEST_MESSAGES};
use crate::cli::args::get;
use crate::cli::command::fits;
use crate::commands::common_options::{AskedLink, busy_threads, quiz_fits, text_only};
use crate::net::{Opt, Settings};
use crate::output::Output;
use crate::play::{Alone, Linked, Side};
use crate::render::{Extent, Format};
use crate::say;
use crate::scenarios::{OwnMessages, Scenario};
use crate::text::Text;
use crate::trace::Role;
use clap::ArgMatches;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How one scenario is to be run.
pub(super) struct RunRequest {
    /// Which.
    pub(super) scenario: Scenario,
    /// The options the learner gave.
    pub(super) chosen: Settings,
    /// Which ends.
    pub(super) side: Side,
    /// Over a link, and which.
    pub(super) link: AskedLink,
    /// Where the packets go.
    pub(super) pcap: Option<PathBuf>,
    /// The control experiment.
    pub(super) control: bool,
    /// How often; `None` prints the trace.
    pub(super) repeat: Option<u32>,
    /// Threads kept busy meanwhile.
    pub(super) busy: usize,
    /// One event per Enter.
    pub(super) step: bool,
    /// A guess first.
    pub(super) predict: bool,
    /// The longest to wait.
    pub(super) limit: Option<Duration>,
}

impl RunRequest {
    /// Is there a link between its ends?
    pub(super) fn is_linked(&self) -> bool {
        self.link != AskedLink::No || matches!(self.scenario.experiment.linked, Linked::Only)
    }
}

/// What was asked.
///
/// # Errors
/// What makes no sense for this scenario, or beside something else that was asked.
pub(super) fn request(scenario: &Scenario, matches: &ArgMatches, output: &Output) -> Result<RunRequest, Text> {
    let chosen = settings(matches);
    makes_sense(scenario, &chosen)?;
    let request = RunRequest {
        scenario: scenario.clone(),
        chosen,
        side: side(scenario, matches)?,
        link: AskedLink::from(matches),
        pcap: get(matches, "pcap"),
        control: matches.get_flag("control"),
        repeat: get(matches, "repeat"),
        busy: busy_threads(matches),
        step: matches.get_flag("step"),
        predict: matches.get_flag("predict"),
        limit: get(matches, "timeout"),
    };
    quiz_fits(output)?;
    go_together(&request, output)?;
    can_link(scenario, &request.link, request.side)?;
    apart(&request, output)?;
    Ok(request)
}

fn settings(matches: &ArgMatches) -> Settings {
    Settings {
        nodelay: get(matches, "nodelay"),
        sndbuf: get(matches, "sndbuf"),
        rcvbuf: get(matches, "rcvbuf"),
        recv_size: get(matches, "recv-size"),
        gap: get(matches, "gap"),
        messages: matches.get_many("message").into_iter().flatten().cloned().collect(),
        race: matches.get_flag("race"),
        portable: false,
    }
}

/// An option that would change nothing is refused, not ignored.
fn makes_sense(scenario: &Scenario, chosen: &Settings) -> Result<(), Text> {
    let Some((opt, _)) = chosen.given().into_iter().find(|(opt, _)| !scenario.takes.contains(opt)) else {
        return own_messages(scenario, &chosen.messages);
    };
    let (id, name) = (scenario.id, opt.name());
    if opt == Opt::Message {
        return Err(say!(
            "--message makes no sense in {id}: what is sent there is the lesson; try tcp-naive, udp-boundaries or fix-header",
            "--message 对 {id} 没有意义：它发送的内容就是这一课；试试 tcp-naive、udp-boundaries 或 fix-header"
        ));
    }
    let takes: Vec<String> = scenario.takes.iter().map(|opt| format!("--{}", opt.name())).collect();
    let takes = if takes.is_empty() { Text::new("none of them", "无") } else { Text::same(takes.join(" ")) };
    let refusal = say!(
        "--{name} would change nothing in {id}; of the socket options it takes: ",
        "--{name} 对 {id} 不起作用；它接受的套接字选项："
    );
    Err(Text::made(format!("{}{}", refusal.en, takes.en), format!("{}{}", refusal.zh, takes.zh)))
}

/// How many messages of one's own there may be, and how long.
fn own_messages(scenario: &Scenario, messages: &[String]) -> Result<(), Text> {
    let Some(OwnMessages { count, longest, .. }) = scenario.messages.as_ref().filter(|_| !messages.is_empty()) else {
        return Ok(());
    };
    let (id, n, least, most) = (scenario.id, messages.len(), count.start(), count.end());
    if n < *least {
        return Err(say!(
            "{id} needs {least} messages or more: repeat --message TEXT for each",
            "{id} 至少需要 {least} 条消息：每条写一次 --message TEXT"
        ));
    }
    if n > *most {
        return Err(say!(
            "{id} takes at most {most} of --message, not {n}",
            "{id} 最多接受 {most} 个 --message，不是 {n} 个"
        ));
    }
    let long = messages.iter().map(String::len).find(|len| len > longest);
    let all: usize = messages.iter().map(String::len).sum();
    match long {
        Some(len) => Err(say!(
            "--message of {len} bytes: {id} takes at most {longest} (Chinese characters have 3 each in UTF-8)",
            "--message 有 {len} 字节：{id} 最多接受 {longest} 字节（UTF-8 中一个汉字占 3 字节）"
        )),
        None if all > LONGEST_MESSAGES => Err(say!(
            "the messages have {all} bytes together, at most {LONGEST_MESSAGES}: what waits to be read must fit into a socket buffer",
            "这些消息共 {all} 字节，最多 {LONGEST_MESSAGES} 字节：等待读取的数据要装得进套接字缓冲区"
        )),
        None => Ok(()),
    }
}

/// Refuses what would say nothing beside the rest of it.
fn go_together(request: &RunRequest, output: &Output) -> Result<(), Text> {
    let alone = request.side != Side::Both;
    Err(match (request.repeat.is_some(), output.format) {
        (true, _) if request.step => Text::new(
            "--repeat shows no trace, so there is nothing to --step through",
            "--repeat 不显示轨迹，无法 --step",
        ),
        (true, _) if alone => {
            Text::new("--repeat needs both ends here: leave --as away", "--repeat 需要两端都在这里：请去掉 --as")
        }
        (true, _) if request.predict => Text::new(
            "--repeat shows no single run, so there is nothing to --predict",
            "--repeat 不显示单次运行，无法 --predict",
        ),
        (true, _) if output.extent != Extent::Screen => Text::new(
            "--repeat shows no trace, so --full and --brief change nothing",
            "--repeat 不显示轨迹，--full 和 --brief 不起作用",
        ),
        (false, format) if output.extent != Extent::Screen && format != Format::Text => text_only(),
        (false, _) if output.extent == Extent::Brief && request.step => {
            Text::new("--brief has no rows to --step through", "--brief 没有可以 --step 的行")
        }
        (_, _) if request.control && alone => {
            Text::new("--control needs both ends here: leave --as away", "--control 需要两端都在这里：请去掉 --as")
        }
        (false, format) if request.step && format != Format::Text => {
            Text::new("--step shows text: leave --format away", "--step 只显示文本：请去掉 --format")
        }
        (true, format) => return fits(format, &[Format::Text, Format::Json, Format::Html], "--repeat"),
        (false, _) => return Ok(()),
    })
}

fn can_link(scenario: &Scenario, link: &AskedLink, side: Side) -> Result<(), Text> {
    match (scenario.experiment.linked, link) {
        (Linked::Only, _) | (_, AskedLink::Usual | AskedLink::Like(_)) if side != Side::Both => Err(Text::new(
            "the link is between two ends here: leave --as, --listen and --connect away",
            "链路连接的是这里的两端：请去掉 --as、--listen 和 --connect",
        )),
        _ => Ok(()),
    }
}

/// A capture is of one run over a link; and two results in one file would be neither.
fn apart(request: &RunRequest, output: &Output) -> Result<(), Text> {
    let Some(pcap) = &request.pcap else { return Ok(()) };
    if request.repeat.is_some() || !request.is_linked() {
        return Err(Text::new(
            "--pcap writes the packets of one run over a link: add --link, and leave --repeat away",
            "--pcap 写出一次链路运行的分组：请加 --link，并去掉 --repeat",
        ));
    }
    let whole = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    match &output.file {
        Some(out) if whole(pcap) == whole(out) => Err(Text::new(
            "--pcap and --out name the same file: give each its own",
            "--pcap 和 --out 是同一个文件：请各用一个",
        )),
        _ => Ok(()),
    }
}

fn side(scenario: &Scenario, matches: &ArgMatches) -> Result<Side, Text> {
    let (listen, connect) = (get(matches, "listen"), get(matches, "connect"));
    let side = chosen(get(matches, "as"), listen, connect)?;
    if side == Side::Both {
        return Ok(side);
    }
    let experiment = &scenario.experiment;
    match (&experiment.alone, experiment.has(Role::Server), side) {
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

/// The end that `--as`, `--listen` and `--connect` name together.
fn chosen(which: Option<As>, listen: Option<SocketAddr>, connect: Option<SocketAddr>) -> Result<Side, Text> {
    Err(match (which, listen, connect) {
        (None | Some(As::Both), None, None) => return Ok(Side::Both),
        (None | Some(As::Server), Some(address), None) => return Ok(Side::Server(address)),
        (None | Some(As::Client), None, Some(address)) => return Ok(Side::Client(address)),
        (Some(As::Server), None, None) => return Ok(Side::Server((Ipv4Addr::LOCALHOST, 0).into())),
        (_, Some(_), Some(_)) => Text::new(
            "--listen is for the server and --connect for the client: one end, one of them",
            "--listen 用于服务器，--connect 用于客户端：一端只能用一个",
        ),
        (Some(As::Client), Some(_), None) => {
            Text::new("a client does not listen: give --connect ADDR", "客户端不监听：请给 --connect 地址")
        }
        (Some(As::Server), None, Some(_)) => {
            Text::new("a server does not connect: give --listen ADDR", "服务器不主动连接：请给 --listen 地址")
        }
        (Some(As::Both), ..) => Text::new(
            "both ends here need no address: leave --listen and --connect away, or say --as",
            "两端都在这里时不需要地址：去掉 --listen 和 --connect，或用 --as 指明一端",
        ),
        (Some(As::Client), None, None) => Text::new(
            "--as client: to where? Add --connect ADDR (the server prints its address)",
            "--as client：连到哪里？请加 --connect 地址（服务器会打印它的地址）",
        ),
    })
}
