//! The link itself: both hosts, and the forwarder between them.

use super::device::{self, ADDRESSES, Backend, INTERFACE};
use super::forwarder::{Forwarder, Handle};
use super::host::Host;
use super::setup_error::{SetupError, SetupStep, Step, Unavailable};
use super::{interface, probe};
use crate::link::capture::{CaptureLimits, Traffic};
use crate::link::faults::Faults;
use crate::link::spec::Spec;
use crate::sys::proc_net::{TcpState, sockets};
use crate::sys::wait;
use crate::trace::Role;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Two hosts and the wire between them. They are gone when it is dropped, and when the process ends, however it does.
#[derive(Debug)]
pub struct Link {
    hosts: [Host; 2],
    forwarder: Handle,
    thread: Option<JoinHandle<Traffic>>,
}

impl Link {
    /// Makes the hosts and starts to forward; `began` is where the recording's clock stands at 0. An ordinary user's
    /// process must have been [`prepare`](probe::prepare)d before.
    ///
    /// # Errors
    /// What stopped each of the backends.
    pub fn start(spec: &Spec, limits: CaptureLimits, began: Instant) -> Result<Link, Unavailable> {
        if let Some(reason) = probe::known_reason() {
            return Err(reason);
        }
        // Early, should this process be killed; without a thread it is done at the end.
        let _ = std::thread::Builder::new().name("reaper".into()).spawn(probe::reap);
        Link::over(Backend::Tun, spec, limits, began).or_else(|tun| {
            Link::over(Backend::Veth, spec, limits, began).map_err(|veth| Unavailable { tun, veth: Some(veth) })
        })
    }

    /// The same with one backend.
    fn over(backend: Backend, spec: &Spec, limits: CaptureLimits, began: Instant) -> Step<Link> {
        let (sender, receiver) = mpsc::sync_channel(1);
        let spec = spec.clone();
        // The thread moves into the namespaces, so that no other thread of the process is moved.
        let thread = std::thread::Builder::new().name("wire".into()).spawn(move || match make(backend, &spec) {
            Ok((hosts, handle)) => {
                let forwarder = Forwarder::new(handle.clone(), Faults::new(spec), limits, began);
                let _ = sender.send(Ok((hosts.clone(), handle)));
                let carried = forwarder.run();
                Traffic { lost: carried.lost + drops(backend, &hosts, &carried), ..carried }
            }
            Err(error) => {
                let _ = sender.send(Err(error));
                Traffic::default()
            }
        });
        let thread = thread.map_err(SetupError::at(SetupStep::Configure))?;
        let no_answer = Err(SetupError { stage: SetupStep::Configure, errno: 0 });
        let (hosts, forwarder) = receiver.recv().unwrap_or(no_answer)?;
        Ok(Link { hosts, forwarder, thread: Some(thread) })
    }

    /// The host of this end.
    pub fn host(&self, role: Role) -> &Host {
        match role {
            Role::Client => &self.hosts[0],
            Role::Relay | Role::Server => &self.hosts[1],
        }
    }

    /// Waits until nothing is under way and no connection is closing any more, at most this long.
    pub fn settle(&self, limit: Duration) {
        let over = |host: &Host| !host.visit(has_open_connection).unwrap_or(false);
        let quiet = || self.forwarder.is_quiet();
        let _ = wait::until(limit, || quiet() && self.hosts.iter().all(over) && quiet());
    }

    /// Stops forwarding and returns what was carried.
    pub fn finish(mut self) -> Traffic {
        self.stop().unwrap_or_default()
    }

    fn stop(&mut self) -> Option<Traffic> {
        let thread = self.thread.take()?;
        self.forwarder.stop();
        thread.join().ok()
    }
}

/// Closing an interface takes the kernel tens of milliseconds. Nobody has to wait for that: a thread of its own does.
impl Drop for Link {
    fn drop(&mut self) {
        self.stop();
        let devices = self.forwarder.devices.clone();
        let close = move || {
            let _ = wait::until(Duration::from_secs(1), || Arc::strong_count(&devices) == 1);
            drop(devices);
        };
        // Where no thread can be started, whoever drops them last closes them.
        let _ = std::thread::Builder::new().name("closer".into()).spawn(close);
    }
}

/// Both hosts, and a handle on the forwarder that is to run between them.
fn make(backend: Backend, spec: &Spec) -> Step<([Host; 2], Handle)> {
    let [(client, near), (server, far)] = device::hosts(backend, spec, ADDRESSES)?;
    let handle = Handle::new([near, far])?;
    let hosts = [Host::new(client, ADDRESSES[0], handle.clone()), Host::new(server, ADDRESSES[1], handle.clone())];
    Ok((hosts, handle))
}

/// Is there a connection in this namespace that may still send? One in TIME_WAIT only answers.
fn has_open_connection() -> bool {
    sockets("tcp").any(|entry| !matches!(entry.state, TcpState::LISTEN | TcpState::TIME_WAIT | TcpState::CLOSE))
}

/// Packets that the hosts' interfaces lost by themselves, or counted otherwise than the recording has them.
fn drops(backend: Backend, hosts: &[Host; 2], carried: &Traffic) -> u64 {
    let count = |host: &Host| host.visit(|| interface::counters(INTERFACE)).ok().flatten();
    let counters = hosts.each_ref().map(count);
    let dropped: u64 = counters.iter().flatten().map(|counters| counters.dropped).sum();
    match (backend, counters) {
        // Nobody but the wire writes to a TUN; into a veth its kernel may put something, too.
        (Backend::Tun, [Some(client), Some(server)]) => {
            dropped + miscounted(carried, [client.received, server.received])
        }
        _ => dropped,
    }
}

/// How many arrivals the recording has too many or too few: the client's and the server's interface count them, too.
fn miscounted(carried: &Traffic, received: [u64; 2]) -> u64 {
    // Of those that were not recorded nothing is known, and one that was not taken is counted already.
    if carried.unrecorded > 0 || carried.lost > 0 {
        return 0;
    }
    let arrived = |from| carried.packets.iter().filter(move |p| p.from == from).map(|p| p.arrivals.len() as u64).sum();
    let arrivals: [u64; 2] = [arrived(Role::Server), arrived(Role::Client)];
    arrivals.iter().zip(received).map(|(arrived, received)| arrived.abs_diff(received)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::capture::Captured;
    use crate::trace::packet::Fate;

    #[test]
    fn what_an_interface_counted_and_the_recording_has_not_is_noticed_and_the_reverse() {
        let packet =
            |from, arrivals| Captured { from, t_us: 1, arrivals, fate: Fate::Delivered, bytes: [0; 20].into() };
        let packets =
            vec![packet(Role::Client, vec![2]), packet(Role::Client, vec![3, 3]), packet(Role::Server, vec![])];
        let carried = Traffic { packets, ..Traffic::default() };
        assert_eq!(miscounted(&carried, [0, 3]), 0);
        assert_eq!(miscounted(&carried, [0, 2]), 1, "dropped without a word");
        assert_eq!(miscounted(&carried, [1, 5]), 3, "doubled without a word, both ways");
        assert_eq!(miscounted(&Traffic { unrecorded: 1, ..carried }, [0, 9]), 0, "the recording was full");
    }
}
