//! Records of a fixed size give the boundaries back: every message is 8 bytes, and exactly 8 are read.

use super::one_recv;
use super::prelude::*;

pub(super) fn scenario() -> Scenario {
    Scenario::new("fix-fixed-size", SyllabusPart::Fix, &["D1 §12"])
        .title("records of a fixed size", "定长记录")
        .question("every message is 8 bytes: do they come out one by one?", "每条消息都是 8 字节：能一条一条取出来吗？")
        .claim(
            "If every message has the same size, reading exactly that size gives the boundaries back.",
            "如果每条消息一样长，每次恰好读这么长，边界就找回来了。",
        )
        .takes(&[Opt::Nodelay, Opt::RecvSize, Opt::Gap, Opt::Message])
        .recv_size(SIZE)
        .messages(2..=16, SIZE)
        .client(client)
        .server(server)
        .judge(judge)
        .words("fixed fixed-size fixed-length records padding 定长 固定长度")
        .teach(teach)
}

const SIZE: usize = 8;
const WORDS: [&[u8]; 2] = [b"hello", b"feng"];

/// Each filled up with spaces.
fn records(end: &End) -> Vec<Vec<u8>> {
    let record = |word: &[u8]| [word, &[b' '; SIZE][word.len()..]].concat();
    end.messages(&WORDS).into_iter().map(record).collect()
}

fn client(end: &End) -> Ends {
    let s = end.connect()?;
    for record in records(end) {
        s.send(&record)?;
        end.gap()?;
    }
    Ok(s.wait_acked()?)
}

fn server(end: &End) -> Ends {
    let listener = end.listen()?;
    let conn = listener.accept()?;
    conn.wait_queued(records(end).concat().len())?;
    for _ in records(end) {
        let record = conn.recv_exact(SIZE, end.recv_size())?;
        conn.deliver(&record);
    }
    Ok(())
}

fn judge(j: &Judge) {
    let delivered = j.delivered(Server);
    j.claim("records-whole", "every record came out whole and alone", "每条记录都完整、单独地取出")
        .of(&delivered)
        .in_order(j.message_names(Client), j.held_by(&delivered), |records| {
            say!("delivered: {records}", "交出：{records}")
        });

    let words = j.messages(&WORDS);
    let text = match words.len() {
        2 => Text::new("both lay in the queue before the first recv", "第一次 recv 之前，两条都已在队列里"),
        _ => Text::new("all lay in the queue before the first recv", "第一次 recv 之前，全部已在队列里"),
    };
    let wait = j.calls(Server, Call::Wait).just_first();
    let queued = wait.first().and_then(|e| e.evidence.queued).unwrap_or(0);
    j.claim_text("no-luck", text)
        .of(&wait)
        .equal([words.len() * SIZE], [queued as usize], |[n]| say!("{n} bytes queued", "队列中 {n} 字节"));

    // Words that fill their records pay nothing.
    if words.iter().all(|word| word.len() == SIZE) {
        return;
    }
    let text: usize = delivered.texts().iter().map(|record| record.trim_end().len()).sum();
    j.claim("padding", "the price: what is shorter is filled up", "代价：短的要补齐").of(&delivered).more_than(
        text,
        delivered.moved(),
        |n| say!("{n} bytes for {text} of text", "{text} 字节的文本用了 {n} 字节"),
    );
}

fn teach(t: Teaching) -> Teaching {
    t.why(
        "recv may return less than was asked for; a loop reads on until the record is complete.",
        "recv 可能少给；循环读下去，直到一条记录读满。",
        "recv(2)",
    )
    .why(
        "Both ends know the size beforehand, so the stream need not say it; what is longer does not fit.",
        "两端事先约定了大小，流里不必再写；更长的消息就放不下。",
        "Beej's Guide §7.6",
    )
    .next("fix-fixed-size --recv-size 1", "byte by byte, and still whole", "一次一个字节，仍然完整")
    .next("fix-delimiter", "any length, with a mark at the end", "任意长度，末尾加标记")
    .control(
        "the server takes what one recv returns for a message",
        "服务器把一次 recv 的结果当作一条消息",
        one_recv::taken_for_a_message(|end| records(end).concat().len()),
    )
}
