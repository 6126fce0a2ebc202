//! `--trace` of every program: what scripts read is as the schema says, at both ends, and tells every byte.

mod common;

use common::{Ran, Server, run, typed};
use serde_json::Value;
use stickdemo::sys::scratch::Scratch;

/// One of the servers, tracing.
fn serve(args: &[&str]) -> Server {
    Server::start(&[args, &["--trace"]].concat())
}

/// Every line up to the end of the client's connection.
fn served(server: &Server) -> Vec<Value> {
    server.until(|line| line["call"] == "close")
}

fn client(args: &[&str], input: &str) -> Ran {
    typed(&[&args[..1], &["--trace", "--format", "json"], &args[1..]].concat(), input)
}

fn lines(ran: &Ran) -> Vec<Value> {
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    ran.out.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{line}: {e}"))).collect()
}

/// Every line is one of the schema's, and spans cover a call's bytes.
fn check(lines: &[Value]) {
    let schema = std::fs::read_to_string("docs/trace.schema.json").expect("the schema");
    let validator = jsonschema::validator_for(&serde_json::from_str(&schema).expect("JSON")).expect("a schema");
    for line in lines {
        assert!(validator.is_valid(line), "{line}");
        if line["type"] == "event" {
            let spans = line["spans"].as_array().expect("an array").iter();
            let covered: u64 = spans.map(|span| span["len"].as_u64().expect("a number")).sum();
            assert_eq!(line["bytes"].as_str().expect("hex").len() as u64, 2 * covered, "{line}");
        }
    }
}

/// The bytes that an end's calls of a kind moved.
fn moved(lines: &[Value], calls: [&str; 2]) -> String {
    let of_kind = lines.iter().filter(|line| calls.iter().any(|call| line["call"] == *call));
    of_kind.map(|line| line["bytes"].as_str().expect("hex")).collect()
}

/// How many of them in a row are of a header or of a body.
fn parts(lines: &[Value], calls: [&str; 2]) -> Vec<(String, u64)> {
    let mut parts: Vec<(String, u64)> = Vec::new();
    for line in lines.iter().filter(|line| calls.iter().any(|call| line["call"] == *call)) {
        for span in line["spans"].as_array().expect("an array") {
            let (part, len) = (span["part"].as_str().expect("a part"), span["len"].as_u64().expect("a number"));
            match parts.last_mut() {
                Some(last) if last.0 == part => last.1 += len,
                _ => parts.push((part.to_owned(), len)),
            }
        }
    }
    parts
}

/// What one end sends the other receives, and both call the same bytes a header.
fn agree(client: &[Value], server: &[Value]) {
    check(client);
    check(server);
    let (send, recv) = (["send", "sendto"], ["recv", "recvfrom"]);
    assert_eq!(moved(client, send), moved(server, recv));
    assert_eq!(moved(server, send), moved(client, recv));
    assert_eq!(parts(client, send), parts(server, recv));
    assert_eq!(parts(server, send), parts(client, recv));
    assert!(!moved(client, send).is_empty());
}

#[test]
fn talk_and_its_server() {
    let server = serve(&["upper"]);
    let said = lines(&client(&["talk", &server.address()], "hello\n"));
    assert!(said.iter().any(|line| line["type"] == "said" && line["text"] == "HELLO"));
    agree(&said, &served(&server));
}

#[test]
fn talk_and_its_server_with_datagrams() {
    let server = serve(&["upper", "--udp"]);
    let said = lines(&client(&["talk", &server.address(), "--udp"], "hello\n"));
    agree(&said, &server.until(|line| line["type"] == "log"));
}

/// A command that the server runs, and what it prints: Windows has no program echo.
fn command() -> (&'static [&'static str], String) {
    if cfg!(unix) {
        return (&["echo", "hi"], "hi\n".to_owned());
    }
    let printed = std::process::Command::new("hostname").output().expect("a program of every Windows").stdout;
    (&["hostname"], String::from_utf8(printed).expect("ASCII"))
}

#[test]
fn exec_and_its_server_in_each_framing() {
    let (command, answer) = command();
    for framing in ["none", "ack", "i32le", "json"] {
        let server = serve(&["commands", "--framing", framing]);
        let said = lines(&client(&[&["exec", &server.address(), "--framing", framing], command].concat(), ""));
        assert!(said.iter().any(|line| line["type"] == "answer" && line["text"] == answer), "{said:?}");
        agree(&said, &served(&server));
    }
}

#[test]
fn put_and_get_and_their_server() {
    let folder = Scratch::folder("traced").expect("a folder");
    let (root, file) = (folder.path().join("root"), folder.path().join("notes.bin"));
    std::fs::create_dir(&root).expect("a folder");
    std::fs::write(&file, vec![7; 300_000]).expect("a file");
    let [root, file, back] =
        [root, file, folder.path().join("back.bin")].map(|path| path.to_str().expect("UTF-8").to_owned());
    let server = serve(&["files", "--root", &root]);
    let put = lines(&client(&["put", &file, &server.address()], ""));
    assert!(put.iter().any(|line| line["type"] == "transfer" && line["status"] == "stored"));
    let long: Vec<&Value> = put.iter().filter(|line| line["type"] == "message" && line["bytes"].is_null()).collect();
    assert_eq!(long.len(), 1, "the file is too long to keep");
    assert_eq!(long[0]["len"].as_u64().zip(long[0]["header_len"].as_u64()).map(|(a, b)| a - b), Some(300_000));
    agree(&put, &served(&server));
    let server = serve(&["files", "--root", &root]);
    let get = lines(&client(&["get", "notes.bin", &server.address(), "--out", &back], ""));
    agree(&get, &served(&server));
}

#[test]
fn a_traced_answer_is_not_mixed_with_the_calls() {
    let server = serve(&["commands", "--framing", "i32le"]);
    let (command, answer) = command();
    let ran = run(&[&["exec", &server.address(), "--trace", "--stable"], command].concat());
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let mut lines = ran.out.lines();
    assert_eq!(lines.next(), Some("    # client                       kernel          server"));
    assert!(lines.any(|line| line == answer.trim_end()), "{}", ran.out);
    let last = ran.out.lines().last().expect("a line");
    assert!(last.ends_with(" close"), "{}", ran.out);
}

/// A server whose calls make a document, and where it listens: it says so on standard error.
#[cfg(unix)]
fn draws(args: &[&str]) -> (std::process::Child, String) {
    use std::io::{BufRead, BufReader};
    let args = [&["serve"], args, &["--listen", "127.0.0.1:0", "--trace", "--format", "html"]].concat();
    let mut child = common::spawn(&mut common::command(&args));
    let mut stderr = BufReader::new(child.stderr.take().expect("stderr"));
    let mut line = String::new();
    stderr.read_line(&mut line).expect("a line");
    let address = line.split([' ', ';']).find(|word| word.starts_with("127.0.0.1:")).expect("an address").to_owned();
    std::thread::spawn(move || std::io::copy(&mut stderr, &mut std::io::sink()));
    (child, address)
}

#[cfg(unix)]
#[test]
fn a_servers_calls_are_a_page_once_it_is_interrupted_and_a_clients_a_diagram() {
    // Nobody sits at the chat's keyboard: it answers nothing.
    let chat = ["--udp", "--timeout", "1s"];
    for (server, how, code) in
        [(&["upper"][..], &[][..], 0), (&["upper", "--udp"], &["--udp"], 0), (&["chat"], &chat, 1)]
    {
        let (server, address) = draws(server);
        let talk = [&["talk", &address, "--trace", "--format", "mermaid"], how].concat();
        let client = typed(&talk, "hello\n");
        assert_eq!((client.code, client.err.contains("HELLO")), (Some(code), code == 0), "{client}");
        assert!(client.out.contains("sequenceDiagram") && client.out.contains("send M1"), "{client}");
        let id = server.id().to_string();
        assert!(std::process::Command::new("kill").args(["-INT", &id]).status().expect("kill").success());
        let page = common::finished(server);
        assert_eq!(page.code, Some(0), "{page}");
        assert!(page.out.starts_with("<!DOCTYPE html>") && page.out.trim_end().ends_with("</html>"), "{page}");
        let answer = "at the other end, which was not recorded";
        assert_eq!((page.out.contains("recv"), page.out.contains(answer)), (true, code == 0), "{page}");
    }
}

/// Beside a document an answer goes to standard error as it is: no line more, none less.
#[test]
fn an_answer_beside_a_document_keeps_its_lines() {
    let server = serve(&["commands", "--shell"]);
    let line = "printf 'a\\n\\n'; printf '粘'; printf 'b'";
    let ran = run(&["exec", &server.address(), "--trace", "--format", "svg", line]);
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), "a\n\n粘b"), "{ran}");
    assert!(ran.out.starts_with("<svg"), "{ran}");
}

#[test]
fn a_document_about_calls_needs_them() {
    for args in [&["talk", "127.0.0.1:1", "--format", "html"][..], &["serve", "upper", "--format", "svg"]] {
        let ran = run(args);
        assert_eq!((ran.code, ran.err.contains("--trace")), (Some(2), true), "{ran}");
    }
}
