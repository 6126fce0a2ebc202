//! The decoder: pieces of a stream in, frames out.

use super::{Fault, Framing, Layout, Limits, Look, whole_body, whole_header};
use crate::say;
use crate::text::escaped;

/// One message of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Where in the stream its header begins, in bytes.
    pub offset: u64,
    /// The header's bytes.
    pub header: Vec<u8>,
    /// The body's bytes.
    pub body: Vec<u8>,
    /// What ends it.
    pub trailer: &'static [u8],
}

impl Frame {
    /// All its bytes, as they were on the wire.
    pub fn len(&self) -> usize {
        self.header.len() + self.body.len() + self.trailer.len()
    }

    /// Never: a frame has a length, or an end.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Cuts a stream into frames, for whoever is handed its pieces and cannot ask for the next ones: a recording, a capture,
/// another program's calls. Who can ask reads with [`protocols`](super::protocols), and keeps no body. [`feed`](Decoder::feed) it what arrived, in pieces of any size, and
/// take frames out until there is none; time and memory are linear in what was fed.
#[derive(Clone, Debug)]
pub struct Decoder<F> {
    framing: F,
    limits: Limits,
    buffer: Vec<u8>,
    /// Where in the buffer the next frame begins; what is before it was taken out.
    at: usize,
    /// The same place in the stream.
    offset: u64,
    /// The next frame's header, once it was read: it is not read again for every piece of the body.
    known: Option<Layout>,
    /// How many bytes of a frame whose end had not come were looked at: they are not looked at again.
    seen: usize,
}

impl<F: Framing> Decoder<F> {
    /// A decoder at the beginning of a stream.
    pub fn new(framing: F, limits: Limits) -> Decoder<F> {
        Decoder { framing, limits, buffer: Vec::new(), at: 0, offset: 0, known: None, seen: 0 }
    }

    /// Takes what arrived.
    pub fn feed(&mut self, bytes: &[u8]) {
        // Moved only when at least half of the buffer is done with: every byte moves a bounded number of times.
        if self.at > 0 && self.at >= self.buffer.len() / 2 {
            self.buffer.drain(..self.at);
            self.at = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole frame; `None` when it is not all there yet.
    ///
    /// # Errors
    /// When the bytes are no frame. A stream that lost its framing cannot find it again: the same
    /// error is returned ever after.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, Fault> {
        let Some(layout) = self.layout()? else { return Ok(None) };
        let rest = self.rest();
        let Some((header, more)) = rest.split_at_checked(layout.header) else { return Ok(None) };
        let Some((body, more)) = more.split_at_checked(layout.body) else { return Ok(None) };
        let Some(trailer) = more.get(..layout.trailer) else { return Ok(None) };
        ended(trailer, self.framing.trailer())?;
        let (header, body, trailer) = (header.to_vec(), body.to_vec(), self.framing.trailer());
        let frame = Frame { offset: self.offset, header, body, trailer };
        self.at += frame.len();
        self.offset += frame.len() as u64;
        (self.known, self.seen) = (None, 0);
        Ok(Some(frame))
    }

    fn layout(&mut self) -> Result<Option<Layout>, Fault> {
        if self.known.is_none() {
            match self.framing.look_on(self.rest(), self.seen, &self.limits)? {
                Look::Known(layout) => self.known = Some(layout),
                Look::Open => self.seen = self.rest().len(),
                Look::Short(_) => {}
            }
        }
        Ok(self.known)
    }

    /// How many bytes the current frame certainly still needs: a reader that asks recv for no more
    /// never takes a byte of the next frame. 0 only when a whole frame (or a fault) is waiting.
    pub fn wanted(&self) -> usize {
        let have = self.rest().len();
        match self.known.map(Look::Known).map_or_else(|| self.framing.look(self.rest(), &self.limits), Ok) {
            Ok(Look::Known(layout)) => layout.total().unwrap_or(usize::MAX).saturating_sub(have),
            Ok(Look::Short(more)) => more,
            Ok(Look::Open) => 1,
            Err(_) => 0,
        }
    }

    /// Where the bytes not taken out begin, in the stream.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The bytes not taken out: the start of a frame, or what is no frame.
    pub fn rest(&self) -> &[u8] {
        &self.buffer[self.at..]
    }

    /// Says that the stream has ended; all frames were taken out before.
    ///
    /// # Errors
    /// When it ended inside a frame, or what is left is none.
    pub fn finish(&self) -> Result<(), Fault> {
        let have = self.rest().len();
        if have == 0 {
            return Ok(());
        }
        match self.framing.look(self.rest(), &self.limits)? {
            Look::Short(more) => whole_header(self.rest(), have.saturating_add(more)),
            Look::Open => Err(Fault::Unended { have, mark: self.framing.trailer() }),
            Look::Known(layout) => {
                let body = &self.rest()[layout.header..];
                whole_body(body, layout.body)?;
                match body[layout.body..].is_empty() {
                    true => Err(Fault::Unended { have: layout.body, mark: self.framing.trailer() }),
                    false => ended(&body[layout.body..], self.framing.trailer()),
                }
            }
        }
    }
}

/// Checks what stands where a frame should end.
fn ended(trailer: &[u8], mark: &'static [u8]) -> Result<(), Fault> {
    if trailer.starts_with(mark) {
        return Ok(());
    }
    let [is, mark] = [trailer, mark].map(|bytes| escaped(&String::from_utf8_lossy(bytes)));
    Err(Fault::Syntax(say!(
        "behind the body stands \"{is}\" where \"{mark}\" should end it",
        "正文后面应以“{mark}”结束，却是“{is}”"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::framing::json::Json;
    use crate::framing::{I32_LE, Kind, LineFeed, Netstring, U8, U16_BE, U32_BE, U32_LE};

    const LIMITS: Limits = Limits { header: 256, body: 5000 };
    const FRAMINGS: [&dyn Framing; 8] = [&I32_LE, &U32_LE, &U32_BE, &U16_BE, &U8, &Json, &LineFeed, &Netstring];

    /// Numbers that are the same on every run (Knuth's MMIX generator).
    struct Dice(u64);

    impl Dice {
        fn below(&mut self, n: usize) -> usize {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 33) as usize % n
        }

        fn bytes(&mut self, len: usize) -> Vec<u8> {
            (0..len).map(|_| self.below(256) as u8).collect()
        }
    }

    /// The bytes as a body: a line has no line feed in it.
    fn body(framing: &dyn Framing, bytes: Vec<u8>) -> Vec<u8> {
        let line = framing.kind() == Kind::Line;
        bytes.into_iter().map(|byte| if line && byte == b'\n' { b'-' } else { byte }).collect()
    }

    fn stream(framing: &dyn Framing, bodies: &[Vec<u8>]) -> Vec<u8> {
        bodies.iter().flat_map(|body| framing.frame(body).unwrap()).collect()
    }

    fn decoded(framing: &dyn Framing, pieces: &[&[u8]]) -> Vec<Frame> {
        let mut decoder = Decoder::new(framing, LIMITS);
        let mut frames = Vec::new();
        for piece in pieces {
            decoder.feed(piece);
            while let Some(frame) = decoder.next_frame().unwrap() {
                frames.push(frame);
            }
            assert!(decoder.rest().is_empty() || decoder.wanted() > 0);
        }
        decoder.finish().unwrap();
        frames
    }

    fn bodies_of(frames: &[Frame]) -> Vec<Vec<u8>> {
        frames.iter().map(|f| f.body.clone()).collect()
    }

    #[test]
    fn two_frames_cut_at_any_two_places_come_out_the_same() {
        for framing in FRAMINGS {
            let bodies = [b"hello".to_vec(), Vec::new(), b"feng".to_vec()];
            let bytes = stream(framing, &bodies);
            for first in 0..=bytes.len() {
                for second in first..=bytes.len() {
                    let pieces = [&bytes[..first], &bytes[first..second], &bytes[second..]];
                    assert_eq!(
                        bodies_of(&decoded(framing, &pieces)),
                        bodies,
                        "{} {first} {second}",
                        framing.kind().name()
                    );
                }
            }
        }
    }

    #[test]
    fn random_bodies_in_random_pieces_come_out_the_same() {
        let mut dice = Dice(20_240_917);
        for round in 0..300 {
            let framing = FRAMINGS[round % FRAMINGS.len()];
            let longest = if framing.kind() == Kind::U8 { 256 } else { 5000 };
            let bodies: Vec<Vec<u8>> = (0..dice.below(8))
                .map(|_| dice.below(longest))
                .collect::<Vec<_>>()
                .into_iter()
                .map(|len| body(framing, dice.bytes(len)))
                .collect();
            let bytes = stream(framing, &bodies);
            let most = 1 + dice.below(700);
            let mut pieces = Vec::new();
            let mut rest = bytes.as_slice();
            while !rest.is_empty() {
                let (piece, more) = rest.split_at((1 + dice.below(most)).min(rest.len()));
                pieces.push(piece);
                rest = more;
            }
            let frames = decoded(framing, &pieces);
            assert_eq!(bodies_of(&frames), bodies);
            let mut offset = 0;
            for frame in &frames {
                assert_eq!(frame.offset, offset);
                offset += frame.len() as u64;
            }
        }
    }

    #[test]
    fn asking_for_what_is_wanted_never_takes_a_byte_of_the_next_frame() {
        for framing in FRAMINGS {
            let bytes = stream(framing, &[b"hello".to_vec(), b"feng".to_vec()]);
            let mut decoder = Decoder::new(framing, LIMITS);
            let mut at = 0;
            let frame = loop {
                let wanted = decoder.wanted();
                assert!(wanted > 0);
                decoder.feed(&bytes[at..at + wanted]);
                at += wanted;
                if let Some(frame) = decoder.next_frame().unwrap() {
                    break frame;
                }
            };
            assert_eq!(frame.body, b"hello");
            assert!(decoder.rest().is_empty());
            assert_eq!(at, framing.frame(b"hello").unwrap().len());
        }
    }

    #[test]
    fn a_stream_may_end_at_a_boundary_and_nowhere_else() {
        for framing in FRAMINGS {
            let one = framing.frame(b"hello").unwrap();
            let header = framing.header(b"hello").unwrap().len();
            for end in 0..=one.len() {
                let mut decoder = Decoder::new(framing, LIMITS);
                decoder.feed(&one[..end]);
                let whole = decoder.next_frame().unwrap();
                let ended = decoder.finish().err();
                let kind = ended.as_ref().map(Fault::kind);
                let expected = match end {
                    0 => None,
                    n if n < header => Some("eof-in-header"),
                    n if n < one.len() => Some("eof-in-body"),
                    _ => None,
                };
                assert_eq!(kind, expected, "{} cut at {end}", framing.kind().name());
                assert_eq!(whole.is_some(), end == one.len());
            }
        }
    }

    #[test]
    fn any_bytes_give_an_answer_and_no_great_allocation() {
        let mut dice = Dice(7);
        for round in 0..3000 {
            let framing = FRAMINGS[round % FRAMINGS.len()];
            let len = dice.below(64);
            let mut decoder = Decoder::new(framing, LIMITS);
            decoder.feed(&dice.bytes(len));
            while let Ok(Some(frame)) = decoder.next_frame() {
                assert!(frame.body.len() <= LIMITS.body);
            }
            assert!(decoder.buffer.capacity() <= 64);
            assert!(decoder.wanted() <= LIMITS.body + LIMITS.header + 4);
        }
    }

    #[test]
    fn a_fault_stays() {
        let mut decoder = Decoder::new(I32_LE, LIMITS);
        decoder.feed(b"HTTP/1.1 200 OK\r\n");
        let fault = decoder.next_frame().unwrap_err();
        assert_eq!(fault.kind(), "oversize");
        decoder.feed(&[1, 0, 0, 0, b'x']);
        assert_eq!(decoder.next_frame(), Err(fault.clone()));
        assert_eq!(decoder.finish(), Err(fault));
        assert_eq!(decoder.offset(), 0);
    }

    #[test]
    fn a_body_in_single_bytes_takes_linear_time() {
        for framing in FRAMINGS {
            let mut decoder = Decoder::new(framing, Limits { header: 1 << 20, body: 1 << 20 });
            let body = vec![7; if framing.header(&[7; 200_000]).is_ok() { 200_000 } else { 200 }];
            let frame = framing.frame(&body).unwrap();
            let (last, bytes) = frame.split_last().unwrap();
            for byte in bytes {
                assert_eq!(decoder.next_frame().unwrap(), None);
                decoder.feed(std::slice::from_ref(byte));
            }
            decoder.feed(&[*last]);
            assert_eq!(decoder.next_frame().unwrap().unwrap().body, body);
        }
    }

    #[test]
    fn what_stands_where_a_frame_should_end_is_looked_at() {
        let fault = |bytes: &[u8]| {
            let mut decoder = Decoder::new(Netstring, LIMITS);
            decoder.feed(bytes);
            let next = decoder.next_frame().map(|frame| assert_eq!(frame, None));
            next.and(decoder.finish()).unwrap_err()
        };
        assert_eq!(fault(b"5:hello"), Fault::Unended { have: 5, mark: b"," });
        assert_eq!(fault(b"5:hell"), Fault::EofInBody { have: 4, need: 5 });
        assert_eq!(fault(b"5:hello5:").text().en, "behind the body stands \"5\" where \",\" should end it");
        let mut line = Decoder::new(LineFeed, LIMITS);
        line.feed(&[b'x'; 5001]);
        assert_eq!(line.next_frame(), Err(Fault::Endless { limit: 5000 }));
    }
}
