//! Shell completions and the man page, from the one definition of the command line.

use crate::cli;
use crate::exit::Exit;
use crate::render::Style;
use crate::scenarios::{Part, Scenario, syllabus};
use crate::text::Text;
use clap_complete::Shell;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};
use std::io::{self, Write};

pub(super) fn completions(shell: &str, style: &Style, out: &mut dyn Write) -> io::Result<Exit> {
    let Ok(shell) = shell.parse::<Shell>() else { return Ok(Exit::Usage) };
    // The generator panics when a write fails, so it writes to memory.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut cli::command(style.lang, &syllabus()), "stickdemo", &mut script);
    out.write_all(&script)?;
    Ok(Exit::Done)
}

/// One page for all: clap_mangen would refer to a page of its own for every scenario.
pub(super) fn man(style: &Style, out: &mut dyn Write) -> io::Result<Exit> {
    let scenarios = syllabus();
    let command = cli::command(style.lang, &scenarios);
    let of_a_run = command.find_subcommand("tcp-naive").cloned().unwrap_or_default();
    let man = Man::new(command);
    man.render_title(out)?;
    man.render_name_section(out)?;
    man.render_synopsis_section(out)?;
    man.render_description_section(out)?;
    commands(&scenarios, style).to_writer(out)?;
    man.render_options_section(out)?;
    Man::new(of_a_run.mut_args(|arg| arg.hide(false))).render_options_section(out)?;
    closing(style).to_writer(out)?;
    Ok(Exit::Done)
}

fn commands(scenarios: &[Scenario], style: &Style) -> Roff {
    let mut page = Roff::default();
    for part in Part::ALL {
        let title = part.title();
        page.control("SH", [format!("{}. {}", part.number(), title.to(style.lang)).to_uppercase().as_str()]);
        for scenario in scenarios.iter().filter(|s| s.part == part) {
            page.control("TP", []).text([bold(scenario.id)]).text([roman(scenario.claim.to(style.lang))]);
        }
    }
    page.control("SH", [Text::new("TOOLS", "工具").to(style.lang)]);
    for (name, text) in cli::tools() {
        page.control("TP", []).text([bold(name)]).text([roman(text.to(style.lang))]);
    }
    page
}

fn closing(style: &Style) -> Roff {
    let mut page = Roff::default();
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
