//! What each program was asked to do.

use crate::framing::Limits;
use crate::framing::protocols::Framed;
use encoding_rs::Encoding;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// A server.
#[derive(Clone, Debug)]
pub struct Serve {
    /// Where it listens; port 0 for any free one.
    pub listen: SocketAddr,
    /// What it bears.
    pub bounds: Bounds,
}

/// How much of its peers a server bears.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Clients at the same time.
    pub connections: usize,
    /// How long it waits for each of them.
    pub patience: Patience,
}

/// How long a peer is waited for.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// The longest silence; what is short must be complete in this time, too.
    pub timeout: Duration,
    /// Bytes a second that a body moves at least, over that time; 0 for any rate.
    pub least: u64,
    /// How long an unframed text (a command, a name, a number) must have been silent to count as complete.
    pub settle: Duration,
}

/// `serve commands`.
#[derive(Clone, Debug)]
pub struct CommandService {
    /// How answers are framed.
    pub framed: Framed,
    /// Datagrams instead of a stream.
    pub udp: bool,
    /// Programs that may run besides the default ones.
    pub allow: Vec<String>,
    /// Hand the line to a shell, as the documents do; loopback only.
    pub shell: bool,
    /// For this user alone: another account of this machine is refused, where the system tells whose a socket is.
    pub own: bool,
    /// How long a command may run.
    pub time: Duration,
    /// The most that a command may print, in bytes.
    pub output: usize,
    /// With `json`: stdout even when there is stderr.
    pub both: bool,
    /// What answers are turned into that are UTF-8; without one they go as they are.
    pub encoding: Option<&'static Encoding>,
}

/// `serve files`.
#[derive(Clone, Debug)]
pub struct FileService {
    /// The directory that is served, and never left.
    pub root: PathBuf,
    /// Replace what is there.
    pub overwrite: bool,
    /// How a download's digest follows.
    pub trailer: Trailer,
    /// The largest upload, in bytes.
    pub largest: u64,
    /// The longest JSON header, in bytes.
    pub header: usize,
    /// The most that all uploads under way may hold together, in bytes.
    pub held: usize,
}

/// How the digest follows a download.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trailer {
    /// At once (D4 §3).
    Tail,
    /// After one more acknowledgement (D4 §2).
    Ack,
    /// Not at all (D4 §1).
    None,
}

/// `talk`.
#[derive(Clone, Debug)]
pub struct Talk {
    /// The server.
    pub server: SocketAddr,
    /// Datagrams instead of a stream.
    pub udp: bool,
    /// How long to wait for an answer.
    pub patience: Patience,
}

/// `exec`.
#[derive(Clone, Debug)]
pub struct Exec {
    /// The server.
    pub server: SocketAddr,
    /// How answers are framed.
    pub framed: Framed,
    /// Datagrams instead of a stream.
    pub udp: bool,
    /// How answers are shown.
    pub shown: Showing,
    /// The command; a prompt when there is none.
    pub command: Option<String>,
    /// The longest header and answer.
    pub limits: Limits,
    /// How long to wait.
    pub patience: Patience,
}

/// How a command's answer is shown.
#[derive(Clone, Copy, Debug)]
pub struct Showing {
    /// To a terminal as it is, too.
    pub raw: bool,
    /// What its bytes are; without one they go as they are to whatever is no terminal, which takes UTF-8.
    pub encoding: Option<&'static Encoding>,
}

/// How an upload's header spells its fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spelling {
    /// `{"cmd": "put", "filename": s, "filesize": n}` (D1 §13).
    D1,
    /// `{"filePath": s, "fileName": s, "fileSize": n}` (D0).
    D0,
}

/// `put`.
#[derive(Clone, Debug)]
pub struct Put {
    /// What is sent, in this order.
    pub files: Vec<PathBuf>,
    /// The server.
    pub server: SocketAddr,
    /// The header's spelling.
    pub spelling: Spelling,
    /// A connection for each file, for a server that reads past the end of one.
    pub separate: bool,
    /// How long to wait.
    pub patience: Patience,
}

/// `get`.
#[derive(Clone, Debug)]
pub struct Get {
    /// The file's name at the server.
    pub name: String,
    /// The server.
    pub server: SocketAddr,
    /// Where it is stored; under its own name here when `None`.
    pub place: Option<PathBuf>,
    /// Replace what is there.
    pub overwrite: bool,
    /// How the digest follows.
    pub trailer: Trailer,
    /// The largest download, in bytes.
    pub largest: u64,
    /// How long to wait.
    pub patience: Patience,
}
