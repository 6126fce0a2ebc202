//! Length, acknowledgement, body: every answer comes whole and with its command, for one more round trip each.

use super::prelude::*;
use super::remote_commands::{COMMANDS, all_answers_whole, answers, due, next_answer};
use crate::framing::decimal;
use crate::trace::{MsgId, Part};

pub(super) fn scenario() -> Scenario {
    Scenario::new("fix-ack", SyllabusPart::Fix, &["D0", "D1 §11", "D2 §4", "D4 §2"])
        .title("length, acknowledgement, body", "先发长度，等确认，再发正文")
        .question(
            "length, recv_ready, body: is each answer whole, and at what cost?",
            "长度、recv_ready、正文：响应完整了吗，代价是什么？",
        )
        .claim(
            "Length, wait for recv_ready, body: every answer whole and its own, for one more round trip each.",
            "先发长度，等 recv_ready，再发正文：响应都完整、都对得上命令，代价是每个响应多一次往返。",
        )
        .takes(&[Opt::Nodelay, Opt::Sndbuf, Opt::Rcvbuf, Opt::Message])
        .messages(1..=COMMANDS.len(), 16 << 10)
        .client(client)
        .server(server)
        .judge(judge)
        .words("recv-ready acknowledge handshake 确认")
        .teach(teach)
}

/// The longest answer the client takes.
const MAX_ANSWER: usize = 16 * 1024 * 1024;
const READY: &[u8] = b"recv_ready";

fn client(end: &End) -> Ends {
    let s = end.connect()?;
    for due in answers(end) {
        s.send(due.line.as_bytes())?;
        let length = decimal::parse(&s.recv(1024)?, MAX_ANSWER)?;
        s.send(READY)?;
        s.deliver(&s.recv_exact(length, length)?);
    }
    Ok(())
}

fn server(end: &End) -> Ends {
    let listener = end.listen()?;
    let conn = listener.accept()?;
    while let Some(answer) = next_answer(end, &conn)? {
        let answer = answer.behind(end, &decimal::header(answer.bytes.len()));
        conn.send_all(answer.header())?;
        // D1 and D2 want `recv_ready`, D0's peer says `ok`, D4 takes any text: that it comes is the point.
        if conn.recv(1024)?.is_empty() {
            break;
        }
        conn.send_all(answer.body())?;
    }
    Ok(())
}

fn judge(j: &Judge) {
    let claim = j.claim(
        "own-answer-whole",
        "every command got its own answer, whole",
        "每条命令都得到自己的响应，完整而且按顺序",
    );
    all_answers_whole(j, claim, due(j));

    let lengths = j.recvs(Client).only(|e| e.spans.first().is_some_and(|s| s.part == Part::Header && s.offset == 0));
    let alone = lengths.only(|e| e.spans.iter().all(|s| s.part == Part::Header));
    j.claim(
        "length-alone",
        "the length came alone, so one recv could read it",
        "长度单独到达，所以一次 recv 就能读到它",
    )
    .of(&lengths)
    .equal([due(j); 2], [alone.len(), lengths.len()], |[alone, all]| {
        say!("{alone} of {all} lengths alone", "{all} 个长度中 {alone} 个单独到达")
    });

    let answers: Vec<MsgId> = j.trace().messages_from(Server).map(|m| m.id).collect();
    let acks = j.recvs(Server).with_data().only(|e| answers.iter().any(|id| acknowledges(j, e, *id)));
    j.claim("round-trip-each", "the price: one more round trip per answer", "代价：每个响应多一次往返")
        .of(&acks)
        .equal([answers.len()], [acks.len()], |[n]| {
            say!("waits between length and body: {n}", "长度和正文之间等待 {n} 次")
        });
}

/// Did the server receive this between sending the length and the body of this answer?
fn acknowledges(j: &Judge, received: &Event, answer: MsgId) -> bool {
    let sent = |part| j.sends(Server).only(|e| e.spans.iter().any(|s| s.msg == answer && s.part == part));
    let (length, body) = (sent(Part::Header), sent(Part::Body));
    let after = length.last().is_some_and(|e| e.seq < received.seq);
    after && body.first().is_none_or(|e| received.seq < e.seq)
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
    .next("fix-header", "a length of fixed size: nothing to wait for", "长度字段定长：什么也不用等")
    .next("fix-fixed-size", "no length at all: every message has the same", "不写长度：每条消息一样长")
    .next("tcp-remote-cmd", "the same commands without any protocol", "同样的命令，没有任何协议")
    .control(
        "the server does not wait, and the client takes one late recv for the length",
        "服务器不等确认，客户端来晚了，把一次 recv 当作长度",
        |e| {
            e.client(client_without_ack).server(server_without_ack);
        },
    )
}

/// The control: nobody waits, and the client takes one recv for the length, late enough for the body to have come.
fn client_without_ack(end: &End) -> Ends {
    let s = end.connect()?;
    for due in answers(end) {
        s.send(due.line.as_bytes())?;
        let answer = due.bytes.len();
        s.wait_queued(decimal::header(answer).len() + answer)?;
        match decimal::parse(&s.recv(1024)?, MAX_ANSWER) {
            Ok(length) => s.deliver(&s.recv_exact(length, length)?),
            // Where Python's int() raises ValueError, and the page's program ends.
            Err(reason) => {
                end.note(reason.text());
                break;
            }
        }
    }
    Ok(())
}

fn server_without_ack(end: &End) -> Ends {
    let listener = end.listen()?;
    let conn = listener.accept()?;
    while let Some(answer) = next_answer(end, &conn)? {
        let answer = answer.behind(end, &decimal::header(answer.bytes.len()));
        conn.send_all(answer.header())?;
        conn.send_all(answer.body())?;
    }
    Ok(())
}
