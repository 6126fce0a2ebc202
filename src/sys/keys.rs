//! Single keys from a terminal, without Enter and without echo. Elsewhere, and from a pipe, a line stands for a key.

use std::io::{self, BufRead};

/// What a key means to whoever shows something step by step. A presenter's clicker sends PageUp and PageDown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keypress {
    /// Space, Enter, right, down, PageDown.
    Forward,
    /// Left, up, PageUp, Backspace, b.
    Back,
    /// Tab, a: to the next part.
    Part,
    /// c, or the end of the input: all of the rest.
    RunOn,
    /// q.
    Quit,
}

/// The key that these bytes are, as terminals send them; others mean nothing.
fn named(bytes: &[u8]) -> Option<Keypress> {
    match bytes {
        b" " | b"\r" | b"\n" | b"\x1b[C" | b"\x1b[B" | b"\x1b[6~" | b"\x1bOC" | b"\x1bOB" | b"n" => {
            Some(Keypress::Forward)
        }
        b"\x1b[D" | b"\x1b[A" | b"\x1b[5~" | b"\x1bOD" | b"\x1bOA" | b"\x7f" | b"\x08" | b"b" | b"p" => {
            Some(Keypress::Back)
        }
        b"\t" | b"a" => Some(Keypress::Part),
        b"c" | b"\x04" => Some(Keypress::RunOn),
        b"q" => Some(Keypress::Quit),
        _ => None,
    }
}

/// A line in the place of a key: its first letter, or nothing, which goes forward.
fn line() -> io::Result<Keypress> {
    let mut text = String::new();
    if io::stdin().lock().read_line(&mut text)? == 0 {
        return Ok(Keypress::RunOn);
    }
    let letter = text.trim().as_bytes();
    Ok(letter.first().and_then(|letter| named(&[*letter])).unwrap_or(Keypress::Forward))
}

#[cfg(unix)]
mod terminal {
    use super::{Keypress, named};
    use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
    use std::io;
    use std::sync::{Mutex, MutexGuard, PoisonError};

    /// How the terminal was, while it is otherwise.
    static BEFORE: Mutex<Option<Termios>> = Mutex::new(None);

    fn before() -> MutexGuard<'static, Option<Termios>> {
        BEFORE.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a key; `None` where standard input is no terminal.
    pub fn key() -> io::Result<Option<Keypress>> {
        let Ok(usual) = tcgetattr(io::stdin()) else { return Ok(None) };
        let mut single = usual.clone();
        single.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO);
        *before() = Some(usual);
        tcsetattr(io::stdin(), OptionalActions::Now, &single)?;
        let key = read();
        restore();
        key.map(Some)
    }

    fn read() -> io::Result<Keypress> {
        loop {
            let mut bytes = [0; 16];
            // A key's bytes come together.
            match rustix::io::read(io::stdin(), &mut bytes) {
                Ok(0) => return Ok(Keypress::RunOn),
                Ok(n) => {
                    if let Some(key) = named(&bytes[..n]) {
                        return Ok(key);
                    }
                }
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// The terminal as it was.
    pub fn restore() {
        if let Some(usual) = before().take() {
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, &usual);
        }
    }
}

#[cfg(not(unix))]
mod terminal {
    use super::Keypress;
    use std::io;

    pub fn key() -> io::Result<Option<Keypress>> {
        Ok(None)
    }

    pub fn restore() {}
}

/// Waits for a key, or where there is no terminal for a line.
///
/// # Errors
/// When standard input cannot be read.
pub fn key() -> io::Result<Keypress> {
    match terminal::key()? {
        Some(key) => Ok(key),
        None => line(),
    }
}

/// Gives the terminal back as it was: before the process ends in the middle of a wait.
pub fn restore() {
    terminal::restore();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clicker_an_arrow_and_a_letter_mean_the_same() {
        for forward in ["\x1b[6~", "\x1b[C", " ", "\r"] {
            assert_eq!(named(forward.as_bytes()), Some(Keypress::Forward));
        }
        for back in ["\x1b[5~", "\x1b[D", "b"] {
            assert_eq!(named(back.as_bytes()), Some(Keypress::Back));
        }
        assert_eq!(named(b"\x1b"), None, "Escape alone does nothing");
        assert_eq!(named(b"x"), None);
    }
}
