//! Two words with the receiver in step: it reads the first before the second is sent. Without the delay nothing
//! coalesces: the control of several scenarios.

use super::prelude::*;
use super::tcp_naive::WORDS;
use crate::play::Experiment;

/// Puts the two ends into an experiment.
pub(super) fn in_step(experiment: &mut Experiment) {
    experiment.client(client).server(server);
}

fn client(end: &End) -> Ends {
    let s = end.connect()?;
    s.send(WORDS[0])?;
    end.pass("read", Text::new("until the first word is read", "等到第一个词被读走"))?;
    s.send(WORDS[1])?;
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
