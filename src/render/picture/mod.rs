//! Pictures of a run, as SVG: its tapes and its ladder, drawn once for the page and for a picture that stands alone.

mod axis;
mod inks;
mod poster;
mod rung;
mod rungs;
mod speech;
mod spots;
mod strip;

pub(crate) use inks::{class, message_rules, page_colors, patterns, sheet};
pub use poster::poster;
pub(crate) use rung::{MOST_ROWS, Spacing};
pub(crate) use rungs::ladder;
pub(crate) use speech::{Speech, both};
pub(crate) use strip::{Drawn, drawn as tapes, px};

/// What both kinds of picture look like.
pub(crate) const STYLE: &str = include_str!("picture.css");
