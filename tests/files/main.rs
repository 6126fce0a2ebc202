//! `serve files`, `put` and `get` as their users meet them: against the documents' programs in Python, against
//! hostile and broken peers, and against a disk that is full.

mod command;
#[path = "../common/mod.rs"]
mod common;
mod disk;
mod get;
mod hostile;
mod limits;
mod put;

use common::*;
use std::fs;
use std::io::{Read, Seek, SeekFrom, Write};
use std::net::{Shutdown, TcpStream};
#[cfg(target_os = "linux")]
use std::path::Path;
use std::path::PathBuf;
#[cfg(unix)]
use std::process::{Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
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

/// One conversation of two uploads and two downloads, for a server with `--md5 tail`.
fn conversation() -> (Vec<u8>, Vec<(&'static str, Vec<u8>)>) {
    let files = vec![("first", noise(700)), ("第二 个", noise(0)), ("third", noise(90_000))];
    (files.iter().flat_map(|(name, body)| upload(name, body)).collect(), files)
}

/// Longer than an unframed text needs to count as complete: here the pauses are the matter.
const PAUSE: Duration = Duration::from_millis(120);
