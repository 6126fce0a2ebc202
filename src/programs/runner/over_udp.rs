//! `serve commands --udp`: a command a datagram, an answer two of them. No client is remembered, so that none can
//! leave anything behind.

use super::allow::Refusal;
use super::executor::Executor;
use crate::exit::Exit;
use crate::net::waker::Waker;
use crate::programs::answers::Outputs;
use crate::programs::brake::Brake;
use crate::programs::console::Console;
use crate::programs::datagram_socket::{Correspondent, DatagramSocket, Received, Until, largest};
use crate::programs::server::{announce_datagrams, cannot_receive, log, waker};
use crate::programs::trouble::Result;
use crate::programs::{Serve, is_quit};
use crate::say;
use crate::text::{Text, excerpt, grouped};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{Builder, Scope};

/// The most commands at the same time: a slow one holds nobody up, and a flood starts no thousand processes.
const MOST: usize = 16;

/// The most that a datagram carries over IPv4; over IPv6 it could be 20 bytes more.
const LARGEST: usize = 65_507;

/// Runs what datagrams ask for until it is interrupted.
///
/// # Errors
/// When the address cannot be had.
pub(super) fn serve(executor: &Executor, serve: &Serve, console: &Console) -> Result<Exit> {
    let socket = DatagramSocket::bind(console, serve.listen)?;
    console.becomes_log();
    announce_datagrams(console, &socket, serve.listen, &executor.announced("--udp"));
    let brake = &Brake::new();
    let waker = waker(console)?;
    let desk = Desk { executor, socket: &socket, console, brake, waker: &waker, running: &AtomicUsize::new(0) };
    std::thread::scope(|scope| {
        while !console.over() {
            match socket.recv_from(Until::Woken(&waker), Some(Text::new("command", "命令"))) {
                Ok(None) => {}
                Ok(Some(datagram)) => desk.admit(scope, datagram),
                Err(e) => cannot_receive(console, &e),
            }
        }
    });
    Ok(Exit::Done)
}

#[derive(Clone, Copy)]
struct Desk<'d> {
    executor: &'d Executor,
    socket: &'d DatagramSocket<'d>,
    console: &'d Console,
    brake: &'d Brake,
    /// Woken when nobody reads the log any more.
    waker: &'d Waker,
    running: &'d AtomicUsize,
}

impl<'d> Desk<'d> {
    fn admit<'scope>(self, scope: &'scope Scope<'scope, 'd>, asked: Received) {
        let from = asked.from;
        if !self.brake.admits(self.console, from.address) {
            return;
        }
        if is_quit(&asked.bytes) {
            log(
                self.console,
                Some(from.address),
                &Text::new("quit: nothing to leave, UDP has no connection", "quit：UDP 没有连接，无需离开"),
            );
            return;
        }
        if self.running.fetch_add(1, Ordering::Relaxed) >= MOST {
            self.running.fetch_sub(1, Ordering::Relaxed);
            return self.busy(from);
        }
        let work = move || {
            let asker = self.socket.address().map(|here| (["udp", "udp6"], from.address, here));
            let done = self.executor.perform(&asked.bytes, asker, || self.console.over());
            log(self.console, Some(from.address), &done.log);
            self.answer(done.outputs, from, &excerpt(&String::from_utf8_lossy(&asked.bytes)));
            self.running.fetch_sub(1, Ordering::Relaxed);
            if self.console.over() {
                self.waker.wake();
            }
        };
        if Builder::new().stack_size(512 << 10).spawn_scoped(scope, work).is_err() {
            self.running.fetch_sub(1, Ordering::Relaxed);
            self.busy(from);
        }
    }

    fn busy(self, to: Correspondent) {
        let why = say!("{MOST} commands are running already: try again later", "已有 {MOST} 条命令在运行：请稍后再试");
        log(self.console, Some(to.address), &Text::new("refused: {}", "拒绝：{}").with(&why));
        self.answer(self.executor.refused(&Refusal(why)), to, "refusal");
    }

    fn answer(self, outputs: Outputs, to: Correspondent, command: &str) {
        let most = largest(to.address).min(LARGEST);
        let Outputs { stderr, stdout } = fitting(outputs, most, |note| self.executor.remark(note));
        for (name, bytes) in [("stderr", stderr), ("stdout", stdout)] {
            self.brake.sent(to.address, bytes.len());
            if let Err(e) = self.socket.send_to(&bytes, to, Some(Text::same(format!("{command}: {name}")))) {
                let why = excerpt(&e.to_string());
                log(self.console, Some(to.address), &say!("cannot answer: {why}", "无法响应：{why}"));
            }
        }
    }
}

/// What fits: a datagram is sent whole or not at all, so the rest is left out, and standard error says so.
fn fitting(outputs: Outputs, most: usize, remark: impl Fn(&Text) -> Vec<u8>) -> Outputs {
    let Outputs { mut stderr, mut stdout } = outputs;
    let mut notes = Vec::new();
    for (name, bytes) in [("stderr", &stderr), ("stdout", &stdout)] {
        if bytes.len() > most {
            let (len, most) = (grouped(bytes.len()), grouped(most));
            let note = say!(
                "{len} bytes of {name} do not fit a datagram of {most}: the rest is left out",
                "{name} 有 {len} 字节，一个数据报最多 {most} 字节：其余略去"
            );
            notes.extend(remark(&note));
        }
    }
    if !notes.is_empty() {
        cut(&mut stdout, most);
        cut(&mut stderr, most - notes.len() - 1);
        if stderr.last().is_some_and(|&last| last != b'\n') {
            stderr.push(b'\n');
        }
        stderr.append(&mut notes);
    }
    Outputs { stderr, stdout }
}

/// At most so many bytes, and no half of a UTF-8 character at the end of text.
fn cut(bytes: &mut Vec<u8>, most: usize) {
    bytes.truncate(most);
    if let Err(e) = std::str::from_utf8(bytes) {
        if e.error_len().is_none() {
            bytes.truncate(e.valid_up_to());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::programs::runner::allow::remark;
    use crate::text::Lang;

    fn in_english(note: &Text) -> Vec<u8> {
        remark(note, Lang::En).into_bytes()
    }

    fn fitted(stderr: usize, stdout: usize) -> Outputs {
        fitting(Outputs { stderr: vec![b'e'; stderr], stdout: vec![b'o'; stdout] }, LARGEST, in_english)
    }

    #[test]
    fn what_fits_is_left_alone() {
        let outputs = fitted(LARGEST, LARGEST);
        assert_eq!((outputs.stderr.len(), outputs.stdout.len()), (LARGEST, LARGEST));
        assert_eq!(fitted(0, 0), Outputs::default());
    }

    #[test]
    fn what_does_not_is_cut_and_says_so() {
        let outputs = fitted(0, 100_000);
        assert_eq!(outputs.stdout.len(), LARGEST);
        let said = "stickdemo: 100,000 bytes of stdout do not fit a datagram of 65,507: the rest is left out\n";
        assert_eq!(String::from_utf8(outputs.stderr).unwrap(), said);
        let outputs = fitted(100_000, LARGEST + 1);
        assert!(outputs.stderr.len() <= LARGEST && outputs.stderr.ends_with(b"the rest is left out\n"));
        assert_eq!(outputs.stderr.iter().filter(|&&b| b == b'\n').count(), 3);
    }

    #[test]
    fn text_is_not_cut_inside_a_character() {
        let outputs =
            fitting(Outputs { stderr: Vec::new(), stdout: "粘".repeat(30_000).into_bytes() }, LARGEST, in_english);
        assert_eq!(outputs.stdout.len(), LARGEST / 3 * 3);
        assert!(String::from_utf8(outputs.stdout).is_ok());
    }
}
