//! One recv per command is not one answer per command: the answers slip, and part of one is printed for the next.

use super::prelude::*;
use super::remote_commands::COMMANDS;
use crate::trace::Span;

const ALL: usize = COMMANDS.len();

pub(super) fn scenario() -> Scenario {
    Scenario::new("tcp-remote-cmd", SyllabusPart::Tcp, &["D0", "D1 §9", "D2 §1"])
        .title("remote commands, one recv each", "远程命令：每条只 recv 一次")
        .question("one recv per command: whose output is printed?", "每条命令一次 recv：打印的是哪条命令的输出？")
        .claim(
            "One recv per command is not one answer per command: part of an answer is printed for the next (粘包).",
            "每条命令只 recv 一次，响应就会错位：前一条命令的输出到下一条才打印（“粘包”）。",
        )
        .takes(&[Opt::Nodelay, Opt::RecvSize, Opt::Race, Opt::Gap])
        // Nagle off, so that nobody takes it for the cause (and no send waits for a delayed ACK).
        .nodelay(true)
        .recv_size(1024)
        .client(client)
        .server(server)
        .judge(judge)
        .words("slip off-by-one wrong-answer leftover 错位 残留 串包")
        .teach(teach)
}

fn client(end: &End) -> Ends {
    let s = end.connect()?;
    let mut unread = 0;
    for (nth, command) in COMMANDS.iter().enumerate() {
        s.send(command.line.as_bytes())?;
        unread += command.answer().len();
        // For the first command this reader is quick, for the others it comes late: everything is there.
        if nth > 0 {
            s.wait_queued(unread)?;
        }
        let printed = s.recv(end.recv_size())?;
        unread = unread.saturating_sub(printed.len());
        end.open("printed");
    }
    s.shutdown_write()?;
    Ok(s.recv_to_end(end.recv_size())?)
}

fn server(end: &End) -> Ends {
    let listener = end.listen()?;
    let conn = listener.accept()?;
    loop {
        let line = conn.recv(1024)?;
        if line.is_empty() {
            return Ok(());
        }
        let Some(command) = COMMANDS.iter().find(|c| c.line.as_bytes() == line) else {
            // Only without barriers: two commands in one recv, and the shell knows no such command.
            conn.send(b"no such command\r\n")?;
            continue;
        };
        conn.send_part(end.labelled(command.stdout.as_bytes(), command.stdout_label()).whole())?;
        if command.line == COMMANDS[0].line {
            end.pass("printed", Text::new("until the client has printed", "等到客户端打印完"))?;
        }
        end.gap()?;
        conn.send_part(end.labelled(command.stderr.as_bytes(), command.stderr_label()).whole())?;
    }
}

/// The command, by its place, whose output a piece is of.
fn command_of(j: &Judge, span: &Span) -> Option<usize> {
    let label = j.trace().message(span.msg)?.label.as_ref()?;
    COMMANDS.iter().position(|c| *label == c.stdout_label() || *label == c.stderr_label())
}

/// ` (for pwd: 17 bytes of dir;ls: stderr)`: what a print begins with.
fn begins_with(j: &Judge, nth: usize, print: &Event) -> Option<Sentence> {
    let span = print.spans.first()?;
    let (line, n) = (COMMANDS[nth].line, grouped(span.len));
    let label = j.trace().message(span.msg)?.label.as_ref()?;
    Some(say!(" (for {line}: {n} bytes of {{}})", "（{line}：先是 {{}} 的 {n} 字节）").with(label).into())
}

fn judge(j: &Judge) {
    let prints = j.recvs(Client).with_data().first_few(ALL);
    let place = |print: &Event| prints.iter().position(|e| e.seq == print.seq).unwrap_or(ALL);
    let slipped = prints.only(|e| e.spans.first().and_then(|s| command_of(j, s)).is_some_and(|of| of < place(e)));
    j.claim(
        "answers-slip",
        "what is printed for a command begins with an earlier answer",
        "为一条命令打印的，开头却是前面命令的响应",
    )
    .of(&slipped)
    .beside(slipped.first().and_then(|print| begins_with(j, place(print), print)))
    .at_least(1, slipped.len(), |n| say!("{n} of {ALL} prints", "{n} 次（共打印 {ALL} 次）"));

    let is_answer = |print: &Event| {
        let of = COMMANDS.get(place(print)).is_some_and(|command| command.answer().len() == print.bytes.len());
        of && print.spans.iter().all(|span| command_of(j, span) == Some(place(print)))
    };
    let wrong = prints.only(|print| !is_answer(print));
    j.claim(
        "prints-wrong",
        "a recv per command is not an answer per command",
        "每条命令一次 recv，得到的却不是每条命令的响应",
    )
    .of(&wrong)
    .at_least(1, wrong.len(), |n| say!("{n} of {ALL} answers wrong", "{n} 个错误的响应（共 {ALL} 个）"));

    long_answer_is_cut(j, &prints);

    // The sending side did nothing wrong: each output went whole into a send of its own.
    let whole = j.sends(Server).only(|e| e.returned == e.asked);
    j.claim("sent-whole", "the server sent each output whole, by itself", "服务器把每份输出各自完整地发出")
        .of(&whole)
        .equal([2 * ALL], [whole.len()], |[n]| say!("{n} whole sends", "{n} 次完整的 send"));
}

/// An answer longer than recv's size is cut; with a recv larger than every answer there is nothing to cut.
fn long_answer_is_cut(j: &Judge, prints: &Events) {
    let room = prints.first().and_then(|e| e.asked).unwrap_or(0);
    let Some(nth) = COMMANDS.iter().position(|c| c.stdout.len() > room) else { return };
    let rest = |e: &Event| e.spans.iter().find(|s| command_of(j, s) == Some(nth) && s.offset > 0).map(|s| s.len);
    let late = prints.only(|e| prints.iter().take(nth + 1).all(|p| p.seq < e.seq) && rest(e).is_some()).just_first();
    let line = COMMANDS[nth].line;
    j.claim(
        "long-answer-cut",
        "recv cuts the long answer; its rest is printed later",
        "长的响应被 recv 切断，剩余部分以后才打印",
    )
    .of(&late)
    .more_than(0, late.iter().filter_map(|e| rest(e)).sum::<usize>(), |n| {
        say!("{n} bytes of {line}: stdout printed later", "{n} 字节的 {line}: stdout 以后才打印")
    });
}

fn teach(t: Teaching) -> Teaching {
    t.why(
        "The two outputs are one stream of bytes; nothing in it says where an answer ends.",
        "两份输出是同一条字节流，流里没有任何标记说明一个响应到哪里为止。",
        "RFC 9293 §2.2",
    )
    .why(
        "recv returns what has arrived, at most its size: too early it misses, too small it cuts.",
        "recv 返回已到的字节，至多返回所请求的字节数：太早会漏，太小会切断。",
        "recv(2)",
    )
    .next("tcp-remote-cmd --recv-size 10240", "larger: still out of step", "缓冲区更大：照样错位")
    .next("tcp-remote-cmd --nodelay off", "with Nagle: slower, no better", "开着 Nagle：更慢，照样错位")
    .next("tcp-remote-cmd --race --repeat 100", "nobody waits: how often?", "谁也不等谁时的分布")
    .next("fix-header", "the same commands, each answer with its length", "同样的命令，每个响应带上长度")
    .next("tcp-nagle", "is the Nagle algorithm to blame?", "该怪 Nagle 算法吗？")
    .control(
        "the client knows how long each answer is, waits for it and reads exactly that",
        "客户端事先知道每个响应有多长，等齐后正好读这么多",
        |e| {
            e.client(client_that_knows_lengths);
        },
    )
}

/// The page's client knows no lengths; this one does, and reads each answer whole.
fn client_that_knows_lengths(end: &End) -> Ends {
    let s = end.connect()?;
    end.open("printed");
    for command in &COMMANDS {
        s.send(command.line.as_bytes())?;
        s.wait_queued(command.answer().len())?;
        s.recv(command.answer().len())?;
    }
    s.shutdown_write()?;
    Ok(s.recv_to_end(end.recv_size())?)
}
