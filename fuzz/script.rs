//! A peer from a script: the fuzzer's bytes, cut and interrupted as the fuzzer says.

use std::io::{self, ErrorKind};
use std::time::Duration;
use stickdemo::framing::protocols::{Channel, Source};
use stickdemo::text::Text;
use stickdemo::trace::Part;

/// The fuzzer's bytes, taken one after another; zeros when there are no more.
pub struct Bytes<'d>(pub &'d [u8]);

impl<'d> Bytes<'d> {
    pub fn byte(&mut self) -> u8 {
        let (first, rest) = self.0.split_first().unwrap_or((&0, &[]));
        self.0 = rest;
        *first
    }

    pub fn pair(&mut self) -> u16 {
        u16::from_le_bytes([self.byte(), self.byte()])
    }

    /// One of several.
    pub fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[usize::from(self.byte()) % choices.len()]
    }

    pub fn rest(self) -> &'d [u8] {
        self.0
    }
}

/// What the kernel does next, as far as the fuzzer's seed has a say in it (xorshift).
#[derive(Clone)]
pub struct Dice(u32);

impl Dice {
    pub fn new(seed: u16) -> Dice {
        Dice(u32::from(seed) | 1 << 16)
    }

    fn roll(&mut self) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0
    }

    /// From 1 to `most`; small numbers often.
    pub fn size(&mut self, most: usize) -> usize {
        let roll = self.roll() as usize;
        if roll % 4 == 0 { 1 } else { 1 + roll / 4 % most.max(1) }
    }
}

/// What comes after the last byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    Closed,
    Silent,
    Reset,
}

/// A connection on which everything has happened already.
pub struct Script<'d> {
    bytes: &'d [u8],
    at: usize,
    ending: Ending,
    dice: Dice,
    largest: usize,
    /// One pause in so many receive calls; 0 for none.
    pauses: usize,
    /// The byte before which a pause was had already.
    paused: Option<usize>,
    /// What this end has said.
    pub sent: Vec<u8>,
}

impl<'d> Script<'d> {
    pub fn new(bytes: &'d [u8], ending: Ending, dice: Dice, largest: usize, pauses: usize) -> Script<'d> {
        Script { bytes, at: 0, ending, dice, largest, pauses, paused: None, sent: Vec::new() }
    }

    /// How many bytes were taken.
    pub fn taken(&self) -> usize {
        self.at
    }

    /// True when the last receive call met silence: in the middle, or after the last byte.
    pub fn silent(&self) -> bool {
        self.paused == Some(self.at) || self.at == self.bytes.len() && self.ending == Ending::Silent
    }

    pub fn ended(&self) -> bool {
        self.at == self.bytes.len() && self.ending == Ending::Closed
    }
}

impl Source for Script<'_> {
    fn recv(&mut self, buffer: &mut [u8], _: Part) -> io::Result<usize> {
        assert!(!buffer.is_empty(), "recv(0) cannot tell an end of stream");
        let left = &self.bytes[self.at..];
        if left.is_empty() {
            return match self.ending {
                Ending::Closed => Ok(0),
                Ending::Silent => Err(ErrorKind::TimedOut.into()),
                Ending::Reset => Err(ErrorKind::ConnectionReset.into()),
            };
        }
        let n = self.dice.size(self.largest).min(left.len()).min(buffer.len());
        buffer[..n].copy_from_slice(&left[..n]);
        self.at += n;
        Ok(n)
    }

    fn recv_within(&mut self, buffer: &mut [u8], part: Part, _: Duration) -> io::Result<Option<usize>> {
        let now = self.pauses > 0 && self.dice.size(self.pauses) == 1;
        if now && self.paused != Some(self.at) {
            self.paused = Some(self.at);
            return Ok(None);
        }
        match self.recv(buffer, part) {
            Err(e) if e.kind() == ErrorKind::TimedOut => Ok(None),
            other => other.map(Some),
        }
    }

    fn incoming(&mut self, _: Text) {}
}

impl Channel for Script<'_> {
    fn outgoing(&mut self, _: Text) {}

    fn send_all(&mut self, bytes: &[u8], _: Part) -> io::Result<()> {
        self.sent.extend_from_slice(bytes);
        Ok(())
    }

    fn half_close(&mut self) -> io::Result<()> {
        Ok(())
    }
}
