//! `serve upper`, `serve chat` and `talk`: with each other, with Python programs written from the documents'
//! description, with streams in pieces, and with peers that go away.

mod common;

use common::*;
use socket2::{Domain, Socket, Type};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};
use stickdemo::sys::wait;

/// A program that runs until it is dropped, what it prints line by line, and its keyboard.
struct Running {
    child: Child,
    out: Receiver<String>,
    err: Receiver<String>,
    keys: Option<ChildStdin>,
}

impl Running {
    fn start(command: &mut Command) -> Running {
        let mut child = spawn(command.stdin(Stdio::piped()));
        let out = lines(child.stdout.take().expect("stdout"));
        let err = lines(child.stderr.take().expect("stderr"));
        let keys = child.stdin.take();
        Running { child, out, err, keys }
    }

    fn said(&self) -> String {
        self.out.recv_timeout(PATIENCE).expect("a line on standard output")
    }

    fn remarked(&self) -> String {
        self.err.recv_timeout(PATIENCE).expect("a line on standard error")
    }

    fn types(&mut self, text: &str) {
        self.keys.as_mut().expect("a keyboard").write_all(text.as_bytes()).expect("typed");
    }

    fn ended(&mut self) -> Option<i32> {
        let mut status = None;
        let ended = wait::until(PATIENCE, || {
            status = self.child.try_wait().expect("a child to wait for");
            status.is_some()
        });
        assert!(ended, "the program hangs");
        status.and_then(|status| status.code())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn lines(stream: impl Read + Send + 'static) -> Receiver<String> {
    let (tell, told) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stream).split(b'\n') {
            let line = String::from_utf8(line.expect("readable")).expect("output is UTF-8");
            if tell.send(line.trim_end().to_owned()).is_err() {
                return;
            }
        }
    });
    told
}

/// One of our servers, and its address.
fn serve(args: &[&str]) -> (Running, SocketAddr) {
    let server = Running::start(&mut command(&[&["serve"], args].concat()));
    let line = server.remarked();
    let address = line.split_whitespace().nth(2).and_then(|a| a.trim_end_matches(';').parse().ok());
    (server, address.unwrap_or_else(|| panic!("no address: {line}")))
}

/// One of the Python programs.
fn python(script: &str, args: &[&str]) -> Running {
    Running::start(common::python(script).args(args))
}

/// A Python server, and its address.
fn python_server(script: &str, args: &[&str]) -> (Running, SocketAddr) {
    let server = python(script, args);
    let port = server.said();
    let ip = if args.contains(&"--ipv6") { "[::1]" } else { "127.0.0.1" };
    (server, format!("{ip}:{port}").parse().expect("the port it got"))
}

/// Runs `talk` on this input to its end.
fn talk(server: impl ToString, args: &[&str], input: impl Into<Vec<u8>>) -> Ran {
    typed(&[&["talk", &server.to_string()], args].concat(), input)
}

fn has_ipv6() -> bool {
    UdpSocket::bind((Ipv6Addr::LOCALHOST, 0)).is_ok()
}

const LINES: &str = "hello\nfeng\n一棵树 says: ok\n  spaced  \nlast";
const ANSWERS: &str = "HELLO\nFENG\n一棵树 SAYS: OK\n  SPACED  \nLAST\n";

#[test]
fn lines_come_back_in_capitals() {
    for listen in ["127.0.0.1:0", "[::1]:0"] {
        if listen.starts_with('[') && !has_ipv6() {
            continue;
        }
        for udp in [&[][..], &["--udp"]] {
            let (_server, address) = serve(&[&["upper", "--listen", listen], udp].concat());
            let ran = talk(address, udp, LINES);
            assert_eq!((ran.out.as_str(), ran.err.as_str(), ran.code), (ANSWERS, "", Some(0)), "{listen} {udp:?}");
            let ran = talk(address, udp, "one\n quit \ntwo\n");
            assert_eq!((ran.out.as_str(), ran.code), ("ONE\n", Some(0)), "quit leaves");
        }
    }
}

#[test]
fn the_documents_server_answers_talk() {
    for more in [&[][..], &["--ipv6"]] {
        if !more.is_empty() && !has_ipv6() {
            continue;
        }
        let (server, address) = python_server("upper_server.py", more);
        let ran = talk(address, &[], LINES);
        assert_eq!((ran.out.as_str(), ran.err.as_str(), ran.code), (ANSWERS, "", Some(0)));
        assert_eq!(server.said(), format!("call from {}", address.ip()));
        let (_server, address) = python_server("upper_server.py", &[&["--udp"], more].concat());
        let ran = talk(address, &["--udp"], LINES);
        assert_eq!((ran.out.as_str(), ran.err.as_str(), ran.code), (ANSWERS, "", Some(0)));
    }
}

#[test]
fn the_documents_client_is_answered() {
    for udp in [&[][..], &["--udp"]] {
        let (server, address) = serve(&[&["upper"], udp].concat());
        let (ip, port) = (address.ip().to_string(), address.port().to_string());
        let mut client = python("upper_client.py", &[&[ip.as_str(), &port], udp].concat());
        for (line, answer) in [("hello", "HELLO"), ("一棵树 feng", "一棵树 FENG")] {
            client.types(&format!("{line}\n"));
            assert_eq!(client.said(), answer);
        }
        drop(client.keys.take());
        assert_eq!(client.ended(), Some(0));
        let log: Vec<String> = (0..2).map(|_| server.said()).collect();
        match udp {
            [] => assert!(log[0].ends_with("connected") && log[1].ends_with("left; 19 bytes came and went back")),
            _ => assert!(log[0].ends_with("a datagram of 5 bytes, sent back"), "{log:?}"),
        }
    }
}

#[test]
fn an_empty_line_is_nothing_over_tcp_and_a_message_over_udp() {
    let (_server, address) = serve(&["upper"]);
    let ran = talk(address, &[], "\nhello\n\n");
    assert_eq!((ran.out.as_str(), ran.code), ("HELLO\n", Some(0)));
    assert_eq!(ran.err.matches("an empty line: TCP would send nothing").count(), 2, "{}", ran.err);
    let ran = talk(address, &["--lang", "zh"], "\n");
    assert!(ran.err.contains("空行"), "{}", ran.err);
    let (server, address) = serve(&["upper", "--udp"]);
    let ran = talk(address, &["--udp"], "\nhello\n");
    assert_eq!((ran.out.as_str(), ran.err.as_str(), ran.code), ("\nHELLO\n", "", Some(0)));
    assert!(server.said().ends_with("a datagram of 0 bytes, sent back"));
}

#[test]
fn a_thousand_lines_through_a_pipe() {
    let input: String = (0..1000).map(|n| format!("line {n} 你好\n")).collect();
    for udp in [&[][..], &["--udp"]] {
        let (_server, address) = serve(&[&["upper"], udp].concat());
        let ran = talk(address, udp, input.clone());
        assert!(ran.out == input.to_ascii_uppercase(), "{}", ran.out);
        assert_eq!(ran.code, Some(0));
    }
}

#[test]
fn a_line_of_ten_megabytes_does_not_block_both_ends() {
    let line = "0123456789abcdef".repeat(10 << 16) + "\n";
    for (_server, address) in [serve(&["upper"]), python_server("upper_server.py", &[])] {
        let ran = talk(address, &[], line.clone());
        assert!(ran.out == line.to_ascii_uppercase(), "{} bytes came back", ran.out.len());
        assert_eq!((ran.err.as_str(), ran.code), ("", Some(0)));
    }
}

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

fn expect(stream: &mut TcpStream, line: &str) {
    assert_eq!(text(stream, line.len()), line);
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
    assert_eq!(ran.out, "five o'clock\\n\\x1b[2J五点\u{fffd}\nbye\n");
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

/// Connected to itself the socket keeps its port, and nobody else is heard: to them nobody listens there.
fn deafen(socket: &UdpSocket) {
    socket.connect(socket.local_addr().expect("an address")).expect("connected");
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

#[test]
fn too_long_a_line_for_a_datagram_is_refused_with_its_size() {
    let (_server, address) = serve(&["upper", "--udp"]);
    let longest = "x".repeat(65_507);
    let ran = talk(address, &["--udp"], format!("{longest}x\n{longest}\n"));
    assert!(ran.out == longest.to_ascii_uppercase() + "\n", "{} bytes came back", ran.out.len());
    assert!(ran.err.contains("not sent: 65,508 bytes, and a datagram carries at most 65,507"), "{}", ran.err);
    assert_eq!(ran.code, Some(1));
}

#[test]
fn scripts_read_json() {
    for udp in [&[][..], &["--udp"]] {
        let (_server, address) = serve(&[&["upper"], udp].concat());
        let ran = talk(address, &[&["--format", "json"], udp].concat(), "feng\x1b 你\n");
        let line: serde_json::Value = serde_json::from_str(&ran.out).expect("a line of JSON");
        let said = serde_json::json!({"type": "said", "from": address.to_string(), "text": "FENG\x1b 你", "len": 9});
        assert_eq!(line, said);
    }
    let server = Running::start(&mut command(&["serve", "upper", "--format", "json"]));
    let line: serde_json::Value = serde_json::from_str(&server.said()).expect("a line of JSON");
    assert_eq!(line["type"], "listening");
}

/// Writes until the kernel takes no more for a while; the bytes that it took.
fn stuff(stream: &TcpStream) -> u64 {
    let block = vec![b'x'; 64 << 10];
    let mut sent = 0;
    stream.set_nonblocking(true).expect("O_NONBLOCK");
    let mut last = Instant::now();
    // The server reads on until its own sends block.
    while last.elapsed() < Duration::from_millis(200) {
        match (&*stream).write(&block) {
            Ok(n) => {
                sent += n as u64;
                last = Instant::now();
            }
            Err(e) => assert_eq!(e.kind(), io::ErrorKind::WouldBlock),
        }
        std::thread::park_timeout(Duration::from_millis(1));
    }
    stream.set_nonblocking(false).expect("blocking");
    sent
}

#[test]
fn a_client_that_sends_before_it_reads_costs_no_memory() {
    let (server, address) = serve(&["upper"]);
    let mut greedy = TcpStream::connect(address).expect("connected");
    let stuffed = stuff(&greedy);
    #[cfg(target_os = "linux")]
    {
        let status = std::fs::read_to_string(format!("/proc/{}/status", server.child.id())).expect("its status");
        let peak = status.lines().find_map(|l| l.strip_prefix("VmHWM:")).expect("a peak");
        let kib: u64 = peak.trim().trim_end_matches("kB").trim().parse().expect("a number");
        assert!(kib < 32 << 10, "{kib} KiB after {stuffed} bytes");
    }
    let ran = talk(address, &[], "others\n");
    assert_eq!(ran.out, "OTHERS\n", "others are served meanwhile");
    greedy.shutdown(Shutdown::Write).expect("the end");
    let mut back = Vec::new();
    greedy.read_to_end(&mut back).expect("read");
    assert!(back.len() as u64 == stuffed && back.iter().all(|b| *b == b'X'), "{} of {stuffed} bytes", back.len());
    assert!(server.said().ends_with("connected"));
}

#[test]
fn a_client_that_never_reads_or_never_speaks_is_hung_up_on() {
    let (server, address) = serve(&["upper", "--idle", "1s"]);
    let greedy = TcpStream::connect(address).expect("connected");
    assert!(server.said().ends_with("connected"));
    let block = vec![b'x'; 64 << 10];
    greedy.set_write_timeout(Some(PATIENCE)).expect("SO_SNDTIMEO");
    let hung_up = loop {
        if let Err(e) = (&greedy).write(&block) {
            break e;
        }
    };
    assert!(
        matches!(
            hung_up.kind(),
            io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted | io::ErrorKind::BrokenPipe
        ),
        "{hung_up}"
    );
    let line = server.said();
    assert!(line.contains("hung up;") && line.contains("answering: the other side took nothing in time"), "{line}");
    let mut silent = TcpStream::connect(address).expect("connected");
    assert_eq!(silent.read(&mut [0]).expect("the end"), 0);
    assert!(server.said().ends_with("connected"));
    let line = server.said();
    assert!(line.contains("0 bytes went back") && line.contains("waiting for more"), "{line}");
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
    let ran = talk(address, &[], "hello\n");
    assert_eq!((ran.out.as_str(), ran.code), ("", Some(1)));
    assert!(ran.err.contains("an answer of more than 67,108,864 bytes"), "{}", ran.err);
}

#[test]
fn five_hundred_idle_connections_do_not_hurt_another() {
    let (server, address) = serve(&["upper"]);
    // More than the 256 open files that a shell on macOS allows.
    stickdemo::programs::server::raise_open_files();
    let idle: Vec<TcpStream> = (0..500).map(|_| TcpStream::connect(address).expect("connected")).collect();
    let began = Instant::now();
    let ran = talk(address, &[], LINES);
    assert_eq!((ran.out.as_str(), ran.code), (ANSWERS, Some(0)));
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    let mut last = idle.last().expect("one of them");
    last.write_all(b"and me?").expect("sent");
    let mut bytes = [0; 7];
    last.read_exact(&mut bytes).expect("answered");
    assert_eq!(&bytes, b"AND ME?");
    drop((idle, server));
}

#[test]
fn a_thousand_resets_do_not_hurt_another() {
    let (_server, address) = serve(&["upper"]);
    for _ in 0..1000 {
        let stream = TcpStream::connect(address).expect("connected");
        reset(stream);
    }
    assert_eq!(talk(address, &[], "hello\n").out, "HELLO\n");
}

#[test]
fn an_echo_server_goes_on_when_a_udp_client_has_gone() {
    let (_server, address) = serve(&["upper", "--udp"]);
    for _ in 0..50 {
        let gone = UdpSocket::bind("127.0.0.1:0").expect("a port");
        gone.send_to(b"gone", address).expect("sent");
    }
    assert_eq!(talk(address, &["--udp"], "hello\n").out, "HELLO\n");
}

#[test]
fn the_chat_gives_everybody_a_number() {
    let (mut chat, address) = serve(&["chat"]);
    let (ip, port) = (address.ip().to_string(), address.port().to_string());
    let mut python = python("chat_client.py", &[&ip, &port]);
    python.types("在吗\n");
    let first = chat.said();
    assert!(first.starts_with("[1 127.0.0.1:") && first.ends_with("] 在吗"), "{first}");
    chat.types("收到\n");
    assert_eq!(python.said(), format!("[{ip}:{port}] 收到"));

    let mut ours = Running::start(&mut command(&["talk", &address.to_string(), "--udp"]));
    ours.types("hello\x07\n");
    let second = chat.said();
    assert!(second.starts_with("[2 127.0.0.1:") && second.ends_with("] hello\\x07"), "{second}");
    python.types("again\n");
    assert!(chat.said().ends_with("] again"));
    chat.types("@2 to you\n@1 @2 is not me\n@3 nobody\n/who\n");
    assert_eq!(ours.said(), "to you");
    assert_eq!(python.said(), format!("[{ip}:{port}] @2 is not me"));
    assert!(chat.remarked().contains("nobody has number 3"));
    let listed = [chat.said(), chat.said()];
    assert!(listed[0].starts_with("[1 ") && listed[0].ends_with("messages: 2"), "{listed:?}");
    assert!(listed[1].starts_with("[2 ") && listed[1].ends_with("messages: 1"), "{listed:?}");
    python.types("quit\n");
    assert_eq!(python.ended(), Some(0));
    chat.types("quit\n");
    assert_eq!(chat.ended(), Some(0));
}

#[test]
fn the_documents_chat_server_answers_talk() {
    let (mut server, address) = python_server("chat_server.py", &[]);
    let mut client = Running::start(&mut command(&["talk", &address.to_string(), "--udp"]));
    for (line, answer) in [("在吗", "在"), ("几点？", "8 点")] {
        client.types(&format!("{line}\n"));
        assert!(server.said().ends_with(&format!("] {line}")));
        server.types(&format!("{answer}\n"));
        assert_eq!(client.said(), answer);
    }
    client.types("quit\n");
    assert_eq!(client.ended(), Some(0));
}

#[test]
fn a_pipes_lines_wait_for_somebody_to_go_to() {
    let (mut chat, address) = serve(&["chat", "--format", "json"]);
    chat.types("welcome\nand good bye\n");
    drop(chat.keys.take());
    let client = UdpSocket::bind("127.0.0.1:0").expect("a port");
    client.set_read_timeout(Some(PATIENCE)).expect("SO_RCVTIMEO");
    client.send_to(b"", address).expect("sent");
    let mut bytes = [0; 100];
    for expected in ["welcome", "and good bye"] {
        let (n, from) = client.recv_from(&mut bytes).expect("an answer");
        assert_eq!((&bytes[..n], from), (expected.as_bytes(), address));
    }
    assert_eq!(chat.ended(), Some(0), "the end of input leaves");
    assert!(chat.said().contains("listening"));
    let said: serde_json::Value = serde_json::from_str(&chat.said()).expect("JSON");
    let from = client.local_addr().expect("an address").to_string();
    assert_eq!(said, serde_json::json!({"type": "said", "number": 1, "from": from, "text": "", "len": 0}));
}

#[test]
fn a_chat_with_nobody_at_the_keyboard_listens() {
    let (mut chat, address) = serve(&["chat"]);
    drop(chat.keys.take());
    assert!(chat.remarked().contains("listening only"));
    let client = UdpSocket::bind("127.0.0.1:0").expect("a port");
    client.send_to(b"hello", address).expect("sent");
    assert!(chat.said().ends_with("] hello"));
    assert!(chat.child.try_wait().expect("a child").is_none());
}

/// A program whose standard output nobody reads.
fn deaf(args: &[&str]) -> Running {
    let mut child = spawn(command(args).stdin(Stdio::piped()));
    drop(child.stdout.take());
    let err = lines(child.stderr.take().expect("stderr"));
    let keys = child.stdin.take();
    Running { child, out: channel().1, err, keys }
}

#[test]
fn a_reader_that_has_gone_is_no_error() {
    let (_upper, address) = serve(&["upper"]);
    let mut client = deaf(&["talk", &address.to_string()]);
    client.types("hello\n");
    assert_eq!(client.ended(), Some(0));
    for args in [&["serve", "upper", "--udp"][..], &["serve", "chat"]] {
        let mut server = deaf(args);
        let line = server.remarked();
        let address = line.split_whitespace().nth(2).expect("an address").trim_end_matches(';').to_owned();
        let client = UdpSocket::bind("127.0.0.1:0").expect("a port");
        client.send_to(b"hello", address).expect("sent");
        assert_eq!(server.ended(), Some(0), "{args:?}");
    }
}

#[test]
fn a_port_that_is_taken_is_this_machines_trouble() {
    let tcp = TcpListener::bind("127.0.0.1:0").expect("a port");
    let udp = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let [tcp_at, udp_at] = [tcp.local_addr(), udp.local_addr()].map(|a| a.expect("an address").to_string());
    for args in
        [&["upper", "--listen", &tcp_at][..], &["upper", "--udp", "--listen", &udp_at], &["chat", "--listen", &udp_at]]
    {
        let ran = run(&[&["serve"], args].concat());
        assert_eq!((ran.out.as_str(), ran.code), ("", Some(3)), "{args:?}");
        assert!(ran.err.contains("EADDRINUSE"), "{}", ran.err);
        #[cfg(target_os = "linux")]
        assert!(ran.err.contains(&format!("pid {}", std::process::id())), "{}", ran.err);
    }
}

#[cfg(unix)]
#[test]
fn an_interrupt_gives_130() {
    let (upper, address) = serve(&["upper"]);
    let (upper_udp, udp_address) = serve(&["upper", "--udp"]);
    let (chat, _) = serve(&["chat"]);
    let mut running = vec![upper, upper_udp, chat];
    for (address, udp) in [(address, &[][..]), (udp_address, &["--udp"])] {
        let mut client = Running::start(&mut command(&[&["talk", &address.to_string()], udp].concat()));
        client.types("hello\n");
        assert_eq!(client.said(), "HELLO");
        running.push(client);
    }
    for program in running.iter_mut().rev() {
        // SAFETY: a signal to a child of ours that has not been waited for.
        unsafe { libc::kill(program.child.id() as i32, libc::SIGINT) };
        assert_eq!(program.ended(), Some(130));
    }
}

/// Somebody at a terminal: what the program shows there, prompts among it.
#[cfg(unix)]
struct Terminal {
    keyboard: std::fs::File,
    shown: Receiver<u8>,
    seen: String,
    child: Child,
}

#[cfg(unix)]
impl Terminal {
    fn start(args: &[&str]) -> Terminal {
        use std::os::fd::FromRawFd;
        let (mut master, mut slave) = (0, 0);
        let none = std::ptr::null_mut();
        // SAFETY: both numbers are live; name, settings and size are left to the system.
        let rc = unsafe { libc::openpty(&mut master, &mut slave, none, none.cast(), none.cast()) };
        assert_eq!(rc, 0, "a terminal");
        // SAFETY: both descriptors were just made and belong to nobody else.
        let (master, slave) = unsafe { (std::fs::File::from_raw_fd(master), std::fs::File::from_raw_fd(slave)) };
        let stdio = || Stdio::from(slave.try_clone().expect("a copy"));
        let child = command(args).stdin(stdio()).stdout(stdio()).stderr(stdio()).spawn().expect("the binary starts");
        let (tell, shown) = channel();
        let screen = master.try_clone().expect("a copy");
        std::thread::spawn(move || {
            BufReader::new(screen).bytes().map_while(Result::ok).try_for_each(|byte| tell.send(byte))
        });
        Terminal { keyboard: master, shown, seen: String::new(), child }
    }

    fn types(&mut self, text: &str) {
        self.keyboard.write_all(text.as_bytes()).expect("typed");
    }

    /// Waits until this is shown, and forgets what was shown up to it.
    fn sees(&mut self, text: &str) {
        let deadline = Instant::now() + PATIENCE;
        while !self.seen.ends_with(text) {
            let left = deadline.saturating_duration_since(Instant::now());
            let byte = self.shown.recv_timeout(left).unwrap_or_else(|_| panic!("not {text:?}: {:?}", self.seen));
            self.seen.push(char::from(byte));
        }
        self.seen.clear();
    }
}

#[cfg(unix)]
impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(unix)]
#[test]
fn at_a_terminal_there_are_prompts() {
    for udp in [&[][..], &["--udp"]] {
        let (_server, address) = serve(&[&["upper"], udp].concat());
        let mut terminal = Terminal::start(&[&["talk", &address.to_string()], udp].concat());
        terminal.sees(">>: ");
        terminal.types("hello\n");
        terminal.sees("HELLO\r\n>>: ");
        terminal.types("quit\n");
        assert_eq!(terminal.child.wait().expect("ended").code(), Some(0));
    }
}

#[cfg(unix)]
#[test]
fn a_chat_partner_may_write_at_any_time() {
    let server = UdpSocket::bind("127.0.0.1:0").expect("a port");
    server.set_read_timeout(Some(PATIENCE)).expect("SO_RCVTIMEO");
    let address = server.local_addr().expect("an address");
    let mut terminal = Terminal::start(&["talk", &address.to_string(), "--udp"]);
    terminal.sees(">>: ");
    terminal.types("one\n");
    let mut bytes = [0; 100];
    let (_, client) = server.recv_from(&mut bytes).expect("a line");
    // Nobody answers for a while: the prompt comes back, and then the answer.
    terminal.sees("one\r\n>>: ");
    server.send_to(b"1", client).expect("sent");
    terminal.sees("\r    \r1\r\n>>: ");
    server.send_to(b"and more", client).expect("sent");
    terminal.sees("\r    \rand more\r\n>>: ");
    deafen(&server);
    terminal.types("anybody?\n");
    terminal.sees("nobody listens there");
    terminal.sees(">>: ");
    server.connect(client).expect("connected");
    terminal.types("two\n");
    let n = server.recv(&mut bytes).expect("a line");
    assert_eq!(&bytes[..n], b"two");
    // The end of input.
    terminal.types("\x04");
    terminal.sees("\r\n");
    assert_eq!(terminal.child.wait().expect("ended").code(), Some(0));
}

#[cfg(unix)]
#[test]
fn the_operator_of_a_chat_is_told_how() {
    let mut terminal = Terminal::start(&["serve", "chat"]);
    terminal.sees("/who lists; quit leaves\r\n");
    terminal.types("hello\n");
    terminal.sees("nobody has written yet\r\n>>: ");
    terminal.types("\x04");
    terminal.sees("\r\n");
    assert_eq!(terminal.child.wait().expect("ended").code(), Some(0));
}

/// The calls of a traced run, in order, with what each moved.
fn calls(ran: &Ran) -> Vec<(String, u64)> {
    let lines = ran.out.lines().map(|l| serde_json::from_str::<serde_json::Value>(l).expect("a line of JSON"));
    let events = lines.filter(|l| l["type"] == "event");
    events
        .map(|e| (e["call"].as_str().expect("a call").to_owned(), e["returned"].as_u64().expect("no error")))
        .collect()
}

#[test]
fn a_trace_shows_the_calls() {
    let named = |calls: &[(&str, u64)]| calls.iter().map(|(call, n)| ((*call).to_owned(), *n)).collect::<Vec<_>>();
    let trace = ["--trace", "--format", "json"];
    let (_server, address) = serve(&["upper"]);
    let ran = talk(address, &trace, "hello\nquit\n");
    assert_eq!(calls(&ran), named(&[("connect", 0), ("send", 5), ("recv", 5), ("close", 0)]));

    let (_server, udp_address) = serve(&["upper", "--udp"]);
    let ran = talk(udp_address, &[&["--udp"], &trace[..]].concat(), "hello\n\n");
    let expected = [("connect", 0), ("send", 5), ("recvfrom", 5), ("send", 0), ("recvfrom", 0), ("close", 0)];
    assert_eq!(calls(&ran), named(&expected));

    // Two threads, one connection: every byte is told once, and the end once.
    let line = "x".repeat(1 << 20);
    let calls = calls(&talk(address, &trace, line));
    let sum = |name: &str| calls.iter().filter(|(call, _)| call == name).map(|(_, n)| n).sum::<u64>();
    assert_eq!((sum("send"), sum("recv")), (1 << 20, 1 << 20));
    assert_eq!(calls.iter().filter(|(call, _)| call == "close").count(), 1);
    assert_eq!(calls.last().map(|(call, _)| call.as_str()), Some("close"));
}
