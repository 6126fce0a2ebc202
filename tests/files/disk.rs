//! What stays on the disk when an end is killed or there is no room.

use super::*;

/// Has this process written so much to its file? What send(2) takes is not counted: proc(5).
#[cfg(target_os = "linux")]
pub(super) fn has_written(pid: u32, bytes: u64) -> bool {
    let io = fs::read_to_string(format!("/proc/{pid}/io")).unwrap_or_default();
    let written = io.lines().find_map(|line| line.strip_prefix("wchar: ")).and_then(|n| n.parse::<u64>().ok());
    written.is_some_and(|n| n >= bytes)
}

#[cfg(target_os = "linux")]
#[test]
fn a_killed_end_leaves_the_old_file_or_none_and_nothing_else() {
    let folders = Folders::new();
    let large = fs::File::create(folders.at("here/large")).expect("a file");
    large.set_len(2 << 30).expect("a sparse file");
    let large = folders.word("here/large");
    folders.write("root/large", b"old");
    fs::hard_link(folders.at("here/large"), folders.at("root/other")).expect("a file to be downloaded");
    for (killed, up) in [("client", true), ("server", true), ("client", false), ("server", false)] {
        let mut server = folders.serve(&["--overwrite"]);
        let address = server.address();
        let args = if up { ["put", &large, &address] } else { ["get", "other", &address] };
        let mut client = spawn(command(&args).current_dir(folders.at("back")));
        let receiver = if up { server.id() } else { client.id() };
        assert!(wait::until(PATIENCE, || has_written(receiver, 8 << 20)), "{killed} {up}");
        if killed == "client" {
            client.kill().expect("killed");
            server.logged("\"failed\"", 1);
            finished(client);
        } else {
            server.child.kill().expect("killed");
            let ran = finished(client);
            assert_eq!(ran.code, Some(1), "{}{}", ran.out, ran.err);
        }
        assert_eq!(fs::read(folders.at("root/large")).expect("a file"), b"old");
        assert_eq!(folders.names("root"), ["large", "other"]);
        assert!(folders.names("back").is_empty(), "{killed} {up}");
    }
}

/// Whatever the moment: what is there is whole, and what the client calls stored is there.
#[test]
fn a_server_killed_at_any_moment_leaves_whole_files_and_an_honest_client() {
    let folders = Folders::new();
    let mut files = samples(&folders);
    files.push(("more", folders.write("here/more", &noise(3_000_000))));
    // Of an empty file a server may have read everything before its first word: nothing tells it from a document's.
    files.rotate_left(1);
    for moment in 0..24 {
        let mut server = folders.serve(&[]);
        let address = server.address();
        let client = spawn(&mut command(&put(&files, &address)));
        // The moment is the matter, not what has happened by then.
        wait::pause(Duration::from_millis(moment * 5));
        server.child.kill().expect("killed");
        let ran = finished(client);
        // Where a file without a name is not to be had, what was half there lies hidden until the next start.
        let (hidden, there): (Vec<_>, Vec<_>) = folders.names("root").into_iter().partition(|n| n.starts_with('.'));
        assert!(hidden.len() <= 1, "what the server before left is gone: {hidden:?}");
        for name in &there {
            folders.same(&format!("here/{name}"), &format!("root/{name}"));
        }
        let stored = ran.out.matches("  stored").count();
        assert!(stored <= there.len() && !ran.out.contains("sent"), "{}", ran.out);
        let whole = ran.code == Some(0);
        assert!(whole == (stored == files.len()) && (whole || matches!(ran.code, Some(1 | 3))), "{}", ran.out);
        for name in there {
            fs::remove_file(folders.at(&format!("root/{name}"))).expect("removed");
        }
    }
    drop(folders.serve(&[]));
    assert_eq!(folders.names("root"), [""; 0]);
}

/// A disk of 1 MiB, in a mount namespace that ends with its process. CI runs as root; an ordinary user needs user
/// namespaces.
#[cfg(target_os = "linux")]
fn on_a_small_disk(folder: &Path, args: &[&str]) -> Command {
    // SAFETY: the call has no preconditions.
    let root = unsafe { libc::geteuid() } == 0;
    let mut unshare = Command::new("unshare");
    unshare.arg(if root { "-m" } else { "-rm" }).args(["sh", "-ec"]);
    unshare.arg("mount -t tmpfs -o size=1m small \"$0\"; cd \"$0\"; printf old >old; exec \"$@\"");
    unshare.arg(folder).arg(BINARY).args(args).stdin(Stdio::null()).env_remove("LANG");
    unshare
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_keeps_what_was_there() {
    let folders = Folders::new();
    let big = folders.write("here/old", &noise(3_000_000));
    let small = folders.write("here/small", b"small");
    let args = ["serve", "files", "--root", ".", "--overwrite", "--format", "json"];
    let server = Server::of(&mut on_a_small_disk(&folders.at("root"), &args));
    let ran = folders.run(&["put", &big, &small, &server.address()]);
    assert_eq!(ran.code, Some(1), "{}{}", ran.out, ran.err);
    assert!(ran.err.contains("the disk is full"), "{}", ran.err);
    assert!(ran.out.contains("1 of 2 files, 5 bytes; stored: small; not: old"), "{}", ran.out);
    // Who sends all of it nevertheless is heard out, and the next file is found behind it.
    let mut stream = server.connect();
    for (name, body) in [("old", noise(3_000_000)), ("next", noise(5))] {
        let header = serde_json::json!({ "cmd": "put", "filename": name, "filesize": body.len(), "md5": md5(&body) });
        stream.write_all(&[pack(&header).expect("short"), body].concat()).expect("taken");
    }
    let mut receipt = || framed(&mut stream).expect("a receipt")["receipt"].as_str().map(str::to_owned);
    assert_eq!(
        [receipt(), receipt(), receipt(), receipt()].map(Option::unwrap),
        ["ready", "refused", "ready", "stored"]
    );
    assert_eq!(folders.run(&["get", "old", &server.address()]).code, Some(0));
    assert_eq!(fs::read(folders.at("back/old")).expect("a file"), b"old");
    drop(server);
    fs::rename(&big, folders.at("root/big")).expect("moved");
    let server = folders.serve(&[]);
    let ran = finished(spawn(&mut on_a_small_disk(&folders.at("back"), &["get", "big", &server.address()])));
    assert_eq!(ran.code, Some(3), "{}{}", ran.out, ran.err);
    assert!(ran.err.contains("the disk is full"), "{}", ran.err);
}

/// A limit on file sizes is a refusal like any other: whoever uploads a large file does not end the server.
#[cfg(unix)]
#[test]
fn a_limit_on_file_sizes_keeps_what_was_there() {
    let folders = Folders::new();
    let files =
        [("big", folders.write("here/big", &noise(3_000_000))), ("small", folders.write("here/small", b"small"))];
    let limited = |args: &[&str]| {
        let mut sh = Command::new("sh");
        sh.args(["-c", "ulimit -f 100 && exec \"$0\" \"$@\"", BINARY]).args(args).stdin(Stdio::null());
        sh.current_dir(folders.at("back"));
        sh
    };
    let root = folders.word("root");
    let server = Server::of(&mut limited(&["serve", "files", "--root", &root, "--format", "json"]));
    let ran = folders.run(&put(&files, &server.address()));
    assert_eq!(ran.code, Some(1), "{}{}", ran.out, ran.err);
    assert!(ran.err.contains("the file is too large for this system"), "{}", ran.err);
    assert_eq!(folders.names("root"), ["small"]);
    fs::copy(folders.at("here/big"), folders.at("root/big")).expect("copied");
    let ran = finished(spawn(&mut limited(&["get", "big", &server.address()])));
    assert_eq!(ran.code, Some(3), "{}{}", ran.out, ran.err);
    assert!(ran.err.contains("the file is too large for this system"), "{}", ran.err);
    assert_eq!(folders.names("back"), [""; 0]);
}

/// Without /proc a file cannot grow without a name: it has a hidden one.
#[cfg(target_os = "linux")]
#[test]
fn where_a_file_needs_a_name_the_hidden_one_goes_even_after_an_interrupt() {
    let folders = Folders::new();
    let root = folders.word("root");
    // SAFETY: the call has no preconditions.
    let how = if unsafe { libc::geteuid() } == 0 { "-m" } else { "-rm" };
    let mut unshare = Command::new("unshare");
    unshare.args([how, "sh", "-ec", "mount -t tmpfs none /proc; exec \"$@\"", "sh", BINARY]);
    unshare.args(["serve", "files", "--root", &root, "--format", "json"]).stdin(Stdio::null());
    let mut server = Server::of(&mut unshare);
    let file = folders.write("here/a", b"a");
    assert_eq!(folders.run(&["put", &file, &server.address()]).code, Some(0));
    assert_eq!(folders.names("root"), ["a"]);
    let mut stream = server.connect();
    stream.write_all(&upload("half", &noise(100_000))[..50_000]).expect("taken");
    assert!(wait::until(PATIENCE, || folders.names("root").len() == 2));
    assert!(folders.names("root")[0].starts_with(".stickdemo-"));
    // SAFETY: the process is this test's child and was not waited for.
    assert_eq!(unsafe { libc::kill(server.id() as libc::pid_t, libc::SIGINT) }, 0);
    assert_eq!(server.child.wait().expect("its end").code(), Some(130));
    assert_eq!(folders.names("root"), ["a"]);
}
