//! Hashes a file's bytes while they move. What takes long is the hashing, so a large file has a second thread for it:
//! buffers that were sent or written go there, and come back to be filled again. Memory is those few buffers.

use crate::framing::digest::{Digest, Md5, hex_digits};
use crate::programs::trouble::{Result, Trouble};
use crate::text::Text;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{Builder, Scope, ScopedJoinHandle};

/// Bytes of a large file moved at a time: they are still in the processor's cache when they are moved on.
pub(super) const CHUNK: usize = 256 << 10;

/// The same of a file that has no second thread: hundreds of clients have one such buffer each.
const SMALL_CHUNK: usize = 32 << 10;

/// Buffers of a large file: one to be filled, one to be hashed, the others wait between the two.
const BUFFERS: usize = 6;

/// From this size on the second thread pays for itself.
const LARGE: u64 = 4 << 20;

/// So many files at most have one at the same time: more than there are processors is no faster, and a thousand
/// clients that announce large files must not take a thousand times its memory.
const MOST: usize = 16;

/// Those that have one.
static BESIDE: AtomicUsize = AtomicUsize::new(0);

/// The right to a second thread, until it is dropped.
pub struct Seat;

impl Seat {
    fn take() -> Option<Seat> {
        let more = |taken| (taken < MOST).then_some(taken + 1);
        BESIDE.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok().map(|_| Seat)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        BESIDE.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Where the buffers of one file come from and go to.
pub enum Hashing<'scope> {
    /// One buffer, hashed at once, if a digest is wanted.
    Here {
        /// The buffer, while it is here.
        buffer: Option<Vec<u8>>,
        /// The digest so far.
        hash: Option<Md5>,
    },
    /// A second thread hashes.
    Beside {
        /// Buffers that can be filled.
        free: Receiver<Vec<u8>>,
        /// Buffers to be hashed, with how many of their bytes count.
        full: SyncSender<(Vec<u8>, usize)>,
        /// The thread; it ends when `full` does.
        thread: ScopedJoinHandle<'scope, Md5>,
    },
}

impl<'scope> Hashing<'scope> {
    /// For a file of this length.
    pub fn start(scope: &'scope Scope<'scope, '_>, len: u64, digest: bool) -> Hashing<'scope> {
        if digest && len >= LARGE {
            if let Some(beside) = beside(scope) {
                return beside;
            }
        }
        let size = usize::try_from(len).unwrap_or(SMALL_CHUNK).clamp(1, SMALL_CHUNK);
        Hashing::Here { buffer: Some(vec![0; size]), hash: digest.then(Md5::new) }
    }

    /// A buffer to be filled.
    ///
    /// # Errors
    /// When the other thread is gone.
    pub fn take(&mut self) -> Result<Vec<u8>> {
        match self {
            Hashing::Here { buffer, .. } => buffer.take().ok_or_else(gone),
            Hashing::Beside { free, .. } => free.recv().map_err(|_| gone()),
        }
    }

    /// A buffer that was filled with so many bytes, and is done with otherwise.
    ///
    /// # Errors
    /// When the other thread is gone.
    pub fn give(&mut self, filled: Vec<u8>, len: usize) -> Result<()> {
        match self {
            Hashing::Here { buffer, hash } => {
                if let Some(hash) = hash {
                    hash.update(&filled[..len]);
                }
                *buffer = Some(filled);
                Ok(())
            }
            Hashing::Beside { full, .. } => full.send((filled, len)).map_err(|_| gone()),
        }
    }

    /// All of it was given.
    ///
    /// # Errors
    /// When the other thread is gone.
    pub fn finish(self) -> Result<Option<String>> {
        match self {
            Hashing::Here { hash, .. } => Ok(hash.map(hex_digits)),
            Hashing::Beside { full, thread, .. } => {
                drop(full);
                thread.join().map(|hash| Some(hex_digits(hash))).map_err(|_| gone())
            }
        }
    }
}

/// The second thread; `None` when there can be none just now.
fn beside<'scope>(scope: &'scope Scope<'scope, '_>) -> Option<Hashing<'scope>> {
    let seat = Seat::take()?;
    let (give, free) = sync_channel(BUFFERS);
    let (full, filled) = sync_channel::<(Vec<u8>, usize)>(BUFFERS);
    (0..BUFFERS).for_each(|_| {
        // There is room for all of them.
        let _ = give.send(vec![0; CHUNK]);
    });
    let work = move || {
        let _until_it_ends = seat;
        let mut hash = Md5::new();
        for (buffer, len) in filled {
            hash.update(&buffer[..len]);
            // Nobody wants it back once the last one was filled.
            let _ = give.send(buffer);
        }
        hash
    };
    let thread = Builder::new().stack_size(128 << 10).spawn_scoped(scope, work).ok()?;
    Some(Hashing::Beside { free, full, thread })
}

/// Only a bug ends that thread early.
fn gone() -> Trouble {
    Trouble::local(Text::new("the thread that hashes is gone: a bug", "计算摘要的线程不在了：这是一个缺陷"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_large_files_a_few_have_a_thread_and_all_their_digest() {
        std::thread::scope(|scope| {
            let mut files: Vec<Hashing> = (0..3 * MOST).map(|_| Hashing::start(scope, LARGE, true)).collect();
            let beside = files.iter().filter(|file| matches!(file, Hashing::Beside { .. })).count();
            assert!(beside <= MOST, "{beside} threads");
            for file in &mut files {
                let mut buffer = file.take().expect("a buffer");
                buffer[..3].copy_from_slice(b"abc");
                file.give(buffer, 3).expect("taken");
            }
            for file in files {
                assert_eq!(file.finish().expect("a digest").as_deref(), Some("900150983cd24fb0d6963f7d28e17f72"));
            }
        });
    }
}
