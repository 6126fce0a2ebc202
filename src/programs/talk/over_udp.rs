//! `talk --udp`: each line a datagram, and what the server sends, whenever it does.

use super::inbox::{Happened, Inbox, while_listening};
use super::input;
use super::said::said;
use crate::exit::Exit;
use crate::programs::console::Console;
use crate::programs::datagram_socket::{DatagramSocket, is_refusal, is_too_long, largest, refused};
use crate::programs::trouble::{Result, Trouble};
use crate::programs::{Talk, is_quit};
use crate::say;
use crate::text::{Text, grouped};
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// How long a prompt waits for an answer before it comes back without one.
const TURN: Duration = Duration::from_millis(300);

/// Lines to a server until `quit` or the end of input.
pub(super) fn run(talk: &Talk, console: &Console) -> Result<Exit> {
    let socket = DatagramSocket::open(console, talk.server)?;
    while_listening(&socket, console, &Text::new("an answer", "一个响应"), |inbox| {
        let terminal = input::is_terminal();
        let turn = if terminal { TURN.min(talk.patience.timeout) } else { talk.patience.timeout };
        UdpConversation {
            talk,
            console,
            socket: &socket,
            inbox,
            terminal,
            turn,
            asked: false,
            next: None,
            answer: None,
            lost: false,
        }
        .run()
    })
}

/// Lines and answers: a pipe's next line waits for the answer to the one before, or for its timeout; somebody who
/// sits there may write whenever he likes.
struct UdpConversation<'a> {
    talk: &'a Talk,
    console: &'a Console,
    socket: &'a DatagramSocket<'a>,
    inbox: &'a Inbox,
    terminal: bool,
    turn: Duration,
    /// The next line has been asked for.
    asked: bool,
    /// When it will be, answer or not.
    next: Option<Instant>,
    /// When the answer is given up; `None` when none is awaited.
    answer: Option<Instant>,
    lost: bool,
}

impl UdpConversation<'_> {
    fn run(mut self) -> Result<Exit> {
        self.ask();
        while !self.console.over() {
            let until = [self.next, self.answer].into_iter().flatten().min();
            match self.inbox.next(until) {
                Some(Happened::Typed(line)) => match line? {
                    None => {
                        self.console.unanswered();
                        break;
                    }
                    Some(line) if is_quit(&line) => break,
                    Some(line) => {
                        self.asked = false;
                        self.console.answered();
                        self.say(&line)?;
                    }
                },
                Some(Happened::Came(datagram)) => self.hear(datagram.from.address, &datagram.bytes),
                Some(Happened::Failed(e)) => self.failed(&e)?,
                Some(Happened::Over) => break,
                None => self.late(),
            }
        }
        // Somebody who sits there has seen which of his lines stayed without an answer, and need not mind.
        Ok(if self.lost && !self.terminal { Exit::Failed } else { Exit::Done })
    }

    fn ask(&mut self) {
        (self.asked, self.next) = (true, None);
        self.prompt();
        self.inbox.typing.ask();
    }

    fn prompt(&self) {
        if self.terminal {
            self.console.prompt();
        }
    }

    /// Something is to be shown: not behind a prompt.
    fn make_room(&self) {
        if self.terminal && self.asked {
            self.console.unprompt();
        }
    }

    /// It has been shown.
    fn resume(&mut self) {
        if self.asked { self.prompt() } else { self.ask() }
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
        self.make_room();
        said(self.console, from, bytes);
        self.answer = None;
        self.resume();
    }

    /// To somebody who sits there it is news; he may start the server and go on. A script cannot.
    fn failed(&mut self, error: &io::Error) -> Result<()> {
        let server = self.talk.server;
        let trouble = match is_refusal(error) {
            true => refused(server),
            false => Trouble::call(&say!("talking to {server}", "与 {server} 对话"), error),
        };
        if !self.terminal {
            return Err(trouble);
        }
        self.make_room();
        self.console.complain(&trouble);
        self.answer = None;
        self.resume();
        Ok(())
    }

    /// Nothing came in time.
    fn late(&mut self) {
        let now = Instant::now();
        if self.answer.is_some_and(|at| at <= now) {
            let limit = self.talk.patience.timeout;
            (self.answer, self.lost) = (None, true);
            self.make_room();
            self.console.remark(&say!(
                "no answer for {limit:?}: UDP does not tell whether the question was lost, or the answer, or nobody answers",
                "{limit:?} 内没有响应：丢的是问题还是响应，还是根本没人响应，UDP 不会告诉你"
            ));
            self.resume();
        } else if self.next.is_some_and(|at| at <= now) {
            self.ask();
        }
    }
}
