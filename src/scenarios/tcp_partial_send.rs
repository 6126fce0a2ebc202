//! A non-blocking send takes what there is room for and says how much; a blocking one waits. Nothing that was
//! taken is lost, and what was not taken was never sent.

use super::prelude::*;
use crate::net::Result;
use crate::trace::Role;
use std::io::ErrorKind::WouldBlock;
use std::sync::LazyLock;

pub(super) fn scenario() -> Scenario {
    Scenario::new("tcp-partial-send", Part::Tcp, &["D1 §6", "D1 §10", "D3 §6", "D3 §10"])
        .title("send against sendall", "send 与 sendall")
        .claim(
            "A non-blocking send takes part and says so, a blocking one waits; nothing that was taken is lost.",
            "非阻塞 send 收下一部分并返回字节数，阻塞 send 则等待；收下的字节一个也不会丢。",
        )
        .takes(&[Opt::Sndbuf, Opt::Rcvbuf, Opt::RecvSize])
        .recv_size(1024)
        .buffers(Some(16384), Some(4096))
        .client(client)
        .server(server)
        .judge(judge)
        .varies()
        .impossible(|| {
            cfg!(windows).then(|| {
                Text::new(
                    "Windows may buffer a whole send at once, far beyond SO_SNDBUF",
                    "Windows 可能一次缓冲整个 send，远远超过 SO_SNDBUF",
                )
            })
        })
        .teach(teach)
}

/// More than the small buffers of both sides hold together.
const LARGE: usize = 256 * 1024;
/// Less than either of them.
const SMALL: usize = 1000;

/// The message's text is its own offsets, written out, so that a piece shows where it belongs.
static TEXT: LazyLock<Vec<u8>> =
    LazyLock::new(|| (0..LARGE).step_by(8).flat_map(|at| format!("{at:07} ").into_bytes()).collect());

fn label(length: usize) -> Text {
    let length = grouped(length);
    say!("{length} bytes", "{length} 字节")
}

fn client(end: &End) -> Ends {
    send_twice(end, LARGE)
}

fn send_twice(end: &End, length: usize) -> Ends {
    // Non-blocking, by a caller who stops when the kernel does and so drops the rest.
    end.note(Text::new("non-blocking send", "非阻塞 send"));
    let s = end.tcp().rcvbuf(None).connect()?;
    s.set_nonblocking(true)?;
    let m = end.labelled(&TEXT[..length], label(length));
    let mut taken = 0;
    while taken < length {
        match s.send_part(m.part(taken..length)) {
            Err(error) if error.kind() == Some(WouldBlock) => break,
            sent => taken += sent?,
        }
        s.wait_standstill()?;
    }
    end.open("full");
    s.close()?;

    // Blocking: send waits until the reader has made room for all of it.
    end.note(Text::new("blocking send", "阻塞 send"));
    let s = end.tcp().rcvbuf(None).connect()?;
    s.send_message(&end.labelled(&TEXT[..length], label(length)))?;
    s.close()?;
    Ok(())
}

fn server(end: &End) -> Ends {
    let listener = end.tcp().sndbuf(None).listen()?;
    let conn = listener.accept()?;
    conn.expect_framed(&TEXT, 0, Some(label(LARGE)));
    end.pass("full", Text::new("until the sender has stopped", "等到发送方停下"))?;
    read_to_end(end, conn)?;
    let conn = listener.accept()?;
    conn.expect_framed(&TEXT, 0, Some(label(LARGE)));
    read_to_end(end, conn)?;
    Ok(())
}

fn read_to_end(end: &End, conn: Conn) -> Result<()> {
    while !conn.recv(end.recv_size())?.is_empty() {}
    conn.close()
}

/// The control: a message that fits.
fn client_with_little(end: &End) -> Ends {
    send_twice(end, SMALL)
}

/// The calls of one kind on one of the two connections, on the side that made or accepted it.
fn calls<'a>(j: &Judge<'a>, role: Role, nth: usize, call: Call) -> Vec<&'a Event> {
    let begins = if role == Client { Call::Connect } else { Call::Accept };
    let Some(sock) = j.trace().calls(role, begins).nth(nth).and_then(|e| e.sock) else { return vec![] };
    j.trace().calls(role, call).filter(|e| e.sock == Some(sock)).collect()
}

fn moved(events: &[&Event]) -> usize {
    events.iter().filter_map(|e| e.returned).sum()
}

fn judge(j: &Judge) {
    let sends = calls(j, Client, 0, Call::Send);
    judge_short_send(j, sends.first().copied());
    judge_refusal(j, sends.last().copied());

    let received = calls(j, Server, 0, Call::Recv);
    let (taken, arrived) = (moved(&sends), moved(&received));
    let (out, got) = (j.varying(taken), j.varying(arrived));
    j.claim(
        "taken-arrives",
        "what was taken arrived whole, once the receiver read",
        "收下的字节，等接收方来读，全部到达",
    )
    .needs(Client)
    .needs(Server)
    .shown_by(received.iter().copied())
    .that(
        taken > 0 && arrived == taken,
        say!("{out} bytes taken", "收下 {out} 字节"),
        say!("{got} bytes received", "收到 {got} 字节"),
    );

    let second = moved(&calls(j, Server, 1, Call::Recv));
    let more = j.varying(second);
    j.claim(
        "rest-is-missing",
        "the receiver saw an ordinary end, too early, and no error",
        "接收方只看到流正常结束（太早），没有任何错误",
    )
    .needs(Server)
    .shown_by(received.last().copied())
    .that(
        arrived < second && received.last().is_some_and(|e| e.returned == Some(0)),
        say!("fewer than {more} bytes, then 0", "少于 {more} 字节，然后是 0"),
        say!("{got} bytes, then 0", "{got} 字节，然后是 0"),
    );

    let patient = calls(j, Client, 1, Call::Send);
    let (calls, total) = (patient.len(), moved(&patient));
    let asked = patient.first().and_then(|e| e.asked).unwrap_or(0);
    let (all, took) = (grouped(asked), grouped(total));
    j.claim(
        "blocking-takes-all",
        "a blocking send waited for room and took everything",
        "阻塞 send 等到有空间，全部收下",
    )
    .needs(Client)
    .shown_by(patient)
    .that(
        calls == 1 && total == asked && taken < asked,
        say!("{all} bytes, sends: 1", "{all} 字节，send 1 次"),
        say!("{took} bytes, sends: {calls}", "{took} 字节，send {calls} 次"),
    );
}

fn judge_short_send(j: &Judge, first: Option<&Event>) {
    let asked = first.and_then(|e| e.asked).unwrap_or(0);
    let took = first.and_then(|e| e.returned).unwrap_or(0);
    let (whole, part) = (grouped(asked), j.varying(took));
    j.claim("takes-part", "a non-blocking send took what there was room for", "非阻塞 send 只收下放得下的部分")
        .needs(Client)
        .shown_by(first)
        .that(
            0 < took && took < asked,
            say!("fewer than {whole} bytes", "少于 {whole} 字节"),
            Text::same(format!("send({whole}) = {part}")),
        );
}

/// What a call that would have to wait says.
const WOULD_BLOCK: &str = "EAGAIN";

fn judge_refusal(j: &Judge, last: Option<&Event>) {
    let error = last.and_then(|e| e.error.clone());
    let refused = error.as_deref() == Some(WOULD_BLOCK);
    let window = last.and_then(|e| e.evidence.peer_window);
    let room = |n: Option<u64>| n.map_or(String::new(), |n| format!(", window {}", grouped(n)));
    let (wanted, seen) = (room(window.map(|_| 0)), room(window));
    let said = error.map_or(Text::new("no error", "没有错误"), Text::same);
    j.claim(
        "then-eagain",
        "then, full, it took nothing: the rest was never sent",
        "满了之后一个字节也不收：其余从未发出",
    )
    .needs(Client)
    .shown_by(last)
    .that(
        refused && window.unwrap_or(0) == 0,
        Text::same(format!("send: {WOULD_BLOCK}{wanted}")),
        say!("send: {{}}{seen}", "send: {{}}{seen}").with(&said),
    );
}

fn teach(t: Teaching) -> Teaching {
    t.why(
        "send returns how many bytes the kernel took; the caller keeps the rest and has to offer it again.",
        "send 返回内核收下的字节数；其余仍在调用者手里，要由它再次发送。",
        "send(2)",
    )
    .why(
        "The receiver's window closes when nobody reads, and the sender's buffer fills behind it.",
        "没有人读时接收窗口关闭，发送缓冲区随后被填满。",
        "RFC 9293 §3.8.6",
    )
    .why(
        "sendall is send in a loop until every byte is taken.",
        "sendall 就是循环调用 send，直到每个字节都被收下。",
        "Beej's Guide §7.4",
    )
    .next(
        "tcp-partial-send --sndbuf 64KiB",
        "a larger send buffer: a larger part, still a part",
        "发送缓冲区大些：收下的多些，仍不是全部",
    )
    .next("tcp-partial-send --control", "a message that fits", "放得下的消息")
    .next("fix-exact", "the same care on the receiving side", "接收一侧同样要小心")
    .next("tcp-reuseaddr", "a server that restarts at once", "服务器一停就重启")
    .control(
        "a message of 1,000 bytes, which the buffers hold",
        "消息只有 1,000 字节，缓冲区放得下",
        |s| {
            s.client(client_with_little);
        },
    )
}
