//! `doctor`: what this machine can show, found out by trying.

use crate::cli::Command;
use crate::cli::command::{Context, Task};
use crate::exit::Exit;
use crate::net::statistics;
use crate::play::Linked;
use crate::render::Format;
use crate::render::Style;
use crate::render::palette::Ink;
use crate::say;
use crate::scenarios::{Scenario, syllabus};
use crate::sys::kernel;
use crate::text::columns::{padded, wrapped};
use crate::text::{Text, grouped};
use serde_json::{Map, Value, json};
use socket2::{Domain, Socket, Type};
use std::io::{self, IsTerminal, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};

/// One finding: whether it is there, and what was seen.
struct Finding {
    id: &'static str,
    name: Text,
    there: bool,
    seen: Text,
    value: Value,
}

pub(super) fn command() -> Command {
    let summary = Text::new("what this machine can show", "这台机器能演示什么");
    Command::new("doctor", summary, |_, _| Ok(Task::new(run)))
        .formats([Format::Text, Format::Json])
        .words([("doctor", "diagnose diagnostics info status system 诊断 检查")])
}

fn run(context: &Context, out: &mut dyn Write) -> io::Result<Exit> {
    let style = &context.style;
    let findings = findings(style);
    if context.format == Format::Json {
        let entry =
            |f: &Finding| (f.id.to_owned(), json!({ "ok": f.there, "value": f.value, "seen": f.seen.to(style.lang) }));
        let map: Map<String, Value> = findings.iter().map(entry).collect();
        writeln!(out, "{:#}", Value::Object(map))?;
    } else {
        print(&findings, style, out)?;
    }
    let loopback = findings.iter().any(|f| f.id.starts_with("loopback") && f.there);
    Ok(if loopback { Exit::Done } else { Exit::NotHere })
}

fn print(findings: &[Finding], style: &Style, out: &mut dyn Write) -> io::Result<()> {
    for finding in findings {
        let (mark, ink) = if finding.there { ("[ok]", Ink::Good) } else { ("[--]", Ink::Faint) };
        let name = padded(finding.name.to(style.lang), 20);
        let lines = wrapped(finding.seen.to(style.lang), style.width.saturating_sub(26));
        for (i, line) in lines.iter().enumerate() {
            match i {
                0 => writeln!(out, "{} {name} {line}", style.palette.paint(mark, ink))?,
                _ => writeln!(out, "{}{line}", " ".repeat(26))?,
            }
        }
    }
    Ok(())
}

fn findings(style: &Style) -> Vec<Finding> {
    let mut findings = vec![
        what_system(),
        loopback("loopback_v4", Text::new("loopback IPv4", "回环 IPv4"), (Ipv4Addr::LOCALHOST, 0).into()),
        loopback("loopback_v6", Text::new("loopback IPv6", "回环 IPv6"), (Ipv6Addr::LOCALHOST, 0).into()),
        smallest_buffers(),
        counts(
            "tcp_segments",
            Text::new("TCP segment counts", "TCP 报文段计数"),
            statistics::counts_segments(),
            statistics::COUNTERS,
        ),
        counts("udp_drops", Text::new("UDP drop counts", "UDP 丢弃计数"), statistics::counts_drops(), "SO_MEMINFO"),
    ];
    let links = packet_links();
    findings.push(scenarios(links.iter().any(|link| link.there)));
    findings.extend(links);
    findings.push(watching());
    findings.push(terminal(style));
    findings
}

fn what_system() -> Finding {
    let (os, arch) = (kernel::os(), kernel::arch());
    let kernel = kernel::kernel();
    let text = Text::same(format!("{os} {} {arch}", kernel.as_deref().unwrap_or("?")));
    let value = json!({ "os": os, "kernel": kernel, "arch": arch });
    Finding { id: "system", name: Text::new("system", "系统"), there: true, seen: text, value }
}

/// Really sends a byte from one socket to another.
fn loopback(id: &'static str, name: Text, address: SocketAddr) -> Finding {
    let tried = TcpListener::bind(address).and_then(|l| TcpStream::connect(l.local_addr()?).and_then(|_| l.accept()));
    let seen = match &tried {
        Ok(_) => Text::new("a connection to itself works", "可以与自己建立连接"),
        Err(e) => say!("no connection to itself: {e}", "无法与自己建立连接：{e}"),
    };
    Finding { id, name, there: tried.is_ok(), seen, value: json!(tried.is_ok()) }
}

/// What the kernel makes of the smallest sizes one can ask for.
fn smallest_buffers() -> Finding {
    let tried = Socket::new(Domain::IPV4, Type::STREAM, None).and_then(|socket| {
        socket.set_recv_buffer_size(1)?;
        socket.set_send_buffer_size(1)?;
        Ok((socket.recv_buffer_size()?, socket.send_buffer_size()?))
    });
    let name = Text::new("smallest buffers", "最小缓冲区");
    let (there, seen, value) = match tried {
        Ok((rcv, snd)) => {
            let text = format!("SO_RCVBUF {}, SO_SNDBUF {}", grouped(rcv), grouped(snd));
            (true, Text::same(text), json!({ "rcvbuf": rcv, "sndbuf": snd }))
        }
        Err(e) => (false, say!("cannot ask: {e}", "无法查询：{e}"), Value::Null),
    };
    Finding { id: "smallest_buffers", name, there, seen, value }
}

fn counts(id: &'static str, name: Text, there: bool, option: &str) -> Finding {
    let seen = if there {
        say!("the kernel tells ({option})", "内核提供（{option}）")
    } else {
        Text::new(
            "this system does not tell; claims about them are left out, not guessed",
            "本系统不提供；相关论断会略去，不作猜测",
        )
    };
    Finding { id, name, there, seen, value: json!(there) }
}

fn scenarios(linked: bool) -> Finding {
    let all = syllabus();
    let unlinked = |s: &Scenario| s.experiment.linked == Linked::Only && !linked;
    let cannot = all.iter().filter(|s| unlinked(s) || (s.experiment.impossible)().is_some());
    let cannot: Vec<&str> = cannot.map(|s| s.id).collect();
    let can = all.len() - cannot.len();
    let total = all.len();
    let names = if cannot.is_empty() { String::new() } else { format!(" ({})", cannot.join(", ")) };
    let missing = Text::same(names);
    let seen = say!("{can} of {total} can be shown here", "{total} 个里有 {can} 个可在此演示");
    let seen = Text::new("{}{}", "{}{}").with(&seen).with(&missing);
    Finding { id: "scenarios", name: Text::new("scenarios", "场景"), there: can == total, seen, value: json!(can) }
}

#[cfg(target_os = "linux")]
fn packet_links() -> Vec<Finding> {
    use crate::link::{Backend, probe, reap};
    let ways = [
        ("link_tun", Backend::Tun, Text::new("packet link, TUN", "模拟链路 TUN")),
        ("link_veth", Backend::Veth, Text::new("packet link, veth", "模拟链路 veth")),
    ];
    let tried = ways.map(|(id, backend, name)| (id, name, probe(backend)));
    reap();
    let works = tried.iter().any(|(.., tried)| tried.is_ok());
    let finding = |(id, name, tried): (&'static str, Text, Result<(), crate::link::SetupError>)| {
        let seen = match &tried {
            Ok(()) => Text::new("two hosts with real packets between them: --link", "两台主机，之间是真的分组：--link"),
            // One of them is enough.
            Err(failed) if works => failed.text(),
            Err(failed) => Text::new("{}; {}", "{}；{}").with(&failed.text()).with(&failed.remedy()),
        };
        Finding { id, name, there: tried.is_ok(), seen, value: json!(tried.is_ok()) }
    };
    tried.into_iter().map(finding).collect()
}

#[cfg(not(target_os = "linux"))]
fn packet_links() -> Vec<Finding> {
    let seen = crate::link::Unavailable.text();
    let name = Text::new("packet link", "模拟链路");
    vec![Finding { id: "link", name, there: false, seen, value: json!(false) }]
}

/// Really watches a program.
fn watching() -> Finding {
    let tried = crate::watch::probe();
    let seen = match &tried {
        Ok(()) => Text::new("the calls of any program can be shown: watch", "可以显示任何程序的调用：watch"),
        Err(refusal) => refusal.text(),
    };
    let name = Text::new("watching programs", "观察程序");
    Finding { id: "watch", name, there: tried.is_ok(), seen, value: json!(tried.is_ok()) }
}

fn terminal(style: &Style) -> Finding {
    let is_terminal = io::stdout().is_terminal();
    let color = style.palette.on();
    let width = style.width;
    let colored = if color { Text::new("colour", "彩色") } else { Text::new("no colour", "无颜色") };
    let kind = if is_terminal { Text::new("terminal", "终端") } else { Text::new("not a terminal", "不是终端") };
    let seen = say!("{width} columns", "{width} 列");
    let seen = Text::new("{}, {}, {}", "{}，{}，{}").with(&kind).with(&seen).with(&colored);
    let value = json!({ "terminal": is_terminal, "columns": width, "color": color });
    Finding { id: "terminal", name: Text::new("output", "输出"), there: true, seen, value }
}
