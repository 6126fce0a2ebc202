//! Two words with the receiver in step: it reads the first before the second is sent. Without the delay nothing
//! coalesces: the control of several scenarios.

use super::prelude::*;
use crate::play::Experiment;

/// Puts the two ends into an experiment.
pub(super) fn in_step(words: [&'static [u8]; 2]) -> impl Fn(&mut Experiment) {
    move |experiment| {
        experiment.client(move |end| client(end, words)).server(server);
    }
}

fn client(end: &End, [first, second]: [&[u8]; 2]) -> Ends {
    let s = end.connect()?;
    s.send(first)?;
    end.pass("read", Text::new("until the first word is read", "等到第一个词被读走"))?;
    s.send(second)?;
    Ok(s.wait_acked()?)
}

fn server(end: &End) -> Ends {
    let listener = end.listen()?;
    let conn = listener.accept()?;
    conn.recv(end.recv_size())?;
    end.open("read");
    conn.recv(end.recv_size())?;
    Ok(())
}
