//! Who takes part in a run.

use super::word;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// What an end plays: one of the two programs of a page, or what stands between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The side that connects, or sends the first datagram.
    Client,
    /// What stands between the two: a server to the client, a client to the server. On a link it is at the server's
    /// host.
    Relay,
    /// The side that listens.
    Server,
}

impl Role {
    /// Every role, in the order of the lanes.
    pub const ALL: [Role; 3] = [Role::Client, Role::Relay, Role::Server];

    /// The word used in lanes, options and JSON.
    pub const fn word(self) -> &'static str {
        match self {
            Role::Client => "client",
            Role::Relay => "relay",
            Role::Server => "server",
        }
    }

    /// The one it talks to where two ends meet; a relay has both, and its server is meant.
    #[must_use]
    pub const fn other(self) -> Role {
        match self {
            Role::Client | Role::Relay => Role::Server,
            Role::Server => Role::Client,
        }
    }
}

/// One end of a scenario: `client`, `server`, or one of several (`client-2`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EndName {
    /// Which program it plays.
    pub role: Role,
    /// 0 when it is the only one of its role; 1, 2, … among several.
    pub index: u32,
}

impl EndName {
    /// The only end of a role.
    pub const fn only(role: Role) -> EndName {
        EndName { role, index: 0 }
    }

    /// The end it talks to, where each has one peer.
    #[must_use]
    pub const fn other(self) -> EndName {
        EndName { role: self.role.other(), index: self.index }
    }
}

impl fmt::Display for EndName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.index {
            0 => f.write_str(self.role.word()),
            n => write!(f, "{}-{n}", self.role.word()),
        }
    }
}

/// Reads what [`Display`](fmt::Display) writes.
impl FromStr for EndName {
    type Err = String;

    fn from_str(text: &str) -> Result<EndName, String> {
        let (role, index) = text.split_once('-').map_or((text, Some(0)), |(role, index)| (role, place(index)));
        let role = Role::ALL.into_iter().find(|r| r.word() == role);
        let name = role.zip(index).map(|(role, index)| EndName { role, index });
        name.ok_or_else(|| format!("{text:?} is no end"))
    }
}

/// A number from 1, written in one way only.
pub(super) fn place(digits: &str) -> Option<u32> {
    digits.parse().ok().filter(|n: &u32| *n > 0 && n.to_string() == digits)
}

word::serde_by_word!(EndName);
