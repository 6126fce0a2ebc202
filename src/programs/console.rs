//! What people and scripts read: results and a server's log on standard output, one line each, as text or as
//! JSON; complaints on standard error; and, with `--trace`, every call as it happens, or all of them as one document.

use super::backlog::Backlog;
use super::call_log::CallLog;
use super::ending;
use super::trouble::Trouble;
use crate::output::{Destination, tell};
use crate::render::Format;
use crate::render::{Live, Style};
use crate::say;
use crate::text::{Text, json_line, printable};
use crate::trace::{EndName, Event, MsgId, Proto, Recorder, Sink, SockId};
use serde_json::Value;
use std::borrow::Cow;
use std::io::{self, IsTerminal, Write};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// The one place to which a program's threads write.
pub struct Console {
    inner: Mutex<Inner>,
    style: Style,
    format: Format,
    tracing: bool,
    /// The calls, when they make a document: what else there is to say goes to standard error then.
    calls: Option<CallLog>,
    over: AtomicBool,
    began: Instant,
}

struct Inner {
    out: Destination,
    /// A server's log goes this way to it.
    log: Option<Backlog>,
    live: Live,
    /// What a peer said ended in the middle of a line.
    open_line: bool,
    /// A prompt stands there that nobody has answered yet.
    prompt: bool,
    error: Option<io::Error>,
}

impl Inner {
    /// Where lines go, and what draws calls.
    fn parts(&mut self) -> (&mut dyn Write, &mut Live) {
        let Inner { out, log, live, .. } = self;
        match log {
            Some(log) => (log, live),
            None => (out, live),
        }
    }

    fn unprompt(&mut self) {
        if std::mem::take(&mut self.prompt) {
            hint("\r    \r");
        }
    }
}

fn hint(text: &str) {
    let _ = io::stderr().write_all(text.as_bytes()).and_then(|()| io::stderr().flush());
}

impl Console {
    /// A console; with `trace` it prints calls too.
    pub fn new(out: Destination, style: &Style, format: Format, trace: bool) -> Console {
        let live = Live::new(style.clone(), format == Format::Json);
        let inner = Mutex::new(Inner { out, log: None, live, open_line: false, prompt: false, error: None });
        Console {
            inner,
            style: style.clone(),
            format,
            tracing: trace,
            calls: (!format.goes_along()).then(CallLog::default),
            over: AtomicBool::new(false),
            began: Instant::now(),
        }
    }

    /// How text looks.
    pub fn style(&self) -> &Style {
        &self.style
    }

    /// True when scripts read.
    pub fn is_json(&self) -> bool {
        self.format == Format::Json
    }

    /// True when the calls make a document.
    pub fn draws(&self) -> bool {
        self.calls.is_some()
    }

    /// True when every call is printed.
    pub fn tracing(&self) -> bool {
        self.tracing
    }

    /// True when the output goes to a terminal, which does what it is told.
    pub fn is_terminal(&self) -> bool {
        matches!(self.lock().out, Destination::Stdout(_)) && io::stdout().is_terminal()
    }

    /// From now on what is written is a server's log: whoever does not read it holds nobody up.
    pub fn becomes_log(&self) {
        if self.draws() {
            return;
        }
        let (lang, json) = (self.style.lang, self.is_json());
        let lost = move |n: u64| {
            let text = say!("{n} lines of this log are lost: nobody read them", "日志有 {n} 行丢失：没有人读");
            match json {
                true => format!("{}\n", serde_json::json!({ "type": "log", "client": null, "message": text.to(lang) })),
                false => format!("-  {}\n", text.to(lang)),
            }
        };
        // Without another thread it is written as anything else.
        self.lock().log = Backlog::start(io::stdout(), lost).ok();
    }

    /// True once nobody reads the output any more, or the server was interrupted and has a document to write: it ends
    /// then.
    pub fn over(&self) -> bool {
        self.over.load(Ordering::Relaxed) || ending::came()
    }

    /// A server waits: how it is made to see that it is over, when an interrupt ends it and no more.
    pub(super) fn is_ended_by(&self, wake: impl Fn() + Send + 'static) {
        if self.draws() {
            ending::by_interrupt(wake);
        }
    }

    /// One line: the sentence for people, the object for scripts.
    pub fn line(&self, text: &Text, json: &Value) {
        self.line_of(None, text, json);
    }

    /// The same about one client: of its calls those that are only counted are drawn first.
    pub fn line_of(&self, client: Option<SocketAddr>, text: &Text, json: &Value) {
        if self.draws() {
            return self.remark(text);
        }
        let line = match self.is_json() {
            true => Cow::Owned(json_line(json).unwrap_or_default()),
            false => printable(text.to(self.style.lang)),
        };
        self.write(|inner| {
            inner.open_line = false;
            let (out, live) = inner.parts();
            live.flush(out, client)?;
            writeln!(out, "{line}")
        });
    }

    /// Bytes as they are: what a command printed, what a peer said.
    pub fn raw(&self, bytes: &[u8]) {
        if self.draws() {
            return hint(&printable(&String::from_utf8_lossy(bytes)));
        }
        self.write(|inner| {
            inner.open_line = bytes.last().map_or(inner.open_line, |byte| *byte != b'\n');
            let (out, live) = inner.parts();
            live.flush(out, None)?;
            out.write_all(bytes)
        });
    }

    /// A remark on standard error, for people.
    pub fn remark(&self, text: &Text) {
        tell(text.to(self.style.lang));
    }

    /// The documents' prompt, on standard error.
    pub fn prompt(&self) {
        self.lock().prompt = true;
        hint(">>: ");
    }

    /// The prompt was answered: Enter has ended its line.
    pub fn answered(&self) {
        self.lock().prompt = false;
    }

    /// Ctrl-D has ended the input, and no line: the shell's own prompt would stand behind this one.
    pub fn unanswered(&self) {
        if std::mem::take(&mut self.lock().prompt) {
            hint("\n");
        }
    }

    /// Takes back a prompt that nobody has answered yet.
    pub fn unprompt(&self) {
        self.lock().unprompt();
    }

    /// An error on standard error, with what to do; for scripts also a line `{"type": "error"}`.
    pub fn complain(&self, trouble: &Trouble) {
        tell(Text::new("error: {}", "错误：{}").with(&trouble.text).to(self.style.lang));
        if let Some(hint) = &trouble.hint {
            tell(Text::new("  {}", "  {}").with(hint).to(self.style.lang));
        }
        if self.is_json() {
            let message = trouble.text.to(self.style.lang);
            let line = serde_json::json!({ "type": "error", "kind": trouble.kind, "message": message });
            self.write(|inner| writeln!(inner.parts().0, "{}", json_line(&line).unwrap_or_default()));
        }
    }

    /// Everything was written, or nobody wants it.
    ///
    /// # Errors
    /// What writing said first.
    pub fn close(self) -> io::Result<Destination> {
        let mut inner = self.inner.into_inner().unwrap_or_else(PoisonError::into_inner);
        if let Some(error) = inner.error {
            return Err(error);
        }
        let (out, live) = inner.parts();
        match self.calls {
            Some(calls) => self.format.write(out, &calls.report(self.style.stable), &self.style)?,
            None => live.finish(out)?,
        }
        out.flush()?;
        Ok(inner.out)
    }

    fn write(&self, write: impl FnOnce(&mut Inner) -> io::Result<()>) {
        let mut inner = self.lock();
        if inner.error.is_some() {
            return;
        }
        let written = write(&mut inner).and_then(|()| inner.parts().0.flush());
        if let Err(error) = written {
            inner.error = Some(error);
            self.over.store(true, Ordering::Relaxed);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Console {
    fn recorder(&self) -> Option<&Recorder> {
        self.calls.as_ref().map(|calls| &calls.recorder)
    }
}

/// With `--trace` every call is printed, or kept; without, a source makes no events.
impl Sink for Console {
    fn is_on(&self) -> bool {
        self.tracing && !self.calls.as_ref().is_some_and(CallLog::is_full)
    }

    fn micros(&self, moment: Instant) -> u64 {
        let began = self.recorder().map_or(self.began, Recorder::began);
        u64::try_from(moment.saturating_duration_since(began).as_micros()).unwrap_or(u64::MAX)
    }

    fn socket(&self, end: EndName, proto: Proto) -> SockId {
        match self.recorder() {
            _ if !self.is_on() => SockId(0),
            Some(recorder) => recorder.socket(end, proto),
            None => self.lock().live.socket(end, proto, None, None),
        }
    }

    fn addresses(&self, sock: SockId, local: Option<SocketAddr>, peer: Option<SocketAddr>) {
        match self.recorder() {
            Some(recorder) => recorder.addresses(sock, local, peer),
            None => self.lock().live.addresses(sock, local, peer),
        }
    }

    fn message(&self, from: EndName, bytes: Arc<[u8]>, header_len: usize, label: Option<Text>) -> MsgId {
        match self.recorder() {
            Some(recorder) => recorder.message(from, bytes, header_len, label),
            None => self.lock().live.framed(from, header_len, label),
        }
    }

    fn growing(&self, from: EndName, label: Option<Text>) -> MsgId {
        match self.recorder() {
            Some(recorder) => recorder.growing(from, label),
            None => self.lock().live.message(from, label),
        }
    }

    fn relabel(&self, msg: MsgId, label: Text) {
        match self.recorder() {
            Some(recorder) => recorder.relabel(msg, label),
            None => self.lock().live.relabel(msg, label),
        }
    }

    /// A line of its own.
    fn push(&self, event: Event) {
        if let Some(calls) = &self.calls {
            return calls.push(event);
        }
        self.write(|inner| {
            inner.unprompt();
            let open = std::mem::take(&mut inner.open_line);
            let (out, live) = inner.parts();
            if open {
                writeln!(out)?;
            }
            live.event(out, event)
        });
    }
}
