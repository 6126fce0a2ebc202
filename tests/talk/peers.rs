//! Servers that answer in pieces, late, too little, too much or not at all.

use super::*;

/// Passes a client's bytes on to the server as they are, and the server's to the client in these pieces (the last
/// length again and again), with a pause before each.
fn relay(server: SocketAddr, pieces: &'static [usize], pause: Duration) -> String {
    let (address, _) = scripted(move |client| {
        let server = TcpStream::connect(server).expect("the server");
        client.set_nodelay(true).expect("TCP_NODELAY");
        let (mut from, mut to) = (client.try_clone().expect("a copy"), server.try_clone().expect("a copy"));
        std::thread::spawn(move || {
            let _ = io::copy(&mut from, &mut to);
            let _ = to.shutdown(Shutdown::Write);
        });
        let (mut server, mut client) = (server, client);
        let mut lengths = pieces.iter().copied().chain(std::iter::repeat(pieces[pieces.len() - 1]));
        loop {
            let mut piece = vec![0; lengths.next().expect("endless")];
            match server.read(&mut piece) {
                Ok(n) if n > 0 => {
                    std::thread::park_timeout(pause);
                    if client.write_all(&piece[..n]).is_err() {
                        return;
                    }
                }
                _ => return,
            }
        }
    });
    address
}

#[test]
fn an_echo_in_pieces_is_one_answer() {
    const PAUSE: Duration = Duration::from_millis(5);
    let (_server, address) = serve(&["upper"]);
    let all: [(&'static [usize], Duration); 3] =
        [(&[1], Duration::ZERO), (&[1], PAUSE), (&[3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7], PAUSE)];
    for (pieces, pause) in all {
        // Shorter than the pauses: a server that is not the echo would be cut here.
        let ran = talk(relay(address, pieces, pause), &["--settle", "1ms"], LINES);
        assert_eq!((ran.out.as_str(), ran.err.as_str(), ran.code), (ANSWERS, "", Some(0)), "{pieces:?} {pause:?}");
    }
}

#[test]
fn another_servers_answer_ends_with_silence_or_the_stream() {
    let (address, _) = scripted(|mut stream| {
        expect(&mut stream, "time?");
        stream.write_all(b"five ").expect("sent");
        stream.write_all("o'clock\n\x1b[2J五点".as_bytes()).expect("sent");
        stream.write_all(b"\xff").expect("sent");
        expect(&mut stream, "thanks");
        stream.write_all(b"bye").expect("sent");
    });
    let ran = talk(address, &["--settle", "1s"], "time?\nthanks\n");
    assert_eq!(ran.out, "five o'clock\\n\\u{1b}[2J五点\u{fffd}\nbye\n");
    assert_eq!((ran.err.as_str(), ran.code), ("", Some(0)));
}

#[test]
fn what_comes_late_is_not_the_next_lines_answer() {
    let (go_on, told) = channel::<()>();
    let (tell, came) = channel::<()>();
    let (address, _) = scripted(move |mut stream| {
        expect(&mut stream, "one");
        stream.write_all(b"1").expect("sent");
        told.recv().expect("told");
        stream.write_all(b"late").expect("sent");
        arrived(&stream);
        tell.send(()).expect("told");
        expect(&mut stream, "two");
        stream.write_all(b"2").expect("sent");
        let _ = stream.read(&mut [0]);
    });
    let mut client = Running::start(&mut command(&["talk", &address.to_string(), "--settle", "20ms"]));
    client.types("one\n");
    assert_eq!(client.said(), "1");
    go_on.send(()).expect("told");
    came.recv().expect("told");
    client.types("two\n");
    assert_eq!((client.said(), client.said()), ("late".into(), "2".into()));
    assert!(client.remarked().contains("belongs to an earlier one"));
    client.types("quit\n");
    assert_eq!(client.ended(), Some(0));
}

#[test]
fn a_server_that_hangs_up_is_told_at_once() {
    let (silent, _) = scripted(|mut stream| expect(&mut stream, "hello"));
    let ran = talk(&silent, &[], "hello\nnever\n");
    assert_eq!((ran.out.as_str(), ran.code), ("", Some(1)));
    assert!(ran.err.contains(&format!("{silent} hung up")), "{}", ran.err);

    let (halfway, _) = scripted(|mut stream| {
        expect(&mut stream, "hello");
        stream.write_all(b"HEL").expect("sent");
    });
    let ran = talk(halfway, &[], "hello\nnever\n");
    assert_eq!((ran.out.as_str(), ran.code), ("HEL\n", Some(1)));
    assert!(ran.err.contains("3 of 5 bytes came back"), "{}", ran.err);

    let (reset, _) = scripted(|mut stream| {
        expect(&mut stream, "hel");
        // Closing with unread bytes resets.
        arrived(&stream);
    });
    let ran = talk(reset, &["--format", "json"], "hello\nnever\n");
    assert_eq!(ran.code, Some(1));
    assert!(ran.out.starts_with("{\"type\":\"error\",\"kind\":\""), "{}", ran.out);
}

#[test]
fn a_server_that_goes_while_nobody_types_is_missed_at_the_next_line() {
    let (tell, gone) = channel::<()>();
    let (address, _) = scripted(move |mut stream| {
        expect(&mut stream, "hello");
        stream.write_all(b"HELLO").expect("sent");
        stream.shutdown(Shutdown::Both).expect("shut down");
        arrived(&stream);
        tell.send(()).expect("told");
    });
    let mut client = Running::start(&mut command(&["talk", &address.to_string()]));
    client.types("hello\n");
    assert_eq!(client.said(), "HELLO");
    gone.recv().expect("told");
    client.types("anybody?\n");
    assert!(client.remarked().contains("hung up"));
    assert_eq!(client.ended(), Some(1));
}

#[test]
fn a_server_that_says_nothing_is_waited_for_and_no_longer() {
    let (address, _) = scripted(|mut stream| {
        expect(&mut stream, "hello");
        let _ = stream.read(&mut [0]);
    });
    let ran = talk(address, &["--timeout", "200ms"], "hello\n");
    assert_eq!((ran.out.as_str(), ran.code), ("", Some(1)));
    assert!(ran.err.contains("200ms"), "{}", ran.err);
    let (halfway, _) = scripted(|mut stream| {
        expect(&mut stream, "hello");
        stream.write_all(b"HEL").expect("sent");
        let _ = stream.read(&mut [0]);
    });
    let ran = talk(halfway, &["--timeout", "200ms"], "hello\n");
    assert_eq!((ran.out.as_str(), ran.code), ("HEL\n", Some(1)), "what came is shown, and called too little");
    assert!(ran.err.contains("3 of 5 bytes came back, then nothing for 200ms"), "{}", ran.err);
}

#[test]
fn where_nobody_listens_both_say_so() {
    // Bound, so that nobody else gets the port, and not listening.
    let bound = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    bound.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).expect("a port");
    let dead = bound.local_addr().expect("an address").as_socket().expect("an address");
    let ran = talk(dead, &[], "hello\n");
    assert_eq!((ran.out.as_str(), ran.code), ("", Some(3)));
    assert!(ran.err.contains("ECONNREFUSED") && ran.err.contains("start the server first"), "{}", ran.err);
    let bound = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let dead = bound.local_addr().expect("an address");
    deafen(&bound);
    let ran = talk(dead, &["--udp"], "hello\nfeng\n");
    assert_eq!((ran.out.as_str(), ran.code), ("", Some(1)));
    assert!(ran.err.contains(&format!("{dead}: nobody listens there")), "{}", ran.err);
}

#[test]
fn a_lost_answer_is_waited_for_and_then_the_next_line_goes() {
    let server = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let address = server.local_addr().expect("an address");
    let answering = std::thread::spawn(move || {
        let mut got = Vec::new();
        let mut bytes = [0; 100];
        for _ in 0..3 {
            let (n, from) = server.recv_from(&mut bytes).expect("a line");
            got.push(String::from_utf8_lossy(&bytes[..n]).into_owned());
            if got.len() == 2 {
                server.send_to(b"2", from).expect("sent");
            }
        }
        got
    });
    let ran = talk(address, &["--udp", "--timeout", "1s"], "one\ntwo\nthree\n");
    assert_eq!((ran.out.as_str(), ran.code), ("2\n", Some(1)));
    assert_eq!(ran.err.matches("no answer for 1s: UDP does not tell").count(), 2, "{}", ran.err);
    assert_eq!(answering.join().expect("no panic"), ["one", "two", "three"]);
}

/// More than both kernels keep for a connection: a sender that waits for the server to read it would wait for ever.
#[test]
fn a_server_that_hangs_up_on_a_long_line_ends_the_sending_too() {
    let (ended, told) = channel::<()>();
    let (address, _) = scripted(move |mut stream| {
        // Once the line is on its way: a server that has gone before is noticed sooner.
        stream.read_exact(&mut [0]).expect("its beginning");
        stream.shutdown(Shutdown::Write).expect("shut down");
        // It stays, and does not read.
        let _ = told.recv();
    });
    let ran = talk(address, &["--timeout", "600s"], vec![b'x'; 32 << 20]);
    assert_eq!(ran.code, Some(1), "{}", ran.err);
    drop(ended);
}

#[test]
fn an_answer_without_end_does_not_fill_the_memory() {
    let (address, _) = scripted(|mut stream| {
        expect(&mut stream, "hello");
        let block = vec![b'x'; 1 << 20];
        // A few MiB more than is borne; then the talk has gone.
        for _ in 0..80 {
            if stream.write_all(&block).is_err() {
                return;
            }
        }
    });
    // The server may be held up, and its silence is no end of the answer.
    let ran = talk(address, &["--settle", "600s", "--timeout", "600s"], "hello\n");
    assert_eq!((ran.out.as_str(), ran.code), ("", Some(1)));
    assert!(ran.err.contains("an answer of more than 67,108,864 bytes"), "{}", ran.err);
}

/// Neither while the line is sent nor afterwards.
#[test]
fn a_server_that_neither_reads_nor_answers_is_waited_for_once() {
    let (address, server) = scripted(|mut stream| {
        let mut first = [0; 1];
        stream.read_exact(&mut first).expect("a beginning");
        stream
    });
    let began = Instant::now();
    let ran = talk(&address, &["--timeout", "2s"], [vec![b'x'; 30 << 20], b"\n".to_vec()].concat());
    let took = began.elapsed();
    assert_eq!(ran.code, Some(1), "{ran}");
    assert!(ran.err.contains("the other side took nothing in time"), "{ran}");
    assert!(took > Duration::from_secs(1) && took < Duration::from_millis(3800), "{took:?}");
    drop(server.join().expect("the server's side"));
}

/// Its escapes are six times as long.
#[cfg(target_os = "linux")]
#[test]
fn a_long_answer_costs_little_more_than_itself() {
    let (address, server) = scripted(|mut stream| {
        text(&mut stream, 6);
        stream.write_all(&vec![0; 60 << 20]).expect("taken");
    });
    let limited = format!("ulimit -v 500000; exec '{BINARY}' talk {address}");
    let mut sh = Command::new("sh");
    let mut child = spawn(sh.args(["-c", &limited]).stdin(Stdio::piped()));
    child.stdin.take().expect("a keyboard").write_all(b"hello!\n").expect("typed");
    let ran = finished(child);
    server.join().expect("the server's side");
    assert_eq!((ran.code, ran.out.len()), (Some(0), "\\u{0}".len() * (60 << 20) + 1), "{}", ran.err);
}
