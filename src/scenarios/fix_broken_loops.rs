//! Three receive loops the pages print stop before the message is whole; the corrected loop beside each does not.

use super::prelude::*;

pub(super) fn scenario() -> Scenario {
    Scenario::new("fix-broken-loops", Part::NoFix, &["D0", "D1 §11", "D1 §12", "D2 §4"])
.title("three broken receive loops", "三个写错的接收循环")
.claim("Three receive loops from the documents stop early when the stream comes in pieces; corrected, they do not.", "文档里的三个接收循环，遇到分段到达的流就会提前结束；改正后不会。")
.takes(&[Opt::Nodelay, Opt::RecvSize])
.recv_size(1024)
.client(client)
.server(server)
.judge(judge)
.on_link(Variation::Calls)
.teach(teach)
}

const FILE: usize = 4096;
/// What the network has brought when the receiver first looks; the rest comes once that is read.
const FIRST: usize = 512;

/// A loop of the pages, and the same corrected. Each reads a file of its own, over a connection of its own.
struct Pair {
    name: &'static str,
    claim: &'static str,
    stops: Text,
    broken: Reading,
    correct: Reading,
    /// The gates of the two: the first piece is read.
    read: [&'static str; 2],
}

type Reading = fn(&Reader, usize) -> anyhow::Result<Vec<u8>>;

static PAIRS: [Pair; 3] = [
    Pair {
        name: "(a)",
        claim: "counts-everything",
        stops: Text::new("(a) recv_size += len(data) stops early", "(a) recv_size += len(data) 提前结束"),
        broken: adds_everything,
        correct: adds_the_piece,
        read: ["a-read", "a-corrected-read"],
    },
    Pair {
        name: "(b)",
        claim: "counts-the-buffer",
        stops: Text::new("(b) file_size -= buffer stops early", "(b) file_size -= buffer 提前结束"),
        broken: subtracts_the_buffer,
        correct: subtracts_the_piece,
        read: ["b-read", "b-corrected-read"],
    },
    Pair {
        name: "(c)",
        claim: "recv-once",
        stops: Text::new("(c) one recv(n) for n bytes reads short", "(c) 用一次 recv(n) 取 n 字节：短读"),
        broken: receives_once,
        correct: receives_exactly,
        read: ["c-read", "c-corrected-read"],
    },
];

/// (a) D1 §11 and §12, D2: what has come so far is added again each time.
fn adds_everything(r: &Reader, length: usize) -> anyhow::Result<Vec<u8>> {
    let (mut recv_size, mut data) = (0, vec![]);
    while recv_size < length && r.more(&mut data, r.buffer)? > 0 {
        recv_size += data.len();
    }
    Ok(data)
}

fn adds_the_piece(r: &Reader, length: usize) -> anyhow::Result<Vec<u8>> {
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
fn subtracts_the_buffer(r: &Reader, mut file_size: usize) -> anyhow::Result<Vec<u8>> {
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

fn subtracts_the_piece(r: &Reader, mut file_size: usize) -> anyhow::Result<Vec<u8>> {
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
fn receives_once(r: &Reader, length: usize) -> anyhow::Result<Vec<u8>> {
    let mut data = vec![];
    r.more(&mut data, length)?;
    Ok(data)
}

fn receives_exactly(r: &Reader, length: usize) -> anyhow::Result<Vec<u8>> {
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
struct Reader<'a> {
    end: &'a End,
    conn: &'a Conn,
    /// The size the pages give to recv.
    buffer: usize,
    read: &'static str,
}

impl Reader<'_> {
    /// One recv, its bytes added to `data`; 0 at the end of the stream.
    fn more(&self, data: &mut Vec<u8>, size: usize) -> anyhow::Result<usize> {
        let piece = self.conn.recv(size)?;
        // The first time it lets the rest come; after that the gate is open already.
        self.end.open(self.read);
        data.extend_from_slice(&piece);
        Ok(piece.len())
    }
}

fn client(end: &End) -> Ends {
    receive_files(end, |pair| [pair.broken, pair.correct])
}

fn receive_files(end: &End, choose: fn(&Pair) -> [Reading; 2]) -> Ends {
    for pair in &PAIRS {
        for ((read, label), reading) in pair.read.into_iter().zip(pair.labels()).zip(choose(pair)) {
            let s = end.tcp().connect()?;
            s.expect_framed(&file(), 0, Some(label));
            // The length is known here; the pages announce it first, and what they do with it is what is tried.
            let reader = Reader { end, conn: &s, buffer: end.recv_size(), read };
            let data = reading(&reader, FILE)?;
            s.deliver(&data);
            if data.len() < FILE {
                // What the loop did not ask for is not lost: it comes, and nobody takes it.
                s.wait_queued(FILE - data.len())?;
            }
            s.close()?;
        }
    }
    Ok(())
}

fn server(end: &End) -> Ends {
    let listener = end.tcp().listen()?;
    for pair in &PAIRS {
        for (read, label) in pair.read.into_iter().zip(pair.labels()) {
            let conn = listener.accept()?;
            let file = end.labelled(file(), label);
            conn.send_all(file.part(0..FIRST))?;
            end.pass(read, Text::new("until the first piece is read", "等到第一段被读走"))?;
            conn.send_all(file.part(FIRST..FILE))?;
            conn.wait_acked()?;
            conn.close()?;
        }
    }
    Ok(())
}

impl Pair {
    fn labels(&self) -> [Text; 2] {
        let name = Text::same(self.name);
        [Text::new("{} printed", "{} 原样").with(&name), Text::new("{} fixed", "{} 改正").with(&name)]
    }
}

/// Numbered lines, so that one sees where a loop stopped.
fn file() -> Vec<u8> {
    (1..=FILE / 8).flat_map(|line| format!("{line:07}\n").into_bytes()).collect()
}

/// The control: the corrected loops in the place of the broken ones.
fn client_with_corrected_loops(end: &End) -> Ends {
    receive_files(end, |pair| [pair.correct, pair.correct])
}

fn judge(j: &Judge) {
    let delivered = j.delivered(Client);
    for (pair, event) in PAIRS.iter().zip(delivered.iter().copied().step_by(2)) {
        let (got, length) = (event.bytes.len(), length_of(j, event));
        let (got_text, length_text) = (j.varying(got), grouped(length));
        j.claim_text(pair.claim, pair.stops.clone()).needs(Client).shown_by([event]).that(
            got < length,
            say!("fewer than {length_text} bytes", "少于 {length_text} 字节"),
            say!("{got_text} of {length_text} bytes", "{length_text} 字节中的 {got_text} 字节"),
        );
    }
    the_rest_waits(j, &delivered);

    let corrected: Vec<&Event> = delivered.iter().copied().skip(1).step_by(2).collect();
    let whole = corrected.iter().filter(|e| j.trace().exactly_one(e).is_some()).count();
    let pairs = PAIRS.len();
    j.claim("corrected-whole", "the corrected loops deliver all of it", "改正后的循环全部取到")
        .needs(Client)
        .shown_by(corrected)
        .that(
            whole == pairs,
            say!("{pairs} whole messages", "{pairs} 条完整消息"),
            say!("{whole} whole messages", "{whole} 条完整消息"),
        );
}

fn length_of(j: &Judge, delivered: &Event) -> usize {
    let message = delivered.spans.first().and_then(|s| j.trace().message(s.msg));
    message.map_or(0, |m| m.bytes.len())
}

fn the_rest_waits(j: &Judge, delivered: &[&Event]) {
    let missing: usize = delivered.iter().map(|e| length_of(j, e).saturating_sub(e.bytes.len())).sum();
    let waits: Vec<&Event> = j.trace().calls(Client, Call::Wait).collect();
    let queued: Option<u64> = waits.iter().map(|e| e.evidence.queued).sum();
    let Some(queued) = queued else {
        j.limit(Text::new("this system does not count the bytes queued", "本系统不统计队列里的字节"));
        return;
    };
    let (missing_text, queued_text) = (j.varying(missing), j.varying(queued));
    j.claim("rest-unread", "TCP lost nothing: the rest lay unread", "TCP 没有丢：其余的没人来读")
        .needs(Client)
        .shown_by(waits)
        .that(
            missing > 0 && queued == missing as u64,
            say!("{missing_text} bytes in the receive queues", "接收队列里有 {missing_text} 字节"),
            say!("{queued_text} bytes in the receive queues", "接收队列里有 {queued_text} 字节"),
        );
}

fn teach(t: Teaching) -> Teaching {
    t.why(
        "recv returns what is there, at most what was asked for: only its result says how much came.",
        "recv 返回已有的字节，最多为所要的大小：到底来了多少，只有返回值知道。",
        "recv(2)",
    )
    .why(
        "TCP may deliver the stream in pieces of any size, whatever the sends were.",
        "不管当初怎样 send，TCP 都可以把流分成任意大小的段交付。",
        "RFC 9293 §3.9.1.3",
    )
    .next("fix-broken-loops --recv-size 4096", "a size that hides one of the faults", "碰巧掩盖其中一个错误的大小")
    .next("fix-exact", "the loop that takes what belongs to it and no more", "只取属于自己的那部分的循环")
    .next("fix-header", "where the length comes from", "长度从哪里来")
    .next("fix-ack", "part 4: a fix, and its price", "第 4 部分：真正的解法，和它的代价")
    .control(
        "the corrected loops in the place of the broken ones",
        "把三个错误的循环换成改正后的",
        |s| {
            s.client(client_with_corrected_loops);
        },
    )
}
