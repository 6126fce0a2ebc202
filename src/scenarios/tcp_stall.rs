//! Write, write, read: the second write waits for an ACK that the receiver keeps back, in the hope of an answer to
//! send it with, which it cannot give before it has the second write.

use super::prelude::*;
use super::segments::{self, Segments, arrived_before};
use crate::framing::{Framing, I32_LE};
use crate::net::statistics;
use crate::trace::Part::{Body, Header};
use crate::trace::packet::Packet;

pub(super) fn scenario() -> Scenario {
    Scenario::new("tcp-stall", SyllabusPart::Link, &["D0", "D1 §12", "D2 §4", "D3 §10"])
        .title("write, write, read", "写、写、读")
        .question(
            "write header, write body, read: why 40 ms a round?",
            "写报头、写正文、读响应：为什么每轮要 40 毫秒？",
        )
        .claim(
            "Header and body in two writes: each round waits for the receiver's delayed ACK, about 40 ms, unless one \
             of three things is done.",
            "报头和正文分两次写：每一轮都要等接收方的延迟确认，约 40 毫秒；三种办法都能免去。",
        )
        .client(|end| ask(end, true))
        .server(server)
        .judge(judge)
        .restarts()
        .impossible(|| {
            let reason = Text::new(
                "only Linux lets a program delay its ACKs (TCP_QUICKACK) and see what is unsent",
                "只有 Linux 能让程序推迟确认（TCP_QUICKACK），并看到未发出的字节",
            );
            (!Conn::SETS_ACKS || !statistics::counts_segments()).then_some(reason)
        })
        .words("40ms 40-ms delay slow delayed-ack quickack 延迟 延迟确认 卡顿 40毫秒")
        .teach(teach)
}

/// What the rounds of a connection ask, each behind its length (`struct.pack('i', n)`).
const WORDS: [&[u8]; 3] = [b"hello", b"feng", b"hello feng"];
const ROUNDS: usize = WORDS.len();

/// How a request is handed over, or acknowledged.
#[derive(Clone, Copy, PartialEq)]
enum SendMethod {
    TwoWrites,
    OneWrite,
    Nodelay,
    /// At the receiver, when it has read the header.
    Quickack,
}

static WAYS: [(Act, SendMethod); 4] = [
    (Act::new("two-writes", "two writes", "两次写"), SendMethod::TwoWrites),
    (Act::new("one-write", "one write for both", "合成一次写"), SendMethod::OneWrite),
    (Act::new("nodelay", "two writes, TCP_NODELAY", "两次写，TCP_NODELAY"), SendMethod::Nodelay),
    (Act::new("quickack", "two writes, TCP_QUICKACK", "两次写，TCP_QUICKACK"), SendMethod::Quickack),
];

fn ask(end: &End, nagle: bool) -> Ends {
    for &(_, way) in end.titled_acts(&WAYS) {
        let nodelay = way == SendMethod::Nodelay || way == SendMethod::TwoWrites && !nagle;
        let s = end.tcp().nodelay(nodelay).connect()?;
        segments::began_as_usual(&s)?;
        end.pass("acks", Text::new("until the server has set its ACKs", "等到服务器设好确认方式"))?;
        for word in WORDS {
            let request = end.framed(I32_LE.frame(word)?, I32_LE.width(), None);
            if way == SendMethod::OneWrite {
                s.send_all(request.whole())?;
            } else {
                s.send_all(request.header())?;
                s.send_all(request.body())?;
            }
            if way == SendMethod::Quickack {
                end.open("written");
            }
            if way == SendMethod::TwoWrites && !nodelay && s.evidence().unsent == Some(0) {
                return Err(s.spoiled("an ACK was there too soon", "ACK 到得太早"));
            }
            s.recv(end.recv_size())?;
        }
        // The next connection begins when this one is over at both ends.
        s.shutdown_write()?;
        s.recv_to_end(end.recv_size())?;
    }
    Ok(())
}

fn server(end: &End) -> Ends {
    let listener = end.listen()?;
    for &(_, way) in end.acts(&WAYS) {
        let conn = listener.accept()?;
        conn.set_quickack(false)?;
        end.open("acks");
        for word in WORDS {
            if way != SendMethod::Quickack {
                conn.wait_queued(I32_LE.width() + word.len())?;
                conn.recv(end.recv_size())?;
            } else if acknowledged_in_the_call(end, &conn)? {
                conn.deliver(&conn.recv_exact(word.len(), word.len())?);
            } else {
                return Err(conn.spoiled("an ACK had left by itself", "ACK 已自行发出"));
            }
            // Before the answer: it carries the ACK, and the next request is there before the call returns.
            conn.set_quickack(false)?;
            conn.send(&word.to_ascii_uppercase())?;
        }
        conn.recv_to_end(end.recv_size())?;
    }
    Ok(())
}

/// Reads the header and asks for its ACK once the client has written all; false when its timer had sent it already.
/// With the header unread no ACK would leave: the kernel still hopes to announce a new window with it.
fn acknowledged_in_the_call(end: &End, conn: &Conn) -> anyhow::Result<bool> {
    // A lone server does not see the client write, and must not pause: the ACK would leave by itself.
    if !end.alone() {
        end.pass("written", Text::new("until the client has written both", "等到客户端两次都写完"))?;
    }
    conn.wait_queued(I32_LE.width())?;
    conn.recv(I32_LE.width())?;
    Ok(conn.acknowledge_now()?)
}

/// Write, write, read, round after round, as the client recorded it; in one write, header and body are the same call.
struct RoundTrips<'a> {
    headers: Events<'a>,
    bodies: Events<'a>,
    answers: Events<'a>,
}

impl<'a> RoundTrips<'a> {
    fn of(act: &Scope<'a>) -> RoundTrips<'a> {
        let [headers, bodies] = [Header, Body].map(|part| act.sends(Client).with_part(part));
        RoundTrips { headers, bodies, answers: act.recvs(Client).with_data() }
    }

    /// From the first write to the answer.
    fn took(&self) -> Vec<Measured> {
        let rounds = self.headers.iter().zip(self.answers.iter());
        rounds.map(|(header, answer)| Measured(answer.end_us.saturating_sub(header.t_us))).collect()
    }

    /// ` (0.05; 0.04; 0.04 ms)`: how long they took; nothing when they were not recorded here.
    fn times(&self, j: &Judge) -> Option<Sentence> {
        let times = || j.sentence([&self.took()], |[times]| say!(" ({times} ms)", "（{times} 毫秒）"));
        (!self.answers.is_empty()).then(times)
    }
}

fn judge(j: &Judge) {
    let [stalled, one_write, nodelay, quickack] = WAYS.each_ref().map(|way| RoundTrips::of(&j.act(way)));
    side_by_side(j, [&stalled, &one_write, &nodelay, &quickack]);
    second_write_waits(j, &stalled);
    match Segments::sent_with(j.trace(), &stalled.headers) {
        None => until_the_timer(j, &stalled),
        Some(link) => until_the_ack(j, &stalled, &link),
    }
    for (rounds, id, en, zh) in [
        (one_write, "one-write-leaves", "both in one write: nothing waits", "合成一次写：什么也不用等"),
        (nodelay, "nodelay-leaves", "TCP_NODELAY: the second write waits for no ACK", "TCP_NODELAY：第二次写不等 ACK"),
    ] {
        let unsent = rounds.bodies.iter().filter_map(|e| e.evidence.unsent).collect();
        let claim = j.claim(id, en, zh).of(&rounds.bodies).beside(rounds.times(j));
        claim.in_order(vec![0; ROUNDS], unsent, |each| say!("bytes unsent: {each}", "未发出字节：{each}"));
    }
    ack_on_demand(j, &quickack);
}

/// The four ways beside each other, round by round.
fn side_by_side(j: &Judge, ways: [&RoundTrips; 4]) {
    let heads = [
        Text::new("header and body in", "报头和正文"),
        Text::new("ms a round", "每轮毫秒"),
        Text::new("bytes left unsent", "留下未发出的字节"),
    ];
    let rows = WAYS.iter().zip(ways).map(|((act, _), rounds)| {
        let unsent: Vec<u32> = rounds.bodies.iter().filter_map(|e| e.evidence.unsent).collect();
        (act.title.clone(), [j.cell(&rounds.took()), j.cell(&unsent)])
    });
    j.table(heads, rows);
}

fn second_write_waits(j: &Judge, RoundTrips { headers, bodies, .. }: &RoundTrips) {
    let left = |e: &Event| e.evidence.new_segments().unwrap_or(0);
    let seen = headers.iter().zip(bodies.iter()).map(|(header, body)| {
        let unsent = body.evidence.unsent.unwrap_or(0);
        format!("{}, {unsent}", left(body).saturating_sub(left(header)))
    });
    let due = WORDS.map(|word| format!("0, {}", word.len()));
    j.claim(
        "second-write-waits",
        "two writes: the second one stays in the sender's kernel",
        "两次写：第二次留在发送方内核里",
    )
    .of(bodies)
    .in_order(due.to_vec(), seen.collect(), |each| {
        say!("segments left, bytes unsent: {each}", "发出报文段、未发出字节：{each}")
    });
}

/// The shortest time for which Linux delays an ACK is 40 ms, by a clock that may tick every 10.
const LEAST: Measured = Measured(30_000);

/// So many times were measured, and none is shorter than an ACK is delayed.
fn as_late_as_the_timer(j: &Judge, claim: Draft, times: &Vec<Measured>, wanted: usize) {
    let ms = LEAST.0 / 1000;
    claim.that(
        times.len() == wanted && times.iter().all(|time| *time >= LEAST),
        say!("{wanted} times at least {ms} ms", "{wanted} 次，每次至少 {ms} 毫秒"),
        j.sentence([times], |[times]| say!("{times} ms", "{times} 毫秒")),
    );
}

fn until_the_timer(j: &Judge, rounds: &RoundTrips) {
    let claim = j.claim(
        "until-the-timer",
        "each such round lasted until the ACK's timer ran out",
        "每一轮都拖到延迟确认的定时器到期",
    );
    as_late_as_the_timer(j, claim.of(&rounds.answers), &rounds.took(), ROUNDS);
}

fn until_the_ack(j: &Judge, rounds: &RoundTrips, link: &Segments) {
    let acks: Vec<&Packet> = rounds.headers.iter().filter_map(|header| link.ack_of(header)).collect();
    let kept: Vec<Measured> = rounds.headers.iter().filter_map(|header| link.ack_kept_back(header)).collect();
    if !kept.is_empty() || acks.is_empty() {
        let claim = j.claim("ack-kept-back", "the receiver kept the header's ACK back", "接收方扣住了报头的 ACK");
        as_late_as_the_timer(j, claim.shown_by(acks.iter().copied()), &kept, kept.len().max(1));
    }
    let bodies: Vec<&Packet> = rounds.bodies.iter().filter_map(|body| link.carrying(body).next()).collect();
    let after = acks.iter().zip(&bodies).filter(|(ack, body)| arrived_before(ack, body)).count();
    j.claim("ack-frees-the-rest", "the body left only when that ACK had arrived", "那个 收到 ACK 后才发出正文")
        .shown_by(bodies)
        .equal([ROUNDS], [after], |[n]| {
            say!("{n} of {ROUNDS} bodies after the ACK", "{ROUNDS} 个正文中 {n} 个在 ACK 之后")
        });
}

/// With TCP_QUICKACK the ACK leaves within the call: the kernel's count of segments without data grows in it.
fn ack_on_demand(j: &Judge, rounds: &RoundTrips) {
    let act = j.act(&WAYS[3]);
    let calls = act.options(Server, "TCP_QUICKACK").only(|e| e.asked == Some(1));
    let reads = act.recvs(Server).with_part(Header);
    let sent = reads.iter().zip(calls.iter()).filter(|(read, call)| call.evidence.acks_out > read.evidence.acks_out);
    j.claim("ack-on-demand", "TCP_QUICKACK: the ACK left in that call", "TCP_QUICKACK：ACK 就在这次调用里发出")
        .of(&calls)
        .beside(rounds.times(j))
        .equal([ROUNDS], [sent.count()], |[n]| {
            say!("{n} of {ROUNDS} calls sent an ACK", "{ROUNDS} 次调用中 {n} 次发出 ACK")
        });
}

fn teach(t: Teaching) -> Teaching {
    t.why(
        "Nagle's sender keeps the body until the header is acknowledged; the receiver keeps that ACK (delayed ACK).",
        "发送方（Nagle 算法）扣住正文，要等报头被确认；接收方扣住这个 ACK（延迟确认）。",
        "RFC 896; RFC 9293 §3.7.4, §3.8.6.3",
    )
    .why(
        "An ACK may be delayed, up to 500 ms, in the hope of an answer to send it with; Linux waits 40 ms.",
        "确认可以推迟（最多 500 毫秒），好搭着响应一起走；Linux 等 40 毫秒。",
        "RFC 9293 §3.8.6.3; RFC 5681 §4.2",
    )
    .why(
        "TCP_NODELAY ends the first wait, TCP_QUICKACK the second; with one write neither wait occurs.",
        "TCP_NODELAY 免去前一种等待，TCP_QUICKACK 免去后一种；合成一次写，两种等待都不会出现。",
        "tcp(7)",
    )
    .next("tcp-stall --link", "the ACK arrives, and then the body leaves", "收到 ACK 后才发出正文")
    .next("tcp-stall --control", "without Nagle nothing stalls", "没有 Nagle 算法，就没有停顿")
    .next("tcp-nagle", "the algorithm by itself", "单看这个算法")
    .next("link-loss", "what a lost packet costs UDP, and TCP", "丢一个分组，UDP 和 TCP 各付出什么")
    .control(
        "the Nagle algorithm is off from the beginning: a late ACK holds nothing up",
        "从头就关掉 Nagle 算法：ACK 再晚，也耽误不了什么",
        |e| {
            e.client(|end| ask(end, false));
        },
    )
}
