//! Turning the Nagle algorithm off does not bring boundaries back: the receiver merges what arrived in two segments.
//!
//! The two ends are those of [`tcp_naive`]; one socket option is all that differs.

use super::{Control, Next, Part, Scenario, Why, tcp_naive};
use crate::claims::Judge;
use crate::net::{Opt, Settings};
use crate::text::Text;
use crate::trace::Call;
use crate::trace::Role::Client;

fn judge(j: &mut Judge) {
    tcp_naive::judge(j);
    let is_nodelay = |note: &Text| note.en == "TCP_NODELAY";
    let set = j.trace().calls(Client, Call::SetSockOpt).find(|e| e.note.as_ref().is_some_and(is_nodelay));
    let effective = set.and_then(|e| e.returned);
    j.claim("nodelay-on", &[Client], Text::new("the sender's Nagle algorithm is off", "发送方的 Nagle 算法已关闭"))
        .expected(Text::same("TCP_NODELAY = 1"))
        .actual(effective.map_or(Text::new("never set", "没有设置过"), |on| Text::same(format!("TCP_NODELAY = {on}"))))
        .shown_by(set)
        .holds(effective == Some(1));
}

pub(super) fn scenario() -> Scenario {
    Scenario {
        id: "fix-nodelay",
        part: Part::NoFix,
        title: Text::new("turning the Nagle algorithm off", "关掉 Nagle 算法"),
        claim: Text::new(
            "With TCP_NODELAY the two messages still come out of one recv: the Nagle algorithm is not the cause.",
            "设置了 TCP_NODELAY，两条消息仍被一次 recv 取出：原因并不在 Nagle 算法。",
        ),
        documents: &["D0", "D1 §10", "D2 §2", "D3 §10"],
        takes: &[Opt::Sndbuf, Opt::Rcvbuf, Opt::RecvSize, Opt::Race],
        defaults: Settings { nodelay: Some(true), recv_size: Some(10), ..Settings::NONE },
        client: tcp_naive::client,
        server: Some(tcp_naive::server),
        judge,
        why: vec![
            Why {
                text: Text::new(
                    "TCP_NODELAY sends each segment at once; it says nothing about how recv cuts the stream.",
                    "TCP_NODELAY 只让报文段立即发出，并不规定 recv 怎样切分字节流。",
                ),
                source: "tcp(7)",
            },
            Why {
                text: Text::new(
                    "The Nagle algorithm holds a small segment while another is unacknowledged; it is one cause of \
                     merging, at the sender, and not the only one.",
                    "Nagle 算法在有未确认数据时暂存小报文段；它只是发送方合并的一种原因，不是唯一的原因。",
                ),
                source: "RFC 9293 §3.7.4",
            },
        ],
        next: vec![
            Next {
                command: "tcp-nagle",
                shows: Text::new(
                    "what the Nagle algorithm really does, in segments",
                    "用报文段看 Nagle 算法究竟做了什么",
                ),
            },
            Next {
                command: "fix-nodelay --race --repeat 200",
                shows: Text::new("how often they stick when nobody waits", "谁也不等谁时，有多少次粘在一起"),
            },
            Next {
                command: "fix-header",
                shows: Text::new("what does bring the boundaries back", "真正能找回边界的做法"),
            },
            Next {
                command: "fix-bigger-buffer",
                shows: Text::new("a larger recv, then?", "那么把 recv 的大小调大呢？"),
            },
        ],
        control: Control {
            change: Text::new(
                "lock step: the receiver reads each message before the next is sent",
                "步步等待：接收方读走一条，发送方才发下一条",
            ),
            apply: |s| {
                s.client = tcp_naive::client_in_lock_step;
                s.server = Some(tcp_naive::server_in_lock_step);
            },
        },
        ..Scenario::blank()
    }
}
