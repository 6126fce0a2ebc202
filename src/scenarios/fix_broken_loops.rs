//! Three receive loops the pages print stop before the message is whole; the corrected loop beside each does not.

use super::prelude::*;

pub(super) fn scenario() -> Scenario {
    Scenario::new("fix-broken-loops", SyllabusPart::NoFix, &["D0", "D1 §11", "D1 §12", "D2 §4"])
        .title("three broken ways to receive", "三种写错的接收办法")
        .question("three ways to receive a file: which one gets all of it?", "接收文件的三种写法：哪一种能收完整？")
        .claim(
            "Two loops and a lone recv, as tutorials print them, stop early when the stream comes in pieces; corrected, they do \
             not.",
            "教程里的两个循环和一次 recv，遇到分段到达的流就会提前结束；改正后不会。",
        )
        .takes(&[Opt::Nodelay, Opt::RecvSize])
        .recv_size(1024)
        .client(client)
        .server(server)
        .judge(judge)
        .on_link(Variation::Calls)
        .words("loop receive-loop while 循环接收 循环")
        .teach(teach)
}

const FILE: usize = 4096;
/// What the network has brought when the receiver first looks; the rest comes once that is read.
const FIRST: usize = 512;

/// Receives a file of so many bytes, as it believes.
type Reading = fn(&FileReader, usize) -> anyhow::Result<Vec<u8>>;

/// A loop as the pages print it, and the same corrected. Each reads a file of its own, named so, over a connection of
/// its own.
type LoopPair = [(Text, Reading); 2];

/// The acts' names and titles are those of the claims.
static PAIRS: [(Act, LoopPair); 3] = [
    (
        Act::new("counts-everything", "(a) recv_size += len(data) stops early", "(a) recv_size += len(data) 提前结束"),
        [(Text::new("(a) printed", "(a) 原样"), adds_everything), (Text::new("(a) fixed", "(a) 改正"), adds_the_piece)],
    ),
    (
        Act::new("counts-the-buffer", "(b) file_size -= buffer stops early", "(b) file_size -= buffer 提前结束"),
        [
            (Text::new("(b) printed", "(b) 原样"), subtracts_the_buffer),
            (Text::new("(b) fixed", "(b) 改正"), subtracts_the_piece),
        ],
    ),
    (
        Act::new("recv-once", "(c) one recv(n) for n bytes reads short", "(c) 用一次 recv(n) 取 n 字节：短读"),
        [(Text::new("(c) printed", "(c) 原样"), receives_once), (Text::new("(c) fixed", "(c) 改正"), receives_exactly)],
    ),
];

/// (a) D1 §11 and §12, D2: what has come so far is added again each time.
fn adds_everything(r: &FileReader, length: usize) -> anyhow::Result<Vec<u8>> {
    let (mut recv_size, mut data) = (0, vec![]);
    while recv_size < length && r.more(&mut data, r.buffer)? > 0 {
        recv_size += data.len();
    }
    Ok(data)
}

fn adds_the_piece(r: &FileReader, length: usize) -> anyhow::Result<Vec<u8>> {
    let (mut recv_size, mut data) = (0, vec![]);
    while recv_size < length {
        match r.more(&mut data, r.buffer)? {
            0 => break,
            n => recv_size += n,
        }
    }
    Ok(data)
}

/// (b) D0: the size that was asked for is subtracted, whatever came.
fn subtracts_the_buffer(r: &FileReader, mut file_size: usize) -> anyhow::Result<Vec<u8>> {
    let mut data = vec![];
    while file_size > 0 {
        r.more(&mut data, r.buffer)?;
        if file_size < r.buffer {
            break;
        }
        file_size -= r.buffer;
    }
    Ok(data)
}

fn subtracts_the_piece(r: &FileReader, mut file_size: usize) -> anyhow::Result<Vec<u8>> {
    let mut data = vec![];
    while file_size > 0 {
        match r.more(&mut data, file_size.min(r.buffer))? {
            0 => break,
            n => file_size -= n,
        }
    }
    Ok(data)
}

/// (c) D0, D1 §12: as if recv waited for all of it.
fn receives_once(r: &FileReader, length: usize) -> anyhow::Result<Vec<u8>> {
    let mut data = vec![];
    r.more(&mut data, length)?;
    Ok(data)
}

fn receives_exactly(r: &FileReader, length: usize) -> anyhow::Result<Vec<u8>> {
    let mut data = vec![];
    let mut missing = length;
    while missing > 0 {
        match r.more(&mut data, missing)? {
            0 => break,
            n => missing -= n,
        }
    }
    Ok(data)
}

/// What the loops receive from.
struct FileReader<'a> {
    end: &'a End,
    conn: &'a Conn,
    /// The size the pages give to recv.
    buffer: usize,
}

impl FileReader<'_> {
    /// One recv, its bytes added to `data`; 0 at the end of the stream. The first lets the rest of the file come.
    fn more(&self, data: &mut Vec<u8>, size: usize) -> anyhow::Result<usize> {
        let piece = self.conn.recv(size)?;
        if data.is_empty() {
            self.end.open("read");
        }
        data.extend_from_slice(&piece);
        Ok(piece.len())
    }
}

fn client(end: &End) -> Ends {
    receive_files(end, |[(_, printed), (_, fixed)]| [*printed, *fixed])
}

fn receive_files(end: &End, choose: fn(&LoopPair) -> [Reading; 2]) -> Ends {
    for (_, pair) in end.acts(&PAIRS) {
        for reading in choose(pair) {
            let s = end.connect()?;
            // The length is known here; the pages announce it first, and what they do with it is what is tried.
            let data = reading(&FileReader { end, conn: &s, buffer: end.recv_size() }, FILE)?;
            s.deliver(&data);
            if data.len() < FILE {
                // What the loop did not ask for is not lost: it comes, and nobody takes it.
                s.wait_queued(FILE - data.len())?;
            }
        }
    }
    Ok(())
}

fn server(end: &End) -> Ends {
    let listener = end.listen()?;
    for (_, pair) in end.acts(&PAIRS) {
        for (name, _) in pair {
            let conn = listener.accept()?;
            let file = end.labelled(file(), name.clone());
            conn.send_all(file.part(0..FIRST))?;
            end.pass("read", Text::new("until the first piece is read", "等到第一段被读走"))?;
            conn.send_all(file.part(FIRST..FILE))?;
            conn.wait_acked()?;
        }
    }
    Ok(())
}

/// Numbered lines, so that one sees where a loop stopped.
fn file() -> Vec<u8> {
    (1..=FILE / 8).flat_map(|line| format!("{line:07}\n").into_bytes()).collect()
}

fn judge(j: &Judge) {
    side_by_side(j);
    for ((Act { key, title }, _), act) in j.acts(&PAIRS) {
        let printed = act.delivered(Client).just(0);
        j.claim_text(key.clone(), title.clone())
            .of(&printed)
            .beside(j.sentence([&FILE], |[all]| say!(" of {all}", "（共 {all} 字节）")))
            .fewer_than(FILE, Varying(printed.moved()), |n| say!("{n} bytes", "{n} 字节"));
    }
    the_rest_waits(j);

    let fixed = j.firsts(&PAIRS, |act| act.delivered(Client).just(1));
    let files: Vec<String> = j.message_names(Server).into_iter().skip(1).step_by(2).collect();
    j.claim("corrected-whole", "the corrected loops deliver all of it", "改正后的循环全部取到").of(&fixed).in_order(
        files,
        j.held_by(&fixed),
        |files| say!("whole: {files}", "完整的有：{files}"),
    );
}

/// Each loop, and what it did beside its correction.
fn side_by_side(j: &Judge) {
    let heads = [
        Text::new("loop", "循环"),
        Text::new("got", "取到"),
        Text::new("left unread", "没有读"),
        Text::new("corrected", "改正后取到"),
    ];
    let codes = [
        Text::same("(a) data += recv(n); size += len(data)"),
        Text::same("(b) data += recv(n); size -= n"),
        Text::same("(c) data = recv(size)"),
    ];
    let row = |(code, (_, act)): (Text, (_, Scope))| {
        let [printed, fixed] = [0, 1].map(|nth| act.delivered(Client).just(nth).moved());
        Some((code, [printed, FILE - printed.min(FILE), fixed].map(|bytes| j.cell(&Varying(bytes)))))
    };
    j.table(heads, codes.into_iter().zip(j.acts(&PAIRS)).filter_map(row));
}

fn the_rest_waits(j: &Judge) {
    let printed = j.firsts(&PAIRS, |act| act.delivered(Client));
    let missing = printed.iter().map(|e| FILE.saturating_sub(e.bytes.len()) as u64).filter(|n| *n > 0);
    let waits = j.calls(Client, Call::Wait);
    let queued: Option<Vec<_>> = waits.iter().map(|e| e.evidence.queued.map(u64::from).map(Varying)).collect();
    let Some(queued) = queued else {
        j.limit(Text::new("this system does not count the bytes queued", "本系统不统计队列里的字节"));
        return;
    };
    j.claim("rest-unread", "TCP lost nothing: the rest lay unread", "TCP 没有丢数据：其余字节留在缓冲区里没有被读取")
        .of(&waits)
        .in_order(missing.map(Varying).collect(), queued, |bytes| {
            say!("bytes in the receive queues: {bytes}", "接收队列里的字节：{bytes}")
        });
}

fn teach(t: Teaching) -> Teaching {
    t.why(
        "recv returns what is there, at most what was asked for: only its result says how much came.",
        "recv 返回已有的字节，至多返回所请求的字节数：到底来了多少，只有返回值知道。",
        "recv(2)",
    )
    .why(
        "TCP may deliver the stream in pieces of any size, whatever the sends were.",
        "不管当初怎样 send，TCP 都可以把流分成任意大小的段交付。",
        "RFC 9293 §3.9.1.3",
    )
    .next("fix-broken-loops --recv-size 4096", "a size that hides a fault", "碰巧掩盖了一个错误")
    .next("fix-exact", "the loop that reads what is its own, no more", "只取属于自己的那部分的循环")
    .next("fix-header", "where the length comes from", "长度从哪里来")
    .next("fix-characters", "a right loop, and a length that is wrong", "循环对了，长度错了")
    .control(
        "the corrected loops in the place of the broken ones",
        "把三个错误的循环换成改正后的",
        |e| {
            e.client(|end| receive_files(end, |[_, (_, fixed)]| [*fixed, *fixed]));
        },
    )
}
