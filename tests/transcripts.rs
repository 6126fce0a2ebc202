//! The transcripts in the pages are what the programs show: each is played, in terminals, and compared.
//! `UPDATE_DOCS=1 cargo test --test transcripts` writes what they show now into the pages.
//! docs/adding-a-scenario.md has the notation.
#![cfg(target_os = "linux")]

mod common;
mod terminals;

use std::path::{Path, PathBuf};
use terminals::{parse, play, settled};

const OPEN: &str = "<!-- terminals";
const CLOSE: &str = "-->";
const FENCE: &str = "```console terminal";

/// A page in pieces: what stays, and each script with its blocks.
enum Piece {
    Prose(String),
    Block { script: usize },
}

struct Page {
    pieces: Vec<Piece>,
    scripts: Vec<String>,
    blocks: Vec<String>,
}

impl Page {
    fn of(text: &str) -> Page {
        let (mut pieces, mut scripts, mut blocks) = (Vec::new(), Vec::<String>::new(), Vec::new());
        let mut lines = text.split_inclusive('\n');
        let (mut prose, mut quoted) = (String::new(), false);
        while let Some(line) = lines.next() {
            prose += line;
            // The page that explains the notation quotes it.
            quoted ^= line.starts_with("````");
            if quoted {
                continue;
            }
            if line.trim_end() == OPEN {
                let script: Vec<&str> = lines.by_ref().take_while(|l| l.trim_end() != CLOSE).collect();
                prose += &script.concat();
                prose += &format!("{CLOSE}\n");
                scripts.push(script.concat());
            } else if line.starts_with(FENCE) {
                blocks.push(lines.by_ref().take_while(|l| !l.starts_with("```")).collect::<String>());
                pieces.push(Piece::Prose(std::mem::take(&mut prose)));
                pieces.push(Piece::Block { script: scripts.len() });
                prose += "```\n";
            }
        }
        pieces.push(Piece::Prose(prose));
        Page { pieces, scripts, blocks }
    }

    /// The page as it ought to be. Where nothing but the clock's figures differ, it stays.
    fn played(&self, update: bool) -> Result<String, String> {
        let of_block: Vec<usize> = self
            .pieces
            .iter()
            .filter_map(|p| if let Piece::Block { script } = p { Some(*script) } else { None })
            .collect();
        if of_block.contains(&0) {
            return Err(format!("a block of a terminal, and no {OPEN:?} before it"));
        }
        let mut now = Vec::new();
        for (i, script) in self.scripts.iter().enumerate() {
            let blocks = self.blocks.iter().zip(&of_block).filter(|(_, script)| **script == i + 1);
            let blocks: Vec<String> = blocks.map(|(block, _)| block.clone()).collect();
            let steps = parse(script)?;
            let shown = play(&steps, if update { None } else { Some(&blocks) })?;
            if shown.len() != blocks.len() {
                return Err(format!("{} terminals, {} blocks: {script}", shown.len(), blocks.len()));
            }
            now.extend(blocks.into_iter().zip(shown).map(|(page, shown)| {
                let shown = if shown.ends_with('\n') { shown } else { shown + "\n" };
                if settled(&page) == settled(&shown) { page } else { shown }
            }));
        }
        let mut now = now.into_iter();
        Ok(self
            .pieces
            .iter()
            .map(|piece| match piece {
                Piece::Prose(text) => text.clone(),
                Piece::Block { .. } => now.next().unwrap_or_default(),
            })
            .collect())
    }
}

fn pages() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = ["", "docs", "docs/zh"].into_iter().filter_map(|folder| std::fs::read_dir(root.join(folder)).ok());
    let files = folders.flat_map(|entries| entries.flatten().map(|e| e.path()));
    let mut pages: Vec<PathBuf> = files.filter(|p| p.extension().is_some_and(|e| e == "md")).collect();
    pages.sort();
    pages
}

/// What is wrong with a page, if anything.
fn trouble(path: &Path, update: bool) -> Option<String> {
    let text = std::fs::read_to_string(path).expect("a page");
    match Page::of(&text).played(update) {
        Err(e) => Some(e),
        Ok(now) if now == text => None,
        Ok(now) if update => std::fs::write(path, now).err().map(|e| e.to_string()),
        Ok(now) => {
            Some(format!("out of date: UPDATE_DOCS=1 cargo test --test transcripts\n{}", difference(&text, &now)))
        }
    }
}

/// What the first line that differs is, and was to be.
fn difference(page: &str, now: &str) -> String {
    let lines = page.lines().map(Some).chain(std::iter::repeat(None)).zip(now.lines().map(Some).chain([None]));
    let differs = lines.enumerate().find(|(_, (page, now))| page != now);
    let (line, (page, now)) = differs.unwrap_or_default();
    let shown = |line: Option<&str>| line.map_or("(nothing more)".to_owned(), |line| format!("{line:?}"));
    format!("line {}\n  the page:      {}\n  the terminals: {}", line + 1, shown(page), shown(now))
}

#[test]
fn pages_show_what_terminals_show() {
    let update = std::env::var_os("UPDATE_DOCS").is_some();
    let pages = pages();
    let wrong: Vec<String> = std::thread::scope(|scope| {
        let plays: Vec<_> = pages.iter().map(|path| (path, scope.spawn(move || trouble(path, update)))).collect();
        let ends = plays.into_iter().map(|(path, play)| (path, play.join().expect("no panic")));
        ends.filter_map(|(path, trouble)| Some(format!("{}: {}", path.display(), trouble?))).collect()
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

const ECHO: &str = "
0 $ printf 'import socket, sys\\ns = socket.create_server((\"127.0.0.1\", int(sys.argv[1])))\\nprint(s.getsockname()[1])\\nwhile True:\\n  c, a = s.accept()\\n  print(a)\\n  while d := c.recv(9): c.sendall(d.upper())\\n' > echo.py
0 $ printf 'import socket, sys\\ns = socket.create_connection((\"127.0.0.1\", int(sys.argv[1])))\\nwhile t := input(\">>: \"): s.sendall(t.encode()); print(s.recv(9))\\n' > ask.py
1 $ python3 echo.py 9000
2 $ python3 ask.py 9000
2 >>: hi
2 ? b'HI'
2 >>: ho
2 >>:
";

const SHOWN: [&str; 2] = [
    "$ python3 echo.py 9000\n9000\n('127.0.0.1', 50001)\n",
    "$ python3 ask.py 9000\n>>: hi\nb'HI'\n>>: ho\nb'HO'\n>>: \n",
];

fn page(script: &str, blocks: &[&str]) -> String {
    let blocks: String = blocks.iter().map(|b| format!("{FENCE}\n{b}```\n")).collect();
    format!("# A page\n{OPEN}\n{}{CLOSE}\n{blocks}the end\n", script.trim_start())
}

#[test]
fn a_true_page_stays_and_an_empty_one_is_written() {
    let good = page(ECHO, &SHOWN);
    assert_eq!(Page::of(&good).played(false).expect("played"), good);
    assert_eq!(Page::of(&page(ECHO, &["", ""])).played(true).expect("played"), good);
}

#[test]
fn a_page_that_says_something_else_is_found_out() {
    let wrong = page(ECHO, &[SHOWN[0], &SHOWN[1].replace("'HO'", "'HA'")]);
    let now = Page::of(&wrong).played(false).expect("played");
    assert_eq!(now, page(ECHO, &SHOWN));
    let told = difference(&wrong, &now);
    assert!(told.contains("\"b'HA'\"") && told.contains("\"b'HO'\""), "{told}");
    assert!(difference("a\nb\n", "a\n").ends_with("(nothing more)"), "{}", difference("a\nb\n", "a\n"));
}

const CHAT: &str = "
1 $ stickdemo serve chat --listen 127.0.0.1:9000 --trace --stable
2 $ stickdemo talk 127.0.0.1:9000 --udp
2 >>: hi
1 ? ] hi
2 >>: quit
1 >>: quit
";

/// The prompt stands there while datagrams come.
#[test]
fn a_call_is_not_drawn_behind_a_prompt() {
    let shown = play(&parse(CHAT).expect("steps"), None).expect("played").remove(0);
    let calls: Vec<&str> = shown.lines().filter(|line| line.contains("recvfrom(")).collect();
    assert!(!calls.is_empty() && calls.iter().all(|line| !line.contains(">>:")), "{shown}");
    assert!(shown.contains("] hi\n>>: quit\n"), "{shown}");
}

#[test]
fn a_script_that_cannot_be_played_says_why() {
    let failed = |script: &str| play(&parse(script).expect("steps"), None).expect_err("it cannot");
    assert!(failed("1 $ echo hi\n1 >> quit").contains("hi"), "what the terminal showed");
    assert!(failed("1 >> quit").contains("nothing runs"));
    assert!(failed("0 $ cat nothing").contains("nothing"));
    assert!(
        parse("hello").is_err() && parse("x $ hello").is_err() && parse("1 $").is_err() && parse("1 ^C x").is_err()
    );
    assert!(Page::of(&page("", &[""])).played(false).expect_err("one block").contains("0 terminals, 1 blocks"));
}

#[test]
fn only_what_the_clock_decides_may_differ() {
    let same = |a: &str, b: &str| assert_eq!(settled(a), settled(b));
    same("   0.31  recv(4) = 4", "  12.00  recv(4) = 4");
    same("5 bytes in 3 ms, 1.2 MiB/s", "5 bytes in 12ms, 980 KiB/s");
    for (a, b) in [("recv(4) = 4", "recv(4) = 5"), ("127.0.0.1:9000", "127.0.0.2:9000"), ("5 bytes", "6 bytes")] {
        assert_ne!(settled(a), settled(b));
    }
}
