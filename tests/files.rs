//! `serve files`, `put` and `get` as their users meet them: against the documents' programs in Python, against
//! hostile and broken peers, and against a disk that is full.

mod common;

use common::*;
use std::fs;
use std::io::{Read, Seek, SeekFrom, Write};
use std::net::{Shutdown, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;
use stickdemo::framing::json::pack;
use stickdemo::sys::scratch::Scratch;
use stickdemo::sys::wait;

/// A folder of this test's own, with one for each side.
struct Folders {
    folder: Scratch,
}

impl Folders {
    fn new() -> Folders {
        let folder = Scratch::folder("files").expect("a folder");
        let folders = Folders { folder };
        for side in ["here", "root", "back"] {
            fs::create_dir(folders.at(side)).expect("a folder");
        }
        folders
    }

    fn at(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    /// The same as text, for a command line.
    fn word(&self, path: &str) -> String {
        self.at(path).to_str().expect("a path in UTF-8").to_owned()
    }

    fn write(&self, path: &str, bytes: &[u8]) -> String {
        fs::write(self.at(path), bytes).expect("a file to write");
        self.word(path)
    }

    /// The names in a folder.
    fn names(&self, folder: &str) -> Vec<String> {
        let entries = fs::read_dir(self.at(folder)).expect("a folder");
        let mut names: Vec<String> = entries.flatten().map(|e| e.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    fn same(&self, a: &str, b: &str) {
        let [a, b] = [a, b].map(|path| (path, fs::read(self.at(path)).expect("a file")));
        assert!(a.1 == b.1, "{} and {} differ: {} and {} bytes", a.0, b.0, a.1.len(), b.1.len());
    }

    /// Runs stickdemo in the folder where downloads go.
    fn run(&self, args: &[&str]) -> Ran {
        finished(spawn(command(args).current_dir(self.at("back"))))
    }

    fn serve(&self, more: &[&str]) -> Server {
        let root = self.word("root");
        Server::start(&[&["files", "--root", &root], more].concat())
    }
}

/// Bytes that are the same on every run.
fn noise(len: usize) -> Vec<u8> {
    Random(len as u64 + 1).bytes(len)
}

/// A program in Python to its end.
fn python(script: &str, args: &[&str]) -> Ran {
    finished(spawn(common::python(script).args(args)))
}

/// A conversation with as little room for what was not read as the kernel allows.
fn tight<T: Send + 'static>(talk: impl FnOnce(TcpStream) -> T + Send + 'static) -> (String, JoinHandle<T>) {
    let (listener, address) = listener();
    socket2::SockRef::from(&listener).set_recv_buffer_size(1).expect("an option");
    (address, std::thread::spawn(move || talk(listener.accept().expect("a client").0)))
}

/// A length and a JSON object behind it.
fn framed(stream: &mut TcpStream) -> Option<serde_json::Value> {
    let mut length = [0; 4];
    stream.read_exact(&mut length).ok()?;
    let mut json = vec![0; u32::from_le_bytes(length) as usize];
    stream.read_exact(&mut json).ok()?;
    Some(serde_json::from_slice(&json).expect("JSON"))
}

fn upload(name: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes = pack(&serde_json::json!({"cmd": "put", "filename": name, "filesize": body.len()})).unwrap();
    bytes.extend_from_slice(body);
    bytes
}

fn md5(bytes: &[u8]) -> String {
    use md5::{Digest, Md5};
    Md5::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Everything until the other side closes, however it does.
fn rest(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    bytes
}

/// What the issue names: empty, one byte, around 1024, more than is kept in memory, names of all kinds.
fn samples(folders: &Folders) -> Vec<(&'static str, String)> {
    let sizes = [("empty", 0), ("one", 1), ("a kilobyte", 1024), ("专题海报.jpg", 1025), ("多 一点.bin", 1 << 20 | 1)];
    sizes.map(|(name, size)| (name, folders.write(&format!("here/{name}"), &noise(size)))).to_vec()
}

fn put<'a>(files: &'a [(&str, String)], address: &'a str) -> Vec<&'a str> {
    let mut args = vec!["put"];
    args.extend(files.iter().map(|(_, path)| path.as_str()));
    args.push(address);
    args
}

#[test]
fn what_goes_up_comes_down() {
    let folders = Folders::new();
    let files = samples(&folders);
    for trailer in ["tail", "ack", "none"] {
        let server = folders.serve(&["--md5", trailer, "--overwrite"]);
        let address = server.address();
        let ran = folders.run(&put(&files, &address));
        assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
        assert_eq!(ran.out.matches("  stored").count(), files.len(), "{}", ran.out);
        assert!(ran.out.contains("5 of 5 files, 1,050,627 bytes; stored: empty, one"), "{}", ran.out);
        for (name, _) in &files {
            let ran = folders.run(&["get", name, &address, "--md5", trailer, "--overwrite"]);
            assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
            folders.same(&format!("here/{name}"), &format!("back/{name}"));
        }
    }
    assert_eq!(folders.names("root").len(), 5);
}

#[test]
fn a_hundred_megabytes_go_up_and_come_down() {
    let folders = Folders::new();
    let piece = noise(1_000_000);
    let mut file = fs::File::create(folders.at("here/large")).expect("a file");
    (0..100).for_each(|_| file.write_all(&piece).expect("room"));
    let server = folders.serve(&[]);
    let ran = folders.run(&["put", &folders.word("here/large"), &server.address(), "--format", "json"]);
    let line: serde_json::Value = serde_json::from_str(ran.out.trim()).expect("one line of JSON");
    assert_eq!((line["status"].as_str(), line["bytes"].as_u64()), (Some("stored"), Some(100_000_000)), "{line}");
    let ran = folders.run(&["get", "large", &server.address()]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    folders.same("here/large", "back/large");
}

#[test]
fn a_documents_server_takes_uploads_and_the_client_says_that_it_says_nothing() {
    let folders = Folders::new();
    let files = samples(&folders);
    for spelling in ["d1", "d0"] {
        let server = Server::python("put_server.py", &["0", &folders.word("root")]);
        let address = server.address();
        let mut args = put(&files, &address);
        args.extend(["--spelling", spelling]);
        let ran = folders.run(&args);
        assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
        assert_eq!(ran.out.matches("  sent, no receipt").count(), files.len(), "{}", ran.out);
        assert!(ran.out.contains("5 of 5 files, 1,050,627 bytes; sent, no receipt: empty, one"), "{}", ran.out);
        assert!(ran.err.contains("no receipt came") && ran.err.contains("--separate"), "{}", ran.err);
        server.logged("", files.len());
        for (name, _) in &files {
            folders.same(&format!("here/{name}"), &format!("root/{name}"));
            fs::remove_file(folders.at(&format!("root/{name}"))).expect("removed");
        }
    }
}

#[test]
fn a_careless_server_gets_a_connection_for_each_file() {
    let folders = Folders::new();
    let files = samples(&folders);
    let server = Server::python("put_server.py", &["0", &folders.word("root"), "careless"]);
    let address = server.address();
    let mut args = put(&files, &address);
    args.push("--separate");
    let ran = folders.run(&args);
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    server.logged("", files.len());
    files.iter().for_each(|(name, _)| folders.same(&format!("here/{name}"), &format!("root/{name}")));
}

#[test]
fn a_documents_client_uploads() {
    let folders = Folders::new();
    let files = samples(&folders);
    let server = folders.serve(&["--overwrite"]);
    for spelling in ["d1", "d0"] {
        let port = server.at.port().to_string();
        let mut args = vec![port.as_str(), spelling];
        args.extend(files.iter().map(|(_, path)| path.as_str()));
        let ran = python("put_client.py", &args);
        assert_eq!(ran.code, Some(0), "{}", ran.err);
        server.logged("\"stored\"", if spelling == "d1" { 5 } else { 10 });
        for (name, _) in &files {
            folders.same(&format!("here/{name}"), &format!("root/{name}"));
            fs::remove_file(folders.at(&format!("root/{name}"))).expect("removed");
        }
    }
}

#[test]
fn a_documents_client_downloads() {
    let folders = Folders::new();
    let mut names = ["empty", "one", "1024", "1025", "专题海报.jpg", "two words"];
    for (name, size) in names.iter().zip([0, 1, 1024, 1025, 300_000, 2000]) {
        folders.write(&format!("root/{name}"), &noise(size));
    }
    for trailer in ["tail", "ack", "none"] {
        // Behind an empty file without an MD5 the next request sticks to the acknowledgement: no server can tell.
        if trailer == "none" {
            names.rotate_left(1);
        }
        let server = folders.serve(&["--md5", trailer]);
        let (port, back) = (server.at.port().to_string(), folders.word("back"));
        let mut args = vec![port.as_str(), trailer, back.as_str()];
        args.extend(names);
        let ran = python("get_client.py", &args);
        assert_eq!(ran.code, Some(0), "{trailer}: {}", ran.err);
        for line in ran.out.lines() {
            let [ours, theirs] = line.rsplitn(3, ' ').take(2).collect::<Vec<_>>()[..] else { panic!("{line}") };
            assert!(trailer == "none" || ours == theirs, "{line}");
        }
        names.iter().for_each(|name| folders.same(&format!("root/{name}"), &format!("back/{name}")));
    }
}

#[test]
fn a_documents_server_gives_downloads() {
    let folders = Folders::new();
    let names = ["empty", "one", "1024", "1025", "专题海报.jpg"];
    for (name, size) in names.iter().zip([0, 1, 1024, 1025, 300_000]) {
        folders.write(&format!("root/{name}"), &noise(size));
    }
    for trailer in ["tail", "ack", "none"] {
        let server = Server::python("get_server.py", &["0", &folders.word("root"), trailer]);
        for name in names {
            // Between the two acknowledgements of an empty file there is nothing but time.
            let settle = if (name, trailer) == ("empty", "ack") { "2s" } else { "50ms" };
            let address = server.address();
            let ran = folders.run(&["get", name, &address, "--md5", trailer, "--overwrite", "--settle", settle]);
            assert_eq!(ran.code, Some(0), "{trailer} {name}: {}", ran.err);
            folders.same(&format!("root/{name}"), &format!("back/{name}"));
        }
    }
}

#[test]
fn a_server_that_says_nothing_is_not_waited_for_without_end() {
    let folders = Folders::new();
    folders.write("root/a", b"x");
    let server = Server::python("get_server.py", &["0", &folders.word("root"), "ack"]);
    let ran = folders.run(&["get", "missing", &server.address(), "--timeout", "300ms"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.contains("says nothing about a file that it does not have"), "{}", ran.err);
    let ran = folders.run(&["get", "two words", &server.address()]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.contains("breaks off at a name with a space"), "{}", ran.err);
    let ran = folders.run(&["get", "a", &server.address(), "--timeout", "300ms"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.contains("--md5 ack"), "{}", ran.err);
    assert!(folders.names("back").is_empty());
}

/// One conversation of two uploads and two downloads, for a server with `--md5 tail`.
fn conversation() -> (Vec<u8>, Vec<(&'static str, Vec<u8>)>) {
    let files = vec![("first", noise(700)), ("第二 个", noise(0)), ("third", noise(90_000))];
    (files.iter().flat_map(|(name, body)| upload(name, body)).collect(), files)
}

#[test]
fn uploads_arrive_however_their_bytes_are_cut() {
    let folders = Folders::new();
    let server = folders.serve(&["--overwrite"]);
    let (bytes, files) = conversation();
    let mut dice = Random(20_240_917);
    let mut random = move || dice.next() as usize % 1500 + 1;
    let mut done = 0;
    let cuts: [&mut dyn FnMut() -> usize; 3] = [&mut || 1, &mut random, &mut || usize::MAX];
    for cut in cuts {
        let mut stream = server.connect();
        let mut left = &bytes[..];
        while !left.is_empty() {
            let (piece, more) = left.split_at(cut().min(left.len()));
            stream.write_all(piece).expect("taken");
            left = more;
        }
        stream.shutdown(Shutdown::Write).expect("ended");
        assert!(rest(&mut stream).is_empty(), "a document's client reads nothing");
        done += files.len();
        server.logged("\"stored\"", done);
        for (name, body) in &files {
            assert!(fs::read(folders.at(&format!("root/{name}"))).expect("a file") == *body, "{name}");
            fs::remove_file(folders.at(&format!("root/{name}"))).expect("removed");
        }
    }
}

/// Longer than an unframed text needs to count as complete: here the pauses are the matter.
const PAUSE: Duration = Duration::from_millis(120);

#[test]
fn pauses_at_every_boundary_change_nothing() {
    let folders = Folders::new();
    let server = folders.serve(&["--md5", "ack"]);
    let mut stream = server.connect();
    let bytes = upload("paused", b"0123456789");
    let boundaries = [0, 2, 4, 5, bytes.len() - 11, bytes.len() - 10, bytes.len() - 5, bytes.len()];
    for part in boundaries.windows(2) {
        stream.write_all(&bytes[part[0]..part[1]]).expect("taken");
        wait::pause(PAUSE);
    }
    server.logged("\"stored\"", 1);
    for part in ["ge", "t ", "paused"] {
        stream.write_all(part.as_bytes()).expect("taken");
        wait::pause(if part == "paused" { Duration::ZERO } else { PAUSE });
    }
    assert_eq!(text(&mut stream, 2), "10");
    for part in ["recv", "_ready"] {
        wait::pause(PAUSE);
        stream.write_all(part.as_bytes()).expect("taken");
    }
    assert_eq!(text(&mut stream, 10), "0123456789");
    wait::pause(PAUSE);
    stream.write_all(b"ok").expect("taken");
    assert_eq!(text(&mut stream, 32), md5(b"0123456789"));
}

#[test]
fn a_download_arrives_however_its_bytes_are_cut() {
    let folders = Folders::new();
    let body = noise(3000);
    for (piece, pause) in [(1, Duration::ZERO), (700, PAUSE / 4), (usize::MAX, Duration::ZERO)] {
        let sent = body.clone();
        let (address, server) = scripted(move |mut stream| {
            stream.set_nodelay(true).expect("an option");
            assert_eq!(text(&mut stream, 5), "get a");
            b"3000".chunks(piece.min(4)).for_each(|digit| stream.write_all(digit).expect("taken"));
            assert_eq!(text(&mut stream, 2), "ok");
            wait::pause(pause);
            let all = [sent.as_slice(), md5(&sent).to_uppercase().as_bytes()].concat();
            for part in all.chunks(piece.min(all.len())) {
                stream.write_all(part).expect("taken");
                wait::pause(pause);
            }
        });
        // The size's digits come one by one, and a busy machine pauses between them.
        let ran = folders.run(&["get", "a", &address, "--overwrite", "--settle", "1s"]);
        assert_eq!(ran.code, Some(0), "{}", ran.err);
        server.join().expect("the server's side");
        assert!(fs::read(folders.at("back/a")).expect("a file") == body);
    }
}

#[test]
fn lengths_and_headers_that_cannot_be_end_the_conversation_and_nothing_else() {
    let folders = Folders::new();
    let server = folders.serve(&["--max-file", "1000"]);
    let json = |text: &str| {
        let mut bytes = u32::try_from(text.len()).expect("short").to_le_bytes().to_vec();
        bytes.extend_from_slice(text.as_bytes());
        bytes
    };
    let bad = [
        (-1i32).to_le_bytes().to_vec(),
        0i32.to_le_bytes().to_vec(),
        i32::MAX.to_le_bytes().to_vec(),
        65_537i32.to_le_bytes().to_vec(),
        json("not JSON"),
        json(&"[".repeat(60_000)),
        json("[1]"),
        json(r#"{"cmd": "put", "filename": "a", "filesize": -1}"#),
        json(r#"{"cmd": "put", "filename": "a", "filesize": 1001}"#),
        json(r#"{"cmd": "put", "filename": "a", "filesize": 1e9}"#),
        json(r#"{"cmd": "put", "filename": "a", "filesize": 18446744073709551615}"#),
        json(r#"{"cmd": "put", "filename": 5, "filesize": 5}"#),
        json(r#"{"cmd": "rm", "filename": "a", "filesize": 5}"#),
    ];
    for (n, bytes) in bad.iter().enumerate() {
        let mut stream = server.connect();
        stream.write_all(bytes).expect("taken");
        assert!(rest(&mut stream).is_empty());
        server.logged("\"client\"", n + 1);
    }
    // At once, and not when the client has been silent for too long.
    server.logged("over the limit of 65,536", 2);
    // Promised and not kept.
    for cut in [2, 10, upload("a", &[7; 1000]).len() - 1] {
        let mut stream = server.connect();
        stream.write_all(&upload("a", &[7; 1000])[..cut]).expect("taken");
        stream.shutdown(Shutdown::Write).expect("ended");
        assert!(rest(&mut stream).is_empty());
    }
    server.logged("the stream ended inside", 3);
    assert!(folders.names("root").is_empty());
    let ran = folders.run(&["put", &folders.write("here/good", b"good"), &server.address()]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
}

/// What a client that reads receipts is told about an upload of three bytes under this name.
fn told(server: &Server, name: &str) -> serde_json::Value {
    let mut stream = server.connect();
    let header = serde_json::json!({"cmd": "put", "filename": name, "filesize": 3, "md5": md5(b"abc")});
    stream.write_all(&[&pack(&header).unwrap()[..], b"abc"].concat()).expect("taken");
    let mut receipt = framed(&mut stream).expect("a receipt");
    if receipt["receipt"] == "ready" {
        receipt = framed(&mut stream).expect("another");
    }
    // The conversation goes on.
    stream.write_all(b"get missing").expect("taken");
    assert_eq!(text(&mut stream, 7), "error: ");
    receipt
}

#[test]
fn no_name_leads_out_of_the_root() {
    let folders = Folders::new();
    let server = folders.serve(&["--overwrite"]);
    let long = "x".repeat(256);
    let outside = folders.word("outside");
    let names = [
        "",
        ".",
        "..",
        "../outside",
        "a/b",
        "a\\b",
        "..\\outside",
        "/etc/passwd",
        "C:a",
        "nul",
        "COM1.txt",
        "a\0b",
        "a\n",
        "a.",
        ".stickdemo-1-0.part",
        &long,
        &outside,
    ];
    for name in names {
        let receipt = told(&server, name);
        assert_eq!(receipt["receipt"], "refused", "{name}");
        assert!(receipt["reason"].as_str().is_some_and(|reason| !reason.is_empty()), "{receipt}");
        if !name.is_empty() && name != "a\n" {
            let mut stream = server.connect();
            stream.write_all(format!("get {name}").as_bytes()).expect("taken");
            assert_eq!(text(&mut stream, 7), "error: ", "{name:?}");
        }
    }
    assert!(folders.names("root").is_empty() && !folders.at("outside").exists());
    assert_eq!(told(&server, "plain")["receipt"], "stored");
}

#[cfg(unix)]
#[test]
fn links_pipes_and_folders_are_no_files() {
    use std::os::unix::fs::symlink;
    let folders = Folders::new();
    folders.write("secret", b"secret");
    folders.write("root/inside", b"inside");
    symlink("../secret", folders.at("root/out")).expect("a link");
    symlink(folders.at("secret"), folders.at("root/absolute")).expect("a link");
    symlink("inside", folders.at("root/in")).expect("a link");
    symlink("nowhere", folders.at("root/dangling")).expect("a link");
    fs::create_dir(folders.at("root/folder")).expect("a folder");
    let pipe = Command::new("mkfifo").arg(folders.at("root/pipe")).status().expect("mkfifo");
    assert!(pipe.success());
    // The root itself may be named by a link.
    symlink(folders.at("root"), folders.at("door")).expect("a link");
    for overwrite in [false, true] {
        let door = folders.word("door");
        let mut args = vec!["serve", "files", "--root", &door, "--format", "json"];
        args.extend(overwrite.then_some("--overwrite"));
        let server = Server::of(&mut command(&args));
        for name in ["out", "absolute", "in", "dangling", "folder", "pipe"] {
            let ran = folders.run(&["get", name, &server.address()]);
            assert_eq!(ran.code, Some(1), "{name}");
            assert!(ran.err.contains("it is not a regular file"), "{}", ran.err);
            assert_eq!(told(&server, name)["receipt"], "refused", "{name}");
        }
        assert_eq!(folders.run(&["get", "inside", &server.address(), "--overwrite"]).code, Some(0));
    }
    assert_eq!(fs::read(folders.at("secret")).expect("a file"), b"secret");
    assert!(!folders.at("root/nowhere").exists());
    // Nor are they sent.
    let ran = folders.run(&["put", &folders.word("root/pipe"), &folders.word("root/folder"), "127.0.0.1:9"]);
    assert_eq!(ran.code, Some(3));
    assert_eq!(ran.err.matches("it is not a regular file").count(), 2, "{}", ran.err);
}

#[test]
fn what_is_there_stays_unless_it_may_be_replaced() {
    let folders = Folders::new();
    let files = [("a", folders.write("here/a", b"new")), ("b", folders.write("here/b", b"b"))];
    folders.write("root/a", b"old");
    let server = folders.serve(&[]);
    let address = server.address();
    let ran = folders.run(&put(&files, &address));
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.contains("refused: a: there is a file of this name already"), "{}", ran.err);
    assert!(ran.out.contains("1 of 2 files, 1 bytes; stored: b; not: a"), "{}", ran.out);
    assert_eq!(fs::read(folders.at("root/a")).expect("a file"), b"old");
    folders.write("back/a", b"mine");
    let ran = folders.run(&["get", "a", &address]);
    assert_eq!(ran.code, Some(3));
    assert!(ran.err.contains("--overwrite"), "{}", ran.err);
    assert_eq!(fs::read(folders.at("back/a")).expect("a file"), b"mine");
    fs::create_dir_all(folders.at("here/folder/a")).expect("a folder of that name");
    let ran = folders.run(&["get", "a", &address, "--out", &folders.word("here/folder")]);
    assert_eq!(ran.code, Some(3), "{}", ran.out);
    assert!(ran.err.contains("--out") && !ran.err.contains("--overwrite"), "it would not help: {}", ran.err);
    let ran = folders.run(&["get", "a", &address, "--out", "nowhere/"]);
    assert_eq!(ran.code, Some(3), "{}", ran.out);
    assert!(ran.err.contains("nowhere/: there is no such folder"), "{}", ran.err);
    assert_eq!(folders.run(&["get", "a", &address, "--out", "elsewhere"]).code, Some(0));
    assert_eq!(folders.run(&["get", "a", &address, "--overwrite"]).code, Some(0));
    assert_eq!(
        [fs::read(folders.at("back/a")).unwrap(), fs::read(folders.at("back/elsewhere")).unwrap()],
        [b"old", b"old"]
    );
    drop(server);
    let server = folders.serve(&["--overwrite"]);
    assert_eq!(folders.run(&["put", &files[0].1, &server.address()]).code, Some(0));
    assert_eq!(fs::read(folders.at("root/a")).expect("a file"), b"new");
    assert_eq!((folders.names("root").len(), folders.names("back").len()), (2, 2));
}

/// A refused file of which more is to come than is worth reading: the client stops, and the others still arrive.
#[test]
fn a_large_file_that_is_refused_is_not_sent_to_its_end() {
    let folders = Folders::new();
    let large = fs::File::create(folders.at("here/large")).expect("a file");
    large.set_len(3 << 30).expect("a sparse file");
    let files = [("large", folders.word("here/large")), ("small", folders.write("here/small", b"small"))];
    let server = folders.serve(&["--max-file", "1GiB"]);
    let address = server.address();
    let ran = folders.run(&put(&files, &address));
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.contains("refused: 3,221,225,472 bytes are more than this server takes"), "{}", ran.err);
    assert_eq!(folders.names("root"), ["small"]);
}

#[test]
fn of_two_uploads_of_one_name_one_is_kept_whole() {
    let folders = Folders::new();
    let server = folders.serve(&[]);
    let bodies = [noise(200_000), noise(200_001)];
    let mut streams = bodies.each_ref().map(|body| {
        let mut stream = server.connect();
        let header = serde_json::json!({"cmd": "put", "filename": "same", "filesize": body.len(), "md5": md5(body)});
        stream.write_all(&pack(&header).unwrap()).expect("taken");
        assert_eq!(framed(&mut stream).expect("a receipt")["receipt"], "ready");
        stream
    });
    streams[1].write_all(&bodies[1]).expect("taken");
    assert_eq!(framed(&mut streams[1]).expect("a receipt")["receipt"], "stored");
    streams[0].write_all(&bodies[0]).expect("taken");
    assert_eq!(framed(&mut streams[0]).expect("a receipt")["receipt"], "refused");
    assert!(fs::read(folders.at("root/same")).expect("a file") == bodies[1]);
    assert_eq!(folders.names("root"), ["same"]);
}

#[test]
fn a_digest_that_differs_leaves_the_old_file_or_none() {
    let folders = Folders::new();
    folders.write("root/old", b"old");
    folders.write("back/old", b"old");
    let server = folders.serve(&["--overwrite"]);
    for (name, md5_field) in [("new", md5(b"other")), ("old", md5(b"other")), ("new", "follows".to_owned())] {
        let mut stream = server.connect();
        let header = serde_json::json!({"cmd": "put", "filename": name, "filesize": 3, "md5": md5_field});
        stream.write_all(&[&pack(&header).unwrap()[..], b"abc"].concat()).expect("taken");
        assert_eq!(framed(&mut stream).expect("a receipt")["receipt"], "ready");
        if md5_field == "follows" {
            let frame = serde_json::json!({"cmd": "md5", "md5": md5(b"other")});
            stream.write_all(&pack(&frame).unwrap()).expect("taken");
        }
        let receipt = framed(&mut stream).expect("a receipt");
        assert_eq!(receipt["receipt"], "refused");
        assert!(receipt["reason"].as_str().expect("a reason").contains(&md5(b"abc")), "{receipt}");
    }
    assert_eq!(folders.names("root"), ["old"]);
    assert_eq!(fs::read(folders.at("root/old")).expect("a file"), b"old");
    for name in ["new", "old"] {
        let (address, server) = scripted(|mut stream| {
            text(&mut stream, 7);
            stream.write_all(b"3").expect("taken");
            text(&mut stream, 2);
            stream.write_all(&[b"abc", md5(b"other").as_bytes()].concat()).expect("taken");
        });
        let ran = folders.run(&["get", name, &address, "--overwrite"]);
        assert_eq!(ran.code, Some(1));
        assert!(ran.err.contains(&md5(b"abc")) && ran.err.contains(&md5(b"other")), "{}", ran.err);
        server.join().expect("the server's side");
    }
    assert_eq!(folders.names("back"), ["old"]);
    assert_eq!(fs::read(folders.at("back/old")).expect("a file"), b"old");
}

#[test]
fn a_download_that_breaks_off_leaves_nothing() {
    let folders = Folders::new();
    type Break = fn(TcpStream);
    let breaks: [(&str, Break); 5] = [
        ("hung up instead of a size", |_| ()),
        ("not a digit", |mut s| s.write_all(b"12abc").expect("taken")),
        ("over the limit", |mut s| s.write_all(b"99999999999999").expect("taken")),
        ("ended inside a body: 3 of 9", |mut s| {
            s.write_all(b"9").expect("taken");
            text(&mut s, 2);
            s.write_all(b"abc").expect("taken");
        }),
        ("hung up", |mut s| {
            s.write_all(b"9").expect("taken");
            text(&mut s, 2);
            s.write_all(b"abc").expect("taken");
            reset(s);
        }),
    ];
    for (why, break_off) in breaks {
        let (address, server) = scripted(move |mut stream| {
            text(&mut stream, 5);
            break_off(stream);
        });
        let ran = folders.run(&["get", "a", &address]);
        assert_eq!(ran.code, Some(1), "{why}");
        assert!(ran.err.contains(why), "{why}: {}", ran.err);
        server.join().expect("the server's side");
        assert!(folders.names("back").is_empty());
    }
}

#[test]
fn an_upload_whose_client_resets_leaves_nothing() {
    let folders = Folders::new();
    folders.write("root/old", b"old");
    let server = folders.serve(&["--overwrite"]);
    for name in ["old", "new"] {
        let mut stream = server.connect();
        stream.write_all(&upload(name, &noise(500_000))[..400_000]).expect("taken");
        reset(stream);
    }
    server.logged("\"failed\"", 2);
    assert_eq!(folders.names("root"), ["old"]);
    assert_eq!(fs::read(folders.at("root/old")).expect("a file"), b"old");
}

#[test]
fn a_server_that_dies_is_no_documents_server() {
    let folders = Folders::new();
    let file = folders.write("here/a", &noise(5000));
    let ready = || pack(&serde_json::json!({"receipt": "ready", "filename": "a", "filesize": 5000})).unwrap();
    // Welcomed, taken, and then an ordinary end: what a process killed at that moment leaves.
    let (address, server) = scripted(move |mut stream| {
        framed(&mut stream);
        stream.write_all(&ready()).expect("taken");
        stream.read_exact(&mut [0; 5000]).expect("a body");
    });
    let ran = folders.run(&["put", &file, &address]);
    server.join().expect("the server's side");
    assert_eq!(ran.code, Some(1), "{}", ran.out);
    assert!(ran.err.contains("hung up before its receipt"), "{}", ran.err);
    // One that resets in the middle.
    let (address, server) = scripted(|mut stream| {
        framed(&mut stream);
        reset(stream);
    });
    let ran = folders.run(&["put", &file, &address]);
    server.join().expect("the server's side");
    assert_eq!(ran.code, Some(1), "{}{}", ran.out, ran.err);
    // One that resets when it has all of the first file and was not yet asked for the second.
    let (address, server) = scripted(|mut stream| {
        framed(&mut stream);
        stream.read_exact(&mut [0; 5000]).expect("a body");
        reset(stream);
    });
    let ran = folders.run(&["put", &file, &folders.write("here/b", b"b"), &address]);
    server.join().expect("the server's side");
    assert_eq!(ran.code, Some(1), "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("0 of 2 files") && !ran.out.contains("sent"), "{}", ran.out);
    // One that says it is done and has not read what its kernel has no room for.
    let (address, server) = tight(|mut stream| {
        framed(&mut stream);
        stream.shutdown(Shutdown::Write).expect("shut down");
        stream
    });
    let ran = folders.run(&["put", &folders.write("here/c", &noise(60_000)), &address, "--timeout", "300ms"]);
    drop(server.join().expect("the server's side"));
    assert_eq!(ran.code, Some(1), "{}{}", ran.out, ran.err);
    // One that takes it and neither answers nor hangs up.
    let (address, server) = scripted(|mut stream| {
        let _ = rest(&mut stream);
        wait::pause(PAUSE * 4);
    });
    let ran = folders.run(&["put", &file, &address, "--timeout", "100ms"]);
    server.join().expect("the server's side");
    assert_eq!(ran.code, Some(1), "{}{}", ran.out, ran.err);
}

#[test]
fn a_file_that_changes_on_the_way_is_not_stored() {
    let folders = Folders::new();
    let path = folders.at("here/changing");
    for len in [1 << 20, 9 << 20] {
        fs::write(&path, noise(8 << 20)).expect("a file");
        let changing = path.clone();
        let (address, server) = scripted(move |mut stream| {
            let header = framed(&mut stream).expect("a header");
            // More than both kernels keep for this connection is still to be read from the file.
            fs::File::options().write(true).open(&changing).and_then(|f| f.set_len(len)).expect("another length");
            (header["filesize"].as_u64().expect("a size"), rest(&mut stream).len() as u64)
        });
        let small = ["--timeout", "30s"];
        let ran = folders.run(&["put", path.to_str().expect("a path"), &address, small[0], small[1]]);
        let (promised, came) = server.join().expect("the server's side");
        assert_eq!(ran.code, Some(1), "{}", ran.out);
        assert!(ran.err.contains("the file changed while it was sent"), "{}", ran.err);
        assert!(came < promised, "{came} of {promised}");
    }
}

/// Of the same length, so that a document's server notices nothing: the client does.
#[test]
fn a_file_that_is_rewritten_on_the_way_is_not_called_sent() {
    let folders = Folders::new();
    let path = folders.word("here/changing");
    // More than both kernels keep for a connection, and a file whose digest is in the header.
    folders.write("here/changing", &vec![1; 30 << 20]);
    let mut file = fs::File::options().write(true).open(&path).expect("a file");
    let (address, server) = scripted(move |mut stream| {
        assert_eq!(framed(&mut stream).expect("a header")["md5"].as_str().map(str::len), Some(32));
        file.seek(SeekFrom::End(-1)).and_then(|_| file.write_all(b"\0")).expect("another byte");
        rest(&mut stream).len()
    });
    let ran = folders.run(&["put", &path, &address]);
    assert_eq!(server.join().expect("the server's side"), 30 << 20);
    assert_eq!(ran.code, Some(1), "{}", ran.out);
    assert!(ran.err.contains("the file changed while it was sent"), "{}", ran.err);
}

/// A slow server's word about the first file comes while the second is under way.
#[test]
fn a_late_refusal_is_about_the_file_that_it_is_about() {
    let folders = Folders::new();
    let (address, server) = scripted(|mut stream| {
        let answer = |stream: &mut TcpStream, fields: serde_json::Value| {
            stream.write_all(&pack(&fields).expect("short")).expect("sent");
        };
        framed(&mut stream).expect("a header");
        assert_eq!(text(&mut stream, 5), "first");
        // It comes when the client has given up waiting.
        let header = framed(&mut stream).expect("a header");
        answer(&mut stream, serde_json::json!({ "receipt": "refused", "reason": "no room" }));
        let size = header["filesize"].as_u64().expect("a size");
        std::io::copy(&mut (&stream).take(size), &mut std::io::sink()).expect("a body");
        answer(&mut stream, serde_json::json!({ "receipt": "stored", "md5": header["md5"] }));
        rest(&mut stream);
    });
    let files = [folders.write("here/first", b"first"), folders.write("here/second", &noise(8 << 20))];
    let ran = folders.run(&["put", &files[0], &files[1], &address]);
    server.join().expect("the server's side");
    assert_eq!(ran.code, Some(1), "{}", ran.out);
    assert!(ran.out.contains("1 of 2 files, 8,388,608 bytes; stored: second; not: first"), "{}", ran.out);
    assert!(ran.err.contains("no room"), "{}", ran.err);
}

/// What says that it is empty, and is not.
#[cfg(target_os = "linux")]
#[test]
fn a_file_without_a_true_size_is_not_sent() {
    let folders = Folders::new();
    let server = folders.serve(&[]);
    let ran = folders.run(&["put", "/proc/version", &server.address()]);
    assert_eq!(ran.code, Some(1), "{}", ran.out);
    assert!(ran.err.contains("0 bytes were promised") && folders.names("root").is_empty(), "{}", ran.err);
}

/// Whoever asks for the next file without waiting for this one is understood: `ok` is read exactly.
#[test]
fn a_request_right_behind_an_acknowledgement_is_heard() {
    let folders = Folders::new();
    folders.write("root/a", b"hello");
    folders.write("root/empty", b"");
    let server = folders.serve(&["--md5", "none", "--idle", "600s"]);
    let mut stream = server.connect();
    stream.write_all(b"get a").expect("taken");
    assert_eq!(text(&mut stream, 1), "5");
    stream.write_all(b"okget empty").expect("taken");
    assert_eq!(text(&mut stream, 6), "hello0");
    stream.write_all(b"recv_readyget a").expect("taken");
    assert_eq!(text(&mut stream, 1), "5");
}

/// The rest of it is not read, and does not turn the refusal into a reset.
#[test]
fn a_large_upload_that_is_refused_hears_why() {
    let folders = Folders::new();
    let server = folders.serve(&["--idle", "600s"]);
    let mut stream = server.connect();
    let header = serde_json::json!({
        "cmd": "put", "filename": "../a", "filesize": 100 << 20, "md5": md5(b"")
    });
    stream.write_all(&[pack(&header).expect("short"), noise(200_000)].concat()).expect("taken");
    let receipt = framed(&mut stream).expect("a receipt");
    assert_eq!(receipt["receipt"], "refused");
    assert_eq!(stream.read(&mut [0]).expect("no reset"), 0, "the end");
}

#[test]
fn a_receipt_for_other_bytes_is_no_receipt() {
    let folders = Folders::new();
    let (address, server) = scripted(|mut stream| {
        framed(&mut stream).expect("a header");
        assert_eq!(text(&mut stream, 5), "hello");
        let receipt = serde_json::json!({ "receipt": "stored", "md5": md5(b"other") });
        stream.write_all(&pack(&receipt).expect("short")).expect("sent");
        rest(&mut stream);
    });
    let ran = folders.run(&["put", &folders.write("here/a", b"hello"), &address]);
    server.join().expect("the server's side");
    assert_eq!(ran.code, Some(1), "{}", ran.out);
    assert!(ran.err.contains("the server stored other bytes"), "{}", ran.err);
}

/// The file before it was taken; that it was is heard of although the next one cannot be finished.
#[test]
fn a_file_that_changes_takes_no_other_with_it() {
    let folders = Folders::new();
    let path = folders.at("here/changing");
    fs::write(&path, noise(8 << 20)).expect("a file");
    let (first, changing) = (folders.write("here/first", b"first"), folders.word("here/changing"));
    let last = folders.write("here/last", b"last");
    let (listener, address) = listener();
    let server = std::thread::spawn(move || {
        let mut stream = listener.accept().expect("a client").0;
        framed(&mut stream).expect("a header");
        assert_eq!(text(&mut stream, 5), "first");
        framed(&mut stream).expect("a header");
        fs::File::options().write(true).open(&path).and_then(|f| f.set_len(1 << 20)).expect("another length");
        rest(&mut stream);
        drop(stream);
        let mut stream = listener.accept().expect("another connection").0;
        framed(&mut stream).expect("a header");
        assert_eq!(rest(&mut stream), b"last");
    });
    let ran = folders.run(&["put", &first, &changing, &last, &address]);
    server.join().expect("the server's side");
    assert_eq!(ran.code, Some(1), "{}", ran.out);
    assert!(ran.out.contains("2 of 3 files, 9 bytes; sent, no receipt: first, last; not: changing"), "{}", ran.out);
}

/// Has this process written so much to its file? What send(2) takes is not counted: proc(5).
#[cfg(target_os = "linux")]
fn has_written(pid: u32, bytes: u64) -> bool {
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
        for name in folders.names("root") {
            folders.same(&format!("here/{name}"), &format!("root/{name}"));
        }
        let stored = ran.out.matches("  stored").count();
        assert!(stored <= folders.names("root").len() && !ran.out.contains("sent"), "{}", ran.out);
        let whole = ran.code == Some(0);
        assert!(whole == (stored == files.len()) && (whole || matches!(ran.code, Some(1 | 3))), "{}", ran.out);
        for name in folders.names("root") {
            fs::remove_file(folders.at(&format!("root/{name}"))).expect("removed");
        }
    }
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

/// Runs it in a terminal; what that was sent.
#[cfg(unix)]
fn in_a_terminal(args: &[&str], term: &str) -> Ran {
    let spawn_it = "import pty, sys; sys.exit(pty.spawn(sys.argv[1:]) >> 8)";
    let mut python = Command::new("python3");
    python.args(["-c", spawn_it, BINARY]).args(args).stdin(Stdio::null()).env("TERM", term);
    finished(spawn(&mut python))
}

#[cfg(unix)]
#[test]
fn a_long_transfer_shows_how_far_it_is_to_those_who_look() {
    let folders = Folders::new();
    let large = folders.write("here/large", &vec![0; 20_000_000]);
    for (lang, left, result) in [("en", " left", "20,000,000 bytes"), ("zh", "还需", "20,000,000 字节")] {
        for seen in [true, false] {
            let (address, server) = scripted(|mut stream| {
                framed(&mut stream).expect("a header");
                // Longer than what is too short to be shown.
                wait::pause(Duration::from_millis(800));
                rest(&mut stream).len()
            });
            let args = ["put", &large, &address, "--lang", lang];
            let ran = if seen { in_a_terminal(&args, "xterm") } else { folders.run(&args) };
            assert_eq!(server.join().expect("the server's side"), 20_000_000);
            assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
            let line = ran.out.rfind(result).expect("a result");
            let progress = (ran.out.clone() + &ran.err).rfind(left);
            assert!(if seen { progress.is_some_and(|at| at < line) } else { progress.is_none() }, "{}", ran.out);
            // A line that does not fit is not redrawn in its place: each state would be a line of its own.
            for drawn in ran.out.split('\r').filter(|drawn| drawn.contains(left)) {
                let columns = unicode_width::UnicodeWidthStr::width(drawn.trim_start_matches("\x1b[2K"));
                assert!(columns <= 80, "{columns}: {drawn:?}");
            }
        }
    }
    // Not where the line could not be taken away again, and not between the lines of a trace.
    for (term, more) in [("dumb", None), ("xterm", Some("--trace"))] {
        let (address, server) = scripted(|mut stream| {
            framed(&mut stream).expect("a header");
            wait::pause(Duration::from_millis(800));
            rest(&mut stream).len()
        });
        let mut args = vec!["put", &large, &address];
        args.extend(more);
        let ran = in_a_terminal(&args, term);
        assert_eq!(server.join().expect("the server's side"), 20_000_000);
        assert!(ran.code == Some(0) && !ran.out.contains(" left"), "{}", ran.out);
    }
}

#[test]
fn what_cannot_begin_says_why() {
    let folders = Folders::new();
    let missing = folders.word("missing");
    let ran = folders.run(&["serve", "files", "--root", &missing]);
    assert_eq!(ran.code, Some(3));
    assert!(ran.err.contains("--root names an existing directory"), "{}", ran.err);
    let (taken, address) = listener();
    let ran = folders.run(&["serve", "files", "--root", &folders.word("root"), "--listen", &address]);
    assert_eq!(ran.code, Some(3));
    drop(taken);
    let file = folders.write("here/a", b"a");
    for args in [["put", &file, &address], ["get", "a", &address]] {
        let ran = folders.run(&args);
        assert_eq!(ran.code, Some(3), "{}", ran.out);
        assert!(ran.err.contains("start the server first"), "{}", ran.err);
    }
    for name in ["../a", "", "a\nb"] {
        assert_eq!(folders.run(&["get", name, &address]).code, Some(2), "{name:?}");
    }
    let server = folders.serve(&[]);
    let ran = folders.run(&["put", &missing, &file, &server.address()]);
    assert_eq!(ran.code, Some(3));
    assert!(ran.out.contains("stored: a; not: missing"), "{}", ran.out);
    let ran = folders.run(&["put", &missing, &server.address(), "--lang", "zh"]);
    assert!(ran.err.contains("missing  失败"), "{}", ran.err);
}

#[test]
fn a_silent_client_is_hung_up_on() {
    let folders = Folders::new();
    let server = folders.serve(&["--idle", "200ms"]);
    for start in [&b""[..], b"\x40", &upload("a", b"abc")[..10], &upload("a", b"abc")[..upload("a", b"abc").len() - 1]]
    {
        let mut stream = server.connect();
        stream.write_all(start).expect("taken");
        assert!(rest(&mut stream).is_empty());
    }
    // Never silent, never done.
    let mut stream = server.connect();
    let slow = upload("b", b"abc");
    let mut bytes = slow.iter().cycle();
    let gone = wait::until(PATIENCE, || {
        wait::pause(Duration::from_millis(20));
        stream.write_all(&[*bytes.next().unwrap_or(&0)]).is_err()
    });
    assert!(gone, "a header has a time limit as a whole");
    assert!(folders.names("root").is_empty());
}

#[test]
fn a_trace_shows_the_calls() {
    let folders = Folders::new();
    let server = folders.serve(&[]);
    let ran = folders.run(&["put", &folders.write("here/a", b"hello"), &server.address(), "--trace"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    for call in ["connect", "send", "recv", "shutdown", "close"] {
        assert!(ran.out.contains(call), "{call}: {}", ran.out);
    }
    let ran = folders.run(&["get", "a", &server.address(), "--trace", "--format", "json"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
}
