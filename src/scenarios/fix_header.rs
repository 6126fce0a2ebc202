//! Four bytes of length before each answer give the boundaries back: read exactly 4, then exactly that many.

use super::commands::{COMMANDS, Command};
use super::prelude::*;
use super::wire::{commanded, header_bytes};
use crate::framing::{Framing, I32_LE, U32_BE, hex, whole_body};
use crate::trace::MsgId;

pub(super) fn scenario() -> Scenario {
    Scenario::new("fix-header", Part::Fix, &["D0", "D1 §12", "D3 §10"])
        .title("a length before every message", "每条消息前面加长度")
        .claim(
            "Four bytes of length before each answer give the boundaries back, with one round trip per command.",
            "每个回答前加 4 字节长度，边界就找回来了，而且每条命令只需一次往返。",
        )
        .takes(&[Opt::Nodelay, Opt::RecvSize, Opt::Race])
        .recv_size(1024)
        .nodelay(true)
        .client(client)
        .server(server)
        .judge(judge)
        .teach(teach)
}

/// The longest answer the client takes, in bytes: checked before a byte of it is waited for.
const MAX_ANSWER: usize = 1 << 20;

/// The numbers D0 packs, and the one D3 shows refused.
const NUMBERS: [u64; 4] = [2048, 204_800, 2_048_000, 1_111_111_111_111];

fn client(end: &End) -> Ends {
    let s = end.tcp().connect()?;
    for command in &COMMANDS {
        let frame = expect(&s, command)?;
        s.send(command.line.as_bytes())?;
        // The late receiver. A lone client may have met another server, whose answers it cannot know.
        if !end.alone() {
            s.wait_queued(frame)?;
        }
        let header = s.recv_exact(I32_LE.width(), end.recv_size())?;
        let length = I32_LE.unpack(&header, MAX_ANSWER).map_err(Text::from)?;
        let answer = s.recv_exact(length, end.recv_size())?;
        whole_body(&answer, length).map_err(Text::from)?;
        s.deliver(&answer);
    }
    s.close()?;
    Ok(())
}

fn server(end: &End) -> Ends {
    let listener = end.tcp().listen()?;
    let conn = listener.accept()?;
    COMMANDS.iter().for_each(|command| conn.expect(command.line.as_bytes()));
    loop {
        let line = conn.recv(1024)?;
        if line.is_empty() {
            break;
        }
        let command = commanded(&line)?;
        let frame = I32_LE.frame(&command.answer()).map_err(Text::from)?;
        let answer = end.framed(frame, I32_LE.width(), Some(command.answer_label()));
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
            let said = Text::same(format!("struct.pack('i', {number}) = {}", hex(&bytes)));
            end.found(said, usize::try_from(number).ok(), &bytes);
        }
        Err(fault) => end.found(fault.text(), None, &[]),
    }
}

/// Tells a lone client what the server answers, and everyone how long the answer is, header included.
fn expect(s: &Conn, command: &Command) -> anyhow::Result<usize> {
    let frame = I32_LE.frame(&command.answer()).map_err(Text::from)?;
    s.expect_framed(&frame, I32_LE.width(), Some(command.answer_label()));
    Ok(frame.len())
}

/// The control: the client of tcp-remote-cmd, one recv an answer, against the same server.
fn client_without_header(end: &End) -> Ends {
    let s = end.tcp().connect()?;
    let mut unread = 0;
    for command in &COMMANDS {
        unread += expect(&s, command)?;
        s.send(command.line.as_bytes())?;
        s.wait_queued(unread)?;
        let answer = s.recv(end.recv_size())?;
        s.deliver(&answer);
        unread = unread.saturating_sub(answer.len());
    }
    s.shutdown_write()?;
    while !s.recv(end.recv_size())?.is_empty() {}
    s.close()?;
    Ok(())
}

fn judge(j: &Judge) {
    answers_whole(j);
    header_is_length(j);
    one_exchange(j);
    documents_numbers(j);
}

fn answers_whole(j: &Judge) {
    let delivered = j.delivered(Client);
    let whole: Vec<MsgId> = delivered.iter().filter_map(|e| j.trace().exactly_one(e)).collect();
    let answers: Vec<MsgId> = j.trace().messages_from(Server).map(|m| m.id).collect();
    let (all, got) = (COMMANDS.len(), whole.len());
    let sizes: Vec<String> = delivered.iter().map(|e| grouped(e.bytes.len() as u64)).collect();
    let sizes = if sizes.is_empty() { "0".into() } else { sizes.join(" + ") };
    let text =
        Text::new("every answer came out whole, alone and with its command", "每个回答都完整、单独，且对应自己的命令");
    j.claim_text("answers-whole", text).needs(Client).shown_by(delivered).that(
        got == all && whole == answers,
        say!("{all} of {all} answers whole", "{all} 个回答中 {all} 个完整"),
        say!("{got} of {all} answers whole ({sizes} bytes)", "{all} 个回答中 {got} 个完整（{sizes} 字节）"),
    );
}

/// The longest answer's header, as the client received it, against the length of what it announced.
fn header_is_length(j: &Judge) {
    let Some(longest) = j.trace().messages_from(Server).max_by_key(|m| m.bytes.len()) else { return };
    let length = longest.body().len() as u64;
    let packed = |bytes: Result<Vec<u8>, _>| bytes.map(|b| hex(&b)).unwrap_or_default();
    let (little, network) = (packed(I32_LE.pack(length)), packed(U32_BE.pack(length)));
    let recvs = j.recvs(Client);
    let arrived: Vec<u8> = recvs.iter().flat_map(|e| header_bytes(e, longest.id)).collect();
    let (length, got) = (grouped(length), hex(&arrived));
    let text = Text::new("the header is the length, little-endian", "头部就是长度，小端序");
    j.claim_text("header-is-length", text)
        .needs(Client)
        .shown_by(recvs.into_iter().filter(|e| !header_bytes(e, longest.id).is_empty()))
        .that(
            got == little,
            say!(
                "header {little} = {length} (network order {network})",
                "头部 {little} = {length}（网络字节序 {network}）"
            ),
            say!("header {got}", "头部 {got}"),
        );
}

fn one_exchange(j: &Judge) {
    let sends = j.sends(Client);
    let (asked, answered) = (sends.len(), j.delivered(Client).len());
    let all = COMMANDS.len();
    let text =
        Text::new("one round trip per command: nothing is acknowledged in between", "每条命令一次往返：中间不需要确认");
    j.claim_text("one-exchange", text).needs(Client).shown_by(sends).that(
        asked == all && answered == all,
        say!("{all} client sends for {all} answers", "客户端 {all} 次 send，{all} 个回答"),
        say!("{asked} client sends for {answered} answers", "客户端 {asked} 次 send，{answered} 个回答"),
    );
}

fn documents_numbers(j: &Judge) {
    let made: Vec<&Event> = j.trace().calls(Server, Call::Process).collect();
    let (packed, refused): (Vec<&Event>, Vec<&Event>) = made.into_iter().partition(|e| e.returned.is_some());
    let bytes = packed.iter().map(|e| hex(&e.made)).collect::<Vec<_>>().join(", ");
    let printed = "00 08 00 00, 00 20 03 00, 00 40 1f 00";
    j.claim(
        "documents-bytes",
        "2048, 204800, 2048000 pack as D0 prints",
        "2048、204800、2048000 打包后与 D0 打印的一致",
    )
    .needs(Server)
    .shown_by(packed)
    .that(bytes == printed, Text::same(printed), Text::same(bytes.clone()));
    let max = grouped(I32_LE.max());
    let why = refused.first().and_then(|e| e.note.clone());
    j.claim("too-long-refused", "a length that does not fit is refused", "装不下的长度会被拒绝")
        .needs(Server)
        .shown_by(refused.iter().copied())
        .that(
            refused.len() == 1 && refused[0].made.is_empty(),
            say!("1,111,111,111,111 refused: over {max}", "拒绝 1,111,111,111,111：超过 {max}"),
            why.unwrap_or(Text::new("every number was packed", "所有数字都打包了")),
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
    .next("fix-header --recv-size 1", "the stream in single bytes, and still whole", "一次只读一个字节，仍然完整")
    .next(
        "fix-header --nodelay off",
        "header and body in two sends: watch the times",
        "头部和正文分两次 send：注意时间",
    )
    .next("fix-json-header", "a header that can say more than a length", "头部里不只能写长度")
    .control(
        "the client calls recv once per answer and does not parse the header",
        "客户端每个回答只 recv 一次，也不解析头部",
        |s| {
            s.client(client_without_header);
        },
    )
}
