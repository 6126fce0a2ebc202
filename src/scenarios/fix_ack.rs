//! Length, acknowledgement, body: every answer comes whole and with its command, for one more round trip each.

use super::commands::COMMANDS;
use super::prelude::*;
use crate::framing::decimal;
use crate::net::Outgoing;
use crate::trace::{self, MsgId};

pub(super) fn scenario() -> Scenario {
    Scenario::new("fix-ack", Part::Fix, &["D0", "D1 §11", "D2 §4", "D4 §2"])
        .title("length, acknowledgement, body", "先发长度，等确认，再发正文")
        .claim(
            "Length, wait for recv_ready, body: every answer whole and its own, for one more round trip each.",
            "先发长度，等 recv_ready，再发正文：回答都完整、都对得上命令，代价是每个回答多一次往返。",
        )
        .takes(&[Opt::Nodelay, Opt::Sndbuf, Opt::Rcvbuf])
        .client(client)
        .server(server)
        .judge(judge)
        .teach(teach)
}

/// The longest answer the client takes.
const MAX_ANSWER: usize = 16 * 1024 * 1024;
const READY: &[u8] = b"recv_ready";

fn client(end: &End) -> Ends {
    let s = end.tcp().connect()?;
    expect_answers(&s);
    for command in &COMMANDS {
        s.send(command.line.as_bytes())?;
        let length = decimal::parse(&s.recv(1024)?, MAX_ANSWER).map_err(|e| e.text())?;
        s.send(READY)?;
        let answer = s.recv_exact(length, length)?;
        s.deliver(&answer);
    }
    s.close()?;
    Ok(())
}

fn server(end: &End) -> Ends {
    let listener = end.tcp().listen()?;
    let conn = listener.accept()?;
    expect_requests(&conn);
    while let Some(answer) = next_answer(end, &conn)? {
        conn.send_all(answer.header())?;
        // D1 and D2 want `recv_ready`, D0's peer says `ok`, D4 takes any text: that it comes is the point.
        if conn.recv(1024)?.is_empty() {
            break;
        }
        conn.send_all(answer.body())?;
    }
    conn.close()?;
    Ok(())
}

/// Receives a command and makes its answer; none when the client has gone.
fn next_answer(end: &End, conn: &Conn) -> anyhow::Result<Option<Outgoing>> {
    let line = conn.recv(1024)?;
    if line.is_empty() {
        return Ok(None);
    }
    let command = COMMANDS.iter().find(|c| c.line.as_bytes() == line);
    let (body, label) = match command {
        Some(command) => (command.answer(), Some(command.answer_label())),
        None => (b"no such command\r\n".to_vec(), None),
    };
    let header = decimal::header(body.len());
    Ok(Some(end.framed([header.clone(), body].concat(), header.len(), label)))
}

fn expect_answers(s: &Conn) {
    for command in &COMMANDS {
        let (header, body) = (decimal::header(command.answer().len()), command.answer());
        s.expect_framed(&[header.clone(), body].concat(), header.len(), Some(command.answer_label()));
    }
}

fn expect_requests(conn: &Conn) {
    for command in &COMMANDS {
        conn.expect(command.line.as_bytes());
        conn.expect(READY);
    }
}

/// The control: nobody waits, and the client takes one recv for the length, late enough for the body to have come.
fn client_without_ack(end: &End) -> Ends {
    let s = end.tcp().connect()?;
    expect_answers(&s);
    for command in &COMMANDS {
        s.send(command.line.as_bytes())?;
        s.wait_queued(decimal::header(command.answer().len()).len() + command.answer().len())?;
        match decimal::parse(&s.recv(1024)?, MAX_ANSWER) {
            Ok(length) => s.deliver(&s.recv_exact(length, length)?),
            // Where Python's int() raises ValueError, and the page's program ends.
            Err(reason) => {
                end.note(reason.text());
                break;
            }
        }
    }
    s.close()?;
    Ok(())
}

fn server_without_ack(end: &End) -> Ends {
    let listener = end.tcp().listen()?;
    let conn = listener.accept()?;
    while let Some(answer) = next_answer(end, &conn)? {
        conn.send_all(answer.header())?;
        conn.send_all(answer.body())?;
    }
    conn.close()?;
    Ok(())
}

fn judge(j: &Judge) {
    let answers: Vec<MsgId> = j.trace().messages_from(Server).map(|m| m.id).collect();
    let asked = COMMANDS.len();

    let delivered = j.delivered(Client);
    let own = |(k, event): &(usize, &&Event)| {
        let whole = j.trace().exactly_one(event);
        whole.is_some() && whole == answers.get(*k).copied()
    };
    let whole = delivered.iter().enumerate().filter(own).count();
    j.claim("own-answer-whole", "every command got its own answer, whole", "每条命令都得到自己的回答，完整而且按顺序")
        .needs(Client)
        .shown_by(delivered)
        .that(
            whole == asked,
            say!("{asked} of {asked} answers", "{asked} 个回答中 {asked} 个"),
            say!("{whole} of {asked} answers", "{asked} 个回答中 {whole} 个"),
        );

    let lengths: Vec<&Event> = j.recvs(Client).into_iter().filter(|e| starts_with_header(e)).collect();
    let alone = lengths.iter().filter(|e| e.spans.iter().all(|s| s.part == trace::Part::Header)).count();
    let seen = lengths.len();
    j.claim(
        "length-alone",
        "the length came alone, so one recv could read it",
        "长度单独到达，所以一次 recv 就能读到它",
    )
    .needs(Client)
    .shown_by(lengths)
    .that(
        alone == asked && alone == seen,
        say!("{asked} of {asked} lengths alone", "{asked} 个长度中 {asked} 个单独到达"),
        say!("{alone} of {seen} lengths alone", "{seen} 个长度中 {alone} 个单独到达"),
    );

    let acks: Vec<&Event> = answers.iter().filter_map(|id| acknowledgement(j, *id)).collect();
    let (paid, sent) = (acks.len(), answers.len());
    j.claim("round-trip-each", "the price: one more round trip per answer", "代价：每个回答多一次往返")
        .needs(Server)
        .shown_by(acks)
        .that(
            paid == sent && sent > 0,
            say!("waits between length and body: {sent}", "长度和正文之间等待 {sent} 次"),
            say!("waits between length and body: {paid}", "长度和正文之间等待 {paid} 次"),
        );
}

fn starts_with_header(event: &Event) -> bool {
    event.spans.first().is_some_and(|s| s.part == trace::Part::Header && s.offset == 0)
}

/// What the server received between sending the length and the body of this answer.
fn acknowledgement<'a>(j: &Judge<'a>, answer: MsgId) -> Option<&'a Event> {
    let part_of = |e: &Event, part| e.call == Call::Send && e.spans.iter().any(|s| s.msg == answer && s.part == part);
    let mut after =
        j.trace().events.iter().filter(|e| e.end.role == Server).skip_while(|e| !part_of(e, trace::Part::Header));
    after.next()?;
    after.take_while(|e| !part_of(e, trace::Part::Body)).find(|e| e.call == Call::Recv && !e.bytes.is_empty())
}

fn teach(t: Teaching) -> Teaching {
    t.why(
        "The length says where the body ends; the wait says where the length ends.",
        "长度说明正文在哪里结束；等待确认说明长度在哪里结束。",
        "Beej's Guide §7.6",
    )
    .why(
        "Until the acknowledgement comes nothing else is in the stream that could stick to the length.",
        "确认到来之前，流里没有别的字节能粘在长度后面。",
        "RFC 9293 §2.2",
    )
    .next(
        "fix-header",
        "a length of fixed size: no wait, one round trip per command",
        "定长的长度：不用等，一条命令一次往返",
    )
    .next("fix-broken-loops", "three ways to read that length wrong", "按长度接收的三种错误写法")
    .next("tcp-remote-cmd", "the same commands without any protocol", "同样的命令，没有任何协议")
    .control(
        "the server does not wait, and the client takes one late recv for the length",
        "服务器不等确认，客户端来晚了，把一次 recv 当作长度",
        |s| {
            s.client(client_without_ack);
            s.server(server_without_ack);
        },
    )
}
