//! What a peer really speaks, where what it sent was no message of ours: judged by all that came.

use super::connection::Connection;
use crate::framing::Length;
use crate::framing::suspect::{Came, Suspicion, of_stream};
use std::time::Duration;

/// The likeliest mistake that fits what came since the last frame was due, and what still comes before the peer is
/// silent for `settle`. `reader` is the length that was read. Of more than can be kept only the first bytes count.
pub(super) fn clue(conn: &mut Connection, reader: Option<Length>, settle: Duration) -> Option<Suspicion> {
    let ended = conn.listen_on(settle);
    let heard = conn.heard();
    let total = if ended { heard.total } else { u64::MAX };
    of_stream(reader, &Came { start: &heard.start, total }).into_iter().next()
}
