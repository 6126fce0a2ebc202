//! `serve upper` and `talk`, with each other and with the documents' programs.

use super::*;

fn has_ipv6() -> bool {
    UdpSocket::bind((Ipv6Addr::LOCALHOST, 0)).is_ok()
}

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
