//! One run, recorded.

use super::packet::Packet;
use super::{Act, Call, EndName, Event, Message, MsgId, Opening, Role, SockId, SocketInfo};
use super::{connections, order, provenance};
use crate::text::Text;
use std::collections::HashMap;
use std::net::SocketAddr;

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

/// How events that are not ordered by cause are laid side by side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tie {
    /// By the clock: what really happened first.
    Clock,
    /// By lane, clients first: the same on every run.
    Lane,
    /// The calls so, and all packets behind them: where packets stand differently on each run.
    LaneWithoutPackets,
}

impl Trace {
    /// Orders, maps and numbers a raw recording. Pure: the same recording gives the same trace.
    pub fn finish(mut self, tie: Tie) -> Trace {
        connections::name_wildcards(&mut self);
        provenance::map(&mut self);
        if tie == Tie::Lane {
            self.leave_out_acks_of_fin();
        }
        order::sort(&mut self, tie);
        provenance::number(&mut self);
        order::number_sockets(&mut self);
        self.find_peers();
        self.read_evidence();
        let contexts = self.contexts();
        self.packets.iter_mut().zip(contexts).for_each(|(packet, context)| packet.context = Some(context));
        self
    }

    /// Which end each event's peer is: the owner of the socket at that address.
    fn find_peers(&mut self) {
        let owners: HashMap<SocketAddr, Vec<EndName>> = self.sockets.iter().fold(HashMap::new(), |mut owners, s| {
            s.local.into_iter().for_each(|local| owners.entry(local).or_default().push(s.end));
            owners
        });
        let Trace { events, sockets, .. } = self;
        for event in events {
            let Some(socket) = event.sock.and_then(|id| sockets.get(id.0 as usize)) else { continue };
            let at = event.peer.or(socket.peer).and_then(|address| owners.get(&address));
            event.far = at.and_then(|ends| ends.iter().find(|end| **end != event.end)).copied();
        }
    }

    /// Whether a FIN is acknowledged by itself or together with the other side's FIN depends on how soon that side
    /// closes, within the 40 ms of a delayed ACK: so text that must not change has none of the former.
    fn leave_out_acks_of_fin(&mut self) {
        let contexts = self.contexts();
        let mut contexts = contexts.iter();
        let alone = |p: &Packet, acks_fin: bool| p.is_pure_ack() && acks_fin;
        self.packets.retain(|p| contexts.next().is_none_or(|context| !alone(p, context.acknowledges_fin)));
    }

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
