//! Replays one scenario: once with its trace, or many times with the distribution of outcomes.

use super::busy::Busy;
use super::capture::Capture;
use super::{complain, repeat, report};
use crate::cli::{AskedLink, RunRequest};
use crate::exit::Exit;
use crate::link::spec::Spec;
use crate::net::NetError;
use crate::output::Format;
use crate::output::tell;
use crate::play::{self, Experiment, LONE_LIMIT, Linked, Plan, Side};
use crate::render::{self, Steps, Style};
use crate::say;
use crate::sys::port;
use crate::text::Text;
use crate::trace::Call;
use std::io::{self, BufRead, IsTerminal, Write};
use std::sync::Arc;

pub(super) fn run(request: &RunRequest, format: Format, style: &Style, out: &mut dyn Write) -> io::Result<Exit> {
    let plan = plan(request, style);
    let _busy = Busy::start(request.busy);
    match request.repeat {
        Some(n) => repeat::run(request, &plan, n, format, style, out),
        None => once(request, &plan, format, style, out),
    }
}

fn plan(request: &RunRequest, style: &Style) -> Plan {
    let scenario = &request.scenario;
    let experiment = if request.control { scenario.controlled() } else { scenario.experiment.clone() };
    let settings = experiment.defaults.overlaid(&request.chosen);
    let link = link(&request.link, &experiment).map(|spec| play::seeded(spec, style.stable));
    let mut plan = Plan::new(experiment);
    if let Some(link) = link {
        plan = plan.over(link);
    }
    plan.settings = settings;
    plan.side = request.side;
    plan.steady = style.stable;
    let usual = if request.side == Side::Both { plan.limit } else { LONE_LIMIT };
    plan.limit = request.limit.unwrap_or(usual);
    if matches!(request.side, Side::Server(_)) {
        let (id, lang) = (request.scenario.id, style.lang);
        plan.announce = Some(Arc::new(move |address| {
            let reach = port::reachable(address);
            let text = say!(
                "listening on {address}; the other end: stickdemo {id} --as client --connect {reach}",
                "正在监听 {address}；另一端请运行：stickdemo {id} --as client --connect {reach}"
            );
            tell(text.to(lang));
        }));
    }
    plan
}

/// The link that was asked for, or that the scenario cannot do without.
pub(super) fn link(asked: &AskedLink, experiment: &Experiment) -> Option<Spec> {
    match (asked, &experiment.linked) {
        (AskedLink::Like(spec), _) => Some((**spec).clone()),
        (AskedLink::Usual, _) | (_, Linked::Only) => Some(experiment.usual_link()),
        (AskedLink::No, _) => None,
    }
}

fn once(request: &RunRequest, plan: &Plan, format: Format, style: &Style, out: &mut dyn Write) -> io::Result<Exit> {
    let capture = match request.pcap.as_deref().map(Capture::open).transpose() {
        Ok(capture) => capture,
        Err(text) => {
            complain(&text, style.lang);
            return Ok(Exit::NotHere);
        }
    };
    let outcome = play::run(plan);
    // Before the trace, whose reader may have seen enough in the middle of it.
    let captured = capture.map_or(Ok(()), |capture| capture.write(plan, &outcome));
    let exit = outcome.exit();
    let failed = outcome.failure.as_ref().map(|failure| explained(request, failure));
    let report = report(&request.scenario, plan, outcome, &request.chosen, request.control);
    match format {
        Format::Json => render::run_json(out, &report, style.lang)?,
        Format::Mermaid => render::mermaid(out, &report, style)?,
        Format::Text if report.moved_nothing() => {}
        Format::Text if request.step => render::terminal(out, &report, style, &mut Enter::new(style))?,
        _ => render::terminal(out, &report, style, &mut ())?,
    }
    out.flush()?;
    if let Some(text) = failed {
        complain(&text, style.lang);
    }
    if let Err(text) = captured {
        complain(&text, style.lang);
        return Ok(Exit::NotHere);
    }
    Ok(exit)
}

/// What failed, why, and what to do about it.
fn explained(request: &RunRequest, failure: &play::Failure) -> Text {
    let who = Text::same(failure.end.to_string());
    let text = Text::new("{}: {}", "{}：{}").with(&who).with(&failure.text());
    let Some(hint) = failure.error.downcast_ref::<NetError>().and_then(|error| hint(request, error)) else {
        return text;
    };
    Text::new("{}\n  {}", "{}\n  {}").with(&text).with(&hint)
}

fn hint(request: &RunRequest, error: &NetError) -> Option<Text> {
    use io::ErrorKind::{
        AddrInUse, AddrNotAvailable, BrokenPipe, ConnectionRefused, ConnectionReset, HostUnreachable,
        NetworkUnreachable, PermissionDenied,
    };
    let id = request.scenario.id;
    let NetError::Call { call, address, .. } = error else { return deadline_hint(request, error) };
    match (error.kind()?, call) {
        (AddrInUse, _) => {
            let owner = address.and_then(|a| port::owner(a.port()));
            let who = owner.unwrap_or_else(|| Text::new("another program", "另一个程序"));
            Some(
                Text::new(
                    "{} has the port: choose another, or --listen 127.0.0.1:0 for any free one",
                    "端口被{}占用：换一个端口，或用 --listen 127.0.0.1:0 任选空闲端口",
                )
                .with(&who),
            )
        }
        (PermissionDenied, Call::Bind) => Some(Text::new(
            "ports below 1024 need privilege: choose a higher one",
            "1024 以下的端口需要特权：请换一个更大的端口",
        )),
        (ConnectionRefused, Call::Connect) => Some(say!(
            "nobody listens there: start the other end first, stickdemo {id} --as server --listen ADDR",
            "那里没有人监听：请先启动另一端，stickdemo {id} --as server --listen 地址"
        )),
        (AddrNotAvailable | NetworkUnreachable, _) if request.side == Side::Both => Some(Text::new(
            "this machine has no working loopback; on Linux: ip link set lo up",
            "这台机器没有可用的回环接口；Linux 上请运行：ip link set lo up",
        )),
        (AddrNotAvailable, Call::Bind) => {
            Some(Text::new("that address is not one of this machine's", "那个地址不属于这台机器"))
        }
        (AddrNotAvailable | NetworkUnreachable | HostUnreachable, _) => Some(Text::new(
            "no way leads there from this machine: check the address and the network (stickdemo doctor looks at loopback)",
            "从这台机器到不了那里：请检查地址和网络（stickdemo doctor 会检查回环接口）",
        )),
        (ConnectionReset | BrokenPipe, _) if request.side != Side::Both => Some(say!(
            "the other end hung up in the middle: is it stickdemo {id}?",
            "另一端中途断开了：它运行的是 stickdemo {id} 吗？"
        )),
        _ if error.errno().is_some_and(|name| name == "EMFILE") => Some(Text::new(
            "this shell allows too few open files: ulimit -n 256",
            "这个 shell 允许打开的文件太少：ulimit -n 256",
        )),
        _ => None,
    }
}

fn deadline_hint(request: &RunRequest, error: &NetError) -> Option<Text> {
    let NetError::Deadline { .. } = error else { return None };
    let id = request.scenario.id;
    match request.side {
        Side::Both if request.link == AskedLink::No && !matches!(request.scenario.experiment.linked, Linked::Only) => {
            None
        }
        Side::Both => Some(Text::new(
            "the link is slow, or lost it: --timeout 120s waits longer; but what UDP lost does not come",
            "链路太慢，或者把它丢了：--timeout 120s 可以等得更久；但 UDP 丢了的不会再来",
        )),
        Side::Server(_) => Some(say!(
            "is the other end stickdemo {id}? --timeout 120s waits longer",
            "另一端运行的是 stickdemo {id} 吗？--timeout 120s 可以等得更久"
        )),
        Side::Client(_) => Some(say!(
            "does stickdemo {id} --as server run at that address? --timeout 120s waits longer",
            "那个地址上运行的是 stickdemo {id} --as server 吗？--timeout 120s 可以等得更久"
        )),
    }
}

/// `--step`: a line from standard input before each row; at its end the rest follows at once.
struct Enter {
    prompt: String,
    erase: bool,
    over: bool,
    first: bool,
}

impl Enter {
    fn new(style: &Style) -> Enter {
        let prompt = Text::new("-- Enter for the next event --", "-- 按回车看下一个事件 --").to(style.lang).to_owned();
        let dumb = std::env::var("TERM").is_ok_and(|term| term == "dumb");
        let erase = io::stdin().is_terminal() && io::stderr().is_terminal() && !dumb;
        Enter { prompt, erase, over: false, first: true }
    }
}

impl Steps for Enter {
    fn before(&mut self, out: &mut dyn Write) -> io::Result<()> {
        if std::mem::take(&mut self.first) || self.over {
            return Ok(());
        }
        out.flush()?;
        let mut err = io::stderr();
        let _ = write!(err, "{}", self.prompt);
        let _ = err.flush();
        self.over = io::stdin().lock().read_line(&mut String::new())? == 0;
        // The prompt and the learner's Enter leave no line between two rows.
        let _ = if self.erase { write!(err, "\x1b[1A\x1b[2K\r") } else { writeln!(err) };
        Ok(())
    }
}
