//! Protocols by the first bytes they say. Where a length was due, they show who is speaking.

use crate::text::Text;

/// What begins like that.
struct Sign {
    /// The first bytes; `None` matches any.
    first: &'static [Option<u8>],
    speaker: Text,
}

/// A sign of these very bytes.
macro_rules! sign {
    ($bytes:literal, $en:literal, $zh:literal) => {
        Sign { first: &every($bytes), speaker: Text::new($en, $zh) }
    };
}

const fn every<const N: usize>(bytes: &[u8; N]) -> [Option<u8>; N] {
    let mut all = [None; N];
    let mut at = 0;
    while at < N {
        all[at] = Some(bytes[at]);
        at += 1;
    }
    all
}

/// The longest signs of a protocol first.
static SIGNS: [Sign; 38] = [
    sign!(b"HTTP", "an HTTP response (RFC 9112)", "HTTP 响应（RFC 9112）"),
    sign!(b"GET ", "an HTTP request (RFC 9112)", "HTTP 请求（RFC 9112）"),
    sign!(b"POST", "an HTTP request (RFC 9112)", "HTTP 请求（RFC 9112）"),
    sign!(b"HEAD", "an HTTP request (RFC 9112)", "HTTP 请求（RFC 9112）"),
    sign!(b"PUT ", "an HTTP request (RFC 9112)", "HTTP 请求（RFC 9112）"),
    sign!(b"DELE", "an HTTP request (RFC 9112)", "HTTP 请求（RFC 9112）"),
    sign!(b"OPTI", "an HTTP request (RFC 9112)", "HTTP 请求（RFC 9112）"),
    sign!(b"PATC", "an HTTP request (RFC 9112)", "HTTP 请求（RFC 9112）"),
    sign!(b"CONN", "an HTTP request (RFC 9112)", "HTTP 请求（RFC 9112）"),
    sign!(b"PRI ", "HTTP/2 (RFC 9113)", "HTTP/2（RFC 9113）"),
    sign!(
        b"Content-",
        "a header of text (Content-Length: as in HTTP or the language server protocol)",
        "文本报头（Content-Length:，如 HTTP 或语言服务器协议）"
    ),
    sign!(b"Cont", "a header of text (Content-Length:)", "文本报头（Content-Length:）"),
    sign!(b"SSH-", "SSH (RFC 4253)", "SSH（RFC 4253）"),
    sign!(b"\x16\x03\x00", "a TLS handshake (RFC 8446)", "TLS 握手（RFC 8446）"),
    sign!(b"\x16\x03\x01", "a TLS handshake (RFC 8446)", "TLS 握手（RFC 8446）"),
    sign!(b"\x16\x03\x02", "a TLS handshake (RFC 8446)", "TLS 握手（RFC 8446）"),
    sign!(b"\x16\x03\x03", "a TLS handshake (RFC 8446)", "TLS 握手（RFC 8446）"),
    sign!(b"\x16\x03\x04", "a TLS handshake (RFC 8446)", "TLS 握手（RFC 8446）"),
    sign!(b"\x15\x03\x01", "a TLS alert (RFC 8446)", "TLS 警报（RFC 8446）"),
    sign!(b"\x15\x03\x03", "a TLS alert (RFC 8446)", "TLS 警报（RFC 8446）"),
    sign!(b"220 ", "a greeting of SMTP or FTP (RFC 5321)", "SMTP 或 FTP 的问候（RFC 5321）"),
    sign!(b"220-", "a greeting of SMTP or FTP (RFC 5321)", "SMTP 或 FTP 的问候（RFC 5321）"),
    sign!(b"EHLO", "SMTP (RFC 5321)", "SMTP（RFC 5321）"),
    sign!(b"+OK ", "POP3 (RFC 1939)", "POP3（RFC 1939）"),
    sign!(b"+OK\r", "Redis (RESP)", "Redis（RESP）"),
    sign!(b"-ERR", "Redis (RESP) or POP3", "Redis（RESP）或 POP3"),
    sign!(b"PROX", "the PROXY protocol of a load balancer", "负载均衡器的 PROXY 协议"),
    sign!(b"AMQP", "AMQP (RabbitMQ)", "AMQP（RabbitMQ）"),
    sign!(b"RFB ", "VNC (RFC 6143)", "VNC（RFC 6143）"),
    Sign { first: &[Some(0x10), None, Some(0), Some(4), Some(b'M'), Some(b'Q')], speaker: Text::new("MQTT", "MQTT") },
    sign!(b"\x1f\x8b\x08", "data compressed by gzip (RFC 1952)", "gzip 压缩的数据（RFC 1952）"),
    sign!(b"\x78\x01", "data compressed by zlib (RFC 1950)", "zlib 压缩的数据（RFC 1950）"),
    sign!(b"\x78\x9c", "data compressed by zlib (RFC 1950)", "zlib 压缩的数据（RFC 1950）"),
    sign!(b"\x78\xda", "data compressed by zlib (RFC 1950)", "zlib 压缩的数据（RFC 1950）"),
    sign!(b"\x89PNG", "a PNG picture", "PNG 图片"),
    sign!(b"\xef\xbb\xbf", "text with a UTF-8 mark", "带 UTF-8 标记的文本"),
    sign!(b"\xff\xfe", "text in UTF-16, little-endian", "UTF-16 文本（小端）"),
    sign!(b"\xfe\xff", "text in UTF-16, big-endian", "UTF-16 文本（大端）"),
];

/// Who speaks like that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Greeting {
    /// The protocol, or the kind of data.
    pub speaker: Text,
    /// How many bytes show it.
    pub shown_by: usize,
}

/// The protocol, or the kind of data, that begins with these bytes, as far as they show one.
pub fn greeting(bytes: &[u8]) -> Option<Greeting> {
    let begins = |sign: &&Sign| {
        let alike = |(want, byte): (&Option<u8>, &u8)| want.is_none_or(|want| want == *byte);
        bytes.len() >= sign.first.len() && sign.first.iter().zip(bytes).all(alike)
    };
    let told = |sign: &Sign| Greeting { speaker: sign.speaker.clone(), shown_by: sign.first.len() };
    SIGNS.iter().find(begins).map(told).or_else(|| resp(bytes))
}

/// Redis' numbers: `$8`, `*3` and the end of the line (RESP).
fn resp(bytes: &[u8]) -> Option<Greeting> {
    let (b'$' | b'*', rest) = bytes.split_first()? else { return None };
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let line = (1..=9).contains(&digits) && rest[digits..].starts_with(b"\r");
    line.then(|| Greeting { speaker: Text::new("Redis (RESP)", "Redis（RESP）"), shown_by: digits + 2 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_speaks_is_known_by_the_first_bytes() {
        for (bytes, speaker) in [
            (&b"HTTP/1.1 200 OK"[..], "an HTTP response (RFC 9112)"),
            (b"\x16\x03\x01\x00\xf5\x01", "a TLS handshake (RFC 8446)"),
            (b"SSH-2.0-OpenSSH_9.6\r\n", "SSH (RFC 4253)"),
            (b"$8\r\n12345678\r\n", "Redis (RESP)"),
            (b"*12\r\n", "Redis (RESP)"),
            (b"\x10\x10\0\x04MQTT", "MQTT"),
        ] {
            assert_eq!(greeting(bytes).expect("a greeting").speaker.en, speaker);
        }
        for none in [&b""[..], b"GE", b"hello", b"$x\r\n", b"$\r\n", b"\x08\0\0\x0012345678"] {
            assert_eq!(greeting(none), None, "{none:?}");
        }
    }

    #[test]
    fn no_sign_hides_another() {
        for sign in &SIGNS {
            let bytes: Vec<u8> = sign.first.iter().map(|byte| byte.unwrap_or(1)).collect();
            let found = greeting(&bytes).expect("its own sign");
            assert_eq!((found.speaker, found.shown_by), (sign.speaker.clone(), bytes.len()));
        }
    }
}
