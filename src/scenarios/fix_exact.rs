//! Read exactly what remains: the last recv asks for the file's last bytes, not for 1024, and the MD5
//! that follows without a pause stays in the queue.

use super::prelude::*;
use super::wire::{Figure, requested, short};
use crate::framing::digest::md5_hex;
use crate::framing::{decimal, whole_body};
use std::fmt::Write as _;

pub(super) fn scenario() -> Scenario {
    Scenario::new("fix-exact", SyllabusPart::Fix, &["D4 §3"])
        .title("read exactly what remains", "剩多少读多少")
        .question(
            "an MD5 right behind the file: where must the last recv stop?",
            "文件后面紧跟着 MD5：最后一次 recv 该停在哪里？",
        )
        .claim(
            "min(1024, remaining) leaves the MD5 behind the file alone; recv(1024) to the end swallows it.",
            "min(1024, 剩余) 不会碰到文件后面的 MD5；一直 recv(1024) 会把它吞掉。",
        )
        .takes(&[Opt::Nodelay, Opt::RecvSize, Opt::Race])
        .recv_size(1024)
        .nodelay(true)
        .client(client)
        .server(server)
        .judge(judge)
        .words("remaining recv-exact recvall readexactly recvn read-exactly 收满")
        .teach(teach)
}

const NAME: &str = "notes.txt";

/// Not a multiple of 1024, as D4's example (6000 of 6100 bytes).
const FILE_SIZE: usize = 6000;

/// The digits of an MD5.
const TRAILER: usize = 32;

/// The largest file the client takes, in bytes.
const MAX_FILE: usize = 1 << 20;

/// What D4's client says when it has the size.
const READY: &str = "客户端准备好接收数据内容了";

/// One way of reading `size` bytes of file, at most `most` at once.
type ReadFile = fn(s: &Conn, size: usize, most: usize) -> anyhow::Result<Vec<u8>>;

static CARELESS: (Act, ReadFile) = (Act::new("careless", "recv(1024) to the end", "一直 recv(1024)"), read_past);
static EXACT: (Act, ReadFile) = (Act::new("exact", "min(1024, remaining)", "min(1024, 剩余)"), read_exactly);

fn client(end: &End) -> Ends {
    for (_, read) in end.acts([&CARELESS, &EXACT]) {
        download(end, *read)?;
    }
    Ok(())
}

fn download(end: &End, read: ReadFile) -> Ends {
    let s = end.connect()?;
    s.send(format!("get {NAME}").as_bytes())?;
    let digits = s.recv(1024)?;
    s.deliver(&digits);
    let size = decimal::parse(&digits, MAX_FILE)?;
    s.send(READY.as_bytes())?;
    s.wait_queued(size + TRAILER)?;
    let data = read(&s, size, end.recv_size())?;
    whole_body(&data, size)?;
    s.deliver(&data);
    let md5 = s.recv_exact(TRAILER, TRAILER)?;
    if !md5.is_empty() {
        s.deliver(&md5);
    }
    Ok(())
}

/// The careless loop of the pages: it asks for 1024 to the end.
fn read_past(s: &Conn, size: usize, most: usize) -> anyhow::Result<Vec<u8>> {
    let mut data = Vec::new();
    while data.len() < size {
        let piece = s.recv(most)?;
        if piece.is_empty() {
            break;
        }
        data.extend_from_slice(&piece);
    }
    Ok(data)
}

/// The fix, D4 §3: the last recv asks for what remains.
fn read_exactly(s: &Conn, size: usize, most: usize) -> anyhow::Result<Vec<u8>> {
    let mut data = Vec::new();
    while data.len() < size {
        let remaining = size - data.len();
        let piece = s.recv(most.min(remaining))?;
        if piece.is_empty() {
            break;
        }
        data.extend_from_slice(&piece);
    }
    Ok(data)
}

fn server(end: &End) -> Ends {
    let listener = end.listen()?;
    for _ in end.acts([&CARELESS, &EXACT]) {
        let conn = listener.accept()?;
        let name = requested(&conn.recv(1024)?)?;
        let data = file();
        conn.send(data.len().to_string().as_bytes())?;
        conn.recv(1024)?;
        let md5 = md5_hex(&data);
        conn.send_message(&end.labelled(data, Text::same(name.to_string())))?;
        conn.send_message(&end.labelled(md5.into_bytes(), Text::same("MD5")))?;
        // D4's server waits for the next request here, and the careless client for its MD5, for ever.
    }
    Ok(())
}

/// The file: numbered lines, so that a byte too many or too few shows.
fn file() -> Vec<u8> {
    let mut text = String::new();
    for line in 1.. {
        if text.len() >= FILE_SIZE {
            break;
        }
        // Writing to a String cannot fail.
        let _ = writeln!(text, "line {line:04}");
    }
    text.truncate(FILE_SIZE);
    text.into_bytes()
}

fn judge(j: &Judge) {
    // What the server sent behind the file; a lone client knows it from the exact download.
    let sent = j.trace().messages_from(Server).find(|m| m.bytes.len() == TRAILER && !m.inferred);
    let got = || bytes_of(&j.act(&EXACT).delivered(Client).just(2));
    let md5 = sent.map_or_else(got, |m| m.bytes.to_vec());
    judge_careless(j, &j.act(&CARELESS), &md5);
    judge_exact(j, &j.act(&EXACT), &md5);

    // What the server heard: the request and one acknowledgement, twice.
    let heard = |act: &Scope| act.recvs(Server).with_data().len();
    let heard: Vec<usize> = j.acts([&CARELESS, &EXACT]).map(|(_, act)| heard(&act)).collect();
    j.claim(
        "one-acknowledgement",
        "the MD5 follows the file without a second acknowledgement",
        "MD5 紧跟文件，不用再等一次确认",
    )
    .of(&j.recvs(Server).with_data())
    .in_order(vec![1; 2], heard.into_iter().map(|n| n.saturating_sub(1)).collect(), |each| {
        say!("acknowledgements in each download: {each}", "每次下载的确认次数：{each}")
    });
}

/// What a client handed on: the size that it was told, what it took for the file, and what it took for the MD5.
fn handed_on<'a>(act: &Scope<'a>) -> (usize, Events<'a>, Events<'a>) {
    let delivered = act.delivered(Client);
    let size = decimal::parse(&bytes_of(&delivered.just(0)), MAX_FILE);
    (size.unwrap_or(0), delivered.just(1), delivered.just(2))
}

fn judge_careless(j: &Judge, act: &Scope, sent: &[u8]) {
    let (size, data, left) = handed_on(act);
    let reading = act.recvs(Client).only(|e| data.first().is_some_and(|data| e.seq < data.seq));
    let last = reading.just_last();
    let (took, left, pieces) = (data.moved(), left.moved(), act.held_by(&last));
    j.claim("careless-overran", "the careless loop read past the end of the file", "粗心的循环读过了文件末尾")
        .of(&last)
        .of(&data)
        .beside(j.sentence([&pieces], |[pieces]| say!("; the last recv: {pieces}", "；最后一次 recv：{pieces}")))
        .more_than(size, took, |n| say!("{n} bytes", "{n} 字节"));

    let computed = md5_hex(&bytes_of(&data)).into_bytes();
    let (due, got) = (short(sent), short(&computed));
    j.claim(
        "careless-digest",
        "its MD5 comes out wrong, and the one that was sent is gone",
        "它算出的 MD5 不对，发来的 MD5 也没了",
    )
    .of(&data)
    .that(
        computed != sent && left < TRAILER,
        say!("not {due}, and fewer than {TRAILER} bytes left", "不是 {due}，剩下不到 {TRAILER} 字节"),
        say!("{got}, and {left} bytes left", "{got}，剩 {left} 字节"),
    );
}

fn judge_exact(j: &Judge, act: &Scope, sent: &[u8]) {
    let (size, data, md5) = handed_on(act);
    let computed = md5_hex(&bytes_of(&data)).into_bytes();
    j.claim(
        "exact-digest",
        "the exact loop got the file, and its MD5 behind it",
        "精确的循环得到了文件，也得到了后面的 MD5",
    )
    .of(&data.and(&md5))
    .equal(
        [Figure::Size(size), Figure::Md5(sent.to_vec()), Figure::Md5(sent.to_vec())],
        [Figure::Size(data.moved()), Figure::Md5(computed), Figure::Md5(bytes_of(&md5))],
        |[bytes, computed, behind]| {
            say!("{bytes} bytes, MD5 {computed}, and {behind} behind", "{bytes} 字节，MD5 {computed}，后面是 {behind}")
        },
    );
}

fn bytes_of(events: &Events) -> Vec<u8> {
    events.iter().flat_map(|e| e.bytes.clone()).collect()
}

fn teach(t: Teaching) -> Teaching {
    t.why(
        "recv returns what is queued, up to the size asked for, whichever message it belongs to.",
        "recv 返回队列里的字节，至多返回所请求的字节数，不管它属于哪条消息。",
        "recv(2); RFC 9293 §2.2",
    )
    .why(
        "The size is known, so the last recv can ask for exactly the rest: no acknowledgement is needed.",
        "大小是已知的，最后一次 recv 只要剩下的字节即可，不需要再等一次确认。",
        "Beej's Guide §7.6",
    )
    .next("fix-exact --recv-size 500", "6000 = 12 × 500: luck", "6000 = 12 × 500：碰巧没事")
    .next("fix-file", "a real file both ways", "真实的文件，一来一回")
    .next("fix-broken-loops", "three loops that count wrongly", "三个数错字节的循环")
    .control("both clients read with the careless loop", "两个客户端都用粗心的循环", |e| {
        e.client(client_careless_twice);
    })
}

/// The control: the second client is as careless as the first.
fn client_careless_twice(end: &End) -> Ends {
    for _ in end.acts([&CARELESS, &EXACT]) {
        download(end, read_past)?;
    }
    Ok(())
}
