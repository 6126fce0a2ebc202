//! Pages as the program writes them, in files that are gone when the test is over.

use crate::common::run;
use serde_json::Value;
use std::path::PathBuf;
use stickdemo::sys::scratch::Scratch;

/// A page, and the recording that it shows.
pub struct Page {
    /// The page.
    pub file: PathBuf,
    /// The recording, line by line.
    pub lines: Vec<Value>,
    _folder: Scratch,
}

impl Page {
    /// The page of a recording.
    pub fn of(recording: &str) -> Page {
        let folder = Scratch::folder("page").expect("a folder");
        let (file, recorded) = (folder.path().join("page.html"), folder.path().join("run.jsonl"));
        std::fs::write(&recorded, recording).expect("a file");
        let names = [&recorded, &file].map(|path| path.to_str().expect("UTF-8"));
        let ran = run(&["show", names[0], "--format", "html", "--out", names[1]]);
        assert_eq!(ran.code, Some(0), "{ran}");
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
