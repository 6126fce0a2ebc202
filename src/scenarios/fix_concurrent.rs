//! A thread for each client: while one client stands still in the middle of its upload, the others are
//! served to the end. A server that serves in turn would keep them waiting.

use super::prelude::*;
use super::wire::UploadHeader;
use crate::framing::digest::md5_hex;
use crate::framing::whole_body;
use crate::sys::filename::FileName;
use std::thread;

pub(super) fn scenario() -> Scenario {
    Scenario::new("fix-concurrent", SyllabusPart::Fix, &["D1 §13"])
        .title("a thread for each client", "每个客户端一个线程")
        .question(
            "three uploads, one of them slow: do the others wait?",
            "三个文件同时上传，其中一个很慢：别人要等它吗？",
        )
        .claim(
            "Three uploads at once, a thread each: every file whole, and nobody waits for a slow client.",
            "三个上传同时进行，各用一个线程：文件都完整，谁也不用等慢的客户端。",
        )
        .takes(&[Opt::Nodelay, Opt::RecvSize])
        .recv_size(PACKET)
        .nodelay(true)
        .clients(CLIENTS, client)
        .server(server)
        .judge(judge)
        .words("threads concurrent many-clients 并发 多线程")
        .teach(teach)
}

/// How many clients upload at once.
const CLIENTS: u32 = 3;

/// How much of a file goes into one send: what the pages call max_packet_size.
const PACKET: usize = 1024;

/// The largest file the server takes, in bytes.
const MAX_FILE: usize = 1 << 20;

/// A gate: client-1 stands still.
const HALF_READ: &str = "half of client-1's file read";

/// The n-th client's file, of a length and content of its own: one packet and a part of another.
fn file(n: u32) -> Vec<u8> {
    let letter = b"abc"[(n as usize - 1) % 3];
    vec![letter; PACKET + 100 * n as usize]
}

/// Its announcement.
fn header(n: u32) -> anyhow::Result<Vec<u8>> {
    UploadHeader::encode(&format!("file-{n}.txt"), file(n).len())
}

/// The clients connect one after the other; the first stands still until the others are served.
fn client(end: &End) -> Ends {
    let n = end.name().index;
    if n > 1 {
        end.pass(HALF_READ, Text::new("until client-1 is in the middle", "等到 client-1 传到一半"))?;
    }
    if n > 2 {
        end.pass("client-2 connected", Text::new("until client-2 is connected", "等到 client-2 已连接"))?;
    }
    let s = end.connect()?;
    end.open(format!("client-{n} connected"));

    let header = header(n)?;
    let label = Text::same(format!("put file-{n}.txt"));
    let upload = end.framed([&header[..], &file(n)].concat(), header.len(), Some(label));
    let half = header.len() + PACKET;
    s.send_all(upload.header())?;
    s.send_all(upload.part(header.len()..half))?;
    if n == 1 {
        for other in 2..=CLIENTS {
            let served = say!("until client-{other} is served", "等到 client-{other} 传完");
            end.pass(format!("client-{other} served"), served)?;
        }
    }
    s.send_all(upload.part(half..upload.len()))?;
    end.open(format!("client-{n} sent"));
    Ok(())
}

/// ThreadingTCPServer: one thread accepts, and gives each connection to a thread of its own.
fn server(end: &End) -> Ends {
    let listener = end.listen()?;
    thread::scope(|scope| {
        let mut workers = Vec::new();
        for n in 1..=CLIENTS {
            let worker = end.sibling(n);
            let conn = listener.accept_as(&worker)?;
            let act = move || {
                handle(&worker, conn, n, || {
                    worker.open(HALF_READ);
                    Ok(())
                })?;
                worker.open(format!("client-{n} served"));
                Ok(())
            };
            workers.push(thread::Builder::new().spawn_scoped(scope, act)?);
        }
        for worker in workers {
            let outcome: Ends =
                worker.join().map_err(|_| Text::new("internal error: a worker panicked", "内部错误：工作线程崩溃"))?;
            outcome?;
        }
        Ok(())
    })
}

/// The page's handler: header after header, each file read exactly. `in_the_middle` is called when
/// client-1 has stopped there.
fn handle(end: &End, conn: Conn, n: u32, in_the_middle: impl Fn() -> Ends) -> Ends {
    // All that comes before client-1 stops; then every run shows the same queue.
    if !end.alone() {
        conn.wait_queued(header(n)?.len() + if n == 1 { PACKET } else { file(n).len() })?;
    }
    while let Some(put) = UploadHeader::read(&conn, MAX_FILE)? {
        FileName::parse(&put.filename)?;
        let mut data = Vec::new();
        while data.len() < put.filesize {
            let piece = conn.recv(end.recv_size().min(put.filesize - data.len()))?;
            if piece.is_empty() {
                break;
            }
            data.extend_from_slice(&piece);
            if n == 1 && data.len() == PACKET {
                in_the_middle()?;
            }
        }
        whole_body(&data, put.filesize)?;
        conn.deliver(&data);
    }
    Ok(())
}

fn judge(j: &Judge) {
    let sends = j.sends(Client);
    let uploads = (1..=CLIENTS).map(|n| header(n).map_or(0, |header| header.len()) + file(n).len());
    let sent = (1..=CLIENTS).map(|n| sends.only(|e| e.end.index == n).moved());
    j.claim("each-sent", "every client sent all of its upload", "每个客户端都发完了自己的上传")
        .of(&sends.only(|e| e.handed.is_some_and(|h| h.offset == 0)))
        .in_order(uploads.collect(), sent.collect(), |bytes| {
            say!("bytes that each sent: {bytes}", "各自发出的字节：{bytes}")
        });
    each_whole(j);
    nobody_waits(j);
}

fn each_whole(j: &Judge) {
    let delivered = j.delivered(Server);
    let files: Vec<Vec<u8>> = (1..=CLIENTS).map(file).collect();
    let equal = delivered.iter().filter(|e| files.iter().any(|file| md5_hex(file) == md5_hex(&e.bytes))).count();
    let sizes = |mut sizes: Vec<usize>| {
        sizes.sort_unstable();
        sizes.into_iter().map(grouped).collect::<Vec<_>>().join(" + ")
    };
    j.claim("each-whole", "each upload arrived whole", "每个上传都完整到达").of(&delivered).equal(
        [sizes(files.iter().map(Vec::len).collect()), grouped(files.len())],
        [sizes(delivered.iter().map(|e| e.bytes.len()).collect()), grouped(equal)],
        |[bytes, equal]| say!("{bytes} bytes, {equal} MD5s equal", "{bytes} 字节，{equal} 个 MD5 相等"),
    );
}

/// How many of the others were served while client-1 stood still: by cause, not by the clock.
fn nobody_waits(j: &Judge) {
    let from = |e: &Event| Some(j.trace().message(j.trace().exactly_one(e)?)?.from.index);
    let sends = j.sends(Client).only(|e| e.end.index == 1);
    let last = sends.just_last();
    let before = |e: &Event| last.first().is_some_and(|last| e.seq < last.seq);
    let others = j.delivered(Server).only(|e| from(e).is_some_and(|index| index != 1));
    let far = sends.only(|e| others.last().is_some_and(|served| e.seq < served.seq)).moved();
    let at = j.sentence([&far, &sends.moved()], |[far, all]| {
        say!("; client-1 at byte {far} of {all}", "；client-1 发了 {all} 字节中的 {far} 字节")
    });
    j.claim(
        "nobody-waits",
        "no client waits for another: client-1 stood still meanwhile",
        "谁也不等谁：其间 client-1 一直停着",
    )
    .of(&others.and(&last))
    .beside(at)
    .equal([CLIENTS as usize - 1], [others.only(before).len()], |[n]| {
        say!("{n} served before client-1's last send", "{n} 个在 client-1 最后一次 send 之前传完")
    });
}

fn teach(t: Teaching) -> Teaching {
    t.why(
        "Each connection is a stream of its own: accept returns a new socket, and nothing mixes.",
        "每个连接都是独立的字节流：accept 返回新的套接字，互不混杂。",
        "accept(2); RFC 9293 §3.3.1",
    )
    .why(
        "A blocking recv stops its thread only; with one thread it stops the whole server.",
        "阻塞的 recv 只停住自己的线程；只有一个线程时，它停住整个服务器。",
        "recv(2); Python socketserver.ThreadingMixIn",
    )
    .next("fix-concurrent --control", "one thread for all: others wait", "所有人共用一个线程：其他人只能等")
    .next("udp-chat", "many peers on one UDP socket", "一个 UDP 套接字对多个对端")
    .next("tcp-stall", "a header in a send of its own, and what it costs", "报头单独一次 send，代价是什么")
    .control("one thread serves the clients in turn", "一个线程依次服务各个客户端", |e| {
        e.server(server_in_turn);
    })
}

/// The control: a TCPServer without threads. In the middle of client-1's upload it stays there although
/// the others have sent everything, and lets client-1 know that it will not turn to them before.
fn server_in_turn(end: &End) -> Ends {
    let listener = end.listen()?;
    for n in 1..=CLIENTS {
        handle(end, listener.accept()?, n, || {
            end.open(HALF_READ);
            for other in 2..=CLIENTS {
                let sent = say!("until client-{other} has sent all", "等到 client-{other} 全部发出");
                end.pass(format!("client-{other} sent"), sent)?;
            }
            (2..=CLIENTS).for_each(|other| end.open(format!("client-{other} served")));
            Ok(())
        })?;
    }
    Ok(())
}
