//! "Address already in use": a restarted server may bind over what the old one left, if both had set SO_REUSEADDR;
//! never while another listens, and always when the client closed first.

use super::prelude::*;
use crate::net::Result;
use std::io::ErrorKind::AddrInUse;
use std::net::SocketAddr;

pub(super) fn scenario() -> Scenario {
    Scenario::new("tcp-reuseaddr", SyllabusPart::Tcp, &["D1 §7", "D2 §6"])
        .title("address already in use", "地址已被占用")
        .question("a restarted server: when is its port already in use?", "服务器重启：什么时候会报“地址已被占用”？")
        .claim(
            "A restarted server can bind its old port if the client closed first, or if old and new both set SO_REUSEADDR \
             and none listens.",
            "重启的服务器在两种情况下能拿回旧端口：客户端先关闭；或者新旧都设了 SO_REUSEADDR，且没有谁在监听。",
        )
        .client(|end| client(end, LEFT))
        .server(|end| server(end, LEFT))
        .judge(judge)
        .never_alone(
            "the old server and the new one take turns on one port, and their clients follow them step by step",
            "新旧服务器要在同一端口上轮流运行，客户端须逐步配合",
        )
        .impossible(|| {
            let reason = Text::new(
                "these are Linux's rules; Windows lets two sockets with SO_REUSEADDR share a port, and BSDs differ \
                 again",
                "这是 Linux 的规则；Windows 允许两个设了 SO_REUSEADDR 的套接字共用端口，BSD 又有不同",
            );
            (!cfg!(any(target_os = "linux", target_os = "android"))).then_some(reason)
        })
        .words("bind port-in-use address-in-use address-already-in-use eaddrinuse time-wait so-reuseaddr 端口 \
             端口占用 地址被占用")
        .teach(teach)
}

/// What the old server left behind on its port.
#[derive(Clone, Copy, PartialEq)]
enum Left {
    /// It closed its connection first.
    TimeWait,
    /// Its connection lives on; only the listening socket is gone.
    Established,
    /// It still listens.
    Listening,
    /// Nothing: the client closed first.
    Nothing,
}

/// What the old servers leave, two by two.
const LEFT: [Left; 4] = [Left::TimeWait, Left::Established, Left::Listening, Left::Nothing];

/// Of each two the second had set SO_REUSEADDR.
struct Old {
    left: Left,
    reuse: bool,
}

fn olds(left: [Left; 4]) -> Vec<(Act, Old)> {
    let each = left.into_iter().flat_map(|left| [false, true].map(|reuse| Old { left, reuse }));
    each.zip(1..).map(|(old, nth)| (Act { key: format!("old-{nth}").into(), title: heading(&old) }, old)).collect()
}

/// What this old server is about to do.
fn heading(old: &Old) -> Text {
    let set = match old.reuse {
        true => Text::new("old with SO_REUSEADDR", "旧服务器设了 SO_REUSEADDR"),
        false => Text::new("old without SO_REUSEADDR", "旧服务器没设 SO_REUSEADDR"),
    };
    Text::new("{}: {}", "{}：{}").with(&set).with(&leaves(old.left))
}

fn leaves(left: Left) -> Text {
    match left {
        Left::TimeWait => Text::new("leaves TIME_WAIT", "留下 TIME_WAIT"),
        Left::Established => Text::new("leaves a connection", "留下一条连接"),
        Left::Listening => Text::new("still listens", "仍在监听"),
        Left::Nothing => Text::new("client closed first", "客户端先关闭"),
    }
}

fn client(end: &End, left: [Left; 4]) -> Ends {
    for (_, Old { left, .. }) in end.acts(&olds(left)).filter(|(_, old)| old.left != Left::Listening) {
        end.pass("listens", Text::new("until the old server listens", "等到旧服务器开始监听"))?;
        let s = end.connect()?;
        if *left != Left::Nothing {
            s.recv(1)?;
        }
        // Were this side to end while its ACK is still on the way, the two could overtake each other, and the
        // late ACK would in the end reset the server out of TIME_WAIT (RFC 1337). So it acknowledges now.
        if *left == Left::TimeWait {
            s.set_quickack(true)?;
            end.pass("acked", Text::new("until the server has its ACK", "等到服务器收到 ACK"))?;
        }
    }
    Ok(())
}

fn server(end: &End, left: [Left; 4]) -> Ends {
    for (_, Old { left, reuse }) in end.titled_acts(&olds(left)) {
        let old = end.tcp().reuse_address(*reuse).listen()?;
        let address = old.address();
        match left {
            Left::Listening => {
                restart(end, address)?;
                old.close_for_good()?;
            }
            Left::Established => {
                let conn = last_client(end, old)?;
                restart(end, address)?;
                conn.close()?;
            }
            Left::TimeWait => {
                let conn = last_client(end, old)?;
                conn.shutdown_write()?;
                conn.wait_acked()?;
                end.open("acked");
                // The end of the client's stream is the last thing this side of the connection waits for:
                // from here on it is in TIME_WAIT.
                conn.recv(1)?;
                conn.close()?;
                restart(end, address)?;
            }
            Left::Nothing => {
                let conn = last_client(end, old)?;
                conn.recv(1)?;
                conn.shutdown_write()?;
                conn.wait_acked()?;
                conn.close()?;
                restart(end, address)?;
            }
        }
    }
    Ok(())
}

/// A client comes, and the old server listens no more.
fn last_client(end: &End, old: Listener) -> Result<Conn> {
    end.open("listens");
    let conn = old.accept()?;
    old.close_for_good()?;
    Ok(conn)
}

/// The new server, at the old one's address: without SO_REUSEADDR, then with it.
fn restart(end: &End, address: SocketAddr) -> Result<()> {
    for reuse in [false, true] {
        match end.tcp().reuse_address(reuse).listen_at(address) {
            Err(error) if error.kind() == Some(AddrInUse) => {}
            new => new?.close_for_good()?,
        }
    }
    Ok(())
}

/// A new server's attempt: SO_REUSEADDR of the old and of the new, and whether it came to listen. The event
/// is its failed bind, or its listen: a bind that succeeds has no row of its own.
struct Attempt<'a> {
    set: (bool, bool),
    bound: bool,
    event: &'a Event,
}

/// Each old server binds first; the new ones follow.
fn attempts<'a>(act: &Scope<'a>) -> Vec<Attempt<'a>> {
    let binds = act.calls(Server, Call::Bind);
    let options = act.options(Server, "SO_REUSEADDR").only(|e| e.returned == Some(1));
    let reuses = |bind: &Event| !options.on(bind.sock).is_empty();
    let Some((old, new)) = binds.split_first() else { return vec![] };
    let attempt = |bind: &&'a Event| Attempt {
        set: (reuses(old), reuses(bind)),
        bound: act.only(Server, |e| e.sock == bind.sock).iter().all(|e| e.ok()),
        event: act.calls(Server, Call::Listen).on(bind.sock).first().copied().unwrap_or(bind),
    };
    new.iter().map(attempt).collect()
}

/// Which of the 2 × 2 these are, in words.
fn named(tries: usize, cells: &[(bool, bool)]) -> Text {
    let name = |cell: &(bool, bool)| match cell {
        (false, false) => Text::new("with neither", "都不设"),
        (false, true) => Text::new("with new only", "只有新的设"),
        (true, false) => Text::new("with old only", "只有旧的设"),
        (true, true) => Text::new("with both", "新旧都设"),
    };
    let joined = cells.iter().map(name).reduce(|all, next| Text::new("{}, {}", "{}、{}").with(&all).with(&next));
    let joined = joined.unwrap_or(Text::new("never", "从不"));
    say!("{tries} binds, successful: {{}}", "{tries} 次绑定中成功的：{{}}").with(&joined)
}

/// What the old server left, by who had set SO_REUSEADDR.
fn two_by_two(j: &Judge, olds: &[(Act, Old)]) {
    let heads = [
        Text::new("SO_REUSEADDR set by", "谁设了 SO_REUSEADDR"),
        Text::new("neither", "都没设"),
        Text::new("only new", "只有新的"),
        Text::new("only old", "只有旧的"),
        Text::new("both", "两个都设"),
    ];
    let row = |left: Left| {
        let acts = j.acts(olds).filter(|((_, old), _)| old.left == left);
        let bound: Vec<bool> = acts.flat_map(|(_, act)| attempts(&act)).map(|attempt| attempt.bound).collect();
        let cells: [bool; 4] = bound.try_into().ok()?;
        let word = |bound: bool| if bound { Text::new("bound", "成功") } else { Text::same("EADDRINUSE") };
        Some((leaves(left), cells.map(|bound| word(bound).into())))
    };
    j.table(heads, LEFT.into_iter().filter_map(row));
}

fn judge(j: &Judge) {
    let olds = olds(LEFT);
    two_by_two(j, &olds);
    const BOTH: &[(bool, bool)] = &[(true, true)];
    const ALL: &[(bool, bool)] = &[(false, false), (false, true), (true, false), (true, true)];
    for (left, id, text, wanted) in [
        (
            Left::TimeWait,
            "time-wait",
            Text::new("a connection in TIME_WAIT: only if old and new had set it", "连接处于 TIME_WAIT：新旧都设才行"),
            BOTH,
        ),
        (
            Left::Established,
            "established",
            Text::new("a connection still open: only if old and new had set it", "连接仍然打开：新旧都设才行"),
            BOTH,
        ),
        (
            Left::Listening,
            "listening",
            Text::new("another socket still listening: never", "另一个套接字仍在监听：都不行"),
            &[],
        ),
        (Left::Nothing, "client-first", Text::new("the client had closed first: always", "客户端先关闭：都行"), ALL),
    ] {
        let acts = j.acts(&olds).filter(|((_, old), _)| old.left == left);
        let here: Vec<Attempt> = acts.flat_map(|(_, act)| attempts(&act)).collect();
        let bound: Vec<(bool, bool)> = here.iter().filter(|a| a.bound).map(|a| a.set).collect();
        j.claim_text(id, text)
            .shown_by(here.iter().map(|a| a.event))
            .same(named(ALL.len(), wanted), named(here.len(), &bound));
    }
}

fn teach(t: Teaching) -> Teaching {
    t.why(
        "Who closes first keeps the connection (TIME_WAIT) and its port; bind passes over it only if both sockets allow.",
        "先关闭的一方保留着连接（TIME_WAIT）和端口；新旧套接字都允许，bind 才能越过它。",
        "RFC 9293 §3.6; socket(7)",
    )
    .why(
        "SO_REUSEADDR is what allows it, set before bind; it never lets a bind pass over a listening socket.",
        "允许的办法就是在 bind 之前设 SO_REUSEADDR；但仍在监听的套接字，无论如何越不过。",
        "socket(7)",
    )
    .next("tcp-reuseaddr --control", "the client closes first: all bind", "客户端都先关闭：什么也没留下")
    .next("tcp-close", "what the two sides of a close see", "关闭时双方各看到什么")
    .next("udp-boundaries", "part 2: a protocol that keeps boundaries", "第 2 部分：保留边界的协议")
    .control(
        "every client closes first, so that no old server leaves anything behind",
        "每个客户端都先关闭，旧服务器什么也不留下",
        |e| {
            let first = [Left::Nothing; 4];
            e.client(move |end| client(end, first)).server(move |end| server(end, first));
        },
    )
}
