//! What claims compare, and how it reads.

use crate::text::{Text, escaped, grouped};
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;

/// Something a claim compares. What differs from run to run reads `n` in text that must not change.
pub trait Value {
    /// As it reads in both languages: a number, a name, hex.
    fn exact(&self) -> String;

    /// As it reads in text that is the same on every run.
    fn steady(&self, _varies: bool) -> String {
        self.exact()
    }
}

impl Value for usize {
    fn exact(&self) -> String {
        grouped(*self)
    }
}

impl Value for u32 {
    fn exact(&self) -> String {
        grouped(*self)
    }
}

impl Value for u64 {
    fn exact(&self) -> String {
        grouped(*self)
    }
}

/// Words may be a peer's: they are harmless on every screen.
impl Value for String {
    fn exact(&self) -> String {
        escaped(self)
    }
}

impl Value for &str {
    fn exact(&self) -> String {
        escaped(self)
    }
}

impl<V: Value + ?Sized> Value for &V {
    fn exact(&self) -> String {
        (**self).exact()
    }

    fn steady(&self, varies: bool) -> String {
        (**self).steady(varies)
    }
}

/// Several, apart by a semicolon; `-` where there are none.
impl<V: Value> Value for Vec<V> {
    fn exact(&self) -> String {
        listed(self.iter().map(Value::exact))
    }

    fn steady(&self, varies: bool) -> String {
        listed(self.iter().map(|v| v.steady(varies)))
    }
}

fn listed(values: impl Iterator<Item = String>) -> String {
    let values: Vec<String> = values.collect();
    if values.is_empty() { "-".into() } else { values.join("; ") }
}

/// A number that the machine chooses in runs whose sizes and counts differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Varying<N>(pub N);

/// Beside a number that is the same on every run.
impl<N: PartialEq> PartialEq<N> for Varying<N> {
    fn eq(&self, other: &N) -> bool {
        self.0 == *other
    }
}

impl<N: PartialOrd> PartialOrd<N> for Varying<N> {
    fn partial_cmp(&self, other: &N) -> Option<Ordering> {
        self.0.partial_cmp(other)
    }
}

impl<N: Value> Value for Varying<N> {
    fn exact(&self) -> String {
        self.0.exact()
    }

    fn steady(&self, varies: bool) -> String {
        if varies { "n".into() } else { self.exact() }
    }
}

/// The same, but nothing stays nothing: `0` says that it did not happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct VaryingFromZero<N>(pub N);

impl<N: Value> Value for VaryingFromZero<N> {
    fn exact(&self) -> String {
        self.0.exact()
    }

    fn steady(&self, varies: bool) -> String {
        let exact = self.exact();
        if varies && exact != "0" { "n".into() } else { exact }
    }
}

/// A time that was measured, in microseconds; it reads in milliseconds, `44.21`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Measured(pub u64);

impl Value for Measured {
    fn exact(&self) -> String {
        format!("{:.2}", self.0 as f64 / 1000.0)
    }

    fn steady(&self, _: bool) -> String {
        "n".into()
    }
}

/// One side of a claim: as it reads, and as it reads where the text must be the same on every run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sentence {
    /// With the numbers of this run.
    pub exact: Text,
    /// With `n` for numbers that differ from run to run.
    pub steady: Text,
}

impl From<Text> for Sentence {
    fn from(text: Text) -> Sentence {
        Sentence { steady: text.clone(), exact: text }
    }
}

impl Sentence {
    /// A sentence with values in it; `varies` says whether this run's sizes and counts differ from run to run.
    pub(super) fn with<const N: usize>(
        values: [&dyn Value; N],
        varies: bool,
        shape: impl Fn([String; N]) -> Text,
    ) -> Sentence {
        Sentence { exact: shape(values.map(|v| v.exact())), steady: shape(values.map(|v| v.steady(varies))) }
    }

    /// This sentence, and another behind a space.
    pub(super) fn followed_by(&self, more: &Sentence) -> Sentence {
        let joined = |a: &Text, b: &Text| Text::same("{} {}").with_all([a, b]);
        Sentence { exact: joined(&self.exact, &more.exact), steady: joined(&self.steady, &more.steady) }
    }

    /// This sentence, and another right behind it.
    pub(super) fn beside(&self, more: &Sentence) -> Sentence {
        let joined = |a: &Text, b: &Text| Text::same("{}{}").with_all([a, b]);
        Sentence { exact: joined(&self.exact, &more.exact), steady: joined(&self.steady, &more.steady) }
    }

    /// The sentence in the place of `{}`.
    #[must_use]
    pub fn within(&self, frame: &Text) -> Sentence {
        Sentence { exact: frame.with_all([&self.exact]), steady: frame.with_all([&self.steady]) }
    }
}
