//! One send of 4000 bytes leaves as several segments and comes out of several recvs; neither cut is a message's.

use super::prelude::*;
use super::segments::{Segments, sizes};
use crate::net::Tcp;

pub(super) fn scenario() -> Scenario {
    Scenario::new("tcp-split", Part::Tcp, &["D0", "D1 §10", "D3 §10"])
        .title("one send, several segments", "一次 send，多个报文段")
        .claim(
            "One send leaves as several segments (拆包) and comes out of several recvs; neither cut is a message's.",
            "一次 send 会被拆成几个报文段发出，又分几次 recv 取出（拆包）；两种切口都不是消息边界。",
        )
        .takes(&[Opt::RecvSize, Opt::Race])
        .recv_size(1024)
        .client(client)
        .server(server)
        .judge(judge)
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
    s.wait_acked()?;
    s.close()?;
    Ok(())
}

fn server(end: &End) -> Ends {
    let listener = end.tcp().listen()?;
    let conn = listener.accept()?;
    conn.expect(&message());
    conn.wait_queued(LENGTH)?;
    while !conn.recv(end.recv_size())?.is_empty() {}
    conn.close()?;
    Ok(())
}

/// The control: the loopback's own segment size, or that of a link with large packets, larger than the message.
fn client_with_large_segments(end: &End) -> Ends {
    send(end.tcp())
}

fn judge(j: &Judge) {
    let mss = j.sends(Client).last().and_then(|e| e.evidence.mss).and_then(|n| usize::try_from(n).ok());
    match mss.filter(|mss| *mss > 0) {
        Some(mss) => judge_segments(j, mss),
        None if j.trace().saw(Client) => {
            j.limit_segments();
        }
        None => {}
    }

    let pieces: Vec<&Event> = j.recvs(Server).into_iter().filter(|e| e.returned != Some(0)).collect();
    let count = pieces.len();
    let sizes = pieces.iter().filter_map(|e| e.returned).map(grouped).collect::<Vec<_>>().join(" + ");
    j.claim("several-recvs", "the one send came out of several recvs", "一次 send 分成几次 recv 才取完")
        .needs(Server)
        .shown_by(pieces.iter().copied())
        .that(
            count > 1,
            Text::new("recvs: more than 1", "recv：不止 1 次"),
            say!("recvs: {count} ({sizes} bytes)", "recv：{count} 次（{sizes} 字节）"),
        );

    let mut ends: Vec<usize> = pieces.iter().filter_map(|e| e.spans.last()).map(|s| s.offset + s.len).collect();
    ends.pop();
    if let (Some(mss), false) = (mss, ends.is_empty()) {
        let cuts = ends.iter().map(|at| grouped(*at)).collect::<Vec<_>>().join("; ");
        j.claim("cuts-differ", "no recv ended where a full segment ends", "没有一次 recv 恰好停在满报文段的末尾")
            .needs(Client)
            .needs(Server)
            .shown_by(pieces)
            .that(
                ends.iter().all(|end| end % mss != 0),
                Text::new("no cut at a multiple of the MSS", "切口都不在 MSS 的整数倍上"),
                say!("cuts at {cuts}", "切口在 {cuts}"),
            );
    }
}

/// One send, more than one segment: as many as its bytes need at the size the kernel named.
fn judge_segments(j: &Judge, mss: usize) {
    let sends = j.sends(Client);
    let sent: usize = sends.iter().filter_map(|e| e.returned).sum();
    let segments = j.trace().segments().unwrap_or(0);
    let needed = sent.div_ceil(mss) as u64;
    let [bytes, left] = [grouped(sent), grouped(segments)];
    j.claim("one-send-many-segments", "one send left as several segments", "一次 send 分成几个报文段发出（拆包）")
        .needs(Client)
        .shown_by(sends)
        .that(
            segments > 1 && segments == needed,
            Text::new("segments: more than 1 (bytes / MSS, rounded up)", "报文段：不止 1 个（字节数 ÷ MSS，向上取整）"),
            say!("segments: {left} ({bytes} bytes)", "报文段：{left} 个（{bytes} 字节）"),
        );
    on_the_link(j, mss, sent);
}

/// The same, as the link saw it: full segments, and what is left.
fn on_the_link(j: &Judge, mss: usize, sent: usize) {
    let client = j.sends(Client).last().and_then(|e| e.sock);
    let Some(segments) = client.and_then(|sock| Segments::of(j.trace(), sock)) else { return };
    let expected = sizes((0..sent).step_by(mss).map(|at| mss.min(sent - at)));
    let seen = segments.new_sizes();
    j.claim("full-segments", "on the link: every segment full, but the last", "链路上：除最后一个外，每个报文段都装满")
        .needs(Client)
        .shown_by(segments.new_data())
        .that(seen == expected, say!("{expected} bytes", "{expected} 字节"), say!("{seen} bytes", "{seen} 字节"));
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
    .next(
        "tcp-split --recv-size 4000",
        "room for all of it: still several segments, one recv",
        "放得下全部：仍是几个报文段，recv 却只有一次",
    )
    .next("tcp-split --control", "one segment; recv cuts all the same", "只有一个报文段，recv 照样切开")
    .next("tcp-split --link", "the segments as packets, an arrow each", "每个报文段是一个分组，一个箭头")
    .next("fix-exact", "reading exactly what remains", "剩多少读多少")
    .next("tcp-empty", "a send of no bytes at all", "一个字节也没有的 send")
    .control(
        "no limit on the segment size: the loopback's, or a link's with an MTU of 9000, is larger than the message",
        "不限制报文段大小：本机回环的 MSS，或 MTU 为 9000 的链路的 MSS，比消息还大",
        |s| {
            s.client(client_with_large_segments);
            s.link = "mtu=9000";
        },
    )
}
