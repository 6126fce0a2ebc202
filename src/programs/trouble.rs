//! Reason a program did not do what was asked: what, why, what to do, and the exit code that says it.

use crate::exit::Exit;
use crate::framing::Fault;
use crate::framing::protocols::Reason;
use crate::say;
use crate::sys::{errno, port};
use crate::text::{Text, escaped, excerpt};
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

/// What a program's steps return.
pub type Result<T> = std::result::Result<T, Trouble>;

/// One reason to stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// The word in JSON: `refused`, `timeout`, `ended`, `reset`, `local`, `exists`, `digest`, or a framing fault's.
    pub kind: &'static str,
    /// What went wrong, and why.
    pub text: Text,
    /// What to do about it.
    pub hint: Option<Text>,
    /// 1 when the other side or the transfer is at fault, 3 when this machine is, 2 for wrong usage.
    pub exit: Exit,
}

impl Trouble {
    /// This machine, or its state, cannot do it.
    pub fn local(text: Text) -> Trouble {
        Trouble { kind: "local", text, hint: None, exit: Exit::NotHere }
    }

    /// The transfer is not whole, or the peer breaks the protocol.
    pub fn peer(kind: &'static str, text: Text) -> Trouble {
        Trouble { kind, text, hint: None, exit: Exit::Failed }
    }

    /// The peer said no, in its own words.
    pub fn refused(words: &str) -> Trouble {
        let words = excerpt(words);
        Trouble::peer("refused", say!("the other side refused: {words}", "对方拒绝：{words}"))
    }

    /// A file could not be opened, read or written.
    pub fn file(path: &std::path::Path, error: &io::Error) -> Trouble {
        let path = escaped(&path.to_string_lossy());
        Trouble::local(say!("{path}: {error}", "{path}：{error}"))
    }

    /// A call on a connection failed while `doing` ("while waiting for the length").
    pub fn call(doing: &Text, error: &io::Error) -> Trouble {
        if let Some(Discovery(trouble)) = error.get_ref().and_then(|inner| inner.downcast_ref()) {
            return trouble.clone().at(doing);
        }
        let name = errno::name(error);
        let (kind, why) = match error.kind() {
            io::ErrorKind::TimedOut => ("timeout", Text::new("nothing came in time", "在限定时间内什么也没有到达")),
            io::ErrorKind::WouldBlock => {
                ("timeout", Text::new("the other side took nothing in time", "对方在限定时间内什么也没有接收"))
            }
            io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted | io::ErrorKind::BrokenPipe => {
                ("reset", say!("the other side hung up ({name})", "对方断开了连接（{name}）"))
            }
            _ => ("call", say!("{name} ({error})", "{name}（{error}）")),
        };
        Trouble::peer(kind, Text::new("{}: {}", "{}：{}").with(doing).with(&why))
    }

    /// An exchange stopped while `doing`.
    pub fn stopped(doing: &Text) -> impl Fn(Reason) -> Trouble {
        |reason| match reason {
            Reason::Call(error) => Trouble::call(doing, &error),
            Reason::Fault(fault) => fault.into(),
            reason => Trouble::peer(reason.kind(), reason.text()).at(doing),
        }
    }

    /// The peer was silent for too long.
    pub fn silent(doing: &Text, limit: Duration) -> Trouble {
        let limit = Text::same(format!("{limit:?}"));
        let text = Text::new("{}: nothing came for {}", "{}：{} 内什么也没有到达").with(doing).with(&limit);
        Trouble::peer("timeout", text)
    }

    /// The connection could not be made.
    pub fn connect(address: SocketAddr, error: &io::Error) -> Trouble {
        let name = errno::name(error);
        let trouble =
            Trouble::local(say!("connect {address}: {name} ({error})", "connect {address}：{name}（{error}）"));
        match error.kind() {
            io::ErrorKind::ConnectionRefused => trouble.hint(Text::new(
                "nobody listens there: start the server first; it prints its address",
                "那里没有人监听：请先启动服务器，它会打印自己的地址",
            )),
            io::ErrorKind::AddrNotAvailable | io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable => {
                trouble.hint(Text::new(
                    "no way leads there from this machine: check the address and the network",
                    "从这台机器到不了那里：请检查地址和网络",
                ))
            }
            _ => trouble,
        }
    }

    /// The same, with what to do about it.
    #[must_use]
    pub fn hint(self, hint: Text) -> Trouble {
        Trouble { hint: Some(hint), ..self }
    }

    /// What went wrong, and what to do about it, in one line of a log.
    pub fn told(&self) -> Text {
        match &self.hint {
            Some(hint) => Text::new("{}; {}", "{}；{}").with_all([&self.text, hint]),
            None => self.text.clone(),
        }
    }

    /// The same, with where it happened before the sentence.
    #[must_use]
    pub fn at(self, place: &Text) -> Trouble {
        let text = Text::new("{}: {}", "{}：{}").with(place).with(&self.text);
        Trouble { text, ..self }
    }
}

impl From<Fault> for Trouble {
    fn from(fault: Fault) -> Trouble {
        Trouble::peer(fault.kind(), fault.text())
    }
}

/// What a call on a connection found out beyond what the system says.
#[derive(Debug)]
pub(super) struct Discovery(Trouble);

impl Discovery {
    pub(super) fn error(kind: &'static str, text: Text) -> io::Error {
        io::Error::other(Discovery(Trouble::peer(kind, text)))
    }
}

impl fmt::Display for Discovery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.text.fmt(f)
    }
}

impl std::error::Error for Discovery {}

/// Reason a server cannot listen there, and what to do.
pub fn cannot_listen(at: SocketAddr, error: &io::Error) -> Trouble {
    let name = errno::name(error);
    let trouble = Trouble::local(say!("listen {at}: {name} ({error})", "listen {at}：{name}（{error}）"));
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            let owner = port::owner(at.port());
            let who = owner.unwrap_or_else(|| Text::new("another program", "另一个程序"));
            trouble.hint(
                Text::new(
                    "{} has the port: choose another, or leave --listen away for any free one",
                    "端口被{}占用：换一个端口，或去掉 --listen 任选空闲端口",
                )
                .with(&who),
            )
        }
        io::ErrorKind::PermissionDenied => trouble.hint(port::forbidden()),
        io::ErrorKind::AddrNotAvailable => {
            trouble.hint(Text::new("that address is not one of this machine's", "那个地址不属于这台机器"))
        }
        _ => trouble,
    }
}
