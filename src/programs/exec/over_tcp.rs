//! Commands over a connection.

use super::answer::Answer;
use crate::exit::Exit;
use crate::framing::protocols::{Ending, Source, Terms};
use crate::framing::suspect::Culprit;
use crate::framing::{I32_LE, Kind};
use crate::programs::answers::{self, mistaken, suggestion};
use crate::programs::clue::clue;
use crate::programs::connection::Connection;
use crate::programs::console::Console;
use crate::programs::trouble::{Result, Trouble};
use crate::programs::{Exec, Framed, Showing};
use crate::say;
use crate::text::{Text, excerpt, grouped};
use crate::trace::Part;

/// One command: after it, nothing more is said, so that the server ends the stream and both the command's end and the
/// answer's are facts. (With `ack` there is the acknowledgement to send, and the end comes after that.)
pub(super) fn once(exec: &Exec, console: &Console, line: &str) -> Result<Exit> {
    let mut session = Session::open(exec, console)?;
    session.terms.last = true;
    session.ask(line)?;
    session.nothing_follows(line)?;
    Ok(Exit::Done)
}

/// A connection on which commands go one after another.
pub(super) struct Session<'a> {
    conn: Connection<'a>,
    console: &'a Console,
    shown: Showing,
    terms: Terms,
    /// How the answer before began; `None` before the first.
    head: Option<Vec<u8>>,
    /// How many bytes it had with its header.
    answered: u64,
}

impl<'a> Session<'a> {
    pub(super) fn open(exec: &Exec, console: &'a Console) -> Result<Session<'a>> {
        let conn = Connection::connect(console, exec.server, exec.patience)?;
        let terms = Terms { framed: exec.framed, limits: exec.limits, settle: exec.patience.settle, last: false };
        Ok(Session { conn, console, shown: exec.shown, terms, head: None, answered: 0 })
    }

    /// Sends a command and prints its answer.
    pub(super) fn ask(&mut self, line: &str) -> Result<()> {
        self.conn.frame_is_due();
        self.unasked()?;
        self.send(line)?;
        let label = say!("answer to {line}", "{line} 的响应");
        let mut answer = Answer::new(self.console, self.shown);
        if self.terms.framed != Framed::None {
            // A header in single bytes, one a minute, is never silent and never done.
            self.conn.briefly();
        }
        let received = answers::receive(&mut self.conn, &self.terms, &label, |bytes| answer.add(bytes));
        let (length, end) = received.map_err(|trouble| self.explained(trouble))?;
        answer.finish(line);
        self.answered = self.conn.heard().total;
        let head = &*self.head.insert(answer.head);
        if end == Ending::Silence {
            let waited = self.conn.patience().timeout;
            self.console.remark(&say!(
                "nothing came for {waited:?}: in this protocol an empty answer looks like that, and so does a slow one",
                "{waited:?} 内什么也没有到达：在这个协议里，空的响应就是这样，慢的响应也是这样"
            ));
        }
        match mistaken(head).filter(|_| self.terms.framed == Framed::None) {
            // Four bytes that are no length of what follows are any command's output.
            Some(Framed::I32Le) if I32_LE.unpack(head, length).ok() != length.checked_sub(4) => {}
            Some(framed) => self.console.remark(&suggestion(framed)),
            None => {}
        }
        Ok(())
    }

    fn send(&mut self, line: &str) -> Result<()> {
        let doing = Text::new("while sending the command", "发送命令时");
        self.conn.outgoing(Text::same(line));
        let sent = self.conn.send_all(line.as_bytes(), Part::Body);
        sent.map_err(|e| Trouble::call(&doing, &e))?;
        if self.terms.last && self.terms.framed != Framed::Ack {
            // A server that is gone says so in the next recv.
            let _ = self.conn.shutdown();
        }
        Ok(())
    }

    /// What came before a command was sent belongs to an earlier one, or to another protocol.
    fn unasked(&mut self) -> Result<()> {
        let doing = Text::new("before the command", "发送命令之前");
        let mut piece = vec![0; 64 << 10];
        while let Some(waiting) = self.conn.peek().map_err(|e| Trouble::call(&doing, &e))? {
            if waiting == 0 {
                return Err(Trouble::peer("ended", Text::new("the server has hung up", "服务器已断开连接")));
            }
            if self.terms.framed != Framed::None {
                return Err(self.too_many());
            }
            let n = self.conn.recv(&mut piece, Part::Body).map_err(|e| Trouble::call(&doing, &e))?;
            self.console.remark(&match self.head {
                None => say!(
                    "{n} bytes came before the first command: they answer none",
                    "第一条命令之前就来了 {n} 字节：不是任何命令的响应"
                ),
                Some(_) => say!(
                    "{n} bytes came late: they belong to an earlier command, nothing in them says to which",
                    "{n} 字节来晚了：属于前面的某条命令，字节里看不出是哪一条"
                ),
            });
            let mut late = Answer::new(self.console, self.shown);
            late.add(&piece[..n]);
            late.finish("");
        }
        Ok(())
    }

    /// After the only answer the stream ends. A server that takes its time is not waited for; one that goes on talking
    /// speaks another protocol, and what was printed is no answer.
    fn nothing_follows(&mut self, line: &str) -> Result<()> {
        if self.terms.framed == Framed::None {
            return Ok(());
        }
        self.conn.incoming(say!("after the answer to {line}", "{line} 的响应之后"));
        match self.conn.recv_within(&mut [0], Part::Body, self.terms.settle) {
            Ok(Some(1..)) => Err(self.too_many()),
            _ => Ok(()),
        }
    }

    /// Bytes where none were due. All of them are taken, to tell what they are.
    fn too_many(&mut self) -> Trouble {
        let ended = self.conn.listen_on(self.terms.settle);
        let heard = self.conn.heard();
        let text = match (&self.head, ended) {
            (None, _) => {
                let said = excerpt(&String::from_utf8_lossy(&heard.start));
                say!(
                    "the server spoke before it was asked, and these protocols begin with a command; it said: {said}",
                    "还没发命令，服务器就先说话了，而这些协议都从命令开始；它说：{said}"
                )
            }
            (Some(_), true) => {
                let (more, answer) = (grouped(heard.total - self.answered), grouped(self.answered));
                say!(
                    "{more} bytes follow the answer's {answer} and belong to none",
                    "响应的 {answer} 字节之后还有 {more} 字节，不属于任何响应"
                )
            }
            (Some(_), false) => Text::new(
                "bytes without end follow the answer and belong to none",
                "响应之后还有源源不断的字节，不属于任何响应",
            ),
        };
        let trouble = Trouble::peer("syntax", text);
        let hint = self.clue().unwrap_or_else(|| match mistaken(self.head.as_deref().unwrap_or_default()) {
            Some(framed) if framed != self.terms.framed => suggestion(framed),
            _ => self.same_framing(),
        });
        trouble.hint(hint)
    }

    fn same_framing(&self) -> Text {
        let word = self.terms.framed.word();
        say!(
            "this end expects --framing {word}: does the server use the same?",
            "这一端用的是 --framing {word}：服务器也是吗？"
        )
    }

    /// What fits all that came since the answer was due: another `--framing`, or the mistake.
    fn clue(&mut self) -> Option<Text> {
        let reader = (self.terms.framed == Framed::I32Le).then_some(I32_LE);
        let suspicion = clue(&mut self.conn, reader, self.terms.settle)?;
        match suspicion.culprit {
            // Text has no length: what framings are like that is known better.
            Culprit::Text => None,
            // A JSON header alone is as long as its length says.
            Culprit::Framed(Kind::I32Le) if mistaken(&self.conn.heard().start) == Some(Framed::Json) => None,
            Culprit::Framed(kind) => {
                let spoken = Framed::ALL.into_iter().find(|framed| framed.kind() == kind);
                Some(spoken.map_or_else(|| suspicion.hint(), suggestion))
            }
            _ => Some(suspicion.hint()),
        }
    }

    /// The usual mistake: one that fits all that came, else what the trouble suggests.
    fn explained(&mut self, trouble: Trouble) -> Trouble {
        if self.terms.framed == Framed::None || trouble.kind == "call" {
            return trouble;
        }
        match self.clue() {
            Some(hint) => trouble.hint(hint),
            None if trouble.hint.is_some() || trouble.exit != Exit::Failed => trouble,
            None if ["timeout", "ended", "reset", "eof-in-header", "eof-in-body"].contains(&trouble.kind) => {
                trouble.hint(self.same_framing())
            }
            None => trouble,
        }
    }
}
