//! Streams that are encrypted: TLS is recognised by its records (RFC 8446 §5.1). Their bytes are shown as they are, and
//! say nothing of the messages within.

use super::seen::{Operation, Record, SocketKey, Target};
use std::collections::HashSet;

/// The longest record: 2^14 bytes, and what encryption may add to it in TLS 1.2 (RFC 5246 §6.2.3).
const LONGEST: u16 = (1 << 14) + 2048;

/// Does a stream that begins so speak TLS? Its first record is a handshake: a client's or a server's hello.
pub fn is_tls(start: &[u8]) -> bool {
    match *start {
        [22, 3, 0..=4, high, low, 1 | 2, ..] => (4..=LONGEST).contains(&u16::from_be_bytes([high, low])),
        _ => false,
    }
}

/// How many of the connections that were seen speak TLS.
pub fn connections(seen: &[Record]) -> usize {
    let mut begun: HashSet<SocketKey> = HashSet::new();
    let firsts = seen.iter().filter_map(|one| match one {
        Record::Call(call) if call.operation == Operation::Send && !call.bytes.is_empty() => match &call.target {
            Target::Socket(socket) => Some((socket, &call.bytes)),
            _ => None,
        },
        _ => None,
    });
    let mut ways = HashSet::new();
    for (socket, bytes) in firsts {
        if begun.insert(socket.key) && is_tls(bytes) {
            // Both sides of one connection are one.
            ways.insert(socket.local.max(socket.peer).zip(socket.local.min(socket.peer)));
        }
    }
    ways.len()
}

#[cfg(test)]
mod tests {
    use super::is_tls;

    #[test]
    fn a_hello_is_tls_and_what_only_looks_like_it_is_not() {
        let hello = [22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3];
        assert!(is_tls(&hello));
        assert!(is_tls(&[22, 3, 3, 0, 122, 2, 0, 0, 118]), "a server's");
        for start in
            [&b"GET / HTTP/1.1"[..], &hello[..5], &[22, 3, 9, 2, 0, 1], &[22, 3, 1, 255, 255, 1], &[5, 0, 0, 0]]
        {
            assert!(!is_tls(start), "{start:?}");
        }
    }
}
