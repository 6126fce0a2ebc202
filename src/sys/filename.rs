//! A file name that came over the network, checked before anything is done with it. A server that
//! joins a directory and whatever the peer sent lets the peer write anywhere (CWE-22): D1's does.

use crate::say;
use crate::text::Text;
use std::fmt;
use std::path::{Path, PathBuf};

/// A plain name of one file: no directory, no way out of one. Only [`parse`](FileName::parse) makes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileName(String);

/// The longest name that common file systems keep, in bytes.
const LONGEST: usize = 255;

impl FileName {
    /// Checks a name. The rules are the same on every system, so that a name means the same on both ends:
    /// the separators of both kinds, drive letters and streams (`:`), control characters, `.` and `..`
    /// are refused, as are names that Windows would take for a device or change (a dot or space at the end).
    ///
    /// # Errors
    /// Why the name is refused.
    pub fn parse(name: &str) -> Result<FileName, Text> {
        let because = |why: Text| {
            let shown: String = name.escape_debug().take(40).collect();
            Err(Text::new("the file name \"{}\" is refused: {}", "拒绝文件名“{}”：{}")
                .with_all([&Text::same(shown), &why]))
        };
        let stem = name.split('.').next().unwrap_or(name).trim_end();
        if name.is_empty() {
            because(Text::new("it is empty", "它是空的"))
        } else if name.len() > LONGEST {
            because(say!("it is longer than {LONGEST} bytes", "它超过 {LONGEST} 字节"))
        } else if name.contains(['/', '\\']) {
            because(Text::new("it leads to another directory", "它指向别的目录"))
        } else if name.chars().all(|c| c == '.') {
            because(Text::new("it is a directory", "它是目录"))
        } else if name.chars().any(char::is_control) {
            because(Text::new("it holds control characters", "它含有控制字符"))
        } else if name.contains(':') || name.ends_with(['.', ' ']) || is_device(stem) {
            because(Text::new("Windows would take it for something else", "Windows 会把它当成别的东西"))
        } else {
            Ok(FileName(name.to_owned()))
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The file of this name in a directory.
    pub fn within(&self, dir: &Path) -> PathBuf {
        dir.join(&self.0)
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// `CON`, `COM1`: a device on Windows whatever follows the dot (Microsoft Learn, Naming Files, Paths, and Namespaces).
fn is_device(stem: &str) -> bool {
    /// Windows reads the superscript digits of ISO 8859-1 as digits here.
    const NUMBERS: &[char] = &['1', '2', '3', '4', '5', '6', '7', '8', '9', '¹', '²', '³'];
    let stem = stem.to_ascii_uppercase();
    let numbered = |name: &str| stem.strip_prefix(name).is_some_and(|n| n.chars().count() == 1 && n.contains(NUMBERS));
    ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"].contains(&stem.as_str()) || numbered("COM") || numbered("LPT")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_names_pass_in_any_language() {
        for name in ["a.txt", "专题海报.jpg", ".hidden", "a..b", "two words", "console", "COM0", "com10.txt", "COM¼"]
        {
            assert_eq!(FileName::parse(name).unwrap().as_str(), name);
        }
    }

    #[test]
    fn a_name_stays_in_its_directory() {
        let inside = FileName::parse("a..b").unwrap().within(Path::new("store"));
        assert_eq!(inside, Path::new("store").join("a..b"));
    }

    #[test]
    fn what_leads_elsewhere_is_refused() {
        let long = "x".repeat(256);
        for name in [
            "",
            ".",
            "..",
            "...",
            "../a",
            "a/b",
            "/etc/passwd",
            "..\\a",
            "C:a",
            "a:b",
            "a\0",
            "a\nb",
            "a.",
            "a ",
            "nul",
            "NUL.txt",
            "com1.log",
            "LPT9",
            "COM¹.txt",
            "lpt³",
            "conin$",
            long.as_str(),
        ] {
            assert!(FileName::parse(name).is_err(), "{name:?}");
        }
        let said = FileName::parse("../{}").unwrap_err();
        assert_eq!(said.en, "the file name \"../{}\" is refused: it leads to another directory");
        let said = FileName::parse("../a\x1b[2J").unwrap_err();
        assert_eq!(said.en, "the file name \"../a\\u{1b}[2J\" is refused: it leads to another directory");
    }
}
