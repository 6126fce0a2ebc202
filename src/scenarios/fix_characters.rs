//! A length that counts characters is too small, and the rest of the message is read as the next length.

use super::prelude::*;
use crate::framing::I32_LE;

pub(super) fn scenario() -> Scenario {
    Scenario::new("fix-characters", SyllabusPart::NoFix, &["D4 §1", "D4 §2"])
        .title("the length of the text", "字符串的长度")
        .question(
            "a length in characters, bytes in UTF-8: what is read?",
            "报头写的是 len(字符串)，发的是 UTF-8 字节：读到什么？",
        )
        .claim(
            "A length in characters is too small for the bytes; the rest is read as the next length.",
            "按字符数的长度小于字节数；剩下的字节被当成下一个长度。",
        )
        .takes(&[Opt::Nodelay, Opt::RecvSize, Opt::Message])
        .recv_size(1024)
        .nodelay(true)
        .messages(1..=1, 1024)
        .client(client)
        .server(server)
        .judge(judge)
        .words("len len-str characters chars utf-8 utf8 字符 中文长度 字符长度")
        .teach(teach)
}

/// 14 characters, 18 bytes: each of the first two takes three.
const ANSWER: &str = "粘包 is no error";
const NEXT: &str = "ok";

/// The page's answer or the learner's, and the next one.
fn texts(end: &End) -> [String; 2] {
    let answer = end.messages(&[ANSWER.as_bytes()]).concat();
    [String::from_utf8_lossy(&answer).into_owned(), NEXT.to_owned()]
}

/// The longest answer that is read, in bytes.
const MOST: usize = 1 << 20;

fn client(end: &End) -> Ends {
    let s = end.connect()?;
    let texts = texts(end);
    s.wait_queued(texts.concat().len() + texts.len() * I32_LE.width())?;
    for _ in texts {
        let header = s.recv_exact(I32_LE.width(), I32_LE.width())?;
        match I32_LE.unpack(&header, MOST) {
            Ok(length) => s.deliver(&s.recv_exact(length, end.recv_size())?),
            Err(fault) => end.found(fault.text(), None, &header),
        }
    }
    Ok(s.recv_to_end(end.recv_size())?)
}

fn server(end: &End) -> Ends {
    serve(end, |text| text.chars().count())
}

/// Sends both answers, each behind the length that `count` makes of it.
fn serve(end: &End, count: impl Fn(&str) -> usize) -> Ends {
    let listener = end.listen()?;
    let conn = listener.accept()?;
    for text in texts(end) {
        let header = I32_LE.pack(count(&text) as u64)?;
        let message = end.framed([&header, text.as_bytes()].concat(), header.len(), None);
        conn.send_all(message.whole())?;
    }
    Ok(conn.wait_acked()?)
}

fn judge(j: &Judge) {
    let Some(answer) = j.message(Server, 1) else { return };
    let first = j.delivered(Client).just_first();
    j.claim("too-short", "the answer came out shorter than it was sent", "取出的比发出的短").of(&first).fewer_than(
        answer.body().len(),
        first.moved(),
        |n| say!("{n} bytes of M1's body", "M1 正文的 {n} 字节"),
    );

    let begun = first.first().map_or(usize::MAX, |answer| answer.seq);
    let second = j.recvs(Client).with_data().only(|e| e.seq > begun && e.asked == Some(I32_LE.width())).just_first();
    let characters = String::from_utf8_lossy(answer.body()).chars().count();
    let behind = j.message(Server, 2).map_or(&[][..], |next| &next.bytes);
    let rest: Vec<u8> = answer.body().iter().skip(characters).chain(behind).take(I32_LE.width()).copied().collect();
    j.claim("rest-is-length", "the rest of it was read as the next length", "剩下的被当成下一个长度")
        .of(&second)
        .of(&j.found(Client))
        .equal([String::from_utf8_lossy(&rest).into_owned()], [second.texts().concat()], |[text]| {
            say!("4 bytes “{text}”", "4 字节“{text}”")
        });
}

fn teach(t: Teaching) -> Teaching {
    t.why(
        "len of a text counts characters; in UTF-8 a Chinese one takes three bytes. Encode first, then take the length.",
        "字符串的 len 数的是字符；一个汉字的 UTF-8 编码占三个字节。先编码，再取长度。",
        "RFC 3629; Python str.encode",
    )
    .why(
        "A reader that lost its place takes whatever comes for a length, and nothing in the stream sets it right.",
        "读的一方一旦错位，来什么都当成长度，流里没有任何东西能让它回到原位。",
        "RFC 9293 §2.2",
    )
    .next("explain 1919906418", "what that number really was", "那个数本来是什么")
    .next("fix-ack", "part 4: a fix, and its price", "第 4 部分：真正的解法，和它的代价")
    .control("the length counts bytes", "长度数的是字节", |e| {
        e.server(|end| serve(end, str::len));
    })
}
