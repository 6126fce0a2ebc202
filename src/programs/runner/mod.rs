//! `serve commands`: the remote command runner of D0, D1 and D2, with a list of what may run.

pub mod allow;
mod bounded;
mod executor;
#[cfg(unix)]
mod group;
mod over_udp;
mod process;
#[cfg(any(not(unix), test))]
mod single;

use super::answers::{self, Manner};
use super::console::Console;
use super::server::{self, Client};
use super::trouble::{Result, Trouble};
use super::{CommandService, Serve, is_quit};
use crate::exit::Exit;
use crate::framing::protocols::{self, Reason, Source};
use crate::say;
use crate::sys::descriptors::keep_inherited;
use crate::text::{Text, excerpt, grouped};
use crate::trace::Part;
use allow::Refusal;
use executor::Executor;
use std::time::Duration;

/// The longest command.
const LONGEST: usize = 64 << 10;

/// How long the rest of a command that is too long is read and thrown away, so that its sender reads the refusal.
const DRAIN: Duration = Duration::from_secs(5);

/// Files that a client's command needs while it starts: both ends of three pipes (the third tells why it does not start),
/// its input, and the connection.
const FILES: usize = 8;

/// Kills every command that runs; for the interrupt handler.
pub fn kill_all() {
    // Elsewhere Ctrl-C reaches them with this program.
    #[cfg(unix)]
    group::kill_all();
}

/// Runs clients' commands until it is interrupted.
///
/// # Errors
/// When it cannot listen, or a program that was allowed is not there.
pub fn serve(service: &CommandService, serve: &Serve, console: &Console) -> Result<Exit> {
    keep_inherited();
    let executor = Executor::new(service, console.style().lang)?;
    if service.udp {
        return over_udp::serve(&executor, serve, console);
    }
    let word = service.framed.word();
    let next = executor.announced(&format!("--framing {word}"));
    let manner = Manner { framed: service.framed, both: service.both, settle: serve.bounds.patience.settle };
    server::listen(serve.listen, &serve.bounds, FILES, console, &next, |client| converse(client, &executor, manner))
}

/// One client's commands, one after another.
fn converse(client: &mut Client, executor: &Executor, manner: Manner) -> Result<()> {
    let doing = Text::new("while waiting for a command", "等待命令时");
    loop {
        client.conn.incoming(Text::new("command", "命令"));
        client.conn.briefly();
        let line = protocols::text(&mut client.conn, LONGEST, manner.settle);
        client.conn.at_leisure();
        match line {
            Ok(None) => return Ok(()),
            Ok(Some((line, _))) if is_quit(&line) => return Ok(()),
            Ok(Some((line, _))) => answer(client, executor, manner, &line)?,
            Err(Reason::TooLong(_)) => return too_long(client, executor, manner),
            Err(reason) => return Err(Trouble::stopped(&doing)(reason)),
        }
    }
}

/// The documents' clients send `quit`, or just hang up.
fn answer(client: &mut Client, executor: &Executor, manner: Manner, line: &[u8]) -> Result<()> {
    let conn = &client.conn;
    // A half-closed connection still waits for its answer, and an end of stream says no more than that.
    let asker = conn.local().map(|here| (["tcp", "tcp6"], client.address, here));
    let done = executor.perform(line, asker, || conn.is_reset() || conn.console().over());
    if done.gone {
        return Err(Trouble::peer("reset", done.log));
    }
    client.log(&match manner.leaves_out(&done.outputs) {
        0 => done.log,
        left_out => {
            let (left_out, Text { en, zh }) = (grouped(left_out), done.log);
            say!(
                "{en}; stdout left out: {left_out} B; --both sends it",
                "{zh}；略去 stdout {left_out} 字节；--both 会发送"
            )
        }
    });
    let label = Text::same(excerpt(&String::from_utf8_lossy(line)));
    client.conn.briefly();
    let sent = answers::send(&mut client.conn, manner, done.outputs, &label);
    client.conn.at_leisure();
    sent
}

/// Refuses a command without end: its sender reads why, and is left.
fn too_long(client: &mut Client, executor: &Executor, manner: Manner) -> Result<()> {
    let mut piece = vec![0; LONGEST];
    client.conn.within(DRAIN);
    while let Ok(Some(1..)) = client.conn.recv_within(&mut piece, Part::Body, manner.settle) {}
    client.conn.briefly();
    let limit = grouped(LONGEST);
    let refusal = Refusal(say!("the command is longer than {limit} bytes", "命令超过 {limit} 字节"));
    client.log(&refusal.log(""));
    answers::send(&mut client.conn, manner, executor.refused(&refusal), &Text::new("refusal", "拒绝"))
}
