//! The framings by name: one list, from which every command takes those that it speaks, and refuses the others.

use crate::text::Text;

/// A way of telling a stream's messages apart. What it looks like is in [`shape`](Kind::shape).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// No framing.
    None,
    /// A decimal length, acknowledged before the body follows.
    Ack,
    /// 4 bytes of length, little-endian, signed.
    I32Le,
    /// 4 bytes of length, little-endian.
    U32Le,
    /// 4 bytes of length in network order.
    U32Be,
    /// 2 bytes of length in network order.
    U16Be,
    /// 1 byte of length.
    U8,
    /// The length of a JSON header, the header, the body.
    Json,
    /// A line feed after each message.
    Line,
    /// Decimal length, colon, body, comma.
    Netstring,
}

impl Kind {
    /// Every one, the documents' own first.
    pub const ALL: [Kind; 10] = [
        Kind::None,
        Kind::Ack,
        Kind::I32Le,
        Kind::Json,
        Kind::U32Le,
        Kind::U32Be,
        Kind::U16Be,
        Kind::U8,
        Kind::Line,
        Kind::Netstring,
    ];

    /// Its name, wherever one is written: on the command line, in tables, in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::None => "none",
            Kind::Ack => "ack",
            Kind::I32Le => "i32le",
            Kind::U32Le => "u32le",
            Kind::U32Be => "u32be",
            Kind::U16Be => "u16be",
            Kind::U8 => "u8",
            Kind::Json => "json",
            Kind::Line => "line",
            Kind::Netstring => "netstring",
        }
    }

    /// Other names that are understood.
    pub const fn aliases(self) -> &'static [&'static str] {
        match self {
            Kind::I32Le => &["struct"],
            _ => &[],
        }
    }

    /// The framing of this name or alias.
    pub fn named(name: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.name() == name || kind.aliases().contains(&name))
    }

    /// What is on the wire.
    pub const fn shape(self) -> Text {
        match self {
            Kind::None => Text::new("the bytes, and nothing else", "只有数据本身"),
            Kind::Ack => Text::new(
                "decimal length; the receiver answers recv_ready; body",
                "十进制长度；接收方回复 recv_ready；正文",
            ),
            Kind::I32Le => Text::new("4 bytes of length, little-endian, signed; body", "4 字节有符号小端长度；正文"),
            Kind::U32Le => Text::new("4 bytes of length, little-endian, unsigned; body", "4 字节无符号小端长度；正文"),
            Kind::U32Be => Text::new("4 bytes of length, network order; body", "4 字节网络字节序长度；正文"),
            Kind::U16Be => Text::new("2 bytes of length, network order; body", "2 字节网络字节序长度；正文"),
            Kind::U8 => Text::new("1 byte of length; body", "1 字节长度；正文"),
            Kind::Json => Text::new(
                "i32le length of the header; JSON header with the body's length; body",
                "i32le 报头长度；含正文长度的 JSON 报头；正文",
            ),
            Kind::Line => Text::new("text; line feed", "文本；换行符"),
            Kind::Netstring => Text::new("decimal length; colon; body; comma", "十进制长度；冒号；正文；逗号"),
        }
    }

    /// Where it is met.
    pub const fn used(self) -> Text {
        match self {
            Kind::None => Text::new(
                "where one connection carries one message, and its end is the end of the stream (HTTP/1.0)",
                "一个连接只传一条消息，流结束就是消息结束（HTTP/1.0）",
            ),
            Kind::Ack => Text::new("teaching pages (D0, D1 §11, D2 §4, D4 §2)", "教学文档（D0、D1 §11、D2 §4、D4 §2）"),
            Kind::I32Le => Text::new(
                "Python's struct.pack('i', n) on x86 and ARM (D0, D1 §12, D3)",
                "x86 和 ARM 上 Python 的 struct.pack('i', n)（D0、D1 §12、D3）",
            ),
            Kind::U32Le => Text::new("Chrome's native messaging", "Chrome 的 native messaging"),
            Kind::U32Be => Text::new("Kafka, Erlang's {packet, 4}", "Kafka、Erlang 的 {packet, 4}"),
            Kind::U16Be => Text::new("DNS over TCP (RFC 1035 §4.2.2)", "基于 TCP 的 DNS（RFC 1035 §4.2.2）"),
            Kind::U8 => Text::new("the strings of SOCKS5 and DNS names", "SOCKS5 的字符串、DNS 名字"),
            Kind::Json => {
                Text::new("file transfer on teaching pages (D1 §12, §13, D2)", "教学文档的文件传输（D1 §12、§13、D2）")
            }
            Kind::Line => Text::new("SMTP, FTP's commands, Redis, JSON lines", "SMTP、FTP 命令、Redis、JSON lines"),
            Kind::Netstring => Text::new("SCGI, qmail (QMQP)", "SCGI、qmail（QMQP）"),
        }
    }

    /// The mistake that is usually made with it.
    pub const fn mistake(self) -> Text {
        match self {
            Kind::None => Text::new(
                "to take one recv for one message: TCP cuts and joins as it likes",
                "把一次 recv 当成一条消息：TCP 会任意拆分与合并",
            ),
            Kind::Ack => Text::new(
                "the digits have no end of their own: a body that follows at once is read as more of them",
                "数字本身没有结束标记：正文若紧跟而来，就会被当成长度的一部分",
            ),
            Kind::I32Le => Text::new(
                "to take it for portable: '!i' at the other end reads 5 as 83,886,080",
                "以为到处通用：对端若用 '!i'，5 会被读成 83,886,080",
            ),
            Kind::U32Le | Kind::U32Be => Text::new(
                "to allocate what it says before comparing it with a limit: four wrong bytes ask for 4 GiB",
                "不与上限比较就按它分配内存：四个错误字节就能要走 4 GiB",
            ),
            Kind::U16Be => {
                Text::new("a body of 65,536 bytes: the length wraps around to 0", "正文有 65,536 字节时，长度回绕成 0")
            }
            Kind::U8 => {
                Text::new("a body of 256 bytes: the length wraps around to 0", "正文有 256 字节时，长度回绕成 0")
            }
            Kind::Json => Text::new(
                "to count characters where bytes are meant: 你好 is 2 of them, and 6 bytes of UTF-8",
                "该数字节时数了字符：“你好”是 2 个字符，却是 6 个 UTF-8 字节",
            ),
            Kind::Line => Text::new(
                "a line feed inside a message; and to read a byte at a time",
                "消息内部含有换行符；一次只读一个字节",
            ),
            Kind::Netstring => Text::new(
                "to forget the comma, which shows that both ends still agree",
                "忘了逗号：它用来确认两端没有错位",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_framing_is_found_by_its_name_and_its_aliases_and_no_name_is_given_twice() {
        let mut names = Vec::new();
        for kind in Kind::ALL {
            for name in [kind.name()].iter().chain(kind.aliases()) {
                assert_eq!(Kind::named(name), Some(kind));
                assert!(!names.contains(name), "{name}");
                names.push(name);
            }
            for text in [kind.shape(), kind.used(), kind.mistake()] {
                assert!(!text.en.is_empty() && text.en != text.zh, "{kind:?}: {text:?}");
            }
        }
        assert_eq!(Kind::named("xml"), None);
    }
}
