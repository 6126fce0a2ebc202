//! When the peer goes away recv says so, every time it is asked: a loop that does not look spins for ever.

use super::prelude::*;
use crate::net::Result;
use std::io::ErrorKind::ConnectionReset;

pub(super) fn scenario() -> Scenario {
    Scenario::new("tcp-close", Part::Tcp, &["D1 §7", "D3 §7", "D3 §9"])
        .title("the peer goes away", "对端离开之后")
        .claim(
            "Once the peer has gone, recv returns empty every time: a loop that does not check spins for ever.",
            "对端离开后，recv 每次都返回空结果：循环里不检查，就会空转不停。",
        )
        .client(client)
        .server(server)
        .judge(judge)
        .teach(teach)
}

/// How often the loop that would spin for ever may: enough to see it.
const SPINS: usize = 3;

/// A process can be killed here while its peer lives on.
const KILLS: bool = cfg!(unix);

/// The server is done with a client: the next one comes only then, so that the trace shows one after the other.
const SERVED: [&str; 5] = ["served-1", "served-2", "served-3", "served-4", "served-5"];

/// Closing with unread bytes surely resets the connection. BSD systems may end it in order (RFC 2525 §2.17).
const RESETS: bool = cfg!(any(target_os = "linux", target_os = "android", windows));

fn client(end: &End) -> Ends {
    for nth in 1..=2 {
        reads_and_closes(end, nth)?;
    }
    begins(end, 3, &Text::new("closes, unread", "没读就关闭"))?;
    ask(end)?.close()?;
    if KILLS {
        is_killed_after_reading(end, 4)?;
        begins(end, 5, &Text::new("is killed, unread", "没读就被杀死"))?;
        ask(end)?.hand_over()?.kill()?;
    }
    Ok(())
}

fn reads_and_closes(end: &End, nth: usize) -> Result<()> {
    begins(end, nth, &Text::new("reads, closes", "读完再关闭"))?;
    talk(end)?.close()
}

fn is_killed_after_reading(end: &End, nth: usize) -> Result<()> {
    begins(end, nth, &Text::new("reads, is killed", "读完再被杀死"))?;
    talk(end)?.hand_over()?.kill()
}

/// The heading of a client, once the server is done with the one before.
fn begins(end: &End, nth: usize, does: &Text) -> Result<()> {
    if nth > 1 {
        end.pass(SERVED[nth - 2], Text::new("until the server is done", "等到服务器处理完"))?;
    }
    end.note(say!("client {nth}: {{}}", "客户端 {nth}：{{}}").with(does));
    Ok(())
}

/// Says hello and reads the answer.
fn talk(end: &End) -> Result<Conn> {
    let s = ask(end)?;
    s.recv(1024)?;
    Ok(s)
}

/// Says hello; the answer is there, and unread.
fn ask(end: &End) -> Result<Conn> {
    let s = end.tcp().connect()?;
    s.expect(b"HELLO");
    s.send(b"hello")?;
    s.wait_queued(5)?;
    Ok(s)
}

fn server(end: &End) -> Ends {
    let listener = end.tcp().listen()?;
    for (nth, served) in SERVED[..connections()].iter().enumerate() {
        let conn = listener.accept()?;
        conn.expect(b"hello");
        if nth == 0 {
            echo_without_the_check(&conn)?
        } else {
            echo_with_the_check(&conn)?
        }
        conn.close()?;
        end.open(*served);
    }
    Ok(())
}

fn connections() -> usize {
    if KILLS { 5 } else { 3 }
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

/// The control: every client reads its answer before it goes, and the server always checks.
fn client_that_reads(end: &End) -> Ends {
    for nth in 1..=3 {
        reads_and_closes(end, nth)?;
    }
    if KILLS {
        is_killed_after_reading(end, 4)?;
        is_killed_after_reading(end, 5)?;
    }
    Ok(())
}

fn server_that_checks(end: &End) -> Ends {
    let listener = end.tcp().listen()?;
    for served in &SERVED[..connections()] {
        let conn = listener.accept()?;
        conn.expect(b"hello");
        echo_with_the_check(&conn)?;
        conn.close()?;
        end.open(*served);
    }
    Ok(())
}

/// The receive calls of the server's connection at this place, failed ones included.
fn recvs<'a>(j: &Judge<'a>, nth: usize) -> Vec<&'a Event> {
    let Some(sock) = j.trace().calls(Server, Call::Accept).nth(nth).and_then(|e| e.sock) else { return vec![] };
    j.trace().calls(Server, Call::Recv).filter(|e| e.sock == Some(sock)).collect()
}

/// The close of the client's connection at this place; the kernel's count of unread bytes is in its evidence.
fn close_of<'a>(j: &Judge<'a>, nth: usize) -> Option<&'a Event> {
    let sock = j.trace().calls(Client, Call::Connect).nth(nth)?.sock;
    j.trace().calls(Client, Call::Close).find(|e| e.sock == sock)
}

/// `0`, or the error: how the last recv of a connection ended.
fn last(recvs: &[&Event]) -> String {
    let Some(event) = recvs.last() else { return "-".into() };
    event.error.clone().unwrap_or_else(|| event.returned.map_or("?".into(), grouped))
}

/// What the peer's reset is called.
const RESET: &str = if cfg!(windows) { "WSAECONNRESET" } else { "ECONNRESET" };

fn judge(j: &Judge) {
    for (nth, id, text) in [
        (
            0,
            "spins",
            Text::new(
                "a loop without the check: recv comes back empty again and again",
                "不检查的循环：recv 一次又一次返回空结果",
            ),
        ),
        (
            1,
            "check-ends-it",
            Text::new("the one-line check ends the loop at the first", "加一行检查，第一次空结果就结束循环"),
        ),
    ] {
        let empty: Vec<&Event> = recvs(j, nth).into_iter().filter(|e| e.returned == Some(0)).collect();
        let times = empty.len();
        let wanted = if nth == 0 { Text::new("more than 1", "不止 1 次") } else { Text::new("1", "1 次") };
        j.claim_text(id, text).needs(Server).shown_by(empty).that(
            if nth == 0 { times > 1 } else { times == 1 },
            Text::new("empty recvs: {}", "空的 recv：{}").with(&wanted),
            say!("empty recvs: {times}", "空的 recv：{times} 次"),
        );
    }

    let left = close_of(j, 2);
    let bytes = left.and_then(|e| e.evidence.queued).unwrap_or(0);
    j.claim("left-unread", "the third client closed without reading its answer", "第三个客户端没读回答就关闭")
        .needs(Client)
        .shown_by(left)
        .that(
            bytes == 5,
            Text::new("unread: 5 bytes", "未读：5 字节"),
            say!("unread: {bytes} bytes", "未读：{bytes} 字节"),
        );

    if RESETS {
        let closed = recvs(j, 2);
        let seen = last(&closed);
        j.claim(
            "unread-resets",
            "a peer that closes with unread bytes resets the connection",
            "对端带着未读字节关闭：连接被复位",
        )
        .needs(Server)
        .shown_by(closed.last().copied())
        .that(seen == RESET, Text::same(format!("recv: {RESET}")), Text::same(format!("recv: {seen}")));
    } else {
        j.limit(Text::new(
            "on this system a close with unread bytes may end the connection in order",
            "本系统上，关闭有未读字节的连接可能是正常结束",
        ));
    }

    if KILLS {
        judge_kills(j);
    } else {
        j.limit(Text::new("no process is killed on this system", "本系统上不演示杀死进程"));
    }
}

/// A killed process's connections are closed by its kernel, by the same rules.
fn judge_kills(j: &Judge) {
    let killed = j.trace().calls(Client, Call::Process).filter(|e| e.sock.is_some() && e.ok()).count();
    let shown: Vec<&Event> = [3, 4].into_iter().filter_map(|nth| recvs(j, nth).last().copied()).collect();
    let seen = |nth| last(&recvs(j, nth));
    let (wanted, got) = match RESETS {
        true => (format!("recv: 0; recv: {RESET}"), format!("recv: {}; recv: {}", seen(3), seen(4))),
        false => ("recv: 0".into(), format!("recv: {}", seen(3))),
    };
    let holds = killed == 2 && wanted == got;
    j.claim(
        "killed-is-closed",
        "a killed peer: an ordinary end, or a reset if bytes were unread",
        "对端被杀死：正常结束；若有未读字节则复位",
    )
    .needs(Client)
    .needs(Server)
    .shown_by(shown)
    .that(holds, Text::same(wanted), Text::same(got));
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
    .next("tcp-close --control", "peers that read first, a loop that checks", "对端先读完，循环有检查")
    .next("tcp-empty", "why an empty recv cannot be an empty message", "为什么空的 recv 不可能是空消息")
    .next("fix-exact", "an end in the middle of a message", "消息中途遇到流结束")
    .next("tcp-partial-send", "a peer that stays, but does not read", "对端还在，却不读")
    .control(
        "the server checks in every loop, and every peer reads its answer before it goes",
        "服务器每个循环都检查，客户端都先读完回答再离开",
        |s| {
            s.client(client_that_reads);
            s.server(server_that_checks);
        },
    )
}
