//! A sleep between two sends keeps them apart only for a receiver that reads in time: luck, bought with time.

use super::commands::{COMMANDS, Command};
use super::prelude::*;
use crate::trace::{Fact, MsgId};
use std::time::Duration;

pub(super) fn scenario() -> Scenario {
    Scenario::new("fix-sleep", Part::NoFix, &["D4 §1"])
        .title("a sleep between the sends", "两次 send 之间 sleep")
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
        .teach(teach)
}

const COMMAND: &Command = &COMMANDS[0];
/// The page sleeps 0.5 s.
const SLEEP: Duration = Duration::from_millis(100);
const SIZE: Text = Text::new("length", "长度");
/// One gate a round: the idle receiver has read the length.
const READ: [&str; 2] = ["size-read", "second-size-read"];

fn client(end: &End) -> Ends {
    let s = connect(end)?;
    // Idle: it stands in recv while the server sleeps.
    end.note(Text::new("an idle receiver", "空闲的接收方"));
    s.send(COMMAND.line.as_bytes())?;
    read_answer(end, &s, READ[0])?;
    // Busy with something else for longer than the server sleeps.
    end.note(Text::new("a busy receiver", "忙碌的接收方"));
    s.send(COMMAND.line.as_bytes())?;
    s.wait_queued(size().len() + body().len())?;
    read_answer(end, &s, READ[1])?;
    s.close()?;
    Ok(())
}

fn server(end: &End) -> Ends {
    serve(end, [Some(READ[0]), None])
}

fn serve(end: &End, idle: [Option<&'static str>; 2]) -> Ends {
    let listener = end.tcp().listen()?;
    let conn = listener.accept()?;
    for read in idle {
        conn.expect(COMMAND.line.as_bytes());
        if conn.recv(500)?.is_empty() {
            break;
        }
        conn.send_message(&end.labelled(size(), SIZE))?;
        sleep(end, read)?;
        conn.send_message(&end.labelled(body(), COMMAND.answer_label()))?;
    }
    conn.close()?;
    Ok(())
}

/// The page's sleep. An idle receiver is one that reads while it lasts; at the full length a gate makes
/// sure that its thread got to run. A shorter sleep (and any in two processes) takes its chance.
fn sleep(end: &End, idle: Option<&'static str>) -> Ends {
    let gap = end.settings().gap.unwrap_or(SLEEP);
    end.pause(gap)?;
    match idle {
        Some(read) if gap >= SLEEP && !end.alone() => {
            end.pass(read, Text::new("until the idle receiver has read the length", "等到空闲的接收方读走长度"))?;
        }
        _ => {}
    }
    Ok(())
}

fn connect(end: &End) -> anyhow::Result<Conn> {
    let s = end.tcp().connect()?;
    for _ in READ {
        s.expect_framed(&size(), 0, Some(SIZE));
        s.expect_framed(&body(), 0, Some(COMMAND.answer_label()));
    }
    Ok(s)
}

/// The page takes the first recv for the size, and goes on until the answer is whole.
fn read_answer(end: &End, s: &Conn, read: &'static str) -> Ends {
    let whole = size().len() + body().len();
    let mut got = s.recv(end.recv_size())?.len();
    end.open(read);
    while got < whole {
        let piece = s.recv(end.recv_size())?;
        if piece.is_empty() {
            break;
        }
        got += piece.len();
    }
    Ok(())
}

fn size() -> Vec<u8> {
    body().len().to_string().into_bytes()
}

fn body() -> Vec<u8> {
    COMMAND.answer()
}

/// The control: no receiver is ever busy.
fn client_never_busy(end: &End) -> Ends {
    let s = connect(end)?;
    for read in READ {
        s.send(COMMAND.line.as_bytes())?;
        read_answer(end, &s, read)?;
    }
    s.close()?;
    Ok(())
}

fn server_of_idle_clients(end: &End) -> Ends {
    serve(end, READ.map(Some))
}

fn judge(j: &Judge) {
    let recvs = j.recvs(Client);
    let [size, _, late_size, late_body] = [1, 2, 3, 4].map(|nth| j.message(Server, nth).map(|m| m.id));
    let nothing = || Text::new("no recv returned it", "没有 recv 返回它");
    let names = |ids: [Option<MsgId>; 2]| {
        Text::same(ids.into_iter().flatten().map(|id| id.to_string()).collect::<Vec<_>>().join("+"))
    };

    let first = first_of(&recvs, late_size);
    let merged = first.filter(|e| late_body.is_some_and(|id| e.messages().contains(&id)));
    j.claim(
        "busy-merged",
        "busy longer than the sleep: length and body in one recv",
        "忙得比 sleep 久：一次 recv 取到长度和正文",
    )
    .needs(Client)
    .shown_by(first)
    .that(
        merged.is_some(),
        Text::new("{} in one recv", "一次 recv 里有 {}").with(&names([late_size, late_body])),
        first.map_or_else(nothing, describe),
    );

    let first = first_of(&recvs, size);
    j.claim("idle-apart", "idle: the length came alone", "空闲：长度单独到达").needs(Client).shown_by(first).that(
        first.is_some_and(|e| e.messages().len() == 1),
        Text::new("{} alone in its recv", "{} 单独在一次 recv 里").with(&names([size, None])),
        first.map_or_else(nothing, describe),
    );

    price(j);
}

fn first_of<'a>(recvs: &[&'a Event], id: Option<MsgId>) -> Option<&'a Event> {
    recvs.iter().copied().find(|e| id.is_some_and(|id| e.messages().contains(&id)))
}

fn price(j: &Judge) {
    let slept = |e: &Event| match e.fact {
        Some(Fact::Pause(us)) if e.end.role == Server => Some(us),
        _ => None,
    };
    let events = &j.trace().events;
    let sleeps: Vec<&Event> = events.iter().filter(|e| slept(e).is_some()).collect();
    let [answers, times] = [j.trace().messages_from(Server).count() / 2, sleeps.len()];
    let paid = Duration::from_micros(sleeps.iter().copied().filter_map(slept).sum());
    let really = sleeps.iter().all(|e| slept(e).is_some_and(|us| e.end_us - e.t_us >= us));
    j.claim("price", "the price: every answer waits, idle or not", "代价：不管空闲与否，每个回答都要等")
        .needs(Server)
        .shown_by(sleeps)
        .that(
            times == answers && times > 0 && really,
            say!("{answers} sleeps for {answers} answers", "{answers} 个回答，sleep {answers} 次"),
            say!("{times} sleeps, {paid:?} in all", "sleep {times} 次，共 {paid:?}"),
        );
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
    .next("fix-sleep --gap 500ms", "D4's half second, and no better", "D4 的半秒，也好不了多少")
    .next(
        "fix-sleep --gap 0ms --repeat 200",
        "how an idle receiver fares without the sleep",
        "不 sleep 时，空闲的接收方会怎样",
    )
    .next("fix-ack", "waiting for a fact, not for a time", "等一个事实，而不是等一段时间")
    .next("fix-nodelay", "the next fix that is none", "下一个治不好的“解法”")
    .control(
        "no receiver is busy: both read while the server sleeps",
        "接收方都不忙：服务器 sleep 时两次都在读",
        |s| {
            s.client(client_never_busy);
            s.server(server_of_idle_clients);
        },
    )
}
