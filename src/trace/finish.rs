//! What follows from a raw recording: the order of its events, whose bytes are whose, and what is new in each.

use super::packet::Packet;
use super::{EndName, Tie, Trace, connections, order, provenance};
use std::collections::HashMap;
use std::net::SocketAddr;

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
}
