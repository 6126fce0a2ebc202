//! The wire: one thread that carries every packet between the two hosts, when and if it is due.

use super::port::Port;
use crate::link::faults::{Faults, Ruling};
use crate::link::view::View;
use crate::link::{Captured, Carried, Limits};
use crate::trace::Role;
use crate::trace::packet::Fate;
use std::collections::VecDeque;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// What the wire and those who wait for it share.
#[derive(Debug)]
pub(super) struct Shared {
    /// Packets that were read and are not yet handed over.
    pub(super) under_way: AtomicU64,
    /// Odd while the wire looks for work, even while it sleeps; never the same for two sleeps.
    pub(super) turns: AtomicU64,
    pub(super) stop: AtomicBool,
    /// Wakes the wire.
    pub(super) bell: OwnedFd,
}

/// A packet on its way.
struct Due {
    at_ns: u64,
    packet: Arc<[u8]>,
    /// Where it is recorded.
    record: Option<usize>,
}

/// One direction.
struct Lane {
    from: Role,
    /// In the order in which they are due.
    queue: VecDeque<Due>,
    /// Held back until another passes, each with its latest moment.
    held: Vec<Due>,
}

pub(super) struct Wire {
    ports: Arc<[Port; 2]>,
    faults: Faults,
    lanes: [Lane; 2],
    limits: Limits,
    recorded_bytes: usize,
    began: Instant,
    shared: Arc<Shared>,
    carried: Carried,
}

/// Packets that are read from one host before the other gets its turn.
const BATCH: usize = 64;
/// The largest IPv4 packet, and an Ethernet header.
const LARGEST: usize = 65_535 + 14;

impl Wire {
    /// The ports are the client's and the server's.
    pub(super) fn new(watch: Watch, faults: Faults, limits: Limits, began: Instant) -> Wire {
        let Watch { ports, shared } = watch;
        let lane = |from| Lane { from, queue: VecDeque::new(), held: Vec::new() };
        let lanes = [lane(Role::Client), lane(Role::Server)];
        Wire { ports, faults, lanes, limits, recorded_bytes: 0, began, shared, carried: Carried::default() }
    }

    /// Carries until it is told to stop.
    pub(super) fn run(mut self) -> Carried {
        punctual();
        let mut buffer = vec![0; LARGEST];
        while !self.shared.stop.load(Ordering::Acquire) {
            let read = self.take(0, &mut buffer) + self.take(1, &mut buffer);
            self.hand_over(0);
            self.hand_over(1);
            if read == 0 {
                self.rest();
            }
        }
        self.carried.lost += self.ports.iter().map(Port::drops).sum::<u64>();
        self.carried.busy = processor_time();
        self.carried
    }

    fn now_ns(&self) -> u64 {
        self.began.elapsed().as_nanos() as u64
    }

    /// Reads what left one host, decides, and puts it on its way; returns how many packets there were.
    fn take(&mut self, side: usize, buffer: &mut [u8]) -> usize {
        for n in 0..BATCH {
            let Some(packet) = self.ports[side].read(buffer) else { return n };
            // Neighbour discovery and the like: nobody's lesson, and never carried.
            let Some(view) = View::of(packet) else { continue };
            let now = self.now_ns();
            let ruling = self.faults.rule(self.lanes[side].from, now, &view);
            let packet = &packet[..view.len];
            self.carried.seen += 1;
            self.carried.bytes += packet.len() as u64;
            let straight_on = ruling.due_ns.is_some_and(|due| due <= now) && self.lanes[side].is_free(&ruling);
            let room = self.has_room(packet.len());
            self.carried.unrecorded += u64::from(!room);
            if straight_on && !room {
                self.carried.lost += u64::from(!self.ports[1 - side].write(packet));
                continue;
            }
            let packet: Arc<[u8]> = packet.into();
            let record = room.then(|| self.record(side, now, &packet, ruling.fate));
            if straight_on {
                self.deliver(1 - side, now, &packet, record);
            } else {
                self.schedule(side, ruling, packet, record);
            }
        }
        BATCH
    }

    fn has_room(&self, bytes: usize) -> bool {
        self.carried.packets.len() < self.limits.packets && self.recorded_bytes + bytes <= self.limits.bytes
    }

    fn record(&mut self, side: usize, now_ns: u64, packet: &Arc<[u8]>, fate: Fate) -> usize {
        self.recorded_bytes += packet.len();
        let bytes = packet.clone();
        let from = self.lanes[side].from;
        self.carried.packets.push(Captured { from, t_us: now_ns / 1000, arrivals: Vec::new(), fate, bytes });
        self.carried.packets.len() - 1
    }

    fn schedule(&mut self, side: usize, ruling: Ruling, packet: Arc<[u8]>, record: Option<usize>) {
        let lane = &mut self.lanes[side];
        let mut added = 0;
        for at_ns in [ruling.due_ns, ruling.copy_due_ns].into_iter().flatten() {
            let due = Due { at_ns, packet: packet.clone(), record };
            added += 1;
            match ruling.fate {
                Fate::Reordered => lane.held.push(due),
                _ => lane.queue.push_back(due),
            }
        }
        if let (true, Some(at_ns)) = (ruling.releases, ruling.due_ns) {
            lane.queue.extend(lane.held.drain(..).map(|held| Due { at_ns, ..held }));
        }
        self.shared.under_way.fetch_add(added, Ordering::AcqRel);
    }

    /// Hands the other host what is due.
    fn hand_over(&mut self, side: usize) {
        loop {
            let now = self.now_ns();
            let Some((due, in_vain)) = self.lanes[side].next_due(now) else { return };
            if let (true, Some(record)) = (in_vain, due.record) {
                self.carried.packets[record].fate = Fate::Delivered;
            }
            self.deliver(1 - side, now, &due.packet, due.record);
            self.shared.under_way.fetch_sub(1, Ordering::AcqRel);
        }
    }

    /// Hands a packet to the host on this side; the moment was read before, so whatever it causes comes after it.
    fn deliver(&mut self, side: usize, now_ns: u64, packet: &[u8], record: Option<usize>) {
        if let Some(record) = record {
            self.carried.packets[record].arrivals.push(now_ns / 1000);
        }
        self.carried.lost += u64::from(!self.ports[side].write(packet));
    }

    /// Sleeps until a packet leaves a host, one is due, or somebody rings.
    fn rest(&self) {
        let entry = |fd| libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
        let bell = self.shared.bell.as_raw_fd();
        let mut entries = [entry(self.ports[0].fd()), entry(self.ports[1].fd()), entry(bell)];
        let next = self.lanes.iter().filter_map(Lane::next_moment).min();
        let left = next.map(|at| Duration::from_nanos(at.saturating_sub(self.now_ns())));
        let timeout = left.map(|left| libc::timespec {
            tv_sec: left.as_secs() as libc::time_t,
            tv_nsec: left.subsec_nanos() as libc::c_long,
        });
        let timeout = timeout.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
        self.shared.turns.fetch_add(1, Ordering::AcqRel);
        // SAFETY: three live pollfds as the count says; the timeout is null or lives until the end of the call.
        unsafe { libc::ppoll(entries.as_mut_ptr(), 3, timeout, std::ptr::null()) };
        self.shared.turns.fetch_add(1, Ordering::AcqRel);
    }
}

impl Shared {
    pub(super) fn new(bell: OwnedFd) -> Shared {
        // The wire begins awake.
        Shared { under_way: AtomicU64::new(0), turns: AtomicU64::new(1), stop: AtomicBool::new(false), bell }
    }
}

/// Looks at the wire from outside.
#[derive(Clone, Debug)]
pub(super) struct Watch {
    pub(super) ports: Arc<[Port; 2]>,
    pub(super) shared: Arc<Shared>,
}

impl Watch {
    /// Is the wire asleep, with nothing to carry and nothing to read?
    pub(super) fn is_quiet(&self) -> bool {
        let Shared { under_way, turns, .. } = &*self.shared;
        let turn = turns.load(Ordering::Acquire);
        let nothing = || under_way.load(Ordering::Acquire) == 0 && !self.ports.iter().any(Port::is_readable);
        turn % 2 == 0 && nothing() && turns.load(Ordering::Acquire) == turn
    }

    /// Ends the wire.
    pub(super) fn stop(&self) {
        self.shared.stop.store(true, Ordering::Release);
        let one = 1u64.to_ne_bytes();
        // SAFETY: eight live bytes, which is what an eventfd takes (eventfd(2)).
        unsafe { libc::write(self.shared.bell.as_raw_fd(), one.as_ptr().cast(), one.len()) };
    }
}

impl Lane {
    fn is_free(&self, ruling: &Ruling) -> bool {
        self.queue.is_empty() && self.held.is_empty() && ruling.fate == Fate::Delivered
    }

    fn next_moment(&self) -> Option<u64> {
        self.queue.front().into_iter().chain(&self.held).map(|due| due.at_ns).min()
    }

    /// The next packet that is due, and whether it was held back and nothing came to pass it.
    fn next_due(&mut self, now_ns: u64) -> Option<(Due, bool)> {
        if self.queue.front().is_some_and(|due| due.at_ns <= now_ns) {
            return self.queue.pop_front().map(|due| (due, false));
        }
        let late = self.held.iter().position(|due| due.at_ns <= now_ns)?;
        Some((self.held.remove(late), true))
    }
}

/// Timers of this thread may not be put off to save a wake-up (PR_SET_TIMERSLACK, the default is 50 microseconds).
fn punctual() {
    // SAFETY: PR_SET_TIMERSLACK takes a number.
    unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, 1 as libc::c_ulong) };
}

/// Processor time of the calling thread.
fn processor_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a live timespec; a thread may always ask for its own clock.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}
