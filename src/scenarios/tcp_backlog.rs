//! The kernel answers connect and takes what is sent before any program calls accept: a send that succeeded may never
//! be read by anybody.

use super::prelude::*;
use crate::claims::result;
use std::time::Duration;

pub(super) fn scenario() -> Scenario {
    Scenario::new("tcp-backlog", SyllabusPart::Tcp, &["D1 §7", "D3 §9"])
        .title("connect and send before accept", "accept 之前的 connect 与 send")
        .question(
            "the server has not called accept: do connect and send succeed?",
            "服务器还没有调用 accept：connect 和 send 会成功吗？",
        )
        .claim(
            "connect and send succeed before accept, until the queue is full: the kernel answers. A send that succeeded may \
             never be read.",
            "队列未满时，accept 之前 connect 和 send 就成功了：应答的是内核。send 成功，不等于有程序读到。",
        )
        .client(|end| client(end, false))
        .server(|end| server(end, false))
        .judge(judge)
        .never_alone(
            "from another process nobody can tell the moment before accept",
            "从另一个进程看不到 accept 之前的那一刻",
        )
        .words("backlog listen-queue accept accept-queue not-delivered delivered 全连接队列 半连接队列 送达")
        .teach(teach)
}

const WORDS: &[u8] = b"hello";

/// What listen(2) is told. Linux lets one more wait.
const BACKLOG: u32 = 1;

/// What becomes of a connection that cannot wait differs from system to system; and only Linux counts those that do.
const COUNTS: bool = cfg!(any(target_os = "linux", target_os = "android"));

/// How long a connect waits for its answer. The kernel asks again after a second (RFC 6298 §2), and then twice as long.
const PATIENCE: Duration = Duration::from_millis(250);

/// What connect says when the time of SO_SNDTIMEO is over (socket(7)): the kernel goes on asking.
const STILL_ASKING: &str = "EINPROGRESS";

/// What the peer's reset is called.
const RESET: &str = if cfg!(windows) { "WSAECONNRESET" } else { "ECONNRESET" };

/// When accept comes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Accept {
    Late,
    WhenFull,
    Never,
}

static LATE: (Act, Accept) = (Act::new("late", "accept comes late", "accept 来得晚"), Accept::Late);
static FULL: (Act, Accept) = (Act::new("full", "the queue is full", "队列满了"), Accept::WhenFull);
static NEVER: (Act, Accept) = (Act::new("never", "accept never comes", "accept 一直没来"), Accept::Never);

/// Those that can be shown here.
fn possible() -> impl Iterator<Item = &'static (Act, Accept)> {
    [&LATE, &FULL, &NEVER].into_iter().filter(|(_, accept)| COUNTS || *accept != Accept::WhenFull)
}

/// With `prompt` the server accepts whoever comes at once, and is waited for.
fn client(end: &End, prompt: bool) -> Ends {
    for (_, accept) in end.titled_acts(possible()) {
        match accept {
            Accept::WhenFull => fill(end)?,
            accept => speak(end, prompt, *accept == Accept::Never)?,
        }
    }
    Ok(())
}

fn speak(end: &End, prompt: bool, to_nobody: bool) -> Ends {
    let s = end.connect()?;
    if prompt {
        end.pass("accepted", Text::new("until the server has accepted", "等到服务器已 accept"))?;
    }
    s.send(WORDS)?;
    s.wait_acked()?;
    end.open("sent");
    if to_nobody {
        s.wait_peer_gone()?;
        // What it says is the lesson, an error included.
        let _ = s.recv(1024);
        return Ok(());
    }
    Ok(end.pass("served", Text::new("until the server is done", "等到服务器处理完"))?)
}

/// Two connections wait, which is all that may; then a third is tried, and a fourth when there is room again.
fn fill(end: &End) -> Ends {
    let _first = end.connect()?;
    end.pass("one", Text::new("until it waits for accept", "等到它在等待 accept"))?;
    let _second = end.connect()?;
    end.pass("full", Text::new("until both wait for accept", "等到两个都在等待 accept"))?;
    let third = end.tcp().connect_within(PATIENCE);
    end.open("tried");
    end.pass("room", Text::new("until there is room", "等到队列有空位"))?;
    end.connect()?;
    drop(third);
    Ok(end.pass("served", Text::new("until the server is done", "等到服务器处理完"))?)
}

fn server(end: &End, prompt: bool) -> Ends {
    let listener = end.tcp().backlog(BACKLOG).listen()?;
    for (_, accept) in end.acts(possible()) {
        match accept {
            Accept::WhenFull => make_room(end, &listener, prompt)?,
            Accept::Never if !prompt => {
                end.pass("sent", Text::new("until the client has sent", "等到客户端发完"))?;
                return Ok(listener.close()?);
            }
            _ => serve(end, &listener, prompt)?,
        }
    }
    Ok(())
}

fn serve(end: &End, listener: &Listener, prompt: bool) -> Ends {
    let sent = || end.pass("sent", Text::new("until the client has sent", "等到客户端发完"));
    if !prompt {
        sent()?;
    }
    let conn = listener.accept()?;
    if prompt {
        end.open("accepted");
        sent()?;
    }
    conn.recv(1024)?;
    end.open("served");
    Ok(())
}

fn make_room(end: &End, listener: &Listener, prompt: bool) -> Ends {
    let mut accepted = Vec::new();
    for (waiting, gate) in [(1, "one"), (2, "full")] {
        match prompt {
            true => accepted.push(listener.accept()?),
            false => listener.wait_waiting(waiting)?,
        }
        end.open(gate);
    }
    end.pass("tried", Text::new("until a third was tried", "等到第三个试过"))?;
    let more = if prompt { 1 } else { 2 };
    for _ in 0..more {
        accepted.push(listener.accept()?);
    }
    end.open("room");
    accepted.push(listener.accept()?);
    end.open("served");
    Ok(())
}

/// Each act: what the client's calls returned, and what the server read.
fn side_by_side(j: &Judge) {
    let heads = [
        Text::new("", ""),
        Text::new("connect", "connect"),
        Text::new("send", "send"),
        Text::new("server reads", "服务器读到"),
        Text::new("then recv", "之后 recv"),
    ];
    let rows = j.acts(possible()).map(|((act, _), scope)| {
        let of = |call| scope.calls(Client, call).results();
        let read = scope.recvs(Server).results();
        let cells = [of(Call::Connect), of(Call::Send), read, of(Call::Recv)];
        (act.title.clone(), cells.map(|results| j.cell(&results)))
    });
    j.table(heads, rows);
}

fn judge(j: &Judge) {
    side_by_side(j);
    let late = j.act(&LATE);
    let asked = late.only(Client, |e| matches!(e.call, Call::Connect | Call::Send));
    let all = asked.and(&late.calls(Server, Call::Accept));
    let mut order: Vec<&Event> = all.iter().copied().collect();
    order.sort_by_key(|e| e.seq);
    let told = |e: &&Event| format!("{} = {}", e.call.word(), result(e));
    j.claim("before-accept", "connect and send succeeded before accept", "connect 和 send 在 accept 之前就成功了")
        .of(&all)
        .in_order(
            vec!["connect = 0".into(), format!("send = {}", WORDS.len()), "accept = 0".into()],
            order.iter().map(told).collect(),
            |calls| Text::same(calls.to_string()),
        );

    let kept = late.recvs(Server).with_data();
    j.claim("kept", "the kernel had kept the bytes for the first recv", "内核替第一次 recv 保存了这些字节")
        .of(&kept)
        .equal([WORDS.len()], [kept.moved()], |[n]| say!("recv: {n} bytes", "recv：{n} 字节"));

    match COUNTS {
        true => judge_full(j),
        false => j.limit(Text::new(
            "what becomes of a connection when the queue is full is not shown on this system",
            "队列满时新连接会怎样，本系统上不演示",
        )),
    }
    judge_never(j);
}

fn judge_full(j: &Judge) {
    let connects = j.act(&FULL).calls(Client, Call::Connect);
    j.claim(
        "full-is-silent",
        "listen(1): two wait, a third gets no answer until there is room",
        "listen(1)：两个在等，第三个得不到应答，直到有空位",
    )
    .of(&connects)
    .in_order(["ok", "ok", STILL_ASKING, "ok"].map(str::to_owned).to_vec(), connects.outcomes(), |outcomes| {
        say!("connects: {outcomes}", "各次 connect：{outcomes}")
    });
}

fn judge_never(j: &Judge) {
    let never = j.act(&NEVER);
    let (sends, read) = (never.sends(Client), never.recvs(Server));
    let next = never.calls(Client, Call::Recv);
    j.claim(
        "never-read",
        "a send that succeeded was read by nobody; only the next call says so",
        "一次成功的 send 没有程序读到；下一次调用才报告",
    )
    .of(&sends)
    .of(&next)
    .equal(
        [WORDS.len().to_string(), "0".to_owned(), RESET.to_owned()],
        [sends.results().join(", "), read.moved().to_string(), next.results().join(", ")],
        |[sent, read, next]| {
            say!("send = {sent}, read {read}, then recv: {next}", "send = {sent}，读到 {read}，之后 recv：{next}")
        },
    );
}

fn teach(t: Teaching) -> Teaching {
    t.why(
        "The kernel completes the handshake and acknowledges data; accept only takes a finished connection off a queue.",
        "握手和确认都由内核完成；accept 只是从队列里取出已建立的连接。",
        "listen(2); RFC 9293 §3.5",
    )
    .why(
        "send returns when the kernel has copied the bytes. That a program read them, only its answer tells.",
        "send 在内核复制完字节后返回。程序是否读到，只有它的应答能说明。",
        "send(2); RFC 1122 §4.2.3.5",
    )
    .why(
        "listen(n) bounds how many wait for accept, not how many clients there are. Linux lets n + 1 wait, then drops SYNs.",
        "listen(n) 限制的是等待 accept 的连接数，不是客户端数。Linux 允许 n + 1 个等待，之后丢弃 SYN。",
        "listen(2); tcp(7), tcp_abort_on_overflow",
    )
    .next("tcp-backlog --control", "accept at once, and read", "立即 accept 并读取的服务器")
    .next("tcp-close", "the same reset: bytes left unread", "对端留下未读字节时，同样的复位")
    .next("fix-ack", "an answer that says that it was read", "用应答说明已经读到")
    .next("tcp-partial-send", "a peer that stays, but does not read", "对端还在，却不读")
    .control("the server accepts at once, and reads what comes", "服务器立即 accept，并读取到达的字节", |e| {
        e.client(|end| client(end, true)).server(|end| server(end, true));
    })
}
