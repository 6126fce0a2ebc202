//! A lone end before somebody who is not the other end: every scenario, either side, whatever that one does. It ends in
//! the time it was given, in little memory, and reproduces nothing.

mod common;

use common::{Ran, command, ended, listener, reset, side_by_side, spawn};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use stickdemo::net::Opt;
use stickdemo::play::{self, Alone, Linked, Plan};
use stickdemo::scenarios::{Scenario, syllabus};
use stickdemo::trace::{EndName, Role, Trace};

/// What somebody does who is not the other end.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Stranger {
    /// Says something else, and ends it.
    Garbage,
    /// Never stops sending.
    Endless,
    /// Says nothing, and stays.
    Silent,
    /// Leaves at once.
    Closing,
    /// Leaves at once, with a reset.
    Resetting,
    /// Says a byte now and then.
    Dripping,
    /// Ends its side, and stays.
    HalfOpen,
    /// Comes and goes, again and again.
    Scanning,
}

use Stranger::*;

const STRANGERS: [Stranger; 8] = [Garbage, Endless, Silent, Closing, Resetting, Dripping, HalfOpen, Scanning];

/// What the end under test is given.
const TIMEOUT: &str = "300ms";
/// The time to wait for somebody, that of the run, and much for a machine that is busy; far less than for ever.
const BOUND: Duration = Duration::from_secs(20);

/// Shared with a stranger: the end under test is over.
type Over = Arc<AtomicBool>;

impl Stranger {
    /// What it does with a connection.
    fn meets(self, mut s: TcpStream, over: &Over) {
        let _ = s.set_read_timeout(Some(Duration::from_millis(20)));
        let _ = s.set_write_timeout(Some(Duration::from_millis(20)));
        match self {
            Garbage => {
                let _ = s.write_all(&common::Random(7).bytes(3000));
                let _ = s.shutdown(Shutdown::Write);
            }
            HalfOpen => drop(s.shutdown(Shutdown::Write)),
            Closing | Scanning => return,
            Resetting => return reset(s),
            Endless | Silent | Dripping => {}
        }
        let (mut heard, zeros) = ([0; 4096], [0; 65536]);
        while !over.load(Ordering::Relaxed) {
            match self {
                Endless => drop(s.write(&zeros)),
                Dripping => drop((s.write(b"x"), s.read(&mut heard[..1]))),
                // It listens, or a sender would only find its buffers full.
                _ => drop(s.read(&mut heard)),
            }
        }
    }

    /// What it sends to a UDP socket, until the end under test is over.
    fn sends(self, s: &UdpSocket, to: SocketAddr, over: &Over) {
        let _ = s.set_read_timeout(Some(Duration::from_millis(20)));
        while !over.load(Ordering::Relaxed) {
            let datagram: &[u8] = match self {
                Garbage => b"GET / HTTP/1.1",
                Endless | Dripping => b"x",
                Scanning => b"",
                Silent | Closing | Resetting | HalfOpen => return,
            };
            let _ = s.send_to(datagram, to);
            if self != Endless {
                let _ = s.recv(&mut [0; 4096]);
            }
        }
    }
}

/// One end of a scenario alone, with no more memory than it may take.
fn lone(scenario: &Scenario, side: &[&str]) -> Command {
    let mut args = vec![scenario.id, "--timeout", TIMEOUT];
    args.extend(side);
    if scenario.takes.contains(&Opt::Gap) {
        args.extend(["--gap", "20ms"]);
    }
    let mut command = command(&args);
    limit_memory(&mut command);
    command
}

#[cfg(target_os = "linux")]
fn limit_memory(command: &mut Command) {
    use std::os::unix::process::CommandExt;
    let limit = libc::rlimit { rlim_cur: 1 << 30, rlim_max: 1 << 30 };
    // SAFETY: between fork and exec it makes one system call with a live argument.
    unsafe {
        command.pre_exec(move || match libc::setrlimit(libc::RLIMIT_AS, &limit) {
            0 => Ok(()),
            _ => Err(std::io::Error::last_os_error()),
        });
    }
}

/// Elsewhere only the recording's own cap holds.
#[cfg(not(target_os = "linux"))]
fn limit_memory(_: &mut Command) {}

fn speaks_udp(scenario: &Scenario) -> bool {
    scenario.id.starts_with("udp-")
}

/// A lone server, and a stranger who comes to it.
fn before_a_server(scenario: &Scenario, stranger: Stranger) -> (Ran, Duration) {
    let mut child = spawn(&mut lone(scenario, &["--as", "server"]));
    let mut stderr = BufReader::new(child.stderr.take().expect("stderr"));
    let mut line = String::new();
    stderr.read_line(&mut line).expect("a line");
    let address = line.split([' ', ';']).nth(2).and_then(|word| word.parse().ok());
    let address: SocketAddr = address.unwrap_or_else(|| panic!("{}: {line:?}", scenario.id));
    let (began, over) = (Instant::now(), Over::default());
    let (theirs, udp) = (over.clone(), speaks_udp(scenario));
    let visit = std::thread::spawn(move || {
        if udp {
            let s = UdpSocket::bind("127.0.0.1:0").expect("a port");
            return stranger.sends(&s, address, &theirs);
        }
        while let (false, Ok(s)) = (theirs.load(Ordering::Relaxed), TcpStream::connect(address)) {
            stranger.meets(s, &theirs);
            if stranger != Scanning {
                return;
            }
            stickdemo::sys::wait::pause(Duration::from_millis(5));
        }
    });
    let complaints = std::thread::spawn(move || {
        let mut text = String::new();
        stderr.read_to_string(&mut text).map(|_| text).unwrap_or_default()
    });
    let (mut ran, _) = ended(child, BOUND);
    over.store(true, Ordering::Relaxed);
    let took = began.elapsed();
    visit.join().expect("no panic");
    ran.err = complaints.join().expect("no panic");
    (ran, took)
}

/// A lone client, and a stranger who answers it at both protocols' ports.
fn before_a_client(scenario: &Scenario, stranger: Stranger) -> (Ran, Duration) {
    let (tcp, udp) = loop {
        let (tcp, address) = listener();
        if let Ok(udp) = UdpSocket::bind(&address) {
            break (tcp, udp);
        }
    };
    let (address, over) = (tcp.local_addr().expect("an address"), Over::default());
    let (theirs, answering) = (over.clone(), over.clone());
    let hosts = std::thread::spawn(move || host(&tcp, stranger, &theirs));
    let answers = std::thread::spawn(move || {
        let _ = udp.set_read_timeout(Some(Duration::from_millis(20)));
        while !answering.load(Ordering::Relaxed) {
            if let Ok((_, from)) = udp.recv_from(&mut [0; 4096]) {
                stranger.sends(&udp, from, &answering);
            }
        }
    });
    let began = Instant::now();
    let child = spawn(&mut lone(scenario, &["--as", "client", "--connect", &address.to_string()]));
    let (ran, _) = ended(child, BOUND);
    over.store(true, Ordering::Relaxed);
    let took = began.elapsed();
    hosts.join().expect("no panic");
    answers.join().expect("no panic");
    (ran, took)
}

fn host(listener: &TcpListener, stranger: Stranger, over: &Over) {
    listener.set_nonblocking(true).expect("an option");
    let mut guests = Vec::new();
    while !over.load(Ordering::Relaxed) {
        match listener.accept() {
            Ok((s, _)) => {
                let _ = s.set_nonblocking(false);
                let over = over.clone();
                guests.push(std::thread::spawn(move || stranger.meets(s, &over)));
            }
            Err(_) => stickdemo::sys::wait::pause(Duration::from_millis(1)),
        }
    }
    guests.into_iter().for_each(|guest| guest.join().expect("no panic"));
}

/// Every scenario that can be alone, each side that it has, each stranger.
fn table() -> Vec<(Scenario, Role, Stranger)> {
    let can_be_alone = |s: &Scenario| {
        let experiment = &s.experiment;
        matches!(experiment.alone, Alone::Yes)
            && experiment.linked == Linked::Able
            && (experiment.impossible)().is_none()
    };
    let sides = |s: Scenario| {
        Role::ALL.into_iter().filter(|r| s.experiment.has(*r)).map(|r| (s.clone(), r)).collect::<Vec<_>>()
    };
    let ends = syllabus().into_iter().filter(can_be_alone).flat_map(sides);
    ends.flat_map(|(s, role)| STRANGERS.map(|stranger| (s.clone(), role, stranger))).collect()
}

/// The ends that hear nothing from the other one on the page either: their claims are about their own kernel.
fn hear_nothing() -> Vec<(&'static str, Role)> {
    let hears = |trace: &Trace, role| {
        trace.events.iter().any(|e| e.end.role == role && e.call.receives() && e.ok() && e.returned != Some(0))
    };
    let all = syllabus()
        .into_iter()
        .filter(|s| s.experiment.linked == Linked::Able)
        .map(|s| (s.id, play::run(&Plan::new(s.experiment)).trace));
    let ends = all.flat_map(|(id, trace)| {
        Role::ALL.into_iter().filter(|role| !hears(&trace, *role)).map(|role| (id, role)).collect::<Vec<_>>()
    });
    ends.collect()
}

/// What is wrong with how it ended.
fn complaint(ran: &Ran, took: Duration, hears_nothing: bool) -> Option<&'static str> {
    let reproduced = !hears_nothing && ran.out.lines().any(|line| line.starts_with("reproduced"));
    match ran.code {
        _ if took > BOUND => Some("it took too long"),
        Some(0 | 1 | 3) if reproduced => Some("it reproduced something"),
        Some(3) if ran.err.is_empty() => Some("it does not say why"),
        Some(1) if !ran.out.contains("[fails]") && ran.err.is_empty() => Some("it does not say what failed"),
        Some(0 | 1 | 3) => None,
        _ => Some("it did not end in order"),
    }
}

#[test]
fn whoever_comes_a_lone_end_ends_in_time_and_believes_nothing() {
    let (table, deaf) = (table(), hear_nothing());
    let (ends, wrong) = (table.len(), Mutex::new(Vec::new()));
    side_by_side(table, |(scenario, role, stranger)| {
        let (ran, took) = match role {
            Role::Server => before_a_server(&scenario, stranger),
            _ => before_a_client(&scenario, stranger),
        };
        if let Some(complaint) = complaint(&ran, took, deaf.contains(&(scenario.id, role))) {
            let end =
                format!("{} --as {} before {stranger:?}: {complaint} ({took:?})", scenario.id, EndName::only(role));
            wrong.lock().expect("no panic").push(format!("{end}\n{ran}"));
        }
    });
    let wrong = wrong.into_inner().expect("no panic");
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), ends, wrong.join("\n"));
}
