//! Write, write, read: the second write waits for an ACK that the receiver keeps back, in the hope of an answer to
//! send it with, which it cannot give before it has the second write.

use super::prelude::*;
use super::segments::{Segments, arrived_before};
use crate::framing::{Framing, I32_LE};
use crate::net::{NetError, Outgoing, evidence};
use crate::play::NotPossible;
use crate::trace::packet::Packet;
use crate::trace::{Role, SockId, Trace};
use std::io::ErrorKind::{BrokenPipe, ConnectionReset};
use std::slice::Iter;

pub(super) fn scenario() -> Scenario {
    Scenario::new("tcp-stall", Part::Link, &["D0", "D1 §12", "D2 §4", "D3 §10"])
.title("write, write, read", "写、写、读")
.claim("Header and body in two writes: each round waits for the receiver's delayed ACK, about 40 ms, unless one of three things is done.", "头部和正文分两次写：每一轮都要等接收方的延迟确认，约 40 毫秒；三种办法都能免去。")
.client(client)
.server(server)
.judge(judge)
.impossible(|| {
            (!evidence::COUNTS_SEGMENTS).then(|| {
                Text::new(
                    "only Linux lets a program delay its ACKs (TCP_QUICKACK) and see what is unsent",
                    "只有 Linux 能让程序推迟确认（TCP_QUICKACK），并看到未发出的字节",
                )
            })
        })
.teach(teach)
}

/// What the rounds of a connection ask, each behind its length (`struct.pack('i', n)`).
const WORDS: [&[u8]; 3] = [b"hello", b"feng", b"hello feng"];

/// How a request is handed over, or acknowledged.
#[derive(Clone, Copy, PartialEq)]
enum Way {
    /// Header and body in a write each.
    TwoWrites,
    /// Both in one.
    OneWrite,
    /// Two writes, TCP_NODELAY at the sender.
    Nodelay,
    /// Two writes, TCP_QUICKACK at the receiver when it has read the header.
    Quickack,
}

const WAYS: [Way; 4] = [Way::TwoWrites, Way::OneWrite, Way::Nodelay, Way::Quickack];

impl Way {
    fn title(self) -> Text {
        match self {
            Way::TwoWrites => Text::new("two writes", "两次写"),
            Way::OneWrite => Text::new("one write for both", "合成一次写"),
            Way::Nodelay => Text::new("two writes, TCP_NODELAY", "两次写，TCP_NODELAY"),
            Way::Quickack => Text::new("two writes, TCP_QUICKACK", "两次写，TCP_QUICKACK"),
        }
    }
}

/// The gates, in the order in which both ends come to them: one a connection, and of the last way one a round;
/// those after a new start included.
const GATES: [&str; 24] = [
    "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16", "17", "18", "19", "20",
    "21", "22", "23", "24",
];

type Gates = Iter<'static, &'static str>;

fn next(gates: &mut Gates) -> Result<&'static str, NotPossible> {
    gates.next().copied().ok_or_else(|| {
        NotPossible(Text::new(
            "this machine is too busy: again and again one of the ends was away for longer than an ACK is delayed",
            "本机太忙：总有一端离开 CPU 的时间超过了延迟确认的时间",
        ))
    })
}

fn client(end: &End) -> Ends {
    ask_each_way(end, true)
}

fn ask_each_way(end: &End, nagle: bool) -> Ends {
    let mut gates = GATES.iter();
    for way in WAYS {
        end.note(way.title());
        while !again_if_reset(ask_rounds(end, way, nagle, &mut gates))? {
            end.note(Text::new("an ACK was there too soon: again", "ACK 到得太早：重来一次"));
        }
    }
    Ok(())
}

/// False when a round showed nothing. The connection is reset then, which tells the other end, in whatever
/// process, that another one follows.
fn ask_rounds(end: &End, way: Way, nagle: bool, gates: &mut Gates) -> anyhow::Result<bool> {
    let gate = next(gates)?;
    let stalls = way == Way::TwoWrites && nagle;
    let s = end.tcp().nodelay(way == Way::Nodelay || way == Way::TwoWrites && !nagle).connect()?;
    end.pass(gate, Text::new("until the server has set its ACKs", "等到服务器设好确认方式"))?;
    for word in WORDS {
        let request = request(end, word)?;
        s.expect(&word.to_ascii_uppercase());
        write(&s, &request, way)?;
        if way == Way::Quickack {
            end.open(next(gates)?);
        }
        if stalls && s.evidence().unsent == Some(0) {
            start_again(s)?;
            return Ok(false);
        }
        s.recv(end.recv_size())?;
    }
    // The next connection begins when this one is over at both ends.
    s.shutdown_write()?;
    while !s.recv(end.recv_size())?.is_empty() {}
    s.close()?;
    Ok(true)
}

fn request(end: &End, word: &[u8]) -> anyhow::Result<Outgoing> {
    Ok(end.framed(I32_LE.frame(word).map_err(Text::from)?, I32_LE.width(), None))
}

fn write(s: &Conn, request: &Outgoing, way: Way) -> Ends {
    if way == Way::OneWrite {
        s.send_all(request.whole())?;
    } else {
        s.send_all(request.header())?;
        s.send_all(request.body())?;
    }
    Ok(())
}

fn start_again(conn: Conn) -> Ends {
    conn.set_linger_zero()?;
    conn.close()?;
    Ok(())
}

/// A connection that the other end reset ended early, and nothing is wrong.
fn again_if_reset(result: anyhow::Result<bool>) -> anyhow::Result<bool> {
    let kind = |error: &anyhow::Error| error.downcast_ref().and_then(NetError::kind);
    match result {
        Err(error) if matches!(kind(&error), Some(ConnectionReset | BrokenPipe)) => Ok(false),
        result => result,
    }
}

fn server(end: &End) -> Ends {
    let listener = end.tcp().listen()?;
    let mut gates = GATES.iter();
    for way in WAYS {
        while !again_if_reset(answer_rounds(end, way, &listener, &mut gates))? {}
    }
    Ok(())
}

fn answer_rounds(end: &End, way: Way, listener: &Listener, gates: &mut Gates) -> anyhow::Result<bool> {
    let gate = next(gates)?;
    let conn = listener.accept()?;
    conn.set_quickack(false)?;
    end.open(gate);
    for word in WORDS {
        let request = I32_LE.frame(word).map_err(Text::from)?;
        conn.expect_framed(&request, I32_LE.width(), None);
        if way == Way::Quickack {
            if !acknowledged_in_the_call(end, &conn, next(gates)?)? {
                start_again(conn)?;
                return Ok(false);
            }
            conn.deliver(&conn.recv_exact(word.len(), word.len())?);
        } else {
            conn.wait_queued(request.len())?;
            conn.recv(end.recv_size())?;
        }
        // Before the answer: it carries the ACK, and the next request is there before the call returns.
        conn.set_quickack(false)?;
        conn.send(&word.to_ascii_uppercase())?;
    }
    while !conn.recv(end.recv_size())?.is_empty() {}
    conn.close()?;
    Ok(true)
}

/// Reads the header and asks for its ACK once the client has written all; false when its timer had sent it already.
/// With the header unread no ACK would leave: the kernel still hopes to announce a new window with it.
fn acknowledged_in_the_call(end: &End, conn: &Conn, written: &'static str) -> anyhow::Result<bool> {
    // A lone server does not see the client write, and must not pause: the ACK would leave by itself.
    if !end.alone() {
        end.pass(written, Text::new("until the client has written both", "等到客户端两次都写完"))?;
    }
    conn.wait_queued(I32_LE.width())?;
    conn.recv(I32_LE.width())?;
    Ok(conn.acknowledge_now()?)
}

/// The control: without the Nagle algorithm the first way, too, waits for no ACK, however late it is.
fn client_without_nagle(end: &End) -> Ends {
    ask_each_way(end, false)
}

/// One write, write, read as the client recorded it.
struct Round<'a> {
    writes: Vec<&'a Event>,
    answer: Option<&'a Event>,
    /// How many bytes of the connection's stream went before it.
    offset: usize,
}

impl Round<'_> {
    fn unsent(&self) -> u64 {
        self.writes.last().and_then(|e| e.evidence.unsent).unwrap_or(0)
    }

    /// Segments that left because of the second write.
    fn left(&self) -> u64 {
        let segments = |event: Option<&&Event>| event.and_then(|e| e.evidence.new_segments()).unwrap_or(0);
        segments(self.writes.last()).saturating_sub(segments(self.writes.first()))
    }

    /// From the first write to the answer, in microseconds.
    fn took_us(&self) -> Option<u64> {
        Some(self.answer?.end_us.saturating_sub(self.writes.first()?.t_us))
    }
}

/// The connection of a way: of those that were not reset, the one at its place.
fn connection(trace: &Trace, role: Role, way: Way) -> Option<SockId> {
    let begins = if role == Client { Call::Connect } else { Call::Accept };
    let linger = |e: &Event| e.note.as_ref().is_some_and(|note| note.en == "SO_LINGER");
    let reset = |sock| trace.events.iter().any(|e| e.sock == Some(sock) && (!e.ok() || linger(e)));
    let mut whole = trace.calls(role, begins).filter_map(|e| e.sock).filter(|sock| !reset(*sock));
    whole.nth(WAYS.iter().position(|w| *w == way)?)
}

fn rounds<'a>(trace: &'a Trace, way: Way) -> Vec<Round<'a>> {
    let mut rounds: Vec<Round<'a>> = Vec::new();
    let Some(sock) = connection(trace, Client, way) else { return rounds };
    let mut offset = 0;
    for event in trace.events.iter().filter(|e| e.sock == Some(sock)) {
        match (event.call, rounds.last_mut()) {
            (Call::Send, Some(round)) if round.answer.is_none() => round.writes.push(event),
            (Call::Send, _) => rounds.push(Round { writes: vec![event], answer: None, offset }),
            (Call::Recv, Some(round)) if !event.bytes.is_empty() => round.answer = Some(event),
            _ => {}
        }
        offset += if event.call == Call::Send { event.bytes.len() } else { 0 };
    }
    rounds
}

fn joined(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join("; ")
}

fn judge(j: &Judge) {
    let stalled = rounds(j.trace(), Way::TwoWrites);
    second_write_waits(j, &stalled);
    match j.trace().packets.is_empty() {
        true => until_the_timer(j, &stalled),
        false => until_the_ack(j, &stalled),
    }
    let text = Text::new("both in one write: nothing waits", "合成一次写：什么也不用等");
    nothing_waits(j, "one-write-leaves", text, Way::OneWrite);
    let text = Text::new("TCP_NODELAY: the second write waits for no ACK", "TCP_NODELAY：第二次写不等 ACK");
    nothing_waits(j, "nodelay-leaves", text, Way::Nodelay);
    ack_on_demand(j);
}

fn second_write_waits(j: &Judge, rounds: &[Round]) {
    let expected = joined(WORDS.iter().map(|word| format!("0, {}", word.len())));
    let seen = joined(rounds.iter().map(|round| format!("{}, {}", round.left(), round.unsent())));
    j.claim(
        "second-write-waits",
        "two writes: the second one stays in the sender's kernel",
        "两次写：第二次留在发送方内核里",
    )
    .needs(Client)
    .shown_by(rounds.iter().filter_map(|round| round.writes.last().copied()))
    .that(
        seen == expected,
        say!("segments left, bytes unsent: {expected}", "发出报文段、未发出字节：{expected}"),
        say!("segments left, bytes unsent: {seen}", "发出报文段、未发出字节：{seen}"),
    );
}

/// The shortest time for which Linux delays an ACK is 40 ms, by a clock that may tick every 10.
const LEAST_US: u64 = 30_000;

fn at_least() -> Text {
    let ms = LEAST_US / 1000;
    say!("at least {ms} ms each", "每次至少 {ms} 毫秒")
}

fn until_the_timer(j: &Judge, rounds: &[Round]) {
    let took: Vec<u64> = rounds.iter().filter_map(Round::took_us).collect();
    let times = joined(took.iter().map(|us| j.ms(*us)));
    j.claim(
        "until-the-timer",
        "each such round lasted until the ACK's timer ran out",
        "每一轮都拖到延迟确认的定时器到期",
    )
    .needs(Client)
    .shown_by(rounds.iter().filter_map(|round| round.answer))
    .that(
        took.len() == WORDS.len() && took.iter().all(|us| *us >= LEAST_US),
        at_least(),
        say!("{times} ms", "{times} 毫秒"),
    );
}

/// What the link saw of a round with two writes.
struct Crossing<'a> {
    /// When the header was there, microseconds since the run began.
    header_us: u64,
    /// Until the ACK left all had arrived once and in order. Else the receiver was right not to keep it back: the
    /// link doubled something, or a machine away for long had it sent again.
    in_order: bool,
    ack: &'a Packet,
    body: &'a Packet,
}

impl<'a> Crossing<'a> {
    fn of(trace: &'a Trace, way: Way, round: &Round) -> Option<Crossing<'a>> {
        let segments = Segments::of(trace, connection(trace, Client, way)?)?;
        let middle = round.offset + round.writes.first()?.bytes.len();
        let ack = segments.ack_of(middle)?;
        Some(Crossing {
            header_us: *segments.carrying(round.offset).flat_map(|p| &p.arrivals).min()?,
            in_order: segments.in_order_until(ack.t_us),
            ack,
            body: segments.carrying(middle).next()?,
        })
    }

    /// How long the receiver kept the ACK back, in microseconds.
    fn kept_us(&self) -> u64 {
        self.ack.t_us.saturating_sub(self.header_us)
    }
}

fn until_the_ack(j: &Judge, rounds: &[Round]) {
    let all: Vec<Crossing> = rounds.iter().filter_map(|r| Crossing::of(j.trace(), Way::TwoWrites, r)).collect();
    let kept: Vec<u64> = all.iter().filter(|c| c.in_order).map(Crossing::kept_us).collect();
    if !kept.is_empty() || all.is_empty() {
        let times = joined(kept.iter().map(|us| j.ms(*us)));
        j.claim("ack-kept-back", "the receiver kept the header's ACK back", "接收方扣住了头部的 ACK")
            .needs(Client)
            .needs(Server)
            .shown_by(all.iter().map(|c| c.ack))
            .that(
                !kept.is_empty() && kept.iter().all(|us| *us >= LEAST_US),
                at_least(),
                say!("{times} ms", "{times} 毫秒"),
            );
    }
    let (wanted, after) = (WORDS.len(), all.iter().filter(|c| arrived_before(c.ack, c.body)).count());
    j.claim("ack-frees-the-rest", "the body left only when that ACK had arrived", "那个 ACK 到了，正文才离开")
        .needs(Client)
        .needs(Server)
        .shown_by(all.iter().map(|c| c.body))
        .that(
            after == wanted,
            say!("{wanted} of {wanted} bodies after the ACK", "{wanted} 个正文中 {wanted} 个在 ACK 之后"),
            say!("{after} of {wanted} bodies after the ACK", "{wanted} 个正文中 {after} 个在 ACK 之后"),
        );
}

/// ` (0.05; 0.04; 0.04 ms)`: how long the rounds took; nothing when they were not recorded here.
fn times(j: &Judge, rounds: &[Round]) -> Text {
    let times = joined(rounds.iter().filter_map(Round::took_us).map(|us| j.ms(us)));
    if times.is_empty() { Text::new("", "") } else { say!(" ({times} ms)", "（{times} 毫秒）") }
}

fn nothing_waits(j: &Judge, id: &'static str, text: Text, way: Way) {
    let rounds = rounds(j.trace(), way);
    let unsent = joined(rounds.iter().map(|round| round.unsent().to_string()));
    let times = times(j, &rounds);
    let none = joined(WORDS.iter().map(|_| "0".to_owned()));
    j.claim_text(id, text).needs(Client).shown_by(rounds.iter().filter_map(|round| round.writes.last().copied())).that(
        unsent == none,
        say!("bytes unsent: {none}", "未发出字节：{none}"),
        say!("bytes unsent: {unsent}{{}}", "未发出字节：{unsent}{{}}").with(&times),
    );
}

/// With TCP_QUICKACK the ACK leaves within the call: the kernel's count of segments without data grows in it.
fn ack_on_demand(j: &Judge) {
    let trace = j.trace();
    let sock = connection(trace, Server, Way::Quickack);
    let of_it: Vec<&Event> = trace.events.iter().filter(|e| sock.is_some() && e.sock == sock).collect();
    let asks = |e: &Event| e.call == Call::SetSockOpt && e.asked == Some(1);
    let calls: Vec<[&Event; 2]> = of_it.windows(2).filter(|e| asks(e[1])).map(|e| [e[0], e[1]]).collect();
    let sent = calls.iter().filter(|[before, call]| call.evidence.acks_out > before.evidence.acks_out).count();
    let wanted = WORDS.len();
    let times = times(j, &rounds(trace, Way::Quickack));
    j.claim("ack-on-demand", "TCP_QUICKACK: the ACK left in that call", "TCP_QUICKACK：ACK 就在这次调用里发出")
        .needs(Server)
        .shown_by(calls.iter().map(|[_, call]| *call))
        .that(
            sent == wanted,
            say!("{wanted} of {wanted} calls sent an ACK", "{wanted} 次调用中 {wanted} 次发出 ACK"),
            say!("{sent} of {wanted} calls sent an ACK{{}}", "{wanted} 次调用中 {sent} 次发出 ACK{{}}").with(&times),
        );
}

fn teach(t: Teaching) -> Teaching {
    t.why(
        "The Nagle algorithm: the body is not a full segment and waits until the header is acknowledged.",
        "Nagle 算法：正文装不满一个报文段，要等头部被确认。",
        "RFC 896; RFC 9293 §3.7.4",
    )
    .why(
        "The receiver delays its ACK, up to 500 ms, hoping to send it along with an answer; Linux waits 40 ms.",
        "接收方延迟确认（最多 500 毫秒），想让它搭着回答一起走；Linux 等 40 毫秒。",
        "RFC 9293 §3.8.6.3; RFC 5681 §4.2",
    )
    .why(
        "TCP_NODELAY ends the first wait, TCP_QUICKACK the second; one write gives neither an occasion.",
        "TCP_NODELAY 免去前一种等待，TCP_QUICKACK 免去后一种；合成一次写，两种等待都不会出现。",
        "tcp(7)",
    )
    .next("tcp-stall --link", "the ACK arrives, and then the body leaves", "ACK 到了，正文才离开")
    .next("tcp-stall --control", "without the Nagle algorithm nothing stalls", "没有 Nagle 算法，就没有停顿")
    .next("tcp-nagle", "the algorithm by itself", "单看这个算法")
    .next("link-loss", "what a lost packet costs UDP, and TCP", "丢一个分组，UDP 和 TCP 各付出什么")
    .control(
        "the Nagle algorithm is off from the beginning: a late ACK holds nothing up",
        "从头就关掉 Nagle 算法：ACK 再晚，也耽误不了什么",
        |s| {
            s.client(client_without_nagle);
        },
    )
}
