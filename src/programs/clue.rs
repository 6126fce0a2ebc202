//! What a peer really speaks, where what it sent was no message of ours: judged by all that came.

use super::connection::Connection;
use super::trouble::Trouble;
use crate::framing::Length;
use crate::framing::suspect::{Came, Culprit, Suspicion, of_stream};
use std::time::Duration;

/// The likeliest mistake that fits what came since the last frame was due, and what still comes before the peer is
/// silent for `settle`. `reader` is the length that was read. Of more than can be kept only the first bytes count.
pub(super) fn clue(conn: &mut Connection, reader: Option<Length>, settle: Duration) -> Option<Suspicion> {
    let ended = conn.listen_on(settle);
    let heard = conn.heard();
    let total = if ended { heard.total } else { u64::MAX };
    of_stream(reader, &Came { start: &heard.start, total }).into_iter().next()
}

/// The same trouble with the clue as its hint, where the bytes were no frame and nothing better is known.
pub(super) fn explained(trouble: Trouble, conn: &mut Connection, reader: Option<Length>, settle: Duration) -> Trouble {
    const OF_FRAMES: [&str; 6] = ["oversize", "negative", "syntax", "eof-in-header", "eof-in-body", "timeout"];
    if trouble.hint.is_some() || !OF_FRAMES.contains(&trouble.kind) {
        return trouble;
    }
    match clue(conn, reader, settle) {
        // Two readings of one frame that is our own, such as a JSON header alone, explain nothing.
        Some(suspicion) if suspicion.culprit != Culprit::Several => trouble.hint(suspicion.hint()),
        _ => trouble,
    }
}
