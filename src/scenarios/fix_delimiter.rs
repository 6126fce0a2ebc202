//! A mark behind every message gives the boundaries back, until a message holds the mark.

use super::one_recv;
use super::prelude::*;

pub(super) fn scenario() -> Scenario {
    Scenario::new("fix-delimiter", SyllabusPart::Fix, &["D1 §12"])
        .title("a mark at the end", "末尾加分隔符")
        .question(
            "a line feed ends each message: does every one come out whole?",
            "每条消息以换行结束：都能完整取出吗？",
        )
        .claim(
            "A line feed behind each message gives the boundaries back, as long as no message holds one.",
            "每条消息后面加换行，边界就找回来了，只要消息里没有换行。",
        )
        .takes(&[Opt::Nodelay, Opt::Gap, Opt::Message])
        .messages(2..=16, 1024)
        .client(client)
        .server(server)
        .judge(judge)
        .words("delimiter separator line lines newline readline eol crlf 分隔符 换行")
        .teach(teach)
}

const MARK: u8 = b'\n';

/// Two plain ones, and one that holds the mark.
const TEXTS: [&[u8]; 3] = [b"hello", b"feng", b"a\nb"];

fn lines(end: &End) -> Vec<Vec<u8>> {
    end.messages(&TEXTS).into_iter().map(|text| [text, &[MARK]].concat()).collect()
}

fn client(end: &End) -> Ends {
    let s = end.connect()?;
    for line in lines(end) {
        s.send(&line)?;
        end.gap()?;
    }
    Ok(s.wait_acked()?)
}

fn server(end: &End) -> Ends {
    let listener = end.listen()?;
    let conn = listener.accept()?;
    conn.wait_queued(lines(end).concat().len())?;
    loop {
        let line = read_line(&conn)?;
        if line.is_empty() {
            return Ok(());
        }
        conn.deliver(&line);
    }
}

/// Byte by byte, so that nothing behind the mark is taken.
fn read_line(conn: &Conn) -> anyhow::Result<Vec<u8>> {
    let mut line = Vec::new();
    while line.last() != Some(&MARK) {
        let byte = conn.recv(1)?;
        if byte.is_empty() {
            break;
        }
        line.extend(byte);
    }
    Ok(line)
}

fn judge(j: &Judge) {
    let delivered = j.delivered(Server);
    let lines = j.trace().messages_from(Client).zip(j.messages(&TEXTS));
    let (plain, marked): (Vec<_>, Vec<_>) = lines.partition(|(_, text)| !text.contains(&MARK));
    if !plain.is_empty() {
        let is_of_plain = |e: &Event| e.messages().iter().all(|id| marked.iter().all(|(m, _)| m.id != *id));
        let lines = delivered.only(is_of_plain);
        j.claim("lines-whole", "lines without the mark came out whole", "不含分隔符的行都完整取出")
            .of(&lines)
            .in_order(plain.iter().map(|(m, _)| m.id.to_string()).collect(), j.held_by(&lines), |lines| {
                say!("delivered: {lines}", "交出：{lines}")
            });
    }

    for (line, _) in marked {
        let (id, pieces) = (line.id, delivered.only(|e| e.messages().contains(&line.id)));
        j.claim("mark-inside", "a line that holds the mark was cut there", "消息里有分隔符，就在那里被切开")
            .of(&pieces)
            .more_than(1, pieces.len(), |n| say!("{n} pieces of {id}", "{id} 成了 {n} 段"));
    }

    let recvs = j.recvs(Server).with_data();
    j.claim("call-per-byte", "the price without a buffer: a recv for each byte", "没有缓冲时的代价：每个字节一次 recv")
        .of(&recvs)
        .equal([recvs.moved()], [recvs.len()], |[n]| say!("{n} recvs", "{n} 次 recv"));
}

fn teach(t: Teaching) -> Teaching {
    t.why(
        "The mark must not occur in a message, or be escaped there: line feeds, zeros, CR LF, a dot on a line.",
        "分隔符不能出现在消息里，否则要转义：换行、零字节、CR LF、单独一行的点。",
        "RFC 5321 §4.5.2",
    )
    .why(
        "Nobody knows beforehand how much to read: a byte at a time, or ahead into a buffer that keeps the rest.",
        "事先不知道要读多少：或者一次一个字节，或者多读进缓冲区，把剩下的留着。",
        "Beej's Guide §7.6",
    )
    .next("fix-header", "a length says how much, whatever the bytes are", "长度说明有多少，内容随意")
    .control(
        "the server takes what one recv returns for a message",
        "服务器把一次 recv 的结果当作一条消息",
        one_recv::taken_for_a_message(|end| lines(end).concat().len()),
    )
}
