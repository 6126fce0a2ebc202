//! `talk --udp`: each line a datagram, and what the server sends, whenever it does.

use super::events::{Event, Events, while_listening};
use super::{input, said};
use crate::exit::Exit;
use crate::programs::Talk;
use crate::programs::console::Console;
use crate::programs::datagrams::{Datagrams, is_refusal, is_too_long, largest, refused};
use crate::programs::trouble::{Result, Trouble};
use crate::say;
use crate::text::{Text, grouped};
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// How long a prompt waits for an answer before it comes back without one.
const TURN: Duration = Duration::from_millis(300);

/// Lines to a server until `quit` or the end of input.
pub(super) fn run(talk: &Talk, console: &Console) -> Result<Exit> {
    let socket = Datagrams::open(console, talk.server)?;
    while_listening(&socket, &Text::new("an answer", "一个答复"), |events| {
        let terminal = input::is_terminal();
        let turn = if terminal { TURN.min(talk.patience.timeout) } else { talk.patience.timeout };
        Conversation { talk, console, socket: &socket, events, terminal, turn, next: None, answer: None, lost: false }
            .run()
    })
}

/// Lines and answers: a pipe's next line waits for the answer to the one before, or for its timeout; somebody who
/// sits there may write whenever he likes.
struct Conversation<'a> {
    talk: &'a Talk,
    console: &'a Console,
    socket: &'a Datagrams<'a>,
    events: &'a Events,
    terminal: bool,
    turn: Duration,
    /// When the next line is asked for, answer or not; `None` when it has been.
    next: Option<Instant>,
    /// When the answer is given up; `None` when none is awaited.
    answer: Option<Instant>,
    lost: bool,
}

impl Conversation<'_> {
    fn run(mut self) -> Result<Exit> {
        self.ask();
        while !self.console.over() {
            let until = [self.next, self.answer].into_iter().flatten().min();
            match self.events.next(until) {
                Some(Event::Typed(line)) => match line? {
                    None => break,
                    Some(line) if input::is_quit(&line) => break,
                    Some(line) => self.say(&line)?,
                },
                Some(Event::Came(datagram)) => self.hear(datagram.from, &datagram.bytes),
                Some(Event::Failed(e)) => self.failed(&e)?,
                None => self.late(),
            }
        }
        // Somebody who sits there has seen which of his lines stayed without an answer, and need not mind.
        Ok(if self.lost && !self.terminal { Exit::Failed } else { Exit::Done })
    }

    fn ask(&mut self) {
        if self.terminal {
            input::prompt();
        }
        self.next = None;
        self.events.typing.ask();
    }

    fn say(&mut self, line: &[u8]) -> Result<()> {
        match self.send(line) {
            Ok(()) => {
                let now = Instant::now();
                self.next = Some(now + self.turn);
                self.answer = Some(now + self.talk.patience.timeout);
            }
            Err(e) if is_too_long(&e) => {
                let (n, most) = (grouped(line.len() as u64), grouped(largest(self.talk.server) as u64));
                self.console.remark(&say!(
                    "not sent: {n} bytes, and a datagram carries at most {most}",
                    "没有发送：这一行有 {n} 字节，一个数据报最多 {most} 字节"
                ));
                self.lost = true;
                self.ask();
            }
            Err(e) => self.failed(&e)?,
        }
        Ok(())
    }

    /// One datagram. The refusal of an earlier one makes the call fail and send nothing: then once more.
    fn send(&self, line: &[u8]) -> io::Result<()> {
        let label = Some(Text::new("a line", "一行"));
        match self.socket.send_to(line, self.talk.server, label.clone()) {
            Err(e) if is_refusal(&e) && self.terminal => self.socket.send_to(line, self.talk.server, label),
            sent => sent,
        }
    }

    fn hear(&mut self, from: SocketAddr, bytes: &[u8]) {
        let prompted = self.terminal && self.next.is_none();
        if prompted {
            input::unprompt();
        }
        said(self.console, from, bytes);
        self.answer = None;
        match (self.next, prompted) {
            (Some(_), _) => self.ask(),
            (None, true) => input::prompt(),
            (None, false) => {}
        }
    }

    /// To somebody who sits there it is news; he may start the server and go on. A script cannot.
    fn failed(&mut self, error: &io::Error) -> Result<()> {
        let trouble = match is_refusal(error) {
            true => refused(self.talk.server),
            false => Trouble::call(
                &Text::new("talking to {}", "与 {} 对话").with(&Text::same(self.talk.server.to_string())),
                error,
            ),
        };
        if !self.terminal {
            return Err(trouble);
        }
        if self.next.is_none() {
            input::unprompt();
        }
        self.console.complain(&trouble);
        self.answer = None;
        self.ask();
        Ok(())
    }

    /// Nothing came in time.
    fn late(&mut self) {
        let now = Instant::now();
        if self.answer.is_some_and(|at| at <= now) {
            let limit = self.talk.patience.timeout;
            self.answer = None;
            self.lost = true;
            if self.terminal && self.next.is_none() {
                input::unprompt();
            }
            self.console.remark(&say!(
                "no answer for {limit:?}: UDP does not tell whether the question was lost, or the answer, or nobody answers",
                "{limit:?} 内没有答复：丢的是问题还是答复，还是根本没人回答，UDP 不会告诉你"
            ));
            if self.terminal && self.next.is_none() {
                input::prompt();
            }
        }
        if self.next.is_some_and(|at| at <= now) {
            self.ask();
        }
    }
}
