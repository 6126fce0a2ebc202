//! Linux's own lists of sockets (/proc/net/tcp and its kin, proc(5)): one reader for all who ask.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::net::{IpAddr, SocketAddr};

/// One socket of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its address; that of IPv4 where one of IPv6 stands for it.
    pub local: SocketAddr,
    /// The other end's; all zeros when it is not connected.
    pub remote: SocketAddr,
    /// What it is doing.
    pub state: TcpState,
    /// Whose it is; 0 also when no process refers to it any more.
    pub user: u32,
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
        self.local == canonical(address)
    }

    fn parse(line: &str) -> Option<Entry> {
        let mut fields = line.split_whitespace().skip(1);
        let [local, remote] = [fields.next()?, fields.next()?];
        let state = TcpState(u8::from_str_radix(fields.next()?, 16).ok()?);
        let (user, inode) = (fields.nth(3)?.parse().ok()?, fields.nth(1)?.parse().ok()?);
        Some(Entry { local: address(local)?, remote: address(remote)?, state, user, inode })
    }
}

/// The same address of IPv4, where one of IPv6 stands for it (RFC 4291 §2.5.5.2).
pub(super) fn canonical(address: SocketAddr) -> SocketAddr {
    (address.ip().to_canonical(), address.port()).into()
}

/// An address as the kernel writes it: 32-bit words in the machine's byte order, in hexadecimal, and the port.
fn address(text: &str) -> Option<SocketAddr> {
    let (ip, port) = text.split_once(':')?;
    let word = |digits: &str| u32::from_str_radix(digits, 16).map(u32::to_ne_bytes).ok();
    let ip: IpAddr = match ip.len() {
        8 => word(ip)?.into(),
        32 => {
            let mut bytes = [0; 16];
            for (at, four) in bytes.chunks_mut(4).enumerate() {
                four.copy_from_slice(&word(ip.get(at * 8..at * 8 + 8)?)?);
            }
            bytes.into()
        }
        _ => return None,
    };
    Some(canonical((ip, u16::from_str_radix(port, 16).ok()?).into()))
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
