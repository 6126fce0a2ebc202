//! Commands over UDP.

use super::*;

#[test]
fn datagrams_with_python_both_ways() {
    let small = || cases().into_iter().filter(|(_, _, stdout)| stdout.len() < 60_000);
    let server = Server::start(&["commands", "--udp", "--shell"]);
    let lines: Vec<String> = small().map(|(line, ..)| line).collect();
    let expected: Vec<String> = small().map(|(_, stderr, stdout)| stderr + &stdout).collect();
    assert_eq!(python_client("udp", &server, &lines.iter().map(String::as_str).collect::<Vec<_>>()), expected);
    for args in [&["udp"][..], &["udp", "--reverse"]] {
        let server = Server::python("commands_server.py", args);
        for (line, stderr, stdout) in small() {
            let ran = exec(&server.address(), "udp", &[&line]);
            let both = if args.len() == 1 { stderr + &stdout } else { stdout + &stderr };
            assert_eq!((ran.out, ran.code, ran.err.as_str()), (both, Some(0), ""), "{line}");
        }
    }
}

#[test]
fn a_datagram_server_knows_nobody() {
    let mut server = Server::start(&["commands", "--udp", "--shell"]);
    let client = UdpSocket::bind("127.0.0.1:0").expect("a port");
    client.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let ask = |bytes: &[u8]| {
        client.send_to(bytes, server.at).expect("sent");
        [(); 2].map(|()| {
            let mut buffer = vec![0; 65_536];
            let n = client.recv(&mut buffer).expect("an answer");
            String::from_utf8_lossy(&buffer[..n]).into_owned()
        })
    };
    let empty = || String::new();
    assert_eq!(ask(b"echo out; echo err >&2"), ["err\n", "out\n"]);
    assert_eq!(ask(b""), ["stickdemo: the command is empty\n".to_owned(), empty()]);
    assert_eq!(ask(b"\xff\xfe"), ["stickdemo: the command is not UTF-8\n".to_owned(), empty()]);
    assert_eq!(ask(b"true"), [empty(), empty()]);
    let [stderr, stdout] = ask(b"head -c 100000 /dev/zero | tr '\\0' x");
    assert_eq!(stdout.len(), 65_507);
    assert_eq!(stderr, "stickdemo: 100,000 bytes of stdout do not fit a datagram of 65,507: the rest is left out\n");
    // Peers that have gone when their answers come; fewer than run at the same time.
    for _ in 0..12 {
        let gone = UdpSocket::bind("127.0.0.1:0").expect("a port");
        gone.send_to(b"quit", server.at).expect("sent");
        gone.send_to(b"echo nobody", server.at).expect("sent");
    }
    server.logged("echo nobody", 1);
    assert_eq!(ask(b"echo still here"), ["", "still here\n"]);
    server.unhurt();
}

/// The commands are taken in the order in which they come; so the seventeenth finds sixteen that run.
#[test]
fn a_flood_of_datagrams_starts_no_flood_of_processes() {
    let scratch = Scratch::folder("commands").expect("a folder");
    let gate = scratch.path().join("gate");
    let slow = until_there(&gate);
    let mut server = Server::start(&["commands", "--udp", "--shell", "--time-limit", "300s"]);
    let client = UdpSocket::bind("127.0.0.1:0").expect("a port");
    client.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let answer = || {
        let mut buffer = [0; 1024];
        let n = client.recv(&mut buffer).expect("an answer");
        String::from_utf8_lossy(&buffer[..n]).into_owned()
    };
    for _ in 0..17 {
        client.send_to(slow.as_bytes(), server.at).expect("sent");
    }
    assert_eq!(answer(), "stickdemo: 16 commands are running already: try again later\n");
    assert_eq!(answer(), "");
    std::fs::write(&gate, "").expect("opened");
    let rest: Vec<String> = (0..32).map(|_| answer()).filter(|text| !text.is_empty()).collect();
    assert_eq!(rest, ["slow\n"; 16]);
    server.unhurt();
}

/// The first command's answer comes when the second waits for its own, which never comes.
#[test]
fn a_late_datagram_is_not_taken_for_the_next_answer() {
    let server = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let address = server.local_addr().expect("an address").to_string();
    let late = std::thread::spawn(move || {
        let mut buffer = [0; 64];
        let (_, first) = server.recv_from(&mut buffer).expect("a command");
        server.send_to(b"one of two\n", first).expect("sent");
        let (_, second) = server.recv_from(&mut buffer).expect("another");
        assert_ne!(first, second, "a port for each command");
        for _ in 0..2 {
            // The first client's socket is gone; the news of that is not for us.
            let _ = server.send_to(b"late\n", first);
        }
    });
    let ran = prompt(&address, &["--udp", "--timeout", "300ms"], "first\nsecond\n");
    late.join().expect("the server");
    assert_eq!((ran.out.as_str(), ran.code), ("one of two\n", Some(1)));
    assert!(ran.err.contains("the second datagram of the answer did not come in 300ms"), "{}", ran.err);
    assert!(ran.err.contains("neither datagram of the answer came"), "{}", ran.err);
}
