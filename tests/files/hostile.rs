//! Clients that send in pieces, lie, name what is not theirs, or fall silent.

use super::*;

#[test]
fn uploads_arrive_however_their_bytes_are_cut() {
    let folders = Folders::new();
    let server = folders.serve(&["--overwrite"]);
    let (bytes, files) = conversation();
    let mut dice = Random(20_240_917);
    let mut random = move || dice.next() as usize % 1500 + 1;
    let mut done = 0;
    let cuts: [&mut dyn FnMut() -> usize; 3] = [&mut || 1, &mut random, &mut || usize::MAX];
    for cut in cuts {
        let mut stream = server.connect();
        let mut left = &bytes[..];
        while !left.is_empty() {
            let (piece, more) = left.split_at(cut().min(left.len()));
            stream.write_all(piece).expect("taken");
            left = more;
        }
        stream.shutdown(Shutdown::Write).expect("ended");
        assert!(rest(&mut stream).is_empty(), "a document's client reads nothing");
        done += files.len();
        server.logged("\"stored\"", done);
        for (name, body) in &files {
            assert!(fs::read(folders.at(&format!("root/{name}"))).expect("a file") == *body, "{name}");
            fs::remove_file(folders.at(&format!("root/{name}"))).expect("removed");
        }
    }
}

/// The log says what a client did that frames otherwise, or how much of a header came.
#[test]
fn a_client_that_frames_otherwise_is_told_in_the_log() {
    let folders = Folders::new();
    let server = folders.serve(&["--idle", "300ms"]);
    let mut turned = upload("a", b"hello");
    turned[..4].reverse();
    for (bytes, words) in [
        (&turned[..], "a JSON object of exactly that length follows: the peer seems to pack '>i'"),
        (b"\x30\0", "2 of 4 bytes of the header came, and no more in time"),
        (b"\x30\0\0\0{\"cmd\"", "6 of 48 bytes of the header came, and no more in time"),
    ] {
        let mut stream = server.connect();
        stream.write_all(bytes).expect("taken");
        server.logged(words, 1);
        assert!(rest(&mut stream).is_empty());
    }
}

#[test]
fn pauses_at_every_boundary_change_nothing() {
    let folders = Folders::new();
    let server = folders.serve(&["--md5", "ack"]);
    let mut stream = server.connect();
    let bytes = upload("paused", b"0123456789");
    let boundaries = [0, 2, 4, 5, bytes.len() - 11, bytes.len() - 10, bytes.len() - 5, bytes.len()];
    for part in boundaries.windows(2) {
        stream.write_all(&bytes[part[0]..part[1]]).expect("taken");
        wait::pause(PAUSE);
    }
    server.logged("\"stored\"", 1);
    for part in ["ge", "t ", "paused"] {
        stream.write_all(part.as_bytes()).expect("taken");
        wait::pause(if part == "paused" { Duration::ZERO } else { PAUSE });
    }
    assert_eq!(text(&mut stream, 2), "10");
    for part in ["recv", "_ready"] {
        wait::pause(PAUSE);
        stream.write_all(part.as_bytes()).expect("taken");
    }
    assert_eq!(text(&mut stream, 10), "0123456789");
    wait::pause(PAUSE);
    stream.write_all(b"ok").expect("taken");
    assert_eq!(text(&mut stream, 32), md5(b"0123456789"));
}

#[test]
fn lengths_and_headers_that_cannot_be_end_the_conversation_and_nothing_else() {
    let folders = Folders::new();
    let server = folders.serve(&["--max-file", "1000"]);
    let json = |text: &str| {
        let mut bytes = u32::try_from(text.len()).expect("short").to_le_bytes().to_vec();
        bytes.extend_from_slice(text.as_bytes());
        bytes
    };
    let bad = [
        (-1i32).to_le_bytes().to_vec(),
        0i32.to_le_bytes().to_vec(),
        i32::MAX.to_le_bytes().to_vec(),
        65_537i32.to_le_bytes().to_vec(),
        json("not JSON"),
        json(&"[".repeat(60_000)),
        json("[1]"),
        json(r#"{"cmd": "put", "filename": "a", "filesize": -1}"#),
        json(r#"{"cmd": "put", "filename": "a", "filesize": 1001}"#),
        json(r#"{"cmd": "put", "filename": "a", "filesize": 1e9}"#),
        json(r#"{"cmd": "put", "filename": "a", "filesize": 18446744073709551615}"#),
        json(r#"{"cmd": "put", "filename": 5, "filesize": 5}"#),
        json(r#"{"cmd": "rm", "filename": "a", "filesize": 5}"#),
    ];
    for (n, bytes) in bad.iter().enumerate() {
        let mut stream = server.connect();
        stream.write_all(bytes).expect("taken");
        assert!(rest(&mut stream).is_empty());
        server.logged("\"client\"", n + 1);
    }
    // At once, and not when the client has been silent for too long.
    server.logged("over the limit of 65,536", 2);
    // Promised and not kept.
    for cut in [2, 10, upload("a", &[7; 1000]).len() - 1] {
        let mut stream = server.connect();
        stream.write_all(&upload("a", &[7; 1000])[..cut]).expect("taken");
        stream.shutdown(Shutdown::Write).expect("ended");
        assert!(rest(&mut stream).is_empty());
    }
    server.logged("the stream ended inside", 3);
    assert!(folders.names("root").is_empty());
    let ran = folders.run(&["put", &folders.write("here/good", b"good"), &server.address()]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
}

/// What a client that reads receipts is told about an upload of three bytes under this name.
fn told(server: &Server, name: &str) -> serde_json::Value {
    let mut stream = server.connect();
    let header = serde_json::json!({"cmd": "put", "filename": name, "filesize": 3, "md5": md5(b"abc")});
    stream.write_all(&[&pack(&header).unwrap()[..], b"abc"].concat()).expect("taken");
    let mut receipt = framed(&mut stream).expect("a receipt");
    if receipt["receipt"] == "ready" {
        receipt = framed(&mut stream).expect("another");
    }
    // The conversation goes on.
    stream.write_all(b"get missing").expect("taken");
    assert_eq!(text(&mut stream, 7), "error: ");
    receipt
}

#[test]
fn no_name_leads_out_of_the_root() {
    let folders = Folders::new();
    let server = folders.serve(&["--overwrite"]);
    let long = "x".repeat(256);
    let outside = folders.word("outside");
    let names = [
        "",
        ".",
        "..",
        "../outside",
        "a/b",
        "a\\b",
        "..\\outside",
        "/etc/passwd",
        "C:a",
        "nul",
        "COM1.txt",
        "a\0b",
        "a\n",
        "a.",
        ".stickdemo-1-0",
        // As file systems that ignore case take them.
        ".STICKDEMO-1-0",
        ".\u{17f}tickdemo-1-0",
        ".stic\u{212a}demo-1-0",
        &long,
        &outside,
    ];
    for name in names {
        let receipt = told(&server, name);
        assert_eq!(receipt["receipt"], "refused", "{name}");
        assert!(receipt["reason"].as_str().is_some_and(|reason| !reason.is_empty()), "{receipt}");
        if !name.is_empty() && name != "a\n" {
            let mut stream = server.connect();
            stream.write_all(format!("get {name}").as_bytes()).expect("taken");
            assert_eq!(text(&mut stream, 7), "error: ", "{name:?}");
        }
    }
    assert!(folders.names("root").is_empty() && !folders.at("outside").exists());
    assert_eq!(told(&server, "plain")["receipt"], "stored");
}

#[cfg(unix)]
#[test]
fn links_pipes_and_folders_are_no_files() {
    use std::os::unix::fs::symlink;
    let folders = Folders::new();
    folders.write("secret", b"secret");
    folders.write("root/inside", b"inside");
    symlink("../secret", folders.at("root/out")).expect("a link");
    symlink(folders.at("secret"), folders.at("root/absolute")).expect("a link");
    symlink("inside", folders.at("root/in")).expect("a link");
    symlink("nowhere", folders.at("root/dangling")).expect("a link");
    fs::create_dir(folders.at("root/folder")).expect("a folder");
    let pipe = Command::new("mkfifo").arg(folders.at("root/pipe")).status().expect("mkfifo");
    assert!(pipe.success());
    // The root itself may be named by a link.
    symlink(folders.at("root"), folders.at("door")).expect("a link");
    for overwrite in [false, true] {
        let door = folders.word("door");
        let mut args = vec!["serve", "files", "--root", &door, "--format", "json"];
        args.extend(overwrite.then_some("--overwrite"));
        let server = Server::of(&mut command(&args));
        for name in ["out", "absolute", "in", "dangling", "folder", "pipe"] {
            let ran = folders.run(&["get", name, &server.address()]);
            assert_eq!(ran.code, Some(1), "{name}");
            assert!(ran.err.contains("it is not a regular file"), "{}", ran.err);
            assert_eq!(told(&server, name)["receipt"], "refused", "{name}");
        }
        assert_eq!(folders.run(&["get", "inside", &server.address(), "--overwrite"]).code, Some(0));
    }
    assert_eq!(fs::read(folders.at("secret")).expect("a file"), b"secret");
    assert!(!folders.at("root/nowhere").exists());
    // Nor are they sent.
    let ran = folders.run(&["put", &folders.word("root/pipe"), &folders.word("root/folder"), "127.0.0.1:9"]);
    assert_eq!(ran.code, Some(3));
    assert_eq!(ran.err.matches("it is not a regular file").count(), 2, "{}", ran.err);
}

#[test]
fn of_two_uploads_of_one_name_one_is_kept_whole() {
    let folders = Folders::new();
    let server = folders.serve(&[]);
    let bodies = [noise(200_000), noise(200_001)];
    let mut streams = bodies.each_ref().map(|body| {
        let mut stream = server.connect();
        let header = serde_json::json!({"cmd": "put", "filename": "same", "filesize": body.len(), "md5": md5(body)});
        stream.write_all(&pack(&header).unwrap()).expect("taken");
        assert_eq!(framed(&mut stream).expect("a receipt")["receipt"], "ready");
        stream
    });
    streams[1].write_all(&bodies[1]).expect("taken");
    assert_eq!(framed(&mut streams[1]).expect("a receipt")["receipt"], "stored");
    streams[0].write_all(&bodies[0]).expect("taken");
    assert_eq!(framed(&mut streams[0]).expect("a receipt")["receipt"], "refused");
    assert!(fs::read(folders.at("root/same")).expect("a file") == bodies[1]);
    assert_eq!(folders.names("root"), ["same"]);
}

#[test]
fn a_digest_that_differs_leaves_the_old_file_or_none() {
    let folders = Folders::new();
    folders.write("root/old", b"old");
    folders.write("back/old", b"old");
    let server = folders.serve(&["--overwrite"]);
    for (name, md5_field) in [("new", md5(b"other")), ("old", md5(b"other")), ("new", "follows".to_owned())] {
        let mut stream = server.connect();
        let header = serde_json::json!({"cmd": "put", "filename": name, "filesize": 3, "md5": md5_field});
        stream.write_all(&[&pack(&header).unwrap()[..], b"abc"].concat()).expect("taken");
        assert_eq!(framed(&mut stream).expect("a receipt")["receipt"], "ready");
        if md5_field == "follows" {
            let frame = serde_json::json!({"cmd": "md5", "md5": md5(b"other")});
            stream.write_all(&pack(&frame).unwrap()).expect("taken");
        }
        let receipt = framed(&mut stream).expect("a receipt");
        assert_eq!(receipt["receipt"], "refused");
        assert!(receipt["reason"].as_str().expect("a reason").contains(&md5(b"abc")), "{receipt}");
    }
    assert_eq!(folders.names("root"), ["old"]);
    assert_eq!(fs::read(folders.at("root/old")).expect("a file"), b"old");
    for name in ["new", "old"] {
        let (address, server) = scripted(|mut stream| {
            text(&mut stream, 7);
            stream.write_all(b"3").expect("taken");
            text(&mut stream, 2);
            stream.write_all(&[b"abc", md5(b"other").as_bytes()].concat()).expect("taken");
        });
        let ran = folders.run(&["get", name, &address, "--overwrite"]);
        assert_eq!(ran.code, Some(1));
        assert!(ran.err.contains(&md5(b"abc")) && ran.err.contains(&md5(b"other")), "{}", ran.err);
        server.join().expect("the server's side");
    }
    assert_eq!(folders.names("back"), ["old"]);
    assert_eq!(fs::read(folders.at("back/old")).expect("a file"), b"old");
}

#[test]
fn an_upload_whose_client_resets_leaves_nothing() {
    let folders = Folders::new();
    folders.write("root/old", b"old");
    let server = folders.serve(&["--overwrite"]);
    for name in ["old", "new"] {
        let mut stream = server.connect();
        stream.write_all(&upload(name, &noise(500_000))[..400_000]).expect("taken");
        reset(stream);
    }
    server.logged("\"failed\"", 2);
    assert_eq!(folders.names("root"), ["old"]);
    assert_eq!(fs::read(folders.at("root/old")).expect("a file"), b"old");
}

#[test]
fn a_silent_client_is_hung_up_on() {
    let folders = Folders::new();
    let server = folders.serve(&["--idle", "200ms"]);
    for start in [&b""[..], b"\x40", &upload("a", b"abc")[..10], &upload("a", b"abc")[..upload("a", b"abc").len() - 1]]
    {
        let mut stream = server.connect();
        stream.write_all(start).expect("taken");
        assert!(rest(&mut stream).is_empty());
    }
    // Never silent, never done.
    let mut stream = server.connect();
    let slow = upload("b", b"abc");
    let mut bytes = slow.iter().cycle();
    let gone = wait::until(PATIENCE, || {
        wait::pause(Duration::from_millis(20));
        stream.write_all(&[*bytes.next().unwrap_or(&0)]).is_err()
    });
    assert!(gone, "a header has a time limit as a whole");
    assert!(folders.names("root").is_empty());
}
