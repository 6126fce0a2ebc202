//! Four bytes of length before each answer give the boundaries back: read exactly 4, then exactly that many.

use super::prelude::*;
use super::remote_commands::{COMMANDS, all_answers_whole, answers, due, next_answer};
use crate::framing::{Framing, I32_LE, U32_BE, whole_body};
use crate::text::hex;

pub(super) fn scenario() -> Scenario {
    Scenario::new("fix-header", SyllabusPart::Fix, &["D0", "D1 §12", "D3 §10"])
        .title("a length before every message", "每条消息前面加长度")
        .question("a length before every message: are the boundaries back?", "每条消息前加上长度：边界找回来了吗？")
        .claim(
            "Four bytes of length before each answer give the boundaries back, with one round trip per command.",
            "每个响应前加 4 字节长度，边界就找回来了，而且每条命令只需一次往返。",
        )
        .takes(&[Opt::Nodelay, Opt::RecvSize, Opt::Race, Opt::Message])
        .recv_size(1024)
        .nodelay(true)
        .messages(1..=COMMANDS.len(), 16 << 10)
        .client(client)
        .server(server)
        .judge(judge)
        .words("fix framing frame length length-prefix prefix struct struct.pack 分帧 报头 长度 长度前缀 解决粘包")
        .teach(teach)
}

/// The longest answer the client takes, in bytes: checked before a byte of it is waited for.
const MAX_ANSWER: usize = 1 << 20;

/// The numbers D0 packs, and the one D3 shows refused.
const NUMBERS: [u64; 4] = [2048, 204_800, 2_048_000, 1_111_111_111_111];

fn client(end: &End) -> Ends {
    let s = end.connect()?;
    for due in answers(end) {
        s.send(due.line.as_bytes())?;
        // The late receiver. A lone client may have met another server, whose answers it cannot know.
        if !end.alone() {
            s.wait_queued(I32_LE.width() + due.bytes.len())?;
        }
        let header = s.recv_exact(I32_LE.width(), end.recv_size())?;
        let length = I32_LE.unpack(&header, MAX_ANSWER)?;
        let answer = s.recv_exact(length, end.recv_size())?;
        whole_body(&answer, length)?;
        s.deliver(&answer);
    }
    Ok(())
}

fn server(end: &End) -> Ends {
    let listener = end.listen()?;
    let conn = listener.accept()?;
    while let Some(answer) = next_answer(end, &conn)? {
        let answer = answer.behind(end, &I32_LE.header(&answer.bytes)?);
        conn.send_all(answer.header())?;
        conn.send_all(answer.body())?;
    }
    conn.close()?;
    NUMBERS.iter().for_each(|number| pack_aloud(end, *number));
    Ok(())
}

/// What the document's print shows: a number as the bytes of the length field.
fn pack_aloud(end: &End, number: u64) {
    match I32_LE.pack(number) {
        Ok(bytes) => {
            let said = Text::same(format!("struct.pack('i', {number}) = {}", hex::spaced(&bytes)));
            end.found(said, usize::try_from(number).ok(), &bytes);
        }
        Err(fault) => end.found(fault.text(), None, &[]),
    }
}

fn judge(j: &Judge) {
    let claim = j.claim(
        "answers-whole",
        "every answer came out whole, alone and with its command",
        "每个响应都完整、单独，且对应自己的命令",
    );
    all_answers_whole(j, claim, due(j));
    header_is_length(j);

    let (sends, delivered) = (j.sends(Client).with_data(), j.delivered(Client));
    j.claim(
        "one-exchange",
        "one round trip per command: nothing is acknowledged in between",
        "每条命令一次往返：中间不需要确认",
    )
    .of(&sends)
    .equal([due(j); 2], [sends.len(), delivered.len()], |[asked, answered]| {
        say!("{asked} client sends for {answered} answers", "客户端 {asked} 次 send，{answered} 个响应")
    });
    documents_numbers(j);
}

/// The longest answer's header, as the client received it, against the length of what it announced.
fn header_is_length(j: &Judge) {
    let Some(longest) = j.trace().messages_from(Server).max_by_key(|m| m.bytes.len()) else { return };
    let packed = |bytes: Result<Vec<u8>, _>| bytes.map_or("-".into(), |b| hex::spaced(&b));
    let read = |header: &[u8]| {
        let length = I32_LE.unpack(header, MAX_ANSWER).unwrap_or(0);
        let (header, network, length) = (hex::spaced(header), packed(U32_BE.pack(length as u64)), grouped(length));
        say!("header {header} = {length} (network order {network})", "报头 {header} = {length}（网络字节序 {network}）")
    };
    let recvs = j.recvs(Client).with_header_of(longest.id);
    j.claim("header-is-length", "the header is the length, little-endian", "报头就是长度，小端序")
        .of(&recvs)
        .same(read(&(longest.body().len() as u32).to_le_bytes()), read(&recvs.header_of(longest.id)));
}

fn documents_numbers(j: &Judge) {
    let packed = j.found(Server).only(|e| e.returned.is_some());
    let bytes: Vec<String> = packed.iter().map(|e| hex::spaced(&e.made)).collect();
    j.claim(
        "documents-bytes",
        "2048, 204800, 2048000 pack as the page prints",
        "2048、204800、2048000 打包后与文档打印的一致",
    )
    .of(&packed)
    .same(Text::same("00 08 00 00, 00 20 03 00, 00 40 1f 00"), Text::same(bytes.join(", ")));

    let refused = j.found(Server).only(|e| e.returned.is_none());
    let all_packed = Text::new("every number was packed", "所有数字都打包了");
    let reason = |nothing: &Event| nothing.note.as_deref().cloned().filter(|_| nothing.made.is_empty());
    j.claim("too-long-refused", "a length that does not fit is refused", "装不下的长度会被拒绝").of(&refused).same(
        I32_LE.pack(NUMBERS[3]).err().map_or(all_packed.clone(), |fault| fault.text()),
        refused.first().and_then(|e| reason(e)).unwrap_or(all_packed),
    );
}

fn teach(t: Teaching) -> Teaching {
    t.why(
        "The stream has no boundaries, so the application writes one: the length of what follows.",
        "字节流没有边界，由应用程序自己写上：后面有多少字节。",
        "Beej's Guide §7.6",
    )
    .why(
        "recv may return fewer bytes than asked for, so each part is read in a loop, to its last byte and no further.",
        "recv 可能少给，所以每一部分都要循环读：读满为止，一个字节也不多读。",
        "recv(2)",
    )
    .why(
        "'i' is the byte order of the machine that packs; '!i' is network order everywhere.",
        "'i' 用的是打包那台机器的字节序；'!i' 在哪里都是网络字节序。",
        "Python struct; RFC 791 App. B",
    )
    .next("fix-header --recv-size 1", "byte by byte, and still whole", "一次只读一个字节，仍然完整")
    .next("fix-header --nodelay off", "in two sends: watch the times", "报头和正文分两次 send：注意时间")
    .next("fix-json-header", "a header that can say more than a length", "报头里不只能写长度")
    .control(
        "the client calls recv once per answer and does not parse the header",
        "客户端每个响应只 recv 一次，也不解析报头",
        |e| {
            e.client(client_without_header);
        },
    )
}

/// The control: the client of tcp-remote-cmd, one recv an answer, against the same server.
fn client_without_header(end: &End) -> Ends {
    let s = end.connect()?;
    let mut unread = 0;
    for due in answers(end) {
        s.send(due.line.as_bytes())?;
        unread += I32_LE.width() + due.bytes.len();
        s.wait_queued(unread)?;
        let answer = s.recv(end.recv_size())?;
        s.deliver(&answer);
        unread = unread.saturating_sub(answer.len());
    }
    s.shutdown_write()?;
    Ok(s.recv_to_end(end.recv_size())?)
}
