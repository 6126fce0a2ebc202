//! Which programs may run, and how a client's line becomes one of them. A client names a program; where it lies on
//! this machine, and whether it may run, is decided here.

use crate::programs::answers::Outputs;
use crate::programs::trouble::Trouble;
use crate::say;
use crate::text::{Lang, Text, excerpt};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

/// With which arguments a program may run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Arguments {
    /// Any: they do no harm, or the owner of the server meant it so.
    Any,
    /// None: with some it would set the clock, name the host, or print a file.
    None,
}

/// What runs without being asked for: programs that show something and change nothing.
#[cfg(unix)]
const USUAL: [(&str, Arguments); 7] = [
    ("echo", Arguments::Any),
    ("pwd", Arguments::Any),
    ("uname", Arguments::Any),
    ("whoami", Arguments::None),
    // date -s sets the clock, date -f prints a file; hostname NAME renames the host; ls / looks everywhere.
    ("date", Arguments::None),
    ("hostname", Arguments::None),
    ("ls", Arguments::None),
];
#[cfg(not(unix))]
const USUAL: [(&str, Arguments); 3] =
    // ipconfig /release takes the network down.
    [("hostname", Arguments::None), ("whoami", Arguments::None), ("ipconfig", Arguments::None)];

/// The variables that a command gets; the server's others may hold secrets.
#[cfg(unix)]
const ENVIRONMENT: [&str; 11] =
    ["PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "LC_CTYPE", "LC_MESSAGES", "LC_TIME", "TZ", "TMPDIR"];
#[cfg(not(unix))]
const ENVIRONMENT: [&str; 9] =
    ["PATH", "PATHEXT", "SystemRoot", "SystemDrive", "windir", "ComSpec", "TEMP", "TMP", "USERPROFILE"];

/// A program that may run.
#[derive(Clone, Debug)]
struct AllowedProgram {
    /// The word by which a client calls it.
    word: String,
    /// Where it is.
    path: PathBuf,
    arguments: Arguments,
}

/// What may run.
#[derive(Clone, Debug)]
pub struct Allowed {
    entries: Vec<AllowedProgram>,
    shell: bool,
}

/// Why a line is not run. The server's log and its answer say it in the server's language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal(pub Text);

/// What this server says among a command's own words.
pub fn remark(text: &Text, lang: Lang) -> String {
    format!("stickdemo: {}\n", text.to(lang))
}

impl Refusal {
    /// The program could not be started.
    pub fn start(error: &io::Error) -> Refusal {
        let why = excerpt(&error.to_string());
        Refusal(say!("it cannot be started: {why}", "无法启动：{why}"))
    }

    /// As if the command had printed it.
    pub fn outputs(&self, lang: Lang) -> Outputs {
        Outputs { stderr: remark(&self.0, lang).into_bytes(), stdout: Vec::new() }
    }

    /// For the server's log.
    pub fn log(&self, line: &str) -> Text {
        // The client's words may hold braces: they are no place to fill in.
        let Text { en, zh } = &self.0;
        match line {
            "" => say!("refused: {en}", "拒绝：{zh}"),
            _ => say!("refused: {line}: {en}", "拒绝：{line}：{zh}"),
        }
    }
}

impl Allowed {
    /// The usual programs, as far as this machine has them, and those that were named: a bare name is looked for on
    /// PATH, an absolute path means that file and no other.
    ///
    /// # Errors
    /// When a program that was named is not there.
    pub fn new(named: &[String], shell: bool) -> Result<Allowed, Trouble> {
        let mut entries = Vec::new();
        for word in named {
            let path = locate(word).map_err(|Text { en, zh }| {
                let word = excerpt(word);
                let text = say!("--allow {word}: {en}", "--allow {word}：{zh}");
                Trouble { exit: crate::exit::Exit::Usage, ..Trouble::local(text) }
            })?;
            entries.push(AllowedProgram { word: word.clone(), path, arguments: Arguments::Any });
        }
        for (word, arguments) in USUAL {
            let named = entries.iter().any(|entry| same(&entry.word, word));
            if let (false, Ok(path)) = (named, locate(word)) {
                entries.push(AllowedProgram { word: word.to_owned(), path, arguments });
            }
        }
        Ok(Allowed { entries, shell })
    }

    /// The words that may be called, for the reader.
    fn words(&self) -> String {
        self.entries.iter().map(|entry| entry.word.as_str()).collect::<Vec<_>>().join(", ")
    }

    /// A line that runs here, for whoever tries it: the documents' `echo hello`, or what there is.
    pub fn example(&self) -> &str {
        let echo = self.shell || self.entries.iter().any(|entry| same(&entry.word, "echo"));
        let alone = self.entries.iter().find(|entry| entry.arguments == Arguments::None);
        alone.filter(|_| !echo).map_or("echo hello", |entry| &entry.word)
    }

    /// What may run, for whoever starts the server.
    pub fn described(&self) -> Text {
        let words = self.words();
        match self.shell {
            true => Text::new("what may run: whatever a shell takes", "允许执行：shell 接受的任何内容"),
            false => say!("what may run: {words}", "允许执行：{words}"),
        }
    }

    /// The process that a client's line asks for.
    ///
    /// # Errors
    /// Why it does not run.
    pub fn command(&self, line: &[u8]) -> Result<Command, Refusal> {
        let refuse = |why: Text| Err(Refusal(why));
        let Ok(line) = std::str::from_utf8(line) else {
            return refuse(Text::new("the command is not UTF-8", "命令不是 UTF-8"));
        };
        if line.contains('\0') {
            return refuse(Text::new("the command holds a zero byte", "命令含有零字节"));
        }
        if line.trim().contains(['\n', '\r']) || line.contains(" HTTP/1.") {
            return refuse(Text::new(
                "a command is one line, and no request of a browser",
                "命令只有一行，也不是浏览器的请求",
            ));
        }
        let empty = || Refusal(Text::new("the command is empty", "命令是空的"));
        if line.trim().is_empty() {
            return Err(empty());
        }
        if self.shell {
            return Ok(surrounded(shell(line)));
        }
        let Some(words) = shlex::split(line) else {
            return refuse(Text::new("a quotation mark or a backslash has no end", "引号没有配对，或末尾是反斜杠"));
        };
        let Some((word, arguments)) = words.split_first() else {
            return Err(empty());
        };
        let Some(entry) = self.entries.iter().find(|entry| same(&entry.word, word)) else {
            let (word, words) = (excerpt(word), self.words());
            return refuse(say!(
                "{word} is not on the list of what may run here: {words}",
                "{word} 不在允许执行的列表里：{words}"
            ));
        };
        if entry.arguments == Arguments::None && !arguments.is_empty() {
            let word = &entry.word;
            return refuse(say!(
                "{word} runs without arguments here (serve commands --allow {word} lifts that)",
                "{word} 在这里不能带参数（serve commands --allow {word} 可以放开）"
            ));
        }
        let mut command = Command::new(&entry.path);
        called(&mut command, word);
        command.args(arguments);
        Ok(surrounded(command))
    }
}

/// A program's messages begin with the name by which it was called.
fn called(command: &mut Command, word: &str) {
    #[cfg(unix)]
    std::os::unix::process::CommandExt::arg0(command, word);
    #[cfg(not(unix))]
    let _ = (command, word);
}

/// The same process with little of this one's environment.
fn surrounded(mut command: Command) -> Command {
    command.env_clear();
    command.envs(ENVIRONMENT.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
    command
}

#[cfg(unix)]
fn shell(line: &str) -> Command {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", line]);
    command
}

#[cfg(windows)]
fn shell(line: &str) -> Command {
    use std::os::windows::process::CommandExt;
    let mut command = Command::new("cmd");
    // As it is: cmd has rules of its own for quotation marks.
    command.raw_arg("/D /C").raw_arg(line);
    command
}

/// File names differ in case only where the system says so.
fn same(a: &str, b: &str) -> bool {
    if cfg!(windows) { a.eq_ignore_ascii_case(b) } else { a == b }
}

/// Where a program lies.
fn locate(word: &str) -> Result<PathBuf, Text> {
    let path = Path::new(word);
    if path.is_absolute() {
        return match runnable(path) {
            true => Ok(path.to_owned()),
            false => Err(Text::new("no program is there", "那里没有程序")),
        };
    }
    if word.is_empty() || path.components().count() != 1 || word.contains(['/', '\\']) {
        return Err(Text::new(
            "a bare name (found on PATH) or an absolute path, please",
            "请给出程序名（在 PATH 中查找）或绝对路径",
        ));
    }
    // A relative entry of PATH would mean another program in each directory.
    let folders: Vec<PathBuf> = std::env::var_os("PATH")
        .map(|path| std::env::split_paths(&path).filter(|folder| folder.is_absolute()).collect())
        .unwrap_or_default();
    let found = folders.iter().flat_map(|folder| spellings(folder, word)).find(|path| runnable(path));
    found.ok_or_else(|| Text::new("no such program on PATH", "PATH 中没有这个程序"))
}

/// The files that a name may mean in a folder.
fn spellings(folder: &Path, word: &str) -> Vec<PathBuf> {
    let plain = folder.join(word);
    if cfg!(windows) {
        let with = |end: &str| folder.join(format!("{word}.{end}"));
        vec![plain, with("exe"), with("com")]
    } else {
        vec![plain]
    }
}

#[cfg(unix)]
fn runnable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
}

/// Batch files are left out: cmd reads their arguments by rules that no quoting satisfies.
#[cfg(not(unix))]
fn runnable(path: &Path) -> bool {
    let ends =
        |end: &str| path.extension().and_then(std::ffi::OsStr::to_str).is_some_and(|e| e.eq_ignore_ascii_case(end));
    path.is_file() && (ends("exe") || ends("com"))
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::ffi::OsStr;

    fn said(allowed: &Allowed, line: &[u8]) -> String {
        allowed.command(line).err().map(|refusal| refusal.0.en.into_owned()).unwrap_or_default()
    }

    #[test]
    fn the_list_decides_and_the_client_names_no_place() {
        let allowed = Allowed::new(&[], false).expect("the usual programs");
        assert!(allowed.words().starts_with("echo, pwd"), "{}", allowed.words());
        assert_eq!(allowed.command(b"echo a 'b c'").expect("echo runs").get_args().collect::<Vec<_>>(), ["a", "b c"]);
        for line in ["sh -c id", "/bin/echo a", "./echo a", "../bin/echo", "ECHO a", "env", "$SHELL", "`id`"] {
            assert!(said(&allowed, line.as_bytes()).contains("not on the list"), "{line}");
        }
        assert_eq!(
            said(&allowed, b"date -s 2001-01-01"),
            "date runs without arguments here (serve commands --allow date lifts that)"
        );
    }

    #[test]
    fn what_is_no_command_says_why() {
        let allowed = Allowed::new(&[], false).expect("the usual programs");
        assert_eq!(said(&allowed, b"\xff\xfe"), "the command is not UTF-8");
        assert_eq!(said(&allowed, b"echo a\0b"), "the command holds a zero byte");
        assert_eq!(said(&allowed, b"echo 'a"), "a quotation mark or a backslash has no end");
        assert_eq!(said(&allowed, b" \t "), "the command is empty");
        assert!(!said(&allowed, b"\x1b[2J").contains('\x1b'));
    }

    #[test]
    fn a_path_means_that_file_and_no_other() {
        let allowed = Allowed::new(&["/bin/sh".to_owned(), "date".to_owned()], false).expect("both are there");
        assert!(allowed.command(b"/bin/sh -c true").is_ok());
        assert!(allowed.command(b"date +%Y").is_ok(), "named, so with any arguments");
        assert!(said(&allowed, b"sh -c true").contains("not on the list"));
        for (word, why) in [
            ("no-such-program-here", "no such program on PATH"),
            ("/no/such/program", "no program is there"),
            ("/etc/passwd", "no program is there"),
            ("bin/sh", "a bare name"),
            ("", "a bare name"),
        ] {
            let trouble = Allowed::new(&[word.to_owned()], false).expect_err("refused");
            assert!(trouble.text.en.contains(why), "{}", trouble.text.en);
            assert_eq!(trouble.exit, crate::exit::Exit::Usage);
        }
    }

    #[test]
    fn commands_get_little_of_the_environment() {
        let allowed = Allowed::new(&[], false).expect("the usual programs");
        let command = allowed.command(b"pwd").expect("pwd runs");
        let names: Vec<_> = command.get_envs().filter_map(|(name, value)| value.map(|_| name)).collect();
        assert!(names.iter().all(|name| ENVIRONMENT.iter().any(|known| OsStr::new(known) == *name)), "{names:?}");
        assert!(names.contains(&OsStr::new("PATH")));
    }
}
