//! What happens between two rows.

use std::io::{self, Write};

/// Called between two rows: `--step` marks them there, everything else goes on.
pub trait Steps {
    /// Before a row is written.
    ///
    /// # Errors
    /// What writing says.
    fn before(&mut self, _out: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }

    /// Before the first row of a part.
    ///
    /// # Errors
    /// What writing says.
    fn part(&mut self, _out: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }

    /// Is the answer kept back to the end?
    fn keeps_the_answer_back(&self) -> bool {
        false
    }
}

impl Steps for () {}

/// Stands before each row. Nothing that is shown holds it: a control character is always escaped.
const ROW: u8 = 0x1e;
/// Stands before the first row of a part.
const PART: u8 = 0x1d;

/// A text in steps: a row, or what surrounds them.
#[derive(Debug, PartialEq, Eq)]
pub struct RowStep {
    /// What is written.
    pub text: Vec<u8>,
    /// A part begins here.
    pub begins_part: bool,
}

/// Marks the rows, so that the text can be cut into steps.
pub struct Marks;

impl Steps for Marks {
    fn before(&mut self, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(&[ROW])
    }

    fn part(&mut self, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(&[PART])
    }

    fn keeps_the_answer_back(&self) -> bool {
        true
    }
}

impl Marks {
    /// The steps of a text that was written with marks.
    pub fn cut(text: &[u8]) -> Vec<RowStep> {
        let step = |piece: &[u8]| RowStep {
            text: piece.iter().copied().filter(|byte| *byte != PART).collect(),
            begins_part: piece.contains(&PART),
        };
        text.split(|byte| *byte == ROW).map(step).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marked_text_is_cut_where_its_rows_begin() {
        let mut text = b"head\n".to_vec();
        for row in [&b"one\n"[..], b"two\n"] {
            Marks.before(&mut text).expect("memory");
            if row == b"two\n" {
                Marks.part(&mut text).expect("memory");
            }
            text.extend(row);
        }
        let steps = Marks::cut(&text);
        let texts: Vec<&[u8]> = steps.iter().map(|step| &step.text[..]).collect();
        assert_eq!(texts, [&b"head\n"[..], b"one\n", b"two\n"]);
        assert_eq!(steps.iter().map(|step| step.begins_part).collect::<Vec<_>>(), [false, false, true]);
    }
}
