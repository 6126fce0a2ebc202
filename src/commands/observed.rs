//! Makes the report of programs that were watched.

use super::subject;
use crate::framing::Framing;
use crate::render::report::{Head, Next, Report};
use crate::say;
use crate::text::{Text, escaped, grouped, is_harmful};
use crate::trace::{EndName, Recorder, Role, Sink};
use crate::watch::conditions::Conditions;
use crate::watch::seen::{Id, ProcessEnd, Record, SocketKey, Target};
use crate::watch::who::WhoIsWho;
use crate::watch::{Programs, Watched, Watching, ciphertext, source};
use std::collections::BTreeSet;

/// What was seen as a report like any other.
pub(super) fn report(
    watching: &Watching,
    watched: &Watched,
    framing: Option<&dyn Framing>,
    recorder: &Recorder,
    stable: bool,
) -> Report {
    let ends = WhoIsWho::of(&watched.seen);
    source::events(&watched.seen, &ends, framing, recorder);
    let mut trace = recorder.take();
    let roles: BTreeSet<Role> = ends.all().iter().map(|end: &EndName| end.role).collect();
    trace.roles = roles.into_iter().collect();
    let mut report = Report::observed(head(watching, framing), trace, recorder.now_us(), stable);
    let findings = &mut report.findings;
    if watched.full {
        // An account needs both sides of everything.
        findings.claims.retain(|claim| claim.id != "udp-account");
    }
    if report.trace.events.is_empty() {
        findings
            .limits
            .push(Text::new("no call on a TCP or UDP socket was seen", "没有看到对 TCP 或 UDP 套接字的调用"));
    }
    findings.limits.extend(blindness(watched, watching));
    report
}

/// What the trace does not show, and how the programs ended when not well.
fn blindness(watched: &Watched, watching: &Watching) -> Vec<Text> {
    let mut notes = Vec::new();
    for program in &watched.endings {
        let name = escaped(&program.name);
        match program.how {
            _ if program.asked_to => {}
            ProcessEnd::Status(0) => {}
            ProcessEnd::Status(status) => {
                notes.push(say!("{name} ended with exit status {status}", "{name} 以退出状态 {status} 结束"));
            }
            ProcessEnd::Signal(signal) => {
                notes.push(say!("{name} was ended by signal {signal}", "{name} 被信号 {signal} 结束"));
            }
        }
    }
    if watched.full {
        let calls = watched.seen.iter().filter(|one| matches!(one, Record::Call(_))).count();
        let n = grouped(calls);
        notes.push(match calls >= watching.most_calls {
            true => say!("only the first {n} calls are recorded (--events N)", "只记录了前 {n} 次调用（--events N）"),
            false => say!(
                "only the first {n} calls are recorded: they moved as many bytes as are kept",
                "只记录了前 {n} 次调用：它们传送的字节已达到保存的上限"
            ),
        });
    }
    if watched.attached {
        notes.push(Text::new(
            "it ran before: what came before it was watched is not here, and a connection with bytes under way then is not followed",
            "它早已在运行：观察之前的事不在这里，当时还有字节在途的连接也不跟踪",
        ));
    }
    notes.extend(unseen(watched));
    notes
}

/// What nobody can see by watching calls.
fn unseen(watched: &Watched) -> Vec<Text> {
    let mut notes = Vec::new();
    if watched.uring {
        notes.push(Text::new(
            "a program uses io_uring: what it does there cannot be seen",
            "有程序使用了 io_uring：它在其中做的事看不到",
        ));
    }
    if watched.unread {
        notes.push(Text::new(
            "what a call moved could not be read (splice, sendfile or MSG_TRUNC): that connection is not followed behind it",
            "有调用传送的内容读不到（splice、sendfile 或 MSG_TRUNC）：那个连接此后不再记录",
        ));
    }
    if watched.passed.iter().any(|(giver, key)| !is_used_by_another(watched, *giver, *key)) {
        notes.push(Text::new(
            "a socket was handed to another process (SCM_RIGHTS): what is done with it in one that is not watched cannot be seen",
            "有套接字交给了别的进程（SCM_RIGHTS）：没被观察的进程用它做的事看不到",
        ));
    }
    let encrypted = ciphertext::connections(&watched.seen);
    if encrypted > 0 {
        notes.push(say!(
            "connections that speak TLS: {encrypted}; their bytes are ciphertext, and the messages within cannot be seen",
            "使用 TLS 的连接：{encrypted} 个；其中的字节是密文，看不到里面的消息"
        ));
    }
    notes
}

/// Did a watched process that was not its first owner use a socket?
fn is_used_by_another(watched: &Watched, giver: Id, key: SocketKey) -> bool {
    watched.seen.iter().any(|one| match one {
        Record::Call(call) => call.pid != giver && matches!(&call.target, Target::Socket(socket) if socket.key == key),
        _ => false,
    })
}

fn head(watching: &Watching, framing: Option<&dyn Framing>) -> Head {
    let what = subject::written(&watching.programs);
    let mut given = Vec::new();
    given.extend(framing.map(|framing| ("framing".to_owned(), framing.kind().name().to_owned())));
    given.extend(watching.conditions.options());
    let late = Next {
        command: format!("watch --late {what}"),
        shows: Text::new("the same with a receiver that comes late", "同样的程序，接收方晚到"),
    };
    let cut = Next {
        command: format!("watch --cut 1 {what}"),
        shows: Text::new(
            "the same, one byte a recv: TCP may do that at any time",
            "同样的程序，每次 recv 一个字节：TCP 随时可以这样",
        ),
    };
    // A program text on the command line is nothing to paste.
    let again = watching.conditions == Conditions::default()
        && !what.contains(is_harmful)
        && !matches!(watching.programs, Programs::Running(_));
    Head {
        next: if again { vec![late, cut] } else { Vec::new() },
        given,
        ..Head::observed(
            "watch",
            Text::same(escaped(&subject::title(&watching.programs))),
            Text::new("What does this program do at its sockets?", "这个程序在它的套接字上做了什么？"),
            Text::new(
                "every socket call of the program, unchanged, in the order of causes",
                "程序的每一次套接字调用，程序未作改动，按因果顺序排列",
            ),
        )
    }
}
