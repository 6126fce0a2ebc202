//! The notation of a script: one step a line, `2 >> hello`.

use std::fmt;

/// One line of a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Which terminal; 0 prepares and is not shown.
    pub terminal: u8,
    pub act: Act,
}

/// What happens in a terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// `$ COMMAND`: start it, once the one before it there has ended.
    Run(String),
    /// `PROMPT TEXT`: wait for the prompt, type the text.
    Type { prompt: String, text: String },
    /// `? WORDS`: wait until they are on the screen.
    See(String),
    /// `^C`, `^D`: press it.
    Key(u8),
    /// `.`: wait until its program has ended.
    End,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "terminal {}: {:?}", self.terminal, self.act)
    }
}

/// Reads a script.
pub fn parse(text: &str) -> Result<Vec<Step>, String> {
    text.lines().filter(|line| !line.trim().is_empty()).map(step).collect()
}

fn step(line: &str) -> Result<Step, String> {
    let wrong = || format!("not a step: {line:?}");
    let (number, rest) = line.split_once(' ').ok_or_else(wrong)?;
    let (word, text) = rest.split_once(' ').unwrap_or((rest, ""));
    let act = match (word, text) {
        ("$", command) if !command.is_empty() => Act::Run(command.to_owned()),
        ("?", words) if !words.is_empty() => Act::See(words.to_owned()),
        ("^C", "") => Act::Key(3),
        ("^D", "") => Act::Key(4),
        (".", "") => Act::End,
        ("" | "$" | "?" | "^C" | "^D" | ".", _) => return Err(wrong()),
        (prompt, text) => Act::Type { prompt: prompt.to_owned(), text: text.to_owned() },
    };
    Ok(Step { terminal: number.parse().map_err(|_| wrong())?, act })
}
