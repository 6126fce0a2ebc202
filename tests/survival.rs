//! What a server bears: many clients, idle ones, slow ones, ones that break off. The others are unhurt, and nothing
//! stays behind: no thread, no memory.

mod common;

use common::{PATIENCE, Server, command, hung_up, reset};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use stickdemo::sys::scratch::Scratch;
use stickdemo::sys::wait;

/// One of the servers, and what a well-behaved client does with it.
struct Service {
    args: Vec<String>,
    /// One whole exchange; panics when it is not.
    work: fn(&mut TcpStream),
    /// The start of a message that never ends.
    half: &'static [u8],
    /// What makes the server wait for the end of an unframed message, however slowly it comes.
    slow: &'static [&'static str],
    /// Goes when the test does.
    root: Option<Scratch>,
}

impl Service {
    fn new(line: &str, work: fn(&mut TcpStream), half: &'static [u8]) -> Service {
        let args = line.split(' ').map(str::to_owned).collect();
        Service { args, work, half, slow: &[], root: None }
    }

    fn start(&self, more: &[&str]) -> Server {
        let args: Vec<&str> = self.args.iter().map(String::as_str).chain(more.iter().copied()).collect();
        Server::start(&args)
    }
}

fn upper() -> Service {
    Service::new("upper", shout, b"he")
}

fn shout(stream: &mut TcpStream) {
    stream.write_all(b"hello").expect("sent");
    assert_eq!(&read::<5>(stream), b"HELLO");
}

fn commands() -> Service {
    // Cut inside a character: silence cannot end it.
    let service = Service::new("commands --framing i32le", echo, b"echo \xe4\xb8");
    Service { slow: &["--settle", "300ms"], ..service }
}

fn echo(stream: &mut TcpStream) {
    // Windows has no program echo.
    if cfg!(windows) {
        stream.write_all(b"hostname").expect("sent");
        let length = i32::from_le_bytes(read::<4>(stream));
        let mut name = vec![0; length.try_into().expect("a length")];
        stream.read_exact(&mut name).expect("its answer");
        return assert!(!name.is_empty());
    }
    stream.write_all("echo 专题".as_bytes()).expect("sent");
    assert_eq!(read::<4>(stream), 7_i32.to_le_bytes());
    assert_eq!(&read::<7>(stream), "专题\n".as_bytes());
}

fn files() -> Service {
    let root = Scratch::folder("survival").expect("a folder");
    let service = Service::new("files --overwrite --root", put_and_get, b"\x40\0\0\0{\"cmd\": \"pu");
    let root_name = root.path().to_str().expect("a plain path").to_owned();
    Service { args: [service.args, vec![root_name]].concat(), root: Some(root), ..service }
}

/// An upload and a download of a name of its own, as the documents' clients do it.
fn put_and_get(stream: &mut TcpStream) {
    static NAMES: AtomicUsize = AtomicUsize::new(0);
    let name = format!("{}.txt", NAMES.fetch_add(1, Ordering::Relaxed));
    upload(stream, &name, 5, &mut &b"hello"[..]);
    stream.write_all(format!("get {name}").as_bytes()).expect("sent");
    assert_eq!(&read::<1>(stream), b"5");
    stream.write_all(b"ok").expect("sent");
    assert_eq!(&read::<37>(stream), b"hello5d41402abc4b2a76b9719d911017c592");
}

fn upload(stream: &mut TcpStream, name: &str, size: u64, body: &mut impl Read) {
    let header = format!(r#"{{"cmd": "put", "filename": "{name}", "filesize": {size}}}"#);
    let length = i32::try_from(header.len()).expect("short").to_le_bytes();
    stream.write_all(&[&length[..], header.as_bytes()].concat()).expect("sent");
    assert_eq!(std::io::copy(body, stream).expect("sent"), size);
}

fn read<const N: usize>(stream: &mut TcpStream) -> [u8; N] {
    let mut bytes = [0; N];
    stream.read_exact(&mut bytes).expect("an answer");
    bytes
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
    // Before the server's own clock starts.
    let began = Instant::now();
    let (mut silent, mut halting) = (server.connect(), server.connect());
    halting.write_all(service.half).expect("sent");
    assert!(hung_up(&mut silent) && hung_up(&mut halting));
    assert!(began.elapsed() >= Duration::from_millis(300), "not before its time");
    (service.work)(&mut server.connect());
    server.unhurt();
}

/// A client that sends a byte a minute, in small: it is never silent for long, and never done. It is hung up on.
fn a_byte_a_minute(service: &Service) {
    let idle = Duration::from_millis(600);
    let mut server = service.start(&[&["--idle", "600ms"], service.slow].concat());
    let began = Instant::now();
    let mut slow = server.connect();
    slow.write_all(&service.half[..1]).expect("sent");
    let mut bytes = service.half[1..].iter().chain(std::iter::repeat(&b' '));
    while slow.write_all(&[*bytes.next().expect("endless")]).is_ok() {
        assert!(began.elapsed() < PATIENCE, "a byte now and then keeps the connection");
        // The pause is the matter.
        wait::pause(idle / 6);
    }
    assert!(began.elapsed() >= idle, "not before its time");
    (service.work)(&mut server.connect());
    server.unhurt();
}

/// A file is larger than the memory that it takes by far.
fn a_large_file(service: &Service) {
    const SIZE: u64 = 64 << 20;
    let mut server = service.start(&[]);
    #[cfg(target_os = "linux")]
    let before = Before::of(&server);
    let mut client = server.connect();
    upload(&mut client, "large", SIZE, &mut std::io::repeat(7).take(SIZE));
    put_and_get(&mut client);
    client.write_all(b"get large").expect("sent");
    assert_eq!(&read::<8>(&mut client), SIZE.to_string().as_bytes());
    client.write_all(b"ok").expect("sent");
    let body = std::io::copy(&mut (&client).take(SIZE), &mut std::io::sink());
    assert_eq!(body.expect("a body"), SIZE);
    assert_eq!(read::<32>(&mut client).len(), 32);
    let stored = service.root.as_ref().map(|root| root.path().join("large").metadata().expect("stored").len());
    assert_eq!(stored, Some(SIZE));
    #[cfg(target_os = "linux")]
    before.modest(&server, 64);
    server.unhurt();
}

/// Few files may be open: as many clients are let in as can be served, all of them at the same time, and it says so.
#[cfg(unix)]
fn few_files(service: &Service) {
    let mut sh = std::process::Command::new("sh");
    sh.args(["-c", "ulimit -n 64 && exec \"$0\" \"$@\"", common::BINARY, "serve"]).args(&service.args);
    let mut server = Server::of(sh.args(["--format", "json"]));
    let told = server.complained("more files (ulimit -n)");
    let most = told.split_once("at most ").and_then(|(_, rest)| rest.split(' ').next()?.parse().ok());
    let most: usize = most.unwrap_or_else(|| panic!("no number: {told}"));
    assert!((4..64).contains(&most), "{told}");
    let mut crowd: Vec<TcpStream> = (0..100).map(|_| server.connect()).collect();
    server.logged("turned away", 100 - most);
    std::thread::scope(|scope| {
        let work = |client| scope.spawn(move || (service.work)(client));
        let working: Vec<_> = crowd.iter_mut().take(most).map(work).collect();
        working.into_iter().for_each(|each| each.join().expect("served"));
    });
    server.unhurt();
}

/// No more files to be had, while it runs: who is connected is served, who is not waits, and everything recovers.
#[cfg(target_os = "linux")]
fn no_more_files(service: &Service) {
    let mut server = service.start(&[]);
    let mut first = server.connect();
    (service.work)(&mut first);
    let threads = server.status("Threads");
    limit_files(server.id(), 32);
    let crowd: Vec<TcpStream> = (0..100).map(|_| server.connect()).collect();
    server.logged("cannot take a client", 1);
    if service.args[0] == "upper" {
        // An echo needs no further file.
        (service.work)(&mut first);
    }
    drop(crowd);
    assert!(wait::until(PATIENCE, || waiting(server.at) == 0), "each is taken");
    server.quiet_again(threads);
    (service.work)(&mut server.connect());
    (service.work)(&mut first);
    // It says so once for as long as it lasts: at most after each client that it took.
    let complaints = server.log().iter().filter(|line| line.contains("cannot take a client")).count();
    assert!(complaints <= 103, "{complaints} lines");
    server.unhurt();
}

/// Connections that wait for accept at a listening socket (the receive queue in /proc/net/tcp).
#[cfg(target_os = "linux")]
fn waiting(at: SocketAddr) -> u64 {
    let list = std::fs::read_to_string("/proc/net/tcp").expect("Linux's list");
    let port = format!(":{:04X}", at.port());
    let listeners = list.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let listener = listeners.into_iter().find(|fields| fields[1].ends_with(&port) && fields[3] == "0A");
    let queues = listener.expect("it listens")[4].split_once(':').expect("two queues");
    u64::from_str_radix(queues.1, 16).expect("a number")
}

/// So many files another process may have open from now on.
#[cfg(target_os = "linux")]
fn limit_files(process: u32, most: u64) {
    let limit = libc::rlimit { rlim_cur: most, rlim_max: most };
    // SAFETY: it reads `limit`, and writes nothing back.
    let set = unsafe { libc::prlimit(process as libc::pid_t, libc::RLIMIT_NOFILE, &limit, std::ptr::null_mut()) };
    assert_eq!(set, 0, "{}", std::io::Error::last_os_error());
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

    /// Sixteen pages for each client that was there at the same time (its thread's stack, one small buffer), and a little
    /// that everybody shares.
    fn modest(&self, server: &Server, clients: u64) {
        // SAFETY: it only answers.
        let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) } as u64 >> 10;
        let more = server.status("VmHWM") - self.peak;
        eprintln!("{} KiB before, {more} KiB more for {clients} clients", self.peak);
        assert!(more <= clients * 16 * page + 2048, "{more} KiB more for {clients} clients");
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

            #[cfg(target_os = "linux")]
            #[test]
            fn no_more_file_descriptors() {
                super::no_more_files(&super::$service());
            }
        }
    };
}

survives!(upper);
survives!(commands);
survives!(files);

mod slowly {
    #[test]
    fn a_command() {
        super::a_byte_a_minute(&super::commands());
    }

    #[test]
    fn a_header() {
        super::a_byte_a_minute(&super::files());
    }
}

#[test]
fn memory_does_not_grow_with_a_file() {
    a_large_file(&files());
}

/// Nobody reads the log any more: at its next line the server ends, though no further client wakes it, and though one
/// would have stayed.
#[test]
fn a_server_whose_log_is_closed_ends() {
    let args = ["serve", "upper", "--idle", "600s", "--format", "json"];
    let mut child = command(&args).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("a server");
    let mut log = BufReader::new(child.stdout.take().expect("stdout"));
    let mut line = String::new();
    log.read_line(&mut line).expect("a line");
    let listening: serde_json::Value = serde_json::from_str(&line).expect("JSON");
    let address: SocketAddr = listening["address"].as_str().and_then(|a| a.parse().ok()).expect("an address");
    let connect = || {
        let mut client = TcpStream::connect_timeout(&address, PATIENCE).expect("the server takes clients");
        client.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        shout(&mut client);
        client
    };
    let (mut stays, leaves) = (connect(), connect());
    drop(log);
    drop(leaves);
    let hung_up = hung_up(&mut stays);
    let mut status = None;
    let ended = wait::until(PATIENCE, || {
        status = child.try_wait().expect("a child");
        status.is_some()
    });
    if !ended {
        let _ = child.kill();
    }
    assert!(hung_up && ended, "the other client was let go: {hung_up}; the server ended: {ended}");
    assert_eq!(status.and_then(|status| status.code()), Some(0), "a closed pipe is no error");
}
