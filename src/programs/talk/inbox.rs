//! What happens to a program that listens to a socket and a keyboard at the same time, in one order.

use super::input::Typing;
use crate::net::waker::Waker;
use crate::programs::console::Console;
use crate::programs::datagram_socket::{DatagramSocket, Received, Until, is_refusal};
use crate::programs::server;
use crate::programs::trouble::{Result, Trouble};
use crate::sys::wait;
use crate::text::Text;
use std::io;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::Builder;
use std::time::{Duration, Instant};

/// One thing that happened.
pub(super) enum Happened {
    /// A line that was asked for; `None` at the end of input.
    Typed(Result<Option<Vec<u8>>>),
    /// A datagram.
    Came(Received),
    /// The socket could not receive.
    Failed(io::Error),
    /// It was interrupted, and has a document to write.
    Over,
}

/// What happens at both.
pub(super) struct Inbox {
    queue: Receiver<Happened>,
    /// The keyboard.
    pub(super) typing: Typing,
}

impl Inbox {
    /// The next event; `None` when none came until then.
    pub(super) fn next(&self, until: Option<Instant>) -> Option<Happened> {
        let Some(until) = until else { return self.queue.recv().ok() };
        self.queue.recv_timeout(until.saturating_duration_since(Instant::now())).ok()
    }
}

/// Runs the conversation while another thread listens to the socket. Datagrams that nobody looks at stay in the
/// kernel, which drops what is too much.
pub(super) fn while_listening<T>(
    socket: &DatagramSocket,
    console: &Console,
    label: &Text,
    converse: impl FnOnce(&Inbox) -> Result<T>,
) -> Result<T> {
    const WAITING: usize = 64;
    let (tell, queue) = sync_channel(WAITING);
    let typed = tell.clone();
    let typing = Typing::start(move |line| typed.send(Happened::Typed(line)).is_ok())?;
    let waker = server::waker(console)?;
    std::thread::scope(|scope| {
        let listen = || listen(socket, label, &tell, &waker);
        Builder::new().spawn_scoped(scope, listen).map_err(|e| Trouble::local(Text::same(e.to_string())))?;
        let inbox = Inbox { queue, typing };
        let ended = converse(&inbox);
        waker.wake();
        ended
    })
}

fn listen(socket: &DatagramSocket, label: &Text, tell: &SyncSender<Happened>, waker: &Waker) {
    loop {
        let event = match socket.recv_from(Until::Woken(waker), Some(label.clone())) {
            Ok(Some(datagram)) => Happened::Came(datagram),
            Ok(None) => Happened::Over,
            Err(e) => {
                if !is_refusal(&e) {
                    // No memory just now, or no network: it may pass.
                    wait::pause(Duration::from_millis(100));
                }
                Happened::Failed(e)
            }
        };
        // Whoever has ended the conversation does not listen any more.
        let over = matches!(event, Happened::Over);
        if tell.send(event).is_err() || over {
            return;
        }
    }
}
