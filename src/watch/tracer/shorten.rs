//! Makes a call ask for fewer bytes than the program asked for, and puts back what stood there when it has returned.
//! Where a list of buffers would take more, the list ends earlier and its last buffer is shorter; the list itself lies
//! in the program's memory, which its other threads see, too, for as long as the call takes.

use super::super::seen::Id;
use super::calls::Shape;
use super::memory::{self, Area, HEADER_COUNT, HEADER_LIST};
use super::{ptrace, registers};
use std::io;

/// Where a `struct iovec` has its length, and how long it is itself.
const LENGTH: u64 = 8;
const STEP: u64 = 16;

/// What a call asked for before it was changed.
#[derive(Debug, Default)]
pub(super) struct Before {
    third: Option<u64>,
    /// Words of memory, by address.
    words: Vec<(u64, u64)>,
}

impl Before {
    /// Puts it back.
    pub(super) fn restore(&self, tid: Id) {
        // A thread that was killed has no use for it.
        self.words.iter().for_each(|(at, word)| drop(ptrace::poke(tid, *at, *word)));
        if let Some(third) = self.third {
            let _ = registers::set_third(tid, third);
        }
    }
}

/// Makes the call that a thread enters ask for at most so many bytes; `None` where that cannot be done.
pub(super) fn shorten(tid: Id, shape: Shape, args: &[u64; 6], most: usize) -> Option<Before> {
    let mut before = Before::default();
    let done = match shape {
        Shape::Buffer | Shape::Addressed => third(tid, args[2], most as u64, &mut before),
        Shape::Areas => {
            list(tid, (args[1], args[2]), most, &mut before).and_then(|count| third(tid, args[2], count, &mut before))
        }
        Shape::Header => header(tid, args[1], most, &mut before),
        Shape::Headers => header(tid, args[1], most, &mut before).and_then(|()| third(tid, args[2], 1, &mut before)),
        Shape::Plain | Shape::File | Shape::Pipe => return None,
    };
    match done {
        Ok(()) => Some(before),
        Err(_) => {
            before.restore(tid);
            None
        }
    }
}

/// Makes a call that sends several messages send the first.
pub(super) fn single(tid: Id, args: &[u64; 6]) -> Option<Before> {
    let mut before = Before::default();
    third(tid, args[2], 1, &mut before).ok().map(|()| before)
}

fn third(tid: Id, was: u64, value: u64, before: &mut Before) -> io::Result<()> {
    before.third = Some(was);
    registers::set_third(tid, value)
}

fn header(tid: Id, at: u64, most: usize, before: &mut Before) -> io::Result<()> {
    let word = |place: u64| memory::word_at(tid, at + place).ok_or(io::ErrorKind::InvalidInput);
    let (areas, count) = (word(HEADER_LIST)?, word(HEADER_COUNT)?);
    let kept = list(tid, (areas, count), most, before)?;
    replace(tid, at + HEADER_COUNT, (count, kept), before)
}

/// Shortens a list of buffers; how many of them are left.
fn list(tid: Id, (at, count): (u64, u64), most: usize, before: &mut Before) -> io::Result<u64> {
    let mut left = most;
    for (place, Area { len, .. }) in memory::areas(tid, at, count as usize).into_iter().enumerate() {
        if len >= left {
            replace(tid, at + place as u64 * STEP + LENGTH, (len as u64, left as u64), before)?;
            return Ok(place as u64 + 1);
        }
        left -= len;
    }
    Err(io::ErrorKind::InvalidInput.into())
}

fn replace(tid: Id, at: u64, (was, value): (u64, u64), before: &mut Before) -> io::Result<()> {
    before.words.push((at, was));
    ptrace::poke(tid, at, value)
}
