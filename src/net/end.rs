//! One end of an experiment: what a scenario's programs are written with.

use super::allowance::TimeLeft;
use super::barrier::{self, Stage};
use super::error::Result;
use super::outgoing::Outgoing;
use super::settings::Settings;
use crate::link::Host;
use crate::say;
use crate::sys::wait;
use crate::text::Text;
use crate::trace::{Call, EndName, Event, Fact, Proto, Recorder, Sink, SockId, Variant};
use std::borrow::Cow;
use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// One end of a scenario at work: who it is, what the learner chose, where it records, whom it meets.
#[derive(Clone)]
pub struct End {
    pub(super) name: EndName,
    pub(super) settings: Arc<Settings>,
    pub(super) recorder: Arc<Recorder>,
    pub(super) stage: Arc<Stage>,
    pub(super) place: Place,
    /// How often it has passed each gate.
    passed: Arc<Mutex<HashMap<Cow<'static, str>, usize>>>,
}

/// Where an end's sockets are.
#[derive(Clone, Debug)]
pub enum Place {
    /// On this machine's loopback, both ends.
    Loopback,
    /// On this machine, alone; the address is where it listens or connects to.
    Alone(SocketAddr),
    /// On a host of its own, with a link to the other's.
    Linked {
        /// Its own host.
        near: Host,
        /// The other end's.
        far: Host,
        /// How long a datagram may take that could be lost on the way; `None` where the link loses nothing.
        patience: Option<Duration>,
    },
}

impl End {
    /// An end on a stage. One with a host of its own must run on a thread that has entered it.
    pub fn new(
        name: EndName,
        settings: Arc<Settings>,
        recorder: Arc<Recorder>,
        stage: Arc<Stage>,
        place: Place,
    ) -> End {
        End { name, settings, recorder, stage, place, passed: Arc::default() }
    }

    /// Who this is.
    pub fn name(&self) -> EndName {
        self.name
    }

    /// The options of the run.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The size this run passes to recv, in bytes.
    pub fn recv_size(&self) -> usize {
        self.settings.recv_size.unwrap_or(1024)
    }

    /// The learner's own messages (`--message`), or the page's.
    pub fn messages<'a>(&'a self, page: &[&'a [u8]]) -> Vec<&'a [u8]> {
        match &self.settings.messages[..] {
            [] => page.to_vec(),
            own => own.iter().map(String::as_bytes).collect(),
        }
    }

    /// True when the other end runs in another process.
    pub fn alone(&self) -> bool {
        self.stage.alone()
    }

    /// The same end under another name: a second client, a server's worker. It works in the same act.
    #[must_use]
    pub fn sibling(&self, index: u32) -> End {
        let name = EndName { index, ..self.name };
        self.recorder.joins(name, self.name);
        End { name, passed: Arc::default(), ..self.clone() }
    }

    /// Goes through the variants of a run, one act each: what this end does meanwhile belongs to the act. Both ends
    /// go through the same acts.
    pub fn acts<'a, T: Variant + 'a>(&self, acts: impl IntoIterator<Item = &'a T>) -> impl Iterator<Item = &'a T> {
        acts.into_iter().inspect(move |act| self.recorder.begins(self.name, act.act()))
    }

    /// The same, with the act's title in this end's lane: one of the two ends shows it.
    pub fn titled_acts<'a, T: Variant + 'a>(
        &self,
        acts: impl IntoIterator<Item = &'a T>,
    ) -> impl Iterator<Item = &'a T> {
        self.acts(acts).inspect(move |act| self.note(act.act().title.clone()))
    }

    /// A message without a header.
    pub fn message(&self, bytes: impl Into<Arc<[u8]>>) -> Outgoing {
        self.framed(bytes, 0, None)
    }

    /// A message with a name for the reader.
    pub fn labelled(&self, bytes: impl Into<Arc<[u8]>>, label: Text) -> Outgoing {
        self.framed(bytes, 0, Some(label))
    }

    /// A message whose first `header_len` bytes are its header.
    pub fn framed(&self, bytes: impl Into<Arc<[u8]>>, header_len: usize, label: Option<Text>) -> Outgoing {
        let bytes: Arc<[u8]> = bytes.into();
        let id = self.recorder.message(self.name, bytes.clone(), header_len, label);
        Outgoing { id, bytes, header_len }
    }

    /// Where the other end listens.
    ///
    /// # Errors
    /// When the other end does not get there in time.
    pub fn server_address(&self) -> Result<SocketAddr> {
        match self.place {
            Place::Alone(address) => Ok(address),
            Place::Loopback | Place::Linked { .. } => self.stage.address(),
        }
    }

    /// Opens a gate for the other end. Gates count: who passes for the second time waits for the second opening.
    pub fn open(&self, gate: impl Into<Cow<'static, str>>) {
        let gate = gate.into();
        self.recorder.opened(self.name, gate.clone());
        self.stage.open(gate);
    }

    /// Waits for the other end to open a gate as often as this end has come to it. Not recorded as a call: it is the
    /// run's stage direction. With `--race` nobody waits.
    ///
    /// # Errors
    /// When the deadline passes.
    pub fn pass(&self, gate: impl Into<Cow<'static, str>>, what: Text) -> Result<()> {
        if self.settings.race {
            return Ok(());
        }
        let gate = gate.into();
        let nth = self.comes_to(gate.clone());
        let note = if self.alone() {
            let pause = Text::same(format!("{:?}", barrier::UNSEEN_GATE));
            Text::new("{} (unseen from here: {})", "{}（此端看不到：等 {}）").with(&what).with(&pause)
        } else {
            what
        };
        self.waited(None, Fact::Gate { gate: gate.clone(), nth }, note, || {
            self.stage.pass(&gate, nth)?;
            self.catch_up()
        })
    }

    /// Which time this is that it comes to the gate, from 1.
    fn comes_to(&self, gate: Cow<'static, str>) -> usize {
        let mut passed = self.passed.lock().unwrap_or_else(PoisonError::into_inner);
        let times = passed.entry(gate).or_default();
        *times += 1;
        *times
    }

    /// The word that opened a gate is not faster than what was sent before it, however long that takes.
    fn catch_up(&self) -> Result<()> {
        let Place::Linked { near, .. } = &self.place else { return Ok(()) };
        let patience = self.stage.patience();
        if wait::until(patience.limit, || self.stage.abandoned() || near.link_is_quiet()) {
            return Ok(());
        }
        Err(patience.in_vain(Text::new("until nothing is on its way any more", "等到路上什么也没有")))
    }

    /// Lets time pass because the page does, or the learner asked for it (`--gap`).
    ///
    /// # Errors
    /// None; the result is there to read like its neighbours.
    pub fn pause(&self, duration: Duration) -> Result<()> {
        let note = say!("sleep {duration:?}", "sleep {duration:?}");
        let fact = Fact::Pause(duration.as_micros() as u64);
        self.waited(None, fact, note.clone(), || self.stage.pause(duration, note))
    }

    /// The pause between the sends, if the learner asked for one (`--gap`).
    ///
    /// # Errors
    /// As [`pause`](End::pause).
    pub fn gap(&self) -> Result<()> {
        self.settings().gap.map_or(Ok(()), |gap| self.pause(gap))
    }

    /// Notes something about this end's process or machine that is no socket call.
    pub fn note(&self, note: Text) {
        let mut event = Event::new(self.name, Call::Process);
        event.t_us = self.recorder.now_us();
        event.end_us = event.t_us;
        event.note = Some(Box::new(note));
        self.recorder.push(event);
    }

    /// The same with what came of it (a number packed, a file written): a count and bytes that a claim can
    /// be judged by; `None` when nothing did.
    pub fn found(&self, note: Text, returned: Option<usize>, made: &[u8]) {
        let mut event = Event::new(self.name, Call::Process);
        event.t_us = self.recorder.now_us();
        event.end_us = event.t_us;
        event.returned = returned;
        event.made = made.to_vec();
        event.note = Some(Box::new(note));
        self.recorder.push(event);
    }

    pub(super) fn waited(
        &self,
        sock: Option<SockId>,
        fact: Fact,
        note: Text,
        wait: impl FnOnce() -> Result<()>,
    ) -> Result<()> {
        let mut event = Event::new(self.name, Call::Wait);
        event.t_us = self.recorder.now_us();
        let result = wait();
        event.end_us = self.recorder.now_us();
        event.sock = sock;
        event.fact = Some(fact);
        event.note = Some(Box::new(note));
        event.error = result.is_err().then(|| "deadline".to_owned());
        event.returned = result.is_ok().then_some(0);
        self.recorder.push(event);
        result
    }

    /// The address a server binds: the one given, or any port where its sockets are.
    pub(super) fn bind_address(&self) -> SocketAddr {
        match &self.place {
            Place::Alone(address) => *address,
            Place::Loopback => (Ipv4Addr::LOCALHOST, 0).into(),
            Place::Linked { near, .. } => (near.address(), 0).into(),
        }
    }

    /// Opens something at the meeting point. A machine with IPv6 only still has a loopback.
    pub(super) fn at_meeting_point<T>(&self, open: impl Fn(SocketAddr) -> Result<T>) -> Result<T> {
        match (open(self.bind_address()), &self.place) {
            (Err(error), Place::Loopback) if error.kind() == Some(io::ErrorKind::AddrNotAvailable) => {
                open((Ipv6Addr::LOCALHOST, 0).into())
            }
            (other, _) => other,
        }
    }

    /// Any free port of this end, as near to `peer` as can be: loopback for loopback.
    pub fn any_port_for(&self, peer: SocketAddr) -> SocketAddr {
        match (&self.place, peer.ip().is_loopback(), peer) {
            (Place::Linked { near, .. }, ..) => (near.address(), 0).into(),
            (_, true, SocketAddr::V4(_)) => (Ipv4Addr::LOCALHOST, 0).into(),
            (_, true, SocketAddr::V6(_)) => (Ipv6Addr::LOCALHOST, 0).into(),
            (_, false, SocketAddr::V4(_)) => (Ipv4Addr::UNSPECIFIED, 0).into(),
            (_, false, SocketAddr::V6(_)) => (Ipv6Addr::UNSPECIFIED, 0).into(),
        }
    }

    /// The longest that a socket of this protocol waits from now on.
    pub(super) fn patience(&self, proto: Proto) -> TimeLeft {
        let all = self.stage.patience();
        match self.place {
            // What was lost does not come, however long one waits; over TCP it does.
            Place::Linked { patience: Some(patience), .. } if proto == Proto::Udp => all.at_most(patience),
            _ => all,
        }
    }

    /// Is a link between the two ends?
    pub fn linked(&self) -> bool {
        matches!(self.place, Place::Linked { .. })
    }
}
