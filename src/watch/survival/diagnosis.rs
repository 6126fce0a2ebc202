//! Which mistake it is: read off the calls that follow the one that was cut.

use super::super::conditions::{Conditions, CutAt, Deliveries};
use super::super::seen::{Operation, ProcessEnd, Record, SocketKey, SystemCall, Target};
use super::places::places;
use crate::say;
use crate::text::{Text, grouped};
use std::collections::HashMap;

/// A mistake in how a program reads, or writes, a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mistake {
    /// It took what one recv brought for all that it had asked for.
    PartForWhole,
    /// It took the rest of one message for the next.
    RestForNext,
    /// It asked for the same size again instead of what was missing.
    SameSizeAgain,
    /// One recv brought more than one message, and was taken for one.
    SeveralForOne,
    /// It did not look at an empty recv, which is the end of the stream.
    EndUnseen,
    /// It decoded a character of which only a part had come.
    CutCharacter,
    /// It did not look at what send returned.
    SendUnseen,
    /// It took a pause for the end of a message.
    PauseForEnd,
}

impl Mistake {
    /// Its name for programs.
    pub const fn word(self) -> &'static str {
        match self {
            Mistake::PartForWhole => "part-for-whole",
            Mistake::RestForNext => "rest-for-next",
            Mistake::SameSizeAgain => "same-size-again",
            Mistake::SeveralForOne => "several-for-one",
            Mistake::EndUnseen => "end-unseen",
            Mistake::CutCharacter => "cut-character",
            Mistake::SendUnseen => "send-unseen",
            Mistake::PauseForEnd => "pause-for-end",
        }
    }

    /// The sentence.
    pub const fn text(self) -> Text {
        match self {
            Mistake::PartForWhole => Text::new(
                "it took what one recv brought for all that it had asked for; recv returns what is there, and that may be less",
                "它把一次 recv 收到的当成了所要的全部；recv 返回的是已经到达的内容，可能不够",
            ),
            Mistake::RestForNext => Text::new(
                "it took the rest of one message for the next: a recv that returned less was not completed first",
                "它把上一条消息剩下的部分当成了下一条：没有先把不够的那次 recv 补足",
            ),
            Mistake::SameSizeAgain => Text::new(
                "it asked for the same size again instead of what was missing, and so took a part of the next message, too",
                "它没有只要缺的部分，而是又要了同样多，于是把下一条消息的一部分也收了进来",
            ),
            Mistake::SeveralForOne => Text::new(
                "one recv brought more than one message, and it was taken for one",
                "一次 recv 收到了不止一条消息，却被当成一条",
            ),
            Mistake::EndUnseen => Text::new(
                "it did not look at an empty recv: 0 bytes are the end of the stream, and come again for ever",
                "它没有检查空的 recv：0 字节表示流结束，之后每次都是 0",
            ),
            Mistake::CutCharacter => Text::new(
                "it decoded bytes in the middle of a character: collect the whole message first, then decode",
                "它在一个字符的中间解码：应先收齐整条消息，再解码",
            ),
            Mistake::SendUnseen => Text::new(
                "it did not look at what send returned: on a non-blocking socket the rest was never sent",
                "它没有看 send 的返回值：在非阻塞套接字上，剩下的部分没有发出",
            ),
            Mistake::PauseForEnd => Text::new(
                "it took a pause for the end of a message: a slow network makes pauses anywhere",
                "它把停顿当成了消息的结束：网络慢时任何地方都可能停顿",
            ),
        }
    }

    /// The scenario that shows it.
    pub const fn scenario(self) -> &'static str {
        match self {
            Mistake::PartForWhole | Mistake::EndUnseen => "fix-exact",
            Mistake::RestForNext | Mistake::SameSizeAgain | Mistake::CutCharacter => "fix-broken-loops",
            Mistake::SeveralForOne => "tcp-naive",
            Mistake::SendUnseen => "tcp-partial-send",
            Mistake::PauseForEnd => "fix-sleep",
        }
    }
}

/// A call that was allowed less than it asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CutDone {
    /// Which.
    pub at: CutAt,
    /// How many bytes it asked for.
    pub asked: usize,
    /// How many it got.
    pub got: usize,
}

impl CutDone {
    /// `server, recv 3: asked 4, got 1`.
    pub fn text(&self) -> Text {
        let CutAt { side, connection, nth, .. } = self.at;
        let (asked, got) = (grouped(self.asked), grouped(self.got));
        let end = match connection {
            1 => side.word().to_owned(),
            n => format!("{} (connection {n})", side.word()),
        };
        let zh = match (side, connection) {
            (crate::trace::Role::Client, 1) => "客户端".to_owned(),
            (crate::trace::Role::Client, n) => format!("客户端（第 {n} 个连接）"),
            (_, 1) => "服务器".to_owned(),
            (_, n) => format!("服务器（第 {n} 个连接）"),
        };
        say!("{end}, recv {nth}: asked {asked}, got {got}", "{zh}，第 {nth} 次 recv：要 {asked}，得 {got}")
    }
}

/// A receive call with its place.
pub(super) struct PlacedCall<'r> {
    /// Which record it is.
    record: usize,
    pub(super) at: CutAt,
    pub(super) call: &'r SystemCall,
    socket: SocketKey,
}

/// The receive calls that brought bytes, each with its place.
pub(super) fn receives(records: &[Record]) -> Vec<PlacedCall<'_>> {
    let mut deliveries = Deliveries::new(Conditions::default());
    let mut found = Vec::new();
    for (record, one) in records.iter().enumerate() {
        let Record::Call(call) = one else { continue };
        if let (Operation::Receive, Ok(1..), false, Target::Socket(socket)) =
            (call.operation, &call.outcome, call.peeked, &call.target)
        {
            let at = deliveries.place(socket.key).map(|at| CutAt { bytes: call.bytes.len(), ..at });
            found.extend(at.map(|at| PlacedCall { record, at, call, socket: socket.key }));
        }
        deliveries.saw(call);
    }
    found
}

/// The calls that were cut.
pub(super) fn cuts(records: &[Record]) -> Vec<CutDone> {
    let all = receives(records);
    let cut = all.iter().filter(|one| one.call.allowed == Some(one.call.bytes.len()));
    cut.map(|one| CutDone { at: one.at, asked: one.call.asked, got: one.call.bytes.len() }).collect()
}

/// Cuts of an unharmed run's receive calls, each enough to break a program, perhaps: the likeliest of every call first.
pub(super) fn candidates(records: &[Record]) -> Vec<CutAt> {
    let all = receives(records);
    let cuts = all.iter().flat_map(|one| {
        places(&one.call.bytes).into_iter().enumerate().map(|(rank, bytes)| (rank, CutAt { bytes, ..one.at }))
    });
    let mut cuts: Vec<(usize, CutAt)> = cuts.collect();
    cuts.sort_by_key(|(rank, _)| *rank);
    cuts.into_iter().map(|(_, cut)| cut).collect()
}

/// The mistake that a failing run shows; `None` where its calls do not tell.
pub(super) fn mistake(unharmed: &[Record], failed: &[Record], conditions: &Conditions) -> Option<Mistake> {
    if spins(failed) {
        return Some(Mistake::EndUnseen);
    }
    if conditions.short_writes {
        return Some(Mistake::SendUnseen);
    }
    if conditions.slow {
        return Some(Mistake::PauseForEnd);
    }
    if conditions.datagrams != Default::default() {
        return None;
    }
    let before: HashMap<(crate::trace::Role, usize, usize), (usize, usize)> = receives(unharmed)
        .iter()
        .map(|one| ((one.at.side, one.at.connection, one.at.nth), (one.call.asked, one.call.bytes.len())))
        .collect();
    let now = receives(failed);
    let cut = now.iter().position(|one| one.call.allowed == Some(one.call.bytes.len()));
    let Some(cut) = cut else {
        let more = now.iter().any(|one| {
            let usual = before.get(&(one.at.side, one.at.connection, one.at.nth));
            usual.is_some_and(|(_, got)| one.call.bytes.len() > *got)
        });
        return more.then_some(Mistake::SeveralForOne);
    };
    let first = &now[cut];
    let usual = before.get(&(first.at.side, first.at.connection, first.at.nth));
    let exact = usual.is_some_and(|(asked, got)| asked == got && *asked == first.call.asked);
    let next = now[cut + 1..].iter().find(|one| one.socket == first.socket);
    let acted = acts(failed, first, next.map_or(failed.len(), |next| next.record));
    let missing = first.call.asked - first.call.bytes.len();
    match next {
        _ if cuts_character(&first.call.bytes) && (acted || garbles(unharmed, failed)) => Some(Mistake::CutCharacter),
        None => Some(Mistake::PartForWhole),
        Some(next) if exact && next.call.asked == missing && !acted => None,
        Some(next) if exact && next.call.asked == first.call.asked && !acted => Some(Mistake::SameSizeAgain),
        Some(_) if exact || acted => Some(Mistake::RestForNext),
        Some(next) if next.call.asked >= first.call.asked && !starves(failed, first) => Some(Mistake::RestForNext),
        Some(_) => None,
    }
}

/// Did it print a character in place of bytes that were none (U+FFFD), and not so unharmed?
fn garbles(unharmed: &[Record], failed: &[Record]) -> bool {
    let prints = |records: &[Record]| {
        records.iter().any(|one| match one {
            Record::Call(call) if matches!(call.target, Target::Output | Target::ErrorOutput) => {
                String::from_utf8_lossy(&call.bytes).contains(char::REPLACEMENT_CHARACTER)
            }
            _ => false,
        })
    };
    prints(failed) && !prints(unharmed)
}

/// Did it come to grief because it waited for more than there was to come?
fn starves(records: &[Record], first: &PlacedCall) -> bool {
    let ended = records.iter().any(|one| match one {
        Record::Call(call) => {
            matches!(&call.target, Target::Socket(socket) if socket.key == first.socket)
                && (call.operation, &call.outcome) == (Operation::Receive, &Ok(0))
        }
        _ => false,
    });
    let failed = |one: &Record| matches!(one, Record::Over { pid, how, .. } if *pid == first.call.pid && *how != ProcessEnd::Status(0));
    ended && records.iter().any(failed)
}

/// Did the thread print, or send, before its next receive: did it act on what it had?
fn acts(records: &[Record], first: &PlacedCall, until: usize) -> bool {
    records[first.record + 1..until].iter().any(|one| match one {
        Record::Call(call) => call.tid == first.call.tid && call.operation == Operation::Send,
        _ => false,
    })
}

/// Do the bytes end inside a character of UTF-8?
fn cuts_character(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_err_and(|error| error.error_len().is_none() && bytes.iter().any(|b| *b >= 0x80))
}

/// An end of stream that is told so often is not looked at.
const SPINS: usize = 50;

fn spins(records: &[Record]) -> bool {
    let mut ends: HashMap<SocketKey, usize> = HashMap::new();
    records.iter().any(|one| {
        let Record::Call(call) = one else { return false };
        let Target::Socket(socket) = &call.target else { return false };
        match (call.operation, &call.outcome) {
            (Operation::Receive, Ok(0)) if call.asked > 0 => {
                let count = ends.entry(socket.key).or_default();
                *count += 1;
                *count >= SPINS
            }
            _ => false,
        }
    })
}
