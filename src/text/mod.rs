//! Text that a learner reads, in both languages at once, so that a missing translation does not compile.

pub mod columns;
pub mod harmless;
pub mod hex;
pub mod quantity;

pub(crate) use harmless::shortened;
pub use harmless::{escaped, excerpt, is_harmful, json_line, printable};

use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;

/// The languages of everything a learner reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lang {
    /// English.
    #[default]
    En,
    /// Simplified Chinese.
    Zh,
}

impl Lang {
    /// Reads a locale or a flag's value (`zh`, `zh_CN.UTF-8`, `en`, `C`); unknown languages read English.
    pub fn from_locale(value: &str) -> Lang {
        if value.to_ascii_lowercase().starts_with("zh") { Lang::Zh } else { Lang::En }
    }
}

/// One sentence or word in English and Chinese.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Text {
    /// English.
    pub en: Cow<'static, str>,
    /// Simplified Chinese.
    pub zh: Cow<'static, str>,
}

impl Text {
    /// A fixed text; usable in constants.
    pub const fn new(en: &'static str, zh: &'static str) -> Text {
        Text { en: Cow::Borrowed(en), zh: Cow::Borrowed(zh) }
    }

    /// A text that reads the same in both languages (a number, an identifier, a byte string).
    pub fn same(text: impl Into<String>) -> Text {
        let text: String = text.into();
        Text { en: Cow::Owned(text.clone()), zh: Cow::Owned(text) }
    }

    /// A text made at run time; [`say!`](crate::say) writes both sides with the same values.
    pub fn made(en: String, zh: String) -> Text {
        Text { en: Cow::Owned(en), zh: Cow::Owned(zh) }
    }

    /// Puts another text in the place of the first `{}`, language by language.
    #[must_use]
    pub fn with(&self, inner: &Text) -> Text {
        Text::made(self.en.replacen("{}", &inner.en, 1), self.zh.replacen("{}", &inner.zh, 1))
    }

    /// Puts other texts in the places of the `{}`, in order. What is put in is not looked at again: it may come from a
    /// peer, and hold `{}` itself.
    #[must_use]
    pub fn with_all<const N: usize>(&self, inner: [&Text; N]) -> Text {
        let side = |shape: &str, of: fn(&Text) -> &str| {
            let mut pieces = shape.split("{}");
            let mut out = pieces.next().unwrap_or_default().to_owned();
            let mut texts = inner.iter();
            for piece in pieces {
                out.push_str(texts.next().map_or("{}", |text| of(text)));
                out.push_str(piece);
            }
            out
        };
        Text::made(side(&self.en, |text| &text.en), side(&self.zh, |text| &text.zh))
    }

    /// The text in one language.
    pub fn to(&self, lang: Lang) -> &str {
        match lang {
            Lang::En => &self.en,
            Lang::Zh => &self.zh,
        }
    }
}

/// Errors speak English through `Display`; a renderer that knows the language calls [`Text::to`].
impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.en)
    }
}

impl std::error::Error for Text {}

/// Formats one text in both languages: `say!("sent {n} bytes", "发送了 {n} 字节")`.
#[macro_export]
macro_rules! say {
    ($en:literal, $zh:literal $(,)?) => {
        $crate::text::Text::made(format!($en), format!($zh))
    };
}

/// In quotes where a shell needs them. Letters of any script are plain, and Windows' shell would print the quotes.
///
/// # Errors
/// When the word holds a NUL byte, which no command line can.
pub fn shell_word(word: &str) -> Result<Cow<'_, str>, shlex::QuoteError> {
    let plain = |c: char| c.is_alphanumeric() || "+,-./:=@_".contains(c);
    // zsh(1) takes a word that begins with = for a command's path.
    match !word.is_empty() && !word.starts_with('=') && word.chars().all(plain) {
        true => Ok(Cow::Borrowed(word)),
        false => shlex::try_quote(word),
    }
}

/// A number with its thousands apart: `1048576` reads `1,048,576`.
pub fn grouped(n: impl TryInto<u64>) -> String {
    let digits = n.try_into().ok().unwrap_or(u64::MAX).to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i) % 3 == 0 {
            out.push(',');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locales_choose_the_language() {
        assert_eq!(Lang::from_locale("zh_CN.UTF-8"), Lang::Zh);
        assert_eq!(Lang::from_locale("C"), Lang::En);
    }

    #[test]
    fn what_is_put_in_is_not_looked_at_again() {
        let (shape, peers) = (Text::new("{}: {}.", "{}：{}。"), Text::same("a {} b"));
        let text = shape.with_all([&peers, &Text::new("no", "不")]);
        assert_eq!((&*text.en, &*text.zh), ("a {} b: no.", "a {} b：不。"));
    }

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!(grouped(0u64), "0");
        assert_eq!(grouped(999u64), "999");
        assert_eq!(grouped(1_048_576u64), "1,048,576");
    }
}
