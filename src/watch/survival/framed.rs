//! Where a cut hurts: the places of a framed stream at which programs usually take what has come for all of it.

use super::super::conditions::StreamPlace;
use super::super::seen::Record;
use super::diagnosis::receives;
use crate::framing::{Framing, Limits, Look};
use crate::text::Text;
use crate::trace::Role;
use std::collections::BTreeMap;
use std::ops::Range;

/// A kind of place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Sore {
    InHeader,
    HeaderBody,
    CrLf,
    InCharacter,
    FrameEdge,
}

impl Sore {
    const ALL: [Sore; 5] = [Sore::InHeader, Sore::HeaderBody, Sore::CrLf, Sore::InCharacter, Sore::FrameEdge];

    /// Its name for programs.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Sore::InHeader => "in-header",
            Sore::HeaderBody => "header-body",
            Sore::CrLf => "cr-lf",
            Sore::InCharacter => "in-character",
            Sore::FrameEdge => "frame-edge",
        }
    }

    pub(super) const fn text(self) -> Text {
        match self {
            Sore::InHeader => Text::new("cut inside each header", "在每个报头内部切开"),
            Sore::HeaderBody => Text::new("cut between header and body", "在报头和正文之间切开"),
            Sore::CrLf => Text::new("cut between CR and LF", "在 CR 和 LF 之间切开"),
            Sore::InCharacter => Text::new("cut inside each character of UTF-8", "在每个 UTF-8 字符内部切开"),
            Sore::FrameEdge => Text::new("cut between frames", "在两帧之间切开"),
        }
    }

    /// The places of this kind in a stream.
    fn places(self, stream: &[u8], frames: &[WholeFrame]) -> Vec<usize> {
        match self {
            Sore::InHeader => frames.iter().flat_map(|frame| inside(frame.header.clone())).collect(),
            Sore::HeaderBody => {
                frames.iter().filter(|frame| frame.header.end < frame.end).map(|frame| frame.header.end).collect()
            }
            Sore::CrLf => (1..stream.len()).filter(|at| stream[at - 1..=*at] == *b"\r\n").collect(),
            Sore::InCharacter => characters(stream),
            Sore::FrameEdge => frames.iter().map(|frame| frame.end).filter(|end| *end < stream.len()).collect(),
        }
    }
}

/// A whole frame: where its header is, and where it ends.
struct WholeFrame {
    header: Range<usize>,
    end: usize,
}

fn inside(range: Range<usize>) -> Range<usize> {
    range.start + 1..range.end
}

/// The whole frames from the stream's start on, as far as they can be told.
fn frames(framing: &dyn Framing, stream: &[u8]) -> Vec<WholeFrame> {
    let limits = Limits::default();
    let mut frames = Vec::new();
    let mut start = 0;
    while let Ok(Look::Known(layout)) = framing.look(&stream[start..], &limits) {
        let end = layout.total().and_then(|total| start.checked_add(total)).filter(|end| *end <= stream.len());
        let Some(end) = end.filter(|end| *end > start) else { break };
        frames.push(WholeFrame { header: start..start + layout.header, end });
        start = end;
        if start == stream.len() {
            break;
        }
    }
    frames
}

/// The places inside characters that have more than one byte.
fn characters(stream: &[u8]) -> Vec<usize> {
    let mut places = Vec::new();
    let mut start = 0;
    for chunk in stream.utf8_chunks() {
        let starts = chunk.valid().char_indices();
        places.extend(starts.flat_map(|(at, c)| inside(start + at..start + at + c.len_utf8())));
        start += chunk.valid().len() + chunk.invalid().len();
    }
    places
}

/// Each kind of place that an unharmed run's streams have, and where.
pub(super) fn sores(unharmed: &[Record], framing: &dyn Framing) -> Vec<(Sore, Vec<StreamPlace>)> {
    let mut streams: BTreeMap<(Role, usize), Vec<u8>> = BTreeMap::new();
    for one in receives(unharmed) {
        streams.entry((one.at.side, one.at.connection)).or_default().extend(&one.call.bytes);
    }
    let framed: Vec<_> = streams.iter().map(|(end, stream)| (*end, stream, frames(framing, stream))).collect();
    let of = |sore: Sore| {
        let places = framed.iter().flat_map(|((side, connection), stream, frames)| {
            let place = |at: usize| StreamPlace { side: *side, connection: *connection, offset: at as u64 };
            sore.places(stream, frames).into_iter().map(place)
        });
        (sore, places.collect::<Vec<_>>())
    };
    Sore::ALL.into_iter().map(of).filter(|(_, places)| !places.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::framing::{I32_LE, U16_BE};
    use proptest::prelude::*;

    fn body() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof!["[a-z\r\n报头é]{0,12}".prop_map(String::into_bytes), proptest::collection::vec(any::<u8>(), 0..12)]
    }

    proptest! {
        /// Every place lies inside the stream, and where its kind says; what is behind the last whole frame has none
        /// that frames tell.
        #[test]
        fn each_place_is_where_it_says(bodies in proptest::collection::vec(body(), 0..6), rest in 0usize..3) {
            for framing in [&I32_LE as &dyn Framing, &U16_BE] {
                let framed: Vec<Vec<u8>> = bodies.iter().map(|body| framing.frame(body).expect("short")).collect();
                let mut stream = framed.concat();
                let whole = stream.len();
                stream.extend(&[0; 3][..rest.min(framing.header(b"").expect("short").len() - 1)]);
                let header = framing.header(b"").expect("short").len();
                let frames = frames(framing, &stream);
                prop_assert_eq!(frames.len(), bodies.len());
                let starts: Vec<usize> = frames.iter().map(|frame| frame.header.start).collect();
                let within = |at: usize| starts.iter().map(|start| at.wrapping_sub(*start)).min().unwrap_or(usize::MAX);
                for sore in Sore::ALL {
                    for at in sore.places(&stream, &frames) {
                        prop_assert!(0 < at && at < stream.len());
                        prop_assert!(match sore {
                            Sore::InHeader => (1..header).contains(&within(at)),
                            Sore::HeaderBody => within(at) == header,
                            Sore::CrLf => stream[at - 1] == 13 && stream[at] == 10,
                            Sore::InCharacter => stream[at] & 0xc0 == 0x80,
                            Sore::FrameEdge => starts.contains(&at) || at == whole,
                        }, "{sore:?} {at}");
                    }
                }
                let inner = frames.len() * (header - 1);
                prop_assert_eq!(Sore::InHeader.places(&stream, &frames).len(), inner);
            }
        }

        /// A text has as many places inside characters as it has bytes more than characters.
        #[test]
        fn characters_are_cut_everywhere_inside(text in "[a-z报头é😀]{0,20}") {
            prop_assert_eq!(characters(text.as_bytes()).len(), text.len() - text.chars().count());
        }
    }
}
