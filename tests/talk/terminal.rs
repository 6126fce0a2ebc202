//! At a terminal: prompts, interrupts, readers that have gone, and the trace.

use super::*;

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
