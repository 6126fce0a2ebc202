//! What a tracer saw, as plain data: one record for each system call of the watched programs, and for each process
//! that came or went. Everything behind it is a function of these.

use crate::trace::{Evidence, Proto, Struck};
use std::net::SocketAddr;

/// A process, or one of its threads, by the system's number.
pub type Id = i32;

/// Something that a watched program did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// A system call returned.
    Call(Box<SystemCall>),
    /// A process was started by another; it has the same descriptors.
    Forked {
        /// Who started it.
        parent: Id,
        /// The new one.
        child: Id,
    },
    /// A process is watched from now on that ran before, with these sockets.
    Attached {
        /// Which.
        pid: Id,
        /// Its sockets.
        sockets: Vec<FoundSocket>,
    },
    /// A process became another program. Of its sockets these are still open: descriptor and socket.
    Executed {
        /// Which.
        pid: Id,
        /// When, microseconds since the run began.
        t_us: u64,
        /// Its sockets.
        sockets: Vec<(i32, SocketKey)>,
    },
    /// A process is over, and with it its descriptors.
    Over {
        /// Which.
        pid: Id,
        /// When its last thread began to end, microseconds since the run began.
        t_us: u64,
        /// When it was gone.
        end_us: u64,
        /// How.
        how: ProcessEnd,
    },
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProcessEnd {
    /// With this exit status.
    Status(i32),
    /// By this signal.
    Signal(i32),
}

/// Which socket: the kernel's cookie of it (SO_COOKIE, socket(7)), which no other socket ever has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SocketKey(pub u64);

/// A socket of the internet families, as it was when a call returned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SocketSeen {
    /// Which.
    pub key: SocketKey,
    /// Stream or datagrams.
    pub proto: Proto,
    /// Its own address, once it has one. An IPv4 address that IPv6 carries is the IPv4 address.
    pub local: Option<SocketAddr>,
    /// Its peer's, once connected.
    pub peer: Option<SocketAddr>,
}

/// A socket that a process had before it was watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundSocket {
    /// Its descriptor.
    pub fd: i32,
    /// What it is.
    pub socket: SocketSeen,
    /// It listens.
    pub listens: bool,
}

/// What a descriptor is, as far as anybody here wants to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A socket.
    Socket(SocketSeen),
    /// The standard output that the program was started with.
    Output,
    /// The standard error that it was started with.
    ErrorOutput,
}

/// What was called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// socket(2): the descriptor is the new one.
    Socket,
    /// bind(2).
    Bind,
    /// listen(2).
    Listen,
    /// accept(2), accept4(2): the descriptor is the new one; on an error, the one that listens.
    Accept,
    /// connect(2).
    Connect,
    /// A call that puts bytes into a descriptor: send(2), write(2), writev(2), sendmsg(2), sendfile(2).
    Send,
    /// A call that takes bytes out of a socket: recv(2), read(2), readv(2), recvmsg(2).
    Receive,
    /// setsockopt(2): level and name.
    SetOption(i32, i32),
    /// shutdown(2): what it ends.
    Shutdown(i32),
    /// close(2).
    Close,
    /// dup(2), dup2(2), fcntl(2): the descriptor is the new one, the socket the old one's.
    Duplicate,
}

/// One system call, as entered and as returned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SystemCall {
    /// Whose: the process.
    pub pid: Id,
    /// Which of its threads.
    pub tid: Id,
    /// The call's name (`recvfrom`).
    pub name: &'static str,
    /// What it does.
    pub operation: Operation,
    /// On which descriptor.
    pub fd: i32,
    /// What that is.
    pub target: Target,
    /// When it was entered, microseconds since the run began.
    pub t_us: u64,
    /// When it returned.
    pub end_us: u64,
    /// How many bytes it was asked to move; of an option, its value.
    pub asked: usize,
    /// What it returned, or the error's name (`EAGAIN`).
    pub outcome: Result<usize, String>,
    /// The bytes that moved.
    pub bytes: Vec<u8>,
    /// Of a send: what was offered and not taken.
    pub untaken: Vec<u8>,
    /// The address it was called with, or that it returned.
    pub address: Option<SocketAddr>,
    /// The call told that the datagram was longer than the buffer.
    pub truncated: bool,
    /// The datagram's true length, where the call told it.
    pub datagram_len: Option<usize>,
    /// Received bytes stay in the queue (MSG_PEEK).
    pub peeked: bool,
    /// What this program did to the call: how many bytes it was allowed, instead of those it asked for.
    pub allowed: Option<usize>,
    /// It was made to wait until everything under way had arrived.
    pub held: bool,
    /// What this program did to the datagram that was sent.
    pub struck: Option<Struck>,
    /// What the kernel said about the socket afterwards.
    pub evidence: Evidence,
}

impl SystemCall {
    /// A call of a process with one thread that returned 0 at once and moved nothing; the caller fills in the rest.
    pub fn made(pid: Id, operation: Operation, fd: i32, target: Target) -> SystemCall {
        SystemCall {
            pid,
            tid: pid,
            name: "",
            operation,
            fd,
            target,
            t_us: 0,
            end_us: 0,
            asked: 0,
            outcome: Ok(0),
            bytes: Vec::new(),
            untaken: Vec::new(),
            address: None,
            truncated: false,
            datagram_len: None,
            peeked: false,
            allowed: None,
            held: false,
            struck: None,
            evidence: Evidence::default(),
        }
    }
}
