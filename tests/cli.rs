//! The command line under bad input and bad luck: what, why, what to do; the right exit code; no panic.

mod common;

#[cfg(target_os = "linux")]
use common::PATIENCE;
use common::{Ran, command, finished, run, spawn};
use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;
use stickdemo::cli::{Reply, Request};
#[cfg(unix)]
use stickdemo::sys::scratch::Scratch;
#[cfg(target_os = "linux")]
use stickdemo::sys::wait;

/// Refused as wrong usage, with these words, and nothing on standard output.
fn refused(args: &[&str], words: &[&str]) {
    let ran = run(args);
    assert_eq!(ran.code, Some(2), "{args:?}: {}\n{}", ran.out, ran.err);
    assert_eq!(ran.out, "", "{args:?}");
    for word in words {
        assert!(ran.err.contains(word), "{args:?} should say {word:?}:\n{}", ran.err);
    }
    no_panic(&ran);
}

fn no_panic(ran: &Ran) {
    assert!(!ran.err.contains("panicked"), "{}", ran.err);
}

#[test]
fn unknown_names_suggest_the_nearest() {
    refused(&["tcp-niave"], &["tcp-niave", "did you mean tcp-naive"]);
    refused(&["truncate"], &["did you mean udp-truncate"]);
    refused(&["qqqq"], &["stickdemo list"]);
    refused(&["tcp-naive", "--recv-sise", "5"], &["--recv-sise", "--recv-size"]);
    refused(&["tcp-niave", "--lang", "zh"], &["没有名为 tcp-niave", "tcp-naive"]);
}

/// What people type who do not know the names: the complaint has the command to type, and that command is one.
#[test]
fn whatever_is_typed_leads_to_a_command() {
    let words = [
        ("demo", "tcp-naive"),
        ("sticky", "tcp-naive"),
        ("粘包", "tcp-naive"),
        ("tcp粘包问题", "tcp-naive"),
        ("Sticky_Packet", "tcp-naive"),
        ("udp", "udp-boundaries"),
        ("半包", "tcp-short-recv"),
        ("EADDRINUSE", "tcp-reuseaddr"),
        ("econnreset", "tcp-close"),
        ("40ms", "tcp-stall"),
        ("delayed ack", "tcp-stall"),
        ("struct", "fix-header"),
        ("ls", "list"),
        ("diagnose", "doctor"),
        ("strace", "watch --help"),
        ("fuzz", "check --help"),
        ("benchmark", "cost"),
        ("server", "serve upper"),
        ("upload", "put --help"),
        ("wireshark", "tcp-naive --link --pcap FILE"),
    ];
    for (word, line) in words {
        refused(&[word], &[word, &format!("; try stickdemo {line}\n")]);
        refused(&[word, "--lang", "zh"], &[word, &format!("；试试 stickdemo {line}\n")]);
        let parsed = parse(line);
        assert!(matches!(parsed, Ok(_) | Err(Reply::Told(_))), "{line}: {:?}", parsed.err());
    }
    for (word, name) in [("nagle", "tcp-nagle"), ("header", "fix-header"), ("doktor", "doctor"), ("naive", "tcp-naive")]
    {
        refused(&[word], &[&format!("; did you mean {name}?")]);
    }
    refused(&["--list"], &["list is a command: stickdemo list"]);
    refused(&["--list", "--lang", "zh"], &["list 是命令：stickdemo list"]);
    refused(&["tcp-naive", "--doctor"], &["doctor is a command: stickdemo doctor"]);
}

fn parse(line: &str) -> Result<Request, Reply> {
    let words = std::iter::once("stickdemo").chain(line.split_whitespace());
    stickdemo::commands::parse(words.map(Into::into).collect(), stickdemo::text::Lang::En)
}

#[test]
fn options_of_other_tools_lead_to_those_of_the_command() {
    refused(&["tcp-naive", "--json"], &["no option --json; did you mean --format json?"]);
    refused(&["list", "-o", "x"], &["did you mean --out FILE?"]);
    refused(&["tcp-naive", "-n", "5"], &["did you mean --repeat N?"]);
    refused(&["tcp-naive", "--loss", "10%"], &["did you mean --link SPEC?"]);
    refused(&["serve", "upper", "--port", "9000"], &["did you mean --listen ADDR?"]);
    let ran = run(&["list", "-n", "5"]);
    assert!(!ran.err.contains("--repeat"), "list does not repeat: {}", ran.err);
}

#[test]
fn run_and_help_before_a_name_are_understood() {
    assert_eq!(run(&["run", "tcp-naive", "--stable"]).out, run(&["tcp-naive", "--stable"]).out);
    assert_eq!(run(&["help", "tcp-naive"]).out, run(&["tcp-naive", "--help"]).out);
    assert_eq!(run(&["--lang", "zh", "help"]).out, run(&["--help", "--lang", "zh"]).out);
    refused(&["run"], &["; try stickdemo tcp-naive\n"]);
    refused(&["run", "tcp-niave"], &["did you mean tcp-naive?"]);
    refused(&["help", "tcp-niave"], &["did you mean tcp-naive?"]);
}

/// Where help is said to be, it is: for the command that was called.
#[test]
fn a_complaint_names_the_help_of_its_command() {
    refused(&["tcp-empty", "--gap", "20ms"], &["\nstickdemo tcp-empty --help shows what it takes.\n"]);
    refused(&["serve", "files"], &["\nstickdemo serve files --help shows what it takes.\n"]);
    refused(&["serve", "fils"], &["\nstickdemo serve --help shows"]);
    refused(&["nothing-like-it"], &["\nstickdemo --help shows what there is.\n"]);
}

#[test]
fn options_that_make_no_sense_are_refused_not_ignored() {
    refused(&["tcp-short-recv", "--gap", "20ms"], &["--gap would change nothing in tcp-short-recv", "--recv-size"]);
    refused(&["udp-truncate", "--nodelay", "on"], &["--nodelay would change nothing"]);
    refused(&["tcp-naive", "--repeat", "3", "--step"], &["--step"]);
    refused(&["tcp-naive", "--format", "json", "--step"], &["--step"]);
    refused(&["doctor", "--format", "mermaid"], &["doctor has no output in that format"]);
    refused(&["tcp-naive", "--control", "--as", "server"], &["--control"]);
    refused(&["tcp-reuseaddr", "--as", "server"], &["tcp-reuseaddr", "both ends"]);
    refused(&["udp-no-server", "--as", "server"], &["udp-no-server"]);
}

#[test]
fn values_are_checked_with_their_form_shown() {
    refused(&["tcp-naive", "--recv-size", "0"], &["recv(0)", "1 or more"]);
    refused(&["tcp-naive", "--recv-size", "many"], &["--recv-size", "4KiB"]);
    refused(&["tcp-naive", "--recv-size", "1GiB"], &["64 MiB"]);
    refused(&["tcp-naive", "--rcvbuf", "4GiB"], &["--rcvbuf", "2147483647"]);
    refused(&["tcp-naive", "--rcvbuf=-1"], &["--rcvbuf"]);
    refused(&["tcp-naive", "--nodelay", "maybe"], &["maybe", "on, off"]);
    refused(&["tcp-naive", "--nodelay"], &["--nodelay", "needs a value"]);
    refused(&["tcp-naive", "--repeat", "0"], &["--repeat 0", "whole number"]);
    refused(&["fix-sleep", "--gap", "soon"], &["--gap", "20ms or 1.5s"]);
    refused(&["tcp-naive", "--format", "xml"], &["xml", "json"]);
    refused(&["tcp-naive", "--recv-size", "-5"], &["-5", "negative"]);
    refused(&["tcp-naive", "again"], &["again", "unexpected argument"]);
    refused(&["tcp-naive", "--connect", "127.0.0.1:0"], &["port 0"]);
    refused(&["--format", "json"], &["nothing to run", "stickdemo list"]);
    refused(&["--lang", "zh"], &["没有指明"]);
    refused(&["tcp-naive", "--out", ""], &["--out", "needs a value\n"]);
    refused(&["completions", "tcsh"], &["tcsh", "bash"]);
    refused(&["completions"], &["missing"]);
    refused(&["tcp-naive", "--recv-size", "5", "--recv-size", "6"], &["--recv-size"]);
}

#[test]
fn addresses_are_checked() {
    refused(&["tcp-naive", "--as", "client"], &["--connect"]);
    refused(&["tcp-naive", "--listen", "1", "--connect", "2"], &["--listen", "--connect"]);
    refused(&["tcp-naive", "--as", "client", "--listen", "9000"], &["does not listen"]);
    refused(&["tcp-naive", "--listen", "::1"], &["[::1]:9000"]);
    refused(&["tcp-naive", "--listen", "127.0.0.1:70000"], &["127.0.0.1:9000"]);
}

#[test]
fn sizes_the_kernel_changes_are_shown_as_they_are() {
    let ran = run(&["tcp-naive", "--rcvbuf", "1GiB", "--full"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    if cfg!(target_os = "linux") {
        assert!(ran.out.contains("SO_RCVBUF 1,073,741,824 -> "), "{}", ran.out);
    }
}

#[cfg(unix)]
#[test]
fn a_port_that_needs_privilege_says_so() {
    // Only an ordinary user is refused, so a test as root runs the binary as another user.
    // SAFETY: geteuid has no preconditions.
    let root = unsafe { libc::geteuid() } == 0;
    let args = ["tcp-naive", "--as", "server", "--listen", "127.0.0.1:1", "--timeout", "100ms"];
    let ran = if root {
        use std::os::unix::fs::PermissionsExt;
        use std::os::unix::process::CommandExt;
        // The binary may lie below a folder that only root enters.
        let folder = stickdemo::sys::scratch::Scratch::folder("user").expect("a folder");
        std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).expect("open to all");
        let copy = folder.path().join("stickdemo");
        // By another process: a child that another test starts meanwhile would hold it open for writing.
        let copied = std::process::Command::new("cp").arg(common::BINARY).arg(&copy).status();
        assert!(copied.is_ok_and(|status| status.success()), "a copy");
        let mut command = std::process::Command::new(&copy);
        command.args(args).env_remove("LANG").env_remove("LC_ALL").env_remove("STICKDEMO_LANG").uid(65534);
        finished(spawn(&mut command))
    } else {
        run(&args)
    };
    assert_eq!(ran.code, Some(3), "{}\n{}", ran.out, ran.err);
    let first_free = std::fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start");
    if first_free.is_ok_and(|port| port.trim().parse::<u16>().is_ok_and(|port| port <= 1)) {
        assert!(ran.err.contains("listening on 127.0.0.1:1"), "this system gives the port to anyone: {}", ran.err);
        return;
    }
    assert!(ran.err.contains("EACCES") && ran.err.contains("1024"), "{}", ran.err);
    no_panic(&ran);
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    for args in [&["list"][..], &["all"], &["tcp-naive", "--repeat", "300", "--format", "json"], &["--help"], &["man"]]
    {
        let mut child = spawn(&mut command(args));
        let mut first = String::new();
        BufReader::with_capacity(16, child.stdout.take().expect("stdout")).read_line(&mut first).expect("a line");
        let mut err = String::new();
        std::io::Read::read_to_string(&mut child.stderr.take().expect("stderr"), &mut err).expect("text");
        let status = child.wait().expect("a status");
        assert_eq!(status.code(), Some(0), "{args:?}: {err}");
        assert_eq!(err, "", "{args:?}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_said() {
    for args in [&["tcp-naive"][..], &["list"], &["tcp-naive", "--format", "json"], &["--help"]] {
        let full = std::fs::File::options().write(true).open("/dev/full").expect("/dev/full");
        let child = command(args).stdout(Stdio::from(full)).stderr(Stdio::piped()).spawn().expect("starts");
        let output = child.wait_with_output().expect("ends");
        let err = String::from_utf8(output.stderr).expect("text");
        assert_eq!(output.status.code(), Some(3), "{args:?}: {err}");
        assert!(err.contains("cannot write the output"), "{args:?}: {err}");
    }
}

#[cfg(unix)]
#[test]
fn a_machine_that_cannot_says_so_at_once() {
    let limited = |args: &[&str], limit: &'static str| {
        let mut shell = std::process::Command::new("sh");
        shell.args(["-c", &format!("{limit}; exec \"$0\" \"$@\""), common::BINARY]).args(args);
        finished(spawn(shell.env("STICKDEMO_LANG", "en").stdin(Stdio::null())))
    };
    for id in ["udp-chat", "fix-concurrent"] {
        let began = std::time::Instant::now();
        let ran = limited(&[id], "ulimit -n 5");
        assert_eq!(ran.code, Some(3), "{id}: {}", ran.err);
        assert!(ran.err.contains("EMFILE") && ran.err.contains("ulimit -n"), "{id}: {}", ran.err);
        assert!(began.elapsed().as_secs() < 5, "{id} waits for an end that has failed");
    }
    let ran = limited(&["fix-file"], "export TMPDIR=/nonexistent");
    assert_eq!(ran.code, Some(3), "{}", ran.err);
    assert!(ran.out.contains("/nonexistent") && ran.out.contains("TMPDIR"), "{}", ran.out);
}

#[test]
fn an_output_file_is_whole_or_not_there() {
    let folder = std::env::temp_dir().join(format!("stickdemo 输出 {}", std::process::id()));
    std::fs::create_dir(&folder).expect("a folder");
    let file = folder.join("跟踪 trace.txt");
    let name = file.to_str().expect("UTF-8");
    let ran = run(&["tcp-naive", "--stable", "--out", name]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), ""), "{}", ran.err);
    let text = std::fs::read_to_string(&file).expect("the file");
    assert_eq!(text, run(&["tcp-naive", "--stable"]).out);
    let missing = folder.join("no such folder").join("x");
    let ran = run(&["tcp-naive", "--out", missing.to_str().expect("UTF-8")]);
    assert_eq!(ran.code, Some(3), "{}", ran.err);
    assert!(ran.err.contains("no such folder"), "{}", ran.err);
    let ran = run(&["list", "--out", folder.to_str().expect("UTF-8")]);
    assert_eq!(ran.code, Some(3), "{}", ran.err);
    let left = std::fs::read_dir(&folder).expect("the folder").count();
    std::fs::remove_dir_all(&folder).expect("removed");
    assert_eq!(left, 1, "only the finished file is there");
}

#[cfg(unix)]
#[test]
fn an_output_file_takes_the_place_of_no_device_and_no_link() {
    use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};
    let folder = std::env::temp_dir().join(format!("stickdemo-special-{}", std::process::id()));
    std::fs::create_dir(&folder).expect("a folder");
    // A pipe of our own stands for /dev/null, which a failing test run as root would take away.
    let pipe = folder.join("pipe");
    let path = std::ffi::CString::new(pipe.to_str().expect("UTF-8")).expect("no NUL");
    // SAFETY: the path is a C string that lives until the call returns.
    assert_eq!(unsafe { libc::mkfifo(path.as_ptr(), 0o600) }, 0);
    let mut reader = std::fs::File::options().read(true).write(true).open(&pipe).expect("both ends");
    let ran = run(&["tcp-naive", "--stable", "--out", pipe.to_str().expect("UTF-8")]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert!(std::fs::metadata(&pipe).expect("it").file_type().is_fifo(), "it is still a pipe");
    let mut first = [0; 9];
    std::io::Read::read_exact(&mut reader, &mut first).expect("the trace");
    assert_eq!(&first, b"tcp-naive");
    let (file, link) = (folder.join("file"), folder.join("link"));
    std::fs::write(&file, "old").expect("a file");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).expect("for its owner alone");
    symlink(&file, &link).expect("a link");
    let ran = run(&["list", "--out", link.to_str().expect("UTF-8")]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let text = std::fs::read_to_string(&file).expect("the file");
    let mode = std::fs::metadata(&file).expect("it").permissions().mode();
    let is_link = std::fs::symlink_metadata(&link).expect("it").is_symlink();
    std::fs::remove_dir_all(&folder).expect("removed");
    assert!(is_link && text.contains("tcp-naive"), "{text}");
    assert_eq!(mode & 0o777, 0o600);
}

/// It is spelt as an address is: what fails is this machine, or its network.
#[test]
fn a_name_that_does_not_resolve_is_no_wrong_usage() {
    for args in [&["tcp-naive", "--as", "client", "--connect"][..], &["exec"], &["serve", "upper", "--listen"]] {
        let ran = run(&[args, &["no-such-host.invalid:9000"]].concat());
        assert_eq!((ran.code, ran.out.as_str()), (Some(3), ""), "{args:?}: {ran}");
        assert!(ran.err.starts_with("error: the name no-such-host.invalid does not resolve: "), "{ran}");
    }
}

/// As a shell's `>` does: through links, to names of any length, and not to what may not be written.
#[cfg(unix)]
#[test]
fn an_output_file_goes_where_a_shell_would_write_it() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let folder = Scratch::folder("cli").expect("a folder");
    let at = |name: &str| folder.path().join(name);
    let listed = |name: &str| run(&["list", "--out", at(name).to_str().expect("UTF-8")]);
    let long = "x".repeat(255);
    symlink("nowhere", at("dangling")).expect("a link");
    symlink("dangling", at("twice")).expect("a link");
    symlink("loop", at("loop")).expect("a link");
    std::fs::write(at("acts"), "old").expect("a file");
    std::fs::set_permissions(at("acts"), std::fs::Permissions::from_mode(0o4755)).expect("set-user-ID");
    for name in ["twice", "acts", &long] {
        let ran = listed(name);
        assert_eq!(ran.code, Some(0), "{name}: {ran}");
        assert!(std::fs::read_to_string(at(name)).expect("a file").contains("tcp-naive"), "{name}");
    }
    assert!(std::fs::symlink_metadata(at("twice")).expect("it").is_symlink() && at("nowhere").is_file());
    assert_eq!(std::fs::metadata(at("acts")).expect("it").permissions().mode() & 0o7777, 0o755);
    let ran = listed("loop");
    assert_eq!((ran.code, std::fs::symlink_metadata(at("loop")).expect("it").is_symlink()), (Some(3), true), "{ran}");
    std::fs::write(at("locked"), "old").expect("a file");
    std::fs::set_permissions(at("locked"), std::fs::Permissions::from_mode(0o444)).expect("read-only");
    // Root writes to it all the same, in a shell too.
    if std::fs::File::options().write(true).open(at("locked")).is_err() {
        assert_eq!(listed("locked").code, Some(3));
        assert_eq!(std::fs::read(at("locked")).expect("a file"), b"old");
    }
    let left = std::fs::read_dir(folder.path()).expect("a folder").flatten();
    assert!(left.into_iter().all(|entry| !entry.file_name().to_string_lossy().starts_with(".stickdemo-")));
}

/// A run that is killed leaves no half of its output, under no name.
#[cfg(target_os = "linux")]
#[test]
fn a_killed_run_leaves_nothing_beside_its_output() {
    let folder = Scratch::folder("cli").expect("a folder");
    let out = folder.path().join("trace");
    let mut child = spawn(&mut command(&["tcp-naive", "--repeat", "100000", "--out", out.to_str().expect("UTF-8")]));
    let opened = || {
        std::fs::read_dir(format!("/proc/{}/fd", child.id())).is_ok_and(|fds| {
            fds.flatten().any(|fd| std::fs::read_link(fd.path()).is_ok_and(|to| to.starts_with(folder.path())))
        })
    };
    assert!(wait::until(PATIENCE, opened), "it has begun");
    child.kill().expect("killed");
    child.wait().expect("its end");
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 0);
}

#[test]
fn colour_follows_flag_then_environment_then_terminal() {
    let colored = |text: &str| text.contains('\u{1b}');
    assert!(!colored(&run(&["tcp-naive"]).out), "a pipe has no colour");
    assert!(colored(&run(&["tcp-naive", "--color", "always"]).out));
    let with = |args: &[&str], env: &[(&str, &str)]| {
        let mut command = command(args);
        command.envs(env.iter().copied());
        finished(spawn(&mut command)).out
    };
    assert!(colored(&with(&["tcp-naive"], &[("CLICOLOR_FORCE", "1")])));
    assert!(!colored(&with(&["tcp-naive"], &[("CLICOLOR_FORCE", "0")])));
    assert!(!colored(&with(&["tcp-naive"], &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")])));
    assert!(colored(&with(&["tcp-naive"], &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "")])));
    assert!(colored(&with(&["tcp-naive", "--color", "always"], &[("NO_COLOR", "1"), ("TERM", "dumb")])));
}

#[test]
fn language_follows_flag_then_environment() {
    let with = |args: &[&str], env: &[(&str, &str)]| {
        let mut command = command(args);
        command.envs(env.iter().copied());
        finished(spawn(&mut command)).out
    };
    let chinese = |text: &str| text.contains("论断");
    assert!(!chinese(&with(&["tcp-naive"], &[])));
    assert!(chinese(&with(&["tcp-naive"], &[("LANG", "zh_CN.UTF-8")])));
    assert!(!chinese(&with(&["tcp-naive"], &[("LANG", "zh_CN.UTF-8"), ("LC_ALL", "C")])));
    assert!(chinese(&with(&["tcp-naive"], &[("STICKDEMO_LANG", "zh"), ("LC_ALL", "C")])));
    assert!(!chinese(&with(&["tcp-naive", "--lang", "en"], &[("STICKDEMO_LANG", "zh")])));
}

#[test]
fn every_table_and_help_page_speaks_both_languages() {
    let pages: [(&[&str], &str, &str); 7] = [
        (&["--help"], "Usage:", "用法"),
        (&["list"], "TCP is a stream", "字节流"),
        (&["doctor"], "loopback IPv4", "回环 IPv4"),
        (&["tcp-naive", "--help"], "Control experiment", "对照实验"),
        (&["all", "--help"], "run N times", "运行 N 次"),
        (&["serve", "--help"], "Services:", "服务"),
        (&["put", "--help"], "Arguments:", "参数"),
    ];
    for (args, english, chinese) in pages {
        for (lang, word, other) in [("en", english, chinese), ("zh", chinese, english)] {
            let ran = run(&[args, &["--lang", lang]].concat());
            assert_eq!(ran.code, Some(0), "{args:?}: {}", ran.err);
            assert!(ran.out.contains(word) && !ran.out.contains(other), "{args:?} --lang {lang}:\n{}", ran.out);
        }
    }
}

#[cfg(unix)]
#[test]
fn arguments_that_are_not_utf8_are_refused() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    for args in [[b"tcp-naive".as_slice(), b"--recv-size", b"\xff"], [b"\xff\xfe", b"--lang", b"en"]] {
        let mut command = command(&[]);
        command.args(args.iter().map(|a| OsStr::from_bytes(a)));
        let ran = finished(spawn(&mut command));
        assert_eq!(ran.code, Some(2), "{}", ran.err);
        no_panic(&ran);
    }
}

#[test]
fn nothing_at_all_shows_the_help_as_wrong_usage() {
    let ran = run(&[]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.err.contains("Usage:") && ran.err.contains("tcp-naive"), "{}", ran.err);
}

#[test]
fn step_waits_for_a_key_before_each_event_and_keeps_the_answer_back() {
    let mut child = command(&["tcp-naive", "--step", "--stable"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("starts");
    let mut stdin = child.stdin.take().expect("stdin");
    stdin.write_all(b"\n\n\n").expect("three lines");
    drop(stdin);
    let ran = finished(child);
    assert_eq!(ran.code, Some(0));
    assert_eq!(ran.out, run(&["tcp-naive", "--stable"]).out, "the text is the same, only slower");
    assert!(ran.err.matches("-- Space").count() >= 4, "{}", ran.err);
}

fn stepped(args: &[&str], keys: &str) -> common::Ran {
    let mut command = command(args);
    let pipes = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = pipes.spawn().expect("starts");
    child.stdin.take().expect("stdin").write_all(keys.as_bytes()).expect("keys");
    finished(child)
}

#[test]
fn a_step_can_be_a_part_and_the_rest_can_be_left_or_told_at_once() {
    let ended = stepped(&["tcp-naive", "--step"], "\nq\n");
    assert!(ended.code == Some(0) && ended.out.contains("[hello]") && !ended.out.contains("[feng]"), "{}", ended.out);
    let whole = stepped(&["tcp-naive", "--step"], "c\n");
    assert_eq!(whole.out, run(&["tcp-naive"]).out);
    let half = stepped(&["tcp-nagle", "--step"], "a\nq\n");
    assert!(half.out.contains("algorithm is on") && !half.out.contains("algorithm is off"), "{}", half.out);
    // The whole trace, too, says first only what is asked.
    let full = stepped(&["tcp-naive", "--step", "--full"], "\nq\n");
    assert!(full.out.contains("what does it return?") && !full.out.contains("no message boundaries"), "{}", full.out);
}

#[test]
fn completions_and_man_page_come_from_the_same_definition() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let ran = run(&["completions", shell]);
        assert_eq!(ran.code, Some(0), "{shell}");
        assert!(ran.out.contains("udp-truncate") && ran.out.contains("recv-size"), "{shell}");
    }
    for lang in ["en", "zh"] {
        let script = run(&["completions", "powershell", "--lang", lang]).out;
        assert!(script.is_ascii() && !script.contains("()'"), "in every code page the same");
    }
    let ran = run(&["man"]);
    assert!(ran.out.starts_with(".ie") || ran.out.contains(".TH stickdemo"), "{}", &ran.out[..80]);
    for word in [
        "tcp\\-naive",
        "recv\\-size",
        "EXIT STATUS",
        "NO_COLOR",
        "serve commands",
        "allow\\-remote",
        "where to store it",
    ] {
        assert!(ran.out.contains(word), "the man page says {word}");
    }
}

#[test]
fn doctor_says_what_this_machine_can_show() {
    let ran = run(&["doctor", "--format", "json"]);
    let value: serde_json::Value = serde_json::from_str(&ran.out).expect("JSON");
    let loopback = value["loopback_v4"]["ok"] == true || value["loopback_v6"]["ok"] == true;
    assert_eq!(ran.code, Some(if loopback { 0 } else { 3 }));
    assert_eq!(value["tcp_segments"]["ok"], cfg!(any(target_os = "linux", target_os = "macos")));
    assert!(value["smallest_buffers"]["value"]["rcvbuf"].as_u64().expect("a size") > 0);
}

#[test]
fn the_programs_options_are_checked_before_anything_listens_or_connects() {
    refused(&["serve"], &["Services:", "files"]);
    refused(&["serve", "fils"], &["did you mean files"]);
    refused(&["serve", "files"], &["--root"]);
    refused(&["serve", "upper", "--out", "log"], &["no end", "redirect"]);
    refused(&["serve", "upper", "--udp", "--connections", "5"], &["--connections would change nothing with --udp"]);
    refused(&["serve", "upper", "--connections", "0"], &["whole number from 1"]);
    refused(&["serve", "files", "--root", ".", "--idle", "0s"], &["--idle", "more than 0"]);
    refused(&["talk", "0"], &["port 0"]);
    refused(&["talk", "9000", "--format", "mermaid"], &["a picture of calls: it needs --trace"]);
    let formats = "talk has no output in that format; it has: text, json, html, svg, mermaid";
    refused(&["talk", "9000", "--format", "tap"], &[formats]);
    refused(&["exec", "9000", "--udp", "--framing", "json"], &["each datagram is a message already"]);
    refused(&["exec", "9000", "--framing", "json", "--settle", "1s", "ls"], &["--settle would change nothing"]);
    refused(&["exec", "9000", "--framing", "xml"], &["none", "ack", "i32le", "json"]);
    refused(&["put", "9000"], &["missing"]);
    refused(&["get", "9000"], &["missing"]);
}

/// Who may run commands is decided before the first client can come.
#[test]
fn commands_stay_on_loopback_unless_it_is_meant() {
    let elsewhere = ["serve", "commands", "--listen", "0.0.0.0:0"];
    refused(&elsewhere, &["--allow-remote", "run commands"]);
    refused(&[&elsewhere[..], &["--allow-remote", "--shell"]].concat(), &["--shell on loopback only"]);
    refused(&[&elsewhere[..], &["--shell", "--lang", "zh"]].concat(), &["--shell 只能用于回环"]);
    refused(&["serve", "commands", "--shell", "--allow", "cat"], &["--allow would change nothing with --shell"]);
    refused(&["serve", "commands", "--listen", "[::ffff:10.0.0.1]:0"], &["--allow-remote"]);
}

#[test]
fn a_guess_is_asked_for_before_anything_is_shown_and_answered_from_the_events() {
    let right = stepped(&["tcp-naive", "--predict"], "y\n");
    assert!(right.err.contains("what does it return?") && right.err.contains("y or n"), "{}", right.err);
    assert!(right.out.contains("right, it is so: one recv returned both messages  (#10)"), "{}", right.out);
    let wrong = stepped(&["tcp-naive", "--predict", "--recv-size", "5"], "perhaps\ny\n");
    assert_eq!(wrong.err.matches("y or n").count(), 2, "what is neither is asked again: {}", wrong.err);
    assert!(wrong.out.contains("it is not so: one recv returned both messages"), "{}", wrong.out);
    let recorded = stepped(&["tcp-naive", "--predict", "--format", "json"], "n\n");
    assert!(recorded.out.contains("\"guess\":{\"claim\":\"one-recv-both\",\"holds\":false}"), "{}", recorded.out);
    let silent = stepped(&["tcp-naive", "--predict"], "");
    assert_eq!(silent.out, run(&["tcp-naive"]).out, "who says nothing gets the run as it is");
    refused(&["tcp-naive", "--predict", "--repeat", "3"], &["--predict"]);
}
