//! What programs say when message boundaries went wrong, and what it means.

use crate::text::Text;

/// An error, as people meet it.
pub(super) struct Symptom {
    /// What it is called: an errno, an exception, or a few words.
    pub(super) name: &'static str,
    /// Its number on Linux, macOS and Windows, where it has one.
    pub(super) errno: Option<[u32; 3]>,
    /// Other names, and parts of its text; in small letters.
    pub(super) texts: &'static [&'static str],
    /// What it means.
    pub(super) means: Text,
    /// Lines that show it, or what helps.
    pub(super) see: &'static [&'static str],
}

/// One with an errno.
const fn errno(
    name: &'static str,
    numbers: [u32; 3],
    texts: &'static [&'static str],
    means: Text,
    see: &'static [&'static str],
) -> Symptom {
    Symptom { name, errno: Some(numbers), texts, means, see }
}

/// One without.
const fn said(
    name: &'static str,
    texts: &'static [&'static str],
    means: Text,
    see: &'static [&'static str],
) -> Symptom {
    Symptom { name, errno: None, texts, means, see }
}

/// Every one. A text that is part of another's stands behind it.
pub(super) static SYMPTOMS: [Symptom; 32] = [
    errno(
        "ECONNRESET",
        [104, 54, 10054],
        &["wsaeconnreset", "connection reset", "forcibly closed", "reset by peer", "连接被重置", "远程主机强迫关闭"],
        Text::new(
            "The peer's kernel answered with RST: it closed with bytes of yours unread, its process was killed, or \
             nothing of the connection is left there. Over UDP on Windows: an earlier datagram found nobody.",
            "对端内核回了 RST：它关闭时还有你发的字节没读，或者进程被杀，或者那里已没有这个连接。在 Windows 的 UDP \
             上：先前的数据报没有人收。",
        ),
        &["tcp-close", "udp-no-server"],
    ),
    errno(
        "EPIPE",
        [32, 32, 10058],
        &["broken pipe", "brokenpipe", "wsaeshutdown", "管道破裂", "断开的管道"],
        Text::new(
            "You send on a connection that is known to be over: the peer closed, and an earlier send was answered by RST. \
             That earlier send succeeded: its success only meant that the kernel took the bytes.",
            "连接已知结束，你还在发送：对端已关闭，先前的一次发送引来了 RST。那次发送是“成功”的：成功只表示内核收下了字节。",
        ),
        &["tcp-close"],
    ),
    errno(
        "ECONNABORTED",
        [103, 53, 10053],
        &["wsaeconnaborted", "connection abort", "software caused connection abort"],
        Text::new(
            "Your own side gave the connection up: retransmissions went unanswered, or it was closed under the call.",
            "本机放弃了连接：重传一直没有应答，或者在调用期间连接被关闭。",
        ),
        &["tcp-close", "link-loss"],
    ),
    errno(
        "EADDRINUSE",
        [98, 48, 10048],
        &[
            "wsaeaddrinuse",
            "address already in use",
            "only one usage of each socket address",
            "地址已在使用",
            "通常每个套接字地址",
        ],
        Text::new(
            "Another socket has the port: a server that still runs, or connections in TIME_WAIT of one that closed first. \
             SO_REUSEADDR helps against the second, if both set it.",
            "端口被另一个套接字占着：服务器还在运行，或者先关闭的一方留下了 TIME_WAIT。后一种用 SO_REUSEADDR \
             解决，前后两个服务器都要设置。",
        ),
        &["tcp-reuseaddr"],
    ),
    errno(
        "ECONNREFUSED",
        [111, 61, 10061],
        &["wsaeconnrefused", "connection refused", "actively refused", "积极拒绝", "拒绝连接"],
        Text::new(
            "Nobody listens on that port. TCP's connect says so at once; UDP only to a connected socket, at its next call.",
            "那个端口没有人监听。TCP 的 connect 立刻报告；UDP 只告诉已连接的套接字，而且在下一次调用时。",
        ),
        &["udp-no-server"],
    ),
    errno(
        "EMSGSIZE",
        [90, 40, 10040],
        &["wsaemsgsize", "message too long", "larger than the internal message buffer", "消息过长"],
        Text::new(
            "A datagram does not fit. On send: more than 65,507 bytes over IPv4, it was not sent at all. On Windows also on \
             recv: the buffer was smaller than the datagram, and the rest is gone; Linux and macOS cut without saying so.",
            "数据报放不下。发送时：IPv4 上超过 65,507 字节，根本没有发出。Windows 接收时也会报：缓冲区比数据报小，其余丢失；\
             Linux 和 macOS 截断而不报错。",
        ),
        &["udp-truncate", "udp-boundaries"],
    ),
    errno(
        "EAGAIN",
        [11, 35, 10035],
        &["ewouldblock", "wsaewouldblock", "resource temporarily unavailable", "blockingioerror", "would block"],
        Text::new(
            "No failure: nothing is there to read, or no room to send, and the socket does not wait (non-blocking, or a \
             timeout passed). Whoever sends must keep what was not taken.",
            "不是失败：暂时没有可读的，或没有可写的空间，而套接字不等待（非阻塞，或超时）。发送方要留着没被收下的部分。",
        ),
        &["tcp-partial-send", "tcp-window"],
    ),
    errno(
        "ENOTCONN",
        [107, 57, 10057],
        &["wsaenotconn", "not connected", "endpoint is not connected"],
        Text::new(
            "recv on the listening socket, or after the connection was reset: the bytes are read from what accept returned.",
            "对监听套接字调用了 recv，或连接已被重置：应从 accept 返回的套接字读。",
        ),
        &["tcp-close"],
    ),
    errno(
        "ETIMEDOUT",
        [110, 60, 10060],
        &["wsaetimedout", "connection timed out", "timed out", "连接超时"],
        Text::new(
            "Packets went unanswered for too long: nothing says whether the other side got what you sent.",
            "分组太久没有应答：没有任何东西说明对方是否收到了你发的内容。",
        ),
        &["link-loss", "udp-loss"],
    ),
    errno(
        "ENOBUFS",
        [105, 55, 10055],
        &["wsaenobufs", "no buffer space"],
        Text::new(
            "The system has no room for more packets just now; Linux hardly ever says so, it drops instead.",
            "系统暂时没有空间放更多分组；Linux 几乎从不这样报告，而是直接丢弃。",
        ),
        &["udp-loss"],
    ),
    errno(
        "EADDRNOTAVAIL",
        [99, 49, 10049],
        &["wsaeaddrnotavail", "cannot assign requested address"],
        Text::new(
            "The address to bind is not one of this machine's, or every local port to that peer is taken (TIME_WAIT).",
            "要绑定的地址不属于本机，或者通往那个对端的本地端口已用完（TIME_WAIT）。",
        ),
        &["tcp-reuseaddr"],
    ),
    said(
        "struct.error",
        &["unpack requires a buffer", "unpack requires a bytes", "unpack str size does not match", "bufferunderflow"],
        Text::new(
            "A recv for a length returned fewer bytes than the length has: recv(4) may return 1 to 4, and 0 when the peer \
             has closed. Read in a loop until all of them are there.",
            "读长度的 recv 返回的字节比长度字段少：recv(4) 可能返回 1 到 4 字节，对端关闭时返回 0。要循环读满。",
        ),
        &["fix-one-recv", "fix-broken-loops"],
    ),
    said(
        "JSON: Extra data",
        &["extra data", "after json", "trailing characters", "after top-level value", "unexpected non-whitespace"],
        Text::new(
            "Two messages came out of one recv, and the parser stopped behind the first. Its column says where the second \
             begins. JSON has an end, but the stream does not say where the next recv should stop.",
            "一次 recv 取出了两条消息，解析器停在第一条之后；它给出的列号就是第二条开始的地方。",
        ),
        &["tcp-naive", "fix-json-header"],
    ),
    said(
        "JSON: half a text",
        &[
            "unterminated string",
            "unexpected end of json",
            "unexpected end of input",
            "expecting ',' delimiter",
            "expecting property name",
            "eof while parsing",
        ],
        Text::new(
            "Half a message was parsed: it was longer than the recv's size, or its second half had not come yet.",
            "解析的是半条消息：它比 recv 的大小长，或者后一半还没到。",
        ),
        &["tcp-short-recv", "fix-json-header"],
    ),
    said(
        "JSON: Expecting value",
        &["expecting value", "jsondecodeerror", "no json object could be decoded"],
        Text::new(
            "There was nothing to parse, or no JSON where it should begin: recv returned empty (the peer closed), or the \
             reader stands in the middle of a message.",
            "没有可解析的内容，或者开头不是 JSON：recv 返回空（对端已关闭），或者读的位置在消息中间。",
        ),
        &["tcp-empty", "tcp-close", "fix-json-header"],
    ),
    said(
        "UnicodeDecodeError",
        &[
            "unexpected end of data",
            "can't decode byte",
            "codec can't",
            "invalid utf-8",
            "malformedinput",
            "invalid start byte",
            "乱码",
        ],
        Text::new(
            "A recv ended, or began, inside a character: TCP cuts between bytes, not between characters. Or a length \
             counted characters where bytes are meant. Decode whole messages only.",
            "recv 在一个字符中间结束或开始：TCP 按字节切，不按字符切。也可能长度数的是字符而不是字节。凑齐整条消息再解码。",
        ),
        &["tcp-split", "fix-characters"],
    ),
    said(
        "IncompleteReadError",
        &["bytes read on a total of", "incompletereaderror", "incompleteread"],
        Text::new(
            "asyncio's readexactly met the end of the stream first: the peer closed inside a message, or the length that \
             was read is no length.",
            "asyncio 的 readexactly 先遇到了流的结束：对端在消息中间关闭，或者读到的“长度”并不是长度。",
        ),
        &["tcp-close", "fix-header"],
    ),
    said(
        "LimitOverrunError",
        &["limitoverrunerror", "separator is not found", "separator is found, but chunk is longer"],
        Text::new(
            "No end of line within the limit: the peer does not end its messages with one, or a message is longer than \
             the reader's buffer.",
            "在上限之内没有找到行尾：对端的消息不以换行结束，或者消息比读缓冲区长。",
        ),
        &["fix-delimiter"],
    ),
    said(
        "bufio.Scanner: token too long",
        &["token too long"],
        Text::new(
            "Go's Scanner found no end of line within 64 KiB: a longer message, or a peer that sends none.",
            "Go 的 Scanner 在 64 KiB 内没有找到行尾：消息更长，或者对端根本不发换行。",
        ),
        &["fix-delimiter"],
    ),
    said(
        "unexpected EOF",
        &["unexpected eof", "errunexpectedeof", "eofexception", "premature end", "early eof"],
        Text::new(
            "The stream ended inside a message: the peer closed too early, or announced more than it sent.",
            "流在消息中间结束：对端过早关闭，或者宣布的比发送的多。",
        ),
        &["tcp-close", "fix-exact"],
    ),
    said(
        "TooLongFrameException",
        &["adjusted frame length", "toolongframe", "frame length exceeds"],
        Text::new(
            "Netty read a length over its limit. The number in the text is what it read plus the size of the field (and \
             its place): take that away, and look at its bytes.",
            "Netty 读到的长度超过上限。文中的数等于读到的数加上长度字段的大小（和偏移）：减掉之后看它的字节。",
        ),
        &["fix-header"],
    ),
    said(
        "Invalid receive",
        &["invalid receive", "invalidreceiveexception"],
        Text::new(
            "Kafka read the first four bytes of another protocol as a length; mostly TLS at a plain port, or HTTP.",
            "Kafka 把另一种协议的前四个字节当成了长度；多半是向明文端口说 TLS，或者 HTTP。",
        ),
        &["fix-header"],
    ),
    said(
        "frame too large",
        &[
            "frame size",
            "larger than max",
            "frame too large",
            "message length",
            "packet too large",
            "packet size",
            "invalid length",
        ],
        Text::new(
            "A length was read that cannot be one: another protocol, another byte order, text, or a reader that lost its \
             place. Look at the number: stickdemo explain NUMBER.",
            "读到了不可能的长度：别的协议、别的字节序、文本，或读的一方错了位。查这个数：stickdemo explain 数字。",
        ),
        &["fix-header"],
    ),
    said(
        "Packets out of order",
        &["packets out of order", "packet sequence number wrong"],
        Text::new(
            "MySQL numbers its packets, and the next number was wrong: two threads use one connection, or a reader took \
             too many bytes, or too few.",
            "MySQL 给分组编号，下一个号不对：两个线程共用一个连接，或者读多了、读少了字节。",
        ),
        &["fix-exact"],
    ),
    said(
        "a bytes-like object is required",
        &["bytes-like object is required", "must be bytes", "must be str, not bytes"],
        Text::new(
            "Sockets carry bytes. Encode first, and take the length afterwards: the length of the text is another number.",
            "套接字传的是字节。先编码，再取长度：文本的长度是另一个数。",
        ),
        &["fix-characters"],
    ),
    said(
        "ValueError: invalid literal for int()",
        &["invalid literal for int", "numberformatexception", "parseint"],
        Text::new(
            "A length in decimal text had something stuck to it: the body came in the same recv.",
            "十进制文本长度后面粘着别的东西：正文在同一次 recv 里到了。",
        ),
        &["fix-ack", "fix-sleep"],
    ),
    said(
        "recv returns b''",
        &["b''", "returns empty", "return 0", "returns 0", "空字节", "返回空"],
        Text::new(
            "The peer has closed its sending side: the end of the stream. It stays so; a loop that goes on never ends.",
            "对端关闭了发送方向：流结束了。以后每次都是这样；不退出的循环永远转下去。",
        ),
        &["tcp-close", "tcp-empty"],
    ),
    said(
        "40 ms",
        &["40 ms", "40ms", "40 毫秒", "40毫秒", "200 ms", "200ms"],
        Text::new(
            "Two small writes and then a read: the Nagle algorithm holds the second until the first is acknowledged, and \
             the receiver delays that ACK (40 ms on Linux, up to 200 ms on Windows).",
            "两次小的写，然后等响应：Nagle 算法扣住第二次写，直到第一次被确认，而接收方推迟了这个 ACK（Linux 约 40 ms，\
             Windows 可达 200 ms）。",
        ),
        &["tcp-stall"],
    ),
    said(
        "the last message is never printed",
        &["last message", "never printed", "hangs", "blocks forever", "stuck", "卡住", "卡死", "一直阻塞"],
        Text::new(
            "Each end waits for the other: a receiver for bytes that were never announced, or a sender for a receiver that \
             does not read. Nothing in TCP says that a message is complete.",
            "两端互相等待：接收方在等并没有要来的字节，或者发送方在等不读的接收方。TCP 不会说一条消息已经完整。",
        ),
        &["fix-broken-loops", "tcp-empty", "tcp-window"],
    ),
    said(
        "半包",
        &["半包"],
        Text::new(
            "Half a message came out of a recv: it was longer than the size asked for, or the rest had not come yet.",
            "一次 recv 只取到半条消息：消息比所要的大小长，或者其余还没到。",
        ),
        &["tcp-short-recv", "fix-header"],
    ),
    said(
        "拆包",
        &["拆包"],
        Text::new(
            "One send left as several segments, or came out of several recvs.",
            "一次 send 成了几个报文段，或者分几次 recv 才取完。",
        ),
        &["tcp-split", "fix-header"],
    ),
    said(
        "粘包",
        &["粘包", "黏包", "沾包", "sticky packet"],
        Text::new(
            "Two messages came out of one recv. Nothing sticks: TCP has no message boundaries, and the program must write \
             its own.",
            "两条消息从一次 recv 里取出。其实什么也没有“粘”：TCP 没有消息边界，程序要自己写上。",
        ),
        &["tcp-naive", "fix-header"],
    ),
];

/// Everything that this text, or this number, is a sign of.
pub(super) fn recognised(asked: &str) -> Vec<&'static Symptom> {
    let lower = asked.to_lowercase();
    let words: Vec<&str> = lower.split(|c: char| !c.is_ascii_alphanumeric()).collect();
    let numbered = |symptom: &&Symptom| {
        let numbers = symptom.errno.unwrap_or_default();
        let named = numbers.iter().any(|n| words.windows(2).any(|w| says_errno(w[0]) && w[1] == n.to_string()));
        named || numbers.iter().any(|n| lower.trim() == n.to_string())
    };
    let named = |symptom: &&Symptom| {
        let name = symptom.name.to_lowercase();
        words.contains(&name.as_str()) || lower == name || symptom.texts.iter().any(|text| lower.contains(text))
    };
    SYMPTOMS.iter().filter(|symptom| numbered(symptom) || named(symptom)).collect()
}

/// What stands before a number of an error: `[Errno 104]`, `[WinError 10054]`, `(os error 104)`.
fn says_errno(word: &str) -> bool {
    ["errno", "winerror", "error", "code", "wsa"].contains(&word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_is_in_capitals_and_each_finds_its_own() {
        for symptom in &SYMPTOMS {
            assert!(symptom.means.en != symptom.means.zh && !symptom.see.is_empty(), "{}", symptom.name);
            for text in symptom.texts {
                assert_eq!(text.to_lowercase(), *text);
                assert!(recognised(text).iter().any(|found| found.name == symptom.name), "{text}");
            }
            assert!(recognised(symptom.name).iter().any(|found| found.name == symptom.name), "{}", symptom.name);
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_numbers_are_this_systems() {
        for symptom in &SYMPTOMS {
            let Some([linux, ..]) = symptom.errno else { continue };
            let error = std::io::Error::from_raw_os_error(i32::try_from(linux).expect("a small number"));
            assert_eq!(crate::sys::errno::name(&error), symptom.name);
        }
    }
}
