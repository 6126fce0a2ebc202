//! What became of a file: one line each, for people and for scripts, the same at both ends.

use crate::programs::console::Console;
use crate::render::progress::Progress;
use crate::say;
use crate::text::{Text, escaped, grouped};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::Duration;

/// How a transfer ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// Complete, checked, and there under its name.
    Stored,
    /// Every byte was sent; the protocol has no word for more.
    Sent,
    /// The other side, or this server, said no.
    Refused(Text),
    /// It broke.
    Failed(Text),
}

impl Status {
    const fn word(&self) -> &'static str {
        match self {
            Status::Stored => "stored",
            Status::Sent => "sent",
            Status::Refused(_) => "refused",
            Status::Failed(_) => "failed",
        }
    }

    const fn reason(&self) -> Option<&Text> {
        match self {
            Status::Refused(why) | Status::Failed(why) => Some(why),
            _ => None,
        }
    }

    /// True when the file is whole at its place, as far as the protocol tells.
    pub const fn is_whole(&self) -> bool {
        matches!(self, Status::Stored | Status::Sent)
    }
}

/// One transfer, when it is over.
#[derive(Clone, Debug)]
pub struct Transfer<'t> {
    /// `put` or `get`.
    pub direction: &'static str,
    /// The file's name.
    pub name: &'t str,
    /// Its size; `None` when that was never known.
    pub bytes: Option<u64>,
    /// Its digest, as far as it was computed.
    pub md5: Option<&'t str>,
    /// How it ended.
    pub status: &'t Status,
    /// How long it took.
    pub took: Duration,
}

impl Transfer<'_> {
    /// The line for people; what the status is called depends on which end speaks.
    pub fn text(&self, ended: &Text) -> Text {
        let mut columns = vec![Text::same(escaped(self.name))];
        columns.extend(self.bytes.map(|n| {
            let n = grouped(n);
            say!("{n} bytes", "{n} 字节")
        }));
        columns.extend(self.md5.map(|md5| Text::same(format!("md5 {md5}"))));
        columns.push(match self.status.reason() {
            Some(why) => Text::made(format!("{}: {}", ended.en, why.en), format!("{}：{}", ended.zh, why.zh)),
            None => ended.clone(),
        });
        let side = |of: fn(&Text) -> &str| columns.iter().map(of).collect::<Vec<_>>().join("  ");
        Text::made(side(|text| &text.en), side(|text| &text.zh))
    }

    /// The same with the word that fits this end's status.
    pub fn line(&self) -> Text {
        self.text(&match self.status {
            Status::Stored => Text::new("stored", "已保存"),
            Status::Sent => Text::new("sent", "已发送"),
            Status::Refused(_) => Text::new("refused", "被拒绝"),
            Status::Failed(_) => Text::new("failed", "失败"),
        })
    }

    /// The line for scripts.
    pub fn json(&self, client: Option<SocketAddr>, reason: Option<&str>) -> Value {
        let mut line = json!({ "type": "transfer" });
        if let Some(client) = client {
            line["client"] = client.to_string().into();
        }
        line["direction"] = self.direction.into();
        line["name"] = self.name.into();
        line["bytes"] = self.bytes.into();
        line["md5"] = self.md5.into();
        line["status"] = self.status.word().into();
        line["reason"] = reason.into();
        line["seconds"] = (self.took.as_micros() as f64 / 1e6).into();
        line
    }

    /// Writes it: the line of a client (on standard error when it is not whole and people read), or of a server's log.
    pub fn write(&self, console: &Console, client: Option<SocketAddr>, line: &Text) {
        let reason = self.status.reason().map(|why| why.to(console.style().lang));
        let line = match client {
            Some(client) => Text::made(format!("{client}  {}  {}", self.direction, line.en), {
                format!("{client}  {}  {}", self.direction, line.zh)
            }),
            None => line.clone(),
        };
        match client {
            // What went wrong at a client is an error, also among results.
            None if !console.is_json() && !self.status.is_whole() => console.remark(&line),
            _ => console.line_of(client, &line, &self.json(client, reason)),
        }
    }
}

/// How far a transfer is; never shown where a trace is printed.
pub fn progress(console: &Console, name: &str, total: u64) -> Progress {
    if console.tracing() { Progress::hidden() } else { Progress::of_transfer(name, total, console.style().lang) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_what_is_known() {
        let refused = Status::Refused(Text::new("the disk is full", "磁盘已满"));
        let mut transfer = Transfer {
            direction: "put",
            name: "a {} b",
            bytes: None,
            md5: None,
            status: &refused,
            took: Duration::from_micros(1500),
        };
        assert_eq!(transfer.line().en, "a {} b  refused: the disk is full");
        assert_eq!(transfer.line().zh, "a {} b  被拒绝：磁盘已满");
        let json = transfer.json(None, Some("the disk is full"));
        let expected = json!({"type": "transfer", "direction": "put", "name": "a {} b", "bytes": null, "md5": null,
            "status": "refused", "reason": "the disk is full", "seconds": 0.0015});
        assert_eq!(json, expected);
        (transfer.bytes, transfer.md5, transfer.status) = (Some(1234), Some("00"), &Status::Stored);
        assert_eq!(transfer.line().en, "a {} b  1,234 bytes  md5 00  stored");
    }
}
