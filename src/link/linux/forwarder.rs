//! The wire between the two hosts: one thread that forwards every packet, when and if it is due.

use super::device::Device;
use super::setup_error::{SetupError, SetupStep, Step};
use crate::link::capture::{CaptureLimits, Captured, Traffic};
use crate::link::faults::{Faults, Ruling};
use crate::link::view::View;
use crate::trace::Role;
use crate::trace::packet::Fate;
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::time::{ClockId, clock_gettime};
use std::collections::VecDeque;
use std::num::NonZeroU64;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// What the forwarder and those who wait for it share.
#[derive(Debug)]
struct Shared {
    /// Packets that were read and are not yet handed over.
    under_way: AtomicU64,
    /// Odd while it looks for work, even while it sleeps; never the same for two sleeps.
    turns: AtomicU64,
    stop: AtomicBool,
    /// Wakes it (eventfd(2)).
    wake: OwnedFd,
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

pub(super) struct Forwarder {
    devices: Arc<[Device; 2]>,
    faults: Faults,
    lanes: [Lane; 2],
    limits: CaptureLimits,
    recorded_bytes: usize,
    began: Instant,
    shared: Arc<Shared>,
    carried: Traffic,
}

/// Packets that are read from one host before the other gets its turn.
const BATCH: usize = 64;
/// The largest IPv4 packet, and an Ethernet header.
const LARGEST: usize = 65_535 + 14;

impl Forwarder {
    /// Forwards between the client's device and the server's.
    pub(super) fn new(handle: Handle, faults: Faults, limits: CaptureLimits, began: Instant) -> Forwarder {
        let Handle { devices, shared } = handle;
        let lane = |from| Lane { from, queue: VecDeque::new(), held: Vec::new() };
        let lanes = [lane(Role::Client), lane(Role::Server)];
        Forwarder { devices, faults, lanes, limits, recorded_bytes: 0, began, shared, carried: Traffic::default() }
    }

    /// Carries until it is told to stop.
    pub(super) fn run(mut self) -> Traffic {
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
        self.carried.lost += self.devices.iter().map(Device::drops).sum::<u64>();
        self.carried.busy = processor_time();
        self.carried
    }

    fn now_ns(&self) -> u64 {
        self.began.elapsed().as_nanos() as u64
    }

    /// Reads what left one host, decides, and puts it on its way; returns how many packets there were.
    fn take(&mut self, side: usize, buffer: &mut [u8]) -> usize {
        for n in 0..BATCH {
            let Some(packet) = self.devices[side].read(buffer) else { return n };
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
                self.carried.lost += u64::from(!self.devices[1 - side].write(packet));
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
        self.carried.lost += u64::from(!self.devices[side].write(packet));
    }

    /// Sleeps until a packet leaves a host, one is due, or it is woken.
    fn rest(&self) {
        let [near, far] = &*self.devices;
        let readable = |fd| PollFd::from_borrowed_fd(fd, PollFlags::IN);
        let mut entries = [readable(near.as_fd()), readable(far.as_fd()), readable(self.shared.wake.as_fd())];
        let next = self.lanes.iter().filter_map(Lane::next_moment).min();
        let left = next.map(|at| Duration::from_nanos(at.saturating_sub(self.now_ns())));
        let timeout = left.and_then(|left| Timespec::try_from(left).ok());
        self.shared.turns.fetch_add(1, Ordering::AcqRel);
        // Interrupted or timed out: either way the caller looks for itself.
        let _ = poll(&mut entries, timeout.as_ref());
        self.shared.turns.fetch_add(1, Ordering::AcqRel);
    }
}

impl Shared {
    fn new() -> Step<Shared> {
        let wake =
            eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC).map_err(SetupError::at(SetupStep::Configure))?;
        // It begins awake.
        Ok(Shared { under_way: AtomicU64::new(0), turns: AtomicU64::new(1), stop: AtomicBool::new(false), wake })
    }
}

/// Observes the forwarder from other threads, and stops it.
#[derive(Clone, Debug)]
pub(super) struct Handle {
    pub(super) devices: Arc<[Device; 2]>,
    shared: Arc<Shared>,
}

impl Handle {
    /// Of one that is to forward between these.
    pub(super) fn new(devices: [Device; 2]) -> Step<Handle> {
        Ok(Handle { devices: Arc::new(devices), shared: Arc::new(Shared::new()?) })
    }

    /// Is the forwarder asleep, with nothing to carry and nothing to read?
    pub(super) fn is_quiet(&self) -> bool {
        let Shared { under_way, turns, .. } = &*self.shared;
        let turn = turns.load(Ordering::Acquire);
        let nothing = || under_way.load(Ordering::Acquire) == 0 && !self.devices.iter().any(Device::is_readable);
        turn % 2 == 0 && nothing() && turns.load(Ordering::Acquire) == turn
    }

    /// Ends the forwarder.
    pub(super) fn stop(&self) {
        self.shared.stop.store(true, Ordering::Release);
        // Fails only when its counter is full (eventfd(2)), and then it is awake already.
        let _ = rustix::io::write(&self.shared.wake, &1u64.to_ne_bytes());
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
    let _ = rustix::thread::set_current_timer_slack(NonZeroU64::new(1));
}

/// Processor time of the calling thread.
fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}
