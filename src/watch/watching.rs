//! What is to be watched, and what came of it: plain data, on every system.

use super::conditions::Conditions;
use super::seen::{Id, ProcessEnd, Record, SocketKey};
use crate::say;
use crate::text::Text;
use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// A run of somebody else's programs.
#[derive(Debug)]
pub struct Watching {
    /// What is run.
    pub programs: Programs,
    /// What is done to their calls.
    pub conditions: Conditions,
    /// Where their standard output goes.
    pub outputs: OutputTo,
    /// A file as the client's standard input; without one it has this process's.
    pub input: Option<PathBuf>,
    /// Each run has a network of its own: what it binds is free, and no port is in TIME_WAIT.
    pub isolated: bool,
    /// The run is ended after so long.
    pub limit: Option<Duration>,
    /// A line for standard error, when a process that runs already is followed.
    pub announced: Option<String>,
    /// So many calls are recorded, the first.
    pub most_calls: usize,
}

/// Programs by their words: a name, looked for on PATH, and arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Programs {
    /// One, which starts whatever it wants.
    One(Vec<String>),
    /// Two: the client begins when the server listens; the server is ended when the client is gone.
    Pair {
        /// The server.
        server: Vec<String>,
        /// The client. `{addr}`, `{host}` and `{port}` are filled in.
        client: Vec<String>,
        /// The server is waited for instead of ended.
        keep: bool,
    },
    /// A process that runs already, by its number. At the end it goes on.
    Running(Id),
}

/// Where the programs' standard output and error go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutputTo {
    /// Where this process's go.
    Ours,
    /// Both to this process's standard error: its standard output has a document to itself.
    StandardError,
    /// Nowhere.
    Nowhere,
}

/// What a run showed.
#[derive(Debug, Default)]
pub struct Watched {
    /// In the order in which it was seen.
    pub seen: Vec<Record>,
    /// How each program ended, in the order of [`Programs`].
    pub endings: Vec<ProgramEnding>,
    /// By process, which of the programs it belonged to.
    pub program_of: HashMap<Id, usize>,
    /// More calls were made than are recorded.
    pub full: bool,
    /// A process was watched that ran before.
    pub attached: bool,
    /// A sender was slow.
    pub paused: bool,
    /// A program used io_uring.
    pub uring: bool,
    /// Sockets that were handed to another process (SCM_RIGHTS), and by which.
    pub passed: Vec<(Id, SocketKey)>,
    /// A piece of a stream could not be read, and what follows it is not recorded.
    pub unread: bool,
    /// The limit passed, and what still ran was killed.
    pub overdue: bool,
}

/// How a program ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProgramEnding {
    /// Its first word.
    pub name: String,
    /// How.
    pub how: ProcessEnd,
    /// It was ended here, because its peer was gone.
    pub asked_to: bool,
}

/// Why nothing was watched.
#[derive(Debug)]
pub enum Unwatchable {
    /// This system has no tracer here.
    System,
    /// The system forbids tracing, or does not know it: which call, and what it said.
    Forbidden(&'static str, io::Error),
    /// A process that runs already cannot be watched.
    Process(Id, io::Error),
    /// There is no network of a run's own here.
    Network(io::Error),
    /// A program cannot be started.
    Program(String, io::Error),
    /// A file cannot be opened.
    Input(PathBuf, io::Error),
    /// Its outcome differs from run to run, when nothing is done to it.
    Unsteady,
    /// The server ended, or the client could not be started, before there was a client.
    NoServer(Box<Watched>),
}

impl Unwatchable {
    /// What, why, and what would change it.
    pub fn text(&self) -> Text {
        match self {
            Unwatchable::System => Text::new(
                "watching another program needs Linux (5.6 or later) on x86-64 or ARM64; a virtual machine or WSL 2 has it",
                "观察别的程序需要 x86-64 或 ARM64 上的 Linux（5.6 或更新）；虚拟机或 WSL 2 里可以",
            ),
            Unwatchable::Forbidden(call, error) => say!(
                "no program can be watched here: {call}: {error}; ptrace may be forbidden: by a container (run it with --cap-add=SYS_PTRACE, or another seccomp profile) or by /proc/sys/kernel/yama/ptrace_scope = 3",
                "这里无法观察程序：{call}：{error}；可能禁用了 ptrace：容器（用 --cap-add=SYS_PTRACE 或别的 seccomp 配置启动），或 /proc/sys/kernel/yama/ptrace_scope = 3"
            ),
            Unwatchable::Process(pid, error) => say!(
                "process {pid} cannot be watched: {error}; it must be yours and watched by nobody else, and /proc/sys/kernel/yama/ptrace_scope must be 0 (or be root)",
                "无法观察进程 {pid}：{error}；它必须是你的进程，且没有被别的程序追踪，/proc/sys/kernel/yama/ptrace_scope 须为 0（或使用 root）"
            ),
            Unwatchable::Network(error) => say!(
                "a run cannot have a network of its own here: {error}",
                "这里无法让每次运行使用自己的网络：{error}"
            ),
            Unwatchable::Program(name, error) => say!("{name} cannot be started: {error}", "无法启动 {name}：{error}"),
            Unwatchable::Input(path, error) => {
                let path = path.display();
                say!("cannot read {path}: {error}", "无法读取 {path}：{error}")
            }
            Unwatchable::Unsteady => Text::new(
                "exit status and output differ from run to run although nothing was done: there is nothing to compare; let the program print what must not change",
                "什么也没做，退出状态和输出每次都不同：没有可比较的内容；请让程序打印不应改变的东西",
            ),
            Unwatchable::NoServer(_) => Text::new(
                "the server ended before it listened: there was nothing for a client to connect to",
                "服务器还没有监听就结束了：客户端无处可连",
            ),
        }
    }
}

impl Watching {
    /// The client's standard input, where it has one of its own.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub fn open_input(&self) -> Result<Option<File>, Unwatchable> {
        let open = |path: &PathBuf| File::open(path).map_err(|error| Unwatchable::Input(path.clone(), error));
        self.input.as_ref().map(open).transpose()
    }
}
