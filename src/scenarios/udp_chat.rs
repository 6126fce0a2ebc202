//! One socket serves every client: a datagram brings its sender's address, and the reply goes there.

use super::prelude::*;
use crate::net::{Result, Udp};
use std::collections::HashSet;

pub(super) fn scenario() -> Scenario {
    Scenario::new("udp-chat", SyllabusPart::Udp, &["D1 §8"])
        .title("one server, several clients", "一个服务器，多个客户端")
        .question(
            "four clients, one UDP socket: does each get its own reply?",
            "四个客户端，一个 UDP 套接字：各自能收到自己的回复吗？",
        )
        .claim(
            "One socket talks with four clients: each reply goes to its sender's address, without a connection.",
            "一个套接字同时与四个客户端对话：每条回复按发送方地址送回，不需要连接。",
        )
        .takes(&[Opt::Message])
        .messages(2..=16, 900)
        .client(client)
        .server(server)
        .judge(judge)
        .words("recvfrom address 多个客户端")
        .teach(teach)
}

/// Who says what. The names are of the page's kind; each has a socket of its own.
const LINES: [&str; 4] = ["一棵树：大家好", "小王：在吗", "小李：几点上课", "小陈：作业写完了"];

/// The page's lines, or the learner's.
fn lines(end: &End) -> Vec<&[u8]> {
    end.messages(&LINES.map(str::as_bytes))
}

const BUFSIZE: usize = 1024;

/// What the server answers to a line: `收到，小王`.
fn reply(line: &str) -> String {
    let name = line.split('：').next().unwrap_or(line);
    format!("收到，{name}")
}

fn client(end: &End) -> Ends {
    let people = sockets(end)?;
    for (s, line) in people.iter().zip(lines(end)) {
        s.send_to(line, end.server_address()?)?;
    }
    for s in &people {
        s.recv_from(BUFSIZE)?;
    }
    Ok(())
}

/// A socket each, and client-1 to client-4 in the recording.
fn sockets(end: &End) -> Result<Vec<Udp>> {
    (1..).zip(lines(end)).map(|(index, _)| end.sibling(index).udp()).collect()
}

fn server(end: &End) -> Ends {
    let s = end.udp()?;
    for _ in lines(end) {
        let (line, from) = s.recv_from(BUFSIZE)?;
        s.send_to(reply(&String::from_utf8_lossy(&line)).as_bytes(), from)?;
    }
    Ok(())
}

fn judge(j: &Judge) {
    let all = j.messages(&LINES.map(str::as_bytes)).len();
    let heard = j.recvs(Server);
    let peers: HashSet<_> = heard.iter().map(|e| e.peer).collect();
    let socks: HashSet<_> = heard.iter().map(|e| e.sock).collect();
    j.claim("one-socket-many-peers", "one socket hears every client", "一个套接字听到所有客户端").of(&heard).equal(
        [all, 1],
        [peers.len(), socks.len()],
        |[peers, socks]| say!("{peers} addresses, {socks} socket", "{peers} 个地址，{socks} 个套接字"),
    );

    let (said, replies) = (j.sends(Client), j.recvs(Client));
    let hears_its_own = |index: &u32| {
        let due: Vec<String> = said.by(*index).texts().iter().map(|line| reply(line)).collect();
        due.len() == 1 && replies.by(*index).texts() == due
    };
    let right = (1..=all as u32).filter(hears_its_own).count();
    j.claim(
        "reply-to-its-sender",
        "each hears the reply to its own line, and no other",
        "各自只听到对自己那句话的回复",
    )
    .of(&replies)
    .equal([all], [right], |[n]| say!("{n} of {all} clients", "{all} 个客户端中 {n} 个"));

    let sets_up = |e: &&Event| [Call::Listen, Call::Accept, Call::Connect].contains(&e.call);
    j.claim("no-connection", "no connection is made or accepted", "没有建立也没有接受任何连接")
        .shown_by(j.events().filter(|e| sets_up(e) || e.call.sends()))
        .equal([0], [j.events().filter(sets_up).count()], |[n]| {
            say!("{n} calls of listen, accept, connect", "listen、accept、connect 共 {n} 次")
        });
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
    .next("fix-concurrent", "over TCP: a connection and a thread each", "TCP 的多个客户端：每个一条连接、一个线程")
    .next("udp-no-server", "and when there is nobody to answer", "如果没有人响应")
    .next("fix-sleep", "part 3: back to TCP, with fixes that do not fix", "第 3 部分：回到 TCP，看治不好的“解法”")
    .control(
        "the server keeps the first address and answers everybody there",
        "服务器只记住第一个地址，所有回复都发到那里",
        |e| {
            e.client(client_of_one).server(server_of_one);
        },
    )
}

/// The control: a server that keeps the first address it saw and answers everybody there.
fn server_of_one(end: &End) -> Ends {
    let s = end.udp()?;
    let mut first = None;
    for _ in lines(end) {
        let (line, from) = s.recv_from(BUFSIZE)?;
        let to = *first.get_or_insert(from);
        s.send_to(reply(&String::from_utf8_lossy(&line)).as_bytes(), to)?;
    }
    Ok(())
}

/// The first hears everything; the others look and find nothing.
fn client_of_one(end: &End) -> Ends {
    let people = sockets(end)?;
    for (s, line) in people.iter().zip(lines(end)) {
        s.send_to(line, end.server_address()?)?;
    }
    for _ in lines(end) {
        people[0].recv_from(BUFSIZE)?;
    }
    for s in &people[1..] {
        s.set_nonblocking(true)?;
        s.try_recv_from(BUFSIZE)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{LINES, reply};

    #[test]
    fn a_reply_names_the_speaker_and_repeats_nothing() {
        assert_eq!(LINES.map(reply), ["收到，一棵树", "收到，小王", "收到，小李", "收到，小陈"]);
    }
}
