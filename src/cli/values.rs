//! Values on the command line: sizes, durations, addresses. Pure; each refusal says what it takes.

use crate::say;
use crate::text::Text;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs};
use std::time::Duration;

/// Reads a size in bytes: `4096`, `4KiB`, `1MiB` (powers of 1024), `4kB`, `1MB` (powers of 1000).
///
/// # Errors
/// A sentence that says what a size looks like.
pub fn size(text: &str) -> Result<usize, Text> {
    let (number, unit) = split(text);
    let factor: f64 = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1.0,
        "k" | "kib" => 1024.0,
        "m" | "mib" => 1024.0 * 1024.0,
        "g" | "gib" => 1024.0 * 1024.0 * 1024.0,
        "kb" => 1e3,
        "mb" => 1e6,
        "gb" => 1e9,
        _ => return Err(say!("{text}: a size reads 4096, 4KiB or 1MiB", "{text}：大小应写作 4096、4KiB 或 1MiB")),
    };
    let value = number.parse::<f64>().ok().map(|n| n * factor).filter(|n| n.is_finite() && *n >= 0.0);
    match value {
        Some(n) if n.fract() == 0.0 && n <= 2f64.powi(53) => Ok(n as usize),
        _ => Err(say!("{text}: a size reads 4096, 4KiB or 1MiB", "{text}：大小应写作 4096、4KiB 或 1MiB")),
    }
}

/// Reads a duration: `20ms`, `1.5s`, `300us`.
///
/// # Errors
/// A sentence that says what a duration looks like, or how long it may be.
pub fn duration(text: &str, most: Duration) -> Result<Duration, Text> {
    let (number, unit) = split(text);
    let seconds: f64 = match unit {
        "us" | "µs" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        _ => return Err(say!("{text}: a duration reads 20ms or 1.5s", "{text}：时长应写作 20ms 或 1.5s")),
    };
    let value = number.parse::<f64>().ok().map(|n| n * seconds).filter(|n| n.is_finite() && *n >= 0.0);
    match value.map(Duration::try_from_secs_f64) {
        Some(Ok(d)) if d <= most => Ok(d),
        Some(_) => Err(say!("{text}: at most {most:?}", "{text}：最长 {most:?}")),
        None => Err(say!("{text}: a duration reads 20ms or 1.5s", "{text}：时长应写作 20ms 或 1.5s")),
    }
}

fn split(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    (&text[..end], text[end..].trim_start())
}

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
    fn sizes() {
        assert_eq!(size("4096").ok(), Some(4096));
        assert_eq!(size("4KiB").ok(), Some(4096));
        assert_eq!(size("1.5MiB").ok(), Some(1_572_864));
        assert_eq!(size("1MB").ok(), Some(1_000_000));
        for wrong in ["", "-1", "x", "4XB", "1.5", "1e3", "99999999999999999999"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn durations() {
        let most = Duration::from_secs(60);
        assert_eq!(duration("20ms", most).ok(), Some(Duration::from_millis(20)));
        assert_eq!(duration("1.5s", most).ok(), Some(Duration::from_millis(1500)));
        for wrong in ["20", "ms", "-1s", "61s", "1e9s", "1.2.3s"] {
            assert!(duration(wrong, most).is_err(), "{wrong}");
        }
    }

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
