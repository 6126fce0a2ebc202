//! A packet as an arrow between two lanes.

use crate::render::Style;
use crate::text::columns::{columns, cut};

/// The characters an arrow is made of.
#[derive(Clone, Copy)]
pub struct Glyphs {
    edge: char,
    shaft: char,
    right: char,
    left: char,
    lost: char,
    unicode: bool,
}

impl Glyphs {
    /// ASCII, or what looks like it.
    pub fn of(style: &Style) -> Glyphs {
        match style.unicode {
            false => Glyphs { edge: '|', shaft: '-', right: '>', left: '<', lost: 'x', unicode: false },
            true => Glyphs { edge: '│', shaft: '─', right: '▶', left: '◀', lost: '✗', unicode: true },
        }
    }
}

/// `|---- SYN ------------->|`
pub struct Arrow<'a> {
    /// From the left lane to the right one.
    pub rightward: bool,
    /// It reaches the other lane.
    pub arrives: bool,
    /// What it says.
    pub label: &'a str,
    /// What it is made of.
    pub glyphs: Glyphs,
}

/// Shaft before the label.
const TAIL: usize = 4;
/// Shaft behind it, at least.
const NOSE: usize = 1;
/// How far before the lane a lost packet ends, where there is room.
const SHORT: usize = 6;

impl Arrow<'_> {
    /// What stands before the label, the label, and what stands behind it: `room` columns between the edges.
    pub fn drawn(&self, room: usize) -> [String; 3] {
        let Glyphs { edge, shaft, lost, unicode, .. } = self.glyphs;
        let head = match (self.arrives, self.rightward) {
            (false, _) => lost,
            (true, true) => self.glyphs.right,
            (true, false) => self.glyphs.left,
        };
        // A space at each side of the label; the head is a part of the shaft it points with.
        let label = cut(self.label, room - TAIL - 2 - NOSE - 1, unicode);
        let rest = room - TAIL - 2 - columns(&label) - 1;
        let missing = if self.arrives { 0 } else { SHORT.min(rest - NOSE) };
        let line = |n: usize| shaft.to_string().repeat(n);
        let gap = " ".repeat(missing);
        let [before, after] = match self.rightward {
            true => [format!("{edge}{} ", line(TAIL)), format!(" {}{head}{gap}{edge}", line(rest - missing))],
            false => [format!("{edge}{gap}{head}{} ", line(TAIL)), format!(" {}{edge}", line(rest - missing))],
        };
        [before, label, after]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arrow_fills_its_room_whatever_it_says() {
        let style = Style::plain();
        for label in ["", "SYN", "M1 [粘包] 6 字节", "a label that is much longer than any arrow can be"] {
            for (rightward, arrives) in [(true, true), (true, false), (false, true), (false, false)] {
                for unicode in [false, true] {
                    let glyphs = Glyphs::of(&Style { unicode, ..style.clone() });
                    for room in 20..60 {
                        let drawn = Arrow { rightward, arrives, label, glyphs }.drawn(room).concat();
                        assert_eq!(columns(&drawn), room + 2, "{drawn}");
                    }
                }
            }
        }
    }
}
