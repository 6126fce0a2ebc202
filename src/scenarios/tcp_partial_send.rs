//! A non-blocking send takes what there is room for and says how much; a blocking one waits. Nothing that was
//! taken is lost, and what was not taken was never sent.

use super::prelude::*;
use crate::net::{Outgoing, Result};
use std::io::ErrorKind::WouldBlock;
use std::sync::LazyLock;

pub(super) fn scenario() -> Scenario {
    Scenario::new("tcp-partial-send", SyllabusPart::Tcp, &["D1 §6", "D1 §10", "D3 §6", "D3 §10"])
        .title("send against sendall", "send 与 sendall")
        .question("the receiver does not read: how much does send take?", "接收方不读：send 能收下多少？")
        .claim(
            "A non-blocking send takes part and says so, a blocking one waits; nothing that was taken is lost.",
            "非阻塞 send 收下一部分并返回字节数，阻塞 send 则等待；收下的字节一个也不会丢。",
        )
        .takes(&[Opt::Sndbuf, Opt::Rcvbuf, Opt::RecvSize])
        .recv_size(1024)
        .buffers(Some(16384), Some(4096))
        .client(|end| client(end, LARGE))
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
        .words("short-write partial-write eagain ewouldblock sendall send-buffer non-blocking 发送缓冲区")
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

/// Each on a connection of its own; of a blocking send true.
static WAYS: [(Act, bool); 2] = [
    (Act::new("non-blocking", "non-blocking send", "非阻塞 send"), false),
    (Act::new("blocking", "blocking send", "阻塞 send"), true),
];

fn client(end: &End, length: usize) -> Ends {
    for (_, blocking) in end.titled_acts(&WAYS) {
        let s = end.tcp().rcvbuf(None).connect()?;
        let m = end.labelled(&TEXT[..length], label(length));
        if *blocking {
            // send waits until the reader has made room for all of it.
            s.send_message(&m)?;
        } else {
            send_what_fits(&s, &m)?;
            end.open("full");
        }
    }
    Ok(())
}

/// By a caller who stops when the kernel does and so drops the rest.
fn send_what_fits(s: &Conn, m: &Outgoing) -> Result<()> {
    s.set_nonblocking(true)?;
    let mut taken = 0;
    while taken < m.len() {
        match s.send_part(m.part(taken..m.len())) {
            Err(error) if error.kind() == Some(WouldBlock) => break,
            sent => taken += sent?,
        }
        s.wait_standstill()?;
    }
    Ok(())
}

fn server(end: &End) -> Ends {
    let listener = end.tcp().sndbuf(None).listen()?;
    for (_, blocking) in end.acts(&WAYS) {
        let conn = listener.accept()?;
        if !blocking {
            end.pass("full", Text::new("until the sender has stopped", "等到发送方停下"))?;
        }
        conn.recv_to_end(end.recv_size())?;
    }
    Ok(())
}

/// What a call that would have to wait says.
const WOULD_BLOCK: &str = "EAGAIN";

fn judge(j: &Judge) {
    let [non_blocking, blocking] = WAYS.each_ref().map(|way| j.act(way));
    side_by_side(j);
    let (sends, recvs) = (non_blocking.sends(Client), non_blocking.recvs(Server));
    let first = sends.with_data().just_first();
    let asked = first.first().and_then(|e| e.asked).unwrap_or(0);
    j.claim("takes-part", "a non-blocking send took what there was room for", "非阻塞 send 只收下放得下的部分")
        .of(&first)
        .fewer_than(asked, Varying(first.moved()), |n| say!("{n} bytes", "{n} 字节"));

    judge_refusal(j, &sends.just_last());

    let (taken, pieces) = (Varying(sends.moved()), recvs.with_data());
    j.claim(
        "taken-arrives",
        "what was taken arrived whole, once the receiver read",
        "收下的字节，等接收方来读，全部到达",
    )
    .of(&sends)
    .of(&pieces)
    .equal([taken], [Varying(pieces.moved())], |[n]| say!("{n} bytes received", "收到 {n} 字节"));

    // Two relations at once: fewer bytes, and an ordinary end behind them.
    let (whole, end) = (blocking.recvs(Server).moved(), non_blocking.calls(Server, Call::Recv).just_last());
    let (came, result) = (pieces.moved(), end.results().concat());
    j.claim(
        "rest-is-missing",
        "the receiver saw an ordinary end, too early, and no error",
        "接收方只看到流正常结束（太早），没有任何错误",
    )
    .of(&pieces.just_last().and(&end))
    .that(
        came < whole && result == "0",
        j.sentence([&Varying(whole)], |[n]| say!("fewer than {n} bytes, then 0", "少于 {n} 字节，然后是 0")),
        j.sentence([&Varying(came), &result], |[n, end]| say!("{n} bytes, then {end}", "{n} 字节，然后是 {end}")),
    );

    judge_blocking(j, &blocking.sends(Client), taken);
}

/// What each kind of send was given, took, and delivered.
fn side_by_side(j: &Judge) {
    let heads = [
        Text::new("", ""),
        Text::new("asked", "要发送"),
        Text::new("taken", "收下"),
        Text::new("send said", "send 返回"),
        Text::new("received", "收到"),
    ];
    let row = |((act, _), scope): (&(Act, bool), Scope)| {
        let sends = scope.sends(Client);
        let asked = sends.first()?.asked?;
        let said = sends.just_last().results().concat();
        let said: Sentence =
            if said == WOULD_BLOCK { Text::same(said).into() } else { j.cell(&Varying(sends.moved())) };
        let [taken, received] = [sends.moved(), scope.recvs(Server).moved()].map(|n| j.cell(&Varying(n)));
        Some((act.title.clone(), [j.cell(&asked), taken, said, received]))
    };
    j.table(heads, j.acts(&WAYS).filter_map(row));
}

fn judge_refusal(j: &Judge, last: &Events) {
    let claim = j.claim(
        "then-eagain",
        "then, full, it took nothing: the rest was never sent",
        "满了之后一个字节也不收：其余从未发出",
    );
    let due = WOULD_BLOCK.to_owned();
    let said = last.results().concat();
    let window = last.first().and_then(|e| e.evidence.peer_window);
    match window {
        Some(window) => claim.of(last).equal([due, "0".into()], [said, grouped(window)], |[said, window]| {
            Text::same(format!("send: {said}, window {window}"))
        }),
        None => claim.of(last).equal([due], [said], |[said]| Text::same(format!("send: {said}"))),
    }
}

/// It waited: there was room for less. Three relations at once.
fn judge_blocking(j: &Judge, sends: &Events, room: Varying<usize>) {
    let asked = sends.first().and_then(|e| e.asked).unwrap_or(0);
    j.claim(
        "blocking-takes-all",
        "a blocking send waited for room and took everything",
        "阻塞 send 等到有空间，全部收下",
    )
    .of(sends)
    .that(
        sends.len() == 1 && sends.moved() == asked && room < asked,
        j.sentence([&asked], |[n]| say!("{n} bytes, sends: 1, room for fewer", "{n} 字节，send 1 次，空间不足")),
        j.sentence([&sends.moved(), &sends.len(), &room], |[n, calls, room]| {
            say!("{n} bytes, sends: {calls}, room for {room}", "{n} 字节，send {calls} 次，空间 {room} 字节")
        }),
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
    .next("tcp-partial-send --sndbuf 64KiB", "it takes more, still a part", "收下的多些，仍不是全部")
    .next("tcp-partial-send --control", "a message that fits", "放得下的消息")
    .next("fix-exact", "the same care on the receiving side", "接收一侧同样要小心")
    .next("tcp-reuseaddr", "a server that restarts at once", "服务器一停就重启")
    .control(
        "a message of 1,000 bytes, which the buffers hold",
        "消息只有 1,000 字节，缓冲区放得下",
        |e| {
            e.client(|end| client(end, SMALL));
        },
    )
}
