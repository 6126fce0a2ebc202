//! A client that speaks another protocol: a browser, for one, which any web page can make send a line to a server on
//! loopback. To a server that takes text for commands, or gives it back, that line would be one like any other.

use super::trouble::Discovery;
use crate::say;
use std::io;

/// As much of a client's first words as is looked at.
pub(super) const LOOK: usize = 1024;

/// The protocol of these first words, if they are no text that our servers take. Of a request line (RFC 9112 §3) the
/// method and the beginning of a path are enough: what follows may be as long as a page likes.
fn protocol(first: &[u8]) -> Option<&'static str> {
    match first {
        [0x16, 3, 0..=4, _, _, 1, ..] => Some("TLS"),
        [b'S', b'S', b'H', b'-', b'0'..=b'9', ..] => Some("SSH"),
        _ => is_request(first).then_some("HTTP"),
    }
}

/// Reason a client with these first words is not listened to any further.
pub(super) fn stranger(first: &[u8]) -> Option<io::Error> {
    protocol(first).map(|protocol| {
        let text = say!("the other side speaks {protocol}: it gets no answer", "对方说的是 {protocol}：不予响应");
        Discovery::error("stranger", text)
    })
}

/// The request line of HTTP, or of its kin (RTSP, SIP): three words, the last with a version; or as far as it came.
fn is_request(first: &[u8]) -> bool {
    let line = first.split(|&byte| byte == b'\r' || byte == b'\n').next().unwrap_or_default();
    let mut words = line.splitn(3, |&byte| byte == b' ');
    let [method, target] = [(); 2].map(|()| words.next().unwrap_or_default());
    let version = words.next().is_some_and(|word| VERSIONS.iter().any(|version| word.starts_with(version)));
    version || METHODS.contains(&method) && target.starts_with(b"/")
}

const VERSIONS: [&[u8]; 3] = [b"HTTP/", b"RTSP/", b"SIP/"];

const METHODS: [&[u8]; 8] = [b"GET", b"POST", b"HEAD", b"PUT", b"DELETE", b"OPTIONS", b"PATCH", b"TRACE"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_protocols_are_known_by_their_first_words() {
        let long = format!("POST /{}", "a".repeat(LOOK));
        for (first, name) in [
            (&b"GET /?;touch${IFS}x; HTTP/1.1\r\nHost: 127.0.0.1:9000\r\n"[..], "HTTP"),
            // A page of the same origin may name its own method.
            (b"touch /tmp/x HTTP/1.1\r\n", "HTTP"),
            (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "HTTP"),
            (b"CONNECT 127.0.0.1:9000 HTTP/1.1\r\n", "HTTP"),
            (b"OPTIONS rtsp://127.0.0.1:9000/ RTSP/1.0\r\n", "HTTP"),
            (long.as_bytes(), "HTTP"),
            (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "TLS"),
            (b"SSH-2.0-OpenSSH_9.6\r\n", "SSH"),
        ] {
            assert_eq!(protocol(first), Some(name), "{first:?}");
        }
    }

    #[test]
    fn what_our_servers_take_is_no_other_protocol() {
        let texts =
            ["", "hello", "get notes.txt", "GET", "GET in touch", "POST IT", "echo GET / HTTP", "ls /", "SSH-agent"];
        for text in texts {
            assert_eq!(protocol(text.as_bytes()), None, "{text}");
        }
        assert_eq!(protocol(b"\x16\x03\x01\0{\"cmd\": \"put\""), None, "a header of 66,326 bytes");
    }
}
