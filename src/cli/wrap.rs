//! Help in the columns of the terminal, Chinese measured in columns: clap breaks lines at spaces alone.

use crate::text::columns::{columns, wrapped};

/// Columns where nobody looks.
const USUAL: usize = 80;
/// Longer lines are hard to read.
const MOST: usize = 100;

/// The text with no line wider than the terminal.
pub(super) fn help(text: &str) -> String {
    let width = terminal_size::terminal_size().map_or(USUAL, |(terminal_size::Width(width), _)| usize::from(width));
    within(text, width.clamp(40, MOST))
}

/// Each line broken where it has to be, what follows under its own beginning: behind an option, or a name.
fn within(text: &str, width: usize) -> String {
    let mut out = String::new();
    for line in text.lines() {
        let indent = indent(line);
        if columns(line) <= width || indent * 2 > width {
            out += line;
        } else {
            let (before, rest) = line.split_at(indent);
            let lines = wrapped(rest, width - columns(before));
            out += before;
            out += &lines.join(&format!("\n{}", " ".repeat(columns(before))));
        }
        out.push('\n');
    }
    out
}

/// Where the text of a line begins, in bytes: behind its name and two spaces at least, if it has one.
fn indent(line: &str) -> usize {
    let start = line.len() - line.trim_start().len();
    let named = start >= 2;
    let gap = line[start..].find("  ").filter(|_| named).map(|at| start + at);
    gap.map_or(start, |gap| gap + line[gap..].len() - line[gap..].trim_start().len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_long_goes_on_under_its_own_beginning() {
        let text = "Usage: x\n  -h, --help  print help and much more\n  udp-loss   UDP 会丢数据报，发送方并不知道\n";
        let expected = "Usage: x\n  -h, --help  print help and\n              much more\n  \
                        udp-loss   UDP 会丢数据\n             报，发送方并不\n             知道\n";
        assert_eq!(within(text, 28), expected);
    }
}
