//! What somebody types, or a pipe brings: line by line, of bounded length.

use crate::programs::trouble::{Result, Trouble};
use crate::say;
use crate::text::{Text, grouped};
use std::io::{self, BufRead, IsTerminal, Read};
use std::sync::mpsc::{Receiver, SyncSender};
use std::thread::Builder;

/// The longest line: it is kept in memory, and so is its answer.
pub(super) const LONGEST: usize = 64 << 20;

/// True when somebody sits there: then there are prompts.
pub(super) fn is_terminal() -> bool {
    io::stdin().is_terminal()
}

/// The next line without its end; `None` at the end of input. A last line needs no end.
pub(super) fn line(input: &mut impl BufRead) -> Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    let most = LONGEST as u64 + 2;
    let n = input.take(most).read_until(b'\n', &mut line).map_err(|e| unreadable(&e))?;
    if n == 0 {
        return Ok(None);
    }
    if line.last() == Some(&b'\n') {
        line.pop();
        // As Windows ends lines.
        if line.last() == Some(&b'\r') {
            line.pop();
        }
    }
    if line.len() > LONGEST {
        let most = grouped(LONGEST as u64);
        let text = say!("a line of more than {most} bytes", "一行超过 {most} 字节");
        return Err(Trouble::local(text).hint(Text::new("files go with stickdemo put", "文件请用 stickdemo put 上传")));
    }
    Ok(Some(line))
}

fn unreadable(error: &io::Error) -> Trouble {
    Trouble::local(say!("standard input: {error}", "标准输入：{error}"))
}

/// Lines read by a thread of their own, each when it is asked for: nothing is read ahead, and nobody waits for a
/// keyboard who should listen to a socket.
pub(super) struct Typing {
    more: SyncSender<()>,
}

impl Typing {
    /// Each line that was asked for goes to `tell`, until that returns false. The thread is never waited for: it may
    /// sit in a read that no key ends.
    pub(super) fn start(tell: impl Fn(Result<Option<Vec<u8>>>) -> bool + Send + 'static) -> Result<Typing> {
        let (more, asked) = std::sync::mpsc::sync_channel(1);
        let read = move || read(&asked, tell);
        Builder::new().name("input".into()).spawn(read).map_err(|e| unreadable(&e))?;
        Ok(Typing { more })
    }

    /// Asks for the next line.
    pub(super) fn ask(&self) {
        // A thread that has gone has said why.
        let _ = self.more.try_send(());
    }
}

fn read(asked: &Receiver<()>, tell: impl Fn(Result<Option<Vec<u8>>>) -> bool) {
    let mut input = io::stdin().lock();
    while asked.recv().is_ok() {
        let line = line(&mut input);
        let last = !matches!(line, Ok(Some(_)));
        if !tell(line) || last {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_as_systems_end_them_and_the_last_need_not() {
        let mut input = &b"one\r\n\n \xe4\xbd\xa0\nlast\r"[..];
        let mut lines = Vec::new();
        while let Some(line) = line(&mut input).expect("readable") {
            lines.push(line);
        }
        assert_eq!(lines, [&b"one"[..], b"", " 你".as_bytes(), b"last\r"]);
    }

    #[test]
    fn a_line_without_end_is_refused_and_not_kept() {
        let mut endless = io::BufReader::new(io::repeat(b'x'));
        let refused = line(&mut endless).expect_err("too long");
        assert_eq!(refused.kind, "local");
        let mut longest = vec![b'x'; LONGEST];
        longest.extend(b"\r\n");
        assert_eq!(line(&mut &longest[..]).expect("allowed").map(|line| line.len()), Some(LONGEST));
    }
}
