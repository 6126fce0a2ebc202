//! What one may have read, in a learner's words, and the run that shows otherwise.

use crate::text::Text;

/// A sentence that is not so.
#[derive(Clone, Debug)]
pub struct Myth {
    /// As it is read and said.
    pub said: Text,
    /// What is so.
    pub really: Text,
    /// What follows `stickdemo` to see it.
    pub see: &'static str,
}

const fn myth(said: Text, really: Text, see: &'static str) -> Myth {
    Myth { said, really, see }
}

/// Every one, in the order in which they are met.
pub static MYTHS: [Myth; 20] = [
    myth(
        Text::new("TCP glues packets together: a defect of TCP", "TCP 会把包粘在一起，这是 TCP 的缺陷"),
        Text::new("TCP carries a stream of bytes and never promised boundaries", "TCP 传的是字节流，从未承诺保留边界"),
        "tcp-naive",
    ),
    myth(
        Text::new(
            "the Nagle algorithm is why messages stick; TCP_NODELAY cures it",
            "粘包是 Nagle 算法造成的，设置 TCP_NODELAY 就好了",
        ),
        Text::new(
            "with it the messages still come out of one recv: a late receiver suffices",
            "设置之后一次 recv 仍然取出两条：接收方来晚就够了",
        ),
        "fix-nodelay",
    ),
    myth(
        Text::new("a sleep between the sends keeps them apart", "两次 send 之间 sleep 一下就不粘了"),
        Text::new("only while the receiver is idle; luck, bought with time", "只有接收方空闲时才行；用时间买运气"),
        "fix-sleep",
    ),
    myth(
        Text::new("one recv returns one segment, or one packet", "一次 recv 取到一个报文段（一个包）"),
        Text::new("recv cuts the stream where it likes; segments leave no trace in it", "recv 与报文段的边界无关"),
        "tcp-split",
    ),
    myth(
        Text::new("recv(n) waits until n bytes are there", "recv(n) 会等到 n 个字节"),
        Text::new("n is a maximum; it returns as soon as something is there", "n 是上限，有数据就返回"),
        "fix-broken-loops",
    ),
    myth(
        Text::new("a bigger buffer cures it", "把缓冲区开大就好了"),
        Text::new(
            "recv(2 MiB) returns what is queued, not a message of 1 MB",
            "recv(2 MiB) 取到的是队列里已有的，不是一条 1 MB 的消息",
        ),
        "fix-bigger-buffer",
    ),
    myth(
        Text::new("what did not fit waits for the next recv, over UDP too", "没取完的留给下一次 recv，UDP 也一样"),
        Text::new(
            "TCP keeps the rest; UDP throws the tail of the datagram away",
            "TCP 留着其余部分；UDP 把数据报的尾部丢掉",
        ),
        "udp-truncate",
    ),
    myth(
        Text::new("with a header all is well: recv(4) returns the four bytes", "有了报头就行：recv(4) 一定取到 4 字节"),
        Text::new("it may return one to four; the header wants a loop, too", "可能只取到 1 到 4 字节；读报头也要循环"),
        "fix-one-recv",
    ),
    myth(
        Text::new("struct.pack('i', n) is the same on every machine", "struct.pack('i', n) 在哪台机器上都一样"),
        Text::new(
            "it is the byte order of the machine that packs; '!i' is network order",
            "用的是打包机器的字节序；'!i' 才是网络字节序",
        ),
        "fix-header",
    ),
    myth(
        Text::new("the length of a message is len(text)", "消息的长度就是 len(字符串)"),
        Text::new(
            "that counts characters; 粘包 has 2 of them and 6 bytes",
            "那数的是字符：“粘包”是 2 个字符，6 个字节",
        ),
        "fix-characters",
    ),
    myth(
        Text::new(
            "while got < size: recv(1024) receives exactly a file",
            "while 已收 < 大小: recv(1024) 恰好收完一个文件",
        ),
        Text::new("the last recv also takes what follows the file", "最后一次 recv 会连同文件后面的内容一起取走"),
        "fix-exact",
    ),
    myth(
        Text::new("waiting for an ok between length and body costs nothing", "长度和正文之间等一个 ok 没有代价"),
        Text::new("it costs one more round trip for each message", "每条消息多一次往返"),
        "fix-ack",
    ),
    myth(
        Text::new("40 ms for each request: the network is slow", "每个请求 40 ms：网络慢"),
        Text::new(
            "Nagle's algorithm waits for a delayed ACK, on loopback, too",
            "是 Nagle 算法在等延迟确认，回环上也一样",
        ),
        "tcp-stall",
    ),
    myth(
        Text::new("send returned without an error: the peer has it", "send 没报错，对方就收到了"),
        Text::new("it means that the kernel took the bytes, no more", "只表示内核收下了这些字节"),
        "tcp-close",
    ),
    myth(
        Text::new("sending nothing sends an empty message", "发送空内容，对方会收到一条空消息"),
        Text::new(
            "over TCP nothing leaves and nobody wakes; over UDP it does arrive",
            "TCP 什么也不发，谁也不会醒；UDP 会到",
        ),
        "tcp-empty",
    ),
    myth(
        Text::new("UDP loses nothing on loopback", "UDP 在回环上不会丢"),
        Text::new("a full receive buffer drops, and no send fails", "接收缓冲区满了就丢，而且没有一次发送失败"),
        "udp-loss",
    ),
    myth(
        Text::new("UDP to where nobody listens is an error", "向没人监听的端口发 UDP 会报错"),
        Text::new("an unconnected socket is never told", "未连接的套接字永远不会知道"),
        "udp-no-server",
    ),
    myth(
        Text::new("UDP never joins sends, and takes any size", "UDP 永远不会合并，多大都能发"),
        Text::new("MSG_MORE joins them; more than 65,507 bytes are refused", "MSG_MORE 会合并；超过 65,507 字节被拒绝"),
        "udp-boundaries",
    ),
    myth(
        Text::new("SO_REUSEADDR on the new server frees the port", "新服务器设置 SO_REUSEADDR 就能拿到端口"),
        Text::new(
            "the old one must have set it, too, or the client closed first",
            "旧服务器也要设置过，或者是客户端先关闭",
        ),
        "tcp-reuseaddr",
    ),
    myth(
        Text::new("listen(5) means five clients", "listen(5) 表示最多五个客户端"),
        Text::new("it is how many connections may wait for accept", "那是等待 accept 的连接数"),
        "tcp-backlog",
    ),
];
