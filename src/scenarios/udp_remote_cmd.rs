//! Remote commands over UDP: every answer keeps its boundaries, and the answers are still off by one.

use super::prelude::*;
use super::remote_commands::COMMANDS;

pub(super) fn scenario() -> Scenario {
    Scenario::new("udp-remote-cmd", SyllabusPart::Udp, &["D0", "D1 §9", "D2 §1"])
        .title("remote commands over UDP", "UDP 上的远程命令")
        .question(
            "UDP keeps boundaries: does each command get its output?",
            "UDP 保留边界：每条命令就能得到自己的响应吗？",
        )
        .claim(
            "Every answer is whole or cut, never mixed, and the answers are still off by one: a boundary does \
             not say whose answer it is.",
            "每个响应要么完整要么被截断，从不混合；但响应仍然错位：边界不说明这是谁的响应。",
        )
        .takes(&[Opt::RecvSize])
        .recv_size(BUFSIZE)
        .client(client)
        .server(server)
        .judge(judge)
        .words("udp-commands udp命令")
        .teach(teach)
}

const BUFSIZE: usize = 1024;

/// Datagrams a command: its stdout, then its stderr.
const ANSWERS: usize = 2;

fn client(end: &End) -> Ends {
    let s = end.udp()?;
    let server = end.server_address()?;
    for command in &COMMANDS {
        s.send_to(command.line.as_bytes(), server)?;
        s.recv_from(end.recv_size())?;
    }
    Ok(end.pass("answered", Text::new("until all is answered", "等到全部响应完"))?)
}

fn server(end: &End) -> Ends {
    let s = end.udp()?;
    for command in &COMMANDS {
        let (_, from) = s.recv_from(BUFSIZE)?;
        let stdout = end.labelled(command.stdout.as_bytes(), command.stdout_label());
        let stderr = end.labelled(command.stderr.as_bytes(), command.stderr_label());
        s.send_part_to(stdout.whole(), from)?;
        s.send_part_to(stderr.whole(), from)?;
    }
    end.open("answered");
    Ok(())
}

fn judge(j: &Judge) {
    let recvs = j.recvs(Client);
    let (all, single) = (recvs.len(), recvs.only(|e| e.messages().len() == 1));
    let apart = Text::new(
        "every recvfrom holds one message, whole or cut, never two",
        "每次 recvfrom 只有一条消息：完整或被截断，从不混合",
    );
    j.claim_text("never-mixed", apart)
        .of(&recvs)
        .equal([all], [single.len()], |[n]| say!("one message in {n} of {all}", "{all} 次中 {n} 次是一条消息"));
    answers_slip(j, &recvs);

    let cut = recvs.only(|e| e.truncated);
    j.claim("long-one-cut", "the long answer lost its tail", "长的那个响应丢了尾部")
        .of(&cut)
        .beside(cut.first().and_then(|e| kept(j, e)))
        .at_least(1, cut.len(), |n| say!("{n} of {all} answers cut", "{n} 个响应被截断（共 {all} 个）"));

    // What nobody asked for is still in the queue when the client leaves.
    let (close, sent) = (j.calls(Client, Call::Close).just_last(), j.sends(Server));
    let unread = close.first().and_then(|e| e.evidence.unread).unwrap_or(0) as usize;
    let rest = sent.len().saturating_sub(all).max(1);
    j.claim("left-unread", "answers are left that nobody reads", "还剩下没人读的响应")
        .of(&close)
        .needs(Server)
        .beside(j.sentence([&sent.len(), &all], |[sent, read]| {
            say!(" = {sent} sent - {read} read", " = 发出 {sent} - 读走 {read}")
        }))
        .equal([rest], [unread], |[n]| say!("{n} unread at close", "关闭时还有 {n} 个未读"));
}

/// Which command was asked last, and which one this answers; both from 1.
fn asked_and_answered(j: &Judge, answer: &Event) -> Option<(usize, usize)> {
    let asked = j.sends(Client).iter().filter(|e| e.seq < answer.seq).count();
    let label = j.trace().message(answer.spans.first()?.msg)?.label.as_ref()?;
    let of = COMMANDS.iter().position(|c| *label == c.stdout_label() || *label == c.stderr_label())?;
    Some((asked, of + 1))
}

fn answers_slip(j: &Judge, recvs: &Events) {
    let (all, pairs) = (recvs.len(), recvs.iter().filter_map(|e| asked_and_answered(j, e)));
    let (asked, answered): (Vec<usize>, Vec<usize>) = pairs.unzip();
    let late = recvs.only(|e| asked_and_answered(j, e).is_some_and(|(asked, of)| of < asked));
    j.claim("off-by-one", "the answers are out of step with the commands", "响应错位了一条命令")
        .of(&late)
        .beside(j.sentence([&asked, &answered], |[asked, answered]| {
            say!(" (asked: {asked}; answered: {answered})", "（问的是 {asked}；答的是 {answered}）")
        }))
        .at_least(1, late.len(), |n| {
            say!("{n} of {all} answers to an earlier command", "{n} 个响应（共 {all} 个）答的是前面的命令")
        });
}

/// ` (recvfrom(1,024) kept 1,024 of 1,147)`
fn kept(j: &Judge, cut: &Event) -> Option<Sentence> {
    let length = j.trace().message(cut.spans.first()?.msg)?.bytes.len();
    Some(j.sentence([&cut.asked?, &cut.bytes.len(), &length], |[size, kept, length]| {
        say!(" (recvfrom({size}) kept {kept} of {length})", "（recvfrom({size}) 留下 {length} 中的 {kept}）")
    }))
}

fn teach(t: Teaching) -> Teaching {
    t.why(
        "A datagram is a message, but two messages answer each command, and the client reads one.",
        "一个数据报就是一条消息；但每条命令有两个响应，客户端只读一个。",
        "RFC 768",
    )
    .why(
        "What is longer than the buffer is cut, and the rest of it is discarded.",
        "比缓冲区长的被截断，剩余部分丢弃。",
        "udp(7), recv(2)",
    )
    .next("udp-remote-cmd --recv-size 10240", "none cut, still off by 1", "不再截断，仍然错位")
    .next("tcp-remote-cmd", "the same over TCP: mixed, but nothing lost", "同样的命令走 TCP：会混在一起，但不丢")
    .next("fix-header", "a protocol: every answer with its command", "有了协议：每个响应各归其命令")
    .next("udp-chat", "one socket, several clients", "一个套接字，多个客户端")
    .control(
        "the client reads both answers of a command, into a buffer that holds the longest",
        "客户端读完一条命令的两个响应，缓冲区装得下最长的",
        |e| {
            e.client(client_who_counts);
        },
    )
}

/// The control: the client knows how many datagrams answer a command, and has room for the longest.
fn client_who_counts(end: &End) -> Ends {
    let s = end.udp()?;
    let server = end.server_address()?;
    for command in &COMMANDS {
        s.send_to(command.line.as_bytes(), server)?;
        for _ in 0..ANSWERS {
            s.recv_from(64 * BUFSIZE)?;
        }
    }
    Ok(())
}
