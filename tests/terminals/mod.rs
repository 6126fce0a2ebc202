//! Plays a script of several terminals for real, and says what each of them shows. docs/adding-a-scenario.md
//! describes the notation.
//!
//! Each program has a terminal of its own (pty(7)): it shows its prompt, the kernel echoes what is typed, and
//! both of its streams come in the order in which it wrote them. Nothing here sleeps: a step waits for a prompt,
//! for words on a screen, or for a program's end.

mod screen;
mod script;

pub use screen::settled;
pub use script::{Act, Step, parse};

use crate::common::BINARY;
use screen::Screen;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};
use stickdemo::sys::scratch::Scratch;

/// A step that takes longer failed.
const PATIENCE: Duration = Duration::from_secs(20);
/// When a page is written: a server that is silent for so long has said everything.
const SILENCE: Duration = Duration::from_millis(700);

/// The ports that pages name, each with the one that a server really got.
#[derive(Default)]
struct Ports(BTreeMap<u16, u16>);

impl Ports {
    /// A command with real ports; and the page's port when this command is the one that is to listen there.
    fn real(&self, command: &str) -> (String, Option<u16>) {
        let mut listens = None;
        let real = numbers(command, |_, number| match (9000..=9009).contains(&number) {
            true => Some(self.0.get(&number).copied().unwrap_or_else(|| {
                listens = Some(number);
                0
            })),
            false => None,
        });
        (real, listens)
    }

    /// A screen with the page's ports; those of clients are numbered as they appear.
    fn paged(&self, text: &str, clients: &mut BTreeMap<u16, u16>) -> String {
        let lines = text.split_inclusive('\n').map(|line| {
            numbers(line, |before, number| {
                let address = ["127.0.0.1:", "127.0.0.1', ", "[::1]:"].iter().any(|a| before.ends_with(a));
                let listening = self.0.iter().find(|(_, real)| **real == number).map(|(page, _)| *page);
                match listening {
                    Some(page) if address || before.is_empty() || before.ends_with(' ') => Some(page),
                    // What was typed has the page's port already.
                    None if address && number > 1023 && !self.0.contains_key(&number) => {
                        let next = 50_001 + clients.len() as u16;
                        Some(*clients.entry(number).or_insert(next))
                    }
                    _ => None,
                }
            })
        });
        lines.collect()
    }
}

/// Replaces whole numbers that could be ports; the function sees what stands before one.
fn numbers(text: &str, mut replace: impl FnMut(&str, u16) -> Option<u16>) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let len = rest[start..].find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len() - start);
        let (before, digits) = (&text[..text.len() - rest.len() + start], &rest[start..start + len]);
        let part_of_word = before.ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ',');
        let new = digits.parse().ok().filter(|_| !part_of_word).and_then(|number| replace(before, number));
        out += &rest[..start];
        out += &new.map_or_else(|| digits.to_owned(), |n| n.to_string());
        rest = &rest[start + len..];
    }
    out + rest
}

/// The first port in the lines that are complete: where a server says that it listens.
fn port(text: &str) -> Option<u16> {
    let mut port = None;
    numbers(&text[..text.rfind('\n')?], |_, number| {
        port = port.or(Some(number).filter(|n| *n > 1023));
        None
    });
    port
}

/// One terminal of the script: what it showed, and the program that runs there.
#[derive(Default)]
struct Terminal {
    shown: String,
    screen: Option<Screen>,
    /// The page's port on which its program listens.
    listens: Option<u16>,
}

impl Terminal {
    fn text(&self) -> String {
        self.shown.clone() + &self.screen.as_ref().map(Screen::text).unwrap_or_default()
    }

    /// Waits for the program's end.
    fn end(&mut self) -> Result<(), String> {
        let Some(screen) = &mut self.screen else { return Ok(()) };
        let text = screen.ended(PATIENCE)?;
        self.shown += &text;
        self.screen = None;
        Ok(())
    }
}

/// What each terminal shows at the end, in the order of their numbers. What the page shows is what a server is
/// waited for; `None` while a page is being written.
pub fn play(steps: &[Step], page: Option<&[String]>) -> Result<Vec<String>, String> {
    let scratch = Scratch::folder("terminals").map_err(|e| e.to_string())?;
    furnish(scratch.path()).map_err(|e| format!("the folder: {e}"))?;
    let mut stage = Stage { folder: scratch.path(), ports: Ports::default(), terminals: BTreeMap::new() };
    for step in steps {
        stage.act(step).map_err(|e| format!("{step}: {e}"))?;
    }
    stage.close(page)
}

/// Where commands run: the program is on the path, and the Python peers lie there.
fn furnish(folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir(folder.join(".bin"))?;
    std::os::unix::fs::symlink(BINARY, folder.join(".bin/stickdemo"))?;
    let Ok(peers) = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers")) else { return Ok(()) };
    for peer in peers.flatten().filter(|p| p.path().extension().is_some_and(|e| e == "py")) {
        std::fs::copy(peer.path(), folder.join(peer.file_name()))?;
    }
    Ok(())
}

struct Stage<'a> {
    folder: &'a Path,
    ports: Ports,
    terminals: BTreeMap<u8, Terminal>,
}

impl Stage<'_> {
    fn act(&mut self, step: &Step) -> Result<(), String> {
        if let Act::Run(command) = &step.act {
            return self.run(step.terminal, command);
        }
        let terminal = self.terminals.get_mut(&step.terminal).ok_or("nothing runs there yet")?;
        if step.act == Act::End {
            return terminal.end();
        }
        let screen = terminal.screen.as_mut().ok_or("its program has ended")?;
        match &step.act {
            Act::Type { prompt, text } => {
                screen.wait(PATIENCE, |text| text.rsplit('\n').next().is_some_and(|line| line.trim_end() == prompt))?;
                let lines = |text: &str| text.matches('\n').count();
                let before = lines(&screen.text());
                screen.press(format!("{text}\n").as_bytes())?;
                // The next step may wait for the same prompt: this one must have been answered.
                screen.wait(PATIENCE, |text| lines(text) > before)
            }
            Act::See(words) => screen.wait(PATIENCE, |text| text.contains(words.as_str())),
            Act::Key(key) => screen.press(&[*key]),
            Act::Run(_) | Act::End => Ok(()),
        }
    }

    fn run(&mut self, number: u8, command: &str) -> Result<(), String> {
        let (real, listens) = self.ports.real(command);
        let terminal = self.terminals.entry(number).or_default();
        terminal.end()?;
        let mut screen = Screen::start(&real, self.folder).map_err(|e| e.to_string())?;
        if number == 0 {
            let said = screen.ended(PATIENCE)?;
            return if said.is_empty() { Ok(()) } else { Err(said) };
        }
        terminal.shown += &format!("$ {command}\n");
        terminal.listens = listens;
        if let Some(page) = listens {
            screen.wait(PATIENCE, |text| port(text).is_some())?;
            let text = screen.text();
            self.ports.0.insert(page, port(&text).ok_or_else(|| format!("no port: {text}"))?);
        }
        terminal.screen = Some(screen);
        Ok(())
    }

    /// Programs end by themselves; servers when they have shown everything.
    fn close(mut self, page: Option<&[String]>) -> Result<Vec<String>, String> {
        for (number, terminal) in &mut self.terminals {
            if terminal.listens.is_none() {
                terminal.end().map_err(|e| format!("terminal {number}: {e}"))?;
            }
        }
        self.wait_for_servers(page);
        self.interrupt()?;
        Ok(self.shown())
    }

    /// Until servers show what the page says, or, where nothing is known of that, until they are silent. What the
    /// others show does not change any more.
    fn wait_for_servers(&self, page: Option<&[String]>) {
        let deadline = Instant::now() + PATIENCE / 2;
        while self.terminals.values().any(|t| t.screen.is_some()) && Instant::now() < deadline {
            let now = self.shown();
            match page {
                Some(page) if self.running().all(|n| page.get(n).is_some_and(|p| settled(p) == settled(&now[n]))) => {
                    return;
                }
                Some(_) => std::thread::park_timeout(Duration::from_millis(5)),
                None => {
                    std::thread::park_timeout(SILENCE);
                    if self.shown() == now {
                        return;
                    }
                }
            }
        }
    }

    /// The places, among those that are shown, of terminals where a program runs.
    fn running(&self) -> impl Iterator<Item = usize> {
        let shown = self.terminals.iter().filter(|(number, _)| **number > 0).enumerate();
        shown.filter(|(_, (_, terminal))| terminal.screen.is_some()).map(|(place, _)| place)
    }

    fn shown(&self) -> Vec<String> {
        let mut clients = BTreeMap::new();
        let shown = self.terminals.iter().filter(|(number, _)| **number > 0);
        shown.map(|(_, terminal)| self.ports.paged(&terminal.text(), &mut clients)).collect()
    }

    /// Ctrl-C for whatever still runs. What a program showed before is what counts: the terminal echoes the key.
    fn interrupt(&mut self) -> Result<(), String> {
        for (number, terminal) in &mut self.terminals {
            let Some(screen) = &mut terminal.screen else { continue };
            if screen.is_over() {
                terminal.end()?;
                continue;
            }
            screen.press(&[3])?;
            terminal.end().map_err(|e| format!("terminal {number}, after Ctrl-C: {e}"))?;
            let end = terminal.shown.rfind("^C").unwrap_or(terminal.shown.len());
            terminal.shown.truncate(end);
        }
        Ok(())
    }
}
