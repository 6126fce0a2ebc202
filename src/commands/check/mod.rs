//! `check`: would a program survive every delivery TCP allows?

mod correction;
mod told;

use super::common_options::stable;
use super::subject;
use crate::cli::Command;
use crate::cli::args::{flag, get, heading, value};
use crate::cli::command::{Context, Task};
use crate::cli::values;
use crate::exit::Exit;
use crate::framing::Framing;
use crate::output::complain;
use crate::render::Format;
use crate::text::{Lang, Text};
use crate::watch::conditions::Conditions;
use crate::watch::survival::{AskedTrials, Examination, Judged, TrialRun, every, examine};
use crate::watch::{self, OutputTo, Unwatchable, Watching};
use clap::{Arg, ArgMatches, value_parser};
use std::io::{self, Write};
use std::time::{Duration, Instant};

/// How long an unharmed run may take, unless `--timeout` says otherwise.
const USUAL_LIMIT: Duration = Duration::from_secs(30);
/// So many calls of a run are recorded: enough to tell the mistake.
const MOST_CALLS: usize = 20_000;

/// What was asked for.
struct AskedCheck {
    watching: Watching,
    framing: Option<&'static dyn Framing>,
    trials: AskedTrials,
    all: bool,
    limit: Duration,
}

pub(super) fn command() -> Command {
    let summary = Text::new("would a program survive every delivery TCP allows", "程序能否经受 TCP 允许的各种投递方式");
    let about = Text::new(
        "run a program under every delivery that TCP allows, shrink what breaks it to the fewest cuts, and say which mistake it is (Linux): check -- CMD ARG..., or a server and a client",
        "在 TCP 允许的各种投递方式下运行程序，把使它出错的情形缩到最少的切分，并指出是哪种错误（Linux）：check -- 命令 参数...，或者一个服务器加一个客户端",
    );
    Command::new("check", summary, |matches, _| {
        let asked = asked(matches)?;
        Ok(Task::new(move |context, out| run(asked, context, out)))
    })
    .about(about)
    .words([("check --help", "fuzz grade survive 评分 检验")])
    .formats([Format::Text, Format::Json, Format::Tap, Format::Junit, Format::Markdown])
    .args(args)
}

fn args(lang: Lang) -> Vec<Arg> {
    let all = Text::new("go on behind the first condition that breaks it", "出错后继续试其余的条件");
    let seed = Text::new("where chance begins (default: 1)", "随机切分从哪个种子开始（默认 1）");
    let udp = Text::new(
        "datagrams, too: some are lost, come twice, or behind the next",
        "也试数据报：丢失、重复、晚于下一个到达",
    );
    let interrupt = Text::new("a signal ends MSG_WAITALL early, too", "也试信号使 MSG_WAITALL 提前返回");
    let timeout =
        Text::new("how long an unharmed run may take (default: 30s)", "不加干扰时一次运行最多多久（默认 30s）");
    let mut args = subject::args(lang);
    args.extend([
        flag("all", lang, all),
        flag("udp", lang, udp),
        flag("interrupt", lang, interrupt),
        value("seed", "N", lang, seed).value_parser(value_parser!(u64)),
        value("timeout", "DURATION", lang, timeout).value_parser(values::limit),
        stable(lang),
    ]);
    heading(args, lang, Text::new("Options", "选项"))
}

fn asked(matches: &ArgMatches) -> Result<AskedCheck, Text> {
    let watching = Watching {
        programs: subject::programs(matches)?,
        conditions: Conditions::default(),
        outputs: OutputTo::Nowhere,
        input: get(matches, "client-input"),
        isolated: true,
        limit: None,
        announced: None,
        most_calls: MOST_CALLS,
    };
    Ok(AskedCheck {
        watching,
        framing: subject::framing(matches),
        trials: AskedTrials {
            seed: get(matches, "seed").unwrap_or(1),
            framing: subject::framing(matches),
            udp: matches.get_flag("udp"),
            interrupt: matches.get_flag("interrupt"),
        },
        all: matches.get_flag("all"),
        limit: get(matches, "timeout").unwrap_or(USUAL_LIMIT),
    })
}

fn run(mut asked: AskedCheck, context: &Context, out: &mut dyn Write) -> io::Result<Exit> {
    let limit = asked.limit;
    let watching = &mut asked.watching;
    let trials = asked.trials;
    let found = examine(
        |unharmed| every(&trials, unharmed),
        asked.all,
        |run: &TrialRun| {
            watching.conditions = run.conditions.clone();
            watching.limit = Some(run.limit.unwrap_or(limit));
            match watch::run(watching, Instant::now()) {
                // Where it is not allowed the runs share this machine's ports, and the report says so.
                Err(Unwatchable::Network(_)) if watching.isolated => {
                    watching.isolated = false;
                    watch::run(watching, Instant::now())
                }
                other => other,
            }
        },
    );
    let found = match found {
        Ok(found) => found,
        Err(refusal) => {
            complain(&refusal.text(), context.style.lang);
            return Ok(if matches!(refusal, Unwatchable::Program(..)) { Exit::Usage } else { Exit::NotHere });
        }
    };
    let AskedCheck { watching, framing, .. } = &asked;
    told::Told { watching, framing: *framing, found: &found, style: &context.style }.write(context.format, out)?;
    Ok(exit(&found))
}

/// Only a program that nothing breaks passes.
fn exit(found: &Examination) -> Exit {
    match found.results.iter().any(|result| matches!(result.judged, Judged::Failed(_))) {
        true => Exit::Failed,
        false => Exit::Done,
    }
}
