//! Why a call, or a wait, did not succeed; in both languages.

use crate::say;
use crate::sys::errno;
use crate::text::{Text, grouped};
use crate::trace::Call;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

/// What net's calls return.
pub type Result<T> = std::result::Result<T, NetError>;

/// Why a call, or a wait, did not succeed.
#[derive(Debug)]
pub enum NetError {
    /// A system call failed.
    Call {
        /// Which.
        call: Call,
        /// At or to which address.
        address: Option<SocketAddr>,
        /// What the system said.
        source: io::Error,
    },
    /// A fact did not come about in time.
    Deadline {
        /// The fact.
        what: Text,
        /// How long it was waited for.
        limit: Duration,
    },
    /// A fact had not come about when the whole run's time was up.
    TimeUp {
        /// The fact.
        what: Text,
        /// How long the run may last.
        whole: Duration,
    },
    /// The run moved more data than it may.
    TooMuch {
        /// In how many calls.
        calls: usize,
        /// How many bytes.
        bytes: usize,
    },
    /// Who came to a lone server left without a word: it was not the other end.
    Stranger,
    /// The other end failed first.
    Abandoned,
}

impl NetError {
    /// The errno name of a failed call (`ECONNRESET`).
    pub fn errno(&self) -> Option<String> {
        match self {
            NetError::Call { source, .. } => Some(errno::name(source)),
            _ => None,
        }
    }

    /// The kind of a failed call's error.
    pub fn kind(&self) -> Option<io::ErrorKind> {
        match self {
            NetError::Call { source, .. } => Some(source.kind()),
            _ => None,
        }
    }

    /// The sentence, in both languages.
    pub fn text(&self) -> Text {
        match self {
            NetError::Call { call, address, source } => {
                let (call, name) = (call.word(), errno::name(source));
                let to = address.map(|a| format!(" {a}")).unwrap_or_default();
                say!("{call}{to}: {name} ({source})", "{call}{to}：{name}（{source}）")
            }
            NetError::Deadline { what, limit } => {
                let limit = Text::same(format!("{limit:?}"));
                // The trace's own words for a wait begin with "until".
                let told = match what.en.starts_with("until ") {
                    true => Text::new("waited {} {}, without success", "等了 {}，没有{}"),
                    false => Text::new("waited {} for {}, without success", "等了 {}，没有等到{}"),
                };
                told.with(&limit).with(what)
            }
            NetError::TimeUp { what, whole } => {
                let whole = Text::same(format!("{whole:?}"));
                let told = match what.en.starts_with("until ") {
                    true => Text::new("the run's {} were over, and still waiting {}", "运行的时限 {} 已到，还没有{}"),
                    false => Text::new(
                        "the run's {} were over, and still waiting for {}",
                        "运行的时限 {} 已到，还没有等到{}",
                    ),
                };
                told.with(&whole).with(what)
            }
            NetError::TooMuch { calls, bytes } => {
                let (calls, bytes) = (grouped(*calls), grouped(*bytes));
                say!(
                    "{bytes} bytes in {calls} calls: more than a run may move, so it was ended",
                    "{calls} 次调用共 {bytes} 字节：超过一次运行的上限，因此中止"
                )
            }
            NetError::Stranger => Text::new("somebody came and left without a word", "有人来过，什么也没说就走了"),
            NetError::Abandoned => Text::new("the other end failed first", "另一端先失败了"),
        }
    }
}

impl fmt::Display for NetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text().en)
    }
}

impl std::error::Error for NetError {}

/// The scheduler came between: what happened shows nothing, and the run is to begin again.
#[derive(Debug)]
pub struct Spoiled(pub Text);

impl fmt::Display for Spoiled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Spoiled {}
