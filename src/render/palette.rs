//! Colour, decided once. A renderer asks for a meaning; without colour the text stands alone.

use crate::trace::MsgId;
use colored::{Color, Colorize};

/// What a stretch of text means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ink {
    /// The bytes and the name of one message.
    Message(MsgId),
    /// Something said beside the point: times, labels, kernel notes.
    Faint,
    /// A heading.
    Strong,
    /// A claim that holds.
    Good,
    /// A claim that does not, an error.
    Bad,
}

/// Paints, or does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Palette {
    on: bool,
}

/// Named colours that stay apart on dark and light backgrounds and for most colour-blind eyes;
/// messages take them in turn.
const MESSAGES: [Color; 6] =
    [Color::Cyan, Color::Yellow, Color::Magenta, Color::Green, Color::BrightBlue, Color::BrightRed];

impl Palette {
    /// A palette for the whole output.
    pub fn new(on: bool) -> Palette {
        // `colored` has a global switch of its own; the palette decides alone.
        colored::control::set_override(true);
        Palette { on }
    }

    /// Does it paint?
    pub fn on(self) -> bool {
        self.on
    }

    /// The text in the colour of its meaning. Pad before painting: escapes have no width.
    pub fn paint(self, text: &str, ink: Ink) -> String {
        if !self.on || text.is_empty() {
            return text.to_owned();
        }
        match ink {
            Ink::Message(id) => text.color(MESSAGES[(id.0 as usize + MESSAGES.len() - 1) % MESSAGES.len()]),
            Ink::Faint => text.dimmed(),
            Ink::Strong => text.bold(),
            Ink::Good => text.green().bold(),
            Ink::Bad => text.red().bold(),
        }
        .to_string()
    }
}
