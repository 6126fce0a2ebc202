//! The clap definition: names and help, no behaviour. Help, man page, completions and "did you mean"
//! all come from here, in the reader's language.

use super::programs::{self, programs};
use crate::net::Opt;
use crate::play::Linked;
use crate::scenarios::{Part, Scenario};
use crate::text::{Lang, Text};
use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, Command, ValueHint};

/// The commands that are not scenarios, in the order of help.
pub fn tools() -> [(&'static str, Text); 7] {
    [
        ("list", Text::new("the syllabus: every scenario with its claim", "课程大纲：所有场景及其结论")),
        ("all", Text::new("replay every scenario, then one table", "重放所有场景，汇成一张表")),
        ("show", Text::new("render a recorded run as when it was played", "把记录下来的运行按当时的样子重新显示")),
        ("cost", Text::new("what each fix costs, over loopback and over links", "各种解法的代价：在回环上和在链路上")),
        ("doctor", Text::new("what this machine can show", "这台机器能演示什么")),
        ("completions", Text::new("print a shell's completion script", "输出某种 shell 的补全脚本")),
        ("man", Text::new("print the man page", "输出 man 手册页")),
    ]
}

/// The variables that are read, in the order in which they count.
pub fn environment() -> [(&'static str, Text); 3] {
    [
        (
            "STICKDEMO_LANG, LC_ALL, LC_MESSAGES, LANG",
            Text::new(
                "the language, the first that is set (zh... is Chinese)",
                "语言，取第一个设置了的（zh 开头为中文）",
            ),
        ),
        ("NO_COLOR", Text::new("not empty: no colour", "非空：不用颜色")),
        ("CLICOLOR_FORCE", Text::new("not empty and not 0: colour in pipes too", "非空且不为 0：管道里也用颜色")),
    ]
}

/// The whole command line.
pub fn command(lang: Lang, scenarios: &[Scenario]) -> Command {
    let t = |text: Text| text.to(lang).to_owned();
    let about = Text::new(
        "Shows, with real kernel sockets, where message boundaries go.",
        "用真实的内核套接字，演示消息边界去了哪里。",
    );
    let mut root = Command::new("stickdemo")
        .version(env!("CARGO_PKG_VERSION"))
        .about(t(about))
        .propagate_version(true)
        .disable_help_subcommand(true)
        .disable_help_flag(true)
        .disable_version_flag(true)
        .subcommand_required(true)
        .arg_required_else_help(true)
        .help_template(help_page(lang, scenarios))
        .args(output_args(lang));
    for scenario in scenarios {
        root = root.subcommand(scenario_command(lang, scenario));
    }
    root = root.subcommands(programs::commands(lang, &tool_page(lang)));
    for (name, text) in tools() {
        let tool = Command::new(name).about(t(text)).help_template(tool_page(lang));
        root = root.subcommand(match name {
            "all" => tool.args(run_args(lang).into_iter().filter(|a| ALL_TAKES.contains(&a.get_id().as_str()))),
            "show" => tool.arg(
                Arg::new("file")
                    .value_name("FILE")
                    .required(true)
                    .value_parser(clap::value_parser!(std::path::PathBuf))
                    .value_hint(ValueHint::FilePath)
                    .help(t(Text::new(
                        "what --format json wrote of one run, or of several; - is standard input",
                        "--format json 写下的一次或多次运行；- 表示标准输入",
                    ))),
            ),
            "cost" => tool.args(cost_args(lang)),
            "completions" => tool.arg(
                Arg::new("shell")
                    .value_name("SHELL")
                    .required(true)
                    .value_parser(PossibleValuesParser::new(["bash", "zsh", "fish", "powershell", "elvish"]))
                    .help(t(Text::new("which shell", "哪种 shell"))),
            ),
            _ => tool,
        });
    }
    root
}

const ALL_TAKES: [&str; 4] = ["repeat", "busy", "stable", "link"];

fn help_page(lang: Lang, scenarios: &[Scenario]) -> String {
    let t = |text: Text| text.to(lang).to_owned();
    let mut page = format!("{{name}} {{version}}\n{{about}}\n\n{}\n", t(usage()));
    for part in Part::ALL {
        let head =
            Text::new("Part {}. {}", "第 {} 部分 {}").with(&Text::same(part.number().to_string())).with(&part.title());
        page += &format!("\n{}\n", t(head));
        for s in scenarios.iter().filter(|s| s.part == part) {
            page += &format!("  {:<19}{}\n", s.id, s.title.to(lang));
        }
    }
    let programs =
        (Text::new("The documents' own programs, made correct", "文档自己的程序，改正后"), programs().to_vec());
    for (head, commands) in [programs, (Text::new("Tools", "工具"), tools().to_vec())] {
        page += &format!("\n{}\n", t(head));
        for (name, text) in commands {
            page += &format!("  {name:<19}{}\n", text.to(lang));
        }
    }
    page += &format!("\n{}\n{{options}}\n\n{}\n", t(options_word()), t(epilogue()));
    page
}

fn usage() -> Text {
    Text::new(
        "Usage: stickdemo SCENARIO [OPTIONS]\n       stickdemo TOOL [OPTIONS]",
        "用法：stickdemo 场景 [选项]\n      stickdemo 工具 [选项]",
    )
}

fn options_word() -> Text {
    Text::new("Options:", "选项：")
}

fn epilogue() -> Text {
    Text::new(
        "stickdemo SCENARIO --help shows the options of a scenario. Start with: stickdemo tcp-naive\n\
         Exit codes: 0 reproduced, or whole; 1 not; 2 wrong usage; 3 not possible here; 130 interrupted.",
        "stickdemo 场景 --help 查看该场景的选项。先试试：stickdemo tcp-naive\n\
         退出码：0 已重现或传输完整，1 没有，2 用法错误，3 此处做不到，130 被中断。",
    )
}

fn tool_page(lang: Lang) -> String {
    let usage = Text::new("Usage: ", "用法：");
    format!("{{about}}\n\n{}{{usage}}\n\n{{all-args}}\n", usage.to(lang))
}

fn scenario_command(lang: Lang, scenario: &Scenario) -> Command {
    let mut after =
        Text::new("Documents: {}", "来自文档：{}").with(&Text::same(scenario.documents.join(", "))).to(lang).to_owned();
    after += Text::new("\nControl experiment: {}", "\n对照实验：{}").with(&scenario.teaching.control.change).to(lang);
    let args = run_args(lang).into_iter().map(|arg| {
        let id = arg.get_id().as_str();
        let takes_not = Opt::ALL.iter().any(|opt| opt.name() == id && !scenario.takes.contains(opt));
        let cannot = match scenario.experiment.linked {
            Linked::Only => ["as", "listen", "connect"].contains(&id),
            Linked::No(_) => ["link", "pcap"].contains(&id),
            Linked::Able => false,
        };
        arg.hide(takes_not || cannot)
    });
    Command::new(scenario.id)
        .about(scenario.claim.to(lang).to_owned())
        .after_help(after)
        .help_template(format!("{}{{after-help}}\n", tool_page(lang)))
        .args(args)
}

pub(super) fn value(id: &'static str, name: &'static str, lang: Lang, help: Text) -> Arg {
    Arg::new(id).long(id).value_name(name).help(help.to(lang).to_owned())
}

pub(super) fn flag(id: &'static str, lang: Lang, help: Text) -> Arg {
    Arg::new(id).long(id).action(ArgAction::SetTrue).help(help.to(lang).to_owned())
}

fn heading(args: Vec<Arg>, lang: Lang, text: Text) -> Vec<Arg> {
    let text: String = text.to(lang).to_owned();
    args.into_iter().map(|arg| arg.help_heading(text.clone())).collect()
}

/// What a run takes; each scenario shows those that make sense for it.
fn run_args(lang: Lang) -> Vec<Arg> {
    let socket = vec![
        value(
            "nodelay",
            "on|off",
            lang,
            Text::new("TCP_NODELAY: on turns the Nagle algorithm off", "TCP_NODELAY：on 关闭 Nagle 算法"),
        )
        .value_parser(["on", "off"])
        .hide_possible_values(true),
        value(
            "sndbuf",
            "BYTES",
            lang,
            Text::new("SO_SNDBUF of every socket (4096, 4KiB)", "每个套接字的 SO_SNDBUF（4096、4KiB）"),
        ),
        value("rcvbuf", "BYTES", lang, Text::new("SO_RCVBUF of every socket", "每个套接字的 SO_RCVBUF")),
        value("recv-size", "BYTES", lang, Text::new("the size passed to recv", "传给 recv 的大小")),
        value(
            "gap",
            "DURATION",
            lang,
            Text::new("the pause between the sends (20ms, 1.5s)", "两次发送之间的停顿（20ms、1.5s）"),
        ),
        flag("race", lang, Text::new("drop the barrier: let both ends run as they like", "撤掉屏障，两端谁也不等谁")),
    ];
    let how = vec![
        flag(
            "control",
            lang,
            Text::new(
                "the control experiment: take the cause away; the claim must fail",
                "对照实验：去掉原因，结论必须不成立",
            ),
        ),
        value(
            "repeat",
            "N",
            lang,
            Text::new("run N times and print the distribution of outcomes", "运行 N 次，输出结果的分布"),
        ),
        value("busy", "N", lang, Text::new("keep N threads busy meanwhile", "同时让 N 个线程空转，制造负载")),
        flag("step", lang, Text::new("show the recorded trace one event per Enter", "按一次回车显示一个事件")),
        flag(
            "stable",
            lang,
            Text::new(
                "order and names for times and ports: the same text on every run",
                "用顺序和名字代替时间和端口，每次输出相同",
            ),
        ),
        value("as", "both|server|client", lang, Text::new("which ends run here", "在这里运行哪一端"))
            .value_parser(["both", "server", "client"])
            .hide_possible_values(true),
        value(
            "listen",
            "ADDR",
            lang,
            Text::new(
                "where a lone server listens (default: any loopback port)",
                "单独的服务器在哪里监听（默认：任一回环端口）",
            ),
        ),
        value("connect", "ADDR", lang, Text::new("where a lone client connects to", "单独的客户端连接到哪里")),
        value(
            "timeout",
            "DURATION",
            lang,
            Text::new(
                "the longest that anything may wait (default: 10s, 20 round trips more over a link; 60s alone)",
                "每次最多等多久（默认 10s，有链路时加 20 个往返；单独运行时 60s）",
            ),
        ),
    ];
    let link = vec![
        value(
            "link",
            "SPEC",
            lang,
            Text::new(
                "run over an emulated link with real packets (Linux), like rtt=20ms,loss=10%,up.drop=3+7. Settings: \
                 rtt, delay, mtu, loss, drop, dup, reorder, rate, queue, seed, timestamps; up. or down. before one \
                 of them means one way only",
                "在模拟链路上运行，分组是真的（Linux），例如 rtt=20ms,loss=10%,up.drop=3+7。可设置 \
                 rtt delay mtu loss drop dup reorder rate queue seed timestamps；前面加 up. 或 down. \
                 表示只对一个方向",
            ),
        )
        .num_args(0..=1)
        .default_missing_value(""),
        value(
            "pcap",
            "FILE",
            lang,
            Text::new(
                "write the link's packets for Wireshark (pcapng)",
                "把链路上的分组写成 Wireshark 能读的文件（pcapng）",
            ),
        )
        .value_hint(ValueHint::FilePath)
        .value_parser(clap::value_parser!(std::path::PathBuf)),
    ];
    let mut args = heading(socket, lang, Text::new("Socket options", "套接字选项"));
    args.extend(heading(link, lang, Text::new("Link", "链路")));
    args.extend(heading(how, lang, Text::new("How to run", "怎样运行")));
    args
}

/// What `cost` takes.
fn cost_args(lang: Lang) -> Vec<Arg> {
    let of_a_run = |arg: &Arg| arg.get_id() == "nodelay";
    let mut args = vec![
        value(
            "rtt",
            "LIST",
            lang,
            Text::new(
                "round trip times of the links (default: 1ms,10ms,50ms; Linux)",
                "各链路的往返时间（默认 1ms,10ms,50ms；Linux）",
            ),
        ),
        value(
            "messages",
            "N",
            lang,
            Text::new(
                "messages in a row (default: 50, fewer where the delays add up)",
                "连续发多少条消息（默认 50，延迟累计太久时更少）",
            ),
        ),
        value("size", "BYTES", lang, Text::new("bytes of each message (default: 100)", "每条消息的字节数（默认 100）")),
        value(
            "gap",
            "DURATION",
            lang,
            Text::new(
                "how long sleep sleeps between length and body (default: 5ms)",
                "sleep 在长度和正文之间停多久（默认 5ms）",
            ),
        ),
    ];
    args.extend(run_args(lang).into_iter().filter(of_a_run));
    heading(args, lang, Text::new("What to measure", "测什么"))
}

/// What every command takes.
fn output_args(lang: Lang) -> Vec<Arg> {
    let t = |text: Text| text.to(lang).to_owned();
    let args = vec![
        value(
            "format",
            "FORMAT",
            lang,
            Text::new(
                "text or json (one object a line); of a scenario also mermaid, of cost html and svg",
                "text 或 json（每行一个对象）；场景还有 mermaid，cost 还有 html 和 svg",
            ),
        )
        .value_parser(["text", "json", "mermaid", "html", "svg"])
        .default_value("text")
        .hide_default_value(true)
        .hide_possible_values(true),
        value("out", "FILE", lang, Text::new("write to a file instead of standard output", "写入文件，而不是标准输出"))
            .value_hint(ValueHint::FilePath)
            .value_parser(clap::value_parser!(std::path::PathBuf)),
        value("color", "WHEN", lang, Text::new("auto, always or never", "auto、always 或 never"))
            .value_parser(["auto", "always", "never"])
            .default_value("auto")
            .hide_default_value(true)
            .hide_possible_values(true),
        value("lang", "LANG", lang, Text::new("en or zh", "en 或 zh"))
            .value_parser(["en", "zh"])
            .hide_possible_values(true),
        flag("unicode", lang, Text::new("draw with more than ASCII", "使用 ASCII 之外的符号")),
        Arg::new("help")
            .short('h')
            .long("help")
            .action(ArgAction::HelpShort)
            .help(t(Text::new("print help", "显示帮助"))),
        Arg::new("version")
            .short('V')
            .long("version")
            .action(ArgAction::Version)
            .help(t(Text::new("print the version", "显示版本"))),
    ];
    let args = args.into_iter().map(|arg| arg.global(true)).collect();
    heading(args, lang, Text::new("Output", "输出"))
}
