//! `man`: the man page, from the definition of the command line.

use crate::cli::command::{Context, Section, Task};
use crate::cli::{self, Command};
use crate::exit::Exit;
use crate::render::Style;
use crate::scenarios::SyllabusPart;
use crate::text::Text;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};
use std::io::{self, Write};

pub(super) fn command() -> Command {
    let summary = Text::new("print the man page", "输出 man 手册页");
    Command::new("man", summary, |_, _| Ok(Task::new(run)))
}

/// One page for all: clap_mangen would refer to a page of its own for every scenario.
fn run(context: &Context, out: &mut dyn Write) -> io::Result<Exit> {
    let style = &context.style;
    let command = cli::definition(&context.commands, style.lang);
    let of_a_run = command.find_subcommand("tcp-naive").cloned().unwrap_or_default();
    let programs = programs(command.clone(), context);
    let man = Man::new(command);
    man.render_title(out)?;
    // Chinese has few places where a line can be stretched.
    writeln!(out, ".ad l")?;
    man.render_name_section(out)?;
    man.render_synopsis_section(out)?;
    man.render_description_section(out)?;
    commands(context).to_writer(out)?;
    man.render_options_section(out)?;
    Man::new(of_a_run.mut_args(|arg| arg.hide(false))).render_options_section(out)?;
    programs.to_writer(out)?;
    closing(style).to_writer(out)?;
    Ok(Exit::Done)
}

fn commands(context: &Context) -> Roff {
    let lang = context.style.lang;
    let mut page = Roff::default();
    let list = |page: &mut Roff, section: Section| {
        for command in context.commands.iter().filter(|command| command.section == section) {
            page.control("TP", []).text([bold(command.name)]).text([roman(command.about.to(lang))]);
        }
    };
    for part in SyllabusPart::ALL {
        let title = part.title();
        page.control("SH", [format!("{}. {}", part.number(), title.to(lang)).to_uppercase().as_str()]);
        list(&mut page, Section::Scenarios(part));
    }
    page.control("SH", [Text::new("TOOLS", "工具").to(lang)]);
    list(&mut page, Section::Tools);
    page
}

/// The documents' programs, each with what it takes besides the options of every command.
fn programs(mut command: clap::Command, context: &Context) -> Roff {
    command.build();
    let mut page = Roff::default();
    page.control("SH", [Text::new("PROGRAMS", "文档的程序").to(context.style.lang)]);
    for Command { name, .. } in context.commands.iter().filter(|command| command.section == Section::Programs) {
        let program = command.find_subcommand(name);
        let services = program.iter().flat_map(|p| p.get_subcommands().map(|service| (format!("{name} "), service)));
        let takes_itself = program.iter().filter(|p| !p.has_subcommands()).map(|p| (String::new(), *p));
        for (before, one) in takes_itself.chain(services) {
            page.control("SS", [format!("{before}{}", one.get_name()).as_str()]);
            page.text([roman(one.get_about().map(ToString::to_string).unwrap_or_default())]);
            for arg in one.get_arguments().filter(|arg| !arg.is_global_set()) {
                let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
                page.control("TP", []).text([bold(arg.to_string())]).text([roman(help)]);
            }
        }
    }
    page
}

/// Lines to begin with, and what each shows.
const EXAMPLES: [(&str, Text); 6] = [
    ("stickdemo tcp-naive", Text::new("two sends come out of one recv", "两次 send 被一次 recv 取出")),
    ("stickdemo tcp-naive --message 你好 --message 世界", Text::new("with your own words", "用自己的话")),
    ("stickdemo tcp-naive --race --repeat 200", Text::new("nobody waits: how often?", "谁也不等谁：出现几次？")),
    ("stickdemo all --brief", Text::new("every scenario in a dozen lines", "每个场景十来行")),
    ("stickdemo link-loss --link rtt=20ms,loss=10%", Text::new("packets on a link that loses some", "会丢分组的链路")),
    ("stickdemo explain 1277174131", Text::new("what a wrong length really was", "错误的长度本来是什么")),
];

fn closing(style: &Style) -> Roff {
    let mut page = Roff::default();
    page.control("SH", [Text::new("EXAMPLES", "例子").to(style.lang)]);
    for (line, text) in EXAMPLES {
        page.control("TP", []).text([bold(line)]).text([roman(text.to(style.lang))]);
    }
    page.control("SH", [Text::new("EXIT STATUS", "退出码").to(style.lang)]);
    for exit in Exit::ALL {
        page.control("TP", []).text([bold((exit as u8).to_string())]).text([roman(exit.meaning().to(style.lang))]);
    }
    page.control("SH", [Text::new("ENVIRONMENT", "环境变量").to(style.lang)]);
    for (name, text) in cli::environment() {
        page.control("TP", []).text([bold(name)]).text([roman(text.to(style.lang))]);
    }
    page
}
