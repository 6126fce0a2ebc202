//! Colour, decided once. A renderer asks for a meaning; without colour the text stands alone.
//!
//! The colours are those of the 256 whose shades are the same in every terminal (16 to 255); what the terminal calls
//! yellow may be unreadable on its white. A test measures every pair.

use crate::trace::MsgId;
use colored::{Color, Colorize};

/// What a stretch of text means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ink {
    /// The bytes and the name of one message.
    Message(MsgId),
    /// Something said beside the point: labels, further commands.
    Faint,
    /// A heading.
    Strong,
    /// A claim that holds.
    Good,
    /// A claim that does not, an error.
    Bad,
}

/// What the colours are made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Theme {
    /// Any terminal: each colour brings its background with it.
    Any,
    /// A light background.
    Light,
    /// A dark background.
    Dark,
    /// No colours: bold, underlined, reversed.
    Mono,
}

/// Paints, or does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Palette {
    on: bool,
    theme: Theme,
}

/// Text that is legible on the pale ones, and on the deep ones.
const BLACK: u8 = 16;
const WHITE: u8 = 231;

/// Pale blue, amber, pink, grey, teal, lilac: messages take them in turn, and none is a verdict's, or faint.
const PALE: [u8; 6] = [153, 222, 218, 252, 116, 183];
/// The same, for text on a light background.
const ON_LIGHT: [u8; 6] = [25, 94, 90, 58, 23, 54];
/// The same, for text on a dark background.
const ON_DARK: [u8; 6] = [117, 215, 218, 227, 80, 183];

/// Of a claim that holds, and of one that fails: as a background with white text, on light, on dark.
const VERDICTS: [[u8; 2]; 3] = [[22, 88], [22, 124], [120, 210]];
/// Beside the point: on light, on dark.
const FAINT: [u8; 2] = [241, 248];

impl Palette {
    /// A palette for the whole output, legible in any terminal.
    pub fn new(on: bool) -> Palette {
        Palette::themed(on, Theme::Any)
    }

    /// The same for a terminal of which more is known.
    pub fn themed(on: bool, theme: Theme) -> Palette {
        // `colored` has a global switch of its own; the palette decides alone.
        colored::control::set_override(true);
        Palette { on, theme }
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
        let on = |text: u8, background: u8| (Some(text), Some(background));
        let (colour, background) = match (self.theme, ink) {
            (Theme::Mono, _) => return mono(text, ink),
            (_, Ink::Strong) => return text.bold().to_string(),
            (Theme::Any, Ink::Message(id)) => on(BLACK, turn(PALE, id)),
            (Theme::Any, Ink::Good) => on(WHITE, VERDICTS[0][0]),
            (Theme::Any, Ink::Bad) => on(WHITE, VERDICTS[0][1]),
            (Theme::Any, Ink::Faint) => (None, None),
            (Theme::Light, Ink::Message(id)) => (Some(turn(ON_LIGHT, id)), None),
            (Theme::Light, Ink::Good) => (Some(VERDICTS[1][0]), None),
            (Theme::Light, Ink::Bad) => (Some(VERDICTS[1][1]), None),
            (Theme::Light, Ink::Faint) => (Some(FAINT[0]), None),
            (Theme::Dark, Ink::Message(id)) => (Some(turn(ON_DARK, id)), None),
            (Theme::Dark, Ink::Good) => (Some(VERDICTS[2][0]), None),
            (Theme::Dark, Ink::Bad) => (Some(VERDICTS[2][1]), None),
            (Theme::Dark, Ink::Faint) => (Some(FAINT[1]), None),
        };
        let mut painted = text.normal();
        if let Some(colour) = colour {
            painted = painted.color(Color::AnsiColor(colour));
        }
        if let Some(background) = background {
            painted = painted.on_color(Color::AnsiColor(background));
        }
        if matches!(ink, Ink::Good | Ink::Bad) { painted.bold() } else { painted }.to_string()
    }
}

/// The colour of a message: they take turns.
fn turn(colours: [u8; 6], id: MsgId) -> u8 {
    colours[id.turn(colours.len())]
}

/// The meaning without a colour.
fn mono(text: &str, ink: Ink) -> String {
    match ink {
        Ink::Message(id) if id.0 % 2 == 1 => text.bold(),
        Ink::Message(_) => text.underline(),
        Ink::Faint => text.normal(),
        Ink::Strong | Ink::Good => text.bold(),
        Ink::Bad => text.reversed(),
    }
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::contrast::{LEGIBLE, contrast};

    /// Red, green and blue of a colour from 16 on: a cube of 6 × 6 × 6, then greys.
    fn shade(colour: u8) -> [u8; 3] {
        let level = |n: u8| if n == 0 { 0 } else { 55 + 40 * n };
        match colour {
            232.. => [8 + 10 * (colour - 232); 3],
            _ => [(colour - 16) / 36, (colour - 16) / 6 % 6, (colour - 16) % 6].map(level),
        }
    }

    /// White; Solarized light; One Half light; GNOME's.
    const LIGHT: [[u8; 3]; 4] = [[255, 255, 255], [253, 246, 227], [250, 250, 250], [255, 255, 221]];
    /// Black; Campbell; VS Code; Solarized dark; Ubuntu; Tango.
    const DARK: [[u8; 3]; 6] = [[0, 0, 0], [12, 12, 12], [30, 30, 30], [0, 43, 54], [48, 10, 36], [46, 52, 54]];

    #[test]
    fn everything_is_legible_on_the_common_backgrounds() {
        let pairs = PALE.map(|pale| (BLACK, shade(pale))).into_iter();
        let verdicts = VERDICTS[0].map(|deep| (WHITE, shade(deep)));
        let on = |colours: Vec<u8>, backgrounds: &'static [[u8; 3]]| {
            colours.into_iter().flat_map(move |colour| backgrounds.iter().map(move |background| (colour, *background)))
        };
        let light = [&ON_LIGHT[..], &VERDICTS[1], &FAINT[..1]].concat();
        let dark = [&ON_DARK[..], &VERDICTS[2], &FAINT[1..]].concat();
        for (colour, background) in pairs.chain(verdicts).chain(on(light, &LIGHT)).chain(on(dark, &DARK)) {
            let contrast = contrast(shade(colour), background);
            assert!(contrast >= LEGIBLE, "{colour} on {background:?}: {contrast:.1}");
        }
    }

    #[test]
    fn no_message_has_a_verdicts_colour_and_neighbours_differ() {
        for (messages, verdicts) in [PALE, ON_LIGHT, ON_DARK].iter().zip(VERDICTS) {
            assert!(verdicts.iter().all(|verdict| !messages.contains(verdict)));
            assert!(FAINT.iter().all(|faint| messages.iter().all(|message| shade(*message) != shade(*faint))));
            let distinct: std::collections::HashSet<_> = messages.iter().collect();
            assert_eq!(distinct.len(), messages.len());
        }
    }

    #[test]
    fn without_colours_every_meaning_is_still_marked() {
        let paint = |ink| Palette::themed(true, Theme::Mono).paint("x", ink);
        let marked = [Ink::Message(MsgId(1)), Ink::Message(MsgId(2)), Ink::Strong, Ink::Good, Ink::Bad];
        for ink in marked {
            let painted = paint(ink);
            assert!(painted.contains('\u{1b}') && !painted.contains("38;") && !painted.contains("48;"), "{painted:?}");
        }
        assert_ne!(paint(Ink::Good), paint(Ink::Bad));
        assert_ne!(paint(Ink::Message(MsgId(1))), paint(Ink::Message(MsgId(2))));
    }
}
