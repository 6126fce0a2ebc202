//! Room that clients share, in memory for their answers or on the disk for their uploads: a thousand of them must not
//! take as much as each of them may.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Room that all clients share.
#[derive(Debug)]
pub struct Room {
    size: usize,
    free: AtomicUsize,
}

/// What each may take without asking.
pub(super) const SMALL: usize = 64 << 10;

impl Room {
    /// Room for so many bytes.
    pub fn new(bytes: usize) -> Room {
        Room { size: bytes, free: AtomicUsize::new(bytes) }
    }

    /// How much of it is taken.
    pub fn taken(&self) -> usize {
        self.size - self.free.load(Ordering::Relaxed)
    }

    /// A share, at first empty.
    pub fn share(&self) -> Share<'_> {
        Share { room: self, taken: 0 }
    }
}

/// What one of them takes of the room, until it is dropped.
#[derive(Debug)]
pub struct Share<'r> {
    room: &'r Room,
    taken: usize,
}

impl Share<'_> {
    /// Makes the share as large as `bytes` need; false when there is no room.
    pub fn grow(&mut self, bytes: usize) -> bool {
        let more = bytes.saturating_sub(SMALL).saturating_sub(self.taken);
        let took = self.room.free.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |free| free.checked_sub(more));
        if took.is_ok() {
            self.taken += more;
        }
        took.is_ok()
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        self.room.free.fetch_add(self.taken, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_comes_back() {
        let room = Room::new(1000);
        let (mut a, mut b) = (room.share(), room.share());
        assert!(a.grow(SMALL) && a.grow(SMALL + 600) && a.grow(SMALL + 700) && !b.grow(SMALL + 301));
        assert!(b.grow(SMALL + 300) && room.taken() == 1000);
        drop(a);
        assert!(b.grow(SMALL + 1000) && !b.grow(SMALL + 1001));
    }
}
