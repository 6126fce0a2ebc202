//! Turning the Nagle algorithm off does not bring boundaries back: the receiver merges what arrived in two segments.
//!
//! The two ends are those of [`tcp_naive`]; one socket option is all that differs.

use super::lock_step::in_step;
use super::prelude::*;
use super::tcp_naive;

pub(super) fn scenario() -> Scenario {
    Scenario::new("fix-nodelay", SyllabusPart::NoFix, &["D0", "D1 §10", "D2 §2", "D3 §10"])
        .title("turning the Nagle algorithm off", "关掉 Nagle 算法")
        .question(
            "TCP_NODELAY is on: do two sends now come out of two recvs?",
            "打开 TCP_NODELAY：两次 send 就会由两次 recv 取出吗？",
        )
        .claim(
            "With TCP_NODELAY the two messages still come out of one recv: the Nagle algorithm is not the cause.",
            "设置了 TCP_NODELAY，两条消息仍被一次 recv 取出：原因并不在 Nagle 算法。",
        )
        .takes(&[Opt::Sndbuf, Opt::Rcvbuf, Opt::RecvSize, Opt::Race, Opt::Gap, Opt::Message])
        .nodelay(true)
        .recv_size(10)
        .messages_in_one_recv(2..=16, 16 << 10)
        .client(tcp_naive::client)
        .server(tcp_naive::server)
        .judge(judge)
        .words("nodelay tcp-nodelay 关闭nagle")
        .teach(teach)
}

fn judge(j: &Judge) {
    tcp_naive::judge(j);
    let set = j.options(Client, "TCP_NODELAY").just_first();
    let effective = set.first().and_then(|e| e.returned).unwrap_or(0);
    j.claim("nodelay-on", "the sender's Nagle algorithm is off", "发送方的 Nagle 算法已关闭").of(&set).equal(
        [1],
        [effective],
        |[on]| Text::same(format!("TCP_NODELAY = {on}")),
    );
}

fn teach(t: Teaching) -> Teaching {
    t.why(
        "TCP_NODELAY sends each segment at once; it says nothing about how recv cuts the stream.",
        "TCP_NODELAY 只让报文段立即发出，并不规定 recv 怎样切分字节流。",
        "tcp(7)",
    )
    .why(
        "The Nagle algorithm holds a small segment while another is unacknowledged; it is one cause of \
                     merging, at the sender, and not the only one.",
        "Nagle 算法在另一个小报文段未被确认时暂存小报文段；它只是发送方合并的一种原因，不是唯一的原因。",
        "RFC 9293 §3.7.4",
    )
    .next("tcp-nagle", "what the Nagle algorithm really does, in segments", "用报文段看 Nagle 算法究竟做了什么")
    .next("fix-nodelay --race --repeat 200", "nobody waits: how often?", "谁也不等谁时，粘几次？")
    .next("fix-header", "what does bring the boundaries back", "真正能找回边界的做法")
    .next("fix-bigger-buffer", "a larger recv, then?", "那么把 recv 的大小调大呢？")
    .control(
        "lock step: the receiver reads each message before the next is sent",
        "停止等待：收一条，发一条",
        in_step(&tcp_naive::WORDS),
    )
}
