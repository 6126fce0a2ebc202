//! A thread for each client: while one client stands still in the middle of its upload, the others are
//! served to the end. A server that serves in turn would keep them waiting.

use super::prelude::*;
use super::wire::Put;
use crate::framing::digest::md5_hex;
use crate::framing::whole_body;
use crate::sys::filename::FileName;
use crate::trace::Message;
use std::thread;

pub(super) fn scenario() -> Scenario {
    Scenario::new("fix-concurrent", Part::Fix, &["D1 §13"])
        .title("a thread for each client", "每个客户端一个线程")
        .claim(
            "Three uploads at once, a thread each: every file whole, and nobody waits for a slow client.",
            "三个上传同时进行，各用一个线程：文件都完整，谁也不用等慢的客户端。",
        )
        .takes(&[Opt::Nodelay, Opt::RecvSize])
        .recv_size(PACKET)
        .nodelay(true)
        .clients(CLIENTS.into(), client)
        .server(server)
        .judge(judge)
        .teach(teach)
}

/// How many clients upload at once.
const CLIENTS: u8 = 3;

/// How much of a file goes into one send: what the pages call max_packet_size.
const PACKET: usize = 1024;

/// The largest file the server takes, in bytes.
const MAX_FILE: usize = 1 << 20;

/// The gates, named for what has happened.
const HALF_READ: &str = "half of client-1's file read";
const CONNECTED: &str = "client-2 connected";
const SENT: [&str; 2] = ["client-2 sent", "client-3 sent"];
const SERVED: [&str; 2] = ["client-2 served", "client-3 served"];

/// The n-th client's file, of a length and content of its own: one packet and a part of another.
fn file(n: u8) -> Vec<u8> {
    let letter = b'a' + n.saturating_sub(1) % 26;
    vec![letter; PACKET + 100 * usize::from(n)]
}

/// The n-th client's upload as it goes on the wire.
struct Upload {
    bytes: Vec<u8>,
    header: usize,
    label: Option<Text>,
}

impl Upload {
    fn of(n: u8) -> anyhow::Result<Upload> {
        let (data, name) = (file(n), format!("file-{n}.txt"));
        let header = Put::header(&name, data.len())?;
        let label = Some(Text::same(format!("put {name}")));
        Ok(Upload { header: header.len(), bytes: [header, data].concat(), label })
    }

    /// Header and first packet: where client-1 stops.
    fn half(&self) -> usize {
        self.header + PACKET
    }
}

/// The clients connect one after the other; the first stands still until the others are served.
fn client(end: &End) -> Ends {
    if end.name().index == 1 {
        return slow_client(end);
    }
    end.pass(HALF_READ, Text::new("until client-1 is in the middle", "等到 client-1 传到一半"))?;
    if end.name().index == 3 {
        end.pass(CONNECTED, Text::new("until client-2 is connected", "等到 client-2 已连接"))?;
    }
    quick_client(end)
}

fn slow_client(end: &End) -> Ends {
    let s = end.tcp().connect()?;
    let upload = Upload::of(1)?;
    let half = upload.half();
    let message = end.framed(upload.bytes, upload.header, upload.label);
    s.send_all(message.header())?;
    s.send_all(message.part(upload.header..half))?;
    end.pass(SERVED[0], Text::new("until client-2 is served", "等到 client-2 传完"))?;
    end.pass(SERVED[1], Text::new("until client-3 is served", "等到 client-3 传完"))?;
    s.send_all(message.part(half..message.len()))?;
    s.close()?;
    Ok(())
}

fn quick_client(end: &End) -> Ends {
    let s = end.tcp().connect()?;
    let n = end.name().index;
    if n == 2 {
        end.open(CONNECTED);
    }
    let upload = Upload::of(u8::try_from(n)?)?;
    let half = upload.half();
    let message = end.framed(upload.bytes, upload.header, upload.label);
    s.send_all(message.header())?;
    s.send_all(message.part(upload.header..half))?;
    s.send_all(message.part(half..message.len()))?;
    end.open(SENT[usize::from(n == 3)]);
    s.close()?;
    Ok(())
}

/// ThreadingTCPServer: one thread accepts, and gives each connection to a thread of its own.
fn server(end: &End) -> Ends {
    let listener = end.tcp().listen()?;
    thread::scope(|scope| {
        let mut workers = Vec::new();
        for n in 1..=CLIENTS {
            let worker = end.sibling(n.into());
            let conn = listener.accept_as(&worker)?;
            let act = move || worker_thread(&worker, conn, n);
            workers.push(thread::Builder::new().spawn_scoped(scope, act)?);
        }
        for worker in workers {
            worker.join().map_err(|_| Text::new("internal error: a worker panicked", "内部错误：工作线程崩溃"))??;
        }
        Ok(())
    })
}

fn worker_thread(worker: &End, conn: Conn, n: u8) -> Ends {
    handle(worker, conn, n, || {
        worker.open(HALF_READ);
        Ok(())
    })?;
    if n > 1 {
        worker.open(SERVED[usize::from(n == 3)]);
    }
    Ok(())
}

/// The page's handler: header after header, each file read exactly. `in_the_middle` is called when
/// client-1 has stopped there.
fn handle(end: &End, conn: Conn, n: u8, in_the_middle: impl Fn() -> Ends) -> anyhow::Result<()> {
    let upload = Upload::of(n)?;
    conn.expect_framed(&upload.bytes, upload.header, upload.label.clone());
    // All that comes before client-1 stops; then every run shows the same queue.
    if !end.alone() {
        conn.wait_queued(if n == 1 { upload.half() } else { upload.bytes.len() })?;
    }
    while let Some(put) = Put::read(&conn, MAX_FILE)? {
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
        whole_body(&data, put.filesize).map_err(Text::from)?;
        conn.deliver(&data);
    }
    conn.close()?;
    Ok(())
}

/// The control: a TCPServer without threads. In the middle of client-1's upload it stays there although
/// the others have sent everything, and lets client-1 know that it will not turn to them before.
fn server_in_turn(end: &End) -> Ends {
    let listener = end.tcp().listen()?;
    for n in 1..=CLIENTS {
        handle(end, listener.accept()?, n, || {
            end.open(HALF_READ);
            end.pass(SENT[0], Text::new("until client-2 has sent all", "等到 client-2 全部发出"))?;
            end.pass(SENT[1], Text::new("until client-3 has sent all", "等到 client-3 全部发出"))?;
            SERVED.iter().for_each(|gate| end.open(*gate));
            Ok(())
        })?;
    }
    Ok(())
}

/// The uploads that the server's application took whole, each with the message it is.
fn whole_uploads<'a>(j: &Judge<'a>) -> Vec<(&'a Event, &'a Message)> {
    let trace = j.trace();
    let of = |e: &'a Event| Some((e, trace.message(trace.exactly_one(e)?)?));
    j.delivered(Server).into_iter().filter_map(of).collect()
}

fn judge(j: &Judge) {
    each_sent(j);
    each_whole(j);
    nobody_waits(j);
}

fn each_sent(j: &Judge) {
    let messages: Vec<&Message> = j.trace().messages_from(Client).collect();
    let sends = j.sends(Client);
    let sent = |m: &Message| -> usize {
        let of = sends.iter().filter(|e| e.handed.is_some_and(|h| h.msg == m.id));
        of.map(|e| e.bytes.len()).sum()
    };
    let good = messages.iter().filter(|m| sent(m) == m.bytes.len()).count();
    let (all, bytes) = (usize::from(CLIENTS), grouped(messages.iter().map(|m| sent(m)).sum::<usize>() as u64));
    j.claim("each-sent", "every client sent all of its upload", "每个客户端都发完了自己的上传")
        .needs(Client)
        .shown_by(sends.iter().filter(|e| e.handed.is_some_and(|h| h.offset == 0)).copied())
        .that(
            good == all,
            say!("{all} uploads sent", "发完 {all} 个上传"),
            say!("{good} uploads sent, {bytes} bytes", "发完 {good} 个上传，共 {bytes} 字节"),
        );
}

fn each_whole(j: &Judge) {
    let uploads = whole_uploads(j);
    let good = uploads.iter().filter(|(e, m)| md5_hex(m.body()) == md5_hex(&e.bytes)).count();
    let sizes = |mut lens: Vec<usize>| {
        lens.sort_unstable();
        lens.into_iter().map(|n| grouped(n as u64)).collect::<Vec<_>>().join(" + ")
    };
    let sent: Vec<usize> = j.trace().messages_from(Client).map(|m| m.body().len()).collect();
    let delivered = j.delivered(Server);
    let (all, due) = (sent.len(), sizes(sent));
    let got = sizes(delivered.iter().map(|e| e.bytes.len()).collect());
    let text = Text::new("each upload arrived whole", "每个上传都完整到达");
    j.claim_text("each-whole", text).needs(Server).shown_by(delivered).that(
        good == all && all == usize::from(CLIENTS),
        say!("{due} bytes, {all} MD5s equal", "{due} 字节，{all} 个 MD5 相等"),
        say!("{got} bytes, {good} MD5s equal", "{got} 字节，{good} 个 MD5 相等"),
    );
}

/// How far client-1 had come when each of the others was served: by cause, not by the clock.
fn nobody_waits(j: &Judge) {
    let sends: Vec<&Event> = j.sends(Client).into_iter().filter(|e| e.end.index == 1).collect();
    let sent_before = |seq: usize| sends.iter().filter(|e| e.seq < seq).map(|e| e.bytes.len()).sum::<usize>();
    let all: usize = sends.iter().map(|e| e.bytes.len()).sum();
    let others = whole_uploads(j).into_iter().filter(|(_, m)| m.from.index != 1).map(|(e, _)| e);
    let others: Vec<&Event> = others.collect();
    let early = others.iter().filter(|e| sent_before(e.seq) < all).count();
    let far = others.iter().map(|e| sent_before(e.seq)).max().unwrap_or(0);
    let (wanted, [all, far]) = (usize::from(CLIENTS) - 1, [all, far].map(|n| grouped(n as u64)));
    let text =
        Text::new("no client waits for another: client-1 stood still meanwhile", "谁也不等谁：其间 client-1 一直停着");
    j.claim_text("nobody-waits", text).needs(Client).needs(Server).shown_by(others).that(
        early == wanted,
        say!("{wanted} served before client-1's last byte", "{wanted} 个在 client-1 发完之前传完"),
        say!(
            "{early} served; client-1 at byte {far} of {all}",
            "{early} 个；此时 client-1 发了 {all} 字节中的 {far} 字节"
        ),
    );
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
    .next("fix-concurrent --control", "one thread for all: the others wait", "所有人共用一个线程：其他人只能等")
    .next("udp-chat", "many peers on one UDP socket", "一个 UDP 套接字对多个对端")
    .next("tcp-stall", "a header in a send of its own, and what it costs", "头部单独一次 send，代价是什么")
    .control("one thread serves the clients in turn", "一个线程依次服务各个客户端", |s| {
        s.server(server_in_turn);
    })
}
