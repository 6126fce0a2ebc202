//! What a server sends to whoever stands on a datagram, and no more: the address is easily forged. A third party would get
//! the answers, and two servers that answer whatever comes would send each other the same datagram for ever.

use super::console::Console;
use super::server::log;
use crate::say;
use crate::text::{Text, grouped};
use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// As many answers one peer gets at once, counted in pieces of 1,500 bytes, which is what Ethernet carries. Two servers
/// send them to each other in a fraction of a second; a person's programs never do.
const BURST: u64 = 10_000;

/// And so many more in each second.
const RATE: u64 = 100;

/// What an answer is counted in.
const PIECE: usize = 1_500;

/// Forged addresses must not cost memory: those that fall into one slot share it.
const SLOTS: usize = 4096;

/// Counts what each peer was sent.
pub(super) struct Brake {
    began: Instant,
    /// Nobody outside can tell who shares a slot with whom.
    key: RandomState,
    slots: Mutex<Vec<Slot>>,
}

/// Pieces that count against a peer: those sent, less those that time has paid for.
#[derive(Clone, Copy, Default)]
struct Slot {
    pieces: u64,
    /// Up to which second.
    paid: u64,
    /// It has been said that the peer gets no more answers.
    told: bool,
}

impl Slot {
    /// True when the peer may get an answer now.
    fn admits(&mut self, second: u64) -> bool {
        self.pieces = self.pieces.saturating_sub(RATE * second.saturating_sub(self.paid));
        self.paid = second;
        self.pieces < BURST
    }
}

impl Brake {
    pub(super) fn new() -> Brake {
        Brake { began: Instant::now(), key: RandomState::new(), slots: Mutex::new(vec![Slot::default(); SLOTS]) }
    }

    /// Whether what came from there is answered; the log says why not, of a peer that asks too much once.
    pub(super) fn admits(&self, console: &Console, from: SocketAddr) -> bool {
        if is_service(from) {
            let text = Text::new(
                "not answered: no client has a port below 1024, a server would answer again",
                "不予响应：客户端不会用 1024 以下的端口，而服务器会再回应",
            );
            log(console, Some(from), &text);
            return false;
        }
        let second = self.began.elapsed().as_secs();
        let (admitted, tell) = self.at(from, |slot| {
            let admitted = slot.admits(second);
            (admitted, !admitted && !std::mem::replace(&mut slot.told, true))
        });
        if tell {
            let (burst, rate) = (grouped(BURST), RATE);
            log(
                console,
                Some(from),
                &say!(
                    "not answered any more: {burst} answers, and {rate} a second, is all that one peer gets",
                    "不再响应：每一方最多得到 {burst} 个响应，此后每秒 {rate} 个"
                ),
            );
        }
        admitted
    }

    /// An answer of so many bytes was sent there.
    pub(super) fn sent(&self, to: SocketAddr, bytes: usize) {
        self.at(to, |slot| slot.pieces += bytes.div_ceil(PIECE).max(1) as u64);
    }

    fn at<T>(&self, peer: SocketAddr, act: impl FnOnce(&mut Slot) -> T) -> T {
        let slot = self.key.hash_one(counted(peer)) as usize % SLOTS;
        act(&mut self.slots.lock().unwrap_or_else(PoisonError::into_inner)[slot])
    }
}

/// Who is counted as one: a machine, whatever port a forger writes beside its address. On loopback all clients have one
/// address, and no packet comes from outside under it (RFC 1122 §3.2.1.3).
fn counted(peer: SocketAddr) -> (IpAddr, u16) {
    let ip = peer.ip().to_canonical();
    (ip, if ip.is_loopback() { peer.port() } else { 0 })
}

/// A port of the system's services (RFC 6335 §6), among them some that answer whatever comes: echo, chargen, DNS, NTP.
fn is_service(peer: SocketAddr) -> bool {
    peer.port() < 1024
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loop_ends_and_time_pays() {
        let mut slot = Slot { pieces: BURST, ..Slot::default() };
        assert!(!slot.admits(0) && slot.admits(1));
        slot.pieces += RATE;
        assert!(!slot.admits(1) && slot.admits(1 + BURST / RATE));
        assert_eq!(slot.pieces, 0, "nobody saves more than the burst");
    }

    #[test]
    fn long_answers_count_as_what_they_are_on_the_wire() {
        let brake = Brake::new();
        let peer = ([192, 0, 2, 1], 50_000).into();
        [0, 1, PIECE, PIECE + 1, 65_507].iter().for_each(|&bytes| brake.sent(peer, bytes));
        assert_eq!(brake.at(peer, |slot| slot.pieces), 1 + 1 + 1 + 2 + 44);
        assert_eq!(brake.at(([192, 0, 2, 1], 50_001).into(), |slot| slot.pieces), 49, "a machine, not a port");
    }

    #[test]
    fn on_loopback_each_client_counts_for_itself() {
        let [a, b] = [1111, 1112].map(|port| counted(([127, 0, 0, 1], port).into()));
        assert_ne!(a, b);
        assert_eq!(counted("[::ffff:127.0.0.1]:1111".parse().expect("an address")), a);
        assert!(is_service(([127, 0, 0, 1], 7).into()) && !is_service(([127, 0, 0, 1], 1024).into()));
    }
}
