//! Reads the news off what the kernel's counters say, event by event.

use super::{Call, Event, Evidence, News, Proto, SockId, SocketInfo, Struck, Trace};
use std::collections::HashMap;

/// What the kernel's counters said last, socket by socket.
#[derive(Default)]
pub struct Kernel {
    last: HashMap<SockId, Evidence>,
}

impl Kernel {
    /// Its socket is closed.
    pub fn forget(&mut self, sock: SockId) {
        self.last.remove(&sock);
    }

    /// The news that an event brings about its socket.
    pub fn news(&mut self, socket: &SocketInfo, event: &Event) -> Vec<News> {
        let before = self.last.get(&socket.id).copied().unwrap_or_default();
        // Waits for time and hand-overs ask the kernel nothing.
        if event.evidence != Evidence::default() {
            self.last.insert(socket.id, event.evidence);
        }
        let now = &event.evidence;
        let mut news = Vec::new();
        let lost = event.struck == Some(Struck::Lost);
        if socket.proto == Proto::Udp && event.call.sends() && event.ok() && !lost {
            news.push(if event.datagram_len.is_some() { News::Datagram } else { News::Held });
        }
        news.extend(segments(&before, now));
        if event.call == Call::SetSockOpt && before.acks_out.is_some() && now.acks_out > before.acks_out {
            news.push(News::AckSent);
        }
        news.extend(now.unsent.filter(|n| *n > 0).map(News::Unsent));
        let counts = matches!(event.call, Call::Wait | Call::Recv | Call::Close);
        news.extend(now.queued.filter(|n| *n > 0 && counts).map(Some).map(News::Queued));
        news.extend(now.dropped.filter(|n| *n > before.dropped.unwrap_or(0)).map(Some).map(News::Dropped));
        news.extend(now.unread.filter(|n| *n > 0).map(News::Unread));
        news
    }
}

/// Those that left since the last look, and any that left again.
fn segments(before: &Evidence, now: &Evidence) -> impl Iterator<Item = News> + use<> {
    let counted = now.new_segments().map(|is| (before.new_segments().unwrap_or(0) + 1, is));
    let again = now.retransmissions.unwrap_or(0).saturating_sub(before.retransmissions.unwrap_or(0));
    let again = counted.map(|_| again).filter(|n| *n > 0).map(News::SentAgain);
    counted
        .filter(|(first, last)| first <= last)
        .map(|(first, last)| News::Segments(first, last))
        .into_iter()
        .chain(again)
}

impl Trace {
    /// Reads each event's news off the evidence, in the order of the events. A bind's tells nothing.
    pub(super) fn read_evidence(&mut self) {
        let mut kernel = Kernel::default();
        let Trace { events, sockets, .. } = self;
        for event in events.iter_mut().filter(|e| !(e.call == Call::Bind && e.ok())) {
            if let Some(socket) = event.sock.and_then(|id| sockets.get(id.0 as usize)) {
                event.news = kernel.news(socket, event);
            }
        }
    }
}
