//! Uploads: what arrives, what is refused, what changes on the way.

use super::*;

/// A conversation with as little room for what was not read as the kernel allows.
fn tight<T: Send + 'static>(talk: impl FnOnce(TcpStream) -> T + Send + 'static) -> (String, JoinHandle<T>) {
    let (listener, address) = listener();
    socket2::SockRef::from(&listener).set_recv_buffer_size(1).expect("an option");
    (address, std::thread::spawn(move || talk(listener.accept().expect("a client").0)))
}

#[test]
fn what_goes_up_comes_down() {
    let folders = Folders::new();
    let files = samples(&folders);
    for trailer in ["tail", "ack", "none"] {
        let server = folders.serve(&["--md5", trailer, "--overwrite"]);
        let address = server.address();
        let ran = folders.run(&put(&files, &address));
        assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
        assert_eq!(ran.out.matches("  stored").count(), files.len(), "{}", ran.out);
        assert!(ran.out.contains("5 of 5 files, 1,050,627 bytes; stored: empty, one"), "{}", ran.out);
        for (name, _) in &files {
            let ran = folders.run(&["get", name, &address, "--md5", trailer, "--overwrite"]);
            assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
            folders.same(&format!("here/{name}"), &format!("back/{name}"));
        }
    }
    assert_eq!(folders.names("root").len(), 5);
}

#[test]
fn a_hundred_megabytes_go_up_and_come_down() {
    let folders = Folders::new();
    let piece = noise(1_000_000);
    let mut file = fs::File::create(folders.at("here/large")).expect("a file");
    (0..100).for_each(|_| file.write_all(&piece).expect("room"));
    let server = folders.serve(&[]);
    let ran = folders.run(&["put", &folders.word("here/large"), &server.address(), "--format", "json"]);
    let line: serde_json::Value = serde_json::from_str(ran.out.trim()).expect("one line of JSON");
    assert_eq!((line["status"].as_str(), line["bytes"].as_u64()), (Some("stored"), Some(100_000_000)), "{line}");
    let ran = folders.run(&["get", "large", &server.address()]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    folders.same("here/large", "back/large");
}

#[test]
fn a_documents_server_takes_uploads_and_the_client_says_that_it_says_nothing() {
    let folders = Folders::new();
    let files = samples(&folders);
    for spelling in ["d1", "d0"] {
        let server = Server::python("put_server.py", &["0", &folders.word("root")]);
        let address = server.address();
        let mut args = put(&files, &address);
        args.extend(["--spelling", spelling]);
        let ran = folders.run(&args);
        assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
        assert_eq!(ran.out.matches("  sent, no receipt").count(), files.len(), "{}", ran.out);
        assert!(ran.out.contains("5 of 5 files, 1,050,627 bytes; sent, no receipt: empty, one"), "{}", ran.out);
        assert!(ran.err.contains("no receipt came") && ran.err.contains("--separate"), "{}", ran.err);
        server.logged("", files.len());
        for (name, _) in &files {
            folders.same(&format!("here/{name}"), &format!("root/{name}"));
            fs::remove_file(folders.at(&format!("root/{name}"))).expect("removed");
        }
    }
}

#[test]
fn a_careless_server_gets_a_connection_for_each_file() {
    let folders = Folders::new();
    let files = samples(&folders);
    let server = Server::python("put_server.py", &["0", &folders.word("root"), "careless"]);
    let address = server.address();
    let mut args = put(&files, &address);
    args.push("--separate");
    let ran = folders.run(&args);
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    server.logged("", files.len());
    files.iter().for_each(|(name, _)| folders.same(&format!("here/{name}"), &format!("root/{name}")));
}

#[test]
fn a_documents_client_uploads() {
    let folders = Folders::new();
    let files = samples(&folders);
    let server = folders.serve(&["--overwrite"]);
    for spelling in ["d1", "d0"] {
        let port = server.at.port().to_string();
        let mut args = vec![port.as_str(), spelling];
        args.extend(files.iter().map(|(_, path)| path.as_str()));
        let ran = python("put_client.py", &args);
        assert_eq!(ran.code, Some(0), "{}", ran.err);
        server.logged("\"stored\"", if spelling == "d1" { 5 } else { 10 });
        for (name, _) in &files {
            folders.same(&format!("here/{name}"), &format!("root/{name}"));
            fs::remove_file(folders.at(&format!("root/{name}"))).expect("removed");
        }
    }
}

#[test]
fn what_is_there_stays_unless_it_may_be_replaced() {
    let folders = Folders::new();
    let files = [("a", folders.write("here/a", b"new")), ("b", folders.write("here/b", b"b"))];
    folders.write("root/a", b"old");
    let server = folders.serve(&[]);
    let address = server.address();
    let ran = folders.run(&put(&files, &address));
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.contains("refused: a: there is a file of this name already"), "{}", ran.err);
    assert!(ran.out.contains("1 of 2 files, 1 bytes; stored: b; not: a"), "{}", ran.out);
    assert_eq!(fs::read(folders.at("root/a")).expect("a file"), b"old");
    folders.write("back/a", b"mine");
    let ran = folders.run(&["get", "a", &address]);
    assert_eq!(ran.code, Some(3));
    assert!(ran.err.contains("--overwrite"), "{}", ran.err);
    assert_eq!(fs::read(folders.at("back/a")).expect("a file"), b"mine");
    fs::create_dir_all(folders.at("here/folder/a")).expect("a folder of that name");
    let ran = folders.run(&["get", "a", &address, "--out", &folders.word("here/folder")]);
    assert_eq!(ran.code, Some(3), "{}", ran.out);
    assert!(ran.err.contains("--out") && !ran.err.contains("--overwrite"), "it would not help: {}", ran.err);
    let ran = folders.run(&["get", "a", &address, "--out", "nowhere/"]);
    assert_eq!(ran.code, Some(3), "{}", ran.out);
    assert!(ran.err.contains("nowhere/: there is no such folder"), "{}", ran.err);
    assert_eq!(folders.run(&["get", "a", &address, "--out", "elsewhere"]).code, Some(0));
    assert_eq!(folders.run(&["get", "a", &address, "--overwrite"]).code, Some(0));
    assert_eq!(
        [fs::read(folders.at("back/a")).unwrap(), fs::read(folders.at("back/elsewhere")).unwrap()],
        [b"old", b"old"]
    );
    drop(server);
    let server = folders.serve(&["--overwrite"]);
    assert_eq!(folders.run(&["put", &files[0].1, &server.address()]).code, Some(0));
    assert_eq!(fs::read(folders.at("root/a")).expect("a file"), b"new");
    assert_eq!((folders.names("root").len(), folders.names("back").len()), (2, 2));
}

/// A refused file of which more is to come than is worth reading: the client stops, and the others still arrive.
#[test]
fn a_large_file_that_is_refused_is_not_sent_to_its_end() {
    let folders = Folders::new();
    let large = fs::File::create(folders.at("here/large")).expect("a file");
    large.set_len(3 << 30).expect("a sparse file");
    let files = [("large", folders.word("here/large")), ("small", folders.write("here/small", b"small"))];
    let server = folders.serve(&["--max-file", "1GiB"]);
    let address = server.address();
    let ran = folders.run(&put(&files, &address));
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.contains("refused: 3,221,225,472 bytes are more than this server takes"), "{}", ran.err);
    assert_eq!(folders.names("root"), ["small"]);
}

#[test]
fn a_server_that_dies_is_no_documents_server() {
    let folders = Folders::new();
    let file = folders.write("here/a", &noise(5000));
    let ready = || pack(&serde_json::json!({"receipt": "ready", "filename": "a", "filesize": 5000})).unwrap();
    // Welcomed, taken, and then an ordinary end: what a process killed at that moment leaves.
    let (address, server) = scripted(move |mut stream| {
        framed(&mut stream);
        stream.write_all(&ready()).expect("taken");
        stream.read_exact(&mut [0; 5000]).expect("a body");
    });
    let ran = folders.run(&["put", &file, &address]);
    server.join().expect("the server's side");
    assert_eq!(ran.code, Some(1), "{}", ran.out);
    assert!(ran.err.contains("hung up before its receipt"), "{}", ran.err);
    // One that resets in the middle.
    let (address, server) = scripted(|mut stream| {
        framed(&mut stream);
        reset(stream);
    });
    let ran = folders.run(&["put", &file, &address]);
    server.join().expect("the server's side");
    assert_eq!(ran.code, Some(1), "{}{}", ran.out, ran.err);
    // One that resets when it has all of the first file and was not yet asked for the second.
    let (address, server) = scripted(|mut stream| {
        framed(&mut stream);
        stream.read_exact(&mut [0; 5000]).expect("a body");
        reset(stream);
    });
    let ran = folders.run(&["put", &file, &folders.write("here/b", b"b"), &address]);
    server.join().expect("the server's side");
    assert_eq!(ran.code, Some(1), "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("0 of 2 files") && !ran.out.contains("sent"), "{}", ran.out);
    // One that says it is done and has not read what its kernel has no room for: only where a system tells what is
    // not acknowledged is that known.
    if stickdemo::net::statistics::counts_segments() {
        let (address, server) = tight(|mut stream| {
            framed(&mut stream);
            stream.shutdown(Shutdown::Write).expect("shut down");
            stream
        });
        let ran = folders.run(&["put", &folders.write("here/c", &noise(60_000)), &address, "--timeout", "300ms"]);
        drop(server.join().expect("the server's side"));
        assert_eq!(ran.code, Some(1), "{}{}", ran.out, ran.err);
    }
    // One that takes it and neither answers nor hangs up.
    let (address, server) = scripted(|mut stream| {
        let _ = rest(&mut stream);
        wait::pause(PAUSE * 4);
    });
    let ran = folders.run(&["put", &file, &address, "--timeout", "100ms"]);
    server.join().expect("the server's side");
    assert_eq!(ran.code, Some(1), "{}{}", ran.out, ran.err);
}

#[test]
fn a_file_that_changes_on_the_way_is_not_stored() {
    let folders = Folders::new();
    let path = folders.at("here/changing");
    for len in [1 << 20, 9 << 20] {
        fs::write(&path, noise(8 << 20)).expect("a file");
        let changing = path.clone();
        let (address, server) = scripted(move |mut stream| {
            let header = framed(&mut stream).expect("a header");
            // More than both kernels keep for this connection is still to be read from the file.
            fs::File::options().write(true).open(&changing).and_then(|f| f.set_len(len)).expect("another length");
            (header["filesize"].as_u64().expect("a size"), rest(&mut stream).len() as u64)
        });
        let small = ["--timeout", "30s"];
        let ran = folders.run(&["put", path.to_str().expect("a path"), &address, small[0], small[1]]);
        let (promised, came) = server.join().expect("the server's side");
        assert_eq!(ran.code, Some(1), "{}", ran.out);
        assert!(ran.err.contains("the file changed while it was sent"), "{}", ran.err);
        assert!(came < promised, "{came} of {promised}");
    }
}

/// Of the same length, so that a document's server notices nothing: the client does.
#[test]
fn a_file_that_is_rewritten_on_the_way_is_not_called_sent() {
    let folders = Folders::new();
    let path = folders.word("here/changing");
    // More than both kernels keep for a connection, and a file whose digest is in the header.
    folders.write("here/changing", &vec![1; 30 << 20]);
    let mut file = fs::File::options().write(true).open(&path).expect("a file");
    let (address, server) = scripted(move |mut stream| {
        assert_eq!(framed(&mut stream).expect("a header")["md5"].as_str().map(str::len), Some(32));
        file.seek(SeekFrom::End(-1)).and_then(|_| file.write_all(b"\0")).expect("another byte");
        rest(&mut stream).len()
    });
    let ran = folders.run(&["put", &path, &address]);
    assert_eq!(server.join().expect("the server's side"), 30 << 20);
    assert_eq!(ran.code, Some(1), "{}", ran.out);
    assert!(ran.err.contains("the file changed while it was sent"), "{}", ran.err);
}

/// A slow server's word about the first file comes while the second is under way.
#[test]
fn a_late_refusal_is_about_the_file_that_it_is_about() {
    let folders = Folders::new();
    let (address, server) = scripted(|mut stream| {
        let answer = |stream: &mut TcpStream, fields: serde_json::Value| {
            stream.write_all(&pack(&fields).expect("short")).expect("sent");
        };
        framed(&mut stream).expect("a header");
        assert_eq!(text(&mut stream, 5), "first");
        // It comes when the client has given up waiting.
        let header = framed(&mut stream).expect("a header");
        answer(&mut stream, serde_json::json!({ "receipt": "refused", "reason": "no room" }));
        let size = header["filesize"].as_u64().expect("a size");
        std::io::copy(&mut (&stream).take(size), &mut std::io::sink()).expect("a body");
        answer(&mut stream, serde_json::json!({ "receipt": "stored", "md5": header["md5"] }));
        rest(&mut stream);
    });
    let files = [folders.write("here/first", b"first"), folders.write("here/second", &noise(8 << 20))];
    let ran = folders.run(&["put", &files[0], &files[1], &address]);
    server.join().expect("the server's side");
    assert_eq!(ran.code, Some(1), "{}", ran.out);
    assert!(ran.out.contains("1 of 2 files, 8,388,608 bytes; stored: second; not: first"), "{}", ran.out);
    assert!(ran.err.contains("no room"), "{}", ran.err);
}

/// What says that it is empty, and is not.
#[cfg(target_os = "linux")]
#[test]
fn a_file_without_a_true_size_is_not_sent() {
    let folders = Folders::new();
    let server = folders.serve(&[]);
    let ran = folders.run(&["put", "/proc/version", &server.address()]);
    assert_eq!(ran.code, Some(1), "{}", ran.out);
    assert!(ran.err.contains("0 bytes were promised") && folders.names("root").is_empty(), "{}", ran.err);
}

/// The rest of it is not read, and does not turn the refusal into a reset.
#[test]
fn a_large_upload_that_is_refused_hears_why() {
    let folders = Folders::new();
    let server = folders.serve(&["--idle", "600s"]);
    let mut stream = server.connect();
    let header = serde_json::json!({
        "cmd": "put", "filename": "../a", "filesize": 100 << 20, "md5": md5(b"")
    });
    stream.write_all(&[pack(&header).expect("short"), noise(200_000)].concat()).expect("taken");
    let receipt = framed(&mut stream).expect("a receipt");
    assert_eq!(receipt["receipt"], "refused");
    assert_eq!(stream.read(&mut [0]).expect("no reset"), 0, "the end");
}

#[test]
fn a_receipt_for_other_bytes_is_no_receipt() {
    let folders = Folders::new();
    let (address, server) = scripted(|mut stream| {
        framed(&mut stream).expect("a header");
        assert_eq!(text(&mut stream, 5), "hello");
        let receipt = serde_json::json!({ "receipt": "stored", "md5": md5(b"other") });
        stream.write_all(&pack(&receipt).expect("short")).expect("sent");
        rest(&mut stream);
    });
    let ran = folders.run(&["put", &folders.write("here/a", b"hello"), &address]);
    server.join().expect("the server's side");
    assert_eq!(ran.code, Some(1), "{}", ran.out);
    assert!(ran.err.contains("the server stored other bytes"), "{}", ran.err);
}

/// The file before it was taken; that it was is heard of although the next one cannot be finished.
#[test]
fn a_file_that_changes_takes_no_other_with_it() {
    let folders = Folders::new();
    let path = folders.at("here/changing");
    fs::write(&path, noise(8 << 20)).expect("a file");
    let (first, changing) = (folders.write("here/first", b"first"), folders.word("here/changing"));
    let last = folders.write("here/last", b"last");
    let (listener, address) = listener();
    let server = std::thread::spawn(move || {
        let mut stream = listener.accept().expect("a client").0;
        framed(&mut stream).expect("a header");
        assert_eq!(text(&mut stream, 5), "first");
        framed(&mut stream).expect("a header");
        fs::File::options().write(true).open(&path).and_then(|f| f.set_len(1 << 20)).expect("another length");
        rest(&mut stream);
        drop(stream);
        let mut stream = listener.accept().expect("another connection").0;
        framed(&mut stream).expect("a header");
        assert_eq!(rest(&mut stream), b"last");
    });
    let ran = folders.run(&["put", &first, &changing, &last, &address]);
    server.join().expect("the server's side");
    assert_eq!(ran.code, Some(1), "{}", ran.out);
    assert!(ran.out.contains("2 of 3 files, 9 bytes; sent, no receipt: first, last; not: changing"), "{}", ran.out);
}

/// A server of another kind answers what is no receipt.
#[test]
fn an_answer_that_is_no_receipt_is_told_what_it_is() {
    let folders = Folders::new();
    let file = folders.write("here/a", b"hello");
    for (answer, words) in [
        (&b"\0\0\0\x0c{\"ok\": true}"[..], "seems to pack '>i'"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "that is an HTTP response"),
    ] {
        let (address, server) = scripted(move |mut stream| {
            framed(&mut stream);
            stream.write_all(answer).expect("taken");
            stream.shutdown(Shutdown::Write).expect("half closed");
            rest(&mut stream);
        });
        let ran = folders.run(&["put", &file, &address]);
        assert_eq!(ran.code, Some(1), "{}{}", ran.out, ran.err);
        assert!(ran.err.contains(words), "{}", ran.err);
        server.join().expect("the server's side");
    }
}
