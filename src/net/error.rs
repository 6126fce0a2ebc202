//! Why a call, or a wait, did not succeed; in both languages.

use crate::say;
use crate::sys::errno;
use crate::text::Text;
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
                    true => Text::new("waited {} {}, in vain", "等了 {}，没有{}"),
                    false => Text::new("waited {} for {}, in vain", "等了 {}，没有等到{}"),
                };
                told.with(&limit).with(what)
            }
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
