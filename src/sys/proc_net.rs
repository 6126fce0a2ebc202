//! Linux's own lists of sockets (/proc/net/tcp and its kin, proc(5)): one reader for all who ask.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::net::{IpAddr, SocketAddr};

/// One socket of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its address as the kernel writes it: 32-bit words in the machine's byte order, in hexadecimal.
    local_ip: String,
    /// Its port.
    pub port: u16,
    /// What it is doing.
    pub state: TcpState,
    /// The number by which processes refer to it; 0 when none does any more.
    pub inode: u64,
}

/// The state of a TCP socket, by the kernel's number; a UDP socket is `CLOSE` until it is connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TcpState(pub u8);

impl TcpState {
    /// Waiting for late segments of a connection that is over.
    pub const TIME_WAIT: TcpState = TcpState(0x06);
    /// Not connected.
    pub const CLOSE: TcpState = TcpState(0x07);
    /// Listening.
    pub const LISTEN: TcpState = TcpState(0x0A);
}

impl Entry {
    /// Is this its local address?
    pub fn is_at(&self, address: SocketAddr) -> bool {
        let word =
            |bytes: &[u8]| bytes.try_into().map(u32::from_ne_bytes).map_or(String::new(), |n| format!("{n:08X}"));
        let ip: String = match address.ip() {
            IpAddr::V4(v4) => word(&v4.octets()),
            IpAddr::V6(v6) => v6.octets().chunks(4).map(word).collect(),
        };
        self.port == address.port() && self.local_ip == ip
    }

    fn parse(line: &str) -> Option<Entry> {
        let mut fields = line.split_whitespace();
        let (local, state) = (fields.nth(1)?, fields.nth(1)?);
        let (ip, port) = local.split_once(':')?;
        let hex = |text| u8::from_str_radix(text, 16).ok();
        let port = u16::from_str_radix(port, 16).ok()?;
        let inode = fields.nth(5)?.parse().ok()?;
        Some(Entry { local_ip: ip.to_owned(), port, state: TcpState(hex(state)?), inode })
    }
}

/// The sockets of a list (`tcp`, `tcp6`, `udp`, `udp6`) in the calling thread's network namespace; none when it
/// cannot be read. TCP's that listen come first.
pub fn sockets(list: &str) -> impl Iterator<Item = Entry> + use<> {
    let file = File::open(format!("/proc/thread-self/net/{list}")).ok();
    let lines = file.into_iter().flat_map(|file| BufReader::new(file).lines().map_while(io::Result::ok).skip(1));
    lines.filter_map(|line| Entry::parse(&line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_is_in_the_list() {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let address = listener.local_addr().expect("an address");
        let entry = sockets("tcp").find(|entry| entry.is_at(address)).expect("listed");
        assert_eq!(entry.state, TcpState::LISTEN);
        assert_ne!(entry.inode, 0);
    }
}
