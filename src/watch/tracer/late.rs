//! Receivers that come late: each waits at its call until everything under way has arrived, or nothing more comes.
//!
//! What is still under way only the sender knows. So a receiver waits until its peer waits, too: in a call of its own,
//! or for something else; or has closed. A sender that only pauses (nanosleep(2)) is waited for, up to a limit.

use super::super::seen::{Id, SocketKey};
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// The longest that a receiver waits for a sender that pauses.
const LONGEST: Duration = Duration::from_secs(1);
/// How late a slow sender is.
const SLOW: Duration = Duration::from_millis(300);
/// A sender that waits for something unknown, or runs elsewhere, has nothing more under way after so long without a
/// change.
const QUIET: Duration = Duration::from_millis(10);

/// A receiver that waits.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) tid: Id,
    pub(super) socket: SocketKey,
    since: Instant,
    /// When something last changed: what is queued, or whether the peer works.
    changed: Instant,
    queued: u64,
    /// A sender that comes late: it goes on after this time.
    pause: bool,
}

/// What the thread at the other side is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PeerState {
    /// It closed its side, or is gone: nothing more comes.
    Gone,
    /// It waits for a socket, as this receiver does.
    Waits,
    /// It works.
    Works,
    /// It lets time pass.
    Pauses,
    /// It waits for something else, or is nobody that is watched.
    Unknown,
}

impl Held {
    pub(super) fn new(tid: Id, socket: SocketKey, pause: bool) -> Held {
        let now = Instant::now();
        Held { tid, socket, since: now, changed: now, queued: 0, pause }
    }

    /// May it go on, with so much in its queue?
    pub(super) fn is_over(&mut self, peer: PeerState, queued: u64) -> bool {
        if self.pause {
            return self.since.elapsed() >= SLOW;
        }
        if queued != self.queued || matches!(peer, PeerState::Works | PeerState::Pauses) {
            (self.queued, self.changed) = (queued, Instant::now());
        }
        match peer {
            PeerState::Gone | PeerState::Waits => true,
            PeerState::Works | PeerState::Pauses => self.since.elapsed() >= LONGEST,
            // The first bytes are not there yet: the call itself waits for them, and would take no more than they are.
            PeerState::Unknown => self.changed.elapsed() >= QUIET && (queued > 0 || self.since.elapsed() >= LONGEST),
        }
    }
}

/// Which sockets belong together, and which thread used each last.
#[derive(Debug, Default)]
pub(super) struct Sides {
    peers: HashMap<SocketKey, SocketKey>,
    by_addresses: HashMap<(std::net::SocketAddr, std::net::SocketAddr), SocketKey>,
    users: HashMap<SocketKey, Id>,
    ended: std::collections::HashSet<SocketKey>,
}

impl Sides {
    /// A thread made a call on a socket with these addresses.
    pub(super) fn used(
        &mut self,
        socket: SocketKey,
        tid: Id,
        addresses: Option<(std::net::SocketAddr, std::net::SocketAddr)>,
    ) {
        self.users.insert(socket, tid);
        let Some((local, peer)) = addresses else { return };
        self.by_addresses.insert((local, peer), socket);
        if let Some(other) = self.by_addresses.get(&(peer, local)).filter(|other| **other != socket) {
            self.peers.insert(socket, *other);
            self.peers.insert(*other, socket);
        }
    }

    /// A socket was closed, or shut for sending.
    pub(super) fn ended(&mut self, socket: SocketKey) {
        self.ended.insert(socket);
    }

    /// The socket at the other side.
    pub(super) fn other(&self, socket: SocketKey) -> Option<SocketKey> {
        self.peers.get(&socket).copied()
    }

    /// Who used the other side last; `None` when nobody here did.
    pub(super) fn peer_of(&self, socket: SocketKey) -> Option<(Id, bool)> {
        let peer = self.peers.get(&socket)?;
        Some((*self.users.get(peer)?, self.ended.contains(peer)))
    }
}

/// What a thread that runs free is doing (proc(5): stat, syscall).
pub(super) fn doing(tid: Id) -> PeerState {
    let Ok(stat) = std::fs::read_to_string(format!("/proc/{tid}/stat")) else { return PeerState::Gone };
    match stat.rsplit(") ").next().and_then(|rest| rest.chars().next()) {
        Some('S') => {}
        Some('Z' | 'X') | None => return PeerState::Gone,
        Some('T') => return PeerState::Unknown,
        // A tracing stop too: it is about to go on.
        Some(_) => return PeerState::Works,
    }
    let call = std::fs::read_to_string(format!("/proc/{tid}/syscall")).unwrap_or_default();
    let number = call.split(' ').next().and_then(|number| number.parse::<i64>().ok());
    match number {
        Some(libc::SYS_nanosleep | libc::SYS_clock_nanosleep) => PeerState::Pauses,
        #[cfg(target_arch = "x86_64")]
        Some(libc::SYS_select) if call.split(' ').nth(1) == Some("0x0") => PeerState::Pauses,
        Some(libc::SYS_pselect6) if call.split(' ').nth(1) == Some("0x0") => PeerState::Pauses,
        _ => PeerState::Unknown,
    }
}
