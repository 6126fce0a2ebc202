//! Addresses on the command line; each refusal says what it takes.

use crate::say;
use crate::text::Text;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs};

/// Reads an address: `127.0.0.1:9000`, `[::1]:9000`, `localhost:9000`, or a port alone, which means loopback.
///
/// # Errors
/// A sentence that says what an address looks like, or that the name does not resolve.
pub fn address(text: &str) -> Result<SocketAddr, Text> {
    if let Ok(port) = text.strip_prefix(':').unwrap_or(text).parse::<u16>() {
        return Ok((Ipv4Addr::LOCALHOST, port).into());
    }
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Ok(address);
    }
    let form = || {
        say!(
            "{text}: an address reads 127.0.0.1:9000, [::1]:9000 or name:9000",
            "{text}：地址应写作 127.0.0.1:9000、[::1]:9000 或 主机名:9000"
        )
    };
    let (host, port) = text.rsplit_once(':').ok_or_else(form)?;
    if text.parse::<IpAddr>().is_ok() || host.is_empty() || port.parse::<u16>().is_err() {
        return Err(form());
    }
    let found: Vec<SocketAddr> = match text.to_socket_addrs() {
        Ok(found) => found.collect(),
        Err(e) => return Err(say!("the name {host} does not resolve: {e}", "主机名 {host} 解析失败：{e}")),
    };
    let first = found.iter().find(|a| a.is_ipv4()).or(found.first());
    first.copied().ok_or_else(|| say!("the name {host} has no address", "主机名 {host} 没有地址"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        assert_eq!(address("9000").ok(), "127.0.0.1:9000".parse().ok());
        assert_eq!(address("[::1]:9000").ok(), "[::1]:9000".parse().ok());
        assert_eq!(address("localhost:9000").map(|a| a.port()).ok(), Some(9000));
        for wrong in ["", "::1", "127.0.0.1", "host:99999", "no such name:1", ":x"] {
            assert!(address(wrong).is_err(), "{wrong}");
        }
    }
}
