//! `exec`: commands for another machine, over each of the documents' protocols.

mod answer;
mod over_tcp;
mod over_udp;
mod stdin;

use super::Exec;
use super::console::Console;
use super::trouble::{Result, Trouble};
use crate::exit::Exit;
use crate::say;
use crate::text::Text;
use stdin::{InputLine, LONGEST, Lines};

/// One command, or a prompt.
///
/// # Errors
/// When the server cannot be reached, breaks off or breaks the protocol.
pub fn run(exec: &Exec, console: &Console) -> Result<Exit> {
    let command = exec.command.as_deref().map(|line| sendable(line.trim())).transpose()?;
    match (command, exec.udp) {
        (Some(line), false) => over_tcp::once(exec, console, line),
        (Some(line), true) => over_udp::ask(exec, console, line),
        (None, false) => {
            let mut session = over_tcp::Session::open(exec, console)?;
            prompt(console, |line| session.ask(line).map(|()| Exit::Done))
        }
        (None, true) => prompt(console, |line| over_udp::ask(exec, console, line)),
    }
}

/// A command that a server can take.
fn sendable(line: &str) -> Result<&str> {
    let limit = LONGEST;
    let why = match line {
        "" => Text::new("an empty command: there would be nothing to send", "命令是空的：没有可发送的内容"),
        "quit" => Text::new("quit leaves the prompt; it is no command", "quit 用于离开提示符，不是命令"),
        _ if line.len() > LONGEST => {
            say!("the command is longer than {limit} bytes", "命令超过 {limit} 字节")
        }
        _ => return Ok(line),
    };
    Err(Trouble { exit: Exit::Usage, ..Trouble::local(why) })
}

/// Asks for commands until `quit`, the end of the input, or trouble.
fn prompt(console: &Console, mut ask: impl FnMut(&str) -> Result<Exit>) -> Result<Exit> {
    let (mut lines, mut warned, mut exit) = (Lines::new(), false, Exit::Done);
    while !console.over() {
        match lines.next() {
            None => break,
            Some(InputLine::Command(line)) if line == "quit" => break,
            Some(InputLine::Command(line)) => {
                if ask(&line)? != Exit::Done {
                    exit = Exit::Failed;
                }
            }
            Some(InputLine::Empty) if warned => {}
            Some(InputLine::Empty) => {
                warned = true;
                console.remark(&Text::new(
                    "an empty line is not sent: it would be no bytes at all, and both ends would wait for each other",
                    "空行不发送：它一个字节也没有，两端会互相等待",
                ));
            }
            Some(InputLine::Bad(why)) => {
                console.remark(&why);
                exit = Exit::Failed;
            }
        }
    }
    Ok(exit)
}
