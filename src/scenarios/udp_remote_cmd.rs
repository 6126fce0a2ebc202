//! Remote commands over UDP: every answer keeps its boundaries, and the answers are still off by one.

use super::commands::COMMANDS;
use super::prelude::*;
use crate::net::Udp;

pub(super) fn scenario() -> Scenario {
    Scenario::new("udp-remote-cmd", Part::Udp, &["D0", "D1 §9", "D2 §1"])
.title("remote commands over UDP", "UDP 上的远程命令")
.claim("Every answer is whole or cut, never mixed, and the answers are still off by one: boundaries are no protocol.", "每个回答要么完整要么被截断，从不混合；但回答仍然错位：光有边界还不是协议。")
.takes(&[Opt::RecvSize])
.recv_size(BUFSIZE)
.client(client)
.server(server)
.judge(judge)
.teach(teach)
}

const BUFSIZE: usize = 1024;

/// Datagrams a command: its stdout, then its stderr.
const ANSWERS: usize = 2;

fn client(end: &End) -> Ends {
    let s = end.udp()?;
    let server = end.server_address()?;
    expect_answers(&s);
    for command in &COMMANDS {
        s.send_to(command.line.as_bytes(), server)?;
        s.recv_from(end.recv_size())?;
    }
    end.pass("answered", Text::new("until all is answered", "等到全部回答完"))?;
    s.close()?;
    Ok(())
}

fn server(end: &End) -> Ends {
    let s = end.udp()?;
    COMMANDS.iter().for_each(|command| s.expect(command.line.as_bytes()));
    for command in &COMMANDS {
        let (_, from) = s.recv_from(BUFSIZE)?;
        let stdout = end.labelled(command.stdout.as_bytes(), command.stdout_label());
        let stderr = end.labelled(command.stderr.as_bytes(), command.stderr_label());
        s.send_part_to(stdout.whole(), from)?;
        s.send_part_to(stderr.whole(), from)?;
    }
    end.open("answered");
    s.close()?;
    Ok(())
}

/// The control: the client knows how many datagrams answer a command, and has room for the longest.
fn client_who_counts(end: &End) -> Ends {
    let s = end.udp()?;
    let server = end.server_address()?;
    expect_answers(&s);
    for command in &COMMANDS {
        s.send_to(command.line.as_bytes(), server)?;
        for _ in 0..ANSWERS {
            s.recv_from(64 * BUFSIZE)?;
        }
    }
    s.close()?;
    Ok(())
}

fn expect_answers(s: &Udp) {
    for command in &COMMANDS {
        s.expect_labelled(command.stdout.as_bytes(), command.stdout_label());
        s.expect_labelled(command.stderr.as_bytes(), command.stderr_label());
    }
}

fn judge(j: &Judge) {
    let recvs = j.recvs(Client);
    let single = recvs.iter().filter(|e| e.messages().len() == 1).count();
    let [n, all] = [single, recvs.len()].map(grouped);
    let apart = Text::new(
        "every recvfrom holds one message, whole or cut, never two",
        "每次 recvfrom 只有一条消息：完整或被截断，从不混合",
    );
    j.claim_text("never-mixed", apart).needs(Client).shown_by(recvs.iter().copied()).that(
        single == recvs.len() && !recvs.is_empty(),
        say!("one message in {all} of {all}", "{all} 次中 {all} 次是一条消息"),
        say!("one message in {n} of {all}", "{all} 次中 {n} 次是一条消息"),
    );
    slip(j, &recvs);
    cut(j, &recvs);
    left(j, recvs.len());
}

/// Which command was asked last, and which one this answers; both from 1.
fn asked_and_answered(j: &Judge, event: &Event) -> Option<(usize, usize)> {
    let asked = j.sends(Client).iter().filter(|e| e.seq < event.seq).count();
    let label = j.trace().message(event.spans.first()?.msg)?.label.clone()?;
    let of = COMMANDS.iter().position(|c| label == c.stdout_label() || label == c.stderr_label())?;
    Some((asked, of + 1))
}

fn slip(j: &Judge, recvs: &[&Event]) {
    let pairs: Vec<(usize, usize)> = recvs.iter().filter_map(|e| asked_and_answered(j, e)).collect();
    let list = |numbers: Vec<usize>| numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let (asked, answered) = pairs.iter().copied().unzip();
    let (asked, answered) = (list(asked), list(answered));
    let late: Vec<&Event> =
        recvs.iter().copied().filter(|e| asked_and_answered(j, e).is_some_and(|(asked, of)| of < asked)).collect();
    j.claim("off-by-one", "the answers are off by one command", "回答错位了一条命令")
        .needs(Client)
        .shown_by(late.iter().copied())
        .that(
            !late.is_empty(),
            say!("answers to other commands than {asked}", "不是对 {asked} 的回答"),
            say!("answers to {answered}", "是对 {answered} 的回答"),
        );
}

fn cut(j: &Judge, recvs: &[&Event]) {
    let whole = |e: &Event| Some(j.trace().message(e.spans.first()?.msg)?.bytes.len());
    let cut = recvs.iter().copied().find(|e| e.truncated);
    let (size, kept) = (grouped(cut.and_then(|e| e.asked).unwrap_or(0)), grouped(cut.map_or(0, |e| e.bytes.len())));
    let length = grouped(cut.and_then(whole).unwrap_or(0));
    j.claim("long-one-cut", "the long answer lost its tail", "长的那个回答丢了尾部").needs(Client).shown_by(cut).that(
        cut.is_some(),
        Text::new("a recvfrom that kept a part", "某次 recvfrom 只留下一部分"),
        match cut {
            Some(_) => say!("recvfrom({size}) kept {kept} of {length}", "recvfrom({size}) 留下 {length} 中的 {kept}"),
            None => Text::new("nothing was cut", "没有被截断的"),
        },
    );
}

/// What nobody asked for again is still in the queue when the client leaves.
fn left(j: &Judge, read: usize) {
    let close = j.trace().calls(Client, Call::Close).last();
    let unread = close.and_then(|e| e.evidence.unread).unwrap_or(0);
    let sent = j.sends(Server).len();
    let (n, rest) = (grouped(unread), grouped(sent.saturating_sub(read)));
    j.claim("left-unread", "answers are left that nobody reads", "还剩下没人读的回答")
        .needs(Client)
        .needs(Server)
        .shown_by(close)
        .that(
            unread > 0 && unread + read as u64 == sent as u64,
            say!(
                "{sent} sent - {read} read = {rest} unread at close",
                "发出 {sent} - 读走 {read} = 关闭时还有 {rest} 个未读"
            ),
            say!("{n} unread at close", "关闭时还有 {n} 个未读"),
        );
}

fn teach(t: Teaching) -> Teaching {
    t.why(
        "A datagram is a message, but two messages answer each command, and the client reads one.",
        "一个数据报就是一条消息；但每条命令有两个回答，客户端只读一个。",
        "RFC 768",
    )
    .why(
        "What is longer than the buffer is cut, and the rest of it is discarded.",
        "比缓冲区长的被截断，剩余部分丢弃。",
        "udp(7), recv(2)",
    )
    .next(
        "udp-remote-cmd --recv-size 10240",
        "D0's buffer: nothing is cut, and still off by one",
        "D0 的缓冲区：不再截断，仍然错位",
    )
    .next(
        "tcp-remote-cmd",
        "the same commands over TCP: mixed, but nothing lost",
        "同样的命令走 TCP：会混在一起，但不丢",
    )
    .next("fix-header", "a protocol: every answer with its command", "有了协议：每个回答各归其命令")
    .next("udp-chat", "one socket, several clients", "一个套接字，多个客户端")
    .control(
        "the client reads both answers of a command, into a buffer that holds the longest",
        "客户端读完一条命令的两个回答，缓冲区装得下最长的",
        |s| {
            s.client(client_who_counts);
        },
    )
}
