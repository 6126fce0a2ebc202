//! A program's calls, told to the live trace by hand.

use stickdemo::render::{Live, Style};
use stickdemo::trace::{Call, EndName, Event, Handed, MsgId, Part, Proto, Role, SockId, Span};

/// A program that tells its calls, a tenth of a millisecond apart.
pub struct Program {
    pub live: Live,
    pub out: Vec<u8>,
    now: u64,
}

impl Program {
    pub fn new(style: Style, json: bool) -> Program {
        Program { live: Live::new(style, json), out: Vec::new(), now: 0 }
    }

    pub fn socket(&mut self, end: EndName) -> SockId {
        let peer = ([127, 0, 0, 1], 40_000 + u16::try_from(end.index).expect("a small number")).into();
        self.live.socket(end, Proto::Tcp, None, Some(peer))
    }

    pub fn call(&mut self, end: EndName, sock: SockId, call: Call, fill: impl FnOnce(&mut Event)) {
        let mut event = Event::new(end, call);
        event.sock = Some(sock);
        event.returned = Some(0);
        event.t_us = self.now;
        self.now += 100;
        event.end_us = self.now;
        fill(&mut event);
        self.live.event(&mut self.out, event).expect("written");
    }

    /// A piece of a message.
    pub fn moved(
        &mut self,
        end: EndName,
        sock: SockId,
        call: Call,
        bytes: &[u8],
        [msg, offset]: [usize; 2],
        part: Part,
    ) {
        let msg = MsgId(u32::try_from(msg).expect("a small number"));
        self.call(end, sock, call, |event| {
            event.asked = Some(if call == Call::Send { bytes.len() } else { 1024 });
            event.returned = Some(bytes.len());
            event.bytes = bytes.to_vec();
            event.handed = (call == Call::Send).then_some(Handed { msg, offset });
            event.spans = vec![Span { msg, offset, len: bytes.len(), part }];
        });
    }

    pub fn text(mut self) -> String {
        self.live.finish(&mut self.out).expect("written");
        String::from_utf8(self.out).expect("UTF-8")
    }
}
