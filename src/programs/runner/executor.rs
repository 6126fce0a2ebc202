//! What runs clients' commands, whether they come over connections or as datagrams.

use super::allow::{Allowed, Refusal, remark};
use super::bounded::{self, Ran, RunLimits, Stop};
use crate::programs::CommandService;
use crate::programs::answers::Outputs;
use crate::programs::room::{Room, Share};
use crate::programs::trouble::Result;
use crate::say;
use crate::sys::port;
use crate::text::{Lang, Text, excerpt, grouped};
use encoding_rs::Encoding;
use std::net::SocketAddr;
use std::process::ExitStatus;

/// Room for all answers together, beside 64 KiB for each.
const ROOM: usize = 128 << 20;

/// What runs commands, for connections and for datagrams.
pub(super) struct Executor {
    allowed: Allowed,
    /// Only this user's commands are run.
    own: bool,
    limits: RunLimits,
    room: Room,
    /// What it says among a command's own words is in the server's language.
    pub(super) lang: Lang,
    /// What answers are turned into.
    encoding: Option<&'static Encoding>,
}

/// Who asks: the protocol's lists of sockets, the client's address, and ours.
pub(super) type Asker = ([&'static str; 2], SocketAddr, SocketAddr);

/// A command that was dealt with.
pub(super) struct Done<'o> {
    pub(super) outputs: Outputs,
    /// What the server's log says about it.
    pub(super) log: Text,
    /// Nobody waits for it.
    pub(super) gone: bool,
    /// Kept until the answer was sent.
    _share: Share<'o>,
}

impl Executor {
    pub(super) fn new(service: &CommandService, lang: Lang) -> Result<Executor> {
        let allowed = Allowed::new(&service.allow, service.shell)?;
        // A note about a limit must fit a signed 32-bit length, too.
        let output = service.output.min(i32::MAX as usize - 4096);
        let limits = RunLimits { time: service.time, output };
        Ok(Executor {
            allowed,
            own: service.own,
            limits,
            room: Room::new(ROOM.max(output)),
            lang,
            encoding: service.encoding,
        })
    }

    /// How the other end calls, and what it may call.
    pub(super) fn announced(&self, how: &str) -> Text {
        let what = self.allowed.described();
        let who = match (self.own, cfg!(target_os = "linux")) {
            (false, _) => Text::default(),
            (true, true) => Text::new(" (for this user alone)", "（仅限本用户）"),
            (true, false) => Text::new(" (for every account of this machine)", "（本机的任何账户都可以）"),
        };
        let example = self.allowed.example();
        let [en, zh] = [(what.en, who.en), (what.zh, who.zh)]
            .map(|(what, who)| format!("stickdemo exec {{}} {how} {example}\n{what}{who}"));
        Text::made(en, zh)
    }

    /// Runs a line, or refuses it; either way there is something to answer.
    pub(super) fn perform(&self, line: &[u8], asker: Option<Asker>, gone: impl FnMut() -> bool) -> Done<'_> {
        let mut share = self.room.share();
        let line = line.trim_ascii();
        let shown = excerpt(&String::from_utf8_lossy(line));
        let ran = self.admitted(asker).and_then(|()| self.allowed.command(line)).and_then(|mut command| {
            bounded::run(&mut command, &self.limits, &mut share, gone).map_err(|error| Refusal::start(&error))
        });
        let (log, gone, outputs) = match ran {
            Ok(ran) => (self.log(&shown, &ran), ran.stop == Stop::Gone, self.told(ran)),
            Err(refusal) => (refusal.log(&shown), false, refusal.outputs(self.lang)),
        };
        Done { log, gone, outputs: self.encoded(outputs), _share: share }
    }

    /// In the encoding in which clients are answered.
    pub(super) fn encoded(&self, outputs: Outputs) -> Outputs {
        match self.encoding {
            Some(encoding) => outputs.encoded(encoding),
            None => outputs,
        }
    }

    /// What this server itself has to say, beside what a command printed.
    pub(super) fn remark(&self, text: &Text) -> Vec<u8> {
        self.encoded(Outputs { stderr: remark(text, self.lang).into_bytes(), stdout: Vec::new() }).stderr
    }

    /// The answer that says why a line is not even looked at.
    pub(super) fn refused(&self, refusal: &Refusal) -> Outputs {
        self.encoded(refusal.outputs(self.lang))
    }

    /// On loopback everybody who has an account on this machine can ask, and what runs has the server's account.
    fn admitted(&self, asker: Option<Asker>) -> std::result::Result<(), Refusal> {
        let ours = |(lists, peer, here)| port::is_ours(lists, peer, here);
        match !self.own || asker.map_or(Some(false), ours) != Some(false) {
            true => Ok(()),
            false => Err(Refusal(Text::new(
                "this server runs commands for its own user alone",
                "这个服务器只为启动它的用户执行命令",
            ))),
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
