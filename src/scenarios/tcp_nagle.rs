//! The Nagle algorithm merges small sends at the sender while an ACK is outstanding; NODELAY does not, and the
//! receiver that comes late gets everything in one recv either way. Over a link, where a segment has a size, also what
//! the ACK must be of: on Linux of a small segment.

use super::prelude::*;
use super::segments::{self, Segments, arrived_before, sizes};
use crate::net::Result;

pub(super) fn scenario() -> Scenario {
    Scenario::new("tcp-nagle", SyllabusPart::Tcp, &["D0", "D1 §10", "D2 §2", "D3 §10"])
        .title("ten small sends, Nagle on and off", "十次小 send：Nagle 开与关")
        .question(
            "ten small sends: does the Nagle algorithm decide what recv gets?",
            "十次小 send：recv 得到什么，由 Nagle 算法决定吗？",
        )
        .claim(
            "Nagle merges small sends at the sender; without it the late receiver still gets all in one recv.",
            "Nagle 算法在发送方合并小数据；关掉它，来得晚的接收方仍一次 recv 全部取到。",
        )
        .takes(&[Opt::Nodelay, Opt::RecvSize, Opt::Race, Opt::Gap])
        .recv_size(1024)
        .client(client)
        .server(server)
        .judge(judge)
        .impossible(segments::uncounted)
        .restarts()
        .on_link(Variation::Nothing)
        .words("small-packets cork 纳格 合并 小包")
        .teach(teach)
}

const BYTES: &[u8] = b"0123456789";

static SETTINGS: [(Act, bool); 2] = [
    (Act::new("nagle", "the Nagle algorithm is on", "Nagle 算法开着"), false),
    (Act::new("nodelay", "the Nagle algorithm is off", "Nagle 算法关掉"), true),
];

static BEHIND_FULL: Act =
    Act::new("behind-full", "Nagle is on: a full segment, then small ones", "Nagle 开着：先是满的报文段，再是小的");

/// On loopback a segment is as large as what is sent.
fn behind_full(end: &End) -> Option<&'static Act> {
    (end.linked() && end.settings().nodelay != Some(true)).then_some(&BEHIND_FULL)
}

/// Both settings of TCP_NODELAY in turn, or the learner's alone.
fn settings(end: &End) -> impl Iterator<Item = &'static (Act, bool)> + use<> {
    let chosen = end.settings().nodelay;
    SETTINGS.iter().filter(move |(_, nodelay)| chosen.is_none_or(|on| on == *nodelay))
}

fn client(end: &End) -> Ends {
    for (_, nodelay) in end.titled_acts(settings(end)) {
        let s = connect(end, *nodelay)?;
        send_each(end, &s)?;
        // Nagle holds bytes only while an ACK is outstanding: no segment is acknowledged yet, unless the scheduler
        // kept this thread away for longer than an ACK is delayed.
        let sent = s.evidence();
        if !nodelay && waits_for_nothing(end) && sent.segments_out != sent.unacked {
            return Err(s.spoiled("an ACK was there too soon", "ACK 到得太早"));
        }
        finish(end, &s)?;
    }
    small_behind_full(end)
}

/// The ten sends; a pause between them when the learner asked for one, in which an ACK may come.
fn send_each(end: &End, s: &Conn) -> Result<()> {
    for (nth, byte) in BYTES.chunks(1).enumerate() {
        if nth > 0 {
            end.gap()?;
        }
        s.send(byte)?;
    }
    Ok(())
}

/// Between two sends there is no time for an ACK, unless the learner gave it some.
fn waits_for_nothing(end: &End) -> bool {
    !end.settings().race && end.settings().gap.is_none()
}

/// Linux holds a small segment back behind a small one alone: of these the first leaves and the second waits.
fn small_behind_full(end: &End) -> Ends {
    for _ in end.titled_acts(behind_full(end)) {
        let s = connect(end, false)?;
        let full = s.evidence().mss.unwrap_or(0) as usize;
        s.send(&vec![b'x'; full])?;
        s.send(b"y")?;
        s.send(b"z")?;
        let sent = s.evidence();
        if waits_for_nothing(end) && sent.segments_out != sent.unacked {
            return Err(s.spoiled("an ACK was there too soon", "ACK 到得太早"));
        }
        finish(end, &s)?;
    }
    Ok(())
}

fn connect(end: &End, nodelay: bool) -> anyhow::Result<Conn> {
    let s = end.tcp().nodelay(nodelay).connect()?;
    segments::began_as_usual(&s)?;
    end.pass("acks", Text::new("until the server has set its ACKs", "等到服务器设好确认方式"))?;
    Ok(s)
}

/// The next connection begins when this one is over at both ends.
fn finish(end: &End, s: &Conn) -> Result<()> {
    s.wait_acked()?;
    s.shutdown_write()?;
    s.recv_to_end(end.recv_size())
}

fn server(end: &End) -> Ends {
    // Nagle waits for an ACK, so that one is delayed. NODELAY waits for none; a late ACK would only make
    // the sender's kernel repeat a segment (a tail-loss probe).
    let listener = end.listen()?;
    receive(end, &listener, |nodelay| nodelay)?;
    for _ in end.acts(behind_full(end)) {
        let conn = listener.accept()?;
        conn.set_quickack(true)?;
        end.open("acks");
        conn.wait_peer_gone()?;
        conn.recv_to_end(end.recv_size())?;
    }
    Ok(())
}

fn receive(end: &End, listener: &Listener, quickack: fn(bool) -> bool) -> Ends {
    for (_, nodelay) in end.acts(settings(end)) {
        let conn = listener.accept()?;
        conn.set_quickack(quickack(*nodelay))?;
        end.open("acks");
        conn.wait_queued(BYTES.len())?;
        conn.recv_to_end(end.recv_size())?;
    }
    Ok(())
}

fn judge(j: &Judge) {
    for ((_, nodelay), act) in j.acts(&SETTINGS) {
        let Some(segments) = j.segments_in(&act, Client) else { continue };
        match nodelay {
            false => judge_nagle(j, &act, segments),
            true => judge_nodelay(j, &act, segments),
        }
    }
    side_by_side(j);
    let firsts = j.firsts(&SETTINGS, |act| act.recvs(Server));
    let messages: Vec<usize> = firsts.iter().map(|e| e.messages().len()).collect();
    j.claim(
        "late-receiver",
        "the receiver that came late got them all in one recv",
        "来得晚的接收方一次 recv 全部取到",
    )
    .of(&firsts)
    .in_order(vec![BYTES.len(); messages.len()], messages, |each| {
        say!("messages in each first recv: {each}", "首次 recv 里的消息数：{each}")
    });
    j.acts([&BEHIND_FULL]).for_each(|(_, act)| judge_behind_full(j, &act));
}

/// RFC 9293 would have the first small segment wait as well.
fn judge_behind_full(j: &Judge, act: &Scope) {
    let sends = act.sends(Client);
    let [y, z] = [1, 2].map(|nth| sends.just(nth));
    let told = |send: &Events| send.first().map(|e| e.evidence).unwrap_or_default();
    j.claim(
        "small-behind-full",
        "Nagle on Linux: behind a full segment a small one leaves at once",
        "Linux 的 Nagle：跟在满报文段后面的小报文段立刻发出",
    )
    .of(&y)
    .equal([2, 2], [told(&y).new_segments().unwrap_or(0), told(&y).unacked.unwrap_or(0)], |[left, unacked]| {
        say!("segments: {left}, unacknowledged: {unacked}", "报文段：{left} 个，未被确认：{unacked} 个")
    });
    j.claim(
        "small-behind-small",
        "Nagle on Linux: behind a small segment the next one waits",
        "Linux 的 Nagle：跟在小报文段后面的要等",
    )
    .of(&z)
    .equal([2, 1], [told(&z).new_segments().unwrap_or(0), told(&z).unsent.unwrap_or(0)], |[left, unsent]| {
        say!("segments: {left}, unsent: {unsent} bytes", "报文段：{left} 个，未发出：{unsent} 字节")
    });

    let Some(link) = Segments::sent_with(j.trace(), &sends) else { return };
    let data = link.new_data();
    let acked = y.first().and_then(|small| link.ack_of(small));
    let waited = data.last().zip(acked).is_some_and(|(last, ack)| arrived_before(ack, last));
    let full = sends.first().map_or(0, |e| e.bytes.len());
    let due = sizes([full, 1, 1]);
    let side = |bytes: String, after: bool| match after {
        true => say!("{bytes} bytes, the last after the ACK", "{bytes} 字节，最后一个在 ACK 之后"),
        false => say!("{bytes} bytes, the last not after the ACK", "{bytes} 字节，最后一个不在 ACK 之后"),
    };
    j.claim(
        "small-ack-lets-go",
        "on the link: the last left after the small one's ACK",
        "链路上：最后一个在小报文段的 ACK 之后离开",
    )
    .shown_by(data)
    .same(side(due, true), side(link.new_sizes(), waited));
}

/// The same sends, with the algorithm and without it.
fn side_by_side(j: &Judge) {
    let heads = [
        Text::new("", ""),
        Text::new("sends", "发送"),
        Text::new("segments", "报文段"),
        Text::new("messages in the first recv", "首次 recv 里的消息"),
    ];
    let row = |(setting, act): (&(Act, bool), Scope)| {
        let segments = act.new_segments(Client)?;
        let messages = act.recvs(Server).with_data().first()?.messages().len();
        let cells = [&act.sends(Client).len() as &dyn Value, &segments, &messages].map(|value| j.cell(value));
        Some((setting.0.title.clone(), cells))
    };
    j.table(heads, j.acts(&SETTINGS).filter_map(row));
}

fn judge_nagle(j: &Judge, act: &Scope, segments: u64) {
    let sends = act.sends(Client);
    let last = sends.just_last();
    let kernel = last.first().map(|e| e.evidence).unwrap_or_default();
    let rest = sends.len().saturating_sub(1);
    j.claim(
        "nagle-holds",
        "Nagle: the first byte left alone, the others wait for its ACK",
        "Nagle：首字节单独发出，其余等它的 ACK",
    )
    .of(&last)
    .equal(
        [1, rest as u32],
        [kernel.new_segments().unwrap_or(0), kernel.unsent.unwrap_or(0)],
        |[segments, unsent]| {
            say!("segments: {segments}, unsent: {unsent} bytes", "报文段：{segments} 个，未发出：{unsent} 字节")
        },
    );
    j.claim(
        "nagle-merges",
        "Nagle: then they left together, in one segment (coalescing)",
        "Nagle：随后它们合成一个报文段发出（合并）",
    )
    .of(&sends)
    .of(&act.counted(Client))
    .equal([2], [segments], |[n]| say!("segments: {n}", "报文段：{n} 个"));

    // The same, as the link saw it; and the second segment left when the first one's ACK had arrived.
    let Some(link) = Segments::sent_with(j.trace(), &sends) else { return };
    let data = link.new_data();
    let ack = sends.first().and_then(|first| link.ack_of(first));
    let late = data.get(1).zip(ack).is_some_and(|(second, ack)| arrived_before(ack, second));
    let side = |bytes: String, after: bool| match after {
        true => say!("{bytes} bytes, the second after the ACK", "{bytes} 字节，第二个在 ACK 之后"),
        false => say!("{bytes} bytes, the second not after the ACK", "{bytes} 字节，第二个在 ACK 并非之后"),
    };
    j.claim("ack-lets-go", "Nagle: on the link, the rest left after the ACK", "Nagle：链路上，其余在 ACK 之后离开")
        .shown_by(data)
        .same(side(format!("1 + {rest}"), true), side(link.new_sizes(), late));
}

fn judge_nodelay(j: &Judge, act: &Scope, segments: u64) {
    let sends = act.sends(Client);
    j.claim(
        "nodelay-keeps-apart",
        "TCP_NODELAY: every send left as a segment",
        "TCP_NODELAY：每次 send 各成一个报文段",
    )
    .of(&sends)
    .of(&act.counted(Client))
    .equal([sends.len() as u64], [segments], |[n]| say!("segments: {n}", "报文段：{n} 个"));

    let Some(link) = Segments::sent_with(j.trace(), &sends) else { return };
    j.claim("a-segment-each", "TCP_NODELAY: on the link, a segment each", "TCP_NODELAY：链路上，每次各成一个报文段")
        .shown_by(link.new_data())
        .equal([sizes(sends.iter().map(|_| 1))], [link.new_sizes()], |[n]| say!("{n} bytes", "{n} 字节"));
}

fn teach(t: Teaching) -> Teaching {
    t.why_in(
        &SETTINGS[0].0,
        "The Nagle algorithm: while a small segment is unacknowledged, the next small one waits for its ACK.",
        "Nagle 算法：前一个不满的报文段还没有被确认，下一个不满的就要等它的 ACK。",
        "RFC 896; RFC 9293 §3.7.4",
    )
    .why_in(
        &BEHIND_FULL,
        "The RFC makes it wait behind full ones, too; Linux lets it go behind them (Minshall's variant).",
        "按 RFC，前面是满报文段也要等；Linux 让它跟在满报文段后面发出（Minshall 的变体）。",
        "draft-minshall-nagle-01; Linux net/ipv4/tcp_output.c",
    )
    .why_in(
        &SETTINGS[0].0,
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
    .next("tcp-nagle --control", "ACKs at once: Nagle holds nothing", "立即确认：Nagle 开着，却什么也没扣住")
    .next("tcp-nagle --link", "the ACK on its way, and what waits for it", "路上的 ACK，以及跟在什么后面不用等")
    .next("fix-nodelay", "turning Nagle off, as a fix: it is none", "把关掉 Nagle 当解法：无效")
    .next("tcp-split", "the reverse: one send, several segments", "反过来：一次 send，几个报文段")
    .control(
        "the receiver acknowledges at once (TCP_QUICKACK 1): no ACK is ever outstanding",
        "接收方立即确认（TCP_QUICKACK 为 1）：发送方没有要等的 ACK",
        |e| {
            e.client(client_acked_at_once).server(|end| receive(end, &end.listen()?, |_| true));
        },
    )
}

/// The control's server acknowledges at once. Over a link that takes a round trip, which this client lets pass before
/// it sends again.
fn client_acked_at_once(end: &End) -> Ends {
    for (_, nodelay) in end.titled_acts(settings(end)) {
        let s = connect(end, *nodelay)?;
        for (nth, byte) in BYTES.chunks(1).enumerate() {
            if nth > 0 {
                end.gap()?;
            }
            s.send(byte)?;
            if end.linked() {
                s.wait_acked()?;
            }
        }
        finish(end, &s)?;
    }
    Ok(())
}
