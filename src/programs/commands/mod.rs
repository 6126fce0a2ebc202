//! `serve commands`: the remote command runner of D0, D1 and D2, with a list of what may run.

pub mod allow;
#[cfg(unix)]
mod group;
mod run;
#[cfg(any(not(unix), test))]
mod single;
mod udp;

use super::answers::{self, Manner, Outputs};
use super::console::Console;
use super::server::{self, Client};
use super::trouble::{Result, Trouble, shown};
use super::wire::Source;
use super::{CommandService, Serve, is_quit, reading};
use crate::exit::Exit;
use crate::say;
use crate::text::{Lang, Text, grouped};
use crate::trace::Part;
use allow::{Allowed, Refusal, remark};
use run::{Limits, Ran, Room, Share, Stop};
use std::process::ExitStatus;
use std::time::Duration;

/// The longest command.
const LONGEST: usize = 64 << 10;

/// Room for all answers together, beside 64 KiB for each.
const ROOM: usize = 128 << 20;

/// How long the rest of a command that is too long is read and thrown away, so that its sender reads the refusal.
const DRAIN: Duration = Duration::from_secs(5);

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
    let office = Office::new(service, console.style().lang)?;
    if service.udp {
        return udp::serve(&office, serve, console);
    }
    let word = service.framed.word();
    let next = office.announced(&format!("--framing {word}"));
    let manner = Manner { framed: service.framed, both: service.both, settle: serve.bounds.settle };
    server::listen(serve.listen, &serve.bounds, console, &next, |client| converse(client, &office, manner))
}

/// One client's commands, one after another.
fn converse(client: &mut Client, office: &Office, manner: Manner) -> Result<()> {
    let doing = Text::new("while waiting for a command", "等待命令时");
    loop {
        client.wire.incoming(Text::new("command", "命令"));
        client.wire.within(client.bounds.idle);
        let line = reading::text(&mut client.wire, LONGEST, manner.settle, &doing);
        client.wire.at_leisure();
        match line {
            Ok(None) => return Ok(()),
            Ok(Some((line, _))) if is_quit(&line) => return Ok(()),
            Ok(Some((line, _))) => answer(client, office, manner, &line)?,
            Err(trouble) if trouble.kind == "oversize" => return too_long(client, manner),
            Err(trouble) => return Err(trouble),
        }
    }
}

/// The documents' clients send `quit`, or just hang up.
fn answer(client: &mut Client, office: &Office, manner: Manner, line: &[u8]) -> Result<()> {
    let wire = &client.wire;
    // A half-closed connection still waits for its answer, and an end of stream says no more than that.
    let done = office.perform(line, || wire.is_reset() || wire.console().over());
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
    let (label, idle) = (Text::same(shown(&String::from_utf8_lossy(line))), client.bounds.idle);
    client.wire.within(idle);
    let sent = answers::send(&mut client.wire, manner, done.outputs, &label);
    client.wire.at_leisure();
    sent
}

/// Refuses a command without end: its sender reads why, and is left.
fn too_long(client: &mut Client, manner: Manner) -> Result<()> {
    let mut piece = vec![0; LONGEST];
    client.wire.within(DRAIN);
    while let Ok(Some(1..)) = client.wire.recv_within(&mut piece, Part::Body, manner.settle) {}
    client.wire.within(client.bounds.idle);
    let limit = grouped(LONGEST);
    let refusal = Refusal(say!("the command is longer than {limit} bytes", "命令超过 {limit} 字节"));
    client.log(&refusal.log(""));
    let outputs = refusal.outputs(client.wire.console().style().lang);
    answers::send(&mut client.wire, manner, outputs, &Text::new("refusal", "拒绝"))
}

/// What runs commands, for connections and for datagrams.
struct Office {
    allowed: Allowed,
    limits: Limits,
    room: Room,
    /// What it says among a command's own words is in the server's language.
    lang: Lang,
}

/// A command that was dealt with.
struct Done<'o> {
    outputs: Outputs,
    /// What the server's log says about it.
    log: Text,
    /// Nobody waits for it.
    gone: bool,
    /// Kept until the answer was sent.
    _share: Share<'o>,
}

impl Office {
    fn new(service: &CommandService, lang: Lang) -> Result<Office> {
        let allowed = Allowed::new(&service.allow, service.shell)?;
        // A note about a limit must fit a signed 32-bit length, too.
        let output = service.output.min(i32::MAX as usize - 4096);
        let limits = Limits { time: service.time, output };
        Ok(Office { allowed, limits, room: Room::new(ROOM.max(output)), lang })
    }

    /// How the other end calls, and what it may call.
    fn announced(&self, how: &str) -> Text {
        let what = self.allowed.described();
        let [en, zh] = [what.en, what.zh].map(|what| format!("stickdemo exec {{}} {how} echo hello\n{what}"));
        Text::made(en, zh)
    }

    /// Runs a line, or refuses it; either way there is something to answer.
    fn perform(&self, line: &[u8], gone: impl FnMut() -> bool) -> Done<'_> {
        let mut share = self.room.share();
        let line = line.trim_ascii();
        let shown = shown(&String::from_utf8_lossy(line));
        let ran = self.allowed.command(line).and_then(|mut command| {
            run::run(&mut command, &self.limits, &mut share, gone).map_err(|error| Refusal::start(&error))
        });
        match ran {
            Ok(ran) => Done {
                log: self.log(&shown, &ran),
                gone: ran.stop == Stop::Gone,
                outputs: self.told(ran),
                _share: share,
            },
            Err(refusal) => {
                Done { log: refusal.log(&shown), gone: false, outputs: refusal.outputs(self.lang), _share: share }
            }
        }
    }

    /// What the command printed, and what this server adds.
    fn told(&self, ran: Ran) -> Outputs {
        let note = ran.note(&self.limits);
        let mut outputs = ran.outputs;
        if let Some(note) = note {
            if outputs.stderr.last().is_some_and(|&last| last != b'\n') {
                outputs.stderr.push(b'\n');
            }
            outputs.stderr.extend_from_slice(remark(&note, self.lang).as_bytes());
        }
        outputs
    }

    fn log(&self, line: &str, ran: &Ran) -> Text {
        let [stderr, stdout] = [&ran.outputs.stderr, &ran.outputs.stdout].map(|bytes| grouped(bytes.len()));
        let millis = grouped(ran.took.as_millis() as u64);
        let Text { en, zh } = match (ran.stop, ran.note(&self.limits)) {
            (Stop::Gone, _) => Text::new("stopped: the client hung up", "已停止：客户端断开了连接"),
            (_, Some(note)) => note,
            (_, None) => ending(ran.status),
        };
        say!(
            "{line}: stderr {stderr} B, stdout {stdout} B, {en}, {millis} ms",
            "{line}：stderr {stderr} 字节，stdout {stdout} 字节，{zh}，{millis} ms"
        )
    }
}

/// How a process ended by itself.
fn ending(status: ExitStatus) -> Text {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return say!("signal {signal}", "信号 {signal}");
    }
    let code = status.code().unwrap_or_default();
    say!("exit status {code}", "退出码 {code}")
}
