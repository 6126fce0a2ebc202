//! The museum of docs/museum.md: every exhibit is caught by `check`, by no more than its one cut, and its mended twin
//! bears every delivery, that cut among them.
#![cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]

mod common;

use common::run;
use serde_json::Value;
use std::path::Path;

/// An exhibit, by the command that shows it.
struct Exhibit {
    /// What is done to it: `--cut`, `server:1=1`.
    conditions: Vec<String>,
    /// `python3`, and the file.
    program: [String; 2],
}

/// Those of a page, in its order.
fn exhibits(page: &str) -> Vec<Exhibit> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(root.join(page)).expect("a page");
    let commands = text.lines().filter(|line| line.starts_with("| ")).flat_map(|line| line.split('`'));
    let commands = commands.filter_map(|span| span.strip_prefix("stickdemo watch "));
    commands
        .map(|command| {
            let (conditions, program) = command.split_once(" -- ").expect("a program");
            let (interpreter, file) = program.split_once(' ').expect("a file");
            let file = root.join(file).display().to_string();
            Exhibit {
                conditions: conditions.split(' ').map(str::to_owned).collect(),
                program: [interpreter.to_owned(), file],
            }
        })
        .collect()
}

impl Exhibit {
    /// Broken, `check` finds the delivery that the page shows, or an earlier one that is no larger.
    fn is_caught(&self) {
        let [interpreter, file] = &self.program;
        // What `check` tries only when it is asked to.
        let more: &[&str] = if self.conditions[0] == "--interrupt" { &["--interrupt"] } else { &[] };
        let options = ["check", "--format", "json", "--timeout", "10s"];
        let ran = run(&[&options[..], more, &["--", interpreter, file]].concat());
        assert_eq!(ran.code, Some(1), "{file}\n{ran}");
        let lines = ran.out.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
        let failed: Vec<Value> = lines.filter(|line| line["passed"] == false).collect();
        let [failed] = &failed[..] else { panic!("{file}\n{ran}") };
        assert!(failed["cuts"].as_array().is_some_and(|cuts| cuts.len() <= 1), "{file}\n{ran}");
        if self.conditions[0] == "--cut" {
            let replay = failed["replay"].as_str().expect("a command");
            assert!(replay.contains(&self.conditions.join(" ")), "{file}\n{ran}");
        }
    }

    /// What it prints, in hex, and how it ends, under the delivery that the page shows, or under none.
    fn outcome(&self, conditions: &[String], twin: &[&str]) -> (String, Option<i32>) {
        let [interpreter, file] = &self.program;
        let conditions: Vec<&str> = conditions.iter().map(String::as_str).collect();
        let options = ["watch", "--quiet", "--format", "json"];
        let ran = run(&[&options[..], &conditions, &["--", interpreter, file], twin].concat());
        let lines = ran.out.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
        let printed = lines.filter(|line| line["call"] == "print");
        (printed.filter_map(|line| line["made"].as_str().map(str::to_owned)).collect(), ran.code)
    }

    /// The page's command shows a difference (a cut was seen to when it was found), and none on the mended twin, which
    /// passes the whole check.
    fn is_as_the_page_says(&self) {
        let file = &self.program[1];
        let unharmed = self.outcome(&[], &[]);
        assert_eq!(unharmed.1, Some(0), "{file} works unharmed: {unharmed:?}");
        if self.conditions[0] != "--cut" {
            assert_ne!(self.outcome(&self.conditions, &[]), unharmed, "{file}");
        }
        assert_eq!(self.outcome(&self.conditions, &["mended"]), unharmed, "{file} mended");
        let ran = run(&["check", "--all", "--", &self.program[0], file, "mended"]);
        assert_eq!(ran.code, Some(0), "{file} mended\n{ran}");
    }
}

#[test]
fn every_exhibit_is_caught_by_its_one_cut_and_its_twin_is_not() {
    let exhibits = exhibits("docs/museum.md");
    assert!(exhibits.len() >= 20, "{}", exhibits.len());
    common::side_by_side(exhibits, |exhibit| {
        exhibit.is_caught();
        exhibit.is_as_the_page_says();
    });
}

#[test]
fn both_pages_show_the_same_exhibits_and_every_exhibit_has_a_place() {
    let commands = |page| -> Vec<String> {
        exhibits(page).iter().map(|one| format!("{:?} {:?}", one.conditions, one.program)).collect()
    };
    assert_eq!(commands("docs/museum.md"), commands("docs/zh/museum.md"));
    let mut shown: Vec<String> = exhibits("docs/museum.md").into_iter().map(|one| one.program[1].clone()).collect();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/subjects/museum");
    let entries = std::fs::read_dir(folder).expect("the museum").flatten();
    let mut there: Vec<String> = entries.map(|entry| entry.path().display().to_string()).collect();
    shown.sort();
    there.sort();
    assert_eq!(shown, there);
}
