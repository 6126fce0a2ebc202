//! Where the ends wait for facts (bytes queued, an acknowledgement, a gate), with a deadline that fails loudly.

use super::allowance::{Moved, TimeLeft};
use super::{Allowance, Deadline, NetError, Result};
use crate::sys::wait::pause;
use crate::text::Text;
#[cfg(unix)]
use rustix::event::{self, PollFd, PollFlags, Timespec};
use socket2::Socket;
use std::borrow::Cow;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The stage two ends meet on: where they learn each other's address and open gates for each other.
pub struct Stage {
    alone: bool,
    allowed: Allowance,
    announce: Option<Announce>,
    meeting: Arc<Meeting>,
    moved: Moved,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    address: Option<SocketAddr>,
    /// How often each gate was opened.
    opened: HashMap<Cow<'static, str>, usize>,
    abandoned: bool,
    foreseen: Foreseen,
}

/// What outlasts a run that begins again: its deadline, and a lone server's socket, because the other end, in its own
/// process, comes again to where it did before.
#[derive(Debug)]
pub struct Meeting {
    deadline: Deadline,
    /// The socket; `None` where none is kept.
    kept: Option<Mutex<Option<Socket>>>,
}

impl Meeting {
    /// The run's time begins now. With `keeps` the socket at the meeting point outlasts the run.
    pub fn new(allowed: &Allowance, keeps: bool) -> Meeting {
        Meeting { deadline: Deadline::new(allowed.whole), kept: keeps.then(Mutex::default) }
    }
}

/// What a lone server's rehearsal foresees of who comes to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Foreseen {
    /// Nothing, or somebody was heard already: whoever comes is the other end.
    #[default]
    Anybody,
    /// It says something first.
    Words,
    /// The same, and the first thing is an empty datagram.
    Silence,
    /// It hears something first, and stays for it.
    Ears,
}

/// Told each address that is published.
pub type Announce = Arc<dyn Fn(SocketAddr) + Send + Sync>;

/// How long a lone end waits where two ends in one process would use a gate.
pub const UNSEEN_GATE: Duration = Duration::from_millis(250);

impl Foreseen {
    /// Who came first has heard all it was to hear, since another one comes.
    fn stayed(&mut self) {
        if *self == Foreseen::Ears {
            *self = Foreseen::Anybody;
        }
    }
}

impl Stage {
    /// A stage for both ends, or for one that runs alone; nothing on it lasts longer, or moves more, than allowed.
    pub fn new(alone: bool, allowed: Allowance, announce: Option<Announce>) -> Stage {
        Stage::at(alone, allowed, announce, Arc::new(Meeting::new(&allowed, false)))
    }

    /// The same for a run that may be begun again.
    pub fn at(alone: bool, allowed: Allowance, announce: Option<Announce>, meeting: Arc<Meeting>) -> Stage {
        let (moved, state, changed) = (Moved::default(), Mutex::default(), Condvar::new());
        Stage { alone, allowed, announce, meeting, moved, state, changed }
    }

    /// What this lone server may expect.
    pub fn foresees(&self, foreseen: Foreseen) {
        self.lock().foreseen = foreseen;
    }

    /// The socket of the run before, if this one begins again.
    pub(super) fn kept(&self) -> Option<Socket> {
        let kept = self.meeting.kept.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner);
        kept.as_ref().and_then(|socket| socket.try_clone().ok())
    }

    /// Keeps a socket, should the run have to begin again.
    pub(super) fn keep(&self, socket: &Socket) {
        if let Some(kept) = &self.meeting.kept {
            *kept.lock().unwrap_or_else(PoisonError::into_inner) = socket.try_clone().ok();
        }
    }

    /// True when the other end runs in another process.
    pub fn alone(&self) -> bool {
        self.alone
    }

    /// What the run may take.
    pub(super) fn allowed(&self) -> &Allowance {
        &self.allowed
    }

    /// The longest that a wait may last that begins now.
    pub(super) fn patience(&self) -> TimeLeft {
        TimeLeft::new(self.allowed.wait, &self.meeting.deadline)
    }

    /// May another call move data? What it would wait for, should the time be up.
    pub(super) fn may_move(&self, what: impl FnOnce() -> Text) -> Result<TimeLeft> {
        self.moved.is_within(&self.allowed)?;
        match self.patience() {
            over if over.limit.is_zero() => Err(over.in_vain(what())),
            patience => Ok(patience),
        }
    }

    /// A call moved so many bytes.
    pub(super) fn moved(&self, bytes: usize) {
        self.moved.add(bytes);
    }

    /// Somebody is there: a lone end's run begins.
    pub(super) fn met(&self) {
        if self.alone && !self.meeting.deadline.met() {
            self.lock().foreseen.stayed();
        }
    }

    /// Has a lone server not heard anybody yet?
    pub(super) fn awaits(&self) -> bool {
        self.lock().foreseen != Foreseen::Anybody
    }

    /// What came in; `None` for an end of the stream, or a connection that broke.
    ///
    /// # Errors
    /// When who came is not the other end, since that one says something first.
    pub(super) fn heard(&self, what: Option<&[u8]>) -> Result<()> {
        if !self.alone {
            return Ok(());
        }
        let foreseen = &mut self.lock().foreseen;
        match (*foreseen, what) {
            (Foreseen::Words, None | Some([])) | (Foreseen::Silence | Foreseen::Ears, None) => {
                self.meeting.deadline.missed();
                Err(NetError::Stranger)
            }
            _ => {
                *foreseen = Foreseen::Anybody;
                Ok(())
            }
        }
    }

    /// Makes an address known to the other end.
    pub fn publish(&self, address: SocketAddr) {
        if let Some(announce) = &self.announce {
            announce(address);
        }
        self.lock().address = Some(address);
        self.changed.notify_all();
    }

    /// Waits until the other end has published this address.
    ///
    /// # Errors
    /// When the deadline passes, or the other end failed.
    pub fn address(&self) -> Result<SocketAddr> {
        self.wait(&Text::new("the other end's address", "另一端的地址"), |state| state.address)
    }

    /// Opens a gate for the other end, once more.
    pub fn open(&self, gate: Cow<'static, str>) {
        *self.lock().opened.entry(gate).or_default() += 1;
        self.changed.notify_all();
    }

    /// Waits until the gate was opened so many times. Alone, pauses for [`UNSEEN_GATE`] instead.
    ///
    /// # Errors
    /// When the deadline passes, or the other end failed.
    pub fn pass(&self, gate: &str, times: usize) -> Result<()> {
        let what = crate::say!("the gate \u{201c}{gate}\u{201d}", "“{gate}”放行");
        if self.alone {
            return self.pause(UNSEEN_GATE, what);
        }
        self.wait(&what, |state| state.opened.get(gate).is_some_and(|n| *n >= times).then_some(()))
    }

    /// Lets time pass, as far as the run has any.
    ///
    /// # Errors
    /// When its time is up before.
    pub(super) fn pause(&self, duration: Duration, what: Text) -> Result<()> {
        let left = TimeLeft::of_the_run(&self.meeting.deadline);
        pause(duration.min(left.limit));
        if duration < left.limit { Ok(()) } else { Err(left.in_vain(what)) }
    }

    /// Lets everyone who waits on this stage fail now: an end of it has failed.
    pub fn abandon(&self) {
        self.lock().abandoned = true;
        self.changed.notify_all();
    }

    /// True when an end of it has failed.
    pub fn abandoned(&self) -> bool {
        self.lock().abandoned
    }

    /// Waits until a read (or an accept) on this socket would not block; false when `limit` passes first.
    ///
    /// # Errors
    /// When the other end failed: it will not come any more.
    pub fn readable(&self, socket: &Socket, limit: Duration) -> Result<bool> {
        const LOOK: Duration = Duration::from_millis(20);
        let deadline = Instant::now() + limit;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if readable(socket, left.min(LOOK)) {
                return Ok(true);
            }
            if self.abandoned() {
                return Err(NetError::Abandoned);
            }
            if left.is_zero() {
                return Ok(false);
            }
        }
    }

    fn wait<T>(&self, what: &Text, ready: impl Fn(&State) -> Option<T>) -> Result<T> {
        let patience = self.patience();
        let deadline = Instant::now() + patience.limit;
        let mut state = self.lock();
        loop {
            if let Some(found) = ready(&state) {
                return Ok(found);
            }
            if state.abandoned {
                return Err(NetError::Abandoned);
            }
            let Some(left) = deadline.checked_duration_since(Instant::now()) else {
                return Err(patience.in_vain(what.clone()));
            };
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Does the kernel still list somebody who listens here? After the last close(2) it does not; but a
/// process that another thread is just starting holds a copy of every descriptor until it runs (fork(2),
/// execve(2)), and for that moment the close is not the last one.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub fn somebody_listens(address: SocketAddr) -> bool {
    use crate::sys::proc_net::{TcpState, sockets};
    let list = if address.is_ipv4() { "tcp" } else { "tcp6" };
    // Those that listen come first, and thousands in TIME_WAIT may follow.
    sockets(list).take_while(|entry| entry.state == TcpState::LISTEN).any(|entry| entry.is_at(address))
}

/// Elsewhere there is no such list to read.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub fn somebody_listens(_: SocketAddr) -> bool {
    false
}

/// Waits until a read (or an accept) would not block; false when `limit` passes first.
#[cfg(unix)]
pub fn readable(socket: &Socket, limit: Duration) -> bool {
    poll(socket, PollFlags::IN, limit)
}

/// Waits until a write would not block; false when `limit` passes first.
#[cfg(unix)]
pub fn writable(socket: &Socket, limit: Duration) -> bool {
    poll(socket, PollFlags::OUT, limit)
}

/// Waits until the peer has closed its side or reset the connection; false when `limit` passes first.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub fn peer_gone(socket: &Socket, limit: Duration) -> bool {
    poll(socket, PollFlags::RDHUP, limit)
}

/// Elsewhere poll(2) may say it only when both sides are closed; but what can be read and has no bytes is the end.
#[cfg(all(unix, not(any(target_os = "linux", target_os = "android"))))]
pub fn peer_gone(socket: &Socket, limit: Duration) -> bool {
    let ended = || readable(socket, Duration::ZERO) && super::statistics::queued(socket) == Some(0);
    ended() || poll(socket, PollFlags::HUP, limit) || ended()
}

/// Sleeps until `n` bytes are in a stream's receive queue, the peer is gone, or `most` has passed; the
/// caller looks again. On Linux SO_RCVLOWAT lets poll(2) do the counting (socket(7), tcp(7)): asking
/// FIONREAD again and again would lock the socket, and a segment that finds it locked is acknowledged a
/// little later, which the sender's Nagle algorithm would feel.
pub fn await_bytes(socket: &Socket, n: usize, most: Duration) {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        // A large mark would make the kernel enlarge the receive buffer, which is the learner's to choose.
        const LARGEST: usize = 32 << 10;
        if n <= LARGEST && low_water_mark(socket, n) {
            poll(socket, PollFlags::IN | PollFlags::RDHUP, most);
            low_water_mark(socket, 1);
        }
    }
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let _ = (socket, n, most);
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn low_water_mark(socket: &Socket, bytes: usize) -> bool {
    use std::os::fd::AsRawFd;
    let Ok(mark) = libc::c_int::try_from(bytes.max(1)) else { return false };
    let len = size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: the pointer and the length describe one live int.
    let rc = unsafe {
        let mark: *const libc::c_int = &mark;
        libc::setsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, libc::SO_RCVLOWAT, mark.cast(), len)
    };
    rc == 0
}

#[cfg(unix)]
fn poll(socket: &Socket, events: PollFlags, limit: Duration) -> bool {
    let deadline = Instant::now() + limit;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let timeout = Timespec::try_from(left).ok();
        let ready = event::poll(&mut [PollFd::new(socket, events)], timeout.as_ref());
        if ready.is_ok_and(|ready| ready > 0) {
            return true;
        }
        // Interrupted it looks again; the deadline decides.
        if left.is_zero() {
            return false;
        }
    }
}

/// Waits until a read (or an accept) would not block; false when `limit` passes first.
#[cfg(windows)]
pub fn readable(socket: &Socket, limit: Duration) -> bool {
    let deadline = Instant::now() + limit;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if answers(socket, left) != 0 {
            return true;
        }
        if left.is_zero() {
            return false;
        }
    }
}

/// Waits until the peer has closed its side or reset the connection; false when `limit` passes first.
#[cfg(windows)]
pub fn peer_gone(socket: &Socket, limit: Duration) -> bool {
    use windows_sys::Win32::Networking::WinSock::{POLLERR, POLLHUP};
    // WSAPoll cannot be asked for these, it only answers with them; waiting bytes answer, too, and at once.
    crate::sys::wait::until(limit, || answers(socket, Duration::ZERO) & (POLLHUP | POLLERR) != 0)
}

/// What WSAPoll says of a socket that is wanted for reading or accepting; 0 when `limit` passes first.
#[cfg(windows)]
fn answers(socket: &Socket, limit: Duration) -> i16 {
    use std::os::windows::io::AsRawSocket;
    use windows_sys::Win32::Networking::WinSock::{POLLERR, POLLRDNORM, SOCKET, WSAPOLLFD, WSAPoll};
    // Rounded up: it must not ask again and again for less than a millisecond.
    let ms = i32::try_from(limit.as_nanos().div_ceil(1_000_000)).unwrap_or(i32::MAX);
    let mut entry = WSAPOLLFD { fd: socket.as_raw_socket() as SOCKET, events: POLLRDNORM, revents: 0 };
    // SAFETY: `entry` is one live WSAPOLLFD, as the count says.
    let ready = unsafe { WSAPoll(&mut entry, 1, ms) };
    match ready {
        0 => 0,
        1.. => entry.revents,
        // The call that follows says what it is.
        _ => POLLERR,
    }
}
