//! Read exactly what remains: the last recv asks for the file's last bytes, not for 1024, and the MD5
//! that follows without a pause stays in the queue.

use super::prelude::*;
use super::wire::{announced, requested, short};
use crate::framing::digest::md5_hex;
use crate::framing::whole_body;
use std::fmt::Write as _;

pub(super) fn scenario() -> Scenario {
    Scenario::new("fix-exact", Part::Fix, &["D4 §3"])
        .title("read exactly what remains", "剩多少读多少")
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

fn client(end: &End) -> Ends {
    download(end, read_past)?;
    download(end, read_exactly)
}

/// One way of reading `size` bytes of file, at most `most` at once.
type Reader = fn(s: &Conn, size: usize, most: usize) -> anyhow::Result<Vec<u8>>;

fn download(end: &End, read: Reader) -> Ends {
    let s = end.tcp().connect()?;
    expect(&s);
    s.send(format!("get {NAME}").as_bytes())?;
    let digits = s.recv(1024)?;
    s.deliver(&digits);
    let size = announced(&digits, MAX_FILE)?;
    s.send(READY.as_bytes())?;
    s.wait_queued(size + TRAILER)?;
    let data = read(&s, size, end.recv_size())?;
    whole_body(&data, size).map_err(Text::from)?;
    s.deliver(&data);
    let md5 = s.recv_exact(TRAILER, TRAILER)?;
    if !md5.is_empty() {
        s.deliver(&md5);
    }
    s.close()?;
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
    let listener = end.tcp().listen()?;
    for _ in 0..2 {
        let conn = listener.accept()?;
        conn.expect(format!("get {NAME}").as_bytes());
        conn.expect(READY.as_bytes());
        let name = requested(&conn.recv(1024)?)?;
        let data = file();
        conn.send(data.len().to_string().as_bytes())?;
        conn.recv(1024)?;
        let md5 = md5_hex(&data);
        conn.send_message(&end.labelled(data, Text::same(name.to_string())))?;
        conn.send_message(&end.labelled(md5.into_bytes(), Text::same("MD5")))?;
        // D4's server waits for the next request here, and the careless client for its MD5, for ever.
        conn.close()?;
    }
    Ok(())
}

/// Tells a lone client what the server sends.
fn expect(s: &Conn) {
    let data = file();
    s.expect(data.len().to_string().as_bytes());
    s.expect_framed(&data, 0, Some(Text::same(NAME)));
    s.expect_framed(md5_hex(&data).as_bytes(), 0, Some(Text::same("MD5")));
}

/// The control: the second client is as careless as the first.
fn client_careless_twice(end: &End) -> Ends {
    download(end, read_past)?;
    download(end, read_past)
}

/// What one connection's client ended up with.
struct Download<'a> {
    /// The size it was told.
    size: usize,
    /// The hand-over of what it took for the file.
    data: &'a Event,
    /// What it took for the MD5.
    md5: &'a [u8],
    /// The last receive call that brought bytes of the file.
    last: Option<&'a Event>,
}

impl Download<'_> {
    /// The MD5 of what it took for the file.
    fn computed(&self) -> String {
        md5_hex(&self.data.bytes)
    }
}

/// The downloads, in the order in which the client connected.
fn downloads<'a>(j: &Judge<'a>) -> Vec<Download<'a>> {
    let trace = j.trace();
    let of = |connect: &Event| {
        let calls = |call| trace.calls(Client, call).filter(|e| e.sock == connect.sock);
        let [size, data, ref md5 @ ..] = calls(Call::Deliver).collect::<Vec<_>>()[..] else { return None };
        let md5 = md5.first().map_or(&[][..], |e| &e.bytes);
        let brought = |e: &&Event| e.messages().iter().any(|m| data.messages().contains(m));
        let size = announced(&size.bytes, MAX_FILE).ok()?;
        Some(Download { size, data, md5, last: calls(Call::Recv).filter(brought).last() })
    };
    trace.calls(Client, Call::Connect).filter_map(of).collect()
}

fn judge(j: &Judge) {
    let downloads = downloads(j);
    let [careless, exact] = [downloads.first(), downloads.get(1)];
    // What the server sent; a lone client knows it from the exact download.
    let sent = j.trace().messages_from(Server).find(|m| m.bytes.len() == TRAILER && !m.inferred);
    let md5 = sent.map(|m| m.bytes.to_vec()).or(exact.map(|e| e.md5.to_vec())).unwrap_or_default();
    overran(j, careless);
    digest_differs(j, careless, &md5);
    digest_equal(j, exact, &md5);
    one_acknowledgement(j);
}

/// What the server heard on each connection: the request and one acknowledgement.
fn one_acknowledgement(j: &Judge) {
    let accepts: Vec<&Event> = j.trace().calls(Server, Call::Accept).collect();
    let heard =
        |accept: &Event| j.recvs(Server).iter().filter(|e| e.sock == accept.sock && !e.bytes.is_empty()).count();
    let (all, once) = (accepts.len(), accepts.iter().filter(|accept| heard(accept) == 2).count());
    let text = Text::new("the MD5 follows the file without a second acknowledgement", "MD5 紧跟文件，不用再等一次确认");
    j.claim_text("one-acknowledgement", text).needs(Server).shown_by(accepts).that(
        all == 2 && once == all,
        Text::new("2 of 2 downloads with 1 acknowledgement", "2 次下载中 2 次只确认 1 次"),
        say!("{once} of {all} downloads with 1 acknowledgement", "{all} 次下载中 {once} 次只确认 1 次"),
    );
}

/// What is said of a download that did not come to its end.
const NOT_ENDED: Text = Text::new("the download did not end", "下载没有进行到底");

fn overran(j: &Judge, careless: Option<&Download>) {
    let size = grouped(careless.map_or(FILE_SIZE, |d| d.size) as u64);
    let last = careless.and_then(|d| d.last);
    let pieces = last.map(|e| e.spans.iter().map(|s| format!("{} {}", s.len, s.msg)).collect::<Vec<_>>().join(" + "));
    let pieces = pieces.unwrap_or_default();
    let actual = careless.map(|d| {
        let took = grouped(d.data.bytes.len() as u64);
        say!("{took} bytes; the last recv: {pieces}", "{took} 字节；最后一次 recv：{pieces}")
    });
    let text = Text::new("the careless loop read past the end of the file", "粗心的循环读过了文件末尾");
    j.claim_text("careless-overran", text).needs(Client).shown_by(last).that(
        careless.is_some_and(|d| d.data.bytes.len() > d.size),
        say!("more than {size} bytes", "多于 {size} 字节"),
        actual.unwrap_or(NOT_ENDED),
    );
}

fn digest_differs(j: &Judge, careless: Option<&Download>, md5: &[u8]) {
    let actual = careless.map(|d| {
        let (shown, left) = (short(d.computed().as_bytes()), d.md5.len());
        say!("{shown}, and {left} bytes left", "{shown}，剩 {left} 字节")
    });
    let due = short(md5);
    let text =
        Text::new("its MD5 comes out wrong, and the one that was sent is gone", "它算出的 MD5 不对，发来的 MD5 也没了");
    j.claim_text("careless-digest", text).needs(Client).shown_by(careless.map(|d| d.data)).that(
        careless.is_some_and(|d| d.computed().as_bytes() != md5 && d.md5.len() < TRAILER),
        say!("not {due}, and fewer than {TRAILER} bytes left", "不是 {due}，剩下不到 {TRAILER} 字节"),
        actual.unwrap_or(NOT_ENDED),
    );
}

fn digest_equal(j: &Judge, exact: Option<&Download>, md5: &[u8]) {
    let described = |bytes: usize, md5: &[u8]| {
        let (bytes, md5) = (grouped(bytes as u64), short(md5));
        say!("{bytes} bytes, MD5 {md5}", "{bytes} 字节，MD5 {md5}")
    };
    let text =
        Text::new("the exact loop got the file, and its MD5 behind it", "精确的循环得到了文件，也得到了后面的 MD5");
    let good = |d: &Download| d.data.bytes.len() == d.size && d.computed().as_bytes() == md5 && d.md5 == md5;
    j.claim_text("exact-digest", text).needs(Client).shown_by(exact.map(|d| d.data)).that(
        exact.is_some_and(good),
        described(exact.map_or(FILE_SIZE, |d| d.size), md5),
        exact.map_or(NOT_ENDED, |d| described(d.data.bytes.len(), d.computed().as_bytes())),
    );
}

fn teach(t: Teaching) -> Teaching {
    t.why(
        "recv returns what is queued, up to the size asked for, whichever message it belongs to.",
        "recv 返回队列里的字节，最多为所要的大小，不管它属于哪条消息。",
        "recv(2); RFC 9293 §2.2",
    )
    .why(
        "The size is known, so the last recv can ask for exactly the rest: no acknowledgement is needed.",
        "大小是已知的，最后一次 recv 只要剩下的字节即可，不需要再等一次确认。",
        "Beej's Guide §7.6",
    )
    .next(
        "fix-exact --recv-size 500",
        "6000 = 12 × 500: the careless loop is lucky",
        "6000 = 12 × 500：粗心的循环碰巧没事",
    )
    .next("fix-file", "a real file both ways", "真实的文件，一来一回")
    .next("fix-broken-loops", "three loops that count wrongly", "三个数错字节的循环")
    .control("both clients read with the careless loop", "两个客户端都用粗心的循环", |s| {
        s.client(client_careless_twice);
    })
}
