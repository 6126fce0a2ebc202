//! The pages cannot rot: what they show is what the program prints, and what they suggest works.
//! `UPDATE_DOCS=1 cargo test --test docs` writes the program's present output into them.

#[cfg(target_os = "linux")]
mod common;

use std::path::{Path, PathBuf};

fn pages() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut pages = vec![root.join("README.md"), root.join("README.zh-CN.md")];
    for folder in ["docs", "docs/zh"] {
        let entries = std::fs::read_dir(root.join(folder)).expect("the folder");
        pages.extend(entries.flatten().map(|e| e.path()).filter(|p| p.extension().is_some_and(|e| e == "md")));
    }
    pages.sort();
    pages
}

/// What the first command prints, in either language, is the same on every run without being asked to.
#[cfg(target_os = "linux")]
const FIRST: [&str; 2] = ["tcp-naive", "tcp-naive --lang zh"];

/// A page with the output of its stable commands as the program prints it now.
#[cfg(target_os = "linux")]
fn refreshed(text: &str) -> String {
    let mut out = String::new();
    let mut lines = text.lines().peekable();
    let mut in_console = false;
    while let Some(line) = lines.next() {
        out += line;
        out.push('\n');
        if line.starts_with("```") {
            in_console = line == "```console";
        }
        let same = |c: &&str| c.contains("--stable") || FIRST.contains(c);
        let command = line.strip_prefix("$ stickdemo ").filter(|c| in_console && same(c));
        let Some(command) = command else { continue };
        while lines.peek().is_some_and(|next| !next.starts_with("```") && !next.starts_with("$ ")) {
            lines.next();
        }
        out += &output(command);
    }
    out
}

/// What a command prints; of one that ends in `| head -30`, its first lines.
#[cfg(target_os = "linux")]
fn output(command: &str) -> String {
    let (command, most) = match command.split_once(" | head -") {
        Some((command, lines)) => (command, lines.parse().expect("a number of lines")),
        None => (command, usize::MAX),
    };
    let all = common::run(&words(command).iter().map(String::as_str).collect::<Vec<_>>()).out;
    all.split_inclusive('\n').take(most).collect()
}

/// The words of a command line, as a shell has them.
fn words(command: &str) -> Vec<String> {
    shlex::split(command).unwrap_or_else(|| panic!("{command}: a quotation mark is missing"))
}

/// The traces in the pages are Linux's: the others count no segments.
#[cfg(target_os = "linux")]
#[test]
fn pages_show_what_the_program_prints() {
    let update = std::env::var_os("UPDATE_DOCS").is_some();
    for page in pages() {
        let text = std::fs::read_to_string(&page).expect("a page");
        let now = refreshed(&text);
        if update && now != text {
            std::fs::write(&page, &now).expect("a page to write");
        } else {
            assert!(now == text, "{} is out of date: UPDATE_DOCS=1 cargo test --test docs", page.display());
        }
    }
}

/// Behind a comment with a command stands the picture that the command draws.
#[cfg(target_os = "linux")]
#[test]
fn pages_show_the_pictures_that_the_program_draws() {
    let update = std::env::var_os("UPDATE_DOCS").is_some();
    let mut drawn = 0;
    for page in pages() {
        let text = std::fs::read_to_string(&page).expect("a page");
        for rest in text.split("<!-- stickdemo ").skip(1) {
            let (command, picture) = rest.split_once(" -->\n![").expect("a picture behind its command");
            let name = picture.split(['(', ')']).nth(1).expect("a file");
            let file = page.parent().expect("a folder").join(name);
            let now = common::run(&command.split_whitespace().collect::<Vec<_>>()).out;
            if update {
                std::fs::write(&file, &now).expect("a picture to write");
            }
            let kept = std::fs::read_to_string(&file).unwrap_or_default();
            assert!(now == kept && !now.is_empty(), "{name} is out of date: UPDATE_DOCS=1 cargo test --test docs");
            drawn += 1;
        }
    }
    assert!(drawn >= 4, "only {drawn} pictures found");
}

/// Commands in code blocks and `code spans` that start with stickdemo are understood.
#[test]
fn every_command_in_the_pages_is_understood() {
    let mut checked = 0;
    for page in pages() {
        let text = std::fs::read_to_string(&page).expect("a page");
        for command in commands(&text) {
            let words = words(&command);
            let parsed = stickdemo::commands::parse(words.iter().map(Into::into).collect(), stickdemo::text::Lang::En);
            let told = matches!(parsed, Ok(_) | Err(stickdemo::cli::Reply::Told(_)));
            assert!(told, "{}: {command}: {:?}", page.display(), parsed.err());
            checked += 1;
        }
    }
    assert!(checked > 50, "only {checked} commands found");
}

fn commands(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for line in text.lines() {
        let whole = line.trim_start().strip_prefix("$ ").unwrap_or(line.trim_start());
        let spans = line.split('`').skip(1).step_by(2);
        for candidate in std::iter::once(whole).chain(spans) {
            // A placeholder in capitals, a pipe or a comment is for people.
            let candidate = candidate.split(['|', '#', '>']).next().unwrap_or("").trim();
            let placeholder = candidate
                .split_whitespace()
                .any(|w| w.len() > 1 && w.chars().all(|c| c.is_ascii_uppercase() || c == '_'));
            if candidate.starts_with("stickdemo ")
                && !placeholder
                && !candidate.contains(['…', '[', '(', '<'])
                && !candidate.contains("..")
            {
                found.push(candidate.to_owned());
            }
        }
    }
    found
}

/// The table of the page is the list that the program prints.
#[test]
fn the_myths_in_the_pages_are_those_of_the_program() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    for (page, lang) in [("myths.md", stickdemo::text::Lang::En), ("zh/myths.md", stickdemo::text::Lang::Zh)] {
        let text = std::fs::read_to_string(root.join(page)).expect("a page");
        let table = text.split("\n## ").next().expect("what stands before the first heading");
        let rows: Vec<&str> = table.lines().filter(|line| line.starts_with("| ") && line.contains('`')).collect();
        let row = |(n, myth): (usize, &stickdemo::scenarios::Myth)| {
            let (said, really) = (myth.said.to(lang), myth.really.to(lang));
            format!("| {n} | {said} | {really} | `stickdemo {}` |", myth.see)
        };
        let expected: Vec<String> = (1..).zip(&stickdemo::scenarios::MYTHS).map(row).collect();
        assert_eq!(rows, expected, "{page}");
    }
}

/// Links between the pages lead somewhere.
#[test]
fn links_lead_somewhere() {
    for page in pages() {
        let text = std::fs::read_to_string(&page).expect("a page");
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let target = link.split('#').next().unwrap_or("");
            if target.is_empty() || target.contains("://") {
                continue;
            }
            let path = page.parent().expect("a folder").join(target);
            assert!(path.exists(), "{}: {link} leads nowhere", page.display());
        }
    }
}

/// What the pages show as a complete scenario is one of the list.
#[test]
fn the_example_in_the_pages_is_the_file_that_is_run() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let file = std::fs::read_to_string(root.join("../src/scenarios/tcp_short_recv.rs")).expect("the example");
    for page in ["adding-a-scenario.md", "zh/adding-a-scenario.md"] {
        let text = std::fs::read_to_string(root.join(page)).expect("a page");
        let blocks: Vec<&str> = text.split("\n```rust\n").skip(1).collect();
        let [block] = &blocks[..] else { panic!("{page}: {} examples", blocks.len()) };
        let example = block.split_inclusive("\n```").next().and_then(|code| code.strip_suffix("```"));
        assert_eq!(example, Some(&*file), "{page}");
    }
}
