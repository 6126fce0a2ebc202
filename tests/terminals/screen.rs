//! A program in a terminal of its own.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

static STARTING: Mutex<()> = Mutex::new(());

/// A running program, and what its terminal shows.
pub struct Screen {
    child: Child,
    keyboard: File,
    shown: Arc<Shown>,
}

#[derive(Default)]
struct Shown {
    state: Mutex<State>,
    news: Condvar,
}

#[derive(Default)]
struct State {
    bytes: Vec<u8>,
    /// Nobody writes to the terminal any more.
    over: bool,
}

impl Screen {
    /// Starts a shell command in a terminal of 80 columns.
    pub fn start(command: &str, folder: &Path) -> io::Result<Screen> {
        // A program that is started between the two would inherit the terminal, and keep it open.
        let alone = STARTING.lock().expect("no panic");
        let (outer, inner) = pair()?;
        let mut shell = Command::new("/bin/sh");
        shell.arg("-c").arg(command).current_dir(folder);
        shell.stdin(Stdio::from(inner.try_clone()?)).stdout(Stdio::from(inner.try_clone()?)).stderr(Stdio::from(inner));
        let path = std::env::var_os("PATH").unwrap_or_default();
        let mut first = folder.join(".bin").into_os_string();
        first.push(":");
        first.push(path);
        shell.env_clear().env("PATH", first).env("TERM", "dumb").env("PYTHONUTF8", "1").env("HOME", folder);
        // A shell's background job ignores Ctrl-C, and so would its children.
        // SAFETY: all three are async-signal-safe; 0 is the terminal by then.
        unsafe {
            shell.pre_exec(|| {
                libc::signal(libc::SIGINT, libc::SIG_DFL);
                match libc::setsid() < 0 || libc::ioctl(0, libc::TIOCSCTTY, 0) < 0 {
                    true => Err(io::Error::last_os_error()),
                    false => Ok(()),
                }
            });
        }
        let child = shell.spawn()?;
        drop((shell, alone));
        let (keyboard, shown) = (outer.try_clone()?, Arc::new(Shown::default()));
        let writer = Arc::clone(&shown);
        std::thread::spawn(move || writer.follow(outer));
        Ok(Screen { child, keyboard, shown })
    }

    /// What it shows.
    pub fn text(&self) -> String {
        plain(&self.shown.state.lock().expect("no panic").bytes)
    }

    /// Nothing writes to it any more.
    pub fn is_over(&self) -> bool {
        self.shown.state.lock().expect("no panic").over
    }

    /// Presses keys.
    pub fn press(&mut self, keys: &[u8]) -> Result<(), String> {
        self.keyboard.write_all(keys).map_err(|e| e.to_string())
    }

    /// Waits until it shows something.
    pub fn wait(&self, patience: Duration, seen: impl Fn(&str) -> bool) -> Result<(), String> {
        let deadline = Instant::now() + patience;
        let mut state = self.shown.state.lock().expect("no panic");
        loop {
            let text = plain(&state.bytes);
            if seen(&text) {
                return Ok(());
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if state.over || left.is_zero() {
                let why = if state.over { "the program ended first" } else { "waited in vain" };
                return Err(format!("{why}; the terminal shows:\n{text}"));
            }
            state = self.shown.news.wait_timeout(state, left).expect("no panic").0;
        }
    }

    /// Waits for the program's end; what it showed.
    pub fn ended(&mut self, patience: Duration) -> Result<String, String> {
        let deadline = Instant::now() + patience;
        let mut state = self.shown.state.lock().expect("no panic");
        while !state.over {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let text = plain(&state.bytes);
                return Err(format!("it still runs; the terminal shows:\n{text}"));
            }
            state = self.shown.news.wait_timeout(state, left).expect("no panic").0;
        }
        self.child.wait().map_err(|e| e.to_string())?;
        Ok(plain(&state.bytes))
    }
}

impl Drop for Screen {
    /// Whatever still runs there, the shell's children too.
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            // SAFETY: the group that setsid made, of a child that has not been waited for.
            unsafe { libc::kill(-(self.child.id() as i32), libc::SIGKILL) };
            let _ = self.child.wait();
        }
    }
}

impl Shown {
    /// Keeps what the program writes, to the end: then reading says EIO.
    fn follow(&self, mut terminal: File) {
        let mut piece = [0; 4096];
        loop {
            let got = terminal.read(&mut piece).unwrap_or(0);
            let mut state = self.state.lock().expect("no panic");
            state.bytes.extend_from_slice(&piece[..got]);
            state.over = got == 0;
            self.news.notify_all();
            if state.over {
                return;
            }
        }
    }
}

/// A new terminal: our side, and the program's.
fn pair() -> io::Result<(File, File)> {
    let size = libc::winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 };
    let (mut outer, mut inner) = (0, 0);
    // SAFETY: openpty(3) fills two numbers; no name is asked for and no attributes are given.
    let made = unsafe { libc::openpty(&mut outer, &mut inner, std::ptr::null_mut(), std::ptr::null_mut(), &size) };
    if made < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: both were just opened and belong to nobody else.
    let files = unsafe { [outer, inner].map(|fd| File::from(OwnedFd::from_raw_fd(fd))) };
    for file in &files {
        // SAFETY: an open descriptor. A program must not inherit the terminals of others.
        unsafe { libc::fcntl(file.as_raw_fd(), libc::F_SETFD, libc::FD_CLOEXEC) };
    }
    Ok(files.into())
}

/// Bytes as lines on a screen: a carriage return starts the line again, control sequences draw nothing.
fn plain(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes).replace("\r\n", "\n");
    let lines = text.split('\n').map(|line| drawn(line.rsplit('\r').next().unwrap_or(line)));
    lines.collect::<Vec<_>>().join("\n")
}

fn drawn(line: &str) -> String {
    let mut out = String::new();
    let mut pieces = line.split("\x1b[");
    out += pieces.next().unwrap_or("");
    for piece in pieces {
        out += piece.trim_start_matches(|c: char| !c.is_ascii_alphabetic()).get(1..).unwrap_or("");
    }
    out
}

/// A text without what the clock decides: decimals, numbers with a unit of time or speed, and the blanks before
/// them. Two texts that settle to the same say the same.
pub fn settled(text: &str) -> String {
    text.lines().map(|line| settled_line(line) + "\n").collect()
}

const UNITS: [&str; 11] = ["ns", "us", "µs", "ms", "s", "B/s", "KiB/s", "MiB/s", "GiB/s", "秒", "毫秒"];

fn settled_line(line: &str) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let number = |c: char| c.is_ascii_digit() || c == '.' || c == ',';
        let len = rest[start..].find(|c| !number(c)).unwrap_or(rest.len() - start);
        let digits = rest[start..start + len].trim_end_matches(['.', ',']);
        let (before, after) = (&rest[..start], &rest[start + digits.len()..]);
        let unit = after.trim_start_matches(' ');
        let word = unit.find(|c: char| !c.is_alphanumeric() && c != '/').map_or(unit, |end| &unit[..end]);
        let timed = digits.matches('.').count() == 1 || UNITS.contains(&word);
        out += if timed { before.trim_end() } else { before };
        out += if timed { " #" } else { digits };
        rest = if timed && UNITS.contains(&word) { &unit[word.len()..] } else { after };
    }
    out + rest
}
