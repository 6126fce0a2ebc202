//! `talk` over TCP: a line, its answer, the next line.
//!
//! Where an answer ends is known only of the echo: it is as long as the line. For any other server the end is a
//! guess, because nothing in its bytes says it.

use super::input;
use super::said::said;
use crate::exit::Exit;
use crate::framing::protocols::Source as _;
use crate::programs::connection::Connection;
use crate::programs::console::Console;
use crate::programs::trouble::{Result, Trouble};
use crate::programs::{Talk, is_quit};
use crate::say;
use crate::text::{Text, grouped};
use crate::trace::Part;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::Builder;

/// No longer than what any kernel takes at once: sending it does not wait for the server.
const SHORT: usize = 4 << 10;

const LINE: Text = Text::new("a line", "一行");

/// One connection, and lines over it until `quit` or the end of input.
pub(super) fn run(talk: &Talk, console: &Console) -> Result<Exit> {
    let mut session =
        TcpConversation { talk, console, conn: Connection::connect(console, talk.server, talk.patience)? };
    let terminal = input::is_terminal();
    let mut stdin = io::stdin().lock();
    let mut exit = Exit::Done;
    while !console.over() {
        if terminal {
            console.prompt();
        }
        let line = input::line(&mut stdin)?;
        match &line {
            Some(_) => console.answered(),
            None => console.unanswered(),
        }
        match line {
            None => break,
            Some(line) if is_quit(&line) => break,
            Some(line) if line.is_empty() => console.remark(&Text::new(
                "an empty line: TCP would send nothing, and nobody would answer",
                "空行：TCP 什么也不会发出，也就没有人会响应",
            )),
            Some(line) => exit = session.say(&line)?.unwrap_or(exit),
        }
    }
    Ok(exit)
}

/// How an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ReplyEnd {
    /// As long as the line, and its echo.
    Whole,
    /// The server fell silent.
    Quiet,
    /// The server hung up.
    HungUp,
}

struct ServerReply {
    bytes: Vec<u8>,
    end: ReplyEnd,
    /// So far it was the beginning of the line's echo.
    echo: bool,
}

struct TcpConversation<'a> {
    talk: &'a Talk,
    console: &'a Console,
    conn: Connection<'a>,
}

impl TcpConversation<'_> {
    /// Sends a line and prints its answer; an exit code when that is not whole.
    fn say(&mut self, line: &[u8]) -> Result<Option<Exit>> {
        self.leftovers()?;
        let ServerReply { bytes, end, echo } = self.exchange(line)?;
        let server = self.talk.server;
        if !bytes.is_empty() {
            said(self.console, server, &bytes);
        }
        let (have, all) = (grouped(bytes.len() as u64), grouped(line.len() as u64));
        match end {
            ReplyEnd::HungUp if bytes.is_empty() => Err(hung_up(server)),
            ReplyEnd::HungUp if echo => {
                Err(hung_up(server).at(&say!("{have} of {all} bytes came back", "{all} 字节只发回了 {have} 字节")))
            }
            ReplyEnd::Quiet if bytes.is_empty() => {
                Err(Trouble::silent(&Text::new("waiting for the answer", "等待响应"), self.talk.patience.timeout))
            }
            ReplyEnd::Quiet if echo => {
                let limit = self.talk.patience.timeout;
                self.console.remark(&say!(
                    "{have} of {all} bytes came back, then nothing for {limit:?}",
                    "{all} 字节只发回了 {have} 字节，之后 {limit:?} 内什么也没有到达"
                ));
                Ok(Some(Exit::Failed))
            }
            _ => Ok(None),
        }
    }

    /// What is there before a line is sent cannot be its answer. Here, too, an end of the stream shows.
    fn leftovers(&mut self) -> Result<()> {
        let mut late = Vec::new();
        let mut piece = vec![0; 64 << 10];
        let lost = |e: io::Error| Trouble::call(&Text::new("before this line", "在发这一行之前"), &e);
        while let Some(n) = self.conn.peek().map_err(lost)? {
            if n == 0 && late.is_empty() {
                return Err(hung_up(self.talk.server));
            }
            let n = if n == 0 { 0 } else { self.conn.recv(&mut piece, Part::Body).map_err(lost)? };
            if n == 0 {
                break;
            }
            late.extend_from_slice(&piece[..n]);
            bounded(&late)?;
        }
        if !late.is_empty() {
            self.console.remark(&Text::new(
                "this came before the line was sent; it belongs to an earlier one:",
                "下面的内容在发这一行之前就到了，属于更早的一行：",
            ));
            said(self.console, self.talk.server, &late);
        }
        Ok(())
    }

    /// Sends the line and receives its answer.
    fn exchange(&mut self, line: &[u8]) -> Result<ServerReply> {
        let lost = |e: io::Error| Trouble::call(&Text::new("sending the line", "发送这一行"), &e);
        let label = Text::new("its answer", "它的响应");
        if line.len() > SHORT {
            self.conn.incoming(label);
            return self.exchange_long(line, lost);
        }
        self.conn.outgoing(LINE);
        self.conn.send_all(line, Part::Body).map_err(lost)?;
        self.conn.incoming(label);
        self.receive(line, &AtomicBool::new(true))
    }

    /// Sends in one thread and receives in another: the echo of a long line comes back while it is still being sent,
    /// and a server that cannot get rid of it stops reading.
    fn exchange_long(&mut self, line: &[u8], lost: impl Fn(io::Error) -> Trouble) -> Result<ServerReply> {
        let (mut sender, hangup) = (self.conn.twin(), self.conn.hangup());
        sender.outgoing(LINE);
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let send = || {
                let sent = sender.send_all(line, Part::Body);
                if sent.is_err() {
                    // Nor is there an answer to wait for.
                    hangup.now();
                }
                done.store(true, Ordering::Release);
                sent
            };
            let sending =
                Builder::new().spawn_scoped(scope, send).map_err(|e| Trouble::local(Text::same(e.to_string())))?;
            let answer = self.receive(line, &done);
            if !matches!(&answer, Ok(ServerReply { end: ReplyEnd::Whole | ReplyEnd::Quiet, .. })) {
                // A sender must not wait for a server that has gone.
                let _ = self.conn.shutdown();
            }
            let sent = sending.join().unwrap_or(Ok(()));
            let answer = answer?;
            match sent {
                // What the server said before it went is worth more than that it went.
                Err(e) if answer.bytes.is_empty() => Err(lost(e)),
                _ => Ok(answer),
            }
        })
    }

    fn receive(&mut self, line: &[u8], sent: &AtomicBool) -> Result<ServerReply> {
        let lost = |e: io::Error| Trouble::call(&Text::new("waiting for the answer", "等待响应"), &e);
        let mut answer = ServerReply { bytes: Vec::new(), end: ReplyEnd::Whole, echo: true };
        let mut piece = vec![0; 64 << 10];
        loop {
            let patience = self.talk.patience;
            let limit = if answer.echo { patience.timeout } else { patience.settle };
            let all_sent = sent.load(Ordering::Acquire);
            match self.conn.recv_within(&mut piece, Part::Body, limit).map_err(lost)? {
                None if !all_sent => {}
                None => return Ok(ServerReply { end: ReplyEnd::Quiet, ..answer }),
                Some(0) => return Ok(ServerReply { end: ReplyEnd::HungUp, ..answer }),
                Some(n) => {
                    answer.echo &= is_echo(line, answer.bytes.len(), &piece[..n]);
                    answer.bytes.extend_from_slice(&piece[..n]);
                    bounded(&answer.bytes)?;
                }
            }
            if answer.echo && answer.bytes.len() == line.len() {
                return Ok(answer);
            }
        }
    }
}

/// Is the piece what an echo, in capitals or not, sends back of the line from this place on?
fn is_echo(line: &[u8], at: usize, piece: &[u8]) -> bool {
    line.get(at..at + piece.len()).is_some_and(|part| part.eq_ignore_ascii_case(piece))
}

/// A server that never stops must not fill the memory.
fn bounded(bytes: &[u8]) -> Result<()> {
    if bytes.len() <= input::LONGEST {
        return Ok(());
    }
    let most = grouped(input::LONGEST as u64);
    Err(Trouble::peer("oversize", say!("an answer of more than {most} bytes", "响应超过 {most} 字节")))
}

fn hung_up(server: SocketAddr) -> Trouble {
    Trouble::peer("ended", say!("{server} hung up", "{server} 断开了连接"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_echo_is_the_line_in_capitals_or_not() {
        let line = "héllo 你".as_bytes();
        assert!(is_echo(line, 0, "HéLLO".as_bytes()) && is_echo(line, 7, "你".as_bytes()) && is_echo(line, 4, b"lo"));
        assert!(!is_echo(line, 0, b"ello") && !is_echo(line, 8, "你".as_bytes()), "another text, or more of it");
        assert!(!is_echo(line, 0, "HÉLLO".as_bytes()), "bytes.upper() knows ASCII only");
    }
}
