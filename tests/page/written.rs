//! Pages as the program writes them, in files that are gone when the test is over.

use crate::common::run;
use serde_json::Value;
use std::path::PathBuf;
use stickdemo::sys::scratch::Scratch;
use stickdemo::text::hex::hex;

/// A page, and the recording that it shows.
pub struct Page {
    /// The page.
    pub file: PathBuf,
    /// The recording, line by line.
    pub lines: Vec<Value>,
    _folder: Scratch,
}

/// What a command that answers so writes as a page, in a folder that is gone when it is dropped.
pub fn written(args: &[&str], code: i32) -> (PathBuf, Scratch) {
    let folder = Scratch::folder("page").expect("a folder");
    let file = folder.path().join("page.html");
    let ran = run(&[args, &["--format", "html", "--out", file.to_str().expect("UTF-8")]].concat());
    assert_eq!(ran.code, Some(code), "{ran}");
    (file, folder)
}

impl Page {
    /// The page of a recording.
    pub fn of(recording: &str) -> Page {
        Page::with(recording, &[])
    }

    /// The same with options of `show`.
    pub fn with(recording: &str, options: &[&str]) -> Page {
        let recorded = Scratch::folder("recording").expect("a folder");
        let jsonl = recorded.path().join("run.jsonl");
        std::fs::write(&jsonl, recording).expect("a file");
        let (file, folder) = written(&[&["show", jsonl.to_str().expect("UTF-8")], options].concat(), 0);
        let lines = recording.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        Page { file, lines, _folder: folder }
    }

    /// The page of a run that is played now.
    pub fn played(args: &[&str]) -> Page {
        let ran = run(&[args, &["--format", "json"]].concat());
        Page::of(&ran.out)
    }

    /// The lines of a type.
    pub fn of_type(&self, kind: &str) -> impl Iterator<Item = &Value> {
        self.lines.iter().filter(move |line| line["type"] == kind)
    }
}

/// A recording in which the client sends these messages one by one, and the server receives each by itself: a real
/// one's lines, with other bytes in them.
pub fn recorded(messages: &[Vec<u8>]) -> String {
    let real: Vec<Value> = run(&["tcp-naive", "--format", "json"])
        .out
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let of = |kind: &str| real.iter().filter(|line| line["type"] == kind).cloned().collect::<Vec<Value>>();
    let call = |name: &str| of("event").into_iter().find(|event| event["call"] == name).expect("a call");
    let (send, recv) = (call("send"), call("recv"));
    let mut lines = of("header");
    lines.extend(messages.iter().enumerate().map(|(n, bytes)| {
        let mut line = of("message").remove(0);
        (line["id"], line["bytes"], line["len"]) = (id(n), hex(bytes).into(), bytes.len().into());
        line
    }));
    lines.extend(of("socket"));
    for (n, bytes) in messages.iter().enumerate() {
        for (later, like) in [&send, &recv].into_iter().enumerate() {
            let mut event = like.clone();
            (event["seq"], event["bytes"]) = ((2 * n + later + 1).into(), hex(bytes).into());
            (event["asked"], event["returned"]) = (bytes.len().into(), bytes.len().into());
            (event["t_us"], event["end_us"]) = ((20 * n + 10 * later).into(), (20 * n + 10 * later + 5).into());
            event["spans"] = serde_json::json!([{ "msg": id(n), "offset": 0, "len": bytes.len(), "part": "body" }]);
            if later == 0 {
                event["handed"]["msg"] = id(n);
            }
            lines.push(event);
        }
    }
    lines.extend(of("summary"));
    lines.iter().map(|line| format!("{line}\n")).collect()
}

fn id(n: usize) -> Value {
    format!("M{}", n + 1).into()
}
