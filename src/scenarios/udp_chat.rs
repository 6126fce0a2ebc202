//! One socket serves every client: a datagram brings its sender's address, and the reply goes there.

use super::prelude::*;
use crate::net::Udp;
use crate::trace::EndName;
use std::collections::HashSet;

pub(super) fn scenario() -> Scenario {
    Scenario::new("udp-chat", Part::Udp, &["D1 §8"])
        .title("one server, several clients", "一个服务器，多个客户端")
        .claim(
            "One socket talks with four clients: each reply goes to its sender's address, without a connection.",
            "一个套接字同时与四个客户端对话：每条回复按发送方地址送回，不需要连接。",
        )
        .client(client)
        .server(server)
        .judge(judge)
        .teach(teach)
}

/// Who says what. The names are of the page's kind; each has a socket of its own.
const LINES: [&str; 4] = ["一棵树：大家好", "小王：在吗", "小李：几点上课", "小陈：作业写完了"];

const BUFSIZE: usize = 1024;

/// What the server answers to a line: `收到，小王`.
fn reply(line: &str) -> String {
    let name = line.split('：').next().unwrap_or(line);
    format!("收到，{name}")
}

fn client(end: &End) -> Ends {
    let people = sockets(end)?;
    for (s, line) in people.iter().zip(LINES) {
        s.send_to(line.as_bytes(), end.server_address()?)?;
    }
    for s in &people {
        s.recv_from(BUFSIZE)?;
    }
    leave(people)
}

fn server(end: &End) -> Ends {
    let s = end.udp()?;
    LINES.iter().for_each(|line| s.expect(line.as_bytes()));
    for _ in LINES {
        let (line, from) = s.recv_from(BUFSIZE)?;
        s.send_to(reply(&String::from_utf8_lossy(&line)).as_bytes(), from)?;
    }
    s.close()?;
    Ok(())
}

/// A socket each, and client-1 to client-4 in the recording.
fn sockets(end: &End) -> anyhow::Result<Vec<Udp>> {
    let mut people = Vec::new();
    for (index, line) in (1..).zip(LINES) {
        let s = end.sibling(index).udp()?;
        s.expect(reply(line).as_bytes());
        people.push(s);
    }
    Ok(people)
}

fn leave(people: Vec<Udp>) -> Ends {
    for s in people {
        s.close()?;
    }
    Ok(())
}

/// The control: a server that keeps the first address it saw and answers everybody there.
fn server_of_one(end: &End) -> Ends {
    let s = end.udp()?;
    LINES.iter().for_each(|line| s.expect(line.as_bytes()));
    let mut first = None;
    for _ in LINES {
        let (line, from) = s.recv_from(BUFSIZE)?;
        let to = *first.get_or_insert(from);
        s.send_to(reply(&String::from_utf8_lossy(&line)).as_bytes(), to)?;
    }
    s.close()?;
    Ok(())
}

/// The first hears everything; the others look and find nothing.
fn client_of_one(end: &End) -> Ends {
    let people = sockets(end)?;
    for (s, line) in people.iter().zip(LINES) {
        s.send_to(line.as_bytes(), end.server_address()?)?;
    }
    for (n, s) in people.iter().enumerate() {
        match n {
            0 => LINES.iter().try_for_each(|_| s.recv_from(BUFSIZE).map(drop))?,
            _ => {
                s.set_nonblocking(true)?;
                s.try_recv_from(BUFSIZE)?;
            }
        }
    }
    leave(people)
}

fn judge(j: &Judge) {
    one_socket(j);
    each_his_own(j);
    let setup = [Call::Listen, Call::Accept, Call::Connect];
    let calls: Vec<&Event> = j.trace().events.iter().filter(|e| setup.contains(&e.call)).collect();
    let n = grouped(calls.len());
    j.claim("no-connection", "no connection is made or accepted", "没有建立也没有接受任何连接")
        .shown_by(j.events().filter(|e| calls.is_empty() || setup.contains(&e.call)))
        .that(
            calls.is_empty(),
            say!("0 calls of listen, accept, connect", "listen、accept、connect 共 0 次"),
            say!("{n} calls of listen, accept, connect", "listen、accept、connect 共 {n} 次"),
        );
}

fn one_socket(j: &Judge) {
    let recvs = j.recvs(Server);
    let peers: HashSet<_> = recvs.iter().filter_map(|e| e.peer).collect();
    let socks: HashSet<_> = recvs.iter().filter_map(|e| e.sock).collect();
    let (peers, socks, all) = (peers.len(), socks.len(), LINES.len());
    j.claim("one-socket-many-peers", "one socket hears every client", "一个套接字听到所有客户端")
        .needs(Server)
        .shown_by(recvs)
        .that(
            peers == all && socks == 1,
            say!("{all} addresses, 1 socket", "{all} 个地址，1 个套接字"),
            say!("{peers} addresses, {socks} socket", "{peers} 个地址，{socks} 个套接字"),
        );
}

fn each_his_own(j: &Judge) {
    let recvs = j.recvs(Client);
    let ends: HashSet<EndName> = j.sends(Client).iter().map(|e| e.end).collect();
    let text = |e: &Event| String::from_utf8_lossy(&e.bytes).into_owned();
    let answered = |end: &EndName| {
        let said = j.sends(Client).into_iter().find(|e| e.end == *end).map(text);
        let heard: Vec<String> = recvs.iter().copied().filter(|e| e.end == *end).map(text).collect();
        said.is_some_and(|said| heard == [reply(&said)])
    };
    let right = ends.iter().filter(|end| answered(end)).count();
    let (n, all) = (grouped(right), grouped(LINES.len()));
    j.claim(
        "reply-to-its-sender",
        "each hears the reply to its own line, and no other",
        "各自只听到对自己那句话的回复",
    )
    .needs(Client)
    .shown_by(recvs)
    .that(
        right == LINES.len(),
        say!("{all} of {all} clients", "{all} 个客户端中 {all} 个"),
        say!("{n} of {all} clients", "{all} 个客户端中 {n} 个"),
    );
}

fn teach(t: Teaching) -> Teaching {
    t.why(
        "Every datagram carries its sender's port, and the packet its address: recvfrom returns both.",
        "每个数据报带着发送方的端口，承载它的分组带着地址：recvfrom 把两者一起返回。",
        "RFC 768",
    )
    .why(
        "An unconnected UDP socket receives from everybody; there is nothing to listen for or accept.",
        "未 connect 的 UDP 套接字接收任何人的数据报；没有什么要 listen 或 accept。",
        "udp(7)",
    )
    .next(
        "fix-concurrent",
        "several clients over TCP: a connection and a thread each",
        "TCP 的多个客户端：每个一条连接、一个线程",
    )
    .next("udp-no-server", "and when there is nobody to answer", "如果没有人回答")
    .next("fix-sleep", "part 3: back to TCP, with fixes that do not fix", "第 3 部分：回到 TCP，看治不好的“解法”")
    .control(
        "the server keeps the first address and answers everybody there",
        "服务器只记住第一个地址，所有回复都发到那里",
        |s| {
            s.client(client_of_one);
            s.server(server_of_one);
        },
    )
}

#[cfg(test)]
mod tests {
    use super::{LINES, reply};

    #[test]
    fn a_reply_names_the_speaker_and_repeats_nothing() {
        assert_eq!(LINES.map(reply), ["收到，一棵树", "收到，小王", "收到，小李", "收到，小陈"]);
    }
}
