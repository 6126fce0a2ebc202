//! Each framing between two programs: ours, and Python written from the wire formats.

use super::*;

/// What the documents' protocol carries of it.
fn carried(framing: &str, stderr: &str, stdout: &str) -> String {
    match framing {
        "json" if !stderr.is_empty() => stderr.to_owned(),
        _ => format!("{stderr}{stdout}"),
    }
}

/// Where an answer's end is a guess, longer than a busy machine makes a server pause before one, and inside one.
fn guessing(framing: &str) -> Vec<&str> {
    let patience: &[&str] = if framing == "none" { &["--timeout", "50s", "--settle", "1s"] } else { &[] };
    [&["--framing", framing], patience].concat()
}

#[test]
fn one_command_between_two_stickdemos() {
    for framing in TCP {
        let server = shell(framing);
        for (line, stderr, stdout) in cases() {
            let ran = exec(&server.address(), framing, &[&line]);
            same(&ran.out, &carried(framing, &stderr, &stdout), &format!("{framing}: {line}"));
            assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{framing}: {line}");
        }
        let ran = exec(&server.address(), framing, &["true"]);
        assert_eq!((ran.code, ran.out.as_str()), (Some(0), ""), "{framing}: no output at all");
    }
}

#[test]
fn one_command_after_another_at_the_prompt() {
    for framing in TCP {
        let server = shell(framing);
        let lines: String = cases().iter().map(|(line, ..)| format!("{line}\n")).collect();
        let expected: String = cases().iter().map(|(_, stderr, stdout)| carried(framing, stderr, stdout)).collect();
        let ran = prompt(&server.address(), &guessing(framing), &format!("{lines}\n\n  quit\necho never\n"));
        same(&ran.out, &expected, framing);
        assert_eq!(ran.code, Some(0), "{framing}: {}", ran.err);
        assert_eq!(ran.err.lines().count(), 1, "an empty line is explained once: {}", ran.err);
    }
}

#[test]
fn scripts_read_one_line_for_an_answer() {
    let server = shell("json");
    let more = ["--framing", "json", "--format", "json"];
    let ran = prompt(&server.address(), &more, "echo 专题\ntrue\n");
    let lines: Vec<Value> = ran.out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let answer = |command: &str, bytes: u32, text: &str| serde_json::json!({ "type": "answer", "command": command, "bytes": bytes, "text": text });
    assert_eq!(lines, [answer("echo 专题", 7, "专题\n"), answer("true", 0, "")]);
}

#[test]
fn python_asks_this_server() {
    for framing in ["ack", "i32le", "json"] {
        let server = shell(framing);
        let lines: Vec<String> = cases().into_iter().map(|(line, ..)| line).chain(["true".to_owned()]).collect();
        let got = python_client(framing, &server, &lines.iter().map(String::as_str).collect::<Vec<_>>());
        let expected = cases().into_iter().map(|(_, stderr, stdout)| carried(framing, &stderr, &stdout));
        for (i, text) in expected.chain([String::new()]).enumerate() {
            same(&got[i], &text, &format!("{framing}: {}", lines[i]));
        }
    }
    let server = shell("none");
    for (line, stderr, stdout) in cases() {
        same(&python_client("none", &server, &[&line])[0], &carried("none", &stderr, &stdout), &line);
    }
}

#[test]
fn python_acknowledges_as_it_likes() {
    let server = shell("ack");
    for word in ["recv_ready", "ok", "准备好了", "1"] {
        let got = python_client("ack", &server, &["--ack", word, "echo a", "echo b"]);
        assert_eq!(got, ["a\n", "b\n"], "{word}");
    }
}

#[test]
fn python_serves_this_client() {
    for framing in TCP {
        let server = Server::python("commands_server.py", &[framing]);
        for (line, stderr, stdout) in cases() {
            let ran = exec(&server.address(), framing, &[&line]);
            same(&ran.out, &carried(framing, &stderr, &stdout), &format!("{framing}: {line}"));
            assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{framing}: {line}");
        }
        let ran = prompt(&server.address(), &guessing(framing), "echo a\necho b >&2\necho c\n");
        assert_eq!((ran.out.as_str(), ran.code), ("a\nb\nc\n", Some(0)), "{framing}: {}", ran.err);
    }
    let server = Server::python("commands_server.py", &["none", "--reverse"]);
    assert_eq!(exec(&server.address(), "none", &["echo out; echo err >&2"]).out, "out\nerr\n");
}

#[test]
fn a_command_in_single_bytes_is_one_command() {
    let server = start("none", &["--settle", "20s"]);
    let line = "echo 粘 包".as_bytes();
    let single: Vec<&[u8]> = line.chunks(1).collect();
    assert_eq!(said(&server, &single), "粘 包\n");
    assert_eq!(said(&server, &line.chunks(3).collect::<Vec<_>>()), "粘 包\n");
}

/// What the protocols cannot do, held fast for the page that says so.
#[test]
fn commands_themselves_have_no_frame() {
    let server = start("none", &["--settle", "20s"]);
    assert_eq!(said(&server, &[b"echo a", b"echo b"]), "aecho b\n", "two commands at once are one text");
    let server = start("none", &["--settle", "30ms"]);
    let mut client = server.connect();
    client.write_all(b"echo a").expect("sent");
    let mut answer = [0; 2];
    client.read_exact(&mut answer).expect("an answer to the first piece");
    assert_eq!(&answer, b"a\n");
    client.write_all(b" b").expect("sent");
    client.shutdown(Shutdown::Write).expect("half closed");
    let mut rest = String::new();
    client.read_to_string(&mut rest).expect("an answer to the second");
    assert!(rest.starts_with("stickdemo: b is not on the list"), "a pause made two commands of it: {rest}");
}

#[test]
fn json_leaves_stdout_out_and_says_so() {
    let server = shell("json");
    let line = "echo out; echo err >&2";
    assert_eq!(exec(&server.address(), "json", &[line]).out, "err\n");
    server.logged("stdout left out: 4 B; --both sends it", 1);
    let server = start("json", &["--shell", "--both"]);
    assert_eq!(exec(&server.address(), "json", &[line]).out, "err\nout\n");
}

/// The documents' own case: answers in GBK, which their clients decode. What is asked is UTF-8 all the same.
#[test]
fn answers_in_gbk_are_read_and_made() {
    let server = Server::start(&["commands", "--framing", "none", "--encoding", "gbk"]);
    let mut client = server.connect();
    client.write_all("echo 粘包".as_bytes()).expect("sent");
    client.shutdown(Shutdown::Write).expect("shut down");
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).expect("an answer");
    assert_eq!(answer, b"\xd5\xb3\xb0\xfc\n");
    let ask = |more: &[&str]| {
        let at = server.address();
        run(&[&["exec", &at, "--framing", "none"], more, &["echo", "粘包"]].concat())
    };
    let read = ask(&["--encoding", "gbk"]);
    assert_eq!((read.out.as_str(), read.code), ("粘包\n", Some(0)), "{read}");
    let told = |ran: Ran| serde_json::from_str::<Value>(&ran.out).expect("one line")["text"].clone();
    assert_eq!(told(ask(&["--encoding", "gb18030", "--format", "json"])), "粘包\n");
    assert_eq!(told(ask(&["--format", "json"])), "\u{573}\u{fffd}\u{fffd}\n", "as UTF-8 they are another text");
    let server = Server::start(&["commands", "--framing", "none", "--encoding", "gbk", "--lang", "zh"]);
    let mut client = server.connect();
    client.write_all(&[b'x'; 100_000]).expect("sent");
    client.shutdown(Shutdown::Write).expect("shut down");
    let mut refusal = Vec::new();
    client.read_to_end(&mut refusal).expect("a refusal");
    // 命令超过 65,536 字节
    let said = b"stickdemo: \xc3\xfc\xc1\xee\xb3\xac\xb9\xfd 65,536 \xd7\xd6\xbd\xda\n";
    assert_eq!(refusal, said, "{}", String::from_utf8_lossy(&refusal));
    let wrong = ask(&["--encoding", "gkb"]);
    assert!(wrong.code == Some(2) && wrong.err.contains("such as gbk"), "{wrong}");
}
