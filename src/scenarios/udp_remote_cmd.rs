//! Remote commands over UDP: every answer keeps its boundaries, and the answers are still off by one.

use super::commands::COMMANDS;
use super::{Control, Next, Part, Scenario, Why};
use crate::claims::Judge;
use crate::net::{End, Opt, Settings, Udp};
use crate::say;
use crate::text::{Text, grouped};
use crate::trace::Role::{Client, Server};
use crate::trace::{Call, Event};

const BUFSIZE: usize = 1024;

/// Datagrams a command: its stdout, then its stderr.
const ANSWERS: usize = 2;

fn client(end: &End) -> anyhow::Result<()> {
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

fn server(end: &End) -> anyhow::Result<()> {
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
fn client_who_counts(end: &End) -> anyhow::Result<()> {
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

fn judge(j: &mut Judge) {
    let recvs = j.recvs(Client);
    let single = recvs.iter().filter(|e| e.messages().len() == 1).count();
    let [n, all] = [single, recvs.len()].map(grouped);
    let apart = Text::new(
        "every recvfrom holds one message, whole or cut, never two",
        "每次 recvfrom 只有一条消息：完整或被截断，从不混合",
    );
    j.claim("never-mixed", &[Client], apart)
        .expected(say!("one message in {all} of {all}", "{all} 次中 {all} 次是一条消息"))
        .actual(say!("one message in {n} of {all}", "{all} 次中 {n} 次是一条消息"))
        .shown_by(recvs.iter().copied())
        .holds(single == recvs.len() && !recvs.is_empty());
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

fn slip(j: &mut Judge, recvs: &[&Event]) {
    let pairs: Vec<(usize, usize)> = recvs.iter().filter_map(|e| asked_and_answered(j, e)).collect();
    let list = |numbers: Vec<usize>| numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let (asked, answered) = pairs.iter().copied().unzip();
    let (asked, answered) = (list(asked), list(answered));
    let late: Vec<&Event> =
        recvs.iter().copied().filter(|e| asked_and_answered(j, e).is_some_and(|(asked, of)| of < asked)).collect();
    j.claim("off-by-one", &[Client], Text::new("the answers are off by one command", "回答错位了一条命令"))
        .expected(say!("answers to other commands than {asked}", "不是对 {asked} 的回答"))
        .actual(say!("answers to {answered}", "是对 {answered} 的回答"))
        .shown_by(late.iter().copied())
        .holds(!late.is_empty());
}

fn cut(j: &mut Judge, recvs: &[&Event]) {
    let whole = |e: &Event| Some(j.trace().message(e.spans.first()?.msg)?.bytes.len());
    let cut = recvs.iter().copied().find(|e| e.truncated);
    let (size, kept) = (grouped(cut.and_then(|e| e.asked).unwrap_or(0)), grouped(cut.map_or(0, |e| e.bytes.len())));
    let length = grouped(cut.and_then(whole).unwrap_or(0));
    j.claim("long-one-cut", &[Client], Text::new("the long answer lost its tail", "长的那个回答丢了尾部"))
        .expected(Text::new("a recvfrom that kept a part", "某次 recvfrom 只留下一部分"))
        .actual(match cut {
            Some(_) => say!("recvfrom({size}) kept {kept} of {length}", "recvfrom({size}) 留下 {length} 中的 {kept}"),
            None => Text::new("nothing was cut", "没有被截断的"),
        })
        .shown_by(cut)
        .holds(cut.is_some());
}

/// What nobody asked for again is still in the queue when the client leaves.
fn left(j: &mut Judge, read: usize) {
    let close = j.trace().calls(Client, Call::Close).last();
    let unread = close.and_then(|e| e.evidence.unread).unwrap_or(0);
    let sent = j.sends(Server).len();
    let (n, rest) = (grouped(unread), grouped(sent.saturating_sub(read)));
    j.claim("left-unread", &[Client, Server], Text::new("answers are left that nobody reads", "还剩下没人读的回答"))
        .expected(say!(
            "{sent} sent - {read} read = {rest} unread at close",
            "发出 {sent} - 读走 {read} = 关闭时还有 {rest} 个未读"
        ))
        .actual(say!("{n} unread at close", "关闭时还有 {n} 个未读"))
        .shown_by(close)
        .holds(unread > 0 && unread + read as u64 == sent as u64);
}

pub(super) fn scenario() -> Scenario {
    Scenario {
        id: "udp-remote-cmd",
        part: Part::Udp,
        title: Text::new("remote commands over UDP", "UDP 上的远程命令"),
        claim: Text::new(
            "Every answer is whole or cut, never mixed, and the answers are still off by one: boundaries are no protocol.",
            "每个回答要么完整要么被截断，从不混合；但回答仍然错位：光有边界还不是协议。",
        ),
        documents: &["D0", "D1 §9", "D2 §1"],
        takes: &[Opt::RecvSize],
        defaults: Settings { recv_size: Some(BUFSIZE), ..Settings::NONE },
        client,
        server: Some(server),
        judge,
        why: vec![
            Why {
                text: Text::new(
                    "A datagram is a message, but two messages answer each command, and the client reads one.",
                    "一个数据报就是一条消息；但每条命令有两个回答，客户端只读一个。",
                ),
                source: "RFC 768",
            },
            Why {
                text: Text::new(
                    "What is longer than the buffer is cut, and the rest of it is discarded.",
                    "比缓冲区长的被截断，剩余部分丢弃。",
                ),
                source: "udp(7), recv(2)",
            },
        ],
        next: vec![
            Next {
                command: "udp-remote-cmd --recv-size 10240",
                shows: Text::new(
                    "D0's buffer: nothing is cut, and still off by one",
                    "D0 的缓冲区：不再截断，仍然错位",
                ),
            },
            Next {
                command: "tcp-remote-cmd",
                shows: Text::new(
                    "the same commands over TCP: mixed, but nothing lost",
                    "同样的命令走 TCP：会混在一起，但不丢",
                ),
            },
            Next {
                command: "fix-header",
                shows: Text::new("a protocol: every answer with its command", "有了协议：每个回答各归其命令"),
            },
            Next {
                command: "udp-chat", shows: Text::new("one socket, several clients", "一个套接字，多个客户端")
            },
        ],
        control: Control {
            change: Text::new(
                "the client reads both answers of a command, into a buffer that holds the longest",
                "客户端读完一条命令的两个回答，缓冲区装得下最长的",
            ),
            apply: |s| s.client = client_who_counts,
        },
        ..Scenario::blank()
    }
}
