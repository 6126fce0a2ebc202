//! One recv per command is not one answer per command: the answers slip, and part of one is printed for the next.

use super::commands::{COMMANDS, Command};
use super::prelude::*;
use crate::trace::{MsgId, Span};

pub(super) fn scenario() -> Scenario {
    Scenario::new("tcp-remote-cmd", Part::Tcp, &["D0", "D1 §9", "D2 §1"])
        .title("remote commands, one recv each", "远程命令：每条只 recv 一次")
        .claim(
            "One recv per command is not one answer per command: part of an answer is printed for the next (粘包).",
            "每条命令只 recv 一次，回答就会错位：前一条命令的输出到下一条才打印（“粘包”）。",
        )
        .takes(&[Opt::Nodelay, Opt::RecvSize, Opt::Race])
        // Nagle off, so that nobody takes it for the cause (and no send waits for a delayed ACK).
        .nodelay(true)
        .recv_size(1024)
        .client(client)
        .server(server)
        .judge(judge)
        .teach(teach)
}

fn client(end: &End) -> Ends {
    let s = end.tcp().connect()?;
    expect_answers(&s);
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
    while !s.recv(end.recv_size())?.is_empty() {}
    s.close()?;
    Ok(())
}

fn server(end: &End) -> Ends {
    let listener = end.tcp().listen()?;
    let conn = listener.accept()?;
    COMMANDS.iter().for_each(|command| conn.expect(command.line.as_bytes()));
    loop {
        let line = conn.recv(1024)?;
        if line.is_empty() {
            break;
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
        conn.send_part(end.labelled(command.stderr.as_bytes(), command.stderr_label()).whole())?;
    }
    conn.close()?;
    Ok(())
}

/// The control: the client knows every answer's length (the page's does not) and reads each whole.
fn client_that_knows_lengths(end: &End) -> Ends {
    let s = end.tcp().connect()?;
    expect_answers(&s);
    end.open("printed");
    for command in &COMMANDS {
        s.send(command.line.as_bytes())?;
        s.wait_queued(command.answer().len())?;
        s.recv(command.answer().len())?;
    }
    s.shutdown_write()?;
    while !s.recv(end.recv_size())?.is_empty() {}
    s.close()?;
    Ok(())
}

/// What the page's server sends, for a client that runs alone; an empty output puts nothing in the stream.
fn expect_answers(s: &Conn) {
    for command in &COMMANDS {
        for (output, label) in [(command.stdout, command.stdout_label()), (command.stderr, command.stderr_label())] {
            if !output.is_empty() {
                s.expect_framed(output.as_bytes(), 0, Some(label));
            }
        }
    }
}

/// The command, by its place, whose output a message is.
fn command_of(j: &Judge, id: MsgId) -> Option<usize> {
    let label = j.trace().message(id)?.label.as_ref()?;
    COMMANDS.iter().position(|c| *label == c.stdout_label() || *label == c.stderr_label())
}

/// `17 bytes of dir;ls: stderr`.
fn name(j: &Judge, span: &Span) -> Text {
    let label = j.trace().message(span.msg).and_then(|m| m.label.clone()).unwrap_or(Text::same(span.msg.to_string()));
    let n = grouped(span.len);
    say!("{n} bytes of {{}}", "{{}} 的 {n} 字节").with(&label)
}

/// Are these bytes the whole answer to the command at this place, and nothing else?
fn is_answer(j: &Judge, print: &Event, nth: usize, command: &Command) -> bool {
    print.returned == Some(command.answer().len()) && print.spans.iter().all(|s| command_of(j, s.msg) == Some(nth))
}

fn judge(j: &Judge) {
    let mut prints: Vec<&Event> = j.recvs(Client).into_iter().filter(|e| e.returned != Some(0)).collect();
    prints.truncate(COMMANDS.len());
    let slipped = |(nth, e): &(usize, &&Event)| {
        let first = e.spans.first().and_then(|s| command_of(j, s.msg));
        first.is_some_and(|command| command < *nth)
    };
    let slip = prints.iter().enumerate().find(slipped);
    let said = slip.and_then(|(nth, e)| Some((nth, name(j, e.spans.first()?))));
    let shown = slip.map(|(_, e)| *e);
    j.claim(
        "answers-slip",
        "what is printed for a command begins with an earlier answer",
        "为一条命令打印的，开头却是前面命令的回答",
    )
    .needs(Client)
    .shown_by(shown)
    .that(
        shown.is_some(),
        Text::new("an earlier answer's bytes first", "开头是前面命令的字节"),
        match said {
            Some((nth, bytes)) => {
                let line = COMMANDS[nth].line;
                say!("for {line}: {{}}", "{line}：先是 {{}}").with(&bytes)
            }
            None => Text::new("every print begins with its own answer", "每次打印都从自己的回答开始"),
        },
    );

    let right = prints.iter().zip(&COMMANDS).enumerate().filter(|(nth, (e, c))| is_answer(j, e, *nth, c)).count();
    let all = COMMANDS.len();
    j.claim(
        "prints-wrong",
        "a recv per command is not an answer per command",
        "每条命令一次 recv，得到的却不是每条命令的回答",
    )
    .needs(Client)
    .shown_by(prints.iter().copied())
    .that(
        right < all,
        say!("fewer than {all} right answers", "{all} 个回答中正确的少于 {all} 个"),
        say!("{right} of {all} right answers", "{all} 个回答中 {right} 个正确"),
    );

    judge_long_answer(j, &prints);
    judge_server(j);
}

/// The sending side did nothing wrong: each output went whole into a send of its own.
fn judge_server(j: &Judge) {
    let sends = j.sends(Server);
    let whole = sends.iter().filter(|e| e.returned == e.asked).count();
    let outputs = 2 * COMMANDS.len();
    j.claim("sent-whole", "the server sent each output whole, by itself", "服务器把每份输出各自完整地发出")
        .needs(Server)
        .shown_by(sends)
        .that(
            whole == outputs,
            say!("{outputs} outputs, {outputs} whole sends", "{outputs} 份输出，{outputs} 次完整的 send"),
            say!("{whole} whole sends", "{whole} 次完整的 send"),
        );
}

/// An answer longer than recv's size is cut; with a recv larger than every answer there is nothing to cut.
fn judge_long_answer(j: &Judge, prints: &[&Event]) {
    let Some(nth) = COMMANDS.iter().position(|c| c.stdout.len() > prints.first().and_then(|e| e.asked).unwrap_or(0))
    else {
        return;
    };
    let rest = |e: &&Event| e.spans.iter().find(|s| command_of(j, s.msg) == Some(nth) && s.offset > 0).copied();
    let late = prints.iter().skip(nth + 1).find_map(|e| Some((*e, rest(e)?)));
    let actual = late.map(|(_, span)| name(j, &span));
    j.claim(
        "long-answer-cut",
        "recv cuts the long answer; its rest is printed later",
        "长的回答被 recv 切断，剩余部分以后才打印",
    )
    .needs(Client)
    .shown_by(late.map(|(e, _)| e))
    .that(
        late.is_some(),
        Text::new("its rest in a later print", "剩余部分出现在后面的打印里"),
        actual.unwrap_or(Text::new("nothing left for a later print", "后面的打印里没有剩余部分")),
    );
}

fn teach(t: Teaching) -> Teaching {
    t.why(
        "The two outputs are one stream of bytes; nothing in it says where an answer ends.",
        "两份输出是同一条字节流，流里没有任何标记说明一个回答到哪里为止。",
        "RFC 9293 §2.2",
    )
    .why(
        "recv returns what has arrived, at most its size: too early it misses, too small it cuts.",
        "recv 返回已到的字节，最多为所要的大小：太早会漏，太小会切断。",
        "recv(2)",
    )
    .next("tcp-remote-cmd --recv-size 10240", "a larger buffer: the answers still slip", "更大的缓冲区：回答照样错位")
    .next(
        "tcp-remote-cmd --nodelay off",
        "with Nagle, as on the page: slower, the same slip",
        "开着 Nagle（与原文一样）：更慢，照样错位",
    )
    .next("tcp-remote-cmd --race --repeat 100", "what happens when nobody waits", "谁也不等谁时的真实分布")
    .next("fix-header", "the same commands, each answer with its length", "同样的命令，每个回答带上长度")
    .next("tcp-nagle", "is the Nagle algorithm to blame?", "该怪 Nagle 算法吗？")
    .control(
        "the client knows how long each answer is, waits for it and reads exactly that",
        "客户端事先知道每个回答有多长，等齐后正好读这么多",
        |s| {
            s.client(client_that_knows_lengths);
        },
    )
}
