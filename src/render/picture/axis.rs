//! Where a byte of a stream stands on its tapes: one place for all of them, so that the same byte stands above itself.

use crate::render::tapes::Tapes;
use std::ops::Range;

/// Up to so many bytes, each has a cell in which it can be read.
const CELLS: usize = 72;
/// How wide a cell is, at least and at most.
const CELL: (f64, f64) = (15.0, 76.0);
/// How wide a stretch without a cut is, at least.
const STRETCH: f64 = 14.0;
/// Stretches that are drawn at the beginning and at the end, of a stream with more.
const KEPT: (usize, usize) = (34, 14);
/// How wide the place is that stands for the others.
const GAP: f64 = 70.0;

/// Bytes and their places.
pub(super) struct Axis {
    /// Offsets with their places, rising; between two of them it is straight.
    stops: Vec<(usize, f64)>,
    /// Every byte has a cell.
    pub(super) cells: bool,
    /// What is not drawn.
    pub(super) gap: Option<Range<usize>>,
}

/// Every offset at which some tape is cut, or a header ends.
fn cuts(stream: &Tapes) -> Vec<usize> {
    let pieces = [&stream.sent, &stream.carried, &stream.again, &stream.received, &stream.taken].into_iter().flatten();
    let mut cuts: Vec<usize> = pieces.flat_map(|p| [p.range.start, p.range.end]).collect();
    for piece in stream.sent.iter().chain(&stream.received) {
        let mut at = piece.range.start;
        for span in &piece.spans {
            cuts.push(at);
            at += span.len;
        }
    }
    cuts.extend([0, stream.len]);
    cuts.sort_unstable();
    cuts.dedup();
    cuts
}

impl Axis {
    /// The axis of a stream, from `left`, about so wide.
    pub(super) fn of(stream: &Tapes, left: f64, wide: f64) -> Axis {
        if stream.len <= CELLS {
            let cell = (wide / stream.len.max(1) as f64).clamp(CELL.0, CELL.1);
            return Axis {
                stops: vec![(0, left), (stream.len, left + cell * stream.len as f64)],
                cells: true,
                gap: None,
            };
        }
        let mut cuts = cuts(stream);
        let gap = (cuts.len() > KEPT.0 + KEPT.1 + 3).then(|| {
            let gone = KEPT.0..cuts.len() - KEPT.1 - 1;
            let gap = cuts[gone.start]..cuts[gone.end];
            cuts.drain(gone.start + 1..gone.end);
            gap
        });
        let is_gap = |start: usize| gap.as_ref().is_some_and(|gap| gap.start == start);
        let weight = |pair: &[usize]| if is_gap(pair[0]) { 0.0 } else { ((pair[1] - pair[0] + 1) as f64).log2() };
        let all: f64 = cuts.windows(2).map(weight).sum();
        let room = wide - STRETCH * (cuts.len() - 1) as f64 - if gap.is_some() { GAP } else { 0.0 };
        let each = (room / all.max(1.0)).max(0.0);
        let mut x = left;
        let mut stops = vec![(cuts[0], x)];
        for pair in cuts.windows(2) {
            x += if is_gap(pair[0]) { GAP } else { STRETCH + each * weight(pair) };
            stops.push((pair[1], x));
        }
        Axis { stops, cells: false, gap }
    }

    /// Where a byte begins.
    pub(super) fn x(&self, offset: usize) -> f64 {
        let next = self.stops.partition_point(|(at, _)| *at <= offset).clamp(1, self.stops.len() - 1);
        let ((a, xa), (b, xb)) = (self.stops[next - 1], self.stops[next]);
        xa + (xb - xa) * (offset.min(b) - a.min(offset)) as f64 / (b - a).max(1) as f64
    }

    /// How wide a stretch is.
    pub(super) fn width(&self, range: &Range<usize>) -> f64 {
        self.x(range.end) - self.x(range.start)
    }

    /// Where it ends.
    pub(super) fn end(&self) -> f64 {
        self.stops.last().map_or(0.0, |(_, x)| *x)
    }

    /// Does nothing of it show?
    pub(super) fn hides(&self, range: &Range<usize>) -> bool {
        self.gap.as_ref().is_some_and(|gap| gap.start <= range.start && range.end <= gap.end)
    }

    /// What is needed to find a byte from its place: `0:8 9:314`.
    pub(super) fn told(&self) -> String {
        let stops: Vec<String> = self.stops.iter().map(|(at, x)| format!("{at}:{x:.0}")).collect();
        stops.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::{EndName, Proto, Role};

    fn stream(len: usize, cuts: usize) -> Tapes {
        let piece = |n: usize| crate::render::tapes::TapePiece {
            seq: n + 1,
            range: len * n / cuts..len * (n + 1) / cuts,
            spans: Vec::new(),
            mark: crate::render::tapes::Mark::None,
            exactly: None,
        };
        Tapes {
            from: EndName::only(Role::Client),
            to: None,
            proto: Proto::Tcp,
            act: None,
            len,
            sent: (0..cuts).map(piece).collect(),
            carried: Vec::new(),
            again: Vec::new(),
            received: Vec::new(),
            taken: Vec::new(),
            framed: false,
        }
    }

    #[test]
    fn a_later_byte_never_stands_before_an_earlier_one() {
        for (len, cuts) in [(1, 1), (9, 2), (72, 3), (73, 1), (5_000, 40), (1_000_000, 900)] {
            let axis = Axis::of(&stream(len, cuts), 10.0, 1_100.0);
            let step = (len / 500).max(1);
            let xs: Vec<f64> = (0..=len).step_by(step).map(|at| axis.x(at)).collect();
            assert!(xs.windows(2).all(|pair| pair[0] <= pair[1]), "{len} bytes in {cuts}");
            assert!((axis.x(0) - 10.0).abs() < 1e-9 && axis.end() <= 1_200.0, "{len} bytes in {cuts}: {}", axis.end());
        }
    }

    #[test]
    fn of_many_stretches_the_middle_is_a_gap() {
        let axis = Axis::of(&stream(1_000_000, 900), 0.0, 1_100.0);
        let gap = axis.gap.clone().expect("a gap");
        assert!(axis.hides(&gap) && !axis.hides(&(0..gap.end)));
        assert!((axis.width(&gap) - GAP).abs() < 1e-9);
        assert!(Axis::of(&stream(5_000, 40), 0.0, 1_100.0).gap.is_none());
    }
}
