//! A header that can say more than a length: i32le length of a JSON header, the header, the body. Three
//! parts, each read exactly; wherever the network cuts the header, it still parses.

use super::prelude::*;
use super::remote_commands::{COMMANDS, CommandAnswer, all_answers_whole, answers, next_answer};
use super::wire::MAX_HEADER;
use crate::framing::json::{DATA_SIZE, Json, parse, size};
use crate::framing::{Framing, I32_LE, whole_body, whole_header};
use crate::text::hex;
use crate::trace::{MsgId, Part, Span};
use std::collections::BTreeSet;

pub(super) fn scenario() -> Scenario {
    Scenario::new("fix-json-header", SyllabusPart::Fix, &["D1 §12", "D2"])
        .title("a JSON header behind its own length", "JSON 报头，前面是它自己的长度")
        .question("a header that arrives in pieces: does it still parse?", "报头被拆成几段收到：还能解析吗？")
        .claim(
            "Length, JSON header, body: three parts, each read exactly; a header cut anywhere still parses.",
            "长度、JSON 报头、正文：三部分各自恰好读完；报头在任何地方断开都能解析。",
        )
        .takes(&[Opt::Nodelay, Opt::RecvSize, Opt::Message])
        .recv_size(1024)
        .nodelay(true)
        .messages(1..=COMMANDS.len(), 16 << 10)
        .client(client)
        .server(server)
        .judge(judge)
        .words("json json-header")
        .teach(teach)
}

/// The longest answer the client takes, in bytes.
const MAX_ANSWER: usize = 1 << 20;

/// The length field before the JSON.
const PREFIX: usize = I32_LE.width();

/// One command and how its answer travels.
struct CommandRound {
    answer: CommandAnswer,
    /// The server stops after so many bytes of the header, until they are read.
    cut: Option<usize>,
    /// The client takes so many bytes at once, at most.
    most: usize,
}

/// First the three commands; then the short one again: its header cut inside the length, then inside
/// the JSON, and at last read byte by byte, which cuts it everywhere.
fn rounds(end: &End) -> Vec<CommandRound> {
    let (answers, most) = (answers(end), end.recv_size());
    let plain = answers.iter().map(|answer| (answer, None, most));
    let short = answers.last().into_iter();
    let again =
        short.flat_map(|short| [(short, Some(PREFIX / 2), most), (short, Some(PREFIX + 9), most), (short, None, 1)]);
    let round = |(answer, cut, most): (&CommandAnswer, _, _)| CommandRound { answer: answer.clone(), cut, most };
    plain.chain(again).map(round).collect()
}

fn client(end: &End) -> Ends {
    let s = end.connect()?;
    for round in rounds(end) {
        let mut answer = AnswerReader::ask(end, &s, &round)?;
        let length = I32_LE.unpack(&answer.exactly(PREFIX)?, MAX_HEADER)?;
        let header = answer.exactly(length)?;
        whole_header(&header, length)?;
        let size = size(&parse(&header)?, DATA_SIZE, MAX_ANSWER)?;
        let body = answer.exactly(size)?;
        whole_body(&body, size)?;
        s.deliver(&body);
    }
    Ok(())
}

fn server(end: &End) -> Ends {
    let listener = end.listen()?;
    let conn = listener.accept()?;
    for CommandRound { cut, .. } in rounds(end) {
        let Some(answer) = next_answer(end, &conn)? else { break };
        let answer = answer.behind(end, &Json.header(&answer.bytes)?);
        match cut {
            None => {
                conn.send_all(answer.part(0..PREFIX))?;
                conn.send_all(answer.part(PREFIX..answer.header_len()))?;
                conn.send_all(answer.body())?;
            }
            Some(cut) => {
                conn.send_all(answer.part(0..cut))?;
                end.pass("cut", say!("until byte {cut} of the header is read", "等到报头第 {cut} 字节被读走"))?;
                conn.send_all(answer.part(cut..answer.len()))?;
            }
        }
    }
    Ok(())
}

/// One answer while it is read. It knows how far it has come, to tell the server where a header was cut.
struct AnswerReader<'r> {
    end: &'r End,
    s: &'r Conn,
    cut: Option<usize>,
    most: usize,
    read: usize,
}

impl<'r> AnswerReader<'r> {
    /// Sends the command. Uncut answers are waited for to the last byte: all three parts are queued together.
    fn ask(end: &'r End, s: &'r Conn, round: &CommandRound) -> anyhow::Result<AnswerReader<'r>> {
        s.send(round.answer.line.as_bytes())?;
        if round.cut.is_none() && !end.alone() {
            s.wait_queued(Json.frame(&round.answer.bytes)?.len())?;
        }
        Ok(AnswerReader { end, s, cut: round.cut, most: round.most, read: 0 })
    }

    /// The loop: until `n` bytes are there, never asking for more than what remains.
    fn exactly(&mut self, n: usize) -> anyhow::Result<Vec<u8>> {
        let mut part = Vec::new();
        while part.len() < n {
            let piece = self.recv(n - part.len())?;
            if piece.is_empty() {
                break;
            }
            part.extend_from_slice(&piece);
        }
        Ok(part)
    }

    /// One recv.
    fn recv(&mut self, most: usize) -> anyhow::Result<Vec<u8>> {
        let piece = self.s.recv(most.min(self.most))?;
        self.read += piece.len();
        if self.cut == Some(self.read) {
            self.end.open("cut");
        }
        Ok(piece)
    }
}

fn judge(j: &Judge) {
    let claim = j.claim("answers-whole", "every answer came out whole and alone", "每个响应都完整、单独");
    all_answers_whole(j, claim, j.sends(Client).len());
    three_parts(j);
    header_says_size(j);
    cut_anywhere(j);

    // The commands have no header; they stay apart because each waits for the answer before.
    let recvs = j.recvs(Server).with_data();
    j.claim(
        "commands-apart",
        "the commands stay apart without a header: each waits its turn",
        "命令没有报头也不会粘在一起：每条都等到上一个响应才发",
    )
    .of(&recvs)
    .in_order(j.message_names(Client), j.held_by(&recvs), |ids| {
        say!("commands, each in its own recv: {ids}", "各占一次 recv 的命令：{ids}")
    });
}

/// Length, JSON, body: which of the three parts a span lies in; `None` when it lies in two.
fn part_of(span: &Span) -> Option<u8> {
    match span.part {
        Part::Body => Some(2),
        Part::Header if span.offset >= PREFIX => Some(1),
        Part::Header if span.offset + span.len <= PREFIX => Some(0),
        Part::Header => None,
    }
}

fn three_parts(j: &Judge) {
    let recvs = j.recvs(Client).with_data();
    let one_part = |e: &Event| {
        let parts: BTreeSet<_> = e.spans.iter().map(|s| (s.msg, part_of(s))).collect();
        parts.len() == 1 && parts.iter().all(|(_, part)| part.is_some())
    };
    let exact = recvs.only(one_part);
    j.claim("three-parts", "length, JSON and body were each read exactly", "长度、JSON、正文三部分各自恰好读完")
        .needs(Client)
        .shown_by(recvs.iter().take(3).copied())
        .equal([recvs.len(); 2], [exact.len(), recvs.len()], |[exact, all]| {
            say!("{exact} of {all} recvs with bytes of one part", "{all} 次 recv 中 {exact} 次只含一部分的字节")
        });
}

/// The longest answer's header as it arrived.
fn header_says_size(j: &Judge) {
    let Some(longest) = j.trace().messages_from(Server).max_by_key(|m| m.bytes.len()) else { return };
    let recvs = j.recvs(Client).with_header_of(longest.id);
    let shown = |header: &[u8]| {
        let (field, json) = header.split_at(PREFIX.min(header.len()));
        Text::same(format!("{} {}", hex::spaced(field), String::from_utf8_lossy(json)))
    };
    let dumped = format!("{{\"data_size\": {}}}", longest.body().len());
    let field = (dumped.len() as u32).to_le_bytes();
    j.claim("header-says-size", "the header's bytes are those of json.dumps", "报头的字节与 json.dumps 的一致")
        .of(&recvs)
        .same(shown(&[&field, dumped.as_bytes()].concat()), shown(&recvs.header_of(longest.id)));
}

fn cut_anywhere(j: &Judge) {
    let Some(last) = j.trace().messages_from(Server).last() else { return };
    let places: BTreeSet<usize> = (1..last.header_len).collect();
    let delivered = j.delivered(Client);
    let whole: Vec<MsgId> = delivered.iter().filter_map(|e| j.trace().exactly_one(e)).collect();
    let like_last = |id: &MsgId| j.trace().message(*id).is_some_and(|m| m.header_len == last.header_len);
    let cuts: BTreeSet<usize> = whole.into_iter().filter(like_last).flat_map(|id| cuts_of(j, id)).collect();
    j.claim("cut-anywhere", "a header cut at any place still parses", "报头无论在哪里断开都能解析")
        .of(&j.recvs(Client).with_header_of(last.id))
        .equal([places.len(); 2], [cuts.intersection(&places).count(), places.len()], |[parsed, all]| {
            say!("{parsed} of {all} cuts parsed", "{all} 个断点中 {parsed} 个解析成功")
        });
}

/// Where a message was cut: the offsets at which a recv began.
fn cuts_of(j: &Judge, id: MsgId) -> Vec<usize> {
    let starts = |e: &Event| e.spans.first().filter(|s| s.msg == id).map(|s| s.offset);
    j.recvs(Client).into_iter().filter_map(starts).collect()
}

fn teach(t: Teaching) -> Teaching {
    t.why(
        "recv(n) returns up to n bytes: a header may come in pieces like everything else.",
        "recv(n) 最多返回 n 字节：报头也和别的数据一样，可能分几次到。",
        "recv(2); RFC 9293 §3.9.1.3",
    )
    .why(
        "A JSON text does not say how long it is, so its length goes before it.",
        "JSON 文本自己说不出有多长，所以先发它的长度。",
        "RFC 8259; Beej's Guide §7.6",
    )
    .next("fix-json-header --recv-size 3", "3 bytes a time: still whole", "每次最多读 3 个字节，仍然完整")
    .next("fix-file", "what such a header is for: a file with its name", "这种报头的用处：带名字的文件")
    .next("fix-exact", "a loop that must not read too much", "不能多读的循环")
    .control(
        "the client reads each part of the header with one recv, as the pages do",
        "客户端像文档那样，报头的每一部分只 recv 一次",
        |e| {
            e.client(client_one_recv);
        },
    )
}

/// The control: one recv for each part of the header, as the pages print it.
fn client_one_recv(end: &End) -> Ends {
    let s = end.connect()?;
    for round in rounds(end) {
        let mut answer = AnswerReader::ask(end, &s, &round)?;
        let field = answer.recv(PREFIX)?;
        let Ok(length) = I32_LE.unpack(&field, MAX_HEADER) else {
            return give_up(end, &s, PREFIX, field.len());
        };
        let header = answer.recv(length)?;
        let Ok(size) = parse(&header).and_then(|fields| size(&fields, DATA_SIZE, MAX_ANSWER)) else {
            return give_up(end, &s, length, header.len());
        };
        s.deliver(&answer.exactly(size)?);
    }
    Ok(())
}

/// What ends the page's client with a traceback: a header that came in two pieces.
fn give_up(end: &End, s: &Conn, asked: usize, got: usize) -> Ends {
    end.found(say!("recv({asked}) = {got}: this is no header", "recv({asked}) = {got}：这不是报头"), None, &[]);
    s.shutdown_write()?;
    s.wait_peer_gone()?;
    Ok(s.recv_to_end(1024)?)
}
