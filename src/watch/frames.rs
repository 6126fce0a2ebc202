//! The frames of a stream that was sent: which bytes of it belong to which message.

use crate::framing::{Framing, Limits, Look};
use crate::text::Text;
use crate::trace::{MsgId, Part, Span};
use std::ops::Range;

/// One direction of a connection, cut into frames.
#[derive(Debug, Default)]
pub struct FramedStream {
    frames: Vec<Placed>,
    bytes: Vec<u8>,
}

/// A frame, or what is left behind the last whole one.
#[derive(Clone, Copy, Debug)]
struct Placed {
    msg: MsgId,
    start: usize,
    header: usize,
    end: usize,
    /// All of it was sent.
    whole: bool,
}

/// A frame that a receiver has in its hands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whole {
    /// Its message.
    pub msg: MsgId,
    /// How many bytes its header has.
    pub header: usize,
    /// Its body, and what ends it.
    pub body: Vec<u8>,
}

impl FramedStream {
    /// Cuts what was sent; `declare` makes a message of a frame's bytes and the length of its header. What is no frame
    /// is one message to the end, with the reason for a name.
    pub fn cut(
        framing: &dyn Framing,
        bytes: &[u8],
        declare: impl Fn(&[u8], usize, Option<Text>) -> MsgId,
    ) -> FramedStream {
        let limits = Limits::default();
        let mut frames = Vec::new();
        let mut start = 0;
        while start < bytes.len() {
            let rest = &bytes[start..];
            let (header, total, label) = match framing.look(rest, &limits) {
                Ok(Look::Known(layout)) => (layout.header, layout.total().unwrap_or(usize::MAX), None),
                Ok(Look::Short(_)) => (rest.len(), usize::MAX, None),
                Ok(Look::Open) => (0, usize::MAX, None),
                Err(fault) => (0, usize::MAX, Some(Text::new("no frame: {}", "不是帧：{}").with(&fault.text()))),
            };
            let len = total.min(rest.len());
            let msg = declare(&rest[..len], header.min(len), label);
            frames.push(Placed { msg, start, header: header.min(len), end: start + len, whole: len == total });
            start += len;
        }
        FramedStream { frames, bytes: bytes.to_vec() }
    }

    /// Whose the bytes of a range of the stream are.
    pub fn spans(&self, range: Range<usize>) -> Vec<Span> {
        let touched = self.frames.iter().filter(|frame| frame.start < range.end && frame.end > range.start);
        touched.flat_map(|frame| frame.spans(&range)).collect()
    }

    /// The frames whose last byte is in this range, if they were sent whole.
    pub fn completed(&self, range: Range<usize>) -> impl Iterator<Item = Whole> {
        let ends = move |frame: &&Placed| frame.whole && range.contains(&(frame.end - 1));
        self.frames.iter().filter(ends).map(|frame| Whole {
            msg: frame.msg,
            header: frame.header,
            body: self.bytes[frame.start + frame.header..frame.end].to_vec(),
        })
    }
}

impl Placed {
    fn spans(&self, range: &Range<usize>) -> impl Iterator<Item = Span> + use<> {
        let (msg, start, cut) = (self.msg, self.start, self.start + self.header);
        let parts = [(self.start..cut, Part::Header), (cut..self.end, Part::Body)];
        let range = range.clone();
        let within = move |part: Range<usize>| part.start.max(range.start)..part.end.min(range.end);
        let parts = parts.map(|(part, which)| (within(part), which));
        parts.into_iter().filter(|(part, _)| !part.is_empty()).map(move |(part, which)| Span {
            msg,
            offset: part.start - start,
            len: part.len(),
            part: which,
        })
    }
}
