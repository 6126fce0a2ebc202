//! Who is who: an end is one side of a connection, not a process. Who connected is a client, who accepted is the server,
//! in one process or in ten; of datagrams, who sent first is a client and who heard first the server.

use super::seen::{Id, Operation, Record, SocketKey, SystemCall, Target};
use crate::trace::{EndName, Proto, Role};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::SocketAddr;

/// The ends of a run.
#[derive(Debug, Default)]
pub struct WhoIsWho {
    of_socket: HashMap<SocketKey, EndName>,
    /// By thread and by process, the sockets it used: after which record, and whose end they are.
    used: HashMap<Id, Vec<(usize, EndName)>>,
    /// By process, after which records it became another program.
    executions: HashMap<Id, Vec<usize>>,
    /// The last descriptors that were closed.
    pub closes: Vec<Closed>,
}

/// The last descriptor of a socket was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closed {
    /// Which socket.
    pub socket: SocketKey,
    /// By which record.
    pub record: usize,
    /// The process was over (or became another program); nobody called close.
    pub by_end: bool,
    /// When it was entered, microseconds since the run began.
    pub t_us: u64,
    /// When it had happened.
    pub end_us: u64,
}

/// What one socket did that tells its role.
#[derive(Debug, Default)]
struct SocketRole {
    /// When it first did it, as a place among the records.
    first: usize,
    role: Option<Role>,
    /// The port that clients meet it at.
    port: Option<u16>,
    /// Who connects, and where to.
    connects: Option<(Id, SocketAddr)>,
    /// Its connection came about.
    connected: bool,
}

impl WhoIsWho {
    /// The ends of what was seen.
    pub fn of(seen: &[Record]) -> WhoIsWho {
        let mut parts: BTreeMap<SocketKey, SocketRole> = BTreeMap::new();
        let calls = || {
            seen.iter().enumerate().filter_map(|(at, one)| match one {
                Record::Call(call) => Some((at, call)),
                _ => None,
            })
        };
        found(seen, &mut parts);
        for (at, call) in calls() {
            if let Target::Socket(socket) = &call.target {
                let part = parts.entry(socket.key).or_default();
                part.learn(at, call, socket.proto, socket.local);
            }
        }
        let of_socket = named(&parts);
        let mut used: HashMap<Id, Vec<(usize, EndName)>> = HashMap::new();
        for (at, call) in calls() {
            let Target::Socket(socket) = &call.target else { continue };
            let Some(end) = of_socket.get(&socket.key) else { continue };
            for id in HashSet::from([call.tid, call.pid]) {
                used.entry(id).or_default().push((at, *end));
            }
        }
        let mut executions: HashMap<Id, Vec<usize>> = HashMap::new();
        for (at, one) in seen.iter().enumerate() {
            if let Record::Executed { pid, .. } = one {
                executions.entry(*pid).or_default().push(at);
            }
        }
        WhoIsWho { of_socket, used, executions, closes: closes(seen) }
    }

    /// Whose a socket is; `None` of one that took part in nothing.
    pub fn end(&self, socket: SocketKey) -> Option<EndName> {
        self.of_socket.get(&socket).copied()
    }

    /// Every end.
    pub fn all(&self) -> HashSet<EndName> {
        self.of_socket.values().copied().collect()
    }

    /// Whose a call is that is about no socket: that of the thread's last socket before it, or else of its next, or else
    /// of its process's. What the process was before it became this program does not count.
    pub fn end_of(&self, call: &SystemCall, at: usize) -> Option<EndName> {
        let executions = self.executions.get(&call.pid).map_or(&[][..], Vec::as_slice);
        let program = |at: usize| executions.partition_point(|place| *place < at);
        let of = |id: Id| {
            let used = self.used.get(&id)?;
            let next = used.partition_point(|(place, _)| *place < at);
            let near = used[..next].last().into_iter().chain(used.get(next));
            near.filter(|(place, _)| program(*place) == program(at)).map(|(_, end)| *end).next()
        };
        of(call.tid).or_else(|| of(call.pid))
    }
}

/// The roles of sockets that were there before: a server's has the port of one that listens.
fn found(seen: &[Record], parts: &mut BTreeMap<SocketKey, SocketRole>) {
    for (at, one) in seen.iter().enumerate() {
        let Record::Attached { sockets, .. } = one else { continue };
        let port = |address: Option<SocketAddr>| address.map(|address| address.port());
        let listening: HashSet<Option<u16>> =
            sockets.iter().filter(|found| found.listens).map(|found| port(found.socket.local)).collect();
        for found in sockets.iter().filter(|found| found.socket.proto == Proto::Tcp) {
            let local = port(found.socket.local);
            let serves = listening.contains(&local);
            let part = parts.entry(found.socket.key).or_default();
            part.first = at;
            part.connected = found.socket.peer.is_some();
            (part.role, part.port) = match (serves, part.connected) {
                (true, _) => (Some(Role::Server), local),
                (false, true) => (Some(Role::Client), None),
                (false, false) => (None, None),
            };
        }
    }
}

impl SocketRole {
    fn learn(&mut self, at: usize, call: &SystemCall, proto: Proto, local: Option<SocketAddr>) {
        let before = self.role;
        match (proto, call.operation) {
            (Proto::Tcp, Operation::Listen | Operation::Accept) => {
                self.role = Some(Role::Server);
                self.port = local.map(|address| address.port()).or(self.port);
            }
            // It wanted to listen, and could not.
            (Proto::Tcp, Operation::Bind) if call.outcome.is_err() => {
                self.role = Some(Role::Server);
                self.port = call.address.map(|address| address.port());
            }
            (Proto::Tcp, Operation::Connect) if self.role.is_none() => {
                self.role = Some(Role::Client);
                self.connects = call.address.map(|to| (call.tid, to));
            }
            (Proto::Udp, Operation::Send) if self.role.is_none() => self.role = Some(Role::Client),
            (Proto::Udp, Operation::Receive) if self.role.is_none() => {
                self.role = Some(Role::Server);
                self.port = local.map(|address| address.port());
            }
            _ => {}
        }
        self.connected |= match call.operation {
            Operation::Connect => call.outcome.is_ok(),
            Operation::Send | Operation::Receive => call.outcome.is_ok(),
            _ => false,
        };
        if before.is_none() && self.role.is_some() {
            self.first = at;
        }
    }
}

/// Names every socket's end. A connect that came to nothing belongs to the end that tries again: the same thread, to
/// the same place. Sockets at one port are one server.
fn named(parts: &BTreeMap<SocketKey, SocketRole>) -> HashMap<SocketKey, EndName> {
    let mut in_order: Vec<(&SocketKey, &SocketRole)> = parts.iter().filter(|(_, part)| part.role.is_some()).collect();
    in_order.sort_by_key(|(_, part)| part.first);
    let mut groups: Vec<(Role, Vec<SocketKey>)> = Vec::new();
    let mut server_at: HashMap<u16, usize> = HashMap::new();
    let mut trying: HashMap<(Id, SocketAddr), usize> = HashMap::new();
    for (key, part) in in_order {
        let Some(role) = part.role else { continue };
        let known = match role {
            Role::Client => part.connects.and_then(|attempt| trying.remove(&attempt)),
            Role::Server | Role::Relay => part.port.and_then(|port| server_at.get(&port).copied()),
        };
        let group = known.unwrap_or_else(|| {
            groups.push((role, Vec::new()));
            groups.len() - 1
        });
        groups[group].1.push(*key);
        match (role, part.port, part.connects) {
            (Role::Server, Some(port), _) => drop(server_at.insert(port, group)),
            (Role::Client, _, Some(attempt)) if !part.connected => drop(trying.insert(attempt, group)),
            _ => {}
        }
    }
    let mut ends = HashMap::new();
    for role in [Role::Client, Role::Server] {
        let of: Vec<&Vec<SocketKey>> = groups.iter().filter(|(of, _)| *of == role).map(|(_, keys)| keys).collect();
        for (place, keys) in of.iter().enumerate() {
            let index = if of.len() == 1 { 0 } else { place as u32 + 1 };
            ends.extend(keys.iter().map(|key| (*key, EndName { role, index })));
        }
    }
    ends
}

/// Finds the calls, and the ends of processes, by which the last descriptor of a socket went.
fn closes(seen: &[Record]) -> Vec<Closed> {
    let mut holders: BTreeMap<SocketKey, HashSet<(Id, i32)>> = BTreeMap::new();
    let mut closed = Vec::new();
    for (record, one) in seen.iter().enumerate() {
        let (lost, by_end, t_us, end_us): (Vec<(SocketKey, (Id, i32))>, _, _, _) = match one {
            Record::Call(call) => {
                let Target::Socket(socket) = &call.target else { continue };
                let place = (call.pid, call.fd);
                if call.operation != Operation::Close {
                    // A descriptor that was closed without a call that was seen is another socket's now.
                    let before = holders.iter().filter(|(key, places)| **key != socket.key && places.contains(&place));
                    let before: Vec<_> = before.map(|(key, _)| (*key, place)).collect();
                    holders.entry(socket.key).or_default().insert(place);
                    (before, true, call.t_us, call.end_us)
                } else if call.outcome.is_ok() {
                    holders.entry(socket.key).or_default().insert(place);
                    (vec![(socket.key, place)], false, call.t_us, call.end_us)
                } else {
                    continue;
                }
            }
            Record::Forked { parent, child } => {
                for places in holders.values_mut() {
                    let copies: Vec<_> = places.iter().filter(|(pid, _)| pid == parent).map(|(_, fd)| *fd).collect();
                    places.extend(copies.into_iter().map(|fd| (*child, fd)));
                }
                continue;
            }
            Record::Attached { pid, sockets } => {
                for found in sockets {
                    holders.entry(found.socket.key).or_default().insert((*pid, found.fd));
                }
                continue;
            }
            Record::Executed { pid, t_us, sockets } => {
                let gone = |key: SocketKey, fd: i32| !sockets.contains(&(fd, key));
                (of_process(&holders, *pid, gone), true, *t_us, *t_us)
            }
            Record::Over { pid, t_us, end_us, .. } => (of_process(&holders, *pid, |_, _| true), true, *t_us, *end_us),
        };
        for (socket, place) in lost {
            let places = holders.entry(socket).or_default();
            places.remove(&place);
            if places.is_empty() {
                holders.remove(&socket);
                closed.push(Closed { socket, record, by_end, t_us, end_us });
            }
        }
    }
    closed
}

/// The descriptors of a process that are so.
fn of_process(
    holders: &BTreeMap<SocketKey, HashSet<(Id, i32)>>,
    pid: Id,
    gone: impl Fn(SocketKey, i32) -> bool,
) -> Vec<(SocketKey, (Id, i32))> {
    let all = holders.iter().flat_map(|(key, places)| places.iter().map(move |place| (*key, *place)));
    all.filter(|(key, (of, fd))| *of == pid && gone(*key, *fd)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watch::seen::{ProcessEnd, SocketSeen};

    const HERE: ([u8; 4], u16) = ([127, 0, 0, 1], 80);

    fn call(tid: Id, operation: Operation, fd: i32, key: u64) -> Record {
        let local = matches!(operation, Operation::Listen | Operation::Accept).then(|| HERE.into());
        let socket = SocketSeen { key: SocketKey(key), proto: Proto::Tcp, local, peer: None };
        let made = SystemCall::made(tid, operation, fd, Target::Socket(socket));
        Record::Call(Box::new(SystemCall { address: Some(HERE.into()), ..made }))
    }

    fn failed(record: Record) -> Record {
        let Record::Call(call) = record else { return record };
        Record::Call(Box::new(SystemCall { outcome: Err("ECONNREFUSED".into()), ..*call }))
    }

    fn names(seen: &[Record], keys: &[u64]) -> Vec<String> {
        let who = WhoIsWho::of(seen);
        keys.iter().map(|key| who.end(SocketKey(*key)).map_or("-".into(), |end| end.to_string())).collect()
    }

    #[test]
    fn who_connects_is_a_client_and_who_accepts_the_server() {
        let seen = [
            call(1, Operation::Listen, 3, 10),
            call(1, Operation::Connect, 4, 11),
            call(1, Operation::Accept, 5, 12),
            call(1, Operation::SetOption(1, 2), 6, 13),
        ];
        assert_eq!(names(&seen, &[10, 11, 12, 13]), ["server", "client", "server", "-"]);
    }

    #[test]
    fn who_tries_again_is_the_same_client() {
        let seen = [
            failed(call(1, Operation::Connect, 3, 10)),
            call(1, Operation::Close, 3, 10),
            call(1, Operation::Connect, 3, 11),
            call(2, Operation::Connect, 4, 12),
        ];
        assert_eq!(names(&seen, &[10, 11, 12]), ["client-1", "client-1", "client-2"]);
    }

    /// The descriptor of a parent, of its child, and a duplicate: only the last close is one.
    #[test]
    fn a_socket_is_closed_with_its_last_descriptor() {
        let over = |pid| Record::Over { pid, t_us: 5, end_us: 6, how: ProcessEnd::Status(0) };
        let seen = [
            call(1, Operation::Accept, 4, 10),
            call(1, Operation::Duplicate, 5, 10),
            Record::Forked { parent: 1, child: 2 },
            call(1, Operation::Close, 4, 10),
            call(1, Operation::Close, 5, 10),
            // The number is another socket's now, and that one is still the child's.
            call(1, Operation::Accept, 4, 11),
            over(2),
        ];
        let closes: Vec<_> = WhoIsWho::of(&seen).closes.iter().map(|c| (c.socket.0, c.record, c.by_end)).collect();
        assert_eq!(closes, [(10, 6, true)]);
    }

    #[test]
    fn what_a_program_keeps_over_exec_is_not_closed() {
        let kept = vec![(4, SocketKey(10))];
        let seen = [
            call(1, Operation::Accept, 4, 10),
            call(1, Operation::Accept, 5, 11),
            Record::Executed { pid: 1, t_us: 3, sockets: kept },
        ];
        let closes: Vec<_> = WhoIsWho::of(&seen).closes.iter().map(|c| c.socket.0).collect();
        assert_eq!(closes, [11]);
    }
}
