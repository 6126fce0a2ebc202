//! From the name of a framing to what cuts a stream by it.

use super::json::Json;
use super::{Framing, I32_LE, Kind, LineFeed, Netstring, U8, U16_BE, U32_BE, U32_LE};

/// The framing of this name, where a stream alone tells where its messages end.
pub fn of_kind(kind: Kind) -> Option<&'static dyn Framing> {
    match kind {
        Kind::I32Le => Some(&I32_LE),
        Kind::U32Le => Some(&U32_LE),
        Kind::U32Be => Some(&U32_BE),
        Kind::U16Be => Some(&U16_BE),
        Kind::U8 => Some(&U8),
        Kind::Json => Some(&Json),
        Kind::Line => Some(&LineFeed),
        Kind::Netstring => Some(&Netstring),
        Kind::None | Kind::Ack => None,
    }
}
