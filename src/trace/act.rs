//! The stage directions of a run: its acts, and the gates that make an end wait for another.

use super::EndName;
use crate::text::Text;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// One of several variants that a run plays after each other: Nagle on, then off; the loop of the page, then the
/// corrected one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Act {
    /// Its name for programs, and for the ends to agree on.
    pub key: Cow<'static, str>,
    /// Its heading.
    pub title: Text,
}

impl Act {
    /// An act; usable in constants.
    pub const fn new(key: &'static str, en: &'static str, zh: &'static str) -> Act {
        Act { key: Cow::Borrowed(key), title: Text::new(en, zh) }
    }
}

/// An act, or something that is played as one.
pub trait Variant {
    /// The act.
    fn act(&self) -> &Act;
}

impl Variant for Act {
    fn act(&self) -> &Act {
        self
    }
}

/// An act, and what is different in it.
impl<T> Variant for (Act, T) {
    fn act(&self) -> &Act {
        &self.0
    }
}

/// When an end opened a gate: after how many of its events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opening {
    /// The gate's name.
    pub gate: Cow<'static, str>,
    /// Which of its openings, from 1.
    pub nth: usize,
    /// Who opened it.
    pub end: EndName,
    /// How many events that end had recorded by then.
    pub after: usize,
}
