//! What `exec` says of servers that break the protocol, fall silent or go.

use super::*;

/// A server that answers each client with these bytes once a command came; then it hangs up.
fn answering(answer: Vec<u8>) -> String {
    let (listener, address) = listener();
    std::thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            let _ = client.read(&mut [0; 1024]);
            let _ = client.write_all(&answer);
            let _ = client.shutdown(Shutdown::Write);
            // Until it hangs up, so that no reset overtakes the answer.
            let _ = client.read_to_end(&mut Vec::new());
        }
    });
    address
}

#[test]
fn a_server_that_breaks_the_protocol_is_told_apart() {
    let deep = [vec![0x60, 0xea, 0, 0], vec![b'['; 60_000]].concat();
    for (framing, answer, words) in [
        ("i32le", b"\xff\xff\xff\xff".to_vec(), "a length cannot be negative"),
        ("i32le", b"\xff\xff\xff\x7f".to_vec(), "over the limit of 67,108,864"),
        ("i32le", b"\x05\0\0\0hel".to_vec(), "the stream ended inside a body: 3 of 5 bytes"),
        ("i32le", b"\x05\0\0\0hello, world".to_vec(), "7 bytes follow the answer's 9 and belong to none"),
        ("i32le", b"HTTP/1.1 400 Bad Request\r\n".to_vec(), "that is an HTTP response (RFC 9112)"),
        ("i32le", b"".to_vec(), "does the server use the same?"),
        ("json", b"\x05\0\0\0hello".to_vec(), "does the server use --framing i32le?"),
        ("json", b"\x11\0\0\0{\"data_size\": -1}".to_vec(), "cannot be negative"),
        ("json", deep, "the header is not JSON"),
        ("ack", b"hello".to_vec(), "does the server use --framing none?"),
        ("ack", b"2147483647".to_vec(), "the length is over the limit of 67,108,864 bytes"),
    ] {
        let ran = exec(&answering(answer.clone()), framing, &["ls"]);
        assert_eq!(ran.code, Some(1), "{framing} {answer:.20?}: {}", ran.err);
        assert!(ran.err.starts_with("error: ") && ran.err.contains(words), "{framing}: {}", ran.err);
    }
    for (answer, hint) in [
        (&b"\x05\0\0\0hello"[..], "does the server use --framing i32le?\n"),
        (b"\x10\0\0\0{\"data_size\": 5}hello", "does the server use --framing json?\n"),
        (b"\0\0\0\0hello", ""),
    ] {
        let ran = exec(&answering(answer.to_vec()), "none", &["ls"]);
        assert_eq!((ran.out.as_bytes(), ran.code, ran.err.as_str()), (answer, Some(0), hint));
    }
    let ran = exec(&answering(b"\0\0\0\0".to_vec()), "i32le", &["ls"]);
    assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (Some(0), "", ""), "0 is a length");
}

/// A server that frames otherwise is recognised by all that came; what does not fit to the last byte is not guessed.
#[test]
fn a_server_that_frames_otherwise_is_told_what_it_does() {
    let text: Vec<u8> = [&[3, 0, 0, 0][..], "粘ab".as_bytes()].concat();
    for (framing, answer, words) in [
        (
            "i32le",
            b"\0\x0812345678".to_vec(),
            "the first 2 bytes are 8, and exactly as many follow: the peer seems to pack '>H'",
        ),
        (
            "i32le",
            b"\0\0\0\x03abc".to_vec(),
            "the first 4 bytes are 3, and exactly as many follow: the peer seems to pack '>i'",
        ),
        ("i32le", b"\x0c\0\0\x0012345678".to_vec(), "8 follow: 4 fewer, the size of the length field"),
        ("i32le", text, "5 bytes came; as UTF-8 they are 3 characters: the peer seems to count characters"),
        ("i32le", b"\x08\0\0\0\0\0\0\x0012345678".to_vec(), "the peer seems to pack '<q', 8 bytes"),
        ("i32le", b"\xff\x08\0\0\x0012345678".to_vec(), "one byte later the length is 8, and exactly as many follow"),
        ("i32le", b"$8\r\n12345678\r\n".to_vec(), "that is Redis (RESP)"),
        ("i32le", b"Content-Length: 8\r\n\r\n12345678".to_vec(), "that is a header of text"),
        ("i32le", b"\x16\x03\x01\0\x45\x01".to_vec(), "that is a TLS handshake"),
        ("i32le", b"\x81\x0812345678".to_vec(), "that is a WebSocket frame"),
        ("i32le", b"812345678".to_vec(), "does the server use --framing ack?"),
        ("i32le", b"\x10\0\0\0{\"data_size\": 8}12345678".to_vec(), "does the server use --framing json?"),
        ("i32le", b"\x03\0\0\0err\x03\0\0\0out".to_vec(), "what came is 2 whole messages"),
        ("json", b"\0\0\0\x10{\"data_size\": 8}12345678".to_vec(), "a JSON object of exactly that length follows"),
        ("ack", b"\x08\0\0\x0012345678".to_vec(), "does the server use --framing i32le?"),
        ("ack", b"\0\x0812345678".to_vec(), "the peer seems to pack '>H'"),
    ] {
        let ran = exec(&answering(answer.clone()), framing, &["ls"]);
        assert_eq!(ran.code, Some(1), "{framing} {answer:?}: {}", ran.err);
        assert!(ran.err.contains(words), "{framing} {answer:?}: {}", ran.err);
    }
    for answer in [&b"\0\x08123456789"[..], b"\0\0\0\x03ab", b"\x0c\0\0\x001234567"] {
        let ran = exec(&answering(answer.to_vec()), "i32le", &["ls"]);
        assert!(ran.code == Some(1) && !ran.err.contains("seems to"), "{answer:?}: {}", ran.err);
    }
}

/// How much came before the silence is said, of the header as of the body.
#[test]
fn a_server_that_falls_silent_in_the_middle_is_told_where() {
    for (framing, answer, words) in [
        ("i32le", &b"\x08\0"[..], "while waiting for the answer's length: 2 of 4 bytes of the header came"),
        ("i32le", b"\x08\0\0\x00123", "while receiving the answer: 3 of 8 bytes of the body came"),
        ("i32le", b"\x0c\0\0\x0012345678", "the peer seems to count the length field, too"),
        ("json", b"\x10\0\0\0{\"data", "10 of 20 bytes of the header came"),
    ] {
        let (listener, address) = listener();
        let (done, wait) = std::sync::mpsc::channel::<()>();
        let server = std::thread::spawn(move || {
            let (mut client, _) = listener.accept().expect("a client");
            let _ = client.read(&mut [0; 64]);
            client.write_all(answer).expect("sent");
            let _ = wait.recv();
        });
        let ran = exec(&address, framing, &["--timeout", "300ms", "ls"]);
        drop(done);
        server.join().expect("the server");
        assert_eq!(ran.code, Some(1), "{framing}");
        assert!(ran.err.contains(words), "{framing} {answer:?}: {}", ran.err);
    }
}

/// What the header may have is no option's business.
#[test]
fn a_hint_names_only_the_option_that_helps() {
    let header = b"\x00\x00\x02\x00".to_vec();
    let ran = exec(&answering(header), "json", &["ls"]);
    assert!(ran.err.contains("over the limit of 65,536") && !ran.err.contains("--max-answer"), "{}", ran.err);
    let body = b"\x17\0\0\0{\"data_size\": 70000000}".to_vec();
    let ran = exec(&answering(body), "json", &["ls"]);
    assert!(ran.err.contains("over the limit of 67,108,864") && ran.err.contains("--max-answer"), "{}", ran.err);
    let body = b"\x23\0\0\0{\"data_size\": 18446744073709551616}".to_vec();
    let ran = exec(&answering(body), "json", &["ls"]);
    assert!(ran.err.contains("\"data_size\" has more than 64 bits") && !ran.err.contains("e19"), "{}", ran.err);
}

#[test]
fn a_server_that_is_not_there_and_one_that_goes() {
    let free = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").to_string();
    let ran = exec(&free, "i32le", &["ls"]);
    assert_eq!(ran.code, Some(3));
    assert!(ran.err.contains("nobody listens there"), "{}", ran.err);
    let ran = exec(&free, "udp", &["ls"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.contains("nobody listens there"), "{}", ran.err);
    let ran = prompt(&answering(b"\x02\0\0\0a\n".to_vec()), &["--framing", "i32le"], "ls\nls\nls\n");
    assert_eq!((ran.code, ran.out.as_str()), (Some(1), "a\n"), "the end of the server ends the prompt");
    let ran = prompt(&answering(b"a\n".to_vec()), &["--framing", "none", "--settle", "50s"], "ls\nls\n");
    assert_eq!((ran.code, ran.out.as_str()), (Some(1), "a\n"));
    assert!(ran.err.contains("the server has hung up"), "{}", ran.err);
    for (command, words) in [("", "nothing to send"), ("quit", "leaves the prompt")] {
        let ran = exec(&free, "i32le", &[command]);
        assert_eq!(ran.code, Some(2));
        assert!(ran.err.contains(words), "{}", ran.err);
    }
}

#[test]
fn a_server_that_is_silent_is_waited_for_no_longer_than_asked() {
    let (_listener, address) = listener();
    for framing in ["none", "ack", "i32le", "json"] {
        let ran = exec(&address, framing, &["--timeout", "200ms", "ls"]);
        assert_eq!(ran.code, Some(1), "{framing}");
        assert!(ran.err.contains("nothing came in time"), "{framing}: {}", ran.err);
    }
    let ran = prompt(&address, &["--framing", "none", "--timeout", "200ms"], "true\n");
    assert_eq!(ran.code, Some(0), "at the prompt of none silence is an empty answer");
    assert!(ran.err.contains("an empty answer looks like that"), "{}", ran.err);
}

/// A byte every 50 ms is never silent for 500 ms, and its header would take an hour.
#[test]
fn a_header_in_drips_is_not_waited_for() {
    let (listener, address) = listener();
    let dripping = std::thread::spawn(move || {
        let (mut client, _) = listener.accept().expect("a client");
        assert_eq!(client.read(&mut [0; 64]).expect("a command"), 2);
        client.write_all(b"\0\xff\0\0").expect("a length of 65,280");
        let mut drops = 0;
        while client.write_all(b" ").is_ok() && drops < 1200 {
            wait::pause(Duration::from_millis(50));
            drops += 1;
        }
        drops
    });
    let ran = exec(&address, "json", &["--timeout", "500ms", "ls"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.contains("of 65,284 bytes of the header came, and no more in time"), "{}", ran.err);
    assert!(dripping.join().expect("the server") < 1200, "it was left");
}

/// A server of another kind greets whoever comes. A prompt waits for its line, so that the greeting is there first.
#[test]
fn a_server_that_speaks_first_is_told_apart() {
    let greeting = b"220 ready\r\n";
    for (framing, code, words) in [
        ("i32le", Some(1), "the server spoke before it was asked"),
        ("none", Some(0), "11 bytes came before the first"),
    ] {
        let (listener, address) = listener();
        let mut child = spawn(command(&["exec", &address, "--framing", framing]).stdin(Stdio::piped()));
        let mut input = child.stdin.take().expect("stdin");
        let (mut client, _) = listener.accept().expect("a client");
        client.write_all(greeting).expect("sent");
        arrived(&client);
        input.write_all(b"ls\n").expect("typed");
        if code == Some(0) {
            assert_eq!(client.read(&mut [0; 64]).expect("a command"), 2);
            client.write_all(b"a\n").expect("answered");
        }
        drop(input);
        let ran = finished(child);
        assert_eq!(ran.code, code, "{framing}: {}{}", ran.out, ran.err);
        assert!(ran.err.contains(words), "{framing}: {}", ran.err);
    }
}

/// What comes when nobody waits for it is not taken for the next answer.
#[test]
fn a_late_answer_is_told_apart_where_nothing_frames_it() {
    let (listener, address) = listener();
    let args = ["exec", &address, "--framing", "none", "--timeout", "300ms"];
    let mut child = spawn(command(&args).stdin(Stdio::piped()));
    let mut input = child.stdin.take().expect("stdin");
    let mut errors = BufReader::new(child.stderr.take().expect("stderr"));
    let mut remark = || {
        let mut line = String::new();
        errors.read_line(&mut line).expect("a line");
        line
    };
    input.write_all(b"first\n").expect("typed");
    let (mut client, _) = listener.accept().expect("a client");
    assert_eq!(client.read(&mut [0; 64]).expect("a command"), 5);
    assert!(remark().contains("an empty answer looks like that"));
    client.write_all(b"late\n").expect("sent");
    arrived(&client);
    input.write_all(b"second\n").expect("typed");
    assert_eq!(client.read(&mut [0; 64]).expect("another command"), 6);
    assert!(remark().starts_with("5 bytes came late: they belong to an earlier command"));
    client.write_all(b"in time\n").expect("sent");
    drop((client, input));
    let output = child.wait_with_output().expect("it ends");
    assert_eq!((&output.stdout[..], output.status.code()), (&b"late\nin time\n"[..], Some(0)));
}
