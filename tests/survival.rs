//! What a server bears: many clients, idle ones, slow ones, ones that break off. The others are unhurt, and nothing
//! stays behind: no thread, no memory.

mod common;

use common::hostile::{PATIENCE, Server, hung_up, reset};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};
use stickdemo::scratch::Scratch;
use stickdemo::wait;

/// One of the servers, and what a well-behaved client does with it.
struct Service {
    args: Vec<String>,
    /// One whole exchange; panics when it is not.
    work: fn(&mut TcpStream),
    /// The start of a message that never ends.
    half: &'static [u8],
    /// Goes when the test does.
    _root: Option<Scratch>,
}

impl Service {
    fn start(&self, more: &[&str]) -> Server {
        let args: Vec<&str> = self.args.iter().map(String::as_str).chain(more.iter().copied()).collect();
        Server::start(&args)
    }
}

fn words(line: &str) -> Vec<String> {
    line.split(' ').map(str::to_owned).collect()
}

fn upper() -> Service {
    Service { args: words("upper"), work: shout, half: b"he", _root: None }
}

fn shout(stream: &mut TcpStream) {
    stream.write_all(b"hello").expect("sent");
    let mut answer = [0; 5];
    stream.read_exact(&mut answer).expect("an answer");
    assert_eq!(&answer, b"HELLO");
}

/// 500 clients that say nothing, and one that works; they cost little, and leave nothing.
fn a_crowd_that_idles(service: &Service) {
    let mut server = service.start(&[]);
    let mut first = server.connect();
    (service.work)(&mut first);
    #[cfg(target_os = "linux")]
    let before = Before::of(&server);
    let crowd: Vec<TcpStream> = (0..500).map(|_| server.connect()).collect();
    #[cfg(target_os = "linux")]
    assert!(wait::until(PATIENCE, || server.status("Threads") >= before.threads + 500), "each has its thread");
    (service.work)(&mut first);
    (service.work)(&mut server.connect());
    drop(crowd);
    (service.work)(&mut first);
    #[cfg(target_os = "linux")]
    {
        server.quiet_again(before.threads);
        before.modest(&server, 500);
    }
    server.unhurt();
}

/// A thousand clients that reset their connections, some in the middle of a message.
fn a_storm_of_resets(service: &Service) {
    let mut server = service.start(&[]);
    let mut first = server.connect();
    (service.work)(&mut first);
    #[cfg(target_os = "linux")]
    let before = Before::of(&server);
    for round in 0..1000 {
        let mut client = server.connect();
        if round % 3 == 0 {
            // The server may have met the reset of an earlier one; this one's half is taken or not.
            let _ = client.write_all(service.half);
        }
        reset(client);
    }
    (service.work)(&mut first);
    (service.work)(&mut server.connect());
    #[cfg(target_os = "linux")]
    {
        server.quiet_again(before.threads);
        before.modest(&server, 500);
    }
    server.unhurt();
}

/// One too many is turned away, and told apart in the log; when one leaves there is room again.
fn one_too_many(service: &Service) {
    let mut server = service.start(&["--connections", "2"]);
    let (mut first, mut second) = (server.connect(), server.connect());
    (service.work)(&mut first);
    (service.work)(&mut second);
    assert!(hung_up(&mut server.connect()), "the third is hung up on");
    server.logged("turned away: 2 clients are connected", 1);
    (service.work)(&mut first);
    drop(second);
    let deadline = Instant::now() + PATIENCE;
    while !admitted(&server, service) {
        assert!(Instant::now() < deadline, "no room although one left");
    }
    (service.work)(&mut first);
    server.unhurt();
}

/// True when a new client is not hung up on. It says the half of a message, to which no server answers.
fn admitted(server: &Server, service: &Service) -> bool {
    let mut client = server.connect();
    client.set_read_timeout(Some(Duration::from_millis(200))).expect("a timeout");
    let _ = client.write_all(service.half);
    !hung_up(&mut client)
}

/// Silence ends a connection, before a message and inside one; others go on.
fn silence_ends(service: &Service) {
    let mut server = service.start(&["--idle", "300ms"]);
    let (mut silent, mut halting) = (server.connect(), server.connect());
    halting.write_all(service.half).expect("sent");
    let began = Instant::now();
    assert!(hung_up(&mut silent) && hung_up(&mut halting));
    assert!(began.elapsed() >= Duration::from_millis(250), "not before its time");
    (service.work)(&mut server.connect());
    server.unhurt();
}

/// No more files to be had: who is connected is served, who is not waits, and everything recovers.
#[cfg(unix)]
fn few_files(service: &Service) {
    let mut sh = std::process::Command::new("sh");
    sh.args(["-c", "ulimit -n 64 && exec \"$0\" \"$@\"", common::BINARY, "serve"]).args(&service.args);
    let mut server = Server::started(sh);
    let mut first = server.connect();
    (service.work)(&mut first);
    let crowd: Vec<TcpStream> = (0..100).map(|_| server.connect()).collect();
    server.logged("cannot take a client", 1);
    shout_if_it_needs_no_file(service, &mut first);
    drop(crowd);
    (service.work)(&mut server.connect());
    (service.work)(&mut first);
    // It waits between two tries: it says so a few times, not as fast as it can.
    let complaints = server.log().iter().filter(|line| line.contains("cannot take a client")).count();
    assert!(complaints < 200, "{complaints} lines");
    server.unhurt();
}

#[cfg(unix)]
fn shout_if_it_needs_no_file(service: &Service, client: &mut TcpStream) {
    if service.args[0] == "upper" {
        (service.work)(client);
    }
}

/// What a server cost before.
#[cfg(target_os = "linux")]
struct Before {
    threads: u64,
    peak: u64,
}

#[cfg(target_os = "linux")]
impl Before {
    fn of(server: &Server) -> Before {
        Before { threads: server.status("Threads"), peak: server.status("VmHWM") }
    }

    /// 32 KiB for each client that was there at the same time (its thread's stack and one small buffer), and a little
    /// that everybody shares: proc(5).
    fn modest(&self, server: &Server, clients: u64) {
        let more = server.status("VmHWM") - self.peak;
        eprintln!("{} KiB before, {more} KiB more for {clients} clients", self.peak);
        assert!(more <= clients * 32 + 2048, "{more} KiB more for {clients} clients");
    }
}

macro_rules! survives {
    ($service:ident) => {
        mod $service {
            #[test]
            fn five_hundred_idle_clients() {
                super::a_crowd_that_idles(&super::$service());
            }

            #[test]
            fn a_thousand_connects_and_resets() {
                super::a_storm_of_resets(&super::$service());
            }

            #[test]
            fn one_client_too_many() {
                super::one_too_many(&super::$service());
            }

            #[test]
            fn silence() {
                super::silence_ends(&super::$service());
            }

            #[cfg(unix)]
            #[test]
            fn too_few_file_descriptors() {
                super::few_files(&super::$service());
            }
        }
    };
}

survives!(upper);
