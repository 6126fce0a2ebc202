//! Downloads, with the documents' programs and with peers that break off.

use super::*;

#[test]
fn a_documents_client_downloads() {
    let folders = Folders::new();
    let mut names = ["empty", "one", "1024", "1025", "专题海报.jpg", "two words"];
    for (name, size) in names.iter().zip([0, 1, 1024, 1025, 300_000, 2000]) {
        folders.write(&format!("root/{name}"), &noise(size));
    }
    for trailer in ["tail", "ack", "none"] {
        // Behind an empty file without an MD5 the next request sticks to the acknowledgement: no server can tell.
        if trailer == "none" {
            names.rotate_left(1);
        }
        let server = folders.serve(&["--md5", trailer]);
        let (port, back) = (server.at.port().to_string(), folders.word("back"));
        let mut args = vec![port.as_str(), trailer, back.as_str()];
        args.extend(names);
        let ran = python("get_client.py", &args);
        assert_eq!(ran.code, Some(0), "{trailer}: {}", ran.err);
        for line in ran.out.lines() {
            let [ours, theirs] = line.rsplitn(3, ' ').take(2).collect::<Vec<_>>()[..] else { panic!("{line}") };
            assert!(trailer == "none" || ours == theirs, "{line}");
        }
        names.iter().for_each(|name| folders.same(&format!("root/{name}"), &format!("back/{name}")));
    }
}

#[test]
fn a_documents_server_gives_downloads() {
    let folders = Folders::new();
    let names = ["empty", "one", "1024", "1025", "专题海报.jpg"];
    for (name, size) in names.iter().zip([0, 1, 1024, 1025, 300_000]) {
        folders.write(&format!("root/{name}"), &noise(size));
    }
    for trailer in ["tail", "ack", "none"] {
        let server = Server::python("get_server.py", &["0", &folders.word("root"), trailer]);
        for name in names {
            // Between the two acknowledgements of an empty file there is nothing but time.
            let settle = if (name, trailer) == ("empty", "ack") { "2s" } else { "50ms" };
            let address = server.address();
            let ran = folders.run(&["get", name, &address, "--md5", trailer, "--overwrite", "--settle", settle]);
            assert_eq!(ran.code, Some(0), "{trailer} {name}: {}", ran.err);
            folders.same(&format!("root/{name}"), &format!("back/{name}"));
        }
    }
}

#[test]
fn a_server_that_says_nothing_is_not_waited_for_without_end() {
    let folders = Folders::new();
    folders.write("root/a", b"x");
    let server = Server::python("get_server.py", &["0", &folders.word("root"), "ack"]);
    let ran = folders.run(&["get", "missing", &server.address(), "--timeout", "300ms"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.contains("says nothing about a file that it does not have"), "{}", ran.err);
    let ran = folders.run(&["get", "two words", &server.address()]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.contains("breaks off at a name with a space"), "{}", ran.err);
    let ran = folders.run(&["get", "a", &server.address(), "--timeout", "300ms"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.contains("--md5 ack"), "{}", ran.err);
    assert!(folders.names("back").is_empty());
}

#[test]
fn a_download_arrives_however_its_bytes_are_cut() {
    let folders = Folders::new();
    let body = noise(3000);
    for (piece, pause) in [(1, Duration::ZERO), (700, PAUSE / 4), (usize::MAX, Duration::ZERO)] {
        let sent = body.clone();
        let (address, server) = scripted(move |mut stream| {
            stream.set_nodelay(true).expect("an option");
            assert_eq!(text(&mut stream, 5), "get a");
            b"3000".chunks(piece.min(4)).for_each(|digit| stream.write_all(digit).expect("taken"));
            assert_eq!(text(&mut stream, 2), "ok");
            wait::pause(pause);
            let all = [sent.as_slice(), md5(&sent).to_uppercase().as_bytes()].concat();
            for part in all.chunks(piece.min(all.len())) {
                stream.write_all(part).expect("taken");
                wait::pause(pause);
            }
        });
        // The size's digits come one by one, and a busy machine pauses between them.
        let ran = folders.run(&["get", "a", &address, "--overwrite", "--settle", "1s"]);
        assert_eq!(ran.code, Some(0), "{}", ran.err);
        server.join().expect("the server's side");
        assert!(fs::read(folders.at("back/a")).expect("a file") == body);
    }
}

#[test]
fn a_download_that_breaks_off_leaves_nothing() {
    let folders = Folders::new();
    type Break = fn(TcpStream);
    let breaks: [(&str, Break); 5] = [
        ("hung up instead of a size", |_| ()),
        ("not a digit", |mut s| s.write_all(b"12abc").expect("taken")),
        ("over the limit", |mut s| s.write_all(b"99999999999999").expect("taken")),
        ("ended inside a body: 3 of 9", |mut s| {
            s.write_all(b"9").expect("taken");
            text(&mut s, 2);
            s.write_all(b"abc").expect("taken");
        }),
        ("hung up", |mut s| {
            s.write_all(b"9").expect("taken");
            text(&mut s, 2);
            s.write_all(b"abc").expect("taken");
            reset(s);
        }),
    ];
    for (why, break_off) in breaks {
        let (address, server) = scripted(move |mut stream| {
            text(&mut stream, 5);
            break_off(stream);
        });
        let ran = folders.run(&["get", "a", &address]);
        assert_eq!(ran.code, Some(1), "{why}");
        assert!(ran.err.contains(why), "{why}: {}", ran.err);
        server.join().expect("the server's side");
        assert!(folders.names("back").is_empty());
    }
}

#[test]
fn a_server_that_frames_its_answer_is_told_what_it_does() {
    let folders = Folders::new();
    for (answer, words) in [
        (&b"\x05\0\0\0hello"[..], "the first 4 bytes are 5, and exactly as many follow: the peer seems to pack '<i'"),
        (b"HTTP/1.1 404 Not Found\r\n\r\n", "that is an HTTP response"),
    ] {
        let (address, server) = scripted(move |mut stream| {
            text(&mut stream, 5);
            stream.write_all(answer).expect("taken");
        });
        let ran = folders.run(&["get", "a", &address]);
        assert_eq!(ran.code, Some(1));
        assert!(ran.err.contains(words), "{}", ran.err);
        server.join().expect("the server's side");
    }
}

/// Whoever asks for the next file without waiting for this one is understood: `ok` is read exactly.
#[test]
fn a_request_right_behind_an_acknowledgement_is_heard() {
    let folders = Folders::new();
    folders.write("root/a", b"hello");
    folders.write("root/empty", b"");
    let server = folders.serve(&["--md5", "none", "--idle", "600s"]);
    let mut stream = server.connect();
    stream.write_all(b"get a").expect("taken");
    assert_eq!(text(&mut stream, 1), "5");
    stream.write_all(b"okget empty").expect("taken");
    assert_eq!(text(&mut stream, 6), "hello0");
    stream.write_all(b"recv_readyget a").expect("taken");
    assert_eq!(text(&mut stream, 1), "5");
}
