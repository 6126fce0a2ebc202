//! Commands from the keyboard, or from a pipe.

use crate::say;
use crate::text::Text;
use std::io::{self, BufRead, IsTerminal, Read, Write};

/// The longest command that is sent: what `serve commands` takes.
pub(super) const LONGEST: usize = 64 << 10;

/// What was typed.
pub(super) enum InputLine {
    /// A command.
    Command(String),
    /// Nothing.
    Empty,
    /// What cannot be sent, and why.
    Bad(Text),
}

/// The lines of standard input.
pub(super) struct Lines {
    input: io::StdinLock<'static>,
    prompt: bool,
}

impl Lines {
    pub(super) fn new() -> Lines {
        Lines { input: io::stdin().lock(), prompt: io::stdin().is_terminal() }
    }

    /// The next line; `None` at the end.
    pub(super) fn next(&mut self) -> Option<InputLine> {
        if self.prompt {
            // A prompt that cannot be shown is none.
            let _ = write!(io::stderr(), ">>: ");
        }
        let line = next(&mut self.input);
        if self.prompt && line.is_none() {
            // Ctrl-D ends no line: the shell's own prompt would stand behind this one.
            let _ = writeln!(io::stderr());
        }
        line
    }
}

fn next(input: &mut impl BufRead) -> Option<InputLine> {
    let mut bytes = Vec::new();
    let read = input.by_ref().take(LONGEST as u64 + 1).read_until(b'\n', &mut bytes);
    if !matches!(read, Ok(1..)) {
        return None;
    }
    if bytes.len() > LONGEST {
        while !matches!(bytes.last(), None | Some(b'\n')) {
            bytes.clear();
            // An error is met again by the next line.
            let _ = input.by_ref().take(LONGEST as u64).read_until(b'\n', &mut bytes);
        }
        return Some(InputLine::Bad(say!(
            "not sent: the command is longer than {LONGEST} bytes",
            "没有发送：命令超过 {LONGEST} 字节"
        )));
    }
    Some(match std::str::from_utf8(&bytes).map(str::trim) {
        Ok("") => InputLine::Empty,
        Ok(line) => InputLine::Command(line.to_owned()),
        Err(_) => InputLine::Bad(Text::new("not sent: the command is not UTF-8", "没有发送：命令不是 UTF-8")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(mut input: &[u8]) -> Vec<String> {
        std::iter::from_fn(|| next(&mut input))
            .map(|line| match line {
                InputLine::Command(line) => line,
                InputLine::Empty => "(empty)".to_owned(),
                InputLine::Bad(why) => why.en.into_owned(),
            })
            .collect()
    }

    #[test]
    fn lines_are_commands_without_their_ends() {
        assert_eq!(all("echo a\r\n\n  ls \n专题".as_bytes()), ["echo a", "(empty)", "ls", "专题"]);
        assert_eq!(all(b""), [""; 0]);
    }

    #[test]
    fn what_cannot_be_sent_is_passed_over_and_the_next_line_is_not() {
        let long = [vec![b'x'; 3 * LONGEST], b"\necho a\n\xff\n".to_vec()].concat();
        assert_eq!(
            all(&long),
            ["not sent: the command is longer than 65536 bytes", "echo a", "not sent: the command is not UTF-8"]
        );
        assert_eq!(all(&vec![b'x'; LONGEST]).len(), 1);
        assert_eq!(all(&vec![b'x'; 2 * LONGEST]), ["not sent: the command is longer than 65536 bytes"]);
    }
}
