//! A server that takes whatever one recv returns for a message: the control of several framings.

use super::prelude::*;
use crate::play::Experiment;

/// Puts it into an experiment; it comes when so many bytes are queued.
pub(super) fn taken_for_a_message(queued: fn(&End) -> usize) -> impl Fn(&mut Experiment) {
    move |experiment| {
        experiment.server(move |end| server(end, queued(end)));
    }
}

fn server(end: &End, queued: usize) -> Ends {
    let listener = end.listen()?;
    let conn = listener.accept()?;
    conn.wait_queued(queued)?;
    let bytes = conn.recv(1024)?;
    conn.deliver(&bytes);
    Ok(())
}
