//! The Nagle algorithm merges small sends at the sender while an ACK is outstanding; NODELAY does not, and the
//! receiver that comes late gets everything in one recv either way.

use super::prelude::*;
use super::segments::{Segments, arrived_before, sizes};
use crate::net::Result;
use crate::play::NotPossible;
use crate::trace::SockId;
use std::io::ErrorKind::ConnectionReset;

pub(super) fn scenario() -> Scenario {
    Scenario::new("tcp-nagle", Part::Tcp, &["D0", "D1 §10", "D2 §2", "D3 §10"])
        .title("ten small sends, Nagle on and off", "十次小 send：Nagle 开与关")
        .claim(
            "Nagle merges small sends at the sender; without it the late receiver still gets all in one recv.",
            "Nagle 算法在发送方合并小数据；关掉它，来得晚的接收方仍一次 recv 全部取到。",
        )
        .takes(&[Opt::Nodelay, Opt::RecvSize, Opt::Race])
        .recv_size(1024)
        .client(client)
        .server(server)
        .judge(judge)
        .restarts()
        .on_link(Variation::Nothing)
        .teach(teach)
}

const BYTES: &[u8] = b"0123456789";

/// The two settings of TCP_NODELAY in turn, or the learner's alone.
fn settings(end: &End) -> Vec<bool> {
    end.settings().nodelay.map_or(vec![false, true], |on| vec![on])
}

/// The receiver has chosen how it acknowledges: a gate per connection, restarts included.
const CHOSEN: [&str; 6] = ["acks", "acks-2", "acks-3", "acks-4", "acks-5", "acks-6"];

fn client(end: &End) -> Ends {
    send_each_way(end, |_, _| Ok(()), none_acked)
}

fn send_each_way(end: &End, between: fn(&End, &Conn) -> Result<()>, as_meant: fn(&Conn) -> bool) -> Ends {
    let mut gates = CHOSEN.iter();
    for nodelay in settings(end) {
        end.note(match nodelay {
            false => Text::new("the Nagle algorithm is on", "Nagle 算法开着"),
            true => Text::new("the Nagle algorithm is off", "Nagle 算法关掉"),
        });
        loop {
            let gate = gates.next().ok_or_else(too_busy)?;
            let s = end.tcp().nodelay(nodelay).connect()?;
            end.pass(*gate, Text::new("until the server has set its ACKs", "等到服务器设好确认方式"))?;
            for byte in BYTES.chunks(1) {
                s.send(byte)?;
                between(end, &s)?;
            }
            if nodelay || as_meant(&s) || end.settings().race {
                s.wait_acked()?;
                // The next connection begins when this one is over at both ends.
                s.shutdown_write()?;
                read_to_end(&s, end.recv_size())?;
                s.close()?;
                break;
            }
            end.note(Text::new("an ACK was there too soon: again", "ACK 到得太早：重来一次"));
            // A reset tells the server, in whatever process, that another connection follows.
            s.set_linger_zero()?;
            s.close()?;
        }
    }
    Ok(())
}

/// Nagle holds bytes only while an ACK is outstanding. When the scheduler kept this thread away for longer
/// than an ACK is delayed, the run shows nothing and starts again: here no segment is acknowledged yet.
fn none_acked(s: &Conn) -> bool {
    let now = s.evidence();
    now.segments_out == now.unacked
}

fn too_busy() -> NotPossible {
    NotPossible(Text::new(
        "this machine is too busy: again and again ten sends took longer than a delayed ACK waits",
        "本机太忙：十次 send 一再超过了延迟确认等待的时间",
    ))
}

fn server(end: &End) -> Ends {
    // Nagle waits for an ACK, so that one is delayed. NODELAY waits for none; a late ACK would only make
    // the sender's kernel repeat a segment (a tail-loss probe).
    receive_each_way(end, |nodelay| nodelay)
}

fn receive_each_way(end: &End, quickack: fn(bool) -> bool) -> Ends {
    let listener = end.tcp().listen()?;
    let mut gates = CHOSEN.iter();
    for nodelay in settings(end) {
        loop {
            let gate = gates.next().ok_or_else(too_busy)?;
            let conn = listener.accept()?;
            BYTES.chunks(1).for_each(|byte| conn.expect(byte));
            conn.set_quickack(quickack(nodelay))?;
            end.open(*gate);
            conn.wait_queued(BYTES.len())?;
            let complete = read_to_end(&conn, end.recv_size())?;
            conn.close()?;
            if complete {
                break;
            }
        }
    }
    Ok(())
}

/// False when the client reset the connection to start again.
fn read_to_end(conn: &Conn, size: usize) -> Result<bool> {
    loop {
        match conn.recv(size) {
            Ok(bytes) if bytes.is_empty() => return Ok(true),
            Ok(_) => {}
            Err(error) if error.kind() == Some(ConnectionReset) => return Ok(false),
            Err(error) => return Err(error),
        }
    }
}

/// The control: the server acknowledges at once, so that there is never an ACK to wait for. Over a link that
/// takes a round trip, which this client lets pass before it sends again.
fn client_acked_at_once(end: &End) -> Ends {
    send_each_way(end, |end, s| if end.linked() { s.wait_acked() } else { Ok(()) }, |_| true)
}

fn server_acking_at_once(end: &End) -> Ends {
    receive_each_way(end, |_| true)
}

fn judge(j: &Judge) {
    if j.trace().saw(Client) && j.trace().segments().is_none() {
        j.limit_segments();
    } else {
        for connection in connections(j) {
            if connection.nodelay { judge_nodelay(j, &connection) } else { judge_nagle(j, &connection) }
        }
    }

    let accepted: Vec<SockId> = j.trace().calls(Server, Call::Accept).filter_map(|e| e.sock).collect();
    let reset = |sock: &SockId| j.trace().events.iter().any(|e| e.sock == Some(*sock) && !e.ok());
    let first_recv = |sock: &SockId| j.recvs(Server).into_iter().find(|e| e.sock == Some(*sock));
    let firsts: Vec<&Event> = accepted.iter().filter(|sock| !reset(sock)).filter_map(first_recv).collect();
    let got = firsts.iter().map(|e| e.messages().len().to_string()).collect::<Vec<_>>().join("; ");
    let all = BYTES.len();
    j.claim(
        "late-receiver",
        "the receiver that came late got them all in one recv",
        "来得晚的接收方一次 recv 全部取到",
    )
    .needs(Server)
    .shown_by(firsts.iter().copied())
    .that(
        !firsts.is_empty() && firsts.iter().all(|e| e.messages().len() == all),
        say!("messages in each first recv: {all}", "首次 recv 里的消息数：{all}"),
        say!("messages in each first recv: {got}", "首次 recv 里的消息数：{got}"),
    );
}

/// One connection as the client's side recorded it.
struct Connection<'a> {
    sock: SockId,
    nodelay: bool,
    sends: Vec<&'a Event>,
    /// New segments, as last reported.
    segments: u64,
}

/// The client's connections, without those that had to start again.
fn connections<'a>(j: &Judge<'a>) -> Vec<Connection<'a>> {
    let trace = j.trace();
    let option = |sock, name| {
        let of_it = move |e: &&Event| e.sock == Some(sock) && e.note.as_ref().is_some_and(|note| note.en == name);
        trace.calls(Client, Call::SetSockOpt).find(of_it)
    };
    let meant = trace.calls(Client, Call::Connect).filter_map(|e| e.sock).filter(|s| option(*s, "SO_LINGER").is_none());
    let told = |sock| {
        let of_it = trace.events.iter().filter(move |e| e.sock == Some(sock));
        of_it.rev().find_map(|e| e.evidence.new_segments()).unwrap_or(0)
    };
    let connection = |sock| Connection {
        sock,
        nodelay: option(sock, "TCP_NODELAY").is_some_and(|e| e.returned == Some(1)),
        sends: j.sends(Client).into_iter().filter(|e| e.sock == Some(sock)).collect(),
        segments: told(sock),
    };
    meant.map(connection).collect()
}

fn judge_nagle(j: &Judge, connection: &Connection) {
    let sends = connection.sends.len();
    let last = connection.sends.last().copied();
    let out = last.and_then(|e| e.evidence.new_segments()).unwrap_or(0);
    let unsent = last.and_then(|e| e.evidence.unsent).unwrap_or(0);
    let rest = sends.saturating_sub(1);
    j.claim(
        "nagle-holds",
        "Nagle: the first byte left alone, the others wait for its ACK",
        "Nagle：首字节单独发出，其余等它的 ACK",
    )
    .needs(Client)
    .shown_by(last)
    .that(
        out == 1 && unsent == rest as u64,
        say!("segments: 1, unsent: {rest} bytes", "报文段：1 个，未发出：{rest} 字节"),
        say!("segments: {out}, unsent: {unsent} bytes", "报文段：{out} 个，未发出：{unsent} 字节"),
    );

    judge_segments(
        j,
        "nagle-merges",
        Text::new(
            "Nagle: then they left together, in one segment (coalescing)",
            "Nagle：随后它们合成一个报文段发出（合并）",
        ),
        connection,
        2,
    );
    nagle_on_the_link(j, connection);
}

/// The same, as the link saw it; and the second segment left when the first one's ACK had arrived.
fn nagle_on_the_link(j: &Judge, connection: &Connection) {
    let Some(segments) = Segments::of(j.trace(), connection.sock) else { return };
    let data = segments.new_data();
    let first = data.first().map_or(0, |p| p.payload_len);
    let late = data.get(1).is_some_and(|second| segments.ack_of(first).is_some_and(|ack| arrived_before(ack, second)));
    let rest = connection.sends.len().saturating_sub(1);
    let (expected, seen) = (format!("1 + {rest}"), segments.new_sizes());
    let after = if late { Text::new("after", "之后") } else { Text::new("not after", "并非之后") };
    j.claim("ack-lets-go", "Nagle: on the link, the rest left after the ACK", "Nagle：链路上，其余在 ACK 之后离开")
        .needs(Client)
        .shown_by(data)
        .that(
            late && seen == expected,
            say!("{expected} bytes, the second after the ACK", "{expected} 字节，第二个在 ACK 之后"),
            say!("{seen} bytes, the second {{}} the ACK", "{seen} 字节，第二个在 ACK {{}}").with(&after),
        );
}

fn judge_nodelay(j: &Judge, connection: &Connection) {
    judge_segments(
        j,
        "nodelay-keeps-apart",
        Text::new("TCP_NODELAY: every send left as a segment", "TCP_NODELAY：每次 send 各成一个报文段"),
        connection,
        connection.sends.len() as u64,
    );
    nodelay_on_the_link(j, connection);
}

/// The same, as the link saw it.
fn nodelay_on_the_link(j: &Judge, connection: &Connection) {
    let Some(segments) = Segments::of(j.trace(), connection.sock) else { return };
    let (data, seen) = (segments.new_data(), segments.new_sizes());
    let expected = sizes(connection.sends.iter().map(|_| 1));
    j.claim("a-segment-each", "TCP_NODELAY: on the link, a segment each", "TCP_NODELAY：链路上，每次各成一个报文段")
        .needs(Client)
        .shown_by(data)
        .that(seen == expected, say!("{expected} bytes", "{expected} 字节"), say!("{seen} bytes", "{seen} 字节"));
}

fn judge_segments(j: &Judge, id: &'static str, text: Text, connection: &Connection, wanted: u64) {
    let Connection { sends, segments, .. } = connection;
    let (n, left) = (sends.len(), grouped(*segments));
    j.claim_text(id, text).needs(Client).shown_by(sends.iter().copied()).that(
        *segments == wanted,
        say!("segments: {wanted} for {n} sends", "{n} 次 send，报文段：{wanted} 个"),
        say!("segments: {left}", "报文段：{left} 个"),
    );
}

fn teach(t: Teaching) -> Teaching {
    t.why(
        "The Nagle algorithm: while data is unacknowledged, a segment that is not full waits for the ACK.",
        "Nagle 算法：还有数据未被确认时，不满的报文段要等 ACK 到了再发。",
        "RFC 896; RFC 9293 §3.7.4",
    )
    .why(
        "The receiver may delay its ACK (here TCP_QUICKACK is 0, about 40 ms), and so the bytes gather.",
        "接收方可以延迟确认（这里 TCP_QUICKACK 为 0，约 40 毫秒），字节就攒了起来。",
        "RFC 9293 §3.8.6.3; tcp(7)",
    )
    .why(
        "recv returns what is queued, from however many segments it came.",
        "recv 返回队列里已有的字节，不管它们来自几个报文段。",
        "recv(2)",
    )
    .next("tcp-nagle --nodelay on", "ten segments, and still one recv", "十个报文段，仍是一次 recv")
    .next("tcp-nagle --control", "ACKs at once: Nagle is on and holds nothing", "立即确认：Nagle 开着，却什么也没扣住")
    .next("tcp-nagle --link", "the ACK on its way, and what it lets go", "路上的 ACK，以及它放行了什么")
    .next("fix-nodelay", "the Nagle algorithm turned off as a fix: it is none", "把关掉 Nagle 当解法：无效")
    .next("tcp-split", "the reverse: one send, several segments", "反过来：一次 send，几个报文段")
    .control(
        "the receiver acknowledges at once (TCP_QUICKACK 1): no ACK is ever outstanding",
        "接收方立即确认（TCP_QUICKACK 为 1）：发送方没有要等的 ACK",
        |s| {
            s.client(client_acked_at_once);
            s.server(server_acking_at_once);
        },
    )
}
