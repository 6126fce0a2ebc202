//! A limit is what it says, once, whatever a transfer is doing: silence, drips, a peer that does not read, too much space.

use super::*;

const LIMIT: Duration = Duration::from_secs(2);

/// Runs this; it must end when the limit has passed, and long before it has passed twice.
fn once<T>(what: &str, run: impl FnOnce() -> T) -> T {
    let began = Instant::now();
    let done = run();
    let took = began.elapsed();
    assert!(took > LIMIT / 2 && took < LIMIT * 9 / 5, "{what}: {took:?} for {LIMIT:?}");
    done
}

/// Sends the bytes one by one, ten a second, until the other side has gone.
fn drip(stream: &mut TcpStream, bytes: impl IntoIterator<Item = u8>) {
    stream.set_nodelay(true).expect("an option");
    for byte in bytes {
        if stream.write_all(&[byte]).is_err() {
            return;
        }
        wait::pause(Duration::from_millis(100));
    }
}

#[test]
fn a_server_is_as_patient_as_it_says_in_every_phase() {
    let folders = Folders::new();
    fs::File::create(folders.at("root/large")).and_then(|file| file.set_len(1 << 30)).expect("a sparse file");
    let server = folders.serve(&["--idle", "2s"]);
    // Asks and does not read.
    let deaf = || {
        let mut stream = server.connect();
        stream.write_all(b"get large").expect("taken");
        assert_eq!(text(&mut stream, 10), "1073741824");
        stream.write_all(b"ok").expect("taken");
        server.logged("the other side took nothing in time", 1);
    };
    once("a download that is not read", deaf);
    let drops = |start: &[u8], rest: Vec<u8>, words: &str, times: usize| {
        let mut stream = server.connect();
        stream.write_all(start).expect("taken");
        let mut drips = stream.try_clone().expect("a copy");
        let dripping = std::thread::spawn(move || drip(&mut drips, rest));
        server.logged(words, times);
        dripping.join().expect("no panic");
    };
    let header = upload("a", &[0; 1000]);
    let (head, body) = header.split_at(header.len() - 1000);
    once("a header in drips", || drops(b"", head.to_vec(), "and no more in time", 1));
    once("a body in drips", || drops(head, body.to_vec(), "too slow", 1));
    let refused = upload("../a", &[0; 1000]);
    let refused =
        pack(&serde_json::json!({"cmd": "put", "filename": "../a", "filesize": refused.len(), "md5": md5(b"")}));
    once("a refused body in drips", || {
        let mut stream = server.connect();
        stream.write_all(&refused.expect("short")).expect("taken");
        assert_eq!(framed(&mut stream).expect("a receipt")["receipt"], "refused");
        drip(&mut stream, [0; 1000]);
    });
    assert_eq!(folders.names("root"), ["large"]);
}

/// Whoever is slow for a reason says so.
#[test]
fn a_rate_can_be_lower_or_none() {
    let folders = Folders::new();
    for rate in ["0", "5"] {
        let server = folders.serve(&["--idle", "400ms", "--min-rate", rate]);
        let mut stream = server.connect();
        let whole = upload(rate, b"0123456789");
        let (head, body) = whole.split_at(whole.len() - 10);
        stream.write_all(head).expect("taken");
        drip(&mut stream, body.to_vec());
        server.logged("\"stored\"", 1);
    }
}

#[test]
fn a_client_is_as_patient_as_it_says_in_every_phase() {
    let folders = Folders::new();
    fn digits() -> impl Iterator<Item = u8> {
        std::iter::repeat_n(b'1', 60)
    }
    let size = |mut stream: TcpStream| drip(&mut stream, digits());
    let refusal = |mut stream: TcpStream| drip(&mut stream, b"error: ".iter().copied().chain(digits()));
    let body = |mut stream: TcpStream| {
        text(&mut stream, 5);
        stream.write_all(b"1000").expect("taken");
        text(&mut stream, 2);
        drip(&mut stream, digits());
    };
    let digest = |mut stream: TcpStream| {
        text(&mut stream, 5);
        stream.write_all(b"1").expect("taken");
        text(&mut stream, 2);
        stream.write_all(b"x").expect("taken");
        drip(&mut stream, digits());
    };
    type Talk = fn(TcpStream);
    for (what, server) in [("size", size as Talk), ("refusal", refusal), ("body", body), ("digest", digest)] {
        let (address, server) = scripted(server);
        let ran = once(what, || folders.run(&["get", "a", &address, "--timeout", "2s", "--settle", "1s"]));
        assert_eq!(ran.code, Some(1), "{what}: {ran}");
        server.join().expect("the server's side");
    }
    assert!(folders.names("back").is_empty());
    let file = folders.write("here/a", b"hello");
    let (address, server) = scripted(|mut stream| {
        framed(&mut stream).expect("a header");
        text(&mut stream, 5);
        drip(
            &mut stream,
            pack(&serde_json::json!({"receipt": "stored", "md5": md5(b"hello"), "x": "x".repeat(100)})).expect("short"),
        );
    });
    let ran = once("receipt", || folders.run(&["put", &file, &address, "--timeout", "2s"]));
    assert_eq!(ran.code, Some(1), "{ran}");
    server.join().expect("the server's side");
    // One that never reads.
    let large = fs::File::create(folders.at("here/large")).expect("a file");
    large.set_len(1 << 30).expect("a sparse file");
    let (address, server) = scripted(|mut stream| {
        framed(&mut stream).expect("a header");
        stream
    });
    let ran = once("a deaf server", || folders.run(&["put", &folders.word("here/large"), &address, "--timeout", "2s"]));
    assert!(ran.err.contains("the other side took nothing in time"), "{ran}");
    drop(server.join().expect("the server's side"));
}

/// Bytes flow all the time, if only at 100 KB a second: that is no silence, neither while the file is sent nor while its
/// receipt is waited for.
#[test]
fn an_upload_that_goes_on_is_not_given_up() {
    let folders = Folders::new();
    let body = noise(400_000);
    let file = folders.write("here/a", &body);
    let (listener, address) = listener();
    socket2::SockRef::from(&listener).set_recv_buffer_size(8 << 10).expect("an option");
    let server = std::thread::spawn(move || {
        let mut stream = listener.accept().expect("a client").0;
        framed(&mut stream).expect("a header");
        let mut came = Vec::new();
        while came.len() < body.len() {
            let mut piece = vec![0; (body.len() - came.len()).min(2000)];
            stream.read_exact(&mut piece).expect("more");
            came.extend(piece);
            wait::pause(Duration::from_millis(20));
        }
        assert!(came == body);
        stream
            .write_all(&pack(&serde_json::json!({"receipt": "stored", "md5": md5(&body)})).expect("short"))
            .expect("sent");
        rest(&mut stream);
    });
    // Where a system does not tell what its kernel still has, the wait for the receipt cannot see the bytes flow.
    let patience = if stickdemo::net::statistics::counts_segments() { "2s" } else { "30s" };
    let ran = folders.run(&["put", &file, &address, "--timeout", patience]);
    assert_eq!(ran.code, Some(0), "{ran}");
    server.join().expect("the server's side");
}

#[test]
fn a_server_that_repeats_a_receipt_is_left() {
    let folders = Folders::new();
    let large = fs::File::create(folders.at("here/large")).expect("a file");
    large.set_len(1 << 30).expect("a sparse file");
    let small = folders.write("here/small", b"small");
    for word in ["ready", "stored"] {
        for file in [&small, &folders.word("here/large")] {
            let (address, server) = scripted(move |mut stream| {
                framed(&mut stream).expect("a header");
                let receipt = pack(&serde_json::json!({"receipt": word, "md5": md5(b"")})).expect("short");
                while stream.write_all(&receipt).is_ok() {
                    wait::pause(Duration::from_millis(1));
                    stream.set_nonblocking(true).expect("an option");
                    let _ = stream.read(&mut [0; 4096]);
                    stream.set_nonblocking(false).expect("an option");
                }
            });
            let ran = folders.run(&["put", file, &address]);
            assert_eq!(ran.code, Some(1), "{word}: {ran}");
            server.join().expect("the server's side");
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn all_uploads_together_hold_no_more_than_they_may() {
    let folders = Folders::new();
    let server = folders.serve(&["--max-held", "1MiB"]);
    let header = |name: &str| {
        pack(&serde_json::json!({"cmd": "put", "filename": name, "filesize": 3 << 20, "md5": md5(b"")})).expect("short")
    };
    let mut first = server.connect();
    first.write_all(&[header("first"), noise(1_000_000)].concat()).expect("taken");
    assert_eq!(framed(&mut first).expect("a receipt")["receipt"], "ready");
    assert!(wait::until(PATIENCE, || disk::has_written(server.id(), 1_000_000)), "it is held");
    let mut second = server.connect();
    second.write_all(&[header("second"), noise(300_000)].concat()).expect("taken");
    assert_eq!(framed(&mut second).expect("a receipt")["receipt"], "ready");
    let receipt = framed(&mut second).expect("a receipt");
    let reason = receipt["reason"].as_str().expect("a reason");
    assert!(
        reason.starts_with("no room for more just now (--max-held: 1,048,576); uploads under way hold "),
        "{reason}"
    );
    server.logged("uploads under way hold", 1);
    drop(first);
    server.logged("\"failed\"", 1);
    assert_eq!(folders.run(&["put", &folders.write("here/a", &noise(900_000)), &server.address()]).code, Some(0));
}
