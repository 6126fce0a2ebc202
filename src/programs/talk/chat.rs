//! `serve chat`: everybody who writes gets a number, and an answer when the operator has one (D1 §8).
//!
//! A datagram carries an address and no name. Who writes from the same address is the same person here; nothing proves
//! it.

mod people;

use super::inbox::{Happened, Inbox, while_listening};
use super::input;
use super::said::harmless;
use crate::exit::Exit;
use crate::programs::console::Console;
use crate::programs::datagram_socket::{Correspondent, DatagramSocket, Received, is_too_long, largest};
use crate::programs::server::{announce_datagrams, cannot_receive};
use crate::programs::trouble::Result;
use crate::programs::{Serve, is_quit};
use crate::say;
use crate::sys::errno;
use crate::text::{Text, grouped};
use people::People;
use serde_json::json;

/// Shows what comes and sends what is typed, until `quit`, the end of input or an interrupt.
///
/// # Errors
/// When it cannot listen.
pub fn serve(serve: &Serve, console: &Console) -> Result<Exit> {
    let socket = DatagramSocket::bind(console, serve.listen)?;
    let next = Text::new("stickdemo talk {} --udp", "stickdemo talk {} --udp");
    announce_datagrams(console, &socket, serve.listen, &next);
    let terminal = input::is_terminal();
    if terminal {
        console.remark(&Text::new(
            "a line goes to the last who wrote; @2 TEXT to number 2; /who lists; quit leaves",
            "一行发给最后来信的人；@2 文字 发给 2 号；/who 列出所有人；quit 退出",
        ));
    }
    while_listening(&socket, console, &Text::new("a message", "一条消息"), |inbox| {
        Chat { console, socket: &socket, inbox, terminal, people: People::default(), held: None, typed: false }.run()
    })
}

struct Chat<'a> {
    console: &'a Console,
    socket: &'a DatagramSocket<'a>,
    inbox: &'a Inbox,
    terminal: bool,
    people: People,
    /// A pipe's line that waits for somebody to go to.
    held: Option<Vec<u8>>,
    typed: bool,
}

impl Chat<'_> {
    fn run(mut self) -> Result<Exit> {
        self.ask();
        while !self.console.over() {
            match self.inbox.next(None) {
                Some(Happened::Typed(Ok(Some(line)))) if is_quit(&line) => break,
                Some(Happened::Typed(line)) => match line? {
                    Some(line) => self.typed(line),
                    None if self.terminal || self.typed => {
                        self.console.unanswered();
                        break;
                    }
                    // Started in the background, with nobody to type: it listens.
                    None => self.console.remark(&Text::new(
                        "no input: listening only, until interrupted",
                        "没有输入：只接收，直到被中断",
                    )),
                },
                Some(Happened::Came(datagram)) => self.came(&datagram),
                Some(Happened::Failed(e)) => cannot_receive(self.console, &e),
                Some(Happened::Over) | None => break,
            }
        }
        Ok(Exit::Done)
    }

    fn ask(&self) {
        if self.terminal {
            self.console.prompt();
        }
        self.inbox.typing.ask();
    }

    fn came(&mut self, datagram: &Received) {
        let Received { bytes, from } = datagram;
        let number = self.people.heard(*from);
        let from = from.address;
        let text = String::from_utf8_lossy(bytes);
        let shown = match bytes.is_empty() {
            true => Text::new("(an empty datagram)", "（空数据报）"),
            false => Text::same(harmless(&text)),
        };
        let line = Text::same(format!("[{number} {from}] {{}}")).with(&shown);
        let json = json!({
            "type": "said", "number": number, "from": from.to_string(), "text": text, "len": bytes.len()
        });
        if self.terminal {
            self.console.unprompt();
        }
        self.console.line(&line, &json);
        if self.terminal {
            self.console.prompt();
        }
        if let Some(held) = self.held.take() {
            self.typed(held);
        }
    }

    fn typed(&mut self, line: Vec<u8>) {
        self.console.answered();
        self.typed = true;
        match (people::addressed(&line), self.people.last()) {
            _ if line.trim_ascii() == b"/who" => self.who(),
            (Some((number, text)), _) => match self.people.at(number) {
                Some(to) => self.send(text, to),
                None => self
                    .console
                    .remark(&say!("nobody has number {number}: /who lists", "没有 {number} 号：/who 可列出")),
            },
            (None, Some(to)) => self.send(&line, to),
            (None, None) if self.terminal => {
                self.console.remark(&Text::new("nobody has written yet", "还没有人来信"));
            }
            (None, None) => {
                self.held = Some(line);
                return;
            }
        }
        self.ask();
    }

    fn send(&self, text: &[u8], to: Correspondent) {
        let Err(e) = self.socket.send_to(text, to, Some(Text::new("an answer", "一个响应"))) else { return };
        let to = to.address;
        let why = match is_too_long(&e) {
            true => {
                let (n, most) = (grouped(text.len() as u64), grouped(largest(to) as u64));
                say!(
                    "{n} bytes, and a datagram carries at most {most}",
                    "这一行有 {n} 字节，一个数据报最多 {most} 字节"
                )
            }
            false => Text::same(errno::name(&e)),
        };
        self.console.remark(&say!("not sent to {to}: {{}}", "没有发给 {to}：{{}}").with(&why));
    }

    fn who(&self) {
        if self.people.is_empty() {
            self.console.remark(&Text::new("nobody has written yet", "还没有人来信"));
        }
        for (number, person, messages) in self.people.iter() {
            let address = person.address;
            let line = say!("[{number} {address}] messages: {messages}", "[{number} {address}] 消息数：{messages}");
            let json = json!({
                "type": "peer", "number": number, "address": address.to_string(), "messages": messages
            });
            self.console.line(&line, &json);
        }
    }
}
