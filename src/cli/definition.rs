//! The whole command line for clap. Help, man page and completions come from here, in the reader's language.

use super::args::{flag, heading, one_of, value};
use super::command::{Command, Section};
use crate::output::When;
use crate::render::Format;
use crate::render::palette::Theme;
use crate::scenarios::SyllabusPart;
use crate::text::{Lang, Text};
use clap::{Arg, ArgAction, ValueHint, value_parser};
use std::path::PathBuf;

/// The variables that are read, in the order in which they count.
pub(crate) fn environment() -> [(&'static str, Text); 3] {
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

/// The definition of `stickdemo` and of all its commands.
pub(crate) fn definition(commands: &[Command], lang: Lang) -> clap::Command {
    definition_of(commands, |_| true, lang)
}

/// The same with the arguments of some commands only: a command line names one, and the others' take time to build.
pub(super) fn definition_of(commands: &[Command], whole: impl Fn(&Command) -> bool, lang: Lang) -> clap::Command {
    let define = |command: &Command| match whole(command) {
        true => command.definition(lang),
        false => command.outline(lang),
    };
    let about = Text::new(
        "Shows, with real kernel sockets, where message boundaries go.",
        "用真实的内核套接字，演示消息边界去了哪里。",
    );
    clap::Command::new("stickdemo")
        .version(env!("CARGO_PKG_VERSION"))
        .about(about.to(lang).to_owned())
        .propagate_version(true)
        // Lines are broken by our own width.
        .term_width(0)
        .disable_help_subcommand(true)
        .disable_help_flag(true)
        .disable_version_flag(true)
        .subcommand_required(true)
        .arg_required_else_help(true)
        .help_template(help_page(commands, lang))
        .args(output_args(commands, lang))
        .subcommands(commands.iter().map(define))
}

fn help_page(commands: &[Command], lang: Lang) -> String {
    let t = |text: Text| text.to(lang).to_owned();
    let mut page = format!("{{name}} {{version}}\n{{about}}\n\n{}\n", t(usage()));
    let sections = SyllabusPart::ALL.map(Section::Scenarios).into_iter().chain([Section::Programs, Section::Tools]);
    for section in sections {
        page += &format!("\n{}\n", t(title(section)));
        for command in commands.iter().filter(|command| command.section == section) {
            page += &format!("  {:<19}{}\n", command.name, command.summary.to(lang));
        }
    }
    page += &format!("\n{}\n{{options}}\n\n{}\n", t(Text::new("Options:", "选项：")), t(epilogue()));
    page
}

fn title(section: Section) -> Text {
    match section {
        Section::Scenarios(part) => {
            Text::new("Part {}. {}", "第 {} 部分 {}").with(&Text::same(part.number().to_string())).with(&part.title())
        }
        Section::Programs => Text::new("The documents' own programs, made correct", "文档自己的程序，改正后"),
        Section::Tools => Text::new("Tools", "工具"),
    }
}

fn usage() -> Text {
    Text::new(
        "Usage: stickdemo SCENARIO [OPTIONS]\n       stickdemo TOOL [OPTIONS]",
        "用法：stickdemo 场景 [选项]\n      stickdemo 工具 [选项]",
    )
}

fn epilogue() -> Text {
    Text::new(
        "stickdemo SCENARIO --help shows the options of a scenario. Start with: stickdemo tcp-naive\n\
         Exit codes: 0 reproduced, or whole; 1 not; 2 wrong usage; 3 not possible here; 130 interrupted.",
        "stickdemo 场景 --help 查看该场景的选项。先试试：stickdemo tcp-naive\n\
         退出码：0 已复现或传输完整，1 没有，2 用法错误，3 此处做不到，130 被中断。",
    )
}

/// What every command takes.
fn output_args(commands: &[Command], lang: Lang) -> Vec<Arg> {
    let theme = Text::new(
        "colours for a light or a dark terminal, or mono",
        "配色：light（浅色终端）、dark（深色终端）或 mono",
    );
    let args = vec![
        value("format", "FORMAT", lang, formats(commands))
            .value_parser(one_of(Format::ALL.iter().map(|format| (format.word(), *format))))
            .default_value(Format::Text.word())
            .hide_default_value(true)
            .hide_possible_values(true),
        value("out", "FILE", lang, Text::new("write to a file instead of standard output", "写入文件，而不是标准输出"))
            .value_hint(ValueHint::FilePath)
            .value_parser(value_parser!(PathBuf)),
        value("color", "WHEN", lang, Text::new("auto, always or never", "auto、always 或 never"))
            .value_parser(one_of([("auto", When::Auto), ("always", When::Always), ("never", When::Never)]))
            .default_value("auto")
            .hide_default_value(true)
            .hide_possible_values(true),
        value("theme", "THEME", lang, theme)
            .value_parser(one_of([("light", Theme::Light), ("dark", Theme::Dark), ("mono", Theme::Mono)]))
            .hide_possible_values(true),
        value("lang", "LANG", lang, Text::new("en or zh", "en 或 zh"))
            .value_parser(["en", "zh"])
            .hide_possible_values(true),
        flag("unicode", lang, Text::new("draw with more than ASCII", "使用 ASCII 之外的符号")),
        Arg::new("help")
            .short('h')
            .long("help")
            .action(ArgAction::HelpShort)
            .help(Text::new("print help", "显示帮助").to(lang).to_owned()),
        Arg::new("version")
            .short('V')
            .long("version")
            .action(ArgAction::Version)
            .help(Text::new("print the version", "显示版本").to(lang).to_owned()),
    ];
    let args = args.into_iter().map(|arg| arg.global(true)).collect();
    heading(args, lang, Text::new("Output", "输出"))
}

/// The formats, and which commands write more than text and JSON.
fn formats(commands: &[Command]) -> Text {
    let mut groups: Vec<(Vec<&str>, Text)> = Vec::new();
    for command in commands {
        let more = command.formats.iter().filter(|format| !matches!(format, Format::Text | Format::Json));
        let more: Vec<&str> = more.map(|format| format.word()).collect();
        let name = match command.section {
            Section::Scenarios(_) => Text::new("a scenario", "场景"),
            Section::Programs | Section::Tools => Text::same(command.name),
        };
        match groups.iter_mut().find(|(formats, _)| *formats == more) {
            _ if more.is_empty() => {}
            None => groups.push((more, name)),
            Some((_, names)) if names.en.split(" and ").any(|known| known == name.en) => {}
            Some((_, names)) => *names = Text::new("{} and {}", "{}和 {}").with_all([names, &name]),
        }
    }
    let mut text =
        Text::new("text or json (a run, a log: one object a line)", "text 或 json（运行和日志：每行一个对象）");
    for (n, (more, names)) in groups.iter().enumerate() {
        let shape = match n {
            0 => Text::new("{}; of {} also {}", "{}；{} 还有 {}"),
            _ => Text::new("{}, of {} {}", "{}，{} 还有 {}"),
        };
        text = shape.with_all([&text, names, &Text::made(more.join(" and "), more.join(" 和 "))]);
    }
    text
}
