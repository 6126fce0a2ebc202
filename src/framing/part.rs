//! Header or body: which part of a message a byte belongs to.

use serde::{Deserialize, Serialize};

/// Header or body of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// The bytes a framing puts before the body.
    Header,
    /// What the application wanted to say.
    Body,
}

impl Part {
    /// The word used in JSON.
    pub const fn word(self) -> &'static str {
        match self {
            Part::Header => "header",
            Part::Body => "body",
        }
    }
}
