//! One run, recorded.

use super::packet::Packet;
use super::{Act, Call, Event, Message, MsgId, Opening, Role, SockId, SocketInfo};
use crate::text::Text;

/// One run, recorded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    /// What the applications meant as messages, by number.
    pub messages: Vec<Message>,
    /// Every call, in causal order.
    pub events: Vec<Event>,
    /// Every socket.
    pub sockets: Vec<SocketInfo>,
    /// Every gate that was opened.
    pub openings: Vec<Opening>,
    /// Every packet that left a host, when the run had a link.
    pub packets: Vec<Packet>,
    /// Packets that crossed the link after the recording was full; 0 without a link.
    pub unrecorded: u64,
    /// The variants that were played, in order; empty where there is only one.
    pub acts: Vec<Act>,
    /// Why the run was begun again, each time that it was.
    pub restarts: Vec<Text>,
    /// The ends that were recorded: both in one process, one alone.
    pub roles: Vec<Role>,
}

impl Trace {
    /// A message by number.
    pub fn message(&self, id: MsgId) -> Option<&Message> {
        // In a recording numbers are places; a live trace has forgotten what is over.
        let at = self.messages.binary_search_by_key(&id, |m| m.id).ok()?;
        self.messages.get(at)
    }

    /// A socket by number.
    pub fn socket(&self, id: SockId) -> Option<&SocketInfo> {
        let at = self.sockets.binary_search_by_key(&id, |s| s.id).ok()?;
        self.sockets.get(at)
    }

    /// Was this role recorded (false for the far side of a lone end)?
    pub fn saw(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }

    /// The events of one role and call.
    pub fn calls(&self, role: Role, call: Call) -> impl Iterator<Item = &Event> {
        self.events.iter().filter(move |e| e.end.role == role && e.call == call)
    }

    /// The messages of one role, in order.
    pub fn messages_from(&self, role: Role) -> impl Iterator<Item = &Message> {
        self.messages.iter().filter(move |m| m.from.role == role)
    }
}
