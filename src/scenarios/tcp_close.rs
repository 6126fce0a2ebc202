//! When the peer goes away recv says so, every time it is asked: a loop that does not look spins for ever.

use super::prelude::*;
use crate::net::Result;
use std::io::ErrorKind::ConnectionReset;

pub(super) fn scenario() -> Scenario {
    Scenario::new("tcp-close", SyllabusPart::Tcp, &["D1 §7", "D3 §7", "D3 §9"])
        .title("the peer goes away", "对端离开之后")
        .question("the client has gone: what does the server's recv return?", "客户端走了：服务器的 recv 会返回什么？")
        .claim(
            "Once the peer has closed, recv returns empty every time, and a loop that does not check spins for ever; bytes it \
             left unread make a reset of it.",
            "对端关闭后，recv 每次都返回空结果，循环里不检查就会空转不停；对端留下没读的字节，则变成复位。",
        )
        .client(|end| client(end, &VISITS))
        .server(|end| server(end, &VISITS))
        .judge(judge)
        .words("rst reset fin econnreset broken-pipe epipe shutdown hang-up disconnect 关闭 断开")
        .teach(teach)
}

/// How often the loop that would spin for ever may: enough to see it.
const SPINS: usize = 3;

/// A process can be killed here while its peer lives on.
const KILLS: bool = cfg!(unix);

/// Closing with unread bytes surely resets the connection. BSD systems may end it in order (RFC 2525 §2.17).
const RESETS: bool = cfg!(any(target_os = "linux", target_os = "android", windows));

/// What the peer's reset is called.
const RESET: &str = if cfg!(windows) { "WSAECONNRESET" } else { "ECONNRESET" };

/// How a client leaves, and whether the server's loop looks.
struct Visit {
    checked: bool,
    reads: bool,
    killed: bool,
}

const READS: Visit = Visit { checked: true, reads: true, killed: false };
const UNCHECKED: Visit = Visit { checked: false, ..READS };
const UNREAD: Visit = Visit { reads: false, ..READS };
const KILLED: Visit = Visit { killed: true, ..READS };
const KILLED_UNREAD: Visit = Visit { reads: false, ..KILLED };

static VISITS: [(Act, Visit); 5] = [
    (Act::new("1", "client 1: reads, closes; no check", "客户端 1：读完再关闭；不检查"), UNCHECKED),
    (Act::new("2", "client 2: reads, closes", "客户端 2：读完再关闭"), READS),
    (Act::new("3", "client 3: closes, unread", "客户端 3：没读就关闭"), UNREAD),
    (Act::new("4", "client 4: reads, is killed", "客户端 4：读完再被杀死"), KILLED),
    (Act::new("5", "client 5: is killed, unread", "客户端 5：没读就被杀死"), KILLED_UNREAD),
];

type Visits = &'static [(Act, Visit)];

/// Those that can be made here; of an end that is alone, those that can be made anywhere.
fn possible(end: &End, visits: Visits) -> impl Iterator<Item = &'static (Act, Visit)> + use<> {
    let kills = KILLS && !end.settings().portable;
    visits.iter().filter(move |(_, visit)| kills || !visit.killed)
}

fn client(end: &End, visits: Visits) -> Ends {
    for (_, visit) in end.titled_acts(possible(end, visits)) {
        let s = end.connect()?;
        s.send(b"hello")?;
        s.wait_queued(5)?;
        if visit.reads {
            s.recv(1024)?;
        }
        match visit.killed {
            true => s.hand_over()?.kill()?,
            false => s.close()?,
        }
        // The next one comes only then, so that the trace shows one after the other.
        end.pass("served", Text::new("until the server is done", "等到服务器处理完"))?;
    }
    Ok(())
}

fn server(end: &End, visits: Visits) -> Ends {
    let listener = end.listen()?;
    for (_, visit) in end.acts(possible(end, visits)) {
        let conn = listener.accept()?;
        match visit.checked {
            true => echo_with_the_check(&conn)?,
            false => echo_without_the_check(&conn)?,
        }
        conn.close()?;
        end.open("served");
    }
    Ok(())
}

/// The page's loop. Sending the empty result is no error either, so nothing ends it.
fn echo_without_the_check(conn: &Conn) -> Result<()> {
    let mut empty = 0;
    while empty < SPINS {
        let msg = conn.recv(1024)?;
        conn.send(&msg.to_ascii_uppercase())?;
        empty += usize::from(msg.is_empty());
    }
    Ok(())
}

/// The loop with its one line, and with a connection reset as an end, too.
fn echo_with_the_check(conn: &Conn) -> Result<()> {
    loop {
        let msg = match conn.recv(1024) {
            Err(error) if error.kind() == Some(ConnectionReset) => return Ok(()),
            other => other?,
        };
        if msg.is_empty() {
            return Ok(());
        }
        conn.send(&msg.to_ascii_uppercase())?;
    }
}

fn judge(j: &Judge) {
    side_by_side(j);
    let [first, second, third, ..] = VISITS.each_ref().map(|visit| j.act(visit));
    let (spins, ends) = (empty_recvs(&first), empty_recvs(&second));
    let times = |[n]: [String; 1]| say!("empty recvs: {n}", "空的 recv：{n} 次");
    j.claim(
        "spins",
        "a loop without the check: recv comes back empty again and again",
        "不检查的循环：recv 一次又一次返回空结果",
    )
    .of(&spins)
    .equal([SPINS], [spins.len()], times);
    j.claim("check-ends-it", "the one-line check ends the loop at the first", "加一行检查，第一次空结果就结束循环")
        .of(&ends)
        .equal([1], [ends.len()], times);

    let left = third.calls(Client, Call::Close);
    let bytes = left.first().and_then(|e| e.evidence.queued).unwrap_or(0);
    j.claim("left-unread", "the third client closed without reading its answer", "第三个客户端未读取响应就关闭连接")
        .of(&left)
        .equal([5], [bytes], |[n]| say!("unread: {n} bytes", "未读：{n} 字节"));

    if RESETS {
        let last = third.calls(Server, Call::Recv).just_last();
        j.claim(
            "unread-resets",
            "a peer that closes with unread bytes resets the connection",
            "对端还有未读数据就关闭了连接：连接被复位",
        )
        .of(&last)
        .in_order(vec![RESET.into()], last.results(), |end| Text::same(format!("recv: {end}")));
    } else {
        j.limit(Text::new(
            "on this system a close with unread bytes may end the connection in order",
            "本系统上，关闭有未读字节的连接可能是正常结束",
        ));
    }

    match (KILLS, j.acts(&VISITS).count() == VISITS.len()) {
        (true, true) => killed_is_closed(j),
        (true, false) => j.limit(Text::new(
            "no process is killed where the other end may be on a system that kills none",
            "另一端可能在不演示杀死进程的系统上，所以不杀死进程",
        )),
        (false, _) => j.limit(Text::new("no process is killed on this system", "本系统上不演示杀死进程")),
    }
}

/// Each way to go, and what the server's recv said then.
fn side_by_side(j: &Judge) {
    let heads = [Text::new("", ""), Text::new("what the server's recvs return", "服务器的各次 recv 返回")];
    let rows = j.acts(&VISITS).filter(|(_, act)| !act.calls(Server, Call::Recv).is_empty());
    j.table(
        heads,
        rows.map(|((visit, _), act)| (visit.title.clone(), [j.cell(&act.calls(Server, Call::Recv).results())])),
    );
}

fn empty_recvs<'a>(act: &Scope<'a>) -> Events<'a> {
    act.calls(Server, Call::Recv).only(|e| e.returned == Some(0))
}

/// A killed process's connections are closed by its kernel, by the same rules.
fn killed_is_closed(j: &Judge) {
    let acts = if RESETS { &VISITS[3..] } else { &VISITS[3..4] };
    let due = &["0", RESET][..acts.len()];
    let held = j.firsts(acts, |act| act.found(Client).only(|e| e.sock.is_some() && e.ok()));
    let lasts = j.firsts(acts, |act| act.calls(Server, Call::Recv).just_last());
    j.claim(
        "killed-is-closed",
        "a killed peer: an ordinary end, or a reset if bytes were unread",
        "对端被杀死：正常结束；若有未读字节则复位",
    )
    .of(&held)
    .of(&lasts)
    .equal(
        [due.len().to_string(), due.join("; ")],
        [held.len().to_string(), lasts.results().join("; ")],
        |[n, ends]| say!("killed: {n}, recv: {ends}", "被杀死：{n} 个，recv：{ends}"),
    );
}

fn teach(t: Teaching) -> Teaching {
    t.why(
        "The end of the stream is a state, not an event: recv reports it each time, at once.",
        "流结束是一种状态，不是一次事件：每次 recv 都会立即报告它。",
        "recv(2)",
    )
    .why(
        "Closing with unread bytes tells the peer that data was lost: a reset instead of an end.",
        "关闭时若还有未读字节，要让对端知道数据丢了：发送复位，而不是正常结束。",
        "RFC 2525 §2.17; RFC 9293 §3.9.1.4",
    )
    .next("tcp-close --control", "they read first, the loop checks", "对端先读完，循环有检查")
    .next("tcp-empty", "why an empty recv cannot be an empty message", "为什么空的 recv 不可能是空消息")
    .next("fix-exact", "an end in the middle of a message", "消息中途遇到流结束")
    .next("tcp-backlog", "a server that never accepts: who has the bytes?", "服务器一直不 accept：字节在谁手里？")
    .control(
        "the server checks in every loop, and every peer reads its answer before it goes",
        "服务器每个循环都检查，客户端都先读完响应再离开",
        |e| {
            e.client(|end| client(end, &READERS)).server(|end| server(end, &READERS));
        },
    )
}

/// The control's clients read, and its server always checks.
static READERS: [(Act, Visit); 5] = [
    (Act::new("1", "client 1: reads, closes", "客户端 1：读完再关闭"), READS),
    (Act::new("2", "client 2: reads, closes", "客户端 2：读完再关闭"), READS),
    (Act::new("3", "client 3: reads, closes", "客户端 3：读完再关闭"), READS),
    (Act::new("4", "client 4: reads, is killed", "客户端 4：读完再被杀死"), KILLED),
    (Act::new("5", "client 5: reads, is killed", "客户端 5：读完再被杀死"), KILLED),
];
