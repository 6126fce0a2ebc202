//! A receiver that does not read loses what its buffer cannot hold: every send succeeds, and nobody is told.

use super::both::{number, numbered};
use super::prelude::*;
use crate::claims::Datagrams;
use crate::trace::Trace;

pub(super) fn scenario() -> Scenario {
    Scenario::new("udp-loss", Part::Udp, &["D0", "D1 §10", "D3 §9"])
        .title("UDP loses datagrams", "UDP 会丢数据报")
        .claim(
            "A receiver that does not read loses what its buffer cannot hold, and no send fails.",
            "接收方不读，缓冲区装不下的数据报就丢了；而每次 send 都成功。",
        )
        .takes(&[Opt::Rcvbuf])
        .buffers(None, Some(4096))
        .client(client)
        .server(server)
        .judge(judge)
        .varies()
        .teach(teach)
}

const DATAGRAMS: usize = 200;
/// Of each, in bytes: `No. 001 ......`.
const SIZE: usize = 100;

fn client(end: &End) -> Ends {
    let s = end.udp()?;
    let server = end.server_address()?;
    for n in 1..=DATAGRAMS {
        s.send_to(&numbered(n, SIZE), server)?;
    }
    end.open("sent");
    s.close()?;
    Ok(())
}

fn server(end: &End) -> Ends {
    let s = end.udp()?;
    (1..=DATAGRAMS).for_each(|n| s.expect(&numbered(n, SIZE)));
    s.wait_readable()?;
    end.pass("sent", Text::new("busy until all are sent", "忙着别的，直到全部发完"))?;
    s.set_nonblocking(true)?;
    while s.try_recv_from(SIZE)?.is_some() {}
    s.close()?;
    Ok(())
}

fn judge(j: &Judge) {
    let sends = j.sends(Client);
    let failed: Vec<&Event> = sends.iter().copied().filter(|e| e.returned != Some(SIZE)).collect();
    let went = sends.len() - failed.len();
    let (n, bad) = (grouped(went), grouped(failed.len()));
    j.claim("every-send-succeeds", "every send succeeded", "每次 send 都成功")
        .needs(Client)
        .shown_by(sends.first().copied().into_iter().chain(failed.iter().copied()).chain(sends.last().copied()))
        .that(
            went == DATAGRAMS && failed.is_empty(),
            say!("{DATAGRAMS} sends, 0 errors", "{DATAGRAMS} 次 send，0 个错误"),
            say!("{n} sends, {bad} errors", "{n} 次 send，{bad} 个错误"),
        );

    let recvs = j.recvs(Server);
    let crossing = Crossing::of(j.trace());
    let (received, reached) = (j.varying(recvs.len()), j.varying(crossing.arrived.len()));
    let text = match crossing.link {
        None => Text::new("fewer were received than sent", "收到的比发出的少"),
        Some(_) => Text::new("fewer were received than arrived", "收到的比到达的少"),
    };
    let expected = match crossing.link {
        None => say!("fewer than {n} received", "收到少于 {n} 个"),
        Some(_) => say!("fewer than {reached} received", "收到少于 {reached} 个"),
    };
    j.claim_text("fewer-arrive", text).needs(Client).needs(Server).shown_by(recvs.last().copied()).that(
        recvs.len() < crossing.arrived.len(),
        expected,
        say!("{received} received", "收到 {received} 个"),
    );
    dropped(j, went, recvs.len(), crossing.link);
    first_ones(j, &recvs, &crossing.arrived);
}

/// What became of the datagrams between the two sockets.
struct Crossing {
    /// What the link did; `None` without one.
    link: Option<Datagrams>,
    /// The numbers of those that reached the receiver's host, in order. Loopback carries all, once.
    arrived: Vec<usize>,
}

impl Crossing {
    fn of(trace: &Trace) -> Crossing {
        let receiver = trace.sockets.iter().find(|s| s.end.role == Server);
        match receiver.filter(|_| !trace.packets.is_empty()) {
            None => Crossing { link: None, arrived: (1..=DATAGRAMS).collect() },
            Some(socket) => {
                let arrived = trace.datagrams_arrived(socket);
                let arrived = arrived.iter().map(|bytes| number(bytes).unwrap_or(0)).collect();
                Crossing { link: Some(trace.datagrams_on_link(&[socket])), arrived }
            }
        }
    }
}

/// The receiver's kernel counted the ones it threw away.
fn dropped(j: &Judge, sent: usize, received: usize, link: Option<Datagrams>) {
    let count = |e: &Event| e.evidence.dropped.filter(|_| e.end.role == Server);
    let last = j.trace().events.iter().rev().find(|e| count(e).is_some());
    let Some(dropped) = last.and_then(count) else {
        if j.trace().saw(Server) {
            j.limit(Text::new(
                "this system does not count the datagrams a socket drops",
                "本系统不统计套接字丢弃的数据报",
            ));
        }
        return;
    };
    let Datagrams { lost, copies, late } = link.unwrap_or_default();
    let total = (received as u64 + dropped + lost + late).saturating_sub(copies);
    let mut names = Text::new("received + dropped", "收到 + 丢弃");
    let mut numbers = format!("{} + {}", j.varying(received), j.varying(dropped));
    let further = [
        (link.is_some(), '+', lost, Text::new("lost on the link", "链路上丢失")),
        (late > 0, '+', late, Text::new("too late", "来迟")),
        (copies > 0, '-', copies, Text::new("second copies", "重复到达")),
    ];
    for (_, sign, n, name) in further.into_iter().filter(|(counts, ..)| *counts) {
        numbers += &format!(" {sign} {}", j.varying(n));
        names = say!("{{}} {sign} {{}}", "{{}} {sign} {{}}").with(&names).with(&name);
    }
    let (sum, all) = (grouped(total), grouped(sent));
    j.claim("drops-are-counted", "the kernel dropped the rest at the full buffer", "缓冲区已满，其余的被内核丢弃")
        .needs(Client)
        .needs(Server)
        .shown_by(last)
        .that(
            total == sent as u64,
            say!("{{}} = {all}", "{{}} = {all}").with(&names),
            Text::same(format!("{numbers} = {sum}")),
        );
}

/// What found room is what came first: the queue keeps the old and refuses the new.
fn first_ones(j: &Judge, recvs: &[&Event], arrived: &[usize]) {
    let numbers: Vec<usize> = recvs.iter().filter_map(|e| number(&e.bytes)).collect();
    let in_order = numbers.len() == recvs.len() && arrived.starts_with(&numbers);
    let until = j.varying(recvs.len());
    let greatest = |of: &[usize]| of.iter().copied().max().unwrap_or(0);
    let should = j.varying(greatest(&arrived[..recvs.len().min(arrived.len())]));
    let last = j.varying(greatest(&numbers));
    j.claim("first-survive", "the survivors are the first ones", "留下来的是最早的那些")
        .needs(Server)
        .shown_by(recvs.first().copied().into_iter().chain(recvs.last().copied()))
        .that(
            in_order && !recvs.is_empty(),
            say!("No. 1 to {should}, in order", "第 1 到 {should} 号，顺序不变"),
            match in_order {
                true => say!("No. 1 to {last}, in order", "第 1 到 {last} 号，顺序不变"),
                false => say!("{until} of them, up to No. {last}", "共 {until} 个，最大 {last} 号"),
            },
        );
}

fn teach(t: Teaching) -> Teaching {
    t.why(
        "UDP has no acknowledgement and no window: the sender does not know that the receiver is full.",
        "UDP 没有确认，也没有窗口：发送方不知道接收方已经满了。",
        "RFC 768",
    )
    .why(
        "A datagram that finds the receive buffer full is dropped; the space also pays for the kernel's bookkeeping.",
        "数据报到达时接收缓冲区已满，就被丢弃；内核管理数据报的开销也算在缓冲区里。",
        "socket(7), udp(7)",
    )
    .next("udp-loss --rcvbuf 65536", "a larger buffer holds more before it drops", "缓冲区大些，丢之前装得多些")
    .next("udp-loss --rcvbuf 1MiB", "all of them fit, this time: the claim fails", "这一回全装得下：结论不成立")
    .next("udp-loss --link loss=10%", "and what is lost on the way", "再加上路上丢的")
    .next(
        "tcp-partial-send",
        "TCP before such a receiver: the sender has to wait",
        "TCP 遇到这样的接收方：发送方只能等",
    )
    .next("udp-empty", "a datagram with nothing in it", "里面什么也没有的数据报")
    .control(
        "a receive buffer in which all of them find room (1 MiB asked)",
        "接收缓冲区装得下全部数据报（要求 1 MiB）",
        |s| s.defaults.rcvbuf = Some(1 << 20),
    )
}
