//! `serve chat`: numbers, lines from a pipe, nobody at the keyboard.

use super::*;

#[test]
fn the_chat_gives_everybody_a_number() {
    let (mut chat, address) = serve(&["chat"]);
    let (ip, port) = (address.ip().to_string(), address.port().to_string());
    let mut python = python("chat_client.py", &[&ip, &port]);
    python.types("在吗\n");
    let first = chat.said();
    assert!(first.starts_with("[1 127.0.0.1:") && first.ends_with("] 在吗"), "{first}");
    chat.types("收到\n");
    assert_eq!(python.said(), format!("[{ip}:{port}] 收到"));

    let mut ours = Running::start(&mut command(&["talk", &address.to_string(), "--udp"]));
    ours.types("hello\x07\n");
    let second = chat.said();
    assert!(second.starts_with("[2 127.0.0.1:") && second.ends_with("] hello\\u{7}"), "{second}");
    python.types("again\n");
    assert!(chat.said().ends_with("] again"));
    chat.types("@2 to you\n@1 @2 is not me\n@3 nobody\n/who\n");
    assert_eq!(ours.said(), "to you");
    assert_eq!(python.said(), format!("[{ip}:{port}] @2 is not me"));
    assert!(chat.remarked().contains("nobody has number 3"));
    let listed = [chat.said(), chat.said()];
    assert!(listed[0].starts_with("[1 ") && listed[0].ends_with("messages: 2"), "{listed:?}");
    assert!(listed[1].starts_with("[2 ") && listed[1].ends_with("messages: 1"), "{listed:?}");
    python.types("quit\n");
    assert_eq!(python.ended(), Some(0));
    chat.types("quit\n");
    assert_eq!(chat.ended(), Some(0));
}

#[test]
fn the_documents_chat_server_answers_talk() {
    let (mut server, address) = python_server("chat_server.py", &[]);
    let mut client = Running::start(&mut command(&["talk", &address.to_string(), "--udp"]));
    for (line, answer) in [("在吗", "在"), ("几点？", "8 点")] {
        client.types(&format!("{line}\n"));
        assert!(server.said().ends_with(&format!("] {line}")));
        server.types(&format!("{answer}\n"));
        assert_eq!(client.said(), answer);
    }
    client.types("quit\n");
    assert_eq!(client.ended(), Some(0));
}

#[test]
fn a_pipes_lines_wait_for_somebody_to_go_to() {
    let (mut chat, address) = serve(&["chat", "--format", "json"]);
    chat.types("welcome\nand good bye\n");
    drop(chat.keys.take());
    let client = UdpSocket::bind("127.0.0.1:0").expect("a port");
    client.set_read_timeout(Some(PATIENCE)).expect("SO_RCVTIMEO");
    client.send_to(b"", address).expect("sent");
    let mut bytes = [0; 100];
    for expected in ["welcome", "and good bye"] {
        let (n, from) = client.recv_from(&mut bytes).expect("an answer");
        assert_eq!((&bytes[..n], from), (expected.as_bytes(), address));
    }
    assert_eq!(chat.ended(), Some(0), "the end of input leaves");
    assert!(chat.said().contains("listening"));
    let said: serde_json::Value = serde_json::from_str(&chat.said()).expect("JSON");
    let from = client.local_addr().expect("an address").to_string();
    assert_eq!(said, serde_json::json!({"type": "said", "number": 1, "from": from, "text": "", "len": 0}));
}

#[test]
fn a_chat_with_nobody_at_the_keyboard_listens() {
    let (mut chat, address) = serve(&["chat"]);
    drop(chat.keys.take());
    assert!(chat.remarked().contains("listening only"));
    let client = UdpSocket::bind("127.0.0.1:0").expect("a port");
    client.send_to(b"hello", address).expect("sent");
    assert!(chat.said().ends_with("] hello"));
    assert!(chat.child.try_wait().expect("a child").is_none());
}
