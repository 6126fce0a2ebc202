//! A receiver that does not read loses what its buffer cannot hold: every send succeeds, and nobody is told.

use super::both::{number, numbered};
use super::prelude::*;
use crate::claims::Datagrams;
use crate::trace::Trace;

pub(super) fn scenario() -> Scenario {
    Scenario::new("udp-loss", SyllabusPart::Udp, &["D0", "D1 §10", "D3 §9"])
        .title("UDP loses datagrams", "UDP 会丢数据报")
        .question(
            "many datagrams, a receiver that does not read: do all arrive?",
            "许多数据报，接收方却不读：都能收到吗？",
        )
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
        .words("drop dropped lost missing packet-loss 丢包 丢失")
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
    Ok(())
}

fn server(end: &End) -> Ends {
    let s = end.udp()?;
    s.wait_readable()?;
    end.pass("sent", Text::new("busy until all are sent", "忙着别的，直到全部发完"))?;
    s.set_nonblocking(true)?;
    while s.try_recv_from(SIZE)?.is_some() {}
    Ok(())
}

fn judge(j: &Judge) {
    let sends = j.sends(Client);
    let failed = sends.only(|e| e.returned != Some(SIZE));
    let went = sends.len() - failed.len();
    j.claim("every-send-succeeds", "every send succeeded", "每次 send 都成功")
        .of(&sends.just_first().and(&failed).and(&sends.just_last()))
        .equal([DATAGRAMS, 0], [went, failed.len()], |[n, bad]| {
            say!("{n} sends, {bad} errors", "{n} 次 send，{bad} 个错误")
        });

    let recvs = j.recvs(Server);
    let Crossing { link, arrived } = Crossing::of(j.trace());
    let text = match link {
        None => Text::new("fewer were received than sent", "收到的比发出的少"),
        Some(_) => Text::new("fewer were received than arrived", "收到的比到达的少"),
    };
    let claim = j.claim_text("fewer-arrive", text).needs(Client).of(&recvs.just_last());
    let received = |n| say!("{n} received", "{n} 个被收到");
    match link {
        None => claim.fewer_than(arrived.len(), Varying(recvs.len()), received),
        Some(_) => claim.fewer_than(Varying(arrived.len()), Varying(recvs.len()), received),
    }
    drops_are_counted(j, went, recvs.len(), link);
    first_survive(j, &recvs, &arrived);
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
fn drops_are_counted(j: &Judge, sent: usize, received: usize, link: Option<Datagrams>) {
    let last = j.only(Server, |e| e.evidence.dropped.is_some()).just_last();
    let Some(dropped) = last.first().and_then(|e| e.evidence.dropped).map(u64::from) else {
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
    let [received, dropped, lost, late, copies] = [received as u64, dropped, lost, late, copies].map(Varying);
    let sum = match link {
        None => j.sentence([&received, &dropped], |[received, dropped]| {
            say!(" = {received} received + {dropped} dropped", " = 收到 {received} + 丢弃 {dropped}")
        }),
        Some(_) => {
            j.sentence([&received, &dropped, &lost, &late, &copies], |[received, dropped, lost, late, twice]| {
                say!(
                    " = {received} received + {dropped} dropped + {lost} lost on the link + {late} too late - \
                 {twice} second copies",
                    " = 收到 {received} + 丢弃 {dropped} + 链路上丢失 {lost} + 来迟 {late} - 重复到达 {twice}"
                )
            })
        }
    };
    j.claim("drops-are-counted", "the kernel dropped the rest at the full buffer", "缓冲区已满，其余的被内核丢弃")
        .needs(Client)
        .of(&last)
        .beside(sum)
        .equal([sent as u64], [total], |[n]| say!("{n} in all", "共 {n} 个"));
}

/// What found room is what came first: the queue keeps the old and refuses the new.
fn first_survive(j: &Judge, recvs: &Events, arrived: &[usize]) {
    let first: Vec<usize> = arrived.iter().copied().take(recvs.len()).collect();
    let numbers: Vec<usize> = recvs.iter().map(|e| number(&e.bytes).unwrap_or(0)).collect();
    let last = |of: &[usize]| Varying(of.iter().copied().max().unwrap_or(0));
    let in_order = j.sentence([&last(&first)], |[n]| say!("No. 1 to {n}, in order", "第 1 到 {n} 号，顺序不变"));
    let others = j.sentence([&Varying(recvs.len()), &last(&numbers)], |[n, last]| {
        say!("{n} of them, up to No. {last}", "共 {n} 个，最大 {last} 号")
    });
    j.claim("first-survive", "the survivors are the first ones", "留下来的是最早的那些")
        .of(&recvs.just_first().and(&recvs.just_last()))
        .same(in_order.clone(), if numbers == first { in_order } else { others });
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
    .next("udp-loss --rcvbuf 65536", "larger: it drops later", "缓冲区大些，丢之前装得多些")
    .next("udp-loss --rcvbuf 1MiB", "all fit: nothing is dropped", "这一回全装得下：不再丢弃")
    .next("udp-loss --link loss=10%", "and what is lost on the way", "再加上路上丢的")
    .next("tcp-partial-send", "TCP and such a receiver: the sender waits", "TCP 遇到这样的接收方：发送方只能等")
    .next("udp-empty", "a datagram with nothing in it", "里面什么也没有的数据报")
    .control(
        "a receive buffer in which all of them find room (1 MiB asked)",
        "接收缓冲区装得下全部数据报（要求 1 MiB）",
        |e| e.defaults.rcvbuf = Some(1 << 20),
    )
}
