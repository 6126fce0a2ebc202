//! A sleep between two sends keeps them apart only for a receiver that reads in time: luck, bought with time.

use super::prelude::*;
use super::remote_commands::{COMMANDS, RemoteCommand};
use crate::trace::Fact;
use std::time::Duration;

pub(super) fn scenario() -> Scenario {
    Scenario::new("fix-sleep", SyllabusPart::NoFix, &["D4 §1"])
        .title("a sleep between the sends", "两次 send 之间 sleep")
        .question("a sleep between the sends: do they stay apart?", "两次 send 之间加 sleep：就能分开吗？")
        .claim(
            "A sleep separates two sends for an idle receiver and not for a busy one: luck, bought with time.",
            "sleep 只能替空闲的接收方隔开两次 send，接收方一忙就又合并：是用时间买来的运气。",
        )
        .takes(&[Opt::Nodelay, Opt::Sndbuf, Opt::Rcvbuf, Opt::RecvSize, Opt::Gap, Opt::Race])
        .recv_size(500)
        .gap(SLEEP)
        .client(client)
        .server(server)
        .judge(judge)
        .words("sleep time.sleep wait 睡眠 延时")
        .teach(teach)
}

const COMMAND: &RemoteCommand = &COMMANDS[0];
/// The page sleeps 0.5 s.
const SLEEP: Duration = Duration::from_millis(100);
const SIZE: Text = Text::new("length", "长度");

/// Idle: it stands in recv while the server sleeps. Busy with something else for longer than the server sleeps.
static IDLE: Act = Act::new("idle", "an idle receiver", "空闲的接收方");
static BUSY: Act = Act::new("busy", "a busy receiver", "忙碌的接收方");

fn client(end: &End) -> Ends {
    let s = end.connect()?;
    for act in end.titled_acts([&IDLE, &BUSY]) {
        s.send(COMMAND.line.as_bytes())?;
        if *act == BUSY {
            s.wait_queued(size().len() + body().len())?;
        }
        read_answer(end, &s)?;
    }
    Ok(())
}

/// The page takes the first recv for the size, and goes on until the answer is whole.
fn read_answer(end: &End, s: &Conn) -> Ends {
    let whole = size().len() + body().len();
    let mut got = s.recv(end.recv_size())?.len();
    end.open("size-read");
    while got < whole {
        let piece = s.recv(end.recv_size())?;
        if piece.is_empty() {
            break;
        }
        got += piece.len();
    }
    Ok(())
}

fn server(end: &End) -> Ends {
    serve(end, |act| *act == IDLE)
}

fn serve(end: &End, idle: fn(&Act) -> bool) -> Ends {
    let listener = end.listen()?;
    let conn = listener.accept()?;
    for act in end.acts([&IDLE, &BUSY]) {
        if conn.recv(500)?.is_empty() {
            break;
        }
        conn.send_message(&end.labelled(size(), SIZE))?;
        sleep(end, idle(act))?;
        conn.send_message(&end.labelled(body(), COMMAND.answer_label()))?;
    }
    Ok(())
}

/// The page's sleep. An idle receiver is one that reads while it lasts; at the full length a gate makes
/// sure that its thread got to run. A shorter sleep (and any in two processes) takes its chance.
fn sleep(end: &End, idle: bool) -> Ends {
    let gap = end.settings().gap.unwrap_or(SLEEP);
    end.pause(gap)?;
    if idle && gap >= SLEEP && !end.alone() {
        end.pass("size-read", Text::new("until the idle receiver has read the length", "等到空闲的接收方读走长度"))?;
    }
    Ok(())
}

fn size() -> Vec<u8> {
    body().len().to_string().into_bytes()
}

fn body() -> Vec<u8> {
    COMMAND.answer()
}

fn judge(j: &Judge) {
    let name = |nth| j.message(Server, nth).map_or("-".into(), |m| m.id.to_string());
    let (size, late_size, late_body) = (name(1), name(3), name(4));

    let first = j.act(&BUSY).recvs(Client).just_first();
    j.claim(
        "busy-merged",
        "busy longer than the sleep: length and body in one recv",
        "接收方忙的时间超过 sleep：长度和正文被一次取出",
    )
    .of(&first)
    .equal([format!("{late_size}+{late_body}")], [first.names()], |[ids]| {
        say!("{ids} in one recv", "一次 recv 里有 {ids}")
    });

    let first = j.act(&IDLE).recvs(Client).just_first();
    j.claim("idle-apart", "idle: the length came alone", "空闲：长度单独到达").of(&first).equal(
        [size],
        [first.names()],
        |[ids]| say!("{ids} alone in its recv", "{ids} 单独在一次 recv 里"),
    );

    let slept = |e: &Event| match e.fact {
        Some(Fact::Pause(us)) => Some(us).filter(|us| e.end_us - e.t_us >= *us),
        _ => None,
    };
    let sleeps = j.only(Server, |e| slept(e).is_some());
    let paid = Duration::from_micros(sleeps.iter().filter_map(|e| slept(e)).sum());
    let answers = j.trace().messages_from(Server).count() / 2;
    j.claim("price", "the price: every answer waits, idle or not", "代价：不管空闲与否，每个响应都要等")
        .of(&sleeps)
        .beside(j.sentence([], |[]| say!(", {paid:?} in all", "，共 {paid:?}")))
        .equal([answers; 2], [sleeps.len(), answers], |[times, answers]| {
            say!("{times} sleeps for {answers} answers", "{answers} 个响应，sleep {times} 次")
        });
}

fn teach(t: Teaching) -> Teaching {
    t.why(
        "No buffer “times out”: bytes stay queued, in order and unmarked, until somebody reads.",
        "没有什么“缓冲区超时”：字节按顺序留在队列里，不带边界，直到有人来读。",
        "RFC 9293 §2.2",
    )
    .why(
        "recv returns what is queued when it is called; the sender cannot know when that is.",
        "recv 返回调用那一刻队列里的字节；那一刻是什么时候，发送方无从知道。",
        "recv(2)",
    )
    .next("fix-sleep --gap 500ms", "the page's half second, and no better", "文档里的半秒，也好不了多少")
    .next("fix-sleep --gap 0ms --repeat 200", "no sleep, an idle receiver", "不 sleep，接收方空闲")
    .next("fix-ack", "waiting for a fact, not for a time", "等一个事实，而不是等一段时间")
    .next("fix-nodelay", "the next fix that is none", "下一个治不好的“解法”")
    .control(
        "no receiver is busy: both read while the server sleeps",
        "接收方都不忙：服务器 sleep 时两次都在读",
        |e| {
            e.client(client_never_busy).server(|end| serve(end, |_| true));
        },
    )
}

/// The control: no receiver is ever busy.
fn client_never_busy(end: &End) -> Ends {
    let s = end.connect()?;
    for _ in end.acts([&IDLE, &BUSY]) {
        s.send(COMMAND.line.as_bytes())?;
        read_answer(end, &s)?;
    }
    Ok(())
}
