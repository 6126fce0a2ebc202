//! Each end alone: two processes, as in two terminals, on IPv4 and IPv6.

mod common;

use common::{command, finished, run, side_by_side, spawn};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::process::Child;
use std::sync::atomic::{AtomicUsize, Ordering};
use stickdemo::play::{self, Alone, Linked, Plan};
use stickdemo::scenarios::{Scenario, syllabus};
use stickdemo::trace::Role;

/// Starts a lone server and reads where it listens.
fn server(id: &str, listen: &str, more: &[&str]) -> (Child, String) {
    let mut args = vec![id, "--as", "server", "--listen", listen, "--timeout", "20s"];
    args.extend(more);
    let mut child = spawn(&mut command(&args));
    let mut stderr = BufReader::new(child.stderr.take().expect("stderr"));
    let mut line = String::new();
    stderr.read_line(&mut line).expect("a line");
    let address =
        line.split_whitespace().find(|w| w.contains(':') && w.ends_with(|c: char| c == ';' || c.is_ascii_digit()));
    let address = address.unwrap_or_else(|| panic!("no address in {line:?}")).trim_end_matches(';').to_owned();
    // Keep reading, so that the server never blocks on its own complaints.
    std::thread::spawn(move || std::io::copy(&mut stderr, &mut std::io::sink()));
    (child, address)
}

/// Somebody looks at each port, and goes without a word.
fn scan(address: &str) {
    match TcpStream::connect(address) {
        Ok(looked) => drop(looked),
        Err(_) => {
            let s = UdpSocket::bind((address.parse::<SocketAddr>().expect("an address").ip(), 0)).expect("a port");
            s.send_to(b"", address).expect("sent");
        }
    }
}

/// Does the page's client say anything?
fn server_hears(scenario: &Scenario) -> bool {
    let trace = play::run(&Plan::new(scenario.experiment.clone())).trace;
    trace.events.iter().any(|e| e.end.role == Role::Server && e.call.receives() && !e.bytes.is_empty())
}

/// Shown on this system, and by two ends that need no more than an address of each other.
fn can_meet(scenario: &Scenario) -> bool {
    let needs_both =
        matches!(scenario.experiment.alone, Alone::No(_)) || matches!(scenario.experiment.linked, Linked::Only);
    (scenario.experiment.impossible)().is_none() && !needs_both
}

fn meet(listen: &str) {
    let met = AtomicUsize::new(0);
    side_by_side(syllabus().into_iter().filter(can_meet), |scenario| {
        let (child, address) = server(scenario.id, listen, &[]);
        // To an empty datagram in the place of its own the server of udp-empty would listen; and one that hears nothing
        // on its page either cannot tell who came.
        if scenario.id != "udp-empty" && server_hears(&scenario) {
            (0..3).for_each(|_| scan(&address));
        }
        let client = run(&[scenario.id, "--as", "client", "--connect", &address, "--timeout", "20s"]);
        let server = finished(child);
        assert_eq!(client.code, Some(0), "{} client on {listen}:\n{}\n{}", scenario.id, client.out, client.err);
        assert_eq!(server.code, Some(0), "{} server on {listen}:\n{}", scenario.id, server.out);
        for (lane, ran) in [("client", &client), ("server", &server)] {
            assert!(ran.out.contains(scenario.id), "{} {lane}", scenario.id);
        }
        met.fetch_add(1, Ordering::Relaxed);
    });
    let met = met.into_inner();
    assert!(met >= 20, "only {met} scenarios met");
}

#[test]
fn two_processes_meet_on_ipv4() {
    meet("127.0.0.1:0");
}

#[test]
fn two_processes_meet_on_ipv6() {
    if TcpListener::bind("[::1]:0").is_err() {
        let ran = run(&["tcp-naive", "--as", "server", "--listen", "[::1]:0"]);
        assert_eq!(ran.code, Some(3), "without IPv6 it says so: {}", ran.err);
        return;
    }
    meet("[::1]:0");
}

/// What is done on Linux alone (a datagram of two sends, a process that is killed) the other end could not answer.
#[test]
fn what_a_lone_end_does_depends_on_no_system() {
    for (id, call, times) in [("tcp-close", "connect", 3), ("udp-boundaries", "sendto", 3)] {
        let (child, address) = server(id, "127.0.0.1:0", &[]);
        let client = run(&[id, "--as", "client", "--connect", &address, "--format", "json"]);
        assert_eq!((client.code, finished(child).code), (Some(0), Some(0)), "{id}: {client}");
        assert_eq!(client.out.matches(&format!("\"call\":\"{call}\"")).count(), times, "{id}: {client}");
    }
}

#[test]
fn a_lone_server_shows_the_bytes_of_any_client() {
    let (child, address) = server("tcp-naive", "127.0.0.1:0", &["--stable"]);
    let mut client = TcpStream::connect(&address).expect("a connection");
    client.write_all(b"hello").expect("sent");
    client.write_all(b"feng").expect("sent");
    drop(client);
    let ran = finished(child);
    assert_eq!(ran.code, Some(0), "{}", ran.out);
    assert!(
        ran.out.contains("|M1? hello|M2? feng|"),
        "messages are known from the page, marked as inferred:\n{}",
        ran.out
    );
    assert!(ran.out.contains("[other] "), "{}", ran.out);
}

#[test]
fn a_lone_server_does_not_believe_a_peer_that_speaks_something_else() {
    let (child, address) = server("tcp-naive", "127.0.0.1:0", &[]);
    let mut client = TcpStream::connect(&address).expect("a connection");
    client.write_all(b"GET / HTTP/1.1\r\n\r\n").expect("sent");
    client.shutdown(std::net::Shutdown::Write).expect("shut");
    let _ = client.read_to_end(&mut Vec::new());
    let ran = finished(child);
    assert_eq!(ran.code, Some(1), "{}", ran.out);
    assert!(ran.out.contains("[fails]"), "{}", ran.out);
}

#[test]
fn a_server_says_briefly_what_it_waited_for_and_what_it_got() {
    for (id, said, words) in [
        ("tcp-naive", "a".into(), "waited 300ms until 9 bytes are queued, without success"),
        ("fix-header", "GET / HTTP/1.1\r\n".repeat(60), "not one of the three commands: \"GET / HTTP/1.1\\r\\nGET \""),
    ] {
        let mut child = spawn(&mut command(&[id, "--as", "server", "--timeout", "300ms"]));
        let mut stderr = BufReader::new(child.stderr.take().expect("stderr"));
        let mut line = String::new();
        stderr.read_line(&mut line).expect("a line");
        let address = line.split([' ', ';']).nth(2).expect("listening on ADDRESS");
        let mut client = TcpStream::connect(address).expect("a connection");
        client.write_all(said.as_bytes()).expect("sent");
        let mut err = String::new();
        stderr.read_to_string(&mut err).expect("text");
        child.wait().expect("a status");
        assert!(err.contains(words), "{id}: {err}");
    }
}

#[test]
fn a_client_gives_up_on_a_peer_that_hangs() {
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = silent.local_addr().expect("an address").to_string();
    let ran = run(&["fix-header", "--as", "client", "--connect", &address, "--timeout", "300ms"]);
    assert_eq!(ran.code, Some(3), "{}\n{}", ran.out, ran.err);
    assert!(ran.err.contains("300ms") && ran.err.contains("--as server"), "{}", ran.err);
}

#[cfg(target_os = "linux")]
#[test]
fn a_client_gives_up_on_a_listener_that_answers_nobody() {
    // A queue of one, and full: the next connection request is dropped without a word (listen(2)).
    let full = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
    full.bind(&std::net::SocketAddr::from(([127, 0, 0, 1], 0)).into()).expect("a port");
    full.listen(0).expect("it listens");
    let address = full.local_addr().expect("an address").as_socket().expect("an address");
    let _waiting = TcpStream::connect(address).expect("the one that fits");
    let ran = run(&["tcp-naive", "--as", "client", "--connect", &address.to_string(), "--timeout", "300ms"]);
    assert_eq!(ran.code, Some(3), "{}\n{}", ran.out, ran.err);
    assert!(ran.err.contains("300ms") && ran.err.contains("--as server"), "{}", ran.err);
}

#[test]
fn a_server_gives_up_when_nobody_comes() {
    for id in ["tcp-naive", "udp-boundaries"] {
        let ran = run(&[id, "--as", "server", "--timeout", "200ms"]);
        assert_eq!(ran.code, Some(3), "{id}: {}\n{}", ran.out, ran.err);
        assert!(ran.err.contains("200ms"), "{id}: {}", ran.err);
    }
}

#[test]
fn a_port_in_use_is_refused_with_its_owner() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let ran = run(&["tcp-naive", "--as", "server", "--listen", &address]);
    assert_eq!(ran.code, Some(3), "{}", ran.err);
    assert!(ran.err.contains(&address) && ran.err.contains("127.0.0.1:0"), "{}", ran.err);
    if cfg!(target_os = "linux") {
        assert!(ran.err.contains(&format!("pid {}", std::process::id())), "{}", ran.err);
    }
    let taken = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let ran = run(&["udp-boundaries", "--as", "server", "--listen", &address]);
    assert_eq!(ran.code, Some(3), "{}", ran.err);
}

#[test]
fn a_client_says_when_nobody_listens() {
    // Bound and not listening: nobody else can take the port, and it refuses.
    let holder = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
    let any: std::net::SocketAddr = ([127, 0, 0, 1], 0).into();
    holder.bind(&any.into()).expect("a port");
    let address = holder.local_addr().expect("an address").as_socket().expect("an address").to_string();
    let ran = run(&["tcp-naive", "--as", "client", "--connect", &address]);
    assert_eq!(ran.code, Some(3), "{}", ran.err);
    for part in ["ECONNREFUSED", &address, "--as server"] {
        assert!(ran.err.contains(part) || cfg!(windows), "{}", ran.err);
    }
    assert_eq!(ran.out, "", "nothing was sent, so there is no trace");
    let folder = stickdemo::sys::scratch::Scratch::folder("refused").expect("a folder");
    let file = folder.path().join("old.txt");
    std::fs::write(&file, "old").expect("a file");
    let name = file.to_str().expect("UTF-8");
    let ran = run(&["tcp-naive", "--as", "client", "--connect", &address, "--out", name]);
    assert_eq!(ran.code, Some(3), "{}", ran.err);
    assert_eq!(std::fs::read_to_string(&file).expect("still there"), "old", "a run without a trace takes no file away");
}

#[cfg(unix)]
#[test]
fn an_interrupt_answers_130_and_leaves_nothing() {
    use std::process::Stdio;
    let folder = std::env::temp_dir().join(format!("stickdemo-interrupt-{}", std::process::id()));
    std::fs::create_dir(&folder).expect("a folder");
    let file = folder.join("trace with spaces.txt");
    let mut args = command(&["tcp-naive", "--as", "server", "--timeout", "30s", "--out"]);
    let mut child = args.arg(&file).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary starts");
    let mut first = String::new();
    let mut stderr = BufReader::new(child.stderr.take().expect("stderr"));
    stderr.read_line(&mut first).expect("it listens");
    // SAFETY: the process is our own child and has not been waited for.
    unsafe { libc::kill(child.id() as i32, libc::SIGINT) };
    let mut rest = String::new();
    stderr.read_to_string(&mut rest).expect("text");
    let status = child.wait().expect("a status");
    assert_eq!(status.code(), Some(130), "{rest}");
    assert!(rest.contains("interrupted"), "{rest}");
    let left: Vec<_> = std::fs::read_dir(&folder).expect("the folder").flatten().map(|e| e.path()).collect();
    std::fs::remove_dir_all(&folder).expect("removed");
    assert!(left.is_empty(), "{left:?}");
}

#[cfg(unix)]
#[test]
fn an_interrupt_between_two_runs_leaves_no_temporary_file() {
    let folder = std::env::temp_dir().join(format!("stickdemo-interrupted-runs-{}", std::process::id()));
    std::fs::create_dir(&folder).expect("a folder");
    for _ in 0..8 {
        let mut command = command(&["fix-file", "--repeat", "100000", "--format", "json"]);
        let mut child = spawn(command.env("TMPDIR", &folder));
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().expect("stdout"));
        stdout.read_line(&mut line).expect("it runs");
        std::thread::spawn(move || std::io::copy(&mut stdout, &mut std::io::sink()));
        // SAFETY: the process is our own child and has not been waited for.
        unsafe { libc::kill(child.id() as i32, libc::SIGINT) };
        assert_eq!(child.wait().expect("a status").code(), Some(130));
    }
    let left: Vec<_> = std::fs::read_dir(&folder).expect("the folder").flatten().map(|e| e.path()).collect();
    std::fs::remove_dir_all(&folder).expect("removed");
    assert!(left.is_empty(), "{left:?}");
}

/// Ctrl-Z and fg: a call that waits returns EINTR where it has a timeout (signal(7)), and is made again.
#[test]
#[cfg(target_os = "linux")]
fn a_server_that_was_stopped_goes_on_waiting() {
    let (mut child, address) = server("fix-header", "127.0.0.1:0", &[]);
    let client = TcpStream::connect(&address).expect("the server");
    let id = child.id().to_string();
    let stopped = || std::fs::read_to_string(format!("/proc/{id}/stat")).expect("proc(5)").contains(") T ");
    for signal in ["-STOP", "-CONT"].into_iter().cycle().take(40) {
        let sent = std::process::Command::new("kill").args([signal, &id]).status().expect("kill");
        assert!(sent.success());
        assert!(stickdemo::sys::wait::until(std::time::Duration::from_secs(5), || stopped() == (signal == "-STOP")));
    }
    assert!(child.try_wait().expect("a child").is_none(), "it still waits for its client");
    drop(client);
    let ran = finished(child);
    assert!(!ran.out.contains("EINTR"), "{}", ran.out);
}
