//! Shell completions and the man page, from the one definition of the command line.

use crate::cli::command;
use crate::exit::Exit;
use crate::render::Style;
use crate::scenarios::syllabus;
use clap_complete::Shell;
use std::io::{self, Write};

pub(super) fn completions(shell: &str, style: &Style, out: &mut dyn Write) -> io::Result<Exit> {
    let Ok(shell) = shell.parse::<Shell>() else { return Ok(Exit::Usage) };
    // The generator panics when a write fails, so it writes to memory.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command(style.lang, &syllabus()), "stickdemo", &mut script);
    out.write_all(&script)?;
    Ok(Exit::Done)
}

pub(super) fn man(style: &Style, out: &mut dyn Write) -> io::Result<Exit> {
    clap_mangen::Man::new(command(style.lang, &syllabus())).render(out)?;
    Ok(Exit::Done)
}
