//! What a server bears: clients that only send, only stay, or reset.

use super::*;

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
    let idle = Duration::from_secs(2);
    let (server, address) = serve(&["upper", "--idle", "2s"]);
    let began = Instant::now();
    let greedy = TcpStream::connect(address).expect("connected");
    assert!(server.said().ends_with("connected"));
    let block = vec![b'x'; 64 << 10];
    greedy.set_write_timeout(Some(PATIENCE)).expect("SO_SNDTIMEO");
    let hung_up = loop {
        if let Err(e) = (&greedy).write(&block) {
            break e;
        }
    };
    assert!((idle..idle * 9 / 5).contains(&began.elapsed()), "{:?}", began.elapsed());
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

#[test]
fn five_hundred_idle_connections_do_not_hurt_another() {
    let (server, address) = serve(&["upper"]);
    // More than the 256 open files that a shell on macOS allows.
    stickdemo::sys::descriptors::raise_open_files();
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

/// More than a pipe and the server's own keeping hold.
#[test]
fn a_log_that_nobody_reads_holds_nobody_up() {
    let mut child = spawn(command(&["serve", "upper", "--udp"]).stdin(Stdio::null()));
    let err = lines(child.stderr.take().expect("stderr"));
    let line = err.recv_timeout(PATIENCE).expect("where it listens");
    let address = line.split_whitespace().nth(2).expect("an address").trim_end_matches(';').to_owned();
    let client = UdpSocket::bind("127.0.0.1:0").expect("a port");
    client.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    client.connect(&address).expect("connected");
    const DATAGRAMS: usize = 10_000;
    for n in 0..DATAGRAMS {
        let mut answer = [0; 9];
        client.send(b"hello").expect("sent");
        assert_eq!(client.recv(&mut answer).ok(), Some(5), "after {n} answers");
    }
    // Whoever reads again sees what was kept, and how much was not.
    let out = lines(child.stdout.take().expect("stdout"));
    let mut seen = 0;
    let lost: usize = loop {
        let line = out.recv_timeout(PATIENCE).expect("a line");
        match line.strip_suffix(" lines of this log are lost: nobody read them") {
            Some(lost) => break lost.trim_start_matches("-  ").parse().expect("a number"),
            None => seen += 1,
        }
    };
    assert_eq!(seen + lost, DATAGRAMS);
    child.kill().expect("killed");
    child.wait().expect("its end");
}
