//! Two words with the receiver in step: it reads the first before the second is sent. Without the delay nothing
//! coalesces: the control of several scenarios.

use super::prelude::*;
use crate::play::Experiment;

/// Puts the two ends into an experiment.
pub(super) fn in_step(words: &'static [&'static [u8]]) -> impl Fn(&mut Experiment) {
    move |experiment| {
        experiment.client(move |end| client(end, words)).server(move |end| server(end, words));
    }
}

const FIRST_READ: Text = Text::new("until the first word is read", "等到第一个词被读走");
const LAST_READ: Text = Text::new("until the word before is read", "等到前一个词被读走");

fn client(end: &End, words: &[&[u8]]) -> Ends {
    let s = end.connect()?;
    let mut unread = false;
    for (nth, word) in end.messages(words).into_iter().enumerate() {
        // Nothing wakes nobody.
        if unread && !word.is_empty() {
            end.pass("read", if nth == 1 { FIRST_READ } else { LAST_READ })?;
        }
        s.send(word)?;
        unread |= !word.is_empty();
    }
    Ok(s.wait_acked()?)
}

fn server(end: &End, words: &[&[u8]]) -> Ends {
    let listener = end.listen()?;
    let conn = listener.accept()?;
    for (nth, _) in end.messages(words).iter().filter(|word| !word.is_empty()).enumerate() {
        if nth > 0 {
            end.open("read");
        }
        conn.recv(end.recv_size())?;
    }
    Ok(())
}
