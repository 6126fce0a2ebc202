//! One send of 4000 bytes leaves as several segments and comes out of several recvs; neither follows the message.

use super::prelude::*;
use super::segments::{self, Segments, sizes};
use crate::net::Tcp;

pub(super) fn scenario() -> Scenario {
    Scenario::new("tcp-split", SyllabusPart::Tcp, &["D0", "D1 §10", "D3 §10"])
        .title("one send, several segments", "一次 send，多个报文段")
        .question(
            "one send of 4,000 bytes: how many segments, how many recvs?",
            "一次 send 4,000 字节：分成几个报文段，要几次 recv？",
        )
        .claim(
            "One send leaves as several segments (拆包) and comes out of several recvs; neither follows the \
             message.",
            "一次 send 会被拆成几个报文段发出，又分几次 recv 取出（拆包）；两种切口都不是消息边界。",
        )
        .takes(&[Opt::RecvSize, Opt::Race])
        .recv_size(1024)
        .client(client)
        .server(server)
        .judge(judge)
        .words("segment segments segmentation mss 拆包 分包 报文段")
        .impossible(segments::uncounted)
        .teach(teach)
}

const LENGTH: usize = 4000;
/// What an Ethernet with an MTU of 1500 leaves for TCP's data.
const MSS: u32 = 1460;

/// Its own offsets, written out: `0000 0005 0010 ...`, so that a piece shows where it was cut.
fn message() -> Vec<u8> {
    (0..LENGTH).step_by(5).flat_map(|at| format!("{at:04} ").into_bytes()).collect()
}

fn client(end: &End) -> Ends {
    // A link has an MTU of its own, from which the kernels work out the MSS.
    send(if end.linked() { end.tcp() } else { end.tcp().mss(MSS) })
}

fn send(tcp: Tcp) -> Ends {
    let s = tcp.connect()?;
    s.send(&message())?;
    Ok(s.wait_acked()?)
}

fn server(end: &End) -> Ends {
    let listener = end.listen()?;
    let conn = listener.accept()?;
    conn.wait_queued(LENGTH)?;
    Ok(conn.recv_to_end(end.recv_size())?)
}

fn judge(j: &Judge) {
    let send = j.sends(Client).just_last();
    let mss = send.first().and_then(|e| e.evidence.mss).and_then(|n| usize::try_from(n).ok()).filter(|mss| *mss > 0);
    if let (Some(mss), Some(segments)) = (mss, j.segments(Client)) {
        judge_segments(j, &send, mss, segments);
    }

    let pieces = j.recvs(Server).with_data();
    let lengths = sizes(pieces.iter().map(|e| e.bytes.len()));
    j.claim("several-recvs", "the one send came out of several recvs", "一次 send 分成几次 recv 才取完")
        .of(&pieces)
        .beside(j.sentence([&lengths], |[n]| say!(" ({n} bytes)", "（{n} 字节）")))
        .at_least(2, pieces.len(), |n| say!("{n} recvs", "{n} 次 recv"));

    let mut cuts: Vec<usize> = pieces.iter().filter_map(|e| e.spans.last()).map(|s| s.offset + s.len).collect();
    cuts.pop();
    let Some(mss) = mss.filter(|_| !cuts.is_empty()) else { return };
    let alike = cuts.iter().filter(|at| **at % mss == 0).count();
    j.claim("cuts-differ", "no recv ended where a full segment ends", "没有一次 recv 恰好停在满报文段的末尾")
        .of(&send)
        .of(&pieces)
        .beside(j.sentence([&cuts], |[cuts]| say!(" ({cuts})", "（{cuts}）")))
        .equal([0], [alike], |[n]| say!("cuts at a multiple of the MSS: {n}", "切口在 MSS 的整数倍上：{n} 处"));
}

/// One send, more than one segment: as many as its bytes need at the size the kernel named. Bytes that need but one
/// show nothing.
fn judge_segments(j: &Judge, send: &Events, mss: usize, segments: u64) {
    let sent = send.moved();
    j.claim("one-send-many-segments", "one send left as several segments", "一次 send 分成几个报文段发出（拆包）")
        .of(send)
        .beside(j.sentence([&sent], |[n]| say!(" ({n} bytes)", "（{n} 字节）")))
        .equal([sent.div_ceil(mss).max(2) as u64], [segments], |[n]| say!("segments: {n}", "报文段：{n} 个"));

    // The same, as the link saw it: full segments, and what is left.
    let Some(link) = Segments::sent_with(j.trace(), send) else { return };
    let full = sizes((0..sent).step_by(mss).map(|at| mss.min(sent - at)));
    j.claim("full-segments", "on the link: every segment full, but the last", "链路上：除最后一个外，每个报文段都装满")
        .shown_by(link.new_data())
        .equal([full], [link.new_sizes()], |[n]| say!("{n} bytes", "{n} 字节"));
}

fn teach(t: Teaching) -> Teaching {
    t.why(
        "TCP cuts the stream into segments of at most the MSS, which follows from the MTU of the path.",
        "TCP 把字节流切成不超过 MSS 的报文段；MSS 由路径的 MTU 决定。",
        "RFC 9293 §3.7.1",
    )
    .why(
        "The receiving kernel joins them again; recv cuts anew, by its own size.",
        "接收方内核再把它们接成一条流；recv 按自己的大小重新切。",
        "RFC 9293 §2.2",
    )
    .next("tcp-split --recv-size 4000", "several segments, one recv", "几个报文段，一次 recv")
    .next("tcp-split --control", "one segment; recv cuts all the same", "只有一个报文段，recv 照样切开")
    .next("tcp-split --link", "the segments as packets, an arrow each", "每个报文段是一个分组，一个箭头")
    .next("fix-exact", "reading exactly what remains", "剩多少读多少")
    .next("tcp-empty", "a send of no bytes at all", "一个字节也没有的 send")
    .control(
        "no limit on the segment size: the loopback's, or a link's with an MTU of 9000, is larger than the message",
        "不限制报文段大小：本机回环的 MSS，或 MTU 为 9000 的链路的 MSS，比消息还大",
        |e| {
            e.client(|end| send(end.tcp())).link = "mtu=9000";
        },
    )
}
