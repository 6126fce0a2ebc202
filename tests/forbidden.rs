//! Where the system forbids what watching needs, as containers do: exit code 3 with the reason at once, and `doctor`
//! says it; as root and as an ordinary user.
#![cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]

mod common;

use common::{BINARY, Ran, finished};
use rustix::process::geteuid;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use stickdemo::sys::scratch::Scratch;

/// The user that the tests run as, or one without privilege.
#[derive(Clone, Copy, Debug, PartialEq)]
enum User {
    Same,
    Ordinary,
}

/// A folder that every user may enter, with the binary and the subjects of these tests in it.
fn stage() -> Scratch {
    let folder = Scratch::folder("forbidden").expect("a folder");
    let mode = |mode| std::fs::Permissions::from_mode(mode);
    std::fs::set_permissions(folder.path(), mode(0o755)).expect("its permissions");
    let subjects = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/subjects");
    for (from, name) in [
        (Path::new(BINARY).to_owned(), "stickdemo"),
        (subjects.join("without.py"), "without.py"),
        (subjects.join("both_ends.py"), "both_ends.py"),
    ] {
        let to = folder.path().join(name);
        std::fs::copy(from, &to).expect("a copy");
        std::fs::set_permissions(to, mode(0o755)).expect("its permissions");
    }
    folder
}

/// The binary with these calls refused to it.
fn refused(stage: &Scratch, calls: &str, user: User, args: &[&str]) -> Ran {
    let mut words: Vec<&str> = match user {
        // Who has no privilege is an ordinary user already.
        User::Ordinary if geteuid().is_root() => {
            vec!["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "/usr/bin/python3"]
        }
        _ => vec!["python3"],
    };
    words.extend(["without.py", calls, "./stickdemo"]);
    words.extend(args);
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).current_dir(stage.path()).env_clear().env("PATH", "/usr/bin:/bin").stdin(Stdio::null());
    finished(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("started"))
}

#[test]
fn without_ptrace_nothing_is_watched_and_the_reason_is_given() {
    let stage = stage();
    for user in [User::Same, User::Ordinary] {
        for args in
            [&["watch", "--", "true"][..], &["check", "--", "true"], &["watch", "--server", "a", "--client", "b"]]
        {
            let ran = refused(&stage, "ptrace", user, args);
            assert_eq!(ran.code, Some(3), "{user:?} {args:?}\n{ran}");
            assert_eq!(ran.out, "", "{user:?} {args:?}\n{ran}");
            for words in ["ptrace: Operation not permitted", "--cap-add=SYS_PTRACE", "yama/ptrace_scope"] {
                assert!(ran.err.contains(words), "{user:?} {args:?}: {words}\n{ran}");
            }
        }
        let doctor = refused(&stage, "ptrace", user, &["doctor", "--format", "json"]);
        assert_eq!(doctor.code, Some(0), "{doctor}");
        let findings: serde_json::Value = serde_json::from_str(&doctor.out).expect("JSON");
        assert_eq!(findings["watch"]["ok"], false, "{doctor}");
        assert!(findings["watch"]["seen"].as_str().is_some_and(|seen| seen.contains("ptrace")), "{doctor}");
    }
}

/// Without a network of their own the runs share this machine's, and it says so.
#[test]
fn without_namespaces_a_check_goes_on() {
    let stage = stage();
    for user in [User::Same, User::Ordinary] {
        let ran = refused(&stage, "unshare", user, &["check", "--", "python3", "both_ends.py"]);
        assert!(ran.out.contains("all runs share this machine's ports"), "{user:?}\n{ran}");
        assert_eq!(ran.code, Some(1), "{user:?}: it takes a recv for a message\n{ran}");
    }
}

#[test]
fn an_ordinary_user_watches_and_checks() {
    let stage = stage();
    // What is refused is none of its calls.
    let watched =
        refused(&stage, "reboot", User::Ordinary, &["watch", "--quiet", "--stable", "--", "python3", "both_ends.py"]);
    assert_eq!(watched.code, Some(0), "{watched}");
    assert!(watched.out.contains("got |M1 hello|M2 feng|"), "{watched}");
    let checked = refused(&stage, "reboot", User::Ordinary, &["check", "--", "python3", "both_ends.py"]);
    assert_eq!(checked.code, Some(1), "{checked}");
    assert!(checked.out.contains("stickdemo watch --cut server:1="), "{checked}");
}
