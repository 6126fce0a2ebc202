//! Ctrl-C while a server keeps its calls for a document: the first one ends the server, and the document is written.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

type Wake = Box<dyn Fn() + Send>;

/// What lets the server see that it is over, wherever it waits.
static WAKE: Mutex<Option<Wake>> = Mutex::new(None);
static CAME: AtomicBool = AtomicBool::new(false);

/// From now on an interrupt ends the server.
pub(super) fn by_interrupt(wake: impl Fn() + Send + 'static) {
    *WAKE.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(wake));
}

/// Was the server interrupted?
pub(super) fn came() -> bool {
    CAME.load(Ordering::Relaxed)
}

/// For the interrupt handler: is this interrupt the server's? A second one is not.
pub fn deferred() -> bool {
    let wake = WAKE.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(wake) = &wake {
        CAME.store(true, Ordering::Relaxed);
        wake();
    }
    wake.is_some()
}
