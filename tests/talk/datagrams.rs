//! Servers for datagrams: which address they answer from, and whom they stop answering.

use super::*;

/// Where to ask a server that listens at all addresses of a family.
#[cfg(target_os = "linux")]
const EVERYWHERE: [(&str, &[&str]); 2] =
    // Of IPv6's own, loopback has one; a socket for it hears IPv4 as well (RFC 3493 §5.3).
    [("0.0.0.0:0", &["127.0.0.1", "127.0.0.2"]), ("[::]:0", &["[::1]", "127.0.0.1", "127.0.0.2"])];

#[cfg(target_os = "linux")]
#[test]
fn a_server_everywhere_answers_from_where_it_was_asked() {
    for (listen, asked) in EVERYWHERE {
        let (_server, address) = serve(&["upper", "--udp", "--listen", listen]);
        let (_runner, commands) = serve(&["commands", "--udp", "--allow-remote", "--listen", listen]);
        for ip in asked {
            let ran = talk(format!("{ip}:{}", address.port()), &["--udp"], LINES);
            assert_eq!((ran.out.as_str(), ran.code), (ANSWERS, Some(0)), "{listen}, asked at {ip}: {}", ran.err);
            let ran = run(&["exec", &format!("{ip}:{}", commands.port()), "--udp", "echo", "hello"]);
            assert_eq!((ran.out.as_str(), ran.code), ("hello\n", Some(0)), "{listen}, asked at {ip}: {}", ran.err);
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_chat_everywhere_answers_each_from_where_he_wrote_to() {
    for (listen, asked) in EVERYWHERE {
        let (mut chat, address) = serve(&["chat", "--listen", listen]);
        let at = |ip| Running::start(&mut command(&["talk", &format!("{ip}:{}", address.port()), "--udp"]));
        let mut people: Vec<Running> = asked.iter().map(at).collect();
        for client in &mut people {
            client.types("hello\n");
            assert!(chat.said().ends_with("] hello"));
        }
        for (number, (ip, client)) in asked.iter().zip(&people).enumerate() {
            chat.types(&format!("@{} to {ip}\n", number + 1));
            assert_eq!(client.said(), format!("to {ip}"), "{listen}");
        }
    }
}

/// What any other server that answers everything does: it sends back what it gets (RFC 862). Returns how often.
fn echo(socket: &UdpSocket) -> usize {
    let mut bytes = [0; 65_507];
    let mut rounds = 0;
    while let Ok((n, from)) = socket.recv_from(&mut bytes) {
        socket.send_to(&bytes[..n], from).expect("sent back");
        rounds += 1;
    }
    rounds
}

#[test]
fn two_servers_that_answer_each_other_come_to_an_end() {
    // Windows has no program echo.
    let services = [(&["upper"][..], "hello"), (&["commands"], "echo hello")];
    for (service, first) in services.into_iter().take(if cfg!(windows) { 1 } else { 2 }) {
        let (server, address) = serve(&[service, &["--udp"]].concat());
        let other = UdpSocket::bind("127.0.0.1:0").expect("a port");
        other.set_read_timeout(Some(Duration::from_secs(2))).expect("SO_RCVTIMEO");
        other.send_to(first.as_bytes(), address).expect("one datagram");
        let began = Instant::now();
        let rounds = echo(&other);
        let most = 10_000 + 100 * (began.elapsed().as_secs() as usize + 1) + 16;
        assert!((1_000..=most).contains(&rounds), "{service:?}: {rounds} of at most {most}");
        let stopped = format!("{}  not answered any more: 10,000 answers", other.local_addr().expect("an address"));
        let told = std::iter::from_fn(|| server.out.try_recv().ok()).filter(|line| line.starts_with(&stopped)).count();
        assert_eq!(told, 1, "{service:?}: said once");
        // Somebody else is served.
        let ran = match service {
            ["upper"] => talk(address, &["--udp"], "hello\n").out,
            _ => run(&["exec", &address.to_string(), "--udp", "echo", "HELLO"]).out,
        };
        assert_eq!(ran, "HELLO\n");
    }
}
