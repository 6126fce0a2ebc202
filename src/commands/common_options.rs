//! Options that several commands take.

use crate::cli::args::{flag, get, one_of, value};
use crate::cli::values::whole;
use crate::link::spec::Spec;
use crate::output::Output;
use crate::play::{Experiment, Linked};
use crate::render::Format;
use crate::text::{Lang, Text};
use clap::{Arg, ArgMatches};

/// `--nodelay on|off`
pub(super) fn nodelay(lang: Lang) -> Arg {
    let help = Text::new("TCP_NODELAY: on turns the Nagle algorithm off", "TCP_NODELAY：on 关闭 Nagle 算法");
    value("nodelay", "on|off", lang, help)
        .value_parser(one_of([("on", true), ("off", false)]))
        .hide_possible_values(true)
}

/// `--repeat N`
pub(super) fn repeat(lang: Lang) -> Arg {
    let help = Text::new("run N times and print the distribution of outcomes", "运行 N 次，输出结果的分布");
    value("repeat", "N", lang, help).value_parser(whole(1, 1_000_000))
}

/// `--stable`
pub(super) fn stable(lang: Lang) -> Arg {
    let help = Text::new(
        "order and names for times and ports: the same text on every run",
        "用顺序和名字代替时间和端口，每次输出相同",
    );
    flag("stable", lang, help)
}

/// `--full`
pub(super) fn full(lang: Lang) -> Arg {
    let help = Text::new("every row and every claim, not one screen of them", "显示全部行和全部论断，而不只是一屏");
    flag("full", lang, help)
}

/// `--quiz`
pub(super) fn quiz(lang: Lang) -> Arg {
    let help = Text::new(
        "of --format html: what was received is hidden until the reader has guessed the cuts",
        "用于 --format html：读者先猜切口，然后才显示收到的内容",
    );
    flag("quiz", lang, help)
}

/// A terminal cannot hide what it printed.
///
/// # Errors
/// `--quiz` beside another format.
pub(super) fn quiz_fits(output: &Output) -> Result<(), Text> {
    match output.quiz && output.format != Format::Html {
        true => Err(Text::new(
            "--quiz is for --format html; in the terminal --predict asks first",
            "--quiz 用于 --format html；在终端里先提问的是 --predict",
        )),
        false => Ok(()),
    }
}

/// `--brief`
pub(super) fn brief(lang: Lang) -> Arg {
    let help = Text::new(
        "a dozen lines: what was sent and what was received, cut where the calls cut it",
        "十来行：发出的和收到的，各按调用的切口切开",
    );
    flag("brief", lang, help).conflicts_with("full")
}

/// Why `--full` and `--brief` go with text alone.
pub(super) fn text_only() -> Text {
    Text::new(
        "--full and --brief are for text: every other format has everything",
        "--full 和 --brief 只用于文本：其他格式总是完整的",
    )
}

/// `--busy N`
pub(super) fn busy(lang: Lang) -> Arg {
    let help = Text::new("keep N threads busy meanwhile", "同时让 N 个线程空转，制造负载");
    value("busy", "N", lang, help).value_parser(whole(0, 256))
}

/// The threads that `--busy` asks for.
pub(super) fn busy_threads(matches: &ArgMatches) -> usize {
    get::<u32>(matches, "busy").unwrap_or(0) as usize
}

/// What was said about a link.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum AskedLink {
    /// Nothing.
    No,
    /// `--link` alone: the scenario's own.
    Usual,
    /// `--link SPEC`.
    Like(Box<Spec>),
}

impl AskedLink {
    /// What was asked for.
    pub(super) fn from(matches: &ArgMatches) -> AskedLink {
        get(matches, "link").unwrap_or(AskedLink::No)
    }

    /// The link that was asked for, or that the experiment cannot do without.
    pub(super) fn spec(&self, experiment: &Experiment) -> Option<Spec> {
        match (self, &experiment.linked) {
            (AskedLink::Like(spec), _) => Some((**spec).clone()),
            (AskedLink::Usual, _) | (_, Linked::Only) => Some(experiment.usual_link()),
            (AskedLink::No, _) => None,
        }
    }
}

/// `--link [SPEC]`
pub(super) fn link(lang: Lang) -> Arg {
    let help = Text::new(
        "run over an emulated link with real packets (Linux), like rtt=20ms,loss=10%,up.drop=3+7. Settings: \
         rtt, delay, mtu, loss, drop, dup, reorder, rate, queue, seed, timestamps; up. or down. before one \
         of them means one way only",
        "在模拟链路上运行，分组是真的（Linux），例如 rtt=20ms,loss=10%,up.drop=3+7。可设置 \
         rtt delay mtu loss drop dup reorder rate queue seed timestamps；前面加 up. 或 down. \
         表示只对一个方向",
    );
    let read = |text: &str| match text {
        "" => Ok(AskedLink::Usual),
        text => match Spec::parse(text) {
            Ok(spec) => Ok(AskedLink::Like(Box::new(spec))),
            Err(error) => Err(error.complaint(text)),
        },
    };
    value("link", "SPEC", lang, help).num_args(0..=1).default_missing_value("").value_parser(read)
}
