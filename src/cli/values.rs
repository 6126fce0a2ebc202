//! Values on the command line; each refusal says what it takes. One that begins with the value itself is put behind
//! the option's name as it is: `--gap soon: a duration reads 20ms or 1.5s`.

use crate::say;
use crate::text::Text;
use crate::text::quantity;
use encoding_rs::Encoding;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs};
use std::time::Duration;

/// The longest wait or pause.
const LONGEST: Duration = Duration::from_secs(3600);

/// Reads a duration of up to an hour.
///
/// # Errors
/// A sentence that says what a duration looks like, or how long it may be.
pub(crate) fn pause(text: &str) -> Result<Duration, Text> {
    quantity::duration(text, LONGEST)
}

/// The same, and not 0: a time in which something must happen.
///
/// # Errors
/// As [`pause`].
pub(crate) fn limit(text: &str) -> Result<Duration, Text> {
    match pause(text)? {
        Duration::ZERO => Err(say!("{text}: more than 0", "{text}：要大于 0")),
        limit => Ok(limit),
    }
}

/// Reads a whole number between these two.
pub(crate) fn whole(least: u32, most: u32) -> impl Fn(&str) -> Result<u32, Text> + Clone + Send + Sync + 'static {
    move |text| match text.parse::<u32>() {
        Ok(n) if (least..=most).contains(&n) => Ok(n),
        _ => Err(say!("{text}: takes a whole number from {least} to {most}", "{text}：应为 {least} 到 {most} 的整数")),
    }
}

/// Reads the name of an encoding, as web pages give it (Encoding Standard, names and labels).
///
/// # Errors
/// What names there are.
pub(crate) fn encoding(text: &str) -> Result<&'static Encoding, Text> {
    // UTF-16 has halves of characters that are zero, and is nobody's output here.
    let known = Encoding::for_label_no_replacement(text.as_bytes()).filter(|known| known.is_ascii_compatible());
    known.ok_or_else(|| {
        say!(
            "{text}: an encoding's name, such as gbk, gb18030, big5, shift_jis, euc-kr, windows-1252, utf-8",
            "{text}：应为编码的名字，如 gbk、gb18030、big5、shift_jis、euc-kr、windows-1252、utf-8"
        )
    })
}

/// Reads the address of a server, which has a port.
///
/// # Errors
/// As [`address`].
pub(crate) fn server(text: &str) -> Result<SocketAddr, Complaint> {
    match address(text)? {
        address if address.port() == 0 => Err(Text::new(
            "nobody listens on port 0; the server prints its address",
            "端口 0 上没有人监听；服务器会打印它的地址",
        )
        .into()),
        address => Ok(address),
    }
}

/// A name that this machine cannot resolve: nothing is wrong with the command line.
#[derive(Debug)]
pub(crate) struct Unresolved(pub(crate) Text);

impl std::fmt::Display for Unresolved {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Unresolved {}

/// What the reading of a value may say.
type Complaint = Box<dyn std::error::Error + Send + Sync>;

/// Reads an address: `127.0.0.1:9000`, `[::1]:9000`, `localhost:9000`, or a port alone, which means loopback.
///
/// # Errors
/// A sentence that says what an address looks like, or that the name does not resolve.
pub(crate) fn address(text: &str) -> Result<SocketAddr, Complaint> {
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
        return Err(form().into());
    }
    let found: Vec<SocketAddr> = match text.to_socket_addrs() {
        Ok(found) => found.collect(),
        Err(e) => {
            let text = say!(
                "the name {host} does not resolve: {e}\n  check the name and the network, or give the address",
                "主机名 {host} 解析失败：{e}\n  请检查名字和网络，或直接给出地址"
            );
            return Err(Unresolved(text).into());
        }
    };
    let first = found.iter().find(|a| a.is_ipv4()).or(found.first());
    let none = || Unresolved(say!("the name {host} has no address", "主机名 {host} 没有地址")).into();
    first.copied().ok_or_else(none)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings() {
        for (name, known) in
            [("gbk", encoding_rs::GBK), ("GB2312", encoding_rs::GBK), ("cp1252", encoding_rs::WINDOWS_1252)]
        {
            assert_eq!(encoding(name).ok(), Some(known), "{name}");
        }
        for wrong in ["", "gkb", "utf-16le", "iso-2022-cn"] {
            assert!(encoding(wrong).is_err(), "{wrong}");
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
